package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/query"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

func init() { commands = append(commands, newQueryCommand) }

// defaultTimeout is longer than three attempts of a large query take.
const defaultTimeout = 10 * time.Minute

func newQueryCommand(a *app) *cobra.Command {
	var o client.QueryOptions
	var private privateFile
	var explain bool
	var receipt string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "query SQL",
		Short: "ask an aggregate query on encrypted readings",
		Long: `Compiles the SQL here, signs the request, and waits until enough nodes have sealed
their shares of the answer to your key. The shares are opened, added and checked
on this machine; no node sees the figure. SQL of "-" is read from stdin.

With --epsilon every node of the active set adds noise to its share, so that one
honest node's noise is enough; figures come with their 95 % interval, and the
epsilon is charged to the contract and to the family of datasets.

With entity IN PRIVATE(NAME) it is over the entities of your portfolio NAME alone, and
no node learns which they are. --private NAME=FILE.csv registers the portfolio when
the file is new or changed.

Without --contract it runs under your only contract that covers it. With --explain
it says what would be released, and nothing is charged.`,
		Example: `  weir query --dir /tmp/weir "SELECT station, AVG(pm25) FROM beijing_air WHERE period = '2016' GROUP BY station"`,
		Args:    exactly(1, "one argument, the SQL in quotes"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if timeout <= 0 {
				return usagef(cmd, "--timeout must be positive")
			}
			if o.Delta != "" && o.Epsilon == "" {
				return usagef(cmd, "--delta needs --epsilon")
			}
			if err := private.check(cmd); err != nil {
				return err
			}
			sql, err := a.readSQL(args[0])
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			if explain {
				return within(ctx, timeout, a.explain(ctx, sql, o, private))
			}
			if err := placeFor(cmd, receipt); err != nil {
				return err
			}
			return within(ctx, timeout, a.query(ctx, sql, receipt, o, private))
		},
	}
	private.flags(cmd)
	cmd.Flags().StringVar(&o.Contract, "contract", "", "contract to ask under; default: your only one that covers the query")
	cmd.Flags().StringVar(&o.JoinContract, "join-contract", "", "contract on the joined dataset; default: your only one that covers the query")
	cmd.Flags().BoolVar(&o.Complete, "complete", false, "refuse the query if any entity would be left out of a group")
	cmd.Flags().StringVar(&o.Epsilon, "epsilon", "", "ask for a differentially private answer: every figure carries noise for that privacy loss, at most 1, which is charged to the contract")
	cmd.Flags().StringVar(&o.Delta, "delta", "", "with --epsilon: Gaussian noise that may fail its promise with that probability, such as 1e-9; default: Laplace noise, which never does")
	cmd.Flags().BoolVar(&explain, "explain", false, "say what would be released and what it takes, and ask nothing")
	cmd.Flags().StringVar(&receipt, "receipt", "", "`file` to write the query's receipt to, for weir evidence verify")
	cmd.Flags().DurationVar(&timeout, "timeout", defaultTimeout, "how long to wait for the answer")
	return cmd
}

func (a *app) readSQL(argument string) (string, error) {
	if argument != "-" {
		return argument, nil
	}
	b, err := io.ReadAll(io.LimitReader(a.stdin, wire.MaxSQL+1))
	if err != nil {
		return "", fmt.Errorf("read the SQL: %w", err)
	}
	// Editors show no byte order mark, and count columns without it.
	return strings.TrimPrefix(string(b), "\ufeff"), nil
}

// answering draws a bar for an answer that takes its time, on a terminal alone: only
// then are the nodes asked how far they are. A query that cannot be explained says why
// when it is asked.
func answering(ctx context.Context, p *progress, c *client.Client, sql string, o *client.QueryOptions) (stop func()) {
	if p.out == nil {
		return func() {}
	}
	far, seen := &headway{}, o.Progress
	o.Headway = func(h client.Headway) {
		seen(h.Query)
		far.heard(h, time.Now())
	}
	var expected time.Duration
	if x, err := c.Explain(ctx, sql, *o); err == nil {
		expected = time.Duration(x.Millis) * time.Millisecond
	}
	t := time.NewTicker(p.every)
	end := p.answering(far, expected, time.Now, t.C)
	return func() {
		t.Stop()
		end()
	}
}

// attempts tells once of each attempt that failed. It may be told from several
// goroutines, by nodes of which one is behind.
func (p *progress) attempts() func(catalog.Query) {
	var mu sync.Mutex
	seen := 0
	return func(q catalog.Query) {
		mu.Lock()
		defer mu.Unlock()
		for _, t := range q.Attempts[min(seen, len(q.Attempts)):] {
			if t.Failed != "" {
				seen = t.Number
				p.tell(fmt.Sprintf("attempt %d of query %s failed (%s); the nodes begin anew", t.Number, q.ID, t.Failed))
			}
		}
	}
}

func (a *app) query(ctx context.Context, sql, receipt string, o client.QueryOptions, private privateFile) error {
	c, err := a.connect(buyer)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := a.ensurePortfolio(ctx, c, sql, o, private); err != nil {
		return withSQL(sql, err)
	}
	a.ifInterrupted("if the query was asked already, the same command within %d minutes takes it up again, and it is charged once", catalog.MaxEnvelopeAge/60_000)
	o.Keep, o.Asked = a.recordDir(), a.asked
	bar := a.newProgress()
	o.Progress = bar.attempts()
	stop, said := answering(ctx, bar, c, sql, &o), a.patiently("waiting for the nodes' answer")
	r, err := c.Query(ctx, sql, o)
	said()
	stop()
	if err != nil {
		return withSQL(sql, err)
	}
	// The figure is printed even when there is no receipt: it was paid for.
	var failed error
	if receipt != "" {
		failed = a.keepReceipt(ctx, c, r, receipt)
	}
	if err := r.Table.Write(a.stdout, formats[a.output]); err != nil {
		return err
	}
	if a.output == outputTable {
		a.note("query %s, entry %d of the evidence log", r.Query.ID, r.Receipt.Seq)
	}
	return failed
}

// asked tells of a query that the ledger has.
func (a *app) asked(id string, again bool) {
	if again {
		a.note("query %s was asked before and not answered here; it is taken up again, and charged once", id)
	}
	a.ifInterrupted("query %s is with the nodes and charged; the same command within %d minutes takes it up again and is not charged anew", id, catalog.MaxEnvelopeAge/60_000)
}

// placedReceipt is the receipt in a JSON result: where the log holds the query,
// and the file that proves it.
type placedReceipt struct {
	wire.Receipt
	File string `json:"file"`
}

// keepReceipt writes a query's receipt, verified, to a file.
func (a *app) keepReceipt(ctx context.Context, c *client.Client, r *client.Result, path string) error {
	b, _, err := c.QueryReceipt(ctx, r.Query.ID)
	if err == nil {
		err = writeEvidence(path, b)
	}
	if err != nil {
		return fmt.Errorf("no receipt was written; get it with `weir evidence prove %s --out %s`: %w", r.Query.ID, path, err)
	}
	r.Table.Receipt = placedReceipt{Receipt: r.Receipt, File: path}
	return nil
}

var formats = map[outputFormat]string{outputTable: query.FormatTable, outputJSON: query.FormatJSON, outputCSV: query.FormatCSV}

func (a *app) explain(ctx context.Context, sql string, o client.QueryOptions, private privateFile) error {
	c, err := a.connect(buyer)
	if err != nil {
		return err
	}
	defer c.Close()
	s := sheet{head: []string{"what", "value"}}
	if err := a.explainPortfolio(ctx, c, sql, &o, private, &s); err != nil {
		return withSQL(sql, err)
	}
	x, err := c.Explain(ctx, sql, o)
	if err != nil {
		return withSQL(sql, err)
	}
	s.add("dataset", fmt.Sprintf("%s, version %d", x.Dataset, x.Release))
	s.add("contract", strings.TrimSpace(x.Contract))
	s.add("groups released", strconv.Itoa(x.Groups))
	s.add("groups withheld", strconv.Itoa(x.Withheld))
	for _, g := range x.WithheldGroups {
		s.add("withheld", g)
	}
	for _, g := range x.LeftOut {
		s.add("left out", g)
	}
	for _, w := range x.Verdict {
		s.add("verdict", w)
	}
	if x.Price != "" {
		s.add("price", x.Price+" "+x.Currency)
	}
	if x.BudgetLeft != "" {
		s.add("budget left after it", x.BudgetLeft+" "+x.Currency)
	}
	if x.QueriesLeft != nil {
		s.add("queries left after it", strconv.Itoa(*x.QueriesLeft))
	}
	s.add("estimated time", fmt.Sprintf("%d ms on one machine", x.Millis))
	addPlan(&s, x.Plan)
	if x.Bits != nil {
		s.add("bits of noise", fmt.Sprintf("%.1f of %.1f", x.Bits.Noise, x.Bits.NoiseAvailable))
		s.add("bits of the largest sum", fmt.Sprintf("%.0f of %.0f", x.Bits.Magnitude, x.Bits.MagnitudeAvailable))
	}
	s.add("what a node learns", x.Nodes)
	addNoise(&s, x.Noise)
	return a.print(x, s)
}

// addPlan says what computing the answer takes.
func addPlan(s *sheet, p query.Explain) {
	most := ""
	if p.Bound { // the nodes plan with the presence, and may find that less is needed
		most = "at most "
	}
	s.add("tiles read by each node", most+strconv.FormatInt(p.Tiles, 10))
	s.add("ciphertext additions", most+strconv.FormatInt(p.Additions, 10))
	s.add("openings", most+strconv.Itoa(p.Openings))
	if p.Products > 0 {
		s.add("products of shares", most+strconv.FormatInt(p.Products, 10))
	}
	s.add("tiles in the largest sum", most+strconv.Itoa(p.MaxTiles))
	magnitude := p.Magnitude.String()
	if p.Widest != "" {
		magnitude += fmt.Sprintf(", of %d cells of %s", p.Cells, p.Widest)
	}
	s.add("largest possible magnitude", magnitude)
	s.add("result bytes of each node", strconv.FormatInt(p.ResultBytes, 10))
}

// addNoise says what noise is expected and what it costs.
func addNoise(s *sheet, n *wire.ExplainedNoise) {
	if n == nil {
		return
	}
	for _, c := range n.Sums {
		what := c.What
		if c.Weight != "" {
			what += " × " + c.Weight
		}
		s.add("noise in "+what, fmt.Sprintf("%s, parameter %s %s, from each of %d nodes; 95 %% within ± %s",
			c.Distribution, c.Parameter, c.Unit, c.Nodes, c.Interval95))
	}
	s.add("epsilon charged", fmt.Sprintf("%s an attempt, %s at most", n.Epsilon, n.MostCost))
	s.add("epsilon left of the contract", fmt.Sprintf("%s of %s", n.Contract.Left, n.Contract.Limit))
	s.add("epsilon left of the family", fmt.Sprintf("%s of %s, all buyers together", n.Family.Left, n.Family.Limit))
}
