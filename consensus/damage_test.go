//go:build unix

package consensus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/consensus/damage"
	"github.com/weirdata/weir/consensus/pairs"
	"github.com/weirdata/weir/consensus/statesum"
)

// flip changes one bit of a file.
func flip(tb testing.TB, path string, at int64, bit byte) {
	tb.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			tb.Error(err)
		}
	}()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		tb.Fatal(err)
	}
	b[0] ^= bit
	if _, err := f.WriteAt(b[:], at); err != nil {
		tb.Fatal(err)
	}
}

// stateFiles are the files of a stopped member's state whose names match.
func (c *cluster) stateFiles(id, pattern string) []string {
	c.tb.Helper()
	list, err := filepath.Glob(filepath.Join(c.dir, id, "state", generationPrefix+"*", pattern))
	if err != nil || len(list) == 0 {
		c.tb.Fatalf("no %s: %v", pattern, err)
	}
	slices.Sort(list)
	return list
}

// copyOf copies a stopped member's directory, and its record of what the ledger had, and
// returns a way back to both: it is as if the member had not run since.
func (c *cluster) copyOf(id string) (restore func()) {
	c.tb.Helper()
	dir := filepath.Join(c.dir, id)
	saved := filepath.Join(c.tb.TempDir(), id)
	copyTree(c.tb, saved, dir)
	record, err := os.ReadFile(dir + ".record")
	if err != nil {
		c.tb.Fatal(err)
	}
	return func() {
		c.tb.Helper()
		if err := errors.Join(os.RemoveAll(dir), os.WriteFile(dir+".record", record, 0o600)); err != nil {
			c.tb.Fatal(err)
		}
		copyTree(c.tb, dir, saved)
	}
}

func values(n int) map[string]string {
	want := map[string]string{}
	for i := range n {
		want[fmt.Sprintf("k%03d", i)] = strings.Repeat(fmt.Sprintf("%x", i*i), 80)
	}
	return want
}

// TestDamagedTableIsNotServed flips bits all over a table of a member's state: blocks, index
// and footer. It starts from none of them, and says what is damaged. Badger alone starts,
// and has no such key; or takes the process with it.
func TestDamagedTableIsNotServed(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, nil)
	want := values(200)
	for k, v := range want {
		c.propose("set " + k + " " + v)
	}
	c.stop("n1")
	path := c.stateFiles("n1", "*.sst")[0]
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	restore := c.copyOf("n1")
	rng := rand.New(rand.NewPCG(7, 7))
	at := []int64{0, 1, 100}
	for i := range int64(24) { // footer: index length, checksum, its length
		at = append(at, info.Size()-1-i)
	}
	for range 40 {
		at = append(at, rng.Int64N(info.Size()))
	}
	harmless := 0
	for i, offset := range at {
		restore()
		flip(t, path, offset, 1<<(i%8))
		l, err := c.open("n1")
		var damage *DamageError
		switch {
		case err == nil: // some bits of a compressed block say the same either way
			c.leader()
			for k, v := range want {
				if got := get(t, l, k); got != v {
					t.Errorf("byte %d of %d flipped: it leads, and %s is %.10q", offset, info.Size(), k, got)
					break
				}
			}
			c.stop("n1")
			harmless++
		case !errors.As(err, &damage) || damage.Part != PartState:
			t.Errorf("byte %d of %d flipped: %v", offset, info.Size(), err)
		}
	}
	if harmless > len(at)/10 {
		t.Errorf("%d of %d flips were passed over", harmless, len(at))
	}
	restore()
	l := c.start("n1")
	c.leader()
	for k, v := range want {
		if got := get(t, l, k); got != v {
			t.Errorf("without damage %s is %.10q, want %.10q", k, got, v)
		}
	}
}

// TestDamagedStateIsFoundOrMadeAgain flips bits in every other file of a state. Each time
// the member does not start, or the scrub finds it, or what the file had is made again from
// the log and nothing is lost.
func TestDamagedStateIsFoundOrMadeAgain(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, nil)
	want := values(100)
	for k, v := range want {
		c.propose("set " + k + " " + v)
	}
	c.stop("n1")
	restore := c.copyOf("n1")
	rng := rand.New(rand.NewPCG(3, 5))
	for _, name := range []string{"MANIFEST", "KEYREGISTRY", "DISCARD", "*.vlog", "../CURRENT"} {
		for range 8 {
			restore()
			path := c.stateFiles("n1", name)[0]
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			offset := rng.Int64N(min(info.Size(), 200))
			flip(t, path, offset, 1<<rng.IntN(8))
			l, err := c.open("n1")
			var damage *DamageError
			if err != nil {
				if !errors.As(err, &damage) || damage.Part != PartState {
					t.Errorf("byte %d of %s flipped: %v", offset, name, err)
				}
				continue
			}
			c.settle()
			err = l.ScrubState(t.Context(), func(context.Context) error { return nil })
			for k, v := range want {
				if err == nil && get(t, l, k) != v {
					t.Errorf("byte %d of %s flipped: %s is lost", offset, name, k)
				}
			}
			c.stop("n1")
		}
	}
}

// TestStateMovedAwayIsMadeAgain: the advice for a damaged state, with a snapshot to begin
// from and without one.
func TestStateMovedAwayIsMadeAgain(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		for _, snapshot := range []bool{false, true} {
			c := startCluster(t, 3, func(o *Options) { smallLog(o); steady(o) })
			want := values(60)
			for k, v := range want {
				c.propose("set " + k + " " + v)
			}
			if snapshot {
				for _, l := range c.running() {
					if err := l.Snapshot(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				c.propose("set k000 anew")
				want["k000"] = "anew"
			}
			c.settle()
			c.stop("n2")
			if err := os.Rename(filepath.Join(c.dir, "n2", "state"), filepath.Join(t.TempDir(), "state")); err != nil {
				t.Fatal(err)
			}
			l := c.start("n2")
			c.sameTrees()
			for k, v := range want {
				if got := get(t, l, k); got != v {
					t.Errorf("snapshot %t: %s is %.10q, want %.10q", snapshot, k, got, v)
				}
			}
			if err := l.ScrubState(t.Context(), func(context.Context) error { return nil }); err != nil {
				t.Error(err)
			}
			sameDigests(t, c)
		}
	})
}

// sameDigests fails when two running members that have applied as much differ.
func sameDigests(t *testing.T, c *cluster) {
	t.Helper()
	c.settle()
	sums := map[uint64][32]byte{}
	common := 0
	for _, l := range c.running() {
		for _, d := range l.Digests() {
			was, known := sums[d.Entries]
			if known && was != d.Sum {
				t.Errorf("%s differs from another member as of entry %d", l.opts.ID, d.Entries)
			}
			if known {
				common++
			}
			sums[d.Entries] = d.Sum
		}
	}
	if common == 0 {
		t.Error("the members have no number of entries in common")
	}
}

// TestDigestIsThatOfThePairs: what the entries add to the digest, replaced and deleted keys
// among them and batches cut anywhere, is what the pairs of the state add up to, and it is
// the same for a state that was restored.
func TestDigestIsThatOfThePairs(t *testing.T) {
	var lines []string
	rng := rand.New(rand.NewPCG(1, 9))
	for i := range 300 {
		switch i % 5 {
		case 4:
			lines = append(lines, fmt.Sprintf("delete k%d", rng.IntN(40)))
		default:
			lines = append(lines, fmt.Sprintf("set k%d v%d", rng.IntN(40), i))
		}
	}
	machine := deleting{}
	one := openTestState(t, t.TempDir())
	apply(t, one, machine, lines...)
	many := openTestState(t, t.TempDir())
	for _, line := range lines {
		apply(t, many, machine, line)
	}
	if one.currentDigest() != many.currentDigest() {
		t.Error("the digest depends on where batches are cut")
	}
	restored := openTestState(t, t.TempDir())
	if err := restored.restore(bytes.NewReader(streamOf(t, one)), 0); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*appliedState{"applied": one, "restored": restored} {
		var plain statesum.Sum // added up in another way: every pair there is, but those of spaceMeta
		err := s.view(func(r pairs.Reader) error {
			return r.Walk(nil, nil, false, func(k, v []byte) error {
				if k[0] != spaceMeta {
					plain.Add(k, v)
				}
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.currentDigest().Sum; got != plain {
			t.Errorf("%s: the digest is %x, the pairs add up to %x", name, got, plain)
		}
	}
}

// deleting is kv that can delete.
type deleting struct{}

func (deleting) Apply(tx records.Tx, seq uint64, entry []byte) ([]byte, error) {
	if key, ok := bytes.CutPrefix(entry, []byte("delete ")); ok {
		return nil, tx.Delete(key)
	}
	return kv{}.Apply(tx, seq, entry)
}

// lose takes a key out of a member's state behind its back, as badger does when it passes over
// a block that it cannot read.
func lose(t *testing.T, l *Ledger, key string) {
	t.Helper()
	g, err := l.disk.state.acquire()
	if err != nil {
		t.Fatal(err)
	}
	defer g.release()
	err = g.store.Write(slices.Values([]change{{Key: string(spaceMachine) + key, Deleted: true}}))
	if err != nil {
		t.Fatal(err)
	}
}

// TestLostPairsAreFoundByScrubAndSnapshot, and the member that lost them stops and leaves the
// lead to the others. A snapshot of such a state is not written.
func TestLostPairsAreFoundByScrubAndSnapshot(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		for name, look := range map[string]func(l *Ledger) error{
			"scrub":    func(l *Ledger) error { return l.ScrubState(t.Context(), func(context.Context) error { return nil }) },
			"snapshot": func(l *Ledger) error { return l.Snapshot(t.Context()) },
		} {
			c := startCluster(t, 3, steady)
			c.propose("set a 1")
			c.propose("set b 1")
			c.settle()
			leader := c.leader()
			lose(t, leader, "a")
			if err := look(leader); err == nil {
				t.Errorf("%s: it found nothing", name)
			}
			var damage *DamageError
			if err := leader.Fault(); !errors.As(err, &damage) || damage.Part != PartState {
				t.Errorf("%s: the fault is %v", name, err)
			}
			await(t, "another leader", func() bool { return leader.Status().State == "shutdown" })
			c.stop(leader.opts.ID)
			c.propose("set c 1")
			sameDigests(t, c)
		}
	})
}

// TestLostPairChangesTheDigestOfLaterEntries: what a member does not find when it applies an
// entry shows in the digests that are compared.
func TestLostPairChangesTheDigestOfLaterEntries(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, steady)
		c.propose("set a 1")
		c.settle()
		leader := c.leader()
		lose(t, leader, "a")
		c.propose("set a 2")
		c.settle()
		differ := false
		for _, l := range c.running() {
			for _, d := range l.Digests() {
				for _, of := range leader.Digests() {
					differ = differ || d.Entries == of.Entries && d.Sum != of.Sum
				}
			}
		}
		if !differ {
			t.Error("the digests do not differ")
		}
	})
}

// TestPanicOfTheStoreIsDamageAndOursIsNot.
func TestPanicOfTheStoreIsDamageAndOursIsNot(t *testing.T) {
	err := damage.Guard(PartState, func() error {
		var txn badger.Txn
		_, err := txn.Get([]byte("a")) // an empty transaction dereferences nil
		return err
	})
	if !damage.Is(err) {
		t.Errorf("a panic of badger's: %v", err)
	}
	defer func() {
		if p := recover(); p != "ours" {
			t.Errorf("our own panic became %v", p)
		}
	}()
	_ = damage.Guard(PartState, func() error { panic("ours") })
	t.Error("our own panic was swallowed")
}
