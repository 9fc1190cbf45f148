package consensus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/weirdata/weir/consensus/damage"
	"github.com/weirdata/weir/consensus/pairs"
	"github.com/weirdata/weir/consensus/snapstream"
	"github.com/weirdata/weir/consensus/statesum"
	"github.com/weirdata/weir/consensus/touched"
)

var positionKey = []byte{spaceMeta, 'p'}

const positionVersion = 1

// position is how far a state has come.
type position snapstream.Position

func (p position) encode() []byte {
	b := binary.BigEndian.AppendUint64([]byte{positionVersion}, p.Applied)
	return binary.BigEndian.AppendUint64(b, p.NextSeq)
}

func decodePosition(b []byte) (position, error) {
	if len(b) != 17 || b[0] != positionVersion {
		return position{}, fmt.Errorf("%w: the applied position does not decode", ErrInconsistent)
	}
	return position{Applied: binary.BigEndian.Uint64(b[1:]), NextSeq: binary.BigEndian.Uint64(b[9:])}, nil
}

func readPosition(r pairs.Reader) (position, error) {
	b, err := r.Get(positionKey)
	if err != nil || b == nil {
		return position{}, err
	}
	return decodePosition(b)
}

// generation is one open generation and who uses it.
type generation struct {
	deferred *pairs.Deferred
	store    *pairs.Recent // on top of deferred
	users    sync.WaitGroup
}

func (s *appliedState) generation(store pairs.Store) *generation {
	d := pairs.NewDeferred(store, &s.writes)
	return &generation{deferred: d, store: pairs.NewRecent(d)}
}

// appliedState is the current generation. One goroutine, raft's, changes it; any
// number read it.
type appliedState struct {
	generations pairs.Generations
	logger      *slog.Logger

	mu  sync.RWMutex // guards cur; users.Add happens under it
	cur *generation  // nil once closed

	applied atomic.Uint64
	nextSeq atomic.Uint64
	digest  atomic.Pointer[statesum.Digest] // at that position; never changed in place
	writes  atomic.Uint64                   // each of them with an fsync, of one entry or of many
	touched touched.Keys                    // by the entries up to that position

	retired sync.WaitGroup // generations that wait for their last reader
}

// openState opens the generation that counts. A state that it fails on holds nothing.
func openState(g pairs.Generations, logger *slog.Logger) (*appliedState, error) {
	s := &appliedState{generations: g, logger: logger}
	store, err := g.Open()
	if err != nil {
		return nil, err
	}
	s.cur = s.generation(store)
	err = damage.Guard(PartState, func() error {
		if err := ensureDigest(s.cur.store); err != nil {
			return err
		}
		return s.loadPosition()
	})
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// stateIn is where a state is kept in a directory.
func stateIn(dir string, noSync bool, logger *slog.Logger) pairs.Generations {
	return pairs.In(dir, pairs.Options{NoSync: noSync, Logger: logger})
}

func (s *appliedState) loadPosition() error {
	return s.view(func(r pairs.Reader) error {
		p, d, err := readSummed(r)
		if err == nil {
			s.touched.Forget(p.Applied)
			s.setPosition(p, d)
		}
		return err
	})
}

func (s *appliedState) setPosition(p position, d statesum.Digest) {
	s.digest.Store(&d)
	s.nextSeq.Store(p.NextSeq)
	s.applied.Store(p.Applied)
}

func (s *appliedState) currentDigest() statesum.Digest {
	if d := s.digest.Load(); d != nil {
		return *d
	}
	return statesum.Digest{}
}

func (s *appliedState) position() position {
	return position{Applied: s.applied.Load(), NextSeq: s.nextSeq.Load()}
}

// acquire holds the current generation open until it is released.
func (s *appliedState) acquire() (*generation, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.cur == nil {
		return nil, ErrClosed
	}
	s.cur.users.Add(1)
	return s.cur, nil
}

func (g *generation) release() { g.users.Done() }

// view runs fn on one consistent version.
func (s *appliedState) view(fn func(pairs.Reader) error) error {
	g, err := s.acquire()
	if err != nil {
		return err
	}
	defer g.release()
	return damage.Guard(PartState, func() error {
		r := g.store.Read()
		defer r.Close()
		return fn(r)
	})
}

// collect gives back the space of overwritten large values. It must not run
// beside a restore's swap for long.
func (s *appliedState) collect() error {
	g, err := s.acquire()
	if err != nil {
		return err
	}
	defer g.release()
	return g.store.Collect()
}

// size is what the current generation takes on the disk, in bytes.
func (s *appliedState) size() int64 {
	g, err := s.acquire()
	if err != nil {
		return 0
	}
	defer g.release()
	return g.store.Size()
}

// close waits for readers, then closes. Later calls do nothing.
func (s *appliedState) close() error {
	s.mu.Lock()
	g := s.cur
	s.cur = nil
	s.mu.Unlock()
	s.retired.Wait()
	if g == nil {
		return nil
	}
	g.users.Wait()
	if err := g.store.Close(); err != nil {
		return fmt.Errorf("close the state: %w", err)
	}
	return nil
}
