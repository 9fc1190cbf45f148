package disclosure

import (
	"errors"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog/calendar"
)

func wantDeclared(t *testing.T, err error, code string) {
	t.Helper()
	var d *DeclarationError
	if !errors.As(err, &d) || d.Code != code {
		t.Errorf("got %v, want a declaration error of code %s", err, code)
	}
}

func wantConflict(t *testing.T, err error, code string) {
	t.Helper()
	var c *Conflict
	if !errors.As(err, &c) || c.Code != code {
		t.Errorf("got %v, want a conflict of code %s", err, code)
	}
}

func wantUnits(t *testing.T, s *Source, want string) {
	t.Helper()
	if got := unitsText(s); got != want {
		t.Errorf("units %q, want %q", got, want)
	}
}

// counties and industries: classes 0 (A, p), 1 (A, q), 2 (B, p), 3 (B, q).
var counties, industries = "AAAAAA BBBBBB", "pppqqq pppqqq"

func TestClassesWithNewsAreUnitsAndOthersJoinBottomUp(t *testing.T) {
	for _, c := range []struct{ about, second, want string }{
		{"nothing new", "111 111 111 111", ""},
		{"k in a class", "221 111 111 111", "0"},
		{"one in a class stays at the root", "211 111 111 111", ""},
		{"one in each of two classes of a county", "211 211 111 111", "0+1"},
		{"one in each of two counties", "211 111 211 111", "0+2"},
		{"one joins the unit of its county", "211 221 111 222", "0+1 3"},
		{"one in a county without a unit joins the smallest at the root", "211 111 222 221", "0+2 3"},
		{"two counties by themselves", "211 112 211 112", "0+1 2+3"},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := newToy(t, 2, counties, industries)
			a := w.admit(monthly("a", "x"))
			first := w.publish(a, rows("x", "111 111 111 111"))
			wantUnits(t, first.Source(x, 0), "0 1 2 3")
			second := w.publish(a, rows("x", c.second)).Source(x, 0)
			wantUnits(t, second, c.want)
			for class := range int32(4) {
				equal := letters(c.second)[3*class:3*class+3] == "111"
				if chosen := second.Chosen(class); (chosen == 1) != equal {
					t.Errorf("class %d chose version %d", class, chosen)
				}
			}
		})
	}
}

func TestAClassWithoutCellsIsInNoUnitAndBlocksNobody(t *testing.T) {
	w := newToy(t, 2, counties, industries)
	a := w.admit(monthly("a", "x"))
	s := w.publish(a, rows("x", "... 111 ... 1.1")).Source(x, 0)
	wantUnits(t, s, "1 3")
	if s.InUnit(0) || s.Chosen(0) != 0 {
		t.Error("a class without cells is in a unit, or chooses one")
	}
}

func TestAMissingReadingInASmallClassJoinsItThatMonthOnly(t *testing.T) {
	w := newToy(t, 3, counties, industries)
	a := w.admit(monthly("a", "x"))
	s := w.publish(a, rows("x", "111 111 11. 111", "111 111 111 111"))
	wantUnits(t, s.Source(x, 0), "0 1 2+3")
	wantUnits(t, s.Source(x, 1), "0 1 2 3")
}

func TestAVersionTakenBackIsChosenAndMakesNoUnit(t *testing.T) {
	w := newToy(t, 2, twoClasses)
	a := w.admit(monthly("a", "x"))
	w.publish(a, rows("x", "1111 1111"))
	wantUnits(t, w.publish(a, rows("x", "2211 1111")).Source(x, 0), "0")
	third := w.publish(a, rows("x", "1111 1111")).Source(x, 0)
	wantUnits(t, third, "")
	if third.Chosen(0) != 1 || third.Chosen(1) != 1 {
		t.Errorf("version 3 chose %d and %d, want the first", third.Chosen(0), third.Chosen(1))
	}
}

func TestAClassThatEqualsOneThatChoseTakesThatChoice(t *testing.T) {
	w := newToy(t, 2, twoClasses)
	a := w.admit(monthly("a", "x"))
	w.publish(a, rows("x", "1111 1111"))
	w.publish(a, rows("x", "1111 1111"))
	third := w.publish(a, rows("x", "1111 1111"), func(in *VersionInput) {
		in.News[0].Equal = []EqualClasses{{2, []int32{0, 1}}}
	}).Source(x, 0)
	if third.Chosen(0) != 1 {
		t.Errorf("chose version %d, want 1", third.Chosen(0))
	}
}

func TestAPeriodThatGoesLiveLateIsAFirstSource(t *testing.T) {
	w := newToy(t, 2, twoClasses)
	a := w.admit(monthly("a", "x"))
	w.publish(a, rows("x", "1111 1111"))
	second := w.publish(a, rows("x", "1111 1111", "1111 1111"))
	wantUnits(t, second.Source(x, 1), "0 1")
	wantUnits(t, second.Source(x, 0), "")
}

func TestYearAndMonthsAreComparedBothWays(t *testing.T) {
	yearly := Dataset{ID: "y", Grain: calendar.Year, PolicyGrain: calendar.Year, Measures: []string{"x"}}
	w := newToy(t, 2, twoClasses)
	m := w.admit(monthly("m", "x"))
	w.admit(yearly)
	if !w.f.First("y", x, 0) {
		t.Error("a year before its months is no first source")
	}
	w.publish(m, rows("x", "1111 1111"))
	if w.f.First("y", x, 0) || !w.f.First("y", x, 1) {
		t.Error("only the year with a month released is compared")
	}
	v := newToy(t, 2, twoClasses)
	y := v.admit(yearly)
	v.admit(monthly("m", "x"))
	v.publish(y, rows("x", "1111 1111"))
	if v.f.First("m", x, 11) || !v.f.First("m", x, 12) {
		t.Error("a month of a released year is compared, the month after is not")
	}
}

func TestTheSecondOfTwoRelatedColumnsOfAVersionIsNoFirstSource(t *testing.T) {
	w := newToy(t, 2, twoClasses)
	d := monthly("a", "x", "x_kg", "z")
	d.Related = [][]string{{"x", "x_kg"}}
	d.Moments = [][2]string{{"x", "z"}}
	w.admit(d)
	for c, want := range map[Column]bool{{Measure: "x"}: true, {Measure: "x_kg"}: false, {Measure: "z"}: true, {"x", "z"}: false, {Measure: "none"}: false} {
		if got := w.f.First("a", c, 0); got != want {
			t.Errorf("%v is a first source: %v", c, got)
		}
	}
}

func TestDeclarationsThatPresenceContradictsAreRefused(t *testing.T) {
	for _, c := range []struct {
		about, code string
		change      func(*VersionInput)
	}{
		{"news of one who does not count", DeclaredCounts, func(in *VersionInput) { in.News[0].News = Bits{0x80} }},
		{"news of an entity behind the last", DeclaredOrder, func(in *VersionInput) { in.News[0].News = Bits{0x100} }},
		{"an equal class with other presence", DeclaredPresence, func(in *VersionInput) { in.News[0].Equal = []EqualClasses{{1, []int32{1}}} }},
		{"news in an equal class", DeclaredBoth, func(in *VersionInput) {
			in.News[0].News = Bits{1}
			in.News[0].Equal = []EqualClasses{{1, []int32{0}}}
		}},
		{"a version that is not there", DeclaredOrder, func(in *VersionInput) { in.News[0].Equal = []EqualClasses{{2, []int32{0}}} }},
		{"a class that is not there", DeclaredOrder, func(in *VersionInput) { in.News[0].Equal = []EqualClasses{{1, []int32{2}}} }},
		{"a class twice", DeclaredOrder, func(in *VersionInput) { in.News[0].Equal = []EqualClasses{{1, []int32{0, 0}}} }},
		{"a period that does not go live", DeclaredOrder, func(in *VersionInput) { in.News[0].Period = 5 }},
		{"a column that is not there", DeclaredOrder, func(in *VersionInput) { in.News[0].Column = 1 }},
		{"a source twice", DeclaredOrder, func(in *VersionInput) { in.News = append(in.News, in.News[0]) }},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := newToy(t, 2, twoClasses)
			a := w.admit(monthly("a", "x"))
			w.publish(a, rows("x", "1111 1111"))
			_, err := w.try(a, rows("x", "1111 111."), c.change)
			wantDeclared(t, err, c.code)
		})
	}
	w := newToy(t, 2, twoClasses)
	a := w.admit(monthly("a", "x"))
	_, err := w.try(a, rows("x", "1111 1111"), func(in *VersionInput) { in.News = []SourceNews{{News: Bits{1}}} })
	wantDeclared(t, err, DeclaredFirst)
}

func TestNoDeclarationIsNoNews(t *testing.T) {
	w := newToy(t, 2, twoClasses)
	a := w.admit(monthly("a", "x"))
	w.publish(a, rows("x", "1111 1111"))
	second := w.publish(a, rows("x", "2222 2222"), func(in *VersionInput) { in.News = nil })
	wantUnits(t, second.Source(x, 0), "")
}

func TestVersionsAndDatasetsThatAreNotThereAreRefused(t *testing.T) {
	w := newToy(t, 2, twoClasses)
	a := w.admit(monthly("a", "x"))
	w.publish(a, rows("x", "1111 1111"))
	_, err := w.f.Settle("b", VersionInput{Version: 1}, a)
	wantConflict(t, err, ConflictUnknown)
	_, err = w.f.Settle("a", VersionInput{Version: 1}, a)
	wantConflict(t, err, ConflictVersion)
	wantConflict(t, w.f.Add("a", &Settled{Version: 1}), ConflictVersion)
	wantConflict(t, w.f.Add("b", &Settled{Version: 1}), ConflictUnknown)
}

// A week across the end of a month is refused beside it, and the other way round, with the period.
func TestWeeksThatCrossAMonthAreRefusedBesideIt(t *testing.T) {
	named := func(text string) calendar.Interval {
		_, i, err := calendar.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return calendar.Interval{From: i, To: i + 1}
	}
	rng := seeded(1, "weeks and months")
	for _, c := range []struct {
		first, next  calendar.Grain
		before, then string
		want         string
	}{
		{calendar.Month, calendar.Week, "2024-01", "2024-W05", "2024-W05 of x overlaps a month of x in dataset first, "},
		{calendar.Week, calendar.Month, "2024-W05", "2024-02", "2024-02 of x overlaps a week of x in dataset first, "},
		{calendar.Week, calendar.Year, "2025-W01", "2024", "2024 of x overlaps a week of x in dataset first, "},
		{calendar.Month, calendar.Week, "2024-01", "2024-W04", ""},
		{calendar.Year, calendar.Week, "2024", "2025-W01", "2025-W01 of x overlaps a year of x in dataset first, "},
	} {
		s := newScenario(t, rng, newTruth(rng, calendar.Day, 1), 2, drawCodes(rng, nil, 8), nil)
		x := measured{name: "x", quantities: []int{0}, divisor: 1}
		s.publish(s.create(Dataset{ID: "first", Grain: c.first, PolicyGrain: c.first}, x), named(c.before))
		p := s.create(Dataset{ID: "next", Grain: c.next, PolicyGrain: c.next}, x)
		p.editions = append(p.editions, p.capture(s.truth, named(c.then), s.entities))
		_, err := s.family.Settle("next", VersionInput{Version: 1, Entities: s.entities, Closed: named(c.then)}, p)
		switch {
		case c.want == "":
			if err != nil {
				t.Errorf("%s beside %s: %v", c.then, c.before, err)
			}
		case err == nil || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s beside %s: %v", c.then, c.before, err)
		default:
			wantConflict(t, err, ConflictPeriods)
		}
	}
}

func TestPeriodsThatOverlapNestInOneAnotherOrDoNot(t *testing.T) {
	week, month := calendar.Interval{From: 24, To: 31}, calendar.Interval{From: 0, To: 30}
	if nests(week, month) || !nests(month, calendar.Interval{From: 3, To: 30}) || !nests(week, week) {
		t.Error("a week across the end of a month nests, or a day in it does not")
	}
	first := calendar.HalfHour.In(calendar.Day.Span(20000, calendar.HalfHour).From, calendar.HalfHour)
	if touched, nested := overlap(calendar.HalfHour, first+1, calendar.HalfHour); touched != (calendar.Interval{From: first + 1, To: first + 2}) || !nested {
		t.Errorf("the second half of an hour touches %v, want itself alone", touched)
	}
	if touched, nested := overlap(calendar.QuarterHour, 2*first+3, calendar.Hour); touched.To != touched.From+1 || touched.From != first/2 || !nested {
		t.Errorf("a quarter of an hour touches hours %v, nested %t", touched, nested)
	}
	named := func(text string) int64 {
		_, i, err := calendar.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	for text, nests := range map[string]bool{"2024-W04": true, "2024-W05": false} { // January 22 to 28, and to February 4
		if _, nested := overlap(calendar.Week, named(text), calendar.Month); nested != nests {
			t.Errorf("%s nests in months: %t", text, nested)
		}
		if _, nested := overlap(calendar.Day, calendar.Week.Span(named(text), calendar.Day).From, calendar.Week); !nested {
			t.Errorf("the Monday of %s does not nest in it", text)
		}
	}
	if _, nested := overlap(calendar.Year, 54, calendar.Week); nested {
		t.Error("2024 nests with its weeks, and the last of them is in two years")
	}
	touched, nested := overlap(calendar.Month, 13, calendar.Year)
	if touched != (calendar.Interval{From: 1, To: 2}) || !nested {
		t.Errorf("a month touches the years %v", touched)
	}
	touched, nested = overlap(calendar.Year, 1, calendar.Month)
	if touched != (calendar.Interval{From: 12, To: 24}) || !nested {
		t.Errorf("a year touches the months %v", touched)
	}
}

func TestEntitiesThatDoNotCountHaveCellsAndNoNews(t *testing.T) {
	w := newToy(t, 2, twoClasses)
	a := w.admit(monthly("a", "x"))
	s := w.publish(a, rows("x", "1??? 1111")).Source(x, 0)
	wantUnits(t, s, "0+1")
	if s.News().Count() != 5 {
		t.Errorf("%d entities have news, want 5", s.News().Count())
	}
}

func TestACloneGrowsApart(t *testing.T) {
	w := newToy(t, 2, twoClasses)
	a := w.admit(monthly("a", "x"))
	w.publish(a, rows("x", "1111 1111"))
	clone := w.f.Clone()
	d := monthly("b", "y")
	d.MinCohort = 2
	if err := clone.Admit(d); err != nil {
		t.Fatal(err)
	}
	settled, err := clone.Settle("a", VersionInput{Version: 2, Entities: 8, Closed: calendar.Interval{To: 1}}, repeated{a})
	if err != nil {
		t.Fatal(err)
	}
	if err = clone.Add("a", settled); err != nil {
		t.Fatal(err)
	}
	if len(w.f.Versions("a")) != 1 || len(w.f.members) != 1 || len(clone.Versions("a")) != 2 {
		t.Error("the family grew with its clone, or the clone did not")
	}
	w.publish(a, rows("x", "2222 1111"))
	if got := clone.Choose("a", x, 0, 2, []int32{0, 0}, nil)[0]; got != 1 {
		t.Errorf("the clone chooses version %d", got)
	}
}

// repeated has the first version's cells in all.
type repeated struct{ *toySet }

func (r repeated) Cells(_ int, measure string, period int64) (present, counts Bits) {
	return r.toySet.Cells(1, measure, period)
}
