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
		restore := [32]byte{1}
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
