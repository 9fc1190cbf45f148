package state

import (
	"crypto/ed25519"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/statetest"
	"github.com/weirdata/weir/consensus/evidence"
)

// seats gives the second and third seats to operators of their own.
func (w *world) seats() *world {
	w.t.Helper()
	cluster := must[catalog.Cluster](w.t)(w.view().Cluster())
	for i, name := range []string{"water", "air"} {
		w.ok("operator", catalog.KindPrincipalAdd, testPrincipal(name, catalog.RoleOperator))
		cluster.Nodes[i+1].Operator = testPublic(name)
	}
	if err := records.Put(w.store, records.KeyCluster, cluster); err != nil {
		w.t.Fatal(err)
	}
	return w
}

// order is a restore at the end of the log, signed by operators.
func (w *world) order(by ...string) catalog.ClusterRestore {
	w.t.Helper()
	last, known, err := w.view().Restored()
	if err != nil {
		w.t.Fatal(err)
	}
	o := catalog.RestoreOrder{Cluster: w.id, Size: w.seq + 1, Root: catalog.Sum([]byte("root")), Made: 1}
	if known {
		o.Previous = last.Order.ID()
	}
	return orderedBy(o, by...)
}

func orderedBy(o catalog.RestoreOrder, by ...string) catalog.ClusterRestore {
	b := catalog.ClusterRestore{Order: o}
	for _, name := range by {
		b.Signatures = append(b.Signatures, catalog.RestoreSignature{Operator: testID(name), Signature: ed25519.Sign(testKey(name), o.SignedBytes())})
	}
	return b
}

// A lone operator does not roll a cluster back, and neither do operators without seats, however many.
func TestRestoreIsOrderedByTheOperatorsOfEnoughSeats(t *testing.T) {
	w := newWorld(t, 3, 2).admit().seats()
	w.ok("operator", catalog.KindPrincipalAdd, testPrincipal("warden", catalog.RoleOperator))
	w.no("node1", catalog.KindClusterRestore, w.order("water"), catalog.RefusedForbidden, "restore_seats")
	w.no("node1", catalog.KindClusterRestore, w.order(), catalog.RefusedForbidden, "restore_seats")
	w.no("node1", catalog.KindClusterRestore, w.order("water", "water"), catalog.RefusedSignature, "restore_signature")
	w.no("node1", catalog.KindClusterRestore, w.order("water", "warden"), catalog.RefusedSignature, "restore_signature")
	forged := w.order("water", "air")
	forged.Signatures[1].Signature = forged.Signatures[0].Signature
	w.no("node1", catalog.KindClusterRestore, forged, catalog.RefusedSignature, "restore_signature")
	w.no("operator", catalog.KindClusterRestore, w.order("water", "air"), catalog.RefusedForbidden, "role")

	// It goes on from its backup and from nothing else.
	for _, change := range []func(*catalog.RestoreOrder){
		func(o *catalog.RestoreOrder) { o.Size-- },
		func(o *catalog.RestoreOrder) { o.Size++ },
	} {
		o := w.order().Order
		change(&o)
		w.no("node1", catalog.KindClusterRestore, orderedBy(o, "water", "air"), catalog.RefusedConflict, "restore_size")
	}
	o := w.order().Order
	o.Previous = o.Root
	w.no("node1", catalog.KindClusterRestore, orderedBy(o, "water", "air"), catalog.RefusedConflict, "restore_order")
	o = w.order().Order
	o.Cluster = o.Root
	w.no("node1", catalog.KindClusterRestore, orderedBy(o, "water", "air"), catalog.RefusedInvalid, "invalid")

	first := w.order("water", "air")
	w.ok("node1", catalog.KindClusterRestore, first)
	w.no("node2", catalog.KindClusterRestore, first, catalog.RefusedConflict, "restore_size")
	w.ok("node2", catalog.KindClusterRestore, w.order("operator", "air"))
	all := must[[]catalog.Restored](t)(w.view().Restores())
	if len(all) != 2 || all[0].Order.ID() != first.Order.ID() || all[1].Number != 2 {
		t.Errorf("restores %+v", all)
	}
}

// restoredNoisy is a cluster that was restored while a noised query was open, after one was answered.
func restoredNoisy(t *testing.T) (w *world, contract, open string, order catalog.Digest) {
	w = noisy(t).seats()
	contract = w.contract("bank", catalog.OrderCreate{Dataset: "noisy"})
	open = w.ok("bank", catalog.KindQuerySubmit, submit(contract, noised("0.5", ""))).ID
	b := w.order("water", "air")
	w.ok("node1", catalog.KindClusterRestore, b)
	return w, contract, open, b.Order.ID()
}

// Incident: a restore that would refund privacy.
func TestRestoreRefundsNothing(t *testing.T) {
	w, contract, open, order := restoredNoisy(t)
	q := must[catalog.Query](t)(w.view().Query(open))
	if q.State != catalog.QueryFailed || q.Reason.Code != "restore.query" || q.Refunded {
		t.Errorf("the query that was open is %s (%s), refunded %t", q.State, q.Reason, q.Refunded)
	}
	w.no("node1", catalog.KindQueryAttempt, w.attempt(open, 1), catalog.RefusedConflict, "query_state")
	ask := func(rule string, kind catalog.RefusalKind, contract string) {
		t.Helper()
		w.no("bank", catalog.KindQuerySubmit, submit(contract, noised("0.5", "")), kind, rule)
	}
	ask("restoring", catalog.RefusedConflict, contract)
	if _, refusal, err := w.view().Preview(testID("bank"), submit(contract, noised("0.5", ""))); err != nil || refusal == nil || refusal.Rule != "restoring" {
		t.Errorf("a preview while it waits: %v, %v", refusal, err)
	}

	seen := must[catalog.Restored](t)(restoredOf(w)).Seen
	present := w.present(order, seen+100, "node1", "node3")
	w.no("bank", catalog.KindRestorePresent, present, catalog.RefusedForbidden, "role")
	w.ok("node2", catalog.KindRestorePresent, present)
	w.no("node1", catalog.KindRestorePresent, present, catalog.RefusedConflict, "restore_seen")
	w.ok("operator", catalog.KindPrincipalAdd, testPrincipal("warden", catalog.RoleOperator))
	w.no("warden", catalog.KindRestoreEnd, catalog.RestoreEnd{Order: order}, catalog.RefusedForbidden, "restore_seat")
	w.no("water", catalog.KindRestoreEnd, catalog.RestoreEnd{Order: present.Root}, catalog.RefusedConflict, "restore_order")
	w.ok("water", catalog.KindRestoreEnd, catalog.RestoreEnd{Order: order})
	w.no("water", catalog.KindRestoreEnd, catalog.RestoreEnd{Order: order}, catalog.RefusedConflict, "restore_ended")
	ask("restoring", catalog.RefusedConflict, contract) // one operator has ended it
	before := must[catalog.Key](t)(w.view().KeyOf(testID("bureau"))).Opened
	w.ok("air", catalog.KindRestoreEnd, catalog.RestoreEnd{Order: order})

	ask("restored", catalog.RefusedPolicy, contract)
	if k := must[catalog.Contract](t)(w.view().Contract(contract)); k.State != catalog.ContractRevoked {
		t.Errorf("the contract is %s", k.State)
	}
	if after := must[catalog.Key](t)(w.view().KeyOf(testID("bureau"))).Opened; after != before+100*lostOpening {
		t.Errorf("%d tiles count as opened after %d", after, before)
	}
	w.no("bank", catalog.KindDatasetReopen, catalog.DatasetReopen{Dataset: "noisy", Order: order, Statement: "x"}, catalog.RefusedForbidden, "role")
	w.no("bureau", catalog.KindDatasetReopen, catalog.DatasetReopen{Dataset: "noisy", Order: order}, catalog.RefusedInvalid, "invalid")
	reopen := catalog.DatasetReopen{Dataset: "noisy", Order: order, Statement: "we have the statements of all contracts"}
	w.ok("bureau", catalog.KindDatasetReopen, reopen)
	w.no("bureau", catalog.KindDatasetReopen, reopen, catalog.RefusedConflict, "dataset_open")
	ask("contract_revoked", catalog.RefusedPolicy, contract)
	// A new contract has a budget of its own, and the family has none.
	again := w.contract("bank", catalog.OrderCreate{Dataset: "noisy"})
	if _, family := w.spent(again); family != testDP.EpsilonFamily {
		t.Errorf("the family has spent %s of %s", family, testDP.EpsilonFamily)
	}
	ask("epsilon_family", catalog.RefusedPolicy, again)

	// Somebody comes late with a still newer one.
	w.ok("node3", catalog.KindRestorePresent, w.present(order, present.Size+10, "node2", "node3"))
	ask("restored", catalog.RefusedPolicy, again)
}

// present is a checkpoint of a past that is lost, signed by nodes.
func (w *world) present(order catalog.Digest, size uint64, by ...string) catalog.RestorePresent {
	w.t.Helper()
	b := catalog.RestorePresent{Order: order, Size: size, Root: catalog.Sum([]byte("lost"))}
	c := evidence.Checkpoint{Origin: evidence.Origin(w.id.String()), Size: size, Root: evidence.Hash(b.Root)}
	var lines [][]byte
	for _, name := range by {
		l, err := evidence.SignCheckpoint(testKey(name), strings.TrimPrefix(name, "former "), c, time.UnixMilli(w.now))
		if err != nil {
			w.t.Fatal(err)
		}
		lines = append(lines, l)
	}
	b.Note = string(evidence.Assemble(c, lines...))
	return b
}

// Attack: a lone node closes every dataset, ends every contract and wears out every key.
func TestALoneNodeClosesNothing(t *testing.T) {
	w, contract, _, order := restoredNoisy(t)
	size := must[catalog.Restored](t)(restoredOf(w)).Seen + 100
	lost := func(want uint64) {
		t.Helper()
		if r := must[catalog.Restored](t)(restoredOf(w)); r.Lost() != want {
			t.Errorf("%d entries count as lost, want %d", r.Lost(), want)
		}
	}
	alone := func(size uint64) catalog.RestorePresent {
		return catalog.RestorePresent{Order: order, Size: size, Root: catalog.Sum([]byte("lost"))}
	}
	forged := map[string]catalog.RestorePresent{
		"one of two":        w.present(order, size, "node1"),
		"one twice":         w.present(order, size, "node1", "node1"),
		"one and a former":  w.present(order, size, "node1", "former node2"),
		"no note":           {Order: order, Size: size, Note: "weir/"},
		"of other entries":  w.present(order, size-1, "node1", "node2"),
		"with another root": w.present(order, size, "node1", "node2"),
	}
	for name, b := range forged {
		if b.Size = size; name == "with another root" {
			b.Root = catalog.Sum([]byte("another"))
		}
		if out := w.do("node1", catalog.KindRestorePresent, b); out.Refusal == nil || out.Refusal.Rule != "restore_note" {
			t.Errorf("%s: %v", name, out.Refusal)
		}
	}
	w.no("node1", catalog.KindRestorePresent, alone(math.MaxUint64), catalog.RefusedInvalid, "invalid")
	// While the cluster waits, a node's word is one voice.
	w.ok("node1", catalog.KindRestorePresent, alone(size+1000))
	w.no("node1", catalog.KindRestorePresent, alone(size), catalog.RefusedConflict, "restore_seen")
	w.ok("node1", catalog.KindRestorePresent, alone(size+2000))
	lost(0)
	w.ok("water", catalog.KindRestoreEnd, catalog.RestoreEnd{Order: order})
	w.ok("air", catalog.KindRestoreEnd, catalog.RestoreEnd{Order: order})
	w.no("node2", catalog.KindRestorePresent, alone(size), catalog.RefusedConflict, "restore_told")
	lost(0)
	w.ok("bank", catalog.KindQuerySubmit, submit(contract, noised("0.5", "")))

	w, _, _, order = restoredNoisy(t)
	w.ok("node1", catalog.KindRestorePresent, alone(size+1000))
	w.ok("node3", catalog.KindRestorePresent, alone(size))
	lost(100) // two say so
	w.ok("node2", catalog.KindRestorePresent, alone(size+10))
	lost(110)

	cluster := must[catalog.Cluster](t)(w.view().Cluster())
	cluster.Leaving, cluster.Nodes = []catalog.Leaving{{Node: cluster.Nodes[2]}}, cluster.Nodes[:2]
	if err := records.Put(w.store, records.KeyCluster, cluster); err != nil {
		t.Fatal(err)
	}
	w.no("node3", catalog.KindRestorePresent, alone(size+5000), catalog.RefusedForbidden, "restore_member")
}

// What is restored whole is as it was.
func TestRestoreThatLostNothingClosesNothing(t *testing.T) {
	w, contract, _, order := restoredNoisy(t)
	_, before := w.spent(contract)
	w.ok("water", catalog.KindRestoreEnd, catalog.RestoreEnd{Order: order})
	w.ok("operator", catalog.KindRestoreEnd, catalog.RestoreEnd{Order: order})
	w.no("air", catalog.KindRestoreEnd, catalog.RestoreEnd{Order: order}, catalog.RefusedConflict, "restore_ended")
	if _, after := w.spent(contract); after != before {
		t.Errorf("the family has spent %s after %s", after, before)
	}
	w.ok("bank", catalog.KindQuerySubmit, submit(contract, noised("0.5", "")))
	sum := statetest.SumBy(statetest.Attribute("county"))
	w.ok("bank", catalog.KindQuerySubmit, submit(w.contract("bank", catalog.OrderCreate{Dataset: "emissions"}), sum))
	w.no("bureau", catalog.KindDatasetReopen, catalog.DatasetReopen{Dataset: "noisy", Order: order, Statement: "x"}, catalog.RefusedConflict, "dataset_open")
}

func restoredOf(w *world) (catalog.Restored, error) {
	r, _, err := w.view().Restored()
	return r, err
}
