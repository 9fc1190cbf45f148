package state

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/statetest"
	"github.com/weirdata/weir/catalog/tables"
)

// The same plants listed in a second registry would be a second family, and figures of
// the one would tell those of the other.
func TestARegistryThatSharesAnIDIsRefusedUnlessDeclaredUnrelated(t *testing.T) {
	w := ready(t)
	w.registry("plants", statetest.Rows(39, 20), 20) // enterprise 39 is in both
	w.registry("others", statetest.Rows(100, 20), 20)
	d := statetest.Descriptor("plants")
	d.Registry = "plants"
	r := w.no("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d}, catalog.RefusedConflict, "unrelated")
	if r.Field != "policy.unrelated" || !strings.Contains(explain.Fix(r), "unrelated: [enterprises]") {
		t.Errorf("refusal %+v", r)
	}
	w.ok("rival", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d}) // another publisher knows nothing of it
	d.Dataset, d.Registry = "others", "others"
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	d.Dataset, d.Registry, d.Policy.Unrelated = "said", "plants", []string{"enterprises"}
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})

	// Nor is one let in later.
	appended := statetest.Rows(5, 1)
	create := createEnterprises(appended)
	create.ID, create.Append = "others", true
	w.ok("bureau", catalog.KindRegistryCreate, create)
	w.ok("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "others", From: 20, Rows: appended})
	w.no("bureau", catalog.KindRegistryCommit, catalog.RegistryCommit{ID: "others"}, catalog.RefusedConflict, "unrelated")
}

func TestAPublicDatasetWithAProtectedMeasureIsRefusedUnlessDeclaredUnrelated(t *testing.T) {
	w := ready(t)
	open := statetest.Descriptor("open")
	open.Policy = catalog.Policy{Aggregates: open.Policy.Aggregates, Grain: calendar.Month, Public: true}
	r := w.no("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: open}, catalog.RefusedConflict, "unrelated")
	if r.Field != "policy.unrelated" || !strings.Contains(explain.Message(r), "nox") || explain.Fix(r) == "" {
		t.Errorf("refusal %+v", r)
	}
	said := open
	said.Policy.Unrelated = []string{"emissions"}
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: said})
	// The other way round: what is public cannot be protected beside.
	rain := open
	rain.Dataset, rain.Measures = "rain", []catalog.Measure{{Name: "rain", Unit: "mm", Max: 100}}
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: rain})
	hidden := statetest.Descriptor("hidden")
	hidden.Measures = rain.Measures
	w.no("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: hidden}, catalog.RefusedConflict, "unrelated")
	hidden.Policy.Unrelated = []string{"rain"}
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: hidden})
}

// What would change the number of columns that moments are paid for by is refused once
// there are moments.
func TestColumnsThatTieThemselvesToMomentsAreRefused(t *testing.T) {
	h := newHistory(t, statetest.Rows(0, 90), momentPanel("m"))
	d := statetest.Descriptor("n")
	r := h.no("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d}, catalog.RefusedConflict, "family")
	if r.Field != "policy.moments" || !slices.Contains(r.Numbers, catalog.Number{Name: "have", Value: "5"}) {
		t.Errorf("refusal %+v", r)
	}
	d.Measures = []catalog.Measure{{Name: "rain", Unit: "mm", Max: 100}}
	h.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
}

// A family is what it was on a machine that starts from the store alone.
func TestAFamilyComesBackFromTheStore(t *testing.T) {
	h := newHistory(t, statetest.Rows(0, 60), monthlyPanel("m"))
	h.publish("m", versionOf{60, 12, statetest.Period("2024-01"), always})
	h.appendRows(statetest.Rows(60, 30))
	h.publish("m", versionOf{90, 12, statetest.Period("2024-01"), func(_ int, p int64, e int) int { return 1 + b2i(p == statetest.Period("2024-02") && e < 10) }})
	facts := func(m *Machine) []any {
		_, rule, err := m.cache.FamilyOf(h.store, testID("bureau"), "enterprises")
		if err != nil {
			t.Fatal(err)
		}
		out := []any{rule.Tree().Encode()}
		for _, s := range rule.Versions("m") {
			out = append(out, s.Encode())
		}
		for _, asOf := range []int{1, 2} {
			groups := make([]int32, rule.Tree().Classes())
			out = append(out, rule.Choose("m", disclosure.Column{Measure: "nox"}, statetest.Period("2024-02"), asOf, groups, nil))
		}
		return out
	}
	if d := cmp.Diff(facts(NewMachine()), facts(h.machine)); d != "" {
		t.Errorf("(-from the store +in memory)\n%s", d)
	}
}

// Appended entities wait until a deepest node of the tree has min_cohort of them; then
// they are a class of versions that have them.
func TestAppendedEntitiesBecomeAClassOnceTheyAreEnough(t *testing.T) {
	h := newHistory(t, statetest.Rows(0, 60), monthlyPanel("m"))
	h.publish("m", versionOf{60, 12, statetest.Period("2024-01"), always})
	var few [][]string
	for i := range 4 {
		few = append(few, []string{fmt.Sprintf("x%05d", i), "county9", "industry1"})
	}
	classes := func() int {
		_, rule, err := h.machine.cache.FamilyOf(h.store, testID("bureau"), "enterprises")
		if err != nil {
			t.Fatal(err)
		}
		return rule.Tree().Classes()
	}
	h.appendRows(few)
	if n := classes(); n != 3 {
		t.Fatalf("%d classes with four in the pool", n)
	}
	h.appendRows([][]string{{"x00004", "county9", "industry2"}})
	if n := classes(); n != 4 {
		t.Fatalf("%d classes with five of a county", n)
	}
	q := sumOf("m", "nox", statetest.In("county", "county9"), nil)
	if v := h.ask("bank", q); v != nil {
		t.Fatalf("the first version has none of them: %+v", v)
	}
	h.publish("m", versionOf{65, 12, statetest.Period("2024-01"), always})
	if v := h.ask("bank", q); v == nil || v.Coverage[0] != (catalog.Coverage{Included: 5, Of: 5}) {
		t.Fatalf("verdict %+v", v)
	}
}

// Values of attributes keep their numbers, whatever is appended.
func TestCodesOfAttributesNeverChange(t *testing.T) {
	w := newWorld(t, 3, 2).admit().registry("enterprises", [][]string{{"a", "north", "x"}, {"b", "south", "x"}}, 2)
	values := func() []string {
		return must[[]string](t)(records.Find[[]string](w.store, records.CodesKey("enterprises", 0)))
	}
	if got := values(); !slices.Equal(got, []string{"north", "south"}) {
		t.Fatalf("values %q", got)
	}
	w.appendRows([][]string{{"c", "east", "x"}, {"d", "south", "x"}})
	if got := values(); !slices.Equal(got, []string{"north", "south", "east"}) {
		t.Fatalf("values %q", got)
	}
}

// A version whose declaration contradicts what is public does not go live, and says why.
func TestNewsThatPresenceContradictsRejectsTheVersion(t *testing.T) {
	for name, x := range map[string]struct {
		news catalog.SourceNews
		said string
	}{
		"news of who does not count": {catalog.SourceNews{Column: 0, Period: statetest.Period("2024-01"), News: []byte{1, 0, 0, 0, 0, 0, 0, 0}}, "declared.counts(0, 648, 0)"},
		"equal classes whose presence differs": {
			catalog.SourceNews{Column: 0, Period: statetest.Period("2024-01"), Equal: []catalog.EqualClasses{{Version: 1, Classes: []int32{0}}}}, "declared.presence(0, 648, 0, 1)",
		},
		"equal classes of a first source": {
			catalog.SourceNews{Column: 0, Period: statetest.Period("2025-01"), Equal: []catalog.EqualClasses{{Version: 1, Classes: []int32{0}}}}, "declared.first(0, 660)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHistory(t, statetest.Rows(0, 60), monthlyPanel("m"))
			h.publish("m", versionOf{60, 12, statetest.Period("2024-01"), always})
			n := h.propose("m", versionOf{60, 14, statetest.Period("2024-01"), func(_ int, _ int64, e int) int { return b2i(e > 0) }}, func(*panelOf, versionOf, catalog.VersionPropose) []catalog.SourceNews {
				return []catalog.SourceNews{x.news}
			})
			h.stored("m", n, 2)
			h.live("m", n)
			v := must[catalog.Version](t)(h.view().Versions().Get("m", n))
			if v.State != catalog.VersionRejected || v.Reason.String() != "version.news: "+x.said {
				t.Errorf("the version is %s: %q, want %q", v.State, v.Reason, x.said)
			}
			if d := must[catalog.Dataset](t)(h.view().Dataset("m")); d.Live != 1 {
				t.Errorf("version %d is live", d.Live)
			}
			if list := must[[]catalog.SourceNews](t)(h.view().Versions().News("m", n)); len(list) != 0 {
				t.Errorf("its news is still there: %v", list)
			}
		})
	}
}

func TestNewsArrivesCompleteAndInOrder(t *testing.T) {
	w := ready(t)
	d := statetest.Descriptor("emissions")
	counts := testCounts(2, 12, 40, func(_, _, e int) bool { return e != 0 })
	v := w.proposal(d, 40, 12, counts)
	news := w.sameAs("bureau", d, v, 1)
	v.News, v.Settled = catalog.NewsDigest(news), 1
	for name, change := range map[string]func(b *catalog.VersionPropose){
		"a period that the version does not have": func(b *catalog.VersionPropose) { b.Closed.To++ },
		"one before it":                        func(b *catalog.VersionPropose) { b.Closed.From-- },
		"periods the wrong way round":          func(b *catalog.VersionPropose) { b.Closed.From, b.Closed.To = b.Closed.To, b.Closed.From },
		"news of no period":                    func(b *catalog.VersionPropose) { b.Closed = calendar.Interval{} },
		"news found against what there is not": func(b *catalog.VersionPropose) { b.Settled = 2 },
	} {
		b := v
		change(&b)
		if r := w.do("bureau", catalog.KindVersionPropose, b).Refusal; r == nil || r.Kind != catalog.RefusedInvalid {
			t.Errorf("%s: %+v", name, r)
		}
	}
	n := w.ok("bureau", catalog.KindVersionPropose, v).Version
	for i, name := range d.MeasureNames() {
		w.ok("bureau", catalog.KindVersionCounts, catalog.VersionCounts{Dataset: "emissions", Version: n, Measure: name, From: v.First, Bitmaps: counts[i]})
	}
	chunk := func(from, to int) catalog.VersionNews {
		return catalog.VersionNews{Dataset: "emissions", Version: n, From: from, News: news[from:to]}
	}
	commit := catalog.VersionCommit{Dataset: "emissions", Version: n}
	w.no("bureau", catalog.KindVersionNews, chunk(5, 10), catalog.RefusedConflict, "chunk")
	w.ok("bureau", catalog.KindVersionNews, chunk(0, 10))
	w.ok("bureau", catalog.KindVersionNews, chunk(0, 10)) // again
	w.no("bureau", catalog.KindVersionNews, chunk(0, 9), catalog.RefusedConflict, "chunk")
	w.no("bureau", catalog.KindVersionCommit, commit, catalog.RefusedConflict, "digest")
	w.no("rival", catalog.KindVersionNews, chunk(10, 24), catalog.RefusedForbidden, "owner")
	for name, bad := range map[string][]catalog.SourceNews{
		"nothing":               {},
		"a column that is none": {{Column: 2, Period: v.First, News: []byte{2, 0, 0, 0, 0}}},
		"a period not closed":   {{Column: 1, Period: v.First + 12, News: []byte{2, 0, 0, 0, 0}}},
		"descending":            {news[12], news[11]},
		"another form":          {{Column: 1, Period: v.First + 11, News: []byte{0, 0, 0, 0, 0}}},
	} {
		b := chunk(10, 24)
		if b.News = bad; w.no("bureau", catalog.KindVersionNews, b, catalog.RefusedInvalid, "invalid") == nil {
			t.Error(name)
		}
	}
	late := chunk(10, 24)
	late.News = append([]catalog.SourceNews{news[3]}, news[11:]...)
	w.ok("bureau", catalog.KindVersionNews, late) // in order itself, not with what came before
	w.no("bureau", catalog.KindVersionCommit, commit, catalog.RefusedConflict, "news")
	w.ok("bureau", catalog.KindVersionDrop, commit)

	n = w.ok("bureau", catalog.KindVersionPropose, v).Version
	commit.Version = n
	for i, name := range d.MeasureNames() {
		w.ok("bureau", catalog.KindVersionCounts, catalog.VersionCounts{Dataset: "emissions", Version: n, Measure: name, From: v.First, Bitmaps: counts[i]})
	}
	w.ok("bureau", catalog.KindVersionNews, chunk(0, 24))
	w.ok("bureau", catalog.KindVersionCommit, commit)
	if got := must[[]catalog.SourceNews](t)(w.view().Versions().News("emissions", n)); catalog.NewsDigest(got) != v.News {
		t.Errorf("%d sources are kept", len(got))
	}
	w.ok("bureau", catalog.KindVersionDrop, commit)
	v.News = catalog.Digest{}
	w.ok("bureau", catalog.KindVersionPropose, v)
	b := chunk(0, 24)
	b.Version = n + 1
	w.no("bureau", catalog.KindVersionNews, b, catalog.RefusedConflict, "news")
}

// What a view says that can be answered is what a query is given.
func TestAnswerIsWhatAQueryIsGiven(t *testing.T) {
	h, _ := ordinary(t)
	table := must[*tables.Table](t)(h.view().Registries().Table("enterprises", -1))
	g := disclosure.Grid{Columns: []disclosure.Column{{Measure: "so2"}}, Groups: 11, AsOf: 1, Periods: [][]int64{{statetest.Period("2024-01")}, {statetest.Period("2024-02"), statetest.Period("2024-03")}}}
	for e := range table.Rows() {
		g.Assign = append(g.Assign, int32(table.Codes(statetest.Attribute("county"))[e])) //nolint:gosec // a county
	}
	answer := must[*disclosure.Answer](t)(h.view().Answer("m", g))
	for j, periods := range []calendar.Interval{january(1), {From: statetest.Period("2024-02"), To: statetest.Period("2024-04")}} {
		v := h.ask("bureau", sumOf("m", "so2", nil, []calendar.Interval{periods}, statetest.Attribute("county")))
		for group := range v.EntityGroups {
			if have := catalog.Coverage(answer.Coverage[group][j]); have != v.Coverage[group] {
				t.Errorf("group %d, periods %v: %+v, a query says %+v", group, periods, have, v.Coverage[group])
			}
		}
	}
	if _, err := h.view().Answer("none", g); !errors.Is(err, records.ErrNotFound) {
		t.Errorf("of no dataset: %v", err)
	}
}
