package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/mpc"
)

// A query's first attempt is proposed together with the query: the ledger takes both in one round, where otherwise
// the leader would see the query when it is applied, and propose the attempt then. The query's id follows from its
// envelope, so it is known before. Whatever keeps the leader from it, or has the ledger refuse the attempt, the query
// is then one without an attempt, and leadQueries names one.

// naming are the queries whose first attempts were proposed with them and are not in the ledger yet.
type naming struct {
	mu      sync.Mutex
	queries map[string]bool
}

// begin notes a query unless as many as most are noted.
func (n *naming) begin(query string, most int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.queries) >= most || n.queries[query] {
		return false
	}
	if n.queries == nil {
		n.queries = map[string]bool{}
	}
	n.queries[query] = true
	return true
}

func (n *naming) end(query string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.queries, query)
}

func (n *naming) has(query string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.queries[query]
}

// attemptWith is the envelope that names the first attempt of the query that e asks, as the ledger is to judge it;
// where p is nil it is judged here. nil: e asks nothing that is opened, or would be refused, or too few nodes that
// hold the data are up, or as many queries are pending as are opened at a time. Of an envelope, end is to be called
// when both are in the ledger or failed.
func (l *leader) attemptWith(ctx context.Context, e catalog.Envelope, p *judge.Preview) (attempt *catalog.Envelope, end func(), err error) {
	payload, err := catalog.ParsePayload(e.Payload)
	if err != nil || payload.Kind != catalog.KindQuerySubmit {
		return nil, nil, nil //nolint:nilerr // the ledger says what is wrong with it
	}
	q := catalog.Query{ID: catalog.QueryID(e.Digest())}
	var b *catalog.QueryAttempt
	err = l.view(func(v state.View) error {
		if _, err := v.Query(q.ID); !errors.Is(err, records.ErrNotFound) {
			return err // it was taken before
		}
		if p == nil {
			if p, err = l.preview(ctx, v, e.Signer, payload.Body); err != nil || p == nil {
				return err
			}
		}
		if len(p.Verdict.Columns) == 0 || len(p.Verdict.Layers) == 0 {
			return nil
		}
		pending, err := v.PendingQueries()
		if err != nil || !l.naming.begin(q.ID, mpc.MaxQueries-len(pending)) {
			return err
		}
		q.Repeats, q.Groups, q.Pieces = p.Repeats, len(p.Verdict.EntityGroups)*len(p.Verdict.PeriodGroups), p.Verdict.Pieces
		if b, err = l.attempt(v, q, p.Verdict); err != nil || b == nil {
			l.naming.end(q.ID)
		}
		return err
	})
	if err != nil || b == nil {
		return nil, nil, err
	}
	named, err := l.access.sign(catalog.KindQueryAttempt, *b)
	if err != nil {
		l.naming.end(q.ID)
		return nil, nil, err
	}
	return &named, func() { l.naming.end(q.ID) }, nil
}

// preview judges a query that another node took; nil: it would be refused.
func (l *leader) preview(ctx context.Context, v state.View, signer string, body []byte) (*judge.Preview, error) {
	var submit catalog.QuerySubmit
	if err := json.Unmarshal(body, &submit); err != nil {
		return nil, nil //nolint:nilnil,nilerr // the ledger says what is wrong with it
	}
	leave, err := l.access.cores.Enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("judge the query: %w", err)
	}
	defer leave()
	p, refusal, err := v.Preview(signer, submit)
	if errors.Is(err, records.ErrNotFound) || refusal != nil {
		return nil, nil //nolint:nilnil // the ledger refuses it
	}
	return &p, err
}
