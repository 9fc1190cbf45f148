package plan

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/weirdata/weir/catalog"
)

// periodSets tells, for every period of the version, what a column is left out
// of, parts or entities: of[p] is the number of a set in sets, a bitmap of them;
// set 0 is empty. A nil of is 0 everywhere.
type periodSets struct {
	of   []int32
	sets [][]uint64
	keys []string
}

// nothingLeftOut is the empty set in every period.
var nothingLeftOut = periodSets{sets: [][]uint64{nil}, keys: []string{""}}

func (e periodSets) at(period int) int32 {
	if e.of == nil {
		return 0
	}
	return e.of[period]
}

// exclude reports whether the set holds the part, or the entity.
func exclude(set []uint64, member int32) bool {
	return len(set) > 0 && set[member>>6]>>(member&63)&1 != 0
}

// change is a part's entering or leaving the exclusions at a period.
type change struct {
	period int
	part   int
}

// exclusions sweeps over the periods once; only periods at which something
// changes cost anything.
func (g *gridLayer) exclusions(column int) periodSets {
	out := periodSets{of: make([]int32, len(g.periodOf)), sets: [][]uint64{nil}, keys: []string{""}}
	changes := g.changes(column)
	if len(changes) == 0 {
		return out
	}
	known := map[string]int32{}
	set := make([]uint64, (len(g.verdict.Parts)+63)/64)
	members := 0
	scratch := make([]byte, 8*len(set))
	for i := 0; i < len(changes); {
		from := changes[i].period
		for ; i < len(changes) && changes[i].period == from; i++ {
			bit := uint64(1) << (changes[i].part & 63)
			word := &set[changes[i].part>>6]
			*word ^= bit
			if *word&bit != 0 {
				members++
			} else {
				members--
			}
		}
		to := len(out.of)
		if i < len(changes) {
			to = changes[i].period
		}
		id := int32(0)
		if members > 0 && from < to {
			id = out.intern(known, set, scratch)
		}
		for p := from; p < to; p++ {
			out.of[p] = id
		}
	}
	return out
}

func (e *periodSets) intern(known map[string]int32, set []uint64, scratch []byte) int32 {
	encodeWords(scratch, set)
	id, ok := known[string(scratch)]
	if !ok {
		id = int32(len(e.sets)) //nolint:gosec // at most one a period
		key := string(scratch)
		known[key] = id
		e.sets = append(e.sets, slices.Clone(set))
		e.keys = append(e.keys, key)
	}
	return id
}

// changes lists, in order of periods, where parts enter and leave. Intervals
// of one part are joined first, so that each change toggles.
func (g *gridLayer) changes(column int) []change {
	list := make([][]catalog.Interval, len(g.verdict.Parts))
	for _, e := range g.layer.Exclusions {
		e.Each(len(g.verdict.Columns), len(list), func(c, part int) {
			if c == column {
				list[part] = append(list[part], e.Intervals...)
			}
		})
	}
	var out []change
	for part, intervals := range list {
		for _, interval := range catalog.NewPeriodSet(intervals) {
			if from, to := g.clip(interval); from < to {
				out = append(out, change{from, part}, change{to, part})
			}
		}
	}
	slices.SortFunc(out, func(a, b change) int { return cmp.Compare(a.period, b.period) })
	return out
}

// checkExclusions checks that exclusions name columns and parts that exist.
func (g *gridLayer) checkExclusions() error {
	for i, e := range g.layer.Exclusions {
		if !e.Fits(len(g.verdict.Columns), len(g.verdict.Parts)) {
			return &exclusionError{index: i, exclusion: e}
		}
	}
	return nil
}

// exclusionError is an exclusion of a column or part that a layer does not
// have.
type exclusionError struct {
	index     int
	exclusion catalog.Exclusion
}

func (e *exclusionError) Error() string {
	return "exclusion " + strconv.Itoa(e.index) + " is of column " + strconv.Itoa(e.exclusion.Column) +
		" and part " + strconv.Itoa(e.exclusion.Part) + ", which do not exist"
}
