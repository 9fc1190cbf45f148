package catalog

import (
	"github.com/weirdata/weir/catalog/calendar"
	"testing"
)

func TestNewsDigestTellsSourcesApart(t *testing.T) {
	base := SourceNews{Column: 1, Period: 7, News: []byte{3}, Equal: []EqualClasses{{Version: 1, Classes: []int32{0, 4}}}}
	seen := map[Digest]bool{}
	for i, list := range [][]SourceNews{
		nil,
		{base},
		{{Column: 2, Period: 7, News: base.News, Equal: base.Equal}},
		{{Column: 1, Period: 8, News: base.News, Equal: base.Equal}},
		{{Column: 1, Period: 7, News: []byte{2}, Equal: base.Equal}},
		{{Column: 1, Period: 7, News: base.News}},
		{{Column: 1, Period: 7, News: base.News, Equal: []EqualClasses{{Version: 2, Classes: []int32{0, 4}}}}},
		{{Column: 1, Period: 7, News: base.News, Equal: []EqualClasses{{Version: 1, Classes: []int32{0, 5}}}}},
		{{Column: 1, Period: 7, News: base.News, Equal: []EqualClasses{{Version: 1, Classes: []int32{0}}, {Version: 4}}}},
		{base, base},
	} {
		d := NewsDigest(list)
		if seen[d] || d.IsZero() != (i == 0) {
			t.Errorf("list %d has the digest %s of another one", i, d)
		}
		seen[d] = true
	}
}

func TestNewsInAnotherFormIsRefused(t *testing.T) {
	good := SourceNews{News: []byte{255, 1}, Equal: []EqualClasses{{Version: 1, Classes: []int32{0, 4}}, {Version: 2, Classes: []int32{1}}}}
	if r := good.Check("news[0]", 9, 3); r != nil {
		t.Fatal(r)
	}
	for name, n := range map[string]SourceNews{
		"nothing":               {},
		"a bitmap too short":    {News: []byte{1}},
		"a bit behind the last": {News: []byte{1, 2}},
		"no bit":                {News: []byte{0, 0}},
		"version 0":             {Equal: []EqualClasses{{Classes: []int32{1}}}},
		"its own version":       {Equal: []EqualClasses{{Version: 3, Classes: []int32{1}}}},
		"versions twice":        {Equal: []EqualClasses{{Version: 1, Classes: []int32{1}}, {Version: 1, Classes: []int32{2}}}},
		"no class":              {Equal: []EqualClasses{{Version: 1}}},
		"classes descending":    {Equal: []EqualClasses{{Version: 1, Classes: []int32{2, 1}}}},
		"a negative class":      {Equal: []EqualClasses{{Version: 1, Classes: []int32{-1}}}},
	} {
		if n.Check("news[0]", 9, 3) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestNewsChunksAreOfBoundedSize(t *testing.T) {
	var news []SourceNews
	for p := range int64(300) {
		b := make([]byte, 3125)
		b[0] = 1
		news = append(news, SourceNews{Period: p, News: b})
	}
	next := 0
	for _, chunk := range NewsChunks("d", 2, news) {
		if n := len(Encode(chunk)); chunk.From != next || n > MaxChunk || len(chunk.News) == 0 || chunk.Version != 2 {
			t.Fatalf("a chunk from %d of %d sources and %d bytes", chunk.From, len(chunk.News), n)
		}
		next += len(chunk.News)
	}
	if next != len(news) {
		t.Errorf("%d of %d sources", next, len(news))
	}
}

// A month is not settled by its first days; one that the dataset begins within is.
func TestAVersionClosesOnlyPeriodsWhoseEndItHas(t *testing.T) {
	d := Descriptor{Grain: calendar.Day, Policy: Policy{Grain: calendar.Month}}
	january := int64(648) // 2024-01
	start := calendar.Month.Span(january, calendar.Day).From
	for _, c := range []struct {
		first   int64 // day of the month
		periods int
		want    calendar.Interval
	}{
		{1, 31, calendar.Interval{From: january, To: january + 1}},
		{1, 32, calendar.Interval{From: january, To: january + 1}},
		{15, 17, calendar.Interval{From: january, To: january + 1}},
		{15, 16, calendar.Interval{}},
		{15, 46, calendar.Interval{From: january, To: january + 2}},
	} {
		b := VersionPropose{First: start + c.first - 1, Periods: c.periods}
		if got := b.MayClose(d); got != c.want {
			t.Errorf("%d days from the %d.: %v, want %v", c.periods, c.first, got, c.want)
		}
	}
}
