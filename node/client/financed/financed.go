package financed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/pcaf"
	"github.com/weirdata/weir/compute/unit"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/portfolio"
	"github.com/weirdata/weir/node/client/vector"
)

// Options say what is asked for.
type Options struct {
	Data     panel.File
	Book     pcaf.Options // without the id columns that the registry's id is called by
	IDColumn string       // of the book; empty: what the registry calls it, or entity
	Dataset  string
	Measures []string
	Period   string
	Name     string // of the private list
	Query    ask.Options
	// Bits and Decimals are of the factors as weights, where Query.Epsilon asks for noise.
	Bits, Decimals int
	// Keep registers a portfolio; Told is told what is known before any figure is.
	Keep func(portfolio.Options) (portfolio.Registered, error)
	Told func(*Report)
	// Directory has this machine's records of portfolios.
	Directory string
}

// ErrInput is returned for a question that cannot be asked: of another kind of measure, say.
var ErrInput = errors.New("financed emissions cannot be asked like this")

// pieceCounts are the numbers of pieces that are tried, the most first.
var pieceCounts = []int{catalog.MaxPieces, 12, 8, 6, 4, 3, 2, 1}

// question is a book that is asked about.
type question struct {
	Options
	c        *client.Client
	dataset  catalog.Dataset
	registry catalog.Registry
	book     *pcaf.Book
	entity   []int32 // of each borrower, −1: none
	rows     [][]string
	asked    []int      // borrowers that are in the list
	factors  []*big.Rat // of these
	report   *Report
}

// Ask reads the book, registers what is to be registered, asks, and makes the report. Errors
// are ErrInput, *panel.Errors for the book, and those of portfolio.Register and ask.Query.
func Ask(ctx context.Context, c *client.Client, o Options) (*Report, *ask.Result, error) {
	q := &question{Options: o, c: c}
	if err := q.find(ctx); err != nil {
		return nil, nil, err
	}
	if err := q.match(ctx); err != nil {
		return nil, nil, err
	}
	if o.Query.Epsilon != "" {
		return q.askWeighted(ctx)
	}
	return q.askPieces(ctx)
}

// find looks the dataset and its measures up.
func (q *question) find(ctx context.Context) (err error) {
	if q.dataset, err = q.c.Dataset(ctx, q.Dataset); err != nil {
		return err
	}
	d := q.dataset.Descriptor
	if q.registry, err = q.c.Registry(ctx, d.Registry); err != nil {
		return err
	}
	for _, name := range q.Measures {
		m, ok := d.Measure(name)
		if !ok {
			return fmt.Errorf("%w: dataset %s has no measure %q; it has %s", ErrInput, q.Dataset, name, panel.Quoted(d.MeasureNames()))
		}
		if _, err := tonnes(m); err != nil {
			return err
		}
	}
	return nil
}

// tonnes is what figures of a measure are multiplied with to be in tonnes.
func tonnes(m catalog.Measure) (*big.Rat, error) {
	of, known := unit.Of(m.UCUM, m.Unit)
	t, _ := unit.ByCode("t")
	factor, ok := unit.Factor(of, t)
	if !known || !ok {
		return nil, fmt.Errorf("%w: measure %s is in %q, which is no mass that is known here; its publisher can say ucum: kg or t in the descriptor", ErrInput, m.Name, m.Unit)
	}
	return factor, nil
}

// match reads the book and finds its borrowers in the registry.
func (q *question) match(ctx context.Context) (err error) {
	book := q.Book
	book.IDColumns = []string{q.registry.IDColumn, "entity"}
	if q.IDColumn != "" {
		book.IDColumns = []string{q.IDColumn}
	}
	if q.book, err = pcaf.Read(ctx, q.Data, book); err != nil {
		return err
	}
	if q.registry, q.rows, err = q.c.WholeRegistry(ctx, q.registry.ID); err != nil {
		return err
	}
	index := make(map[string]int32, len(q.rows))
	for i, row := range q.rows {
		index[row[0]] = int32(i) //nolint:gosec // at most catalog.MaxRegistryRows
	}
	for i, b := range q.book.Borrowers {
		e, known := index[b.ID]
		if !known {
			e = -1
		}
		q.entity = append(q.entity, e)
		if f := b.Factor(); known && f != nil && f.Sign() > 0 {
			q.asked, q.factors = append(q.asked, i), append(q.factors, f)
		}
	}
	q.report = q.newReport()
	if len(q.asked) == 0 {
		return fmt.Errorf("%w: none of the %d borrowers of %s is in registry %s with an outstanding amount and a denominator%s",
			ErrInput, len(q.book.Borrowers), q.Data.Name, q.registry.ID, q.report.firstUnmatched())
	}
	return nil
}

// list is a file of the asked borrowers, with what the column says of each. A list that was
// registered is known again by these very bytes: written otherwise, it would be another.
func (q *question) list(column string, of func(i int) string) panel.File {
	var b strings.Builder
	fmt.Fprintf(&b, "entity,%s\n", column)
	for i, at := range q.asked {
		fmt.Fprintf(&b, "%s,%s\n", quoted(q.book.Borrowers[at].ID), of(i))
	}
	text := b.String()
	return panel.File{Name: q.Data.Name, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

// quoted is a field of CSV.
func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// period is the condition on the period.
func (q *question) period() string {
	return "period = '" + strings.ReplaceAll(q.Period, "'", "''") + "'"
}

// pieced is a way to sort the borrowers.
type pieced struct {
	pieces []pcaf.Piece
	file   portfolio.File
}

// candidates are the ways that are tried: for each number of pieces those that are nearest,
// and those of as many borrowers as a figure has to speak of.
func (q *question) candidates() []pieced {
	var out []pieced
	var tried [][]int
	order := pcaf.NewOrder(q.factors)
	for _, most := range pieceCounts {
		for _, fewest := range []int{1, max(1, q.dataset.Descriptor.Policy.MinCohort)} {
			pieces, of := order.Pieces(most, fewest)
			if slices.ContainsFunc(tried, func(other []int) bool { return slices.Equal(of, other) }) {
				continue
			}
			tried = append(tried, of)
			data := q.list("piece", func(i int) string { return pieceName(of[i]) })
			out = append(out, pieced{pieces, portfolio.File{Data: data, Pieces: "piece"}})
		}
	}
	return out
}

// pieceName is what a piece is called, in the order of factors.
func pieceName(piece int) string { return fmt.Sprintf("%02d", piece+1) }

func (q *question) askPieces(ctx context.Context) (*Report, *ask.Result, error) {
	sorted, preview, err := q.register(ctx)
	if err != nil {
		return nil, nil, err
	}
	o := q.Query
	if preview != nil {
		o.AsOf, o.Newest = preview.AsOf, false
	}
	q.cover(preview)
	q.report.Method = MethodPieces
	if q.Told != nil {
		q.Told(q.report)
	}
	r, err := ask.Query(ctx, q.c, q.sums(q.report.List.Name), o)
	if err != nil {
		return nil, nil, err
	}
	return q.report, r, q.pieceFigures(sorted, r)
}

// sums is the query for the sums of a list's pieces.
func (q *question) sums(list string) string {
	sql := fmt.Sprintf("SELECT PIECE(%[1]s) AS piece", list)
	for _, m := range q.Measures {
		sql += fmt.Sprintf(", SUM(%[1]s), COUNT(%[1]s)", m)
	}
	return sql + fmt.Sprintf(" FROM %s WHERE entity IN PRIVATE(%s) AND %s GROUP BY PIECE(%[2]s)", q.Dataset, list, q.period())
}

// register has the borrowers' pieces registered, and tests them as the nodes will. A list
// that was registered of this book stays, for what was answered for it is answered for no other.
func (q *question) register(ctx context.Context) (pieced, *ask.Preview, error) {
	all := q.candidates()
	v, of, err := q.known(ctx, q.Name, all)
	if err != nil {
		return pieced{}, nil, err
	}
	if of >= 0 {
		one := all[of]
		preview, err := q.try(ctx, v, one)
		if isTest(err) {
			return q.fewer(ctx, all[of+1:], len(one.pieces), err)
		}
		return one, preview, err
	}
	var failed error
	for _, one := range all {
		preview, err := q.enter(q.Name, one)
		if isTest(err) {
			failed = err // nothing was registered
			continue
		}
		return one, preview, err
	}
	return pieced{}, nil, failed
}

// fewer finds fewer pieces than the list of the book has, where that fails the test of another
// period: as a list of its own name, for a next version of the name would be asked in its place
// from then on. failed is the failure of the book's own list.
func (q *question) fewer(ctx context.Context, all []pieced, than int, failed error) (pieced, *ask.Preview, error) {
	for _, one := range all {
		if len(one.pieces) >= than {
			continue
		}
		name := fmt.Sprintf("%s_%d", q.Name, len(one.pieces))
		v, of, err := q.known(ctx, name, []pieced{one})
		if err != nil {
			return pieced{}, nil, err
		}
		var preview *ask.Preview
		if of >= 0 {
			preview, err = q.try(ctx, v, one)
		} else {
			// Periods that were answered for the book's own list are answered for no other.
			_, _, err = portfolio.Explain(ctx, q.c, portfolio.Options{Name: name, Registry: q.registry.ID, File: one.file, For: q.sums(name), Query: q.Query})
			if refused, ok := client.IsRefused(err); ok && refused.Rule != ask.RuleTest {
				return pieced{}, nil, failed
			}
			if err == nil {
				preview, err = q.enter(name, one)
			}
		}
		if !isTest(err) {
			return one, preview, err
		}
	}
	return pieced{}, nil, failed
}

// isTest reports whether a list would fail the nodes' test.
func isTest(err error) bool {
	refused, ok := client.IsRefused(err)
	return ok && refused.Rule == ask.RuleTest
}

// known finds which of some ways to sort the borrowers is registered under a name; −1: none.
func (q *question) known(ctx context.Context, name string, all []pieced) (catalog.Vector, int, error) {
	files := make([]portfolio.File, len(all))
	for i, one := range all {
		files[i] = one.file
	}
	v, of, err := portfolio.KnownOf(ctx, q.c, q.Directory, name, q.registry.ID, files)
	if refused, ok := client.IsRefused(err); ok && refused.Rule == portfolio.RuleElsewhere {
		return v, -1, nil
	}
	return v, of, err
}

// try tests a list that is registered.
func (q *question) try(ctx context.Context, v catalog.Vector, one pieced) (*ask.Preview, error) {
	list, err := vector.ListOf(ctx, q.c, v.ID)
	if err != nil {
		return nil, err
	}
	q.report.List = RegisteredList{Name: v.Name, Version: v.Version, Vector: v.ID, Pieces: len(one.pieces), Existed: true}
	return ask.TryPartition(ctx, q.c, list, q.sums(v.Name), q.Query)
}

// enter registers a list that passes the test.
func (q *question) enter(name string, one pieced) (*ask.Preview, error) {
	done, err := q.Keep(portfolio.Options{Name: name, Registry: q.registry.ID, File: one.file, For: q.sums(name), Query: q.Query})
	q.report.List = RegisteredList{Name: name, Version: done.Vector.Version, Vector: done.Vector.ID, Pieces: len(one.pieces)}
	return done.Preview, err
}

func (q *question) askWeighted(ctx context.Context) (*Report, *ask.Result, error) {
	if d := q.dataset.Descriptor; d.Policy.DP == nil { // or weights would be registered that nothing answers
		return nil, nil, catalog.Refuse(catalog.RefusedPolicy, "dp", "noise.not_offered", d.Dataset).WithField("noise")
	}
	weights, tooLarge := pcaf.Weigh(q.factors, q.Decimals, q.Bits)
	if tooLarge >= 0 {
		b := q.book.Borrowers[q.asked[tooLarge]]
		return nil, nil, fmt.Errorf("%w: the factor %s of borrower %q (row %d) is no weight of %d bits with %d decimals; allow more bits, which makes the noise larger",
			ErrInput, factorText(q.factors[tooLarge]), b.ID, b.Row, q.Bits, q.Decimals)
	}
	file := portfolio.File{Weights: "weight", Bits: q.Bits, Decimals: q.Decimals, Data: q.list("weight", func(i int) string {
		return decimal.Fixed(new(big.Int).SetUint64(weights.Units[i]), q.Decimals)
	})}
	for _, m := range q.Measures { // caps make the noise smaller, of the first measure that has such
		if q.dataset.Descriptor.Policy.Caps[m] != "" && file.Within == "" {
			file.Within = q.Dataset + "." + m
		}
	}
	v, known, err := portfolio.Known(ctx, q.c, q.Directory, q.Name, q.registry.ID, file)
	if refused, ok := client.IsRefused(err); ok && refused.Rule == portfolio.RuleElsewhere {
		known, err = false, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if !known {
		done, err := q.Keep(portfolio.Options{Name: q.Name, Registry: q.registry.ID, File: file, Query: q.Query})
		if err != nil {
			return nil, nil, err
		}
		v = done.Vector
	}
	q.report.Method = MethodWeights
	q.report.List = RegisteredList{Name: v.Name, Version: v.Version, Vector: v.ID, Bits: q.Bits, Decimals: q.Decimals, Existed: known}
	q.report.Rounding = new(big.Rat).Mul(weights.Rounding, big.NewRat(100, 1)).FloatString(4) + " %"
	q.cover(nil)
	if q.Told != nil {
		q.Told(q.report)
	}
	sql := "SELECT "
	for i, m := range q.Measures {
		if i > 0 {
			sql += ", "
		}
		sql += fmt.Sprintf("SUM(%s * PRIVATE(%s))", m, q.Name)
	}
	sql += fmt.Sprintf(" FROM %s WHERE %s", q.Dataset, q.period())
	o := q.Query
	o.Newest = false
	r, err := ask.Query(ctx, q.c, sql, o)
	if err != nil {
		return nil, nil, err
	}
	return q.report, r, q.weightedFigures(r)
}

// in are the loans of borrowers that are asked about and, where present is known, have a
// reading in the figures of a measure.
func (q *question) in(present []int32) func(pcaf.Loan) bool {
	asked := make([]bool, len(q.book.Borrowers))
	for _, at := range q.asked {
		asked[at] = present == nil || present[q.entity[at]] > 0
	}
	return func(l pcaf.Loan) bool { return asked[l.Borrower] }
}

// rowOf is the row of a piece in an answer; nil: no reading of it is there.
func rowOf(r *ask.Result, piece string) []any {
	i := slices.IndexFunc(r.Table.Rows, func(row []any) bool { return row[0] == piece })
	if i < 0 {
		return nil
	}
	return r.Table.Rows[i]
}
