package panel

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/bits-and-blooms/bitset"

	"github.com/weirdata/weir/compute/tiles"
)

// Options of Read.
type Options struct {
	Workers  int            // files read at once; 0: GOMAXPROCS
	Progress func(rows int) // rows read so far, of all files; by one goroutine at a time. nil: none
}

// ErrNoRegistry is returned when the descriptor names a registry and none is
// given, or the other way round.
var ErrNoRegistry = errors.New("registry does not fit the descriptor")

// Read reads the files into one panel. registry lists the ids of the
// descriptor's registry in its order; it is nil where the data makes its own,
// of the distinct entities sorted byte by byte, and then attributes are its
// rows: id, then the descriptor's attributes in order (catalog.RegistryRows).
//
// Faults of the data are returned as *Errors, and nothing else then.
func Read(ctx context.Context, src *Source, registry []string, files []File, o Options) (p *Panel, attributes [][]string, err error) {
	if len(src.Columns) == 0 || len(src.Columns) != len(src.Descriptor.Measures) {
		return nil, nil, fmt.Errorf("reading files: %d columns for %d measures", len(src.Columns), len(src.Descriptor.Measures))
	}
	if (src.Registry == "") != (registry == nil) {
		return nil, nil, fmt.Errorf("%w: the descriptor names %q, %d ids are given", ErrNoRegistry, src.Registry, len(registry))
	}
	faults := &Errors{}
	files = distinctFiles(files, faults)
	read, err := readFiles(ctx, src, registry, files, o)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range read {
		faults.join(f.faults)
	}
	own := &Errors{} // of the files together
	if registry == nil {
		registry, attributes = mergeEntities(src, read, own)
	}
	a := &assembly{src: src, registry: registry, files: read, faults: own, faulty: faults.Total > 0}
	p = a.panel(o.workers())
	faults.join(*own)
	if faults.Total > 0 {
		faults.sort(files)
		return nil, nil, faults
	}
	return p, attributes, nil
}

// distinctFiles are the files without those that are given again.
func distinctFiles(files []File, faults *Errors) []File {
	seen := make(map[string]bool, len(files))
	return slices.DeleteFunc(slices.Clone(files), func(f File) bool {
		name := filepath.Clean(f.Name)
		if seen[name] {
			faults.add(&DataError{File: f.Name, Message: "is given twice", Want: "name every file once"})
		}
		again := seen[name]
		seen[name] = true
		return again
	})
}

func (o Options) workers() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return runtime.GOMAXPROCS(0)
}

func readFiles(ctx context.Context, src *Source, ids []string, files []File, o Options) ([]*rows, error) {
	var reg *registry
	if ids != nil {
		reg = newRegistry(ids)
	}
	var progress sync.Mutex // guards total
	total := 0
	report := func(n int) {
		if o.Progress == nil {
			return
		}
		progress.Lock()
		defer progress.Unlock()
		total += n
		o.Progress(total)
	}
	read := make([]*rows, len(files))
	errs := make([]error, len(files))
	inParallel(o.workers(), len(files), func(i int) {
		r := &rowReader{src: src, registry: reg, progress: report}
		if errs[i] = ctx.Err(); errs[i] == nil {
			read[i], errs[i] = r.read(ctx, files[i])
		}
	})
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("reading files: %w", err)
	}
	return read, errors.Join(errs...)
}

// inParallel calls fn for 0 to n−1, by so many goroutines, and returns when all
// are done.
func inParallel(workers, n int, fn func(i int)) {
	next := make(chan int, n)
	for i := range n {
		next <- i
	}
	close(next)
	var all sync.WaitGroup
	for range min(workers, n) {
		all.Go(func() {
			for i := range next {
				fn(i)
			}
		})
	}
	all.Wait()
}

// assembly puts the files' rows into their cells.
type assembly struct {
	src      *Source
	registry []string
	files    []*rows
	faults   *Errors
	faulty   bool // there are faults already

	first   int64
	periods int
}

// panel returns the panel, unless there are faults.
func (a *assembly) panel(workers int) *Panel {
	if !a.extent() || !a.distinct() || a.faulty || a.faults.Total > 0 {
		return nil
	}
	p := &Panel{Entities: a.registry, First: a.first, Periods: a.periods, Columns: make([]Column, len(a.src.Columns))}
	inParallel(workers, len(p.Columns), func(m int) { p.Columns[m] = a.column(m) })
	return p
}

// extent finds the first and the last period, and refuses a panel that is too
// large, or so empty that one of them must be a mistake.
func (a *assembly) extent() bool {
	type place struct {
		period int64
		file   string
		line   int32
	}
	first, last, count := place{period: math.MaxInt64}, place{period: math.MinInt64}, 0
	for _, f := range a.files {
		count += len(f.period)
		for i, p := range f.period {
			if p < first.period {
				first = place{p, f.file, f.line[i]}
			}
			if p > last.period {
				last = place{p, f.file, f.line[i]}
			}
		}
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
		grain.Format(first.period), first.file, first.line, grain.Format(last.period), last.file, last.line)
	switch {
	case cells > tiles.MaxCells/len(a.src.Columns):
		a.faults.add(&DataError{File: last.file, Row: int(last.line), Message: fmt.Sprintf("%s: %d cells of %d measures are too many", span, cells, len(a.src.Columns)),
			Want: fmt.Sprintf("want at most %d in all: publish parts, or mend the dates", tiles.MaxCells)})
	case cells > small && count < cells/sparse:
		a.faults.add(&DataError{File: last.file, Row: int(last.line), Message: fmt.Sprintf("%s: %d rows for %d cells", span, count, cells),
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

// distinct finds cells that have two rows.
func (a *assembly) distinct() bool {
	seen := bitset.MustNew(uint(len(a.registry)) * uint(a.periods)) // #nosec G115 -- checked by extent
	none := true
	for _, f := range a.files {
		for i := range f.period {
			cell := uint(a.cell(f, i)) // #nosec G115 -- as above
			if !seen.Test(cell) {
				seen.Set(cell)
				continue
			}
			none = false
			a.twice(f, i)
		}
	}
	return none
}

func (a *assembly) cell(f *rows, i int) int {
	return int(f.period[i]-a.first)*len(a.registry) + int(f.entity[i])
}

// twice reports row i of f, whose cell an earlier row had.
func (a *assembly) twice(f *rows, i int) {
	fault := &DataError{File: f.file, Row: int(f.line[i]), Want: "want one row for each entity and period"}
	if len(a.faults.List) < maxListed { // else it is only counted
		file, line := a.firstOf(a.cell(f, i))
		fault.Message = fmt.Sprintf("%.80q has a row for %s already: %s:%d", a.registry[f.entity[i]],
			a.src.Descriptor.Grain.Format(f.period[i]), file, line)
	}
	a.faults.add(fault)
}

// firstOf is where the first row of a cell stands.
func (a *assembly) firstOf(cell int) (file string, line int32) {
	for _, f := range a.files {
		for i := range f.period {
			if a.cell(f, i) == cell {
				return f.file, f.line[i]
			}
		}
	}
	return "", 0
}

// column puts a measure's readings into their cells, centred.
func (a *assembly) column(m int) Column {
	cells := len(a.registry) * a.periods
	measure := a.src.Descriptor.Measures[m]
	c := Column{Measure: measure, Values: make([]int64, cells), Present: bitset.MustNew(uint(cells))} // #nosec G115 -- checked by extent
	mid := measure.Mid()
	for _, f := range a.files {
		for i, v := range f.values[m] {
			if v != missing {
				cell := a.cell(f, i)
				c.Values[cell] = v - mid
				c.Present.Set(uint(cell)) // #nosec G115 -- as above
			}
		}
	}
	return c
}
