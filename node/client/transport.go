package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/node/api/token"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/peer"
)

// maxJSON bounds what is read of an answer in JSON.
const maxJSON = 64 << 20

// Call is one request that may be tried on several nodes.
type Call struct {
	Method string // empty: GET
	Path   string // with its query
	Body   []byte
	// ContentType of Body; empty: JSON.
	ContentType string
	// Prefer is what the node need not do (RFC 7240), such as wire.PreferAnswer; empty: nothing.
	Prefer string
	// Token: the request carries one.
	Token bool
	// Elsewhere: 404 may mean that only this node does not have it.
	Elsewhere bool
	// Limit of the answer's bytes; 0: 64 MiB.
	Limit int64
	// Wait is how long the server may hold the request on purpose.
	Wait time.Duration
}

// transport makes requests to the nodes of a cluster.
type transport struct {
	profile   Profile
	key       *Key
	opts      Options
	pins      bool // connections prove the keys of pinned nodes
	http      *http.Client
	nodes     []ProfileNode
	preferred atomic.Int64 // index in nodes of the one that answered last
	health    *nodesHealth
}

func newTransport(profile Profile, key *Key, opts Options) *transport {
	t := &transport{profile: profile, key: key, opts: opts, pins: opts.TLS == nil, nodes: profile.Nodes}
	config := opts.TLS
	if t.pins { // not among the options: who makes another client with them pins what that one's profile does
		config = peer.PinnedClientTLS(profile.keys())
	}
	if profile.Addr != "" {
		t.prefer(profile.Addr)
	}
	t.health = &nodesHealth{now: opts.Now, of: make([]nodeHealth, len(t.nodes)), hedges: hedgeBurst}
	t.http = &http.Client{
		Transport: newPool(t.opts, config),
		// An answer that sends elsewhere is not followed: nodes answer themselves.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return t
}

// prefer asks the node at addr first. An address that no pinned node has may
// still lead to one, through a port that is forwarded, say: TLS pins its key.
func (t *transport) prefer(addr string) {
	for i, n := range t.nodes {
		if strings.TrimSuffix(n.Addr, "/") == strings.TrimSuffix(addr, "/") {
			t.preferred.Store(int64(i))
			return
		}
	}
	t.nodes = append([]ProfileNode{{ID: "node", Addr: addr}}, t.nodes...)
}

// Now is the time by the client's clock.
func (t *transport) Now() time.Time { return t.opts.Now() }

// Do tries the call on the nodes, the one that answered last first, until one answers
// something that another would not mend.
func (t *transport) Do(ctx context.Context, r Call) ([]byte, error) {
	if r.Token && t.key == nil {
		return nil, fmt.Errorf("%s %s: %w", r.method(), r.Path, ErrNoKey)
	}
	giveUp := t.Now().Add(t.opts.Patience)
	for pause := FirstPause; ; pause = min(2*pause, LastPause) {
		x := t.round(ctx, r)
		switch {
		case x.err == nil:
			return x.body, nil
		case ctx.Err() != nil:
			return nil, fmt.Errorf("%s %s: %w", r.method(), r.Path, ctx.Err())
		case x.final, !x.worthAnother(r):
			return nil, x.err
		}
		pause = max(pause, x.comeBack)
		if t.Now().Add(pause).After(giveUp) {
			return nil, x.err
		}
		if err := Pause(ctx, jittered(pause)); err != nil {
			return nil, fmt.Errorf("%s %s: %w; before that: %w", r.method(), r.Path, err, x.err)
		}
	}
}

// Pauses between two rounds over the nodes.
const (
	FirstPause = 100 * time.Millisecond
	LastPause  = time.Second
)

func (r Call) method() string { return cmp.Or(r.Method, http.MethodGet) }

// tryNext reports whether another node, or the same one later, may do better.
func (r Call) tryNext(p *wire.Problem) bool {
	switch p.Status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusBadGateway,
		http.StatusGatewayTimeout: // an envelope is applied once, everything else only reads
		return true
	case http.StatusUnauthorized:
		return r.Token && p.Kind == wire.KindToken // a node whose clock is wrong takes no token
	case http.StatusNotFound:
		return r.Elsewhere
	}
	return false
}

// IsNotFound reports whether a node answered that there is no such thing.
func IsNotFound(err error) bool {
	p, ok := errors.AsType[*wire.Problem](err)
	return ok && p.Status == http.StatusNotFound
}

// retryAfter is how long the node asked to be left alone; 0: it did not.
func retryAfter(p *wire.Problem) time.Duration {
	seconds, err := strconv.Atoi(p.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, 1<<20)) * time.Second // a large number of seconds is no Duration
}

// Nodes are the nodes in the order in which they are to be asked.
func (t *transport) Nodes() []ProfileNode {
	var out []ProfileNode
	for _, i := range t.health.order(int(t.preferred.Load())) {
		out = append(out, t.nodes[i])
	}
	return out
}

// Ask makes the call on one node. An answer that is an error is *wire.Problem.
func (t *transport) Ask(ctx context.Context, node ProfileNode, r Call) ([]byte, error) {
	resp, err := t.send(ctx, node, r)
	if err == nil && resp.status >= http.StatusBadRequest {
		err = problemOf(resp)
	}
	return resp.body, err
}

// AskPatiently is Ask that asks the node again while it may do better, for as long as the client has patience.
func (t *transport) AskPatiently(ctx context.Context, node ProfileNode, r Call) ([]byte, error) {
	pause, giveUp := FirstPause, t.Now().Add(t.opts.Patience)
	for {
		b, err := t.Ask(ctx, node, r)
		if p, answered := errors.AsType[*wire.Problem](err); answered && !r.tryNext(p) {
			return nil, err
		}
		if err == nil || ctx.Err() != nil || t.Now().Add(pause).After(giveUp) {
			return b, err
		}
		if err := Pause(ctx, jittered(pause)); err != nil {
			return nil, err
		}
		pause = min(2*pause, LastPause)
	}
}

// Answer is Ask that says which pinned node answered, by the key that the connection
// proved: one node must not answer for two, wherever addresses lead. Where tests replace
// TLS there is no such key, and it is the node that was asked. It says so of an answer that
// is an error, too.
func (t *transport) Answer(ctx context.Context, node ProfileNode, r Call) (by string, body []byte, err error) {
	resp, err := t.send(ctx, node, r)
	if err != nil {
		return "", nil, err
	}
	if by, err = t.answerer(node, resp); err != nil {
		return "", nil, err
	}
	if resp.status >= http.StatusBadRequest {
		return by, nil, problemOf(resp)
	}
	return by, resp.body, nil
}

func (t *transport) answerer(asked ProfileNode, r response) (string, error) {
	if !t.pins {
		return asked.ID, nil
	}
	for _, n := range t.profile.Nodes {
		if ed25519.PublicKey(n.Key).Equal(r.key) {
			return n.ID, nil
		}
	}
	return "", fmt.Errorf("%w: the key of who answers for node %s", ErrPinned, asked.ID)
}

// response is what a node answered.
type response struct {
	status int
	header http.Header
	body   []byte
	key    ed25519.PublicKey // that the connection proved; nil where it is another kind of key
}

// send makes the call on one node and reads the whole answer.
func (t *transport) send(ctx context.Context, node ProfileNode, r Call) (response, error) {
	ctx, cancel := context.WithTimeout(ctx, t.opts.RequestTimeout+r.Wait)
	defer cancel()
	ctx, end := t.watchLiveness(ctx, node)
	defer end()
	req, err := t.request(ctx, node, r)
	if err != nil {
		return response{}, err
	}
	resp, err := t.http.Do(req)
	if err != nil {
		return response{}, given(ctx, err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is written
	limit := cmp.Or(r.Limit, maxJSON)
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return response{}, fmt.Errorf("read the answer: %w", given(ctx, err))
	}
	if int64(len(body)) > limit {
		return response{}, fmt.Errorf("the answer is longer than %d bytes", limit)
	}
	return response{status: resp.StatusCode, header: resp.Header, body: body, key: provenKey(resp.TLS)}, nil
}

// provenKey is the Ed25519 key of the other side of a connection.
func provenKey(s *tls.ConnectionState) ed25519.PublicKey {
	if s == nil || len(s.PeerCertificates) == 0 {
		return nil
	}
	key, _ := s.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	return key
}

// given is why a request broke: because its node hangs, where it was given up for
// that.
func given(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errHangs) {
		return cause
	}
	return err
}

// request builds the HTTP request, with a fresh token where one is needed.
func (t *transport) request(ctx context.Context, node ProfileNode, r Call) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.method(), strings.TrimSuffix(node.Addr, "/")+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json, application/octet-stream")
	req.Header.Set("User-Agent", "weir")
	if len(r.Body) > 0 {
		req.Header.Set("Content-Type", cmp.Or(r.ContentType, "application/json"))
	}
	if r.Prefer != "" {
		req.Header.Set("Prefer", r.Prefer)
	}
	if !r.Token {
		return req, nil
	}
	issued, _, err := t.Token()
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+issued)
	return req, nil
}

// problemOf reads an answer that is an error, whoever made it.
func problemOf(resp response) error {
	kind, _, err := mime.ParseMediaType(resp.header.Get("Content-Type"))
	var p wire.Problem
	if err != nil || kind != "application/problem+json" || json.Unmarshal(resp.body, &p) != nil || p.Message == "" {
		p = *wire.NewProblem(resp.status, wire.KindInternal, fmt.Sprintf("the node answered %d %s", resp.status, http.StatusText(resp.status)))
	}
	// Each is one line: what a node adds must not look like another message.
	p.Message, p.Fix = shown.Text(p.Message), shown.Text(p.Fix)
	p.Status = resp.status
	p.Header = resp.header
	return &p
}

// Get reads a JSON answer.
func Get[T any](ctx context.Context, c *Client, r Call) (T, error) {
	var v T
	body, err := c.Do(ctx, r)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return v, fmt.Errorf("read the answer to %s %s: %w", r.method(), r.Path, err)
	}
	return v, nil
}

// Post sends a JSON body and reads a JSON answer.
func Post[T any](ctx context.Context, c *Client, path string, body any, withToken bool) (T, error) {
	return post[T](ctx, c, Call{Path: path, Token: withToken}, body)
}

func post[T any](ctx context.Context, c *Client, r Call, body any) (T, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		var none T
		return none, fmt.Errorf("encode the body of POST %s: %w", r.Path, err)
	}
	r.Method, r.Body = http.MethodPost, raw
	return Get[T](ctx, c, r)
}

// idleConnections are kept open to each node: as many as a busy desk has requests under way. One that is closed for want of
// a place costs the next request a handshake, 2 ms of both sides' processors.
const idleConnections = 64

// newPool is the connection pool. It speaks HTTP/1.1 on several
// connections rather than HTTP/2 on one: tiles are large, and one connection's
// flow control and one core's encryption would bound an upload.
func newPool(opts Options, config *tls.Config) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	config = config.Clone()
	config.NextProtos = []string{"http/1.1"}
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   5 * time.Second,
		MaxIdleConnsPerHost:   max(opts.Workers, idleConnections),
		IdleConnTimeout:       30 * time.Second,
		ExpectContinueTimeout: time.Second,
		Protocols:             protocols,
		DisableCompression:    true,
	}
}

// Token issues a token of the client's key for its cluster, for who calls the API without
// this client, and says until when it holds. It fails with ErrNoKey.
func (t *transport) Token() (issued string, until time.Time, err error) {
	if t.key == nil {
		return "", time.Time{}, fmt.Errorf("issue a token: %w", ErrNoKey)
	}
	now := t.Now()
	issued, err = token.Issue(t.key.signing, t.key.ID(), t.profile.Cluster.String(), now)
	return issued, now.Add(token.MaxAge), err
}
