package news

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/disclosure"
)

const january = 24 * 12 // 1994-01: months count from 1970

var monthly = disclosure.Dataset{ID: "plants", Grain: calendar.Month, PolicyGrain: calendar.Month, Measures: []string{"nox"}}

func months(n int64) calendar.Interval { return calendar.Interval{From: january, To: january + n} }

// reading is different for every entity and period, and no sum of others.
func reading(e, p int) int64 { return 100_000 + int64(e*e*7919+p*p*104_729+e*p*31)%50_021 }

func nox(cells [][]int64) measure {
	return measure{name: "nox", unit: "kg", decimals: 2, mid: 5000, cells: cells}
}

func wantNews(t *testing.T, f *Found, column int, period int64, entities []int, equal map[int][]int32) {
	t.Helper()
	have, same := who(f, column, period)
	if d := cmp.Diff(entities, have); d != "" {
		t.Errorf("column %d, period %d: (-news wanted +found)\n%s", column, period, d)
	}
	if d := cmp.Diff(equal, same); d != "" {
		t.Errorf("column %d, period %d: (-equal classes wanted +found)\n%s", column, period, d)
	}
}

func TestAFirstVersionDeclaresNothing(t *testing.T) {
	p := newPublisher(t, 9, 3)
	p.create(monthly)
	if f := p.publish("plants", months(2), january, nox(table(9, 2, reading))); len(f.News) > 0 || len(f.Undeclared) > 0 || len(f.Lost) > 0 {
		t.Errorf("%+v", f)
	}
}

// Corrections are news; what stays equals the version that it repeats; what is taken
// back is neither news nor a reading that is released anew.
func TestCorrectionsAreNewsAndWhatIsTakenBackIsNot(t *testing.T) {
	p := newPublisher(t, 9, 3)
	p.create(monthly)
	first := table(9, 2, reading)
	p.publish("plants", months(2), january, nox(first))
	// Two of class 0, one of class 1; a late period for all.
	second := with(first, map[[2]int]int64{{0, 0}: 7, {1, 0}: 9, {3, 0}: 11})
	second = table(9, 3, func(e, at int) int64 {
		if at < 2 {
			return second[e][at]
		}
		return reading(e, at)
	})
	f := p.publish("plants", months(3), january, nox(second))
	wantNews(t, f, 0, january, []int{0, 1, 3}, map[int][]int32{1: {2}})
	wantNews(t, f, 0, january+1, nil, map[int][]int32{1: {0, 1, 2}})
	wantNews(t, f, 0, january+2, nil, nil) // a first source: who counts
	// Entity 0 gets its first reading back, entity 1 another one.
	third := with(second, map[[2]int]int64{{0, 0}: first[0][0], {1, 0}: 13})
	f = p.publish("plants", months(3), january, nox(third))
	wantNews(t, f, 0, january, []int{1}, map[int][]int32{1: {2}})
	// And all of class 0 as in the first version: it equals that one.
	fourth := with(third, map[[2]int]int64{{1, 0}: first[1][0]})
	f = p.publish("plants", months(3), january, nox(fourth))
	wantNews(t, f, 0, january, nil, map[int][]int32{1: {0, 2}})
}

// A cell that vanishes is no news, and its class equals nothing.
func TestACellThatVanishesIsNoNews(t *testing.T) {
	p := newPublisher(t, 6, 3)
	p.create(monthly)
	first := table(6, 1, reading)
	p.publish("plants", months(1), january, nox(first))
	f := p.publish("plants", months(1), january, nox(with(first, map[[2]int]int64{{2, 0}: none})))
	wantNews(t, f, 0, january, nil, map[int][]int32{1: {1}})
}

// The same quantity under the same name in another dataset, in another unit, of another
// grain: what follows from it is no news.
func TestReadingsOfAnotherDatasetOfTheFamilyAreNoNews(t *testing.T) {
	p := newPublisher(t, 9, 3)
	p.create(monthly)
	cells := table(9, 12, reading)
	p.publish("plants", months(12), january, nox(cells))
	years := calendar.Interval{From: calendar.Month.In(january, calendar.Year), To: calendar.Month.In(january, calendar.Year) + 1}
	yearly := monthly
	yearly.ID, yearly.Grain, yearly.PolicyGrain = "annual", calendar.Year, calendar.Year
	p.create(yearly)
	// In tonnes with five decimals, which is the same precision; two entities differ.
	sums := table(9, 1, func(e, _ int) int64 {
		sum := int64(0)
		for _, v := range cells[e] {
			sum += v
		}
		if e == 4 || e == 7 {
			sum += 12_345
		}
		return sum
	})
	f := p.publish("annual", years, years.From, measure{name: "nox", unit: "t", decimals: 5, cells: sums})
	wantNews(t, f, 0, years.From, []int{4, 7}, nil)
}

// Without the record of one version nothing is declared of the sources that it is needed
// for; everything else is.
func TestLostRecordsDeclareNothingAndNameTheVersion(t *testing.T) {
	p := newPublisher(t, 9, 3)
	p.create(monthly)
	first := table(9, 2, reading)
	p.publish("plants", months(2), january, nox(first))
	second := with(first, map[[2]int]int64{{0, 1}: 7, {1, 1}: 9})
	p.publish("plants", months(2), january, nox(second))
	lost := Edition{"plants", 1}
	delete(p.kept, lost)
	third := table(9, 3, func(e, at int) int64 {
		switch {
		case at == 2:
			return reading(e, at)
		case at == 0 && e < 3:
			return int64(e) + 50
		}
		return second[e][at]
	})
	_, f := p.find("plants", months(3), january, nox(third))
	if d := cmp.Diff([]Edition{lost}, f.Lost); d != "" {
		t.Errorf("(-lost +found)\n%s", d)
	}
	nox := disclosure.Column{Measure: "nox"}
	if d := cmp.Diff([]Undeclared{{nox, january}, {nox, january + 1}}, f.Undeclared); d != "" {
		t.Errorf("(-undeclared +found)\n%s", d)
	}
	// Class 0 of the second month is a unit of version 2, of which the record is here.
	wantNews(t, f, 0, january, nil, nil)
	wantNews(t, f, 0, january+1, nil, map[int][]int32{2: {0}})
}

// A record that lacks the first periods is as good as none there, and whole behind.
func TestARecordOfTheLastPeriodsServesThese(t *testing.T) {
	p := newPublisher(t, 6, 3)
	p.create(monthly)
	first := table(6, 2, reading)
	p.publish("plants", months(2), january, nox(first))
	p.kept[Edition{"plants", 1}].Unknown = 1
	_, f := p.find("plants", months(2), january, nox(with(first, map[[2]int]int64{{0, 0}: 7, {1, 1}: 9})))
	wantNews(t, f, 0, january, nil, nil)
	wantNews(t, f, 0, january+1, []int{1}, map[int][]int32{1: {1}})
	if len(f.Undeclared) != 1 || f.Undeclared[0].Period != january {
		t.Errorf("undeclared %+v", f.Undeclared)
	}
}

// The second of two related measures of one version, in another unit, tells nothing; of
// two that are independent everything.
func TestRelatedMeasuresOfOneVersionAreCompared(t *testing.T) {
	p := newPublisher(t, 60, 3)
	d := monthly
	d.Measures = []string{"nox", "nox_t", "dust", "total"}
	d.Related = [][]string{{"nox", "nox_t"}, {"nox", "dust", "total"}}
	p.create(d)
	n, dust := table(60, 1, reading), table(60, 1, func(e, _ int) int64 { return 3000 + int64(e*e*613)%977 })
	f := p.publish("plants", months(1), january,
		nox(n),
		measure{name: "nox_t", unit: "t", decimals: 5, cells: n},
		measure{name: "dust", unit: "kg", decimals: 2, cells: dust},
		measure{name: "total", unit: "kg", decimals: 2, cells: table(60, 1, func(e, _ int) int64 {
			if e == 8 {
				return 7_654_321 // is no total
			}
			return n[e][0] + dust[e][0]
		})})
	wantNews(t, f, 1, january, nil, nil)
	if got, _ := who(f, 2, january); len(got) != 60 {
		t.Errorf("dust is news of %v only", got)
	}
	wantNews(t, f, 3, january, []int{8}, nil)
}

// The square of a measure that is 0 or 1 is the measure; of another one it is news, but
// only where the measure itself has news in this version.
func TestASquareThatIsItsMeasureIsNoNews(t *testing.T) {
	p := newPublisher(t, 9, 3)
	d := monthly
	d.Measures = []string{"runs", "nox"}
	d.Moments = [][2]string{{"runs", "runs"}, {"nox", "nox"}, {"runs", "nox"}}
	p.create(d)
	runs := table(9, 1, func(e, _ int) int64 { return int64(e % 2) })
	first := table(9, 1, reading)
	f := p.publish("plants", months(1), january, measure{name: "runs", unit: "1", mid: 3, cells: runs}, nox(first))
	wantNews(t, f, 2, january, nil, nil)
	wantNews(t, f, 3, january, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}, nil)
	f = p.publish("plants", months(1), january, measure{name: "runs", unit: "1", mid: 3, cells: runs}, nox(with(first, map[[2]int]int64{{1, 0}: 7, {3, 0}: 11})))
	wantNews(t, f, 1, january, []int{1, 3}, map[int][]int32{1: {2}})
	got, _ := who(f, 3, january)
	if d := cmp.Diff([]int{1, 3}, got); d != "" {
		t.Errorf("squares (-news wanted +found)\n%s", d)
	}
}

// Days by months: half of the month's days must be new.
func TestACorrectedDayIsNoNewsOfItsMonth(t *testing.T) {
	p := newPublisher(t, 6, 3)
	d := monthly
	d.Grain = calendar.Day
	p.create(d)
	first := calendar.Month.Span(january, calendar.Day).From
	days := table(6, 31, reading)
	p.publish("plants", months(1), first, nox(days))
	changes := map[[2]int]int64{{0, 3}: 7}
	for day := range 16 {
		changes[[2]int{4, day}] = int64(50 + day*day)
	}
	for day := range 15 {
		changes[[2]int{5, day}] = int64(70 + day*day)
	}
	f := p.publish("plants", months(1), first, nox(with(days, changes)))
	wantNews(t, f, 0, january, []int{4}, nil)
}

// Readings whose products are no int64 have no news, and harm nobody else.
func TestSumsThatDoNotFitHaveNoNews(t *testing.T) {
	p := newPublisher(t, 6, 3)
	d := monthly
	d.Moments = [][2]string{{"nox", "nox"}}
	p.create(d)
	f := p.publish("plants", months(1), january, nox(with(table(6, 1, reading), map[[2]int]int64{{2, 0}: 1 << 40})))
	wantNews(t, f, 1, january, []int{0, 1, 3, 4, 5}, nil)
}
