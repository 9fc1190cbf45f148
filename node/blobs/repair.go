package blobs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
)

// maxRepairs bounds the blobs that are fetched at the same time to replace
// damaged ones.
const maxRepairs = 4

// repairs knows which blobs this node should have and has not, because their
// bytes on its disk went bad or got lost.
type repairs struct {
	current atomic.Bool // what is lost was looked for in a state that had caught up

	mu      sync.Mutex
	faults  map[catalog.Digest]bool
	chosen  map[catalog.Digest]bool // whose repair is due or under way
	indexes map[catalog.Digest]bool // lost manifests, whose tiles may be lost too
	counts  wire.BlobStatus
}

func newRepairs() *repairs {
	return &repairs{faults: map[catalog.Digest]bool{}, chosen: map[catalog.Digest]bool{}, indexes: map[catalog.Digest]bool{}}
}

// lacksIndex remembers a manifest without which nobody knows what else is lost.
func (r *repairs) lacksIndex(d catalog.Digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.indexes[d] = true
}

// indexesBack lists the manifests that were lacking and are there again.
func (r *repairs) indexesBack() (back []catalog.Digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for d := range r.indexes {
		if !r.faults[d] {
			back = append(back, d)
		}
	}
	return back
}

// lookedUp forgets manifests whose tiles were looked for, unless one got lost again.
func (r *repairs) lookedUp(back []catalog.Digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range back {
		if !r.faults[d] {
			delete(r.indexes, d)
		}
	}
}

// note remembers that a blob needs repair, and reports whether that is news.
func (r *repairs) note(d catalog.Digest) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.faults[d] {
		return false
	}
	r.faults[d] = true
	r.counts.Found++
	return true
}

// repaired forgets a blob that is sound again.
func (r *repairs) repaired(d catalog.Digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.faults[d] {
		delete(r.faults, d)
		r.counts.Repaired++
	}
}

// lost forgets a blob that no node has. A manifest does not come back either.
func (r *repairs) lost(d catalog.Digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.faults[d] {
		delete(r.faults, d)
		delete(r.indexes, d)
		r.counts.Lost++
	}
}

func (r *repairs) isFaulty(d catalog.Digest) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.faults[d]
}

// due chooses at most maxRepairs blobs whose repair is due. A blob that was chosen stays
// so until over: work that is not due any more is cancelled, and a choice made anew at
// every look would cancel repairs that had just begun.
func (r *repairs) due() (digests []catalog.Digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for d := range r.faults {
		if len(r.chosen) >= maxRepairs {
			break
		}
		r.chosen[d] = true
	}
	for d := range r.chosen {
		digests = append(digests, d)
	}
	return digests
}

// over ends a repair, whatever came of it: another blob has its turn.
func (r *repairs) over(d catalog.Digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.chosen, d)
}

// count counts what a scrub did.
func (r *repairs) count(scrub func(counts *wire.BlobStatus)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	scrub(&r.counts)
}

func (r *repairs) status() wire.BlobStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.counts
	s.Damaged = len(r.faults)
	return s
}

// found notes a damaged blob, once.
func (s *Store) found(ctx context.Context, d catalog.Digest, fault error) {
	if s.repairs.note(d) {
		s.Logger.WarnContext(ctx, "blob is damaged, will be repaired", "blob", d.String(), "error", fault)
	}
}

// repair replaces a damaged or lost blob by another node's copy. A blob that no
// node has, though all were asked, is deleted: its bytes are of no use, and what
// needs it will say so.
func (s *Store) repair(ctx context.Context, d catalog.Digest) error {
	_, err := s.fetch(ctx, d)
	if errors.Is(err, errNowhere) {
		return s.giveUp(ctx, d, err)
	}
	if err != nil {
		return fmt.Errorf("repair blob %s: %w", d, err)
	}
	if err := s.Disk.Verify(ctx, d); err != nil {
		return fmt.Errorf("repair blob %s: %w", d, err)
	}
	s.Logger.InfoContext(ctx, "blob repaired", "blob", d.String())
	return nil
}

// giveUp deletes a damaged blob that no other node has, unless somebody has sent it again
// while the others were asked.
func (s *Store) giveUp(ctx context.Context, d catalog.Digest, nowhere error) error {
	s.arriving.Lock()
	defer s.arriving.Unlock()
	if s.Disk.Verify(ctx, d) == nil {
		return nil
	}
	s.Logger.ErrorContext(ctx, "no node has a sound copy of a damaged blob", "blob", d.String())
	if err := s.Disk.Delete(ctx, d); err != nil {
		return err
	}
	s.repairs.lost(d)
	return fmt.Errorf("repair blob %s: %w", d, nowhere)
}

// Tasks lists repairs that are due. They follow from this node's disk,
// not from the ledger.
func (s *Store) Tasks() (list []Task) {
	for _, d := range s.repairs.due() {
		list = append(list, Task{Name: "repair/" + d.String(), Run: func(ctx context.Context) (err error) {
			if s.repairs.isFaulty(d) { // else whatever needed it has fetched it meanwhile
				err = s.repair(ctx, d)
			}
			s.repairs.over(d)
			if err == nil {
				s.Wake() // for those that wait, and for the next one
			}
			return err
		}})
	}
	if t, due := s.upgrade(); due {
		list = append(list, t)
	}
	if !s.repairs.current.Load() {
		list = append(list, Task{Name: "find blobs lost before the start", Run: s.findLostOnceCurrent})
	}
	if back := s.repairs.indexesBack(); len(back) > 0 {
		list = append(list, Task{Name: "find lost blobs", Run: func(ctx context.Context) error {
			// Forgotten at the end alone: work that is not due any more is cancelled.
			err := s.FindLost(ctx)
			if err == nil {
				s.repairs.lookedUp(back)
			}
			return err
		}})
	}
	return list
}
