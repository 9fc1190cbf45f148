package ask

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/audit"
)

// A query of the last day that asked the same is answered again without an entry of the ledger: a node names it, instead of
// having the new one recorded (wire.PreferRepeat). The node is not believed. What the earlier query asked, of which version
// and when is read from its receipt, and where it is not what is asked now, the ledger is asked.

// clockSlack is by how much this machine's clock and the ledger's may differ.
const clockSlack = time.Hour

// mayRepeat reports whether the answer to an earlier query may stand for a request. Of a join the version of the second
// dataset is the ledger's choice; noise is drawn anew; private vectors are tested anew.
func mayRepeat(r catalog.Request, o Options) bool {
	return !o.Fresh && r.Noise == nil && r.Join == nil && r.In == "" && !r.Verify
}

// again reads the answer to the earlier query that a node named, and returns an error where it is not that to the one that
// was asked.
func again(ctx context.Context, c *client.Client, asked askedQuery, d catalog.Dataset, compiled *sql.Compiled) (*Result, error) {
	q, err := earlier(ctx, c, asked)
	if err != nil {
		return nil, fmt.Errorf("read query %s, which was answered before: %w", asked.repeats, err)
	}
	if q.State != catalog.QueryDone || q.ID != asked.repeats {
		return nil, forged(q.Query, "it is said to be answered, and is %s", q.State)
	}
	h, err := handOut(ctx, c, q)
	if err != nil {
		return nil, err
	}
	own, err := c.Principal()
	if err != nil {
		return nil, err
	}
	if err := asksSame(h.proven, q.Query, own, c.Now(), d, compiled.Request); err != nil {
		return nil, err
	}
	r, err := resultOf(ctx, c, q.Query, h, asked.receipt, d, compiled)
	if err != nil {
		return nil, err
	}
	r.Again = true
	return r, nil
}

// earlier is the query that a node named, which the node has sent along unless it is one of an older release or could not.
func earlier(ctx context.Context, c *client.Client, asked askedQuery) (wire.Query, error) {
	if asked.repeated != nil {
		return *asked.repeated, nil
	}
	return client.Get[wire.Query](ctx, c, client.Call{Path: "/v1/queries/" + url.PathEscape(asked.repeats), Token: true, Prefer: wire.PreferAnswer})
}

// asksSame holds an earlier query, as it is proven, against what a principal asks now of a dataset.
func asksSame(p *audit.Proven, q catalog.Query, own string, now time.Time, d catalog.Dataset, r catalog.Request) error {
	if p.Signer != own || p.Envelope != q.Envelope {
		return forged(q, "it was signed by %q in envelope %s", p.Signer, p.Envelope)
	}
	if age := now.Sub(time.UnixMilli(p.Time)); age < -clockSlack || age > judge.FreeRepeat*time.Millisecond+clockSlack {
		return forged(q, "it was asked at %s, which is more than a day ago", time.UnixMilli(p.Time).UTC().Format(time.RFC3339))
	}
	version := p.Query.Decision.Version
	if r.AsOf > 0 && version != r.AsOf || r.AsOf == 0 && version < d.Live {
		return forged(q, "it is of version %d of %s", version, d.ID)
	}
	was := p.Query.Request
	was.AsOf, was.SQL, r.AsOf, r.SQL = 0, "", 0, ""
	if !bytes.Equal(catalog.Encode(was), catalog.Encode(r)) {
		return forged(q, "it asked something else: %s", p.Query.SQL)
	}
	return nil
}
