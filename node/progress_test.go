package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/mpc"
)

// followed is what the members counted, by session and node.
type followed struct {
	mu   sync.Mutex
	told map[string]map[string][]wire.Progress
}

func (f *followed) of(node string) func(string, wire.Progress) {
	return func(session string, now wire.Progress) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.told[session] == nil {
			f.told[session] = map[string][]wire.Progress{}
		}
		f.told[session][node] = append(f.told[session][node], now)
	}
}

// check holds what the members of an answer counted against what was explained.
func (f *followed) check(t *testing.T, sql string, q catalog.Query, x wire.Explained, stages ...wire.Stage) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	a := q.Attempts[len(q.Attempts)-1]
	told := f.told[mpc.QuerySession(q.ID, a.Number)]
	if len(told) != len(a.Active) {
		t.Fatalf("%s: %d nodes counted, %d are members", sql, len(told), len(a.Active))
	}
	for node, list := range told {
		var was wire.Progress
		var order []wire.Stage
		for _, now := range list {
			if now.Tiles < was.Tiles || now.Openings < was.Openings || now.Products < was.Products || now.Fraction() < was.Fraction() {
				t.Errorf("%s: %s told %+v after %+v", sql, node, now, was)
			}
			if now.Stage != was.Stage {
				order = append(order, now.Stage)
			}
			was = now
		}
		if was.Tiles != was.TilesTotal || was.Openings != was.OpeningsTotal || was.Products != was.ProductsTotal || was.Fraction() != 1 {
			t.Errorf("%s: %s is done and counted %+v", sql, node, was)
		}
		if !x.Plan.Bound && (was.Tiles != x.Plan.Tiles || was.Openings != int64(x.Plan.Openings) || was.Products != x.Plan.Products) {
			t.Errorf("%s: %s counted %+v, explained were %+v", sql, node, was, x.Plan)
		}
		if !slices.Equal(order, stages) {
			t.Errorf("%s: %s went through %v, want %v", sql, node, order, stages)
		}
	}
}

// Every member counts what it does, up to what was explained: of sums, of products of
// shares and of private queries.
func TestMembersCountWhatTheyDo(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	f := followed{told: map[string]map[string][]wire.Progress{}}
	x := newFirmsOf(ctx, t, 3, 2, firmsDescriptor, func(o *Options) { o.far = f.of(o.ID) })
	p := prepareText(ctx, t, fmt.Sprintf(statisticStations, "stations"), stationsCSV(stationReadings()), nil)
	if _, err := publish.Publish(ctx, x.bureau, p, nil); err != nil {
		t.Fatal(err)
	}
	contract(ctx, t, x.buyer, x.bureau, "stations")
	mine := x.vector("mine", 1, selected(func(f int) bool { return f%4 == 0 }))
	mine.By = []string{"county"}
	x.register(ctx, t, mine)
	for sql, stages := range map[string][]wire.Stage{
		`SELECT county, SUM(pm25), SUM(no2) FROM stations GROUP BY county`:                           {wire.StageTiles, wire.StageOpenings, wire.StageAnswer},
		`SELECT VAR_POP(pm25), CORR(pm25, no2) FROM stations`:                                        {wire.StageTiles, wire.StageOpenings, wire.StageProducts, wire.StageAnswer},
		`SELECT county, SUM(co2), COUNT(co2) FROM firms WHERE firm IN PRIVATE(mine) GROUP BY county`: {wire.StageTiles, wire.StageOpenings, wire.StageTest, wire.StageProducts, wire.StageAnswer},
	} {
		explained, err := ask.Explain(ctx, x.buyer, sql, ask.Options{})
		if err != nil {
			t.Fatalf("explain %s: %v", sql, err)
		}
		r, err := ask.Query(ctx, x.buyer, sql, ask.Options{})
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		f.check(t, sql, r.Query, explained, stages...)
	}
}

// The owner of a query that takes its time is told how far it is; no count goes back, and
// when it is answered nobody knows any more.
func TestOwnerIsToldHowFarAQueryIs(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	var holding atomic.Bool
	told := make(chan struct{})
	c := newCluster(t, 3, 2, func(o *Options) {
		count := o.summed
		o.summed = func(tiles int) {
			count(tiles)
			if holding.Load() { // of the first sum, until the owner was told
				<-told
			}
		}
	})
	bureau := c.publisher(ctx, "bureau")
	stranger := c.admit(ctx, newKey(t, "bank"), catalog.RoleBuyer)
	publishStations(ctx, t, bureau, "stations")
	holding.Store(true)
	var once sync.Once
	defer once.Do(func() { close(told) }) // or the nodes could not be closed
	var was ask.Progress
	bound, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	r, err := ask.Query(bound, bureau, fmt.Sprintf(stationsSQL, "stations"), ask.Options{
		ProgressEvery: time.Millisecond,
		Progress: func(h ask.Progress) {
			if h.Attempt == was.Attempt && (h.Tiles < was.Tiles || h.Openings < was.Openings) {
				t.Errorf("told %+v after %+v", h.Progress, was.Progress)
			}
			was = h
			if h.Known && h.Stage == wire.StageTiles && h.TilesTotal > 0 {
				once.Do(func() {
					if _, err := client.Get[catalog.Query](ctx, stranger, client.Call{Path: "/v1/queries/" + h.Query.ID, Token: true}); err == nil || !strings.Contains(err.Error(), "not found") && !strings.Contains(err.Error(), "there is no") {
						t.Errorf("a stranger asks for the query, and hears %v", err)
					}
					close(told)
				})
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if was.Query.ID != r.Query.ID {
		t.Errorf("told of query %q, it is %s", was.Query.ID, r.Query.ID)
	}
	select {
	case <-told:
	default:
		t.Error("the owner was not told")
	}
	for id, n := range c.nodes {
		if p := n.Progress(r.Query); p != nil {
			t.Errorf("%s tells %+v of a query that is answered", id, p)
		}
	}
	c.await(ctx, "what was counted to be forgotten", func() bool {
		for _, n := range c.nodes {
			if n.mpc.Attempts.Progress(mpc.QuerySession(r.Query.ID, 1), 1).TilesTotal > 0 {
				return false
			}
		}
		return true
	})
}
