package portfolio

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/compute/table"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/vector"
)

// Preview is what a portfolio's file comes to before anything of it is sent.
type Preview struct {
	Registry catalog.Registry
	Entries  int // entities that it selects, or that have a weight in it
	Unknown  []UnknownEntry
	First    int // row of the first entity that is listed; 1: the file has no header; 0: none is
	Pieces   []PieceSize
	Weights  *WeightRange    // nil: a list
	Limits   *Limits         // of weights that are bounded by caps; else nil
	Over     *OverBoundError // the bound does not hold all weights; nil: it does
	// Test is what the query that it is meant for will be answered with; Refused why it would not be. Both nil: none was
	// named, or it needs no test.
	Test    *ask.Preview
	Refused error

	// Known is the version that was made of this very file, read in the same way; nil: none. Elsewhere: the name is
	// registered, and this machine does not remember of which file. Version is the one that a registration would make.
	Known     *catalog.Vector
	Elsewhere bool
	Version   int
}

// PieceSize is how many entities are in a piece.
type PieceSize struct {
	Name     string // empty: the one piece of a list without
	Entities int
}

// WeightRange is how far weights go, as text.
type WeightRange struct {
	Least, Most string // of those in the file
	Possible    string // the largest that the bits allow, to which noise is scaled
	Zero        int    // entities whose weight is 0
}

// TableOptions say how the rows of a portfolio's file are found in it.
func (f File) TableOptions(r catalog.Registry) table.Options { return f.listOptions(r).TableOptions() }

// Try tells what a portfolio's file comes to, and sends nothing of it: nodes are asked for what is public alone. Ids that
// the registry does not have are told, whether they are to be ignored or not. Errors are *OptionError, *panel.Errors for
// the file, and those of reading what is public; dir is as Keep has it.
func Try(ctx context.Context, c *client.Client, dir string, o Options) (Preview, error) {
	if err := o.Check(); err != nil {
		return Preview{}, err
	}
	if c.Key() == nil {
		return Preview{}, fmt.Errorf("portfolio %s: %w", o.Name, client.ErrNoKey)
	}
	o.File.IgnoreUnknown = true
	l, err := lay(ctx, c, o)
	defer clear(l.plan.Values)
	out := Preview{Registry: l.plan.Registry, Entries: len(l.list.Selected), Unknown: l.list.Unknown, First: l.list.first(), Limits: l.out.Limits}
	_, none := errors.AsType[*NoneError](err)
	over, above := errors.AsType[*OverBoundError](err)
	switch {
	case none:
		return out, nil
	case above:
		out.Over = over
	case err != nil:
		return out, err
	}
	out.measure(l.list, o.File)
	if out.Over == nil {
		if out.Test, out.Refused = l.test(ctx, c, o); ctx.Err() != nil {
			return out, ctx.Err()
		}
	}
	return out, out.remembered(ctx, c, dir, o)
}

// first is the row of the first entity that is listed, in the registry or not.
func (p *Portfolio) first() int {
	least := math.MaxInt
	for _, row := range p.Rows {
		least = min(least, row)
	}
	for _, u := range p.Unknown {
		least = min(least, u.Row)
	}
	if least == math.MaxInt {
		return 0
	}
	return least
}

// measure tells the sizes of pieces, or how far weights go.
func (p *Preview) measure(list Portfolio, f File) {
	if f.Weights == "" {
		sizes := make([]int, len(list.Pieces))
		for _, i := range vector.PieceOf(list.Values) {
			if i >= 0 {
				sizes[i]++
			}
		}
		for i, name := range list.Pieces {
			p.Pieces = append(p.Pieces, PieceSize{name, sizes[i]})
		}
		return
	}
	least, most := uint64(math.MaxUint64), uint64(0)
	out := WeightRange{Possible: decimal.Format(1<<f.Bits-1, f.Decimals)}
	for _, e := range list.Selected {
		w := list.Values[e]
		if least, most = min(least, w), max(most, w); w == 0 {
			out.Zero++
		}
	}
	out.Least, out.Most = decimal.Format(int64(least), f.Decimals), decimal.Format(int64(most), f.Decimals) //nolint:gosec // below 2^32
	p.Weights = &out
}

// remembered tells which version of the name there is, as the ledger and this machine know.
func (p *Preview) remembered(ctx context.Context, c *client.Client, dir string, o Options) error {
	if o.Name == "" {
		return nil
	}
	v, known, err := Known(ctx, c, dir, o.Name, o.Registry, o.File)
	if refused, is := client.IsRefused(err); is && refused.Rule == RuleElsewhere {
		p.Elsewhere, err = true, nil
	}
	if err != nil {
		return err
	}
	if known {
		p.Known = &v
	}
	p.Version, err = vector.NextVersion(ctx, c, o.Name)
	return err
}
