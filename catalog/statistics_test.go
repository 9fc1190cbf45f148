package catalog

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// statistical are descriptors with squares, buckets and moments.
func statistical(id string, moments ...[2]string) Descriptor {
	d := testDescriptor(id)
	d.Measures[0].Squares, d.Measures[0].Buckets = true, []string{"10", "100.5"}
	d.Measures[1].Buckets = []string{"50"}
	d.Policy.Aggregates = []string{"count", "sum", "avg", "stddev", "corr", "covar", "median"}
	d.Policy.Moments = moments
	return d
}

func TestTileColumnsFollowTheDescriptor(t *testing.T) {
	d := statistical("emissions")
	var names []string
	for _, c := range d.TileColumns() {
		names = append(names, c.Name(d))
	}
	want := []string{"nox", "so2", "nox.square", "nox.bucket.1", "nox.bucket.2", "nox.bucket.3", "so2.bucket.1", "so2.bucket.2"}
	if !slices.Equal(names, want) {
		t.Fatalf("columns %q, want %q", names, want)
	}
	if b := d.Measures[0].BucketBounds(); !slices.Equal(b, []int64{100, 1005}) {
		t.Fatalf("bounds %v", b)
	}
	v := VersionPropose{Periods: 5, Blocks: []Block{{0, 30, 2}, {30, 10, 3}}}
	for _, x := range []struct {
		tiles   int
		refused bool
		columns int
	}{{5 * 8, false, 8}, {5 * 2, false, 2}, {5 * 7, true, 0}, {5*8 + 1, true, 0}} {
		v.Tiles = x.tiles
		if r := v.checkTiles(d); (r != nil) != x.refused {
			t.Errorf("%d tiles: %v", x.tiles, r)
		}
		if !x.refused && len(v.Columns(d)) != x.columns {
			t.Errorf("%d tiles make %d columns, want %d", x.tiles, len(v.Columns(d)), x.columns)
		}
	}
	d.Measures[0].Min, d.Measures[0].Max = 0, 2*maxSquared+1
	r := d.Check()
	wantRefusal(t, r, RefusedInvalid, "invalid")
	if r.Field != "measures[0].squares" || r.Fix == "" {
		t.Errorf("refusal %+v", r)
	}
	if h := int64(maxSquared); h*h > MaxSum || (h+1)*(h+1) <= MaxSum {
		t.Errorf("%d² is not the last square below %d", h, int64(MaxSum))
	}
}

func TestEveryNameOfAGroupGrantsTheGroup(t *testing.T) {
	for _, x := range []struct {
		list []string
		fn   string
		want []string
	}{
		{[]string{"stddev", "sum", "var_pop"}, FuncVar, []string{"stddev", "var_pop"}},
		{[]string{"median"}, FuncHistogram, []string{"median"}},
		{[]string{"corr"}, FuncRegr, []string{"corr"}},
		{[]string{"corr"}, FuncCovar, nil},
		{[]string{"var"}, "sum", nil},
		{[]string{"sum"}, "unheard", nil},
	} {
		if got := GrantedBy(x.list, x.fn); !slices.Equal(got, x.want) || Grants(x.list, x.fn) != (x.want != nil) {
			t.Errorf("%v grants %s by %v, want %v", x.list, x.fn, got, x.want)
		}
	}
}

func statisticOf(dataset, fn, measure, other string, by ...Dimension) Request {
	return Request{Version: 1, Dataset: dataset, By: by, Select: []Aggregate{{Func: fn, Measure: measure, Other: other}}}
}

func TestStatisticsAreCanonical(t *testing.T) {
	d := statistical("emissions")
	for _, good := range []Aggregate{
		{Func: FuncVar, Measure: "nox"}, {Func: FuncVar, Measure: "so2"}, {Func: FuncCovar, Measure: "nox", Other: "so2"},
		{Func: FuncRegr, Measure: "nox", Other: "so2"}, {Func: FuncHistogram, Measure: "so2"},
	} {
		q := Request{Version: 1, Dataset: "emissions", Select: []Aggregate{good}}
		if r := q.Check(d, testColumns); r != nil {
			t.Errorf("%+v: %v", good, r)
		}
	}
	for _, bad := range []Aggregate{
		{Func: FuncVar, Measure: "nox", Other: "so2"}, {Func: FuncVar}, {Func: FuncCovar, Measure: "so2", Other: "nox"},
		{Func: FuncCovar, Measure: "nox", Other: "nox"}, {Func: FuncCovar, Measure: "nox", Other: "pm"}, {Func: FuncRegr, Measure: "nox"},
		{Func: "sum", Measure: "nox", Other: "so2"}, {Func: "count", Measure: "nox", Other: "so2"}, {Func: "count", Other: "so2"}, {Func: "stddev", Measure: "nox"},
	} {
		q := Request{Version: 1, Dataset: "emissions", Select: []Aggregate{bad}}
		r := q.Check(d, testColumns)
		wantRefusal(t, r, RefusedInvalid, "invalid")
		if r.Field != "select[0]" {
			t.Errorf("%+v: field %s", bad, r.Field)
		}
	}
	d.Measures[1].Buckets = nil
	r := statisticOf("emissions", FuncHistogram, "so2", "").Check(d, testColumns)
	wantRefusal(t, r, RefusedInvalid, "buckets")
	if !strings.Contains(r.Fix, "nox") {
		t.Errorf("the fix does not name the measure that has buckets: %s", r.Fix)
	}
}

func TestColumnsOfAStatisticAreOpenedOnce(t *testing.T) {
	d := statistical("emissions")
	q := Request{Select: []Aggregate{{Func: "sum", Measure: "nox"}, {Func: FuncVar, Measure: "nox"}, {Func: FuncCovar, Measure: "nox", Other: "so2"}, {Func: FuncRegr, Measure: "nox", Other: "so2"}, {Func: FuncHistogram, Measure: "so2"}}}
	want := []Column{
		{Measure: "nox"}, {Measure: "nox", Times: "nox"},
		{Measure: "nox", With: "so2"}, {Measure: "so2", With: "nox"}, {Measure: "nox", Times: "so2"},
		{Measure: "nox", Times: "nox", With: "so2"}, {Measure: "so2", Times: "so2", With: "nox"},
		{Measure: "so2", Bucket: 1}, {Measure: "so2", Bucket: 2},
	}
	if got := q.columns(d); !slices.Equal(got, want) {
		t.Fatalf("columns %+v", got)
	}
	v := evaluation{descriptor: d, request: q, verdict: Verdict{Columns: want}}
	var columns, pairs []string
	for _, s := range v.statistics() {
		columns = append(columns, fmt.Sprint(s.columns))
		pairs = append(pairs, fmt.Sprint(s.measures, s.pairs))
	}
	if !slices.Equal(columns, []string{"[0 1]", "[2 3 4 5 6]", "[7 8]"}) || !slices.Equal(pairs, []string{"[0] []", "[0 1] [[0 1]]", "[1] []"}) {
		t.Fatalf("statistics %v over %v", columns, pairs)
	}
}

func TestWhatIsNotListedIsNotReleasedExactly(t *testing.T) {
	h := newHistory(t, false, testRows(0, 40), &panelOf{d: statistical("m", [2]string{"nox", "nox"}), what: []string{"nox", "so2"}, finest: GrainMonth})
	h.publish("m", versionOf{40, 12, month("2024-01"), always})
	id := h.contract("bank", OrderCreate{Dataset: "m"})
	h.ok("bank", KindQuerySubmit, submit(id, statisticOf("m", FuncVar, "nox", "")))
	for _, q := range []Request{
		statisticOf("m", FuncVar, "so2", ""), statisticOf("m", FuncCovar, "nox", "so2"), statisticOf("m", FuncRegr, "nox", "so2"),
	} {
		r := h.no("bank", KindQuerySubmit, submit(id, q), RefusedPolicy, "moments")
		if r.Field != "select[0]" || !strings.Contains(r.Fix, "nox × nox") {
			t.Errorf("refusal %+v", r)
		}
	}
	r := h.no("bank", KindQuerySubmit, submit(id, statisticOf("m", FuncHistogram, "nox", "")), RefusedPolicy, "histogram")
	if !strings.Contains(r.Fix, "no noise") {
		t.Errorf("the fix of a policy without dp: %s", r.Fix)
	}
	one := h.contract("bank", OrderCreate{Dataset: "m", Aggregates: []string{"sum", "stddev"}, Measures: []string{"so2"}})
	// No contract grants what the policy does not: nobody is sent to order one.
	if r := h.no("bank", KindQuerySubmit, submit(one, statisticOf("m", FuncCovar, "nox", "so2")), RefusedPolicy, "moments"); strings.Contains(r.Fix, "order") {
		t.Errorf("the fix of what no contract grants: %s", r.Fix)
	}
	sums := h.contract("bank", OrderCreate{Dataset: "m", Aggregates: []string{"sum"}})
	if r := h.no("bank", KindQuerySubmit, submit(sums, statisticOf("m", FuncVar, "nox", "")), RefusedPolicy, "aggregate"); !strings.Contains(r.Fix, "order more") {
		t.Errorf("the fix of what another contract would grant: %s", r.Fix)
	}
	if r := h.no("bank", KindQuerySubmit, submit(sums, statisticOf("m", FuncVar, "so2", "")), RefusedPolicy, "moments"); strings.Contains(r.Fix, "order") {
		t.Errorf("the fix of what no contract grants: %s", r.Fix)
	}
	h.no("bank", KindQuerySubmit, submit(one, statisticOf("m", FuncVar, "nox", "")), RefusedPolicy, "measure")
}

func TestBucketsOfProtectedReadingsAreNoised(t *testing.T) {
	w := ready(t)
	d := statistical("noisy")
	dp := testDP
	d.Policy.DP = &dp
	w.ok("bureau", KindDatasetCreate, DatasetCreate{Descriptor: d})
	counts := testCounts(2, 12, 40, func(m, _, e int) bool { return m == 0 || e%3 != 1 })
	v := w.proposal(d, 40, 12, counts)
	v.Tiles = int(v.tilesPerColumn()) * len(d.TileColumns())
	n := w.publish(d, v, counts)
	w.stored("noisy", n, 3)
	w.live("noisy", n)
	id := w.contract("bank", OrderCreate{Dataset: "noisy"})
	r := w.no("bank", KindQuerySubmit, submit(id, statisticOf("noisy", FuncHistogram, "so2", "", attr("county"))), RefusedPolicy, "histogram")
	if !strings.Contains(r.Fix, "--epsilon 0.5 or less") {
		t.Errorf("fix: %s", r.Fix)
	}
	for _, q := range []Request{
		statisticOf("noisy", FuncHistogram, "so2", "", attr("county")), statisticOf("noisy", FuncCovar, "nox", "so2", attr("county")),
	} {
		q.Noise = &Noise{Epsilon: "0.1"}
		verdict := must[Verdict](t)(w.view().Verdict(w.ok("bank", KindQuerySubmit, submit(id, q)).ID))
		// Nobody of one county has a reading of so2, or both.
		if len(verdict.Withheld) != 1 || len(verdict.Exclusions) != 0 {
			t.Errorf("%s: withheld %v, exclusions %v", q.Select[0].Func, verdict.Withheld, verdict.Exclusions)
		}
	}
}

func TestVersionsWithoutCompanionsStayValid(t *testing.T) {
	w := newWorld(t, 3, 2).admit().registry("enterprises", testRows(0, 40), 40).key("bureau")
	d := statistical("open")
	d.Policy = Policy{Aggregates: []string{"sum", "var", "histogram"}, Grain: GrainMonth, Public: true}
	w.ok("bureau", KindDatasetCreate, DatasetCreate{Descriptor: d})
	old := w.proposal(d, 40, 3, nil)
	n := w.publish(d, old, nil)
	w.stored("open", n, 3)
	w.live("open", n)
	id := w.contract("bank", OrderCreate{Dataset: "open"})
	r := w.no("bank", KindQuerySubmit, submit(id, statisticOf("open", FuncHistogram, "nox", "")), RefusedConflict, "companions")
	if r.Fix == "" {
		t.Errorf("refusal %+v", r)
	}
	w.ok("bank", KindQuerySubmit, submit(id, statisticOf("open", FuncVar, "nox", "")))
	v := w.proposal(d, 40, 3, nil)
	v.Tiles = int(v.tilesPerColumn()) * len(d.TileColumns())
	n = w.publish(d, v, nil)
	w.stored("open", n, 3)
	w.live("open", n)
	w.ok("bank", KindQuerySubmit, submit(id, statisticOf("open", FuncHistogram, "nox", "")))
}

// momentPanel releases exact sums of nox², so2² and nox × so2.
func momentPanel(id string) *panelOf {
	p := monthlyPanel(id)
	p.d = statistical(id, [2]string{"nox", "so2"}, [2]string{"nox", "nox"}, [2]string{"so2", "so2"})
	return p
}

// TestSquaresTakeClassesOfPTimesK: 20 entities a county make three columns of five,
// not five.
func TestSquaresTakeClassesOfPTimesK(t *testing.T) {
	h := newHistory(t, false, testRows(0, 60), momentPanel("m"))
	h.publish("m", versionOf{60, 12, month("2024-01"), always})
	ask := func(q Request) *Verdict { return h.ask("bank", q) }
	if v := ask(statisticOf("m", FuncCovar, "nox", "so2", attr("county"))); v == nil || len(v.Parts) != 3 {
		t.Fatalf("three columns of 20 entities: %+v", v)
	}
	january := []Interval{{month("2024-01"), month("2024-02")}}
	q := statisticOf("m", FuncRegr, "nox", "so2", attr("county"))
	q.Periods = january
	if v := ask(q); v != nil {
		t.Fatalf("five columns of 20 entities were released: %+v", v)
	}
	q.By = nil
	if v := ask(q); v != nil {
		t.Fatalf("the total is made of the same classes: %+v", v)
	}
	cut := sumOf("m", "nox", in("", ids(0, 3, 6, 9, 12, 15, 18, 21, 24, 27)...), nil)
	if v := ask(cut); v != nil {
		t.Fatalf("a county of 20 was cut into halves of less than 4·5: %+v", v)
	}
}

// TestColumnsOfOneStatisticShareTheirCells: where one is left out the others are.
func TestColumnsOfOneStatisticShareTheirCells(t *testing.T) {
	h := newHistory(t, false, testRows(0, 90), momentPanel("m"))
	// so2 is missing of eight entities of county1 in one month, of all of county2 in
	// another; few of county0 have either in a third.
	h.publish("m", versionOf{90, 12, month("2024-01"), func(m int, p int64, e int) int {
		switch at := p - month("2024-01"); {
		case m == 1 && at == 2 && e%3 == 1 && e < 12, m == 1 && at == 4 && e%3 == 2:
			return 0
		case at == 6 && e%3 == 0 && e > 15:
			return 0
		}
		return 1
	}})
	q := statisticOf("m", FuncCovar, "nox", "so2", attr("county"))
	q.Select = append(q.Select, Aggregate{Func: "sum", Measure: "nox"})
	v := h.ask("bank", q)
	if v == nil {
		t.Fatal("nothing was released")
	}
	excluded := func(column int) (out []string) {
		for _, x := range v.Exclusions {
			if x.Column == column {
				out = append(out, fmt.Sprint(x.Part, x.Intervals))
			}
		}
		slices.Sort(out)
		return out
	}
	if v.Columns[3] != (Column{Measure: "nox"}) || len(excluded(0)) == 0 {
		t.Fatalf("columns %+v, exclusions %+v", v.Columns, v.Exclusions)
	}
	if !slices.Equal(excluded(0), excluded(2)) {
		t.Errorf("Σnox leaves out %v, Σnox·so2 %v", excluded(0), excluded(2))
	}
	if slices.Equal(excluded(0), excluded(3)) {
		t.Errorf("the sum of nox alone leaves out the same: %v", excluded(3))
	}
}

// aloneUpTo publishes nox of all and so2 of those of county1 from entity 120 on, and
// of all others: 40 of county1 have nox alone, the victim among them.
func aloneUpTo(h *history) {
	h.publish("m", versionOf{300, 2, month("2024-01"), func(m int, _ int64, e int) int { return b2i(m == 0 || e >= 120 || e%3 != 1) }})
}

// aloneButVictim selects the 39 others.
func aloneButVictim() *Predicate {
	var list []int
	for e := 1; e < 120; e += 3 {
		if e != victim {
			list = append(list, e)
		}
	}
	return in("", ids(list...)...)
}

func jointAttacks() []attack {
	panel := func() []*panelOf { return []*panelOf{momentPanel("m")} }
	hourly := func() []*panelOf {
		p := hourlyPanel()
		d := momentPanel("h").d
		d.Grain, d.Policy.Grain = GrainHour, GrainDay
		p[0].d, p[0].what = d, []string{"nox", "so2"}
		return p
	}
	return []attack{
		{name: "joint presence that differs by one entity", panels: panel, run: func(h *history) {
			h.publish("m", versionOf{40, 12, month("2024-01"), func(m int, _ int64, e int) int { return b2i(m == 0 || e != victim) }})
			h.ask("bank", sumOf("m", "nox", nil, nil))
			h.ask("bank", statisticOf("m", FuncCovar, "nox", "so2"))
		}},
		{name: "two entities that share their only joint cell", panels: panel, run: func(h *history) {
			h.publish("m", versionOf{40, 12, month("2024-01"), func(m int, _ int64, e int) int { return b2i((m == 0) == (e%2 == 0) || e == victim) }})
			h.ask("bank", sumOf("m", "nox", nil, nil))
			h.ask("bank", statisticOf("m", FuncCovar, "nox", "so2"))
		}},
		{name: "a joint statistic, then all but one of those that lack a measure", panels: panel, rows: testRows(0, 300), run: func(h *history) {
			aloneUpTo(h)
			h.ask("bank", sumOf("m", "nox", in("county", "county1"), nil))
			h.ask("bank", statisticOf("m", FuncCovar, "nox", "so2", attr("county")))
			h.ask("bank", sumOf("m", "nox", aloneButVictim(), nil))
		}},
		{name: "all but one of those that lack a measure, then a joint statistic", panels: panel, rows: testRows(0, 300), run: func(h *history) {
			aloneUpTo(h)
			h.ask("bank", sumOf("m", "nox", in("county", "county1"), nil))
			h.ask("bank", sumOf("m", "nox", aloneButVictim(), nil))
			h.ask("bank", statisticOf("m", FuncCovar, "nox", "so2", attr("county")))
		}},
		{name: "corrections of which one lies in a common cell", panels: panel, rows: testRows(0, 300), run: func(h *history) {
			aloneUpTo(h)
			h.ask("bank", statisticOf("m", FuncCovar, "nox", "so2", attr("county")))
			h.publish("m", versionOf{300, 2, month("2024-01"), func(m int, _ int64, e int) int {
				switch {
				case m == 1 && e < 120 && e%3 == 1:
					return 0
				case m == 0 && e%3 == 1 && (e < 100 || e == 121):
					return 2
				}
				return 1
			}})
			h.ask("bank", statisticOf("m", FuncCovar, "nox", "so2", attr("county")))
		}},
		{name: "two joint statistics that leave one entity of each kind", panels: threeMeasures, rows: testRows(0, 300), run: func(h *history) {
			// Of county1, entity 1 has nox alone, entity 4 all three, the others two.
			h.publish("m", versionOf{300, 2, month("2024-01"), func(m int, _ int64, e int) int {
				return b2i(m == 0 || e%3 == 1 && (e == 4 || e > 4 && (m == 1) == (e%2 == 0)))
			}})
			county := in("county", "county1")
			h.ask("bank", sumOf("m", "nox", county, nil))
			for _, other := range []string{"pm", "so2"} {
				q := statisticOf("m", FuncCovar, "nox", other)
				q.Where = county
				h.ask("bank", q)
			}
		}},
		{
			name: "joint presence that differs by one entity one way and by four the other", panels: hourly, target: hoursOf(24, 0),
			run: func(h *history) {
				h.publish("h", versionOf{40, 24, hour0, func(m int, _ int64, e int) int {
					return b2i(m == 0 && (e < 10 || e > 13) || m == 1 && e != victim)
				}})
				h.ask("bank", sumOf("h", "nox", nil, nil))
				h.ask("bank", statisticOf("h", FuncCovar, "nox", "so2"))
			},
		},
	}
}

// TestPairsThatTheFamilyDoesNotWatchAreNotJoined: datasets that were listed before
// products were watched, or coarse ones whose version does not name the cells.
func TestPairsThatTheFamilyDoesNotWatchAreNotJoined(t *testing.T) {
	h := newHistory(t, false, testRows(0, 90), momentPanel("m"))
	h.publish("m", versionOf{90, 12, month("2024-01"), always})
	key := familyKey(testID("bureau"), "enterprises")
	f := must[family](t)(find[family](h.store, key))
	f.Datasets[0].Joint = nil
	if err := put(h.store, key, f); err != nil {
		t.Fatal(err)
	}
	id := h.contract("bank", OrderCreate{Dataset: "m"})
	r := h.no("bank", KindQuerySubmit, submit(id, statisticOf("m", FuncCovar, "nox", "so2")), RefusedPolicy, "joint")
	if r.Fix == "" {
		t.Errorf("refusal %+v", r)
	}
	h.ok("bank", KindQuerySubmit, submit(id, statisticOf("m", FuncVar, "nox", "")))
}

// threeMeasures releases the products of nox with so2 and with pm.
func threeMeasures() []*panelOf {
	p := momentPanel("m")
	p.d.Measures = append(p.d.Measures, Measure{Name: "pm", Unit: "kg", Min: 0, Max: 1000})
	p.d.Policy.Moments = [][2]string{{"so2", "nox"}, {"nox", "pm"}}
	p.what = append(p.what, "pm")
	return []*panelOf{p}
}

// TestJointKinFollowsProductsAndKindredMeasures through the datasets of a family, and
// says where their cells are not told apart.
func TestJointKinFollowsProductsAndKindredMeasures(t *testing.T) {
	d := threeMeasures()[0].d
	f := family{Datasets: []familyDataset{familyDatasetOf(d)}}
	if kin, watched := f.jointKin(measureOf{0, 1}); !watched || !slices.Equal(kin, []measureOf{{0, 1}, {0, 0}, {0, 2}}) {
		t.Errorf("kin of so2: %v, watched %t", kin, watched)
	}
	if pairs := f.Datasets[0].Joint; !slices.Equal(pairs, [][2]string{{"nox", "so2"}, {"nox", "pm"}}) {
		t.Errorf("joint pairs %v", pairs)
	}
	other := testDescriptor("daily")
	other.Grain, other.Policy.Grain = GrainDay, GrainDay
	f.Datasets = append(f.Datasets, familyDatasetOf(other))
	if kin, watched := f.jointKin(measureOf{0, 1}); watched || len(kin) != 5 {
		t.Errorf("with a daily dataset of the same readings: %v, watched %t", kin, watched)
	}
	if x := f.Datasets[1].jointComparisons(); x != nil {
		t.Errorf("comparisons of a dataset without products: %v", x)
	}
	d.Grain = GrainDay
	if x := familyDatasetOf(d).jointComparisons(); len(x) != 2 || x[0] != (Comparison{Measure: "so2", Dataset: "m", Other: "nox"}) {
		t.Errorf("comparisons of a coarse policy: %+v", x)
	}
}

// TestAttemptsThatMultiplyOpenMoreTiles: those of every column, and of each measure
// that is multiplied once more.
func TestAttemptsThatMultiplyOpenMoreTiles(t *testing.T) {
	h := newHistory(t, false, testRows(0, 90), momentPanel("m"))
	h.publish("m", versionOf{90, 12, month("2024-01"), always})
	id := h.contract("bank", OrderCreate{Dataset: "m"})
	q := h.ok("bank", KindQuerySubmit, submit(id, statisticOf("m", FuncCovar, "nox", "so2"))).ID
	attempt := h.attempt(q, 1)
	attempt.Tiles = 12*(3+2) + 1
	h.no(nodeName(1), KindQueryAttempt, attempt, RefusedInvalid, "invalid")
	attempt.Tiles--
	h.ok(nodeName(1), KindQueryAttempt, attempt)
	sum := h.ok("bank", KindQuerySubmit, submit(id, sumOf("m", "nox", nil, nil))).ID
	attempt = h.attempt(sum, 1)
	attempt.Tiles = 12*2 + 1
	h.no(nodeName(1), KindQueryAttempt, attempt, RefusedInvalid, "invalid")
}
