package ask_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/exchange"
)

// A query whose client is gone before the answer comes is taken up again when it is
// asked again: one query, charged once.
func TestAQueryThatIsInterruptedIsAskedOnce(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	contract := w.Contract("air", catalog.OrderApprove{Queries: 5})
	const sql = "SELECT county, SUM(pm10) FROM air GROUP BY county"
	keep := t.TempDir()
	buyer := w.Client(catalog.RoleBuyer)
	ctx, interrupt := context.WithCancel(w.Ctx)
	defer interrupt()
	first := ""
	_, err := ask.Query(ctx, buyer, sql, ask.Options{Keep: keep, Asked: func(id string, again bool) {
		if again {
			t.Error("it was never asked before")
		}
		first = id
		interrupt()
	}})
	if !errors.Is(err, context.Canceled) || first == "" {
		t.Fatalf("the interruption did not happen: %v", err)
	}
	// Another query is another query, and another key knows nothing of it.
	other, err := ask.Query(w.Ctx, buyer, strings.Replace(sql, "pm10", "pm25", 1), ask.Options{Keep: keep})
	w.Must(err)
	if other.Query.ID == first {
		t.Error("another query got the answer of the interrupted one")
	}
	seen := false
	res, err := ask.Query(w.Ctx, buyer, sql, ask.Options{Keep: keep, Asked: func(_ string, again bool) { seen = again }})
	w.Must(err)
	if res.Query.ID != first || !seen || len(res.Table.Rows) == 0 {
		t.Errorf("query %s, told that it was asked before: %t, first was %s", res.Query.ID, seen, first)
	}
	k, err := exchange.Contract(w.Ctx, buyer, contract)
	w.Must(err)
	if k.Used != 2 {
		t.Errorf("%d queries were charged, want 2", k.Used)
	}
	// It is answered now: the next one is a new one.
	again, err := ask.Query(w.Ctx, buyer, sql, ask.Options{Keep: keep})
	w.Must(err)
	if again.Query.ID == first {
		t.Error("a query that was answered is not asked again")
	}
	if files, err := filepath.Glob(filepath.Join(keep, "asked", "*")); err != nil || len(files) > 0 {
		t.Errorf("kept %v, %v", files, err)
	}
}

// What is kept of a query that the ledger refused, or that is damaged, is in nobody's
// way.
func TestAKeptQueryThatIsOfNoUseIsForgotten(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	w.Contract("air", catalog.OrderApprove{Queries: 1})
	keep := t.TempDir()
	buyer := w.Client(catalog.RoleBuyer)
	const sql = "SELECT COUNT(*) FROM air"
	_, err := ask.Query(w.Ctx, buyer, sql, ask.Options{Keep: keep, Contract: "c-none"})
	if _, refused := client.IsRefused(err); !refused {
		t.Fatalf("a contract that does not exist: %v", err)
	}
	kept := func() []string {
		files, err := filepath.Glob(filepath.Join(keep, "asked", "*"))
		w.Must(err)
		return files
	}
	if files := kept(); len(files) != 0 {
		t.Errorf("a refused query is kept: %v", files)
	}
	ctx, interrupt := context.WithCancel(w.Ctx)
	defer interrupt()
	_, err = ask.Query(ctx, buyer, sql, ask.Options{Keep: keep, Asked: func(string, bool) { interrupt() }})
	if !errors.Is(err, context.Canceled) || len(kept()) != 1 {
		t.Fatalf("%v; kept %v", err, kept())
	}
	// The contract has no query left but this one.
	res, err := ask.Query(w.Ctx, buyer, sql, ask.Options{Keep: keep})
	w.Must(err)
	if len(kept()) != 0 || len(res.Table.Rows) != 1 {
		t.Errorf("kept %v, rows %v", kept(), res.Table.Rows)
	}
	w.Contract("air", catalog.OrderApprove{Queries: 1})
	const other = "SELECT COUNT(pm10) FROM air" // a repeat of a query is none of the contract's number
	ctx, interrupt = context.WithCancel(w.Ctx)
	defer interrupt()
	_, err = ask.Query(ctx, buyer, other, ask.Options{Keep: keep, Asked: func(string, bool) { interrupt() }})
	if !errors.Is(err, context.Canceled) || len(kept()) != 1 {
		t.Fatalf("%v; kept %v", err, kept())
	}
	w.Must(os.WriteFile(kept()[0], []byte("{damaged"), 0o600))
	_, err = ask.Query(w.Ctx, buyer, other, ask.Options{Keep: keep}) // a new one, and the contract has none left
	if r, refused := client.IsRefused(err); !refused || r.Kind != catalog.RefusedPolicy {
		t.Errorf("asked anew: %v", err)
	}
}
