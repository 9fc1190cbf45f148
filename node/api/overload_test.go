package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/token"
	"github.com/weirdata/weir/node/api/wire"
)

// counted is a backend that counts how often the state is looked at, which compiling,
// explaining and checking do once each, and how many linearizable reads are over.
type counted struct {
	api.Backend
	looks, reads atomic.Int64
}

func (b *counted) Look(fn func(state.View) error) error {
	b.looks.Add(1)
	return b.Backend.Look(fn)
}

func (b *counted) Read(ctx context.Context, fn func(state.View) error) error {
	defer b.reads.Add(1)
	return b.Backend.Read(ctx, fn)
}

// until polls until a condition holds.
func (w *world) until(what string, holds func() bool) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.Fatalf("waited in vain until %s", what)
		}
	}
}

const explained = `{"sql":"SELECT SUM(pm25) FROM air","contract":""}`

// The same question in the same state is judged once, however many ask it at a time. In
// another state, and of another caller, it is judged anew.
func TestExplanationIsComputedOnceInAState(t *testing.T) {
	backend, cores := new(counted), api.NewCores(1)
	var applied atomic.Uint64
	w := newWorld(t, func(o *api.Options) {
		backend.Backend = o.Backend
		o.Backend, o.Cores, o.Applied = backend, cores, applied.Load
	})
	w.list()
	publisher := w.token(catalog.RolePublisher)
	ask := func() answer { return w.do("POST", "/v1/explain", publisher, []byte(explained)) }
	first := ask()
	if first.status == http.StatusUnauthorized || first.status >= 500 || backend.looks.Load() != 1 {
		t.Fatalf("answered %d %s after %d looks", first.status, first.body, backend.looks.Load())
	}
	for range 3 {
		if a := ask(); a.status != first.status || string(a.body) != string(first.body) {
			t.Errorf("asked again: %d %s, before %d %s", a.status, a.body, first.status, first.body)
		}
	}
	if n := backend.looks.Load(); n != 1 {
		t.Errorf("the state was looked at %d times for the same question", n)
	}
	w.do("POST", "/v1/explain", w.token(catalog.RoleBuyer), []byte(explained))
	if n := backend.looks.Load(); n != 2 {
		t.Errorf("another caller's question: %d looks, want 2", n)
	}
	applied.Add(1)
	leave, err := cores.Enter(t.Context()) // so that they come together
	if err != nil {
		t.Fatal(err)
	}
	const many = 8
	answers, reads := make(chan answer), backend.reads.Load()
	for range many {
		go func() { answers <- ask() }()
	}
	w.until("all have read", func() bool { return backend.reads.Load() == reads+many })
	leave()
	for range many {
		if a := <-answers; a.status != first.status {
			t.Errorf("one of many: %d %s", a.status, a.body)
		}
	}
	if n := backend.looks.Load(); n != 3 {
		t.Errorf("%d looks after %d asked in another state, want 3", n, many)
	}
}

// What has not begun when its caller leaves does not begin. Before, it was compiled to the
// end for nobody.
func TestCompilationDoesNotBeginForACallerWhoHasLeft(t *testing.T) {
	backend, cores := new(counted), api.NewCores(1)
	w := newWorld(t, func(o *api.Options) {
		backend.Backend = o.Backend
		o.Backend, o.Cores, o.Concurrency = backend, cores, 1
	})
	w.list()
	leave, err := cores.Enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	reads := backend.reads.Load()
	go func() {
		req, err := http.NewRequestWithContext(ctx, "POST", w.url+"/v1/compile", strings.NewReader(`{"sql":"SELECT SUM(pm25) FROM air"}`))
		if err == nil {
			req.Header.Set("Content-Type", "application/json")
			var resp *http.Response
			if resp, err = http.DefaultClient.Do(req); err == nil {
				err = resp.Body.Close()
			}
		}
		gone <- err
	}()
	w.until("it waits for a core", func() bool { return backend.reads.Load() == reads+1 })
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller left: %v", err)
	}
	w.until("its place is given back", func() bool { return w.do("GET", "/livez", "", nil).status == http.StatusOK })
	if n := backend.looks.Load(); n != 0 {
		t.Errorf("%d compilations began", n)
	}
	leave()
	w.want(w.do("POST", "/v1/compile", "", []byte(`{"sql":"SELECT COUNT(*) FROM air"}`)), http.StatusOK)
}

// Over HTTP: what does not fit the queue of its kind is refused at once, with the time to
// come back after; reads and probes do not notice; and those who waited are answered once
// there is a core.
func TestOverloadIsRefusedWithTheTimeToComeBack(t *testing.T) {
	backend, cores := new(counted), api.NewCores(1)
	w := newWorld(t, func(o *api.Options) {
		backend.Backend = o.Backend
		o.Backend, o.Cores, o.Concurrency = backend, cores, 512
	})
	w.list()
	leave, err := cores.Enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const many = 200 // places and the queue of strangers are fewer
	compile := func() answer {
		return w.do("POST", "/v1/compile", "", []byte(`{"sql":"SELECT SUM(pm25) FROM air"}`))
	}
	answers := make(chan answer, many)
	var refused atomic.Int64
	for range many {
		go func() {
			a := compile()
			if a.status != http.StatusOK {
				refused.Add(1)
			}
			answers <- a
		}()
	}
	w.until("some are refused", func() bool { return refused.Load() > 0 })
	if a := w.do("GET", "/readyz", "", nil); a.status != http.StatusOK {
		t.Errorf("whether it is ready: %d %s", a.status, a.body)
	}
	if a := w.do("GET", "/v1/datasets", "", nil); a.status != http.StatusOK {
		t.Errorf("a read meanwhile: %d %s", a.status, a.body)
	}
	leave()
	answered := 0
	for range many {
		a := <-answers
		switch a.status {
		case http.StatusOK:
			answered++
		case http.StatusServiceUnavailable, http.StatusTooManyRequests:
			if after, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || after < 1 {
				t.Errorf("refused with Retry-After %q", a.header.Get("Retry-After"))
			}
		default:
			t.Errorf("one of many: %d %s", a.status, a.body)
		}
	}
	if answered == 0 {
		t.Error("nobody was answered")
	}
}

// A node whose clock is off says so, instead of blaming the token. Clients then go to
// another node.
func TestNodeWhoseClockIsOffDoesNotBlameTheToken(t *testing.T) {
	var fault atomic.Pointer[error]
	w := newWorld(t, func(o *api.Options) {
		o.ClockFault = func() error {
			if f := fault.Load(); f != nil {
				return *f
			}
			return nil
		}
	})
	p := w.parties[catalog.RoleBuyer]
	old, err := token.Issue(p.signing, p.id(), w.cluster.ID().String(), time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	w.problem(w.do("GET", "/v1/orders", old, nil), http.StatusUnauthorized, wire.KindToken)
	off := errors.New("this node's clock is wrong: it is 1h0m0s ahead of that of n2, n3; set it")
	fault.Store(&off)
	a := w.do("GET", "/v1/orders", old, nil)
	said := w.problem(a, http.StatusServiceUnavailable, wire.KindUnavailable)
	if !strings.Contains(said.Message, off.Error()) || a.header.Get("Retry-After") == "" {
		t.Errorf("it says %q", said.Message)
	}
	w.want(w.do("GET", "/v1/orders", w.token(catalog.RoleBuyer), nil), http.StatusOK)
}

// A request that is put off keeps its connection, so that a node that has too much to do is
// not made to shake hands anew. It is told when to come back.
func TestRequestThatIsPutOffKeepsItsConnection(t *testing.T) {
	w := newWorld(t, func(o *api.Options) { o.Concurrency = 1 })
	w.list()
	entered, leave := make(chan struct{}), make(chan struct{})
	w.cluster.Broken = func() error { close(entered); <-leave; return nil }
	first := make(chan answer)
	go func() { first <- w.do("POST", "/v1/compile", "", []byte(`{"sql":"SELECT COUNT(*) FROM air"}`)) }()
	<-entered
	const body = `{"sql":"SELECT COUNT(*) FROM air"}`
	text := fmt.Sprintf("POST /v1/compile HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	conn := w.raw(text)
	reader := bufio.NewReader(conn)
	again, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	if again.StatusCode != http.StatusTooManyRequests || again.Header.Get("Retry-After") == "" || again.Close {
		t.Errorf("put off with %d, headers %v, close %t", again.StatusCode, again.Header, again.Close)
	}
	if _, err := io.Copy(io.Discard, again.Body); err != nil {
		t.Error(err)
	}
	w.cluster.Broken = nil
	close(leave)
	w.want(<-first, http.StatusOK)
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	served, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatalf("the connection was not kept: %v", err)
	}
	if served.StatusCode != http.StatusOK {
		t.Errorf("on the same connection: %d", served.StatusCode)
	}
}
