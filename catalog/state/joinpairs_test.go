package state

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/statetest"
)

// again publishes a version that equals version 1, but for what change declares of a
// source instead.
func (w *joinWorld) again(publisher string, d catalog.Descriptor, change func(n *catalog.SourceNews)) {
	w.t.Helper()
	counts := testCounts(len(d.Measures), 3, joinEntities, func(int, int, int) bool { return true })
	v := w.proposal(d, joinEntities, 3, counts)
	v.Key = catalog.KeyID(testID(publisher))
	news := w.sameAs(publisher, d, v, 1)
	for i := range news {
		change(&news[i])
	}
	number := w.publishAs(publisher, d, v, counts, news)
	w.stored(d.Dataset, number, 3)
	w.live(d.Dataset, number)
}

// corrected declares news of entities in one source, and that all classes but county1's
// are equal.
func corrected(column int, period int64, entities ...int) func(n *catalog.SourceNews) {
	return func(n *catalog.SourceNews) {
		if n.Column != column || n.Period != period {
			return
		}
		n.Equal[0].Classes = []int32{0, 2}
		var who disclosure.Bits
		for _, e := range entities {
			who = who.Set(e)
		}
		n.News = statetest.WriteNews([]disclosure.SourceNews{{News: who}}, joinEntities)[0].News
	}
}

// county1 are its entities.
func (w *joinWorld) county1() []int {
	var out []int
	for e, row := range statetest.Rows(0, joinEntities) {
		if slices.Contains(row, "county1") {
			out = append(out, e)
		}
	}
	return out
}

// layersText is a verdict's layers: versions, groups, and where they are left out.
func layersText(v catalog.Verdict) string {
	var out []string
	for _, l := range v.Layers {
		text := fmt.Sprintf("%d·%d of", l.Version, v.JoinedWith(l))
		for i, p := range v.Parts {
			if l.Has(i) {
				text += " " + v.EntityGroups[p.Group].Values[0]
			}
		}
		for _, x := range l.Exclusions {
			text += fmt.Sprintf(" without %s in", v.EntityGroups[v.Parts[x.Part].Group].Values[0])
			for _, i := range x.Intervals {
				text += fmt.Sprintf(" %d-%d", i.From-statetest.Period("2024-01"), i.To-statetest.Period("2024-01"))
			}
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

// A correction of one reading is too little for a new product: it is held back, and the
// product is that of the pair before, read from it. One of a whole county is new.
func TestAJoinTakesFromAnOlderPairWhatLaterOnesDoNotGive(t *testing.T) {
	w := newJoinWorld(t, smallCohort, nil)
	d := energyDescriptor()
	smallCohort(&d, &d)
	january, county1 := statetest.Period("2024-01"), w.county1()
	q := w.product("nox", "output", statetest.Attribute("county"))
	const whole = "1·1 of county0 county1 county2"
	if got := layersText(w.verdict(q)); got != whole {
		t.Fatalf("as of the first versions: %s", got)
	}
	w.again("rival", d, corrected(0, january, county1[3]))
	out := w.ok("bank", catalog.KindQuerySubmit, q)
	v := must[catalog.Verdict](t)(w.view().Verdict(out.ID))
	want := "1·1 of county1 without county1 in 1-3; 1·2 of county0 county1 county2 without county1 in 0-1"
	if got := layersText(v); got != want || v.Version != 1 || v.Join.Version != 2 || len(v.Withheld) > 0 {
		t.Errorf("as of %d and %d: %s, want %s; withheld %v", v.Version, v.Join.Version, got, want, v.Withheld)
	}
	for g, held := range []int{0, 1, 0} {
		if want := (catalog.Coverage{Included: 20, Of: 20, HeldBack: held}); v.Coverage[g] != want {
			t.Errorf("coverage of %v: %+v, want %+v", v.EntityGroups[g].Values, v.Coverage[g], want)
		}
	}
	w.opensBoth(out, v)
	w.again("rival", d, corrected(0, january, county1...))
	v = w.verdict(q)
	if got := layersText(v); got != "1·3 of county0 county1 county2" || v.Coverage[1] != (catalog.Coverage{Included: 20, Of: 20}) {
		t.Errorf("once all of county1 have news: %s, coverage %+v", got, v.Coverage)
	}
	// What was settled stays: as of older versions it is what it was.
	for version, want := range map[int]string{1: whole, 2: want} {
		q.Request.Join.AsOf = version
		if got := layersText(w.verdict(q)); got != want {
			t.Errorf("as of version %d of energy: %s, want %s", version, got, want)
		}
	}
}

// opensBoth names an attempt: the decision names every version that is read, members hold
// all of them, and the tiles of both of the second dataset's may be opened.
func (w *joinWorld) opensBoth(out catalog.Outcome, v catalog.Verdict) {
	w.t.Helper()
	releases := []catalog.VersionOf{{Dataset: "emissions", Version: 1}, {Dataset: "energy", Version: 1}, {Dataset: "energy", Version: 2}}
	if got := v.Versions(); !slices.Equal(got, releases) {
		w.t.Fatalf("versions %v, want %v", got, releases)
	}
	second := must[catalog.Version](w.t)(w.view().Versions().Get("energy", 2))
	if d := out.Decision; d.Layers != nil || len(d.Join.Layers) != 2 || d.Join.Layers[1] != (catalog.DecidedLayer{Version: 2, Manifest: second.Manifest, Presence: second.Presence}) {
		w.t.Fatalf("decided on %+v with %+v", d.Layers, d.Join.Layers)
	}
	first := must[catalog.Version](w.t)(w.view().Versions().Get("energy", 1))
	most := first.MostTiles(v.Columns) + second.MostTiles(v.Columns)
	before := w.worn("rival")
	b := catalog.QueryAttempt{Query: out.ID, Attempt: 1, Active: w.active(), Root: w.active()[0], Tiles: 3, Joined: most + 1}
	w.no("node1", catalog.KindQueryAttempt, b, catalog.RefusedInvalid, "invalid")
	acks := first.Acks
	first.Acks = acks[1:]
	for range 2 { // one who lacks the older version is no member
		if err := records.Put(w.store, records.PrefixVersion+records.VersionName("energy", 1), first); err != nil {
			w.t.Fatal(err)
		}
		if b.Joined = most; len(first.Acks) < len(acks) {
			w.no("node1", catalog.KindQueryAttempt, b, catalog.RefusedConflict, "holder")
			first.Acks = acks
		}
	}
	w.ok("node1", catalog.KindQueryAttempt, b)
	if got := w.worn("rival") - before; got != most {
		w.t.Fatalf("%d tiles are counted against the second key, want %d", got, most)
	}
}

// Products as of versions that were never the newest together would be every version with
// every one: rectangles, see disclosure.TestAProductOfTwoPublishersInPairsOfVersions. What
// a request leaves open is that of the newest pair that is left.
func TestAJoinIsAsOfVersionsThatWereTheNewestTogether(t *testing.T) {
	w := newJoinWorld(t, smallCohort, nil)
	emissions, energy := statetest.Descriptor("emissions"), energyDescriptor()
	emissions.Policy.Joins = []string{"energy"}
	smallCohort(&emissions, &energy)
	january, county1 := statetest.Period("2024-01"), w.county1()
	w.again("rival", energy, corrected(0, january, county1...))     // 1·2
	w.again("bureau", emissions, corrected(0, january, county1...)) // 2·2
	w.again("rival", energy, corrected(0, january, county1...))     // 2·3
	ask := func(first, second int) catalog.QuerySubmit {
		q := w.product("nox", "output", statetest.Attribute("county"))
		q.Request.AsOf, q.Request.Join.AsOf, q.Request.Partial = first, second, true
		return q
	}
	for asked, want := range map[[2]int][2]int{
		{}: {2, 3}, {1, 0}: {1, 2}, {2, 0}: {2, 3}, {0, 1}: {1, 1}, {0, 2}: {2, 2}, {2, 2}: {2, 2}, {1, 1}: {1, 1},
	} {
		if v := w.verdict(ask(asked[0], asked[1])); [2]int{v.Version, v.Join.Version} != want {
			t.Errorf("asked as of %v: answered as of %d and %d, want %v", asked, v.Version, v.Join.Version, want)
		}
	}
	for _, asked := range [][2]int{{2, 1}, {1, 3}} {
		r := w.no("bank", catalog.KindQuerySubmit, ask(asked[0], asked[1]), catalog.RefusedPolicy, "joint")
		if fix := explain.Fix(r); r.Field != "join.release" || !strings.Contains(fix, "versions 2 and 3") {
			t.Errorf("asked as of %v: %s", asked, fix)
		}
	}
	// The newest version of one side is withdrawn: the newest pair that is left is answered.
	w.ok("rival", catalog.KindDatasetWithdraw, catalog.DatasetWithdraw{Dataset: "energy", Version: 3, Reason: "wrong"})
	if v := w.verdict(ask(0, 0)); v.Version != 2 || v.Join.Version != 2 {
		t.Errorf("without version 3 of energy as of %d and %d", v.Version, v.Join.Version)
	}
	w.ok("bureau", catalog.KindDatasetWithdraw, catalog.DatasetWithdraw{Dataset: "emissions", Version: 2, Reason: "wrong"})
	if v := w.verdict(ask(0, 0)); v.Version != 1 || v.Join.Version != 2 {
		t.Errorf("without version 2 of emissions as of %d and %d", v.Version, v.Join.Version)
	}
	w.ok("rival", catalog.KindDatasetWithdraw, catalog.DatasetWithdraw{Dataset: "energy", Version: 2, Reason: "wrong"})
	w.ok("bureau", catalog.KindDatasetWithdraw, catalog.DatasetWithdraw{Dataset: "emissions", Version: 1, Reason: "wrong"})
	w.no("bank", catalog.KindQuerySubmit, ask(0, 0), catalog.RefusedConflict, "no_release")
	// A withdrawn version stays the newest of the ledger: what comes after it is a pair with
	// it, until its publisher has another version.
	w.again("bureau", emissions, corrected(0, january, county1...))
	r := w.no("bank", catalog.KindQuerySubmit, ask(0, 0), catalog.RefusedPolicy, "joint")
	if fix := explain.Fix(r); !strings.Contains(fix, "another version") {
		t.Errorf("as of versions that were never together, when there are no others: %s", fix)
	}
	w.again("rival", energy, corrected(0, january, county1...))
	if v := w.verdict(ask(0, 0)); v.Version != 3 || v.Join.Version != 4 {
		t.Errorf("after new versions of both as of %d and %d", v.Version, v.Join.Version)
	}
}

// Figures of a version that is withdrawn are no more, in older pairs too.
func TestAWithdrawnVersionGivesAJoinNothing(t *testing.T) {
	w := newJoinWorld(t, smallCohort, nil)
	d := energyDescriptor()
	smallCohort(&d, &d)
	w.again("rival", d, corrected(0, statetest.Period("2024-01"), w.county1()...))
	q := w.product("nox", "output", statetest.Attribute("county"))
	q.Request.Partial = true
	w.ok("rival", catalog.KindDatasetWithdraw, catalog.DatasetWithdraw{Dataset: "energy", Version: 1, Reason: "wrong"})
	v := w.verdict(q)
	if got, want := layersText(v), "1·2 of county1 without county1 in 1-3"; got != want {
		t.Errorf("without version 1 of energy: %s, want %s", got, want)
	}
}
