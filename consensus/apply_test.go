package consensus

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/consensus/pairs"
	"github.com/weirdata/weir/consensus/replication"
)

var discard = slog.New(slog.DiscardHandler)

// entries makes log entries that follow what s has applied.
func entries(s *appliedState, commands ...string) []*raft.Log {
	var out []*raft.Log
	for i, c := range commands {
		out = append(out, &raft.Log{
			Index: s.position().Applied + uint64(i) + 1, Term: 1, Type: raft.LogCommand, Data: []byte(c),
		})
	}
	return out
}

func apply(tb testing.TB, s *appliedState, m Machine, commands ...string) []applyResult {
	tb.Helper()
	r, err := s.applyBatch(m, entries(s, commands...))
	if err != nil {
		tb.Fatalf("applying: %v", err)
	}
	return r
}

// TestBatchIsSplitBetweenEntries applies in one batch what needs several
// transactions, and compares with entry by entry.
func TestBatchIsSplitBetweenEntries(t *testing.T) {
	one, each := openRoomyState(t), openRoomyState(t)
	var commands []string
	for i := range 4 { // 24 MB; a transaction takes 9.6 MiB
		commands = append(commands, "big", fmt.Sprintf("set k %d", i))
	}
	results := apply(t, one, kv{}, commands...)
	for i, c := range commands {
		r := apply(t, each, kv{}, c)[0]
		if r.applied.Leaf != results[i].applied.Leaf || r.applied.Seq != results[i].applied.Seq {
			t.Fatalf("entry %d: %+v in a batch, %+v alone", i, results[i].applied.Seq, r.applied.Seq)
		}
	}
	a, atA := dump(t, one)
	b, atB := dump(t, each)
	if atA != atB || !maps.Equal(a, b) {
		t.Errorf("batched: %d keys at %+v, one by one: %d at %+v", len(a), atA, len(b), atB)
	}
	if atA.NextSeq != uint64(len(commands)) {
		t.Errorf("applied %d of %d", atA.NextSeq, len(commands))
	}
}

// TestFaultKeepsWholeTransactionsOnly: what precedes the fault in the same
// transaction is not there, and what earlier transactions hold is whole.
func TestFaultKeepsWholeTransactionsOnly(t *testing.T) {
	s := openTestState(t, t.TempDir())
	disk := errors.New("the disk is gone")
	m := kv{fail: func(seq uint64, _ []byte) error {
		if seq == 2 {
			return disk
		}
		return nil
	}}
	if _, err := s.applyBatch(m, entries(s, "set a 1", "set b 2", "set c 3")); !errors.Is(err, disk) {
		t.Fatalf("applying: %v", err)
	}
	got, at := dump(t, s)
	if len(got) != 0 || at != (position{}) {
		t.Errorf("%d keys are there at %+v", len(got), at)
	}
	apply(t, s, kv{}, "set a 1", "set b 2", "set c 3")
	if _, at := dump(t, s); at != (position{3, 3}) {
		t.Errorf("after trying again: %+v", at)
	}
}

func TestReplayedEntriesAreSkipped(t *testing.T) {
	s := openTestState(t, t.TempDir())
	log := entries(s, "set a 1", "set a 2", "set a 3")
	if _, err := s.applyBatch(kv{}, log[:2]); err != nil {
		t.Fatal(err)
	}
	m := &counting{}
	r, err := s.applyBatch(m, log)
	if err != nil {
		t.Fatal(err)
	}
	if m.calls.Load() != 1 || r[2].applied.Seq != 2 || string(r[2].applied.Outcome) != "was 2" {
		t.Errorf("%d calls, %+v", m.calls.Load(), r[2].applied)
	}
}

func TestConfigurationEntriesMoveTheIndexAlone(t *testing.T) {
	s := openTestState(t, t.TempDir())
	apply(t, s, kv{}, "set a 1")
	if _, err := s.applyBatch(kv{}, []*raft.Log{{Index: 5, Type: raft.LogConfiguration}}); err != nil {
		t.Fatal(err)
	}
	if s.position() != (position{5, 1}) {
		t.Errorf("position %+v", s.position())
	}
}

func TestEntryWithTooManyChangesIsVoid(t *testing.T) {
	s := openTestState(t, t.TempDir())
	r := apply(t, s, kv{}, "set a 1", "flood", "set b 2")
	if !r[1].void || !errors.Is(r[1].err, ErrTooManyChanges) || len(r[1].applied.Outcome) != 0 {
		t.Errorf("the flood: %+v", r[1])
	}
	got, at := dump(t, s)
	if at.NextSeq != 3 {
		t.Errorf("position %+v", at)
	}
	for k := range got {
		if strings.Contains(k, "flood/") {
			t.Fatal("a void entry left a change")
		}
	}
	g, err := s.acquire()
	if err != nil {
		t.Fatal(err)
	}
	defer g.release()
	read := g.store.Read()
	defer read.Close()
	rec, err := evidence.ReadRecord(evidenceReader{read}, 1)
	if err != nil || !rec.Void || string(rec.Entry) != "flood" {
		t.Errorf("the record: %+v, %v", rec, err)
	}
}

// largest changes as much as an entry may, and answers as much as it may.
type largest struct{ value int }

func (m largest) Apply(tx records.Tx, _ uint64, _ []byte) ([]byte, error) {
	keys := MaxChangeKeys
	if m.value > 0 {
		keys = min(keys, MaxChangeBytes/(m.value+9))
	}
	for i := range keys {
		if err := tx.Set(fmt.Appendf(nil, "%08d", i), make([]byte, m.value)); err != nil {
			return nil, err
		}
	}
	return make([]byte, MaxOutcomeBytes), nil
}

// TestLargestEntryFitsATransaction: the limits of an entry are derived from
// badger's transaction. Values just below the value log's threshold count most.
func TestLargestEntryFitsATransaction(t *testing.T) {
	for _, value := range []int{0, pairs.LargeValue - 1, 1 << 20} {
		s := openRoomyState(t)
		r, err := s.applyBatch(largest{value}, entries(s, string(make([]byte, MaxEntryBytes)), "second"))
		if err != nil {
			t.Fatalf("values of %d bytes: %v", value, err)
		}
		if r[0].err != nil || r[1].err != nil {
			t.Errorf("values of %d bytes: %v, %v", value, r[0].err, r[1].err)
		}
	}
}

func TestTooLargeOutcomeIsVoid(t *testing.T) {
	s := openTestState(t, t.TempDir())
	r, err := s.applyBatch(outcome(make([]byte, MaxOutcomeBytes+1)), entries(s, "x"))
	if err != nil || !r[0].void || !errors.Is(r[0].err, ErrTooManyChanges) {
		t.Errorf("%+v, %v", r, err)
	}
	if got, _ := dump(t, s); len(got) != 4 { // position, digest, record, hashes
		t.Errorf("%d keys", len(got))
	}
}

// outcome sets a key and answers with itself.
type outcome []byte

func (o outcome) Apply(tx records.Tx, _ uint64, _ []byte) ([]byte, error) {
	return o, tx.Set([]byte("x"), []byte("y"))
}

func TestPanicOfTheMachineIsAFault(t *testing.T) {
	s := openTestState(t, t.TempDir())
	_, err := s.applyBatch(kv{}, entries(s, "panic"))
	if err == nil || !strings.Contains(err.Error(), "told to") {
		t.Errorf("%v", err)
	}
}

// TestFaultStopsTheNodeAndTheOthersGoOn: the leader's store fails on one entry.
func TestFaultStopsTheNodeAndTheOthersGoOn(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		disk := errors.New("the disk is gone")
		c := newCluster(t, 3, nil)
		for _, m := range c.members {
			c.machine = faulty{id: m.ID, of: c, err: disk}
			c.start(m.ID)
		}
		c.propose("set a 1")
		c.settle()
		leader := c.leader()
		_, err := leader.Propose(t.Context(), []byte("break "+leader.opts.ID))
		if !errors.Is(err, ErrFault) || !errors.Is(err, disk) {
			t.Errorf("the proposal came back with %v", err)
		}
		<-leader.Failed()
		if err := leader.View(func(records.Reader) error { return nil }); !errors.Is(err, ErrFault) {
			t.Errorf("a view of the stopped node: %v", err)
		}
		if _, err := leader.Propose(t.Context(), []byte("set a 2")); !errors.Is(err, ErrFault) {
			t.Errorf("a proposal to the stopped node: %v", err)
		}
		if _, err := leader.ReadIndex(t.Context()); !errors.Is(err, ErrFault) {
			t.Errorf("a read index of the stopped node: %v", err)
		}
		if err := leader.WaitApplied(t.Context(), 1<<40); !errors.Is(err, ErrFault) {
			t.Errorf("waiting on the stopped node: %v", err)
		}
		if s := leader.Status(); !strings.Contains(s.Fault, "the disk is gone") {
			t.Errorf("status: %+v", s)
		}
		c.propose("set a 3")
		c.stop(leader.opts.ID)
		c.settle()
		// The fault was this node's alone: repaired, it catches up.
		c.machine = kv{}
		c.start(leader.opts.ID)
		c.propose("set a 4")
		c.sameTrees()
	})
}

// faulty fails on the entry that names its node.
type faulty struct {
	id  string
	of  *cluster
	err error
}

func (m faulty) Apply(tx records.Tx, seq uint64, entry []byte) ([]byte, error) {
	if string(entry) == "break "+m.id {
		return nil, m.err
	}
	return kv{}.Apply(tx, seq, entry)
}

// TestNoSnapshotWhileRaftReplays: it would have an index behind its content.
func TestNoSnapshotWhileRaftReplays(t *testing.T) {
	s := openTestState(t, t.TempDir())
	log := entries(s, "set a 1", "set a 2", "set a 3")
	if _, err := s.applyBatch(kv{}, log); err != nil {
		t.Fatal(err)
	}
	l := &Ledger{opts: Options{Machine: kv{}}, disk: &disk{state: s}, life: newLifecycle(discard), notifier: newNotifier()}
	f := &fsm{ledger: l, commits: replication.NewCommits()} // as after a restart
	f.ApplyBatch(log[:2])
	if _, err := f.Snapshot(); !errors.Is(err, raft.ErrNothingNewToSnapshot) {
		t.Errorf("in the middle of the replay: %v", err)
	}
	f.ApplyBatch(log[2:])
	snap, err := f.Snapshot()
	if err != nil {
		t.Fatalf("after the replay: %v", err)
	}
	snap.Release()
}
