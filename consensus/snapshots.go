package consensus

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/hashicorp/raft"
)

const (
	// keptSnapshots is two, so that one that arrives damaged does not push out
	// the last good one, without which the compacted log has no beginning.
	keptSnapshots = 2
	// spaceCheckBytes is how much is written between two looks at the free space.
	spaceCheckBytes = 16 << 20
)

// snapshots are raft's snapshots on the disk. It adds what raft's own store
// leaves undone: it removes what a crash left unfinished, stops before the disk
// is full, and notices snapshots that cannot be read. Raft opens none but the
// newest, for a member that was away; when that is damaged, the member could
// not be helped until the next one is due, many entries later.
type snapshots struct {
	snapshotStore
	logger  *slog.Logger
	applied func() uint64 // how far the state has come
	space   func() error  // nil while there is enough

	mu      sync.Mutex
	damaged map[string]bool // by id: those to replace by a new one
	// wanted has a message when damaged got its first.
	wanted chan struct{}
}

var _ raft.SnapshotStore = (*snapshots)(nil)

func openSnapshots(o Options, logger *slog.Logger, applied func() uint64) (*snapshots, error) {
	store, err := o.storage.openSnapshots()
	if err != nil {
		return nil, fmt.Errorf("open the snapshots: %w", err)
	}
	s := &snapshots{
		snapshotStore: store, logger: logger, applied: applied,
		space:   func() error { return enoughSpace(o) },
		damaged: map[string]bool{}, wanted: make(chan struct{}, 1),
	}
	return s, s.sweep()
}

// newestIndex is the log index of the newest snapshot, 0 without one.
func (s *snapshots) newestIndex() (uint64, error) {
	list, err := s.List()
	if err != nil {
		return 0, fmt.Errorf("list the snapshots: %w", err)
	}
	if len(list) == 0 {
		return 0, nil
	}
	return list[0].Index, nil
}

// enoughSpace is ErrDiskFull when less than what is to be kept free is free.
func enoughSpace(o Options) error {
	free, err := o.Free(o.Dir)
	if err != nil {
		return err
	}
	if free < o.MinFreeBytes {
		return fmt.Errorf("%w: %d bytes left, %d are kept free", ErrDiskFull, free, o.MinFreeBytes)
	}
	return nil
}

// sweep removes what was being written or received when the process was killed.
// Each is as large as the state, and nobody else removes it.
func (s *snapshots) sweep() error {
	unfinished, err := s.unfinished()
	if err != nil {
		return fmt.Errorf("list the snapshots: %w", err)
	}
	for _, id := range unfinished {
		s.logger.Warn("removing an unfinished snapshot", slog.String("snapshot", id))
		if err := s.remove(id); err != nil {
			return fmt.Errorf("remove an unfinished snapshot: %w", err)
		}
	}
	return nil
}

// Create implements raft.SnapshotStore.
func (s *snapshots) Create(version raft.SnapshotVersion, index, term uint64, members raft.Configuration,
	membersIndex uint64, trans raft.Transport) (raft.SnapshotSink, error) {
	if err := s.space(); err != nil {
		return nil, err
	}
	sink, err := s.snapshotStore.Create(version, index, term, members, membersIndex, trans)
	if err != nil {
		return nil, err
	}
	return &spaceSink{SnapshotSink: sink, index: index, space: s.space}, nil
}

// Open implements raft.SnapshotStore. What it returns was read once and has the
// checksum that was written with it; ErrCorruptSnapshot where that is not so.
func (s *snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	meta, r, err := s.snapshotStore.Open(id)
	if err == nil {
		return meta, r, nil
	}
	err = fmt.Errorf("%w: opening %s: %w", ErrCorruptSnapshot, id, err)
	if !s.has(id) {
		return nil, nil, err // two newer ones were written meanwhile
	}
	s.note(id, err)
	return nil, nil, errors.Join(err, s.removeNewest(err))
}

// note remembers a snapshot that cannot be read, so that another is written. It
// stays until then: raft goes by its index and its members when it starts, and
// the state has what it had.
func (s *snapshots) note(id string, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.damaged[id] {
		return
	}
	s.logger.Error("a snapshot cannot be read", slog.String("snapshot", id), slog.String("error", why.Error()))
	s.damaged[id] = true
	select {
	case s.wanted <- struct{}{}:
	default:
	}
}

// isWanted tells whether there is a damaged snapshot to replace.
func (s *snapshots) isWanted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.damaged) > 0
}

// settle removes the damaged snapshots when the newest is a sound one.
func (s *snapshots) settle() error {
	list, err := s.List()
	if err != nil {
		return fmt.Errorf("list the snapshots: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(list) == 0 || s.damaged[list[0].ID] {
		return nil
	}
	var errs []error
	for id := range s.damaged {
		err := s.drop(id)
		if err == nil {
			delete(s.damaged, id)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// discard removes a snapshot that the state has not come as far as, and that
// cannot be read: nothing of the log was removed for its sake.
func (s *snapshots) discard(id string, why error) error {
	s.logger.Error("removing a damaged snapshot", slog.String("snapshot", id), slog.String("error", why.Error()))
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.damaged, id)
	return s.drop(id)
}

func (s *snapshots) drop(id string) error {
	if err := s.remove(id); err != nil {
		return fmt.Errorf("remove a damaged snapshot: %w", err)
	}
	return nil
}

// removeNewest removes the newest snapshot when the state is behind it: it was
// received just now and could not be restored.
func (s *snapshots) removeNewest(why error) error {
	list, err := s.List()
	if err != nil {
		return fmt.Errorf("list the snapshots: %w", err)
	}
	if len(list) == 0 || list[0].Index <= s.applied() {
		return nil
	}
	return s.discard(list[0].ID, why)
}

// spaceSink is a snapshot being written that stops before the disk is full:
// a state on the same disk would be killed by that.
type spaceSink struct {
	raft.SnapshotSink
	index   uint64 // of the snapshot
	space   func() error
	pending int // bytes since the last look
}

// Write implements io.Writer.
func (s *spaceSink) Write(b []byte) (int, error) {
	if s.pending += len(b); s.pending >= spaceCheckBytes {
		s.pending = 0
		if err := s.space(); err != nil {
			return 0, err
		}
	}
	return s.SnapshotSink.Write(b)
}

// spaceReader does the same for a stream that is being restored.
type spaceReader struct {
	io.Reader
	space   func() error
	pending int
	full    error // for good: a caller that had enough bytes may not have looked
}

// Read implements io.Reader.
func (s *spaceReader) Read(b []byte) (int, error) {
	if s.full != nil {
		return 0, s.full
	}
	n, err := s.Reader.Read(b)
	if s.pending += n; s.pending >= spaceCheckBytes {
		s.pending, s.full = 0, s.space()
	}
	return n, err
}
