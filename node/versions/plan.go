package versions

import (
	"errors"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/rollup"
	"github.com/weirdata/weir/node/failure"
)

// Planner makes the plan of a verdict.
type Planner func(w Sources, verdict catalog.Verdict) (*plan.Plan, error)

// PlanOf plans with the presence where there is one. Without it, a verdict that is
// planned by it gets a bound of its plan, which is enough to refuse and to charge.
func PlanOf(w Sources, verdict catalog.Verdict) (*plan.Plan, error) {
	switch {
	case verdict.Join != nil:
		return plan.NewJoin(w.pairs(), verdict)
	case w.planned():
		return plan.NewPrivate(w.Dataset.Descriptor, w.Layers(), verdict)
	case plan.NeedsPresence(verdict):
		return plan.Bound(w.Dataset.Descriptor, w.Layers(), verdict)
	}
	return plan.New(w.Dataset.Descriptor, w.Layers(), verdict)
}

// Plan builds the plan that follows from the verdict and checks that it opens
// exactly. A plan that does not fit can never succeed: the error is a
// refuseError.
func (s *Store) Plan(w Sources, verdict catalog.Verdict) (plan *plan.Plan, err error) {
	err = failure.Contain(func() (err error) {
		plan, err = s.Options.Plan(w, verdict)
		return err
	})
	if err != nil {
		return nil, unplanned(err, "node.no_plan", "node.no_plan_because")
	}
	if _, err := plan.Check(s.Params, w.Descriptor()); err != nil {
		return nil, unplanned(err, "node.unfit", "node.unfit_because")
	}
	return plan, nil
}

// unplanned is why a query can never be opened: by the second code where it is known.
func unplanned(err error, code, because string) error {
	why := catalog.Why(code)
	if r := plan.Refusal(err); r != nil {
		why = catalog.Why(because).With(r.Reason)
	} else if errors.Is(err, failure.ErrPanicked) {
		why = catalog.Why(because).With(catalog.Why("node.panicked"))
	}
	return failure.RefuseWith(err, why)
}

// CheckTiles holds a plan to the tiles that its attempt names, by which the keys wear.
// The leader counts what a verdict on two measures takes at most.
func CheckTiles(a catalog.Attempt, w Sources, plan *plan.Plan) error {
	if plan.Tiles > a.Tiles || plan.Tiles < a.Tiles && !w.planned() {
		return failure.Refuse("node.tiles", a.Tiles, plan.Tiles)
	}
	if plan.SecondTiles > a.Joined {
		return failure.Refuse("node.joined_tiles", a.Joined, plan.SecondTiles)
	}
	return nil
}

// KeyOpenings are the openings of a plan under one key: the numbers of accumulators, and
// behind them all those of tiles that are opened alone.
type KeyOpenings struct {
	Key     catalog.Key
	Numbers []int
}

// OpeningsByKey are a plan's openings, in the order in which their keys come first. Counts
// of a private selector alone open nothing.
func OpeningsByKey(w Sources, plan *plan.Plan) []KeyOpenings {
	var out []KeyOpenings
	for number := range plan.Openings() {
		key := readBy(w, plan, number).Key
		i := slices.IndexFunc(out, func(o KeyOpenings) bool { return o.Key.ID == key.ID && o.Key.Epoch == key.Epoch })
		if i < 0 {
			i = len(out)
			out = append(out, KeyOpenings{Key: key})
		}
		out[i].Numbers = append(out[i].Numbers, number)
	}
	return out
}

// readBy is the version whose tiles an opening reads.
func readBy(w Sources, plan *plan.Plan, number int) *Version {
	if number < len(plan.Accumulators) {
		return w.layers[plan.Accumulators[number].Layer]
	}
	s := plan.Singles[number-len(plan.Accumulators)]
	if s.Second {
		return w.seconds[s.Layer]
	}
	return w.layers[s.Layer]
}

// openingOf says of which version, column and block an opening adds up which tiles.
func openingOf(w Sources, plan *plan.Plan, number int) (v *Version, column, block int, numbers []int) {
	v = readBy(w, plan, number)
	if single := number - len(plan.Accumulators); single >= 0 {
		s := plan.Singles[single]
		return v, s.Packed, s.Block, []int{s.Tile}
	}
	acc := plan.Accumulators[number]
	return v, plan.Layers[acc.Layer].Packed[acc.Column], acc.Block, acc.Tiles
}

// OpeningDigests names the tiles of one opening.
func OpeningDigests(w Sources, plan *plan.Plan, number int) []catalog.Digest {
	v, column, block, numbers := openingOf(w, plan, number)
	digests := make([]catalog.Digest, len(numbers))
	for i, k := range numbers {
		digests[i] = v.Manifest.Tile(column, block, k)
	}
	return digests
}

// OpeningTiles are the tiles of one opening in their places, to be added up by rollups.
func OpeningTiles(w Sources, plan *plan.Plan, number int) rollup.Tiles {
	v, column, block, numbers := openingOf(w, plan, number)
	t := v.Tiles(column, block)
	t.Numbers = numbers
	return t
}

// Tiles are all of one column and block of a version whose manifest was fetched.
func (v Version) Tiles(column, block int) rollup.Tiles {
	return rollup.Tiles{
		Manifest: v.Record.Manifest, Column: column, Block: block, All: v.Manifest.Tiles[column][block],
		Grain: v.Dataset.Descriptor.Grain, First: v.Record.First, Periods: v.Record.Blocks[block].Periods,
	}
}

// Columns are all tiles of a version whose manifest was fetched, by column and block.
func (v Version) Columns() (list []rollup.Tiles) {
	for column, blocks := range v.Manifest.Tiles {
		for block := range blocks {
			list = append(list, v.Tiles(column, block))
		}
	}
	return list
}
