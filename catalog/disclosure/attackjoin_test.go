package disclosure

import (
	"errors"
	"testing"
)

// Four products make a rectangle of two stages of x and two of y: added and subtracted
// they are the sum of (change of x)·(change of y) over those for whom both changed. The
// pairs of one join never make one, for versions only grow; two related measures of a
// dataset may, if the products of each are judged by themselves.
func TestTwoMeasuresOfAFactorMakeNoRectangleOfProducts(t *testing.T) {
	moved, refused := 0, 0
	for seed := range uint64(20) {
		j := newJoined(t, seeded(seed, "rectangle"), 2, nil)
		x, y, rng := j.a.panels[0], j.b.panels[0], j.a.rng
		span := j.a.spans[0]
		tick := span.From
		x.missing, y.missing = map[gap]bool{}, map[gap]bool{}
		everybody := rng.Perm(j.a.entities)
		correct := func(quantity int, entities []int) {
			for _, e := range entities {
				j.a.truth.correct(spot{quantity, e, tick})
			}
		}
		publish := func(d *draw, p *panel, held ...int) {
			d.publish(p, span, held...)
			j.release()
		}
		for e := range everybody {
			x.missing[gap{1, e, tick}] = true
		}
		publish(j.a, x) // x
		publish(j.b, y)
		correct(0, everybody)
		for e := range everybody {
			delete(x.missing, gap{1, e, tick})
		}
		publish(j.a, x, 0) // x_t with all corrections, x as it was
		half := len(everybody) / 2
		correct(0, everybody[:half+1])
		publish(j.a, x, 1) // x with those of x_t and of half of them another one
		correct(1, everybody[half:])
		publish(j.b, y) // one entity has both changes
		if found := j.isolated(); found != nil {
			t.Fatalf("family %d: the entities %v are isolated by %d sets of products", seed, found, j.sets)
		}
		moved, refused = moved+j.moved, refused+j.refused
	}
	if moved == 0 || refused == 0 {
		t.Errorf("%d sets of later pairs, %d joins refused: the attack reaches nothing", moved, refused)
	}
}

// The rectangle of a single join: every version of x with every version of y, where each
// pair is judged by itself. The settled sequence of pairs never goes back.
func TestAProductOfTwoPublishersInPairsOfVersions(t *testing.T) {
	for _, off := range []bool{false, true} {
		rule := theRule
		if off {
			rule.pairsUpTo = func(_ []JoinPair, asOf JoinPair) []JoinPair { return []JoinPair{asOf} }
		}
		isolated := 0
		var reached joinsReached
		for seed := range uint64(20) {
			j := newJoined(t, seeded(seed, "pairs"), 1, &rule)
			x, y := j.a.panels[0], j.b.panels[0]
			x.missing, y.missing = map[gap]bool{}, map[gap]bool{}
			span, who := j.a.spans[0], j.a.rng.Perm(j.a.entities)
			half := len(who) / 2
			correct := func(quantity int, entities []int) {
				for _, e := range entities {
					j.a.truth.correct(spot{quantity, e, span.From})
				}
			}
			correct(0, who)
			correct(1, who)
			j.a.publish(x, span)
			j.b.publish(y, span)
			j.release()
			correct(0, who[:half+1])
			j.a.publish(x, span)
			j.release()
			correct(1, who[half:])
			j.b.publish(y, span)
			j.release()
			isolated += b2i(j.isolated() != nil)
			reached.add(j.joinsReached)
		}
		if (isolated > 0) != off || reached.moved == 0 || (reached.unsettled == 0) != off {
			t.Errorf("pairs judged by themselves: %v; somebody is isolated in %d families: %+v", off, isolated, reached)
		}
	}
}

// The products of a measure that was taken away are still in the world.
func TestAMeasureIsNotJoinedInThePlaceOfOneThatWasTakenAway(t *testing.T) {
	j := newJoined(t, seeded(1, "taken away"), 2, nil)
	d := j.a.panels[0].dataset
	d.Measures, d.Related = []string{"x_t"}, nil
	if err := j.a.family.Admit(d); err != nil {
		t.Fatal(err)
	}
	_, err := JoinSets(j.side(j.a, 1), j.side(j.b, 0), JoinGrid{})
	if c := (*Conflict)(nil); !errors.As(err, &c) || c.Code != ConflictJoined {
		t.Errorf("joining x_t after x was taken away: %v, want a conflict with x", err)
	}
}
