package consensus

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/consensus/entrysum"
	"github.com/weirdata/weir/consensus/logcache"
)

// flipInLog changes a bit of an entry in a node's log on the disk.
func (c *cluster) flipInLog(id, entry string) {
	c.tb.Helper()
	files, err := filepath.Glob(filepath.Join(c.options(id).Dir, "wal", "*.wal"))
	if err != nil {
		c.tb.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			c.tb.Fatal(err)
		}
		at := bytes.Index(b, []byte(entry))
		if at < 0 {
			continue
		}
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			c.tb.Fatal(err)
		}
		last := at + len(entry) - 1
		_, err = f.WriteAt([]byte{b[last] ^ 1}, int64(last))
		if err := errors.Join(err, f.Close()); err != nil {
			c.tb.Fatal(err)
		}
		return
	}
	c.tb.Fatalf("%s has no entry %q in its log", id, entry)
}

// damagedLog is a cluster whose n3 was away when n1 and n2 took twenty entries, and n1's
// log has a flipped bit in one of them. n1 and n2 are stopped.
func damagedLog(t *testing.T) *cluster {
	t.Helper()
	c := startCluster(t, 3, nil)
	c.propose("set before 1")
	c.settle()
	c.stop("n3")
	for i := range 20 {
		c.propose(fmt.Sprintf("set key%d value%d", i, i+100))
	}
	c.settle()
	c.stop("n1")
	c.stop("n2")
	c.flipInLog("n1", "set key5 value105")
	return c
}

// wantValues requires what was proposed of every running node.
func wantValues(t *testing.T, c *cluster) {
	t.Helper()
	c.sameTrees()
	for _, l := range c.running() {
		for i := range 20 {
			if got, want := get(t, l, fmt.Sprintf("key%d", i)), fmt.Sprintf("value%d", i+100); got != want {
				t.Errorf("%s: key%d is %q, want %q", l.opts.ID, i, got, want)
			}
		}
	}
}

// isLogDamage tells whether err says that the log is damaged.
func isLogDamage(err error) bool {
	var d *DamageError
	return errors.As(err, &d) && d.Part == PartLog
}

// TestDamagedLogIsNotHandedOn: a node whose log has a flipped bit does not start from it,
// and says which part is damaged; started without its ledger, it has everything again.
func TestDamagedLogIsNotHandedOn(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := damagedLog(t)
		l, err := c.open("n1")
		if !isLogDamage(err) || errors.Is(err, ErrInconsistent) {
			if err == nil {
				c.start("n3") // as an operator would
				wantValues(t, c)
			}
			t.Fatalf("it starts from a damaged log: %v, %v", l, err)
		}
		c.loseLedger("n1") // what the operators' guide says of this part
		for _, m := range c.members {
			c.start(m.ID)
		}
		await(t, "n1 to vote again", func() bool { return c.nodes["n1"].MayVote() == nil })
		wantValues(t, c)
	})
}

// TestDamagedEntryThatIsNotAppliedIsFetched: a log that is damaged behind what the state
// has ends before the damage, and the node does not vote until it has the rest again.
func TestDamagedEntryThatIsNotAppliedIsFetched(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := damagedLog(t)
		if err := os.RemoveAll(filepath.Join(c.options("n1").Dir, "state")); err != nil {
			t.Fatal(err)
		}
		l := c.start("n1")
		c.start("n3")
		c.noLeader("n1 may have acknowledged what it lost, and n3 never had it")
		if l.MayVote() == nil {
			t.Error("n1 may vote")
		}
		c.start("n2")
		await(t, "n1 to vote again", func() bool { return l.MayVote() == nil })
		wantValues(t, c)
	})
}

// TestDamagedEntryBeforeASnapshotIsDropped: the snapshot has what it said.
func TestDamagedEntryBeforeASnapshotIsDropped(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, nil)
		for i := range 20 {
			c.propose(fmt.Sprintf("set key%d value%d", i, i+100))
		}
		c.settle()
		for _, l := range c.running() {
			if err := l.Snapshot(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range c.members {
			c.stop(m.ID)
		}
		c.flipInLog("n1", "set key5 value105")
		l := c.start("n1")
		// Where nothing came behind the snapshot the log is empty, and begins at 0.
		if first, err := l.disk.log.FirstIndex(); err != nil || first > 0 && first < 6 {
			t.Errorf("the log begins at %d, %v", first, err)
		}
		c.start("n2")
		if err := l.MayVote(); err != nil {
			t.Errorf("it lost nothing, and %v", err)
		}
		c.start("n3")
		wantValues(t, c)
	})
}

// TestLeaderStopsAtADamagedEntry: the bit flips under a leader that runs, which finds it
// when it sends the entry to a member that was away.
func TestLeaderStopsAtADamagedEntry(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, steady)
		c.propose("set before 1")
		c.settle()
		leader := c.leader()
		away := "n3"
		if leader.opts.ID == away {
			away = "n2"
		}
		c.stop(away)
		for i := range 20 {
			c.propose(fmt.Sprintf("set key%d value%d", i, i+100))
		}
		for range logcache.MaxBytes / (64 << 10) { // what is read of the disk is not the newest
			c.propose("set long " + strings.Repeat("1", 64<<10))
		}
		c.flipInLog(leader.opts.ID, "set key5 value105")
		c.start(away)
		await(t, "the leader to stop", func() bool { return leader.Fault() != nil })
		if err := leader.Fault(); !isLogDamage(err) {
			t.Errorf("the fault is %v", err)
		}
		c.stop(leader.opts.ID)
		wantValues(t, c)
	})
}

// TestEveryFlippedBitIsFound in an entry's place, data and checksums.
func TestEveryFlippedBitIsFound(t *testing.T) {
	sealed := func() *raft.Log {
		e := &raft.Log{Index: 77, Term: 5, Type: raft.LogCommand, Data: []byte("set a 1")}
		e.Extensions = placed(e, entrysum.Proposed(e.Data))
		return e
	}
	if err := verifyChecksum(sealed()); err != nil {
		t.Fatal(err)
	}
	check := func(what string, change func(*raft.Log)) {
		e := sealed()
		change(e)
		if err := verifyChecksum(e); !isLogDamage(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for bit := range 64 {
		check(fmt.Sprintf("bit %d of the index", bit), func(e *raft.Log) { e.Index ^= 1 << bit })
		check(fmt.Sprintf("bit %d of the term", bit), func(e *raft.Log) { e.Term ^= 1 << bit })
	}
	for bit := range 8 {
		check(fmt.Sprintf("bit %d of the type", bit), func(e *raft.Log) { e.Type ^= 1 << bit })
		for i := range sealed().Data {
			check(fmt.Sprintf("bit %d of byte %d", bit, i), func(e *raft.Log) { e.Data[i] ^= 1 << bit })
		}
		for i := range sealed().Extensions {
			check(fmt.Sprintf("bit %d of byte %d of the checksums", bit, i), func(e *raft.Log) { e.Extensions[i] ^= 1 << bit })
		}
	}
	for n := 1; n < entrysum.Bytes; n++ {
		check(fmt.Sprintf("%d bytes of the checksums", n), func(e *raft.Log) { e.Extensions = e.Extensions[:n] })
	}
	check("the data cut", func(e *raft.Log) { e.Data = e.Data[:3] })
}

// TestDamagedEntryIsNotAppended: what a proposer's or a leader's memory changed is in no log.
func TestDamagedEntryIsNotAppended(t *testing.T) {
	l, err := newRaftLog(raft.NewInmemStore(), 0)
	if err != nil {
		t.Fatal(err)
	}
	good := &raft.Log{Index: 1, Term: 1, Data: []byte("set a 1"), Extensions: entrysum.Proposed([]byte("set a 1"))}
	bad := &raft.Log{Index: 2, Term: 1, Data: []byte("set a 2"), Extensions: entrysum.Proposed([]byte("set a 3"))}
	if err := l.StoreLogs([]*raft.Log{good, bad}); !errors.Is(err, errChecksum) {
		t.Errorf("it is appended: %v", err)
	}
	if last, err := l.LastIndex(); err != nil || last != 0 {
		t.Errorf("the log ends at %d, %v", last, err)
	}
	if err := l.StoreLog(good); err != nil {
		t.Fatal(err)
	}
	var e raft.Log
	if err := l.GetLog(1, &e); err != nil || len(e.Extensions) != entrysum.Bytes {
		t.Errorf("it has a checksum of %d bytes, %v", len(e.Extensions), err)
	}
}

// TestEntriesWithoutChecksumsAreReadUntilTheFirstWithOne: a log that an earlier version
// began is read, and an entry does not lose its checksum.
func TestEntriesWithoutChecksumsAreReadUntilTheFirstWithOne(t *testing.T) {
	store := raft.NewInmemStore()
	if err := store.StoreLogs([]*raft.Log{{Index: 1, Term: 1}, {Index: 2, Term: 1}}); err != nil {
		t.Fatal(err)
	}
	l, err := newRaftLog(store, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.StoreLog(&raft.Log{Index: 3, Term: 1}); err != nil {
		t.Fatal(err)
	}
	if err := store.StoreLog(&raft.Log{Index: 4, Term: 1}); err != nil {
		t.Fatal(err)
	}
	for i, damaged := range []bool{false, false, false, true} {
		var e raft.Log
		if err := l.GetLog(uint64(i+1), &e); isLogDamage(err) != damaged {
			t.Errorf("entry %d: %v", i+1, err)
		}
	}
}
