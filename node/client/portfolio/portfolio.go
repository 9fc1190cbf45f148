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
	defer clear(plan.Values)
	if err != nil {
		return out, err
	}
	out.Vector, err = vector.Register(ctx, c, plan, o.Progress)
	return out, err
}

// Test does all that Register does before it registers: it reads the file, and tests the query that it is meant for.
func Test(ctx context.Context, c *client.Client, o Options) (Registered, error) {
	would, plan, err := preparePortfolio(ctx, c, o)
	clear(plan.Values)
	return would, err
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

// laid is a portfolio's file laid over its registry, with the plan of its registration. Whoever has it clears
// plan.Values.
type laid struct {
	list Portfolio
	plan vector.Plan
	out  Registered
}

// lay reads a portfolio's file and lays it over the registry. Nothing is tested.
func lay(ctx context.Context, c *client.Client, o Options) (l laid, err error) {
	registry, err := c.Registry(ctx, o.Registry)
	if err != nil {
		return l, err
	}
	l.list, err = Read(ctx, c, registry, o.File)
	l.plan = vector.Plan{Name: o.Name, Registry: registry, Values: l.list.Values, Pieces: len(l.list.Pieces), By: o.File.By, Watch: o.Watch}
	if err != nil {
		return l, err
	}
	l.out = Registered{Unknown: l.list.Unknown, Entries: len(l.list.Selected), Pieces: l.list.Pieces}
	if o.File.Weights == "" {
		return l, nil
	}
	l.plan.Bits, l.plan.Decimals = o.File.Bits, o.File.Decimals
	if o.File.Within != "" {
		if l.out.Limits, err = readLimits(ctx, c, registry, o.File, l.list); err != nil {
			return l, err
		}
		l.plan.Limits = l.out.Limits.Packed()
	}
	return l, nil
}

// test tests the query that a list is meant for; nil: there is none, or it needs no test.
func (l laid) test(ctx context.Context, c *client.Client, o Options) (*ask.Preview, error) {
	if o.For == "" || o.File.Weights != "" {
		return nil, nil //nolint:nilnil // nothing is tested
	}
	register := catalog.VectorRegister{Name: o.Name, Pieces: l.plan.Pieces, By: slices.Sorted(slices.Values(l.plan.By))}
	return ask.TryPartition(ctx, c, &vector.Partition{Register: register, PieceOf: vector.PieceOf(l.plan.Values), Pieces: l.list.Pieces}, o.For, o.Query)
}

// preparePortfolio lays a portfolio over its registry and tests its query. The caller clears the plan's values, whatever
// the error.
func preparePortfolio(ctx context.Context, c *client.Client, o Options) (Registered, vector.Plan, error) {
	l, err := lay(ctx, c, o)
	if err == nil {
		l.out.Preview, err = l.test(ctx, c, o)
	}
	return l.out, l.plan, err
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
