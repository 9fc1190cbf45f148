package catalog

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestPeriodsAgreeWithTheCalendarOfTheTimePackage compares every grain's index
// and text with package time's proleptic Gregorian calendar.
func TestPeriodsAgreeWithTheCalendarOfTheTimePackage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hour := rapid.Int64Range(GrainHour.Bounds().From, GrainHour.Bounds().To-1).Draw(t, "hour")
		at := time.Unix(hour*3600, 0).UTC()
		y, m := int64(at.Year()), int64(at.Month())
		q := (m-1)/3 + 1
		for _, want := range []struct {
			grain Grain
			index int64
			text  string
		}{
			{GrainHour, hour, at.Format("2006-01-02T15")},
			{GrainDay, floorDiv(at.Unix(), 86400), at.Format("2006-01-02")},
			{GrainMonth, (y-1970)*12 + m - 1, at.Format("2006-01")},
			{GrainQuarter, (y-1970)*4 + q - 1, at.Format("2006") + "-Q" + string(rune('0'+q))},
			{GrainYear, y - 1970, at.Format("2006")},
		} {
			i := GrainHour.In(hour, want.grain)
			if i != want.index {
				t.Fatalf("%s: %s has index %d, want %d", want.grain, at, i, want.index)
			}
			if s := want.grain.Format(i); s != want.text {
				t.Fatalf("%s %d is written %s, want %s", want.grain, i, s, want.text)
			}
			g, back, err := ParsePeriod(want.text)
			if err != nil || g != want.grain || back != i {
				t.Fatalf("%s is read as %s %d, %v", want.text, g, back, err)
			}
			if span := want.grain.Span(i, GrainHour); hour < span.From || hour >= span.To {
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
		fine := rapid.SampledFrom(Grains[:]).Draw(t, "fine")
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

func TestImpossiblePeriodsAreRefused(t *testing.T) {
	for _, s := range []string{
		"", "2", "202", "20245", "2024-", "2024-Q", "2024-Q0", "2024-Q5", "2024-q1", "0000", "0000-Q1", "2024-00", "2024-13", "2024-1",
		"2024-01-", "2024-02-30", "2023-02-29", "1900-02-29", "2024-04-31", "2024-01-00", "2024-01-32", "2024-01-01T", "2024-01-01T24",
		"2024-01-01T1", "2024-01-01 10", "2024-01-01T10:00", "2024/01", "-024", "+024", "２０２４", "2024-01-01T10Z", " 2024", "2024 ",
	} {
		if g, i, err := ParsePeriod(s); err == nil {
			t.Errorf("%q is read as %s %d", s, g, i)
		}
	}
	for _, s := range []string{"2024-02-29", "2000-02-29", "0001-01-01T00", "9999-12-31T23"} {
		if _, _, err := ParsePeriod(s); err != nil {
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
	if Grain("week").Valid() || Grain("week").Format(3) != "3" {
		t.Fatal("week is a grain")
	}
}

func FuzzParsePeriod(f *testing.F) {
	for _, s := range []string{"2024", "2024-Q1", "2024-05", "2024-05-07", "2024-05-07T13", "2023-02-29", "2024-Q", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g, i, err := ParsePeriod(s)
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
