package panel

import (
	"cmp"
	"context"
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
	faulty   bool // there are faults already
	replace  bool // a later file's reading takes the place of an earlier one's
	store    *spill.Store
	memory   int // bytes of a band's readings

	first   int64
	periods int
	twins   []twin // the first rows, up to maxListed, whose cell an earlier row had
	again   int    // how many of these rows there are

	piece  piece
	values [][]int64 // see room
}

// twin is a row whose cell an earlier row had.
type twin struct {
	file, line int
	cell       int
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
		return nil, nil //nolint:nilnil // the faults say why
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
	const sparse, small = 100, 1 << 24
	span := fmt.Sprintf("periods run from %s (%s:%d) to %s (%s:%d)",
		grain.Format(first.period), firstFile, first.line, grain.Format(last.period), lastFile, last.line)
	switch {
	case cells > tiles.MaxCells/len(a.src.Columns):
		a.faults.add(&DataError{File: lastFile, Row: int(last.line), Message: fmt.Sprintf("%s: %d cells of %d measures are too many", span, cells, len(a.src.Columns)),
			Want: fmt.Sprintf("want at most %d in all: publish parts, or mend the dates", tiles.MaxCells)})
	case cells > small && count < cells/sparse:
		a.faults.add(&DataError{File: lastFile, Row: int(last.line), Message: fmt.Sprintf("%s: %d rows for %d cells", span, count, cells),
			Want: "a date is probably wrong"})
	default:
		return true
	}
	return false
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
// that repeat a cell are found with the first group.
func (a *assembly) fill(columns []Column, out []*spill.Writer, m, from, to int) error {
	size, base := (to-from)*len(a.registry), from*len(a.registry)
	values := a.room(len(columns), size)
	seen := bitset.MustNew(uint(size)) //nolint:gosec // at most tiles.MaxCells
	numbers := make([]int64, pieceRows)
	of := 0 // the file that seen is of
	err := a.each(to, func(p *piece) error {
		if a.replace && p.file != of {
			seen.ClearAll()
			of = p.file
		}
		if m == 0 {
			if err := a.distinct(p, seen, base); err != nil {
				return err
			}
		}
		if a.faulty || a.again > 0 {
			return nil
		}
		for c := range columns {
			part := numbers[:len(p.cells)]
			if err := p.run.values[m+c].Read(p.from, part); err != nil {
				return err
			}
			columns[c].put(values[c], part, p.cells, base)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for c := range values {
		if err := out[c].AppendAll(values[c]); err != nil {
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
		first := firsts[a.keyOf(t.file, t.cell)]
		a.faults.add(&DataError{
			File: a.files[t.file].file, Row: t.line, Want: "want one row for each entity and period",
			Message: fmt.Sprintf("%.80q has a row for %s already: %s:%d", a.registry[t.cell%len(a.registry)],
				a.src.Descriptor.Grain.Format(a.first+int64(t.cell/len(a.registry))), a.files[first.file].file, first.line),
		})
	}
	a.faults.Total += a.again - len(a.twins)
	return nil
}

// twinKey is a cell, and the file where rows of others do not matter.
type twinKey struct{ file, cell int }

func (a *assembly) keyOf(file, cell int) twinKey {
	if a.replace {
		return twinKey{file, cell}
	}
	return twinKey{-1, cell}
}

// firstsOf finds the first rows of the twins' cells, by reading all rows again.
func (a *assembly) firstsOf(twins []twin) (map[twinKey]twin, error) {
	out := map[twinKey]twin{}
	for _, t := range twins {
		out[a.keyOf(t.file, t.cell)] = twin{line: math.MaxInt}
	}
	for _, f := range a.files {
		for r := range f.runs {
			f.runs[r].done = 0
		}
	}
	err := a.each(a.periods, func(p *piece) error {
		for i, cell := range p.cells {
			key := a.keyOf(p.file, cell)
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
