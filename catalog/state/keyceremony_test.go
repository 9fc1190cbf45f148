package state

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/statetest"
	"github.com/weirdata/weir/catalog/view"
)

func startOf(publisher string, attempt int) catalog.KeyStart {
	return catalog.KeyStart{Publisher: testID(publisher), Key: catalog.KeyID(testID(publisher)), Epoch: 1, Attempt: attempt}
}

func TestCeremonyEndsInAKeyThatAllNodesSigned(t *testing.T) {
	w := newWorld(t, 4, 3).admit()
	if todo := must[[]view.PendingKey](t)(w.view().Keys().Pending()); len(todo) != 2 || todo[0].Key.ID != "" || todo[0].NextAttempt != 1 {
		t.Fatalf("pending %+v", todo)
	}
	start := w.sign("node2", catalog.KindKeyStart, startOf("bureau", 1))
	if out := w.apply(start); out.Refusal != nil || out.ID != catalog.KeyID(testID("bureau")) {
		t.Fatalf("start %+v", out)
	}
	id := catalog.KeyID(testID("bureau"))
	w.ceremony(id, 1)
	k := must[catalog.Key](t)(w.view().Keys().Of(testID("bureau")))
	if k.State != catalog.KeyReady || k.Reference != start.Digest() || k.Threshold != 3 || len(k.Tested) != 2 {
		t.Fatalf("key %+v", k)
	}
	cluster := must[catalog.Cluster](t)(w.view().Cluster())
	if !bytes.Equal(attest.ReadyStatement(cluster, k), k.Statement) {
		t.Fatal("a client that computes the statement gets another one")
	}
	for i, n := range cluster.Nodes {
		if !attest.VerifyReady(n, k.Statement, k.Signed[i]) {
			t.Fatalf("signature of %s", n.ID)
		}
		if !strings.Contains(string(k.Statement), k.Commits[i].Public.String()) {
			t.Fatalf("the statement does not name the share of %s", n.ID)
		}
	}
	todo := must[[]view.PendingKey](t)(w.view().Keys().Pending())
	if len(todo) != 1 || todo[0].Publisher != testID("rival") {
		t.Fatalf("pending %+v", todo)
	}
	w.no("node1", catalog.KindKeyStart, startOf("bureau", 2), catalog.RefusedConflict, "key_state")
	w.no("node1", catalog.KindKeyFail, catalog.KeyFail{Key: id, Attempt: 1, Reason: told("late")}, catalog.RefusedConflict, "key_state")
	if all := must[[]catalog.Key](t)(w.view().Keys().All()); len(all) != 1 {
		t.Fatalf("keys %+v", all)
	}
}

func TestReadyStatementTellsEverythingApart(t *testing.T) {
	w := newWorld(t, 3, 2).admit().key("bureau")
	c, k := must[catalog.Cluster](t)(w.view().Cluster()), must[catalog.Key](t)(w.view().Keys().Of(testID("bureau")))
	seen := map[string]string{string(attest.ReadyStatement(c, k)): "the statement"}
	for name, change := range map[string]func(*catalog.Cluster, *catalog.Key){
		"cluster":   func(c *catalog.Cluster, _ *catalog.Key) { c.ID[0] ^= 1 },
		"publisher": func(_ *catalog.Cluster, k *catalog.Key) { k.Publisher = testID("rival") },
		"key":       func(_ *catalog.Cluster, k *catalog.Key) { k.ID = "k-2" },
		"epoch":     func(_ *catalog.Cluster, k *catalog.Key) { k.Epoch++ },
		"attempt":   func(_ *catalog.Cluster, k *catalog.Key) { k.Attempt++ },
		"threshold": func(_ *catalog.Cluster, k *catalog.Key) { k.Threshold++ },
		"reference": func(_ *catalog.Cluster, k *catalog.Key) { k.Reference[3] ^= 1 },
		"node":      func(c *catalog.Cluster, _ *catalog.Key) { c.Nodes[1].ID = "other" },
		"point":     func(c *catalog.Cluster, _ *catalog.Key) { c.Nodes[1].Point = 7 },
		"node key":  func(c *catalog.Cluster, _ *catalog.Key) { c.Nodes[1].Key[0] ^= 1 },
		"sealing":   func(c *catalog.Cluster, _ *catalog.Key) { c.Nodes[2].Sealing[9] ^= 1 },
		"share":     func(_ *catalog.Cluster, k *catalog.Key) { k.Commits[0].Public[0] ^= 1 },
	} {
		c2, k2 := clone(t, c), clone(t, k)
		change(&c2, &k2)
		s := string(attest.ReadyStatement(c2, k2))
		if other, same := seen[s]; same {
			t.Fatalf("another %s makes the same statement as %s", name, other)
		}
		seen[s] = "another " + name
	}
}

func TestCeremonyStepsInTheirOrderOnly(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	id := catalog.KeyID(testID("bureau"))
	w.no("node1", catalog.KindKeyStart, catalog.KeyStart{Publisher: "p-none", Key: id, Epoch: 1, Attempt: 1}, catalog.RefusedUnknown, "unknown")
	w.no("node1", catalog.KindKeyStart, startOf("bank", 1), catalog.RefusedConflict, "role")
	w.no("node1", catalog.KindKeyStart, startOf("bureau", 2), catalog.RefusedConflict, "key_start")
	other := startOf("bureau", 1)
	other.Key = "k-other"
	w.no("node1", catalog.KindKeyStart, other, catalog.RefusedConflict, "key_start")
	other = startOf("bureau", 1)
	other.Epoch = 2
	w.no("node1", catalog.KindKeyStart, other, catalog.RefusedConflict, "key_start")
	w.no("node1", catalog.KindKeyCommit, w.commitment(id, 1, 1), catalog.RefusedUnknown, "unknown")
	w.ok("node1", catalog.KindKeyStart, startOf("bureau", 1))
	w.no("node2", catalog.KindKeyStart, startOf("bureau", 1), catalog.RefusedConflict, "key_state")

	w.no("node1", catalog.KindKeyAck, catalog.KeyAck{Key: id, Attempt: 1}, catalog.RefusedConflict, "key_state")
	w.no("node1", catalog.KindKeyCommit, w.commitment(id, 2, 1), catalog.RefusedConflict, "attempt")
	short := w.commitment(id, 1, 1)
	short.Dealings = short.Dealings[1:]
	w.no("node1", catalog.KindKeyCommit, short, catalog.RefusedInvalid, "invalid")
	none := w.commitment(id, 1, 1)
	none.Dealings[2] = catalog.Digest{}
	w.no("node1", catalog.KindKeyCommit, none, catalog.RefusedInvalid, "invalid")
	w.ok("node1", catalog.KindKeyCommit, w.commitment(id, 1, 1))
	w.no("node1", catalog.KindKeyCommit, w.commitment(id, 1, 1), catalog.RefusedConflict, "twice")
	w.no("node2", catalog.KindKeyCommit, w.commitment(id, 1, 1), catalog.RefusedConflict, "copied")
	w.ok("node2", catalog.KindKeyCommit, w.commitment(id, 1, 2))
	if k := must[catalog.Key](t)(w.view().Keys().Get(id)); k.State != catalog.KeyCommitting {
		t.Fatalf("state %s with a commitment missing", k.State)
	}
	w.ok("node3", catalog.KindKeyCommit, w.commitment(id, 1, 3))
	w.no("node3", catalog.KindKeyCommit, w.commitment(id, 1, 3), catalog.RefusedConflict, "key_state")

	w.no("node1", catalog.KindKeyTested, catalog.KeyTested{Key: id, Attempt: 1}, catalog.RefusedConflict, "key_state")
	for p := 1; p <= 3; p++ {
		w.ok(nodeName(p), catalog.KindKeyAck, catalog.KeyAck{Key: id, Attempt: 1})
		if p < 3 {
			w.no(nodeName(p), catalog.KindKeyAck, catalog.KeyAck{Key: id, Attempt: 1}, catalog.RefusedConflict, "twice")
		}
	}
	w.no("node1", catalog.KindKeySign, catalog.KeySign{Key: id, Attempt: 1}, catalog.RefusedConflict, "key_state")
	w.no("node1", catalog.KindKeyTested, catalog.KeyTested{Key: id, Attempt: 1, Set: 2}, catalog.RefusedInvalid, "invalid")
	w.no("node1", catalog.KindKeyTested, catalog.KeyTested{Key: id, Attempt: 1, Set: 1}, catalog.RefusedForbidden, "member")
	w.ok("node2", catalog.KindKeyTested, catalog.KeyTested{Key: id, Attempt: 1, Set: 1})
	w.no("node3", catalog.KindKeyTested, catalog.KeyTested{Key: id, Attempt: 1, Set: 1}, catalog.RefusedConflict, "twice")
	w.ok("node1", catalog.KindKeyTested, catalog.KeyTested{Key: id, Attempt: 1, Set: 0})
	k := must[catalog.Key](t)(w.view().Keys().Get(id))
	w.no("node1", catalog.KindKeySign, catalog.KeySign{Key: id, Attempt: 1, Signature: statetest.SignReady(testKey("node2"), k.Statement)}, catalog.RefusedInvalid, "invalid")
	w.no("node1", catalog.KindKeySign, catalog.KeySign{Key: id, Attempt: 1}, catalog.RefusedInvalid, "invalid")
	good := catalog.KeySign{Key: id, Attempt: 1, Signature: statetest.SignReady(testKey("node1"), k.Statement)}
	w.ok("node1", catalog.KindKeySign, good)
	w.no("node1", catalog.KindKeySign, good, catalog.RefusedConflict, "twice")
}

func TestFailedCeremonyLeavesNothingAndStartsAnew(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	id := catalog.KeyID(testID("bureau"))
	first := w.sign("node1", catalog.KindKeyStart, startOf("bureau", 1))
	w.apply(first)
	w.ok("node1", catalog.KindKeyCommit, w.commitment(id, 1, 1))
	w.ok("node3", catalog.KindKeyFail, catalog.KeyFail{Key: id, Attempt: 1, Reason: told("node2\ndied")})
	k := must[catalog.Key](t)(w.view().Keys().Get(id))
	if k.State != catalog.KeyFailed || k.Reason.String() != "test.reason(node2 died)" || k.Commits != nil || k.Statement != nil {
		t.Fatalf("key %+v", k)
	}
	w.no("node2", catalog.KindKeyCommit, w.commitment(id, 1, 2), catalog.RefusedConflict, "key_state")
	w.no("node2", catalog.KindKeyFail, catalog.KeyFail{Key: id, Attempt: 1, Reason: told("x")}, catalog.RefusedConflict, "key_state")
	todo := must[[]view.PendingKey](t)(w.view().Keys().Pending())
	i := slices.IndexFunc(todo, func(p view.PendingKey) bool { return p.Publisher == testID("bureau") })
	if i < 0 || todo[i].NextAttempt != 2 || todo[i].NextKey != id || todo[i].NextEpoch != 1 || todo[i].Key.State != catalog.KeyFailed {
		t.Fatalf("pending %+v", todo)
	}
	w.no("node1", catalog.KindKeyStart, startOf("bureau", 1), catalog.RefusedConflict, "key_start")
	w.ok("node1", catalog.KindKeyStart, startOf("bureau", 2))
	if k := must[catalog.Key](t)(w.view().Keys().Get(id)); k.Reference == first.Digest() || k.Attempt != 2 {
		t.Fatalf("key %+v", k)
	}
	w.no("node2", catalog.KindKeyCommit, w.commitment(id, 1, 2), catalog.RefusedConflict, "attempt")
	w.ceremony(id, 2)
	if k := must[catalog.Key](t)(w.view().Keys().Get(id)); k.State != catalog.KeyReady {
		t.Fatalf("state %s", k.State)
	}
	sameElsewhere(t, w)
}
