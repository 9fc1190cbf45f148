package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/wire"
)

// maxRepairs bounds the blobs that are fetched at the same time to replace
// damaged ones.
const maxRepairs = 4

// errDamaged ends an attempt for which this node lacks a sound blob that no
// other node could give it: a set without this node may answer.
var errDamaged = errors.New("a blob is damaged here and could not be fetched from another node")

// mender knows which blobs this node should have and has not, because their
// bytes on its disk went bad or got lost.
type mender struct {
	mu      sync.Mutex
	faults  map[catalog.Digest]bool
	chosen  map[catalog.Digest]bool // whose repair is due or under way
	indexes map[catalog.Digest]bool // lost manifests, whose tiles may be lost too
	counts  wire.BlobStatus
	current bool // what is lost was looked for in a state that had caught up
}

// lookedIn notes that what is lost was looked for in a state that had caught up, or that
// it is to be looked for again.
func (m *mender) lookedIn(current bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.current = current
}

func (m *mender) isCurrent() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current
}

func newMender() *mender {
	return &mender{faults: map[catalog.Digest]bool{}, chosen: map[catalog.Digest]bool{}, indexes: map[catalog.Digest]bool{}}
}

// lacksIndex remembers a manifest without which nobody knows what else is lost.
func (m *mender) lacksIndex(d catalog.Digest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.indexes[d] = true
}

// indexesBack lists the manifests that were lacking and are there again.
func (m *mender) indexesBack() (back []catalog.Digest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for d := range m.indexes {
		if !m.faults[d] {
			back = append(back, d)
		}
	}
	return back
}

// lookedUp forgets manifests whose tiles were looked for, unless one got lost again.
func (m *mender) lookedUp(back []catalog.Digest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range back {
		if !m.faults[d] {
			delete(m.indexes, d)
		}
	}
}

// note remembers that a blob needs repair, and reports whether that is news.
func (m *mender) note(d catalog.Digest) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.faults[d] {
		return false
	}
	m.faults[d] = true
	m.counts.Found++
	return true
}

// mended forgets a blob that is sound again.
func (m *mender) mended(d catalog.Digest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.faults[d] {
		delete(m.faults, d)
		m.counts.Repaired++
	}
}

// lost forgets a blob that no node has. A manifest does not come back either.
func (m *mender) lost(d catalog.Digest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.faults[d] {
		delete(m.faults, d)
		delete(m.indexes, d)
		m.counts.Lost++
	}
}

func (m *mender) isFaulty(d catalog.Digest) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.faults[d]
}

// due chooses at most maxRepairs blobs whose repair is due. A blob that was chosen stays
// so until over: work that is not due any more is cancelled, and a choice made anew at
// every look would cancel repairs that had just begun.
func (m *mender) due() (digests []catalog.Digest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for d := range m.faults {
		if len(m.chosen) >= maxRepairs {
			break
		}
		m.chosen[d] = true
	}
	for d := range m.chosen {
		digests = append(digests, d)
	}
	return digests
}

// over ends a repair, whatever came of it: another blob has its turn.
func (m *mender) over(d catalog.Digest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.chosen, d)
}

func (m *mender) scrubbed() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.Scrubbed++
}

func (m *mender) scrubOver(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.Scrubs++
	m.counts.LastScrub = now.UnixMilli()
}

func (m *mender) status() wire.BlobStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.counts
	s.Damaged = len(m.faults)
	return s
}

// isDamage reports whether err says that a blob's bytes are not, or no longer,
// in the store: another copy helps.
func isDamage(err error) (d catalog.Digest, damage bool) {
	var fault *tiles.BlobError
	if errors.As(err, &fault) && (errors.Is(fault, tiles.ErrCorrupt) || errors.Is(fault, tiles.ErrNotFound)) {
		return fault.Digest, true
	}
	return d, false
}

// load returns a blob's bytes, verified: this node's own, or, where they are
// missing or damaged, those of another node, which it keeps.
func (n *Node) load(ctx context.Context, d catalog.Digest) ([]byte, error) {
	n.orphans.touch(d)
	b, err := n.blobs.store.Get(ctx, d)
	if _, damage := isDamage(err); !damage {
		return b, err
	}
	if errors.Is(err, tiles.ErrCorrupt) {
		n.found(ctx, d, err)
	}
	return n.fetch(ctx, d)
}

// found notes a damaged blob, once.
func (n *Node) found(ctx context.Context, d catalog.Digest, fault error) {
	if n.mender.note(d) {
		n.log.WarnContext(ctx, "blob is damaged, will be repaired", "blob", d.String(), "error", fault)
	}
}

// mend replaces a damaged or lost blob by another node's copy. A blob that no
// node has, though all were asked, is deleted: its bytes are of no use, and what
// needs it will say so.
func (n *Node) mend(ctx context.Context, d catalog.Digest) error {
	_, err := n.fetch(ctx, d)
	if errors.Is(err, errNowhere) {
		n.log.ErrorContext(ctx, "no node has a sound copy of a damaged blob", "blob", d.String())
		if err := n.blobs.store.Delete(ctx, d); err != nil {
			return err
		}
		n.mender.lost(d)
	}
	if err != nil {
		return fmt.Errorf("repair blob %s: %w", d, err)
	}
	if err := n.blobs.store.Verify(ctx, d); err != nil {
		return fmt.Errorf("repair blob %s: %w", d, err)
	}
	n.log.InfoContext(ctx, "blob repaired", "blob", d.String())
	return nil
}

// repairDuties lists repairs that are due. They follow from this node's disk,
// not from the ledger.
func (n *Node) repairDuties() (list []duty) {
	for _, d := range n.mender.due() {
		list = append(list, duty{name: "repair/" + d.String(), run: func(ctx context.Context) (err error) {
			if n.mender.isFaulty(d) { // else whatever needed it has fetched it meanwhile
				err = n.mend(ctx, d)
			}
			n.mender.over(d)
			if err == nil {
				n.wake() // for those that wait, and for the next one
			}
			return err
		}})
	}
	if !n.mender.isCurrent() {
		list = append(list, duty{name: "find blobs lost before the start", run: n.findLostOnceCurrent})
	}
	if back := n.mender.indexesBack(); len(back) > 0 {
		list = append(list, duty{name: "find lost blobs", run: func(ctx context.Context) error {
			// Forgotten at the end alone: work that is not due any more is cancelled.
			err := n.findLost(ctx)
			if err == nil {
				n.mender.lookedUp(back)
			}
			return err
		}})
	}
	return list
}

// accumulate adds tiles up, and tells w. A tile that turns out damaged is repaired, and
// the sum goes on with it; where that is not possible the error is errDamaged.
func (n *Node) accumulate(ctx context.Context, digests []catalog.Digest, acc *he.Accumulator, w *headway) error {
	var last catalog.Digest // repaired last
	for len(digests) > 0 {
		done := 0
		err := tiles.Accumulate(ctx, n.blobs.store, digests, func(batch ...[]byte) error {
			err := acc.Add(batch...)
			if err == nil {
				done += len(batch)
				w.added(len(batch))
			}
			return err
		})
		digests = digests[done:]
		if err == nil {
			return nil
		}
		d, damage := isDamage(err)
		if !damage {
			return err
		}
		n.found(ctx, d, err)
		if d == last { // what was written reads damaged at once: the disk is at fault
			return fmt.Errorf("%w: %w", errDamaged, err)
		}
		if last = d; ctx.Err() != nil {
			return ctx.Err()
		}
		if err := n.mend(ctx, d); err != nil {
			if ctx.Err() != nil {
				return err
			}
			return fmt.Errorf("%w: %w", errDamaged, err)
		}
	}
	return nil
}

// scrubs reads the whole store whenever the timer says so, and once when the
// node starts, until ctx ends.
func (n *Node) scrubs(ctx context.Context) {
	ticks, stop := n.opts.Ticks(n.opts.ScrubEvery)
	defer stop()
	for {
		if err := n.scrub(ctx); err != nil && ctx.Err() == nil {
			n.log.ErrorContext(ctx, "scrub the blobs", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
	}
}

// scrub reads every blob, compares it with its digest and has damaged ones
// repaired; it also finds those that acknowledged versions name and the store
// has lost.
func (n *Node) scrub(ctx context.Context) error {
	pause, stop := n.opts.Ticks(n.opts.ScrubPause)
	defer stop()
	if n.mender.isCurrent() { // else it is being looked for anyway, see repairDuties
		if err := n.findLost(ctx); err != nil {
			return err
		}
	}
	err := n.blobs.store.Scrub(ctx, func(d catalog.Digest, fault error) error {
		n.mender.scrubbed()
		if fault != nil {
			n.found(ctx, d, fault)
			n.wake()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-pause:
			return nil
		}
	})
	if err == nil {
		n.mender.scrubOver(n.opts.Clock())
	}
	return err
}

// findLostOnceCurrent looks for lost blobs when this node's state has caught up. Earlier
// would be too early: there are versions that the node acknowledged while it ran before,
// and whose acknowledgement it has not applied again yet.
func (n *Node) findLostOnceCurrent(ctx context.Context) error {
	err := n.Read(ctx, func(catalog.View) error { return nil })
	if errors.Is(err, api.ErrNoQuorum) || errors.Is(err, api.ErrUnavailable) {
		return nil // there will be another look
	}
	if err == nil {
		err = n.findLost(ctx)
	}
	if err != nil {
		return fmt.Errorf("find blobs lost before the start: %w", err)
	}
	n.mender.lookedIn(true)
	return nil
}

// findLost notes the blobs of versions that this node acknowledged and that its
// store does not know any more.
func (n *Node) findLost(ctx context.Context) error {
	var held []catalog.Version
	err := n.view(func(v catalog.View) error {
		datasets, err := v.Datasets()
		if err != nil {
			return err
		}
		for _, d := range datasets {
			versions, err := v.Versions(d.ID)
			if err != nil {
				return err
			}
			for _, x := range versions {
				if x.State != catalog.VersionRejected && slices.Contains(x.Acks, n.id) {
					held = append(held, x)
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list the versions that this node holds: %w", err)
	}
	for _, x := range held {
		digests := []catalog.Digest{x.Manifest, x.Presence}
		b, err := n.blobs.store.Get(ctx, x.Manifest)
		if err == nil {
			m, err := tiles.ParseManifest(b)
			if err != nil {
				return fmt.Errorf("manifest of %s version %d: %w", x.Dataset, x.Version, err)
			}
			digests = append(digests, m.Digests()...)
		} else if _, damage := isDamage(err); !damage {
			return err
		} else {
			n.found(ctx, x.Manifest, err)
			n.mender.lacksIndex(x.Manifest)
		}
		lost, err := n.blobs.store.Missing(ctx, digests)
		if err != nil {
			return err
		}
		for _, d := range lost {
			n.found(ctx, d, tiles.ErrNotFound)
			n.wake()
		}
	}
	return nil
}
