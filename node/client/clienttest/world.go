// Package clienttest is a cluster in this process for tests of the client and of the packages
// beside it: three servers over TLS, whose answers can be watched and changed, with a client
// for each role and datasets to publish.
package clienttest

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/apitest"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/client/publish"
)

// World is a cluster in this process, served by three servers over TLS, and one
// client for each role.
type World struct {
	testing.TB
	Ctx     context.Context
	Cluster *apitest.Cluster
	Servers []*httptest.Server
	Profile client.Profile
	Keys    map[catalog.Role]*client.Key
	tap     atomic.Pointer[Tap]
	far     atomic.Pointer[Telling]
	lie     atomic.Pointer[Lie]
}

// Lie changes what a node answers to a path.
type Lie func(node int, path string, body []byte) []byte

// Lies sets what all nodes' answers are changed by, or nil.
func (w *World) Lies(change func(path string, body []byte) []byte) {
	if change == nil {
		w.lie.Store(nil)
		return
	}
	w.Lying(func(_ int, path string, body []byte) []byte { return change(path, body) })
}

// Lying sets what the nodes' answers are changed by.
func (w *World) Lying(change Lie) { w.lie.Store(&change) }

// Tap sees every request before it is served.
type Tap func(node int, r *http.Request, body []byte)

// Watch sets what sees the requests from here on, or nil. Requests whose sender gave up
// may still be on their way to what saw them before.
func (w *World) Watch(see Tap) {
	if see == nil {
		w.tap.Store(nil)
		return
	}
	w.tap.Store(&see)
}

// Leaks watches the requests from here on for what none may have, in its address or body. What it returns ends
// that, and tells which of them had it, or are none that may be sent; nil: any may.
func (w *World) Leaks(may func(r *http.Request) bool, needles ...string) (end func() []string) {
	var mu sync.Mutex
	var leaked []string
	w.Watch(func(_ int, r *http.Request, body []byte) {
		mu.Lock()
		defer mu.Unlock()
		for _, needle := range needles {
			if bytes.Contains(body, []byte(needle)) || strings.Contains(r.URL.String(), needle) {
				leaked = append(leaked, r.Method+" "+r.URL.Path+" has "+needle)
			}
		}
		if may != nil && !may(r) {
			leaked = append(leaked, r.Method+" "+r.URL.Path+" sends something")
		}
	})
	return func() []string {
		w.Watch(nil)
		mu.Lock()
		defer mu.Unlock()
		return leaked
	}
}

// Telling is how far a node is with a query.
type Telling func(node int, q catalog.Query) *wire.Progress

// Tells sets what the nodes tell of queries that are under way.
func (w *World) Tells(f Telling) { w.far.Store(&f) }

// New starts a cluster of test servers and admits a principal of each role.
func New(t testing.TB) *World {
	t.Helper()
	w := &World{TB: t, Ctx: t.Context(), Keys: map[catalog.Role]*client.Key{}}
	for _, r := range []catalog.Role{catalog.RoleOperator, catalog.RolePublisher, catalog.RoleBuyer} {
		k, err := client.NewKey("the " + string(r))
		w.Must(err)
		w.Keys[r] = k
	}
	operator := w.Keys[catalog.RoleOperator]
	var err error
	w.Cluster, err = apitest.New(apitest.Founder{Name: operator.Name, Signing: operator.Signing(), Receiving: operator.Public().Receiving})
	w.Must(err)
	w.Profile.Cluster, w.Profile.Threshold = w.Cluster.ID(), 2
	for i, n := range w.Cluster.Nodes() {
		options := w.Cluster.OptionsOf(i)
		options.Progress = func(q catalog.Query) *wire.Progress {
			if tell := w.far.Load(); tell != nil {
				return (*tell)(i, q)
			}
			return nil
		}
		handler, err := api.New(options)
		w.Must(err)
		s := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if see := w.tap.Load(); see != nil {
				body, err := io.ReadAll(r.Body)
				if err == nil {
					(*see)(i, r, body)
					r.Body = io.NopCloser(strings.NewReader(string(body)))
				}
			}
			change := w.lie.Load()
			if change == nil {
				handler.ServeHTTP(rw, r)
				return
			}
			honest := httptest.NewRecorder()
			handler.ServeHTTP(honest, r)
			for name, values := range honest.Header() {
				if name != "Content-Length" {
					rw.Header()[name] = values
				}
			}
			rw.WriteHeader(honest.Code)
			_, _ = rw.Write((*change)(i, r.URL.Path, honest.Body.Bytes())) // the client notices what is missing
		}))
		t.Cleanup(s.Close)
		w.Servers = append(w.Servers, s)
		w.Profile.Nodes = append(w.Profile.Nodes, client.ProfileNode{ID: n.ID, Addr: s.URL, Key: n.Key})
	}
	w.Profile.Addr = w.Servers[0].URL
	for _, r := range []catalog.Role{catalog.RolePublisher, catalog.RoleBuyer} {
		_, err := govern.AddPrincipal(w.Ctx, w.Client(catalog.RoleOperator), w.Keys[r].Public(), r)
		w.Must(err)
	}
	return w
}

// Must fails the test where there is an error.
func (w *World) Must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// Options trust the test servers' certificates instead of pinned keys. A server that was closed
// refuses at once, and one that is slow, on a machine with other work, does not hang, nor is
// another one asked beside it: the nodes are asked in their order, each request once.
func (w *World) Options() client.Options {
	return client.Options{
		Patience: 300 * time.Millisecond, RequestTimeout: 3 * time.Minute, PingTimeout: time.Minute, Hedge: time.Hour, Workers: 2,
		TLS: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}, //nolint:gosec // the keys are those of httptest
	}
}

// Client is the client of the principal of a role.
func (w *World) Client(role catalog.Role) *client.Client {
	w.Helper()
	return w.client(role, w.Options())
}

func (w *World) client(role catalog.Role, o client.Options) *client.Client {
	w.Helper()
	c, err := client.New(w.Profile, w.Keys[role], o)
	w.Must(err)
	w.Cleanup(c.Close)
	return c
}

// PublicDescriptor describes a public dataset of stations.
const PublicDescriptor = `
dataset: air
title: {en: Air}
license: CC-BY-4.0
entity: {column: station, attributes: [county]}
period: {column: day, grain: day}
utc_offset: "+08:00"
missing: ["", NA]
measures:
  - {name: pm25, column: PM25, unit: µg/m³, range: [0, 1000], decimals: 1}
  - {name: pm10, column: PM10, unit: µg/m³, range: [0, 1000], decimals: 0}
policy: {aggregates: [count, sum, avg], public: true}
`

// AirCSV has three stations over forty days with gaps; airTruth are the sums of
// pm25 in tenths, and the counts, by county.
func AirCSV() (csv string, sum, count map[string]int) {
	var b strings.Builder
	b.WriteString("station,county,day,PM25,PM10\n")
	sum, count = map[string]int{}, map[string]int{}
	for day := range 40 {
		date := time.Date(2024, 1, 20, 0, 0, 0, 0, time.UTC).AddDate(0, 0, day).Format(time.DateOnly)
		for s, county := range []string{"north", "north", "south"} {
			tenths, text := 100+day*7+s*13, "NA"
			if (day+s)%9 != 0 {
				text = fmt.Sprintf("%d.%d", tenths/10, tenths%10)
				sum[county] += tenths
				count[county]++
			}
			fmt.Fprintf(&b, "s%d,%s,%s,%s,%d\n", s+1, county, date, text, 50+s)
		}
	}
	return b.String(), sum, count
}

// Prepare reads a dataset of one file, as far as publishing it.
func (w *World) Prepare(c *client.Client, descriptor, csv string) *publish.Prepared {
	w.Helper()
	src, err := panel.ReadDescriptor("d.yaml", strings.NewReader(descriptor))
	w.Must(err)
	file := panel.File{Name: "d.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(csv)), nil }}
	p, err := publish.Prepare(w.Ctx, src, []panel.File{file}, c, nil)
	w.Must(err)
	return p
}

// PublishAir publishes the public dataset.
func (w *World) PublishAir() publish.Published {
	w.Helper()
	c := w.Client(catalog.RolePublisher)
	csv, _, _ := AirCSV()
	done, err := publish.Publish(w.Ctx, c, w.Prepare(c, PublicDescriptor, csv), nil)
	w.Must(err)
	return done
}

// Contract orders and grants the dataset to the buyer.
func (w *World) Contract(dataset string, narrowed catalog.OrderApprove) string {
	w.Helper()
	order, err := exchange.CreateOrder(w.Ctx, w.Client(catalog.RoleBuyer), catalog.OrderCreate{Dataset: dataset, Purpose: "a test"})
	w.Must(err)
	narrowed.Order = order
	contract, err := exchange.ApproveOrder(w.Ctx, w.Client(catalog.RolePublisher), narrowed)
	w.Must(err)
	return contract
}

// Overhear keeps the last answer to a path that ends so, and changes none.
func (w *World) Overhear(suffix string) *atomic.Pointer[[]byte] {
	var heard atomic.Pointer[[]byte]
	w.Lies(func(path string, body []byte) []byte {
		if strings.HasSuffix(path, suffix) {
			b := slices.Clone(body)
			heard.Store(&b)
		}
		return body
	})
	return &heard
}
