package consensus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/consensus/logbridge"
	"github.com/weirdata/weir/consensus/snapstream"
	"github.com/weirdata/weir/consensus/statesum"
	"github.com/weirdata/weir/consensus/tablecheck"
)

// The state lives in a directory of badger's below Dir/state, named by its
// generation. The file CURRENT names the one that counts. A restore fills the
// next generation and then replaces CURRENT, so that at any moment there is
// exactly one whole state, whatever crashes.
const (
	currentFile      = "CURRENT"
	generationPrefix = "gen-"
)

const (
	// memTableBytes gives a transaction room for 9.6 MiB and 104,857 keys, which
	// is what the limits of one entry are derived from. Three nodes on a small
	// machine share it well: a memtable's pages are touched as it fills.
	memTableBytes = 64 << 20
	// levelPerMemTable sizes the level below the memtables by theirs: were it
	// smaller than what is flushed until it is compacted, every byte would be
	// written once more for each level that is too small.
	levelPerMemTable = 4
	// tableBytes is the size of that level's tables.
	tableBytes = 4 << 20
	// blockBytes is what is compressed together: envelopes say much the same, and
	// in blocks of badger's 4 KiB nothing of that shows (measured: 0.92 of the
	// bytes, against 0.67).
	blockBytes = 16 << 10
	// largeValue is where a value moves to the value log, the most that badger
	// allows. What is written again and again, such as the classes of a family,
	// 100 kB at every query, has to stay below: compaction drops old versions,
	// while the value log is not even looked at before a whole memtable of
	// pointers, half a million of them, was flushed and compacted.
	largeValue = 1 << 20
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

func readPosition(txn *badger.Txn) (position, error) {
	b, err := getValue(txn, positionKey)
	if err != nil || b == nil {
		return position{}, err
	}
	return decodePosition(b)
}

// generation is one open badger and who uses it.
type generation struct {
	db    *badger.DB
	dir   string
	users sync.WaitGroup
	// digest is that of a generation that was just restored.
	digest statesum.Digest
}

// appliedState is the current generation. One goroutine, raft's, changes it; any
// number read it.
type appliedState struct {
	dir      string
	noSync   bool
	memTable int64 // memTableBytes but in tests
	logger   *slog.Logger

	mu  sync.RWMutex // guards cur; users.Add happens under it
	cur *generation  // nil once closed

	applied atomic.Uint64
	nextSeq atomic.Uint64
	digest  atomic.Pointer[statesum.Digest] // at that position; never changed in place

	retired sync.WaitGroup // generations that wait for their last reader
}

func openState(dir string, noSync bool, logger *slog.Logger) (*appliedState, error) {
	s := &appliedState{dir: dir, noSync: noSync, memTable: memTableBytes, logger: logger}
	return s, s.open()
}

// open opens the generation that counts. A state that it fails on holds nothing.
func (s *appliedState) open() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("make the state directory: %w", err)
	}
	name, err := s.current()
	if err != nil {
		return err
	}
	if err := s.dropOthers(name); err != nil {
		return err
	}
	dir := filepath.Join(s.dir, name)
	db, err := openGeneration(s.options(dir, s.noSync))
	if err != nil {
		return fmt.Errorf("open the state %s: %w", name, err)
	}
	s.cur = &generation{db: db, dir: dir}
	if err := guarded(PartState, s.loadPosition); err != nil {
		return errors.Join(err, s.close())
	}
	return nil
}

// openGeneration opens a badger whose tables have the checksums that were written with them.
func openGeneration(o badger.Options) (db *badger.DB, err error) {
	if err := tablecheck.All(o.Dir); err != nil {
		return nil, openError(PartState, err)
	}
	err = guarded(PartState, func() error {
		opened, err := badger.Open(o)
		if err != nil {
			return openError(PartState, err)
		}
		db = opened
		return ensureDigest(db)
	})
	if err != nil && db != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, err
}

func (s *appliedState) options(dir string, noSync bool) badger.Options {
	return badger.DefaultOptions(dir).
		WithSyncWrites(!noSync).
		WithLogger(logbridge.Badger{Logger: s.logger}).
		WithMetricsEnabled(false).
		WithDetectConflicts(false). // there is one writer
		WithMemTableSize(s.memTable).
		WithNumMemtables(2).
		WithNumLevelZeroTables(3).
		WithNumLevelZeroTablesStall(8).
		WithNumCompactors(2).
		WithBaseLevelSize(levelPerMemTable * s.memTable).
		WithBaseTableSize(tableBytes).
		WithBlockSize(blockBytes).
		WithValueThreshold(largeValue).
		WithChecksumVerificationMode(options.OnBlockRead). // see package tablecheck
		WithVerifyValueChecksum(true).
		WithValueLogFileSize(64 << 20).
		WithBlockCacheSize(32 << 20).
		WithIndexCacheSize(32 << 20).
		WithCompression(options.Snappy)
}

// current reads CURRENT, or creates it for a new directory.
func (s *appliedState) current() (string, error) {
	b, err := os.ReadFile(filepath.Join(s.dir, currentFile))
	if errors.Is(err, os.ErrNotExist) {
		name := generationName(1)
		return name, s.setCurrent(name)
	}
	if err != nil {
		return "", fmt.Errorf("read which state counts: %w", err)
	}
	name := strings.TrimSuffix(string(b), "\n")
	if _, err := generationNumber(name); err != nil {
		return "", damaged(PartState, fmt.Errorf("read %s: %w", currentFile, err))
	}
	return name, nil
}

func generationName(n uint64) string { return fmt.Sprintf("%s%08d", generationPrefix, n) }

func generationNumber(name string) (uint64, error) {
	var n uint64
	if _, err := fmt.Sscanf(name, generationPrefix+"%d", &n); err != nil || generationName(n) != name {
		return 0, fmt.Errorf("%w: %q is not the name of a state", ErrInconsistent, name)
	}
	return n, nil
}

// setCurrent replaces CURRENT durably.
func (s *appliedState) setCurrent(name string) error {
	if err := replaceFile(filepath.Join(s.dir, currentFile), []byte(name+"\n")); err != nil {
		return fmt.Errorf("name the state that counts: %w", err)
	}
	return nil
}

// replaceFile writes a file beside path, and renames it when it is on the disk.
func replaceFile(path string, content []byte) error {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(path))
}

// dropOthers removes generations that do not count: a restore that a crash cut
// short, or a state that a restore replaced.
func (s *appliedState) dropOthers(keep string) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("list the states: %w", err)
	}
	other := func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), generationPrefix) && e.Name() != keep }
	if _, err := os.Stat(filepath.Join(s.dir, keep)); errors.Is(err, os.ErrNotExist) && slices.ContainsFunc(entries, other) {
		return damaged(PartState, fmt.Errorf("%s names %s, which is not there, while another is", currentFile, keep))
	}
	for _, e := range entries {
		if !other(e) {
			continue
		}
		s.logger.Warn("removing a state that does not count", slog.String("generation", e.Name()))
		if err := os.RemoveAll(filepath.Join(s.dir, e.Name())); err != nil {
			return fmt.Errorf("remove an old state: %w", err)
		}
	}
	return nil
}

func (s *appliedState) loadPosition() error {
	return s.view(func(txn *badger.Txn) error {
		p, d, err := readSummed(txn)
		if err == nil {
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
func (s *appliedState) view(fn func(*badger.Txn) error) error {
	g, err := s.acquire()
	if err != nil {
		return err
	}
	defer g.release()
	return guarded(PartState, func() error {
		txn := g.db.NewTransaction(false)
		defer txn.Discard()
		return fn(txn)
	})
}

// collect gives back the space of overwritten large values. It must not run
// beside a restore's swap for long, so it takes one file at a time.
func (s *appliedState) collect() error {
	g, err := s.acquire()
	if err != nil {
		return err
	}
	defer g.release()
	for {
		switch err := g.db.RunValueLogGC(0.5); {
		case errors.Is(err, badger.ErrNoRewrite), errors.Is(err, badger.ErrRejected):
			return nil
		case err != nil:
			return fmt.Errorf("collect the value log: %w", err)
		}
	}
}

// size is what the current generation takes on the disk, in bytes.
func (s *appliedState) size() int64 {
	g, err := s.acquire()
	if err != nil {
		return 0
	}
	defer g.release()
	lsm, vlog := g.db.Size()
	return lsm + vlog
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
	if err := g.db.Close(); err != nil {
		return fmt.Errorf("close the state: %w", err)
	}
	return nil
}
