package disclosure

import (
	"testing"

	"github.com/weirdata/weir/catalog/calendar"
)

// stage is a family of three counties on which one attack is played.
type stage struct {
	*scenario
	owner *owner // nil: none
	off   bool   // the condition is
}

const threeCounties, perCounty = 3, 6

// county is its entities; each county is a class.
func county(c int) []int {
	var out []int
	for i := range perCounty {
		out = append(out, c*perCounty+i)
	}
	return out
}

func everybody() []int { return append(append(county(0), county(1)...), county(2)...) }

func (s *stage) dataset(id string, grain calendar.Grain, related [][]string, measures ...measured) *panel {
	s.tb.Helper()
	p := s.create(Dataset{ID: id, Grain: grain, PolicyGrain: grain, Portfolios: 1, Related: related}, measures...)
	if p == nil {
		s.tb.Fatalf("dataset %s is refused", id)
	}
	return p
}

func (s *stage) correct(quantity int, tick int64, entities ...int) {
	for _, e := range entities {
		s.truth.at(spot{quantity, e, tick})
		s.truth.correct(spot{quantity, e, tick})
	}
}

// lack takes cells away in all of a list of periods.
func (p *panel) lack(measure int, from, to int64, entities ...int) {
	for _, e := range entities {
		for at := from; at < to; at++ {
			p.missing[gap{measure, e, at}] = true
		}
	}
}

func (s *stage) version(p *panel, from, to int64, held ...int) {
	s.tb.Helper()
	s.publish(p, calendar.Interval{From: from, To: to}, held...)
}

// list gives the owner one piece, by the attributes named.
func (s *stage) list(by []int, entities ...int) {
	x := commitment{pieces: 1, of: make([]int8, s.entities), by: by}
	for e := range x.of {
		x.of[e] = -1
	}
	for _, e := range entities {
		x.of[e] = 0
	}
	s.owner = &owner{lists: []commitment{x}, of: map[place]int{}}
}

// halves are random halves of each county, so that units are mixed.
func (s *stage) halves() []int {
	var out []int
	for c := range threeCounties {
		for _, i := range s.rng.Perm(perCounty)[:perCounty/2] {
			out = append(out, county(c)[i])
		}
	}
	return out
}

func plainly(name string, quantities ...int) measured {
	return measured{name: name, quantities: quantities, divisor: 1}
}

func unrelated(s *scenario) { s.unrelated = true }
func literally(s *scenario) { s.literal = true }

func alikeOff(r *conditions) {
	r.related = func(_ *relations, a, b columnRef) bool { return a == b }
}

const month, year = calendar.Month, calendar.Year

// named are attacks that succeeded once. Each isolates somebody when what stops it is
// switched off.
var named = []struct {
	name    string
	play    func(s *stage)
	rule    func(*conditions) // off
	setting func(*scenario)   // off, in what the client compares
	owner   func(*owner)      // off, in what is registered
}{
	{name: "nox_kg beside nox_t", rule: alikeOff, setting: unrelated, play: func(s *stage) {
		a := s.dataset("a", month, nil, plainly("nox_kg", 0))
		b := s.dataset("b", month, [][]string{{"a.nox_kg", "nox_t"}}, measured{name: "nox_t", quantities: []int{0}, divisor: 1000})
		s.version(a, month0, month0+1)
		b.lack(0, month0, month0+1, 3)
		s.version(b, month0, month0+1)
	}},
	{name: "a portfolio on who lacks the second column", rule: alikeOff, setting: unrelated, play: func(s *stage) {
		a := s.dataset("a", month, [][]string{{"x", "x_2"}}, plainly("x", 0), plainly("x_2", 0))
		lacking := []int{1, 8, 9, 14}
		a.lack(1, month0, month0+1, lacking...)
		s.version(a, month0, month0+1)
		s.list(nil, append([]int{2, 3}, lacking...)...)
	}},
	{name: "three columns at a coarser grain", rule: alikeOff, setting: unrelated, play: func(s *stage) {
		const quarter = calendar.Quarter
		a := s.dataset("a", month, nil, plainly("total", 2, 3))
		b := s.dataset("b", quarter, [][]string{{"a.total", "part_a", "part_b"}}, plainly("part_a", 2), plainly("part_b", 3))
		b.lack(1, month0/3, month0/3+1, 4)
		for _, p := range []*panel{a, b} {
			span := p.dataset.Grain.Span(p.dataset.Grain.In(month0/3, quarter), p.dataset.Grain)
			if p == a {
				span = quarter.Span(month0/3, month)
			} else {
				span = calendar.Interval{From: month0 / 3, To: month0/3 + 1}
			}
			s.version(p, span.From, span.To)
		}
	}},
	{name: "the year minus its months", rule: alikeOff, setting: unrelated, play: func(s *stage) {
		a, b := s.dataset("a", month, nil, plainly("x", 0)), s.dataset("b", year, nil, plainly("x", 0))
		a.lack(0, month0+4, month0+5, 7)
		s.version(a, month0, month0+12)
		s.version(b, month0/12, month0/12+1)
	}},
	{name: "the year, then its months one by one", setting: literally, play: func(s *stage) {
		a, b := s.dataset("a", month, nil, plainly("x", 0)), s.dataset("b", year, nil, plainly("x", 0))
		b.lack(0, month0/12, month0/12+1, 7)
		s.version(b, month0/12, month0/12+1)
		for at := range int64(12) {
			s.version(a, month0+at, month0+at+1)
		}
	}},
	{name: "a correction seen through two datasets", rule: alikeOff, setting: unrelated, play: func(s *stage) {
		a, b := s.dataset("a", month, nil, plainly("x", 0)), s.dataset("b", month, nil, plainly("x", 0))
		s.version(a, month0, month0+1)
		s.version(b, month0, month0+1)
		s.correct(0, month0, 0, 1)
		s.version(a, month0, month0+1)
		s.correct(0, month0, 2)
		s.version(b, month0, month0+1)
	}},
	{name: "a joined unit moved twice", rule: func(r *conditions) {
		r.news = func(_, counts Bits, _ bool) Bits { return counts }
	}, play: func(s *stage) {
		a := s.dataset("a", month, nil, plainly("x", 0))
		s.version(a, month0, month0+1)
		s.correct(0, month0, 0, 6)
		s.version(a, month0, month0+1)
		s.correct(0, month0, 1, 12)
		s.version(a, month0, month0+1)
		s.truth.takeBack(spot{0, 0, month0})
		s.correct(0, month0, 13)
		s.version(a, month0, month0+1)
	}},
	{name: "a portfolio whose member vanishes in the next version", rule: func(r *conditions) {
		r.unchanged = func(bool) bool { return true }
	}, play: func(s *stage) {
		a := s.dataset("a", month, nil, plainly("x", 0))
		mine := s.halves()
		s.version(a, month0, month0+1)
		s.correct(0, month0, everybody()[mine[0]%5], 5)
		s.correct(0, month0, without(county(0), mine)...)
		a.lack(0, month0, month0+1, mine[0])
		s.version(a, month0, month0+1)
		s.list(nil, mine...)
	}},
	{name: "a portfolio whose member's change is taken back", rule: func(r *conditions) {
		r.ownUnits = func(at, of, given int) bool { return at == of || given == at }
	}, play: func(s *stage) {
		a := s.dataset("a", month, nil, plainly("x", 0))
		mine := s.halves()
		s.version(a, month0, month0+1)
		s.correct(0, month0, mine[0])
		s.correct(0, month0, without(county(0), mine)...)
		s.version(a, month0, month0+1)
		for _, e := range county(0) {
			if past := s.truth.past[spot{0, e, month0}]; len(past) > 1 {
				s.truth.past[spot{0, e, month0}] = past[:1]
			}
		}
		s.version(a, month0, month0+1)
		s.list(nil, mine...)
	}},
	{name: "a portfolio by county, of which a class moves by a corrected attribute", owner: func(o *owner) { o.moving = true }, play: func(s *stage) {
		a := s.dataset("a", month, nil, plainly("x", 0))
		mine := s.halves()
		s.version(a, month0, month0+1)
		move := func(to uint32) {
			s.codes = drawCodes(s.rng, s.codes, 0)
			for _, e := range county(0) {
				s.codes[0][e] = to
			}
		}
		move(1)
		s.correct(0, month0, county(1)...)
		s.version(a, month0, month0+1)
		move(0)
		s.version(a, month0, month0+1)
		s.list([]int{0}, mine[perCounty/2-1:]...) // one of county 0, half of the others
	}},
}

func without(list, left []int) []int {
	var out []int
	for _, e := range list {
		found := false
		for _, x := range left {
			found = found || x == e
		}
		if !found {
			out = append(out, e)
		}
	}
	return out
}

func TestAttacksThatOnceSucceeded(t *testing.T) {
	for _, x := range named {
		t.Run(x.name, func(t *testing.T) {
			isolated := 0
			for seed := range uint64(20) {
				for _, off := range []bool{false, true} {
					rng, rule := seeded(seed, x.name), theRule
					if off && x.rule != nil {
						x.rule(&rule)
					}
					codes := make([][]uint32, 2)
					for _, e := range everybody() {
						codes[0], codes[1] = append(codes[0], uint32(e/perCounty)), append(codes[1], 0)
					}
					s := &stage{scenario: newScenario(t, rng, newTruth(rng, month, 1), 2, codes, &rule), off: off}
					if off && x.setting != nil {
						x.setting(s.scenario)
					}
					x.play(s)
					s.releasePublic()
					if s.owner != nil {
						if off && x.owner != nil {
							x.owner(s.owner)
						}
						s.releasePrivate(s.owner)
					}
					switch found := s.truth.attacker.isolates(s.k); {
					case off:
						isolated += b2i(found != nil)
					case found != nil:
						t.Fatalf("seed %d: the entities %v are isolated by %d figures", seed, found, len(s.truth.attacker.rows))
					}
				}
			}
			if isolated == 0 {
				t.Error("nobody is isolated with the condition off: the attack reaches nothing")
			}
		})
	}
}

// The square of what is 0 or 1 is itself, so that squares tell nothing new: they would
// only be sums over other sets of entities.
func TestSquaresOfAMeasureOfZeroAndOneAreNeverReleased(t *testing.T) {
	for _, bits := range []bool{true, false} {
		units := 0
		for seed := range uint64(20) {
			rng := seeded(seed, "squares of bits")
			s := newScenario(t, rng, newTruth(rng, month, 1), 2, [][]uint32{make([]uint32, 24)}, nil)
			s.truth.bits[0] = bits
			p := s.create(Dataset{ID: "a", Grain: month, PolicyGrain: month, Moments: [][2]string{{"x", "x"}}}, plainly("x", 0))
			for range 4 {
				for e := range s.entities {
					if at := (spot{0, e, month0}); s.truth.at(at) >= 0 && rng.IntN(2) == 0 {
						s.truth.correct(at)
					}
				}
				s.publish(p, calendar.Interval{From: month0, To: month0 + 1})
			}
			s.releasePublic()
			if units += s.reached["products"]; s.truth.attacker.isolates(s.k) != nil {
				t.Fatalf("seed %d: somebody is isolated", seed)
			}
		}
		if (units > 0) == bits {
			t.Errorf("0 or 1: %v; %d units of squares", bits, units)
		}
	}
}
