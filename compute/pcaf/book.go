package pcaf

import (
	"context"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/suggest"
	"github.com/weirdata/weir/compute/table"
)

// Denominators of the Standard, and one that is none of it. Another text is the header of a
// column.
const (
	EquityDebt = "equity_debt" // of unlisted companies: total equity and debt
	EVIC       = "evic"        // of listed ones: enterprise value including cash
	Revenue    = "revenue"
)

// Options say how a loan book is read. Columns of which the name is a default, in the
// comments, may be absent; one that is named otherwise must be there.
type Options struct {
	IDColumns   []string // that hold the borrowers' ids; the first one in the header is taken
	Denominator string   // EquityDebt, EVIC, Revenue or a header
	Currency    string   // of all amounts, three letters
	Outstanding string   // default outstanding; the column is needed
	Equity      string   // default equity; needed for EquityDebt, likewise
	Debt        string   // default debt
	EVIC        string   // default evic
	Revenue     string   // default revenue
	Score       string   // default score: data quality of a loan, 1 to 5
	Name        string   // default name: of the borrower
}

// The default of a column is its own name.
const (
	columnOutstanding = "outstanding"
	columnEquity      = "equity"
	columnDebt        = "debt"
	columnScore       = "score"
	columnName        = "name"
	columnCurrency    = "currency"
)

// Loan is a row of a book.
type Loan struct {
	Row         int // the line on which it begins, the header being 1
	Borrower    int // index of Book.Borrowers
	Outstanding *big.Rat
	Score       int // 0: the loan has none of its own
}

// Borrower is an entity of a book with all its loans.
type Borrower struct {
	ID, Name       string
	Row            int // of its first loan
	Outstanding    *big.Rat
	Denominator    *big.Rat // nil: the book has none
	NegativeEquity bool     // its equity was below nothing, and counts as nothing
}

// Factor is the attribution factor; nil: nothing can be attributed.
func (b Borrower) Factor() *big.Rat {
	if b.Denominator == nil {
		return nil
	}
	return new(big.Rat).Quo(b.Outstanding, b.Denominator)
}

// Book is a loan book: loans in the order of the file, borrowers in that of their first loans.
type Book struct {
	Loans     []Loan
	Borrowers []Borrower
}

// Outstanding is the sum over those loans that are asked for.
func (b *Book) Outstanding(of func(Loan) bool) *big.Rat {
	sum := new(big.Rat)
	for _, l := range b.Loans {
		if of(l) {
			sum.Add(sum, l.Outstanding)
		}
	}
	return sum
}

// Read reads a loan book from a file of any kind that a publisher's may be. What is wrong
// with it is *panel.Errors with rows and columns, and nothing is returned.
func Read(ctx context.Context, f panel.File, o Options) (*Book, error) {
	r := &bookReader{options: o, file: f.Name}
	r.Discard()
	if err := table.Read(ctx, f, table.Options{Wanted: []string{o.Outstanding}}, r); err != nil {
		return nil, err
	}
	r.complete()
	if len(r.book.Loans) == 0 && r.faults.Total == 0 {
		r.fault(0, "", "the file has no loans", "want one in a row")
	}
	if r.faults.Total > 0 {
		return nil, &r.faults
	}
	return r.book, nil
}

// amount is one that a borrower may have in several rows, which must agree.
type amount struct {
	column string
	value  *big.Rat
	row    int
}

type bookReader struct {
	options Options
	file    string
	book    *Book
	index   map[string]int // id → borrower
	amounts [][]amount     // of each borrower, in the order of parts
	columns struct {
		id, outstanding, score, name, currency int // −1: none
		parts                                  []int
	}
	parts  []string // columns that the denominator is the sum of
	faults panel.Errors
}

var _ table.Sink = (*bookReader)(nil)

// maxFaults is how many faults are listed.
const maxFaults = 20

func (r *bookReader) fault(row int, column, message, want string) {
	if r.faults.Total++; len(r.faults.List) < maxFaults {
		r.faults.List = append(r.faults.List, &panel.DataError{File: r.file, Row: row, Column: column, Message: message, Want: want})
	}
}

// Begin implements table.Sink.
func (r *bookReader) Begin(h table.Head) bool {
	r.Discard()
	for i, n := range h.Names {
		if n != "" && slices.Index(h.Names, n) < i {
			r.fault(h.Row, n, "stands in the header twice", "every column has its own name")
		}
	}
	find := func(name string, needed bool) int {
		at := slices.Index(h.Names, name)
		if at < 0 && needed {
			want := fmt.Sprintf("the file has %s", panel.Quoted(h.Names))
			if near := suggest.Nearest(name, h.Names); near != "" {
				want = fmt.Sprintf("did you mean %q?", near)
			}
			r.fault(h.Row, name, "is not in the header", want)
		}
		return at
	}
	o := r.options
	r.columns.id = -1
	for _, name := range o.IDColumns {
		if r.columns.id = slices.Index(h.Names, name); r.columns.id >= 0 {
			break
		}
	}
	if r.columns.id < 0 {
		find(o.IDColumns[0], true)
	}
	switch o.Denominator {
	case EquityDebt:
		r.parts = []string{o.Equity, o.Debt}
	case EVIC:
		r.parts = []string{o.EVIC}
	case Revenue:
		r.parts = []string{o.Revenue}
	default:
		r.parts = []string{o.Denominator}
	}
	r.columns.outstanding = find(o.Outstanding, true)
	for _, p := range r.parts {
		r.columns.parts = append(r.columns.parts, find(p, true))
	}
	r.columns.score, r.columns.name = find(o.Score, o.Score != columnScore), find(o.Name, o.Name != columnName)
	r.columns.currency = find(columnCurrency, false)
	return r.faults.Total == 0
}

// Row implements table.Sink.
func (r *bookReader) Row(fields []string, line int) error {
	if len(r.book.Loans) == catalog.MaxRegistryRows {
		r.fault(line, "", fmt.Sprintf("more than %d loans", catalog.MaxRegistryRows), "add up the loans of a borrower")
		return table.ErrEnough
	}
	cell := func(at int) string {
		if at < 0 || at >= len(fields) {
			return ""
		}
		return panel.CleanText(fields[at])
	}
	o, before := r.options, r.faults.Total
	id := cell(r.columns.id)
	if id == "" {
		r.fault(line, "", "the borrower's id is empty", "")
	}
	if currency := cell(r.columns.currency); r.columns.currency >= 0 && currency != o.Currency {
		r.fault(line, columnCurrency, fmt.Sprintf("%.20q, and the book is declared to be in %s", currency, o.Currency), "convert the amounts: nothing is converted here")
	}
	loan := Loan{Row: line, Outstanding: r.number(cell(r.columns.outstanding), line, o.Outstanding)}
	if v := loan.Outstanding; v != nil && v.Sign() < 0 {
		r.fault(line, o.Outstanding, fmt.Sprintf("%.40q is negative", cell(r.columns.outstanding)), "want what the borrower owes, from 0")
	}
	if text := cell(r.columns.score); text != "" {
		score, err := strconv.Atoi(text)
		if err != nil || score < 1 || score > 5 {
			r.fault(line, o.Score, fmt.Sprintf("%.20q is no data-quality score", text), "want 1, the best, to 5")
		}
		loan.Score = score
	}
	own := make([]amount, len(r.parts))
	for i, p := range r.parts {
		if text := cell(r.columns.parts[i]); text != "" {
			own[i] = amount{column: p, value: r.number(text, line, p), row: line}
		}
	}
	if r.faults.Total > before {
		return nil
	}
	r.take(id, cell(r.columns.name), loan, own)
	return nil
}

// take adds a loan without faults of its own.
func (r *bookReader) take(id, name string, loan Loan, own []amount) {
	at, known := r.index[id]
	if !known {
		at = len(r.book.Borrowers)
		r.index[id] = at
		r.book.Borrowers = append(r.book.Borrowers, Borrower{ID: id, Row: loan.Row, Outstanding: new(big.Rat)})
		r.amounts = append(r.amounts, make([]amount, len(r.parts)))
	}
	b := &r.book.Borrowers[at]
	if b.Name == "" {
		b.Name = name
	}
	for i, a := range own {
		switch first := r.amounts[at][i]; {
		case a.value == nil:
		case first.value == nil:
			r.amounts[at][i] = a
		case first.value.Cmp(a.value) != 0:
			r.fault(loan.Row, a.column, fmt.Sprintf("is another for borrower %.80q than in row %d", id, first.row), "give a borrower's own figures once, or the same in every row")
		}
	}
	loan.Borrower = at
	b.Outstanding.Add(b.Outstanding, loan.Outstanding)
	r.book.Loans = append(r.book.Loans, loan)
}

// complete gives borrowers their denominators: the sum of their parts, or none where one is
// not there.
func (r *bookReader) complete() {
	for i := range r.amounts {
		b := &r.book.Borrowers[i]
		sum, row, column := new(big.Rat), 0, ""
		for _, a := range r.amounts[i] {
			if a.value == nil {
				sum = nil
				break
			}
			row, column = a.row, a.column
			switch {
			case a.column == r.options.Equity && r.options.Denominator == EquityDebt && a.value.Sign() < 0:
				b.NegativeEquity = true
				continue
			case a.value.Sign() < 0:
				r.fault(a.row, a.column, "is negative", "want a number from 0")
			}
			sum.Add(sum, a.value)
		}
		if sum != nil && sum.Sign() == 0 {
			r.fault(row, column, fmt.Sprintf("the denominator of borrower %.80q is 0", b.ID), "leave it empty where it is not known: the loan is then attributed nothing, and counted as such")
		}
		b.Denominator = sum
	}
}

// Fault implements table.Sink.
func (r *bookReader) Fault(line int, message, want string) { r.fault(line, "", message, want) }

// Faulty implements table.Sink.
func (r *bookReader) Faulty() bool { return r.faults.Total > 0 }

// Discard implements table.Sink.
func (r *bookReader) Discard() {
	r.book, r.index, r.amounts, r.faults = &Book{}, map[string]int{}, nil, panel.Errors{}
	r.columns.parts = nil
}

// plainAmount is an amount of money: no float has its digits.
var plainAmount = regexp.MustCompile(`^-?[0-9]{1,18}(\.[0-9]{1,9})?$`)

// number reads a number; nil, with a fault, where it is none.
func (r *bookReader) number(text string, line int, column string) *big.Rat {
	if plainAmount.MatchString(text) {
		if v, ok := decimal.ParseRat(text); ok {
			return v
		}
	}
	if text == "" {
		r.fault(line, column, "is empty", "want a number")
		return nil
	}
	r.fault(line, column, fmt.Sprintf("%.40q is not a plain number", text), "want digits and a point, such as 1250000.50: no marks between thousands, at most 9 decimals")
	return nil
}
