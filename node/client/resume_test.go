package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
)

// bucketed is the public dataset with companions: many tiles.
var bucketed = strings.Replace(publicDescriptor, "decimals: 1}", "decimals: 1, squares: true, buckets: [10, 20, 30, 40, 50]}", 1)

// An upload that breaks off in the middle goes on: what was encrypted is neither
// encrypted nor sent again, but for what is damaged.
func TestAnUploadThatBreaksOffGoesOnTileByTile(t *testing.T) {
	w := newWorld(t)
	opts := w.options()
	opts.Spool, opts.Workers = t.TempDir(), 1
	c, err := client.New(w.profile, w.keys[catalog.RolePublisher], opts)
	w.must(err)
	t.Cleanup(c.Close)
	csv, _, _ := airCSV()
	var mu sync.Mutex
	broken := map[string]bool{} // digests sent before it breaks off
	w.watch(func(_ int, r *http.Request, _ []byte) {
		if !strings.HasPrefix(r.URL.RawQuery, "kind=tile") {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if len(broken) >= 4 {
			panic(http.ErrAbortHandler)
		}
		broken[r.URL.Path] = true
	})
	if _, err := c.PublishDataset(w.ctx, w.prepare(c, bucketed, csv), nil); err == nil {
		t.Fatal("the interruption did not happen")
	}
	mu.Lock()
	first := len(broken)
	mu.Unlock()
	kept := keptTiles(t, opts.Spool)
	if first != 4 || len(kept) < first {
		t.Fatalf("%d tiles were sent, %d are kept", first, len(kept))
	}
	w.must(os.WriteFile(kept[0], []byte("damaged"), 0o600))
	sent := map[string]int{} // digest → times
	w.watch(func(_ int, r *http.Request, _ []byte) {
		if strings.HasPrefix(r.URL.RawQuery, "kind=tile") {
			mu.Lock()
			defer mu.Unlock()
			sent[r.URL.Path]++
		}
	})
	var begun client.Progress
	done, err := c.PublishDataset(w.ctx, w.prepare(c, bucketed, csv), func(p client.Progress) {
		if p.Stage == client.StageUploading && begun.TilesTotal == 0 {
			begun = p
		}
	})
	w.must(err)
	if begun.Tiles < len(kept)-1 {
		t.Errorf("the upload began with %d tiles, %d were kept", begun.Tiles, len(kept))
	}
	// The damaged one is encrypted anew, the others that were sent are not.
	if most := done.Tiles - first + 1; len(sent) > most || len(sent) < most-1 {
		t.Errorf("%d of %d tiles were sent again after %d", len(sent), done.Tiles, first)
	}
	res, err := c.Query(w.ctx, "SELECT SUM(pm10), AVG(pm25) FROM air", client.QueryOptions{})
	w.must(err)
	if got := fmt.Sprint(res.Table.Rows); !strings.HasPrefix(got, "[[6120 ") {
		t.Errorf("rows %s", got)
	}
}

// keptTiles are the files of the tiles of the one upload under way.
func keptTiles(t *testing.T, spool string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(spool, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var tiles []string
	for _, f := range files {
		if name := filepath.Base(f); name != "index" && name != "manifest" {
			tiles = append(tiles, f)
		}
	}
	return tiles
}

// A query whose client is gone before the answer comes is taken up again when it is
// asked again: one query, charged once.
func TestAQueryThatIsInterruptedIsAskedOnce(t *testing.T) {
	w := newWorld(t)
	w.publishAir()
	contract := w.contract("air", catalog.OrderApprove{Queries: 5})
	const sql = "SELECT county, SUM(pm10) FROM air GROUP BY county"
	keep := t.TempDir()
	buyer := w.client(catalog.RoleBuyer)
	ctx, interrupt := context.WithCancel(w.ctx)
	defer interrupt()
	first := ""
	_, err := buyer.Query(ctx, sql, client.QueryOptions{Keep: keep, Asked: func(id string, again bool) {
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
	other, err := buyer.Query(w.ctx, strings.Replace(sql, "pm10", "pm25", 1), client.QueryOptions{Keep: keep})
	w.must(err)
	if other.Query.ID == first {
		t.Error("another query got the answer of the interrupted one")
	}
	seen := false
	res, err := buyer.Query(w.ctx, sql, client.QueryOptions{Keep: keep, Asked: func(_ string, again bool) { seen = again }})
	w.must(err)
	if res.Query.ID != first || !seen || len(res.Table.Rows) == 0 {
		t.Errorf("query %s, told that it was asked before: %t, first was %s", res.Query.ID, seen, first)
	}
	k, err := buyer.Contract(w.ctx, contract)
	w.must(err)
	if k.Used != 2 {
		t.Errorf("%d queries were charged, want 2", k.Used)
	}
	// It is answered now: the next one is a new one.
	again, err := buyer.Query(w.ctx, sql, client.QueryOptions{Keep: keep})
	w.must(err)
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
	w := newWorld(t)
	w.publishAir()
	w.contract("air", catalog.OrderApprove{Queries: 1})
	keep := t.TempDir()
	buyer := w.client(catalog.RoleBuyer)
	const sql = "SELECT COUNT(*) FROM air"
	_, err := buyer.Query(w.ctx, sql, client.QueryOptions{Keep: keep, Contract: "c-none"})
	if _, refused := client.IsRefused(err); !refused {
		t.Fatalf("a contract that does not exist: %v", err)
	}
	kept := func() []string {
		files, err := filepath.Glob(filepath.Join(keep, "asked", "*"))
		w.must(err)
		return files
	}
	if files := kept(); len(files) != 0 {
		t.Errorf("a refused query is kept: %v", files)
	}
	ctx, interrupt := context.WithCancel(w.ctx)
	defer interrupt()
	_, err = buyer.Query(ctx, sql, client.QueryOptions{Keep: keep, Asked: func(string, bool) { interrupt() }})
	if !errors.Is(err, context.Canceled) || len(kept()) != 1 {
		t.Fatalf("%v; kept %v", err, kept())
	}
	// The contract has no query left but this one.
	res, err := buyer.Query(w.ctx, sql, client.QueryOptions{Keep: keep})
	w.must(err)
	if len(kept()) != 0 || len(res.Table.Rows) != 1 {
		t.Errorf("kept %v, rows %v", kept(), res.Table.Rows)
	}
	w.contract("air", catalog.OrderApprove{Queries: 1})
	const other = "SELECT COUNT(pm10) FROM air" // a repeat of a query is none of the contract's number
	ctx, interrupt = context.WithCancel(w.ctx)
	defer interrupt()
	_, err = buyer.Query(ctx, other, client.QueryOptions{Keep: keep, Asked: func(string, bool) { interrupt() }})
	if !errors.Is(err, context.Canceled) || len(kept()) != 1 {
		t.Fatalf("%v; kept %v", err, kept())
	}
	w.must(os.WriteFile(kept()[0], []byte("{damaged"), 0o600))
	_, err = buyer.Query(w.ctx, other, client.QueryOptions{Keep: keep}) // a new one, and the contract has none left
	if r, refused := client.IsRefused(err); !refused || r.Kind != catalog.RefusedPolicy {
		t.Errorf("asked anew: %v", err)
	}
}
