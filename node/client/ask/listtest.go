package ask

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/vector"
)

// RuleTest is the rule of the refusal of an exact query whose figures the nodes'
// test would not let pass, by this machine or by the nodes.
const RuleTest = "portfolio_test"

// Preview is what an exact query with a portfolio will be answered with, as far
// as its owner alone can know it.
type Preview struct {
	Dataset  string   `json:"dataset"`
	AsOf     int      `json:"as_of"`
	Products int      `json:"products"` // of shares that the nodes' test takes
	Figures  []Figure `json:"figures"`
	Outside  int      `json:"outside"` // entities of the list that are in no figure's group
	// Present are, by measure, in the figures of how many of the Periods each entity of the
	// registry is, 0 for those that are not on the list.
	Present map[string][]int32 `json:"-"`
	Periods int                `json:"-"`
}

// Figure says how many entities of the list are in the figures of a measure, a
// group that the portfolio is asked by, and a piece.
type Figure struct {
	Measure string   `json:"measure"`
	Group   []string `json:"group,omitempty"` // values of the attributes that it is registered by
	Piece   string   `json:"piece,omitempty"`
	Listed  int      `json:"listed"` // of the list in the group
	Least   int      `json:"least"`  // in the figure of the period that has the fewest
	Most    int      `json:"most"`
}

// listed runs the test of an exact query within a private partition on this machine and
// completes the request with the version and the sources that it was run on. An honest
// buyer asks no query whose test fails. With o.Newest it is asked as of the newest version
// that passes.
func listed(ctx context.Context, c *client.Client, d catalog.Dataset, r *catalog.Request, o Options) (*listAsk, *vector.Partition, error) {
	if !r.Listing(d.Descriptor) {
		return nil, nil, nil
	}
	list, err := vector.ListOf(ctx, c, r.In)
	if err != nil {
		return nil, nil, err
	}
	ask, err := passing(ctx, c, d, r, list, o.Newest)
	if err != nil {
		return nil, nil, err
	}
	r.AsOf, r.Sources = ask.query.AsOf, catalog.Digest(ask.rule.SourcesDigest(d.ID, ask.query))
	if o.Listed != nil {
		preview, err := ask.preview(list)
		if err != nil {
			return nil, nil, err
		}
		o.Listed(preview)
	}
	return ask, list, nil
}

// passing makes the test of a request and runs it, as of the version that is asked for, or
// the newest that passes.
func passing(ctx context.Context, c *client.Client, d catalog.Dataset, r *catalog.Request, list *vector.Partition, newest bool) (*listAsk, error) {
	asOf := cmp.Or(r.AsOf, d.Live)
	facts, err := readFacts(ctx, c, d, list.Register.By, asOf)
	if err != nil {
		return nil, fmt.Errorf("read what portfolio %s is tested on: %w", list.Register.Name, err)
	}
	ask, err := facts.ask(*r, list.Register)
	if err != nil {
		return nil, err
	}
	failing, err := ask.try(asOf, list)
	withdrawn, isWithdrawn := errors.AsType[*disclosure.WithdrawnError](err)
	large, isLarge := errors.AsType[*disclosure.TooLargeError](err)
	var why catalog.Reason
	switch {
	case isLarge:
		refusal := catalog.TestProducts(large.Products, disclosure.MaxProducts)
		refusal.Field = "in"
		return nil, refusal
	case isWithdrawn:
		why = catalog.Why("portfolio.withdrawn", withdrawn.AsOf, d.ID, withdrawn.Version)
	case err != nil:
		return nil, err
	case len(failing) == 0:
		return ask, nil
	default:
		why = ask.failures(failing, list)
	}
	older, found, err := ask.newestBefore(asOf, list)
	if err != nil {
		return nil, err
	}
	if found && newest {
		_, err = ask.try(older, list)
		return ask, err
	}
	refusal := catalog.Refuse(catalog.RefusedPolicy, RuleTest, "portfolio.fails", list.Register.Name, asOf, d.ID).WithParts(why)
	refusal.Field = "in"
	if !found {
		return nil, refusal.WithFix("fix.list")
	}
	return nil, refusal.WithFixes(catalog.Why("fix.as_of", older), catalog.Why("fix.or_list")).WithNumber("as_of", int64(older))
}

// maxFailures is how many figures that fail are named.
const maxFailures = 8

// failures says which figures fail.
func (a *listAsk) failures(failing []disclosure.Failure, list *vector.Partition) catalog.Reason {
	var figures []catalog.Reason
	for _, x := range failing[:min(len(failing), maxFailures)] {
		f := a.test.Figures[x.Figure]
		grain := a.dataset.Descriptor.Policy.Grain
		figure := catalog.Why("figure.in", f.Run.Column.String(), grain.Format(f.Run.Periods[0]))
		if n := len(f.Run.Periods); n > 1 {
			figure = catalog.Why("figure.between", f.Run.Column.String(), grain.Format(f.Run.Periods[0]), grain.Format(f.Run.Periods[n-1]))
		}
		if group := a.groupValues(f.Group); len(group) > 0 {
			figure = catalog.Why("figure.of", group).With(figure)
		}
		if name := list.PieceName(x.Piece); name != "" {
			figure = catalog.Why("figure.piece", name).With(figure)
		}
		figures = append(figures, figure)
	}
	if more := len(failing) - maxFailures; more > 0 {
		figures = append(figures, catalog.Why("dataset.more_differ", more))
	}
	return catalog.Why("portfolio.few_change").With(figures...)
}

// groupValues are the values of a group, of those attributes that have one.
func (a *listAsk) groupValues(group int) []string {
	return slices.DeleteFunc(slices.Clone(a.birth.Row(group)[1:]), func(value string) bool { return value == "" })
}

// preview counts the entities of the list that are in each figure.
func (a *listAsk) preview(list *vector.Partition) (*Preview, error) {
	out := &Preview{Dataset: a.dataset.ID, AsOf: a.query.AsOf, Products: a.test.Products(a.pieces), Figures: []Figure{}, Present: map[string][]int32{}, Periods: len(a.query.Periods)}
	tree, groups := a.rule.Tree(), a.birth.Rows()
	at := make([]int, len(list.PieceOf)) // entity → group·pieces + piece, −1 for those who are in no figure
	listed := make([]int, groups*a.pieces)
	for e, piece := range list.PieceOf {
		at[e] = -1
		if piece < 0 {
			continue
		}
		class := int32(-1)
		if e < tree.Entities() {
			class = tree.Class(e)
		}
		if class < 0 || a.query.Groups[class] < 0 {
			out.Outside++
			continue
		}
		at[e] = int(a.query.Groups[class])*a.pieces + int(piece)
		listed[at[e]]++
	}
	for _, column := range a.query.Columns {
		least, most := slices.Repeat([]int{-1}, len(listed)), make([]int, len(listed))
		periods := make([]int32, len(at))
		out.Present[column.Measure] = periods
		for _, period := range a.query.Periods {
			versions, err := a.rule.PortfolioVersions(a.dataset.ID, a.query, column, period)
			if err != nil {
				return nil, err
			}
			in := make([]int, len(listed))
			for e, place := range at {
				if place < 0 {
					continue
				}
				if v := int(versions[tree.Class(e)]); v != 0 {
					if present, _ := a.cells.Cells(v, column.Measure, period); present.Has(e) {
						in[place]++
						periods[e]++
					}
				}
			}
			for i, n := range in {
				if most[i] = max(most[i], n); least[i] < 0 || n < least[i] {
					least[i] = n
				}
			}
		}
		for i, n := range listed {
			if n > 0 {
				out.Figures = append(out.Figures, Figure{
					Measure: column.Measure, Group: a.groupValues(i / a.pieces), Piece: list.PieceName(i % a.pieces),
					Listed: n, Least: max(least[i], 0), Most: most[i],
				})
			}
		}
	}
	return out, a.cells.Err
}

// TryPartition tests a partition that is to be registered on the query that it is meant
// for, and tells what that will be answered with; nil: the query needs no test.
func TryPartition(ctx context.Context, c *client.Client, list *vector.Partition, text string, o Options) (*Preview, error) {
	dataset, compiled, err := CompileFor(ctx, c, text, true)
	if err != nil {
		return nil, err
	}
	if err := compiled.CheckNoise(o.noise()); err != nil {
		return nil, err
	}
	compiled.Request.Noise, compiled.Request.AsOf = o.noise(), o.AsOf
	if !compiled.Request.Listing(dataset.Descriptor) {
		return nil, nil //nolint:nilnil // nothing is tested
	}
	ask, err := passing(ctx, c, dataset, &compiled.Request, list, o.Newest)
	if err != nil {
		return nil, located(compiled, err)
	}
	return ask.preview(list)
}

// sendWitnesses makes the witnesses of a test, seals them to the nodes and uploads them.
// The request is as it will be signed. It returns their digests, point 1 first.
func sendWitnesses(ctx context.Context, c *client.Client, d catalog.Dataset, r catalog.Request, ask *listAsk, list *vector.Partition) ([]catalog.Digest, error) {
	if ask == nil {
		return nil, nil
	}
	structure := plan.TestStructure(ask.test, ask.pieces)
	if refusal := plan.RefuseTest(structure); refusal != nil {
		return nil, refusal
	}
	cluster, err := c.KeyRoster(ctx, d.Owner)
	if err != nil {
		return nil, err
	}
	sealed, err := vector.SealWitnesses(c, cluster, r, structure, list.PieceOf)
	if err != nil {
		return nil, fmt.Errorf("make the witnesses of portfolio %s: %w", list.Register.Name, err)
	}
	return vector.PutWitnesses(ctx, c, cluster, sealed)
}

// testRefusal is the refusal of a private query whose test failed, as all members of its
// attempt say; nil for any other.
func testRefusal(q catalog.Query) *catalog.Refusal {
	if q.Reason.Code != catalog.CodeTest && q.Reason.Code != catalog.CodeWitnesses {
		return nil
	}
	r := catalog.Refuse(catalog.RefusedPolicy, RuleTest, "portfolio.unanswered", q.ID).WithParts(q.Reason)
	r.Field = "in"
	return r
}
