package disclosure

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/weirdata/weir/catalog/calendar"
)

// asking is a NewsQuestion about one entity of interest, the first, among others that
// behave alike.
type asking struct {
	q NewsQuestion
	n int
}

func askNews(n int, columns ...NewsColumn) *asking {
	return &asking{NewsQuestion{Columns: columns}, n}
}

// source has one cell an entity; math.MinInt64 is no cell.
func (a *asking) source(manifest, column int, from, to int64, value func(e int) int64) NewsSource {
	s := NewsSource{Column: column, Period: calendar.Interval{From: from, To: to}, Manifest: manifest, Periods: 1, Sums: make([]int64, a.n), Cells: make([]int32, a.n)}
	for e := range a.n {
		s.InUnit = s.InUnit.Set(e)
		if v := value(e); v != math.MinInt64 {
			s.Sums[e], s.Cells[e] = v, 1
		}
	}
	return s
}

func (a *asking) had(manifest, column int, from, to int64, value func(e int) int64) *NewsSource {
	a.q.Earlier = append(a.q.Earlier, a.source(manifest, column, from, to, value))
	return &a.q.Earlier[len(a.q.Earlier)-1]
}

// news asks with all cells new.
func (a *asking) news(t *testing.T, manifest, column int, from, to int64, value func(e int) int64) Bits {
	t.Helper()
	a.q.Source = a.source(manifest, column, from, to, value)
	a.q.New = append([]int32(nil), a.q.Source.Cells...)
	got, err := FindNews(a.q)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// wantNews checks the first entity and that all others are as they should be.
func wantNews(t *testing.T, got Bits, n int, first, rest bool) {
	t.Helper()
	for e := range n {
		if want := e == 0 && first || e > 0 && rest; got.Has(e) != want {
			t.Fatalf("entity %d: news %v, want %v", e, got.Has(e), want)
		}
	}
}

// values of readings that no chance makes equal.
func values(seed uint64) func(e int) int64 {
	return func(e int) int64 {
		return rand.New(rand.NewPCG(seed, uint64(e))).Int64N(1<<40) + 1000
	}
}

func plus(f, g func(e int) int64) func(e int) int64 {
	return func(e int) int64 { return f(e) + g(e) }
}

// firstOnly takes f for the first entity, g for the others.
func firstOnly(f, g func(e int) int64) func(e int) int64 {
	return func(e int) int64 {
		if e == 0 {
			return f(e)
		}
		return g(e)
	}
}

const some = 30

func TestTheFirstSourceIsNewsOfWhoCounts(t *testing.T) {
	a := askNews(some, NewsColumn{Measure: "nox"})
	a.q.Source = a.source(1, 0, 0, 1, values(1))
	a.q.Source.Periods = 4
	a.q.New = make([]int32, some)
	for e := range a.q.New {
		a.q.Source.Cells[e], a.q.New[e] = int32(e%5), int32(e%5)
	}
	got, err := FindNews(a.q)
	if err != nil {
		t.Fatal(err)
	}
	for e := range some {
		if got.Has(e) != (e%5 >= 2) {
			t.Errorf("%d of 4 cells: news %v", e%5, got.Has(e))
		}
	}
}

func TestLessThanHalfNewCellsIsNoNews(t *testing.T) {
	a := askNews(some, NewsColumn{Measure: "nox"})
	a.had(1, 0, 0, 1, values(1))
	a.q.Source = a.source(2, 0, 0, 1, values(2))
	a.q.Source.Periods = 3
	a.q.New = make([]int32, some)
	a.q.New[0], a.q.New[1] = 2, 1
	got, err := FindNews(a.q)
	if err != nil {
		t.Fatal(err)
	}
	wantNews(t, got, some, true, false)
}

func TestAValueTakenBackIsNoNews(t *testing.T) {
	a := askNews(some, NewsColumn{Measure: "nox"})
	a.had(1, 0, 0, 1, values(1))
	a.had(2, 0, 0, 1, values(2))
	wantNews(t, a.news(t, 3, 0, 0, 1, firstOnly(values(3), values(1))), some, true, false)
}

func TestAReadingThatWasInNoUnitStaysNews(t *testing.T) {
	a := askNews(some, NewsColumn{Measure: "nox"}, NewsColumn{Measure: "nox"})
	a.had(1, 0, 0, 1, values(1)).InUnit = Bits(nil).Set(1)
	wantNews(t, a.news(t, 2, 1, 0, 1, firstOnly(values(1), values(1))), 1, true, false)
	if got := a.news(t, 2, 1, 0, 1, values(1)); got.Has(1) || !got.Has(2) {
		t.Error("news does not follow from who was in a unit")
	}
}

func TestAMultipleIsNoNewsWhateverTheUnit(t *testing.T) {
	kg, tons := values(1), func(e int) int64 { return (values(1)(e) + 500) / 1000 }
	for name, columns := range map[string][]NewsColumn{
		"declared":   {{Measure: "nox_kg", Num: 1, Den: 1}, {Measure: "nox_t", Num: 1000, Den: 1}},
		"undeclared": {{Measure: "nox_kg"}, {Measure: "nox_t"}},
		"decimals":   {{Measure: "nox", Decimals: 3}, {Measure: "nox"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := askNews(some, columns...)
			a.had(1, 0, 0, 1, kg)
			wantNews(t, a.news(t, 2, 1, 0, 1, firstOnly(values(7), tons)), some, true, false)
			b := askNews(some, columns...)
			b.had(1, 1, 0, 1, tons)
			wantNews(t, b.news(t, 2, 0, 0, 1, firstOnly(values(7), kg)), some, true, false)
		})
	}
}

func TestAFixedMultipleOfItsMeasureIsNoNewsOfASquare(t *testing.T) {
	bit := func(e int) int64 { return int64(e % 2) }
	a := askNews(some, NewsColumn{Measure: "open", Factor: true}, NewsColumn{Measure: "open*open"})
	a.had(1, 0, 0, 1, bit).InUnit = nil
	wantNews(t, a.news(t, 1, 1, 0, 1, bit), some, false, false)
	b := askNews(some, NewsColumn{Measure: "nox", Factor: true}, NewsColumn{Measure: "nox*nox"})
	small := func(e int) int64 { return 1000 + values(1)(e)>>20 }
	b.had(1, 0, 0, 1, small)
	wantNews(t, b.news(t, 1, 1, 0, 1, func(e int) int64 { return small(e) * small(e) }), some, true, true)
}

// Related measures of different units whose readings have nothing to do with each other:
// each is news, whichever comes first. A unit that is large beside the other's makes the
// equations of both inexact, and by that no reading of the other follows.
func TestReadingsOfTheirOwnAreNewsInAnyUnit(t *testing.T) {
	columns := []NewsColumn{{Measure: "nox_kg"}, {Measure: "dust_t", Decimals: 3}}
	small := func(n uint64) func(int) int64 { return func(e int) int64 { return 1000 + values(n)(e)%8000 } }
	for first := range 2 {
		a := askNews(some, columns...)
		for round, column := range []int{first, 1 - first, first} {
			readings := small(uint64(round))
			// An equation may hold of somebody by chance.
			if n := a.news(t, round+1, column, 0, 1, readings).Count(); n < some*9/10 {
				t.Errorf("column %d in round %d: %d of %d have news", column, round, n, some)
			}
			a.had(round+1, column, 0, 1, readings)
		}
	}
}

// months of a quarter and the quarter.
func TestAQuarterAndItsMonthsFollowFromEachOther(t *testing.T) {
	month := []func(int) int64{values(1), values(2), values(3)}
	quarter := plus(plus(month[0], month[1]), month[2])
	columns := []NewsColumn{{Measure: "nox"}, {Measure: "nox"}}
	a := askNews(some, columns...)
	for i, m := range month {
		a.had(1, 0, int64(i), int64(i+1), m)
	}
	wantNews(t, a.news(t, 2, 1, 0, 3, firstOnly(values(9), quarter)), some, true, false)

	b := askNews(some, columns...) // the quarter, then the months one by one
	b.had(1, 1, 0, 3, quarter)
	for i, m := range month {
		last := i == 2
		wantNews(t, b.news(t, 2, 0, int64(i), int64(i+1), firstOnly(values(9), m)), some, true, !last)
		b.had(2, 0, int64(i), int64(i+1), m)
	}

	c := askNews(some, columns...) // with a month in no unit the last one stays free
	c.had(1, 1, 0, 3, quarter)
	c.had(2, 0, 0, 1, month[0]).InUnit = nil
	c.had(2, 0, 1, 2, month[1])
	wantNews(t, c.news(t, 2, 0, 2, 3, month[2]), some, true, true)
}

func TestACorrectionSeenThroughAnotherGrainIsNoNews(t *testing.T) {
	month := []func(int) int64{values(1), values(2), values(3)}
	quarter := plus(plus(month[0], month[1]), month[2])
	corrected := plus(plus(values(4), month[1]), month[2])
	columns := []NewsColumn{{Measure: "nox"}, {Measure: "nox"}}
	a := askNews(some, columns...)
	for i, m := range month {
		s := a.had(1, 0, int64(i), int64(i+1), m)
		if i == 1 {
			s.InUnit = nil // so that neither quarter is known from its months
		}
	}
	a.had(2, 1, 0, 3, quarter)
	a.had(3, 0, 0, 1, values(4))
	wantNews(t, a.news(t, 4, 1, 0, 3, firstOnly(values(8), corrected)), some, true, false)
}

func TestAMeanOfFinerReadingsIsNoNews(t *testing.T) {
	hours := func(e int) int32 { return int32(20 + e%5) }
	sum := func(e int) int64 { return values(1)(e) }
	a := askNews(some, NewsColumn{Measure: "pm25", Decimals: 1}, NewsColumn{Measure: "pm25", Decimals: 1})
	s := a.had(1, 0, 0, 1, sum)
	for e := range some {
		s.Cells[e] = hours(e)
	}
	mean := func(e int) int64 { return (sum(e) + int64(hours(e))/2) / int64(hours(e)) }
	wantNews(t, a.news(t, 2, 1, 0, 1, firstOnly(values(9), mean)), some, true, false)
}

func TestATotalAndItsPartsFollowFromEachOther(t *testing.T) {
	columns := []NewsColumn{{Measure: "total"}, {Measure: "coal"}, {Measure: "gas"}, {Measure: "oil"}}
	coal, gas, oil := values(1), values(2), func(e int) int64 {
		if e%3 == 0 {
			return math.MinInt64 // most have no oil
		}
		return values(3)(e)
	}
	total := func(e int) int64 {
		if e%3 == 0 {
			return coal(e) + gas(e)
		}
		return coal(e) + gas(e) + oil(e)
	}
	a := askNews(some, columns...)
	a.q.Totals = [][]int{{0, 1, 2, 3}}
	a.had(1, 0, 0, 1, total)
	a.had(1, 1, 0, 1, coal)
	if got := a.news(t, 1, 2, 0, 1, gas); got.Has(0) || !got.Has(1) {
		t.Error("while oil is unknown, gas must follow for those without oil alone")
	}
	a.had(1, 3, 0, 1, oil)
	got := a.news(t, 1, 2, 0, 1, firstOnly(values(9), gas))
	wantNews(t, got, some, true, false)
	a.q.Totals = nil
	wantNews(t, a.news(t, 1, 2, 0, 1, gas), some, true, true)
}

func TestACorrectionOfATotalFollowsFromItsPartsWhateverTheRest(t *testing.T) {
	a := askNews(some, NewsColumn{Measure: "total"}, NewsColumn{Measure: "coal"}, NewsColumn{Measure: "gas"})
	a.q.Totals = [][]int{{0, 1, 2}} // gas was never published
	a.had(1, 0, 0, 1, plus(values(1), values(2)))
	a.had(1, 1, 0, 1, values(1))
	a.had(2, 1, 0, 1, values(3))
	wantNews(t, a.news(t, 2, 0, 0, 1, firstOnly(values(9), plus(values(3), values(2)))), some, true, false)
}

func TestAQuarterThatLacksAMonthFollowsFromTheTwoOthers(t *testing.T) {
	a := askNews(some, NewsColumn{Measure: "nox"}, NewsColumn{Measure: "nox"})
	for i := range 3 {
		a.had(1, 0, int64(i), int64(i+1), values(uint64(i+1)))
	}
	a.q.Source = a.source(2, 1, 0, 3, firstOnly(values(9), plus(values(1), values(3))))
	a.q.Source.Periods = 3
	for e := range some {
		a.q.Source.Cells[e] = 2
	}
	a.q.New = a.q.Source.Cells
	got, err := FindNews(a.q)
	if err != nil {
		t.Fatal(err)
	}
	wantNews(t, got, some, true, false)
}

// A year in one dataset, half of its months in each of two others.
func TestAPeriodIsCoveredByFinerOnesOfSeveralDatasets(t *testing.T) {
	columns := []NewsColumn{{Measure: "nox"}, {Measure: "nox"}, {Measure: "nox"}}
	a := askNews(some, columns...)
	year := func(e int) int64 { return values(1)(e) + values(2)(e) + values(3)(e) + values(4)(e) }
	for i := range 4 {
		a.had(1, i/2, int64(i), int64(i+1), values(uint64(i+1)))
	}
	wantNews(t, a.news(t, 2, 2, 0, 4, firstOnly(values(9), year)), some, true, false)
}

func TestSmallCorrectionsAreNewsWhereSumsAreExact(t *testing.T) {
	month := []func(int) int64{values(1), values(2), values(3)}
	a := askNews(some, NewsColumn{Measure: "staff"}, NewsColumn{Measure: "staff"})
	for i, m := range month {
		a.had(1, 0, int64(i), int64(i+1), m)
	}
	quarter := plus(plus(month[0], month[1]), month[2])
	a.had(2, 1, 0, 3, quarter)
	one := func(int) int64 { return 1 }
	nothing := func(int) int64 { return 0 }
	wantNews(t, a.news(t, 3, 1, 0, 3, plus(quarter, firstOnly(one, nothing))), some, true, false)
}

func TestEqualVersionsNamesTheNewestInWhichTheClassIsAlone(t *testing.T) {
	all, half := Bits(nil).Set(0).Set(1).Set(2).Set(3), Bits(nil).Set(0).Set(1)
	got := EqualVersions([][]int32{{0, 1}, {2, 3}}, []Bits{all, half}, func(v int, c int32) bool { return v == 1 || c == 1 })
	if got[0] != 1 || got[1] != 1 {
		t.Errorf("equal to %v, want 1 and 1", got)
	}
	if got := EqualVersions([][]int32{{0, 1}, {2, 3}}, []Bits{all, half}, func(int, int32) bool { return true }); got[0] != 2 || got[1] != 1 {
		t.Errorf("equal to %v, want 2 and 1", got)
	}
}

func TestQuestionsThatContradictThemselvesAreErrors(t *testing.T) {
	for name, spoil := range map[string]func(*NewsQuestion){
		"lengths": func(q *NewsQuestion) { q.New = q.New[1:] },
		"periods": func(q *NewsQuestion) { q.Source.Periods = 0 },
		"column":  func(q *NewsQuestion) { q.Source.Column = 9 },
		"unit":    func(q *NewsQuestion) { q.Columns[0].Num = 3 },
		"total":   func(q *NewsQuestion) { q.Totals = [][]int{{7}} },
		"far": func(q *NewsQuestion) {
			q.Columns = append(q.Columns, NewsColumn{Measure: "a", Num: 1, Den: 1 << 50})
			q.Columns[0].Num, q.Columns[0].Den = 1<<50-1, 1
			q.Earlier = append(q.Earlier, q.Source)
			q.Source.Column = 1
		},
	} {
		a := askNews(some, NewsColumn{Measure: "nox"})
		a.q.Source = a.source(1, 0, 0, 1, values(1))
		a.q.New = append([]int32(nil), a.q.Source.Cells...)
		spoil(&a.q)
		if _, err := FindNews(a.q); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestTheSimplestFractionOfAnInterval(t *testing.T) {
	for _, x := range []struct{ lo, hi, want fraction }{
		{fraction{1999, 2}, fraction{2001, 2}, fraction{1000, 1}},
		{fraction{1, 3}, fraction{1, 2}, fraction{1, 2}},
		{fraction{314, 100}, fraction{315, 100}, fraction{22, 7}},
		{fraction{5, 1}, fraction{5, 1}, fraction{5, 1}},
	} {
		if got := simplest(reduced(x.lo.num, x.lo.den), x.hi); got != x.want {
			t.Errorf("from %v to %v: %v, want %v", x.lo, x.hi, got, x.want)
		}
	}
}

func BenchmarkNewsOfAYearBesideItsMonths(b *testing.B) {
	const n = 25_000
	a := askNews(n, NewsColumn{Measure: "nox"}, NewsColumn{Measure: "nox"})
	year := make([]int64, n)
	for m := range 12 {
		v := values(uint64(m))
		a.had(1, 0, int64(m), int64(m+1), v)
		for e := range n {
			year[e] += v(e)
		}
	}
	a.q.Source = a.source(2, 1, 0, 12, func(e int) int64 { return year[e] + int64(e%50/49) })
	a.q.New = a.q.Source.Cells
	for b.Loop() {
		if _, err := FindNews(a.q); err != nil {
			b.Fatal(err)
		}
	}
}
