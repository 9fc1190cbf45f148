package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/client"
)

// ErrReceipt is returned for a receipt that does not prove what it should; the
// wrapping error names what fails.
var ErrReceipt = errors.New("the receipt does not hold")

// Proven is what a receipt proves: that the nodes that signed recorded this. It
// is trustworthy as far as one of them is honest.
type Proven struct {
	Cluster catalog.Digest   `json:"cluster"`
	Size    uint64           `json:"size"` // of the checkpoint, in entries
	Root    catalog.Digest   `json:"root"`
	Signed  []evidence.Voice `json:"signed"`

	Entry    uint64           `json:"entry"` // the first that is proven
	Time     int64            `json:"time"`  // the ledger's, Unix milliseconds
	Kind     catalog.Kind     `json:"kind"`
	Signer   string           `json:"signer"`
	Envelope catalog.Digest   `json:"envelope"`
	ID       string           `json:"id,omitempty"` // of what the entry made
	Refusal  *catalog.Refusal `json:"refusal,omitempty"`

	Query   *ProvenQuery   `json:"query,omitempty"`
	Version *ProvenVersion `json:"version,omitempty"`
}

// ProvenQuery is what a receipt proves of a query that was accepted.
type ProvenQuery struct {
	SQL      string               `json:"sql,omitempty"`
	Request  catalog.Request      `json:"request"`
	Decision catalog.Decision     `json:"decision"`
	Attempt  int                  `json:"attempt,omitempty"`
	Active   []string             `json:"active,omitempty"`
	Root     string               `json:"root,omitempty"`
	Tiles    int64                `json:"tiles,omitempty"`
	Shares   []catalog.ShareTaken `json:"shares,omitempty"`
	Done     bool                 `json:"done"`
}

// ProvenVersion is what a receipt proves of a dataset's version.
type ProvenVersion struct {
	Dataset  string         `json:"dataset"`
	Version  int            `json:"version"`
	Manifest catalog.Digest `json:"manifest"`
	Presence catalog.Digest `json:"presence"`
	Tiles    int            `json:"tiles"`
	Live     int64          `json:"live,omitempty"` // Unix milliseconds; 0: not proven
}

func notProven(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrReceipt, fmt.Errorf(format, args...))
}

// VerifyReceipt verifies a receipt against the profile and nothing else; no node
// is asked. It checks that a threshold of the pinned nodes signed the checkpoint,
// that every entry is in it, that the principal and the nodes signed what they
// are said to have signed, for this cluster, and that the entries belong
// together. Its errors wrap ErrReceipt.
func VerifyReceipt(p client.Profile, b []byte) (*Proven, error) {
	r, err := evidence.ParseReceipt(b)
	if err != nil {
		return nil, notProven("%w", err)
	}
	signed, err := r.Verify(p.Trust())
	if err != nil {
		return nil, notProven("%w", err)
	}
	out := &Proven{Cluster: p.Cluster, Size: signed.Size, Root: catalog.Digest(signed.Root), Signed: signed.Voices}
	first, err := readEntry(p, r.Entries[0], r.Key)
	if err != nil {
		return nil, notProven("entry %d: %w", r.Entries[0].Index, err)
	}
	o := first.outcome
	out.Entry, out.Time, out.Kind, out.ID, out.Refusal = r.Entries[0].Index, o.Time, first.payload.Kind, o.ID, o.Refusal
	out.Signer, out.Envelope = first.payload.Signer, first.envelope.Digest()
	switch {
	case o.Refusal != nil:
		err = noneFurther(r)
	case first.payload.Kind == catalog.KindQuerySubmit:
		out.Query, err = readQuery(p, first, r.Entries[1:])
	case first.payload.Kind == catalog.KindVersionPropose:
		out.Version, err = readVersion(first, r.Entries[1:])
	default:
		err = noneFurther(r)
	}
	if err != nil {
		return nil, notProven("%w", err)
	}
	return out, nil
}

func noneFurther(r evidence.Receipt) error {
	if len(r.Entries) > 1 {
		return fmt.Errorf("entry %d has nothing to do with entry %d", r.Entries[1].Index, r.Entries[0].Index)
	}
	return nil
}

// shownEntry is an entry that a receipt shows whole, with its signature checked.
type shownEntry struct {
	envelope catalog.Envelope
	payload  catalog.Payload
	outcome  catalog.Outcome
}

// readEntry reads an entry that is shown whole. key is that of the principal who
// signed it; a node's keys are pinned, those of the machines before included.
func readEntry(p client.Profile, e evidence.Proven, key []byte) (shownEntry, error) {
	var out shownEntry
	if e.Shown.Withheld {
		return out, errors.New("the receipt does not show it")
	}
	entry, err := catalog.ParseEntry(e.Shown.Entry)
	if err != nil {
		return out, err
	}
	out.envelope = entry.Envelope
	signer, keys := out.envelope.Signer, [][]byte{key}
	if id, isNode := strings.CutPrefix(signer, catalog.NodeSigner("")); isNode {
		pinned, ok := p.Node(id)
		if !ok {
			return out, fmt.Errorf("its signer, node %.80q, is not pinned", id)
		}
		if len(key) > 0 {
			return out, fmt.Errorf("it was signed by node %s, and the receipt names a principal's key", id)
		}
		keys = pinned.Keys()
	} else if catalog.PrincipalID(key) != signer {
		return out, fmt.Errorf("the receipt's key is not that of its signer, %.80q", signer)
	}
	if !slices.ContainsFunc(keys, func(k []byte) bool { return out.envelope.Verify(k) }) {
		return out, fmt.Errorf("envelope signature: it is not that of %s", signer)
	}
	if out.payload, err = catalog.ParsePayload(out.envelope.Payload); err != nil {
		return out, err
	}
	if out.payload.Signer != signer {
		return out, fmt.Errorf("its payload was made by %.80q, and signed by %q", out.payload.Signer, signer)
	}
	if out.payload.Kind == catalog.KindInit {
		if out.envelope.Digest() != p.Cluster {
			return out, fmt.Errorf("it founds cluster %s, pinned is %s", out.envelope.Digest(), p.Cluster)
		}
	} else if out.payload.Cluster != p.Cluster.String() {
		return out, fmt.Errorf("it is for cluster %.80q, pinned is %s", out.payload.Cluster, p.Cluster)
	}
	out.outcome, err = readOutcome(e)
	if err == nil && out.outcome.Kind != "" && out.outcome.Kind != out.payload.Kind {
		err = fmt.Errorf("decision: it is one on %s, the entry is a %s", out.outcome.Kind, out.payload.Kind)
	}
	return out, err
}

// readOutcome reads what the state machine recorded for an entry.
func readOutcome(e evidence.Proven) (catalog.Outcome, error) {
	var o catalog.Outcome
	if e.Shown.Void {
		return o, errors.New("decision: the entry is void, it changed nothing")
	}
	if err := json.Unmarshal(e.Shown.Outcome, &o); err != nil {
		return o, fmt.Errorf("decision: %w", err)
	}
	if o.Repeat {
		return o, fmt.Errorf("decision: the entry repeats entry %d, which is the one to prove", o.Seq)
	}
	if o.Seq != e.Index {
		return o, fmt.Errorf("decision: it is that on entry %d", o.Seq)
	}
	return o, nil
}

// readQuery reads an accepted query and the attempt that answered it.
func readQuery(p client.Profile, first shownEntry, rest []evidence.Proven) (*ProvenQuery, error) {
	var submit catalog.QuerySubmit
	if err := json.Unmarshal(first.payload.Body, &submit); err != nil {
		return nil, fmt.Errorf("the query: %w", err)
	}
	id := catalog.QueryID(first.envelope.Digest())
	if first.outcome.Decision == nil || first.outcome.ID != id {
		return nil, fmt.Errorf("decision: there is none on query %s", id)
	}
	q := &ProvenQuery{SQL: submit.Request.SQL, Request: submit.Request, Decision: *first.outcome.Decision}
	if q.Decision.Dataset != submit.Request.Dataset {
		return nil, fmt.Errorf("decision: it is on dataset %s, asked was %s", q.Decision.Dataset, submit.Request.Dataset)
	}
	if err := sameJoin(submit.Request.Join, q.Decision.Join); err != nil {
		return nil, fmt.Errorf("decision: %w", err)
	}
	if len(rest) == 0 {
		q.Done = !slices.ContainsFunc(submit.Request.Select, func(a catalog.Aggregate) bool { return a.Func != "count" })
		return q, nil
	}
	if err := readAttempt(p, q, id, rest[0]); err != nil {
		return nil, fmt.Errorf("entry %d: %w", rest[0].Index, err)
	}
	last := rest[0].Index
	if last <= first.outcome.Seq {
		return nil, fmt.Errorf("entry %d: an attempt before its query", last)
	}
	for _, e := range rest[1:] {
		if e.Index <= last {
			return nil, fmt.Errorf("entry %d: it comes after entry %d in the receipt, not in the log", e.Index, last)
		}
		last = e.Index
		if err := readShare(q, id, e); err != nil {
			return nil, fmt.Errorf("entry %d: %w", e.Index, err)
		}
	}
	q.Done = len(q.Shares) == len(q.Active)
	return q, nil
}

// readAttempt reads the naming of the active set.
func readAttempt(p client.Profile, q *ProvenQuery, id string, e evidence.Proven) error {
	named, err := readEntry(p, e, nil)
	if err != nil {
		return err
	}
	var a catalog.QueryAttempt
	if err := json.Unmarshal(named.payload.Body, &a); err != nil {
		return fmt.Errorf("the attempt: %w", err)
	}
	if named.payload.Kind != catalog.KindQueryAttempt || named.outcome.Refusal != nil || a.Query != id {
		return fmt.Errorf("it does not name an attempt of query %s", id)
	}
	for _, node := range a.Active {
		if _, ok := p.Node(node); !ok {
			return fmt.Errorf("node %.80q of the active set is not pinned", node)
		}
	}
	q.Attempt, q.Active, q.Root, q.Tiles = a.Attempt, a.Active, a.Root, a.Tiles
	return nil
}

// readShare reads that a sealed share was taken; the share itself is withheld.
func readShare(q *ProvenQuery, id string, e evidence.Proven) error {
	o, err := readOutcome(e)
	if err != nil {
		return err
	}
	s := o.Share
	switch {
	case o.Kind != catalog.KindQueryShare || o.Refusal != nil || o.ID != id || s == nil:
		return fmt.Errorf("it is no share of query %s", id)
	case s.Attempt != q.Attempt:
		return fmt.Errorf("it is a share of attempt %d, not of %d", s.Attempt, q.Attempt)
	case !slices.Contains(q.Active, s.Node):
		return fmt.Errorf("node %.80q is not in the active set", s.Node)
	case slices.ContainsFunc(q.Shares, func(t catalog.ShareTaken) bool { return t.Node == s.Node }):
		return fmt.Errorf("node %s has two shares", s.Node)
	}
	q.Shares = append(q.Shares, *s)
	return nil
}

// readVersion reads the proposal of a version, and that it went live.
func readVersion(first shownEntry, rest []evidence.Proven) (*ProvenVersion, error) {
	var b catalog.VersionPropose
	if err := json.Unmarshal(first.payload.Body, &b); err != nil {
		return nil, fmt.Errorf("the version: %w", err)
	}
	o := first.outcome
	if o.ID != b.Dataset || o.Version < 1 {
		return nil, fmt.Errorf("decision: it is on version %d of %q, proposed was one of %q", o.Version, o.ID, b.Dataset)
	}
	v := &ProvenVersion{Dataset: b.Dataset, Version: o.Version, Manifest: b.Manifest, Presence: b.Presence, Tiles: b.Tiles}
	for i, e := range rest {
		live, err := readOutcome(e)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", e.Index, err)
		}
		if i > 0 || e.Index <= o.Seq || !live.Live || live.Refusal != nil || live.ID != b.Dataset || live.Version != o.Version {
			return nil, fmt.Errorf("entry %d: it does not make version %d of %s live", e.Index, o.Version, b.Dataset)
		}
		v.Live = live.Time
	}
	return v, nil
}

// sameJoin compares the second dataset of a decision with the one that was asked for.
func sameJoin(asked *catalog.Join, decided *catalog.JoinedDecision) error {
	switch {
	case asked == nil && decided == nil:
		return nil
	case asked == nil:
		return fmt.Errorf("it is on dataset %s too, which was not asked", decided.Dataset)
	case decided == nil:
		return fmt.Errorf("it is not on dataset %s, which was joined", asked.Dataset)
	case asked.Dataset != decided.Dataset:
		return fmt.Errorf("it is on dataset %s, joined was %s", decided.Dataset, asked.Dataset)
	}
	return nil
}
