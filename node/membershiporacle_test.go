package node

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/family"
	"github.com/weirdata/weir/node/client/vector"
)

// oracle is a version that a publisher makes up to learn whether firm 0 is in a list of
// which it knows the members 2, 4 and 6: of county c0 it corrects these, firm 0 and four
// who are in no list. As of it the test passes where firm 0 is in the list, for then both
// sides have min_cohort, and fails where it is not.
var oracle = []int{0, 2, 4, 6, 8, 10, 12, 14}

func withVictim(f int) bool    { return f%4 == 1 || f == 0 || withoutVictim(f) }
func withoutVictim(f int) bool { return f%4 == 1 || f == 2 || f == 4 || f == 6 }

// publishOracle publishes that version.
func (x *exchangeOf) publishOracle(ctx context.Context, t *testing.T) {
	t.Helper()
	src := prepareText(ctx, t, strings.Replace(firmsDescriptor, "  dp:", "  portfolios: 2\n  dp:", 1), firmsCSV(corrected(oracle)), nil)
	bits := disclosure.Bits{}
	for _, f := range oracle {
		bits = bits.Set(slices.Index(x.order, firmID(f)))
	}
	family, err := family.Read(ctx, x.bureau, "firms")
	if err != nil {
		t.Fatal(err)
	}
	same := family.Rule.Tree().Class(slices.Index(x.order, firmID(1)))
	news := []catalog.SourceNews{{
		Column: 0, Period: monthOf(2024, 1), News: bits.Bytes(firmCount), Equal: []catalog.EqualClasses{{Version: 1, Classes: []int32{same}}},
	}}
	if v := x.declare(ctx, t, x.clientWith(x.bureau.Key(), client.Options{}), src, news, 1); v.State != catalog.VersionLive {
		t.Fatalf("version 2 is %s: %q", v.State, v.Reason)
	}
}

// signed counts the entries of the ledger that a principal signed.
func (c *cluster) signed(ctx context.Context, t *testing.T, principal string) (n int) {
	t.Helper()
	node := c.nodes["n1"]
	// What was accepted before is there.
	if err := node.Read(ctx, func(state.View) error { return nil }); err != nil {
		t.Fatal(err)
	}
	for seq := range node.ledger.NextSeq() {
		r, err := node.checkpoints.Record(ctx, seq)
		if errors.Is(err, api.ErrNotFound) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, err := catalog.ParseEntry(r.Entry); err == nil && e.Envelope.Signer == principal {
			n++
		}
	}
	return n
}

// A publisher chooses its readings, who has any, what it declares as new, and when. A test
// that fails on the nodes would tell it who is in a private list. A buyer's client runs the
// test before it asks: what would fail is refused on the buyer's machine, with nothing in
// the ledger and the version that passes; and a query that was tested on anything else
// than what the nodes have is refused before they test it, whoever is in the list.
func TestThePublishersMembershipOracleIsRefused(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newFirmsOf(ctx, t, 3, 2, strings.Replace(firmsDescriptor, "  dp:", "  portfolios: 2\n  dp:", 1), nil)
	second := x.admit(ctx, newKey(t, "insurer"), catalog.RoleBuyer)
	contracts := []string{x.contractOf(ctx, t), contractWith(ctx, t, second, x.bureau, catalog.OrderCreate{Dataset: "firms", Portfolio: true})}
	x.publishOracle(ctx, t)
	const sql = "SELECT SUM(co2) FROM firms WHERE firm IN PRIVATE(mine) AND period = '2024-01'"

	// The oracle speaks to whoever asks without a test: the publisher itself, on its own data.
	for name, is := range map[string]func(int) bool{"with": withVictim, "without": withoutVictim} {
		plan := x.vector(name, 1, selected(is))
		if _, err := vector.Register(ctx, x.bureau, plan, nil); err != nil {
			t.Fatal(err)
		}
		q, err := (&liar{exchangeOf: x, asker: x.bureau}).ask(ctx, t, strings.Replace(sql, "mine", name, 1), plan.Values)
		if passes := q.State == catalog.QueryDone; err != nil || passes != is(0) || !passes && q.Reason.Code != catalog.CodeTest {
			t.Fatalf("a list %s the victim, untested: %s, %q, %v: the version is no oracle", name, q.State, q.Reason, err)
		}
	}

	for i, buyer := range []*client.Client{x.buyer, second} {
		is := []func(int) bool{withVictim, withoutVictim}[i]
		plan := x.vector("mine", 1, selected(is))
		if _, err := vector.Register(ctx, buyer, plan, nil); err != nil {
			t.Fatal(err)
		}
		// Somebody who was told of other sources is refused alike, with the victim and without.
		l := &liar{exchangeOf: x, asker: buyer, contract: contracts[i], told: catalog.Sum([]byte("other news"))}
		q, err := l.ask(ctx, t, sql, plan.Values)
		if r, refused := client.IsRefused(err); !refused || r.Rule != "sources" {
			t.Errorf("buyer %d, told of other sources: query %q is %s, %v; want it refused untested", i, q.ID, q.State, err)
		}
		before := x.signed(ctx, t, buyer.Key().ID())
		_, err = ask.Query(ctx, buyer, sql, ask.Options{})
		if is(0) {
			if err != nil {
				t.Errorf("a list that passes: %v", err)
			}
			continue
		}
		r, refused := client.IsRefused(err)
		if !refused || r.Rule != ask.RuleTest || errors.Is(err, ask.ErrQueryFailed) || !strings.Contains(explain.Fix(r), "--as-of 1") {
			t.Errorf("a list that fails: %v; want it refused on the buyer's machine", err)
		}
		if n := x.signed(ctx, t, buyer.Key().ID()); n != before {
			t.Errorf("%d entries of the buyer whose list fails are in the ledger, %d were before", n, before)
		}
		answer, err := ask.Query(ctx, buyer, sql, ask.Options{Newest: true})
		if err != nil || answer.Query.Version != 1 {
			t.Errorf("as of the version that passes: %v", err)
		}
	}
	// The publisher sees no test fail but its own.
	for i, buyer := range []*client.Client{x.buyer, second} {
		queries, err := client.Queries.All(ctx, buyer)
		if err != nil || len(queries) == 0 {
			t.Fatalf("buyer %d has %d queries, %v", i, len(queries), err)
		}
		for _, q := range queries {
			if q.State != catalog.QueryDone {
				t.Errorf("buyer %d: a query is %s: %q", i, q.State, q.Reason)
			}
		}
	}
}
