package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/weirdata/weir/node/api/token"
	"github.com/weirdata/weir/node/api/wire"
)

// maxJSON bounds what is read of an answer in JSON.
const maxJSON = 64 << 20

// call is one request that may be tried on several nodes.
type call struct {
	method string
	path   string
	body   []byte
	// contentType of body; empty: JSON.
	contentType string
	// token: the request carries one.
	token bool
	// elsewhere: 404 may mean that only this node does not have it.
	elsewhere bool
	// limit of the answer's bytes; 0: maxJSON.
	limit int64
	// wait is how long the server may hold the request on purpose.
	wait time.Duration
}

// do tries the call on the nodes, the one that answered last first, until one
// answers something that another would not mend.
func (c *Client) do(ctx context.Context, r call) ([]byte, error) {
	if r.token && c.key == nil {
		return nil, fmt.Errorf("%s %s: %w", r.method, r.path, ErrNoKey)
	}
	giveUp := c.now().Add(c.opts.Patience)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		failures := make([]NodeFailure, 0, len(c.nodes))
		var answer error // of a node that was reached
		for left := c.order(); len(left) > 0; {
			i := left[0]
			left = left[1:]
			body, err := c.ask(ctx, c.nodes[i], r)
			if err == nil {
				c.preferred.Store(int64(i))
				return body, nil
			}
			if ctx.Err() != nil {
				return nil, fmt.Errorf("%s %s: %w", r.method, r.path, ctx.Err())
			}
			var p *wire.Problem
			if errors.As(err, &p) {
				if !r.tryNext(p) {
					c.preferred.Store(int64(i))
					return nil, c.explain(p, failures)
				}
				answer = p
				pause = max(pause, retryAfter(p))
			}
			failures = append(failures, NodeFailure{ID: c.nodes[i].ID, Addr: c.nodes[i].Addr, Err: err})
			if p == nil && len(left) > 1 {
				var away []NodeFailure
				left, away = c.survey(ctx, left)
				failures = append(failures, away...)
			}
		}
		last := error(&UnreachableError{Nodes: failures})
		if answer != nil {
			last = c.explain(answer, failures)
		}
		if r.elsewhere && isNotFound(answer) || busyUntil(answer, c.now()).After(giveUp) || c.now().Add(pause).After(giveUp) {
			return nil, last
		}
		if err := c.pause(ctx, pause); err != nil {
			return nil, fmt.Errorf("%s %s: %w; before that: %w", r.method, r.path, err, last)
		}
	}
}

// Pauses between two rounds over the nodes.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = time.Second
)

// tryNext reports whether another node, or the same one later, may do better.
func (r call) tryNext(p *wire.Problem) bool {
	switch p.Status {
	case http.StatusServiceUnavailable:
		// A node that found no quorum has waited for one already.
		return p.Kind != wire.KindNoQuorum
	case http.StatusTooManyRequests, http.StatusBadGateway:
		return true
	case http.StatusGatewayTimeout:
		return true // an envelope is applied once, everything else only reads
	case http.StatusNotFound:
		return r.elsewhere
	}
	return false
}

func isNotFound(err error) bool {
	var p *wire.Problem
	return errors.As(err, &p) && p.Status == http.StatusNotFound
}

// busyUntil is when a caller that has taken more than it may is to come back; now, where
// the answer is another one.
func busyUntil(answer error, now time.Time) time.Time {
	var p *wire.Problem
	if !errors.As(answer, &p) || p.Status != http.StatusTooManyRequests {
		return now
	}
	seconds, err := strconv.Atoi(p.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return now
	}
	return now.Add(time.Duration(min(seconds, 1<<20)) * time.Second)
}

// retryAfter is what the node asked for, within reason.
func retryAfter(p *wire.Problem) time.Duration {
	seconds, err := strconv.Atoi(p.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(min(seconds, 60))*time.Second, 2*lastPause) // a large number of seconds is no Duration
}

// order lists the nodes' indexes, the preferred one first.
func (c *Client) order() []int {
	first := int(c.preferred.Load())
	indexes := make([]int, len(c.nodes))
	for i := range indexes {
		indexes[i] = (first + i) % len(c.nodes)
	}
	return indexes
}

// pause waits, or ends with ctx.
func (c *Client) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ask makes the call on one node. An answer that is an error is *wire.Problem.
func (c *Client) ask(ctx context.Context, node ProfileNode, r call) ([]byte, error) {
	resp, err := c.send(ctx, node, r)
	if err != nil {
		return nil, err
	}
	if resp.status >= http.StatusBadRequest {
		return nil, problemOf(resp)
	}
	return resp.body, nil
}

// response is what a node answered.
type response struct {
	status int
	header http.Header
	body   []byte
}

// send makes the call on one node and reads the whole answer.
func (c *Client) send(ctx context.Context, node ProfileNode, r call) (response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.RequestTimeout+r.wait)
	defer cancel()
	ctx, end := c.vigil(ctx, node)
	defer end()
	req, err := c.request(ctx, node, r)
	if err != nil {
		return response{}, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return response{}, given(ctx, err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is written
	limit := r.limit
	if limit == 0 {
		limit = maxJSON
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return response{}, fmt.Errorf("read the answer: %w", given(ctx, err))
	}
	if int64(len(body)) > limit {
		return response{}, fmt.Errorf("the answer is longer than %d bytes", limit)
	}
	return response{status: resp.StatusCode, header: resp.Header, body: body}, nil
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
func (c *Client) request(ctx context.Context, node ProfileNode, r call) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, strings.TrimSuffix(node.Addr, "/")+r.path, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json, application/octet-stream")
	req.Header.Set("User-Agent", "weir")
	if len(r.body) > 0 {
		req.Header.Set("Content-Type", "application/json")
		if r.contentType != "" {
			req.Header.Set("Content-Type", r.contentType)
		}
	}
	if !r.token {
		return req, nil
	}
	t, err := token.Issue(c.key.signing, c.key.ID(), c.profile.Cluster.String(), c.now())
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+t)
	return req, nil
}

// problemOf reads an answer that is an error, whoever made it.
func problemOf(resp response) error {
	kind, _, err := mime.ParseMediaType(resp.header.Get("Content-Type"))
	var p wire.Problem
	if err != nil || kind != "application/problem+json" || json.Unmarshal(resp.body, &p) != nil || p.Message == "" {
		p = *wire.NewProblem(resp.status, wire.KindInternal, fmt.Sprintf("the node answered %d %s", resp.status, http.StatusText(resp.status)))
	}
	p.Status = resp.status
	p.Header = resp.header
	return &p
}

// get reads a JSON answer.
func get[T any](ctx context.Context, c *Client, r call) (T, error) {
	r.method = http.MethodGet
	return fetch[T](ctx, c, r)
}

// post sends a JSON body and reads a JSON answer.
func post[T any](ctx context.Context, c *Client, path string, body any, withToken bool) (T, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		var none T
		return none, fmt.Errorf("encode the body of POST %s: %w", path, err)
	}
	return fetch[T](ctx, c, call{method: http.MethodPost, path: path, body: raw, token: withToken})
}

func fetch[T any](ctx context.Context, c *Client, r call) (T, error) {
	var v T
	body, err := c.do(ctx, r)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return v, fmt.Errorf("read the answer to %s %s: %w", r.method, r.path, err)
	}
	return v, nil
}
