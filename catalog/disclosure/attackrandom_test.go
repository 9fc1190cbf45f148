package disclosure

import (
	"flag"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog/longrun"
)

var families = flag.Int("families", 0, "families of each kind that the attacker searches, 0: a few")

// howMany families of a kind.
func howMany(few int) int {
	switch {
	case *families > 0:
		return *families
	case longrun.Wanted():
		return 2000
	}
	return few
}

// seeded is the same for the same family everywhere.
func seeded(i uint64, about string) *rand.Rand {
	h := uint64(14695981039346656037)
	for _, c := range []byte(about) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return rand.New(rand.NewPCG(i, h))
}

// attackPublic draws a family and releases every unit of every source.
func attackPublic(tb testing.TB, i uint64, about kind, rule *conditions, settings ...func(*scenario)) (*scenario, []int) {
	s := drawFamily(tb, seeded(i, string(about)), about, rule, settings...)
	s.releasePublic()
	return s, s.truth.attacker.isolates(s.k)
}

// attackPrivate adds all that an owner of a portfolio could ever get.
func attackPrivate(tb testing.TB, i uint64, about kind, rule *conditions, change func(*owner), settings ...func(*scenario)) (*scenario, []int) {
	s := drawFamily(tb, seeded(i, "portfolios "+string(about)), about, rule, settings...)
	s.releasePublic()
	if len(s.panels) == 0 {
		return s, nil
	}
	o := s.drawOwner()
	if change != nil {
		change(o)
	}
	s.releasePrivate(o)
	return s, s.truth.attacker.isolates(s.k)
}

// reach adds up what families reached and fails if anything wanted was never reached.
type reach map[string]int

func (r reach) add(s *scenario) {
	for what, n := range s.reached {
		r[what] += n
	}
	r["figures"] += len(s.truth.attacker.rows)
}

func (r reach) want(t *testing.T, whats ...string) {
	t.Helper()
	for _, what := range whats {
		if r[what] == 0 {
			t.Errorf("no %s: the attack reaches nothing", what)
		}
	}
}

func (r reach) log(t *testing.T, n int, since time.Time) {
	t.Helper()
	t.Logf("%d families, %.0f a second", n, float64(n)/time.Since(since).Seconds())
	for _, what := range slices.Sorted(maps.Keys(r)) {
		t.Logf("%9d %s", r[what], what)
	}
}

// wantFinder checks that FindNews declares what elimination on the unknowns calls news:
// nearly nothing else (several parts of a total corrected in turn and taken back in
// part, of which none was ever published, are beyond the four combinations), and not
// much less.
func (r reach) wantFinder(t *testing.T) {
	t.Helper()
	found, exact, wrong := r["news found"], r["news by elimination"], r["news found that is none"]
	if found == 0 || 1000*wrong > found || 10*found < 8*exact {
		t.Errorf("FindNews found news of %d, of %d by elimination, and %d times where there is none", found, exact, wrong)
	}
}

// wanted is what each kind has to reach.
var wanted = map[kind][]string{
	kindVersions: {"versions that move", "joined units", "chosen classes"},
	kindRelated:  {"versions that move", "joined units", "chosen classes", "related units"},
	kindTotals:   {"versions that move", "joined units", "related units"},
	kindGrains:   {"versions that move", "joined units", "related units"},
	kindHours:    {"versions that move", "joined units", "chosen classes"},
	kindWeeks:    {"versions that move", "joined units", "related units"},
	kindGrowth:   {"versions that move", "registries grown", "attributes corrected"},
	kindMoments:  {"products", "versions that move"},
	kindConstant: {"products", "versions that move"},
	kindAnything: {"versions that move", "joined units", "chosen classes", "related units", "products"},
}

func TestNobodyIsIsolatedByEverythingPublic(t *testing.T) {
	for _, about := range kinds {
		t.Run(string(about), func(t *testing.T) {
			n, got, start := howMany(120), reach{}, time.Now()
			for i := range n {
				s, found := attackPublic(t, uint64(i), about, nil)
				if got.add(s); found != nil {
					t.Fatalf("family %d: the entities %v, fewer than %d, are isolated", i, found, s.k)
				}
			}
			got.log(t, n, start)
			got.want(t, wanted[about]...)
			got.wantFinder(t)
		})
	}
}

func TestNobodyIsIsolatedByAnOwnerOfPortfolios(t *testing.T) {
	for _, about := range kinds {
		if about == kindConstant {
			continue // FindNews finds no news in multiples of a factor, see there
		}
		t.Run(string(about), func(t *testing.T) {
			n, got, start := howMany(120), reach{}, time.Now()
			for i := range n {
				s, found := attackPrivate(t, uint64(i), about, nil, nil)
				if got.add(s); found != nil {
					t.Fatalf("family %d: the entities %v, fewer than %d, are isolated", i, found, s.k)
				}
			}
			got.log(t, n, start)
			got.want(t, "mixed pieces", "private figures", "private figures of later versions", "private figures refused", "private figures withdrawn")
		})
	}
}
