package ask_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/client/clienttest"
)

// The exchanged labels: the shares are honest, and the verdict gives them to the wrong
// counties. The ledger's decision names the verdict's digest, so no figure is printed.
func TestExchangedLabelsAreRefused(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	w.Contract("air", catalog.OrderApprove{})
	buyer := w.Client(catalog.RoleBuyer)
	const sql = "SELECT county, SUM(pm25) FROM air GROUP BY county"
	var verdicts atomic.Int64
	for name, change := range map[string]func(*catalog.Verdict){
		"labels of two groups":  func(v *catalog.Verdict) { g := v.EntityGroups; g[0].Values, g[1].Values = g[1].Values, g[0].Values },
		"a label":               func(v *catalog.Verdict) { v.EntityGroups[0].Values[0] = "east" },
		"the label of a period": func(v *catalog.Verdict) { v.PeriodGroups[0].Value = "2031" },
		"how many are included": func(v *catalog.Verdict) { v.EntityGroups[0].Of++ },
		"what is withheld":      func(v *catalog.Verdict) { v.Withheld = []catalog.GroupIndex{{Entity: 1}} },
	} {
		w.Lies(func(path string, body []byte) []byte {
			if !strings.HasSuffix(path, "/verdict") {
				return body
			}
			verdicts.Add(1)
			return clienttest.Changed(t, body, change)
		})
		if res, err := ask.Query(w.Ctx, buyer, sql, ask.Options{}); !errors.Is(err, ask.ErrVerdictForged) {
			t.Errorf("%s: got %+v, %v", name, res, err)
		}
	}
	if n := verdicts.Load(); n != 5 {
		t.Errorf("%d verdicts were read, want 5", n)
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
	receipt := w.Overhear("/receipt")
	_, err := ask.Query(w.Ctx, buyer, "SELECT SUM(pm10) FROM air", ask.Options{})
	w.Must(err)
	for name, l := range map[string]struct {
		suffix string
		change func(body []byte) []byte
		want   error
	}{
		"an exchanged share": {"/shares", func(body []byte) []byte {
			return clienttest.Changed(t, body, func(s *wire.Shares) { s.Shares[0].Sealed = slices.Clone(s.Shares[1].Sealed) })
		}, ask.ErrVerdictForged},
		"a share too few": {"/shares", func(body []byte) []byte {
			return clienttest.Changed(t, body, func(s *wire.Shares) { s.Shares = s.Shares[:1] })
		}, ask.ErrVerdictForged},
		"shares of other nodes": {"/shares", func(body []byte) []byte {
			return clienttest.Changed(t, body, func(s *wire.Shares) { s.Shares[0].Node, s.Shares[1].Node = s.Shares[1].Node, s.Shares[0].Node })
		}, ask.ErrVerdictForged},
		"another query's receipt": {"/receipt", func([]byte) []byte { return *receipt.Load() }, audit.ErrReceipt},
		"another version": {"/versions/1", func(body []byte) []byte {
			return clienttest.Changed(t, body, func(v *catalog.Version) { v.Manifest = catalog.Sum([]byte("another")) })
		}, ask.ErrVerdictForged},
	} {
		w.Lies(func(path string, body []byte) []byte {
			if !strings.HasSuffix(path, l.suffix) {
				return body
			}
			return l.change(body)
		})
		if res, err := ask.Query(w.Ctx, buyer, sql, ask.Options{}); !errors.Is(err, l.want) {
			t.Errorf("%s: got %+v, %v, want %v", name, res, err, l.want)
		}
	}
}
