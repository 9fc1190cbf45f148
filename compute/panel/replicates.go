package panel

import (
	"math/bits"

	"github.com/bits-and-blooms/bitset"
)

// bandFill puts readings into the cells of a band of some columns, by the rule for several
// readings of one cell.
type bandFill struct {
	columns []Column
	first   int // measure of the first column
	base    int // cell of the band's first
	values  [][]int64
	rule    string
	seen    []*bitset.BitSet // cells that have a reading; of rows of all measures one for all, else one a column
	sums    [][]sum          // of means
}

// sum is a sum of readings, and how many there are.
type sum struct {
	high int64 // 128 bits, signed
	low  uint64
	n    int64
}

func (s *sum) add(v int64) {
	var carry uint64
	s.low, carry = bits.Add64(s.low, uint64(v), 0) //nolint:gosec // two's complement
	s.high += v>>63 + int64(carry)                 //nolint:gosec // 0 or 1
	s.n++
}

// mean is rounded half to even; exact reports whether it did not have to be.
func (s sum) mean() (v int64, exact bool) {
	negative := s.high < 0
	high, low := uint64(s.high), s.low //nolint:gosec // two's complement
	if negative {
		var borrow uint64
		low, borrow = bits.Sub64(0, low, 0)
		high, _ = bits.Sub64(0, high, borrow)
	}
	n := uint64(s.n) //nolint:gosec // positive
	q, rest := bits.Div64(high, low, n)
	if twice := 2 * rest; twice > n || twice == n && q&1 == 1 {
		q++
	}
	v = int64(q) //nolint:gosec // no larger than the largest reading
	if negative {
		v = -v
	}
	return v, rest == 0
}

// begin makes room for a band.
func (b *bandFill) begin(size int, single bool) {
	n := 1
	if single || b.rule != "" {
		n = len(b.columns)
	}
	for range n {
		b.seen = append(b.seen, bitset.MustNew(uint(size))) //nolint:gosec // at most tiles.MaxCells
	}
	if b.rule == replicatesMean {
		for range b.columns {
			b.sums = append(b.sums, make([]sum, size))
		}
	}
}

// clear forgets which cells have readings.
func (b *bandFill) clear() {
	for _, s := range b.seen {
		s.ClearAll()
	}
	for _, s := range b.sums {
		clear(s)
	}
}

// put puts a reading into its cell of a column, by the rule.
func (b *bandFill) put(a *assembly, c, cell int, v int64) {
	if v == missing {
		return
	}
	at := cell - b.base
	again := b.seen[c].Test(uint(at)) //nolint:gosec // a cell's number
	b.seen[c].Set(uint(at))           //nolint:gosec // as above
	if again {
		a.replicated++
	}
	b.columns[c].Present.Set(uint(cell)) //nolint:gosec // as above
	switch {
	case b.rule == replicatesMean:
		b.sums[c][at].add(v)
	case again && b.rule == replicatesFirst:
	default:
		b.values[c][at] = v - b.columns[c].Measure.Mid()
	}
}

// putSingle puts rows of one measure each into the columns that they are of.
func (b *bandFill) putSingle(a *assembly, p *piece, readings, measures []int64) error {
	for i, v := range readings {
		c := int(measures[i]) - b.first
		if c < 0 || c >= len(b.columns) || v == missing {
			continue
		}
		at := uint(p.cells[i] - b.base) //nolint:gosec // a cell's number
		if b.rule == "" && b.seen[c].Test(at) {
			var line [1]int64
			if err := p.run.line.Read(p.from+i, line[:]); err != nil {
				return err
			}
			a.twice(twin{file: p.file, line: int(line[0]), cell: p.cells[i], measure: int(measures[i])})
			continue
		}
		b.put(a, c, p.cells[i], v)
	}
	return nil
}

// settle puts the means into their cells.
func (b *bandFill) settle(a *assembly) {
	if b.rule != replicatesMean {
		return
	}
	if a.averaged == nil {
		a.averaged = make([]int, len(a.src.Columns))
	}
	for c := range b.sums {
		for at, s := range b.sums[c] {
			if s.n == 0 {
				continue
			}
			v, exact := s.mean()
			if !exact {
				a.averaged[b.first+c]++
			}
			b.values[c][at] = v - b.columns[c].Measure.Mid()
		}
	}
}
