package node

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/portfolio"
	"github.com/weirdata/weir/node/client/vector"
)

// listLiar is a node's API that changes the list of private vectors that it sends.
type listLiar struct {
	change atomic.Pointer[func([]catalog.Vector) []catalog.Vector]
}

func (l *listLiar) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		change := l.change.Load()
		if change == nil || r.URL.Path != "/v1/vectors" {
			h.ServeHTTP(w, r)
			return
		}
		honest := httptest.NewRecorder()
		h.ServeHTTP(honest, r)
		var list wire.Vectors
		if err := json.Unmarshal(honest.Body.Bytes(), &list); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		list.Vectors = (*change)(list.Vectors)
		var b bytes.Buffer
		if err := json.NewEncoder(&b).Encode(list); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(b.Bytes()) // the client notices what is missing
	})
}

// lies has do done while the nodes change the list.
func (l *listLiar) lies(change func([]catalog.Vector) []catalog.Vector, do func() error) error {
	l.change.Store(&change)
	defer l.change.Store(nil)
	return do()
}

// The client takes a private vector from a node's list only as its owner signed it. A
// node that exchanges names would have the buyer asked for the figures of another
// portfolio, or drop another one; with other decimals a sum would be read wrongly.
func TestNodeCannotPassOnePrivateVectorOffAsAnother(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	l := &listLiar{}
	x := newFirmsOf(ctx, t, 3, 2, firmsDescriptor, func(o *Options) { o.WrapAPI = l.wrap })
	mine := x.register(ctx, t, x.vector("mine", 1, selected(func(f int) bool { return f < 20 })))
	x.register(ctx, t, x.vector("other", 1, selected(func(f int) bool { return f >= 20 })))
	x.register(ctx, t, x.vector("loans", 8, func(f int) uint64 { return uint64(f % 7) })) //nolint:gosec // a firm
	fresh := func(dir string) *client.Client {                                            // which has registered nothing
		return x.clientWith(x.buyer.Key(), client.Options{Records: dir})
	}
	asks := map[string]func(*client.Client) error{
		"a query": func(c *client.Client) error {
			_, err := ask.Query(ctx, c, `SELECT SUM(co2) FROM firms WHERE firm IN PRIVATE(mine)`, ask.Options{})
			return err
		},
		"weights": func(c *client.Client) error {
			_, err := ask.Query(ctx, c, `SELECT SUM(co2 * PRIVATE(loans)) FROM firms`, ask.Options{Epsilon: "0.5"})
			return err
		},
		"to drop": func(c *client.Client) error { _, err := vector.DropNamed(ctx, c, "mine"); return err },
		"to show": func(c *client.Client) error { _, err := vector.Named(ctx, c, "mine"); return err },
	}
	for _, lie := range []struct {
		name   string
		of     []string
		change func([]catalog.Vector) []catalog.Vector
	}{
		{"names exchanged", []string{"a query", "to drop", "to show"}, func(list []catalog.Vector) []catalog.Vector {
			list[0].Name, list[1].Name = list[1].Name, list[0].Name
			return list
		}},
		{"names and ids exchanged", []string{"a query", "to drop", "to show"}, func(list []catalog.Vector) []catalog.Vector {
			list[0].ID, list[1].ID = list[1].ID, list[0].ID
			return list
		}},
		{"everything but the id exchanged", []string{"a query", "to drop", "to show"}, func(list []catalog.Vector) []catalog.Vector {
			list[0], list[1] = list[1], list[0]
			list[0].ID, list[1].ID = list[1].ID, list[0].ID
			return list
		}},
		{"another version", []string{"a query", "to drop", "to show"}, func(list []catalog.Vector) []catalog.Vector {
			list[0].Version++
			return list
		}},
		{"other decimals", []string{"weights"}, func(list []catalog.Vector) []catalog.Vector {
			list[2].Decimals = 3
			return list
		}},
	} {
		for _, what := range lie.of {
			for name, c := range map[string]*client.Client{"fresh": fresh(""), "that registered them": x.buyer} {
				if err := l.lies(lie.change, func() error { return asks[what](c) }); !errors.Is(err, vector.ErrForged) {
					t.Errorf("%s, %s by a client %s: %v, want it found out", lie.name, what, name, err)
				}
			}
		}
	}
	// Nothing was asked and nothing dropped, and an honest list is taken.
	if queries, err := client.Queries.All(ctx, x.buyer); err != nil || len(queries) != 0 {
		t.Errorf("%d queries were asked, %v", len(queries), err)
	}
	for _, what := range []string{"a query", "weights", "to show"} {
		c := fresh("")
		if what == "a query" {
			c = x.buyer // who has the list
		}
		if err := asks[what](c); err != nil {
			t.Errorf("%s with an honest list: %v", what, err)
		}
	}
	x.olderVersion(t, l, mine, fresh)
}

// olderVersion: what no signature tells, which version is the newest, this machine
// remembers.
func (x *exchangeOf) olderVersion(t *testing.T, l *listLiar, mine catalog.Vector, fresh func(dir string) *client.Client) {
	t.Helper()
	ctx, dir := testContext(t), t.TempDir()
	done, err := portfolio.Keep(ctx, x.buyer, dir, x.portfolio("mine", []int{1, 2, 3, 4, 5, 6, 7, 8}, ""))
	if err != nil || done.Vector.Version != 2 {
		t.Fatalf("registered %+v, %v", done.Vector, err)
	}
	hide := func(list []catalog.Vector) (kept []catalog.Vector) {
		for _, v := range list {
			if v.ID != done.Vector.ID {
				kept = append(kept, v)
			}
		}
		return kept
	}
	show := func(c *client.Client) func() error {
		return func() error {
			v, err := vector.Named(ctx, c, "mine")
			if err == nil && v.ID != mine.ID {
				t.Errorf("the list still has version %d", v.Version)
			}
			return err
		}
	}
	if err := l.lies(hide, show(fresh(dir))); !errors.Is(err, vector.ErrForged) {
		t.Errorf("an older version is passed off as the newest: %v", err)
	}
	if err := l.lies(hide, show(fresh(""))); err != nil {
		t.Errorf("without a record nobody can tell, and this says: %v", err)
	}
	if v, err := vector.Named(ctx, fresh(dir), "mine"); err != nil || v.Version != 2 {
		t.Errorf("the honest list gives version %d, %v", v.Version, err)
	}
	if dropped, err := vector.DropNamed(ctx, fresh(dir), "mine"); err != nil || len(dropped) != 2 {
		t.Errorf("dropped %d versions, %v", len(dropped), err)
	}
}
