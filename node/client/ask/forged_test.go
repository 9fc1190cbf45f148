package ask_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/client/clienttest"
)

// answerLie changes what is handed out of a query: all of it together, as a client prefers it, or, where the node has only the
// pieces, each on its own.
type answerLie struct {
	verdict func(*catalog.Verdict)
	shares  func(*[]wire.SealedShare)
	receipt func() string
	version func(*catalog.Version)
}

// of is what the lie makes of an answer to a path; told counts what was changed.
func (l answerLie) of(t *testing.T, together bool, told *atomic.Int64) func(path string, body []byte) []byte {
	changed := func(b []byte) []byte { told.Add(1); return b }
	return func(path string, body []byte) []byte {
		_, query, _ := strings.Cut(path, "/v1/queries/")
		switch {
		case query != "" && !strings.Contains(query, "/"):
			return clienttest.Changed(t, body, func(q *wire.Query) {
				if q.Answer == nil || !together {
					q.Answer = nil
					return
				}
				told.Add(1)
				if l.verdict != nil {
					q.Answer.Verdict = clienttest.Changed(t, q.Answer.Verdict, l.verdict)
				}
				if l.shares != nil {
					l.shares(&q.Answer.Shares)
				}
				if l.receipt != nil {
					q.Answer.Receipt = l.receipt()
				}
			})
		case l.verdict != nil && strings.HasSuffix(query, "/verdict"):
			return changed(clienttest.Changed(t, body, l.verdict))
		case l.shares != nil && strings.HasSuffix(query, "/shares"):
			return changed(clienttest.Changed(t, body, func(s *wire.Shares) { l.shares(&s.Shares) }))
		case l.receipt != nil && strings.HasSuffix(query, "/receipt"):
			return changed([]byte(l.receipt()))
		case l.version != nil && strings.HasSuffix(path, "/versions/1"):
			return changed(clienttest.Changed(t, body, l.version))
		}
		return body
	}
}

// eachWay runs a test of a lie in what comes together, and piece by piece.
func eachWay(t *testing.T, l answerLie, w *clienttest.World, test func(t *testing.T, how string)) {
	t.Helper()
	for how, together := range map[string]bool{"together": true, "piece by piece": false} {
		var told atomic.Int64
		w.Lies(l.of(t, together, &told))
		test(t, how)
		if told.Load() == 0 {
			t.Errorf("%s: nothing was lied about", how)
		}
	}
}

// The exchanged labels: the shares are honest, and the verdict gives them to the wrong
// counties. The ledger's decision names the verdict's digest, so no figure is printed.
func TestExchangedLabelsAreRefused(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	w.Contract("air", catalog.OrderApprove{})
	buyer := w.Client(catalog.RoleBuyer)
	const sql = "SELECT county, SUM(pm25) FROM air GROUP BY county"
	for name, change := range map[string]func(*catalog.Verdict){
		"labels of two groups":  func(v *catalog.Verdict) { g := v.EntityGroups; g[0].Values, g[1].Values = g[1].Values, g[0].Values },
		"a label":               func(v *catalog.Verdict) { v.EntityGroups[0].Values[0] = "east" },
		"the label of a period": func(v *catalog.Verdict) { v.PeriodGroups[0].Value = "2031" },
		"how many are included": func(v *catalog.Verdict) { v.EntityGroups[0].Of++ },
		"what is withheld":      func(v *catalog.Verdict) { v.Withheld = []catalog.GroupIndex{{Entity: 1}} },
	} {
		eachWay(t, answerLie{verdict: change}, w, func(t *testing.T, how string) {
			if _, err := ask.Query(w.Ctx, buyer, sql, ask.Options{}); !errors.Is(err, ask.ErrVerdictForged) {
				t.Errorf("%s, %s: got %v", name, how, err)
			}
		})
	}
	w.Lies(nil)
	if _, err := ask.Query(w.Ctx, buyer, sql, ask.Options{}); err != nil {
		t.Errorf("the honest verdict: %v", err)
	}
}

// Anybody can seal numbers to a buyer: shares count only where the ledger took them, and
// a receipt only where it is the query's.
func TestSharesAndReceiptsThatTheLedgerDoesNotHaveAreRefused(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	w.Contract("air", catalog.OrderApprove{})
	buyer := w.Client(catalog.RoleBuyer)
	const sql = "SELECT county, SUM(pm25) FROM air GROUP BY county"
	_, err := ask.Query(w.Ctx, buyer, "SELECT SUM(pm10) FROM air", ask.Options{})
	w.Must(err)
	other, err := client.Queries.All(w.Ctx, buyer)
	w.Must(err)
	receipt, _, err := audit.QueryReceipt(w.Ctx, buyer, other[0].ID)
	w.Must(err)
	for name, l := range map[string]struct {
		answerLie
		want error
	}{
		"an exchanged share": {answerLie{shares: func(s *[]wire.SealedShare) { (*s)[0].Sealed = slices.Clone((*s)[1].Sealed) }}, ask.ErrVerdictForged},
		"a share too few":    {answerLie{shares: func(s *[]wire.SealedShare) { *s = (*s)[:1] }}, ask.ErrVerdictForged},
		"shares of other nodes": {answerLie{shares: func(s *[]wire.SealedShare) {
			(*s)[0].Node, (*s)[1].Node = (*s)[1].Node, (*s)[0].Node
		}}, ask.ErrVerdictForged},
		"another query's receipt": {answerLie{receipt: func() string { return string(receipt) }}, audit.ErrReceipt},
		"another version":         {answerLie{version: func(v *catalog.Version) { v.Manifest = catalog.Sum([]byte("another")) }}, ask.ErrVerdictForged},
	} {
		eachWay(t, l.answerLie, w, func(t *testing.T, how string) {
			another := w.Client(catalog.RoleBuyer) // which has read no version yet
			if _, err := ask.Query(w.Ctx, another, sql, ask.Options{}); !errors.Is(err, l.want) {
				t.Errorf("%s, %s: got %v, want %v", name, how, err, l.want)
			}
			w.Lies(nil)
			if _, err := ask.Query(w.Ctx, another, sql, ask.Options{}); err != nil { // nothing of the lie is remembered
				t.Errorf("%s, %s: the honest answer after it: %v", name, how, err)
			}
		})
	}
}

// A node may name an earlier query as the answer to one that it does not record. It is not believed: where what the earlier one
// asked, of which version and when is not what is asked now, the ledger answers.
func TestANodeThatNamesAnotherQueryIsNotBelieved(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	w.Contract("air", catalog.OrderApprove{})
	buyer := w.Client(catalog.RoleBuyer)
	asked := func(sql string, o ask.Options) *ask.Result {
		t.Helper()
		r, err := ask.Query(w.Ctx, buyer, sql, o)
		w.Must(err)
		return r
	}
	const sql = "SELECT county, SUM(pm25) FROM air GROUP BY county"
	first, other := asked(sql, ask.Options{}), asked("SELECT county, SUM(pm10) FROM air GROUP BY county", ask.Options{})
	naming := func(query string) {
		w.Lies(func(path string, body []byte) []byte {
			if !strings.HasSuffix(path, "/v1/envelopes") {
				return body
			}
			return clienttest.Changed(t, body, func(s *wire.Submitted) { s.Repeats = query })
		})
	}
	naming(first.Query.ID)
	again := asked("select county, sum(pm25) as s from air group by county", ask.Options{})
	if !again.Again || again.Query.ID != first.Query.ID || !cmp.Equal(again.Table.Rows, first.Table.Rows) || again.Table.Columns[1].Name != "s" {
		t.Errorf("the answer to the same question: %+v", again.Table)
	}
	if price, repeats := again.Cost(); price != "" || repeats != first.Query.ID {
		t.Errorf("it cost %q and repeats %q", price, repeats)
	}
	for what, o := range map[string]ask.Options{"asked afresh": {Fresh: true}, "of a named version": {AsOf: 1}} {
		got := asked(sql, o)
		if named := o.AsOf == 1; got.Again != named {
			t.Errorf("%s: answered again: %t", what, got.Again)
		}
	}
	for what, query := range map[string]string{"another question": other.Query.ID, "no query": "q-" + strings.Repeat("0", 64)} {
		naming(query)
		got := asked(sql, ask.Options{})
		if got.Again || !cmp.Equal(got.Table.Rows, first.Table.Rows) {
			t.Errorf("%s: %+v, again %t", what, got.Table.Rows, got.Again)
		}
	}
}
