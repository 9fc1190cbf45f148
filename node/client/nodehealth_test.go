package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/exchange"
)

// answering has a node answer every request but pings with a problem, while it is not nil.
// It returns how often it did.
func answering(w *clienttest.World, node int, problem func() *wire.Problem) *atomic.Int64 {
	var asked atomic.Int64
	inner := w.Servers[node].Config.Handler
	w.Servers[node].Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		p := problem()
		if r.URL.Path == "/livez" || p == nil {
			inner.ServeHTTP(rw, r)
			return
		}
		asked.Add(1)
		rw.Header().Set("Content-Type", "application/problem+json")
		for name, values := range p.Header {
			rw.Header()[name] = values
		}
		rw.WriteHeader(p.Status)
		fmt.Fprintf(rw, `{"kind":%q,"message":%q,"status":%d}`, p.Kind, p.Message, p.Status) //nolint:errcheck // a test's server
	})
	return &asked
}

// A node that cannot serve is passed over, whatever it says, and asked last afterwards. Each
// of these was returned to the caller before, and the node was asked first the next time.
func TestNodeThatCannotServeIsPassedOverAndRemembered(t *testing.T) {
	for name, p := range map[string]*wire.Problem{
		"no quorum":     wire.NewProblem(http.StatusServiceUnavailable, wire.KindNoQuorum, "no quorum: 1 of 3 nodes are reachable from n1"),
		"a wrong clock": wire.NewProblem(http.StatusUnauthorized, wire.KindToken, "token is expired"),
		"overload":      wire.NewProblem(http.StatusServiceUnavailable, wire.KindUnavailable, "the node has too much of this work"),
	} {
		t.Run(name, func(t *testing.T) {
			w := clienttest.New(t)
			w.PublishAir()
			asked := answering(w, 0, func() *wire.Problem { return p })
			buyer := w.Client(catalog.RoleBuyer)
			if _, err := client.Orders.All(w.Ctx, buyer); err != nil {
				t.Fatalf("a read: %v", err)
			}
			if _, err := exchange.CreateOrder(w.Ctx, buyer, catalog.OrderCreate{Dataset: "air", Purpose: "elsewhere"}); err != nil {
				t.Fatalf("an act: %v", err)
			}
			for range 3 {
				if _, err := client.Orders.All(w.Ctx, buyer); err != nil {
					t.Fatal(err)
				}
			}
			if asked.Load() != 1 {
				t.Errorf("the node that cannot serve was asked %d times, want once", asked.Load())
			}
		})
	}
}

// Where no node serves, the error says of each why, and is of the kind that says most.
func TestEveryNodesAnswerIsNamed(t *testing.T) {
	w := clienttest.New(t)
	answers := []*wire.Problem{
		wire.NewProblem(http.StatusUnauthorized, wire.KindToken, "token is expired"),
		wire.NewProblem(http.StatusServiceUnavailable, wire.KindNoQuorum, "no quorum: 2 of 3 are needed"),
		wire.NewProblem(http.StatusServiceUnavailable, wire.KindUnavailable, "this node's clock is wrong"),
	}
	for i, p := range answers {
		answering(w, i, func() *wire.Problem { return p })
	}
	_, err := client.Orders.All(w.Ctx, w.Client(catalog.RoleBuyer))
	var all *client.AnswersError
	var p *wire.Problem
	if !errors.As(err, &all) || len(all.Nodes) != 3 || !errors.As(err, &p) || p.Kind != wire.KindNoQuorum {
		t.Fatalf("got %v, want the answers of three nodes, of the kind %s", err, wire.KindNoQuorum)
	}
	for i, of := range answers {
		if want := fmt.Sprintf("n%d: %s", i+1, of.Message); !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

// A token that every node refuses is the caller's fault: it is asked once of each.
func TestTokenThatAllRefuseIsNotSentForEver(t *testing.T) {
	w := clienttest.New(t)
	asked := make([]*atomic.Int64, 3)
	for i := range asked {
		asked[i] = answering(w, i, func() *wire.Problem {
			return wire.NewProblem(http.StatusUnauthorized, wire.KindToken, "the token's principal is not admitted to this cluster")
		})
	}
	_, err := client.Orders.All(w.Ctx, w.Client(catalog.RoleBuyer))
	var p *wire.Problem
	if !errors.As(err, &p) || p.Status != http.StatusUnauthorized {
		t.Errorf("got %v", err)
	}
	for i, n := range asked {
		if n.Load() != 1 {
			t.Errorf("n%d was asked %d times", i+1, n.Load())
		}
	}
}

// A node that takes longer than usual is not waited for: another one is asked as well. Its
// answer comes while the first one still has the request.
func TestReadsAreHedged(t *testing.T) {
	w := clienttest.New(t)
	held, release := make(chan struct{}, 8), make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free)
	inner := w.Servers[0].Config.Handler
	w.Servers[0].Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/livez" {
			held <- struct{}{}
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
		inner.ServeHTTP(rw, r)
	})
	o := w.Options()
	o.RequestTimeout, o.Hedge = time.Hour, 0
	c, err := client.New(w.Profile, nil, o)
	w.Must(err)
	t.Cleanup(c.Close)
	ctx, cancel := context.WithTimeout(w.Ctx, time.Minute)
	defer cancel()
	if _, err := client.Datasets.All(ctx, c); err != nil { // waits for ever, were only the first node asked
		t.Fatal(err)
	}
	if len(held) != 1 {
		t.Errorf("the slow node has %d requests, want one", len(held))
	}
}
