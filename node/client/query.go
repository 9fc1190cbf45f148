package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/query"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/api/statement"
	"github.com/weirdata/weir/node/api/wire"
)

// QueryOptions say how a query is asked.
type QueryOptions struct {
	// Contract under which to ask; empty: the caller's only one that covers the
	// query, or none for one's own dataset.
	Contract string
	// JoinContract likewise on the dataset that the SQL joins.
	JoinContract string
	// Complete refuses a query of which some entities would be left out.
	Complete bool
	// Epsilon, a decimal text, asks for a noised answer of that privacy loss;
	// empty: exact figures. Delta makes the noise Gaussian; empty: Laplace.
	Epsilon, Delta string
	// NewPortfolio explains the query for a selector that is yet to be registered,
	// whatever its name.
	NewPortfolio bool
	// Progress, if not nil, is told of every state that was seen.
	Progress func(q catalog.Query)
	// Headway, if not nil, is told every HeadwayEvery how far the members are, from a
	// goroutine of its own that ends before Query does. 0: several times a second.
	Headway      func(Headway)
	HeadwayEvery time.Duration
	// Keep is a directory in which the query stays until it is answered, so that it is
	// taken up again, and charged once, when it is asked again after an interruption;
	// empty: it is forgotten. Asked, if not nil, is told its id when the ledger has
	// it, and whether it was asked before.
	Keep  string
	Asked func(id string, again bool)
}

// Result is a query's answer, checked and decrypted.
type Result struct {
	Table   *query.Table
	Query   catalog.Query
	Receipt wire.Receipt
}

// Compile compiles SQL to a request here, against the datasets that are listed.
// What is wrong with the SQL is a *query.Error.
func (c *Client) Compile(ctx context.Context, sql string) (*query.Compiled, error) {
	_, compiled, err := c.compile(ctx, sql)
	return compiled, err
}

func (c *Client) compile(ctx context.Context, sql string) (catalog.Dataset, *query.Compiled, error) {
	return c.compileFor(ctx, sql, false)
}

// compileFor is compile; with stand a selector of any name stands for one that is
// yet to be registered.
func (c *Client) compileFor(ctx context.Context, sql string, stand bool) (catalog.Dataset, *query.Compiled, error) {
	datasets, err := c.Datasets(ctx)
	if err != nil {
		return catalog.Dataset{}, nil, fmt.Errorf("read the datasets: %w", err)
	}
	var listed []catalog.Vector
	registries := statement.Registries{
		Registry: func(id string) (catalog.Registry, error) { return c.Registry(ctx, id) },
		Unknown: func(r catalog.Registry, asked []query.ColumnValues) ([]query.UnknownValue, error) {
			answer, err := post[wire.UnknownValues](ctx, c, "/v1/registries/"+url.PathEscape(r.ID)+"/values", wire.Values{Asked: asked}, false)
			return answer.Unknown, err
		},
	}
	dataset, compiled, err := statement.Compile(sql, datasets, registries, statement.Vectors{
		Of: func() (_ []catalog.Vector, err error) {
			if c.key == nil {
				return nil, nil
			}
			listed, err = c.Vectors(ctx)
			return listed, err
		},
		Stand: stand,
	})
	if err == nil {
		err = c.checkNamed(ctx, compiled.Request, listed)
	}
	return dataset, compiled, err
}

// Query asks a query and waits for its answer: it compiles and signs the
// request, waits until t nodes have sealed their shares to this client's key,
// opens and adds them, and checks plan, contexts, parity and ranges. Errors:
// *query.Error for the SQL, a refusal (IsRefused), ErrQueryFailed, *ParityError,
// *query.CheckError.
func (c *Client) Query(ctx context.Context, sql string, o QueryOptions) (*Result, error) {
	dataset, compiled, err := c.compile(ctx, sql)
	if err != nil {
		return nil, err
	}
	compiled.Request.Complete = o.Complete
	compiled.Request.Noise = o.noise()
	asked, err := c.askQuery(ctx, dataset, &compiled.Request, o)
	if err != nil {
		return nil, located(compiled, err)
	}
	if o.Asked != nil {
		o.Asked(asked.id, asked.again)
	}
	end := c.watch(ctx, asked, o.HeadwayEvery, o.Headway)
	q, err := c.awaitQuery(ctx, asked, o.Progress)
	end()
	if errors.Is(err, ErrQueryFailed) {
		err = errors.Join(err, asked.forget())
	}
	if err != nil {
		return nil, err
	}
	table, err := c.answer(ctx, q, dataset, compiled)
	if err != nil {
		return nil, err
	}
	table.Query, table.Receipt = q.ID, asked.receipt
	return &Result{Table: table, Query: q, Receipt: asked.receipt}, asked.forget()
}

// Explain tells what a query would release and take, or the refusal it would
// meet. Nothing is charged.
func (c *Client) Explain(ctx context.Context, sql string, o QueryOptions) (wire.Explained, error) {
	compiled, statement, err := c.statement(ctx, sql, o, o.NewPortfolio)
	if err != nil {
		return wire.Explained{}, err
	}
	x, err := post[wire.Explained](ctx, c, "/v1/explain", statement, true)
	if err != nil {
		return x, located(compiled, err)
	}
	return x, nil
}

// statement is a query to be judged and not asked, under the contract under which
// it would be.
func (c *Client) statement(ctx context.Context, sql string, o QueryOptions, stand bool) (*query.Compiled, wire.Statement, error) {
	dataset, compiled, err := c.compileFor(ctx, sql, stand)
	if err != nil {
		return nil, wire.Statement{}, err
	}
	contract, err := c.contractsFor(ctx, dataset, &compiled.Request, o)
	if err != nil {
		return compiled, wire.Statement{}, located(compiled, err)
	}
	join := ""
	if compiled.Request.Join != nil {
		join = compiled.Request.Join.Contract
	}
	return compiled, wire.Statement{SQL: sql, Contract: contract, JoinContract: join, Complete: o.Complete, Noise: o.noise(), NewPortfolio: stand}, nil
}

// noise is what the options ask for; nil: an exact answer.
func (o QueryOptions) noise() *catalog.Noise {
	if o.Epsilon == "" && o.Delta == "" {
		return nil
	}
	return &catalog.Noise{Epsilon: o.Epsilon, Delta: o.Delta}
}

func (c *Client) contractFor(ctx context.Context, d catalog.Dataset, r catalog.Request, named string) (string, error) {
	if c.key == nil {
		return "", fmt.Errorf("query dataset %s: %w", d.ID, ErrNoKey)
	}
	if named != "" {
		return named, nil
	}
	return c.chooseContract(ctx, d, r)
}

func (c *Client) awaitQuery(ctx context.Context, asked askedQuery, progress func(catalog.Query)) (catalog.Query, error) {
	for {
		q, err := get[catalog.Query](ctx, c, call{
			path: "/v1/queries/" + url.PathEscape(asked.id) + "?" + waitQuery, token: true, wait: waitTime,
		})
		if err != nil {
			if ctx.Err() != nil {
				return q, fmt.Errorf("wait for query %s: %w", asked.id, ctx.Err())
			}
			return q, fmt.Errorf("wait for query %s: %w", asked.id, err)
		}
		if q.Envelope != asked.envelope {
			return q, fmt.Errorf("%w: query %s was made by envelope %s, signed was %s", ErrPinned, q.ID, q.Envelope, asked.envelope)
		}
		if progress != nil {
			progress(q)
		}
		switch q.State {
		case catalog.QueryDone:
			return q, nil
		case catalog.QueryFailed:
			if r := cohortFailed(q); r != nil {
				return q, fmt.Errorf("%w: %s: %w", ErrQueryFailed, q.ID, r)
			}
			return q, fmt.Errorf("%w: %s: %s", ErrQueryFailed, q.ID, failure(q))
		}
	}
}

// failure collects why the attempts failed.
func failure(q catalog.Query) string {
	var reasons []string
	for _, a := range q.Attempts {
		if a.Failed != "" {
			reasons = append(reasons, fmt.Sprintf("attempt %d: %s", a.Number, a.Failed))
		}
	}
	if q.Reason != "" || len(reasons) == 0 {
		reasons = append(reasons, q.Reason)
	}
	return strings.Join(reasons, "; ")
}

// answer turns the sealed shares of a query that is done into its table.
func (c *Client) answer(ctx context.Context, q catalog.Query, d catalog.Dataset, compiled *query.Compiled) (*query.Table, error) {
	cluster, err := c.Cluster(ctx)
	if err != nil {
		return nil, err
	}
	parameters, err := he.NewParameters(he.DataParameters(len(cluster.Nodes), cluster.Threshold))
	if err != nil {
		return nil, fmt.Errorf("parameters for %d of %d nodes: %w", cluster.Threshold, len(cluster.Nodes), err)
	}
	verdict, err := get[catalog.Verdict](ctx, c, call{path: "/v1/queries/" + url.PathEscape(q.ID) + "/verdict", token: true})
	if err != nil {
		return nil, fmt.Errorf("read the verdict of query %s: %w", q.ID, err)
	}
	if !sameJoinAs(compiled.Request.Join, verdict.Join) {
		return nil, fmt.Errorf("%w: the verdict of query %s is not on the datasets that were asked for", ErrPinned, q.ID)
	}
	p, err := c.planFor(ctx, d.Descriptor, verdict)
	if err != nil {
		return nil, err
	}
	if verdict.In != compiled.Request.In {
		return nil, fmt.Errorf("%w: the verdict of query %s is on selector %q, asked for was %q", ErrPinned, q.ID, verdict.In, compiled.Request.In)
	}
	if !sameNoise(verdict.Noise, compiled.Request.Noise) {
		return nil, fmt.Errorf("%w: the verdict of query %s is not on the noise that was asked for", ErrPinned, q.ID)
	}
	sums, err := c.sums(ctx, parameters, q, p.plan)
	if err != nil {
		return nil, err
	}
	return compiled.Table(query.Input{
		Descriptor: p.descriptor, Version: p.version, Verdict: verdict, Plan: p.plan, Presence: p.presence, Sums: sums,
		Nodes: parameters.Threshold(),
	})
}

func sameNoise(a, b *catalog.Noise) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

// sums fetches and opens the shares of a query. A plan without columns opens
// nothing: counts are public.
func (c *Client) sums(ctx context.Context, p he.Parameters, q catalog.Query, plan *query.Plan) ([]int64, error) {
	if plan.Width == 0 {
		return nil, nil
	}
	if digest := plan.Digest(); digest != q.Plan {
		return nil, fmt.Errorf("the nodes computed query %s by plan %s, its verdict gives %s; no figure is printed", q.ID, q.Plan, digest)
	}
	shares, err := get[wire.Shares](ctx, c, call{path: "/v1/queries/" + url.PathEscape(q.ID) + "/shares", token: true})
	if err != nil {
		return nil, fmt.Errorf("read the shares of query %s: %w", q.ID, err)
	}
	return c.open(p, q, plan, shares.Shares)
}

// Presence reads which cells of a version hold a reading.
func (c *Client) Presence(ctx context.Context, d catalog.Descriptor, v catalog.Version) (*tiles.Presence, error) {
	return cached(ctx, &c.mu, c.cache.presences, v.Presence, func(ctx context.Context) (*tiles.Presence, error) {
		b, err := c.versionBlob(ctx, v, "presence", v.Presence)
		if err != nil {
			return nil, err
		}
		return tiles.DecodePresence(b, len(d.Measures), v.Entities, v.Periods)
	})
}

// Manifest reads a version's manifest.
func (c *Client) Manifest(ctx context.Context, v catalog.Version) (tiles.Manifest, error) {
	return cached(ctx, &c.mu, c.cache.manifests, v.Manifest, func(ctx context.Context) (tiles.Manifest, error) {
		b, err := c.versionBlob(ctx, v, "manifest", v.Manifest)
		if err != nil {
			return tiles.Manifest{}, err
		}
		return tiles.ParseManifest(b)
	})
}

// versionBlob reads a blob and compares it with its digest.
func (c *Client) versionBlob(ctx context.Context, v catalog.Version, what string, digest catalog.Digest) ([]byte, error) {
	b, err := c.do(ctx, call{
		method: http.MethodGet, path: versionPath(v.Dataset, v.Version) + "/" + what, elsewhere: true, limit: maxBlob,
	})
	if err != nil {
		return nil, fmt.Errorf("read the %s of dataset %s version %d: %w", what, v.Dataset, v.Version, err)
	}
	if got := catalog.Sum(b); got != digest {
		return nil, fmt.Errorf("the %s of dataset %s version %d has digest %s, the ledger says %s", what, v.Dataset, v.Version, got, digest)
	}
	return b, nil
}

// maxBlob bounds a manifest or presence that is read.
const maxBlob = 512 << 20
