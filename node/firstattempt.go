package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

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

// beginNaming notes that the first attempt of a query is proposed with it, unless as many as most are noted.
func (l *leader) beginNaming(query string, most int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.naming) >= most || l.naming[query] {
		return false
	}
	l.naming[query] = true
	return true
}

func (l *leader) endNaming(query string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.naming, query)
}

func (l *leader) isNaming(query string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.naming[query]
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
	if json.Unmarshal(payload.Body, &q.Submit) != nil {
		return nil, nil, nil // likewise
	}
	if p == nil { // another node took the query, and judged it
		leave, err := l.access.cores.Enter(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("judge the query: %w", err)
		}
		defer leave()
	}
	var b *catalog.QueryAttempt
	err = l.view(func(v state.View) error {
		if _, err := v.Query(q.ID); !errors.Is(err, records.ErrNotFound) {
			return err // it was taken before
		}
		if p == nil {
			judged, refusal, err := v.Preview(e.Signer, q.Submit)
			if errors.Is(err, records.ErrNotFound) || refusal != nil {
				return nil // the ledger refuses it
			}
			if err != nil {
				return err
			}
			p = &judged
		}
		if len(p.Verdict.Columns) == 0 || len(p.Verdict.Layers) == 0 {
			return nil
		}
		pending, err := v.PendingQueries()
		if err != nil || !l.beginNaming(q.ID, mpc.MaxQueries-len(pending)) {
			return err
		}
		q.Repeats, q.Groups, q.Pieces = p.Repeats, len(p.Verdict.EntityGroups)*len(p.Verdict.PeriodGroups), p.Verdict.Pieces
		if b, err = l.attempt(v, q, p.Verdict); err != nil || b == nil {
			l.endNaming(q.ID)
		}
		return err
	})
	if err != nil || b == nil {
		return nil, nil, err
	}
	named, err := l.access.sign(catalog.KindQueryAttempt, *b)
	if err != nil {
		l.endNaming(q.ID)
		return nil, nil, err
	}
	return &named, func() { l.endNaming(q.ID) }, nil
}
