package node

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/client/vector"
)

// listed is a private list that the buyer of a stage has registered.
type listed struct {
	*played
	name  string
	firms []int
	by    []string
}

// list registers a list of firms, by attributes.
func (p *played) list(by []string, firms ...int) *listed {
	p.t.Helper()
	l := &listed{played: p, name: p.id + "_mine", firms: firms, by: by}
	registry, err := p.buyer.Registry(p.ctx, p.firstRegistry())
	if err != nil {
		p.t.Fatal(err)
	}
	plan := vector.Plan{Name: l.name, Registry: registry, Bits: 1, Pieces: 1, By: by, Values: make([]uint64, len(p.firms))}
	for _, f := range firms {
		plan.Values[slices.Index(p.firms, p.firm(f))] = 1
	}
	if _, err := vector.Register(p.ctx, p.buyer, plan, nil); err != nil {
		p.t.Fatal(err)
	}
	return l
}

func (p *played) firstRegistry() string {
	if p.registry != "" {
		return p.registry
	}
	return p.id
}

// ask asks for the sum of a measure over the list in the first month, in one county or in
// total (empty), as of a version, and reports whether it is answered. What the list has in
// the group as it is now counts as taken whole.
func (l *listed) ask(measure int, county string, asOf int) bool {
	l.t.Helper()
	sql := fmt.Sprintf("SELECT SUM(%s) FROM %s WHERE firm IN PRIVATE(%s) AND period = '2024-01'", l.measures[measure].name, l.id, l.name)
	if county != "" {
		sql += fmt.Sprintf(" AND county = '%s'", county)
	}
	whole := form{}
	for cell, facts := range l.versions[asOf-1] {
		in := slices.Contains(l.firms, cell.firm) && (county == "" || county == fmt.Sprintf("c%d", l.county(cell.firm)))
		if cell.measure != measure || cell.period != 0 || !in {
			continue
		}
		for _, x := range facts {
			whole[x]++
		}
	}
	l.whole = append(l.whole, whole)
	given := len(l.given)
	l.among = l.firms
	l.compare(sql, asOf, 0, func(sum int64) string { return l.decimal(measure, sum) })
	l.among = nil
	return len(l.given) > given
}

// wantAnswered asks as of each version in turn and requires which are answered.
func (l *listed) wantAnswered(county string, want ...bool) {
	l.t.Helper()
	for i, answered := range want {
		if got := l.ask(0, county, i+1); got != answered {
			l.t.Errorf("the list as of version %d is answered: %t, want %t", i+1, got, answered)
		}
	}
}

// move corrects the county of firms in the registry.
func (p *played) move(to int, firms ...int) {
	p.t.Helper()
	table := publish.RegistryTable{ID: p.firstRegistry(), IDColumn: "firm", Columns: []string{"county"}}
	for _, f := range firms {
		table.Rows = append(table.Rows, []string{p.firm(f), fmt.Sprintf("c%d", to)})
		p.moved[f] = to
	}
	x, err := publish.CompareAttributes(p.ctx, p.publisher, "counties.csv", table)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := publish.Correct(p.ctx, p.publisher, x, nil); err != nil {
		p.t.Fatal(err)
	}
}

// lackingSecond plays a portfolio on who lacks the second column: of the list, firms 0 and
// 1 have the first measure alone, and both measures are of the same readings.
func lackingSecond(s *stage, policy string) {
	a := s.dataset("a", "", calendar.Month, policy, plainly("nox"), playedMeasure{"again", []string{"nox"}, 1})
	a.places = true
	a.lacks = func(m, f, _ int) bool { return m == 1 && f < 3 }
	a.version(0, 1)
	l := a.list(nil, 0, 1, 6, 7, 8, 12)
	for m := range a.measures {
		l.ask(m, "", 1)
		a.ask(m, "county", 1)
		a.ask(m, "", 1)
	}
}

// What a list is told, as of one version and another and beside what everybody is told,
// would tell of fewer firms than min_cohort if the list were summed over groups as they
// are. What is released tells of nobody.
var portfolioAttacks = []struct {
	name string
	play func(s *stage)
}{
	{"a portfolio on who lacks the second column", func(s *stage) { lackingSecond(s, "  related: [[nox, again]]\n") }},
	{"a portfolio whose member vanishes in the next version", func(s *stage) {
		a := s.dataset("a", "", calendar.Month, "", plainly("nox"))
		a.places = true
		a.version(0, 1)
		// Three others of the county are corrected, so that it is a unit of the second version.
		s.correct("nox", 0, 2, 3, 4)
		a.lacks = lacking(0, 0, 0)
		a.version(0, 1)
		a.list(nil, 0, 1, 6, 7, 8, 12).wantAnswered("", true, false)
		a.askAll()
	}},
	{"a portfolio whose member's change is taken back", func(s *stage) {
		a := s.dataset("a", "", calendar.Month, "", plainly("nox"))
		a.places = true
		a.version(0, 1)
		s.correct("nox", 0, 0, 2, 3, 4)
		a.version(0, 1)
		s.takeBack("nox", 0, 0, 2, 3, 4)
		a.version(0, 1)
		a.list(nil, 0, 1, 6, 7, 8, 12).wantAnswered("", true, false, false)
		a.askAll()
	}},
	{"a portfolio whose county's class moves by a corrected attribute", func(s *stage) {
		a := s.dataset("a", "", calendar.Month, "", plainly("nox"))
		a.places, s.moved = true, map[int]int{}
		a.version(0, 1)
		l := a.list([]string{"county"}, 0, 6, 7, 8, 12, 13, 14)
		l.ask(0, "c1", 1)
		a.move(1, 0, 1, 2, 3, 4, 5)
		s.correct("nox", 0, 6, 7, 8, 9, 10, 11)
		a.version(0, 1)
		// The group is that of the birth of its classes: firm 0 is not in it.
		if !l.ask(0, "c1", 2) {
			s.t.Error("the county is not answered while it has another one's firms")
		}
		a.askAll()
		a.move(0, 0, 1, 2, 3, 4, 5)
		a.version(0, 1)
		if !l.ask(0, "c1", 3) {
			s.t.Error("the county is not answered when they are back")
		}
		a.askAll()
	}},
}

func TestAttacksByPortfoliosGetNothing(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	if raceDetector {
		t.Skip("elimination takes many times as long under the race detector, and nothing in it is concurrent; it runs without")
	}
	c, buyer := newStages(t)
	for i, x := range portfolioAttacks {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			s := c.stage(testContext(t), t, buyer, i)
			x.play(s)
			given := different(s.given)
			if len(given) == 0 {
				t.Error("nothing at all is released")
			}
			if isolated(s.whole, stageMinimum, stageFirms) == nil {
				t.Error("the list taken whole tells of nobody either: the attack reaches nothing")
			}
			if found := isolated(given, stageMinimum, stageFirms); found != nil {
				t.Errorf("%d figures tell of the firms %v alone", len(given), found)
			}
			t.Logf("%d figures are released of %d", len(given), len(different(s.whole)))
		})
	}
}

// The declaration is what the attack on who lacks the second column fails by: where the
// publisher does not say that two measures tell of the same, the list's sums of both tell
// of two firms (RELEASE.md section 11: relations that nobody declared are not promised).
func TestAPortfolioOnWhoLacksTheSecondColumnWorksWhereNoRelationIsDeclared(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	c, buyer := newStages(t)
	s := c.stage(testContext(t), t, buyer, 0)
	lackingSecond(s, "")
	if found := isolated(s.given, stageMinimum, stageFirms); !slices.Equal(found, []int{0, 1}) {
		t.Errorf("the figures tell of the firms %v alone, want 0 and 1: the attack shows nothing", found)
	}
	var names []string
	for _, f := range s.given {
		for x := range f {
			names = append(names, x.quantity)
		}
	}
	if len(names) == 0 || strings.Join(slices.Compact(names), "") != "nox" {
		t.Errorf("the figures are of %v", slices.Compact(names))
	}
}
