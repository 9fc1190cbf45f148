package desk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/desk/route"
)

var update = flag.Bool("update", false, "write openapi.json anew")

// lonely is a desk of a cluster at which nobody answers.
func lonely(t *testing.T, readOnly bool) *visitor {
	t.Helper()
	key, err := client.NewKey("the buyer")
	if err != nil {
		t.Fatal(err)
	}
	nodes := []client.ProfileNode{{ID: "n1", Addr: "https://127.0.0.1:1", Key: make([]byte, 32)}, {ID: "n2", Addr: "https://127.0.0.1:2", Key: bytes.Repeat([]byte{1}, 32)}}
	c, err := client.New(client.Profile{Addr: nodes[0].Addr, Cluster: catalog.Digest{1}, Nodes: nodes, Threshold: 2}, key, client.Options{Patience: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return visit(t, Options{Client: c, Dir: t.TempDir(), ReadOnly: readOnly, Version: "test"})
}

// visitor is who asks a desk, with both parts of a session.
type visitor struct {
	testing.TB
	desk        *Desk
	host        string
	cookie, key string
	end         func() error // of the desk; it may be called twice
}

// visit starts a desk and opens its link.
func visit(t *testing.T, o Options) *visitor {
	t.Helper()
	d, err := New("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- d.Serve(ctx) }()
	v := &visitor{TB: t, desk: d, host: d.gate.host}
	ended := false
	v.end = func() error {
		if ended {
			return nil
		}
		ended = true
		cancel()
		return <-served
	}
	t.Cleanup(func() {
		if err := v.end(); err != nil {
			t.Error(err)
		}
	})
	answer, _ := v.send(v.request("GET", strings.TrimPrefix(d.Link(), "http://"+v.host), "", nil))
	if answer.StatusCode != http.StatusOK || len(answer.Cookies()) != 1 {
		t.Fatalf("the link is answered with %s", answer.Status)
	}
	c := answer.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Name != cookieName {
		t.Errorf("the cookie is %s", c)
	}
	v.cookie, v.key = c.Value, answer.Header.Get(headerName)
	return v
}

// request makes a request as the page does; change spoils it.
func (v *visitor) request(method, path, body string, change func(*http.Request)) *http.Request {
	v.Helper()
	r, err := http.NewRequestWithContext(v.Context(), method, "http://"+v.host+path, strings.NewReader(body))
	if err != nil {
		v.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	r.Header.Set("Sec-Fetch-Dest", "empty")
	if method == "POST" {
		r.Header.Set("Origin", "http://"+v.host)
		r.Header.Set("Content-Type", "application/json")
	}
	if v.cookie != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: v.cookie})
		r.Header.Set(headerName, v.key)
	}
	if change != nil {
		change(r)
	}
	return r
}

// send sends a request and reads its answer.
func (v *visitor) send(r *http.Request) (*http.Response, string) {
	v.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		v.Fatal(err)
	}
	b, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		v.Fatal(err)
	}
	for name := range answer.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			v.Errorf("%s lets other origins read: %s", r.URL, name)
		}
	}
	for name, want := range secureHeaders {
		got := answer.Header.Get(name)
		if name == "Content-Security-Policy" && (r.URL.Path == "/" || r.URL.Path == "/index.html") && answer.StatusCode < 400 {
			got, _, _ = strings.Cut(got, "; script-src 'self' 'sha256-") // TestWhatStandsInThePageRunsByItsDigest has the rest
		}
		if got != want {
			v.Errorf("%s has %s: %q, want %q", r.URL, name, got, want)
		}
	}
	return answer, string(b)
}

// ask asks the API and reads what it answers.
func ask[T any](v *visitor, method, path string, body any) T {
	v.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		v.Fatal(err)
	}
	if body == nil {
		b = nil
	}
	answer, text := v.send(v.request(method, path, string(b), nil))
	var out T
	if answer.StatusCode != http.StatusOK {
		v.Fatalf("%s %s: %s %s", method, path, answer.Status, text)
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		v.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
	return out
}

// Whoever has not both parts of the session gets nothing, and a link opens the desk once.
func TestTheLinkOpensTheDeskOnce(t *testing.T) {
	v := lonely(t, false)
	if s := ask[Session](v, "GET", "/api/session", nil); s.Name != "the buyer" || s.Nodes != 2 || s.ReadOnly {
		t.Errorf("the session is %+v", s)
	}
	used := v.desk.Link()
	stranger := &visitor{TB: t, desk: v.desk, host: v.host}
	for i, want := range []int{http.StatusOK, http.StatusForbidden} {
		answer, body := stranger.send(stranger.request("GET", strings.TrimPrefix(used, "http://"+v.host), "", nil))
		if answer.StatusCode != want || want != http.StatusOK && (strings.Contains(body, v.key) || len(answer.Cookies()) > 0) {
			t.Errorf("link opened for the %d. time: %s", i+1, answer.Status)
		}
	}
	for what, change := range map[string]func(*http.Request){
		"nothing":               func(r *http.Request) { r.Header.Del("Cookie"); r.Header.Del(headerName) },
		"the cookie alone":      func(r *http.Request) { r.Header.Del(headerName) },
		"the header alone":      func(r *http.Request) { r.Header.Del("Cookie") },
		"another cookie":        func(r *http.Request) { r.Header.Set("Cookie", cookieName+"="+v.key) },
		"another header":        func(r *http.Request) { r.Header.Set(headerName, v.cookie) },
		"an empty header":       func(r *http.Request) { r.Header.Set(headerName, "") },
		"the token of the link": func(r *http.Request) { r.Header.Set(headerName, strings.TrimPrefix(used, "http://"+v.host+openPath)) },
	} {
		for _, path := range []string{"/api/session", "/api/history", "/api/openapi.json"} {
			if answer, body := v.send(v.request("GET", path, "", change)); answer.StatusCode != http.StatusUnauthorized || strings.Contains(body, "the buyer") {
				t.Errorf("with %s %s is answered: %s %s", what, path, answer.Status, body)
			}
		}
	}
	for _, token := range []string{"", "x", strings.Repeat("A", 43), strings.TrimPrefix(v.desk.Link(), "http://"+v.host+openPath) + "x"} {
		if answer, _ := stranger.send(stranger.request("GET", openPath+token, "", nil)); answer.StatusCode != http.StatusForbidden || len(answer.Cookies()) > 0 {
			t.Errorf("token %q: %s", token, answer.Status)
		}
	}
	if answer, body := stranger.send(stranger.request("GET", "/", "", nil)); answer.StatusCode != http.StatusUnauthorized || !strings.Contains(body, "weir desk") {
		t.Errorf("without a session the page is %s", answer.Status)
	}
	if answer, _ := stranger.send(stranger.request("HEAD", strings.TrimPrefix(v.desk.Link(), "http://"+v.host), "", nil)); len(answer.Cookies()) > 0 {
		t.Error("a HEAD opens a link")
	}
}

// A hostile page in the same browser, which sends the cookie along and even knew the header, gets nothing and does
// nothing: of another origin, of another port of this host, under a name of its own that leads here.
func TestAHostilePageGetsNothing(t *testing.T) {
	v := lonely(t, false)
	set := func(pairs ...string) func(*http.Request) {
		return func(r *http.Request) {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == "Host" {
					r.Host = pairs[i+1]
					continue
				}
				r.Header.Set(pairs[i], pairs[i+1])
			}
		}
	}
	port := v.host[strings.LastIndex(v.host, ":"):]
	for what, change := range map[string]func(*http.Request){
		"another origin":              set("Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"),
		"another origin, old browser": func(r *http.Request) { set("Origin", "https://evil.example")(r); r.Header.Del("Sec-Fetch-Site") },
		"another port of this host":   set("Origin", "http://127.0.0.1:9", "Sec-Fetch-Site", "same-site"),
		"a fetch without an origin":   set("Sec-Fetch-Site", "cross-site", "Origin", ""),
		"an opaque origin":            set("Origin", "null"),
		"the origin by TLS":           set("Origin", "https://"+v.host),
		"DNS rebinding":               set("Host", "evil.example"+port, "Origin", "http://evil.example"+port),
		"DNS rebinding, as its own":   set("Host", "evil.example"+port, "Origin", "", "Sec-Fetch-Site", "same-origin"),
		"a name of this host":         set("Host", "localhost"+port),
		"another port in Host":        set("Host", "127.0.0.1:1"),
		"no port in Host":             set("Host", "127.0.0.1"),
		"a frame":                     set("Sec-Fetch-Dest", "iframe", "Sec-Fetch-Mode", "navigate"),
		"an object":                   set("Sec-Fetch-Dest", "object"),
		"WebSocket":                   set("Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
		"two origins":                 func(r *http.Request) { r.Header["Origin"] = []string{"http://" + v.host, "https://evil.example"} },
	} {
		for _, c := range []struct{ method, path, body string }{
			{"GET", "/api/session", ""}, {"POST", "/api/queries", `{"sql":"SELECT 1"}`}, {"GET", "/", ""}, {"GET", "/open.js", ""},
		} {
			answer, body := v.send(v.request(c.method, c.path, c.body, change))
			if answer.StatusCode < 400 || strings.Contains(body, "the buyer") || strings.Contains(body, v.key) {
				t.Errorf("%s gets %s %s: %s %.80s", what, c.method, c.path, answer.Status, body)
			}
		}
	}
	// A form is sent without a preflight.
	for _, kind := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "application/json; charset=x", ""} {
		answer, _ := v.send(v.request("POST", "/api/orders", `{"dataset":"air","purpose":"theirs"}`, set("Content-Type", kind)))
		if answer.StatusCode != http.StatusUnsupportedMediaType {
			t.Errorf("a form of %q: %s", kind, answer.Status)
		}
	}
	for _, method := range []string{"OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT"} {
		if answer, _ := v.send(v.request(method, "/api/session", "", nil)); answer.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: %s", method, answer.Status)
		}
	}
	if jobs := ask[struct {
		Queries []json.RawMessage `json:"queries"`
	}](v, "GET", "/api/queries", nil); len(jobs.Queries) > 0 {
		t.Errorf("they asked %s", jobs.Queries)
	}
}

// Other machines do not reach a desk.
func TestADeskListensOnLoopbackAlone(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:0", "localhost:0", "127.0.0.1", "[fe80::1%lo]:0", "8787"} {
		d, err := New(listen, Options{})
		if err == nil {
			d.Close()
			t.Errorf("a desk listens on %s", listen)
		}
	}
	if _, err := New("0.0.0.0:0", Options{}); !errors.Is(err, ErrNotLoopback) {
		t.Errorf("%v", err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() //nolint:errcheck // of a test
	if d, err := New(taken.Addr().String(), Options{}); err == nil {
		d.Close()
		t.Error("a desk listens where another does")
	}
}

// A read-only desk refuses whatever spends, signs or changes something, and nothing else.
func TestAReadOnlyDeskChangesNothing(t *testing.T) {
	v := lonely(t, true)
	changes := 0
	for _, r := range v.desk.routes {
		path := strings.NewReplacer("{id}", "x", "{query}", "q-0").Replace(r.Path)
		answer, body := v.send(v.request(r.Method, path, "{}", nil))
		var p wire.Problem
		_ = json.Unmarshal([]byte(body), &p) //nolint:errcheck // answers of other shapes have no kind
		if refused := p.Kind == route.KindReadOnly; refused != (r.Effect == route.Changes) || refused && answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s %s: %s %s", r.Method, r.Path, answer.Status, body)
		}
		if r.Effect == route.Changes {
			changes++
		}
	}
	if changes < 2 {
		t.Errorf("only %d routes change something", changes)
	}
	for _, path := range []string{"/api/inbox/{id}/approve", "/api/inbox/{id}/refuse", "/api/contracts/{id}/change", "/api/own/{id}/amend", "/api/own/{id}/withdraw", "/api/drafts/{id}/publish"} {
		if !slices.ContainsFunc(v.desk.routes, func(r route.Route) bool { return r.Path == path && r.Effect == route.Changes }) {
			t.Errorf("%s is said to change nothing", path)
		}
	}
	// What is signed goes by these calls of the client alone; a route that reads calls none of them.
	for _, dir := range []string{"buyer", "auditor"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			b, err := os.ReadFile(dir + "/" + e.Name())
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range []string{".Submit(", ".Send(", ".Sign(", ".ApproveOrder(", ".RefuseOrder(", ".ChangeContract("} {
				if bytes.Contains(b, []byte(call)) && !strings.HasSuffix(e.Name(), "_test.go") {
					t.Errorf("%s/%s signs by %s: is its route one that changes?", dir, e.Name(), call)
				}
			}
		}
	}
}

// What is sent is bounded and read strictly.
func TestRequestsAreBoundedAndStrict(t *testing.T) {
	v := lonely(t, false)
	for what, c := range map[string]struct {
		method, path, body string
		status             int
	}{
		"a large body":         {"POST", "/api/queries", `{"sql":"` + strings.Repeat("x", route.MaxBody) + `"}`, http.StatusRequestEntityTooLarge},
		"an unknown field":     {"POST", "/api/queries", `{"sql":"SELECT 1","then":"DROP"}`, http.StatusBadRequest},
		"no JSON":              {"POST", "/api/queries", `sql=SELECT`, http.StatusBadRequest},
		"an unknown parameter": {"GET", "/api/catalogue?x=1", "", http.StatusBadRequest},
		"a parameter twice":    {"GET", "/api/catalogue?q=1&q=2", "", http.StatusBadRequest},
		"no number":            {"GET", "/api/catalogue?skip=-1", "", http.StatusBadRequest},
		"a body where none is": {"GET", "/api/session", "{}", http.StatusBadRequest},
		"an unknown route":     {"GET", "/api/nothing", "", http.StatusNotFound},
		"no query":             {"POST", "/api/queries", `{"sql":""}`, http.StatusUnprocessableEntity},
		"an unknown query":     {"GET", "/api/queries/x", "", http.StatusNotFound},
		"an unknown answer":    {"GET", "/api/answers/q-0", "", http.StatusNotFound},
		"an unknown format":    {"GET", "/api/answers/q-0/file?format=exe", "", http.StatusUnprocessableEntity},
		"no receipt":           {"POST", "/api/receipts/verify", `{"receipt":"eA=="}`, http.StatusUnprocessableEntity},
		"a file that is none":  {"GET", "/../desk.go", "", http.StatusNotFound},
	} {
		if answer, body := v.send(v.request(c.method, c.path, c.body, nil)); answer.StatusCode != c.status {
			t.Errorf("%s: %s %.200s, want %d", what, answer.Status, body, c.status)
		}
	}
}

// A desk ends with its context, also while a request is held, and leaves nothing behind.
func TestADeskEndsWithItsContext(t *testing.T) {
	v := lonely(t, false)
	begun := ask[struct {
		ID   string `json:"id"`
		Seen int    `json:"seen"`
	}](v, "POST", "/api/queries", map[string]string{"sql": "SELECT COUNT(*) FROM air"})
	if begun.ID == "" {
		t.Fatal("no query is under way")
	}
	held := make(chan struct{})
	go func() {
		defer close(held)
		answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(v.request("GET", "/api/queries/"+begun.ID+"?seen=1000", "", nil))
		if err == nil {
			answer.Body.Close() //nolint:errcheck // of a test
		}
	}()
	if err := v.end(); err != nil {
		t.Error(err)
	}
	<-held
	if c, err := net.Dial("tcp", v.host); err == nil {
		c.Close() //nolint:errcheck // of a test
		t.Error("the port is open")
	}
}

// The document has every route, and is as it was committed; what it names is served.
func TestOpenAPIHasEveryRoute(t *testing.T) {
	v := lonely(t, false)
	answer, served := v.send(v.request("GET", "/api/openapi.json", "", nil))
	if answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status)
	}
	if *update {
		if err := os.WriteFile("openapi.json", []byte(served), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if string(committed) != served {
		t.Error("openapi.json is not what is served: go test ./node/desk -run OpenAPI -update")
	}
	var doc struct {
		OpenAPI string                                `json:"openapi"`
		Paths   map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal([]byte(served), &doc); err != nil {
		t.Fatal(err)
	}
	n := 0
	for path, methods := range doc.Paths {
		for method := range methods {
			n++
			found := false
			for _, r := range v.desk.routes {
				found = found || r.Path == path && strings.EqualFold(r.Method, method)
			}
			if !found {
				t.Errorf("%s %s is no route", method, path)
			}
		}
	}
	if n != len(v.desk.routes) || doc.OpenAPI != "3.1.0" {
		t.Errorf("OpenAPI %s has %d of %d routes", doc.OpenAPI, n, len(v.desk.routes))
	}
}

// The page has one script and one style sheet in itself, which run by their digests; nothing else that stands in a page
// runs, and other files' policies let no such thing run at all.
func TestWhatStandsInThePageRunsByItsDigest(t *testing.T) {
	v := lonely(t, false)
	answer, text := v.send(v.request("GET", "/", "", nil))
	policy := answer.Header.Get("Content-Security-Policy")
	want := contentPolicy
	for _, tag := range []string{"script", "style"} {
		_, rest, _ := strings.Cut(text, "<"+tag+">")
		own, _, found := strings.Cut(rest, "</"+tag+">")
		if !found || own == "" || strings.Count(text, "<"+tag) != 1 {
			t.Fatalf("the page has %d of %s:\n%s", strings.Count(text, "<"+tag), tag, text)
		}
		sum := sha256.Sum256([]byte(own))
		want += "; " + tag + "-src 'self' 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	if policy != want || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %s\nwant %s", policy, want)
	}
	if handlers := regexp.MustCompile(`<[^>]* (on[a-z]+|style)=`).FindString(text); handlers != "" {
		t.Errorf("the page has %s", handlers)
	}
	for _, path := range []string{"/main.js", "/style.css", "/api/session", "/open/x"} {
		if answer, _ := v.send(v.request("GET", path, "", nil)); answer.Header.Get("Content-Security-Policy") != contentPolicy {
			t.Errorf("%s has the policy %s", path, answer.Header.Get("Content-Security-Policy"))
		}
	}
}
