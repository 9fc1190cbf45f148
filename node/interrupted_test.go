package node

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/mpc"
	"github.com/weirdata/weir/node/versions"
)

// A leader that is started anew while it takes part in an attempt has lost what
// the others sent it, and whoever leads next may see the attempt for the first
// time. It ends the attempt itself, long before its time is over.
func TestLeaderStartedAnewInTheMiddleOfAnAttemptEndsItItself(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	var victim atomic.Pointer[Node]
	held, release := make(chan string, 1), make(chan struct{})
	c := newCluster(t, 2, 2, func(o *Options) {
		id := o.ID
		o.plan = func(w versions.Sources, verdict catalog.Verdict) (*plan.Plan, error) {
			if v := victim.Load(); v != nil && v.id == id {
				session := ""
				err := v.view(func(v state.View) error {
					pending, err := v.PendingQueries()
					if len(pending) == 1 {
						if a, member := mpc.Member(pending[0].Attempts, id); member {
							session = mpc.QuerySession(pending[0].ID, a.Number)
						}
					}
					return err
				})
				if err != nil {
					return nil, err
				}
				if session != "" && victim.CompareAndSwap(v, nil) {
					held <- session
					<-release
				}
			}
			return versions.PlanOf(w, verdict)
		}
	})
	bureau := c.publisher(ctx, "bureau")
	truth := stationTruth(publishStations(ctx, t, bureau, "stations"))
	n := c.leader(ctx, "n1")
	victim.Store(n)
	type answer struct {
		r   *ask.Result
		err error
	}
	answered := make(chan answer, 1)
	go func() {
		r, err := ask.Query(ctx, bureau, fmt.Sprintf(stationsSQL, "stations"), ask.Options{})
		answered <- answer{r, err}
	}()
	session := <-held
	other := map[string]string{"n1": "n2", "n2": "n1"}[n.id]
	if _, err := n.mpc.Mailbox.Wait(ctx, mpc.Message{Session: session, Kind: mpc.KindDigests, From: other}); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- n.Close() }()
	<-n.life.Done()
	close(release)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	c.open(n.id)
	got := <-answered
	if got.err != nil {
		t.Fatal(got.err)
	}
	attempts := got.r.Query.Attempts
	i := slices.IndexFunc(attempts, func(a catalog.Attempt) bool { return mpc.QuerySession(got.r.Query.ID, a.Number) == session })
	if i < 0 || len(attempts) < i+2 || attempts[i].Failed.IsZero() || strings.Contains(explain.Reason(attempts[i].Failed), "not done after") {
		t.Errorf("attempts %+v, want %s to fail at once and another to answer", attempts, session)
	}
	var table bytes.Buffer
	if err := got.r.Table.WriteCSV(&table); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(truth, rowsOf(t, table.Bytes())); d != "" {
		t.Errorf("(-plaintext +answer)\n%s", d)
	}
}
