package disclosure

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

func TestColumnsAreMeasuresThenMoments(t *testing.T) {
	d := catalog.Descriptor{
		Dataset: "a", Grain: calendar.Day,
		Measures: []catalog.Measure{{Name: "x"}, {Name: "y"}},
		Policy: catalog.Policy{
			Grain: calendar.Month, MinCohort: 5, Portfolios: 1, Cubes: [][]string{{"county"}},
			Moments: [][2]string{{"y", "y"}, {"x", "y"}}, Joins: []string{"other"},
		},
	}
	want := []Column{{Measure: "x"}, {Measure: "y"}, {"y", "y"}, {"x", "y"}}
	if diff := cmp.Diff(want, Columns(d)); diff != "" {
		t.Error(diff)
	}
	got := DatasetOf(d)
	wantSet := Dataset{
		ID: "a", Grain: calendar.Day, PolicyGrain: calendar.Month, MinCohort: 5, Portfolios: 1,
		Cubes: [][]string{{"county"}}, Measures: []string{"x", "y"}, Moments: d.Policy.Moments, Joins: []string{"other"},
	}
	if diff := cmp.Diff(wantSet, got); diff != "" {
		t.Error(diff)
	}
}

func TestColumnsAreRelatedByNameByDeclarationAndTransitively(t *testing.T) {
	w := newToy(t, 2, twoClasses)
	w.admit(monthly("a", "x", "total", "part"))
	b := monthly("b", "x", "x_t", "z")
	b.Related = [][]string{{"x_t", "a.x"}, {"z", "a.total", "a.part"}}
	b.Moments = [][2]string{{"x", "z"}, {"x", "x"}, {"x_t", "z"}}
	w.admit(b)
	plain := func(m string) Column { return Column{Measure: m} }
	for _, c := range []struct {
		a    string
		one  Column
		b    string
		two  Column
		want bool
	}{
		{"a", plain("x"), "b", plain("x"), true},
		{"a", plain("x"), "b", plain("x_t"), true},
		{"b", plain("x"), "b", plain("x_t"), true}, // through a.x
		{"a", plain("total"), "a", plain("part"), true},
		{"a", plain("x"), "a", plain("part"), false},
		{"b", plain("x"), "b", plain("z"), false}, // their product does not relate them
		{"b", Column{"x", "z"}, "b", Column{"x_t", "z"}, true},
		{"b", Column{"x", "z"}, "b", Column{"x", "x"}, false},
		{"b", Column{"x", "z"}, "a", plain("part"), true}, // with its factors
		{"b", Column{"x", "x"}, "a", plain("part"), false},
		{"b", plain("none"), "b", plain("none"), false},
	} {
		if got := w.f.Related(c.a, c.one, c.b, c.two); got != c.want {
			t.Errorf("%s %v and %s %v are related: %v", c.a, c.one, c.b, c.two, got)
		}
		if got := w.f.Related(c.b, c.two, c.a, c.one); got != c.want {
			t.Errorf("%s %v and %s %v are related: %v", c.b, c.two, c.a, c.one, got)
		}
	}
	d := monthly("c", "v")
	d.MinCohort, d.Related = 2, [][]string{{"v", "a.none"}}
	wantConflict(t, w.f.Admit(d), ConflictRelated)
}

func TestPCountsTheExactColumnsOfAComponent(t *testing.T) {
	w := newToy(t, 3, twoClasses)
	a := monthly("a", "x", "y", "z")
	a.Moments = [][2]string{{"x", "x"}, {"x", "y"}}
	w.admit(a)
	for c, want := range map[Column]int{{Measure: "x"}: 4, {Measure: "y"}: 4, {"x", "y"}: 4, {Measure: "z"}: 1, {Measure: "none"}: 0} {
		if got := w.f.Moments("a", c); got != want {
			t.Errorf("p of %v is %d, want %d", c, got, want)
		}
	}
	if sum, square := w.f.Cohort("a", Column{Measure: "x"}), w.f.Cohort("a", Column{"x", "x"}); sum != 3 || square != 12 {
		t.Errorf("news for %d and %d, want 3 and 12", sum, square)
	}
	joined := monthly("b", "v", "w")
	joined.Joins = []string{"other"}
	w.admit(joined)
	if p := w.f.Moments("b", Column{Measure: "v"}); p != 2 {
		t.Errorf("p of a measure that is joined is %d, want 2", p)
	}
}

func TestWhatNeverChangesInAFamilyIsRefused(t *testing.T) {
	base := func() *toy {
		w := newToy(t, 2, twoClasses)
		d := monthly("a", "x", "y")
		d.Moments = [][2]string{{"x", "x"}}
		d.Cubes, d.Portfolios = [][]string{{"county"}}, 1
		s := w.admit(d)
		w.publish(s, map[string][]string{"x": {"1111 1111"}, "y": {"1111 1111"}})
		return w
	}
	for _, c := range []struct {
		about, code string
		change      func(d *Dataset)
	}{
		{"another k", ConflictCohort, func(d *Dataset) { d.MinCohort = 3 }},
		{"other cubes", ConflictCubes, func(d *Dataset) { d.Cubes = [][]string{{"industry"}} }},
		{"more portfolios", ConflictPortfolios, func(d *Dataset) { d.Portfolios = 2 }},
		{"a moment more in a component that has moments", ConflictMoments, func(d *Dataset) { d.Moments = append(d.Moments, [2]string{"x", "y"}) }},
		{"a measure more in one", ConflictMoments, func(d *Dataset) {
			d.Measures = append(d.Measures, "x_kg")
			d.Related = [][]string{{"x_kg", "x"}}
		}},
		{"another dataset with a measure of the name", ConflictMoments, func(d *Dataset) { d.ID, d.Measures, d.Moments = "b", []string{"x"}, nil }},
		{"a finer policy", ConflictGrain, func(d *Dataset) { d.PolicyGrain = calendar.Quarter }},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := base()
			d := w.sets[0].Dataset
			c.change(&d)
			wantConflict(t, w.f.Admit(d), c.code)
			if p := w.f.Moments("a", Column{Measure: "x"}); p != 2 || len(w.f.members) != 1 {
				t.Errorf("a refused dataset changed p to %d, or the datasets to %d", p, len(w.f.members))
			}
		})
	}
	w := base()
	d := w.sets[0].Dataset
	d.Measures, d.Moments = []string{"x", "v"}, nil // y and the square go, another comes
	if err := w.f.Admit(d); err != nil {
		t.Errorf("a measure of a component of its own: %v", err)
	}
	if p := w.f.Moments("a", Column{Measure: "x"}); p != 2 {
		t.Errorf("p is %d once the square is gone, want 2 as before", p)
	}
	d.Measures, d.Moments = []string{"x", "v"}, [][2]string{{"v", "v"}}
	if err := w.f.Admit(d); err != nil {
		t.Errorf("a first moment of a component: %v", err)
	}
}

func TestTwoComponentsThatBothHaveSettledAreNotConnected(t *testing.T) {
	w := newToy(t, 2, twoClasses)
	w.publish(w.admit(monthly("a", "x")), rows("x", "1111 1111"))
	b := w.admit(monthly("b", "y"))
	d := monthly("c", "z")
	d.MinCohort, d.Related = 2, [][]string{{"z", "a.x", "b.y"}}
	if err := w.f.Admit(d); err != nil {
		t.Errorf("only one of the two has settled: %v", err)
	}
	v := newToy(t, 2, twoClasses)
	v.publish(v.admit(monthly("a", "x")), rows("x", "1111 1111"))
	b = v.admit(b.Dataset)
	v.publish(b, rows("y", "1111 1111"))
	wantConflict(t, v.f.Admit(d), ConflictConnects)
}
