package plan

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog/calendar"
)

// periodSets tells, for every period of the version, what a column is left out
// of, parts or entities: of[p] is the number of a set in sets, a bitmap of them;
// set 0 is empty. A nil of is 0 everywhere. Equal sets have equal keys.
type periodSets struct {
	of   []int32
	sets [][]uint64
	keys []string
}

// setWriter makes periodSets: set is that of the next periods.
type setWriter struct {
	periodSets
	set     []uint64
	known   map[string]int32
	scratch []byte
}

func newSetWriter(periods, members int) *setWriter {
	words := (members + 63) / 64
	return &setWriter{
		periodSets: periodSets{of: make([]int32, periods), sets: [][]uint64{nil}, keys: []string{""}},
		set:        make([]uint64, words), known: map[string]int32{}, scratch: make([]byte, 0, 8*words),
	}
}

// add adds a member to the set, toggle one that may be in it.
func (w *setWriter) add(member int)    { w.set[member>>6] |= 1 << (member & 63) }
func (w *setWriter) toggle(member int) { w.set[member>>6] ^= 1 << (member & 63) }

// put says that the set is that of the periods [from, to).
func (w *setWriter) put(from, to int) {
	if from >= to || !slices.ContainsFunc(w.set, func(word uint64) bool { return word != 0 }) {
		return // they have the empty one
	}
	key := w.scratch[:0]
	for _, word := range w.set {
		key = binary.LittleEndian.AppendUint64(key, word)
	}
	id, known := w.known[string(key)]
	if !known {
		id = int32(len(w.sets)) //nolint:gosec // at most one a period
		w.keys, w.sets = append(w.keys, string(key)), append(w.sets, slices.Clone(w.set))
		w.known[w.keys[id]] = id
	}
	for p := from; p < to; p++ {
		w.of[p] = id
	}
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
	out := newSetWriter(len(g.periodOf), len(g.verdict.Parts))
	changes := g.changes(column)
	for i := 0; i < len(changes); {
		from, to := changes[i].period, len(g.periodOf)
		for ; i < len(changes) && changes[i].period == from; i++ {
			out.toggle(changes[i].part)
		}
		if i < len(changes) {
			to = changes[i].period
		}
		out.put(from, to)
	}
	return out.periodSets
}

// changes lists, in order of periods, where parts enter and leave. Intervals
// of one part are joined first, so that each change toggles.
func (g *gridLayer) changes(column int) []change {
	list := make([][]calendar.Interval, len(g.verdict.Parts))
	for _, e := range g.layer.Exclusions {
		e.Each(len(g.verdict.Columns), len(list), func(c, part int) {
			if c == column {
				list[part] = append(list[part], e.Intervals...)
			}
		})
	}
	var out []change
	for part, intervals := range list {
		for _, interval := range calendar.NewPeriodSet(intervals) {
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
			return fmt.Errorf("exclusion %d is of column %d and part %d, which do not exist", i, e.Column, e.Part)
		}
	}
	return nil
}
