package calendar

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestPeriodsAgreeWithTheCalendarOfTheTimePackage compares every grain's index
// and text with package time's proleptic Gregorian calendar.
func TestPeriodsAgreeWithTheCalendarOfTheTimePackage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hour := rapid.Int64Range(Hour.Bounds().From, Hour.Bounds().To-1).Draw(t, "hour")
		at := time.Unix(hour*3600, 0).UTC()
		y, m := int64(at.Year()), int64(at.Month())
		q := (m-1)/3 + 1
		for _, want := range []struct {
			grain Grain
			index int64
			text  string
		}{
			{Hour, hour, at.Format("2006-01-02T15")},
			{Week, floorDiv(at.Unix()+3*86400, 7*86400), isoWeek(at)},
			{Day, floorDiv(at.Unix(), 86400), at.Format("2006-01-02")},
			{Month, (y-1970)*12 + m - 1, at.Format("2006-01")},
			{Quarter, (y-1970)*4 + q - 1, at.Format("2006") + "-Q" + string(rune('0'+q))},
			{Year, y - 1970, at.Format("2006")},
		} {
			i := Hour.In(hour, want.grain)
			if i != want.index {
				t.Fatalf("%s: %s has index %d, want %d", want.grain, at, i, want.index)
			}
			if s := want.grain.Format(i); s != want.text {
				t.Fatalf("%s %d is written %s, want %s", want.grain, i, s, want.text)
			}
			g, back, err := Parse(want.text)
			if err != nil || g != want.grain || back != i {
				t.Fatalf("%s is read as %s %d, %v", want.text, g, back, err)
			}
			if span := want.grain.Span(i, Hour); hour < span.From || hour >= span.To {
				t.Fatalf("%s does not span its own hour", want.text)
			}
		}
	})
}

// TestSpansPartitionTheFinerPeriods: the spans of neighbours touch, and In is
// the inverse of Span.
func TestSpansPartitionTheFinerPeriods(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := rapid.SampledFrom(Grains[:]).Draw(t, "grain")
		fits := slices.DeleteFunc(slices.Clone(Grains[:]), func(h Grain) bool { return !g.Groups(h) && !h.Groups(g) })
		fine := rapid.SampledFrom(fits).Draw(t, "fine")
		b := g.Bounds()
		i := rapid.Int64Range(b.From, b.To-1).Draw(t, "i")
		span := g.Span(i, fine)
		if g.Finer(fine) {
			if span.To != span.From+1 || span.From != g.In(i, fine) {
				t.Fatalf("span of a coarser grain is %v", span)
			}
			return
		}
		if span.From >= span.To || g.Span(i+1, fine).From != span.To || g.In(i, fine) != span.From {
			t.Fatalf("%s %s spans %v, the next %v", g, g.Format(i), span, g.Span(i+1, fine))
		}
		if fine.In(span.From, g) != i || fine.In(span.To-1, g) != i || fine.In(span.To, g) != i+1 {
			t.Fatalf("%s %s: In is not the inverse of Span", g, g.Format(i))
		}
	})
}

func isoWeek(at time.Time) string {
	y, w := at.ISOWeek()
	return fmt.Sprintf("%04d-W%02d", y, w)
}

// Half-hours and quarter-hours, by the clock of package time; and what a text with minutes is.
func TestPartsOfHoursAgreeWithTheClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.Int64Range(QuarterHour.Bounds().From, QuarterHour.Bounds().To-1).Draw(t, "quarter of an hour")
		at := time.Unix(i*900, 0).UTC()
		text := at.Format("2006-01-02T15:04")
		if got := QuarterHour.Format(i); got != text {
			t.Fatalf("written %s, want %s", got, text)
		}
		if g, back, err := Parse(text); err != nil || g != QuarterHour || back != i {
			t.Fatalf("%s is read as %s %d, %v", text, g, back, err)
		}
		half := floorDiv(at.Unix(), 1800)
		if got := QuarterHour.In(i, HalfHour); got != half {
			t.Fatalf("%s is in half-hour %d, want %d", text, got, half)
		}
		if want := at.Truncate(30 * time.Minute).Format("2006-01-02T15:04"); HalfHour.Format(half) != want {
			t.Fatalf("half-hour %s, want %s", HalfHour.Format(half), want)
		}
		g, back, err := ParseOf(text, HalfHour)
		if wants := at.Minute()%30 == 0; err != nil || (g == HalfHour && back == half) != wants {
			t.Fatalf("%s of half-hours is read as %s %d, %v", text, g, back, err)
		}
	})
}

// Weeks lie in no month and no quarter, and among themselves in the ISO year of their number.
func TestWeeksGroupByISOYearsAlone(t *testing.T) {
	for _, h := range Grains {
		if got, want := Week.Groups(h), h == Week || h == Year; got != want {
			t.Errorf("weeks are grouped by %s: %t", h, got)
		}
		if Week.Nests(h) != (h == Week) {
			t.Errorf("weeks nest in %s", h)
		}
		if got, want := h.Nests(Week), !Week.Finer(h); got != want {
			t.Errorf("%s nests in weeks: %t", h, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		b := Week.Bounds()
		week := rapid.Int64Range(b.From, b.To-1).Draw(t, "week")
		year := Week.In(week, Year)
		if span := Year.Span(year, Week); week < span.From || week >= span.To || span.To-span.From < 52 || span.To-span.From > 53 {
			t.Fatalf("ISO year %d has the weeks %v, and week %d is of it", year, span, week)
		}
		monday := time.Unix(Week.Span(week, Day).From*86400, 0).UTC()
		if y, _ := monday.ISOWeek(); int64(y) != 1970+year || monday.Weekday() != time.Monday {
			t.Fatalf("week %d begins on %s and is of ISO year %d", week, monday, 1970+year)
		}
	})
	for text, first := range map[string]string{"2024-W01": "2024-01-01", "2020-W53": "2020-12-28", "2021-W01": "2021-01-04", "1970-W01": "1969-12-29", "2025-W01": "2024-12-30"} {
		g, i, err := Parse(text)
		if err != nil || g != Week || Day.Format(g.Span(i, Day).From) != first {
			t.Errorf("%s begins on %s, want %s; %v", text, Day.Format(g.Span(i, Day).From), first, err)
		}
	}
}

func TestImpossiblePeriodsAreRefused(t *testing.T) {
	for _, s := range []string{
		"", "2", "202", "20245", "2024-", "2024-Q", "2024-Q0", "2024-Q5", "2024-q1", "0000", "0000-Q1", "2024-00", "2024-13", "2024-1",
		"2024-01-", "2024-02-30", "2023-02-29", "1900-02-29", "2024-04-31", "2024-01-00", "2024-01-32", "2024-01-01T", "2024-01-01T24",
		"2024-01-01T1", "2024-01-01 10", "2024-01-01T10:07", "2024-01-01T10:60", "2024-01-01T24:00", "2024-W00", "2024-W53", "2020-W54", "2024-W5", "0000-W01", "2024-w05", "2024/01", "-024", "+024", "２０２４", "2024-01-01T10Z", " 2024", "2024 ",
	} {
		if g, i, err := Parse(s); err == nil {
			t.Errorf("%q is read as %s %d", s, g, i)
		}
	}
	for _, s := range []string{"2024-02-29", "2000-02-29", "0001-01-01T00", "9999-12-31T23", "9999-12-31T23:45", "2020-W53", "0001-W01", "9999-W52"} {
		if _, _, err := Parse(s); err != nil {
			t.Error(err)
		}
	}
}

func TestGrainsAreOrdered(t *testing.T) {
	for i, g := range Grains {
		if !g.Valid() {
			t.Fatalf("%s is no grain", g)
		}
		for j, h := range Grains {
			if g.Finer(h) != (i < j) {
				t.Fatalf("%s finer than %s: %t", g, h, g.Finer(h))
			}
		}
	}
	if Grain("decade").Valid() || Grain("decade").Format(3) != "3" {
		t.Fatal("a decade is a grain")
	}
	for g, want := range map[Grain]Grain{QuarterHour: HalfHour, Hour: Day, Day: Month, Week: Year, Year: ""} {
		if got := g.Coarser(); got != want {
			t.Errorf("coarser than %s is %q, want %q", g, got, want)
		}
	}
}

func FuzzParsePeriod(f *testing.F) {
	for _, s := range []string{"2024", "2024-Q1", "2024-05", "2024-05-07", "2024-05-07T13", "2024-05-07T13:45", "2024-W05", "2023-02-29", "2024-Q", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g, i, err := Parse(s)
		if err != nil {
			return
		}
		if got := g.Format(i); got != s {
			t.Fatalf("%q is written %q", s, got)
		}
		if b := g.Bounds(); i < b.From || i >= b.To {
			t.Fatalf("%q is out of bounds", s)
		}
	})
}
