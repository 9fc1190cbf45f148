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
	if k := must[catalog.Key](t)(w.view().Keys().Get(key)); k.Retired != nil || !k.Refreshing() {
		t.Errorf("key %+v", k)
	}
	free := must[[]catalog.Vector](t)(w.view().Vectors().Free([]catalog.Vector{w.vectorNow(mine)}, w.now))
	next2 := w.beginMove([]int{1, 2}, mine)
	if v := w.vectorNow(mine); len(free) != 1 || v.Moving != next2.seq || len(must[[]resharing.Move](t)(w.view().Vectors().Moves())) != 1 {
		t.Errorf("vector %+v, free %d", v, len(free))
	}
}
