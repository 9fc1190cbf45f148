package disclosure

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog/calendar"
)

// scenario is a family of datasets of one publisher under attack.
type scenario struct {
	tb       testing.TB
	rng      *rand.Rand
	k        int
	truth    *truth
	codes    [][]uint32   // attributes of the entities as they are now
	history  [][][]uint32 // the same after each publication
	entities int
	family   *Family
	panels   []*panel
	settled  int
	told     map[sourceKey][]told
	exact    bool // news by elimination on the unknowns, not by FindNews on the numbers
	pairs    bool // news of a product is on the pair of its factors' sources and nothing else
	reached  map[string]int
	// conditions off, in what the client compares
	literal   bool // only periods that overlap
	unrelated bool // only the same column
}

type sourceKey struct {
	panel, version int
	column         Column
	period         int64
}

func newScenario(tb testing.TB, rng *rand.Rand, t *truth, k int, codes [][]uint32, rule *conditions) *scenario {
	entities := len(codes[0])
	tree, err := Grow(k, codes, nil, entities)
	if err != nil {
		tb.Fatal(err)
	}
	s := &scenario{
		tb: tb, rng: rng, k: k, truth: t, codes: codes, entities: entities, family: NewFamily(tree),
		told: map[sourceKey][]told{}, reached: map[string]int{},
	}
	if rule != nil {
		s.family.rule = rule
	}
	return s
}

// create adds a dataset; a family that refuses it stays as it is.
func (s *scenario) create(d Dataset, measures ...measured) *panel {
	d.MinCohort = s.k
	for _, m := range measures {
		d.Measures = append(d.Measures, m.name)
	}
	if err := s.family.Admit(d); err != nil {
		if c := (*Conflict)(nil); !errors.As(err, &c) {
			s.tb.Fatal(err)
		}
		s.reached["refused datasets"]++
		return nil
	}
	p := &panel{number: len(s.panels), dataset: d, measures: measures, missing: map[gap]bool{}}
	s.panels = append(s.panels, p)
	return p
}

// grow appends entities to the registry.
func (s *scenario) grow(codes [][]uint32) {
	s.codes, s.entities = codes, len(codes[0])
	tree, err := s.family.Tree().Extend(codes, s.entities)
	if err != nil {
		s.tb.Fatal(err)
	}
	s.family.Grow(tree)
}

// readings of a source, computed once.
func (s *scenario) readings(p *panel, version int, c Column, period int64) []told {
	key := sourceKey{p.number, version, c, period}
	out, known := s.told[key]
	if !known {
		out = p.source(s.truth, version, c, period)
		s.told[key] = out
	}
	return out
}

// publish makes the panel's content a version, as the publisher's client does; measures
// that are held stay as they were.
func (s *scenario) publish(p *panel, closed calendar.Interval, held ...int) {
	s.tb.Helper()
	s.settled++
	p.editions = append(p.editions, p.capture(s.truth, closed, s.entities))
	p.editions[len(p.editions)-1].settled = s.settled
	for _, m := range held {
		p.hold(m)
	}
	in := VersionInput{Version: len(p.editions), Entities: s.entities, Closed: closed}
	var manifest []*earlier // sources of this version that settle before
	byFactor := map[[2]int64]Bits{}
	for i, c := range p.dataset.Columns() {
		for period := closed.From; period < closed.To; period++ {
			news := s.news(p, c, period, manifest)
			if !c.Plain() {
				if s.pairs {
					news = s.freshOf(p, c, period)
				}
				x, y := slices.Index(p.dataset.Measures, c.Measure), slices.Index(p.dataset.Measures, c.With)
				news = news.And(byFactor[[2]int64{int64(x), period}].or(byFactor[[2]int64{int64(y), period}]))
			}
			declared := SourceNews{Column: i, Period: period, News: news, Equal: s.equal(p, c, period)}
			for _, x := range declared.Equal {
				for _, class := range x.Classes {
					var members Bits
					for _, e := range s.family.Tree().Members(class) {
						members = members.Set(int(e))
					}
					declared.News = declared.News.without(members)
				}
			}
			byFactor[[2]int64{int64(i), period}] = declared.News
			if s.family.First(p.dataset.ID, c, period) {
				declared = SourceNews{}
			}
			if !declared.News.empty() || len(declared.Equal) > 0 {
				in.News = append(in.News, declared)
			}
			manifest = append(manifest, &earlier{panel: p, version: in.Version, column: c, period: period, manifest: true})
		}
	}
	settled, err := s.family.Settle(p.dataset.ID, in, p)
	if err != nil {
		s.tb.Fatalf("version %d of %s: %+v", in.Version, p.dataset.ID, err)
	}
	if err := s.family.Add(p.dataset.ID, settled); err != nil {
		s.tb.Fatal(err)
	}
	s.history = append(s.history, slices.Clone(s.codes))
	s.count(p, settled)
}

// count notes what a version reached.
func (s *scenario) count(p *panel, v *Settled) {
	s.reached["versions"]++
	for _, c := range v.Columns {
		for period := v.Closed.From; period < v.Closed.To; period++ {
			x := v.Source(c, period)
			if x == nil {
				continue
			}
			units := x.Units()
			for _, u := range units {
				if len(u) > 1 {
					s.reached["joined units"]++
				}
			}
			for class := range v.Classes {
				if x.Chosen(int32(class)) > 0 {
					s.reached["chosen classes"]++
				}
			}
			switch {
			case !c.Plain():
				s.reached["products"] += len(units)
			case v.Version > 1 && len(units) > 0:
				s.reached["versions that move"]++
			case len(s.comparable(p, c, period, nil)) > 1 && len(units) > 0:
				s.reached["related units"]++
			}
		}
	}
}

// equal are the classes that repeat an earlier version.
func (s *scenario) equal(p *panel, c Column, period int64) []EqualClasses {
	n := len(p.editions)
	versions := s.family.Versions(p.dataset.ID)
	same := make([]Bits, n-1)
	a, b := c.factors()
	for v := range same {
		for e := range p.editions[v].entities {
			repeats := func(c Column) bool {
				return slices.EqualFunc(p.columnCells(s.truth, p.editions[v], c, period, e), p.columnCells(s.truth, p.editions[n-1], c, period, e), cell.equal)
			}
			if repeats(a) && repeats(b) {
				same[v] = same[v].Set(e)
			}
		}
	}
	tree := s.family.Tree()
	var classes [][]int32
	for class := range tree.Classes() {
		classes = append(classes, tree.Members(int32(class)))
	}
	equal := EqualVersions(classes, same, func(v int, class int32) bool {
		x := versions[v-1].Source(c, period)
		return x != nil && int(class) < versions[v-1].Classes && x.Alone(class)
	})
	var out []EqualClasses
	for v := 1; v < n; v++ {
		x := EqualClasses{Version: v}
		for class, at := range equal {
			if at == v {
				x.Classes = append(x.Classes, int32(class))
			}
		}
		if len(x.Classes) > 0 {
			out = append(out, x)
		}
	}
	return out
}

// releasePublic hands the attacker every unit of every source.
func (s *scenario) releasePublic() {
	for _, p := range s.panels {
		for _, v := range s.family.Versions(p.dataset.ID) {
			for _, c := range v.Columns {
				for period := v.Closed.From; period < v.Closed.To; period++ {
					if x := v.Source(c, period); x != nil {
						for _, u := range x.Units() {
							s.learn(p, v.Version, c, period, s.members(u))
						}
					}
				}
			}
		}
	}
}

func (s *scenario) learn(p *panel, version int, c Column, period int64, entities []int32) {
	s.truth.attacker.learn(s.figure(map[int]uint64{}, p, version, c, period, entities))
}

// figure adds the sum of entities' readings to a form.
func (s *scenario) figure(form map[int]uint64, p *panel, version int, c Column, period int64, entities []int32) map[int]uint64 {
	all := s.readings(p, version, c, period)
	for _, e := range entities {
		if int(e) < len(all) {
			for u, v := range all[e].form {
				form[u] = addMod(form[u], v)
			}
		}
	}
	return form
}
