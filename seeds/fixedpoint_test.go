package seeds

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestExp2IsRightToTheLastBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Int64Range(-16*one, 30*one-1).Draw(t, "x")
		want := math.Exp2(float64(x)/one) * one
		if got := float64(exp2(x)); math.Abs(got-want) > 1+want*1e-12 {
			t.Fatalf("exp2(%d) = %v, want %v", x, got, want)
		}
	})
	for x, want := range map[int64]int64{0: one, one: 2 * one, -one: one / 2, -17 * one: 1, 31 * one: exp2(30*one - 1)} {
		if got := exp2(x); got != want {
			t.Errorf("exp2(%d) = %d, want %d", x, got, want)
		}
	}
}

func TestNormalHasMeanZeroAndVarianceOne(t *testing.T) {
	g := newGenerator(t, Options{})
	const n = 200_000
	var sum, squares float64
	for i := range n {
		x := float64(normal(g.draw(streamAirCell, i, 0, 0))) / one
		sum += x
		squares += x * x
	}
	if mean := sum / n; math.Abs(mean) > 0.01 {
		t.Errorf("mean %v", mean)
	}
	if variance := squares / n; math.Abs(variance-1) > 0.01 {
		t.Errorf("variance %v", variance)
	}
}

func TestDrawDependsOnEveryArgument(t *testing.T) {
	g, other := newGenerator(t, Options{}), newGenerator(t, Options{Seed: 5})
	seen := map[uint64]bool{other.draw(1, 0, 0, 0): true}
	for _, s := range []stream{1, 2} {
		for a := range 20 {
			for b := range 20 {
				for c := -1; c < 20; c++ {
					u := g.draw(s, a, b, c)
					if seen[u] {
						t.Fatalf("draw(%d, %d, %d, %d) came before", s, a, b, c)
					}
					seen[u] = true
				}
			}
		}
	}
}

func TestBelowAndPickStayInRangeAndFollowTheWeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, n := rapid.Uint64().Draw(t, "u"), rapid.IntRange(1, 1<<30).Draw(t, "n")
		if got := below(u, n); got < 0 || got >= n {
			t.Fatalf("below(%d, %d) = %d", u, n, got)
		}
	})
	weights := []int{1, 0, 3}
	var counts [3]int
	g := newGenerator(t, Options{})
	for i := range 40_000 {
		counts[pick(g.draw(streamGas, i, 0, 0), weights)]++
	}
	if counts[1] != 0 || math.Abs(float64(counts[0])-10_000) > 500 {
		t.Errorf("counts %v for weights %v", counts, weights)
	}
}

func TestSeasonIsContinuousAndRightInMidMonth(t *testing.T) {
	s := season{0, 1000, 2000, 1000, 2000, 1000, 2000, 1000, 2000, 1000, 2000, 1000}
	all := days(utcDay(2023, 1, 1), utcDay(2025, 1, 31))
	for i, d := range all[1:] {
		if step := s.at(d) - s.at(all[i]); step > 40 || step < -40 {
			t.Errorf("from %s to %s the season jumps by %d", all[i].text, d.text, step)
		}
	}
	if got := s.at(all[15]); got != 0 { // 16 January
		t.Errorf("mid-January is %d, want 0", got)
	}
}
