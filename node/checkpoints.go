package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/compare"
	"github.com/weirdata/weir/node/peer"
	"github.com/weirdata/weir/node/restore"
	"github.com/weirdata/weir/node/vault"
)

const (
	// secretSigned is what the vault calls the checkpoint that was signed last.
	// It is no secret; sealed, it cannot be exchanged unnoticed.
	secretSigned = "node/signed"
	// signWait bounds how long other nodes may take to sign a checkpoint, of
	// which they may have to apply the last entries first.
	signWait = 5 * time.Second
	// maxGathers bounds how often a checkpoint is begun anew because others have
	// signed a larger one meanwhile.
	maxGathers = 8
	// spareAfter is how long those that are asked to sign may take before another node is asked as well.
	spareAfter = 100 * time.Millisecond
)

// signAnswer holds a peer's signature lines, or why there are none: it has
// signed a checkpoint of Passed entries, or its root of Size is Root.
type signAnswer struct {
	Lines  []byte         `json:"lines,omitempty"`
	Passed uint64         `json:"passed,omitempty"`
	Root   catalog.Digest `json:"root,omitzero"`
}

// checkpoints signs this node's log and gathers what others sign.
type checkpoints struct {
	*core
	notary atomic.Pointer[signer]
	bare   bool // the node was opened without a ledger

	asked atomic.Uint64 // how often others were asked: they take turns

	turn   chan struct{} // has room for one: a gathering at a time, which guards the following
	size   uint64        // of signed
	signed []byte        // the largest that enough nodes signed
}

// signer signs what comes after a restore.
type signer struct {
	*evidence.Notary
	after catalog.Digest // the restore; zero: none
}

// open finds what this node signed last.
func (cp *checkpoints) open() error {
	cp.bare = cp.ledger.NextSeq() == 0
	after, err := cp.restoredAs()
	if err != nil {
		return err
	}
	return cp.signAfter(after)
}

// signAfter has the node sign what comes after a restore.
func (cp *checkpoints) signAfter(after catalog.Digest) error {
	notary, err := evidence.NewNotary(cp.origin(), cp.id, cp.signing, ownTree{cp.ledger}, vault.Memory{Vault: cp.vault, Name: signedName(after)}, cp.opts.Clock)
	if err == nil {
		cp.notary.Store(&signer{notary, after})
	}
	return err
}

func (cp *checkpoints) origin() string { return evidence.Origin(cp.cluster.String()) }

// ownTree is the ledger's evidence log as a notary reads it.
type ownTree struct{ ledger ledger }

func (t ownTree) Size() (uint64, error) { return t.ledger.NextSeq(), nil }

func (t ownTree) RootAt(size uint64) (evidence.Hash, error) { return t.ledger.RootAt(size) }

// serveCheckpoint signs a checkpoint for a peer, if it is one of this node's own
// log.
func (cp *checkpoints) serveCheckpoint(ctx context.Context, from string, w http.ResponseWriter, r *http.Request) error {
	var wish compare.Head
	if err := peer.ReadJSON(r, &wish); err != nil {
		return err
	}
	if err := cp.awaitEntries(ctx, wish.Size); err != nil {
		return &peer.Error{Status: http.StatusConflict, Kind: kindNotAsked, Message: err.Error(), Err: err}
	}
	root, err := cp.ledger.RootAt(wish.Size)
	if err != nil {
		return err
	}
	if catalog.Digest(root) != wish.Root {
		cp.log.ErrorContext(ctx, "logs differ", "node", from, "entries", wish.Size, "own", catalog.Digest(root), "other", wish.Root)
		return peer.WriteJSON(w, signAnswer{Root: catalog.Digest(root)})
	}
	_, lines, err := cp.notary.Load().Sign(wish.Size)
	if passed, is := errors.AsType[*evidence.PassedError](err); is {
		return peer.WriteJSON(w, signAnswer{Passed: passed.Size})
	}
	if err != nil {
		return err
	}
	return peer.WriteJSON(w, signAnswer{Lines: lines})
}

// awaitEntries waits until this node's log has so many entries.
func (cp *checkpoints) awaitEntries(ctx context.Context, size uint64) error {
	ctx, cancel := context.WithTimeout(ctx, signWait)
	defer cancel()
	changes, stop := cp.ledger.Changes()
	defer stop()
	for cp.ledger.NextSeq() < size {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s has %d entries, it has %d: %w", cp.id, size, cp.ledger.NextSeq(), ctx.Err())
		case <-changes:
		}
	}
	return nil
}

// gather returns a checkpoint of at least so many entries with the signatures of
// as many nodes as the threshold says.
func (cp *checkpoints) gather(ctx context.Context, least uint64) ([]byte, uint64, error) {
	tries, cancel := context.WithTimeout(ctx, cp.opts.QuorumWait) // as long as others look for a quorum
	defer cancel()
	select {
	case cp.turn <- struct{}{}:
		defer func() { <-cp.turn }()
	case <-tries.Done():
		return nil, 0, fmt.Errorf("%w: others wait for signatures under a checkpoint too", api.ErrTooFew)
	}
	if cp.signed != nil && cp.size >= least {
		return cp.signed, cp.size, nil
	}
	for begun := 0; begun < maxGathers; {
		if err := cp.awaitEntries(ctx, least); err != nil {
			return nil, 0, fmt.Errorf("%w: %w", api.ErrUnavailable, err)
		}
		own, err := cp.head()
		if err != nil {
			return nil, 0, err
		}
		// Each signature is remembered on a disk before it is given: none waits for another.
		var signing sync.WaitGroup
		var lines []byte
		signing.Go(func() { _, lines, err = cp.notary.Load().Sign(own.Size) })
		votes := cp.ask(tries, own)
		signing.Wait()
		if passed, is := errors.AsType[*evidence.PassedError](err); is { // for another node, in between
			votes.passed, err = max(votes.passed, passed.Size), nil
		}
		if err != nil {
			return nil, 0, evidenceError(err)
		}
		if lines != nil {
			votes.lines[cp.id] = lines
		}
		if signed := cp.assemble(own, votes.lines); signed != nil {
			cp.signed, cp.size = signed, own.Size
			// It is read when this node is all that is left.
			if err := durable.WriteFile(filepath.Join(cp.opts.Dir, restore.FileCheckpoint), signed, 0o600); err != nil {
				cp.log.WarnContext(ctx, "the newest checkpoint could not be kept", "error", err)
			}
			return signed, own.Size, nil
		}
		if votes.passed > 0 {
			least = votes.passed
			begun++
			continue
		}
		if len(votes.forks) > 0 {
			return nil, 0, votes.failed(cp, own)
		}
		select {
		case <-tries.Done():
			return nil, 0, votes.failed(cp, own)
		case <-time.After(5 * retryPause):
		}
	}
	return nil, 0, fmt.Errorf("%w: the log grows faster than %d nodes sign it", api.ErrUnavailable, cp.members.Threshold)
}

// head is the checkpoint of all entries that this node's log has.
func (cp *checkpoints) head() (c evidence.Checkpoint, err error) {
	c = evidence.Checkpoint{Origin: cp.origin(), Size: cp.ledger.NextSeq()}
	if c.Size == 0 {
		return c, fmt.Errorf("%w: the log has no entry", api.ErrUnavailable)
	}
	c.Root, err = cp.ledger.RootAt(c.Size)
	return c, err
}

// assemble joins the first enough signatures, in the order of points, or returns
// nil when there are too few. There are no more than enough: a receipt is not
// the longer for those that are up, and has no line that could be lost unnoticed.
func (cp *checkpoints) assemble(c evidence.Checkpoint, lines map[string][]byte) []byte {
	var enough [][]byte
	for _, m := range cp.members.Nodes {
		if l, signed := lines[m.ID]; signed && len(enough) < cp.members.Threshold {
			enough = append(enough, l)
		}
	}
	if len(enough) < cp.members.Threshold {
		return nil
	}
	return evidence.Assemble(c, enough...)
}

// votes are what the other nodes answered.
type votes struct {
	lines  map[string][]byte
	passed uint64            // the largest checkpoint that one of them has signed
	forks  map[string]string // who has another root
	away   map[string]error  // who did not answer
}

// signers are the other nodes that are up, in the order in which they are asked to sign: the one that leads, which has
// every entry, then the others by turns.
func (cp *checkpoints) signers() (list []string) {
	for _, m := range cp.members.Nodes {
		if m.ID != cp.id && cp.health.isAlive(m.ID) {
			list = append(list, m.ID)
		}
	}
	if len(list) == 0 {
		return nil
	}
	first := int(cp.asked.Add(1) % uint64(len(list))) //nolint:gosec // below the length of a list
	list = slices.Concat(list[first:], list[:first])
	leader, _ := cp.ledger.Leader()
	if at := slices.Index(list, leader); at > 0 {
		list = slices.Insert(slices.Delete(list, at, at+1), 0, leader)
	}
	return list
}

// ask asks as many other nodes to sign a checkpoint as have to, and another one for each that does not, or after
// spareAfter, until enough did or all have answered. One whose signature nobody needs would sync it for nothing, and a
// request that is given up takes its connection with it.
func (cp *checkpoints) ask(ctx context.Context, c evidence.Checkpoint) votes {
	ctx, cancel := context.WithTimeout(ctx, signWait)
	defer cancel()
	type vote struct {
		node   string
		answer signAnswer
		err    error
	}
	arrived := make(chan vote, len(cp.members.Nodes))
	left, asked := cp.signers(), 0
	next := func() {
		node := left[0]
		left, asked = left[1:], asked+1
		go func() { // ends with ctx, which ends with this call; the channel has room
			v := vote{node: node}
			v.err = cp.call(ctx, node, pathCheckpoint, compare.Head{Size: c.Size, Root: catalog.Digest(c.Root)}, &v.answer)
			arrived <- v
		}()
	}
	out := votes{lines: map[string][]byte{}, forks: map[string]string{}, away: map[string]error{}}
	spare := time.NewTimer(spareAfter)
	defer spare.Stop()
	for {
		for len(left) > 0 && len(out.lines)+asked+1 < cp.members.Threshold {
			next()
		}
		if asked == 0 {
			return out
		}
		var v vote
		select {
		case v = <-arrived:
			asked--
		case <-spare.C:
			if spare.Reset(spareAfter); len(left) > 0 && len(out.lines)+1 < cp.members.Threshold {
				next()
			}
			continue
		}
		switch {
		case v.err != nil:
			out.away[v.node] = v.err
		case v.answer.Passed > 0:
			out.passed = max(out.passed, v.answer.Passed)
		case !v.answer.Root.IsZero():
			out.forks[v.node] = v.answer.Root.String()
			cp.log.ErrorContext(ctx, "logs differ", "node", v.node, "entries", c.Size, "own", c.Root, "other", v.answer.Root)
		case cp.signedBy(v.node, c, v.answer.Lines):
			out.lines[v.node] = v.answer.Lines
		default:
			out.away[v.node] = errors.New("its signature does not hold")
		}
		if len(out.lines)+1 >= cp.members.Threshold {
			cancel() // the others are waited for, no longer than it takes them to notice
		}
	}
}

// signedBy reports whether lines are a node's valid signature.
func (cp *checkpoints) signedBy(node string, c evidence.Checkpoint, lines []byte) bool {
	for _, m := range cp.members.Nodes {
		if m.ID == node {
			t := evidence.Trust{Origin: cp.origin(), Nodes: []evidence.Node{{ID: m.ID, Key: m.Key}}, Threshold: 1}
			_, err := t.Open(evidence.Assemble(c, lines), 1)
			return err == nil
		}
	}
	return false
}

// failed says why there are too few signatures.
func (v votes) failed(cp *checkpoints, c evidence.Checkpoint) error {
	var forks, away []string
	for _, m := range cp.members.Nodes {
		if root, other := v.forks[m.ID]; other {
			forks = append(forks, m.ID+" (root "+root+")")
		}
		if err := v.away[m.ID]; err != nil {
			away = append(away, m.ID+" ("+err.Error()+")")
		} else if m.ID != cp.id && !cp.health.isAlive(m.ID) {
			away = append(away, m.ID+" (does not answer)")
		}
	}
	if len(forks) > 0 {
		return fmt.Errorf("%w: of %d entries %s has the root %s, and these have others: %s",
			api.ErrForked, c.Size, cp.id, catalog.Digest(c.Root), strings.Join(forks, ", "))
	}
	return fmt.Errorf("%w: %d nodes must sign a checkpoint, %d did; missing: %s",
		api.ErrTooFew, cp.members.Threshold, len(v.lines), strings.Join(away, ", "))
}

// evidenceError tells the API what kind of failure it is.
func evidenceError(err error) error {
	switch {
	case errors.Is(err, evidence.ErrRewritten), errors.Is(err, evidence.ErrCorrupt):
		return fmt.Errorf("%w: %w", api.ErrForked, err)
	case errors.Is(err, consensus.ErrNotFound):
		return fmt.Errorf("%w: %w", api.ErrNotFound, err)
	case errors.Is(err, evidence.ErrAhead):
		return fmt.Errorf("%w: %w", api.ErrUnavailable, err)
	}
	return err
}
