//go:build unix

package consensus

import (
	"encoding/binary"
	"path/filepath"
	"testing"

	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/consensus/pairs"
)

// overwriting sets one of eight keys to so many bytes that do not compress.
type overwriting int

func (size overwriting) Apply(tx records.Tx, seq uint64, _ []byte) ([]byte, error) {
	value := make([]byte, 0, size)
	for i := 0; len(value) < int(size); i++ {
		value = append(value, incompressible(int(seq)*977+i)...) //nolint:gosec // any number does
	}
	return nil, tx.Set(binary.BigEndian.AppendUint64(nil, seq%8), value[:size])
}

// TestOverwrittenValuesLeaveTheDisk: the classes of a family are a value of
// 100 kB that every query writes anew.
func TestOverwrittenValuesLeaveTheDisk(t *testing.T) {
	longrun.Only(t)
	if testing.Short() {
		t.Skip("moves much, on one goroutine")
	}
	const memTable, size = 8 << 20, 100_000
	dir := t.TempDir()
	s, err := openState(pairs.In(dir, pairs.Options{NoSync: true, MemTable: memTable, Logger: discard}), discard)
	if err != nil {
		t.Fatal(err)
	}
	written := 0
	for ; written < 160<<20; written += size {
		if _, err := s.applyBatch(overwriting(size), entries(s, "x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.collect(); err != nil {
		t.Fatal(err)
	}
	if used := diskBytes(t, dir); used > 10*memTable {
		t.Errorf("%d bytes on the disk after %d were written", used, written)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
}

// TestCompactedLogLeavesTheDisk: files of the log that hold nothing but what a
// snapshot covers are deleted, and two snapshots are kept.
func TestCompactedLogLeavesTheDisk(t *testing.T) {
	longrun.Only(t)
	inFakeTime(t, func(t *testing.T) {
		if testing.Short() {
			t.Skip("moves much, on one goroutine")
		}
		c := startCluster(t, 1, smallLog)
		l := c.leader()
		wal := filepath.Join(l.opts.Dir, "wal")
		entry := "note " + string(make([]byte, MaxEntryBytes-5))
		var most int64
		for i := range 150 { // 167 MB; a file of the log holds 64
			c.propose(entry)
			most = max(most, diskBytes(t, wal))
			if i%30 == 29 {
				if err := l.Snapshot(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		await(t, "the files of the log to go", func() bool { return diskBytes(t, wal) < 80<<20 })
		if most > 150<<20 {
			t.Errorf("the log took up to %d bytes", most)
		}
		if left, err := filepath.Glob(filepath.Join(l.opts.Dir, dirSnapshots, "*")); err != nil || len(left) != keptSnapshots {
			t.Errorf("%d snapshots are kept, %v", len(left), err)
		}
	})
}
