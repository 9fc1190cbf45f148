package consensus

import (
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/weirdata/weir/consensus/damage"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/consensus/pairs"
	"github.com/weirdata/weir/consensus/snapstream"
	"github.com/weirdata/weir/consensus/statesum"
)

// restore replaces the state by that of a snapshot stream. The stream fills a
// generation of its own, which counts only from the moment when it is adopted:
// readers go on with the old state until then, a damaged stream leaves it
// as it was, and a crash leaves a generation that the next start removes.
//
// A stream of a log index before least is refused.
func (s *appliedState) restore(r io.Reader, least uint64) error {
	s.mu.RLock()
	old := s.cur
	s.mu.RUnlock()
	if old == nil {
		return ErrClosed
	}
	var p position
	var sum statesum.Sum
	store, err := s.generations.Fill(func(put func(key, value []byte) error) (err error) {
		p, sum, err = load(put, r, least)
		return err
	})
	if err != nil {
		return err
	}
	var d statesum.Digest
	err = damage.Guard(PartState, func() (err error) {
		if err := ensureDigest(store); err != nil {
			return err
		}
		d, err = checkRestored(store, p, sum)
		return err
	})
	if err != nil {
		return errors.Join(err, s.generations.Remove(store))
	}
	if err := s.generations.Adopt(store); err != nil {
		return errors.Join(err, store.Close())
	}
	s.mu.Lock()
	if s.cur == nil {
		s.mu.Unlock()
		return errors.Join(ErrClosed, store.Close())
	}
	s.cur = s.generation(store)
	s.touched.Forget(p.Applied)
	s.setPosition(p, d)
	s.retired.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.retired.Done()
		s.retire(old)
	}()
	return nil
}

// retire closes a replaced generation after its last reader and removes it.
func (s *appliedState) retire(old *generation) {
	old.users.Wait()
	old.store.Forget()
	if err := s.generations.Remove(old.deferred.Drop()); err != nil {
		// It does not count any more, and the next start tries again.
		s.logger.Warn("removing a replaced state", slog.String("error", err.Error()))
	}
}

// errEarlier is returned for a snapshot of an earlier state than the one that there is.
var errEarlier = errors.New("the snapshot is of an earlier state")

// load puts the pairs of a stream, and adds them up.
func load(put func(key, value []byte) error, r io.Reader, least uint64) (p position, sum statesum.Sum, err error) {
	at, err := snapstream.ReadFrom(r, func(p snapstream.Position) error {
		if p.Applied < least {
			return fmt.Errorf("%w: at log index %d, this one is at %d", errEarlier, p.Applied, least)
		}
		return nil
	}, func(key, value []byte) error {
		if key[0] != spaceMeta {
			sum.Add(key, value)
		}
		return put(key, value)
	})
	return position(at), sum, err
}

// checkRestored refuses a state whose own position is not the stream's, whose pairs do not
// add up to its digest (the member that wrote the stream has lost some), whose evidence
// does not give a root, or that says of raft's log what does not decode.
func checkRestored(store pairs.Store, want position, sum statesum.Sum) (d statesum.Digest, err error) {
	r := store.Read()
	defer r.Close()
	p, err := readPosition(r)
	if err != nil {
		return d, err
	}
	if p != want {
		return d, fmt.Errorf("%w: the stream says %+v, its state %+v", ErrCorruptSnapshot, want, p)
	}
	if d, _, err = readDigest(r); err != nil {
		return d, fmt.Errorf("%w: %w", ErrCorruptSnapshot, err)
	}
	if d.Sum != sum {
		return d, fmt.Errorf("%w: its pairs do not add up to its digest", ErrCorruptSnapshot)
	}
	if _, err := evidence.Root(evidenceReader{r}, p.NextSeq); err != nil {
		return d, fmt.Errorf("%w: %w", ErrCorruptSnapshot, err)
	}
	if _, err := readShortened(r); err != nil {
		return d, fmt.Errorf("%w: %w", ErrCorruptSnapshot, err)
	}
	return d, nil
}
