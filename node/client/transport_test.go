package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/peer"
)

func TestAnotherNodeAnswersWhenOneIsGone(t *testing.T) {
	w := clienttest.New(t)
	c := w.Client(catalog.RoleOperator)
	w.Servers[0].Close()
	for range 2 {
		all, err := client.Principals.All(w.Ctx, c)
		w.Must(err)
		if len(all) != 3 {
			t.Fatalf("%d principals", len(all))
		}
	}
	ready, err := c.Ready(w.Ctx)
	w.Must(err)
	if !ready.Ready {
		t.Errorf("not ready: %v", ready.Reasons)
	}
	w.Servers[1].Close()
	w.Servers[2].Close()
	_, err = client.Principals.All(w.Ctx, c)
	var away *client.UnreachableError
	if !errors.As(err, &away) || len(away.Nodes) != 3 || !strings.Contains(err.Error(), "n3 at https://") {
		t.Errorf("got %v, want all three nodes named", err)
	}
	if _, err := c.Ready(w.Ctx); !errors.As(err, &away) {
		t.Errorf("ready: %v", err)
	}
}

func TestNodeThatIsNotReadySaysWhy(t *testing.T) {
	w := clienttest.New(t)
	w.Cluster.Reasons = []string{"key share of k-1 has another digest"}
	ready, err := w.Client(catalog.RoleBuyer).Ready(w.Ctx)
	w.Must(err)
	if ready.Ready || len(ready.Reasons) != 1 {
		t.Errorf("ready %+v", ready)
	}
}

func TestEnvelopeWhoseAnswerWasLostIsAppliedOnce(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	bodies := make(chan string, 8)
	var cut atomic.Bool
	inner := w.Servers[0].Config.Handler
	w.Servers[0].Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/envelopes" || !cut.CompareAndSwap(false, true) {
			inner.ServeHTTP(rw, r)
			return
		}
		inner.ServeHTTP(httptest.NewRecorder(), r) // applied, but the answer is lost
		panic(http.ErrAbortHandler)
	})
	w.Watch(func(_ int, r *http.Request, body []byte) {
		if r.URL.Path == "/v1/envelopes" {
			bodies <- string(body)
		}
	})
	buyer := w.Client(catalog.RoleBuyer)
	id, err := exchange.CreateOrder(w.Ctx, buyer, catalog.OrderCreate{Dataset: "air", Purpose: "once"})
	w.Must(err)
	orders, err := client.Orders.All(w.Ctx, buyer)
	w.Must(err)
	if len(orders) != 1 || orders[0].ID != id {
		t.Errorf("orders %v, want the one %s", orders, id)
	}
	if first, second := <-bodies, <-bodies; first != second {
		t.Error("the second try sent other bytes")
	}
}

func TestUnknownOutcomeIsAskedForAgainWithTheSameBytes(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	var tries atomic.Int64
	w.Cluster.Broken = func() error {
		if tries.Add(1) <= 2 {
			return api.ErrTimeout
		}
		return nil
	}
	_, err := exchange.CreateOrder(w.Ctx, w.Client(catalog.RoleBuyer), catalog.OrderCreate{Dataset: "air", Purpose: "late"})
	w.Must(err)
	if tries.Load() != 3 {
		t.Errorf("%d tries", tries.Load())
	}
}

func TestOnlyPinnedKeysAreTalkedTo(t *testing.T) {
	w := clienttest.New(t)
	handler, err := api.New(w.Cluster.Options())
	w.Must(err)
	honest, err := w.Cluster.TLS(0)
	w.Must(err)
	impostorIdentity, err := peer.NewIdentity(w.Keys[catalog.RoleBuyer].Signing())
	w.Must(err)
	for _, c := range []struct {
		name string
		tls  *tls.Config
		ok   bool
	}{{"pinned", honest, true}, {"impostor", peer.APIServerTLS(impostorIdentity), false}} {
		server := httptest.NewUnstartedServer(handler)
		server.TLS = c.tls
		server.Config.ErrorLog = nil
		server.StartTLS()
		profile := w.Profile
		profile.Addr = server.URL
		profile.Nodes = []client.ProfileNode{{ID: "n1", Addr: server.URL, Key: w.Profile.Nodes[0].Key}}
		cl, err := client.New(profile, nil, client.Options{Patience: time.Millisecond, RequestTimeout: time.Minute, PingTimeout: time.Minute})
		w.Must(err)
		_, err = client.Registries.All(w.Ctx, cl)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		if !c.ok && !errors.Is(err, peer.ErrNotPinned) {
			t.Errorf("%s: %v, want the key not to be pinned", c.name, err)
		}
		cl.Close()
		server.Close()
	}
}

func TestRosterThatDiffersFromTheProfileIsRefused(t *testing.T) {
	w := clienttest.New(t)
	for name, change := range map[string]func(*client.Profile){
		"a node less":     func(p *client.Profile) { p.Nodes = p.Nodes[:2] },
		"another key":     func(p *client.Profile) { p.Nodes[1].Key = w.Keys[catalog.RoleBuyer].Public().Key },
		"another cluster": func(p *client.Profile) { p.Cluster[0] ^= 1 },
	} {
		profile := w.Profile
		profile.Nodes = append([]client.ProfileNode(nil), w.Profile.Nodes...)
		change(&profile)
		c, err := client.New(profile, w.Keys[catalog.RoleBuyer], w.Options())
		w.Must(err)
		if _, err := c.Cluster(w.Ctx); !errors.Is(err, client.ErrPinned) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := c.ReadyKey(w.Ctx, "p-x"); !errors.Is(err, client.ErrPinned) {
			t.Errorf("%s: a key was looked for: %v", name, err)
		}
		c.Close()
	}
}

func TestClientWithoutAKeyReadsWhatIsPublicAndNothingElse(t *testing.T) {
	w := clienttest.New(t)
	c, err := client.New(w.Profile, nil, w.Options())
	w.Must(err)
	t.Cleanup(c.Close)
	if _, err := client.Datasets.All(w.Ctx, c); err != nil {
		t.Error(err)
	}
	if _, err := client.Orders.All(w.Ctx, c); !errors.Is(err, client.ErrNoKey) {
		t.Errorf("orders: %v", err)
	}
	if _, err := exchange.CreateOrder(w.Ctx, c, catalog.OrderCreate{}); !errors.Is(err, client.ErrNoKey) {
		t.Errorf("an order: %v", err)
	}
}

func TestKeyThatIsNotReadyIsWaitedForAndNamed(t *testing.T) {
	w := clienttest.New(t)
	w.Cluster.Asleep = true
	k, err := client.NewKey("late")
	w.Must(err)
	_, err = govern.AddPrincipal(w.Ctx, w.Client(catalog.RoleOperator), k.Public(), catalog.RolePublisher)
	w.Must(err)
	ctx, cancel := context.WithCancel(w.Ctx)
	w.Watch(func(_ int, r *http.Request, _ []byte) {
		if strings.HasPrefix(r.URL.Path, "/v1/keys/") {
			cancel()
		}
	})
	if _, err := w.Client(catalog.RoleBuyer).ReadyKey(ctx, k.ID()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	w.Watch(nil)
	w.Must(w.Cluster.Wake())
	ready, err := w.Client(catalog.RoleBuyer).ReadyKey(w.Ctx, k.ID())
	w.Must(err)
	if ready.Record.State != catalog.KeyReady || len(ready.Public) == 0 {
		t.Errorf("key %+v", ready.Record)
	}
}

func TestBusyNodeIsAskedAgain(t *testing.T) {
	w := clienttest.New(t)
	var tries atomic.Int64
	inner := w.Servers[0].Config.Handler
	for _, s := range w.Servers {
		s.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if tries.Add(1) <= 3 {
				rw.Header().Set("Content-Type", "application/problem+json")
				rw.WriteHeader(http.StatusTooManyRequests)
				rw.Write([]byte(`{"kind":"busy","message":"more than 1 requests","status":429}`)) //nolint:errcheck // a test's server
				return
			}
			inner.ServeHTTP(rw, r)
		})
	}
	o := w.Options()
	o.Patience = time.Minute // it is answered in a second; a busy machine may take longer
	patient, err := client.New(w.Profile, w.Keys[catalog.RoleBuyer], o)
	w.Must(err)
	defer patient.Close()
	if _, err := client.Datasets.All(w.Ctx, patient); err != nil {
		t.Error(err)
	}
	tries.Store(-1000)
	_, err = client.Datasets.All(w.Ctx, w.Client(catalog.RoleBuyer))
	var p *wire.Problem
	if !errors.As(err, &p) || p.Kind != wire.KindBusy {
		t.Errorf("got %v, want busy", err)
	}
}

// silent is the address of a node that hangs: connections are taken, by the
// system, and nobody answers.
func silent(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) //nolint:errcheck // a test's
	return "https://" + l.Addr().String()
}

// Two of three nodes hang: that costs the time of one, and the third is asked no
// later than a caller can still be told of a lost quorum.
func TestNodesThatHangArePassedOver(t *testing.T) {
	w := clienttest.New(t)
	profile := w.Profile
	profile.Nodes = append([]client.ProfileNode(nil), w.Profile.Nodes...)
	profile.Nodes[0].Addr, profile.Nodes[1].Addr = silent(t), silent(t)
	profile.Addr = profile.Nodes[0].Addr
	o := w.Options()
	o.PingTimeout, o.Hedge, o.Patience = client.DefaultPingTimeout, 0, time.Minute
	c, err := client.New(profile, w.Keys[catalog.RoleOperator], o)
	w.Must(err)
	t.Cleanup(c.Close)
	for range 2 { // how long that takes, and who is asked the second time, is told in fake time
		_, err = client.Principals.All(w.Ctx, c)
		w.Must(err)
	}
}

// A node may begin to hang while a request waits at it on purpose, on a
// connection that stays open.
func TestRequestIsMadeElsewhereWhenItsNodeBeginsToHang(t *testing.T) {
	w := clienttest.New(t)
	var hangs atomic.Bool
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	inner := w.Servers[0].Config.Handler
	w.Servers[0].Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/livez" {
			hangs.Store(true)
		}
		if !hangs.Load() {
			inner.ServeHTTP(rw, r)
			return
		}
		select {
		case <-over:
		case <-r.Context().Done():
		}
	})
	o := w.Options()
	o.PingTimeout, o.Hedge, o.Patience = client.DefaultPingTimeout, 0, time.Minute
	c, err := client.New(w.Profile, w.Keys[catalog.RoleOperator], o)
	w.Must(err)
	t.Cleanup(c.Close)
	_, err = client.Principals.All(w.Ctx, c)
	w.Must(err)
}
