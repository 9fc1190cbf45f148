package drill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/backup"
	"github.com/weirdata/weir/node/mpc"
	"github.com/weirdata/weir/node/versions"
)

// recorded is a query that is computed anew.
type recorded struct {
	catalog.Query
	attempt catalog.Attempt
	verdict catalog.Verdict
	sources versions.Sources
	plan    *plan.Plan
}

// checkQueries computes recorded queries anew, and opens them where there are shares. It returns which.
func (d *drilling) checkQueries(ctx context.Context) (computed []string, err error) {
	ids, err := d.answered()
	if err != nil {
		return nil, err
	}
	chosen := choose(ids, d.Queries)
	err = d.view(func(v state.View) error { return d.setApart(ids, v.Query) })
	if err != nil {
		return nil, err
	}
	for query := range d.results { // whoever gives a result wants it compared
		chosen[query] = true
	}
	keys := newKeys(d)
	defer keys.erase()
	c, done := d.checks[recovery.Sums], 0
	for _, id := range ids {
		if !chosen[id] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		done++
		computed = append(computed, id)
		d.Progress(fmt.Sprintf("computing query %d of %d anew", done, len(chosen)))
		q, err := d.load(ctx, id)
		if err == nil {
			c.Tried.Tried++
			err = d.compute(ctx, q, keys)
		}
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			c.differ("query %s: %v", id, err)
		}
	}
	if n := len(d.expired); n > 0 {
		c.note("%d answered queries are of versions that have expired, which no node keeps: they were not computed anew", n)
	}
	if c.Tried.Tried == 0 && c.Skipped == "" {
		c.Skipped = "the backup has no answered query whose verdict and version are kept and that opened anything"
	}
	if o := d.checks[recovery.Openings]; o.Tried.Tried == 0 && o.Skipped == "" {
		o.Skipped = "nothing was computed that could be opened"
		if keys.missing != "" {
			o.Skipped = keys.missing
		}
	}
	if f := d.checks[recovery.Figures]; f.Tried.Tried == 0 && f.Skipped == "" {
		f.Skipped = "none of the results was opened"
	}
	return computed, nil
}

// answered lists the queries whose attempt opened something of which all is kept, in their order.
func (d *drilling) answered() (ids []string, err error) {
	err = d.replay.View(func(r records.Reader) error {
		return r.Scan([]byte(records.PrefixQuery), func(key, value []byte) error {
			var q catalog.Query
			if err := json.Unmarshal(value, &q); err != nil {
				return fmt.Errorf("decode %s: %w", key, err)
			}
			a, under := mpc.UnderWay(q.Attempts)
			if q.State != catalog.QueryDone || !under || a.Reseals || q.Context.IsZero() {
				return nil
			}
			if kept, err := records.Has(r, records.PrefixVerdict+q.ID); err != nil || !kept {
				return err
			}
			if gone, err := readsExpired(r, q); err != nil || gone {
				d.expired = append(d.expired, q.ID)
				return err
			}
			ids = append(ids, q.ID)
			return nil
		})
	})
	return ids, err
}

// readsExpired reports whether a query was answered from a version that no backup has any more. Only datasets whose
// queries read the version alone that they are of have such.
func readsExpired(r records.Reader, q catalog.Query) (bool, error) {
	of := []catalog.VersionOf{{Dataset: q.Dataset, Version: q.Version}}
	if q.Join != nil {
		of = append(of, catalog.VersionOf{Dataset: q.Join.Dataset, Version: q.Join.Version})
	}
	for _, at := range of {
		v, err := records.Find[catalog.Version](r, records.PrefixVersion+records.VersionName(at.Dataset, at.Version))
		if err != nil || v.Expired > 0 {
			return v.Expired > 0, err
		}
	}
	return false, nil
}

// setApart takes the results out whose query is not among those that can be computed. One of a query that is forgotten,
// whose version has expired, or that was answered by what was sealed before, is sound; that it was not compared is said.
func (d *drilling) setApart(ids []string, find func(id string) (catalog.Query, error)) error {
	c := d.checks[recovery.Figures]
	for _, id := range slices.Sorted(maps.Keys(d.results)) {
		if slices.Contains(ids, id) {
			continue
		}
		name := d.results[id].Name
		delete(d.results, id)
		q, err := find(id)
		if err != nil && !errors.Is(err, records.ErrNotFound) {
			return err
		}
		a, _ := mpc.UnderWay(q.Attempts)
		switch {
		case q.Forgotten > 0:
			c.Missed = name + ": what the query was answered by is forgotten, its retention is over"
		case slices.Contains(d.expired, id):
			c.Missed = name + ": the version that the query was answered from has expired, and no node keeps it"
		case q.State == catalog.QueryDone && a.Reseals:
			c.Missed = fmt.Sprintf("%s: the query was answered by what was sealed for query %s: give the result of that one", name, q.Repeats)
		default:
			c.differ("%s: the backup has no such query, or not what it was answered by", name)
			continue
		}
		c.note("%s", c.Missed)
	}
	return nil
}

// choose takes n of the list, as far from each other as that goes: an id is a hash, so those are any.
func choose(ids []string, n int) map[string]bool {
	if n <= 0 || n > len(ids) {
		n = len(ids)
	}
	chosen := map[string]bool{}
	for i := range n {
		chosen[ids[i*len(ids)/n]] = true
	}
	return chosen
}

// load reads a query with all that its members planned it by.
func (d *drilling) load(ctx context.Context, id string) (q recorded, err error) {
	err = d.view(func(v state.View) (err error) {
		if q.Query, err = v.Query(id); err != nil {
			return err
		}
		q.verdict, err = v.Verdict(id)
		return err
	})
	if err != nil {
		return q, err
	}
	q.attempt, _ = mpc.UnderWay(q.Attempts)
	if q.sources, err = d.store.Sources(ctx, q.verdict); err != nil {
		return q, err
	}
	if q.plan, err = d.store.Plan(q.sources, q.verdict); err != nil {
		return q, err
	}
	return q, d.store.FetchManifests(ctx, q.sources)
}

// compute adds a query's tiles up and compares; then it opens the sums.
func (d *drilling) compute(ctx context.Context, q recorded, keys *keys) error {
	if got := q.plan.Digest(); got != q.Plan {
		return fmt.Errorf("its plan is %s, and its members computed by %s", got, q.Plan)
	}
	among, known := d.among[q.ID]
	if !known || among.number != q.attempt.Number {
		return fmt.Errorf("among whom attempt %d computed is not known", q.attempt.Number)
	}
	open, err := keys.opener(q)
	if err != nil {
		return err
	}
	contexts, err := mpc.Contexts(d.cluster.ID, q.Query, q.attempt, among.roster, q.sources, q.plan, func(number int) (sum [32]byte, err error) {
		acc := he.NewAccumulator(d.store.Params)
		for _, t := range versions.OpeningDigests(q.sources, q.plan, number) {
			b, err := archiveBlobs{d}.Load(ctx, t)
			if err != nil {
				return sum, err
			}
			if err := acc.Add(b); err != nil {
				return sum, fmt.Errorf("%w: tile %s: %w", backup.ErrDamaged, t, err)
			}
		}
		if sum, err = acc.Digest(); err == nil {
			err = open.take(number, sum, acc)
		}
		return sum, err
	})
	if err != nil {
		return err
	}
	if contexts != q.Context {
		return errors.New("the sums of its tiles are others than those that its members opened")
	}
	return open.finish(ctx)
}
