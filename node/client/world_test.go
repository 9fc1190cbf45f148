package client_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/apitest"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a cluster in this process, served by three servers over TLS, and one
// client for each role.
type world struct {
	testing.TB
	ctx     context.Context
	cluster *apitest.Cluster
	servers []*httptest.Server
	profile client.Profile
	keys    map[catalog.Role]*client.Key
	tap     atomic.Pointer[tap]
	far     atomic.Pointer[telling]
}

// tap sees every request before it is served.
type tap func(node int, r *http.Request, body []byte)

// watch sets what sees the requests from here on, or nil. Requests whose sender gave up
// may still be on their way to what saw them before.
func (w *world) watch(see tap) {
	if see == nil {
		w.tap.Store(nil)
		return
	}
	w.tap.Store(&see)
}

// telling is how far a node is with a query.
type telling func(node int, q catalog.Query) *wire.Progress

// tells sets what the nodes tell of queries that are under way.
func (w *world) tells(f telling) { w.far.Store(&f) }

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, ctx: t.Context(), keys: map[catalog.Role]*client.Key{}}
	for _, r := range []catalog.Role{catalog.RoleOperator, catalog.RolePublisher, catalog.RoleBuyer} {
		k, err := client.NewKey("the " + string(r))
		w.must(err)
		w.keys[r] = k
	}
	operator := w.keys[catalog.RoleOperator]
	var err error
	w.cluster, err = apitest.New(apitest.Founder{Name: operator.Name, Signing: operator.Signing(), Receiving: operator.Public().Receiving})
	w.must(err)
	w.profile.Cluster, w.profile.Threshold = w.cluster.ID(), 2
	for i, n := range w.cluster.Nodes() {
		options := w.cluster.OptionsOf(i)
		options.Progress = func(q catalog.Query) *wire.Progress {
			if tell := w.far.Load(); tell != nil {
				return (*tell)(i, q)
			}
			return nil
		}
		handler, err := api.New(options)
		w.must(err)
		s := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if see := w.tap.Load(); see != nil {
				body, err := io.ReadAll(r.Body)
				if err == nil {
					(*see)(i, r, body)
					r.Body = io.NopCloser(strings.NewReader(string(body)))
				}
			}
			handler.ServeHTTP(rw, r)
		}))
		t.Cleanup(s.Close)
		w.servers = append(w.servers, s)
		w.profile.Nodes = append(w.profile.Nodes, client.ProfileNode{ID: n.ID, Addr: s.URL, Key: n.Key})
	}
	w.profile.Addr = w.servers[0].URL
	for _, r := range []catalog.Role{catalog.RolePublisher, catalog.RoleBuyer} {
		_, err := w.client(catalog.RoleOperator).AddPrincipal(w.ctx, w.keys[r].Public(), r)
		w.must(err)
	}
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// options trust the test servers' certificates instead of pinned keys.
func (w *world) options() client.Options {
	return client.Options{
		Patience: 300 * time.Millisecond, Workers: 2,
		TLS: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13},
	}
}

func (w *world) client(role catalog.Role) *client.Client {
	w.Helper()
	c, err := client.New(w.profile, w.keys[role], w.options())
	w.must(err)
	w.Cleanup(c.Close)
	return c
}

const publicDescriptor = `
dataset: air
title: {en: Air}
license: CC-BY-4.0
entity: {column: station, attributes: [county]}
period: {column: day, grain: day}
missing: ["", NA]
measures:
  - {name: pm25, column: PM25, unit: µg/m³, range: [0, 1000], decimals: 1}
  - {name: pm10, column: PM10, unit: µg/m³, range: [0, 1000], decimals: 0}
policy: {aggregates: [count, sum, avg], public: true}
`

// airCSV has three stations over forty days with gaps; airTruth are the sums of
// pm25 in tenths, and the counts, by county.
func airCSV() (csv string, sum, count map[string]int) {
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

func (w *world) prepare(c *client.Client, descriptor, csv string) *client.Prepared {
	w.Helper()
	src, err := panel.ReadDescriptor("d.yaml", strings.NewReader(descriptor))
	w.must(err)
	file := panel.File{Name: "d.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(csv)), nil }}
	p, err := client.Prepare(w.ctx, src, []panel.File{file}, c.RegistryIDs, nil)
	w.must(err)
	return p
}

// publishAir publishes the public dataset.
func (w *world) publishAir() client.Published {
	w.Helper()
	c := w.client(catalog.RolePublisher)
	csv, _, _ := airCSV()
	done, err := c.PublishDataset(w.ctx, w.prepare(c, publicDescriptor, csv), nil)
	w.must(err)
	return done
}

// contract orders and grants the dataset to the buyer.
func (w *world) contract(dataset string, narrowed catalog.OrderApprove) string {
	w.Helper()
	order, err := w.client(catalog.RoleBuyer).CreateOrder(w.ctx, catalog.OrderCreate{Dataset: dataset, Purpose: "a test"})
	w.must(err)
	narrowed.Order = order
	contract, err := w.client(catalog.RolePublisher).ApproveOrder(w.ctx, narrowed)
	w.must(err)
	return contract
}
