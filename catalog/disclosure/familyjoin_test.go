package disclosure

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog/calendar"
)

// joined is two publishers with their families on one registry, whose measures x and y
// are multiplied.
type joined struct {
	a, b  *draw
	pairs []JoinPair // settled sequence
	joinsReached
}

// joinsReached counts what families of joins reach.
type joinsReached struct {
	sets      int
	moved     int // sets of later pairs
	mixed     int // answers of a period that take sets of several pairs
	held      int // sets with news in a later pair
	refused   int // joins of a measure beside another one of the same readings
	unsettled int // pairs of versions that were never the newest together
}

func (r *joinsReached) add(s joinsReached) {
	r.sets += s.sets
	r.moved += s.moved
	r.mixed += s.mixed
	r.held += s.held
	r.refused += s.refused
	r.unsettled += s.unsettled
}

// newJoined draws two publishers whose trees differ. Each lists the other's datasets.
func newJoined(tb testing.TB, rng *rand.Rand, columns int, rule *conditions) *joined {
	entities := 16 + rng.IntN(28)
	codes := drawCodes(rng, nil, entities)
	t := newTruth(rng, calendar.Month, 1)
	publisher := func(codes [][]uint32) *draw {
		s := newScenario(tb, rng, t, 2, codes, rule)
		s.exact = rng.IntN(2) == 0
		return &draw{scenario: s, spans: map[int]calendar.Interval{}}
	}
	j := &joined{a: publisher(codes), b: publisher([][]uint32{codes[1], codes[0]})}
	x := []measured{{name: "x", quantities: []int{0}, divisor: 1}, {name: "x_t", quantities: []int{0}, divisor: 1000}}
	y := measured{name: "y", quantities: []int{1}, divisor: 1}
	create := func(d *draw, id, other string, related [][]string, measures ...measured) {
		d.waiting = append(d.waiting, func() *panel {
			return d.create(Dataset{
				ID: id, Grain: calendar.Month, PolicyGrain: calendar.Month, Portfolios: 1, Joins: []string{other}, Related: related,
			}, measures...)
		})
		d.open()
	}
	create(j.a, "a", "b", [][]string{{"x", "x_t"}}[:columns-1], x[:columns]...)
	create(j.b, "b", "a", nil, y)
	return j
}

// drawJoined publishes versions of both in turns.
func drawJoined(tb testing.TB, rng *rand.Rand, rule *conditions) *joined {
	j := newJoined(tb, rng, 1+rng.IntN(2), rule)
	if rng.IntN(2) == 0 { // most have both measures
		for _, d := range []*draw{j.a, j.b} {
			for _, p := range d.panels {
				p.missing = map[gap]bool{}
			}
		}
	}
	for range 4 + rng.IntN(6) {
		if rng.IntN(2) == 0 {
			j.a.act()
		} else {
			j.b.act()
		}
		j.release()
	}
	return j
}

func (j *joined) side(d *draw, measure int) JoinSide {
	p := d.panels[0]
	return JoinSide{Family: d.family, Dataset: p.dataset.ID, Measure: p.measures[measure].name, Cells: p}
}

// drawPairs publishes versions in turns, each of which corrects some readings of one
// side, or takes them back: one, a few, a class, half of all. Cells come and go.
func drawPairs(tb testing.TB, rng *rand.Rand, rule *conditions) *joined {
	j := newJoined(tb, rng, 1, rule)
	sides, span := []*draw{j.a, j.b}, j.a.spans[0]
	span.To = span.From + 1
	for _, d := range sides {
		d.panels[0].missing = map[gap]bool{}
		d.publish(d.panels[0], span)
		j.release()
	}
	for range 2 + rng.IntN(6) {
		side := rng.IntN(2)
		d := sides[side]
		for range 1 + rng.IntN(2) {
			who := d.some()
			if rng.IntN(3) == 0 {
				who = rng.Perm(d.entities)[:d.entities/2]
			}
			how := rng.IntN(6)
			for _, e := range who {
				switch cell := (gap{0, e, span.From}); how {
				case 0:
					d.panels[0].missing[cell] = true
				case 1:
					d.truth.takeBack(spot{side, e, span.From})
					delete(d.panels[0].missing, cell)
				default:
					d.truth.correct(spot{side, e, span.From})
				}
			}
		}
		d.publish(d.panels[0], span)
		j.release()
	}
	return j
}

// release hands the attacker all products as of the pair that is now the newest.
func (j *joined) release() {
	j.pairs = nextPair(j.pairs, j.side(j.a, 0), j.side(j.b, 0))
	if len(j.pairs) > 0 {
		j.releaseAsOf(j.pairs[len(j.pairs)-1], nil)
	}
}

// releaseAll hands over the products as of every version of the one side with every one
// of the other, with what is withdrawn and without.
func (j *joined) releaseAll() {
	live := func(p JoinPair) bool {
		return j.a.panels[0].editions[p.A-1].live && j.b.panels[0].editions[p.B-1].live
	}
	for a := range j.a.panels[0].editions {
		for b := range j.b.panels[0].editions {
			j.releaseAsOf(JoinPair{a + 1, b + 1}, nil)
			j.releaseAsOf(JoinPair{a + 1, b + 1}, live)
		}
	}
}

// releaseAsOf hands over the products as of a pair.
func (j *joined) releaseAsOf(pair JoinPair, live func(JoinPair) bool) {
	periods := j.a.livePeriods(j.a.panels[0])
	for m := range j.a.panels[0].measures {
		all, err := JoinSets(j.side(j.a, m), j.side(j.b, 0), JoinGrid{Periods: periods, Pairs: j.pairs, AsOf: pair, Live: live})
		if c := (*Conflict)(nil); errors.As(err, &c) && c.Code == ConflictJoined {
			j.refused++
			continue
		}
		if u := (*UnsettledError)(nil); errors.As(err, &u) {
			j.unsettled++
			continue
		}
		if err != nil {
			j.a.tb.Fatal(err)
		}
		for i, sets := range all {
			j.count(sets)
			for _, set := range sets {
				j.learn(m, periods[i], set)
			}
		}
	}
}

func (j *joined) count(sets []JoinSet) {
	several := false
	for _, set := range sets {
		j.sets++
		j.moved += b2i(set.Pair != j.pairs[0])
		j.held += b2i(len(set.HeldBack) > 0)
		several = several || set.Pair != sets[0].Pair
	}
	j.mixed += b2i(several)
}

func (j *joined) learn(measure int, period int64, set JoinSet) {
	form := map[int]uint64{}
	for _, e := range set.Members {
		x, y := j.a.panels[0].editions[set.Pair.A-1], j.b.panels[0].editions[set.Pair.B-1]
		for _, p := range j.a.truth.times(x.cell(measure, period, int(e)), y.cell(0, period, int(e))).parts {
			form[p.unknown] = addMod(form[p.unknown], field(p.times))
		}
	}
	j.a.truth.attacker.learn(form)
}

// isolated returns entities that the products alone tell of, fewer than p·k, or fewer
// than k with everything else that is public.
func (j *joined) isolated() []int {
	j.releaseAll()
	if found := j.a.truth.attacker.isolates(joinCohort(j.side(j.a, 0), j.side(j.b, 0))); found != nil {
		return found
	}
	j.a.releasePublic()
	j.b.releasePublic()
	return j.a.truth.attacker.isolates(j.a.k)
}

// joinKinds are families of joins: of whatever is drawn, and aimed at pairs of versions.
var joinKinds = []struct {
	name string
	draw func(testing.TB, *rand.Rand, *conditions) *joined
}{{"joins", drawJoined}, {"pairs of versions", drawPairs}}

func TestNobodyIsIsolatedByProductsOfTwoPublishers(t *testing.T) {
	for _, about := range joinKinds {
		t.Run(about.name, func(t *testing.T) {
			n, start := howMany(200), time.Now()
			var reached joinsReached
			for i := range n {
				j := about.draw(t, seeded(uint64(i), about.name), nil)
				found := j.isolated()
				reached.add(j.joinsReached)
				if found != nil {
					t.Fatalf("family %d: the entities %v are isolated: fewer than %d, or by the products alone than p times that", i, found, j.a.k)
				}
			}
			t.Logf("%d families, %.0f a second: %+v", n, float64(n)/time.Since(start).Seconds(), reached)
			if reached.moved == 0 || reached.mixed == 0 || reached.held == 0 || reached.unsettled == 0 {
				t.Error("the attack reaches nothing")
			}
		})
	}
}

// joinConditionsOff are the conditions of joins that are switched off one at a time.
var joinConditionsOff = []struct {
	name string
	rule func(*conditions)
}{
	{"counting in place of news of the pair", func(r *conditions) { r.pair = func(_, counts Bits) Bits { return counts } }},
	{"a set of an older pair is summed of the newest cells", func(r *conditions) {
		r.joinCells = func(_, asOf JoinPair) JoinPair { return asOf }
	}},
	{"versions that were never the newest together", func(r *conditions) {
		r.pairsUpTo = func(_ []JoinPair, asOf JoinPair) []JoinPair { return []JoinPair{asOf} }
	}},
}

func TestEachConditionOfJoinsProtectsSomebody(t *testing.T) {
	for _, c := range joinConditionsOff {
		t.Run(c.name, func(t *testing.T) {
			rule := theRule
			c.rule(&rule)
			n := max(400, *families)
			isolated, first := 0, -1
			for i := 0; i < n && (isolated == 0 || *families > 0); i++ {
				if drawPairs(t, seeded(uint64(i), "pairs of versions"), &rule).isolated() == nil {
					continue
				}
				if isolated++; first < 0 {
					first = i
				}
			}
			t.Logf("%d of %d families isolate somebody, the first is %d", isolated, n, first)
			if isolated == 0 {
				t.Error("nobody is isolated without the condition: either it is not needed or the attack does not reach it")
			}
		})
	}
}
