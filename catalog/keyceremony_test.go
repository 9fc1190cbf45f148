package catalog

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func startOf(publisher string, attempt int) KeyStart {
	return KeyStart{Publisher: testID(publisher), Key: KeyID(testID(publisher)), Epoch: 1, Attempt: attempt}
}

func TestCeremonyEndsInAKeyThatAllNodesSigned(t *testing.T) {
	w := newWorld(t, 4, 3).admit()
	if todo := must[[]PendingKey](t)(w.view().PendingKeys()); len(todo) != 2 || todo[0].Key.ID != "" || todo[0].NextAttempt != 1 {
		t.Fatalf("pending %+v", todo)
	}
	start := w.sign("node2", KindKeyStart, startOf("bureau", 1))
	if out := w.apply(start); out.Refusal != nil || out.ID != KeyID(testID("bureau")) {
		t.Fatalf("start %+v", out)
	}
	id := KeyID(testID("bureau"))
	w.ceremony(id, 1)
	k := must[Key](t)(w.view().KeyOf(testID("bureau")))
	if k.State != KeyReady || k.Reference != start.Digest() || k.Threshold != 3 || len(k.Tested) != 2 {
		t.Fatalf("key %+v", k)
	}
	cluster := must[Cluster](t)(w.view().Cluster())
	if !bytes.Equal(ReadyStatement(cluster, k), k.Statement) {
		t.Fatal("a client that computes the statement gets another one")
	}
	for i, n := range cluster.Nodes {
		if !VerifyReady(n, k.Statement, k.Signed[i]) {
			t.Fatalf("signature of %s", n.ID)
		}
		if !strings.Contains(string(k.Statement), k.Commits[i].Public.String()) {
			t.Fatalf("the statement does not name the share of %s", n.ID)
		}
	}
	todo := must[[]PendingKey](t)(w.view().PendingKeys())
	if len(todo) != 1 || todo[0].Publisher != testID("rival") {
		t.Fatalf("pending %+v", todo)
	}
	w.no("node1", KindKeyStart, startOf("bureau", 2), RefusedConflict, "key_state")
	w.no("node1", KindKeyFail, KeyFail{Key: id, Attempt: 1, Reason: "late"}, RefusedConflict, "key_state")
	if all := must[[]Key](t)(w.view().Keys()); len(all) != 1 {
		t.Fatalf("keys %+v", all)
	}
}

func TestReadyStatementTellsEverythingApart(t *testing.T) {
	w := newWorld(t, 3, 2).admit().key("bureau")
	c, k := must[Cluster](t)(w.view().Cluster()), must[Key](t)(w.view().KeyOf(testID("bureau")))
	seen := map[string]string{string(ReadyStatement(c, k)): "the statement"}
	for name, change := range map[string]func(*Cluster, *Key){
		"cluster":   func(c *Cluster, _ *Key) { c.ID[0] ^= 1 },
		"publisher": func(_ *Cluster, k *Key) { k.Publisher = testID("rival") },
		"key":       func(_ *Cluster, k *Key) { k.ID = "k-2" },
		"epoch":     func(_ *Cluster, k *Key) { k.Epoch++ },
		"attempt":   func(_ *Cluster, k *Key) { k.Attempt++ },
		"threshold": func(_ *Cluster, k *Key) { k.Threshold++ },
		"reference": func(_ *Cluster, k *Key) { k.Reference[3] ^= 1 },
		"node":      func(c *Cluster, _ *Key) { c.Nodes[1].ID = "other" },
		"point":     func(c *Cluster, _ *Key) { c.Nodes[1].Point = 7 },
		"node key":  func(c *Cluster, _ *Key) { c.Nodes[1].Key[0] ^= 1 },
		"sealing":   func(c *Cluster, _ *Key) { c.Nodes[2].Sealing[9] ^= 1 },
		"share":     func(_ *Cluster, k *Key) { k.Commits[0].Public[0] ^= 1 },
	} {
		c2, k2 := clone(t, c), clone(t, k)
		change(&c2, &k2)
		s := string(ReadyStatement(c2, k2))
		if other, same := seen[s]; same {
			t.Fatalf("another %s makes the same statement as %s", name, other)
		}
		seen[s] = "another " + name
	}
}

func TestCeremonyStepsInTheirOrderOnly(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	id := KeyID(testID("bureau"))
	w.no("node1", KindKeyStart, KeyStart{Publisher: "p-none", Key: id, Epoch: 1, Attempt: 1}, RefusedUnknown, "unknown")
	w.no("node1", KindKeyStart, startOf("bank", 1), RefusedConflict, "role")
	w.no("node1", KindKeyStart, startOf("bureau", 2), RefusedConflict, "key_start")
	other := startOf("bureau", 1)
	other.Key = "k-other"
	w.no("node1", KindKeyStart, other, RefusedConflict, "key_start")
	other = startOf("bureau", 1)
	other.Epoch = 2
	w.no("node1", KindKeyStart, other, RefusedConflict, "key_start")
	w.no("node1", KindKeyCommit, w.commitment(id, 1, 1), RefusedUnknown, "unknown")
	w.ok("node1", KindKeyStart, startOf("bureau", 1))
	w.no("node2", KindKeyStart, startOf("bureau", 1), RefusedConflict, "key_state")

	w.no("node1", KindKeyAck, KeyAck{Key: id, Attempt: 1}, RefusedConflict, "key_state")
	w.no("node1", KindKeyCommit, w.commitment(id, 2, 1), RefusedConflict, "attempt")
	short := w.commitment(id, 1, 1)
	short.Dealings = short.Dealings[1:]
	w.no("node1", KindKeyCommit, short, RefusedInvalid, "invalid")
	none := w.commitment(id, 1, 1)
	none.Dealings[2] = Digest{}
	w.no("node1", KindKeyCommit, none, RefusedInvalid, "invalid")
	w.ok("node1", KindKeyCommit, w.commitment(id, 1, 1))
	w.no("node1", KindKeyCommit, w.commitment(id, 1, 1), RefusedConflict, "twice")
	w.no("node2", KindKeyCommit, w.commitment(id, 1, 1), RefusedConflict, "copied")
	w.ok("node2", KindKeyCommit, w.commitment(id, 1, 2))
	if k := must[Key](t)(w.view().Key(id)); k.State != KeyCommitting {
		t.Fatalf("state %s with a commitment missing", k.State)
	}
	w.ok("node3", KindKeyCommit, w.commitment(id, 1, 3))
	w.no("node3", KindKeyCommit, w.commitment(id, 1, 3), RefusedConflict, "key_state")

	w.no("node1", KindKeyTested, KeyTested{Key: id, Attempt: 1}, RefusedConflict, "key_state")
	for p := 1; p <= 3; p++ {
		w.ok(nodeName(p), KindKeyAck, KeyAck{Key: id, Attempt: 1})
		if p < 3 {
			w.no(nodeName(p), KindKeyAck, KeyAck{Key: id, Attempt: 1}, RefusedConflict, "twice")
		}
	}
	w.no("node1", KindKeySign, KeySign{Key: id, Attempt: 1}, RefusedConflict, "key_state")
	w.no("node1", KindKeyTested, KeyTested{Key: id, Attempt: 1, Set: 2}, RefusedInvalid, "invalid")
	w.no("node1", KindKeyTested, KeyTested{Key: id, Attempt: 1, Set: 1}, RefusedForbidden, "member")
	w.ok("node2", KindKeyTested, KeyTested{Key: id, Attempt: 1, Set: 1})
	w.no("node3", KindKeyTested, KeyTested{Key: id, Attempt: 1, Set: 1}, RefusedConflict, "twice")
	w.ok("node1", KindKeyTested, KeyTested{Key: id, Attempt: 1, Set: 0})
	k := must[Key](t)(w.view().Key(id))
	w.no("node1", KindKeySign, KeySign{Key: id, Attempt: 1, Signature: SignReady(testKey("node2"), k.Statement)}, RefusedInvalid, "invalid")
	w.no("node1", KindKeySign, KeySign{Key: id, Attempt: 1}, RefusedInvalid, "invalid")
	good := KeySign{Key: id, Attempt: 1, Signature: SignReady(testKey("node1"), k.Statement)}
	w.ok("node1", KindKeySign, good)
	w.no("node1", KindKeySign, good, RefusedConflict, "twice")
}

func TestFailedCeremonyLeavesNothingAndStartsAnew(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	id := KeyID(testID("bureau"))
	first := w.sign("node1", KindKeyStart, startOf("bureau", 1))
	w.apply(first)
	w.ok("node1", KindKeyCommit, w.commitment(id, 1, 1))
	w.ok("node3", KindKeyFail, KeyFail{Key: id, Attempt: 1, Reason: "node2\ndied"})
	k := must[Key](t)(w.view().Key(id))
	if k.State != KeyFailed || k.Reason != "node2 died" || k.Commits != nil || k.Statement != nil {
		t.Fatalf("key %+v", k)
	}
	w.no("node2", KindKeyCommit, w.commitment(id, 1, 2), RefusedConflict, "key_state")
	w.no("node2", KindKeyFail, KeyFail{Key: id, Attempt: 1, Reason: "x"}, RefusedConflict, "key_state")
	todo := must[[]PendingKey](t)(w.view().PendingKeys())
	i := slices.IndexFunc(todo, func(p PendingKey) bool { return p.Publisher == testID("bureau") })
	if i < 0 || todo[i].NextAttempt != 2 || todo[i].NextKey != id || todo[i].NextEpoch != 1 || todo[i].Key.State != KeyFailed {
		t.Fatalf("pending %+v", todo)
	}
	w.no("node1", KindKeyStart, startOf("bureau", 1), RefusedConflict, "key_start")
	w.ok("node1", KindKeyStart, startOf("bureau", 2))
	if k := must[Key](t)(w.view().Key(id)); k.Reference == first.Digest() || k.Attempt != 2 {
		t.Fatalf("key %+v", k)
	}
	w.no("node2", KindKeyCommit, w.commitment(id, 1, 2), RefusedConflict, "attempt")
	w.ceremony(id, 2)
	if k := must[Key](t)(w.view().Key(id)); k.State != KeyReady {
		t.Fatalf("state %s", k.State)
	}
	sameElsewhere(t, w)
}

func TestTestSetsCoverAllNodes(t *testing.T) {
	for n := 2; n <= MaxNodes; n++ {
		for threshold := 2; threshold <= n; threshold++ {
			sets := TestSets(n, threshold)
			if len(sets) != n-threshold+1 {
				t.Fatalf("n=%d t=%d: %d sets", n, threshold, len(sets))
			}
			covered := make([]bool, n+1)
			for _, set := range sets {
				if len(set) != threshold || !slices.IsSorted(set) || len(slices.Compact(slices.Clone(set))) != threshold {
					t.Fatalf("n=%d t=%d: set %v", n, threshold, set)
				}
				for _, p := range set {
					covered[p] = true
				}
			}
			if slices.Contains(covered[1:], false) {
				t.Fatalf("n=%d t=%d: not all are covered", n, threshold)
			}
		}
	}
	if TestSets(2, 3) != nil || TestSets(3, 0) != nil {
		t.Fatal("impossible thresholds have sets")
	}
}
