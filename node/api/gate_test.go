package api_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/apitest"
	"github.com/weirdata/weir/node/api/token"
	"github.com/weirdata/weir/node/api/wire"
)

// party is an organisation with its keys.
type party struct {
	signing   ed25519.PrivateKey
	private   []byte
	receiving []byte
}

func newParty(t *testing.T) party {
	t.Helper()
	_, signing, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, public, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return party{signing: signing, private: private, receiving: public}
}

func (p party) public() ed25519.PublicKey { return p.signing.Public().(ed25519.PublicKey) }
func (p party) id() string                { return catalog.PrincipalID(p.public()) }

// world is a cluster with one organisation of each role, served over HTTP.
type world struct {
	*testing.T
	handler http.Handler
	cluster *apitest.Cluster
	url     string
	dial    func() (net.Conn, error)
	parties map[catalog.Role]party
}

func newWorld(t *testing.T, adjust ...func(*api.Options)) *world {
	t.Helper()
	return newWorldAt(t, state.FeatureLevel, adjust...)
}

// newWorldAt is newWorld in a cluster of a feature level.
func newWorldAt(t *testing.T, level int, adjust ...func(*api.Options)) *world {
	t.Helper()
	w := &world{T: t, parties: map[catalog.Role]party{}}
	for _, r := range []catalog.Role{catalog.RoleOperator, catalog.RolePublisher, catalog.RoleBuyer} {
		w.parties[r] = newParty(t)
	}
	operator := w.parties[catalog.RoleOperator]
	var err error
	if w.cluster, err = apitest.New(apitest.Founder{Name: "operator", Signing: operator.signing, Receiving: operator.receiving, Level: level}); err != nil {
		t.Fatal(err)
	}
	opts := w.cluster.Options()
	for _, a := range adjust {
		a(&opts)
	}
	handler, err := api.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	w.handler, w.url = handler, serve(t, handler, nil)
	w.dial = func() (net.Conn, error) { return net.Dial("tcp", strings.TrimPrefix(w.url, "http://")) }
	for role, p := range w.parties {
		if role != catalog.RoleOperator {
			w.admit(string(role), role, p)
		}
	}
	return w
}

// serve serves a handler as nodes do, without TLS, and returns where.
func serve(t *testing.T, handler http.Handler, adjust func(*http.Server)) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config = api.NewServer(handler)
	if adjust != nil {
		adjust(server.Config)
	}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

func (w *world) admit(name string, role catalog.Role, p party) {
	w.Helper()
	w.submit(catalog.RoleOperator, catalog.KindPrincipalAdd, catalog.PrincipalAdd{Name: name, Role: role, Key: p.public(), Receiving: p.receiving}, http.StatusOK)
}

func (w *world) envelope(role catalog.Role, kind catalog.Kind, body any) catalog.Envelope {
	w.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		w.Fatal(err)
	}
	var nonce [16]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		w.Fatal(err)
	}
	now := time.Now().UnixMilli()
	p := w.parties[role]
	e, err := catalog.Sign(p.signing, p.id(), catalog.Payload{
		Version: 1, Cluster: w.cluster.ID().String(), Kind: kind, Nonce: hex.EncodeToString(nonce[:]),
		Issued: now, Expires: now + 60_000, Body: raw,
	})
	if err != nil {
		w.Fatal(err)
	}
	return e
}

// submit sends an envelope and requires the status.
func (w *world) submit(role catalog.Role, kind catalog.Kind, body any, status int) []byte {
	w.Helper()
	raw, err := json.Marshal(w.envelope(role, kind, body))
	if err != nil {
		w.Fatal(err)
	}
	return w.want(w.do("POST", "/v1/envelopes", "", raw), status)
}

func (w *world) token(role catalog.Role) string {
	w.Helper()
	p := w.parties[role]
	text, err := token.Issue(p.signing, p.id(), w.cluster.ID().String(), time.Now())
	if err != nil {
		w.Fatal(err)
	}
	return text
}

// answer is a response, read.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (w *world) do(method, path, bearer string, body []byte) answer {
	w.Helper()
	return w.send(method, path, bearer, bytes.NewReader(body), len(body) > 0 && body[0] == '{')
}

// chunked sends the body without saying how long it is.
func (w *world) chunked(method, path, bearer string, body []byte) answer {
	w.Helper()
	return w.send(method, path, bearer, io.MultiReader(bytes.NewReader(body)), true)
}

func (w *world) send(method, path, bearer string, body io.Reader, isJSON bool) answer {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, w.url+path, body)
	if err != nil {
		w.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	if isJSON {
		req.Header.Set("Content-Type", "application/json")
	}
	return w.run(req)
}

func (w *world) run(req *http.Request) answer {
	w.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, b}
}

func (w *world) want(a answer, status int) []byte {
	w.Helper()
	if a.status != status {
		w.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a.body
}

// problem requires an answer to be problem+json of the status and kind.
func (w *world) problem(a answer, status int, kind string) wire.Problem {
	w.Helper()
	w.want(a, status)
	if ct := a.header.Get("Content-Type"); ct != "application/problem+json" {
		w.Fatalf("content type %q, want problem+json: %s", ct, a.body)
	}
	var p wire.Problem
	if err := json.Unmarshal(a.body, &p); err != nil {
		w.Fatal(err)
	}
	if p.Kind != kind || p.Status != status || p.Message == "" || p.Type != wire.ProblemBase+kind {
		w.Fatalf("problem %+v, want kind %s and status %d", p, kind, status)
	}
	return p
}

func TestTokenMustBeSignedByItsPrincipalForThisClusterAndShort(t *testing.T) {
	w := newWorld(t)
	buyer, now, cluster := w.parties[catalog.RoleBuyer], time.Now(), w.cluster.ID().String()
	claims := func(change func(*jwt.RegisteredClaims)) jwt.RegisteredClaims {
		c := jwt.RegisteredClaims{
			Subject: buyer.id(), Audience: jwt.ClaimStrings{cluster},
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute)),
		}
		change(&c)
		return c
	}
	signed := func(method jwt.SigningMethod, key any, change func(*jwt.RegisteredClaims)) string {
		text, err := jwt.NewWithClaims(method, claims(change)).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	same := func(*jwt.RegisteredClaims) {}
	stranger := newParty(t)
	good := signed(jwt.SigningMethodEdDSA, buyer.signing, same)
	parts := strings.Split(good, ".")
	for name, c := range map[string]struct {
		token string
		ok    bool
	}{
		"good":                            {good, true},
		"none":                            {"", false},
		"not a token":                     {"x.y", false},
		"alg none":                        {signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, same), false},
		"HS256 keyed with the public key": {signed(jwt.SigningMethodHS256, []byte(buyer.public()), same), false},
		"alg swapped in the header":       {swapAlg(t, parts, buyer.public()), false},
		"another key":                     {signed(jwt.SigningMethodEdDSA, stranger.signing, same), false},
		"another cluster":                 {signed(jwt.SigningMethodEdDSA, buyer.signing, func(c *jwt.RegisteredClaims) { c.Audience = jwt.ClaimStrings{"feed"} }), false},
		"no audience":                     {signed(jwt.SigningMethodEdDSA, buyer.signing, func(c *jwt.RegisteredClaims) { c.Audience = nil }), false},
		"expired": {signed(jwt.SigningMethodEdDSA, buyer.signing, func(c *jwt.RegisteredClaims) {
			c.IssuedAt, c.ExpiresAt = jwt.NewNumericDate(now.Add(-6*time.Minute)), jwt.NewNumericDate(now.Add(-time.Minute))
		}), false},
		"expired within the leeway": {signed(jwt.SigningMethodEdDSA, buyer.signing, func(c *jwt.RegisteredClaims) {
			c.IssuedAt, c.ExpiresAt = jwt.NewNumericDate(now.Add(-time.Minute)), jwt.NewNumericDate(now.Add(-10*time.Second))
		}), true},
		"issued in the future": {signed(jwt.SigningMethodEdDSA, buyer.signing, func(c *jwt.RegisteredClaims) {
			c.IssuedAt, c.ExpiresAt = jwt.NewNumericDate(now.Add(2*time.Minute)), jwt.NewNumericDate(now.Add(3*time.Minute))
		}), false},
		"lives too long":    {signed(jwt.SigningMethodEdDSA, buyer.signing, func(c *jwt.RegisteredClaims) { c.ExpiresAt = jwt.NewNumericDate(now.Add(time.Hour)) }), false},
		"no expiry":         {signed(jwt.SigningMethodEdDSA, buyer.signing, func(c *jwt.RegisteredClaims) { c.ExpiresAt = nil }), false},
		"no issue time":     {signed(jwt.SigningMethodEdDSA, buyer.signing, func(c *jwt.RegisteredClaims) { c.IssuedAt = nil }), false},
		"unknown principal": {signed(jwt.SigningMethodEdDSA, stranger.signing, func(c *jwt.RegisteredClaims) { c.Subject = stranger.id() }), false},
		"no subject":        {signed(jwt.SigningMethodEdDSA, buyer.signing, func(c *jwt.RegisteredClaims) { c.Subject = "" }), false},
		"too long":          {good + strings.Repeat("A", 4096), false},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.do("GET", "/v1/orders", c.token, nil)
			if c.ok {
				w.want(a, http.StatusOK)
				return
			}
			p := w.problem(a, http.StatusUnauthorized, wire.KindToken)
			if p.Fix == "" || a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("no fix or WWW-Authenticate: %+v", p)
			}
		})
	}
}

// swapAlg makes the classic forgery: the header says HS256 and the MAC's key is
// the public key.
func swapAlg(t *testing.T, parts []string, public []byte) string {
	t.Helper()
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))
	mac := hmac.New(sha256.New, public)
	mac.Write([]byte(head + "." + parts[1])) //nolint:errcheck // hash.Hash: it never returns an error
	return head + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestBackendErrorsBecomeTheirProblems(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		err    error
		status int
		kind   string
		retry  bool
	}{
		{fmt.Errorf("submit: %w", api.ErrNoQuorum), 503, wire.KindNoQuorum, true},
		{fmt.Errorf("submit: %w", api.ErrUnavailable), 503, wire.KindUnavailable, true},
		{fmt.Errorf("submit: %w", api.ErrTimeout), 504, wire.KindTimeout, false},
		{context.DeadlineExceeded, 504, wire.KindTimeout, false},
		{fmt.Errorf("submit: %w", &api.BusyError{Message: "too much", Wait: 90 * time.Second}), 429, wire.KindBusy, true},
		{errors.New("disk at /secret/path on fire"), 500, wire.KindInternal, false},
	} {
		w.cluster.Broken = func() error { return c.err }
		a := w.do("GET", "/v1/registries", "", nil)
		w.cluster.Broken = nil
		p := w.problem(a, c.status, c.kind)
		if (a.header.Get("Retry-After") != "") != c.retry {
			t.Errorf("%v: Retry-After %q, want one: %t", c.err, a.header.Get("Retry-After"), c.retry)
		}
		if strings.Contains(p.Message, "secret") {
			t.Errorf("an internal error was sent: %s", p.Message)
		}
	}
}

func TestRefusalKeepsItsFieldsAndTheEntryThatRecordedIt(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		role   catalog.Role
		kind   catalog.Kind
		body   any
		status int
		want   catalog.RefusalKind
	}{
		{catalog.RoleBuyer, catalog.KindPrincipalAdd, catalog.PrincipalAdd{Name: "x", Role: catalog.RoleBuyer}, 403, catalog.RefusedForbidden},
		{catalog.RoleBuyer, catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "nothing", Purpose: "p"}, 404, catalog.RefusedUnknown},
		{catalog.RolePublisher, catalog.KindRegistryCreate, catalog.RegistryCreate{ID: "Bad Name"}, 422, catalog.RefusedInvalid},
		{catalog.RoleOperator, catalog.KindPrincipalAdd, catalog.PrincipalAdd{Name: "buyer", Role: catalog.RoleBuyer, Key: newParty(t).public(), Receiving: w.parties[catalog.RoleBuyer].receiving}, 409, catalog.RefusedConflict},
	} {
		body := w.submit(c.role, c.kind, c.body, c.status)
		var p wire.Problem
		if err := json.Unmarshal(body, &p); err != nil {
			t.Fatal(err)
		}
		r := p.Refusal()
		if r == nil || r.Kind != c.want || p.Rule == "" || p.Receipt == nil || p.Receipt.Seq == 0 {
			t.Errorf("%s: problem %+v, want a refusal of kind %s with its entry", c.kind, p, c.want)
		}
	}
	forged := w.envelope(catalog.RoleBuyer, catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "d", Purpose: "p"})
	forged.Signature[0] ^= 1
	raw, err := json.Marshal(forged)
	if err != nil {
		t.Fatal(err)
	}
	w.problem(w.do("POST", "/v1/envelopes", "", raw), http.StatusUnauthorized, string(catalog.RefusedSignature))
}

func TestConcurrencyIsLimitedPerCaller(t *testing.T) {
	w := newWorld(t, func(o *api.Options) { o.Concurrency = 1 })
	entered, leave := make(chan struct{}), make(chan struct{})
	w.cluster.Broken = func() error { close(entered); <-leave; return nil }
	first := make(chan answer)
	go func() { first <- w.do("GET", "/v1/cluster", "", nil) }()
	<-entered
	// The first request holds the cluster's lock; readiness does not need it.
	a := w.do("GET", "/readyz", "", nil)
	close(leave)
	w.want(<-first, http.StatusOK)
	w.problem(a, http.StatusTooManyRequests, wire.KindBusy)
	if a.header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
	w.cluster.Broken = nil
	w.want(w.do("GET", "/readyz", "", nil), http.StatusOK)
}

// TestOperatorSeesANodeThatStandsAlone: that is when its status is needed most.
func TestOperatorSeesANodeThatStandsAlone(t *testing.T) {
	w := newWorld(t)
	w.cluster.Broken = func() error { return api.ErrNoQuorum }
	w.problem(w.do(http.MethodGet, "/v1/principals", w.token(catalog.RoleOperator), nil), http.StatusServiceUnavailable, wire.KindNoQuorum)
	if a := w.do(http.MethodGet, "/v1/status", w.token(catalog.RoleOperator), nil); a.status != http.StatusOK {
		t.Errorf("an operator gets %d", a.status)
	}
	w.problem(w.do(http.MethodGet, "/v1/status", w.token(catalog.RoleBuyer), nil), http.StatusForbidden, wire.KindForbidden)
	w.problem(w.do(http.MethodGet, "/v1/status", "", nil), http.StatusUnauthorized, wire.KindToken)
}
