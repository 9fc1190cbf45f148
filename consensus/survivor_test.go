package consensus

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// survivor is a cluster of three of which n1 leads, has an entry that nobody else has, and is left.
func survivor(t *testing.T) *cluster {
	t.Helper()
	c := startCluster(t, 3, nil)
	c.propose("set k 1")
	c.settle()
	await(t, "n1 to lead", func() bool {
		for _, l := range c.running() {
			if l.IsLeader() && l.opts.ID != "n1" {
				_ = l.TransferLeadership(context.Background(), "n1") // it is asked again
			}
		}
		return c.nodes["n1"].IsLeader()
	})
	c.propose("set k 2")
	c.settle()
	c.stop("n2")
	c.stop("n3")
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := c.nodes["n1"].Propose(ctx, []byte("set k 3")); err == nil {
		t.Fatal("an entry is acknowledged by one of three")
	}
	c.stop("n1")
	return c
}

func (c *cluster) offline(id string) Options {
	o := c.options(id)
	o.Memory = recordFile(o.Dir + ".record")
	return o
}

// recover makes n1's ledger that of a cluster that goes on with it.
func (c *cluster) recover(o Options, seed Seed, check func(*Remains) error, named func() error) error {
	c.tb.Helper()
	return Recover(c.tb.Context(), o, seed, c.tb.TempDir(), o.Machine, check, named)
}

func taken(*Remains) error { return nil }
func nothing() error       { return nil }

var recovered = Seed{ID: [32]byte{7}, Made: 1_790_000_000_000, Voter: "n1"}

// Two of three are lost for good. The third goes on alone with all that it has, what was not committed
// included; one of the lost comes back with its old log, another as a machine without anything, and
// each votes only when it has what the survivor has.
func TestASurvivorGoesOnAndTheLostTakeItsLedger(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := survivor(t)
		o := c.offline("n1")
		r, err := ReadRemains(t.Context(), o, t.TempDir(), o.Machine)
		if err != nil {
			t.Fatal(err)
		}
		if r.Committed != 2 || r.Size != 3 || r.Damage != nil || r.Term == 0 {
			t.Errorf("the survivor has %+v, want 2 entries that are committed, and one behind them", r)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if err := c.recover(o, recovered, taken, nothing); err != nil {
			t.Fatal(err)
		}
		if err := c.recover(o, recovered, taken, nothing); err != nil {
			t.Errorf("once more, before it has run: %v", err)
		}
		l := c.start("n1")
		if a := c.propose("set k 4"); a.Seq != 3 {
			t.Errorf("the recovered log goes on with entry %d, want 3", a.Seq)
		}
		if votes := l.Votes(); !votes["n1"] || votes["n2"] || votes["n3"] || len(votes) != 3 {
			t.Errorf("at first %v vote", votes)
		}
		old := c.start("n2")
		await(t, "n2 to have what the survivor has", func() bool { return old.NextSeq() == 4 })
		await(t, "n2 to vote", func() bool { return l.Votes()["n2"] && old.MayVote() == nil })
		lost := c.offline("n3")
		mark, err := LostRecord()
		if err := errors.Join(err, os.RemoveAll(lost.Dir), lost.Memory.Save(mark)); err != nil {
			t.Fatal(err)
		}
		bare := c.start("n3")
		await(t, "n3 to vote", func() bool { return l.Votes()["n3"] && bare.MayVote() == nil })
		c.propose("set k 5")
		c.sameTrees()
		c.stop("n1")
		if a := c.propose("set k 6"); a.Seq != 5 {
			t.Errorf("without the survivor it goes on with entry %d, want 5", a.Seq)
		}
		if err := c.recover(o, recovered, taken, nothing); !errors.Is(err, ErrRan) {
			t.Errorf("by an order that was used: %v", err)
		}
	})
}

// Killed between any two steps of a recovery, a member does not open, and the recovery is repeated.
func TestAnInterruptedRecoveryIsRepeated(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := survivor(t)
		o := c.offline("n1")
		killed := errors.New("killed")
		for name, step := range map[string]func() error{
			"while it is checked": func() error {
				return c.recover(o, recovered, func(*Remains) error { return killed }, nothing)
			},
			"when the old ledger is away": func() error { return c.recover(o, recovered, taken, func() error { return killed }) },
			"before the record": func() error {
				unsaved := o
				unsaved.Memory = unsavedMemory{o.Memory.(recordFile), killed}
				return c.recover(unsaved, recovered, taken, nothing)
			},
			"after the record": func() error {
				unsaved := o
				unsaved.Memory = savedMemory{o.Memory.(recordFile), killed}
				return c.recover(unsaved, recovered, taken, nothing)
			},
		} {
			if err := step(); !errors.Is(err, killed) {
				t.Fatalf("%s: %v", name, err)
			}
			if _, err := os.Stat(o.Dir); errors.Is(err, os.ErrNotExist) {
				if _, err := c.open("n1"); !errors.Is(err, ErrInconsistent) {
					t.Errorf("%s, the node opens: %v", name, err)
				}
			}
		}
		if err := c.recover(o, recovered, taken, nothing); err != nil {
			t.Fatal(err)
		}
		c.start("n1")
		if a := c.propose("set k 4"); a.Seq != 3 {
			t.Errorf("it goes on with entry %d, want 3", a.Seq)
		}
		if left, err := filepath.Glob(o.Dir + "?*"); err != nil || len(left) != 1 { // the record
			t.Errorf("left behind: %v (%v)", left, err)
		}
	})
}

// Incident: a restored image that answers with its old past. It is no survivor.
func TestAnOldCopyIsNoSurvivor(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := survivor(t)
		o := c.offline("n1")
		c.start("n1")
		c.stop("n1")
		old := t.TempDir()
		if err := os.CopyFS(old, os.DirFS(o.Dir)); err != nil {
			t.Fatal(err)
		}
		c.start("n1")
		c.stop("n1")
		if err := errors.Join(os.RemoveAll(o.Dir), os.CopyFS(o.Dir, os.DirFS(old))); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadRemains(t.Context(), o, t.TempDir(), o.Machine); !errors.Is(err, ErrStale) {
			t.Errorf("an old copy: %v", err)
		}
		if err := os.RemoveAll(o.Dir); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadRemains(t.Context(), o, t.TempDir(), o.Machine); !errors.Is(err, ErrStale) {
			t.Errorf("no ledger: %v", err)
		}
	})
}

// unsavedMemory fails before it saves, savedMemory after.
type (
	unsavedMemory struct {
		recordFile
		err error
	}
	savedMemory struct {
		recordFile
		err error
	}
)

func (m unsavedMemory) Save([]byte) error { return m.err }
func (m savedMemory) Save(b []byte) error { return errors.Join(m.recordFile.Save(b), m.err) }

// The majority was not lost: nobody could reach it. It has gone on meanwhile, and is reached again when the
// survivor goes on without it.
func TestAMajorityThatWasOnlyAwayTakesTheRecoveredLedger(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, func(o *Options) { o.SnapshotThreshold, o.TrailingLogs = 8, 2 })
		c.propose("set k 1")
		c.settle()
		c.stop("n1")
		for range 40 {
			c.propose("set k away")
		}
		c.settle()
		if err := c.recover(c.offline("n1"), recovered, taken, nothing); err != nil {
			t.Fatal(err)
		}
		l := c.start("n1")
		for _, id := range []string{"n2", "n3"} {
			await(t, id+" to have what the survivor has", func() bool {
				return c.nodes[id].NextSeq() == l.NextSeq() && l.Votes()[id] && c.nodes[id].MayVote() == nil
			})
		}
		if a := c.propose("set k 2"); a.Seq != 1 {
			t.Errorf("the recovered log goes on with entry %d, want 1", a.Seq)
		}
		c.sameTrees()
	})
}
