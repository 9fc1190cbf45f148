package state

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/statetest"
)

// sealingOf is the sealing key of a machine.
func sealingOf(name string) []byte {
	d := catalog.Sum([]byte("sealing key " + name))
	return bytes.Repeat(d[:], catalog.ReceivingKeySize/len(d))
}

// machine3 is the machine with a key of that name, for the seat of node3.
func (w *world) machine3(name string) roster.Replace {
	w.t.Helper()
	cluster := must[catalog.Cluster](w.t)(w.view().Cluster())
	changes := must[[]roster.Change](w.t)(w.view().RosterChanges())
	n := cluster.Nodes[2]
	n.Addr, n.API, n.Key, n.Sealing = name+":7000", "https://"+name+":8000", testPublic(name), sealingOf(name)
	return roster.Replace{Previous: changes[len(changes)-1].Envelope.Digest(), Node: n}
}

// replace3 puts it there.
func (w *world) replace3(name string) {
	w.t.Helper()
	w.ok("operator", catalog.KindSeatReplace, w.machine3(name))
	if w.seated == nil {
		w.seated = map[string]string{}
	}
	w.seated["node3"] = name
}

func TestSeatsAreReplacedByTheirOperatorsAlone(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	w.ok("operator", catalog.KindPrincipalAdd, testPrincipal("warden", catalog.RoleOperator))
	good := w.machine3("node3-b")
	for _, who := range []string{"warden", "bureau", "bank", "node3", "node1"} {
		r := w.do(who, catalog.KindSeatReplace, good).Refusal
		if r == nil || r.Kind != catalog.RefusedForbidden {
			t.Errorf("%s may replace a machine: %+v", who, r)
		}
	}
	for _, x := range []struct {
		name, field string
		change      func(b *roster.Replace)
	}{
		{"no such node", "node.id", func(b *roster.Replace) { b.Node.ID = "node4" }},
		{"another point", "node.id", func(b *roster.Replace) { b.Node.Point = 2 }},
		{"no point", "node.id", func(b *roster.Replace) { b.Node.Point = 0 }},
		{"another institution", "node.institution", func(b *roster.Replace) { b.Node.Institution = "water" }},
		{"another operator", "node.institution", func(b *roster.Replace) { b.Node.Operator = testPublic("warden") }},
		{"the old sealing key", "node.key", func(b *roster.Replace) {
			b.Node.Sealing = bytes.Repeat([]byte{3}, catalog.ReceivingKeySize)
		}},
		{"another node's key", "node.key", func(b *roster.Replace) { b.Node.Key = testPublic("node1") }},
		{"a buyer's key", "node.key", func(b *roster.Replace) { b.Node.Key = testPublic("bank") }},
		{"another node's address", "node.addr", func(b *roster.Replace) { b.Node.Addr = "node1:7000" }},
		{"no https", "node.api", func(b *roster.Replace) { b.Node.API = "http://node3" }},
	} {
		b := good
		x.change(&b)
		r := w.no("operator", catalog.KindSeatReplace, b, catalog.RefusedInvalid, "invalid")
		if r.Field != x.field {
			t.Errorf("%s: field %s, want %s: %s", x.name, r.Field, x.field, explain.Message(r))
		}
	}
	stale := good
	stale.Previous = catalog.Sum([]byte("another"))
	w.no("operator", catalog.KindSeatReplace, stale, catalog.RefusedConflict, "previous")

	w.replace3("node3-b")
	w.no("operator", catalog.KindSeatReplace, good, catalog.RefusedConflict, "previous")
	same := w.machine3("node3-b")
	w.no("operator", catalog.KindSeatReplace, same, catalog.RefusedConflict, "node")
	w.replace3("node3-c")
	for _, retired := range []string{"node3", "node3-b"} {
		w.no("operator", catalog.KindSeatReplace, w.machine3(retired), catalog.RefusedConflict, "key")
	}
}

// All operators together cannot use up what other rosters need.
func TestMachinesAreReplacedOnlySoOften(t *testing.T) {
	replaced := make([]roster.Change, roster.MaxAlone)
	for i := range replaced {
		replaced[i] = roster.Change{Before: &catalog.Node{ID: fmt.Sprint("n", i/roster.MaxOfSeat)}}
	}
	if r := roster.Spared(replaced[1:], "another", testTime); r != nil {
		t.Errorf("refused with %s", explain.Message(r))
	}
	if r := roster.Spared(replaced, "another", testTime); r == nil || r.Rule != "changes" || r.Code != "seat.many_alone" {
		t.Errorf("one more is refused with %+v", r)
	}

	w := newWorld(t, 3, 2).admit()
	last := must[[]roster.Change](t)(w.view().RosterChanges())[0]
	cluster := must[catalog.Cluster](t)(w.view().Cluster())
	cluster.Changes, cluster.Time = roster.MaxChanges, 0
	for key, record := range map[string]any{records.KeyCluster: cluster, records.RosterKey(cluster.Changes): last} {
		if err := records.Put(w.store, key, record); err != nil {
			t.Fatal(err)
		}
	}
	w.no("operator", catalog.KindRosterPropose, w.roster(3, nil), catalog.RefusedConflict, "changes")
}

// seatOf is another machine for any of the operator's seats.
func (w *world) seatOf(point int, name string) roster.Replace {
	w.t.Helper()
	b := w.machine3(name)
	b.Node = must[catalog.Cluster](w.t)(w.view().Cluster()).Nodes[point-1]
	b.Node.Addr, b.Node.API, b.Node.Key, b.Node.Sealing = name+":7000", "https://"+name+":8000", testPublic(name), sealingOf(name)
	return b
}

// While a new machine has no share of a key yet, no share of it is taken out that the others need to
// open it: that would lose the key, and all that is encrypted under it, without anybody having meant it.
func TestNoKeyIsLostByReplacingOneMachineAfterAnother(t *testing.T) {
	w := newWorld(t, 3, 2).admit().key("bureau")
	id := catalog.KeyID(testID("bureau"))
	w.replace3("node3-b")
	if k := must[catalog.Key](t)(w.view().Keys().Get(id)); !slices.Equal(k.Lacks, []string{"node3"}) || !slices.Equal(k.Holders(), []string{"node1", "node2"}) {
		t.Fatalf("a share is missed by %v, held by %v", k.Lacks, k.Holders())
	}
	next := w.seatOf(2, "node2-b")
	r := w.no("operator", catalog.KindSeatReplace, next, catalog.RefusedConflict, "shares")
	if r.Code != "seat.keys_lost" || !strings.Contains(explain.Message(r), id) || !strings.Contains(explain.Message(r), "node3") {
		t.Errorf("refused with %s", explain.Message(r))
	}
	// Its addresses may change: it keeps its share.
	moved := next
	was := must[catalog.Cluster](t)(w.view().Cluster()).Nodes[1]
	moved.Node.Key, moved.Node.Sealing = was.Key, was.Sealing
	w.ok("operator", catalog.KindSeatReplace, moved)
	// The seat whose machine has no share may get another one, and waits still.
	w.replace3("node3-c")
	w.no("operator", catalog.KindSeatReplace, w.seatOf(2, "node2-b"), catalog.RefusedConflict, "shares")
	// A sharing that was under way may have been stored by some and is none: the old one is in force.
	w.ok("node1", catalog.KindKeyReshare, catalog.KeyReshare{Key: id, Epoch: 2, Attempt: 2, Dealers: []int{1, 2}})
	w.no("operator", catalog.KindSeatReplace, w.seatOf(2, "node2-b"), catalog.RefusedConflict, "shares")
	w.ok("node1", catalog.KindKeyFail, catalog.KeyFail{Key: id, Attempt: 2, Reason: catalog.Why("node.started_anew", "node1")})
	w.refresh(id, 3, 2)
	if k := must[catalog.Key](t)(w.view().Keys().Get(id)); k.Lacks != nil {
		t.Fatalf("a share is missed by %v after all have theirs", k.Lacks)
	}
	w.ok("operator", catalog.KindSeatReplace, w.seatOf(2, "node2-b"))

	// Whoever knows that the share is gone may say so.
	last := w.seatOf(1, "node1-b")
	w.no("operator", catalog.KindSeatReplace, last, catalog.RefusedConflict, "shares")
	last.KeysLost = true
	w.ok("operator", catalog.KindSeatReplace, last)
	if k := must[catalog.Key](t)(w.view().Keys().Get(id)); !slices.Equal(k.Lacks, []string{"node1", "node2"}) {
		t.Errorf("a share is missed by %v", k.Lacks)
	}
	// What is lost keeps nobody from anything.
	w.replace3("node3-d")
}

// A node that says in a canary that it lost its share holds none, and of a key that all nodes open
// together no share can be spared.
func TestSharesThatAreLostOtherwiseCountAsWell(t *testing.T) {
	w := newWorld(t, 3, 2).admit().key("bureau")
	id := catalog.KeyID(testID("bureau"))
	w.ok("node1", catalog.KindCanaryBegin, resharing.CanaryBegin{Key: id, Number: 1})
	w.ok("node1", catalog.KindCanaryLacks, resharing.CanaryLacks{Key: id, Number: 1})
	w.no("operator", catalog.KindSeatReplace, w.seatOf(2, "node2-b"), catalog.RefusedConflict, "shares")
	w.ok("operator", catalog.KindSeatReplace, w.seatOf(1, "node1-b"))

	w = newWorld(t, 3, 3).admit().key("bureau")
	if r := w.no("operator", catalog.KindSeatReplace, w.machine3("node3-b"), catalog.RefusedConflict, "shares"); r.Code != "seat.keys_whole" {
		t.Errorf("refused with %s", explain.Message(r))
	}
}

// Only the machine that is in the seat speaks for the node, and only it.
func TestTheMachineThatWasReplacedIsHeardNoMore(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	old := w.sign("node3", catalog.KindKeyStart, startOf("bureau", 1))
	w.replace3("node3-b")
	statetest.WantRefusal(t, w.apply(old).Refusal, catalog.RefusedSignature, "signature")
	w.ok("node3", catalog.KindKeyStart, startOf("bureau", 1))
}

// Other addresses of the same machine take nothing from it.
func TestAMachineMayMove(t *testing.T) {
	w := noisy(t)
	moved := w.machine3("node3-b")
	was := must[catalog.Cluster](t)(w.view().Cluster()).Nodes[2]
	moved.Node.Key, moved.Node.Sealing = was.Key, was.Sealing
	w.ok("operator", catalog.KindSeatReplace, moved)
	v := must[catalog.Version](t)(w.view().Versions().Get("noisy", 1))
	if !slices.Contains(v.Acks, "node3") || len(must[[]catalog.Key](t)(w.view().Keys().Refreshing())) != 0 {
		t.Errorf("acknowledged by %v", v.Acks)
	}
	if c := must[catalog.Cluster](t)(w.view().Cluster()); c.Nodes[2].Addr != moved.Node.Addr || !slices.Contains(c.Holding(0), "node3") {
		t.Errorf("cluster %+v", c)
	}
}

// A new machine has neither tiles, nor shares of keys, nor what was sealed to the one before.
func TestANewMachineHasNothingOfTheOneBefore(t *testing.T) {
	w := noisy(t)
	rival := w.ok("node1", catalog.KindKeyStart, startOf("rival", 1)).ID
	before := w.seq
	w.replace3("node3-b")
	v := must[catalog.Version](t)(w.view().Versions().Get("noisy", 1))
	if !slices.Equal(v.Acks, []string{"node1", "node2"}) {
		t.Errorf("acknowledged by %v", v.Acks)
	}
	if left, _ := records.Names(w.store, records.PrefixTodoAck+"node3/"); !slices.Contains(left, "noisy/"+records.VersionName("", 1)[1:]) {
		t.Errorf("node3 is to acknowledge %v", left)
	}
	w.no("node1", catalog.KindVersionAck, catalog.VersionAck{Dataset: "noisy", Version: 1}, catalog.RefusedConflict, "twice")
	w.ok("node3", catalog.KindVersionAck, catalog.VersionAck{Dataset: "noisy", Version: 1})
	bureau := must[catalog.Key](t)(w.view().Keys().Get(catalog.KeyID(testID("bureau"))))
	if bureau.Refresh == nil || bureau.Refresh.State != catalog.KeyWanted {
		t.Errorf("the key is not shared anew: %+v", bureau.Refresh)
	}
	if k := must[catalog.Key](t)(w.view().Keys().Get(rival)); k.State != catalog.KeyFailed || k.Reason.Code != "seat.replaced" {
		t.Errorf("the ceremony that the machine took part in: %s, %s", k.State, k.Reason)
	}
	cluster := must[catalog.Cluster](t)(w.view().Cluster())
	if !slices.Equal(cluster.Holding(before), []string{"node1", "node2"}) || len(cluster.Holding(w.seq)) != 3 {
		t.Errorf("holding %v, now %v", cluster.Holding(before), cluster.Holding(w.seq))
	}
	old := must[catalog.Cluster](t)(w.view().ClusterAt(before))
	if !bytes.Equal(old.Nodes[2].Key, testPublic("node3")) || !bytes.Equal(cluster.Nodes[2].Key, testPublic("node3-b")) {
		t.Error("the roster before is not known")
	}

	// A refresh under way is begun anew, and a retired sharing waits no more for the old disk.
	id := bureau.ID
	w.refresh(id, 2, 2)
	if k := must[catalog.Key](t)(w.view().Keys().Get(id)); k.Retired == nil || k.Refresh != nil {
		t.Fatalf("key %+v", k)
	}
	for _, p := range []int{1, 2} {
		w.ok(nodeName(p), catalog.KindKeyErased, catalog.KeyErased{Key: id, Epoch: 1})
	}
	w.replace3("node3-c")
	k := must[catalog.Key](t)(w.view().Keys().Get(id))
	if k.Retired != nil || k.Refresh == nil || k.Refresh.State != catalog.KeyWanted {
		t.Errorf("key %+v", k)
	}
	w.ok("node2", catalog.KindKeyReshare, catalog.KeyReshare{Key: id, Epoch: 3, Attempt: 3, Dealers: []int{1, 2}})
	w.replace3("node3-d")
	if k = must[catalog.Key](t)(w.view().Keys().Get(id)); k.Refresh.State != catalog.KeyFailed || k.Refresh.Reason.Code != "seat.replaced" {
		t.Errorf("the refresh under way: %+v", k.Refresh)
	}
}

// A private vector is answered by the machines that it was sealed to, as long as t are left.
func TestPrivateVectorsAreAnsweredByTheMachinesThatHaveThem(t *testing.T) {
	w := noisy(t)
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "noisy"})
	mine := w.vector("bank", w.vectorOf("mine", 1))
	w.replace3("node3-b")
	w.ok("node3", catalog.KindVersionAck, catalog.VersionAck{Dataset: "noisy", Version: 1})
	ask := noised("0.5", "1e-6", statetest.Attribute("county"))
	ask.In = mine.ID
	id := w.ok("bank", catalog.KindQuerySubmit, submit(contract, ask)).ID
	attempt := w.attempt(id, 1)
	attempt.Active, attempt.Root = []string{"node1", "node3"}, "node1"
	w.no("node1", catalog.KindQueryAttempt, attempt, catalog.RefusedConflict, "holder")
	attempt.Active = []string{"node1", "node2"}
	w.ok("node1", catalog.KindQueryAttempt, attempt)

	// With one more machine gone there are fewer than the threshold.
	next := w.machine3("node2-b")
	next.Node.Point, next.Node.ID = 2, "node2"
	next.KeysLost = true
	w.ok("operator", catalog.KindSeatReplace, next)
	r := w.no("bank", catalog.KindQuerySubmit, submit(contract, ask), catalog.RefusedConflict, "vector_state")
	if r.Code != "vector.lost" {
		t.Errorf("refused with %s", explain.Message(r))
	}
}

// What is stored of the roster can be checked by whoever knows the cluster's id alone.
func TestTheRosterIsProvedByWhatTheSeatsOperatorsSigned(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	w.replace3("node3-b")
	w.replace3("node3-c")
	var envelopes []catalog.Envelope
	for _, x := range must[[]roster.Change](t)(w.view().RosterChanges()) {
		envelopes = append(envelopes, x.Envelope)
	}
	all, err := attest.Rosters(w.id, envelopes)
	if err != nil || len(all) != 3 {
		t.Fatal(len(all), err)
	}
	cluster := must[catalog.Cluster](t)(w.view().Cluster())
	for i, name := range []string{"node3", "node3-b", "node3-c"} {
		if !bytes.Equal(all[i].Nodes[2].Key, testPublic(name)) {
			t.Errorf("roster %d has another key than that of %s", i, name)
		}
	}
	if last := all[2].Nodes[2]; last.Addr != cluster.Nodes[2].Addr || all[2].Changes != cluster.Changes {
		t.Errorf("roster %+v, want %+v", all[2], cluster)
	}

	forged := func(by string, change func(b *roster.Replace)) catalog.Envelope {
		b := w.machine3("node3-d")
		change(&b)
		return w.sign(by, catalog.KindSeatReplace, b)
	}
	same := func(*roster.Replace) {}
	for name, list := range map[string][]catalog.Envelope{
		"nothing":          nil,
		"no founding":      envelopes[1:],
		"one left out":     {envelopes[0], envelopes[2]},
		"one twice":        {envelopes[0], envelopes[1], envelopes[1]},
		"another operator": append(slices.Clone(envelopes), forged("bank", same)),
		"its own operator": append(slices.Clone(envelopes), forged("bank", func(b *roster.Replace) { b.Node.Operator = testPublic("bank") })),
		"another seat":     append(slices.Clone(envelopes), forged("operator", func(b *roster.Replace) { b.Node.Point = 2 })),
		"no key":           append(slices.Clone(envelopes), forged("operator", func(b *roster.Replace) { b.Node.Key = nil })),
		"another act":      append(slices.Clone(envelopes), w.sign("operator", catalog.KindPrincipalAdd, testPrincipal("x", catalog.RoleBuyer))),
		"of its time":      append(slices.Clone(envelopes), forged("operator", func(b *roster.Replace) { b.Previous = envelopes[1].Digest() })),
	} {
		if _, err := attest.Rosters(w.id, list); err == nil {
			t.Errorf("%s: the roster is believed", name)
		}
	}
	if _, err := attest.Rosters(catalog.Sum([]byte("another")), envelopes); err == nil {
		t.Error("the roster of another cluster is believed")
	}
}
