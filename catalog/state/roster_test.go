package state

import (
	"fmt"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/records/memstore"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/statetest"
)

// housesWorld is a 2-of-3 cluster in which every seat is another institution's, with an
// operator of a fourth one, who has no seat, and a publisher's key.
func housesWorld(t *testing.T) *world {
	t.Helper()
	return emptyHouses(t).admit().key("bureau")
}

// emptyHouses is housesWorld without publishers and buyers.
func emptyHouses(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, machine: NewMachine(), store: memstore.New(), now: testTime, n: 3}
	b := testInit(3, 2)
	for i := range b.Nodes[1:] {
		house := []string{"house2", "house3"}[i]
		b.Nodes[i+1].Institution, b.Nodes[i+1].Operator = house, testPublic(house)
	}
	e := w.sign("operator", catalog.KindInit, b)
	if out := w.apply(e); out.Refusal != nil {
		t.Fatal(out.Refusal)
	}
	w.id = e.Digest()
	w.ok("operator", catalog.KindPrincipalAdd, testPrincipal("house4", catalog.RoleOperator))
	return w
}

func newSeat(id, house string, point int) catalog.Node {
	return catalog.Node{
		ID: id, Point: point, Institution: house, Operator: testPublic(house), Addr: id + ":7000", API: "https://" + id + ":8000",
		Key: testPublic(id), Sealing: sealingOf(id),
	}
}

// roster proposes the seats of the present nodes but some, and new ones.
func (w *world) roster(threshold int, without []string, more ...catalog.Node) roster.Propose {
	w.t.Helper()
	b := roster.Propose{Previous: w.lastChange(), Threshold: threshold}
	for _, n := range append(must[catalog.Cluster](w.t)(w.view().Cluster()).Nodes, more...) {
		if !slices.Contains(without, n.ID) {
			n.Point = len(b.Nodes) + 1
			b.Nodes = append(b.Nodes, n)
		}
	}
	return b
}

func (w *world) lastChange() catalog.Digest {
	w.t.Helper()
	changes := must[[]roster.Change](w.t)(w.view().RosterChanges())
	return changes[len(changes)-1].Envelope.Digest()
}

// propose proposes and returns the proposal's digest.
func (w *world) propose(by string, b roster.Propose) roster.Approve {
	w.t.Helper()
	return roster.Approve{Proposal: must[catalog.Digest](w.t)(catalog.ParseDigest(w.ok(by, catalog.KindRosterPropose, b).ID))}
}

func (w *world) nodes() []string {
	w.t.Helper()
	return must[catalog.Cluster](w.t)(w.view().Cluster()).Roster().Nodes
}

func TestARosterChangesWithTheApprovalOfMostSeatsAlone(t *testing.T) {
	w := housesWorld(t)
	grow := w.roster(2, nil, newSeat("node4", "house4", 4))
	for _, who := range []string{"house4", "bureau", "bank", "node1"} { // without a seat, though it would get one; no operators
		if r := w.do(who, catalog.KindRosterPropose, grow).Refusal; r == nil || r.Kind != catalog.RefusedForbidden {
			t.Errorf("%s may propose: %+v", who, r)
		}
	}
	w.no("house4", catalog.KindRosterPropose, grow, catalog.RefusedForbidden, "seat")
	a := w.propose("operator", grow)
	if got := w.nodes(); len(got) != 3 {
		t.Fatalf("a lone operator made the roster %v", got)
	}
	w.no("operator", catalog.KindRosterApprove, a, catalog.RefusedConflict, "twice")
	for _, who := range []string{"bureau", "bank", "node2"} {
		if r := w.do(who, catalog.KindRosterApprove, a).Refusal; r == nil || r.Kind != catalog.RefusedForbidden {
			t.Errorf("%s may approve: %+v", who, r)
		}
	}
	w.ok("operator", catalog.KindPrincipalAdd, testPrincipal("house5", catalog.RoleOperator))
	w.no("house5", catalog.KindRosterApprove, a, catalog.RefusedForbidden, "seat")
	w.no("operator", catalog.KindRosterApprove, roster.Approve{Proposal: catalog.Sum([]byte("x"))}, catalog.RefusedUnknown, "unknown")
	w.ok("house4", catalog.KindRosterApprove, a)
	if got := w.nodes(); len(got) != 3 {
		t.Fatalf("one seat of three and the newcomer made the roster %v", got)
	}
	w.no("house4", catalog.KindRosterApprove, a, catalog.RefusedConflict, "twice")
	w.ok("house3", catalog.KindRosterApprove, a)
	if got := w.nodes(); !slices.Equal(got, []string{"node1", "node2", "node3", "node4"}) {
		t.Fatalf("the roster is %v", got)
	}
	w.no("house2", catalog.KindRosterApprove, a, catalog.RefusedUnknown, "unknown") // it is void

	// Whoever has no seat yet, and does not want one, gets none: here all present seats approve.
	a = w.propose("operator", w.roster(2, nil, newSeat("node5", "house5", 5)))
	for _, who := range []string{"house2", "house3", "house4"} {
		w.ok(who, catalog.KindRosterApprove, a)
	}
	if got := w.nodes(); len(got) != 4 {
		t.Fatalf("house5 has a seat that it does not want: %v", got)
	}
	w.ok("house5", catalog.KindRosterApprove, a)

	// Four of five open together: so many have to approve.
	w = housesWorld(t)
	a = w.propose("operator", w.roster(3, nil))
	w.ok("house2", catalog.KindRosterApprove, a)
	if must[catalog.Cluster](t)(w.view().Cluster()).Threshold != 3 {
		t.Fatal("two of three seats cannot change the threshold of 2")
	}
	a = w.propose("operator", w.roster(2, nil))
	w.ok("house2", catalog.KindRosterApprove, a)
	if must[catalog.Cluster](t)(w.view().Cluster()).Threshold != 3 {
		t.Fatal("two seats changed a roster of which three open together")
	}
	w.ok("house3", catalog.KindRosterApprove, a)
	if must[catalog.Cluster](t)(w.view().Cluster()).Threshold != 2 {
		t.Error("all seats together cannot")
	}
}

func TestRostersThatCannotFollowAreRefused(t *testing.T) {
	w := housesWorld(t)
	w.ok("operator", catalog.KindPrincipalAdd, testPrincipal("house5", catalog.RoleOperator))
	good := w.roster(3, nil, newSeat("node4", "house4", 4), newSeat("node5", "house5", 5))
	used := func(change func(n *catalog.Node)) func(b *roster.Propose) {
		return func(b *roster.Propose) { change(&b.Nodes[3]) }
	}
	for _, x := range []struct {
		name, code string
		change     func(b *roster.Propose)
	}{
		{"a threshold of one", "cluster.threshold", func(b *roster.Propose) { b.Threshold = 1 }},
		{"more than there are", "cluster.threshold", func(b *roster.Propose) { b.Threshold = 6 }},
		{"one seat", "cluster.nodes", func(b *roster.Propose) { b.Nodes = b.Nodes[:1] }},
		{"no seat", "cluster.nodes", func(b *roster.Propose) { b.Nodes = nil }},
		{"the same", "roster.same", func(b *roster.Propose) { b.Nodes, b.Threshold = b.Nodes[:3], 2 }},
		{"another order", "roster.order", func(b *roster.Propose) {
			b.Nodes[0], b.Nodes[1] = b.Nodes[1], b.Nodes[0]
			b.Nodes[0].Point, b.Nodes[1].Point = 1, 2
		}},
		{"a seat twice", "roster.order", func(b *roster.Propose) { b.Nodes[3] = b.Nodes[2]; b.Nodes[3].Point = 4 }},
		{"a wrong point", "node.point", func(b *roster.Propose) { b.Nodes[4].Point = 6 }},
		{"another machine in a seat", "roster.changed", func(b *roster.Propose) { b.Nodes[1].Key = testPublic("mallory") }},
		{"another operator of a seat", "roster.changed", func(b *roster.Propose) { b.Nodes[1].Operator = testPublic("operator") }},
		{"another address of a seat", "roster.changed", func(b *roster.Propose) { b.Nodes[1].Addr = "mallory:1" }},
		{"the key of a node", "roster.used", used(func(n *catalog.Node) { n.Key = testPublic("node2") })},
		{"the key of an organisation", "node.as_operator", used(func(n *catalog.Node) { n.Key = testPublic("bank") })},
		{"the address of a node", "node.as_node", used(func(n *catalog.Node) { n.Addr = "node2:7000" })},
		{"two new ones alike", "node.as_node", used(func(n *catalog.Node) { n.Key = testPublic("node5") })},
		{"an operator who is not admitted", "roster.operator", used(func(n *catalog.Node) { n.Operator = testPublic("mallory") })},
		{"a buyer as operator", "roster.operator", used(func(n *catalog.Node) { n.Operator, n.Institution = testPublic("bank"), "bank" })},
		{"another institution", "roster.operator", used(func(n *catalog.Node) { n.Institution = "house5" })},
		{"no key", "key.size", used(func(n *catalog.Node) { n.Key = nil })},
		{"no sealing key", "node.sealing_size", used(func(n *catalog.Node) { n.Sealing = nil })},
		{"no operator", "node.operator", used(func(n *catalog.Node) { n.Operator = nil })},
		{"too many", "cluster.nodes", func(b *roster.Propose) {
			for len(b.Nodes) <= catalog.MaxNodes {
				n := newSeat(nodeName(len(b.Nodes)+1), "house4", len(b.Nodes)+1)
				b.Nodes = append(b.Nodes, n)
			}
		}},
	} {
		b := good
		b.Nodes = slices.Clone(good.Nodes)
		x.change(&b)
		if r := w.do("operator", catalog.KindRosterPropose, b).Refusal; r == nil || r.Code != x.code {
			t.Errorf("%s: %+v, want %s", x.name, r, x.code)
		}
	}
	stale := good
	stale.Previous = catalog.Sum([]byte("another"))
	w.no("operator", catalog.KindRosterPropose, stale, catalog.RefusedConflict, "previous")

	w.ok("house3", catalog.KindSeatReplace, w.machine3("node3-b"))
	w.seated = map[string]string{"node3": "node3-b"}
	w.no("operator", catalog.KindRosterPropose, good, catalog.RefusedConflict, "previous")

	// A proposal is withdrawn by who made it, replaced by its next one, and too old after a time.
	again := w.roster(3, nil, newSeat("node4", "house4", 4), newSeat("node5", "house5", 5))
	first := w.propose("operator", again)
	w.no("house2", catalog.KindRosterWithdraw, roster.Withdraw(first), catalog.RefusedForbidden, "proposer")
	other := w.propose("house2", w.roster(3, nil))
	second := w.propose("operator", again)
	w.no("house3", catalog.KindRosterApprove, first, catalog.RefusedUnknown, "unknown")
	w.ok("operator", catalog.KindRosterWithdraw, roster.Withdraw(second))
	w.no("house3", catalog.KindRosterApprove, second, catalog.RefusedUnknown, "unknown")
	w.now += roster.MaxProposalAge
	w.ok("house3", catalog.KindPrincipalAdd, testPrincipal("late", catalog.RoleBuyer)) // the clock goes on
	w.no("house3", catalog.KindRosterApprove, other, catalog.RefusedConflict, "expired")

	// A seat that was given up is never given again, and counts until it has left.
	w.ok("house3", catalog.KindRosterApprove, w.propose("operator", w.roster(2, []string{"node2"}, newSeat("node4", "operator", 3))))
	back := w.roster(2, nil, newSeat("node2", "house2", 4))
	w.no("operator", catalog.KindRosterPropose, back, catalog.RefusedConflict, "used")
	renamed := newSeat("node2", "operator", 4)
	renamed.ID, renamed.Addr, renamed.API = "node9", "node9:1", "https://node9:2"
	w.no("operator", catalog.KindRosterPropose, w.roster(2, nil, renamed), catalog.RefusedConflict, "used")
	taken := newSeat("node9", "operator", 4)
	taken.Addr = "node2:7000"
	if r := w.no("operator", catalog.KindRosterPropose, w.roster(2, nil, taken), catalog.RefusedInvalid, "invalid"); r.Code != "node.as_node" {
		t.Errorf("the address of a seat that leaves: %s", explain.Message(r))
	}
	many := w.roster(2, nil)
	for len(many.Nodes) < catalog.MaxNodes {
		id := "more" + nodeName(len(many.Nodes)+1)
		many.Nodes = append(many.Nodes, newSeat(id, "operator", len(many.Nodes)+1))
	}
	if r := w.no("operator", catalog.KindRosterPropose, many, catalog.RefusedConflict, "leaving"); r.Code != "roster.many" {
		t.Errorf("refused with %s", explain.Message(r))
	}
}

// An operator who moves its machine to and fro, and puts others into its seat, keeps the others neither from
// having its seat given up, nor from another roster, nor from replacing their own machines.
func TestNobodyKeepsOthersFromAnotherRosterByReplacingMachines(t *testing.T) {
	w := housesWorld(t)
	moves := 0
	move := func() *catalog.Refusal {
		b := w.machine3("node3")
		b.Node = must[catalog.Cluster](w.t)(w.view().Cluster()).Nodes[2]
		b.Node.Addr = fmt.Sprintf("here%d:7000", moves)
		moves++
		return w.do("house3", catalog.KindSeatReplace, b).Refusal
	}
	a := w.propose("operator", w.roster(2, []string{"node3"}, newSeat("node4", "house4", 3)))
	grow := w.propose("house2", w.roster(2, nil, newSeat("node5", "house4", 4)))
	if r := move(); r != nil {
		t.Fatal(r)
	}
	w.ok("house3", catalog.KindSeatReplace, w.machine3("node3-b"))
	w.ok("house4", catalog.KindRosterApprove, grow)
	w.ok("house4", catalog.KindRosterApprove, a)
	if r := move(); r != nil {
		t.Fatal(r)
	}
	w.ok("house2", catalog.KindRosterApprove, a)
	cluster := must[catalog.Cluster](t)(w.view().Cluster())
	if got := cluster.Roster().Nodes; !slices.Equal(got, []string{"node1", "node2", "node4"}) || len(cluster.Leaving) != 1 {
		t.Fatalf("the roster is %v", got)
	}
	if w.no("house4", catalog.KindRosterApprove, grow, catalog.RefusedUnknown, "unknown").Code != "roster.none" {
		t.Error("a proposal outlives the seats that it followed")
	}

	// A seat that stays does so with the machine that is in it, and not with the one that was when it was proposed.
	w = housesWorld(t)
	a = w.propose("operator", w.roster(2, nil, newSeat("node4", "house4", 4)))
	w.ok("house3", catalog.KindSeatReplace, w.machine3("node3-b"))
	w.ok("house2", catalog.KindRosterApprove, a)
	w.ok("house4", catalog.KindRosterApprove, a)
	cluster = must[catalog.Cluster](t)(w.view().Cluster())
	if len(cluster.Nodes) != 4 || !slices.Equal(cluster.Nodes[2].Key, testPublic("node3-b")) || cluster.SinceOf(2) == 0 {
		t.Errorf("cluster %+v", cluster)
	}
	changes := must[[]roster.Change](t)(w.view().RosterChanges())
	all := must[[]catalog.Cluster](t)(attest.Rosters(w.id, attest.Entries(changes)))
	if last := all[len(all)-1]; !slices.Equal(last.Nodes[2].Key, testPublic("node3-b")) || len(last.Nodes) != 4 {
		t.Errorf("proved is %+v", last)
	}

	// However it goes on, the others have enough changes left.
	w = housesWorld(t)
	moves = 0
	var said []string
	for range 2 * roster.MaxOfSeat {
		r := move()
		if r == nil {
			continue
		}
		if !slices.Contains(said, r.Code) {
			said = append(said, r.Code)
		}
		if r.Code == "seat.many_own" {
			break
		}
		w.now += roster.Time // it has patience
	}
	made := must[catalog.Cluster](t)(w.view().Cluster()).Changes
	if !slices.Equal(said, []string{"seat.often", "seat.many_own"}) || made != roster.MaxOfSeat {
		t.Errorf("%d changes, refused with %v", made, said)
	}
	w.ok("house2", catalog.KindSeatReplace, w.seatOf(2, "node2-b"))
	w.ok("house2", catalog.KindRosterApprove, w.propose("operator", w.roster(3, nil)))
	if roster.MaxAlone+roster.MaxOfSeat > roster.MaxChanges {
		t.Error("machines can use up all changes")
	}
}

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
	if k := must[catalog.Key](t)(w.view().Key(rival)); k.State != catalog.KeyFailed || k.Reason.Code != "roster.replaced" {
		t.Errorf("the ceremony under way: %s %s", k.State, k.Reason)
	}
	if k := must[catalog.Key](t)(w.view().Key(id)); k.Refresh != nil || !slices.Equal(k.Nodes, []string{"node1", "node2", "node3"}) {
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
	if k := must[catalog.Key](t)(w.view().Key(id)); k.Refresh == nil || k.Refresh.To != nil {
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
	if k := must[catalog.Key](t)(w.view().Key(id)); k.Refresh.State != catalog.KeyFailed || k.Refresh.To == nil {
		t.Fatalf("refresh %+v", k.Refresh)
	}
	w.moveTo(id, 2, 4, []int{1, 2}, old)
	k := must[catalog.Key](t)(w.view().Key(id))
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
	if k := must[catalog.Key](t)(w.view().Key(id)); k.Retired != nil {
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
	key := func() catalog.Key { return must[catalog.Key](t)(w.view().Key(id)) }
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
	if k := must[catalog.Key](t)(w.view().Key(id)); k.Retired != nil {
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
	k := must[catalog.Key](t)(w.view().Key(id))
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
	if v := must[catalog.Version](t)(w.view().Version("noisy", 1)); !slices.Equal(v.Acks, []string{"node1", "node3", "node4", "node5"}) {
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

// Whoever knows the cluster's id alone can check other rosters too.
func TestRostersAreProvedByTheApprovalsOfTheirOperators(t *testing.T) {
	w := housesWorld(t)
	a := w.propose("operator", w.roster(2, []string{"node2"}, newSeat("node4", "house4", 3)))
	w.ok("house3", catalog.KindRosterApprove, a)
	w.ok("house4", catalog.KindRosterApprove, a)
	w.ok("house4", catalog.KindSeatReplace, w.machine3("node4-b"))
	a = w.propose("operator", w.roster(3, nil))
	w.ok("house4", catalog.KindRosterApprove, a)
	changes := must[[]roster.Change](t)(w.view().RosterChanges())
	entries := attest.Entries(changes)
	all := must[[]catalog.Cluster](t)(attest.Rosters(w.id, entries))
	cluster := must[catalog.Cluster](t)(w.view().Cluster())
	last := all[len(all)-1]
	if len(all) != 4 || !last.Roster().Equal(cluster.Roster()) || last.Changes != cluster.Changes || !slices.Equal(attest.SameSeats(entries), []catalog.Digest{w.lastChange()}) {
		t.Fatalf("%d rosters, the last %+v, want %+v", len(all), last.Roster(), cluster.Roster())
	}
	if !slices.Equal(last.Nodes[2].Key, testPublic("node4-b")) || len(last.Leaving) != 1 {
		t.Errorf("cluster %+v", last)
	}

	founded := entries[:1]
	propose := func(by string, b roster.Propose) catalog.Envelope {
		b.Previous = w.id
		return w.sign(by, catalog.KindRosterPropose, b)
	}
	three := all[0].Nodes
	grown := roster.Propose{Threshold: 2, Nodes: append(slices.Clone(three), newSeat("node4", "house4", 4))}
	p := propose("operator", grown)
	approve := func(by string) catalog.Envelope {
		return w.sign(by, catalog.KindRosterApprove, roster.Approve{Proposal: p.Digest()})
	}
	forged := approve("house3")
	forged.Signer = testID("house2")
	other := w.sign("house3", catalog.KindRosterApprove, roster.Approve{Proposal: catalog.Sum(nil)})
	changed := grown
	changed.Nodes = slices.Clone(grown.Nodes)
	changed.Nodes[1].Key = testPublic("mallory")
	again := roster.Propose{Threshold: 2, Nodes: append(slices.Clone(three), newSeat("node5", "house4", 4))}
	again.Nodes[3].Key = testPublic("node1")
	good := append(slices.Clone(founded), p, approve("house3"), approve("house4"))
	if _, err := attest.Rosters(w.id, good); err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string][]catalog.Envelope{
		"nobody approves":             {p},
		"one seat and the newcomer":   {p, approve("house4")},
		"the newcomer does not":       {p, approve("house3"), approve("house2")},
		"one twice":                   {p, approve("house4"), approve("house4")},
		"a publisher approves":        {p, approve("house4"), approve("bureau")},
		"a forged approval":           {p, approve("house4"), forged},
		"approval of something else":  {p, approve("house4"), other},
		"proposed by who has no seat": {propose("house4", grown), approve("house2"), approve("house3")},
		"a lone operator's":           {propose("house2", roster.Propose{Threshold: 2, Nodes: []catalog.Node{three[1], newSeat("node7", "house2", 2)}})},
		"another machine in a seat":   {propose("operator", changed), approve("house2"), approve("house3"), approve("house4")},
		"a key that was there":        {propose("operator", again)},
		"approvals alone":             {approve("house3")},
	} {
		if _, err := attest.Rosters(w.id, append(slices.Clone(founded), list...)); err == nil {
			t.Errorf("%s: the roster is believed", name)
		}
	}
	if _, err := attest.Rosters(w.id, append(slices.Clone(entries), entries[len(entries)-1])); err == nil {
		t.Error("an approval twice is believed")
	}
}

// Whoever reads the changes alone does not know which seats have left for good: a cluster swaps
// its seats as often as the ledger lets it, and they are proved all the same.
func TestRostersAreProvedHoweverManySeatsHaveLeft(t *testing.T) {
	w := emptyHouses(t)
	last := "node3"
	for i := 4; i < 4+catalog.MaxNodes; i++ {
		id := fmt.Sprintf("node%d", i)
		a := w.propose("operator", w.roster(2, []string{last}, newSeat(id, "house3", 3)))
		w.ok("house2", catalog.KindRosterApprove, a)
		w.ok("house3", catalog.KindRosterApprove, a)
		w.ok("node1", catalog.KindSeatLeft, roster.Left{Node: last})
		last = id
	}
	entries := attest.Entries(must[[]roster.Change](t)(w.view().RosterChanges()))
	all := must[[]catalog.Cluster](t)(attest.Rosters(w.id, entries))
	if got := all[len(all)-1].Roster().Nodes; len(all) != catalog.MaxNodes+1 || !slices.Equal(got, []string{"node1", "node2", last}) {
		t.Errorf("%d rosters, the last of %v", len(all), got)
	}
}

// A publisher who never moves its key keeps a seat from leaving that is dead, and keeps nobody else's
// key or vectors from new shares: what the seat has of their old ones is waited for only so long.
func TestADeadSeatThatHoldsAnothersKeyKeepsNobodyFromNewShares(t *testing.T) {
	w := noisy(t).key("rival")
	key := catalog.KeyID(testID("bureau"))
	old := []string{"node1", "node2", "node3"}
	mine := w.vector("bank", w.vectorOf("mine", 1)).ID
	w.ok("operator", catalog.KindRosterPropose, w.roster(2, []string{"node2"}))
	w.ok("bureau", catalog.KindKeyMove, roster.MoveKey{Key: key, Roster: w.lastChange()})
	w.moveTo(key, 2, 2, []int{1, 3}, old)
	m := w.beginMove([]int{1, 3}, mine)
	m.deal().hold().line(func(point int, b *resharing.Line) {
		b.New = [][][]uint64{m.numbers(5, 1), nil, m.numbers(5, 2)}[point-1]
	}).prove(0)
	for _, n := range []string{"node1", "node3"} {
		w.ok(n, catalog.KindMoveErased, resharing.Erased{Move: m.seq})
	}
	for _, n := range []string{"node1", "node3"} {
		w.ok(n, catalog.KindKeyErased, catalog.KeyErased{Key: key, Epoch: 1})
	}
	w.ok("operator", catalog.KindRefreshEvery, resharing.Every{Every: resharing.Day})
	w.now += roster.MaxErasing - 60_000
	next := catalog.KeyReshare{Key: key, Epoch: 3, Attempt: 3, Dealers: []int{1, 2}}
	due := func() []string {
		keys, vectors, err := w.view().RefreshDue(w.now)
		ids := []string{}
		for _, k := range keys {
			ids = append(ids, k.ID)
		}
		for _, v := range vectors {
			ids = append(ids, v.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	if got := due(); slices.Contains(got, key) || slices.Contains(got, mine) {
		t.Errorf("due while node2 may still erase: %v", got)
	}
	w.now += 120_000
	w.no("node1", catalog.KindSeatLeft, roster.Left{Node: "node2"}, catalog.RefusedConflict, "holds")
	if got := due(); !slices.Contains(got, key) || !slices.Contains(got, mine) {
		t.Fatalf("due: %v", got)
	}
	w.ok("node1", catalog.KindRefreshDue, resharing.Due{})
	w.ok("node1", catalog.KindKeyReshare, next)
	if k := must[catalog.Key](t)(w.view().Key(key)); k.Retired != nil || !k.Refreshing() {
		t.Errorf("key %+v", k)
	}
	free := must[[]catalog.Vector](t)(w.view().VectorsFree([]catalog.Vector{w.vectorNow(mine)}, w.now))
	next2 := w.beginMove([]int{1, 2}, mine)
	if v := w.vectorNow(mine); len(free) != 1 || v.Moving != next2.seq || len(must[[]resharing.Move](t)(w.view().Moves())) != 1 {
		t.Errorf("vector %+v, free %d", v, len(free))
	}
}
