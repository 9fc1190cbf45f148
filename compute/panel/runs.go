package panel

import (
	"cmp"
	"slices"

	"github.com/weirdata/weir/compute/spill"
	"github.com/weirdata/weir/compute/table"
)

// DefaultMemory is how many bytes rows and readings take in memory unless Options name
// another number; what is beyond goes to the temporary file. Presence, one bit a cell and
// measure, comes on top.
const DefaultMemory = 256 << 20

// shares of Options.Memory: of what the store holds, of rows on their way to it, and of
// the columns that are being filled.
func (o Options) memory() (store, batch, band int) {
	most := o.Memory
	if most <= 0 {
		most = DefaultMemory
	}
	return max(most/4, 1), most / 2, most / 4
}

// rows are a file's readings, sorted by period in runs that follow each other in the file.
type rows struct {
	file  string
	runs  []run
	count int
	first place    // of the least period
	last  place    // of the greatest
	local []int32  // entity, as runs have it → index into the registry; nil: they are the same
	found []entity // where the data makes the registry, in order of appearance
	lacks []bool   // [attribute], its column is missing; nil: none

	head      table.Head
	counts    []Counts // of measures
	sample    []Sampled
	passed    []string // columns of a wide table
	unkept    int
	others    map[string]int
	converted int
	filled    int
	content   uint64 // a hash of the rows; 0: none was asked for

	faults Errors
}

// place is a period and the line of its first row.
type place struct {
	period int64
	line   int32
}

// entityAt is the index into the registry of an entity as runs have it.
func (f *rows) entityAt(e int64) int {
	if f.local != nil {
		return int(f.local[e])
	}
	return int(e)
}

// run is some rows of a file, ascending by period; those of one period are in the order of
// the file.
type run struct {
	entity, line, period *spill.Numbers
	measure              *spill.Numbers   // of rows of one measure; nil: rows have all
	values               []*spill.Numbers // [measure], or one; in units of 10^-decimals; missing
	done                 int              // rows that were put into their cells
}

// batch is the rows of the run that is being read.
type batch struct {
	entity []int32 // index into the registry, or into found
	line   []int32 // on which the row begins
	period []int64 // index in the dataset's grain
	// measure is what the value of a row is of; nil: rows have values of all measures.
	measure []int32
	values  [][]int64 // [measure], or one
}

// rowBytes is what a row of so many measures takes in a batch, with its place in the order.
func rowBytes(measures int) int { return 24 + 8*measures }

// add adds a row and notes how far periods go. Values are added by themselves.
func (f *rows) add(b *batch, entity int32, period int64, line int32) {
	b.entity, b.period, b.line = append(b.entity, entity), append(b.period, period), append(b.line, line)
	if f.count == 0 || period < f.first.period {
		f.first = place{period, line}
	}
	if f.count == 0 || period > f.last.period {
		f.last = place{period, line}
	}
	f.count++
}

// keep puts the batch into the store, as a run, and empties it.
func (f *rows) keep(store *spill.Store, b *batch) error {
	if len(b.period) == 0 {
		return nil
	}
	order := b.order()
	var next run
	var err error
	if next.entity, err = inOrder(store, order, b.entity); err != nil {
		return err
	}
	if next.line, err = inOrder(store, order, b.line); err != nil {
		return err
	}
	if next.period, err = inOrder(store, order, b.period); err != nil {
		return err
	}
	if b.measure != nil {
		if next.measure, err = inOrder(store, order, b.measure); err != nil {
			return err
		}
		b.measure = b.measure[:0]
	}
	for m := range b.values {
		list, err := inOrder(store, order, b.values[m])
		if err != nil {
			return err
		}
		next.values = append(next.values, list)
		b.values[m] = b.values[m][:0]
	}
	b.entity, b.line, b.period = b.entity[:0], b.line[:0], b.period[:0]
	f.runs = append(f.runs, next)
	return nil
}

// order is the rows' order by period; nil: they are in it. Rows of one period stay in the
// order of the file.
func (b *batch) order() []int32 {
	if slices.IsSorted(b.period) {
		return nil
	}
	order := make([]int32, len(b.period))
	first, last := slices.Min(b.period), slices.Max(b.period)
	if last-first >= int64(len(order)) { // so sparse that counting takes more room than the rows
		for i := range order {
			order[i] = int32(i) //nolint:gosec // a batch has far fewer rows
		}
		slices.SortStableFunc(order, func(i, j int32) int { return cmp.Compare(b.period[i], b.period[j]) })
		return order
	}
	at := make([]int32, last-first+1) // by period, where its next row goes
	for _, p := range b.period {
		at[p-first]++
	}
	begin := int32(0)
	for i, n := range at {
		at[i] = begin
		begin += n
	}
	for i, p := range b.period {
		order[at[p-first]] = int32(i) //nolint:gosec // as above
		at[p-first]++
	}
	return order
}

// inOrder writes a list in an order; nil: as it is.
func inOrder[T int32 | int64](store *spill.Store, order []int32, values []T) (*spill.Numbers, error) {
	w := store.Writer()
	for i := range values {
		at := i
		if order != nil {
			at = int(order[i])
		}
		if err := w.Append(int64(values[at])); err != nil {
			return nil, err
		}
	}
	return w.Done()
}
