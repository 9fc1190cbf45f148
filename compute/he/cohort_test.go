package he

import (
	"math/rand/v2"
	"testing"
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
