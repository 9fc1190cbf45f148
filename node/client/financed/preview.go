package financed

import (
	"context"
	"errors"

	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/vector"
)

// Preview is what Ask would do with a book, before anything of it is sent.
type Preview struct {
	// Report has what it says without the nodes: coverage, what is not covered, the list, its pieces with their factors.
	Report   *Report `json:"report"`
	Registry string  `json:"registry"`
	Of       int     `json:"of"` // entities that the registry has
	Loans    []Loan  `json:"loans"`
	SQL      string  `json:"sql,omitempty"` // that the nodes would be asked
	// Figures are what it would be answered with; nil: nothing is tested, as with noise.
	Figures *ask.Preview `json:"figures,omitempty"`
	// Explain is what it would release and cost. With Unweighted it is that of the sums without weights, which cost the same:
	// weights that are not registered cannot be asked with, and make the noise another.
	Explain    *wire.Explained `json:"explain,omitempty"`
	Unweighted bool            `json:"unweighted,omitempty"`
	Told       *Told           `json:"told,omitempty"` // nil: nothing would be registered
	Refused    error           `json:"-"`              // why nothing would be answered; nil: it would be
}

// Told is all that registering a list tells everybody: no borrower, amount, factor or name of a piece is in it.
type Told struct {
	Name     string `json:"name"`
	Registry string `json:"registry"`
	Entities int    `json:"entities"` // of the registry, each of which gets a share, whether it borrows or not
	Pieces   int    `json:"pieces,omitempty"`
	Bits     int    `json:"bits,omitempty"` // of weights
	Decimals int    `json:"decimals,omitempty"`
	Bound    string `json:"bound,omitempty"`
}

// LoanState is what becomes of a loan.
type LoanState string

// States of a loan.
const (
	LoanTaken   LoanState = "taken"   // its borrower is asked about
	LoanUnknown LoanState = "unknown" // its borrower is not in the registry
	LoanNoShare LoanState = "noshare" // the book has no denominator of its borrower
	LoanNothing LoanState = "nothing" // nothing is outstanding
	LoanOver    LoanState = "over"    // its borrower's factor is no weight of those bits
)

// Loan is a row of a book, with what its borrower's emissions are multiplied by.
type Loan struct {
	Row         int       `json:"row"`
	ID          string    `json:"id"`
	Outstanding string    `json:"outstanding"`
	State       LoanState `json:"state"`
	Factor      string    `json:"factor,omitempty"` // of the borrower, of all its loans
	Piece       string    `json:"piece,omitempty"`
	Near        []string  `json:"near,omitempty"` // ids that were probably meant
}

// Try tells what Ask would do, and sends nothing of the book: nodes are asked for what is public, and what the sums of a
// list of that many pieces would cost. Options are as of Ask; Keep and Told are not called. Errors are ErrInput and
// *panel.Errors for the book, and those of reading what is public; what would be refused later is told.
func Try(ctx context.Context, c *client.Client, o Options) (*Preview, error) {
	q, err := prepare(ctx, c, o)
	if err != nil {
		return nil, err
	}
	p := &Preview{Report: q.report, Registry: q.registry.ID, Of: q.registry.Rows}
	var s settled
	if err = q.none(); err == nil {
		s, err = q.settle(ctx)
	}
	if err == nil {
		p.SQL, p.Figures = s.sql, s.test
		q.cover(s.test)
		err = q.foresee(ctx, p, s)
	}
	if err != nil && !refuses(err) {
		return nil, err
	}
	p.Refused = err
	q.report.Measures = []Measure{}
	p.Loans = q.loans(s)
	return p, nil
}

// refuses reports whether an error says why nothing would be answered.
func refuses(err error) bool {
	_, refused := client.IsRefused(err)
	return refused || errors.Is(err, ErrInput)
}

// foresee tells what registering and asking would tell and cost.
func (q *question) foresee(ctx context.Context, p *Preview, s settled) error {
	o := q.asking(s)
	sql := s.sql
	if !s.known {
		version, err := vector.NextVersion(ctx, q.c, s.name)
		if err != nil {
			return err
		}
		list := &q.report.List
		list.Version = version
		p.Told = &Told{Name: s.name, Registry: q.registry.ID, Entities: q.registry.Rows, Pieces: list.Pieces, Bits: list.Bits, Decimals: list.Decimals}
		if s.limits != nil {
			p.Told.Bound = s.limits.Text()
		}
		if o.NewPortfolio = !q.weighted(); q.weighted() {
			p.Unweighted, sql = true, q.weightedSums(false)
		}
	}
	x, err := ask.Explain(ctx, q.c, sql, o)
	if err != nil {
		return err
	}
	if p.Explain = &x; p.Unweighted && x.Noise != nil {
		x.Noise.Sums = nil
	}
	return nil
}

// loans are the rows of the book with what becomes of them, and the pieces noted in the report.
func (q *question) loans(s settled) []Loan {
	piece := make([]string, len(q.book.Borrowers))
	for i, p := range s.sorted.pieces {
		q.report.Pieces = append(q.report.Pieces, Piece{Piece: pieceName(i), Borrowers: p.Borrowers, Least: factorText(p.Least), Mean: factorText(p.Mean()), Most: factorText(p.Most)})
	}
	for i, at := range s.sorted.of {
		piece[q.asked[i]] = pieceName(at)
	}
	near := map[string][]string{}
	for _, u := range q.report.Unmatched {
		if len(u.Near) > 0 {
			near[u.ID] = u.Near
		}
	}
	out := make([]Loan, 0, len(q.book.Loans))
	for _, l := range q.book.Loans {
		b := q.book.Borrowers[l.Borrower]
		one := Loan{Row: l.Row, ID: b.ID, Outstanding: moneyText(l.Outstanding), State: LoanTaken, Piece: piece[l.Borrower]}
		f := b.Factor()
		if f != nil {
			one.Factor = factorText(f)
		}
		switch {
		case q.entity[l.Borrower] < 0:
			one.State, one.Near = LoanUnknown, near[b.ID]
		case f == nil:
			one.State = LoanNoShare
		case f.Sign() == 0:
			one.State = LoanNothing
		case b.ID == q.tooLarge:
			one.State = LoanOver
		}
		out = append(out, one)
	}
	return out
}
