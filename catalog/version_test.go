package catalog

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// unpublished is a world with a dataset of 40 entities, 3 months and no version,
// a proposal, and its bitmaps.
func unpublished(t tester, public bool) (*world, Descriptor, VersionPropose, [][][]byte) {
	w := newWorld(t, 3, 2).admit().registry("enterprises", testRows(0, 40), 40)
	d := testDescriptor("emissions")
	if public {
		d.Policy = Policy{Aggregates: []string{"count", "sum"}, Grain: GrainMonth, Public: true}
	}
	w.ok("bureau", KindDatasetCreate, DatasetCreate{Descriptor: d})
	counts := testCounts(2, 3, 40, func(_, _, e int) bool { return e%2 == 0 })
	v := w.proposal(d, 40, 3, counts)
	w.no("bureau", KindVersionPropose, v, RefusedConflict, "key_state")
	w.key("bureau")
	return w, d, v, counts
}

func (w *world) versionState(want VersionState) Version {
	w.t.Helper()
	v := must[Version](w.t)(w.view().Version("emissions", 1))
	if v.State != want {
		w.t.Fatalf("version is %s (%s), want %s", v.State, v.Reason, want)
	}
	return v
}

func TestVersionGoesLiveWhenItsParityOpensToZero(t *testing.T) {
	w, d, v, counts := unpublished(t, false)
	w.publish(d, v, counts)
	w.versionState(VersionCommitted)
	if todo := must[[]Version](t)(w.view().Unacked("node2")); len(todo) != 1 || todo[0].Version != 1 {
		t.Fatalf("unacked %+v", todo)
	}
	w.stored("emissions", 1, 1)
	w.versionState(VersionCommitted)
	w.no("node1", KindVersionAck, VersionAck{Dataset: "emissions", Version: 1}, RefusedConflict, "twice")
	w.ok("node2", KindVersionAck, VersionAck{Dataset: "emissions", Version: 1})
	w.versionState(VersionStored)
	if todo := must[[]Version](t)(w.view().PendingVersions()); len(todo) != 1 {
		t.Fatalf("pending %+v", todo)
	}
	w.live("emissions", 1)
	if live := w.versionState(VersionLive); live.Parity != nil || live.LiveAt != w.now {
		t.Fatalf("version %+v", live)
	}
	w.ok("node3", KindVersionAck, VersionAck{Dataset: "emissions", Version: 1})
	if todo := must[[]Version](t)(w.view().Unacked("node3")); len(todo) != 0 {
		t.Fatalf("unacked %+v", todo)
	}
	if todo := must[[]Version](t)(w.view().PendingVersions()); len(todo) != 0 {
		t.Fatalf("pending %+v", todo)
	}

	w.publish(d, v, counts)
	w.stored("emissions", 2, 2)
	if d := must[Dataset](t)(w.view().Dataset("emissions")); d.Live != 1 || d.Versions != 2 {
		t.Fatalf("dataset %+v", d)
	}
	w.live("emissions", 2)
	if d := must[Dataset](t)(w.view().Dataset("emissions")); d.Live != 2 {
		t.Fatalf("dataset %+v", d)
	}
	if all := must[[]Version](t)(w.view().Versions("emissions")); len(all) != 2 || all[1].Version != 2 {
		t.Fatalf("versions %+v", all)
	}
	sameElsewhere(t, w)
}

func TestVersionIsRejectedWhenItsParityDoesNotOpenToZero(t *testing.T) {
	w, d, v, counts := unpublished(t, false)
	w.publish(d, v, counts)
	w.stored("emissions", 1, 3)
	attempt := VersionAttempt{Dataset: "emissions", Version: 1, Attempt: 1, Active: []string{"node1", "node3"}, Root: "node3"}
	w.ok("node2", KindVersionAttempt, attempt)
	share := VersionParity{Dataset: "emissions", Version: 1, Attempt: 1, Share: 5, Modulus: 11}
	w.ok("node3", KindVersionParity, share)
	w.ok("node1", KindVersionParity, share)
	if v := w.versionState(VersionRejected); !strings.Contains(v.Reason, "not encrypted under key") || v.Parity != nil {
		t.Fatalf("version %+v", v)
	}
	if d := must[Dataset](t)(w.view().Dataset("emissions")); d.Live != 0 {
		t.Fatalf("dataset %+v", d)
	}
	for _, k := range w.store.Keys() {
		if strings.HasPrefix(k, prefixCounts) || strings.HasPrefix(k, prefixTodoVersion) || strings.HasPrefix(k, prefixTodoAck) {
			t.Fatalf("%s is left", k)
		}
	}
	w.no("node2", KindVersionAck, VersionAck{Dataset: "emissions", Version: 1}, RefusedConflict, "version_state")
	w.no("node2", KindVersionAttempt, attempt, RefusedConflict, "version_state")
	w.no("node2", KindVersionFail, VersionFail{Dataset: "emissions", Version: 1, Attempt: 1}, RefusedConflict, "version_state")
	w.no("node2", KindVersionParity, share, RefusedConflict, "version_state")
	w.ok("bureau", KindVersionPropose, v)
}

func TestANodeCanRejectAVersionUntilItIsLive(t *testing.T) {
	w, d, v, counts := unpublished(t, false)
	w.publish(d, v, counts)
	w.stored("emissions", 1, 2)
	w.ok("node3", KindVersionAck, VersionAck{Dataset: "emissions", Version: 1, Reason: "the bitmaps are not those of the presence"})
	if v := w.versionState(VersionRejected); v.Reason != "node node3: the bitmaps are not those of the presence" {
		t.Fatalf("reason %q", v.Reason)
	}
	w.publish(d, v, counts)
	w.stored("emissions", 2, 2)
	w.live("emissions", 2)
	w.no("node3", KindVersionAck, VersionAck{Dataset: "emissions", Version: 2, Reason: "no"}, RefusedConflict, "version_state")
}

func TestFailedParityAttemptsAreRepeatedAndCounted(t *testing.T) {
	w, d, v, counts := unpublished(t, false)
	w.publish(d, v, counts)
	w.stored("emissions", 1, 3)
	fail := VersionFail{Dataset: "emissions", Version: 1, Attempt: 1, Reason: "node1 does not answer"}
	w.no("node1", KindVersionFail, fail, RefusedConflict, "attempt")
	for n := 1; n <= MaxParityAttempts; n++ {
		w.ok("node2", KindVersionAttempt, VersionAttempt{Dataset: "emissions", Version: 1, Attempt: n, Active: []string{"node1", "node2"}, Root: "node1"})
		w.ok("node2", KindVersionParity, VersionParity{Dataset: "emissions", Version: 1, Attempt: n, Share: 1, Modulus: 7})
		fail.Attempt = n
		w.ok("node1", KindVersionFail, fail)
		if n > 1 && n < MaxParityAttempts {
			w.no("node1", KindVersionParity, VersionParity{Dataset: "emissions", Version: 1, Attempt: n, Share: 6, Modulus: 7}, RefusedConflict, "attempt")
		}
	}
	w.versionState(VersionRejected)
	if k := must[Key](t)(w.view().KeyOf(testID("bureau"))); k.Opened != int64(MaxParityAttempts*v.Tiles) {
		t.Fatalf("%d tiles counted, want %d", k.Opened, MaxParityAttempts*v.Tiles)
	}
}

func TestAttemptsNameExactlyTheThresholdOfHolders(t *testing.T) {
	w, d, v, counts := unpublished(t, false)
	w.publish(d, v, counts)
	w.stored("emissions", 1, 2)
	attempt := VersionAttempt{Dataset: "emissions", Version: 1, Attempt: 1, Active: []string{"node1", "node2"}, Root: "node1"}
	try := func(kind RefusalKind, rule string, active []string, root string) {
		t.Helper()
		b := attempt
		b.Active, b.Root = active, root
		w.no("node3", KindVersionAttempt, b, kind, rule)
	}
	try(RefusedInvalid, "invalid", []string{"node1"}, "node1")
	try(RefusedInvalid, "invalid", []string{"node1", "node2", "node3"}, "node1")
	try(RefusedInvalid, "invalid", []string{"node2", "node1"}, "node1")
	try(RefusedInvalid, "invalid", []string{"node1", "node1"}, "node1")
	try(RefusedInvalid, "invalid", []string{"node1", "node9"}, "node1")
	try(RefusedConflict, "holder", []string{"node1", "node3"}, "node1")
	try(RefusedInvalid, "invalid", []string{"node1", "node2"}, "node3")
	attempt.Attempt = 2
	w.no("node3", KindVersionAttempt, attempt, RefusedConflict, "attempt")
	attempt.Attempt = 1
	w.ok("node3", KindVersionAttempt, attempt)
	attempt.Attempt = 2
	w.no("node3", KindVersionAttempt, attempt, RefusedConflict, "attempt")

	share := VersionParity{Dataset: "emissions", Version: 1, Attempt: 1, Share: 3, Modulus: 7}
	w.no("node3", KindVersionParity, share, RefusedForbidden, "member")
	bad := share
	bad.Attempt = 2
	w.no("node1", KindVersionParity, bad, RefusedConflict, "attempt")
	for _, m := range []uint64{0, 1, 3, maxModulus} {
		bad = share
		bad.Modulus = m
		w.no("node1", KindVersionParity, bad, RefusedInvalid, "invalid")
	}
	w.ok("node1", KindVersionParity, share)
	w.no("node1", KindVersionParity, share, RefusedConflict, "twice")
	bad = share
	bad.Modulus = 11
	w.no("node2", KindVersionParity, bad, RefusedInvalid, "invalid")
	share.Share = 4
	w.ok("node2", KindVersionParity, share)
	w.versionState(VersionLive)
}

func TestKeyStopsBeforeItIsWorn(t *testing.T) {
	for room, state := range map[int64]VersionState{-1: VersionRejected, 0: VersionStored} {
		w, d, v, counts := unpublished(t, false)
		w.publish(d, v, counts)
		w.stored("emissions", 1, 2)
		k := must[Key](t)(w.view().KeyOf(testID("bureau")))
		k.Opened = MaxOpened - int64(v.Tiles) - room
		if err := put(w.store, prefixKey+k.ID, k); err != nil {
			t.Fatal(err)
		}
		w.ok("node3", KindVersionAttempt, VersionAttempt{Dataset: "emissions", Version: 1, Attempt: 1, Active: []string{"node1", "node2"}, Root: "node1"})
		x := must[Version](t)(w.view().Version("emissions", 1))
		if rejected := strings.Contains(x.Reason, "needs a new key"); x.State != state || rejected != (state == VersionRejected) {
			t.Errorf("room for %d tiles more: the version is %s: %s", room, x.State, x.Reason)
		}
	}
}

func TestOneVersionAtATime(t *testing.T) {
	w, d, v, counts := unpublished(t, false)
	w.publish(d, v, counts)
	w.no("bureau", KindVersionPropose, v, RefusedConflict, "pending")
	w.no("rival", KindVersionDrop, VersionCommit{Dataset: "emissions", Version: 1}, RefusedForbidden, "owner")
	w.ok("bureau", KindVersionDrop, VersionCommit{Dataset: "emissions", Version: 1})
	if v := w.versionState(VersionRejected); v.Reason != "dropped by its publisher" {
		t.Fatalf("reason %q", v.Reason)
	}
	w.no("bureau", KindVersionDrop, VersionCommit{Dataset: "emissions", Version: 1}, RefusedConflict, "version_state")
	w.no("bureau", KindVersionDrop, VersionCommit{Dataset: "emissions", Version: 2}, RefusedUnknown, "unknown")
	w.publish(d, v, counts)
	w.stored("emissions", 2, 2)
	w.live("emissions", 2)
	w.no("bureau", KindVersionDrop, VersionCommit{Dataset: "emissions", Version: 2}, RefusedConflict, "version_state")
}

func TestProposalRefusals(t *testing.T) {
	w, _, v, _ := unpublished(t, false)
	for _, test := range []struct {
		kind   RefusalKind
		rule   string
		change func(*VersionPropose)
	}{
		{RefusedUnknown, "unknown", func(v *VersionPropose) { v.Dataset = "none" }},
		{RefusedConflict, "key", func(v *VersionPropose) { v.Key = "k-other" }},
		{RefusedConflict, "key", func(v *VersionPropose) { v.Epoch = 2 }},
		{RefusedConflict, "entities", func(v *VersionPropose) { v.Entities = 41 }},
		{RefusedInvalid, "entities", func(v *VersionPropose) { v.Entities = 0 }},
		{RefusedInvalid, "periods", func(v *VersionPropose) { v.Periods = 0 }},
		{RefusedInvalid, "periods", func(v *VersionPropose) { v.First = 1 << 62 }},
		{RefusedInvalid, "periods", func(v *VersionPropose) { v.First = -1 << 63 }},
		{RefusedInvalid, "periods", func(v *VersionPropose) { v.Periods = 1 << 62 }},
		{RefusedInvalid, "manifest", func(v *VersionPropose) { v.Manifest = Digest{} }},
		{RefusedInvalid, "presence", func(v *VersionPropose) { v.Presence = Digest{} }},
		{RefusedInvalid, "counts", func(v *VersionPropose) { v.Counts = Digest{} }},
		{RefusedInvalid, "blocks", func(v *VersionPropose) { v.Blocks = nil }},
		{RefusedInvalid, "blocks", func(v *VersionPropose) { v.Blocks = make([]Block, 41) }},
		{RefusedInvalid, "blocks[0]", func(v *VersionPropose) { v.Blocks[0].First = 1 }},
		{RefusedInvalid, "blocks[0]", func(v *VersionPropose) { v.Blocks[0].Entities = -40 }},
		{RefusedInvalid, "blocks[0]", func(v *VersionPropose) { v.Blocks[0].Periods = 0 }},
		{RefusedInvalid, "blocks[0]", func(v *VersionPropose) { v.Blocks[0].Periods = 205 }},
		{RefusedInvalid, "blocks[0]", func(v *VersionPropose) { v.Blocks[0].Periods = 1 << 62 }},
		{RefusedInvalid, "blocks[1]", func(v *VersionPropose) {
			v.Blocks = []Block{{0, 10, 1}, {9, 31, 1}}
		}},
		{RefusedInvalid, "blocks", func(v *VersionPropose) { v.Blocks[0].Entities = 39 }},
		{RefusedInvalid, "tiles", func(v *VersionPropose) { v.Tiles++ }},
		{RefusedInvalid, "tiles", func(v *VersionPropose) { v.Periods, v.Tiles = 70_000, 140_000 }},
	} {
		b := clone(t, v)
		test.change(&b)
		rule, field := test.rule, ""
		if test.kind == RefusedInvalid {
			rule, field = "invalid", test.rule
		}
		if r := w.no("bureau", KindVersionPropose, b, test.kind, rule); r.Field != field {
			t.Errorf("field %q (%s), want %q", r.Field, r.Message, field)
		}
	}
	w.no("rival", KindVersionPropose, v, RefusedForbidden, "owner")
	two := clone(t, v)
	two.Blocks, two.Tiles = []Block{{0, 30, 2}, {30, 10, 3}}, 2*(2+1)
	w.ok("bureau", KindVersionPropose, two)
}

func TestCountsArriveCompleteAndInOrder(t *testing.T) {
	w, d, v, counts := unpublished(t, false)
	w.ok("bureau", KindVersionPropose, v)
	commit := VersionCommit{Dataset: "emissions", Version: 1}
	w.no("bureau", KindVersionCommit, commit, RefusedConflict, "counts")
	first := v.First
	chunk := VersionCounts{Dataset: "emissions", Version: 1, Measure: "nox", From: first, Bitmaps: counts[0][:2]}
	w.no("rival", KindVersionCounts, chunk, RefusedForbidden, "owner")
	for field, change := range map[string]func(*VersionCounts){
		"measure":    func(b *VersionCounts) { b.Measure = "pm" },
		"bitmaps":    func(b *VersionCounts) { b.Bitmaps = nil },
		"bitmaps[1]": func(b *VersionCounts) { b.Bitmaps = [][]byte{make([]byte, 5), make([]byte, 4)} },
	} {
		b := chunk
		change(&b)
		if r := w.no("bureau", KindVersionCounts, b, RefusedInvalid, "invalid"); r.Field != field {
			t.Fatalf("field %q, want %q", r.Field, field)
		}
	}
	early, late := chunk, chunk
	early.From, late.From = first-1, first+1
	w.no("bureau", KindVersionCounts, early, RefusedConflict, "chunk")
	w.no("bureau", KindVersionCounts, late, RefusedConflict, "chunk")
	w.ok("bureau", KindVersionCounts, chunk)
	w.ok("bureau", KindVersionCounts, chunk)
	other := chunk
	other.Bitmaps = counts[0][:1]
	w.no("bureau", KindVersionCounts, other, RefusedConflict, "chunk")
	over := chunk
	over.From, over.Bitmaps = first+2, [][]byte{counts[0][2], counts[0][2]}
	w.no("bureau", KindVersionCounts, over, RefusedInvalid, "invalid")
	rest := chunk
	rest.From, rest.Bitmaps = first+2, counts[0][2:]
	w.ok("bureau", KindVersionCounts, rest)
	wrong := bytes.Clone(counts[1][0])
	wrong[0] ^= 1
	w.ok("bureau", KindVersionCounts, VersionCounts{Dataset: "emissions", Version: 1, Measure: "so2", From: first, Bitmaps: [][]byte{wrong, counts[1][1], counts[1][2]}})
	w.no("bureau", KindVersionCommit, commit, RefusedConflict, "digest")
	w.ok("bureau", KindVersionDrop, commit)
	w.publish(d, v, counts)
	w.no("bureau", KindVersionCommit, VersionCommit{Dataset: "emissions", Version: 2}, RefusedConflict, "version_state")
	chunk.Version = 2
	w.no("bureau", KindVersionCounts, chunk, RefusedConflict, "version_state")
	for m, name := range d.measureNames() {
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
		size := bitmapSize(entities)
		full := make([]byte, size)
		for e := range entities {
			full[e/8] |= 1 << (e % 8)
		}
		if _, r := joinBitmaps(entities, [][]byte{full}, nil, false); r != nil {
			t.Fatalf("%d entities: %v", entities, r)
		}
		for e := entities; e < 8*size; e++ {
			bad := bytes.Clone(full)
			bad[e/8] |= 1 << (e % 8)
			if _, r := joinBitmaps(entities, [][]byte{bad}, nil, false); r == nil {
				t.Fatalf("%d entities: bit %d is accepted", entities, e)
			}
		}
	}
}

func TestPublicDatasetsHaveNoCounts(t *testing.T) {
	w, d, v, counts := unpublished(t, true)
	w.ok("bureau", KindVersionPropose, v)
	w.no("bureau", KindVersionCounts, VersionCounts{Dataset: "emissions", Version: 1, Measure: "nox", From: v.First, Bitmaps: counts[0]}, RefusedConflict, "public")
	w.ok("bureau", KindVersionCommit, VersionCommit{Dataset: "emissions", Version: 1})
	w.stored("emissions", 1, 2)
	w.live("emissions", 1)
	v.Counts = Sum(nil)
	w.no("bureau", KindVersionPropose, v, RefusedInvalid, "invalid")
	if d.Policy.MinCohort != 0 {
		t.Fatal("the dataset is not public")
	}
}

func TestCountsTakeABoundedNumberOfChunks(t *testing.T) {
	w, _, v, counts := unpublished(t, false)
	w.ok("bureau", KindVersionPropose, v)
	ver := must[Version](t)(w.view().Version("emissions", 1))
	ver.Chunks = MaxChunks
	if err := put(w.store, prefixVersion+versionName("emissions", 1), ver); err != nil {
		t.Fatal(err)
	}
	w.no("bureau", KindVersionCounts, VersionCounts{Dataset: "emissions", Version: 1, Measure: "nox", From: v.First, Bitmaps: counts[0]}, RefusedInvalid, "invalid")
}

func TestDigestsTellChunksAndCellsApart(t *testing.T) {
	seen := map[Digest]string{}
	for name, rows := range map[string][][]string{
		"none": nil, "one empty row": {{}}, "ab": {{"ab"}}, "a b": {{"a", "b"}}, "a, b": {{"a"}, {"b"}}, "empty cell": {{"ab", ""}},
	} {
		d := RowsDigest(rows)
		if other, same := seen[d]; same {
			t.Fatalf("%s and %s have the same digest", name, other)
		}
		seen[d] = name
	}
	b := [][][]byte{{{1}, {2}}, {{3}, {4}}}
	base := CountsDigest(8, 5, []string{"a", "b"}, b, nil)
	for i, d := range []Digest{
		CountsDigest(7, 5, []string{"a", "b"}, b, nil), CountsDigest(8, 6, []string{"a", "b"}, b, nil),
		CountsDigest(8, 5, []string{"b", "a"}, b, nil), CountsDigest(8, 5, []string{"a"}, b[:1], nil),
		CountsDigest(8, 5, []string{"a", "b"}, [][][]byte{{{1}, {3}}, {{2}, {4}}}, nil),
	} {
		if d == base {
			t.Fatal(fmt.Sprint("case ", i, " has the same digest"))
		}
	}
}

// TestVersionIsStoredByAMajority: with n = 5 and t = 2, two acknowledgements are
// enough to open it but not to keep it.
func TestVersionIsStoredByAMajority(t *testing.T) {
	for _, test := range []struct{ n, threshold, want int }{{5, 2, 3}, {4, 2, 3}, {3, 2, 2}, {3, 3, 3}, {5, 4, 4}} {
		w := newWorld(t, test.n, test.threshold).admit().registry("enterprises", testRows(0, 40), 40).key("bureau")
		d := testDescriptor("emissions")
		w.ok("bureau", KindDatasetCreate, DatasetCreate{Descriptor: d})
		counts := testCounts(2, 1, 40, func(_, _, _ int) bool { return true })
		w.publish(d, w.proposal(d, 40, 1, counts), counts)
		for p := 1; p <= test.want; p++ {
			w.versionState(VersionCommitted)
			w.ok(nodeName(p), KindVersionAck, VersionAck{Dataset: "emissions", Version: 1})
		}
		w.versionState(VersionStored)
		w.live("emissions", 1)
	}
}
