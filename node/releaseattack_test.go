package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/publish"
)

// newStages is a cluster on which attacks are played one after the other.
func newStages(t *testing.T) (*cluster, *client.Client) {
	ctx := testContext(t)
	c := newCluster(t, 2, 2, nil)
	return c, c.admit(ctx, newKey(t, "bank"), catalog.RoleBuyer)
}

func (c *cluster) stage(ctx context.Context, t *testing.T, buyer *client.Client, n int) *stage {
	t.Helper()
	name := fmt.Sprintf("s%d", n)
	return &stage{
		cluster: c, t: t, ctx: ctx, name: name, buyer: buyer, publisher: c.keeping(c.publisher(ctx, "bureau of "+name)),
		panels: map[string]*played{}, truth: map[fact]int{},
	}
}

// lacking are cells that are missing.
func lacking(measure, firm, period int) func(int, int, int) bool {
	return func(m, f, i int) bool { return m == measure && f == firm && i == period }
}

// Each of these told of single firms, or of fewer than min_cohort, before the release
// rule was settled at publication. Each still would if groups were taken whole; what is
// released, all that can be asked together, tells of nobody.
var releaseAttacks = []struct {
	name string
	play func(s *stage)
}{
	{"three columns at a coarser grain", func(s *stage) {
		a := s.dataset("a", "", calendar.Month, "", playedMeasure{"total", []string{"p", "q"}, 1})
		a.version(0, 3)
		b := s.dataset("b", "a", calendar.Quarter, "  related: [["+a.id+".total, part_a, part_b]]\n",
			playedMeasure{"part_a", []string{"p"}, 1}, playedMeasure{"part_b", []string{"q"}, 1})
		b.lacks = lacking(1, 4, 0)
		b.version(0, 1)
		a.askAll()
		b.askAll()
	}},
	{"the year minus its months", func(s *stage) {
		a := s.dataset("a", "", calendar.Month, "", plainly("nox"))
		a.lacks = lacking(0, 7, 4)
		a.version(0, 12)
		b := s.dataset("b", "a", calendar.Year, "", plainly("nox"))
		b.version(0, 1)
		a.askAll()
		b.askAll()
	}},
	{"the year, then its months one by one", func(s *stage) {
		b := s.dataset("a", "", calendar.Year, "", plainly("nox"))
		b.lacks = lacking(0, 7, 0)
		b.version(0, 1)
		a := s.dataset("b", "a", calendar.Month, "", plainly("nox"))
		for _, to := range []int{4, 8, 11, 12} {
			a.version(0, to)
			a.askNewest()
		}
		b.askAll()
	}},
	{"a correction seen through two datasets", func(s *stage) {
		a, b := s.dataset("a", "", calendar.Month, "", plainly("nox")), s.dataset("b", "a", calendar.Month, "", plainly("nox"))
		a.version(0, 1)
		b.version(0, 1)
		s.correct("nox", 0, 0, 1, 2)
		a.version(0, 1)
		s.correct("nox", 0, 3)
		b.version(0, 1)
		a.askAll()
		b.askAll()
	}},
	{"nox_kg beside nox_t", func(s *stage) {
		a := s.dataset("a", "", calendar.Month, "", playedMeasure{"nox_kg", []string{"nox"}, 1})
		a.version(0, 2)
		b := s.dataset("b", "a", calendar.Month, "  related: [["+a.id+".nox_kg, nox_t]]\n", playedMeasure{"nox_t", []string{"nox"}, 1000})
		b.lacks = lacking(0, 3, 0)
		b.version(0, 2)
		a.askAll()
		b.askAll()
	}},
	{"a joined unit moved twice", func(s *stage) {
		a := s.dataset("a", "", calendar.Month, "", plainly("nox"))
		a.version(0, 1)
		s.correct("nox", 0, 0, 1, 6)
		a.version(0, 1)
		s.correct("nox", 0, 2, 12, 13)
		a.version(0, 1)
		s.takeBack("nox", 0, 0, 1)
		s.correct("nox", 0, 14)
		a.version(0, 1)
		a.askAll()
	}},
	{"a square of a 0/1 measure", func(s *stage) {
		a := s.dataset("a", "", calendar.Month, "  moments: [[bit, bit]]\n", plainly("bit"))
		a.lacks = lacking(0, 5, 0)
		a.version(0, 1)
		s.correct("bit", 0, 0, 6, 7, 8, 9, 10, 11)
		a.lacks = lacking(0, 17, 0)
		a.version(0, 1)
		a.askAll()
		for asOf := 1; asOf <= 2; asOf++ {
			for _, by := range []string{"county", "period"} {
				if r, refused := s.query(fmt.Sprintf("SELECT %s, VAR_POP(bit) FROM %s GROUP BY %s", by, a.id, by), asOf); !refused {
					a.learn(r)
				}
			}
		}
	}},
	{"a product of two publishers in pairs of versions", func(s *stage) {
		b := s.dataset("b", "a", calendar.Month, "  joins: ["+s.name+"_a]\n", plainly("output"))
		a := s.dataset("a", "", calendar.Month, "  joins: ["+b.id+"]\n", plainly("nox"))
		a.version(0, 2)
		second := *s
		second.publisher = s.keeping(s.cluster.publisher(s.ctx, "utility"))
		b.stage = &second
		b.version(0, 2)
		a.askProducts(b)
		s.correct("nox", 0, 0, 1, 6, 7, 8, 9, 10, 11)
		a.version(0, 2)
		a.askProducts(b)
		s.correct("output", 0, 0, 8, 12, 13, 14, 15, 16, 17)
		b.version(0, 2)
		several, refused := a.askProducts(b)
		s.correct("output", 0, 0, 8)
		b.version(0, 2)
		more, never := a.askProducts(b)
		if several+more == 0 || refused+never == 0 {
			s.t.Errorf("%d answers are of several pairs of versions, %d pairs are refused: the attack reaches nothing", several+more, refused+never)
		}
	}},
}

// askNewest asks for the sums of all measures as of the newest version.
func (p *played) askNewest() {
	p.t.Helper()
	for m := range p.measures {
		for _, by := range []string{"county, period", "period"} {
			p.ask(m, by, len(p.versions))
		}
	}
}

// askProducts asks for the products of two datasets as of every version of each, and
// counts the answers that are of several pairs of versions, and those that are refused.
func (p *played) askProducts(other *played) (several, refused int) {
	p.t.Helper()
	for asOf := 1; asOf <= len(p.versions); asOf++ {
		for joinAsOf := 1; joinAsOf <= len(other.versions); joinAsOf++ {
			for _, by := range []string{"county, period, ", "county, ", "period, ", ""} {
				switch n := p.askProduct(other, by, asOf, joinAsOf); {
				case n == 0:
					refused++
				case n > 1:
					several++
				}
			}
		}
	}
	return several, refused
}

// askProduct asks for the products of the first measures of two datasets as of two versions,
// and reports how many layers that is of.
func (p *played) askProduct(other *played, dims string, asOf, joinAsOf int) (layers int) {
	p.t.Helper()
	group := ""
	if dims != "" {
		group = " GROUP BY " + strings.TrimSuffix(dims, ", ")
	}
	sql := fmt.Sprintf("SELECT %sSUM(x.%s * y.%s) FROM %s AS x JOIN %s AS y USING (entity, period)%s", dims, p.measures[0].name, other.measures[0].name, p.id, other.id, group)
	for _, f := range p.groups(0, strings.TrimSuffix(dims, ", "), asOf) {
		whole := form{}
		for x := range f {
			y := other.versions[joinAsOf-1][playedCell{0, x.firm, x.month}][0]
			whole[fact{x.quantity + " " + y.quantity, x.firm, x.month, x.value, y.value}] = 1
		}
		p.whole = append(p.whole, whole)
	}
	return p.compare(sql, asOf, joinAsOf, func(sum int64) string { return fmt.Sprint(sum) })
}

func TestAttacksOnWhatIsReleasedGetNothing(t *testing.T) {
	t.Parallel()
	if raceDetector {
		t.Skip("elimination takes many times as long under the race detector, and nothing in it is concurrent; it runs without")
	}
	c, buyer := newStages(t)
	ctx := testContext(t)
	for i, x := range releaseAttacks {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			s := c.stage(ctx, t, buyer, i)
			x.play(s)
			given := different(s.given)
			if len(given) == 0 {
				t.Error("nothing at all is released")
			}
			if isolated(s.whole, stageMinimum, stageFirms) == nil {
				t.Error("groups taken whole tell of nobody either: the attack reaches nothing")
			}
			if found := isolated(given, stageMinimum, stageFirms); found != nil {
				t.Errorf("%d figures tell of the firms %v alone", len(given), found)
			}
			t.Logf("%d figures are released of %d", len(given), len(different(s.whole)))
		})
	}
}

// The same plants under two registries would be two families, of which neither knows the
// other's figures.
func TestTheSamePlantsOnASecondRegistryAreRefusedUnlessTheyAreSaidToBeUnrelated(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c, buyer := newStages(t)
	s := c.stage(ctx, t, buyer, 0)
	s.dataset("a", "", calendar.Month, "", plainly("nox")).version(0, 1)
	b := s.dataset("b", "", calendar.Month, "", plainly("nox"))
	b.lacks = lacking(0, 3, 0)
	prepared, _ := b.prepare(0, 1)
	_, err := publish.Publish(ctx, s.publisher, prepared, nil)
	if r, refused := client.IsRefused(err); !refused || r.Rule != "unrelated" || !strings.Contains(explain.Fix(r), "s0_a") {
		t.Fatalf("got %v, want a refusal by the rule unrelated that names the first registry", err)
	}
	if _, err := buyer.Dataset(ctx, b.id); err == nil {
		t.Error("the dataset is there")
	}
	// In writing it is the publisher's word.
	b.policy = "  unrelated: [s0_a]\n"
	b.version(0, 1)
	b.ask(0, "county", 1)
	if len(b.given) != 3 {
		t.Errorf("%d counties are answered", len(b.given))
	}
}

// Whatever others ask first, and however it fails, an answer is the same bytes: nothing
// is cut, and nothing freezes.
func TestQueriesOfOthersTakeNothingFromAnAnswer(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c, buyer := newStages(t)
	s := c.stage(ctx, t, buyer, 0)
	a := s.dataset("a", "", calendar.Month, "  moments: [[nox, nox]]\n", plainly("nox"), plainly("so2"))
	a.lacks = func(m, f, i int) bool { return (m+f+5*i)%23 == 0 }
	a.version(0, 3)
	const sql = "SELECT county, period, SUM(nox), SUM(so2), COUNT(nox) FROM s0_a GROUP BY county, period"
	before := queryRows(ctx, t, buyer, sql)
	rival := c.admit(ctx, newKey(t, "rival"), catalog.RoleBuyer)
	contract(ctx, t, rival, s.publisher, a.id)
	answered, refused := 0, 0
	for f := range 4 {
		for _, where := range []string{"firm <> '%s'", "firm = '%s'", "firm > '%s'", "firm <= '%s' AND county <> 'c2'"} {
			for _, o := range []ask.Options{{}, {Complete: true}, {Partial: true}} {
				_, err := ask.Query(ctx, rival, "SELECT county, period, SUM(nox), VAR_POP(nox) FROM s0_a WHERE "+fmt.Sprintf(where, s.firm(5*f))+" GROUP BY county, period", o)
				if _, is := client.IsRefused(err); err != nil && !is {
					t.Fatal(err)
				}
				if err == nil {
					answered++
				} else {
					refused++
				}
			}
		}
	}
	if answered == 0 || refused == 0 {
		t.Errorf("%d queries of the rival are answered and %d refused: the test shows too little", answered, refused)
	}
	third := c.admit(ctx, newKey(t, "third"), catalog.RoleBuyer)
	contract(ctx, t, third, s.publisher, a.id)
	if d := cmp.Diff(before, queryRows(ctx, t, third, sql)); d != "" {
		t.Errorf("after others' queries (-before +after)\n%s", d)
	}
	if counties := slices.Compact([]string{before[0][0], before[3][0], before[6][0]}); len(before) != 9 || len(counties) != 3 {
		t.Errorf("%d rows of %v, want three counties in three months", len(before), counties)
	}
}
