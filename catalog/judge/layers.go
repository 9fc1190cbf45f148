package judge

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/assignment"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/disclosure"
)

// allotment turns what the release rule gives into the layers of a verdict. A class is
// read from the version that gave what is taken of it, whose cells equal it: so a
// version that repeats older ones and adds to them is one layer.
type allotment struct {
	*evaluation
	answer  *disclosure.Answer
	periods []int64 // of the policy's grain, as the answer has them
	groups  []int   // period → period group
}

// taking is what is taken of a source, the n-th period of a column.
func (a *allotment) taking(column, n int) disclosure.Taking {
	return a.answer.Taken[column*len(a.periods)+n]
}

// words are of a set of all classes.
func (a *allotment) words() int { return (len(a.answer.Groups) + 63) / 64 }

// taken reports, by group of the grid, whether anything is taken of it.
func (a *allotment) taken() []bool {
	width := len(a.verdict.PeriodGroups)
	classes := make([]disclosure.Bits, width) // of which something is taken, by period group
	for j := range classes {
		classes[j] = make(disclosure.Bits, a.words())
	}
	a.each(func(j int, g disclosure.Given) {
		for i, w := range g.Classes {
			classes[j][i] |= w
		}
	})
	out := make([]bool, a.grid)
	for class, group := range a.answer.Groups {
		for j := range classes {
			if group >= 0 && classes[j].Has(class) {
				out[int(group)*width+j] = true
			}
		}
	}
	return out
}

// each calls fn with every period group and what a version gave a source in it.
func (a *allotment) each(fn func(group int, g disclosure.Given)) {
	for c := range a.verdict.Columns {
		for n, j := range a.groups {
			for _, g := range a.taking(c, n) {
				fn(j, g)
			}
		}
	}
}

// layOut makes the parts and the layers of the versions from which something is
// released.
func (a *allotment) layOut() {
	kept := a.released()
	uses := make([]disclosure.Bits, a.version.Version+1) // version → classes
	a.each(func(j int, g disclosure.Given) {
		set := uses[g.Version]
		if set == nil {
			set = make(disclosure.Bits, a.words())
			uses[g.Version] = set
		}
		for i, w := range g.Classes {
			set[i] |= w & kept[j][i]
		}
	})
	m := &layering{allotment: a, of: slices.Repeat([]int{-1}, len(uses))}
	m.number(uses)
	for version, classes := range uses {
		if classes.Count() > 0 {
			m.of[version] = len(m.layers)
			m.begin(version, classes)
		}
	}
	m.leaveOut()
	a.verdict.Layers = m.layers
}

// released are the classes whose group is released, by period group.
func (a *allotment) released() []disclosure.Bits {
	width, withheld := len(a.verdict.PeriodGroups), a.withheld()
	out := make([]disclosure.Bits, width)
	for j := range out {
		out[j] = make(disclosure.Bits, a.words())
		for class, group := range a.answer.Groups {
			if group >= 0 && !withheld[int(group)*width+j] {
				out[j][class>>6] |= 1 << (class & 63)
			}
		}
	}
	return out
}

// layering makes layers, all at once: each taking is looked at once.
type layering struct {
	*allotment
	layers []catalog.Layer
	of     []int             // version → layer, −1
	runs   []run             // of the classes that are parts
	parts  int               // how many that are
	own    []disclosure.Bits // layer → its parts
	known  []map[uint64]int  // layer: sum of a set left out of the column at hand → exclusion of the layer; looked up only
	last   []int             // layer → exclusion of the source at hand, −1 none
	set    disclosure.Bits   // of parts; room for one
	bytes  []byte            // likewise, as a bitmap
	room   []byte            // for bitmaps
	spans  []calendar.Interval
}

// run is consecutive classes that are parts: parts have the order of classes.
type run struct{ from, to, part int }

// number numbers the classes of which any version gives something.
func (m *layering) number(uses []disclosure.Bits) {
	all := make(disclosure.Bits, m.words())
	for _, classes := range uses {
		for i, w := range classes {
			all[i] |= w
		}
	}
	number := slices.Repeat([]int32{-1}, len(m.answer.Groups))
	for class, group := range m.answer.Groups {
		if !all.Has(class) {
			continue
		}
		if n := len(m.runs); n > 0 && m.runs[n-1].to == class {
			m.runs[n-1].to++
		} else {
			m.runs = append(m.runs, run{class, class + 1, m.parts})
		}
		number[class] = int32(m.parts) //nolint:gosec // at most MaxRegistryRows
		m.parts++
		m.verdict.Parts = append(m.verdict.Parts, catalog.Part{Group: int(group), Class: class})
	}
	entities := 0
	for version, classes := range uses {
		if classes.Count() > 0 {
			entities = max(entities, m.rule.cells.Version(version).Entities)
		}
	}
	m.verdict.Assign = assignment.Pack(m.rule.family.Tree().Assign(entities, number))
}

// begin begins the layer of a version, which gives some classes.
func (m *layering) begin(version int, classes disclosure.Bits) {
	own := m.partsOf(make(disclosure.Bits, (m.parts+63)/64), classes)
	absent := make(disclosure.Bits, len(own))
	for i := range absent {
		absent[i] = ^own[i]
	}
	if rest := m.parts % 64; rest > 0 {
		absent[len(absent)-1] &= 1<<rest - 1
	}
	m.layers = append(m.layers, catalog.Layer{
		Version: version, Entities: m.rule.cells.Version(version).Entities, Absent: bytes.TrimRight(m.bitmap(nil, absent), "\x00"),
	})
	m.own = append(m.own, own)
}

// bitmap is a set of parts as a bitmap, in the room of out.
func (m *layering) bitmap(out []byte, set disclosure.Bits) []byte {
	out = out[:0]
	for _, w := range set {
		out = binary.LittleEndian.AppendUint64(out, w)
	}
	return out[:(m.parts+7)/8]
}

// partsOf writes the parts of a set of classes over out.
func (m *layering) partsOf(out, classes disclosure.Bits) disclosure.Bits {
	clear(out)
	for _, r := range m.runs {
		copyBits(out, r.part, classes, r.from, r.to)
	}
	return out
}

// copyBits copies the bits [from, to) of a set to one whose bits from at on are 0.
func copyBits(out disclosure.Bits, at int, set disclosure.Bits, from, to int) {
	for to = min(to, 64*len(set)); from < to; {
		n := min(to-from, 64-from&63, 64-at&63)
		w := set[from>>6] >> (from & 63)
		if n < 64 {
			w &= 1<<n - 1
		}
		out[at>>6] |= w << (at & 63)
		from, at = from+n, at+n
	}
}

// leaveOut lists, layer by layer, where parts take nothing of a version, or of another
// one: an exclusion for each set of parts and column, or for all columns where these
// leave out the same.
func (m *layering) leaveOut() {
	m.known, m.last, m.set = make([]map[uint64]int, len(m.layers)), make([]int, len(m.layers)), make(disclosure.Bits, (m.parts+63)/64)
	begins := make([][]int, len(m.layers)) // layer, column → its first exclusion
	for l := range m.layers {
		m.known[l] = map[uint64]int{}
	}
	for c := range m.verdict.Columns {
		for l := range m.layers {
			clear(m.known[l])
			begins[l] = append(begins[l], len(m.layers[l].Exclusions))
		}
		for n, period := range m.periods {
			if taking := m.taking(c, n); n == 0 || !taking.Equal(m.taking(c, n-1)) {
				m.find(c, taking)
			}
			span := m.descriptor.Policy.Grain.Span(period, m.descriptor.Grain)
			for l := range m.layers {
				if at := m.last[l]; at >= 0 {
					x := &m.layers[l].Exclusions[at]
					x.Intervals = appendSpan(x.Intervals, span)
				}
			}
		}
	}
	for l := range m.layers {
		m.layers[l].Exclusions = ofAllColumns(m.layers[l].Exclusions, begins[l])
	}
}

// appendSpan appends an interval to ascending ones.
func appendSpan(list []calendar.Interval, span calendar.Interval) []calendar.Interval {
	if k := len(list); k > 0 && list[k-1].To == span.From {
		list[k-1].To = span.To
		return list
	}
	return append(list, span)
}

// find finds, for every layer, the set of its parts that take nothing of its version
// where a source of column c gives a taking.
func (m *layering) find(c int, taking disclosure.Taking) {
	for l, own := range m.own {
		var given disclosure.Bits
		if i := slices.IndexFunc(taking, func(g disclosure.Given) bool { return m.of[g.Version] == l }); i >= 0 {
			given = taking[i].Classes
		}
		set, members, sum := m.partsOf(m.set, given), 0, uint64(0)
		for i := range set {
			set[i] = own[i] &^ set[i]
			members += bits.OnesCount64(set[i])
			sum = bits.RotateLeft64(sum, 29)*0x9e3779b97f4a7c15 + set[i]
		}
		if m.last[l] = -1; members > 0 {
			m.last[l] = m.exclusion(l, c, sum, members)
		}
	}
}

// exclusion is the exclusion of the set at hand from a column of a layer, which gets it
// where it has none.
func (m *layering) exclusion(l, column int, sum uint64, members int) int {
	m.bytes = m.bitmap(m.bytes, m.set)
	x := catalog.Exclusion{Column: column, Part: -1, Parts: m.bytes}
	if members == 1 { // the shorter form
		x.Each(column+1, m.parts, func(_, part int) { x.Part = part })
		x.Parts = nil
	}
	list := &m.layers[l].Exclusions
	for ; ; sum++ {
		at, known := m.known[l][sum]
		if !known {
			m.known[l][sum] = len(*list)
			break
		}
		if other := (*list)[at]; other.Part == x.Part && bytes.Equal(other.Parts, x.Parts) {
			return at
		}
	}
	x.Parts, x.Intervals = m.keep(x.Parts), m.span()
	if len(*list) == cap(*list) {
		*list = slices.Grow(*list, len(m.periods)*(len(m.verdict.Columns)-column)) // at most as many
	}
	*list = append(*list, x)
	return len(*list) - 1
}

// keep copies a bitmap; many at a time get their room.
func (m *layering) keep(bitmap []byte) []byte {
	n := len(bitmap)
	if n == 0 {
		return nil
	}
	if len(m.room) < n {
		m.room = make([]byte, max(n, 1<<14))
	}
	out := m.room[:n:n]
	m.room = m.room[n:]
	copy(out, bitmap)
	return out
}

// span is room for one interval.
func (m *layering) span() []calendar.Interval {
	if len(m.spans) == 0 {
		m.spans = make([]calendar.Interval, 128)
	}
	out := m.spans[:0:1]
	m.spans = m.spans[1:]
	return out
}

// ofAllColumns puts one exclusion in the place of those of all columns, where all columns
// have the same. begins are the columns' first.
func ofAllColumns(list []catalog.Exclusion, begins []int) []catalog.Exclusion {
	first := list
	for c, from := range begins {
		to := len(list)
		if c+1 < len(begins) {
			to = begins[c+1]
		}
		if c == 0 {
			first = list[:to]
		}
		same := func(x, y catalog.Exclusion) bool {
			return x.Part == y.Part && bytes.Equal(x.Parts, y.Parts) && slices.Equal(x.Intervals, y.Intervals)
		}
		if !slices.EqualFunc(first, list[from:to], same) {
			return list
		}
	}
	for i := range first {
		first[i].Column = -1
	}
	return first
}
