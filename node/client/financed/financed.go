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
	tooLarge string // a borrower whose factor is no weight; empty: all are
}

// Ask reads the book, registers what is to be registered, asks, and makes the report. Errors
// are ErrInput, *panel.Errors for the book, and those of portfolio.Register and ask.Query.
func Ask(ctx context.Context, c *client.Client, o Options) (*Report, *ask.Result, error) {
	q, err := prepare(ctx, c, o)
	if err != nil {
		return nil, nil, err
	}
	if err := q.none(); err != nil {
		return nil, nil, err
	}
	s, err := q.settle(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := q.enter(&s); err != nil {
		return nil, nil, err
	}
	q.cover(s.test)
	if q.Told != nil {
		q.Told(q.report)
	}
	r, err := ask.Query(ctx, c, s.sql, q.asking(s))
	if err != nil {
		return nil, nil, err
	}
	if q.weighted() {
		return q.report, r, q.weightedFigures(r)
	}
	return q.report, r, q.pieceFigures(s.sorted, r)
}

// prepare reads what is asked about: the dataset, and the book laid over its registry.
func prepare(ctx context.Context, c *client.Client, o Options) (*question, error) {
	q := &question{Options: o, c: c}
	if err := q.find(ctx); err != nil {
		return nil, err
	}
	return q, q.match(ctx)
}

// weighted reports whether the factors are private weights.
func (q *question) weighted() bool { return q.Query.Epsilon != "" }

// settled is how a book will be asked about, before anything of it is registered.
type settled struct {
	sorted pieced // of weights its file alone
	name   string // of the list
	known  bool   // it is registered already
	sql    string
	test   *ask.Preview // nil: nothing is tested
	limits *portfolio.Limits
}

// settle decides in which way a book is asked about, by tests on this machine alone: nothing is sent.
func (q *question) settle(ctx context.Context) (settled, error) {
	if q.weighted() {
		return q.settleWeights(ctx)
	}
	q.report.Method = MethodPieces
	return q.settlePieces(ctx)
}

// options are how a list is registered.
func (q *question) options(name string, file portfolio.File) portfolio.Options {
	o := portfolio.Options{Name: name, Registry: q.registry.ID, File: file, Query: q.Query}
	if !q.weighted() {
		o.For = q.sums(name)
	}
	return o
}

// enter has a list registered that is not yet.
func (q *question) enter(s *settled) error {
	if s.known {
		return nil
	}
	done, err := q.Keep(q.options(s.name, s.sorted.file))
	if err != nil {
		return err
	}
	s.test = done.Preview
	q.report.List.Version, q.report.List.Vector = done.Vector.Version, done.Vector.ID
	return nil
}

// asking is how the nodes are asked: a list as of the version that it was tested on.
func (q *question) asking(s settled) ask.Options {
	o := q.Query
	switch {
	case q.weighted():
		o.Newest = false
	case s.test != nil:
		o.AsOf, o.Newest = s.test.AsOf, false
	}
	return o
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
	return nil
}

// none refuses a book of which nothing can be asked.
func (q *question) none() error {
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
	of     []int // the piece of each borrower that is asked about
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
			out = append(out, pieced{pieces, of, portfolio.File{Data: data, Pieces: "piece"}})
		}
	}
	return out
}

// pieceName is what a piece is called, in the order of factors.
func pieceName(piece int) string { return fmt.Sprintf("%02d", piece+1) }

// sums is the query for the sums of a list's pieces.
func (q *question) sums(list string) string {
	sql := fmt.Sprintf("SELECT PIECE(%[1]s) AS piece", list)
	for _, m := range q.Measures {
		sql += fmt.Sprintf(", SUM(%[1]s), COUNT(%[1]s)", m)
	}
	return sql + fmt.Sprintf(" FROM %s WHERE entity IN PRIVATE(%s) AND %s GROUP BY PIECE(%[2]s)", q.Dataset, list, q.period())
}

// settlePieces sorts the borrowers so that the nodes' test passes. A list that was registered
// of this book stays, for what was answered for it is answered for no other.
func (q *question) settlePieces(ctx context.Context) (settled, error) {
	all := q.candidates()
	v, of, err := q.known(ctx, q.Name, all)
	if err != nil {
		return settled{}, err
	}
	if of >= 0 {
		s, err := q.try(ctx, v, all[of])
		if isTest(err) {
			return q.fewer(ctx, all[of+1:], len(all[of].pieces), err)
		}
		return s, err
	}
	var failed error
	for _, one := range all {
		s, err := q.fresh(ctx, q.Name, one)
		if isTest(err) {
			failed = err
			continue
		}
		return s, err
	}
	return settled{}, failed
}

// fewer finds fewer pieces than the list of the book has, where that fails the test of another
// period: as a list of its own name, for a next version of the name would be asked in its place
// from then on. failed is the failure of the book's own list.
func (q *question) fewer(ctx context.Context, all []pieced, than int, failed error) (settled, error) {
	for _, one := range all {
		if len(one.pieces) >= than {
			continue
		}
		name := fmt.Sprintf("%s_%d", q.Name, len(one.pieces))
		v, of, err := q.known(ctx, name, []pieced{one})
		if err != nil {
			return settled{}, err
		}
		var s settled
		if of >= 0 {
			s, err = q.try(ctx, v, one)
		} else {
			// Periods that were answered for the book's own list are answered for no other.
			_, _, err = portfolio.Explain(ctx, q.c, q.options(name, one.file))
			if refused, ok := client.IsRefused(err); ok && refused.Rule != ask.RuleTest {
				return settled{}, failed
			}
			if err == nil {
				s, err = q.fresh(ctx, name, one)
			}
		}
		if !isTest(err) {
			return s, err
		}
	}
	return settled{}, failed
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
func (q *question) try(ctx context.Context, v catalog.Vector, one pieced) (s settled, err error) {
	list, err := vector.ListOf(ctx, q.c, v.ID)
	if err != nil {
		return settled{}, err
	}
	q.report.List = RegisteredList{Name: v.Name, Version: v.Version, Vector: v.ID, Pieces: len(one.pieces), Existed: true}
	s = settled{sorted: one, name: v.Name, known: true, sql: q.sums(v.Name)}
	s.test, err = ask.TryPartition(ctx, q.c, list, s.sql, q.Query)
	return s, err
}

// fresh tests a list that is not registered.
func (q *question) fresh(ctx context.Context, name string, one pieced) (settled, error) {
	would, err := portfolio.Test(ctx, q.c, q.options(name, one.file))
	q.report.List = RegisteredList{Name: name, Pieces: len(one.pieces)}
	return settled{sorted: one, name: name, sql: q.sums(name), test: would.Preview}, err
}

func (q *question) settleWeights(ctx context.Context) (settled, error) {
	q.report.Method = MethodWeights
	q.report.List = RegisteredList{Name: q.Name, Bits: q.Bits, Decimals: q.Decimals}
	if d := q.dataset.Descriptor; d.Policy.DP == nil { // or weights would be registered that nothing answers
		return settled{}, catalog.Refuse(catalog.RefusedPolicy, "dp", "noise.not_offered", d.Dataset).WithField("noise")
	}
	weights, tooLarge := pcaf.Weigh(q.factors, q.Decimals, q.Bits)
	if tooLarge >= 0 {
		b := q.book.Borrowers[q.asked[tooLarge]]
		q.tooLarge = b.ID
		return settled{}, fmt.Errorf("%w: the factor %s of borrower %q (row %d) is no weight of %d bits with %d decimals; allow more bits, which makes the noise larger",
			ErrInput, factorText(q.factors[tooLarge]), b.ID, b.Row, q.Bits, q.Decimals)
	}
	q.report.Rounding = new(big.Rat).Mul(weights.Rounding, big.NewRat(100, 1)).FloatString(4) + " %"
	file := portfolio.File{Weights: "weight", Bits: q.Bits, Decimals: q.Decimals, Data: q.list("weight", func(i int) string {
		return decimal.Fixed(new(big.Int).SetUint64(weights.Units[i]), q.Decimals)
	})}
	for _, m := range q.Measures { // caps make the noise smaller, of the first measure that has such
		if q.dataset.Descriptor.Policy.Caps[m] != "" && file.Within == "" {
			file.Within = q.Dataset + "." + m
		}
	}
	v, of, err := q.known(ctx, q.Name, []pieced{{file: file}})
	if err != nil {
		return settled{}, err
	}
	s := settled{sorted: pieced{file: file}, name: q.Name, known: of >= 0, sql: q.weightedSums(true)}
	if s.known {
		q.report.List.Version, q.report.List.Vector, q.report.List.Existed = v.Version, v.ID, true
		return s, nil
	}
	would, err := portfolio.Test(ctx, q.c, q.options(q.Name, file))
	s.limits = would.Limits
	return s, err
}

// weightedSums is the query for the sums of a measure, weighted or as they are.
func (q *question) weightedSums(weighted bool) string {
	sql := "SELECT "
	for i, m := range q.Measures {
		if i > 0 {
			sql += ", "
		}
		if weighted {
			m += fmt.Sprintf(" * PRIVATE(%s)", q.Name)
		}
		sql += fmt.Sprintf("SUM(%s)", m)
	}
	return sql + fmt.Sprintf(" FROM %s WHERE %s", q.Dataset, q.period())
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
