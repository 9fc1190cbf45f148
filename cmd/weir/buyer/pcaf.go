package buyer

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/financed"
	"github.com/weirdata/weir/node/client/portfolio"
)

// financedQuestion is a loan book and how it is asked about.
type financedQuestion struct {
	*cli.App
	options financed.Options
	asOf    string
	receipt string
	partial bool
	explain bool
	timeout time.Duration
}

var currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)

func newPortfolioPCAFCommand(a *cli.App) *cobra.Command {
	q := financedQuestion{App: a}
	o := &q.options
	cmd := &cobra.Command{
		Use:   "pcaf LOANS.csv --dataset ID --measure NAME --period YEAR --denominator equity_debt --currency CNY",
		Short: "financed emissions of a loan book, by the PCAF Standard",
		Long: `Attributes the emissions of a year to a loan book by the PCAF Standard, Part A, 2nd
edition (2022), 5.2: of every borrower the part that its outstanding amount is of its
equity and debt (or of its enterprise value including cash, where it is listed). No node
learns who borrows, or how much.

The file has a loan in a row: the borrower's id, outstanding, and equity and debt, or evic,
or another column that --denominator names. Loans of one borrower add up. score is a
loan's own data quality, 1 to 5; without it a loan has that of the measure's option.
Negative amounts are refused, attribution above 1 is warned of. Nothing is converted:
all amounts are in the one --currency.

The borrowers are sorted into at most 16 private pieces by their attribution factors, and
the nodes sum each piece exactly: with no more factors than pieces the figure is exact,
else it is given with the bounds between which it lies. Before anything is asked this
machine tests what the nodes will test, and takes fewer pieces where many would fail it:
as list NAME_N, of N pieces, where the book is registered already as the list NAME. A month of a measure is answered for one list of yours, ever: ask with the book that you
will keep. With --epsilon the factors are private weights instead, and the figure carries
noise; any book can be asked so.

With --explain nothing is registered or asked: it says what is read of the book, each
loan's factor and piece, what the answer would have and cost, and what nodes are told.

Beside the figure stand how much of the book it covers, by number and by amount, with
the loans that it does not cover and what was probably meant; the data quality, weighted
by outstanding amounts; and the tonnes per million outstanding. The exit status is 4
when some loan is not covered, and 0 then with --partial.`,
		Example: `  weir portfolio pcaf loans.csv --dataset enterprise_monthly --measure co2_t --period 2024 \
    --denominator equity_debt --currency CNY --dir /tmp/weir
  weir portfolio pcaf bonds.csv --dataset enterprise_monthly --measure co2_t --period 2024 \
    --denominator evic --currency CNY --epsilon 1 --dir /tmp/weir -o json`,
		Args: cli.Exactly(1, "a file of loans"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := q.check(cmd); err != nil {
				return err
			}
			o.Data = cli.OpenFile(args[0])
			ctx, cancel := context.WithTimeout(cmd.Context(), q.timeout)
			defer cancel()
			if q.explain {
				return explainTimeout(ctx, q.timeout, q.preview(ctx, cmd))
			}
			return explainTimeout(ctx, q.timeout, q.ask(ctx, cmd))
		},
	}
	q.flags(cmd)
	return cli.CompleteFiles(cmd, "csv", "gz", "xlsx", "parquet")
}

func (q *financedQuestion) flags(cmd *cobra.Command) {
	o, flags := &q.options, cmd.Flags()
	flags.StringVar(&o.Dataset, "dataset", "", "dataset with the emissions")
	flags.StringSliceVar(&o.Measures, "measure", nil, "`measures` of emissions, each with figures of its own")
	flags.StringVar(&o.Period, "period", "", "`year` of the emissions, or another period")
	flags.StringVar(&o.Book.Denominator, "denominator", "", "what factors are of: equity_debt, evic, revenue, or a `column`")
	flags.StringVar(&o.Book.Currency, "currency", "", "the `currency` of all amounts, such as CNY")
	flags.StringVar(&o.IDColumn, "id-column", "", "`column` with the borrowers' ids; default: what the registry calls it, or entity")
	for _, c := range []struct {
		to         *string
		name, what string
	}{
		{&o.Book.Outstanding, "outstanding", "what is owed"}, {&o.Book.Equity, "equity", "the borrower's equity"}, {&o.Book.Debt, "debt", "the borrower's debt"},
		{&o.Book.EVIC, "evic", "the enterprise value including cash"}, {&o.Book.Revenue, "revenue", "the revenue"},
		{&o.Book.Score, "score", "a loan's data quality"}, {&o.Book.Name, "name", "the borrower's name, by which ids are suggested"},
	} {
		flags.StringVar(c.to, c.name, c.name, "`column` with "+c.what)
	}
	flags.StringVar(&o.Name, "list", "pcaf", "`name` of the private list that is registered of the book")
	flags.StringVar(&o.Query.Contract, "contract", "", "contract to ask under; default: your only one that covers it")
	flags.StringVar(&q.asOf, "as-of", "", "answer as of version `V`; auto: the newest that passes the list's test; default: the newest")
	flags.StringVar(&o.Query.Epsilon, "epsilon", "", "ask with noise, with the factors as private weights")
	flags.StringVar(&o.Query.Delta, "delta", "", "with --epsilon: Gaussian noise that may fail its promise with that probability")
	flags.IntVar(&o.Bits, "bits", 20, "with --epsilon: bits of the largest factor, to which the noise is scaled")
	flags.IntVar(&o.Decimals, "decimals", 6, "with --epsilon: digits after the point that factors are rounded to")
	flags.BoolVar(&q.explain, "explain", false, "say what is read of the book, its factors, and what would be released, cost and told; register and ask nothing")
	flags.BoolVar(&q.partial, "partial", false, "exit 0 although loans are not covered")
	flags.BoolVar(&o.Query.Fresh, "fresh", false, "ask the nodes even if this machine has the answer, of the last 24 hours")
	flags.StringVar(&q.receipt, "receipt", "", "`file` to write the query's receipt to, for weir evidence verify")
	flags.DurationVar(&q.timeout, "timeout", defaultTimeout, "how long to wait for the answer")
	q.CompleteFlag(cmd, "dataset", cli.DatasetNames)
	q.CompleteFlag(cmd, "contract", cli.ContractNames)
}

// check refuses flags that do not make a question.
func (q *financedQuestion) check(cmd *cobra.Command) error {
	o, changed := &q.options, cmd.Flags().Changed
	for _, needed := range []struct {
		missing    bool
		flag, want string
	}{
		{o.Dataset == "", "dataset", "the dataset with the emissions"}, {len(o.Measures) == 0, "measure", "the measure of emissions"}, {o.Period == "", "period", "the year of the emissions"},
		{o.Book.Denominator == "", "denominator", "what an outstanding amount is a part of: equity_debt of unlisted borrowers, evic of listed ones"},
		{o.Book.Currency == "", "currency", "the currency of all amounts"},
	} {
		if needed.missing {
			return cli.Usagef(cmd, "--%s is needed: %s", needed.flag, needed.want)
		}
	}
	switch {
	case !currencyForm.MatchString(o.Book.Currency):
		return cli.Usagef(cmd, "--currency is %q, want three letters, such as CNY", o.Book.Currency)
	case !panel.IsName(o.Name):
		return cli.Usagef(cmd, "--list is %q, want a letter, then letters, digits and _, all lower case", o.Name)
	case !panel.IsName(o.Dataset):
		return cli.Usagef(cmd, "--dataset is %q, which is no dataset's name", o.Dataset)
	case o.Query.Epsilon == "" && (o.Query.Delta != "" || changed("bits") || changed("decimals")):
		return cli.Usagef(cmd, "--delta, --bits and --decimals need --epsilon")
	case o.Bits < 1 || o.Bits > 32 || o.Decimals < 0 || o.Decimals > 9:
		return cli.Usagef(cmd, "--bits is %d and --decimals is %d, want 1 to 32 and 0 to 9", o.Bits, o.Decimals)
	case q.timeout <= 0:
		return cli.Usagef(cmd, "--timeout is %s, want more than 0", q.timeout)
	}
	if err := readAsOf(cmd, q.asOf, &o.Query); err != nil {
		return err
	}
	return checkReceiptPath(cmd, q.receipt)
}

// ask asks and prints the report.
func (q *financedQuestion) ask(ctx context.Context, cmd *cobra.Command) error {
	return q.With(cli.Buyer, func(c *client.Client) error {
		o := q.options
		o.Directory, o.Query.Keep, o.Query.Store = q.RecordDir(), q.RecordDir(), q.RecordDir()
		o.Keep = func(p portfolio.Options) (portfolio.Registered, error) {
			q.IfInterrupted("nothing was asked, and nothing is charged; see with `weir portfolio list` whether %s was registered", p.Name)
			return keepPortfolio(ctx, q.App, c, p)
		}
		o.Told = q.tell
		o.Query.Asked = func(id string, again bool) { noteAsked(q.App, id, again) }
		r, answer, err := financed.Ask(ctx, c, o)
		if err != nil {
			return bookError(cmd, err)
		}
		var failed error
		if q.receipt != "" {
			if failed = keepReceipt(ctx, c, answer, q.receipt); failed == nil {
				r.Receipt = answer.Table.Receipt
			}
		}
		if err := q.print(r); err != nil {
			return err
		}
		asked := question{App: q.App}
		if err := asked.account(ctx, c, answer); err != nil {
			return err
		}
		q.Note("query %s, entry %d of the evidence log", answer.Query.ID, answer.Receipt.Seq)
		if failed == nil && !q.partial && !r.Whole() {
			return cli.ErrNotWhole
		}
		return failed
	})
}

// bookError is an error of asking about a book.
func bookError(cmd *cobra.Command, err error) error {
	if errors.Is(err, financed.ErrInput) {
		return cli.Usagef(cmd, "%s", strings.TrimPrefix(err.Error(), financed.ErrInput.Error()+": "))
	}
	return err
}

// preview prints what would be asked.
func (q *financedQuestion) preview(ctx context.Context, cmd *cobra.Command) error {
	return q.With(cli.Buyer, func(c *client.Client) error {
		o := q.options
		o.Directory = q.RecordDir()
		p, err := financed.Try(ctx, c, o)
		if err != nil {
			return bookError(cmd, err)
		}
		q.tell(p.Report)
		if p.Refused != nil {
			return bookError(cmd, p.Refused)
		}
		if q.Output == cli.CSV {
			s := term.Table{Head: []string{"row", "id", "outstanding", "factor", "piece", "state"}}
			for _, l := range p.Loans {
				s.Add(strconv.Itoa(l.Row), l.ID, l.Outstanding, l.Factor, l.Piece, string(l.State))
			}
			return q.Print(p, s)
		}
		return q.Print(p, previewTable(p))
	})
}

// mostLoans is how many loans a preview has in a table.
const mostLoans = 50

// previewTable is a preview, one thing below the other.
func previewTable(p *financed.Preview) term.Table {
	r := p.Report
	s := term.Table{Head: []string{"what", "value"}}
	s.Add("standard", r.Standard)
	s.Add("denominator", r.Denominator)
	for i, l := range p.Loans {
		if i == mostLoans {
			s.Add("loan", fmt.Sprintf("and %d more; -o csv has all", len(p.Loans)-i))
			break
		}
		text := l.ID + ", " + l.Outstanding + " outstanding"
		text += map[financed.LoanState]string{
			financed.LoanTaken: ", factor " + l.Factor, financed.LoanUnknown: ": " + financed.WhyUnknown, financed.LoanNoShare: ": " + financed.WhyDenominator, financed.LoanNothing: ": nothing is owed",
		}[l.State]
		if l.Piece != "" {
			text += ", piece " + l.Piece
		}
		s.Add(fmt.Sprintf("row %d", l.Row), text)
	}
	for _, x := range r.Pieces {
		s.Add("piece "+x.Piece, pieceText(r, x))
	}
	for _, n := range r.Notes {
		s.Add("note", n)
	}
	s.AddIf(r.Rounding != "", "rounding of factors", r.Rounding+" at most")
	s.Add("query", p.SQL)
	s.AddIf(p.Unweighted, "what follows", "is of the same sums without weights, which cost as much: weights have to be registered first")
	addExplained(&s, *p.Explain)
	if t := p.Told; t != nil {
		s.Add("everybody would be told", fmt.Sprintf("that you have a list %s on registry %s, with a share for each of its %d entities", t.Name, t.Registry, t.Entities))
		s.AddIf(t.Pieces > 0, "everybody would be told", english.Plural(t.Pieces, "piece", "pieces"))
		s.AddIf(t.Bits > 0, "everybody would be told", fmt.Sprintf("weights of at most %d bits with %d decimals", t.Bits, t.Decimals))
		s.AddIf(t.Bound != "", "everybody would be told", "no weight times its entity's cap is above "+t.Bound)
		s.Add("nobody would be told", "who borrows, how many borrow, how much, their factors, which piece they are in, and the file")
	}
	return s
}

// mostUnmatched is how many loans that are not covered are told of beside the table.
const mostUnmatched = 20

// tell says, before there are figures, what will not be in them.
func (q *financedQuestion) tell(r *financed.Report) {
	l := r.List
	state := "registered"
	switch {
	case l.Existed:
		state = "registered before of the same book"
	case q.explain:
		state = "not registered yet"
	}
	what := english.Plural(l.Pieces, "piece", "pieces")
	if r.Method == financed.MethodWeights {
		what = fmt.Sprintf("weights of %d bits with %d decimals", l.Bits, l.Decimals)
	}
	q.Note("list %s version %d, %s, %s", l.Name, l.Version, what, state)
	if l.Version > 1 && !l.Existed && r.Method == financed.MethodPieces {
		q.Note(otherVersion)
	}
	c := r.Coverage
	q.Note("%d of %d loans are in the registry, %s %% of the outstanding amount; %d have a factor, %s %%", c.LoansMatched, c.Loans, c.ShareMatched, c.LoansAttributed, c.ShareAttributed)
	for i, u := range r.Unmatched {
		if i == mostUnmatched {
			q.Note("and %d more; -o json has all", len(r.Unmatched)-i)
			break
		}
		q.Note("%s", unmatchedText(u))
	}
	q.NoteEach("%s", previewLines(r.Preview()))
}

// unmatchedText says of a loan why it is not covered.
func unmatchedText(u financed.Unmatched) string {
	text := fmt.Sprintf("row %d, %s", u.Row, u.ID)
	if u.Name != "" {
		text += " (" + u.Name + ")"
	}
	text += fmt.Sprintf(", %s outstanding: %s", u.Outstanding, u.Why)
	if len(u.Near) > 0 {
		text += "; did you mean " + strings.Join(u.Near, " or ") + "?"
	}
	return text
}

// print prints a report: as a table what it says one below the other, as CSV a measure a
// line.
func (q *financedQuestion) print(r *financed.Report) error {
	q.Printed = true
	if q.Output == cli.CSV {
		head, lines := r.Lines()
		return q.Print(r, term.Table{Head: head, Rows: lines})
	}
	s := term.Table{Head: []string{"what", "value"}}
	s.Add("standard", r.Standard)
	data := r.Dataset
	if r.AsOf > 0 {
		data += fmt.Sprintf(", as of version %d", r.AsOf)
	}
	s.Add("emissions", data+", "+r.Period)
	s.AddIf(len(r.NotThere) > 0, "not published", strings.Join(r.NotThere, ", "))
	s.Add("denominator", r.Denominator)
	for _, m := range r.Measures {
		addMeasure(&s, r, m)
	}
	c := r.Coverage
	s.Add("loans covered", fmt.Sprintf("%d of %d, of %d of %d borrowers", c.LoansAttributed, c.Loans, c.BorrowersAttributed, c.Borrowers))
	s.Add("outstanding covered", fmt.Sprintf("%s of %s %s (%s %%)", c.Attributed, c.Outstanding, r.Currency, c.ShareAttributed))
	for i, u := range r.Unmatched {
		if i == mostUnmatched {
			s.Add("not covered", fmt.Sprintf("and %d more", len(r.Unmatched)-i))
			break
		}
		s.Add("not covered", unmatchedText(u))
	}
	for _, p := range r.Pieces {
		s.Add("piece "+p.Piece, pieceText(r, p))
	}
	for _, n := range r.Notes {
		s.Add("note", n)
	}
	s.Add("query", r.Query)
	return q.Print(r, s)
}

// addMeasure adds the figures of a measure.
func addMeasure(s *term.Table, r *financed.Report, m financed.Measure) {
	name := m.Measure
	if m.Scope != "" {
		name += ", scope " + m.Scope
	}
	figure := m.Financed + " t"
	switch {
	case m.Interval95 != "":
		figure += " ± " + m.Interval95
	case m.Exact:
		figure += ", exact"
	case m.Least != "":
		figure += fmt.Sprintf(", between %s and %s", m.Least, m.Most)
	}
	s.Add("financed "+name, figure)
	s.AddIf(m.Intensity != "", "intensity "+name, fmt.Sprintf("%s t per million %s, of %s outstanding", m.Intensity, r.Currency, m.Outstanding))
	s.AddIf(m.Score != "", "data quality "+name, m.Score+", weighted by outstanding amounts; 1 is the best, 5 the worst")
	if p := m.Present; p != nil {
		s.Add("borrowers in it", fmt.Sprintf("%d in every period, %d in some, %d in none; %s %% of the outstanding amount", p.Whole, p.Some, p.None, m.Share))
	}
}

// pieceText says what a piece is.
func pieceText(r *financed.Report, p financed.Piece) string {
	text := english.Plural(p.Borrowers, "borrower", "borrowers") + ", factor " + p.Mean
	if p.Least != p.Most {
		text += fmt.Sprintf(" (%s to %s)", p.Least, p.Most)
	}
	for _, m := range r.Measures {
		text += fmt.Sprintf(", %s %s t", m.Measure, p.Emissions[m.Measure])
	}
	return text
}
