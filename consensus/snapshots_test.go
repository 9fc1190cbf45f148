package consensus

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirdata/weir/consensus/snapstream"
)

// breakSnapshot is what disks and crashes do to a file.
var harm = map[string]func(b []byte) []byte{
	"flipped":      func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
	"half-written": func(b []byte) []byte { return b[:len(b)/2] },
	"empty":        func([]byte) []byte { return nil },
}

// spoil damages a file of the newest snapshot and returns the snapshot's id.
func spoil(t *testing.T, l *Ledger, file, how string) string {
	t.Helper()
	list, err := l.disk.snaps.List()
	if err != nil || len(list) == 0 {
		t.Fatalf("%d snapshots, %v", len(list), err)
	}
	path := filepath.Join(l.opts.Dir, dirSnapshots, list[0].ID, file)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, harm[how](b), 0o600); err != nil {
		t.Fatal(err)
	}
	return list[0].ID
}

// TestDamagedSnapshotIsReplacedForTheMemberThatNeedsIt: the log no longer has
// what the late member lacks, and what the leader has of it is damaged.
func TestDamagedSnapshotIsReplacedForTheMemberThatNeedsIt(t *testing.T) {
	for how := range harm {
		t.Run(how, func(t *testing.T) {
			inFakeTime(t, func(t *testing.T) {
				c := startCluster(t, 3, smallLog)
				c.propose("set a 0")
				c.settle()
				late := "n1"
				if c.leader().opts.ID == late {
					late = "n2"
				}
				c.stop(late)
				for i := range 9 {
					c.propose(fmt.Sprintf("set a %d", i+1))
				}
				c.settle()
				spoilt := map[*Ledger]string{}
				for _, l := range c.running() {
					if err := l.Snapshot(t.Context()); err != nil {
						t.Fatal(err)
					}
					spoilt[l] = spoil(t, l, "state.bin", how)
				}
				l := c.start(late)
				c.sameTrees()
				if got := get(t, l, "a"); got != "9" {
					t.Errorf("the late member has %q, want 9", got)
				}
				if currentGeneration(t, l) != generationName(2) {
					t.Errorf("the state is %s: no snapshot was restored", currentGeneration(t, l))
				}
				// Whoever helped the late member, who need not lead any more.
				await(t, "the damaged snapshot to go", func() bool {
					for l, id := range spoilt {
						if _, err := os.Stat(filepath.Join(l.opts.Dir, dirSnapshots, id)); errors.Is(err, os.ErrNotExist) {
							return true
						}
					}
					return false
				})
			})
		})
	}
}

// TestReceivedSnapshotThatCannotBeReadIsRemoved: the disk damaged it before it
// was restored, and the node starts from what it had.
func TestReceivedSnapshotThatCannotBeReadIsRemoved(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 1, smallLog)
		c.propose("set a 1")
		l := c.leader()
		if err := l.Snapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
		id := spoil(t, l, "state.bin", "flipped")
		sound := l.disk.snaps.applied
		l.disk.snaps.applied = func() uint64 { return 0 } // the state has not come as far
		_, _, err := l.disk.snaps.Open(id)
		l.disk.snaps.applied = sound
		if !errors.Is(err, ErrCorruptSnapshot) {
			t.Errorf("opening it: %v", err)
		}
		if _, err := os.Stat(filepath.Join(l.opts.Dir, dirSnapshots, id)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("it is still there: %v", err)
		}
		if l.disk.snaps.isWanted() {
			t.Error("another is to be written for it, of a state that it is ahead of")
		}
		if _, _, err := l.disk.snaps.Open(id); !errors.Is(err, ErrCorruptSnapshot) || l.disk.snaps.isWanted() {
			t.Errorf("opening what is gone: %v", err)
		}
	})
}

// TestLogThatNoSnapshotReachesIsRefused: raft would panic over the entries that
// are missing between the snapshot before and the log.
func TestLogThatNoSnapshotReachesIsRefused(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 1, smallLog)
		l := c.leader()
		for i := range 20 {
			c.propose(fmt.Sprintf("set a %d", i))
			if i%10 == 9 {
				if err := l.Snapshot(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		spoil(t, l, "meta.json", "half-written")
		c.stop("n1")
		_, err := c.open("n1")
		if !errors.Is(err, ErrInconsistent) || !strings.Contains(err.Error(), "no usable snapshot reaches it") {
			t.Errorf("opened with: %v", err)
		}
	})
}

func TestUnfinishedSnapshotIsRemoved(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := newCluster(t, 1, nil)
		left := filepath.Join(c.dir, "n1", "snapshots", "2-9-1700000000000.tmp")
		if err := os.MkdirAll(left, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(left, "state.bin"), make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		c.start("n1")
		if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("what a crash left is still there: %v", err)
		}
	})
}

// TestSnapshotStopsBeforeTheDiskIsFull: before it begins, in the middle, and
// while one is restored. The node lives on.
func TestSnapshotStopsBeforeTheDiskIsFull(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 1, func(o *Options) { smallLog(o); roomy(o) })
		l := c.leader()
		for range 6 { // 36 MB, more than is written between two looks
			c.propose("big")
		}
		for _, looks := range []int{0, 1} {
			l.disk.snaps.space = func() error {
				if looks--; looks < 0 {
					return ErrDiskFull
				}
				return nil
			}
			if err := l.Snapshot(t.Context()); err == nil || !strings.Contains(err.Error(), ErrDiskFull.Error()) {
				t.Errorf("%d looks: %v", looks, err)
			}
			if left, err := os.ReadDir(filepath.Join(l.opts.Dir, dirSnapshots)); err != nil || len(left) != 0 {
				t.Errorf("%d looks: %v is left, %v", looks, left, err)
			}
		}
		if _, err := l.Propose(t.Context(), []byte("set a 1")); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		// A header, and two pairs with the longest values there may be.
		first := append([]byte("WEIRSNAP\x01"), make([]byte, 16)...)
		first = append(binary.AppendUvarint(append(first, 1), snapstream.MaxValue), spaceMachine)
		second := append(binary.AppendUvarint([]byte{1}, snapstream.MaxValue), spaceEvidence)
		endless := io.MultiReader(bytes.NewReader(first), io.LimitReader(zeros{}, snapstream.MaxValue), bytes.NewReader(second), zeros{})
		err := l.disk.state.restore(&spaceReader{Reader: endless, space: func() error { return ErrDiskFull }}, 0)
		if !errors.Is(err, ErrDiskFull) {
			t.Errorf("restoring: %v", err)
		}
		if got := get(t, l, "a"); got != "1" {
			t.Errorf("the state has %q", got)
		}
	})
}

// zeros is a stream without an end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
