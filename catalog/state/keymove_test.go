package state

import (
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/statetest"
)

// moveTo does all steps of moving a key among nodes that have its old shares, to the roster.
func (w *world) moveTo(id string, epoch uint64, attempt int, dealers []int, old []string) {
	w.t.Helper()
	to := must[catalog.Cluster](w.t)(w.view().Cluster()).Roster()
	w.ok(to.Nodes[0], catalog.KindKeyReshare, catalog.KeyReshare{Key: id, Epoch: epoch, Attempt: attempt, Dealers: dealers})
	for _, d := range dealers {
		b := w.dealings(id, attempt, d)
		for len(b.Dealings) < len(to.Nodes) {
			b.Dealings = append(b.Dealings, catalog.Sum([]byte{byte(d), byte(len(b.Dealings))}))
		}
		b.Dealings = b.Dealings[:len(to.Nodes)]
		w.ok(old[d-1], catalog.KindKeyCommit, b)
	}
	for _, node := range to.Nodes {
		w.ok(node, catalog.KindKeyAck, catalog.KeyAck{Key: id, Attempt: attempt})
	}
	for set, points := range roster.TestSets(len(to.Nodes), to.Threshold) {
		w.ok(to.Nodes[points[0]-1], catalog.KindKeyTested, catalog.KeyTested{Key: id, Attempt: attempt, Set: set})
	}
}

func TestAKeyMovesWithItsPublishersApprovalAlone(t *testing.T) {
	w := housesWorld(t)
	id := catalog.KeyID(testID("bureau"))
	w.no("bureau", catalog.KindKeyMove, roster.MoveKey{Key: id, Roster: w.lastChange()}, catalog.RefusedConflict, "moved")
	rival := w.ok("node1", catalog.KindKeyStart, startOf("rival", 1)).ID
	founding := w.lastChange()
	a := w.propose("operator", w.roster(2, []string{"node2"}, newSeat("node4", "house4", 3)))
	w.ok("house3", catalog.KindRosterApprove, a)
	w.ok("house4", catalog.KindRosterApprove, a)
	if k := must[catalog.Key](t)(w.view().Keys().Get(rival)); k.State != catalog.KeyFailed || k.Reason.Code != "roster.replaced" {
		t.Errorf("the ceremony under way: %s %s", k.State, k.Reason)
	}
	if k := must[catalog.Key](t)(w.view().Keys().Get(id)); k.Refresh != nil || !slices.Equal(k.Nodes, []string{"node1", "node2", "node3"}) {
		t.Fatalf("without its publisher the key is %+v", k)
	}
	// No operator and no node brings a share to node4: what they may ask for shares the key anew
	// among those who have it.
	move := roster.MoveKey{Key: id, Roster: w.lastChange()}
	for _, who := range []string{"operator", "house4", "node1", "node4", "bank"} {
		if r := w.do(who, catalog.KindKeyMove, move).Refusal; r == nil || r.Kind != catalog.RefusedForbidden {
			t.Errorf("%s may move the key: %+v", who, r)
		}
	}
	w.no("rival", catalog.KindKeyMove, move, catalog.RefusedForbidden, "owner")
	w.no("bureau", catalog.KindKeyMove, roster.MoveKey{Key: id, Roster: founding}, catalog.RefusedConflict, "previous")
	w.no("rival", catalog.KindKeyMove, roster.MoveKey{Key: rival, Roster: w.lastChange()}, catalog.RefusedConflict, "key_state")
	w.no("bureau", catalog.KindKeyMove, roster.MoveKey{Key: "k-none", Roster: w.lastChange()}, catalog.RefusedUnknown, "unknown")
	w.no("node4", catalog.KindKeyReshare, catalog.KeyReshare{Key: id, Epoch: 2, Attempt: 2, Dealers: []int{1, 2}}, catalog.RefusedConflict, "refresh")
	w.ok("operator", catalog.KindKeyRefresh, catalog.KeyRefresh{Key: id})
	w.ok("node4", catalog.KindKeyReshare, catalog.KeyReshare{Key: id, Epoch: 2, Attempt: 2, Dealers: []int{1, 2}})
	w.no("node4", catalog.KindKeyCommit, w.dealings(id, 2, 1), catalog.RefusedForbidden, "dealer")
	for p := 1; p <= 2; p++ {
		w.ok(nodeName(p), catalog.KindKeyCommit, w.dealings(id, 2, p))
	}
	w.no("node4", catalog.KindKeyAck, catalog.KeyAck{Key: id, Attempt: 2}, catalog.RefusedForbidden, "member")
	w.no("bureau", catalog.KindKeyMove, move, catalog.RefusedConflict, "refresh") // its time is when that is over
	w.ok("node1", catalog.KindKeyFail, catalog.KeyFail{Key: id, Attempt: 2, Reason: catalog.Why("node.late", 1)})
	w.ok("bureau", catalog.KindKeyMove, move)
	w.no("bureau", catalog.KindKeyMove, move, catalog.RefusedConflict, "refresh")

	// A move that did not begin ends when the roster changes again: it was approved for that one.
	a = w.propose("operator", w.roster(3, nil))
	w.ok("house3", catalog.KindRosterApprove, a)
	if k := must[catalog.Key](t)(w.view().Keys().Get(id)); k.Refresh == nil || k.Refresh.To != nil {
		t.Errorf("the key moves to a roster that its publisher did not see: %+v", k.Refresh)
	}
	a = w.propose("operator", w.roster(2, nil))
	w.ok("house3", catalog.KindRosterApprove, a)
	w.ok("house4", catalog.KindRosterApprove, a)
	move.Roster = w.lastChange()
	w.ok("bureau", catalog.KindKeyMove, move)

	// A machine is replaced meanwhile: the attempt ends, the move stays.
	old := []string{"node1", "node2", "node3"}
	w.ok("node4", catalog.KindKeyReshare, catalog.KeyReshare{Key: id, Epoch: 2, Attempt: 3, Dealers: []int{1, 2}})
	replaced := w.machine3("node4-b")
	w.ok("house4", catalog.KindSeatReplace, replaced)
	w.seated = map[string]string{"node4": "node4-b"}
	if k := must[catalog.Key](t)(w.view().Keys().Get(id)); k.Refresh.State != catalog.KeyFailed || k.Refresh.To == nil {
		t.Fatalf("refresh %+v", k.Refresh)
	}
	w.moveTo(id, 2, 4, []int{1, 2}, old)
	k := must[catalog.Key](t)(w.view().Keys().Get(id))
	if !slices.Equal(k.Nodes, []string{"node1", "node3", "node4"}) || k.Refresh != nil || k.InForce() != (catalog.Sharing{Key: id, Epoch: 2, Attempt: 4}) {
		t.Fatalf("the key moved to %+v", k)
	}
	if before := k.Before(); !slices.Equal(before.Nodes, old) || k.Retired == nil {
		t.Errorf("retired %+v", k.Retired)
	}
	if got, ok := k.RosterOf(k.Made()); !ok || !slices.Equal(got.Nodes, old) || !slices.Equal(k.Ceremony().Nodes, old) {
		t.Errorf("made among %v", got)
	}

	// The old shares: the seat that leaves is in the cluster until it has erased its own.
	w.no("node1", catalog.KindSeatLeft, roster.Left{Node: "node2"}, catalog.RefusedConflict, "holds")
	w.no("node1", catalog.KindSeatLeft, roster.Left{Node: "node3"}, catalog.RefusedConflict, "leaving")
	w.no("operator", catalog.KindSeatLeft, roster.Left{Node: "node2"}, catalog.RefusedForbidden, "role")
	erased := catalog.KeyErased{Key: id, Epoch: 1}
	w.no("node4", catalog.KindKeyErased, erased, catalog.RefusedForbidden, "member")
	w.ok("node1", catalog.KindKeyErased, erased)
	w.ok("node2", catalog.KindKeyErased, erased)
	w.ok("node1", catalog.KindSeatLeft, roster.Left{Node: "node2"})
	statetest.WantRefusal(t, w.do("node2", catalog.KindVersionAck, catalog.VersionAck{Dataset: "x", Version: 1}).Refusal, catalog.RefusedSignature, "signer")
	w.ok("node3", catalog.KindKeyErased, erased)
	if k := must[catalog.Key](t)(w.view().Keys().Get(id)); k.Retired != nil {
		t.Errorf("retired %+v", k.Retired)
	}
	for _, x := range []struct {
		seq   uint64
		nodes []string
	}{{1, old}, {w.seq, []string{"node1", "node3", "node4"}}} {
		if c := must[catalog.Cluster](t)(w.view().ClusterAt(x.seq)); !slices.Equal(c.Roster().Nodes, x.nodes) {
			t.Errorf("at entry %d the roster was %v, want %v", x.seq, c.Roster().Nodes, x.nodes)
		}
	}
}

// Among whom a key is shared counts by its publisher's word alone: no node can pass a roster off as its own that
// the publisher has not approved, though operators made it once.
func TestWhereAKeyIsIsProvedByItsPublishersApproval(t *testing.T) {
	w := housesWorld(t)
	id := catalog.KeyID(testID("bureau"))
	key := func() catalog.Key { return must[catalog.Key](t)(w.view().Keys().Get(id)) }
	shared := func(k catalog.Key) (int, error) {
		entries := attest.Entries(must[[]roster.Change](t)(w.view().RosterChanges()))
		return attest.Shared(must[[]catalog.Cluster](t)(attest.Rosters(w.id, entries)), attest.Made(entries), k)
	}
	made := key()
	if n, err := shared(made); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	for _, b := range []roster.Propose{w.roster(2, []string{"node2"}, newSeat("node4", "house4", 3))} {
		a := w.propose("operator", b)
		w.ok("house3", catalog.KindRosterApprove, a)
		w.ok("house4", catalog.KindRosterApprove, a)
	}
	move := roster.MoveKey{Key: id, Roster: w.lastChange()}
	w.ok("bureau", catalog.KindKeyMove, move)
	w.ok("node4", catalog.KindKeyReshare, catalog.KeyReshare{Key: id, Epoch: 2, Attempt: 2, Dealers: []int{1, 2}})
	w.ok("node1", catalog.KindKeyFail, catalog.KeyFail{Key: id, Attempt: 2, Reason: catalog.Why("node.late", 1)}) // the approval stays
	w.moveTo(id, 2, 3, []int{1, 3}, []string{"node1", "node2", "node3"})
	k := key()
	if n, err := shared(k); n != 1 || err != nil {
		t.Fatalf("after its move: %d, %v", n, err)
	}
	w.ok("operator", catalog.KindKeyRefresh, catalog.KeyRefresh{Key: id}) // nothing of it is lost by a refresh
	if n, err := shared(key()); n != 1 || err != nil {
		t.Fatalf("after a refresh: %d, %v", n, err)
	}

	// A roster that operators made, and the publisher never approved.
	a := w.propose("operator", w.roster(2, nil, newSeat("node5", "house4", 4)))
	w.ok("house3", catalog.KindRosterApprove, a)
	w.ok("house4", catalog.KindRosterApprove, a)
	now := must[catalog.Cluster](t)(w.view().Cluster()).Roster()
	approval := func(by string, b roster.MoveKey) *catalog.KeyMoved {
		return &catalog.KeyMoved{Envelope: w.sign(by, catalog.KindKeyMove, b), Key: testPublic(by)}
	}
	forged := approval("rival", roster.MoveKey{Key: id, Roster: w.lastChange()})
	forged.Envelope.Signer = k.Publisher
	for name, change := range map[string]func(k *catalog.Key){
		"another roster":              func(k *catalog.Key) { k.Nodes, k.Threshold = now.Nodes, now.Threshold },
		"where it was made":           func(k *catalog.Key) { k.Nodes, k.Threshold = made.Nodes, made.Threshold },
		"another threshold":           func(k *catalog.Key) { k.Threshold = 3 },
		"no approval":                 func(k *catalog.Key) { k.Moved = nil },
		"another publisher's":         func(k *catalog.Key) { k.Moved = approval("rival", move) },
		"another's as the own":        func(k *catalog.Key) { k.Moved = forged },
		"an operator's":               func(k *catalog.Key) { k.Moved = approval("operator", move) },
		"of another key":              func(k *catalog.Key) { k.Moved = approval("bureau", roster.MoveKey{Key: "k-2", Roster: move.Roster}) },
		"of a roster that is not":     func(k *catalog.Key) { k.Moved = approval("bureau", roster.MoveKey{Key: id, Roster: catalog.Sum(nil)}) },
		"of the founding":             func(k *catalog.Key) { k.Moved = approval("bureau", roster.MoveKey{Key: id, Roster: w.id}) },
		"another thing that it signs": func(k *catalog.Key) { k.Moved.Envelope = w.sign("bureau", catalog.KindKeyRefresh, move) },
		"of another time": func(k *catalog.Key) {
			k.Moved = approval("bureau", roster.MoveKey{Key: id, Roster: w.lastChange()})
		},
	} {
		x := k
		moved := *k.Moved
		x.Moved = &moved
		change(&x)
		if n, err := shared(x); err == nil {
			t.Errorf("%s: believed, after %d changes", name, n)
		}
	}
}

// A seat that leaves and never erases, because its machine is gone, is not waited for for ever.
func TestASeatThatIsGoneIsWaitedForOnlySoLong(t *testing.T) {
	w := housesWorld(t)
	id := catalog.KeyID(testID("bureau"))
	w.ok("house2", catalog.KindRosterApprove, w.propose("operator", w.roster(2, []string{"node3"})))
	w.no("node1", catalog.KindSeatLeft, roster.Left{Node: "node3"}, catalog.RefusedConflict, "holds")
	w.ok("bureau", catalog.KindKeyMove, roster.MoveKey{Key: id, Roster: w.lastChange()})
	w.moveTo(id, 2, 2, []int{1, 2}, []string{"node1", "node2", "node3"})
	for _, node := range []string{"node1", "node2"} {
		w.ok(node, catalog.KindKeyErased, catalog.KeyErased{Key: id, Epoch: 1})
	}
	w.no("node1", catalog.KindSeatLeft, roster.Left{Node: "node3"}, catalog.RefusedConflict, "holds")
	w.now += roster.MaxErasing
	w.ok("node1", catalog.KindSeatLeft, roster.Left{Node: "node3"})
	if k := must[catalog.Key](t)(w.view().Keys().Get(id)); k.Retired != nil {
		t.Errorf("retired %+v", k.Retired)
	}
}

// What is opened is opened among those who share the key, and whoever leaves holds data still.
func TestQueriesFollowTheRosterOfTheirKey(t *testing.T) {
	w := noisy(t)
	id := catalog.KeyID(testID("bureau"))
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "noisy"})
	mine := w.vector("bank", w.vectorOf("mine", 1))
	ask := noised("0.1", "1e-6", statetest.Attribute("county"))
	early := w.ok("bank", catalog.KindQuerySubmit, submit(contract, ask)).ID
	with := ask
	with.In = mine.ID
	private := w.ok("bank", catalog.KindQuerySubmit, submit(contract, with)).ID
	w.propose("operator", w.roster(3, []string{"node2"}, newSeat("node4", "operator", 3), newSeat("node5", "operator", 4)))
	if got := w.nodes(); len(got) != 4 {
		t.Fatalf("roster %v", got)
	}
	for _, node := range []string{"node4", "node5"} {
		w.ok(node, catalog.KindVersionAck, catalog.VersionAck{Dataset: "noisy", Version: 1})
	}
	// Before the key moves its own nodes answer, the leaving one too, and no others.
	attempt := w.attempt(early, 1)
	attempt.Active, attempt.Root = []string{"node1", "node4"}, "node1"
	w.no("node1", catalog.KindQueryAttempt, attempt, catalog.RefusedInvalid, "invalid")
	attempt.Active = []string{"node1", "node3", "node4"}
	w.no("node1", catalog.KindQueryAttempt, attempt, catalog.RefusedInvalid, "invalid")
	attempt.Active = []string{"node1", "node2"}
	w.ok("node1", catalog.KindQueryAttempt, attempt)

	w.ok("bureau", catalog.KindKeyMove, roster.MoveKey{Key: id, Roster: w.lastChange()})
	w.moveTo(id, 2, 2, []int{1, 2}, []string{"node1", "node2", "node3"})
	q := must[catalog.Query](t)(w.view().Query(early))
	k := must[catalog.Key](t)(w.view().Keys().Get(id))
	if got, ok := k.RosterOf(q.Attempts[0].SharingOf(k)); !ok || !slices.Equal(got.Nodes, []string{"node1", "node2", "node3"}) {
		t.Errorf("the attempt under way opens among %v", got)
	}
	w.ok("node1", catalog.KindQueryFail, catalog.QueryFail{Query: early, Attempt: 1, Reason: catalog.Why("node.late", 1)})
	attempt.Attempt = 2
	w.no("node1", catalog.KindQueryAttempt, attempt, catalog.RefusedInvalid, "invalid")
	attempt.Active = []string{"node1", "node3", "node4"}
	w.ok("node1", catalog.KindQueryAttempt, attempt)
	q = must[catalog.Query](t)(w.view().Query(early))
	if got, ok := k.RosterOf(q.Attempts[1].SharingOf(k)); !ok || !slices.Equal(got.Nodes, []string{"node1", "node3", "node4", "node5"}) {
		t.Errorf("the next attempt opens among %v", got)
	}

	// The vector stays where it is: what needs both is refused, and what was accepted ends.
	if r := w.no("bank", catalog.KindQuerySubmit, submit(contract, with), catalog.RefusedConflict, "rosters"); r.Code != "roster.vector" {
		t.Errorf("refused with %s", explain.Message(r))
	}
	w.ok("node1", catalog.KindQueryAttempt, w.attempt(private, 1))
	if q := must[catalog.Query](t)(w.view().Query(private)); q.State != catalog.QueryFailed || q.Reason.Parts[0].Code != "roster.vector" {
		t.Errorf("the query is %s: %s", q.State, q.Reason)
	}
	w.no("node1", catalog.KindSeatLeft, roster.Left{Node: "node2"}, catalog.RefusedConflict, "holds")
	for _, node := range []string{"node1", "node2", "node3"} {
		w.ok(node, catalog.KindKeyErased, catalog.KeyErased{Key: id, Epoch: 1})
	}
	if r := w.no("node1", catalog.KindSeatLeft, roster.Left{Node: "node2"}, catalog.RefusedConflict, "holds"); r.Code != "seat.holds_vector" {
		t.Errorf("refused with %s", explain.Message(r))
	}
	w.ok("bank", catalog.KindVectorDrop, catalog.VectorDrop{Vector: mine.ID})
	w.ok("node1", catalog.KindSeatLeft, roster.Left{Node: "node2"})
	if v := must[catalog.Version](t)(w.view().Versions().Get("noisy", 1)); !slices.Equal(v.Acks, []string{"node1", "node3", "node4", "node5"}) {
		t.Errorf("held by %v", v.Acks)
	}
}

// Keys that are not shared among the same nodes are not computed with together, and it is said whose has not moved.
func TestAJoinNeedsBothKeysAmongTheSameNodes(t *testing.T) {
	w := newJoinWorld(t, nil, nil)
	ask := w.product("nox", "output", statetest.Attribute("county"))
	w.propose("operator", w.roster(2, nil, newSeat("node4", "operator", 4)))
	w.ok("bank", catalog.KindQuerySubmit, ask) // both are where they were
	for _, node := range []string{"node4"} {
		for _, d := range []string{"emissions", "energy"} {
			w.ok(node, catalog.KindVersionAck, catalog.VersionAck{Dataset: d, Version: 1})
		}
	}
	w.ok("rival", catalog.KindKeyMove, roster.MoveKey{Key: catalog.KeyID(testID("rival")), Roster: w.lastChange()})
	w.moveTo(catalog.KeyID(testID("rival")), 2, 2, []int{1, 2}, []string{"node1", "node2", "node3"})
	r := w.no("bank", catalog.KindQuerySubmit, ask, catalog.RefusedConflict, "rosters")
	if r.Code != "roster.keys" || r.Args[0] != testID("bureau") || len(r.Fix) == 0 {
		t.Errorf("refused with %s", explain.Message(r))
	}
}
