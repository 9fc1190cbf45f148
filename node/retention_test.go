package node

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/backup"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/mpc"
)

// By the nodes' clocks, what was answered goes when the policy says so: whoever comes for it is told since
// when; receipts are proof and can still be had; nodes erase the noise that they drew for it, and no other.
func TestAnswersGoWhenTheirRetentionIsOver(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	var later atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	x := newFirmsOf(ctx, t, 3, 2, firmsDescriptor+"  retention_days: 2\n", func(o *Options) { o.Clock = now })
	asked := func(c *client.Client, o ask.Options) catalog.Query {
		t.Helper()
		r, err := ask.Query(ctx, c, "SELECT SUM(co2) FROM firms", o)
		if err != nil {
			t.Fatal(err)
		}
		return r.Query
	}
	exact, noised := asked(x.buyer, ask.Options{}), asked(x.buyer, ask.Options{Epsilon: "1"})
	before, _, err := audit.QueryReceipt(ctx, x.buyer, exact.ID)
	if err != nil {
		t.Fatal(err)
	}
	later.Store(int64(50 * time.Hour))
	buyer := x.clientWith(x.buyer.Key(), client.Options{Now: now})
	kept := asked(buyer, ask.Options{Epsilon: "1"})
	for id := range x.nodes {
		x.await(ctx, id+" to forget the queries", func() bool {
			forgotten := 0
			for _, q := range []string{exact.ID, noised.ID} {
				err := x.nodes[id].view(func(v state.View) error {
					q, err := v.Query(q)
					if q.Forgotten > 0 {
						forgotten++
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			return forgotten == 2
		})
	}
	for _, path := range []string{"/shares", "/verdict"} {
		_, err := client.Get[map[string]any](ctx, buyer, client.Call{Path: "/v1/queries/" + exact.ID + path, Token: true})
		p, is := errors.AsType[*wire.Problem](err)
		if !is || p.Status != http.StatusGone || p.Kind != wire.KindGone || !strings.Contains(p.Message, now().UTC().Format(time.DateOnly)) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := audit.VerifyReceipt(x.profile, before); err != nil {
		t.Errorf("the receipt of before: %v", err)
	}
	after, _, err := audit.QueryReceipt(ctx, buyer, exact.ID)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := audit.VerifyReceipt(x.profile, after); err != nil || p.Query == nil || !p.Query.Done || len(p.Query.Shares) != 2 {
		t.Errorf("the receipt of afterwards proves %+v (%v)", p, err)
	}
	// The log keeps of the shares what proves that they were, and nothing of what was sealed.
	for id, n := range x.nodes {
		whole, short := 0, 0
		for seq := range n.ledger.NextSeq() {
			rec, err := n.ledger.Record(seq)
			if err != nil {
				t.Fatal(err)
			}
			var o catalog.Outcome
			if err := json.Unmarshal(rec.Outcome, &o); err != nil {
				t.Fatal(err)
			}
			if o.Kind != catalog.KindQueryShare || o.Refusal != nil {
				if rec.Shortened {
					t.Errorf("%s has shortened entry %d, %s", id, seq, o.Kind)
				}
				continue
			}
			if forgotten := o.ID == exact.ID || o.ID == noised.ID; rec.Shortened != forgotten {
				t.Errorf("%s: entry %d, a share of %s, is shortened: %t", id, seq, o.ID, rec.Shortened)
			}
			b, err := rec.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if rec.Shortened {
				short += len(b)
			} else {
				whole += len(b)
			}
		}
		t.Logf("%s: the shares of one query take %d bytes of the log, those of a forgotten one %d", id, whole, short/2)
		if short >= whole {
			t.Errorf("%s keeps %d bytes of two forgotten queries, and %d of one that is not", id, short, whole)
		}
	}
	drawn := func(id string) (had, has []string) {
		t.Helper()
		had, err := x.nodes[id].vault.List("noise/")
		if err == nil {
			err = x.nodes[id].mpc.Queries.EraseForgotten()
		}
		if err == nil {
			has, err = x.nodes[id].vault.List("noise/")
		}
		if err != nil {
			t.Fatal(err)
		}
		return had, has
	}
	member := func(q catalog.Query, id string) bool { _, is := mpc.Member(q.Attempts, id); return is }
	for id := range x.nodes {
		shares, err := x.nodes[id].vault.List("answered/")
		if was := member(exact, id); err != nil || was != (len(shares) == 1) {
			t.Errorf("%s was a member: %t, and keeps the shares %q (%v)", id, was, shares, err)
		}
	}
	for id := range x.nodes {
		had, has := drawn(id)
		want := 0
		if member(kept, id) {
			want = 1
		}
		if shares, err := x.nodes[id].vault.List("answered/"); err != nil || len(shares) > 0 {
			t.Errorf("%s keeps the shares %q of what is forgotten (%v)", id, shares, err)
		}
		if member(noised, id) && len(had) != want+1 || len(has) != want || want == 1 && has[0] != "noise/"+kept.ID {
			t.Errorf("%s had the noise %q and has %q", id, had, has)
		}
	}
	_, archive := x.archiveAt(ctx, t.TempDir(), newAgeKey(t), now)
	if err := archive.CheckLedger(ctx, t.TempDir(), state.NewMachine(), backup.Look{}); err != nil {
		t.Errorf("the ledger with what it has forgotten: %v", err)
	}
}
