package client_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/exchange"
)

// shortPages makes the nodes answer with pages of two, and counts them.
func shortPages(w *clienttest.World) *int {
	pages := new(int)
	w.Watch(func(_ int, r *http.Request, _ []byte) {
		q := r.URL.Query()
		if q.Get("limit") == fmt.Sprint(wire.MaxPage) {
			q.Set("limit", "2")
			r.URL.RawQuery = q.Encode()
		}
		if q.Has("limit") {
			*pages++
		}
	})
	return pages
}

// A list of many pages comes whole, once and in order, while it grows; and no more of
// it is read than is asked for.
func TestListsAreReadPageByPage(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	buyer := w.Client(catalog.RoleBuyer)
	var ids []string
	order := func() {
		id, err := exchange.CreateOrder(w.Ctx, buyer, catalog.OrderCreate{Dataset: "air", Purpose: fmt.Sprint(len(ids))})
		w.Must(err)
		ids = append(ids, id)
	}
	for range 7 {
		order()
	}
	pages := shortPages(w)
	var got []string
	for o, err := range client.Orders.Each(w.Ctx, buyer, client.ListOptions{}) {
		w.Must(err)
		if got = append(got, o.ID); len(got) == 3 {
			order()
		}
	}
	if !slices.Equal(got, ids) || *pages != 4 {
		t.Errorf("%d pages hold %v, want %v", *pages, got, ids)
	}
	got = nil
	for o, err := range client.Orders.Each(w.Ctx, buyer, client.ListOptions{Newest: true}) {
		w.Must(err)
		if got = append(got, o.ID); len(got) == 3 {
			order()
		}
	}
	slices.Reverse(got)
	if !slices.Equal(got, ids[:8]) {
		t.Errorf("the newest first: %v, want %v", got, ids[:8])
	}
	*pages = 0
	three, err := client.Orders.Read(w.Ctx, buyer, client.ListOptions{Newest: true, Limit: 3})
	w.Must(err)
	if len(three) != 3 || three[0].ID != ids[8] || *pages != 1 {
		t.Errorf("%d orders of %d pages, the first is %v", len(three), *pages, three)
	}
	*pages = 0
	for _, err := range client.Orders.Each(w.Ctx, buyer, client.ListOptions{}) {
		w.Must(err)
		break
	}
	if *pages != 1 {
		t.Errorf("%d pages were read for one record", *pages)
	}
}

// A node whose pages lead nowhere keeps nobody reading.
func TestPagesThatDoNotGoOnAreAnError(t *testing.T) {
	w := clienttest.New(t)
	for name, answers := range map[string][]wire.Orders{
		"the same again":    {{Orders: make([]catalog.Order, 1), More: wire.More{Next: "5"}}},
		"nothing, and more": {{More: wire.More{Next: "5"}}},
		"in a circle":       {{Orders: make([]catalog.Order, 1), More: wire.More{Next: "5"}}, {Orders: make([]catalog.Order, 1), More: wire.More{Next: "4"}}},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			s := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Type", "application/json")
				if err := json.NewEncoder(rw).Encode(answers[asked%len(answers)]); err != nil {
					t.Error(err)
				}
				asked++
			}))
			defer s.Close()
			profile := w.Profile
			profile.Nodes = slices.Clone(profile.Nodes)
			for i := range profile.Nodes {
				profile.Nodes[i].Addr = s.URL
			}
			profile.Addr = s.URL
			c, err := client.New(profile, w.Keys[catalog.RoleBuyer], w.Options())
			w.Must(err)
			defer c.Close()
			if _, err := client.Orders.All(w.Ctx, c); err == nil || !strings.Contains(err.Error(), "do not go on") || asked > 3 {
				t.Errorf("after %d pages: %v", asked, err)
			}
		})
	}
}
