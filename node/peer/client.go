package peer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// maxErrorBody bounds what is read of an answer that is an error: a
	// message of maxMessage bytes, each escaped, and its kind.
	maxErrorBody = 16 << 10
	// expectFrom is the size in bytes from which a body waits for the other
	// side's consent, so that one that will be refused is not sent first. It
	// costs a round trip, which tiles should not pay.
	expectFrom = 1 << 20
	// firstRead bounds the memory that an answer gets before its bytes are here.
	firstRead = 1 << 20
)

// Client makes requests to peers, over connections that it keeps: a pool for
// every node, each connection to that node's key and no other. Its methods are
// safe for concurrent use.
//
// A call waits as long as its context lets it. Where the context has no
// deadline, a call fails with ErrStalled once neither direction has made
// progress for Options.StallTimeout.
type Client struct {
	identity *Identity
	roster   *Roster
	opts     Options
	conns    *connGroup
	unwatch  func()
	ctx      context.Context // of the dials, which net/http lets outlive their request
	cancel   context.CancelCauseFunc

	mu    sync.Mutex
	pools map[string]*pool
}

// pool is the connections to one member as the roster had it at the time.
type pool struct {
	member    Member
	transport *http.Transport
}

// NewClient returns a client of the nodes in the roster. Close ends it.
func NewClient(identity *Identity, roster *Roster, opts Options) (*Client, error) {
	opts, err := opts.validate()
	if err != nil {
		return nil, err
	}
	c := &Client{identity: identity, roster: roster, opts: opts, conns: newConnGroup(), pools: make(map[string]*pool)}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	c.unwatch = roster.watch(func() { c.conns.prune(roster) })
	return c, nil
}

// Close closes all connections. Calls under way fail.
func (c *Client) Close() {
	c.unwatch()
	c.cancel(fmt.Errorf("client: %w", net.ErrClosed))
	c.conns.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.pools {
		p.transport.CloseIdleConnections()
	}
}

// Do sends a request and returns the body of the answer, at most
// Options.MaxResponse bytes. path may carry a query string. It returns a
// RemoteError when the node answered with an error, an UnreachableError when it
// did not answer, the context's error when that ended first.
func (c *Client) Do(ctx context.Context, node, method, path string, body []byte) ([]byte, error) {
	var r io.Reader
	if body != nil {
		r = bytes.NewReader(body)
	}
	answer, err := c.stream(ctx, node, method, path, r, int64(len(body)))
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Close() }() // read to the end, or given up
	var b bytes.Buffer
	// A tile is read in one piece, and not copied from buffer to buffer as they grow. What
	// the other side says is believed only so far.
	b.Grow(int(min(max(answer.size, 0), firstRead, c.opts.MaxResponse)) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(answer, c.opts.MaxResponse+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > c.opts.MaxResponse {
		return nil, fmt.Errorf("%s %s of node %s: %w: the limit is %d bytes", method, path, node, ErrResponseTooLarge, c.opts.MaxResponse)
	}
	return b.Bytes(), nil
}

// JSON sends in as JSON (nil: no body) and decodes the answer to out (nil: the
// answer is dropped). Otherwise it is Do.
func (c *Client) JSON(ctx context.Context, node, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("%s %s of node %s: encode request: %w", method, path, node, err)
		}
	}
	b, err := c.Do(ctx, node, method, path, body)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("%s %s of node %s: decode answer: %w", method, path, node, err)
	}
	return nil
}

// Stream sends a request whose body is size bytes (-1: unknown) of body (nil:
// none), and returns the answer's body, which the caller bounds and closes. A
// body that is cut short is an error of Read, never an early end. Errors are
// those of Do.
func (c *Client) Stream(ctx context.Context, node, method, path string, body io.Reader, size int64) (io.ReadCloser, error) {
	answer, err := c.stream(ctx, node, method, path, body, size)
	if err != nil {
		return nil, err // and no answerBody that is nil
	}
	return answer, nil
}

func (c *Client) stream(ctx context.Context, node, method, path string, body io.Reader, size int64) (*answerBody, error) {
	p, err := c.pool(node)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	ctx, dog := watch(ctx, c.opts.StallTimeout)
	what := callName{node: node, method: method, path: path}
	request, err := newRequest(ctx, dog, what, body, size)
	if err != nil {
		dog.stop()
		return nil, err
	}
	response, err := p.transport.RoundTrip(request)
	if err != nil {
		defer dog.stop()
		return nil, what.failed(ctx, err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		defer dog.stop()
		defer func() { _ = response.Body.Close() }() // an error's, and bounded
		return nil, what.remote(response)
	}
	return &answerBody{ReadCloser: response.Body, size: response.ContentLength, ctx: ctx, dog: dog, what: what}, nil
}

// pool returns the connections to a node, new ones if the roster has another
// key or address for it now.
func (c *Client) pool(node string) (*pool, error) {
	m, ok := c.roster.Member(node)
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrUnknownNode, node)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pools[node]
	if p != nil && p.member.Addr == m.Addr && bytes.Equal(p.member.Key, m.Key) {
		return p, nil
	}
	if p != nil {
		p.transport.CloseIdleConnections()
	}
	p = &pool{member: m}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	p.transport = &http.Transport{
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			ctx, cancel := context.WithCancelCause(ctx)
			defer cancel(nil)
			defer context.AfterFunc(c.ctx, func() { cancel(context.Cause(c.ctx)) })()
			return dial(ctx, c.identity, c.roster, c.conns, c.opts, m, ProtocolPeer)
		},
		Protocols:              protocols,
		DisableCompression:     true,
		MaxConnsPerHost:        c.opts.MaxConns,
		MaxIdleConnsPerHost:    c.opts.MaxConns,
		IdleConnTimeout:        idleTimeout / 2, // before the server's, so that no request meets a closing connection
		MaxResponseHeaderBytes: maxHeaderBytes,
		ExpectContinueTimeout:  time.Second,
		WriteBufferSize:        64 << 10,
		ReadBufferSize:         64 << 10,
	}
	c.pools[node] = p
	return p, nil
}

func newRequest(ctx context.Context, dog *watchdog, what callName, body io.Reader, size int64) (*http.Request, error) {
	if !strings.HasPrefix(what.path, "/") {
		return nil, fmt.Errorf("%s: the path does not begin with a slash", what)
	}
	// The host is a mere label: the transport dials one member only.
	request, err := http.NewRequestWithContext(ctx, what.method, "https://node"+what.path, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if body == nil {
		return request, nil
	}
	request.Body = &sentBody{Reader: body, dog: dog}
	request.ContentLength = size
	if size == 0 {
		request.Body = http.NoBody
	}
	if size < 0 || size >= expectFrom {
		request.Header.Set("Expect", "100-continue")
	}
	if b, ok := body.(*bytes.Reader); ok && size > 0 {
		// Lets net/http try again when a kept connection turns out closed.
		whole := *b
		request.GetBody = func() (io.ReadCloser, error) {
			again := whole
			return &sentBody{Reader: &again, dog: dog}, nil
		}
	}
	return request, nil
}

// callName names a call in errors.
type callName struct{ node, method, path string }

func (c callName) String() string {
	return fmt.Sprintf("%s %s of node %s", c.method, c.path, c.node)
}

// failed is the error of a call that broke.
func (c callName) failed(ctx context.Context, err error) error {
	if end, ok := ctx.Deadline(); ok && !time.Now().Before(end) {
		<-ctx.Done() // a connection may be told of the deadline before the context is
	}
	if ctx.Err() != nil {
		if err = context.Cause(ctx); !errors.Is(err, ErrStalled) {
			return fmt.Errorf("%s: %w", c, err)
		}
	}
	return fmt.Errorf("%s: %w", c, &UnreachableError{Node: c.node, Err: err})
}

// remote is the error that a node answered with.
func (c callName) remote(r *http.Response) error {
	remote := &RemoteError{Node: c.node, Status: r.StatusCode, Kind: KindInternal, Message: http.StatusText(r.StatusCode)}
	var told errorBody
	b, err := io.ReadAll(io.LimitReader(r.Body, maxErrorBody))
	if err == nil && json.Unmarshal(b, &told) == nil && told.Kind != "" {
		remote.Kind, remote.Message = told.Kind, told.Message
	}
	return fmt.Errorf("%s %s: %w", c.method, c.path, remote)
}
