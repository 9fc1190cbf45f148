package mpc

import (
	"fmt"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/roster"
)

// Within a session that is under way only what its rules let a sender send is
// asked for.
func TestOnlyWhatTheRulesOfAnAttemptLetASenderSendIsAskedFor(t *testing.T) {
	t.Parallel()
	attempt := catalog.Attempt{Active: []string{"n1", "n3", "n4"}, Root: "n3"}
	for _, x := range []struct {
		from, kind, to string
		want           bool
	}{
		{"n1", KindDigests, "n3", true},
		{"n3", KindDigests, "n1", true},
		{"n1", KindDigests, "n4", true},
		{"n1", KindShares, "n3", true},
		{"n3", KindShares, "n1", false}, // from the root
		{"n1", KindShares, "n4", false}, // to a third party
		{"n2", KindDigests, "n3", false},
		{"n2", KindShares, "n3", false},
		{"n1", KindDigests, "n2", false},
		{"n3", KindDigests, "n3", false},
		{"n1", KindSlots, "n3", false},
		{"n1", KindDealing, "n3", false},
	} {
		if got := owed(Message{Kind: x.kind, From: x.from}, x.to, attempt); got != x.want {
			t.Errorf("%s of %s to %s: %t", x.kind, x.from, x.to, got)
		}
	}

	// In a move a dealer deals to every other member, once all have committed, and the members of
	// the second check talk to each other.
	m := resharing.Move{
		Seq: 7, From: []string{"n1", "n2", "", "n5"}, To: []string{"n1", "n2", "n3"}, Dealers: []int{1, 4},
		Tries: []catalog.Attempt{{Number: 1, Active: []string{"n1", "n3"}}},
	}
	for _, x := range []struct {
		state          resharing.State
		from, kind, to string
		session        string
		batch          int
		want           bool
	}{
		{resharing.Storing, "n1", KindMoved, "n3", MoveSession(7), 0, true},
		{resharing.Storing, "n5", KindMoved, "n1", MoveSession(7), 0, true},
		{resharing.Storing, "n1", KindMoved, "n5", MoveSession(7), 0, true}, // its masks
		{resharing.Storing, "n2", KindMoved, "n3", MoveSession(7), 0, false},
		{resharing.Storing, "n1", KindMoved, "n1", MoveSession(7), 0, false},
		{resharing.Storing, "n1", KindMoved, "n4", MoveSession(7), 0, false},
		{resharing.Storing, "n1", KindMoved, "n3", MoveSession(7), 1, false},
		{resharing.Storing, "n1", KindMoved, "n3", MoveSession(8), 0, false},
		{resharing.Storing, "n1", KindDealing, "n3", MoveSession(7), 0, false},
		{resharing.Dealing, "n1", KindMoved, "n3", MoveSession(7), 0, false},
		{resharing.Proving, "n1", KindMoved, "n3", MoveSession(7), 0, false},
		{resharing.Proving, "n1", KindStages, "n3", MoveCheckSession(7, 1), 5, true},
		{resharing.Proving, "n1", KindStages, "n2", MoveCheckSession(7, 1), 5, false},
		{resharing.Proving, "n2", KindStages, "n1", MoveCheckSession(7, 1), 5, false},
		{resharing.Proving, "n1", KindStages, "n3", MoveCheckSession(7, 2), 5, false},
		{resharing.Lining, "n1", KindStages, "n3", MoveCheckSession(7, 1), 5, false},
	} {
		m.State = x.state
		if got := owedInMove(Message{Session: x.session, Kind: x.kind, Batch: x.batch, From: x.from}, x.to, m); got != x.want {
			t.Errorf("%s: %+v: %t", x.state, x, got)
		}
	}
	// In a canary the members of a set that is still to be opened owe each other what those of a
	// key's test do; set 1 has its root at point 2.
	c := resharing.Canary{
		Key: "k-1", Number: 3, Nodes: []string{"n1", "n2", "n3"}, Threshold: 2, Sets: make([]resharing.SetState, 3), Lacks: make([]bool, 3),
	}
	for _, x := range []struct {
		from, kind string
		to, set    int
		want       bool
	}{
		{"n2", KindDigests, 3, 1, true}, {"n3", KindDigests, 2, 1, true}, {"n3", KindShares, 2, 1, true}, {"n3", KindSlots, 2, 1, true},
		{"n2", KindShares, 3, 1, false}, {"n1", KindShares, 2, 1, false}, {"n3", KindStages, 2, 1, false}, {"n2", KindDigests, 1, 1, false},
		{"n3", KindDigests, 1, 2, false}, // which is not needed
		{"n4", KindDigests, 2, 1, false}, {"n2", KindDigests, 2, 1, false},
	} {
		if got := owedInCanary(Message{Session: CanarySession("k-1", 3, x.set), Kind: x.kind, From: x.from}, fmt.Sprintf("n%d", x.to), c); got != x.want {
			t.Errorf("canary: %+v: %t", x, got)
		}
	}
	if owedInCanary(Message{Session: CanarySession("k-1", 2, 1), Kind: KindDigests, From: "n2"}, "n3", c) {
		t.Error("of the canary before")
	}

	if most, _ := Limit(KindMoved); most < resharing.MaxEntries*58/8+resharing.MaxVectors*256 {
		t.Errorf("a dealing of %d entries does not fit %d bytes", resharing.MaxEntries, most)
	}

	k := catalog.Key{ID: "k-1", Epoch: 1, Attempt: 2, Threshold: 2, Nodes: []string{"n1", "n2", "n3"}}
	sets := roster.TestSets(3, 2) // {1,2}, {1,3} or the like: the first member is the root
	set := sets[len(sets)-1]
	id := func(point int) string { return k.Nodes[point-1] }
	outside := 6 - set[0] - set[1]
	test := testSession(k.Made(), len(sets)-1)
	for _, x := range []struct {
		state         catalog.KeyState
		session, kind string
		from, to      int
		batch         int
		want          bool
	}{
		{catalog.KeyDealing, SharingSession(k.Made()), KindDealing, 1, 2, 0, true},
		{catalog.KeyDealing, SharingSession(k.Made()), KindDealing, 1, 2, 1, false},
		{catalog.KeyDealing, SharingSession(k.Made()), KindDigests, 1, 2, 0, false},
		{catalog.KeyDealing, SharingSession(k.Made()), KindDealing, 2, 2, 0, false},
		{catalog.KeyCommitting, SharingSession(k.Made()), KindDealing, 1, 2, 0, false},
		{catalog.KeyReady, SharingSession(k.Made()), KindDealing, 1, 2, 0, false},
		{catalog.KeyDealing, "key/k-1/1/1", KindDealing, 1, 2, 0, false}, // the attempt before
		{catalog.KeyTesting, test, KindDigests, set[1], set[0], 0, true},
		{catalog.KeyTesting, test, KindDigests, set[0], set[1], 0, true},
		{catalog.KeyTesting, test, KindShares, set[1], set[0], 0, true},
		{catalog.KeyTesting, test, KindSlots, set[1], set[0], 0, true},
		{catalog.KeyTesting, test, KindShares, set[0], set[1], 0, false},
		{catalog.KeyTesting, test, KindSlots, set[0], set[1], 0, false},
		{catalog.KeyTesting, test, KindDealing, set[1], set[0], 0, false},
		{catalog.KeyTesting, test, KindDigests, outside, set[0], 0, false},
		{catalog.KeyTesting, test, KindDigests, set[1], outside, 0, false},
		{catalog.KeyTesting, test, KindDigests, set[1], set[0], 1, false},
		{catalog.KeyTesting, testSession(k.Made(), len(sets)), KindDigests, set[1], set[0], 0, false},
		{catalog.KeyTesting, test + "x", KindDigests, set[1], set[0], 0, false},
		{catalog.KeySigning, test, KindDigests, set[1], set[0], 0, false},
	} {
		k.State = x.state
		p := Message{Session: x.session, Kind: x.kind, Batch: x.batch, From: id(x.from)}
		if got := owedInCeremony(p, id(x.to), k); got != x.want {
			t.Errorf("%s: %+v to %d: %t", x.state, p, x.to, got)
		}
	}
	if owedInCeremony(Message{Session: SharingSession(k.Made()), Kind: KindDealing, From: "stranger"}, "n1", k) {
		t.Error("from a stranger")
	}

	// A key moves from n1, n2, n3 to n1, n4, n5: n1 and n2 deal.
	k.State, k.Refresh = catalog.KeyReady, &catalog.Refresh{
		Epoch: 2, Attempt: 3, State: catalog.KeyDealing, Dealers: []int{1, 2}, Dealings: make([][]catalog.Digest, 2),
		To: &catalog.KeyRoster{Nodes: []string{"n1", "n4", "n5"}, Threshold: 2},
	}
	moving := catalog.Sharing{Key: k.ID, Epoch: 2, Attempt: 3}
	for _, x := range []struct {
		state          catalog.KeyState
		session        string
		kind, from, to string
		want           bool
	}{
		{catalog.KeyDealing, SharingSession(moving), KindDealing, "n2", "n4", true},
		{catalog.KeyDealing, SharingSession(moving), KindDealing, "n5", "n4", true}, // a seed
		{catalog.KeyDealing, SharingSession(moving), KindDealing, "n3", "n4", false},
		{catalog.KeyDealing, SharingSession(moving), KindDealing, "n1", "n2", false}, // who gets no share is dealt none
		{catalog.KeyDealing, SharingSession(k.Made()), KindDealing, "n1", "n4", false},
		{catalog.KeyTesting, testSession(moving, 1), KindSlots, "n5", "n4", true},
		{catalog.KeyTesting, testSession(moving, 1), KindSlots, "n3", "n2", false}, // the points of before
		{catalog.KeyTesting, testSession(moving, 0), KindDigests, "n2", "n1", false},
	} {
		k.Refresh.State = x.state
		if got := owedInCeremony(Message{Session: x.session, Kind: x.kind, From: x.from}, x.to, k); got != x.want {
			t.Errorf("moving, %s: %s of %s to %s: %t", x.state, x.kind, x.from, x.to, got)
		}
	}
}
