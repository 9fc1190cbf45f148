package node

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/client/vector"
	"github.com/weirdata/weir/node/leak"
)

// portfolioNeedles are the nodes' shares of a vector, at several places.
func (x *exchangeOf) portfolioNeedles(t *testing.T, v catalog.Vector) (list []leak.Needle) {
	t.Helper()
	for _, m := range x.body.Nodes {
		record, err := x.nodes[m.ID].vault.Get("vector/" + v.ID)
		if err != nil {
			t.Fatal(err)
		}
		share := storedParts(t, record)[2] // behind the commitment and the nonce
		const header = 24                  // which is public
		for _, at := range []int{header, (header + len(share)) / 2, len(share) - 32} {
			if at = max(at, header); at+32 <= len(share) {
				list = append(list, leak.Forms(fmt.Sprintf("share of %s at byte %d of %s", m.ID, at, v.ID), share[at:at+32])...)
			}
		}
	}
	return list
}

// Shares of private vectors are nowhere but in the vaults: not in what nodes send each
// other while they register, test, multiply and answer, not in what clients send, in no
// file and no log. And what everybody can see of a portfolio, ledger and traffic, is
// the same for another one of the same size.
func TestNothingOfAPortfolioIsSeen(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	peers, clients, logs := &tapped{}, &apiTap{}, &apiTap{}
	logger := slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	x := newFirmsOf(ctx, t, 3, 2, strings.Replace(firmsDescriptor, "  min_cohort: 4\n", "  min_cohort: 4\n  portfolios: 2\n", 1),
		func(o *Options) { o.Tap, o.WrapAPI, o.Logger = peers.of(o.ID), clients.wrap, logger })
	type run struct {
		entries []string
		failed  bool
		sums    []string
	}
	var runs []run
	var needles []leak.Needle
	for name, mine := range map[string]func(int) uint64{
		"pa": selected(func(f int) bool { return f < 20 }),
		"pb": selected(func(f int) bool { return f >= 20 }),
	} {
		var from uint64 // of everything so far: what was done may have been done at another node
		if err := x.nodes["n1"].Read(ctx, func(state.View) error { from = x.nodes["n1"].ledger.NextSeq(); return nil }); err != nil {
			t.Fatal(err)
		}
		// A publisher asks its own data of one list after the other, for the same months.
		v, err := vector.Register(ctx, x.bureau, x.vector(name, 1, mine), nil)
		if err != nil {
			t.Fatal(err)
		}
		got := queryRows(ctx, t, x.bureau, `SELECT SUM(co2), COUNT(co2) FROM firms WHERE firm IN PRIVATE(`+name+`)`)
		if _, err := ask.Query(ctx, x.bureau, `SELECT SUM(co2) FROM firms WHERE firm IN PRIVATE(`+name+`)`, ask.Options{Epsilon: "0.5"}); err != nil {
			t.Fatal(err)
		}
		needles = append(needles, x.portfolioNeedles(t, v)...)
		needles = append(needles, vectorNeedles("portfolio "+name, x.vector(name, 1, mine).Values, x.order)...)
		entries, failed := x.trace(t, from)
		runs = append(runs, run{entries, failed, got[0]})
	}
	if cmp.Equal(runs[0].sums, runs[1].sums) {
		t.Fatal("both portfolios have the same sums: this shows nothing")
	}
	if runs[0].failed || runs[1].failed { // how often it was tried is a matter of time
		runs[0].entries, runs[1].entries = slices.Compact(runs[0].entries), slices.Compact(runs[1].entries)
	}
	if d := cmp.Diff(runs[0].entries, runs[1].entries); d != "" {
		t.Errorf("the ledger tells two portfolios apart (-one +other)\n%s", d)
	}
	x.moveAll(ctx, t, &needles)
	for _, found := range leak.Search(append(peers.streams(), leak.Place{Name: "what clients send and get", Bytes: clients.all()}, leak.Place{Name: "a log", Bytes: logs.all()}), needles) {
		t.Error(found)
	}
	leak.MustFindAll(t, "one text with all of them", []leak.Place{{Name: "text", Bytes: leak.Planted(needles)}}, needles)
	for _, m := range x.body.Nodes {
		x.close(m.ID)
		for _, found := range leak.Search(x.nodePlaces(t, m.ID), needles) {
			t.Error(found)
		}
	}
}

// moveAll shares all vectors anew, and adds the new shares to what is not to be seen.
func (x *exchangeOf) moveAll(ctx context.Context, t *testing.T, needles *[]leak.Needle) {
	t.Helper()
	moves := map[string]uint64{}
	list, err := client.Vectors.All(ctx, x.bureau)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range list {
		moves[v.ID] = 0
	}
	if err := govern.RefreshVectors(ctx, x.client(x.operator)); err != nil {
		t.Fatal(err)
	}
	x.awaitMoved(ctx, moves)
	for id, move := range moves {
		for _, m := range x.body.Nodes {
			record, err := x.nodes[m.ID].vault.Get(fmt.Sprintf("vector/%s/%d", id, move))
			if err != nil {
				t.Fatal(err)
			}
			share := storedParts(t, record)[3][24:] // behind a public header
			for _, at := range []int{0, len(share) / 2, len(share) - 32} {
				*needles = append(*needles, leak.Forms(fmt.Sprintf("moved share of %s at byte %d of %s", m.ID, at, id), share[at:at+32])...)
			}
		}
	}
}

// trace is what the ledger shows from an entry on, with everything that is random in
// it masked: kinds, who, and the shape of every body. Order is not kept, since nodes
// do not wait for each other. Attempts that failed, as they do where a node is too busy
// to answer, are told apart: what came after them came once more.
func (x *exchangeOf) trace(t *testing.T, from uint64) (list []string, failed bool) {
	t.Helper()
	n := x.nodes["n1"]
	ctx := testContext(t)
	x.await(ctx, "the ledger to be quiet", func() bool {
		quiet := true
		err := n.Read(ctx, func(v state.View) error {
			q, err := v.PendingQueries()
			quiet = len(q) == 0
			return err
		})
		return err == nil && quiet
	})
	for seq := from; seq < n.ledger.NextSeq(); seq++ {
		r, err := n.checkpoints.Record(context.Background(), seq) //nolint:usetesting // reads memory
		if err != nil {
			t.Fatal(err)
		}
		var out catalog.Outcome
		if err := json.Unmarshal(r.Outcome, &out); err != nil {
			t.Fatal(err)
		}
		if out.Refusal != nil && out.Refusal.Kind == catalog.RefusedConflict || out.Kind == catalog.KindVersionAck {
			continue // a busy node says things twice, and is late with what was published before
		}
		entry, err := catalog.ParseEntry(r.Entry)
		if err != nil {
			t.Fatal(err)
		}
		var o catalog.Outcome
		if err := json.Unmarshal(r.Outcome, &o); err != nil {
			t.Fatal(err)
		}
		byNode := strings.HasPrefix(entry.Envelope.Signer, catalog.NodeSigner(""))
		if o.Repeat || byNode && o.Refusal != nil {
			continue // said twice, to one leader and the next, or too late: a matter of time
		}
		if o.Kind == catalog.KindQueryFail || o.Kind == catalog.KindVectorFail {
			failed = true
			continue
		}
		p, err := catalog.ParsePayload(entry.Envelope.Payload)
		if err != nil {
			t.Fatal(err)
		}
		var body any
		if err := json.Unmarshal(p.Body, &body); err != nil {
			t.Fatal(err)
		}
		who := "a node"
		if !byNode {
			who = "the buyer"
		}
		list = append(list, fmt.Sprintf("%s by %s: %s", p.Kind, who, shapeOf(body)))
	}
	slices.Sort(list)
	return list, failed
}

// shapeOf writes JSON without what is random in it: the lengths of text and of lists
// stay, numbers do not.
func shapeOf(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var parts []string
		for key, x := range v {
			parts = append(parts, key+":"+shapeOf(x))
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ",") + "}"
	case []any:
		var parts []string
		for _, x := range v {
			parts = append(parts, shapeOf(x))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case string:
		return fmt.Sprintf("text of %d", len(v))
	case float64:
		return "number"
	}
	return fmt.Sprint(v)
}
