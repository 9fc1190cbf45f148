package consensus

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"

	"github.com/weirdata/weir/consensus/evidence"
)

// restore replaces the state by that of a snapshot stream. The stream fills a
// generation of its own, which counts only from the moment when CURRENT names
// it: readers go on with the old state until then, a damaged stream leaves it
// as it was, and a crash leaves a generation that the next start removes.
func (s *state) restore(r io.Reader) error {
	s.mu.RLock()
	if s.cur == nil {
		s.mu.RUnlock()
		return ErrClosed
	}
	old := s.cur
	s.mu.RUnlock()
	n, err := generationNumber(filepath.Base(old.dir))
	if err != nil {
		return err
	}
	name := generationName(n + 1)
	dir := filepath.Join(s.dir, name)
	next, p, err := s.fill(dir, r)
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.setCurrent(name); err != nil {
		// CURRENT may or may not have been replaced: keep both directories.
		return errors.Join(err, next.db.Close())
	}
	s.mu.Lock()
	if s.cur == nil {
		s.mu.Unlock()
		return errors.Join(ErrClosed, next.db.Close())
	}
	s.cur = next
	s.setPosition(p)
	s.retired.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.retired.Done()
		s.retire(old)
	}()
	return nil
}

// retire closes a replaced generation after its last reader and removes it.
func (s *state) retire(old *generation) {
	old.users.Wait()
	if err := errors.Join(old.db.Close(), os.RemoveAll(old.dir)); err != nil {
		// It does not count any more, and the next start tries again.
		s.logger.Warn("removing a replaced state",
			slog.String("generation", filepath.Base(old.dir)), slog.String("error", err.Error()))
	}
}

// fill loads a stream into a new badger in dir, checks that it is whole, and
// opens it for use.
func (s *state) fill(dir string, r io.Reader) (*generation, position, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, position{}, fmt.Errorf("making room for the restored state: %w", err)
	}
	// Until the whole stream is there nothing of it counts, so that one sync at
	// the end is enough.
	db, err := badger.Open(s.fillOptions(dir))
	if err != nil {
		return nil, position{}, fmt.Errorf("opening the state to restore into: %w", err)
	}
	p, err := load(db, r)
	if err == nil {
		err = db.Sync()
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, position{}, fmt.Errorf("restoring a snapshot: %w", err)
	}
	if err := syncTree(dir); err != nil {
		return nil, position{}, fmt.Errorf("restoring a snapshot: %w", err)
	}
	if db, err = badger.Open(s.options(dir, s.noSync)); err != nil {
		return nil, position{}, fmt.Errorf("opening the restored state: %w", err)
	}
	if err := checkRestored(db, p); err != nil {
		return nil, position{}, errors.Join(err, db.Close())
	}
	return &generation{db: db, dir: dir}, p, nil
}

// fillOptions are those of a state that is being restored. Its keys come in
// order, so that tables of any size overlap nowhere and go down to the last
// level at once, whatever its size: every byte is written twice, and memory is
// that for small tables.
func (s *state) fillOptions(dir string) badger.Options {
	const (
		memTable = 8 << 20 // transactions of 2.4 MiB; a key and a value beside it are 96 KiB at most
		table    = 4 << 20
	)
	return s.options(dir, true).
		WithMemTableSize(memTable).
		WithNumLevelZeroTables(2).
		WithBaseLevelSize(math.MaxInt64 / 2).
		WithBaseTableSize(table)
}

// load writes the pairs of a stream, in as many transactions as they need.
func load(db *badger.DB, r io.Reader) (position, error) {
	wb := db.NewWriteBatch()
	defer wb.Cancel()
	p, err := readSnapshot(r, func(key, value []byte) error {
		k, v := append([]byte{}, key...), append([]byte{}, value...)
		if err := wb.Set(k, v); err != nil {
			return fmt.Errorf("writing the restored state: %w", err)
		}
		return nil
	})
	if err != nil {
		return position{}, err
	}
	if err := wb.Flush(); err != nil {
		return position{}, fmt.Errorf("writing the restored state: %w", err)
	}
	return p, nil
}

// checkRestored refuses a state whose own position is not the stream's, or whose
// evidence does not give a root.
func checkRestored(db *badger.DB, want position) error {
	return db.View(func(txn *badger.Txn) error {
		p, err := readPosition(txn)
		if err != nil {
			return err
		}
		if p != want {
			return fmt.Errorf("%w: the stream says %+v, its state %+v", ErrCorruptSnapshot, want, p)
		}
		if _, err := evidence.Root(evidenceReader{txn}, p.NextSeq); err != nil {
			return fmt.Errorf("%w: %w", ErrCorruptSnapshot, err)
		}
		return nil
	})
}

// syncTree makes the files of a flat directory, and their names, durable.
func syncTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		f, err := os.OpenFile(filepath.Join(dir, e.Name()), os.O_RDWR, 0)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return errors.Join(syncDir(dir), syncDir(filepath.Dir(dir)))
}
