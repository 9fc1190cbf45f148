package pairs

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"slices"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"github.com/weirdata/weir/consensus/damage"
	"github.com/weirdata/weir/consensus/logbridge"
	"github.com/weirdata/weir/consensus/tablecheck"
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
	// LargeValue is where a value moves to the value log, the most that badger
	// allows. What is written again and again, such as the classes of a family,
	// 100 kB at every query, has to stay below: compaction drops old versions,
	// while the value log is not even looked at before a whole memtable of
	// pointers, half a million of them, was flushed and compacted.
	LargeValue = 1 << 20
)

// Options say how pairs are kept.
type Options struct {
	// NoSync leaves writes to the operating system.
	NoSync bool
	// MemTable is the size of a memtable; 0: memTableBytes.
	MemTable int64
	Logger   *slog.Logger
}

func (o Options) badger(dir string) badger.Options {
	memTable := cmp.Or(o.MemTable, memTableBytes)
	return badger.DefaultOptions(dir).
		WithSyncWrites(!o.NoSync).
		WithLogger(logbridge.Badger{Logger: o.Logger}).
		WithMetricsEnabled(false).
		WithDetectConflicts(false). // there is one writer
		WithMemTableSize(memTable).
		WithNumMemtables(2).
		WithNumLevelZeroTables(3).
		WithNumLevelZeroTablesStall(8).
		WithNumCompactors(2).
		WithBaseLevelSize(levelPerMemTable * memTable).
		WithBaseTableSize(tableBytes).
		WithBlockSize(blockBytes).
		WithValueThreshold(LargeValue).
		WithChecksumVerificationMode(options.OnBlockRead). // see package tablecheck
		WithVerifyValueChecksum(true).
		WithValueLogFileSize(64 << 20).
		WithBlockCacheSize(32 << 20).
		WithIndexCacheSize(32 << 20).
		WithCompression(options.Snappy)
}

// filling are the options of a state that is being restored. Its keys come in
// order, so that tables of any size overlap nowhere and go down to the last
// level at once, whatever its size: every byte is written twice, and memory is
// that for small tables.
func (o Options) filling(dir string) badger.Options {
	const (
		memTable = 8 << 20 // transactions of 2.4 MiB; a key and a value beside it are 96 KiB at most
		table    = 4 << 20
	)
	o.NoSync = true
	return o.badger(dir).
		WithMemTableSize(memTable).
		WithNumLevelZeroTables(2).
		WithBaseLevelSize(math.MaxInt64 / 2).
		WithBaseTableSize(table)
}

// store is a badger.
type store struct {
	db  *badger.DB
	dir string
}

var _ Store = (*store)(nil)

// openStore opens a badger whose tables have the checksums that were written with them.
func openStore(o badger.Options) (*store, error) {
	if err := tablecheck.All(o.Dir); err != nil {
		return nil, damage.Opening(damage.State, err)
	}
	s := &store{dir: o.Dir}
	err := damage.Guard(damage.State, func() error {
		db, err := badger.Open(o)
		if err != nil {
			return damage.Opening(damage.State, err)
		}
		s.db = db
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Read implements Store.
func (s *store) Read() Reader { return reader{s.db.NewTransaction(false)} }

// Write implements Store.
func (s *store) Write(changes iter.Seq[Change]) error {
	txn := s.db.NewTransaction(true)
	defer txn.Discard()
	for c := range changes {
		var err error
		if c.Deleted {
			err = txn.Delete([]byte(c.Key))
		} else {
			err = txn.Set([]byte(c.Key), c.Value)
		}
		if err != nil {
			return err
		}
	}
	return txn.Commit()
}

// Room implements Store. The bounds are badger's.
func (s *store) Room() (keys, bytes int64) { return s.db.MaxBatchCount(), s.db.MaxBatchSize() }

// Collect implements Store.
func (s *store) Collect() error {
	for {
		switch err := s.db.RunValueLogGC(0.5); {
		case errors.Is(err, badger.ErrNoRewrite), errors.Is(err, badger.ErrRejected):
			return nil
		case err != nil:
			return fmt.Errorf("collect the value log: %w", err)
		}
	}
}

// Size implements Store.
func (s *store) Size() int64 {
	lsm, vlog := s.db.Size()
	return lsm + vlog
}

// Close implements Store.
func (s *store) Close() error { return s.db.Close() }

// Scrub implements Store.
func (s *store) Scrub(ctx context.Context, step int64, pause func(context.Context) error) error {
	for _, t := range s.db.Tables() {
		if err := s.scrubTable(t.ID); err != nil {
			return err
		}
		for read := int64(0); read <= int64(t.OnDiskSize); read += step {
			if err := pause(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// scrubTable verifies a table. One that is no part of the state any more is passed over,
// whatever its file has: a compaction has written its pairs to others, and badger cuts a file
// to nothing before it removes it (z.MmapFile.Delete).
func (s *store) scrubTable(id uint64) error {
	err := tablecheck.One(s.dir, id, options.Snappy)
	if err == nil || !slices.ContainsFunc(s.db.Tables(), func(t badger.TableInfo) bool { return t.ID == id }) {
		return nil
	}
	return damage.Opening(damage.State, err)
}

// reader is a transaction of badger's.
type reader struct{ txn *badger.Txn }

// Get implements Reader.
func (r reader) Get(key []byte) ([]byte, error) {
	item, err := r.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, storeError("read a key of the store", err)
	}
	v, err := item.ValueCopy([]byte{})
	if err != nil {
		return nil, storeError("read a value of the store", err)
	}
	return v, nil
}

// Walk implements Reader.
func (r reader) Walk(prefix, after []byte, down bool, fn func(key, value []byte) error) error {
	opts := badger.DefaultIteratorOptions
	opts.Prefix = prefix
	opts.PrefetchSize = 16
	opts.Reverse = down
	it := r.txn.NewIterator(opts)
	defer it.Close()
	start := append(bytes.Clone(prefix), after...)
	from := start
	if down && len(after) == 0 {
		from = append(start, 0xff) // greater than any name: they are UTF-8
	}
	for it.Seek(from); it.ValidForPrefix(prefix); it.Next() {
		item := it.Item()
		if len(after) > 0 && bytes.Equal(item.Key(), start) {
			continue
		}
		// fn's error must come out unwrapped and the store's wrapped, and
		// Value returns both.
		var fnErr error
		err := item.Value(func(value []byte) error {
			fnErr = fn(item.Key(), value)
			return nil
		})
		if err != nil {
			return storeError("read a value of the store", err)
		}
		if fnErr != nil {
			return fnErr
		}
	}
	return nil
}

// Close implements Reader.
func (r reader) Close() { r.txn.Discard() }

// storeError is err of badger's as damage of the state, unless it says that the state is
// closed.
func storeError(doing string, err error) error {
	err = fmt.Errorf("%s: %w", doing, err)
	if errors.Is(err, badger.ErrDBClosed) || errors.Is(err, badger.ErrDiscardedTxn) {
		return err
	}
	return damage.Of(damage.State, err)
}
