package node

import (
	"sync"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/versions"
)

// planWatch tells of every run of a query's work with a private list.
func planWatch(seen func(id string)) func(*Options) {
	return func(o *Options) {
		id := o.ID
		o.plan = func(w versions.Sources, v catalog.Verdict) (*plan.Plan, error) {
			if v.In != "" {
				seen(id)
			}
			return versions.PlanOf(w, v)
		}
	}
}

// Witnesses that no node has yet are waited for: nothing is opened without them, and the
// attempt is not used up. Before, each attempt ended with what it had opened for nothing.
func TestWitnessesThatComeLateCostNoAttempt(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	var mu sync.Mutex
	runs := map[string]int{}
	x := newFirmsOf(ctx, t, 3, 2, firmsDescriptor, planWatch(func(id string) {
		mu.Lock()
		defer mu.Unlock()
		runs[id]++
	}))
	mine := selected(func(f int) bool { return f < 20 })
	plan := x.vector("mine", 1, mine)
	x.register(ctx, t, plan)
	var late sync.WaitGroup
	defer late.Wait()
	l := &liar{exchangeOf: x, asker: x.buyer, contract: x.contractOf(ctx, t)}
	l.put = func(sealed [][]byte) {
		late.Go(func() {
			x.await(ctx, "two members to have tried twice", func() bool {
				mu.Lock()
				defer mu.Unlock()
				again := 0
				for _, n := range runs {
					if n > 1 {
						again++
					}
				}
				return again > 1
			})
			x.putOnFirst(ctx, t, sealed)
		})
	}
	q, err := l.ask(ctx, t, "SELECT SUM(co2) FROM firms WHERE firm IN PRIVATE(mine)", plan.Values)
	if err != nil || q.State != catalog.QueryDone || len(q.Attempts) != 1 {
		t.Errorf("the query is %s after %d attempts, want it done after one: %+v, %v", q.State, len(q.Attempts), q.Reason, err)
	}
}

// A client gives each node its own share of the witnesses: a node that dies takes with it
// what only it needs.
func TestEveryNodeHasItsWitnessesFromTheClient(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	var x *exchangeOf
	var mu sync.Mutex
	var faults []error
	looked := 0
	x = newFirmsOf(ctx, t, 3, 2, firmsDescriptor, planWatch(func(id string) {
		mu.Lock()
		defer mu.Unlock()
		n := x.nodes[id]
		var pending []catalog.Query
		err := n.view(func(v state.View) (err error) {
			pending, err = v.PendingQueries()
			return err
		})
		if err != nil {
			faults = append(faults, err)
			return
		}
		for _, q := range pending {
			if _, err := n.disk.Get(ctx, q.Submit.Witnesses[n.point-1]); err != nil {
				faults = append(faults, err)
			}
			looked++
		}
	}))
	mine := selected(func(f int) bool { return f < 20 })
	x.register(ctx, t, x.vector("mine", 1, mine))
	queryRows(ctx, t, x.buyer, "SELECT SUM(co2) FROM firms WHERE firm IN PRIVATE(mine)")
	mu.Lock()
	defer mu.Unlock()
	if looked < 2 || len(faults) > 0 {
		t.Errorf("of %d members some lack their witnesses: %v", looked, faults)
	}
}
