package state

import (
	"crypto/ed25519"
	"math"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/catalog/statetest"
	"github.com/weirdata/weir/consensus/evidence"
)

// seats gives the second and third seats to operators of their own.
func (w *world) seats() *world {
	w.t.Helper()
	cluster := must[catalog.Cluster](w.t)(w.view().Cluster())
	for i, name := range []string{"water", "air"}[:len(cluster.Nodes)-1] {
		w.ok("operator", catalog.KindPrincipalAdd, testPrincipal(name, catalog.RoleOperator))
		cluster.Nodes[i+1].Operator = testPublic(name)
	}
	if err := records.Put(w.store, records.KeyCluster, cluster); err != nil {
		w.t.Fatal(err)
	}
	return w
}

// order is a restore at the end of the log, signed by operators.
func (w *world) order(by ...string) recovery.Restore {
	w.t.Helper()
	last, known, err := w.view().Restored()
	if err != nil {
		w.t.Fatal(err)
	}
	o := recovery.Order{Cluster: w.id, Size: w.seq + 1, Root: catalog.Sum([]byte("root")), Made: 1}
	if known {
		o.Previous = last.Order.ID()
	}
	return orderedBy(o, by...)
}

func orderedBy(o recovery.Order, by ...string) recovery.Restore {
	b := recovery.Restore{Order: o}
	for _, name := range by {
		b.Signatures = append(b.Signatures, recovery.Signature{Operator: testID(name), Signature: ed25519.Sign(testKey(name), o.SignedBytes())})
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
	for _, change := range []func(*recovery.Order){
		func(o *recovery.Order) { o.Size-- },
		func(o *recovery.Order) { o.Size++ },
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
	all := must[[]recovery.Restored](t)(w.view().Restores())
	if len(all) != 2 || all[0].Order.ID() != first.Order.ID() || all[1].Number != 2 {
		t.Errorf("restores %+v", all)
	}
}

// Incident: two of three machines burn down, and what the third has beyond what was committed is not
// what they had. Nobody has to show more entries for that to be noticed, and nobody closes anything
// by showing what the log has.
func TestAForkOfTheSurvivorsLastEntriesIsLost(t *testing.T) {
	w := newWorld(t, 3, 2).admit().seats()
	leaves := make([]tlog.Hash, w.seq+1)
	for i := range leaves {
		leaves[i] = tlog.RecordHash([]byte{byte(i)})
	}
	tree := treeOf(t, leaves)
	size := int64(len(leaves))
	b := w.order()
	b.Order.Survivor, b.Order.Committed, b.Order.Root = "node1", uint64(size-3), catalog.Digest(tree.root(size))
	w.no("node2", catalog.KindClusterRestore, orderedBy(b.Order, "water", "air"), catalog.RefusedForbidden, "restore_survivor")
	leaves = append(leaves, tlog.Hash{}) // a refusal is an entry, too
	tree = treeOf(t, leaves)
	size++
	b.Order.Size, b.Order.Root = uint64(size), catalog.Digest(tree.root(size))
	beyond := b.Order
	beyond.Committed = beyond.Size + 1
	w.no("node1", catalog.KindClusterRestore, orderedBy(beyond, "water", "air"), catalog.RefusedInvalid, "invalid")
	leaves = append(leaves, tlog.Hash{})
	tree = treeOf(t, leaves)
	size++
	b.Order.Size, b.Order.Root = uint64(size), catalog.Digest(tree.root(size))
	w.ok("node1", catalog.KindClusterRestore, orderedBy(b.Order, "water", "air"))
	order := b.Order.ID()

	at := size - 1 // behind what was committed
	own := w.present(order, uint64(at), "node1", "node2")
	own.Own = catalog.Digest(tree.root(at))
	own.Proof = tree.consistency(size, at)
	same := own
	same.Root = same.Own
	w.no("node1", catalog.KindRestorePresent, same, catalog.RefusedConflict, "restore_fork")
	unproven := own
	unproven.Proof = nil
	w.no("node1", catalog.KindRestorePresent, unproven, catalog.RefusedConflict, "restore_fork")
	lying := own
	lying.Own = catalog.Sum([]byte("another"))
	w.no("node1", catalog.KindRestorePresent, lying, catalog.RefusedConflict, "restore_fork")
	if r := must[recovery.Restored](t)(restoredOf(w)); r.Lost() != 0 {
		t.Fatalf("%d entries are lost", r.Lost())
	}
	agreed := w.present(order, b.Order.Committed, "node1", "node2")
	w.no("node1", catalog.KindRestorePresent, agreed, catalog.RefusedConflict, "restore_seen")
	w.ok("node1", catalog.KindRestorePresent, own)
	if r := must[recovery.Restored](t)(restoredOf(w)); r.Lost() != uint64(at)-b.Order.Committed {
		t.Errorf("%d entries are lost, want %d", r.Lost(), uint64(at)-b.Order.Committed)
	}
	// Attack: a survivor that has put others in the place of entries that were agreed on, and says that these were.
	below := int64(b.Order.Committed) - 1 //nolint:gosec // small
	deep := w.present(order, uint64(below), "node1", "node2")
	w.no("node1", catalog.KindRestorePresent, deep, catalog.RefusedConflict, "restore_seen")
	deep.Own, deep.Proof = catalog.Digest(tree.root(below)), tree.consistency(size, below)
	alone := deep
	alone.Note = ""
	w.no("node1", catalog.KindRestorePresent, alone, catalog.RefusedConflict, "restore_seen")
	one := w.present(order, uint64(below), "node1")
	one.Own, one.Proof = deep.Own, deep.Proof
	w.no("node1", catalog.KindRestorePresent, one, catalog.RefusedSignature, "restore_note")
	w.ok("node1", catalog.KindRestorePresent, deep)
	w.no("node1", catalog.KindRestorePresent, deep, catalog.RefusedConflict, "restore_seen")
	if r := must[recovery.Restored](t)(restoredOf(w)); r.Lost() != uint64(at-below+1) {
		t.Errorf("%d entries are lost, want %d", r.Lost(), at-below+1)
	}
}

// merkle is a tree of leaves.
type merkle struct {
	t      *testing.T
	hashes []tlog.Hash // by stored index
}

func treeOf(t *testing.T, leaves []tlog.Hash) merkle {
	m := merkle{t: t}
	for i, leaf := range leaves {
		m.hashes = append(m.hashes, must[[]tlog.Hash](t)(tlog.StoredHashesForRecordHash(int64(i), leaf, m))...)
	}
	return m
}

func (m merkle) ReadHashes(indexes []int64) (out []tlog.Hash, err error) {
	for _, i := range indexes {
		out = append(out, m.hashes[i])
	}
	return out, nil
}

func (m merkle) root(size int64) tlog.Hash { return must[tlog.Hash](m.t)(tlog.TreeHash(size, m)) }

func (m merkle) consistency(size, old int64) (proof []catalog.Digest) {
	for _, h := range must[tlog.TreeProof](m.t)(tlog.ProveTree(size, old, m)) {
		proof = append(proof, catalog.Digest(h))
	}
	return proof
}

// restoredNoisy is a cluster that was restored while a noised query was open, after one was answered.
func restoredNoisy(t *testing.T) (w *world, contract, open string, order catalog.Digest) {
	w = noisy(t).seats()
	contract = w.contract("bank", catalog.OrderCreate{Dataset: "noisy"})
	open = w.ok("bank", catalog.KindQuerySubmit, submit(contract, noised("0.5", ""))).ID
	w.ok("node1", catalog.KindQueryAttempt, w.attempt(open, 1))
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
	w.no("node1", catalog.KindQueryAttempt, w.attempt(open, 2), catalog.RefusedConflict, "query_state")
	ask := func(rule string, kind catalog.RefusalKind, contract string) {
		t.Helper()
		w.no("bank", catalog.KindQuerySubmit, submit(contract, noised("0.5", "")), kind, rule)
	}
	ask("restoring", catalog.RefusedConflict, contract)
	if _, refusal, err := w.view().Preview(testID("bank"), submit(contract, noised("0.5", ""))); err != nil || refusal == nil || refusal.Rule != "restoring" {
		t.Errorf("a preview while it waits: %v, %v", refusal, err)
	}

	seen := must[recovery.Restored](t)(restoredOf(w)).Seen
	present := w.present(order, seen+100, "node1", "node3")
	w.no("bank", catalog.KindRestorePresent, present, catalog.RefusedForbidden, "role")
	w.ok("node2", catalog.KindRestorePresent, present)
	w.no("node1", catalog.KindRestorePresent, present, catalog.RefusedConflict, "restore_seen")
	w.ok("operator", catalog.KindPrincipalAdd, testPrincipal("warden", catalog.RoleOperator))
	w.no("warden", catalog.KindRestoreEnd, recovery.End{Order: order}, catalog.RefusedForbidden, "restore_seat")
	w.no("water", catalog.KindRestoreEnd, recovery.End{Order: present.Root}, catalog.RefusedConflict, "restore_order")
	w.ok("water", catalog.KindRestoreEnd, recovery.End{Order: order})
	w.no("water", catalog.KindRestoreEnd, recovery.End{Order: order}, catalog.RefusedConflict, "restore_ended")
	ask("restoring", catalog.RefusedConflict, contract) // one operator has ended it
	before := must[catalog.Key](t)(w.view().Keys().Of(testID("bureau"))).Opened
	w.ok("air", catalog.KindRestoreEnd, recovery.End{Order: order})

	ask("restored", catalog.RefusedPolicy, contract)
	if k := must[catalog.Contract](t)(w.view().Contract(contract)); k.State != catalog.ContractRevoked {
		t.Errorf("the contract is %s", k.State)
	}
	if after := must[catalog.Key](t)(w.view().Keys().Of(testID("bureau"))).Opened; after != before+100*judge.LostOpening {
		t.Errorf("%d tiles count as opened after %d", after, before)
	}
	w.no("bank", catalog.KindDatasetReopen, recovery.Reopen{Dataset: "noisy", Order: order, Statement: "x"}, catalog.RefusedForbidden, "role")
	w.no("bureau", catalog.KindDatasetReopen, recovery.Reopen{Dataset: "noisy", Order: order}, catalog.RefusedInvalid, "invalid")
	reopen := recovery.Reopen{Dataset: "noisy", Order: order, Statement: "we have the statements of all contracts"}
	w.ok("bureau", catalog.KindDatasetReopen, reopen)
	w.no("bureau", catalog.KindDatasetReopen, reopen, catalog.RefusedConflict, "dataset_open")
	ask("contract_revoked", catalog.RefusedPolicy, contract)
	// A new contract has a budget of its own, and the family has none.
	again := w.contract("bank", catalog.OrderCreate{Dataset: "noisy"})
	if _, family := w.spent(again); family != testDP.EpsilonFamily {
		t.Errorf("the family has spent %s of %s", family, testDP.EpsilonFamily)
	}
	ask("epsilon_family", catalog.RefusedPolicy, again)

	// Its owner says how much may be left, and no more than is not known to be spent.
	known := must[records.NoiseFamily](t)(records.Find[records.NoiseFamily](w.store, records.NoiseKey(testID("bureau"), "enterprises"))).Known
	if known == "" || known == "0" || known == testDP.EpsilonFamily {
		t.Fatalf("known to be spent is %q", known)
	}
	grant := recovery.Reopen{Dataset: "noisy", Order: order, Statement: "we have counted", Noise: testDP.EpsilonFamily}
	w.no("bureau", catalog.KindDatasetReopen, grant, catalog.RefusedInvalid, "invalid")
	for _, bad := range []string{"-1", "1e1", "x"} {
		grant.Noise = bad
		w.no("bureau", catalog.KindDatasetReopen, grant, catalog.RefusedInvalid, "invalid")
	}
	grant.Noise, grant.Statement = "0.5", ""
	w.no("bureau", catalog.KindDatasetReopen, grant, catalog.RefusedInvalid, "invalid")
	grant.Statement = "we have counted"
	w.ok("bureau", catalog.KindDatasetReopen, grant)
	w.no("bureau", catalog.KindDatasetReopen, grant, catalog.RefusedConflict, "noise_known")
	asked := submit(again, noised("0.5", ""))
	w.ok("node1", catalog.KindQueryAttempt, w.attempt(w.ok("bank", catalog.KindQuerySubmit, asked).ID, 1))
	if _, family := w.spent(again); family != testDP.EpsilonFamily {
		t.Errorf("the family has spent %s of %s", family, testDP.EpsilonFamily)
	}
	w.no("bank", catalog.KindQuerySubmit, submit(again, noised("0.25", "")), catalog.RefusedPolicy, "epsilon_family")

	// Somebody comes late with a still newer one.
	w.ok("node3", catalog.KindRestorePresent, w.present(order, present.Size+10, "node2", "node3"))
	ask("restored", catalog.RefusedPolicy, again)
}

// present is a checkpoint of a past that is lost, signed by nodes.
func (w *world) present(order catalog.Digest, size uint64, by ...string) recovery.Present {
	w.t.Helper()
	b := recovery.Present{Order: order, Size: size, Root: catalog.Sum([]byte("lost"))}
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
	size := must[recovery.Restored](t)(restoredOf(w)).Seen + 100
	lost := func(want uint64) {
		t.Helper()
		if r := must[recovery.Restored](t)(restoredOf(w)); r.Lost() != want {
			t.Errorf("%d entries count as lost, want %d", r.Lost(), want)
		}
	}
	alone := func(size uint64) recovery.Present {
		return recovery.Present{Order: order, Size: size, Root: catalog.Sum([]byte("lost"))}
	}
	forged := map[string]recovery.Present{
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
	w.ok("water", catalog.KindRestoreEnd, recovery.End{Order: order})
	w.ok("air", catalog.KindRestoreEnd, recovery.End{Order: order})
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
	w.ok("water", catalog.KindRestoreEnd, recovery.End{Order: order})
	w.ok("operator", catalog.KindRestoreEnd, recovery.End{Order: order})
	w.no("air", catalog.KindRestoreEnd, recovery.End{Order: order}, catalog.RefusedConflict, "restore_ended")
	if _, after := w.spent(contract); after != before {
		t.Errorf("the family has spent %s after %s", after, before)
	}
	w.ok("bank", catalog.KindQuerySubmit, submit(contract, noised("0.5", "")))
	sum := statetest.SumBy(statetest.Attribute("county"))
	w.ok("bank", catalog.KindQuerySubmit, submit(w.contract("bank", catalog.OrderCreate{Dataset: "emissions"}), sum))
	w.no("bureau", catalog.KindDatasetReopen, recovery.Reopen{Dataset: "noisy", Order: order, Statement: "x"}, catalog.RefusedConflict, "dataset_open")
	w.no("bureau", catalog.KindDatasetReopen, recovery.Reopen{Dataset: "noisy", Order: order, Statement: "x", Lists: true}, catalog.RefusedConflict, "nothing_lost")
}

func restoredOf(w *world) (recovery.Restored, error) {
	r, _, err := w.view().Restored()
	return r, err
}

// loses restores a cluster that has lost entries, and opens it again.
func (w *world) loses() recovery.Order {
	w.t.Helper()
	b := w.order("operator", "water")
	w.ok("node1", catalog.KindClusterRestore, b)
	w.ok("node2", catalog.KindRestorePresent, w.present(b.Order.ID(), w.seq+50, "node1", "node2"))
	for _, who := range []string{"operator", "water"} {
		w.ok(who, catalog.KindRestoreEnd, recovery.End{Order: b.Order.ID()})
	}
	return b.Order
}

// Attack: noise that was spent after the backup is had again by founding the family anew, which the backup does not
// have. It begins without a budget, until its owner says how much may be left; and a restore that loses nothing does not make it forget.
func TestAFamilyThatIsFoundedAfterALossHasNoNoise(t *testing.T) {
	w := ready(t).seats()
	w.loses()
	d := statetest.Descriptor("noisy")
	dp := testDP
	d.Policy.DP = &dp
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	family := func() records.NoiseFamily {
		return must[records.NoiseFamily](t)(records.Find[records.NoiseFamily](w.store, records.NoiseKey(testID("bureau"), d.Registry)))
	}
	if f := family(); f.Spent != f.Limit || f.Known != "0" {
		t.Fatalf("family %+v", f)
	}
	b := w.order("water", "air") // and nothing is lost
	w.ok("node1", catalog.KindClusterRestore, b)
	for _, who := range []string{"water", "air"} {
		w.ok(who, catalog.KindRestoreEnd, recovery.End{Order: b.Order.ID()})
	}
	reopen := recovery.Reopen{Dataset: "noisy", Order: b.Order.ID(), Statement: "it is new", Noise: testDP.EpsilonFamily}
	w.no("bank", catalog.KindDatasetReopen, reopen, catalog.RefusedForbidden, "role")
	w.no("rival", catalog.KindDatasetReopen, reopen, catalog.RefusedForbidden, "owner")
	w.ok("bureau", catalog.KindDatasetReopen, reopen)
	if f := family(); f.Spent != "0" || f.Known != "" {
		t.Errorf("family %+v", f)
	}
	w.loses()
	if f := family(); f.Spent != f.Limit || f.Known != "0" {
		t.Errorf("after the next loss: %+v", f)
	}
}

// Attack: a list that was answered after the backup is followed by another one for the same month, or by another owner's, and the
// difference of the two tells who is in one of them.
func TestPlacesThatMayHaveBeenTakenAreTakenAfterALoss(t *testing.T) {
	h, contract := listWorld(t, func(p *catalog.Policy) { p.Portfolios = 2 })
	h.seats()
	mine := h.listBy("bank", "mine", 1)
	h.answered(h.asks("bank", contract, listSum(mine, 0, 1)))
	again := func(who string) string { // contracts have ended
		return h.contract(who, catalog.OrderCreate{Dataset: "emissions", Portfolio: true})
	}
	h.now = time.Date(2025, 2, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	order := h.loses()
	reopen := recovery.Reopen{Dataset: "emissions", Order: order.ID(), Statement: "by the buyers' receipts"}
	h.ok("bureau", catalog.KindDatasetReopen, reopen)
	contract = again("bank")
	h.asks("bank", contract, listSum(mine, 0, 1)) // it has that place, and had no other list there
	h.cannot("bank", contract, listSum(mine, 1, 1), "portfolio_lost")
	insurer := again("insurer")
	theirs := h.listBy("insurer", "theirs", 1)
	h.cannot("insurer", insurer, listSum(theirs, 0, 1), "portfolio_lost")

	// What began after the loss has lost nothing.
	r := must[recovery.Restored](t)(restoredOf(h.world))
	was := r.LostAt
	if was == 0 {
		t.Fatal("nothing is said to be lost")
	}
	begin := must[int64](t)(calendar.OffsetMillis("+08:00"))
	r.LostAt = time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC).UnixMilli() - begin
	if err := records.Put(h.store, records.KeyRestore, r); err != nil {
		t.Fatal(err)
	}
	h.asks("insurer", insurer, listSum(theirs, 5, 1))
	h.cannot("insurer", insurer, listSum(theirs, 4, 1), "portfolio_lost")
	r.LostAt = was
	if err := records.Put(h.store, records.KeyRestore, r); err != nil {
		t.Fatal(err)
	}

	// Its publisher, who gives the places, may know that no list was answered.
	reopen.Lists = true
	h.no("rival", catalog.KindDatasetReopen, reopen, catalog.RefusedForbidden, "owner")
	h.ok("bureau", catalog.KindDatasetReopen, reopen)
	h.asks("insurer", insurer, listSum(theirs, 1, 1))
	order = h.loses()
	reopen.Lists, reopen.Order = false, order.ID()
	h.ok("bureau", catalog.KindDatasetReopen, reopen)
	h.cannot("insurer", again("insurer"), listSum(theirs, 2, 1), "portfolio_lost")

	// An owner that is bound to its first list may have had another one.
	h, _ = listWorld(t, func(p *catalog.Policy) { p.PortfolioChange = catalog.PortfolioNever })
	h.seats()
	order = h.loses()
	h.ok("bureau", catalog.KindDatasetReopen, recovery.Reopen{Dataset: "emissions", Order: order.ID(), Statement: "x"})
	if r := h.cannot("bank", again("bank"), listSum(h.listBy("bank", "mine", 1), 0, 1), "portfolio_lost"); r.Code != "portfolio.lost_list" {
		t.Errorf("refused with %s", r.Code)
	}
}
