package dev

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/api/token"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/exchange"
)

const (
	roomFor = 100 // queries that the budget pays for
	hammers = 8
	// The leader is killed after so many more were accepted, each time that all
	// nodes are back, and so often at most: a query whose every attempt meets a
	// kill fails, and its price is there to be spent again.
	killEvery = 10
	mostKills = 15
)

// Outcomes of a submission, as a buyer sees them.
const (
	accepted = "accepted"
	refused  = "refused" // for want of budget
	unknown  = "unknown" // no answer: it may have been charged
	refunded = "refunded"
)

// budget is a contract with room for so many queries.
var budget = porcupine.NondeterministicModel{
	Init: func() []any { return []any{0} },
	Step: func(state, _, output any) []any {
		n := state.(int)
		switch {
		case output == accepted && n < roomFor:
			return []any{n + 1}
		case output == refused && n == roomFor:
			return []any{n}
		case output == refunded && n > 0:
			return []any{n - 1}
		case output == unknown && n < roomFor:
			return []any{n, n + 1}
		case output == unknown:
			return []any{n}
		}
		return nil
	},
}

// attack is eight clients on one contract.
type attack struct {
	cluster  *Cluster
	contract string
	started  time.Time
	accepted chan struct{} // one for every query that was
	over     chan struct{} // closed when no leader is killed any more

	mu  sync.Mutex
	ops []porcupine.Operation
	ids map[string]bool // accepted queries
}

// ask submits one query and records what became of it; it reports whether the
// budget is used up. Every other time the envelope goes to two nodes at once.
func (a *attack) ask(ctx context.Context, worker int, c *client.Client, sql string, twice bool) (bool, error) {
	compiled, err := ask.Compile(ctx, c, sql)
	if err != nil {
		return false, ctx.Err() // the nodes are being killed: try again
	}
	submit := catalog.QuerySubmit{Contract: a.contract, Receiving: c.Key().Public().Receiving, Request: compiled.Request}
	op := porcupine.Operation{ClientId: worker, Call: int64(time.Since(a.started))}
	var id string
	if twice {
		id, err = a.sendTwice(ctx, worker, c, submit)
	} else {
		var done wire.Submitted
		done, err = c.Submit(ctx, catalog.KindQuerySubmit, submit)
		id = done.Outcome.ID
	}
	op.Return = int64(time.Since(a.started))
	r, isRefusal := client.IsRefused(err)
	switch {
	case err == nil:
		op.Output = accepted
	case isRefusal && r.Rule == "contract_budget":
		op.Output = refused
	case isRefusal || errors.Is(err, errAnsweredTwice):
		return false, err
	default:
		op.Output, op.Return = unknown, int64(time.Hour)
	}
	a.mu.Lock()
	a.ops = append(a.ops, op)
	if err == nil {
		a.ids[id] = true
	}
	a.mu.Unlock()
	if err == nil {
		select { // those who ask must not be done before those who kill
		case a.accepted <- struct{}{}:
		case <-a.over:
		case <-ctx.Done():
		}
	}
	return op.Output == refused, ctx.Err()
}

var errAnsweredTwice = errors.New("one envelope had two outcomes")

// sendTwice sends one envelope to two nodes at once. Whoever answers says the
// same; an error that is no refusal means that neither answered.
func (a *attack) sendTwice(ctx context.Context, worker int, c *client.Client, submit catalog.QuerySubmit) (id string, err error) {
	var nonce [16]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return "", err
	}
	now := time.Now().UnixMilli()
	envelope, err := catalog.Sign(c.Key().Signing(), c.Key().ID(), catalog.Payload{
		Cluster: c.Profile().Cluster.String(), Kind: catalog.KindQuerySubmit, Nonce: hex.EncodeToString(nonce[:]), Issued: now, Expires: now + 60_000,
		Body: catalog.Encode(submit),
	})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(envelope)
	if err != nil {
		return "", err
	}
	var done [2]wire.Submitted
	var errs [2]error
	var wg sync.WaitGroup
	for i := range done {
		node := c.Profile().Nodes[(worker+i)%len(c.Profile().Nodes)]
		wg.Go(func() {
			errs[i] = fetchJSON(ctx, a.cluster, http.MethodPost, node.Addr+"/v1/envelopes", "", body, &done[i])
		})
	}
	wg.Wait()
	_, first := client.IsRefused(errs[0])
	_, second := client.IsRefused(errs[1])
	switch {
	case errs[0] == nil && (second || errs[1] == nil && done[0].Outcome.ID != done[1].Outcome.ID), errs[1] == nil && first:
		return "", fmt.Errorf("%w: %s, %w and %s, %w", errAnsweredTwice, done[0].Outcome.ID, errs[0], done[1].Outcome.ID, errs[1])
	case errs[0] == nil || first:
		return done[0].Outcome.ID, errs[0]
	}
	return done[1].Outcome.ID, errs[1]
}

// work asks until the budget is used up and nothing that was charged can still
// fail and be given back.
func (a *attack) work(ctx context.Context, worker int, c *client.Client) error {
	for n := 0; ; n++ {
		first := 1 + n%28
		sql := fmt.Sprintf("SELECT SUM(level) FROM wells WHERE well = 'w%d' AND period BETWEEN '2024-01-%02d' AND '2024-02-%02d'", worker, first, 1+n/28%28)
		used, err := a.ask(ctx, worker, c, sql, n%2 == 1)
		if err != nil {
			return err
		}
		if !used {
			continue
		}
		if over, err := allOver(ctx, c); err == nil && over {
			return nil
		}
		select { // a running query may yet fail and be given back
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func allOver(ctx context.Context, c *client.Client) (bool, error) {
	queries, err := client.Queries.All(ctx, c)
	if err != nil {
		return false, err
	}
	charged := 0
	for _, q := range queries {
		if q.State != catalog.QueryDone && q.State != catalog.QueryFailed {
			return false, nil
		}
		if !q.Refunded {
			charged++
		}
	}
	return charged == roomFor, nil
}

// leaderOf asks the nodes who leads.
func leaderOf(ctx context.Context, c *Cluster, operator *client.Client) (string, error) {
	bearer, err := token.Issue(operator.Key().Signing(), operator.Key().ID(), c.Profile().Cluster.String(), time.Now())
	if err != nil {
		return "", err
	}
	var last error
	for _, n := range c.Profile().Nodes {
		var s struct {
			Ledger struct{ Leader string }
		}
		if last = fetchJSON(ctx, c, http.MethodGet, n.Addr+"/v1/status", bearer, nil, &s); last == nil && s.Ledger.Leader != "" {
			return s.Ledger.Leader, nil
		}
	}
	return "", last
}

// awaitLeader asks until a node knows who leads: there may be an election.
func awaitLeader(ctx context.Context, c *Cluster, operator *client.Client) (string, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		id, err := leaderOf(ctx, c, operator)
		if err == nil && id != "" {
			return id, nil
		}
		select {
		case <-ctx.Done():
			return "", errors.Join(err, ctx.Err())
		case <-tick.C:
		}
	}
}

// killLeaders kills the leader again and again while queries are accepted, until
// told to stop, and returns how often. Each node is back before the next is killed.
func (a *attack) killLeaders(ctx context.Context, t *testing.T, operator *client.Client, stop <-chan struct{}) int {
	defer close(a.over)
	c := a.cluster
	for kills := 0; ; kills++ {
		if kills == mostKills {
			return kills
		}
		for range killEvery {
			select {
			case <-stop:
				return kills
			case <-ctx.Done():
				return kills
			case <-a.accepted:
			}
		}
		id, err := awaitLeader(ctx, c, operator)
		if err != nil {
			t.Errorf("find the leader: %v", err)
			return kills
		}
		if err := c.Kill(id); err != nil {
			t.Error(err)
			return kills
		}
		if err := c.StartNode(id); err != nil {
			t.Error(err)
			return kills
		}
		if err := c.AwaitReady(ctx); err != nil {
			log, _ := os.ReadFile(c.Log(id))
			t.Errorf("%v\n%s", err, log[max(0, len(log)-4000):])
			return kills
		}
	}
}

// Eight clients hammer one contract with room for 100 queries through all nodes
// while the leader is killed again and again: exactly 100 are charged, exactly
// those have results, and what the clients saw can be put in one order.
func TestBudgetIsChargedExactlyWhileLeadersAreKilled(t *testing.T) {
	longrun.Only(t)
	if testing.Short() {
		t.Skip("runs a whole cluster")
	}
	t.Parallel()
	ctx := testContext(t)
	c := start(ctx, t, t.TempDir())
	bureau, buyer, operator := connect(t, c, Bureau), connect(t, c, Buyer), connect(t, c, Operator)
	publishFiles(ctx, t, bureau, []byte(budgetDescriptor), []panel.File{{Name: "wells.csv", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(wellsCSV())), nil
	}}})
	order, err := exchange.CreateOrder(ctx, buyer, catalog.OrderCreate{Dataset: "wells", Purpose: "test", Budget: "10.05"})
	if err != nil {
		t.Fatal(err)
	}
	a := &attack{cluster: c, started: time.Now(), accepted: make(chan struct{}, 2*killEvery), over: make(chan struct{}), ids: map[string]bool{}}
	if a.contract, err = exchange.ApproveOrder(ctx, bureau, catalog.OrderApprove{Order: order}); err != nil {
		t.Fatal(err)
	}
	stop, killed := make(chan struct{}), make(chan int, 1)
	go func() { killed <- a.killLeaders(ctx, t, operator, stop) }()
	var workers sync.WaitGroup
	for i := range hammers {
		profile := c.Profile()
		profile.Addr = profile.Nodes[i%len(profile.Nodes)].Addr
		cl, err := client.New(profile, buyer.Key(), client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		workers.Go(func() {
			if err := a.work(ctx, i, cl); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
	}
	workers.Wait()
	close(stop)
	kills := <-killed
	a.check(ctx, t, buyer)
	t.Logf("%d kills of leaders, %d submissions, %s", kills, len(a.ops), time.Since(a.started).Round(time.Millisecond))
	if kills < 3 {
		t.Error("the leader was killed fewer than three times while they asked")
	}
}

// check compares the ledger with what the clients saw.
func (a *attack) check(ctx context.Context, t *testing.T, buyer *client.Client) {
	t.Helper()
	queries, err := client.Queries.All(ctx, buyer)
	if err != nil {
		t.Fatal(err)
	}
	charged, results, known := 0, 0, map[string]bool{}
	for _, q := range queries {
		known[q.ID] = true
		if !q.Refunded {
			charged++
		}
		if q.State == catalog.QueryDone && len(q.Shares) == 2 {
			results++
		}
		if q.Refunded {
			end := int64(time.Hour)
			a.ops = append(a.ops, porcupine.Operation{ClientId: hammers, Output: refunded, Call: 0, Return: end})
		}
	}
	for id := range a.ids {
		if !known[id] {
			t.Errorf("query %s was accepted and is not in the ledger", id)
		}
	}
	k, err := exchange.Contract(ctx, buyer, a.contract)
	if err != nil {
		t.Fatal(err)
	}
	if charged != roomFor || results != roomFor || k.Spent != "10.00" || k.Used != len(queries) {
		t.Errorf("%d charged, %d with results, %s spent, %d of %d counted; want %d, %d, 10.00", charged, results, k.Spent, k.Used, len(queries), roomFor, roomFor)
	}
	if got := porcupine.CheckOperationsTimeout(budget.ToModel(), a.ops, 2*time.Minute); got != porcupine.Ok {
		t.Errorf("what the clients saw is %s", got)
	}
}
