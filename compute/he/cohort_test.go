package he

import (
	"maps"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// runCohortTest shares counts among the members and runs the test.
func runCohortTest(t testing.TB, p ProductParameters, rng *rand.Rand, active []int, k int, cohorts []Cohort, counts []uint64) (passed bool, sent map[int]int) {
	t.Helper()
	shares := split(p, rng, counts, active)
	parties := map[int]*CohortTest{}
	for _, i := range active {
		mine := append([]Cohort(nil), cohorts...)
		for c := range mine {
			mine[c].Share = shares[i][c]
		}
		parties[i] = must[*CohortTest](t)(NewCohortTest(p, session("cohort", active...), i, k, mine))
	}
	sent = deliver(t, rng, parties)
	for n, i := range active {
		got := must[bool](t)(parties[i].Passed())
		if n > 0 && got != passed {
			t.Fatal("the members disagree")
		}
		passed = got
	}
	return passed, sent
}

// passes is the rule in plain words.
func passes(c Cohort, count, k int) bool {
	rest := c.Members - count
	if c.NoRest && rest == 0 {
		return false
	}
	return (count == 0 || count >= k) && (rest == 0 || rest >= k)
}

// TestCohortTestFindsEveryBadCount tries every count of every small cohort, alone
// and among good ones, with two members and with three.
func TestCohortTestFindsEveryBadCount(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 32))
	p := smallProducts(t)
	for _, active := range [][]int{{1, 3}, {1, 2, 3}} {
		for k := 1; k <= 6; k++ {
			for m := 0; m <= 14; m++ {
				for count := 0; count <= m; count++ {
					if rng.IntN(6) > 0 {
						continue
					}
					odd := Cohort{Members: m, NoRest: rng.IntN(2) == 0}
					cohorts, counts := []Cohort{{Members: 40}, {Members: 50, NoRest: true}, {Members: 60}}, []uint64{0, 20, 60}
					at := rng.IntN(len(cohorts) + 1)
					cohorts = append(cohorts[:at:at], append([]Cohort{odd}, cohorts[at:]...)...)
					counts = append(counts[:at:at], append([]uint64{uint64(count)}, counts[at:]...)...)
					if rng.IntN(4) == 0 {
						cohorts, counts = []Cohort{odd}, []uint64{uint64(count)}
					}
					got, _ := runCohortTest(t, p, rng, active, k, cohorts, counts)
					if want := passes(odd, count, k); got != want {
						t.Errorf("%v: %d of %d entities with k=%d, no rest %v: passed is %v", active, count, m, k, odd.NoRest, got)
					}
				}
			}
		}
	}
}

// TestCohortTestOpensNothingElse: what a passed test opens is uniform, whatever the
// counts, what a failed one opens is 0; and the sizes of messages do not depend on
// counts.
func TestCohortTestOpensNothingElse(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(33, 34))
	active := []int{1, 2}
	var trace map[int]int
	for name, c := range map[string]struct {
		counts []uint64
		passes bool
	}{"none": {[]uint64{0, 0}, true}, "some": {[]uint64{10, 5}, true}, "too few": {[]uint64{10, 4}, false}} {
		var opened []uint64
		for range 640 {
			shares, parties := split(p, rng, c.counts, active), map[int]*CohortTest{}
			for _, i := range active {
				cohorts := []Cohort{{Members: 20, Share: shares[i][0]}, {Members: 12, Share: shares[i][1]}}
				parties[i] = must[*CohortTest](t)(NewCohortTest(p, session("cohort", active...), i, 5, cohorts))
			}
			sent := deliver(t, rng, parties)
			if trace == nil {
				trace = sent
			}
			if !maps.Equal(sent, trace) {
				t.Fatalf("%s: %v bytes were sent, and %v in another test", name, sent, trace)
			}
			if parties[1].opened != parties[2].opened || (parties[1].opened != 0) != c.passes {
				t.Fatalf("%s: opened %d and %d", name, parties[1].opened, parties[2].opened)
			}
			opened = append(opened, parties[1].opened)
		}
		if chi := chiSquare(cellsOf(bigs(opened), p.in.modulusOfT())); c.passes && chi > chiLimit {
			t.Errorf("%s: what is opened is not uniform: χ² is %.0f", name, chi)
		}
	}
}

// TestLargeCohortTests of a thousand cohorts, for two members in the real ring and
// for three in a small one: one bad count among them is found wherever it is.
func TestLargeCohortTests(t *testing.T) {
	rng := rand.New(rand.NewPCG(35, 36))
	for _, x := range []struct {
		p      ProductParameters
		active []int
		n      int
	}{{fullProducts(t), []int{1, 3}, 1000}, {smallProducts(t), []int{1, 2, 4}, 60}} {
		cohorts, counts := make([]Cohort, x.n), make([]uint64, x.n)
		for i := range cohorts {
			cohorts[i], counts[i] = Cohort{Members: 70}, uint64(20*(i%2)+i%2*(i%30))
		}
		if ok, _ := runCohortTest(t, x.p, rng, x.active, 20, cohorts, counts); !ok {
			t.Errorf("%v: good counts do not pass", x.active)
		}
		for _, at := range []int{0, x.n / 2, x.n - 1} {
			bad := append([]uint64(nil), counts...)
			bad[at] = []uint64{1, 19, 51, 69}[rng.IntN(4)]
			if ok, _ := runCohortTest(t, x.p, rng, x.active, 20, cohorts, bad); ok {
				t.Errorf("%v: %d of 70 in cohort %d passes", x.active, bad[at], at)
			}
		}
	}
}

// TestGroupsFitAChunk, and fewer numbers are left after every stage.
func TestGroupsFitAChunk(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		slots := 1 << rapid.IntRange(9, 14).Draw(r, "log slots")
		n := rapid.IntRange(2, 1<<20).Draw(r, "n")
		g := groupCount(n, slots)
		if g < 1 || g > (n+1)/2 {
			r.Fatalf("%d numbers in %d groups", n, g)
		}
		if largest := (n + g - 1) / g; largest > 3 && g*(1<<largest-2) > slots {
			r.Fatalf("%d groups of %d do not fit %d slots", g, largest, slots)
		}
	})
}
