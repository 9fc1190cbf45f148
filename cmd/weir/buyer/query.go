package buyer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/client/exchange"
)

// defaultTimeout is longer than three attempts of a large query take.
const defaultTimeout = 10 * time.Minute

// byteOrderMark is that of UTF-8.
const byteOrderMark = "\ufeff"

// question is a query, how it is asked and its private portfolio.
type question struct {
	*cli.App
	sql     string
	options ask.Options
	private privateFlag
	receipt string // the file for it; empty: none
	bom     bool   // a byte order mark before CSV
	plot    bool   // bars and lines in place of the table
}

// NewQueryCommand returns the command that asks a query.
func NewQueryCommand(a *cli.App) *cobra.Command {
	q := question{App: a}
	o, private := &q.options, &q.private
	var explain bool
	var asOf string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:     "query SQL",
		GroupID: cli.ForBuyers,

		Annotations: map[string]string{cli.PrintsFiles: "yes"},
		Short:       "ask an aggregate query on encrypted readings",
		Long: `Compiles the SQL here, signs the request, and waits until enough nodes have sealed
their shares of the answer to your key. The shares are opened, added and checked
on this machine; no node sees the figure. SQL of "-" is read from stdin.

With --epsilon every node of the active set adds noise to its share, so that one
honest node's noise is enough; figures come with their 95 % interval, and the
epsilon is charged to the contract and to the family of datasets.

With entity IN PRIVATE(NAME) it is over the entities of your portfolio NAME alone, and
no node learns which they are. --private NAME=FILE.csv registers the portfolio when
the file is new or changed.

A row of protected data is over the entities that its policy may release, and says of how
many of those that count. One that covers less than the policy's min_coverage is withheld,
unless --partial asks for it. The exit status is 4 when groups were withheld or rows are
not whole, and 0 then with --partial; --complete refuses the query instead. Corrections
that are published and not in a figure yet are counted; --as-of V answers as of version V,
as it was before later ones.

A product of two datasets is as of two versions that were the newest at the same time: the
newest such pair, or with --as-of or --join-as-of the newest that has this version. What
later versions changed of too few entities is that of the pair before.

It says what was charged and what is left of the contract. The same exact query on the
same version is answered for 24 hours from this machine's own store, or else by the nodes
with the answer of before, free, and says so; --fresh has it recorded and answered anew.

With --verify every set of nodes that opens together opens the answer, of one or two nodes
more than a set has, and the sets' figures are compared here. Of one node more a node that
lies is noticed, and no figure printed; of two more it is outvoted, and mostly named. It is
for exact figures without private lists and products, and takes each set's work and wear of
the key; repeats are not free.

Without --contract it runs under your only contract that covers it. With --explain
it says what would be released, and nothing is charged.`,
		Example: `  weir query --dir /tmp/weir "SELECT station, AVG(pm25) FROM beijing_air WHERE period = '2016' GROUP BY station"`,
		Args:    cli.Exactly(1, "one argument, the SQL in quotes"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if timeout <= 0 {
				return cli.Usagef(cmd, "--timeout is %s, want more than 0", timeout)
			}
			if q.bom && a.Output != cli.CSV {
				return cli.Usagef(cmd, "--bom is for -o csv")
			}
			if q.plot && a.Output != cli.Table {
				return cli.Usagef(cmd, "--plot draws in a terminal, and excludes -o %s", a.Output)
			}
			if o.Complete && o.Partial {
				return cli.Usagef(cmd, "--complete excludes --partial: it refuses what that asks for")
			}
			if err := readAsOf(cmd, asOf, o); err != nil {
				return err
			}
			if o.JoinAsOf < 0 || o.JoinAsOf == 0 && cmd.Flags().Changed("join-as-of") {
				return cli.Usagef(cmd, "--join-as-of is %d, want the number of a version", o.JoinAsOf)
			}
			if o.Delta != "" && o.Epsilon == "" {
				return cli.Usagef(cmd, "--delta needs --epsilon")
			}
			if o.Verify && o.Epsilon != "" {
				return cli.Usagef(cmd, "--verify excludes --epsilon: noised answers are not checked, as the sets' sums would give single nodes' noise away")
			}
			if err := private.check(cmd); err != nil {
				return err
			}
			if err := q.readSQL(args[0]); err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			if explain && a.Output.IsFile() {
				return cli.Usagef(cmd, "-o %s is for figures, and --explain gives none", a.Output)
			}
			if explain {
				return explainTimeout(ctx, timeout, q.explain(ctx))
			}
			if err := checkReceiptPath(cmd, q.receipt); err != nil {
				return err
			}
			return explainTimeout(ctx, timeout, q.ask(ctx))
		},
	}
	private.flags(cmd)
	cmd.Flags().StringVar(&o.Contract, "contract", "", "contract to ask under; default: your only one that covers the query")
	cmd.Flags().StringVar(&o.JoinContract, "join-contract", "", "contract on the joined dataset; default: your only one that covers the query")
	cmd.Flags().BoolVar(&o.Complete, "complete", false, "refuse the query if any entity would be left out of a group")
	cmd.Flags().BoolVar(&o.Partial, "partial", false, "have rows too that cover less of their group than the policy's min_coverage, and exit 0 whatever is missing")
	cmd.Flags().StringVar(&asOf, "as-of", "", "answer as of version `V` of the dataset; auto: of a private selection the newest that passes its test; default: the newest")
	cmd.Flags().IntVar(&o.JoinAsOf, "join-as-of", 0, "likewise a `version` of the joined dataset, which was the newest together with that of --as-of; default: the newest that was")
	cmd.Flags().StringVar(&o.Epsilon, "epsilon", "", "ask for a differentially private answer: every figure carries noise for that privacy loss, at most 1, which is charged to the contract")
	cmd.Flags().StringVar(&o.Delta, "delta", "", "with --epsilon: Gaussian noise that may fail its promise with that probability, such as 1e-9; default: Laplace noise, which never does")
	cmd.Flags().BoolVar(&o.Verify, "verify", false, "have several sets of nodes open the answer, and compare theirs: a node that lies is noticed, with enough nodes outvoted")
	cmd.Flags().BoolVar(&q.plot, "plot", false, "draw the figures: a line of one period after the other, else bars")
	cmd.Flags().BoolVar(&q.bom, "bom", false, "with -o csv: for Excel: begin with a byte order mark, and names that look like formulas with '")
	cmd.Flags().BoolVar(&o.Fresh, "fresh", false, "have the query recorded and answered anew, though it was answered within 24 hours")
	cmd.Flags().BoolVar(&explain, "explain", false, "say what would be released and what it takes, and ask nothing")
	cmd.Flags().StringVar(&q.receipt, "receipt", "", "`file` to write the query's receipt to, for weir evidence verify")
	cmd.Flags().DurationVar(&timeout, "timeout", defaultTimeout, "how long to wait for the answer")
	a.CompleteFlag(cmd, "contract", cli.ContractNames)
	a.CompleteFlag(cmd, "join-contract", cli.ContractNames)
	return cmd
}

// asOfAuto is the value of --as-of that leaves the choice of the version to the client.
const asOfAuto = "auto"

// readAsOf reads --as-of.
func readAsOf(cmd *cobra.Command, text string, o *ask.Options) error {
	switch text {
	case "":
		return nil
	case asOfAuto:
		o.Newest = true
		return nil
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < 1 || strconv.Itoa(v) != text {
		return cli.Usagef(cmd, "--as-of is %q, want the number of a version or %s", text, asOfAuto)
	}
	o.AsOf = v
	return nil
}

// readSQL reads the argument of the command, or stdin for "-".
func (q *question) readSQL(argument string) error {
	q.sql = argument
	if argument != "-" {
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(q.Stdin, wire.MaxSQL+1))
	if err != nil {
		return fmt.Errorf("read the SQL: %w", err)
	}
	// Editors show no byte order mark, and count columns without it.
	q.sql = strings.TrimPrefix(string(b), byteOrderMark)
	return nil
}

// ask asks the query and prints the answer.
func (q *question) ask(ctx context.Context) error {
	return q.With(cli.Buyer, func(c *client.Client) error {
		if err := q.ensurePortfolio(ctx, c); err != nil {
			return cli.WithSQL(q.sql, err)
		}
		q.IfInterrupted("if the query was asked already, the same command within %d minutes takes it up again, and it is charged once", catalog.MaxEnvelopeAge/60_000)
		o := q.options
		o.Keep, o.Store = q.RecordDir(), q.RecordDir()
		o.Asked = func(id string, again bool) { noteAsked(q.App, id, again) }
		o.Listed = func(p *ask.Preview) { q.NoteEach("%s", previewLines(p)) }
		bar := q.NewProgress()
		o.States = noteAttempts(bar)
		stop, said := answering(ctx, bar, c, q.sql, &o), q.NoteWait("waiting for the nodes' answer")
		r, err := ask.Query(ctx, c, q.sql, o)
		said()
		stop()
		if err != nil {
			return cli.WithSQL(q.sql, err)
		}
		// The figure is printed even when there is no receipt: it was paid for.
		var failed error
		if q.receipt != "" {
			failed = keepReceipt(ctx, c, r, q.receipt)
		}
		if q.bom {
			if _, err := io.WriteString(q.Stdout, byteOrderMark); err != nil {
				return fmt.Errorf("print the result: %w", err)
			}
			r.Table.AsTexts()
		}
		if err := q.print(r.Table); err != nil {
			return err
		}
		if err := q.account(ctx, c, r); err != nil {
			return err
		}
		if q.Output == cli.Table {
			q.Note("query %s, entry %d of the evidence log", r.Query.ID, r.Receipt.Seq)
		}
		if failed == nil && !o.Partial && !r.Table.Whole() {
			return cli.ErrNotWhole
		}
		return failed
	})
}

// account says what the answer cost and what is left of the contract.
func (q *question) account(ctx context.Context, c *client.Client, r *ask.Result) error {
	if !r.Stored.IsZero() {
		q.Note("from this machine's own store, as the nodes answered at %s; it cost nothing, and --fresh asks anew", cli.FormatTime(r.Stored.UnixMilli()))
		return nil
	}
	k, err := exchange.Contract(ctx, c, r.Query.Submit.Contract)
	if err != nil {
		return fmt.Errorf("read what is left of the contract: %w", err)
	}
	if k.Buyer == k.Publisher { // of the owner of the data, who pays nobody
		return nil
	}
	q.Note("%s", accountWords(r, k))
	return nil
}

// accountWords are a sentence on what a query was charged and what its contract has left.
func accountWords(r *ask.Result, k catalog.Contract) string {
	cost := "it cost nothing"
	price, repeats := r.Cost()
	switch {
	case repeats != "":
		cost += ", as it repeats " + repeats
	case price != "":
		cost = "it cost " + price + " " + k.Currency()
	}
	var left []string
	if n, limited := k.QueriesLeft(); limited {
		left = append(left, english.Plural(n, "query", "queries"))
	}
	if budget, limited := k.BudgetLeft(); limited {
		left = append(left, strings.TrimSpace(budget+" "+k.Currency()))
	}
	if left == nil {
		return cost + "; contract " + k.ID + " has no limit"
	}
	return cost + "; contract " + k.ID + " has " + strings.Join(left, " and ") + " left"
}

// print prints a result, or draws it.
func (q *question) print(t *result.Table) error {
	if !q.plot {
		return printResult(q.App, t)
	}
	q.Printed = true
	columns := term.Columns(q.Stdout)
	if columns == 0 {
		columns = term.DefaultColumns
	}
	if err := t.Plot(q.Stdout, columns); err != nil {
		return err
	}
	q.NoteEach("%s", t.Shortfall())
	if t.Checked != nil {
		q.Note("%s", t.Checked.Words())
	}
	return nil
}

// printResult prints a result. What it lacks is said beside one that programs read, too: who
// runs them sees it.
func printResult(a *cli.App, t *result.Table) error {
	a.Printed = true
	if err := t.Write(a.Stdout, string(a.Output)); err != nil {
		return err
	}
	if a.Output != cli.Table {
		a.NoteEach("%s", t.Shortfall())
		if c := t.Checked; c != nil && !c.Agree {
			a.Note("%s", c.Words())
		}
	}
	return nil
}

// noteAsked tells of a query that the ledger has.
func noteAsked(a *cli.App, id string, again bool) {
	if again {
		a.Note("query %s was asked before and not answered here; it is taken up again, and charged once", id)
	}
	a.IfInterrupted("query %s is with the nodes and charged; the same command within %d minutes takes it up again and is not charged anew", id, catalog.MaxEnvelopeAge/60_000)
}

// placedReceipt is the receipt in a JSON result: where the log holds the query,
// and the file that proves it.
type placedReceipt struct {
	wire.Receipt
	File string `json:"file"`
}

// keepReceipt writes a query's receipt, verified, to a file.
func keepReceipt(ctx context.Context, c *client.Client, r *ask.Result, path string) error {
	b, _, err := audit.QueryReceipt(ctx, c, r.Query.ID)
	if err == nil {
		err = cli.WriteEvidence(path, b)
	}
	if err != nil {
		return fmt.Errorf("no receipt was written; get it with `weir evidence prove %s --out %s`: %w", r.Query.ID, path, err)
	}
	r.Table.Receipt = placedReceipt{Receipt: r.Receipt, File: path}
	return nil
}

// explain prints what the query would release and take.
func (q *question) explain(ctx context.Context) error {
	return q.With(cli.Buyer, func(c *client.Client) error {
		s := term.Table{Head: []string{"what", "value"}}
		x, err := q.explainPortfolio(ctx, c, &s)
		if err != nil {
			return cli.WithSQL(q.sql, err)
		}
		addExplained(&s, x)
		return q.Print(x, s)
	})
}

// addExplained says what a query would release and take.
func addExplained(s *term.Table, x wire.Explained) {
	s.Add("dataset", fmt.Sprintf("%s, version %d", x.Dataset, x.Version))
	s.Add("contract", strings.TrimSpace(x.Contract))
	s.Add("groups released", strconv.Itoa(x.Groups))
	s.Add("groups withheld", strconv.Itoa(x.Withheld))
	for _, g := range x.WithheldGroups {
		s.Add("withheld", g)
	}
	addCoverage(s, x)
	for _, w := range x.Verdict {
		s.Add("verdict", w)
	}
	s.AddIf(x.Price != "", "price", x.Price+" "+x.Currency)
	s.AddIf(x.BudgetLeft != "", "budget left after it", x.BudgetLeft+" "+x.Currency)
	if x.QueriesLeft != nil {
		s.Add("queries left after it", strconv.Itoa(*x.QueriesLeft))
	}
	s.Add("estimated time", fmt.Sprintf("%d ms on one machine", x.Millis))
	addPlan(s, x.Plan)
	if x.TestProducts > 0 {
		s.Add("products of the portfolio's test", fmt.Sprintf("%d, at most %d are possible", x.TestProducts, disclosure.MaxProducts))
	}
	if x.Bits != nil {
		s.Add("bits of noise", fmt.Sprintf("%.1f of %.1f", x.Bits.Noise, x.Bits.NoiseAvailable))
		s.Add("bits of the largest sum", fmt.Sprintf("%.0f of %.0f", x.Bits.Magnitude, x.Bits.MagnitudeAvailable))
	}
	s.Add("what a node learns", x.Nodes)
	addNoise(s, x.Noise)
	if c := x.Checked; c != nil {
		s.Add("checked by", fmt.Sprintf("%d sets of %d of %d nodes", c.Sets, c.SetOf, c.Members))
		s.Add("tiles counted against the key", fmt.Sprintf("%d of %d that it bears, of all sets", c.Tiles, c.Most))
	}
}

// addCoverage says how much of their groups the rows would cover: each row that would
// not be whole, or lack corrections, and how many others there are.
func addCoverage(s *term.Table, x wire.Explained) {
	if len(x.Coverage) == 0 {
		for _, g := range x.LeftOut {
			s.Add("left out", g)
		}
		return
	}
	s.Add("rows that are whole", strconv.Itoa(x.Whole))
	for _, row := range x.Coverage {
		if row.Included == row.Of && row.HeldBack == 0 {
			continue
		}
		words := fmt.Sprintf("%s: %d of %d entities", row.Group, row.Included, row.Of)
		if row.HeldBack > 0 {
			words += ", without corrections of " + english.Plural(row.HeldBack, "entity", "entities")
		}
		s.Add("coverage", words)
	}
	s.AddIf(x.HeldBack > 0, "rows that lack corrections", strconv.Itoa(x.HeldBack))
}

// addPlan says what computing the answer takes.
func addPlan(s *term.Table, p plan.Explain) {
	most := ""
	if p.Bound { // the nodes plan with the presence, and may find that less is needed
		most = "at most "
	}
	s.Add("tiles read by each node", most+strconv.FormatInt(p.Tiles, 10))
	s.Add("ciphertext additions", most+strconv.FormatInt(p.Additions, 10))
	s.Add("openings", most+strconv.Itoa(p.Openings))
	s.AddIf(p.Products > 0, "products of shares", most+strconv.FormatInt(p.Products, 10))
	s.Add("tiles in the largest sum", most+strconv.Itoa(p.MaxTiles))
	magnitude := p.Magnitude.String()
	if p.Widest != "" {
		magnitude += fmt.Sprintf(", of %d cells of %s", p.Cells, p.Widest)
	}
	s.Add("largest possible magnitude", magnitude)
	s.Add("result bytes of each node", strconv.FormatInt(p.ResultBytes, 10))
}

// addNoise says what noise is expected and what it costs.
func addNoise(s *term.Table, n *wire.ExplainedNoise) {
	if n == nil {
		return
	}
	for _, c := range n.Sums {
		what := c.What
		if c.Weight != "" {
			what += " × " + c.Weight
		}
		s.Add("noise in "+what, fmt.Sprintf("%s, parameter %s %s, from each of %d nodes; 95 %% within ± %s",
			c.Distribution, c.Parameter, c.Unit, c.Nodes, c.Interval95))
		words := relativeNoise(c)
		s.AddIf(words != "", "relative to the figure", words)
	}
	s.Add("epsilon charged", fmt.Sprintf("%s an attempt, %s at most", n.Epsilon, n.MostCost))
	s.Add("epsilon left of the contract", fmt.Sprintf("%s of %s", n.Contract.Left, n.Contract.Limit))
	s.Add("epsilon left of the family", fmt.Sprintf("%s of %s, all buyers together", n.Family.Left, n.Family.Limit))
}

// relativeNoise says how large the noise in sums of a measure is beside the largest group's
// figure, which nobody knows: it depends on how high in their range the readings lie. Empty:
// nothing can be said.
func relativeNoise(n plan.ColumnNoise) string {
	if n.Beside == nil {
		return ""
	}
	half, ok := new(big.Rat).SetString(n.Interval95)
	deviation, known := new(big.Rat).SetString(n.StandardDeviation)
	sum, is := new(big.Rat).SetString(n.Beside.Sum)
	if !ok || !known || !is || sum.Sign() <= 0 {
		return ""
	}
	of := func(noise *big.Rat, part int64) string {
		share := new(big.Rat).Quo(noise, sum)
		return share.Mul(share, big.NewRat(100*part, 1)).FloatString(1)
	}
	return fmt.Sprintf("%s of %d cells: about %s %%, and 95 %% within ± %s %% of the figure if readings are about the middle of their range, ± %s %% if a tenth of that, ± %s %% if a hundredth",
		n.Measure, n.Beside.Cells, of(deviation, 1), of(half, 1), of(half, 10), of(half, 100))
}

// timeoutError is what had not happened when the time of --timeout was over.
type timeoutError struct {
	timeout time.Duration
	err     error
}

// Error implements error.
func (e *timeoutError) Error() string {
	doing := strings.TrimSuffix(e.err.Error(), context.DeadlineExceeded.Error())
	return fmt.Sprintf("not done within --timeout %s: %s", e.timeout, strings.TrimRight(doing, ": "))
}

// Unwrap returns what was interrupted.
func (e *timeoutError) Unwrap() error { return e.err }

// explainTimeout says of an error that it is the end of the time that ctx had.
func explainTimeout(ctx context.Context, timeout time.Duration, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &timeoutError{timeout: timeout, err: err}
	}
	return err
}

// checkReceiptPath refuses a place for a query's receipt where none can be written, before the
// query is asked and paid for.
func checkReceiptPath(cmd *cobra.Command, path string) error {
	if path == "" {
		return nil
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return cli.Usagef(cmd, "--receipt %s is a directory; name a file in it", path)
	}
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() || strings.HasSuffix(path, string(filepath.Separator)) {
		return cli.Usagef(cmd, "--receipt %s: there is no directory %s", path, dir)
	}
	return nil
}
