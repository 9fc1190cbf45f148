package state

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records/memstore"
	"github.com/weirdata/weir/catalog/statetest"
)

// TestLifeOfADataset follows a dataset from the founding of the cluster to the
// sealed shares of a query, and applies the same log to a second machine.
func TestLifeOfADataset(t *testing.T) {
	w := ready(t)
	v := w.view()
	cluster := must[catalog.Cluster](t)(v.Cluster())
	if cluster.ID != w.id || cluster.Time != w.now || len(cluster.Nodes) != 3 {
		t.Fatalf("cluster %+v", cluster)
	}
	if p := must[catalog.Principal](t)(v.PrincipalByName("bank")); p.ID != testID("bank") || p.Role != catalog.RoleBuyer {
		t.Fatalf("principal %+v", p)
	}
	if all := must[[]catalog.Principal](t)(v.Principals()); len(all) != 5 || all[0].Name != "bank" {
		t.Fatalf("principals %+v", all)
	}
	if d := must[catalog.Dataset](t)(v.Dataset("emissions")); d.Live != 1 || d.Versions != 1 {
		t.Fatalf("dataset %+v", d)
	}
	ver := must[catalog.Version](t)(v.Versions().Get("emissions", 1))
	if ver.State != catalog.VersionLive || !slices.Equal(ver.Acks, []string{"node1", "node2", "node3"}) {
		t.Fatalf("version %+v", ver)
	}
	if b := must[interface{ Count() uint }](t)(v.Counts("emissions", 1, "so2", statetest.Period("2024-12"))); b.Count() != 26 {
		t.Fatalf("%d entities count, want 26", b.Count())
	}

	contract := w.contract("bank", catalog.OrderCreate{Dataset: "emissions", Queries: 2})
	id := w.ok("bank", catalog.KindQuerySubmit, submit(contract, statetest.SumBy(statetest.Attribute("county")))).ID
	if todo := must[[]catalog.Query](t)(v.PendingQueries()); len(todo) != 1 || todo[0].ID != id {
		t.Fatalf("pending queries %+v", todo)
	}
	if k := must[catalog.Contract](t)(v.Contract(contract)); k.Used != 1 {
		t.Fatalf("contract %+v", k)
	}
	w.ok("node3", catalog.KindQueryAttempt, catalog.QueryAttempt{Query: id, Attempt: 1, Active: []string{"node1", "node2"}, Root: "node2", Tiles: 12})
	w.ok("node2", catalog.KindQueryShare, w.share(id, 1, 2))
	if s := must[[]catalog.QueryShare](t)(v.Shares(id)); len(s) != 0 {
		t.Fatal("shares of a running query are handed out")
	}
	w.ok("node1", catalog.KindQueryShare, w.share(id, 1, 1))
	q := must[catalog.Query](t)(v.Query(id))
	if q.State != catalog.QueryDone || q.Groups != 3 || q.Withheld != 0 || !slices.Equal(q.Shares, []string{"node1", "node2"}) {
		t.Fatalf("query %+v", q)
	}
	shares := must[[]catalog.QueryShare](t)(v.Shares(id))
	if len(shares) != 2 || shares[0].Sealed[0] != 1 || shares[1].Sealed[0] != 2 {
		t.Fatalf("shares %+v", shares)
	}
	if todo := must[[]catalog.Query](t)(v.PendingQueries()); len(todo) != 0 {
		t.Fatalf("pending queries %+v", todo)
	}
	if k := must[catalog.Key](t)(v.Keys().Of(testID("bureau"))); k.Opened != 24+12 {
		t.Fatalf("%d tiles opened, want the parity's 24 and the query's 12", k.Opened)
	}
	sameElsewhere(t, w)
}

// sameElsewhere applies a world's log to a new machine and compares the state.
func sameElsewhere(t *testing.T, w *world) {
	t.Helper()
	m, store := NewMachine(), memstore.New()
	for i, entry := range w.log {
		if _, err := m.Apply(store, uint64(i+1), entry); err != nil {
			t.Fatal(err)
		}
	}
	if store.Digest() != w.store.Digest() {
		t.Fatal("two machines that applied the same log hold different states")
	}
}

// TestOutcomesAreTheSameOnAMachineThatJustStarted applies each entry on a new
// machine with an empty memo.
func TestOutcomesAreTheSameOnAMachineThatJustStarted(t *testing.T) {
	w := ready(t)
	w.ok("bureau", catalog.KindQuerySubmit, submit("", statetest.SumBy(statetest.Attribute("county"))))
	warm, store := NewMachine(), memstore.New()
	coldStore := memstore.New()
	for i, entry := range w.log {
		a := must[[]byte](t)(warm.Apply(store, uint64(i+1), entry))
		b := must[[]byte](t)(NewMachine().Apply(coldStore, uint64(i+1), entry))
		if !bytes.Equal(a, b) {
			t.Fatalf("entry %d: %s and %s", i, a, b)
		}
	}
	if store.Digest() != coldStore.Digest() {
		t.Fatal("states differ")
	}
}

// faultyTx fails after some calls.
type faultyTx struct {
	*memstore.Store
	left int
}

var errFault = errors.New("disk on fire")

func (f *faultyTx) fail() error {
	if f.left--; f.left < 0 {
		return errFault
	}
	return nil
}

func (f *faultyTx) Get(key []byte) ([]byte, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	return f.Store.Get(key)
}

func (f *faultyTx) Scan(prefix []byte, fn func(key, value []byte) error) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.Store.Scan(prefix, fn)
}

func (f *faultyTx) Set(key, value []byte) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.Store.Set(key, value)
}

func (f *faultyTx) Delete(key []byte) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.Store.Delete(key)
}

// TestFaultsOfTheStoreAreNeverRefusals lets every single access of every entry
// of a whole life fail once.
func TestFaultsOfTheStoreAreNeverRefusals(t *testing.T) {
	w := ready(t)
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "emissions"})
	id := w.ok("bank", catalog.KindQuerySubmit, submit(contract, statetest.SumBy(statetest.Attribute("county")))).ID
	for attempt := 1; attempt <= catalog.MaxAttempts; attempt++ {
		w.ok("node3", catalog.KindQueryAttempt, catalog.QueryAttempt{Query: id, Attempt: attempt, Active: []string{"node1", "node2"}, Root: "node2", Tiles: 12})
		w.ok("node2", catalog.KindQueryShare, w.share(id, attempt, 2))
		w.ok("node1", catalog.KindQueryFail, catalog.QueryFail{Query: id, Attempt: attempt, Reason: told("died")})
	}
	m, store := NewMachine(), memstore.New()
	for i, entry := range w.log {
		seq := uint64(i + 1)
		for calls := 0; ; calls++ {
			_, err := NewMachine().Apply(&faultyTx{Store: store.Clone(), left: calls}, seq, entry)
			if err == nil {
				break
			}
			if !errors.Is(err, errFault) {
				t.Fatalf("entry %d, call %d: %v", i, calls, err)
			}
		}
		if _, err := m.Apply(store, seq, entry); err != nil {
			t.Fatal(err)
		}
	}
}
