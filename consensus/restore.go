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

	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/consensus/snapstream"
	"github.com/weirdata/weir/consensus/statesum"
)

// restore replaces the state by that of a snapshot stream. The stream fills a
// generation of its own, which counts only from the moment when CURRENT names
// it: readers go on with the old state until then, a damaged stream leaves it
// as it was, and a crash leaves a generation that the next start removes.
func (s *appliedState) restore(r io.Reader) error {
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
	s.setPosition(p, next.digest)
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
	if err := errors.Join(old.db.Close(), os.RemoveAll(old.dir)); err != nil {
		// It does not count any more, and the next start tries again.
		s.logger.Warn("removing a replaced state",
			slog.String("generation", filepath.Base(old.dir)), slog.String("error", err.Error()))
	}
}

// fill loads a stream into a new badger in dir, checks that it is whole, and
// opens it for use.
func (s *appliedState) fill(dir string, r io.Reader) (*generation, position, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, position{}, fmt.Errorf("make room for the restored state: %w", err)
	}
	// Until the whole stream is there nothing of it counts, so that one sync at
	// the end is enough.
	db, err := badger.Open(s.fillOptions(dir))
	if err != nil {
		return nil, position{}, fmt.Errorf("open the state to restore into: %w", err)
	}
	p, sum, err := load(db, r)
	if err == nil {
		err = db.Sync()
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, position{}, fmt.Errorf("restore a snapshot: %w", err)
	}
	if err := syncTree(dir); err != nil {
		return nil, position{}, fmt.Errorf("restore a snapshot: %w", err)
	}
	if db, err = openGeneration(s.options(dir, s.noSync)); err != nil {
		return nil, position{}, fmt.Errorf("open the restored state: %w", err)
	}
	d, err := checkRestored(db, p, sum)
	if err != nil {
		return nil, position{}, errors.Join(err, db.Close())
	}
	return &generation{db: db, dir: dir, digest: d}, p, nil
}

// fillOptions are those of a state that is being restored. Its keys come in
// order, so that tables of any size overlap nowhere and go down to the last
// level at once, whatever its size: every byte is written twice, and memory is
// that for small tables.
func (s *appliedState) fillOptions(dir string) badger.Options {
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

// load writes the pairs of a stream, in as many transactions as they need, and adds them up.
func load(db *badger.DB, r io.Reader) (p position, sum statesum.Sum, err error) {
	wb := db.NewWriteBatch()
	defer wb.Cancel()
	at, err := snapstream.Read(r, func(key, value []byte) error {
		k, v := append([]byte{}, key...), append([]byte{}, value...)
		if k[0] != spaceMeta {
			sum.Add(k, v)
		}
		if err := wb.Set(k, v); err != nil {
			return fmt.Errorf("write the restored state: %w", err)
		}
		return nil
	})
	if err != nil {
		return position{}, sum, err
	}
	if err := wb.Flush(); err != nil {
		return position{}, sum, fmt.Errorf("write the restored state: %w", err)
	}
	return position(at), sum, nil
}

// checkRestored refuses a state whose own position is not the stream's, whose pairs do not
// add up to its digest (the member that wrote the stream has lost some), or whose evidence
// does not give a root.
func checkRestored(db *badger.DB, want position, sum statesum.Sum) (d statesum.Digest, err error) {
	err = db.View(func(txn *badger.Txn) error {
		p, err := readPosition(txn)
		if err != nil {
			return err
		}
		if p != want {
			return fmt.Errorf("%w: the stream says %+v, its state %+v", ErrCorruptSnapshot, want, p)
		}
		if d, _, err = readDigest(txn); err != nil {
			return fmt.Errorf("%w: %w", ErrCorruptSnapshot, err)
		}
		if d.Sum != sum {
			return fmt.Errorf("%w: its pairs do not add up to its digest", ErrCorruptSnapshot)
		}
		if _, err := evidence.Root(evidenceReader{txn}, p.NextSeq); err != nil {
			return fmt.Errorf("%w: %w", ErrCorruptSnapshot, err)
		}
		return nil
	})
	return d, err
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
	return errors.Join(durable.SyncDir(dir), durable.SyncDir(filepath.Dir(dir)))
}
