package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Machine applies entries to the state and reads it. It holds nothing of the
// state but a memo of decoded immutable things, so one machine serves any
// number of readers beside the one goroutine that applies.
type Machine struct {
	memo  memo
	loose bool // the class rule is off: tests show what it prevents
}

// NewMachine returns a machine.
func NewMachine() *Machine { return &Machine{} }

// Apply applies one entry of the log and returns the JSON of its Outcome. seq
// is the entry's number in the log. Entries are applied one after the other.
// An error is a fault of the store; nothing of the transaction may be kept then.
//
// The state's clock takes an entry's time, which is the leader's, only where the
// envelope is genuine and valid at that time. So a leader whose clock is wrong
// moves it no further past the clock of whoever signs than an envelope lives: the
// envelopes of everybody else are refused as expired, and leave no trace in time.
func (m *Machine) Apply(tx Tx, seq uint64, entry []byte) ([]byte, error) {
	clock, err := readClock(tx)
	if err != nil {
		return nil, err
	}
	c := call{machine: m, base: tx, seq: seq, now: clock, out: Outcome{Seq: seq, Time: clock}}
	e, err := ParseEntry(entry)
	if err != nil {
		c.out.Refusal = refuse(RefusedInvalid, "entry", "%v", err)
		return encode(c.out), nil
	}
	if e.Time > clock {
		c.now, c.out.Time = e.Time, e.Time
	}
	if err := c.apply(e.Envelope); err != nil {
		var r *Refusal
		if !errors.As(err, &r) {
			return nil, fmt.Errorf("apply entry %d: %w", seq, err)
		}
		c.out = Outcome{Seq: c.out.Seq, Time: c.out.Time, Kind: c.out.Kind, Repeat: c.out.Repeat, Refusal: r}
	}
	if !c.record && !c.out.Repeat {
		c.now, c.out.Time = clock, clock
	}
	if c.now > clock {
		if err := put(tx, keyClock, c.now); err != nil {
			return nil, err
		}
	}
	if c.record {
		if err := c.remember(); err != nil {
			return nil, err
		}
	}
	if err := c.prune(); err != nil {
		return nil, err
	}
	return encode(c.out), nil
}

func readClock(r Reader) (int64, error) {
	clock, err := find[int64](r, keyClock)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return 0, err
	}
	return clock, nil
}

// call is one entry being applied.
type call struct {
	machine *Machine
	base    Tx // the store
	tx      Tx // what the handler writes to
	seq     uint64
	now     int64 // the state's clock
	cluster *Cluster
	payload Payload
	digest  Digest     // of the envelope
	signer  *Principal // or nil
	node    *Node      // or nil
	record  bool       // the envelope was genuine and timely: keep its outcome
	out     Outcome
}

// apply verifies the envelope and runs its kind's handler. It returns a
// *Refusal, or a fault of the store.
func (c *call) apply(e Envelope) error {
	c.digest = e.Digest()
	var err error
	if c.cluster, err = c.machine.cluster(c.base); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if c.cluster == nil {
		return c.found(e)
	}
	if err := c.authenticate(c.base, e); err != nil {
		return err
	}
	if repeated, err := c.recall(); err != nil || repeated {
		return err
	}
	if c.payload, err = ParsePayload(e.Payload); err != nil {
		return refuse(RefusedInvalid, "payload", "%v", err)
	}
	if r := c.checkMeant(e.Signer, c.cluster.ID.String()); r != nil {
		return r
	}
	c.out.Kind, c.record = c.payload.Kind, true
	return c.dispatch()
}

// authenticate refuses an envelope that its signer did not sign.
func (c *call) authenticate(r Reader, e Envelope) error {
	key, err := c.identify(r, e.Signer)
	if err != nil {
		return err
	}
	if !e.Verify(key) {
		return refuse(RefusedSignature, "signature", "the signature is not that of %.80q", e.Signer)
	}
	return nil
}

// identify looks up the signer and returns its Ed25519 key.
func (c *call) identify(r Reader, signer string) ([]byte, error) {
	if id, isNode := strings.CutPrefix(signer, nodePrefix); isNode {
		for i := range c.cluster.Nodes {
			if n := &c.cluster.Nodes[i]; n.ID == id {
				c.node = n
				return n.Key, nil
			}
		}
		return nil, refuse(RefusedSignature, "signer", "no node of the roster is called %.80q", id)
	}
	p, err := find[Principal](r, prefixPrincipal+signer)
	if errors.Is(err, ErrNotFound) {
		return nil, refuse(RefusedSignature, "signer", "no principal has the id %.80q", signer).
			withFix("ask an operator to admit its key: weir principal add")
	}
	if err != nil {
		return nil, err
	}
	c.signer = &p
	return p.Key, nil
}

// checkMeant refuses a payload that is meant for another signer, cluster or time.
func (c *call) checkMeant(signer, cluster string) *Refusal {
	p := c.payload
	switch {
	case p.Signer != signer:
		return refuse(RefusedSignature, "signer", "the payload was made by %.80q, not by %.80q", p.Signer, signer)
	case p.Cluster != cluster:
		return refuse(RefusedSignature, "cluster", "the envelope is for cluster %.80q, this is %q", p.Cluster, cluster)
	case p.Expires-p.Issued > MaxEnvelopeAge:
		return refuse(RefusedSignature, "lifetime", "the envelope is valid for %d ms, at most %d are accepted", p.Expires-p.Issued, MaxEnvelopeAge)
	case p.Issued > c.now+MaxSkew:
		return refuse(RefusedSignature, "issued", "the envelope was issued %d ms ahead of the cluster's clock", p.Issued-c.now).
			withFix("set the clock of the machine that signed it")
	case p.Expires <= c.now:
		return refuse(RefusedSignature, "expired", "the envelope expired %d ms ago", c.now-p.Expires).
			withFix("sign it anew; if that does not help, set the clock of the machine that signs")
	}
	return nil
}

// recall answers an envelope that was applied before with its outcome.
func (c *call) recall() (bool, error) {
	out, err := find[Outcome](c.base, prefixSeen+c.digest.String())
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c.out = out
	c.out.Repeat = true
	return true, nil
}

// remember keeps the outcome until the envelope has expired for sure.
func (c *call) remember() error {
	if err := put(c.base, prefixSeen+c.digest.String(), c.out); err != nil {
		return err
	}
	return putName(c.base, seenUntilKey(c.payload.Expires+replayMargin, c.digest), "")
}

// prune forgets outcomes whose time is over. It runs every few entries, by
// their number, and forgets more at a time than that many entries can add.
func (c *call) prune() error {
	if c.seq%pruneEvery != 0 {
		return nil
	}
	limit := []byte(seenUntilKey(c.now, Digest{}))
	var over []string
	err := c.base.Scan([]byte(prefixSeenUntil), func(key, _ []byte) error {
		if len(over) == pruneBatch || bytes.Compare(key, limit) >= 0 {
			return errStop
		}
		over = append(over, string(key))
		return nil
	})
	if err != nil && !errors.Is(err, errStop) {
		return fmt.Errorf("list expired envelopes: %w", err)
	}
	for _, key := range over {
		if err := remove(c.base, key); err != nil {
			return err
		}
		if err := remove(c.base, prefixSeen+key[strings.LastIndexByte(key, '/')+1:]); err != nil {
			return err
		}
	}
	return nil
}

// rule says who may send a kind of envelope, and what applies it.
type rule struct {
	node   bool // a node of the roster
	roles  []Role
	handle func(*call) error
}

// handler makes a rule's handle of a function of the kind's body.
func handler[B any](fn func(*call, B) error) func(*call) error {
	return func(c *call) error {
		var body B
		if err := decodeStrict(c.payload.Body, &body); err != nil {
			return refuse(RefusedInvalid, "body", "%s: %v", c.payload.Kind, err)
		}
		return fn(c, body)
	}
}

// dispatch runs the handler of the kind in an overlay, which is flushed only
// when it succeeds. A kind that is not in the table is refused.
func (c *call) dispatch() error {
	r, known := ruleOf(c.payload.Kind)
	if !known {
		return refuse(RefusedInvalid, "kind", "no act is called %.80q", c.payload.Kind)
	}
	if !c.allowed(r) {
		who := "a node"
		if c.signer != nil {
			who = "a " + string(c.signer.Role)
		}
		return forbidden("role", "%s is not for %s", c.payload.Kind, who)
	}
	return c.run(r.handle)
}

func (c *call) run(handle func(*call) error) error {
	o := newOverlay(c.base)
	c.tx = o
	if err := handle(c); err != nil {
		return err
	}
	return o.flush()
}

func (c *call) allowed(r rule) bool {
	if c.node != nil {
		return r.node
	}
	for _, role := range r.roles {
		if c.signer != nil && c.signer.Role == role {
			return true
		}
	}
	return false
}

// load reads a record that an envelope names; it is refused when there is none.
func load[T any](c *call, key, what string) (T, error) {
	v, err := find[T](c.tx, key)
	if errors.Is(err, ErrNotFound) {
		return v, refuse(RefusedUnknown, "unknown", "there is no %s", what)
	}
	return v, err
}

// todo adds an index entry of work that is left, or removes it.
func (c *call) todo(left bool, key, value string) error {
	if !left {
		return remove(c.tx, key)
	}
	return putName(c.tx, key, value)
}

// cluster reads the founding record, without the clock. It never changes, so
// it is decoded once.
func (m *Machine) cluster(r Reader) (*Cluster, error) {
	raw, err := r.Get([]byte(keyCluster))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", keyCluster, err)
	}
	if raw == nil {
		return nil, fmt.Errorf("cluster: %w", ErrNotFound)
	}
	return m.memo.cluster(raw, func() (*Cluster, error) {
		var c Cluster
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, fmt.Errorf("decode %s: %w", keyCluster, err)
		}
		return &c, nil
	})
}
