package suggest

import (
	"math"
	"math/rand/v2"
	"testing"
)

// A distance that is cut short is the whole one where that is less than enough, and no less
// than enough where it is not.
func TestADistanceThatEndsEarlyIsTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	word := func() []rune {
		w := make([]rune, random.IntN(9))
		for i := range w {
			w[i] = 'a' + random.Int32N(3)
		}
		return w
	}
	for range 20_000 {
		a, b, enough := word(), word(), random.IntN(7)
		whole, got := editDistance(a, b, math.MaxInt), editDistance(a, b, enough)
		if whole < enough && got != whole || whole >= enough && (got < enough || got > whole) {
			t.Fatalf("%q and %q: %d, with %d enough %d", string(a), string(b), whole, enough, got)
		}
	}
}

func TestNearest(t *testing.T) {
	cases := []struct{ word, want string }{
		{"pm52", "pm25"}, {"PM2", "pm25"}, {"cuonty", "county"}, {"xyz", ""}, {"p", ""}, {"", ""}, {"indusrty", "industry"},
	}
	for _, tc := range cases {
		if got := Nearest(tc.word, []string{"county", "industry", "pm25", "pm10"}); got != tc.want {
			t.Errorf("nearest to %q is %q, want %q", tc.word, got, tc.want)
		}
	}
}

// Two names that may look the same are told apart by code points; others are not, since
// everybody sees how they differ.
func TestUnseen(t *testing.T) {
	for _, c := range []struct{ name, meant, want string }{
		{"n\u043ex", "nox", " it has U+006F where this has U+043E"},
		{"N\u041eX", "nox", " it has U+006F where this has U+041E"}, // the first two letters differ by case, too
		{"'Nor\u200bth'", "'North'", " it has U+0074 where this has U+200B"},
		{"nox\u0301", "nox", " it ends where this has U+0301"},
		{"nox", "nox\u0301", " it has U+0301 where this ends"},
		{"A\u20111", "A-1", " it has U+002D where this has U+2011"},
		{"pm52", "pm25", ""}, {"桃城", "桃域", ""}, {"'2024年1月'", "'2024-01'", ""}, {"NOX", "nox", ""}, {"noxx", "nox", ""}, {"\u201c", `"`, ""},
	} {
		if got := Unseen(c.name, c.meant); got != c.want {
			t.Errorf("%q for %q: %q, want %q", c.meant, c.name, got, c.want)
		}
	}
}
