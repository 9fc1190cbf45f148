package ask_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/exchange"
)

// tamper changes the answer that comes number at after it was armed: bytes from offset
// on are replaced, and what follows is cut off where there is nothing to replace with.
type tamper struct {
	mu                sync.Mutex
	count, at, offset int
	with              []byte
}

func (x *tamper) arm(at, offset int, with []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.count, x.at, x.offset, x.with = 0, at, offset, with
}

// answered is how many answers there were since.
func (x *tamper) answered() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.count
}

// body is the body of the next answer.
func (x *tamper) body(b []byte) []byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.count++
	if x.count-1 != x.at {
		return b
	}
	at := min(max(x.offset, 0), len(b))
	end := min(at+len(x.with), len(b))
	if len(x.with) == 0 {
		end = len(b)
	}
	return slices.Concat(b[:at], x.with, b[end:])
}

func (x *tamper) answer(w http.ResponseWriter, whole *httptest.ResponseRecorder) {
	body := x.body(whole.Body.Bytes())
	for k, v := range whole.Header() {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(whole.Code)
	_, _ = w.Write(body) // a client that gave up does not want it
}

// FuzzAnswers changes one answer of many while a buyer reads the catalog, asks and
// verifies the receipt: an error or an answer in time, never a panic.
func FuzzAnswers(f *testing.F) {
	w := clienttest.New(f)
	w.PublishAir()
	contract := w.Contract("air", catalog.OrderApprove{})
	x := &tamper{at: -1}
	handler, err := api.New(w.Cluster.OptionsOf(0))
	w.Must(err)
	server := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		whole := httptest.NewRecorder()
		handler.ServeHTTP(whole, r)
		x.answer(rw, whole)
	}))
	f.Cleanup(server.Close)
	profile := w.Profile
	profile.Nodes = append([]client.ProfileNode{}, profile.Nodes...)
	for i := range profile.Nodes {
		profile.Nodes[i].Addr = server.URL
	}
	profile.Addr = server.URL
	session := func(ctx context.Context, t testing.TB) {
		options := w.Options()
		options.Patience = time.Millisecond
		c, err := client.New(profile, w.Keys[catalog.RoleBuyer], options)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		everything(ctx, c, contract)
	}
	session(f.Context(), f)
	answers := x.answered()
	for at := range answers {
		f.Add(at, 0, []byte("null"))
	}
	f.Add(2, 40, []byte("-1"))
	f.Add(3, 1, []byte{})
	f.Fuzz(func(t *testing.T, at, offset int, with []byte) {
		if at < 0 || at >= answers {
			return
		}
		x.arm(at, offset, with)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		session(ctx, t)
		if ctx.Err() != nil {
			t.Fatal("a client waits for what does not come")
		}
	})
}

// everything calls what a buyer does with a cluster. What fails, fails with an error.
func everything(ctx context.Context, c *client.Client, contract string) {
	for _, call := range []func() error{
		func() error { _, err := c.Ready(ctx); return err },
		func() error { _, err := client.Datasets.All(ctx, c); return err },
		func() error { _, err := c.Version(ctx, "air", 1); return err },
		func() error { _, err := client.Contracts.All(ctx, c); return err },
		func() error {
			r, err := c.Registry(ctx, "air")
			if err == nil {
				_, err = c.RegistryRows(ctx, r.ID, r.Rows)
			}
			return err
		},
		func() error {
			a, err := ask.Query(ctx, c, "SELECT county, AVG(pm25) AS mean, COUNT(*) FROM air GROUP BY county", ask.Options{})
			if err != nil {
				return err
			}
			_, _, err = audit.QueryReceipt(ctx, c, a.Query.ID)
			return err
		},
		func() error {
			_, err := ask.Explain(ctx, c, "SELECT AVG(pm10) FROM air WHERE period = '2024-02'", ask.Options{})
			return err
		},
		func() error { _, err := exchange.Statement(ctx, c, contract, ""); return err },
		func() error { _, _, err := audit.Checkpoint(ctx, c); return err },
	} {
		if err := call(); err != nil && err.Error() == "" {
			panic("an error that says nothing")
		}
	}
}
