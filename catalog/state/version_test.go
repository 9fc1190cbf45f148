package state

import (
	"bytes"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/statetest"
	"github.com/weirdata/weir/catalog/wellformed"
)

// unpublished is a world with a dataset of 40 entities, 3 months and no version,
// a proposal, and its bitmaps.
func unpublished(t statetest.T, public bool) (*world, catalog.Descriptor, catalog.VersionPropose, [][][]byte) {
	w := newWorld(t, 3, 2).admit().registry("enterprises", statetest.Rows(0, 40), 40)
	d := statetest.Descriptor("emissions")
	if public {
		d.Policy = catalog.Policy{Aggregates: []string{"count", "sum"}, Grain: calendar.Month, Public: true}
	}
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	counts := testCounts(2, 3, 40, func(_, _, e int) bool { return e%2 == 0 })
	v := w.proposal(d, 40, 3, counts)
	w.no("bureau", catalog.KindVersionPropose, v, catalog.RefusedConflict, "key_state")
	w.key("bureau")
	return w, d, v, counts
}

func (w *world) versionState(want catalog.VersionState) catalog.Version {
	w.t.Helper()
	v := must[catalog.Version](w.t)(w.view().Versions().Get("emissions", 1))
	if v.State != want {
		w.t.Fatalf("version is %s (%s), want %s", v.State, v.Reason, want)
	}
	return v
}

func TestVersionGoesLiveWhenItsParityOpensToZero(t *testing.T) {
	w, d, v, counts := unpublished(t, false)
	w.publish(d, v, counts)
	w.versionState(catalog.VersionCommitted)
	if todo := must[[]catalog.Version](t)(w.view().Versions().Unacked("node2")); len(todo) != 1 || todo[0].Version != 1 {
		t.Fatalf("unacked %+v", todo)
	}
	w.stored("emissions", 1, 1)
	w.versionState(catalog.VersionCommitted)
	w.no("node1", catalog.KindVersionAck, catalog.VersionAck{Dataset: "emissions", Version: 1}, catalog.RefusedConflict, "twice")
	w.ok("node2", catalog.KindVersionAck, catalog.VersionAck{Dataset: "emissions", Version: 1})
	w.versionState(catalog.VersionStored)
	if todo := must[[]catalog.Version](t)(w.view().Versions().Pending()); len(todo) != 1 {
		t.Fatalf("pending %+v", todo)
	}
	w.live("emissions", 1)
	if live := w.versionState(catalog.VersionLive); live.Parity != nil || live.LiveAt != w.now {
		t.Fatalf("version %+v", live)
	}
	w.ok("node3", catalog.KindVersionAck, catalog.VersionAck{Dataset: "emissions", Version: 1})
	if todo := must[[]catalog.Version](t)(w.view().Versions().Unacked("node3")); len(todo) != 0 {
		t.Fatalf("unacked %+v", todo)
	}
	if todo := must[[]catalog.Version](t)(w.view().Versions().Pending()); len(todo) != 0 {
		t.Fatalf("pending %+v", todo)
	}

	w.publish(d, v, counts)
	w.stored("emissions", 2, 2)
	if d := must[catalog.Dataset](t)(w.view().Dataset("emissions")); d.Live != 1 || d.Versions != 2 {
		t.Fatalf("dataset %+v", d)
	}
	w.live("emissions", 2)
	if d := must[catalog.Dataset](t)(w.view().Dataset("emissions")); d.Live != 2 {
		t.Fatalf("dataset %+v", d)
	}
	if all := must[[]catalog.Version](t)(w.view().Versions().Of("emissions")); len(all) != 2 || all[1].Version != 2 {
		t.Fatalf("versions %+v", all)
	}
	sameElsewhere(t, w)
}

func TestVersionIsRejectedWhenItsParityDoesNotOpenToZero(t *testing.T) {
	w, d, v, counts := unpublished(t, false)
	w.publish(d, v, counts)
	w.stored("emissions", 1, 3)
	attempt := catalog.VersionAttempt{Dataset: "emissions", Version: 1, Attempt: 1, Active: []string{"node1", "node3"}, Root: "node3"}
	w.ok("node2", catalog.KindVersionAttempt, attempt)
	share := catalog.VersionParity{Dataset: "emissions", Version: 1, Attempt: 1, Share: 5, Modulus: 11}
	w.ok("node3", catalog.KindVersionParity, share)
	w.ok("node1", catalog.KindVersionParity, share)
	if v := w.versionState(catalog.VersionRejected); !strings.Contains(explain.Reason(v.Reason), "not encrypted under key") || v.Parity != nil {
		t.Fatalf("version %+v", v)
	}
	if d := must[catalog.Dataset](t)(w.view().Dataset("emissions")); d.Live != 0 {
		t.Fatalf("dataset %+v", d)
	}
	for _, k := range w.store.Keys() {
		if strings.HasPrefix(k, records.PrefixCounts) || strings.HasPrefix(k, records.PrefixTodoVersion) || strings.HasPrefix(k, records.PrefixTodoAck) {
			t.Fatalf("%s is left", k)
		}
	}
	w.no("node2", catalog.KindVersionAck, catalog.VersionAck{Dataset: "emissions", Version: 1}, catalog.RefusedConflict, "version_state")
	w.no("node2", catalog.KindVersionAttempt, attempt, catalog.RefusedConflict, "version_state")
	w.no("node2", catalog.KindVersionFail, catalog.VersionFail{Dataset: "emissions", Version: 1, Attempt: 1}, catalog.RefusedConflict, "version_state")
	w.no("node2", catalog.KindVersionParity, share, catalog.RefusedConflict, "version_state")
	w.ok("bureau", catalog.KindVersionPropose, v)
}

func TestANodeCanRejectAVersionUntilItIsLive(t *testing.T) {
	w, d, v, counts := unpublished(t, false)
	w.publish(d, v, counts)
	w.stored("emissions", 1, 2)
	w.ok("node3", catalog.KindVersionAck, catalog.VersionAck{Dataset: "emissions", Version: 1, Reason: told("the bitmaps are not those of the presence")})
	if v := w.versionState(catalog.VersionRejected); explain.Reason(v.Reason) != "node node3: test.reason(the bitmaps are not those of the presence)" {
		t.Fatalf("reason %q", v.Reason)
	}
	w.publish(d, v, counts)
	w.stored("emissions", 2, 2)
	w.live("emissions", 2)
	w.no("node3", catalog.KindVersionAck, catalog.VersionAck{Dataset: "emissions", Version: 2, Reason: told("no")}, catalog.RefusedConflict, "version_state")
}

func TestFailedParityAttemptsAreRepeatedAndCounted(t *testing.T) {
	w, d, v, counts := unpublished(t, false)
	w.publish(d, v, counts)
	w.stored("emissions", 1, 3)
	fail := catalog.VersionFail{Dataset: "emissions", Version: 1, Attempt: 1, Reason: told("node1 does not answer")}
	w.no("node1", catalog.KindVersionFail, fail, catalog.RefusedConflict, "attempt")
	for n := 1; n <= catalog.MaxParityAttempts; n++ {
		w.ok("node2", catalog.KindVersionAttempt, catalog.VersionAttempt{Dataset: "emissions", Version: 1, Attempt: n, Active: []string{"node1", "node2"}, Root: "node1"})
		w.ok("node2", catalog.KindVersionParity, catalog.VersionParity{Dataset: "emissions", Version: 1, Attempt: n, Share: 1, Modulus: 7})
		fail.Attempt = n
		w.ok("node1", catalog.KindVersionFail, fail)
		if n > 1 && n < catalog.MaxParityAttempts {
			w.no("node1", catalog.KindVersionParity, catalog.VersionParity{Dataset: "emissions", Version: 1, Attempt: n, Share: 6, Modulus: 7}, catalog.RefusedConflict, "attempt")
		}
	}
	w.versionState(catalog.VersionRejected)
	if k := must[catalog.Key](t)(w.view().Keys().Of(testID("bureau"))); k.Opened != int64(catalog.MaxParityAttempts*v.Tiles) {
		t.Fatalf("%d tiles counted, want %d", k.Opened, catalog.MaxParityAttempts*v.Tiles)
	}
}

func TestAttemptsNameExactlyTheThresholdOfHolders(t *testing.T) {
	w, d, v, counts := unpublished(t, false)
	w.publish(d, v, counts)
	w.stored("emissions", 1, 2)
	attempt := catalog.VersionAttempt{Dataset: "emissions", Version: 1, Attempt: 1, Active: []string{"node1", "node2"}, Root: "node1"}
	try := func(kind catalog.RefusalKind, rule string, active []string, root string) {
		t.Helper()
		b := attempt
		b.Active, b.Root = active, root
		w.no("node3", catalog.KindVersionAttempt, b, kind, rule)
	}
	try(catalog.RefusedInvalid, "invalid", []string{"node1"}, "node1")
	try(catalog.RefusedInvalid, "invalid", []string{"node1", "node2", "node3"}, "node1")
	try(catalog.RefusedInvalid, "invalid", []string{"node2", "node1"}, "node1")
	try(catalog.RefusedInvalid, "invalid", []string{"node1", "node1"}, "node1")
	try(catalog.RefusedInvalid, "invalid", []string{"node1", "node9"}, "node1")
	try(catalog.RefusedConflict, "holder", []string{"node1", "node3"}, "node1")
	try(catalog.RefusedInvalid, "invalid", []string{"node1", "node2"}, "node3")
	attempt.Attempt = 2
	w.no("node3", catalog.KindVersionAttempt, attempt, catalog.RefusedConflict, "attempt")
	attempt.Attempt = 1
	w.ok("node3", catalog.KindVersionAttempt, attempt)
	attempt.Attempt = 2
	w.no("node3", catalog.KindVersionAttempt, attempt, catalog.RefusedConflict, "attempt")

	share := catalog.VersionParity{Dataset: "emissions", Version: 1, Attempt: 1, Share: 3, Modulus: 7}
	w.no("node3", catalog.KindVersionParity, share, catalog.RefusedForbidden, "member")
	bad := share
	bad.Attempt = 2
	w.no("node1", catalog.KindVersionParity, bad, catalog.RefusedConflict, "attempt")
	for _, m := range []uint64{0, 1, 3, wellformed.MaxModulus} {
		bad = share
		bad.Modulus = m
		w.no("node1", catalog.KindVersionParity, bad, catalog.RefusedInvalid, "invalid")
	}
	w.ok("node1", catalog.KindVersionParity, share)
	w.no("node1", catalog.KindVersionParity, share, catalog.RefusedConflict, "twice")
	bad = share
	bad.Modulus = 11
	w.no("node2", catalog.KindVersionParity, bad, catalog.RefusedInvalid, "invalid")
	share.Share = 4
	w.ok("node2", catalog.KindVersionParity, share)
	w.versionState(catalog.VersionLive)
}

func TestKeyStopsBeforeItIsWorn(t *testing.T) {
	for room, state := range map[int64]catalog.VersionState{-1: catalog.VersionRejected, 0: catalog.VersionStored} {
		w, d, v, counts := unpublished(t, false)
		w.publish(d, v, counts)
		w.stored("emissions", 1, 2)
		k := must[catalog.Key](t)(w.view().Keys().Of(testID("bureau")))
		k.Opened = catalog.MaxOpened - int64(v.Tiles) - room
		if err := records.Put(w.store, records.PrefixKey+k.ID, k); err != nil {
			t.Fatal(err)
		}
		w.ok("node3", catalog.KindVersionAttempt, catalog.VersionAttempt{Dataset: "emissions", Version: 1, Attempt: 1, Active: []string{"node1", "node2"}, Root: "node1"})
		x := must[catalog.Version](t)(w.view().Versions().Get("emissions", 1))
		if rejected := strings.Contains(explain.Reason(x.Reason), "needs a new key"); x.State != state || rejected != (state == catalog.VersionRejected) {
			t.Errorf("room for %d tiles more: the version is %s: %s", room, x.State, x.Reason)
		}
	}
}

func TestOneVersionAtATime(t *testing.T) {
	w, d, v, counts := unpublished(t, false)
	w.publish(d, v, counts)
	w.no("bureau", catalog.KindVersionPropose, v, catalog.RefusedConflict, "pending")
	w.no("rival", catalog.KindVersionDrop, catalog.VersionCommit{Dataset: "emissions", Version: 1}, catalog.RefusedForbidden, "owner")
	w.ok("bureau", catalog.KindVersionDrop, catalog.VersionCommit{Dataset: "emissions", Version: 1})
	if v := w.versionState(catalog.VersionRejected); explain.Reason(v.Reason) != "dropped by its publisher" {
		t.Fatalf("reason %q", v.Reason)
	}
	w.no("bureau", catalog.KindVersionDrop, catalog.VersionCommit{Dataset: "emissions", Version: 1}, catalog.RefusedConflict, "version_state")
	w.no("bureau", catalog.KindVersionDrop, catalog.VersionCommit{Dataset: "emissions", Version: 2}, catalog.RefusedUnknown, "unknown")
	w.publish(d, v, counts)
	w.stored("emissions", 2, 2)
	w.live("emissions", 2)
	w.no("bureau", catalog.KindVersionDrop, catalog.VersionCommit{Dataset: "emissions", Version: 2}, catalog.RefusedConflict, "version_state")
}

func TestProposalRefusals(t *testing.T) {
	w, _, v, _ := unpublished(t, false)
	for _, test := range []struct {
		kind   catalog.RefusalKind
		rule   string
		change func(*catalog.VersionPropose)
	}{
		{catalog.RefusedUnknown, "unknown", func(v *catalog.VersionPropose) { v.Dataset = "none" }},
		{catalog.RefusedConflict, "key", func(v *catalog.VersionPropose) { v.Key = "k-other" }},
		{catalog.RefusedConflict, "key", func(v *catalog.VersionPropose) { v.Epoch = 2 }},
		{catalog.RefusedConflict, "entities", func(v *catalog.VersionPropose) { v.Entities = 41 }},
		{catalog.RefusedInvalid, "entities", func(v *catalog.VersionPropose) { v.Entities = 0 }},
		{catalog.RefusedInvalid, "periods", func(v *catalog.VersionPropose) { v.Periods = 0 }},
		{catalog.RefusedInvalid, "periods", func(v *catalog.VersionPropose) { v.First = 1 << 62 }},
		{catalog.RefusedInvalid, "periods", func(v *catalog.VersionPropose) { v.First = -1 << 63 }},
		{catalog.RefusedInvalid, "periods", func(v *catalog.VersionPropose) { v.Periods = 1 << 62 }},
		{catalog.RefusedInvalid, "manifest", func(v *catalog.VersionPropose) { v.Manifest = catalog.Digest{} }},
		{catalog.RefusedInvalid, "presence", func(v *catalog.VersionPropose) { v.Presence = catalog.Digest{} }},
		{catalog.RefusedInvalid, "counts", func(v *catalog.VersionPropose) { v.Counts = catalog.Digest{} }},
		{catalog.RefusedInvalid, "blocks", func(v *catalog.VersionPropose) { v.Blocks = nil }},
		{catalog.RefusedInvalid, "blocks", func(v *catalog.VersionPropose) { v.Blocks = make([]catalog.Block, 41) }},
		{catalog.RefusedInvalid, "blocks[0]", func(v *catalog.VersionPropose) { v.Blocks[0].First = 1 }},
		{catalog.RefusedInvalid, "blocks[0]", func(v *catalog.VersionPropose) { v.Blocks[0].Entities = -40 }},
		{catalog.RefusedInvalid, "blocks[0]", func(v *catalog.VersionPropose) { v.Blocks[0].Periods = 0 }},
		{catalog.RefusedInvalid, "blocks[0]", func(v *catalog.VersionPropose) { v.Blocks[0].Periods = 205 }},
		{catalog.RefusedInvalid, "blocks[0]", func(v *catalog.VersionPropose) { v.Blocks[0].Periods = 1 << 62 }},
		{catalog.RefusedInvalid, "blocks[1]", func(v *catalog.VersionPropose) {
			v.Blocks = []catalog.Block{{First: 0, Entities: 10, Periods: 1}, {First: 9, Entities: 31, Periods: 1}}
		}},
		{catalog.RefusedInvalid, "blocks", func(v *catalog.VersionPropose) { v.Blocks[0].Entities = 39 }},
		{catalog.RefusedInvalid, "tiles", func(v *catalog.VersionPropose) { v.Tiles++ }},
		{catalog.RefusedInvalid, "tiles", func(v *catalog.VersionPropose) { v.Periods, v.Tiles = 70_000, 140_000 }},
	} {
		b := clone(t, v)
		test.change(&b)
		rule, field := test.rule, ""
		if test.kind == catalog.RefusedInvalid {
			rule, field = "invalid", test.rule
		}
		if r := w.no("bureau", catalog.KindVersionPropose, b, test.kind, rule); r.Field != field {
			t.Errorf("field %q (%s), want %q", r.Field, explain.Message(r), field)
		}
	}
	w.no("rival", catalog.KindVersionPropose, v, catalog.RefusedForbidden, "owner")
	two := clone(t, v)
	two.Blocks, two.Tiles = []catalog.Block{{First: 0, Entities: 30, Periods: 2}, {First: 30, Entities: 10, Periods: 3}}, 2*(2+1)
	w.ok("bureau", catalog.KindVersionPropose, two)
}

func TestCountsArriveCompleteAndInOrder(t *testing.T) {
	w, d, v, counts := unpublished(t, false)
	w.ok("bureau", catalog.KindVersionPropose, v)
	commit := catalog.VersionCommit{Dataset: "emissions", Version: 1}
	w.no("bureau", catalog.KindVersionCommit, commit, catalog.RefusedConflict, "counts")
	first := v.First
	chunk := catalog.VersionCounts{Dataset: "emissions", Version: 1, Measure: "nox", From: first, Bitmaps: counts[0][:2]}
	w.no("rival", catalog.KindVersionCounts, chunk, catalog.RefusedForbidden, "owner")
	for field, change := range map[string]func(*catalog.VersionCounts){
		"measure":    func(b *catalog.VersionCounts) { b.Measure = "pm" },
		"bitmaps":    func(b *catalog.VersionCounts) { b.Bitmaps = nil },
		"bitmaps[1]": func(b *catalog.VersionCounts) { b.Bitmaps = [][]byte{make([]byte, 5), make([]byte, 4)} },
	} {
		b := chunk
		change(&b)
		if r := w.no("bureau", catalog.KindVersionCounts, b, catalog.RefusedInvalid, "invalid"); r.Field != field {
			t.Fatalf("field %q, want %q", r.Field, field)
		}
	}
	early, late := chunk, chunk
	early.From, late.From = first-1, first+1
	w.no("bureau", catalog.KindVersionCounts, early, catalog.RefusedConflict, "chunk")
	w.no("bureau", catalog.KindVersionCounts, late, catalog.RefusedConflict, "chunk")
	w.ok("bureau", catalog.KindVersionCounts, chunk)
	w.ok("bureau", catalog.KindVersionCounts, chunk)
	other := chunk
	other.Bitmaps = counts[0][:1]
	w.no("bureau", catalog.KindVersionCounts, other, catalog.RefusedConflict, "chunk")
	over := chunk
	over.From, over.Bitmaps = first+2, [][]byte{counts[0][2], counts[0][2]}
	w.no("bureau", catalog.KindVersionCounts, over, catalog.RefusedInvalid, "invalid")
	rest := chunk
	rest.From, rest.Bitmaps = first+2, counts[0][2:]
	w.ok("bureau", catalog.KindVersionCounts, rest)
	wrong := bytes.Clone(counts[1][0])
	wrong[0] ^= 1
	w.ok("bureau", catalog.KindVersionCounts, catalog.VersionCounts{Dataset: "emissions", Version: 1, Measure: "so2", From: first, Bitmaps: [][]byte{wrong, counts[1][1], counts[1][2]}})
	w.no("bureau", catalog.KindVersionCommit, commit, catalog.RefusedConflict, "digest")
	w.ok("bureau", catalog.KindVersionDrop, commit)
	w.publish(d, v, counts)
	w.no("bureau", catalog.KindVersionCommit, catalog.VersionCommit{Dataset: "emissions", Version: 2}, catalog.RefusedConflict, "version_state")
	chunk.Version = 2
	w.no("bureau", catalog.KindVersionCounts, chunk, catalog.RefusedConflict, "version_state")
	for m, name := range d.MeasureNames() {
		for p := range 3 {
			b, err := w.view().Counts("emissions", 2, name, first+int64(p))
			if err != nil {
				t.Fatal(err)
			}
			for e := range 40 {
				if b.Test(uint(e)) != (counts[m][p][e/8]>>(e%8)&1 == 1) {
					t.Fatalf("%s, period %d, entity %d", name, p, e)
				}
			}
		}
	}
	if _, err := w.view().Counts("emissions", 2, "nox", first+3); err == nil {
		t.Fatal("there are counts of a period that the version does not have")
	}
}

func TestBitsBehindTheLastEntityAreRefused(t *testing.T) {
	for entities := 1; entities <= 17; entities++ {
		size := records.BitmapSize(entities)
		full := make([]byte, size)
		for e := range entities {
			full[e/8] |= 1 << (e % 8)
		}
		if _, r := records.JoinBitmaps(entities, [][]byte{full}, nil, false); r != nil {
			t.Fatalf("%d entities: %v", entities, r)
		}
		for e := entities; e < 8*size; e++ {
			bad := bytes.Clone(full)
			bad[e/8] |= 1 << (e % 8)
			if _, r := records.JoinBitmaps(entities, [][]byte{bad}, nil, false); r == nil {
				t.Fatalf("%d entities: bit %d is accepted", entities, e)
			}
		}
	}
}

func TestPublicDatasetsHaveNoCounts(t *testing.T) {
	w, d, v, counts := unpublished(t, true)
	w.ok("bureau", catalog.KindVersionPropose, v)
	w.no("bureau", catalog.KindVersionCounts, catalog.VersionCounts{Dataset: "emissions", Version: 1, Measure: "nox", From: v.First, Bitmaps: counts[0]}, catalog.RefusedConflict, "public")
	w.ok("bureau", catalog.KindVersionCommit, catalog.VersionCommit{Dataset: "emissions", Version: 1})
	w.stored("emissions", 1, 2)
	w.live("emissions", 1)
	v.Counts = catalog.Sum(nil)
	w.no("bureau", catalog.KindVersionPropose, v, catalog.RefusedInvalid, "invalid")
	if d.Policy.MinCohort != 0 {
		t.Fatal("the dataset is not public")
	}
}

func TestCountsTakeABoundedNumberOfChunks(t *testing.T) {
	w, _, v, counts := unpublished(t, false)
	w.ok("bureau", catalog.KindVersionPropose, v)
	ver := must[catalog.Version](t)(w.view().Versions().Get("emissions", 1))
	ver.Chunks = catalog.MaxChunks
	if err := records.Put(w.store, records.PrefixVersion+records.VersionName("emissions", 1), ver); err != nil {
		t.Fatal(err)
	}
	w.no("bureau", catalog.KindVersionCounts, catalog.VersionCounts{Dataset: "emissions", Version: 1, Measure: "nox", From: v.First, Bitmaps: counts[0]}, catalog.RefusedInvalid, "invalid")
}

// TestVersionIsStoredByAMajority: with n = 5 and t = 2, two acknowledgements are
// enough to open it but not to keep it.
func TestVersionIsStoredByAMajority(t *testing.T) {
	for _, test := range []struct{ n, threshold, want int }{{5, 2, 3}, {4, 2, 3}, {3, 2, 2}, {3, 3, 3}, {5, 4, 4}} {
		w := newWorld(t, test.n, test.threshold).admit().registry("enterprises", statetest.Rows(0, 40), 40).key("bureau")
		d := statetest.Descriptor("emissions")
		w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
		counts := testCounts(2, 1, 40, func(_, _, _ int) bool { return true })
		w.publish(d, w.proposal(d, 40, 1, counts), counts)
		for p := 1; p <= test.want; p++ {
			w.versionState(catalog.VersionCommitted)
			w.ok(nodeName(p), catalog.KindVersionAck, catalog.VersionAck{Dataset: "emissions", Version: 1})
		}
		w.versionState(catalog.VersionStored)
		w.live("emissions", 1)
	}
}
