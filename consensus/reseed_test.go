package consensus

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// exported is the state of a ledger.
func exported(t *testing.T, l *Ledger) []byte {
	t.Helper()
	e, err := l.Export()
	if err != nil {
		t.Fatal(err)
	}
	defer e.Release()
	var b bytes.Buffer
	if _, err := e.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// All machines are wiped and made of a backup. They go on from it; and one of them that comes back
// with its old directory, a restored image that would answer with its old past, takes the
// restored state and not the other way round.
func TestReseededClusterGoesOnAndAnOldDirectoryIsNoPartOfIt(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, nil)
		c.propose("set k 1")
		c.settle()
		backup := exported(t, c.running()[0])
		for range 20 {
			c.propose("set k lost")
		}
		c.settle()
		old := filepath.Join(t.TempDir(), "old")
		for _, m := range c.members {
			c.stop(m.ID)
			o := c.options(m.ID)
			if m.ID == "n3" {
				if err := errors.Join(os.Rename(o.Dir, old), os.Rename(o.Dir+".record", old+".record")); err != nil {
					t.Fatal(err)
				}
			} else if err := os.RemoveAll(o.Dir); err != nil {
				t.Fatal(err)
			}
		}
		restore := Seed{ID: [32]byte{1}, Made: 1_790_000_000_000}
		for _, m := range c.members {
			o := c.options(m.ID)
			o.Memory = recordFile(o.Dir + ".record")
			if err := Reseed(o, restore, bytes.NewReader(backup[:len(backup)-50])); !errors.Is(err, ErrCorruptSnapshot) {
				t.Errorf("half a state: %v", err)
			}
			if _, err := os.Stat(o.Dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("half a state made a ledger (%v)", err)
			}
			if err := Reseed(o, restore, bytes.NewReader(backup)); err != nil {
				t.Fatal(err)
			}
			if err := Reseed(o, restore, bytes.NewReader(backup)); !errors.Is(err, ErrInconsistent) {
				t.Errorf("into a ledger that is there: %v", err)
			}
		}
		// Two of three are enough, and the third has its old directory back.
		for _, id := range []string{"n1", "n2"} {
			c.start(id)
		}
		if a := c.propose("set k 2"); a.Seq != 1 {
			t.Errorf("the restored log goes on with entry %d, want 1", a.Seq)
		}
		o := c.options("n3")
		if err := errors.Join(os.RemoveAll(o.Dir), os.Rename(old, o.Dir), os.Rename(old+".record", o.Dir+".record")); err != nil {
			t.Fatal(err)
		}
		l := c.start("n3")
		await(t, "n3 to have the restored past", func() bool { return l.NextSeq() == 2 })
		c.propose("set k 3")
		c.sameTrees()
		if got := get(t, l, "k"); got != "3" {
			t.Errorf("n3 has %q, want 3", got)
		}
		await(t, "n3 to vote again", func() bool { return l.MayVote() == nil })
	})
}

// Attack: the run-book of a restore is followed again, with its order, on a member that has run
// since. With the seed it would vote at once, having forgotten what it acknowledged, and what was
// committed with it would be rolled back. It catches up instead.
func TestAMemberThatRanIsNotMadeByTheSameRestoreAgain(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, nil)
		c.propose("set k 1")
		c.settle()
		backup := exported(t, c.running()[0])
		for _, m := range c.members {
			c.stop(m.ID)
			if err := os.RemoveAll(c.options(m.ID).Dir); err != nil {
				t.Fatal(err)
			}
		}
		reseed := func(id string) error {
			o := c.options(id)
			o.Memory = recordFile(o.Dir + ".record")
			return Reseed(o, Seed{ID: [32]byte{1}, Made: 1_790_000_000_000}, bytes.NewReader(backup))
		}
		for _, m := range c.members {
			if err := reseed(m.ID); err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range []string{"n1", "n2", "n3"} {
			c.start(id)
		}
		c.propose("set k 2")
		c.settle()
		c.stop("n3")
		for range 5 {
			c.propose("set k committed")
		}
		c.settle()
		c.stop("n1")
		if err := os.RemoveAll(c.options("n1").Dir); err != nil {
			t.Fatal(err)
		}
		if err := reseed("n1"); !errors.Is(err, ErrRan) {
			t.Fatalf("made by the same order again: %v", err)
		}
		l := c.start("n1")
		c.start("n3")
		if a := c.propose("set k 9"); a.Seq != 7 {
			t.Errorf("the next entry is %d, want 7", a.Seq)
		}
		await(t, "n1 to vote again", func() bool { return l.MayVote() == nil })
		c.sameTrees()
	})
}

// No two orders have a log begin at one index, and none begins where there is no room.
func TestRestoredLogsBeginLaterThanThoseBefore(t *testing.T) {
	const made = 1_790_000_000_000
	var last uint64
	for _, x := range []struct {
		made    int64
		applied uint64
	}{{made, 100}, {made + 1, 100}, {made + 2, 1 << 50}, {made + 3, made<<20 + 100}, {made + 4, made<<20 + 100}} {
		index, err := Seed{Made: x.made}.index(x.applied)
		if err != nil || index <= last || index < x.applied+restoreGap {
			t.Errorf("of %d at %d: %d after %d (%v)", x.applied, x.made, index, last, err)
		}
		last = index
	}
	for _, x := range []struct {
		made    int64
		applied uint64
	}{{-1, 1}, {1 << 62, 1}, {made, 1 << 62}, {made, 1<<64 - 1}} {
		if index, err := (Seed{Made: x.made}).index(x.applied); !errors.Is(err, ErrInconsistent) {
			t.Errorf("of %d at %d: %d, %v", x.applied, x.made, index, err)
		}
	}
}
