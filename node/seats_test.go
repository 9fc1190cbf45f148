package node

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/records/memstore"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/client/portfolio"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/vault"
)

// seat makes a node for a new seat of an operator.
func (c *cluster) seat(id string, operator *client.Key) catalog.Node {
	c.t.Helper()
	if err := vault.NewKeyFile(c.sealKey(id)); err != nil {
		c.t.Fatal(err)
	}
	public := operator.Public()
	card, err := founding.Init(c.t.Context(), c.nodeDir(id), founding.SealKey{File: c.sealKey(id)}, founding.Card{
		ID: id, Institution: public.Name, Operator: public.Key, Addr: freeAddr(c.t), API: "https://" + freeAddr(c.t),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return card.Node(0)
}

// follow opens nodes again whose roster changed, as Run does, and forgets those that have left.
func (c *cluster) follow() {
	c.t.Helper()
	for _, id := range slices.Sorted(maps.Keys(c.nodes)) {
		select {
		case err := <-c.nodes[id].Failed():
			if !errors.Is(err, errRoster) {
				c.t.Fatalf("%s: %v", id, err)
			}
		default:
			continue
		}
		c.close(id)
		if _, err := c.tryOpen(id); err != nil && !errors.Is(err, ErrLeft) {
			c.t.Fatal(err)
		}
	}
}

// awaitSeats waits until the nodes with seats, and no others, vote, and all nodes are of that roster.
func (c *cluster) awaitSeats(ctx context.Context, want ...string) {
	c.t.Helper()
	c.await(ctx, "the votes of "+strings.Join(want, ", "), func() bool {
		c.follow()
		for _, id := range want {
			n := c.nodes[id]
			if n == nil || !slices.Equal(n.members.Roster().Nodes, want) || n.ledger.MayVote() != nil {
				return false
			}
			for member, votes := range n.votes() {
				if votes != slices.Contains(want, member) {
					return false
				}
			}
		}
		return true
	})
}

// awaitKeyMoved waits until a key is shared among nodes, and the old shares are erased.
func (c *cluster) awaitKeyMoved(ctx context.Context, id string, threshold int, nodes ...string) {
	c.t.Helper()
	want := catalog.KeyRoster{Nodes: nodes, Threshold: threshold}
	c.await(ctx, "the key to move to "+strings.Join(nodes, ", "), func() bool {
		c.follow()
		for _, node := range nodes {
			if c.nodes[node] == nil {
				return false
			}
			if k := c.keyAt(node, id); !k.Roster().Equal(want) || k.Refresh != nil || k.Retired != nil {
				return false
			}
		}
		return true
	})
}

// proposed proposes a roster for the first operator.
func (c *cluster) proposed(ctx context.Context, threshold int, without []string, fresh ...catalog.Node) catalog.Digest {
	c.t.Helper()
	s, err := govern.ProposeRoster(ctx, c.client(c.operator), threshold, without, fresh)
	if err != nil {
		c.t.Fatal(err)
	}
	id, err := catalog.ParseDigest(s.Outcome.ID)
	if err != nil {
		c.t.Fatal(err)
	}
	return id
}

// join starts nodes of new seats as their operators would: with the founding and what changed the
// roster since.
func (c *cluster) join(ctx context.Context, ids ...string) {
	c.t.Helper()
	chain, err := c.client(nil).RosterEnvelopes(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	c.genesis.Roster = chain[1:]
	for _, id := range ids {
		c.open(id)
	}
}

// A cluster of 2 of 3 becomes one of 3 of 5 and then of other 2 of 3, in which only one of its first
// nodes is left. Queries are answered after every step, by those among whom the key is shared, and what was
// published before by nodes that came later.
func TestAClusterGrowsAndShrinksAndAnswersAfterEveryStep(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c, bureau, truth := withStations(ctx, t)
	first := c.profile
	key, err := bureau.PublisherKey(ctx, bureau.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	answeredBy := func(threshold int, among ...string) {
		t.Helper()
		c.forgetAnswers()
		q := askStations(ctx, t, c.client(bureau.Key()), truth)
		a := q.Attempts[len(q.Attempts)-1]
		if len(a.Active) != threshold || slices.ContainsFunc(a.Active, func(id string) bool { return !slices.Contains(among, id) }) {
			t.Errorf("answered by %v, want %d of %v", a.Active, threshold, among)
		}
	}

	// Grow.
	second := newKey(t, "second")
	if _, err := govern.AddPrincipal(ctx, c.client(c.operator), second.Public(), catalog.RoleOperator); err != nil {
		t.Fatal(err)
	}
	proposal := c.proposed(ctx, 3, nil, c.seat("n4", second), c.seat("n5", second))
	if cluster, err := c.client(nil).Cluster(ctx); err != nil || cluster.Changes != 0 {
		t.Fatalf("without its newcomer's approval the roster is %+v, %v", cluster.Roster(), err)
	}
	list, err := govern.Proposals(ctx, c.client(second))
	if err != nil || len(list) != 1 || list[0].ID != proposal || len(list[0].Approvals.Newcomers) != 2 {
		t.Fatalf("proposals %+v, %v", list, err)
	}
	if _, err := govern.ApproveRoster(ctx, c.client(second), proposal); err != nil {
		t.Fatal(err)
	}
	c.join(ctx, "n4", "n5")
	c.awaitSeats(ctx, "n1", "n2", "n3", "n4", "n5")
	answeredBy(2, "n1", "n2", "n3") // the key has not moved
	if got := c.shareNames("n4", key.ID); len(got) > 0 {
		t.Fatalf("without the publisher's word n4 has %v", got)
	}
	// While one is down that is to get a share, the old shares are in force, and it is said who is missing.
	c.close("n5")
	c.awaitGone(ctx, "n5")
	if _, err := govern.MoveKey(ctx, bureau, key.ID); err != nil {
		t.Fatal(err)
	}
	c.await(ctx, "the leader to say that n5 is missing", func() bool {
		return strings.Contains(c.leader(ctx, "n1").leader.waitingFor(), "need all nodes up that get one: n5 does not answer")
	})
	answeredBy(2, "n1", "n2", "n3")
	c.open("n5")
	c.awaitKeyMoved(ctx, key.ID, 3, "n1", "n2", "n3", "n4", "n5")
	rival := c.publisher(ctx, "rival") // whose key is made by all five
	if k, err := rival.PublisherKey(ctx, bureau.Key().ID()); err != nil || len(k.Signed) != 3 || len(k.Nodes) != 5 {
		t.Errorf("the key that moved: %v, %v", k.Nodes, err)
	}
	reader := c.client(nil)
	if among, err := reader.KeyRoster(ctx, bureau.Key().ID()); err != nil || len(among.Nodes) != 5 || reader.Profile().Moved[bureau.Key().ID()] != 1 {
		t.Errorf("the publisher's approval proves %v, %v; the profile has %v", among.Roster().Nodes, err, reader.Profile().Moved)
	}
	c.await(ctx, "the new nodes to hold the version", func() bool { return len(c.version(t, "n5", "stations", 1).Acks) == 5 })
	answeredBy(3, "n1", "n2", "n3", "n4", "n5")
	publishStations(ctx, t, c.client(bureau.Key()), "more")

	// Shrink, while one of those who go is gone already.
	c.close("n2")
	c.awaitGone(ctx, "n2")
	c.proposed(ctx, 2, []string{"n2", "n4"})
	c.awaitSeats(ctx, "n1", "n3", "n5")
	answeredBy(3, "n1", "n3", "n4", "n5")
	for _, publisher := range []*client.Key{bureau.Key(), rival.Key()} {
		if _, err := govern.MoveKey(ctx, c.client(publisher), catalog.KeyID(publisher.ID())); err != nil {
			t.Fatal(err)
		}
	}
	c.await(ctx, "the key to move", func() bool {
		c.follow()
		k := c.keyAt("n5", key.ID)
		return k.Roster().Equal(catalog.KeyRoster{Nodes: []string{"n1", "n3", "n5"}, Threshold: 2}) && c.nodes["n4"] == nil && k.Retired != nil &&
			slices.Equal(k.RefreshWaits(), []string{"n2"})
	})
	answeredBy(2, "n1", "n3", "n5")
	if got := c.shareNames("n5", key.ID); len(got) != 1 {
		t.Errorf("n5 has %v", got)
	}

	// n2 comes back, finds that it is not needed, erases what it has, and has left then.
	c.open("n2")
	c.awaitKeyMoved(ctx, key.ID, 2, "n1", "n3", "n5")
	c.awaitSeats(ctx, "n1", "n3", "n5")
	c.await(ctx, "n2 to leave", func() bool {
		c.follow()
		for _, id := range []string{"n1", "n3", "n5"} {
			if len(c.nodes[id].members.Leaving) > 0 || len(c.nodes[id].votes()) != 3 {
				return false
			}
		}
		return true
	})
	answeredBy(2, "n1", "n3", "n5")

	// One of the first three and one that came later answer, from the profile of the founding on.
	c.close("n3")
	c.awaitGone(ctx, "n3")
	answeredBy(2, "n1", "n5")
	c.profile = first
	late := c.client(bureau.Key())
	if _, err := late.Cluster(ctx); err != nil {
		t.Fatal(err)
	}
	renewed, newer := late.Renewed()
	var ids []string
	for _, n := range renewed.Nodes {
		ids = append(ids, n.ID)
	}
	if !newer || !slices.Equal(ids, []string{"n1", "n3", "n5"}) || renewed.Threshold != 2 || len(renewed.Gone) != 2 {
		t.Errorf("profile %+v", renewed)
	}
	c.profile = renewed
	more := stationTruth(publishStations(ctx, t, c.client(bureau.Key()), "last"))
	if got := queryRows(ctx, t, c.client(bureau.Key()), strings.Replace(stationsSQL, "%s", "last", 1)); len(got) != len(more) {
		t.Errorf("%d rows of what was published after, want %d", len(got), len(more))
	}
}

// A buyer's private list is answered by those who share the key of the list's publisher, before and
// after that moves, and when nothing is left of whom the buyer dealt to. Its owner does nothing.
func TestAPortfolioFollowsTheKeyOfItsPublisher(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	lists := t.TempDir()
	x.buyer = x.clientWith(x.buyer.Key(), client.Options{Records: lists})
	mine := selected(func(f int) bool { return f%4 < 2 })
	var firms []int
	for f := range firmCount {
		if mine(f) > 0 {
			firms = append(firms, f)
		}
	}
	kept, err := portfolio.Keep(ctx, x.buyer, lists, x.portfolio("mine", firms, ""))
	if err != nil {
		t.Fatal(err)
	}
	key, err := x.bureau.PublisherKey(ctx, x.bureau.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	heldBy := func(want ...string) {
		t.Helper()
		x.await(ctx, "the portfolio to be with "+strings.Join(want, ", "), func() bool {
			x.follow()
			var v catalog.Vector
			err := x.nodes["n1"].view(func(s state.View) (err error) { v, err = s.Vectors().Get(kept.Vector.ID); return err })
			return err == nil && slices.Equal(v.InForce().Nodes, want) && v.Moving == 0
		})
	}
	x.proposed(ctx, 3, nil, x.seat("n4", x.operator), x.seat("n5", x.operator))
	x.join(ctx, "n4", "n5")
	x.awaitSeats(ctx, "n1", "n2", "n3", "n4", "n5")
	x.renew(ctx, lists)
	x.wantSum(ctx, t, "mine", mine) // by those to whom it was sealed, who share the key too
	heldBy("n1", "n2", "n3")
	if _, err := govern.MoveKey(ctx, x.bureau, key.ID); err != nil {
		t.Fatal(err)
	}
	x.awaitKeyMoved(ctx, key.ID, 3, "n1", "n2", "n3", "n4", "n5")
	heldBy("n1", "n2", "n3", "n4", "n5")
	x.await(ctx, "the new nodes to hold what is published", func() bool {
		v, err := x.bureau.Version(ctx, "firms", 1)
		return err == nil && len(v.Acks) == 5
	})
	x.forgetAnswers()
	x.wantSum(ctx, t, "mine", mine)

	// n2 goes, and is gone with its disk.
	x.close("n2")
	x.awaitGone(ctx, "n2")
	x.proposed(ctx, 2, []string{"n2", "n3"})
	x.awaitSeats(ctx, "n1", "n4", "n5")
	x.renew(ctx, lists)
	if _, err := govern.MoveKey(ctx, x.bureau, key.ID); err != nil {
		t.Fatal(err)
	}
	heldBy2 := catalog.KeyRoster{Nodes: []string{"n1", "n4", "n5"}, Threshold: 2}
	x.await(ctx, "key and portfolio to move without n2", func() bool {
		x.follow()
		var v catalog.Vector
		err := x.nodes["n1"].view(func(s state.View) (err error) { v, err = s.Vectors().Get(kept.Vector.ID); return err })
		return err == nil && v.InForce().Roster().Equal(heldBy2) && x.keyAt("n1", key.ID).Roster().Equal(heldBy2)
	})
	x.forgetAnswers()
	x.wantSum(ctx, t, "mine", mine)
}

// All seats of a cluster go to machines that have not started yet. Those before keep their votes, though they
// hold nothing, and entries are made, until the new ones have started and vote.
func TestSeatsKeepTheirVotesUntilTheNewOnesVote(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 2, 2, nil)
	c.leader(ctx, "n1")
	c.proposed(ctx, 2, []string{"n1", "n2"}, c.seat("n4", c.operator), c.seat("n5", c.operator))
	for range 3 { // entries, after each of which the leader has looked at the seats
		c.await(ctx, "the leader to wait for the new seats' votes", func() bool {
			c.follow()
			return slices.ContainsFunc(slices.Collect(maps.Values(c.nodes)), func(n *Node) bool {
				return n.ledger.IsLeader() && strings.Contains(n.leader.waitingFor(), "n4, n5 has no vote in the ledger yet")
			})
		})
		c.admit(ctx, newKey(t, "buyer"+rand.Text()), catalog.RoleBuyer)
	}
	for _, id := range []string{"n1", "n2"} {
		n := c.nodes[id]
		if n == nil {
			t.Fatalf("%s has left, and nobody else votes", id)
		}
		votes := n.votes()
		now, err := c.client(nil).Cluster(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(now.Leaving) != 2 || !votes["n1"] || !votes["n2"] {
			t.Fatalf("at %s %d leave, and votes are %v", id, len(now.Leaving), votes)
		}
	}
	client := c.client(c.operator)
	if _, err := client.Cluster(ctx); err != nil {
		t.Fatal(err)
	}
	renewed, newer := client.Renewed()
	if !newer {
		t.Fatal("the profile is that of the founding")
	}
	c.join(ctx, "n4", "n5")
	c.profile = renewed
	c.awaitSeats(ctx, "n4", "n5")
	c.await(ctx, "n1 and n2 to leave", func() bool {
		c.follow()
		return len(c.nodes["n4"].votes()) == 2 && len(c.nodes["n5"].members.Leaving) == 0
	})
	c.admit(ctx, newKey(t, "late"), catalog.RoleBuyer)
}

// Another machine has no vote when it comes: so no seat gets one while the others, without it, are no
// majority of those that vote.
func TestNoMachineIsReplacedWhoseVoteCannotBeSpared(t *testing.T) {
	for name, x := range map[string]struct {
		seats  int
		voters []string
		down   []string
		node   string
		code   string
	}{
		"all vote":                      {seats: 3, voters: []string{"n1", "n2", "n3"}, node: "n2"},
		"the one that is lost":          {seats: 3, voters: []string{"n1", "n2", "n3"}, down: []string{"n3"}, node: "n3"},
		"another one is lost":           {seats: 3, voters: []string{"n1", "n2", "n3"}, down: []string{"n3"}, node: "n2", code: "seat.votes"},
		"another one has no vote":       {seats: 3, voters: []string{"n1", "n2"}, node: "n2", code: "seat.votes"},
		"this node, and that as well":   {seats: 3, voters: []string{"n1", "n2"}, node: "n1", code: "seat.votes"},
		"the one without a vote":        {seats: 3, voters: []string{"n1", "n2"}, node: "n3"},
		"of two":                        {seats: 2, voters: []string{"n1", "n2"}, node: "n2", code: "seat.votes_all"},
		"four of five vote":             {seats: 5, voters: []string{"n1", "n2", "n3", "n4"}, node: "n4"},
		"four of five, and one is lost": {seats: 5, voters: []string{"n1", "n2", "n3", "n4"}, down: []string{"n3"}, node: "n4", code: "seat.votes"},
	} {
		n := bare(t, x.seats, 2)
		n.votes = func() map[string]bool {
			votes := map[string]bool{}
			for _, m := range n.roster {
				votes[m.ID] = slices.Contains(x.voters, m.ID)
			}
			return votes
		}
		for _, id := range x.down {
			n.health.set(id, observation{})
		}
		body := roster.Replace{Node: catalog.Node{ID: x.node, Key: []byte("another")}}
		err := n.refuseVoteless(catalog.Payload{Kind: catalog.KindSeatReplace, Body: catalog.Encode(body)})
		var no *catalog.Refusal
		if errors.As(err, &no) != (x.code != "") || no != nil && no.Code != x.code {
			t.Errorf("%s: %v, want %q", name, err, x.code)
		}
		body.Node.Key = nil // the machine moves, and keeps its vote
		if err := n.refuseVoteless(catalog.Payload{Kind: catalog.KindSeatReplace, Body: catalog.Encode(body)}); err != nil {
			t.Errorf("%s: it may not move: %v", name, err)
		}
	}
}

// A node that was down when its seat was let go is not talked to any more. It finds out that it has left, by what the operators have
// signed and the word of a threshold of nodes, and ends with that; a machine that comes later does not talk to it.
func TestANodeThatWasAwayWhenItLeftIsTold(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	c.leader(ctx, "n1")
	c.close("n3")
	c.awaitGone(ctx, "n3")
	n1 := c.nodes["n1"]
	c.proposed(ctx, 2, []string{"n3"})
	c.await(ctx, "n1 to have the roster", func() bool {
		return n1.view(func(v state.View) error {
			now, err := v.Cluster()
			if err == nil && now.Changes == 0 {
				err = errors.New("not yet")
			}
			return err
		}) == nil
	})
	if !n1.hasSeat("n3") || n1.mayVote("n3") || !n1.mayVote("n2") {
		t.Error("a vote is given by the roster that the node was opened with")
	}
	c.await(ctx, "n3 to leave", func() bool {
		c.follow()
		return len(c.nodes["n1"].roster) == 2 && len(c.nodes["n2"].roster) == 2
	})

	// One node alone says so: the other one does not answer.
	c.open("n3")
	n3 := c.nodes["n3"]
	c.close("n2")
	if f, err := n3.reopener.asksOthers(ctx); err == nil || f.Left != nil {
		t.Errorf("n3 has left by one node's word: %v, %v", f.Left, err)
	}
	c.open("n2")
	select {
	case err := <-n3.Failed():
		if !errors.Is(err, errRoster) {
			t.Fatal(err)
		}
	case <-ctx.Done():
		t.Fatal("n3 does not find out that it has left")
	}
	c.close("n3")
	if _, err := c.tryOpen("n3"); !errors.Is(err, ErrLeft) {
		t.Fatalf("n3 opens with %v", err)
	}

	c.proposed(ctx, 2, nil, c.seat("n4", c.operator))
	left, err := govern.Left(ctx, c.client(nil))
	if err != nil || !slices.Equal(left, []string{"n3"}) {
		t.Fatalf("left are %v, %v", left, err)
	}
	c.genesis.Left = left
	c.join(ctx, "n4")
	if got := c.nodes["n4"].ids(); !slices.Equal(got, []string{"n1", "n2", "n4"}) {
		t.Errorf("a machine that comes later talks to %v", got)
	}
	c.awaitSeats(ctx, "n1", "n2", "n4")
}

// The vote of a seat that leaves is taken when all that have seats have theirs, and not before.
func TestNoVoteIsTakenWhileANewOneIsMissing(t *testing.T) {
	nodes := func(ids ...string) (list []catalog.Node) {
		for i, id := range ids {
			list = append(list, catalog.Node{ID: id, Point: i + 1})
		}
		return list
	}
	for name, x := range map[string]struct {
		votes map[string]bool
		want  string // task
	}{
		"one new seat has none":                   {map[string]bool{"n1": true, "n2": true, "n3": false, "n4": true}, ""},
		"none has one":                            {map[string]bool{"n1": true, "n2": false, "n3": false, "n4": true}, ""},
		"all have theirs":                         {map[string]bool{"n1": true, "n2": true, "n3": true, "n4": true}, "members: take the vote of n4"},
		"of who is no member any more, too early": {map[string]bool{"n1": true, "n2": true, "n3": false, "n4": false, "n5": true}, ""},
		"of who is no member any more":            {map[string]bool{"n1": true, "n2": true, "n3": true, "n4": false, "n5": true}, "members: take the vote of n5"},
	} {
		n := bare(t, 3, 2)
		c := catalog.Cluster{Nodes: nodes("n1", "n2", "n3"), Threshold: 2, Leaving: []catalog.Leaving{{Node: catalog.Node{ID: "n4"}}}}
		n.members = c
		store := memstore.New()
		key := catalog.Key{ID: "k", State: catalog.KeyReady, Nodes: []string{"n1", "n4"}, Threshold: 2} // which n4 has a share of
		for name, record := range map[string]any{records.KeyCluster: c, records.PrefixKey + "k": key} {
			if err := records.Put(store, name, record); err != nil {
				t.Fatal(err)
			}
		}
		n.leader.ledgerKnown, n.leader.ledgerNow = true, consensus.Configuration{Index: 1, Votes: x.votes}
		tasks, err := n.leader.leadSeats(state.NewMachine().View(store), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range tasks {
			got = append(got, d.name)
		}
		if x.want == "" && len(got) > 0 || x.want != "" && !slices.Equal(got, []string{x.want}) {
			t.Errorf("%s: %v, want %q", name, got, x.want)
		}
	}
}
