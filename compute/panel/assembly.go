package panel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/bits-and-blooms/bitset"

	"github.com/weirdata/weir/compute/spill"
	"github.com/weirdata/weir/compute/tiles"
)

// pieceRows is how many rows of a run are read at once.
const pieceRows = 8192

// assembly puts the files' rows into their cells, band by band: a band is consecutive
// periods whose readings are in memory at once. Runs are sorted by period, so each band
// reads the next rows of every run, and all that is in memory is one band.
type assembly struct {
	src      *Source
	registry []string
	files    []*rows
	faults   *Errors
	faulty   bool      // there are faults already
	replace  bool      // a later file's reading takes the place of an earlier one's
	caps     [][]int64 // by measure and entity; nil: there are none
	store    *spill.Store
	memory   int // bytes of a band's readings

	first   int64
	periods int
	twins   []twin // the first rows, up to maxListed, whose cell an earlier row had
	again   int    // how many of these rows there are

	warnings   []string
	unread     error // of rows that were kept
	replicated int   // readings beyond the first of their cell
	averaged   []int // by measure: means that were rounded
	clipped    []int // by measure: readings above their caps

	piece  piece
	values [][]int64 // see room
}

// twin is a row whose cell an earlier row had.
type twin struct {
	file, line int
	cell       int
	measure    int // of rows of one measure each; else 0
}

// piece is rows of one run and band.
type piece struct {
	file   int
	run    *run
	from   int   // the first one's index in the run
	cells  []int // of each row
	number []int64
	entity []int64
}

// panel returns the panel, or nil where there are faults.
func (a *assembly) panel(ctx context.Context) (*Panel, error) {
	if !a.extent() {
		return nil, a.unread //nolint:nilnil // the faults say why
	}
	p := &Panel{Entities: a.registry, First: a.first, Periods: a.periods, store: a.store}
	cells := len(a.registry) * a.periods
	var out []*spill.Writer
	for _, measure := range a.src.Descriptor.Measures {
		p.Columns = append(p.Columns, Column{Measure: measure, Present: bitset.MustNew(uint(cells))}) // #nosec G115 -- checked by extent
		out = append(out, a.store.Writer())
	}
	step := min(max(a.memory/8/(len(a.registry)*len(p.Columns)), 1), a.periods)
	for from := 0; from < a.periods; from += step {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read files: %w", err)
		}
		if err := a.band(p, out, from, min(from+step, a.periods)); err != nil {
			return nil, fmt.Errorf("sort readings: %w", err)
		}
	}
	if err := a.tellTwins(); err != nil {
		return nil, fmt.Errorf("sort readings: %w", err)
	}
	if a.faulty || a.faults.Total > 0 {
		return nil, nil //nolint:nilnil // as above
	}
	for m := range p.Columns {
		var err error
		if p.Columns[m].Values, err = out[m].Done(); err != nil {
			return nil, fmt.Errorf("sort readings: %w", err)
		}
	}
	return p, nil
}

// extent finds the first and the last period, and refuses a panel that is too
// large, or so empty that one of them must be a mistake.
func (a *assembly) extent() bool {
	var first, last place
	var firstFile, lastFile string
	count := 0
	for _, f := range a.files {
		if f.count == 0 {
			continue
		}
		if count == 0 || f.first.period < first.period {
			first, firstFile = f.first, f.file
		}
		if count == 0 || f.last.period > last.period {
			last, lastFile = f.last, f.file
		}
		count += f.count
	}
	if count == 0 {
		if !a.faulty && a.faults.Total == 0 {
			a.faults.add(&DataError{File: a.names(), Message: "there are no rows", Want: "want one for each entity and period with a reading"})
		}
		return false
	}
	grain := a.src.Descriptor.Grain
	a.first, a.periods = first.period, int(last.period-first.period+1)
	cells := a.periods * len(a.registry) // below 2^27 and 2^31
	span := fmt.Sprintf("periods run from %s (%s:%d) to %s (%s:%d)",
		grain.Format(first.period), firstFile, first.line, grain.Format(last.period), lastFile, last.line)
	if cells > tiles.MaxCells/len(a.src.Columns) {
		a.faults.add(&DataError{File: lastFile, Row: int(last.line), Message: fmt.Sprintf("%s: %d cells of %d measures are too many", span, cells, len(a.src.Columns)),
			Want: fmt.Sprintf("want at most %d in all: publish parts, or mend the dates", tiles.MaxCells)})
		return false
	}
	return a.dense(span, count, cells, lastFile, last)
}

// dense refuses a panel that is almost empty and has nothing in most of its periods, as one
// has with a wrong date; of one that is only sparse, as samples of rivers are, it warns.
func (a *assembly) dense(span string, count, cells int, file string, last place) bool {
	const sparse, small = 100, 1 << 24
	if cells <= small || count >= cells/sparse {
		return true
	}
	used := bitset.MustNew(uint(a.periods)) //nolint:gosec // positive
	periods := make([]int64, pieceRows)
	for _, f := range a.files {
		for r := range f.runs {
			list := f.runs[r].period
			for from := 0; from < list.Len(); from += pieceRows {
				part := periods[:min(pieceRows, list.Len()-from)]
				if err := list.Read(from, part); err != nil {
					a.unread = errors.Join(a.unread, err)
					return false
				}
				for _, p := range part {
					used.Set(uint(p - a.first)) //nolint:gosec // not negative
				}
			}
		}
	}
	gap, at := 0, 0
	for before := 0; ; {
		next, ok := used.NextSet(uint(before + 1)) //nolint:gosec // positive
		if !ok {
			break
		}
		if n := int(next) - before; n > gap {
			gap, at = n, before
		}
		before = int(next)
	}
	grain := a.src.Descriptor.Grain
	if gap > a.periods/2 {
		a.faults.add(&DataError{File: file, Row: int(last.line),
			Message: fmt.Sprintf("%s: %d rows for %d cells, and none between %s and %s", span, count, cells, grain.Format(a.first+int64(at)), grain.Format(a.first+int64(at+gap))),
			Want:    "a date is probably wrong: mend it, or publish the two parts as datasets of their own"})
		return false
	}
	a.warnings = append(a.warnings, fmt.Sprintf("%s: %d rows for %d cells; if so few are not what is meant, a date is wrong", span, count, cells))
	return true
}

func (a *assembly) names() string {
	if len(a.files) == 0 {
		return "no files"
	}
	return a.files[0].file
}

// band puts the rows of the periods [from, to) into their cells, centred. Columns that are
// more than the memory for one period are filled some at a time.
func (a *assembly) band(p *Panel, out []*spill.Writer, from, to int) error {
	size := (to - from) * len(a.registry)
	some := min(max(a.memory/8/size, 1), len(p.Columns))
	began := make([][]int, len(a.files))
	for f, file := range a.files {
		began[f] = make([]int, len(file.runs))
		for r := range file.runs {
			began[f][r] = file.runs[r].done
		}
	}
	for m := 0; m < len(p.Columns); m += some {
		if m > 0 { // the same rows again, for the next columns
			for f, file := range a.files {
				for r := range file.runs {
					file.runs[r].done = began[f][r]
				}
			}
		}
		group := min(some, len(p.Columns)-m)
		if err := a.fill(p.Columns[m:m+group], out[m:m+group], m, from, to); err != nil {
			return err
		}
		if a.faulty || a.faults.Total > 0 || a.again > 0 {
			return nil // there is going to be no panel
		}
	}
	return nil
}

// fill fills the columns of a group, the first of which is measure m, over a band. Rows
// that repeat a cell are found with the first group; of rows of one measure each with its
// own.
func (a *assembly) fill(columns []Column, out []*spill.Writer, m, from, to int) error {
	size, base := (to-from)*len(a.registry), from*len(a.registry)
	b := &bandFill{columns: columns, first: m, base: base, values: a.room(len(columns), size), rule: a.src.Replicates}
	b.begin(size, a.src.single())
	numbers, measures := make([]int64, pieceRows), make([]int64, pieceRows)
	of := 0 // the file that seen is of
	err := a.each(to, func(p *piece) error {
		if a.replace && p.file != of {
			b.settle(a)
			b.clear()
			of = p.file
		}
		single := p.run.measure != nil
		if m == 0 && !single && a.src.Replicates == "" {
			if err := a.distinct(p, b.seen[0], base); err != nil {
				return err
			}
		}
		if a.faulty || a.again > 0 && !single {
			return nil
		}
		part := numbers[:len(p.cells)]
		if single {
			if err := p.run.measure.Read(p.from, measures[:len(part)]); err != nil {
				return err
			}
			if err := p.run.values[0].Read(p.from, part); err != nil {
				return err
			}
			of := func(i int) int { // the others are of groups of columns before or after
				if c := int(measures[i]) - b.first; c < 0 || c >= len(columns) {
					return -1
				}
				return int(measures[i])
			}
			if err := a.hold(p, part, of); err != nil {
				return err
			}
			return b.putSingle(a, p, part, measures)
		}
		for c := range columns {
			if err := p.run.values[m+c].Read(p.from, part); err != nil {
				return err
			}
			if err := a.hold(p, part, func(int) int { return m + c }); err != nil {
				return err
			}
			if a.src.Replicates == "" {
				columns[c].put(b.values[c], part, p.cells, base)
				continue
			}
			for i, v := range part {
				b.put(a, c, p.cells[i], v)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.settle(a)
	for c := range b.values {
		if err := out[c].AppendAll(b.values[c]); err != nil {
			return err
		}
	}
	return nil
}

// room is memory for the cells of so many columns, which all bands use; each is 0.
func (a *assembly) room(columns, size int) [][]int64 {
	for len(a.values) < columns {
		a.values = append(a.values, nil)
	}
	out := make([][]int64, columns)
	for c := range out {
		if cap(a.values[c]) < size {
			a.values[c] = make([]int64, size)
		}
		out[c] = a.values[c][:size]
		clear(out[c])
	}
	return out
}

// put puts readings into their cells.
func (c *Column) put(into, readings []int64, cells []int, base int) {
	mid := c.Measure.Mid()
	for i, v := range readings {
		if v != missing {
			into[cells[i]-base] = v - mid
			c.Present.Set(uint(cells[i])) //nolint:gosec // a cell's number
		}
	}
}

// each calls fn with all rows of the periods before an end that are not done yet, in pieces,
// in the order of files and runs.
func (a *assembly) each(to int, fn func(*piece) error) error {
	p := &a.piece
	if p.number == nil {
		p.number, p.entity, p.cells = make([]int64, pieceRows), make([]int64, pieceRows), make([]int, pieceRows)
	}
	for f, file := range a.files {
		for r := range file.runs {
			p.file, p.run = f, &file.runs[r]
			for {
				more, err := a.next(p, file, a.first+int64(to))
				if err != nil {
					return err
				}
				if len(p.cells) == 0 {
					break
				}
				if err := fn(p); err != nil {
					return err
				}
				if !more {
					break
				}
			}
		}
	}
	return nil
}

// next reads the next rows of a run whose period is below an end, and reports whether
// there may be more of them.
func (a *assembly) next(p *piece, file *rows, end int64) (more bool, err error) {
	p.from = p.run.done
	n := min(pieceRows, p.run.period.Len()-p.from)
	periods, entities := p.number[:n], p.entity[:n]
	if err := p.run.period.Read(p.from, periods); err != nil {
		return false, err
	}
	below := sort.Search(n, func(i int) bool { return periods[i] >= end })
	p.cells = p.cells[:below]
	if below == 0 {
		return false, nil
	}
	if err := p.run.entity.Read(p.from, entities[:below]); err != nil {
		return false, err
	}
	for i := range p.cells {
		p.cells[i] = int(periods[i]-a.first)*len(a.registry) + file.entityAt(entities[i])
	}
	p.run.done += below
	return below == pieceRows, nil
}

// distinct notes the rows of a piece whose cell an earlier row has.
func (a *assembly) distinct(p *piece, seen *bitset.BitSet, base int) error {
	for i, cell := range p.cells {
		at := uint(cell - base) //nolint:gosec // not negative
		if !seen.Test(at) {
			seen.Set(at)
			continue
		}
		var line [1]int64
		if err := p.run.line.Read(p.from+i, line[:]); err != nil {
			return err
		}
		a.twice(twin{file: p.file, line: int(line[0]), cell: cell})
	}
	return nil
}

// twice keeps the first rows that repeat a cell, in the order of files and rows, and
// counts all.
func (a *assembly) twice(t twin) {
	a.again++
	order := func(x, y twin) int { return cmp.Or(cmp.Compare(x.file, y.file), cmp.Compare(x.line, y.line)) }
	at, _ := slices.BinarySearchFunc(a.twins, t, order)
	if at < maxListed {
		a.twins = slices.Insert(a.twins, at, t)
		a.twins = a.twins[:min(len(a.twins), maxListed)]
	}
}

// tellTwins reports the rows that repeat a cell, with where the first one stands.
func (a *assembly) tellTwins() error {
	if a.again == 0 {
		return nil
	}
	firsts, err := a.firstsOf(a.twins)
	if err != nil {
		return err
	}
	for _, t := range a.twins {
		first := firsts[a.keyOf(t)]
		what, want := "a row", "want one row for each entity and period"+a.severalColumns(t.file)+"; where there may be several say replicates: mean, first or last"
		if a.src.single() {
			what = "a reading of " + a.src.Descriptor.Measures[t.measure].Name
		} else if t.file == first.file {
			want += "; where each row is of one parameter say parameter: {column: …, value: …}"
		}
		a.faults.add(&DataError{
			File: a.files[t.file].file, Row: t.line, Want: want,
			Message: fmt.Sprintf("%.80q has %s for %s already: %s:%d", a.registry[t.cell%len(a.registry)], what,
				a.src.Descriptor.Grain.Format(a.first+int64(t.cell/len(a.registry))), a.files[first.file].file, first.line),
		})
	}
	a.faults.Total += a.again - len(a.twins)
	return nil
}

// severalColumns says how ids of several columns are declared, with the columns of a file
// that nothing is read of.
func (a *assembly) severalColumns(file int) string {
	if !a.src.ownColumn() || a.src.Entity.Columns != nil || a.src.Shape.Wide != "" {
		return ""
	}
	uses := a.src.TableOptions().Uses
	var others []string
	for _, name := range a.files[file].head.Names {
		if name = CleanText(name); name != "" && !uses(name) {
			others = append(others, name)
		}
	}
	if len(others) == 0 {
		return ""
	}
	return fmt.Sprintf("; where several columns together tell entities apart say entity: {columns: [%s, …]}, of which there are %s", yamlText(a.src.EntityColumn), Quoted(others))
}

// twinKey is a cell of a measure, and the file where rows of others do not matter.
type twinKey struct{ file, cell, measure int }

func (a *assembly) keyOf(t twin) twinKey {
	if a.replace {
		return twinKey{t.file, t.cell, t.measure}
	}
	return twinKey{-1, t.cell, t.measure}
}

// firstsOf finds the first rows of the twins' cells, by reading all rows again.
func (a *assembly) firstsOf(twins []twin) (map[twinKey]twin, error) {
	out := map[twinKey]twin{}
	for _, t := range twins {
		out[a.keyOf(t)] = twin{line: math.MaxInt}
	}
	for _, f := range a.files {
		for r := range f.runs {
			f.runs[r].done = 0
		}
	}
	readings, measures := make([]int64, pieceRows), make([]int64, pieceRows)
	err := a.each(a.periods, func(p *piece) error {
		single := p.run.measure != nil
		if single {
			if err := errors.Join(p.run.measure.Read(p.from, measures[:len(p.cells)]), p.run.values[0].Read(p.from, readings[:len(p.cells)])); err != nil {
				return err
			}
		}
		for i, cell := range p.cells {
			t := twin{file: p.file, cell: cell}
			if single {
				if t.measure = int(measures[i]); readings[i] == missing {
					continue
				}
			}
			key := a.keyOf(t)
			if have, wanted := out[key]; !wanted || have.line != math.MaxInt {
				continue
			}
			var line [1]int64
			if err := p.run.line.Read(p.from+i, line[:]); err != nil {
				return err
			}
			out[key] = twin{file: p.file, line: int(line[0]), cell: cell}
		}
		return nil
	})
	return out, err
}
