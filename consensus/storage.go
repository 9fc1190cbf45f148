package consensus

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"

	"github.com/weirdata/weir/consensus/damage"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/consensus/logbridge"
	"github.com/weirdata/weir/consensus/pairs"
)

// storage is what a ledger is kept in. The simulation keeps it in memory, which forgets at a crash
// what was not synced.
type storage interface {
	// readFile returns a small file, or an error that wraps os.ErrNotExist.
	readFile(name string) ([]byte, error)
	// writeFile replaces a small file in one step, durably.
	writeFile(name string, content []byte) error
	state() pairs.Generations
	openLog() (logStore, error)
	openSnapshots() (snapshotStore, error)
}

// logStore keeps raft's log, term and vote: what a call wrote is durable when it returns.
type logStore interface {
	raft.LogStore
	raft.StableStore
	Close() error
}

// snapshotStore keeps raft's snapshots.
type snapshotStore interface {
	raft.SnapshotStore
	has(id string) bool
	remove(id string) error
	unfinished() (ids []string, err error)
}

const (
	idFile        = "id"
	dirLog        = "wal"
	dirState      = "state"
	dirSnapshots  = "snapshots"
	unfinishedEnd = ".tmp" // of what raft calls a snapshot that is being written
)

// directory is storage in Options.Dir.
type directory struct{ o Options }

func (d directory) readFile(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(d.o.Dir, name))
}

func (d directory) writeFile(name string, content []byte) error {
	if err := os.MkdirAll(d.o.Dir, 0o700); err != nil {
		return fmt.Errorf("make the ledger's directory: %w", err)
	}
	return durable.Overwrite(filepath.Join(d.o.Dir, name), content)
}

func (d directory) state() pairs.Generations {
	return pairs.In(filepath.Join(d.o.Dir, dirState), pairs.Options{
		NoSync: d.o.NoSync, MemTable: d.o.MemTable, Logger: d.o.Logger.With(slog.String("component", "consensus")),
	})
}

// walStore is a raft-wal and its metadata, which it does not close: their file would stay locked.
type walStore struct {
	*wal.WAL
	meta *metadb.BoltMetaDB
}

func (s walStore) Close() error {
	var errs []error
	if s.WAL != nil {
		if err := s.WAL.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close the log: %w", err))
		}
	}
	if err := s.meta.Close(); err != nil {
		errs = append(errs, fmt.Errorf("close the log's metadata: %w", err))
	}
	return errors.Join(errs...)
}

func (d directory) openLog() (logStore, error) {
	dir := filepath.Join(d.o.Dir, dirLog)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the log's directory: %w", err)
	}
	s := walStore{meta: &metadb.BoltMetaDB{}}
	err := damage.Guard(PartLog, func() (err error) {
		s.WAL, err = wal.Open(dir, wal.WithMetaStore(s.meta), wal.WithLogger(logbridge.New(d.o.Logger, "raft-wal")))
		return damage.Opening(PartLog, err)
	})
	if err != nil {
		return nil, errors.Join(err, s.meta.Close())
	}
	return s, nil
}

// snapshotFiles are raft's snapshots as raft writes them to a directory.
type snapshotFiles struct {
	raft.SnapshotStore
	dir string
}

func (d directory) openSnapshots() (snapshotStore, error) {
	store, err := raft.NewFileSnapshotStoreWithLogger(d.o.Dir, keptSnapshots, logbridge.New(d.o.Logger, "raft-snapshot"))
	return snapshotFiles{store, filepath.Join(d.o.Dir, dirSnapshots)}, err
}

func (s snapshotFiles) has(id string) bool {
	_, err := os.Stat(filepath.Join(s.dir, id))
	return !errors.Is(err, os.ErrNotExist)
}

func (s snapshotFiles) remove(id string) error { return os.RemoveAll(filepath.Join(s.dir, id)) }

func (s snapshotFiles) unfinished() (ids []string, err error) {
	entries, err := os.ReadDir(s.dir)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), unfinishedEnd) {
			ids = append(ids, e.Name())
		}
	}
	return ids, err
}
