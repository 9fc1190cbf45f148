package buyer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/pcaf"
	"github.com/weirdata/weir/compute/table"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/financed"
	"github.com/weirdata/weir/node/desk/route"
)

// BookQuestion is how a loan book is asked about: as weir portfolio pcaf with the flags of these names.
type BookQuestion struct {
	File        string   `json:"file"` // its name: the ending tells what it is
	Dataset     string   `json:"dataset"`
	Measures    []string `json:"measures"`
	Period      string   `json:"period"`
	Denominator string   `json:"denominator"`
	Currency    string   `json:"currency"`
	List        string   `json:"list"` // the name of the private list that is registered of it
	Contract    string   `json:"contract,omitempty"`
	Epsilon     string   `json:"epsilon,omitempty"` // asks with noise; empty: exactly
	Bits        int      `json:"bits,omitempty"`
	Decimals    int      `json:"decimals,omitempty"`
	// Columns of the book, where they are called otherwise than the fields.
	IDColumn    string `json:"id_column,omitempty"`
	Outstanding string `json:"outstanding,omitempty"`
	Equity      string `json:"equity,omitempty"`
	Debt        string `json:"debt,omitempty"`
	EVIC        string `json:"evic,omitempty"`
	Revenue     string `json:"revenue,omitempty"`
	Score       string `json:"score,omitempty"`
	Borrower    string `json:"borrower,omitempty"` // its name
}

// Book is a loan book's file, and how it is asked about.
type Book struct {
	BookQuestion
	Bytes []byte `json:"bytes"` // in base64
}

// bookBits and bookDecimals are of factors as weights, where nobody says another: those of the command.
const (
	bookBits     = 20
	bookDecimals = 6
)

var currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)

// options are how the book is asked about, or what is wrong with the fields.
func (f Book) options() (financed.Options, error) {
	file, err := dropped(f.File, f.Bytes, "drop a file with a loan in a row", "use `weir portfolio pcaf` in a terminal")
	switch {
	case err != nil:
		return financed.Options{}, err
	case f.Dataset == "":
		return financed.Options{}, route.BadField("dataset", "no dataset is chosen", "choose the one with the emissions")
	case len(f.Measures) == 0 || len(f.Measures) > maxBookMeasures:
		return financed.Options{}, route.BadField("measures", "no measure is chosen, or too many", "choose the measures of emissions")
	case f.Period == "":
		return financed.Options{}, route.BadField("period", "no period is named", "name the year of the emissions, such as 2024")
	case f.Denominator == "":
		return financed.Options{}, route.BadField("denominator", "nobody said what an outstanding amount is a part of", "choose equity_debt for unlisted borrowers, evic for listed ones")
	case !currencyForm.MatchString(f.Currency):
		return financed.Options{}, route.BadField("currency", fmt.Sprintf("%.20q is no currency", f.Currency), "want three letters, such as CNY")
	case !catalog.IsName(f.List):
		return financed.Options{}, route.BadField("list", fmt.Sprintf("%.40q is no name of a portfolio", f.List), "want a letter, then letters, digits and _, all lower case")
	}
	o := financed.Options{
		Data: file, IDColumn: f.IDColumn, Dataset: f.Dataset, Measures: f.Measures, Period: f.Period, Name: f.List, Bits: f.Bits, Decimals: f.Decimals,
		Query: ask.Options{Contract: f.Contract, Epsilon: f.Epsilon},
		Book: pcaf.Options{
			Denominator: f.Denominator, Currency: f.Currency, Outstanding: cmp.Or(f.Outstanding, "outstanding"), Equity: cmp.Or(f.Equity, "equity"), Debt: cmp.Or(f.Debt, "debt"),
			EVIC: cmp.Or(f.EVIC, "evic"), Revenue: cmp.Or(f.Revenue, "revenue"), Score: cmp.Or(f.Score, "score"), Name: cmp.Or(f.Borrower, "name"),
		},
	}
	if o.Bits == 0 {
		o.Bits, o.Decimals = bookBits, bookDecimals
	}
	if o.Bits < 1 || o.Bits > 32 || o.Decimals < 0 || o.Decimals > 9 {
		return o, route.BadField("bits", fmt.Sprintf("factors cannot have %d bits and %d decimals", o.Bits, o.Decimals), "want 1 to 32 bits, and 0 to 9 decimals")
	}
	return o, nil
}

// maxBookMeasures is how many measures one query asks for.
const maxBookMeasures = 8

// BookPreview is what asking about a loan book would do, before anything of it is sent.
type BookPreview struct {
	Header []string    `json:"header"`
	Total  int         `json:"total"`  // rows of the file
	Rows   []ListRow   `json:"rows"`   // the first of them, and those in which something is wrong
	Faults []ListFault `json:"faults"` // of the file as a whole
	Wrong  int         `json:"wrong"`  // faults of rows that cannot be read

	Preview *financed.Preview `json:"preview,omitempty"` // absent: the file cannot be read; its loans are in Rows
	Refused *wire.Problem     `json:"refused,omitempty"` // why nothing would be answered
	Ready   bool              `json:"ready"`             // it can be asked
}

// In is the preview with its sentences in a language. Rare ones stay in English.
func (out BookPreview) In(l explain.Language) BookPreview {
	out.Faults, out.Refused = faultsIn(l, out.Faults), route.In(l, out.Refused)
	out.Rows = slices.Clone(out.Rows)
	for i, r := range out.Rows {
		out.Rows[i].Faults = faultsIn(l, r.Faults)
	}
	if p := out.Preview; p != nil {
		told := *p
		told.Report, out.Preview = reportIn(l, p.Report), &told
	}
	return out
}

// reportIn is a report with its notes in a language.
func reportIn(l explain.Language, r *financed.Report) *financed.Report {
	if r == nil {
		return nil
	}
	out := *r
	out.Notes = make([]string, len(r.Notes))
	for i, n := range r.Notes {
		out.Notes[i] = route.FaultIn(l, n)
	}
	return &out
}

// booked is a loan book as the body of a request.
type booked struct{ Body Book }

// loanBooks tells the financed emissions of loan books.
type loanBooks struct {
	client *client.Client
	dir    string // of what this machine keeps
	jobs   *books
}

func newLoanBooks(c *client.Client, dir string, show func(context.Context, *ask.Result) Answer) *loanBooks {
	s := &loanBooks{client: c, dir: dir}
	s.jobs = newBooks(s.ask, show)
	return s
}

func (s *loanBooks) preview(ctx context.Context, in booked) (BookPreview, error) {
	o, err := in.Body.options()
	if err != nil {
		return BookPreview{}, err
	}
	if s.client.Key() == nil {
		return BookPreview{}, client.ErrNoKey
	}
	o.Directory = s.dir
	p, err := financed.Try(ctx, s.client, o)
	faults, unreadable := errors.AsType[*panel.Errors](err)
	if err != nil && !unreadable {
		return BookPreview{}, bookProblem(err)
	}
	out := BookPreview{Faults: []ListFault{}}
	marks, loans := map[int]ListRow{}, map[int]financed.Loan{}
	state := RowOpen
	if unreadable {
		out.Wrong = faults.Total
		for _, e := range faults.List {
			f := ListFault{Row: e.Row, At: -1, Message: e.Message, Want: e.Want, column: e.Column}
			if e.Row < 1 {
				out.Faults = append(out.Faults, f)
				continue
			}
			m := marks[e.Row]
			m.State, m.Faults = RowWrong, append(m.Faults, f)
			marks[e.Row] = m
		}
	} else {
		state = RowTaken
		for _, l := range p.Loans {
			if loans[l.Row] = l; l.State != financed.LoanTaken {
				marks[l.Row] = ListRow{State: RowState(l.State)}
			}
		}
		if p.Refused != nil {
			out.Refused = route.In(route.Language(ctx), route.ProblemOf(bookProblem(p.Refused)))
		}
		out.Ready = p.Refused == nil
		short := *p
		short.Loans = nil
		out.Preview = &short
	}
	t, err := tableOf(ctx, o.Data, table.Options{Wanted: []string{o.Book.Outstanding}}, marks, state)
	if err != nil {
		return BookPreview{}, bookProblem(err)
	}
	out.Header, out.Rows, out.Total = t.header, t.rows, t.count
	if m, wrong := marks[t.line]; wrong { // the header is no row of the table
		out.Faults = append(out.Faults, m.Faults...)
	}
	for i := range out.Faults {
		f := &out.Faults[i]
		if f.At = t.column(f.column); f.At < 0 && f.column != "" {
			f.Column = f.column
		}
	}
	for i, r := range out.Rows {
		for j := range r.Faults {
			r.Faults[j].At = t.column(r.Faults[j].column)
		}
		l := loans[r.Row]
		out.Rows[i].Factor, out.Rows[i].Piece, out.Rows[i].Near = l.Factor, l.Piece, l.Near
	}
	return out, nil
}

// bookProblem is what was wrong with a book or its question, in words for its form; nil: nothing was.
func bookProblem(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, financed.ErrInput) {
		return route.BadField("measures", strings.TrimPrefix(err.Error(), financed.ErrInput.Error()+": "), "change the question, or mend the book")
	}
	if _, refused := client.IsRefused(err); refused {
		return err
	}
	return portfolioProblem(err)
}
