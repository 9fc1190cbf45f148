package tiles

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// What the store's badger is given, and why. Three nodes share small machines,
// and a tile is 369 kB under a key of 33 bytes, so almost everything is in segment
// files and the LSM tree is tiny.
const (
	// Blobs from here on go to segment files; smaller ones stay in the tree. Stores of format 1 have
	// the larger ones in badger's value log.
	valueThreshold = 64 << 10
	// A key with its value pointer takes about 100 bytes: a memtable lists
	// some 20 GB of tiles. A transaction may hold 15 % of it, which must be
	// more than valueThreshold.
	memTableSize = 4 << 20
	// A file is what can be rewritten in well under a second.
	segmentBytes = 128 << 20
	// Badger keeps two and flushes the older one.
	numMemtables = 2
)

// Defaults of StoreOptions.
const (
	// DefaultMinFree leaves room for badger's tables and for one segment
	// file rewritten by garbage collection, several times over.
	DefaultMinFree = 1 << 30
	// DefaultGCInterval is rare because blobs are deleted only with a dropped
	// version.
	DefaultGCInterval = 10 * time.Minute
	// DefaultMaxBlob bounds what one Put takes. Of what is stored, a presence
	// that does not compress is the largest.
	DefaultMaxBlob = 48 << 20
)

// StoreOptions configure a Store. The zero value is complete.
type StoreOptions struct {
	MinFree    uint64        // bytes free on the disk below which Put returns ErrFull; 0: DefaultMinFree
	MaxBlob    int           // bytes; 0: DefaultMaxBlob
	GCInterval time.Duration // 0: DefaultGCInterval
	Logger     *slog.Logger  // of badger's own messages; nil: none

	// Free reports the bytes that the file system of a directory has left for
	// this process. nil: the store does not look, and a full disk ends the process.
	Free func(dir string) (uint64, error)
	// Ticks makes the timer that garbage collection runs by, and the function
	// that stops it. nil: time.NewTicker.
	Ticks func(every time.Duration) (ticks <-chan time.Time, stop func())

	// Old has a store that is not there yet begun in the format before segment files, until Upgrade.
	Old bool

	// What tests set: smaller files, how a file is written, and who is told how far a write is.
	segmentBytes int64
	write        func(f *os.File, b []byte, at int64) (int, error)
	step         func(name string)
}

func (o StoreOptions) withDefaults() (StoreOptions, error) {
	if o.MaxBlob < 0 || o.GCInterval < 0 {
		return o, errors.New("MaxBlob and GCInterval must not be negative")
	}
	o.MinFree = cmp.Or(o.MinFree, DefaultMinFree)
	o.MaxBlob = cmp.Or(o.MaxBlob, DefaultMaxBlob)
	o.GCInterval = cmp.Or(o.GCInterval, DefaultGCInterval)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Free == nil {
		o.Free = func(string) (uint64, error) { return math.MaxUint64, nil }
	}
	if o.Ticks == nil {
		o.Ticks = func(every time.Duration) (<-chan time.Time, func()) {
			t := time.NewTicker(every)
			return t.C, t.Stop
		}
	}
	o.segmentBytes = cmp.Or(o.segmentBytes, segmentBytes)
	if int64(o.MaxBlob) > o.segmentBytes/2 {
		return o, fmt.Errorf("MaxBlob %d is more than half a segment file (%d bytes)", o.MaxBlob, o.segmentBytes)
	}
	return o, nil
}

// badgerOptions: no compression, because ciphertexts do not compress; no cache,
// because uncompressed tables are read through the page
// cache; no conflict detection, because writing holds the others up; checksums of values in the value log
// verified at every read, because badger goes by the lengths in their headers.
//
// SyncWrites is off: what must survive a power cut is a version, not a tile,
// and whoever acknowledges one calls Sync first. A process that is killed loses
// nothing, since writes are in the page cache. A cut before Sync may leave a
// key whose value never reached the disk; that is read as ErrCorrupt and
// fetched from a peer.
func badgerOptions(dir string, o StoreOptions) badger.Options {
	return badger.DefaultOptions(dir).
		WithValueThreshold(valueThreshold).
		WithMemTableSize(memTableSize).
		WithNumMemtables(numMemtables).
		WithValueLogFileSize(o.segmentBytes).
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithIndexCacheSize(0).
		WithDetectConflicts(false).
		WithSyncWrites(false).
		WithVerifyValueChecksum(true).
		WithNumCompactors(2).
		WithNumGoroutines(2).
		WithMetricsEnabled(false).
		WithLogger(badgerLog{o.Logger})
}

// badgerLog passes badger's messages on. Its information is of no interest to
// anyone but a developer.
type badgerLog struct{ log *slog.Logger }

func (b badgerLog) Errorf(format string, args ...any)   { b.log.Error(fmt.Sprintf(format, args...)) }
func (b badgerLog) Warningf(format string, args ...any) { b.log.Warn(fmt.Sprintf(format, args...)) }
func (b badgerLog) Infof(format string, args ...any)    { b.log.Debug(fmt.Sprintf(format, args...)) }
func (b badgerLog) Debugf(format string, args ...any)   { b.log.Debug(fmt.Sprintf(format, args...)) }
