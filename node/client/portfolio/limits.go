package portfolio

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"math/bits"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/assignment"
	"github.com/weirdata/weir/catalog/caps"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/node/client"
)

// ErrWithin is returned for weights that are to be bounded by caps that there are not.
var ErrWithin = errors.New("weights cannot be bounded")

// Limits are how many bits the weight of each entity may have, so that no weight times what one of
// its entity's readings can be is more than the bound. They are public: made of public
// caps and of the bound alone.
type Limits struct {
	Bits  []int32 // by entity
	Bound *big.Int
	unit  string
	// decimals of the bound: of weights and measure together
	decimals int
}

// Text is the bound with its unit.
func (l *Limits) Text() string { return decimal.Fixed(l.Bound, l.decimals) + " " + l.unit }

// Packed is what a registration says of them.
func (l *Limits) Packed() []byte {
	if l == nil {
		return nil
	}
	return assignment.Pack(l.Bits)
}

// OverBoundError is returned for weights that a bound does not hold.
type OverBoundError struct {
	File    string
	Entries []OverBound
	Bound   string
	Needed  string // the least bound that holds them all
}

// OverBound is a weight that has more bits than its entity's cap leaves it.
type OverBound struct {
	ID         string
	Row        int // of the file
	Bits, Most int // that it has, and may have
}

// Error implements error, one line an entity.
func (e *OverBoundError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d weights of %s are above what the bound %s leaves them beside their entities' caps:", len(e.Entries), e.File, e.Bound)
	for _, x := range e.Entries[:min(len(e.Entries), listedUnknown)] {
		fmt.Fprintf(&b, "\n%.80q: a weight of %d bits, and it may have %d", x.ID, x.Bits, x.Most)
	}
	if more := len(e.Entries) - listedUnknown; more > 0 {
		fmt.Fprintf(&b, "\nand %d more", more)
	}
	fmt.Fprintf(&b, "\nsay --bound %s, which holds all of them, or leave --bound out; or write smaller weights", e.Needed)
	return b.String()
}

// readLimits are the limits of weights by the caps of a measure, DATASET.MEASURE, as the registry's
// attributes make them now.
func readLimits(ctx context.Context, c *client.Client, r catalog.Registry, f File, p Portfolio) (*Limits, error) {
	dataset, name, _ := strings.Cut(f.Within, ".")
	d, err := c.Dataset(ctx, dataset)
	if err != nil {
		return nil, err
	}
	m, known := d.Descriptor.Measure(name)
	attribute := d.Descriptor.Policy.Caps[name]
	switch {
	case !known:
		return nil, fmt.Errorf("%w: dataset %s has no measure %q; it has %s", ErrWithin, dataset, name, strings.Join(d.Descriptor.MeasureNames(), ", "))
	case attribute == "":
		return nil, fmt.Errorf("%w: the policy of dataset %s names no cap of %s", ErrWithin, dataset, name)
	case d.Descriptor.Registry != r.ID:
		return nil, fmt.Errorf("%w: dataset %s is on registry %s, the weights are of %s", ErrWithin, dataset, d.Descriptor.Registry, r.ID)
	}
	rows, err := c.RegistryRows(ctx, r.ID, r.Rows)
	if err != nil {
		return nil, err
	}
	column := slices.Index(r.Columns, attribute)
	widths := make([]int64, len(rows))
	for e, row := range rows {
		if column < 0 || len(row) != 1+len(r.Columns) {
			return nil, fmt.Errorf("row %d of registry %s has no attribute %q", e, r.ID, attribute)
		}
		widths[e] = caps.Of(m, row[1+column]) - m.Min
	}
	l := &Limits{unit: m.Unit, decimals: m.Decimals + f.Decimals}
	if f.Bound != "" {
		units, fault := decimal.ParseUnits(f.Bound, l.decimals)
		if fault != decimal.OK || units < 1 {
			return nil, fmt.Errorf("%w: a bound of %q is no number above 0 of at most %d decimals", ErrWithin, f.Bound, l.decimals)
		}
		l.Bound = big.NewInt(units)
	}
	weights := p.Values
	over := l.set(weights, widths, f.Bits)
	if len(over) == 0 {
		return l, nil
	}
	failed := &OverBoundError{File: f.Data.Name, Bound: l.Text(), Needed: decimal.Fixed(needed(weights, widths), l.decimals)}
	for _, e := range over {
		failed.Entries = append(failed.Entries, OverBound{ID: rows[e][0], Row: p.row(e), Bits: bits.Len64(weights[e]), Most: int(l.Bits[e])})
	}
	return nil, failed
}

// set sets the limits of weights of so many bits beside widths, and returns the entities that have
// weights above theirs. Without a bound it is the least power of two that holds all: a closer one
// would tell whose weight it is that needs it, since widths are public.
func (l *Limits) set(weights []uint64, widths []int64, most int) (over []int) {
	if l.Bound == nil {
		least := needed(weights, widths)
		l.Bound = new(big.Int).Lsh(big.NewInt(1), uint(new(big.Int).Sub(least, big.NewInt(1)).BitLen())) //nolint:gosec // not negative
	}
	l.Bits = make([]int32, len(widths))
	for e, width := range widths {
		l.Bits[e] = int32(most) //nolint:gosec // at most 32
		if width > 0 {          // 2^b − 1 ≤ bound/width
			times := new(big.Int).Quo(l.Bound, big.NewInt(width))
			l.Bits[e] = int32(min(most, times.Add(times, big.NewInt(1)).BitLen()-1)) //nolint:gosec // likewise
		}
		if bits.Len64(weights[e]) > int(l.Bits[e]) {
			over = append(over, e)
		}
	}
	return over
}

// needed is the least bound whose limits hold all weights, at least 1.
func needed(weights []uint64, widths []int64) *big.Int {
	least := big.NewInt(1)
	for e, w := range weights {
		whole := new(big.Int).SetUint64(1<<bits.Len64(w) - 1)
		if whole.Mul(whole, big.NewInt(widths[e])); whole.Cmp(least) > 0 {
			least = whole
		}
	}
	return least
}
