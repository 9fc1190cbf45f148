package portfolio

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/vector"
)

// Options say how a portfolio is registered.
type Options struct {
	Name     string
	Registry string
	File     File

	// For is a query, in SQL, that the portfolio is meant for: it is tested here before
	// anything is registered, as the nodes will, and a portfolio that fails is refused
	// with what would pass. Query says how that query will be asked.
	For   string
	Query ask.Options
	// Progress, if not nil, is told of every state of the vector that was seen.
	Progress func(catalog.Vector)
	// Watch is the vector.Plan's.
	Watch func(catalog.Vector)
}

// Registered is a portfolio that the nodes hold.
type Registered struct {
	Vector  catalog.Vector
	Entries int      // entities that it selects, or that have a weight in it
	Pieces  []string // names of its pieces, in the order of their numbers
	Unknown []UnknownEntry
	Limits  *Limits      // of weights that are bounded by caps; else nil
	Preview *ask.Preview // what the query that it is meant for would be answered with; nil: none was named
}

// Register reads a portfolio's file, tests the query that it is meant for on this
// machine, and registers it as the next version of its name. Errors are those of
// Read and Register, and a refusal of rule ask.RuleTest where the
// nodes' test would fail.
func Register(ctx context.Context, c *client.Client, o Options) (Registered, error) {
	out, plan, err := preparePortfolio(ctx, c, o)
	if err != nil {
		return out, err
	}
	defer clear(plan.Values)
	out.Vector, err = vector.Register(ctx, c, plan, o.Progress)
	return out, err
}

// Explain is Explain of the query o.For with a portfolio that is yet to be
// registered. The list is tested on this machine first: with o.Query.Newest it is explained
// as of the version as of which the query would be asked. Nothing is registered.
func Explain(ctx context.Context, c *client.Client, o Options) (Registered, wire.Explained, error) {
	would, plan, err := preparePortfolio(ctx, c, o)
	clear(plan.Values)
	if err != nil {
		return would, wire.Explained{}, err
	}
	asked := o.Query
	asked.NewPortfolio = true
	if would.Preview != nil {
		asked.AsOf, asked.Newest = would.Preview.AsOf, false
	}
	x, err := ask.Explain(ctx, c, o.For, asked)
	return would, x, err
}

func preparePortfolio(ctx context.Context, c *client.Client, o Options) (Registered, vector.Plan, error) {
	registry, err := c.Registry(ctx, o.Registry)
	if err != nil {
		return Registered{}, vector.Plan{}, err
	}
	p, err := Read(ctx, c, registry, o.File)
	if err != nil {
		return Registered{}, vector.Plan{}, err
	}
	out := Registered{Unknown: p.Unknown, Entries: len(p.Selected), Pieces: p.Pieces}
	plan := vector.Plan{Name: o.Name, Registry: registry, Values: p.Values, Pieces: len(p.Pieces), By: o.File.By, Watch: o.Watch}
	if o.File.Weights != "" {
		plan.Bits, plan.Decimals = o.File.Bits, o.File.Decimals
		if o.File.Within != "" {
			if out.Limits, err = readLimits(ctx, c, registry, o.File, p.Values); err != nil {
				clear(p.Values)
				return out, vector.Plan{}, err
			}
			plan.Limits = out.Limits.Packed()
		}
		return out, plan, nil
	}
	if o.For != "" {
		register := catalog.VectorRegister{Name: o.Name, Pieces: plan.Pieces, By: slices.Sorted(slices.Values(plan.By))}
		out.Preview, err = ask.TryPartition(ctx, c, &vector.Partition{Register: register, PieceOf: vector.PieceOf(plan.Values), Pieces: p.Pieces}, o.For, o.Query)
	}
	return out, plan, err
}

// errSelectors is returned for a query whose file is not that of its selector.
var errSelectors = errors.New("a file is taken for the one portfolio that entities are IN")

// SelectorOf is the name within entity IN PRIVATE(name), and the registry that the
// query is on, whether or not there is such a vector yet. Private weights are no
// selector.
func SelectorOf(ctx context.Context, c *client.Client, text string) (name, registry string, err error) {
	d, compiled, err := ask.CompileFor(ctx, c, text, true)
	if err != nil {
		return "", "", err
	}
	names := sql.VectorNames(text)
	if compiled.Request.In != catalog.NewVector || len(names) != 1 {
		return "", "", fmt.Errorf("%w: the SQL has no entity IN PRIVATE(name); weights are registered with `weir portfolio register`", errSelectors)
	}
	return names[0], d.Descriptor.Registry, nil
}
