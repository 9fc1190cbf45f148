package api_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/wire"
)

// caller is a token of somebody whom the row admits; empty where it is public.
func (w *world) caller(r api.RouteInfo) string {
	switch {
	case r.Public:
		return ""
	case len(r.Roles) == 0:
		return w.token(catalog.RoleBuyer)
	}
	return w.token(r.Roles[len(r.Roles)-1])
}

// isUpload: the body is bytes, not JSON.
func isUpload(r api.RouteInfo) bool { return r.Method == http.MethodPut }

// Every row takes its own method and path, and nothing that only looks like them.
func TestEveryRouteIsReachedOnlyAsItsRowSays(t *testing.T) {
	w := newWorld(t)
	methods := map[string]map[string]bool{}
	for _, r := range api.TableRows() {
		if methods[r.Path] == nil {
			methods[r.Path] = map[string]bool{}
		}
		if r.Path == "/v1/blobs/missing" {
			methods[r.Path]["PUT"] = true // a blob's address, of what is no digest
		}
		methods[r.Path][r.Method] = true
	}
	for _, r := range api.TableRows() {
		path, token := example(r.Path), w.caller(r)
		for _, method := range []string{"HEAD", "OPTIONS", "TRACE", "PATCH", "DELETE", "PUT", "POST", "GET", "WEIR"} {
			if !methods[r.Path][method] {
				if a := w.do(method, path, token, nil); a.status != http.StatusMethodNotAllowed {
					t.Errorf("%s %s answers %d, want 405", method, r.Path, a.status)
				}
			}
		}
		for _, trick := range []string{
			"/" + path, path + "/", path + "//", "/." + path, "/x/.." + path, path + "/.", strings.Replace(path, "/", "/%2e/", 1),
			strings.ToUpper(path), "%2f" + path[1:], path + "%00", path + ";x=1", path + "%20",
		} {
			if !strings.HasPrefix(trick, "/") {
				trick = "/" + trick
			}
			a := w.do(r.Method, trick, token, nil)
			if a.status < 400 {
				t.Errorf("%s %s answers %d", r.Method, trick, a.status)
			}
		}
		a := w.do(r.Method, path+"?admin=1", token, nil)
		a.body = a.body[:min(len(a.body), 200)]
		if a.status != http.StatusUnprocessableEntity && (!isUpload(r) || a.status != http.StatusBadRequest) {
			t.Errorf("%s %s takes a parameter that it does not know: %d %s", r.Method, r.Path, a.status, a.body)
		}
	}
}

// A slash that is written %2f makes other segments of a path, whose own row then holds.
func TestEncodedSlashesGetAroundNoRow(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/v1%2fprincipals", "/v1/contracts%2fc-1", "/v1/datasets/x%2f..%2f..%2fprincipals", "/livez%2f..%2fv1%2fprincipals", "/v1/queries%2Fq-1%2Fshares"} {
		if a := w.do("GET", path, "", nil); a.status != http.StatusUnauthorized && a.status != http.StatusNotFound {
			t.Errorf("%s answers %d to nobody", path, a.status)
		}
		if a := w.do("GET", path, w.token(catalog.RoleBuyer), nil); a.status < 400 {
			t.Errorf("%s answers %d to a buyer", path, a.status)
		}
	}
}

// Every row with a JSON body refuses what is no such body, and every row without one
// refuses any.
func TestEveryRouteRefusesBodiesOfAnotherForm(t *testing.T) {
	w := newWorld(t)
	for _, r := range api.TableRows() {
		path, token := example(r.Path), w.caller(r)
		if r.Body == 0 {
			w.problem(w.do(r.Method, path, token, []byte(`{}`)), http.StatusRequestEntityTooLarge, wire.KindRequest)
			w.problem(w.chunked(r.Method, path, token, bytes.Repeat([]byte("a"), 100)), http.StatusRequestEntityTooLarge, wire.KindRequest)
			continue
		}
		if isUpload(r) {
			continue // TestBlobsAreTakenOnlyWithTheirDigestAndSize
		}
		deep := strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)
		for name, body := range map[string]string{
			"nothing": "", "no JSON": "{", "an array": "[]", "null": "null", "a number": "7",
			"an unknown field":  `{"nobody_knows":1}`,
			"bytes after it":    `{} {}`,
			"deep nesting":      deep,
			"very deep nesting": strings.Repeat("[", 2000),
			"a field twice":     `{"sql":"SELECT 1","sql":"SELECT 2"}`,
			"in another case":   `{"sql":"SELECT 1","SQL":"SELECT 2"}`,
			"twice further in":  `{"noise":{"epsilon":"1","epsilon":"2"}}`,
			"invalid UTF-8":     "{\"sql\":\"\xff\",\"zz\":1}",
		} {
			a := w.send(r.Method, path, token, strings.NewReader(body), true)
			if a.status != http.StatusBadRequest && a.status != http.StatusUnprocessableEntity || a.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s %s with %s answers %d %s", r.Method, r.Path, name, a.status, a.body)
			}
		}
		for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/cbor", "application/xml"} {
			if a := w.typed(r.Method, path, token, kind, []byte(`{}`)); a.status != http.StatusUnsupportedMediaType {
				t.Errorf("%s %s takes %s: %d %s", r.Method, r.Path, kind, a.status, a.body)
			}
		}
	}
}

// typed sends a body of a content type.
func (w *world) typed(method, path, bearer, kind string, body []byte) answer {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, w.url+path, bytes.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	req.Header.Set("Content-Type", kind)
	return w.run(req)
}

// Headers and addresses are bounded before any handler sees them.
func TestHeadersAndAddressesAreBounded(t *testing.T) {
	w := newWorld(t)
	for _, r := range api.TableRows() {
		a := w.do(r.Method, example(r.Path)+"?x="+strings.Repeat("a", 64<<10), w.caller(r), nil)
		if a.status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s %s with an address of 64 kB answers %d", r.Method, r.Path, a.status)
		}
	}
	for name, header := range map[string]http.Header{
		"a long one": {"X-Long": {strings.Repeat("a", 64<<10)}},
		"many":       {"X-Many": make([]string, 8<<10)},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", w.url+"/livez", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = header
		if a := w.run(req); a.status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: %d", name, a.status)
		}
	}
}

func TestStrictJSONReadsWhatIsThereOnce(t *testing.T) {
	type inner struct {
		A []int `json:"a"`
	}
	var got struct {
		X string           `json:"x"`
		Y map[string]inner `json:"y"`
		Z []inner          `json:"z"`
	}
	for text, ok := range map[string]bool{
		`{"x":"x","y":{"x":{"a":[1,2]},"y":{"a":[]}},"z":[{"a":[1]},{"a":[2]}]}`: true,
		`{"x":"\"x\":1,\"x\":2"}`:       true, // inside a text
		`{"y":{"a":{"a":[1]}}}`:         true, // the same name in another object
		`{"x":"1","x":"2"}`:             false,
		`{"x":"1","X":"2"}`:             false,
		`{"x":"1","\u0078":"2"}`:        false,
		`{"z":[{"a":[1],"a":[2]}]}`:     false,
		`{"y":{"k":{"a":[]},"k":null}}`: false,
		`{"x":"1"}{"x":"2"}`:            false,
		`{"x":"1"`:                      false,
		``:                              false,
	} {
		if err := api.UnmarshalStrict([]byte(text), &got); (err == nil) != ok {
			t.Errorf("%s: %v, want it read: %t", text, err, ok)
		}
	}
	if err := api.UnmarshalStrict([]byte(strings.Repeat("[", 33)+strings.Repeat("]", 33)), new(any)); err == nil || !strings.Contains(err.Error(), "32") {
		t.Errorf("deep nesting: %v", err)
	}
}

// A request refused for its token has cost something: whoever sends many of them at once is
// told to wait, by address, and those who are known are served meanwhile.
func TestStrangersAreLimitedByAddressAndNobodyElseIs(t *testing.T) {
	w := newWorld(t, func(o *api.Options) { o.Concurrency = 1 })
	buyer := w.token(catalog.RoleBuyer)
	w.want(w.do("GET", "/v1/orders", buyer, nil), http.StatusOK) // from now on known without the ledger
	entered, leave := make(chan struct{}), make(chan struct{})
	w.cluster.Broken = func() error { close(entered); <-leave; return nil }
	first := make(chan answer)
	stranger, forged := newParty(t), w.parties[catalog.RoleBuyer]
	w.parties[catalog.RoleBuyer] = stranger
	unknown := w.token(catalog.RoleBuyer)
	w.parties[catalog.RoleBuyer] = forged
	go func() { first <- w.do("GET", "/v1/orders", unknown, nil) }()
	<-entered // the first one holds the ledger while its principal is looked for
	second := w.do("GET", "/v1/orders", unknown, nil)
	known := w.do("GET", "/livez", "", nil)
	close(leave)
	w.problem(<-first, http.StatusUnauthorized, wire.KindToken)
	w.cluster.Broken = nil
	w.problem(second, http.StatusTooManyRequests, wire.KindBusy)
	if second.header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
	w.want(known, http.StatusOK)
	w.want(w.do("GET", "/v1/orders", buyer, nil), http.StatusOK)
}

func TestMachinesCountOnceWhateverTheirAddress(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.7:1234":            "192.0.2.7",
		"192.0.2.7:9":               "192.0.2.7",
		"[::ffff:192.0.2.7]:9":      "192.0.2.7",
		"[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64",
		"[2001:db8:1:2::1]:81":      "2001:db8:1:2::/64",
		"[fe80::1%eth0]:81":         "fe80::/64",
		"pipe":                      "pipe",
	} {
		if got := api.RemoteNet(remote); got != want {
			t.Errorf("%s counts as %s, want %s", remote, got, want)
		}
	}
}

func TestConnectionsAreBoundedByAddress(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := api.LimitConns(tcp, 8, 2)
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", tcp.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	dial()
	first := <-accepted
	dial()
	second := <-accepted
	if n, err := dial().Read(make([]byte, 1)); err == nil {
		t.Fatalf("the third connection of an address is served: %d bytes", n)
	}
	for range 2 { // giving a place back twice gives one back
		_ = first.Close()
	}
	dial()
	third := <-accepted
	if n, err := dial().Read(make([]byte, 1)); err == nil {
		t.Fatalf("a further connection of the address is served: %d bytes", n)
	}
	for _, c := range []net.Conn{second, third} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	<-accepted
}

// One caller cannot have more bytes under way than the largest body and a good number of
// tiles, however many requests it may have: of six uploads of 60 MB the last is sent away.
func TestBodiesUnderWayAreBounded(t *testing.T) {
	w := newWorld(t)
	head := fmt.Sprintf("PUT /v1/blobs/%s?kind=presence HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n",
		strings.Repeat("0", 64), w.token(catalog.RolePublisher), 60<<20)
	statuses := make(chan int)
	var wait sync.WaitGroup
	var open []net.Conn
	for range 6 {
		c := w.raw(head)
		open = append(open, c)
		wait.Go(func() {
			if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil {
				statuses <- resp.StatusCode
				_ = resp.Body.Close() // of memory
			}
		})
	}
	if got := <-statuses; got != http.StatusTooManyRequests {
		t.Errorf("the first answer is %d, want 429", got)
	}
	for _, c := range open {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	wait.Wait()
}

// raw opens a connection to the world's server and writes text to it.
func (w *world) raw(text string) net.Conn {
	w.Helper()
	c, err := w.dial()
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = c.Close() }) // may be closed
	if text == "" {
		return c // a pipe would wait until somebody reads nothing
	}
	if _, err := io.WriteString(c, text); err != nil {
		w.Fatal(err)
	}
	return c
}
