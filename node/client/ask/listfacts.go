package ask

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/tables"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/family"
	"github.com/weirdata/weir/node/client/vector"
)

// listFacts are the public facts on which a private partition is tested (RELEASE.md section
// 6). Trees, settled versions, presence and counts are held against the digests of the
// ledger. Where a node tells something else of the rest, the structure of the test comes
// out another than the nodes', and the witnesses open nowhere.
type listFacts struct {
	dataset  catalog.Dataset
	registry catalog.Registry
	rule     *disclosure.Family
	cells    *family.Cells
	values   [][]string // by attribute of the registry, what its codes stand for; of those alone that the partition is asked by
}

// readFacts reads the facts of a protected dataset for a partition that is asked by some
// attributes, as of a version: what does not depend on each other at once. The cells of
// other versions are read as they are needed.
func readFacts(ctx context.Context, c *client.Client, d catalog.Dataset, by []string, asOf int) (*listFacts, error) {
	f := &listFacts{dataset: d, cells: family.CellsOf(ctx, c, d.Descriptor)}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		if f.registry, err = c.Registry(gctx, d.Descriptor.Registry); err != nil {
			return err
		}
		f.values, err = valuesOf(gctx, c, f.registry, by)
		return err
	})
	g.Go(func() error {
		family, err := family.Read(gctx, c, d.ID)
		if err == nil {
			f.rule = family.Rule
		}
		return err
	})
	g.Go(func() error { return f.cells.Fetch(asOf) })
	return f, g.Wait()
}

// valuesOf reads what the codes of some attributes of a registry stand for, by which classes
// remember the values that their entities had.
func valuesOf(ctx context.Context, c *client.Client, r catalog.Registry, attributes []string) ([][]string, error) {
	out := make([][]string, len(r.Columns))
	for _, name := range attributes {
		a := slices.Index(r.Columns, name)
		if a < 0 {
			return nil, fmt.Errorf("registry %s has no attribute %.80q", r.ID, name)
		}
		path := fmt.Sprintf("/v1/registries/%s/codes/%d", url.PathEscape(r.ID), a)
		var err error
		if out[a], err = client.Get[[]string](ctx, c, client.Call{Path: path, Elsewhere: true, Limit: client.MaxBlob}); err != nil {
			return nil, fmt.Errorf("read the values of attribute %s of registry %s: %w", name, r.ID, err)
		}
	}
	return out, nil
}

// listAsk is an exact query with a private partition.
type listAsk struct {
	*listFacts
	request catalog.Request
	pieces  int
	birth   *tables.Table // a row a group that the partition is asked by
	groups  []int32       // class → row of birth, −1 where the request does not ask for it

	query disclosure.PortfolioQuery // as of the version of the test
	test  *disclosure.Test
}

// ask is a request within a partition. It has no test yet.
func (f *listFacts) ask(r catalog.Request, use catalog.VectorRegister) (*listAsk, error) {
	birth, groups, err := f.rule.Tree().BirthTable(f.registry.Columns, use.By, f.values)
	if err != nil {
		return nil, err
	}
	selected := tables.Select(r.Where, birth)
	groups = slices.Clone(groups)
	for class, g := range groups {
		if g >= 0 && !selected[g] {
			groups[class] = -1
		}
	}
	return &listAsk{listFacts: f, request: r, pieces: use.Pieces, birth: birth, groups: groups}, nil
}

// at is what the request asks as of a version.
func (a *listAsk) at(asOf int) disclosure.PortfolioQuery {
	return disclosure.PortfolioQuery{
		Columns: disclosure.PortfolioColumns(a.request.Columns(a.dataset.Descriptor)),
		Periods: a.rule.AskedPeriods(a.dataset.Descriptor, a.request.Periods, asOf, a.cells.Live),
		Groups:  a.groups, AsOf: asOf, Live: a.cells.Live,
	}
}

// try makes the test as of a version, and says what fails.
func (a *listAsk) try(asOf int, list *vector.Partition) (failing []disclosure.Failure, err error) {
	a.query = a.at(asOf)
	if a.test, err = a.rule.Test(a.dataset.ID, a.query, a.cells); err == nil {
		err = a.test.Fits(a.pieces)
	}
	if a.cells.Err != nil {
		return nil, a.cells.Err
	}
	if err != nil {
		return nil, err
	}
	return a.test.Passes(a.pieces, list.PieceOf), nil
}

// newestBefore is the newest version before one as of which the request passes.
func (a *listAsk) newestBefore(asOf int, list *vector.Partition) (older int, found bool, err error) {
	older, found, err = a.rule.NewestPassing(a.dataset.ID, asOf-1, a.at, a.cells, a.pieces, list.PieceOf)
	if a.cells.Err != nil {
		return 0, false, a.cells.Err
	}
	return older, found, err
}
