package ask

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/client/vector"
)

// Options say how a query is asked.
type Options struct {
	// Contract under which to ask; empty: the caller's only one that covers the
	// query, or none for one's own dataset.
	Contract string
	// JoinContract likewise on the dataset that the SQL joins.
	JoinContract string
	// Complete refuses a query of which some entities would be left out; Partial has
	// rows too that cover less than the policy's min_coverage.
	Complete, Partial bool
	// AsOf is the version as of which is answered; 0: the newest. With Newest it is the
	// newest that passes the test of the query's private partition: it is asked of exact
	// queries over a partition on protected data alone.
	AsOf   int
	Newest bool
	// JoinAsOf is likewise a version of the dataset that the SQL joins; 0: the newest that
	// was the newest together with AsOf.
	JoinAsOf int
	// Listed, if not nil, is told how many entities of a private partition will be in
	// the figures of an exact query, before it is asked and anything is charged.
	Listed func(*Preview)
	// Epsilon, a decimal text, asks for a noised answer of that privacy loss;
	// empty: exact figures. Delta makes the noise Gaussian; empty: Laplace.
	Epsilon, Delta string
	// Verify asks for a checked answer: several sets of nodes open it, and their answers are compared (Table.Checked,
	// LieError). It is for exact queries without private vectors and products.
	Verify bool
	// NewPortfolio explains the query for a selector that is yet to be registered,
	// whatever its name; portfolio.Explain tests its list, too.
	NewPortfolio bool
	// States, if not nil, is told of every state that was seen.
	States func(q catalog.Query)
	// Progress, if not nil, is told every ProgressEvery how far the members are, from a
	// goroutine of its own that ends before Query does. 0: several times a second.
	Progress      func(Progress)
	ProgressEvery time.Duration
	// Keep is a directory in which the query stays until it is answered, so that it is
	// taken up again, and charged once, when it is asked again after an interruption;
	// empty: it is forgotten. Asked, if not nil, is told its id when the ledger has
	// it, and whether it was asked before.
	Keep  string
	Asked func(id string, again bool)
	// Store is a directory of one's own answers, sealed: a query that is there for less than
	// AnswersLast is answered from it, and no node is asked. Answers reads those of the last
	// AnswersKept. Empty: there is none.
	Store string
	// Fresh has the ledger record and answer a query that repeats one of the last day. Otherwise it is answered from the own
	// store, or by what nodes hand out of the earlier query (Result.Again).
	Fresh bool
}

// Result is a query's answer, checked and decrypted.
type Result struct {
	Table   *result.Table
	Query   catalog.Query
	Receipt wire.Receipt
	Stored  time.Time // when it was answered, of an answer from the own store; zero: the nodes answered
	// Again: it is the answer to Query, of the last day, that asked the same. Nothing was recorded or charged for this one.
	Again bool
}

// Cost is what the asking cost, and the query that it repeats; empty: nothing, and none.
func (r *Result) Cost() (price, repeats string) {
	if r.Again {
		return "", r.Query.ID
	}
	return r.Query.Price, r.Query.Repeats
}

// Query asks a query and waits for its answer: it compiles and signs the
// request, waits until t nodes have sealed their shares to this client's key,
// opens and adds them, and checks plan, contexts, parity and ranges, and that verdict and
// shares are those that the ledger proves. Errors: *sql.Error for the SQL, a refusal
// (IsRefused), ErrQueryFailed, *ParityError, *LieError, *result.CheckError, ErrVerdictForged.
func Query(ctx context.Context, c *client.Client, sql string, o Options) (*Result, error) {
	q, err := compileAsked(ctx, c, sql, o)
	if err != nil {
		return nil, err
	}
	return q.ask(ctx, c, o)
}

// ask answers a query from the own store, by an earlier query's answer, or has the ledger record and the nodes answer it.
func (q compiledQuery) ask(ctx context.Context, c *client.Client, o Options) (*Result, error) {
	if !o.Fresh {
		if kept, err := keptAnswer(c, q.file); kept != nil || err != nil {
			return kept, err
		}
	}
	asked, err := askQuery(ctx, c, q.dataset, &q.compiled.Request, o)
	if err != nil {
		return nil, located(q.compiled, err)
	}
	if asked.repeats != "" {
		r, err := again(ctx, c, asked, q.dataset, q.compiled)
		if err == nil {
			return r, errors.Join(asked.forget(), keepAnswer(c, q.file, r, o))
		}
		if asked, err = asked.sent(ctx, c, ""); err != nil {
			return nil, located(q.compiled, err)
		}
	}
	if o.Asked != nil {
		o.Asked(asked.id, asked.again)
	}
	end := watch(ctx, c, asked, o.ProgressEvery, o.Progress)
	done, err := awaitQuery(ctx, c, asked, o.States)
	end()
	if errors.Is(err, ErrQueryFailed) {
		err = errors.Join(err, asked.forget())
	}
	if err != nil {
		return nil, err
	}
	h, err := handOut(ctx, c, done)
	if err != nil {
		return nil, err
	}
	r, err := resultOf(ctx, c, done.Query, h, asked.receipt, q.dataset, q.compiled)
	if err != nil {
		return nil, err
	}
	return r, errors.Join(asked.forget(), keepAnswer(c, q.file, r, o))
}

// Explain tells what a query would release and take under the contract under which it would
// be asked, or the refusal it would meet. Nothing is charged.
func Explain(ctx context.Context, c *client.Client, sql string, o Options) (wire.Explained, error) {
	dataset, compiled, err := CompileFor(ctx, c, sql, o.NewPortfolio)
	if err != nil {
		return wire.Explained{}, err
	}
	r := &compiled.Request
	if err := o.complete(compiled); err != nil {
		return wire.Explained{}, err
	}
	if o.Newest {
		if r.In == catalog.NewVector && r.Listing(dataset.Descriptor) {
			return wire.Explained{}, errors.New("which version passes depends on the list, which is not registered yet: ExplainPortfolio tests it first")
		}
		if _, _, err := listed(ctx, c, dataset, r, o); err != nil {
			return wire.Explained{}, located(compiled, err)
		}
	}
	contract, err := contractsFor(ctx, c, dataset, r, o)
	if err != nil {
		return wire.Explained{}, located(compiled, err)
	}
	asked := wire.Statement{
		SQL: sql, Contract: contract, Complete: r.Complete, Partial: r.Partial, AsOf: r.AsOf, Noise: r.Noise, Verify: r.Verify, NewPortfolio: o.NewPortfolio,
	}
	if r.Join != nil {
		asked.JoinContract, asked.JoinAsOf = r.Join.Contract, r.Join.AsOf
	}
	x, err := client.Post[wire.Explained](ctx, c, "/v1/explain", asked, true)
	if err != nil {
		return x, located(compiled, err)
	}
	return x, nil
}

// complete puts into a query's request what its SQL does not say.
func (o Options) complete(compiled *sql.Compiled) error {
	r := &compiled.Request
	r.Complete, r.Partial, r.Noise, r.AsOf, r.Verify = o.Complete, o.Partial, o.noise(), o.AsOf, o.Verify
	if r.Join != nil {
		r.Join.AsOf = o.JoinAsOf
	} else if o.JoinAsOf != 0 {
		return fmt.Errorf("version %d of a joined dataset is asked for, and the SQL joins none", o.JoinAsOf)
	}
	return compiled.CheckNoise(r.Noise)
}

// noise is what the options ask for; nil: an exact answer.
func (o Options) noise() *catalog.Noise {
	if o.Epsilon == "" && o.Delta == "" {
		return nil
	}
	return &catalog.Noise{Epsilon: o.Epsilon, Delta: o.Delta}
}

func contractFor(ctx context.Context, c *client.Client, d catalog.Dataset, r catalog.Request, named string) (string, error) {
	if c.Key() == nil {
		return "", fmt.Errorf("query dataset %s: %w", d.ID, client.ErrNoKey)
	}
	if named != "" {
		return c.ID(ctx, catalog.LetterContract, named)
	}
	return chooseContract(ctx, c, d, r)
}

func awaitQuery(ctx context.Context, c *client.Client, asked askedQuery, progress func(catalog.Query)) (wire.Query, error) {
	r := client.Call{Path: "/v1/queries/" + url.PathEscape(asked.id), Token: true, Prefer: wire.PreferAnswer}
	return client.Await(ctx, c, "query "+asked.id, r, func(shown wire.Query) (bool, error) {
		q := shown.Query
		if q.Envelope != asked.envelope {
			return true, fmt.Errorf("%w: query %s was made by envelope %s, signed was %s", client.ErrPinned, q.ID, q.Envelope, asked.envelope)
		}
		if progress != nil {
			progress(q)
		}
		switch q.State {
		case catalog.QueryDone:
			return true, nil
		case catalog.QueryFailed:
			if r := testRefusal(q); r != nil {
				return true, fmt.Errorf("%w: %s: %w", ErrQueryFailed, q.ID, r)
			}
			return true, fmt.Errorf("%w: %s: %s", ErrQueryFailed, q.ID, failure(q))
		}
		return false, nil
	})
}

// failure collects why the attempts failed.
func failure(q catalog.Query) string {
	var reasons []string
	for _, a := range q.Attempts {
		if !a.Failed.IsZero() {
			reasons = append(reasons, fmt.Sprintf("attempt %d: %s", a.Number, explain.Reason(a.Failed)))
		}
	}
	if !q.Reason.IsZero() || len(reasons) == 0 {
		reasons = append(reasons, explain.Reason(q.Reason))
	}
	return strings.Join(reasons, "; ")
}

// handedOut is what nodes hand out of a query that is done.
type handedOut struct {
	rosters []catalog.Cluster
	verdict catalog.Verdict
	proven  *audit.Proven
	shares  wire.Shares // none where nothing was opened
}

// handOut is what came with the query, or else is fetched, all at the same time. Of what fails the error is told that comes
// first in the order in which it is used, so that the same fault is always told by the same words.
func handOut(ctx context.Context, c *client.Client, q wire.Query) (h handedOut, err error) {
	if a := q.Answer; a != nil {
		h.shares = wire.Shares{Query: q.ID, Shares: a.Shares}
		if h.rosters, err = c.RostersOf(ctx, a.Cluster); err != nil {
			return h, err
		}
		if err := json.Unmarshal(a.Verdict, &h.verdict); err != nil {
			return h, fmt.Errorf("read the verdict of query %s: %w", q.ID, err)
		}
		h.proven, err = proveDecision(c, []byte(a.Receipt), q.ID)
		return h, err
	}
	path := "/v1/queries/" + url.PathEscape(q.ID)
	var errs [4]error
	var all sync.WaitGroup
	all.Go(func() { h.rosters, errs[0] = c.Rosters(ctx) })
	all.Go(func() {
		if h.verdict, errs[1] = client.Get[catalog.Verdict](ctx, c, client.Call{Path: path + "/verdict", Token: true}); errs[1] != nil {
			errs[1] = fmt.Errorf("read the verdict of query %s: %w", q.ID, errs[1])
		}
	})
	var receipt []byte
	all.Go(func() { receipt, errs[2] = audit.ReadQueryReceipt(ctx, c, q.ID) })
	if len(q.Shares) > 0 {
		all.Go(func() {
			if h.shares, errs[3] = client.Get[wire.Shares](ctx, c, client.Call{Path: path + "/shares", Token: true}); errs[3] != nil {
				errs[3] = fmt.Errorf("read the shares of query %s: %w", q.ID, errs[3])
			}
		})
	}
	all.Wait()
	if errs[2] == nil { // only now: it is signed by the nodes of the roster that Rosters has followed to
		h.proven, errs[2] = proveDecision(c, receipt, q.ID)
	} else {
		errs[2] = notProven(q.ID, errs[2])
	}
	return h, cmp.Or(errs[0], errs[1], errs[2], errs[3])
}

// proveDecision reads from a receipt what was decided on a query.
func proveDecision(c *client.Client, receipt []byte, query string) (*audit.Proven, error) {
	p, err := audit.VerifyQueryReceipt(c.Profile(), receipt, query)
	if err != nil {
		return nil, notProven(query, err)
	}
	return p, nil
}

func notProven(query string, err error) error {
	return fmt.Errorf("prove the decision on query %s, without which no figure is printed: %w", query, err)
}

// resultOf is the answer to a query, of what was handed out of it.
func resultOf(ctx context.Context, c *client.Client, q catalog.Query, h handedOut, receipt wire.Receipt, d catalog.Dataset, compiled *sql.Compiled) (*Result, error) {
	table, err := answer(ctx, c, q, h, d, compiled)
	if err != nil {
		return nil, err
	}
	table.Query, table.Receipt = q.ID, receipt
	return &Result{Table: table, Query: q, Receipt: receipt}, nil
}

// answer turns the sealed shares of a query that is done into its table.
func answer(ctx context.Context, c *client.Client, q catalog.Query, h handedOut, d catalog.Dataset, compiled *sql.Compiled) (*result.Table, error) {
	among, err := answeredBy(h.rosters, q)
	if err != nil {
		return nil, err
	}
	parameters, err := c.Parameters(ctx, among)
	if err != nil {
		return nil, err
	}
	verdict := h.verdict
	if !sameJoin(compiled.Request.Join, verdict.Join) {
		return nil, fmt.Errorf("%w: the verdict of query %s is not on the datasets that were asked for", client.ErrPinned, q.ID)
	}
	decided, err := decidedOn(h.proven, q, verdict)
	if err != nil {
		return nil, err
	}
	by := d.Descriptor // as it was compiled by
	if verdict.Amended != d.Amended {
		if by, err = c.Descriptor(ctx, d.ID, verdict.Amended); err != nil {
			return nil, err
		}
	}
	p, err := planFor(ctx, c, by, verdict)
	if err != nil {
		return nil, err
	}
	if err := checkSources(decided, q, p); err != nil {
		return nil, err
	}
	keepVersions(c, p)
	if verdict.In != compiled.Request.In {
		return nil, fmt.Errorf("%w: the verdict of query %s is on selector %q, asked for was %q", client.ErrPinned, q.ID, verdict.In, compiled.Request.In)
	}
	if a, b := verdict.Noise, compiled.Request.Noise; (a == nil) != (b == nil) || a != nil && *a != *b {
		return nil, fmt.Errorf("%w: the verdict of query %s is not on the noise that was asked for", client.ErrPinned, q.ID)
	}
	sums, told, err := sums(c, parameters, q, p.plan, decided, h.shares.Shares, compiled.Request.Verify)
	if err != nil {
		return nil, err
	}
	names, err := vector.PieceNames(c, verdict)
	if err != nil {
		return nil, err
	}
	t, err := result.NewTable(compiled, result.Input{
		Descriptor: p.descriptor, Layers: p.layers, Verdict: verdict, Plan: p.plan, Sums: sums,
		Nodes: parameters.Threshold(), Pieces: names,
	})
	if err == nil {
		t.Checked = told
	}
	return t, err
}

// sums opens the shares of a query, which must be those that the ledger took, and of a checked answer compares what the
// sets of nodes say. A plan without columns opens nothing: counts are public.
func sums(c *client.Client, p he.Parameters, q catalog.Query, plan *plan.Plan, decided *audit.ProvenQuery, shares []wire.SealedShare, verify bool) ([]int64, *result.Checked, error) {
	if plan.Width == 0 {
		if verify {
			return nil, &result.Checked{}, nil
		}
		return nil, nil, nil
	}
	if digest := plan.Digest(); digest != q.Plan {
		return nil, nil, fmt.Errorf("the nodes computed query %s by plan %s, its verdict gives %s; no figure is printed", q.ID, q.Plan, digest)
	}
	if err := checkShares(decided, q, shares); err != nil {
		return nil, nil, err
	}
	if len(q.Attempts) == 0 {
		return nil, nil, forged(q, "no nodes were named to open it")
	}
	a := q.Attempts[len(q.Attempts)-1]
	if verify != (a.SetOf > 0) || !slices.Equal(a.Active, decided.Active) {
		return nil, nil, forged(q, "the attempt that answered it was by the nodes %q in sets of %d, which is not what was asked and named", a.Active, a.SetOf)
	}
	if verify {
		return openChecked(c, p, q, a, plan, shares)
	}
	sums, err := open(c, p, q, plan, shares)
	return sums, nil, err
}
