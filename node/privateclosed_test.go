package node

import (
	"bytes"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/vector"
	"github.com/weirdata/weir/node/mpc"
	"github.com/weirdata/weir/node/versions"
)

// A member that closes in the middle of a private query ends one attempt. Another
// active set answers it, with the shares that the nodes hold: the buyer sends nothing
// again, and its classes are still its own.
func TestMemberClosedInTheMiddleOfAPrivateQueryIsReplaced(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	var armed atomic.Bool
	var x *exchangeOf
	held, release := make(chan string, 1), make(chan struct{})
	inAttempt := func(n *Node) (in bool, err error) {
		err = n.view(func(v state.View) error {
			pending, err := v.PendingQueries()
			if len(pending) == 1 {
				_, in = mpc.Member(pending[0].Attempts, n.id)
			}
			return err
		})
		return in, err
	}
	x = newFirmsOf(ctx, t, 3, 2, firmsDescriptor, func(o *Options) {
		id := o.ID
		o.plan = func(w versions.Sources, verdict catalog.Verdict) (*plan.Plan, error) {
			if id != "n1" && verdict.In != "" && armed.Load() { // n1 is whom the client asks
				in, err := inAttempt(x.nodes[id])
				if err != nil {
					return nil, err
				}
				if in && armed.CompareAndSwap(true, false) {
					held <- id
					<-release
				}
			}
			return versions.PlanOf(w, verdict)
		}
	})
	mine := selected(func(f int) bool { return f < 20 })
	v := x.register(ctx, t, x.vector("mine", 1, mine))
	sum, _ := x.sums(mine)
	total := sum["c0"] + sum["c1"]
	armed.Store(true)
	type answer struct {
		r   *ask.Result
		err error
	}
	answered := make(chan answer, 1)
	go func() {
		r, err := ask.Query(ctx, x.buyer, `SELECT SUM(co2) FROM firms WHERE firm IN PRIVATE(mine)`, ask.Options{})
		answered <- answer{r, err}
	}()
	victim := <-held
	closed := make(chan error, 1)
	n := x.nodes[victim]
	go func() { closed <- n.Close() }()
	<-n.life.Done()
	close(release)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	got := <-answered
	if got.err != nil {
		t.Fatal(got.err)
	}
	attempts := got.r.Query.Attempts
	last := attempts[len(attempts)-1]
	failed := func(a catalog.Attempt) bool { return slices.Contains(a.Active, victim) && !a.Failed.IsZero() }
	if len(attempts) < 2 || !slices.ContainsFunc(attempts, failed) || slices.Contains(last.Active, victim) {
		t.Errorf("attempts %+v, want one that %s was in to fail and another set to answer", attempts, victim)
	}
	var table bytes.Buffer
	if err := got.r.Table.WriteCSV(&table); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([][]string{{fmt.Sprintf("%d.%d", total/10, total%10)}}, rowsOf(t, table.Bytes())); d != "" {
		t.Errorf("(-plaintext +answer)\n%s", d)
	}
	all, err := vector.All(ctx, x.buyer)
	if err != nil || len(all) != 1 || all[0].ID != v.ID {
		t.Errorf("the buyer's vectors are %+v, %v", all, err)
	}
	x.open(victim)
}
