package nodestatus

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// Node is what one node said of itself, or why nothing was heard of it.
type Node struct {
	Node   string       `json:"node"`
	Addr   string       `json:"addr"`
	Status *wire.Status `json:"status,omitempty"`
	Error  string       `json:"error,omitempty"`
	Sealed bool         `json:"sealed,omitempty"` // it says so, and cannot prove it
	// Problem is what the node answered instead of its status; nil: it did not answer.
	Problem *wire.Problem `json:"-"`
}

// Well reports whether the node answered, and can take work.
func (s Node) Well() bool { return s.Status != nil && s.Status.Ready }

// All asks every pinned node at once for its own view of itself and of the others,
// once, and returns their answers in the profile's order. It needs no quorum: a node that
// stands alone answers too. The client's key must be an operator's.
func All(ctx context.Context, c *client.Client) ([]Node, error) {
	if c.Key() == nil {
		return nil, fmt.Errorf("ask the nodes how they are: %w", client.ErrNoKey)
	}
	list := make([]Node, len(c.Pinned().Nodes))
	var wg sync.WaitGroup
	for i, n := range c.Pinned().Nodes {
		list[i] = Node{Node: n.ID, Addr: n.Addr}
		wg.Go(func() {
			s, err := status(ctx, c, n)
			if err != nil {
				list[i].Error = err.Error()
				list[i].Problem, _ = errors.AsType[*wire.Problem](err)
				if saysSealed(ctx, c, n) {
					list[i].Error, list[i].Sealed = "it says that it is sealed, which it cannot prove before `weir node unseal` on its machine", true
				}
				return
			}
			list[i].Status = &s
		})
	}
	wg.Wait()
	return list, ctx.Err()
}

// status asks one node. One that accepts a connection and then says nothing is given up
// as early as one that is gone.
func status(ctx context.Context, c *client.Client, n client.ProfileNode) (wire.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Options().Patience)
	defer cancel()
	var s wire.Status
	b, err := c.Ask(ctx, n, client.Call{Path: "/v1/status", Token: true})
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("read the answer: %w", err)
	}
	if s.ID != n.ID || s.Cluster != c.Pinned().Cluster {
		return s, fmt.Errorf("%w: node %s of cluster %s answers for node %s", client.ErrPinned, s.ID, s.Cluster, n.ID)
	}
	return s, nil
}

// saysSealed asks a node that did not answer under its own key whether it is sealed. Its key
// is sealed then too, so that whoever answers at its address could say so: nothing but what
// a person is told may depend on it.
func saysSealed(ctx context.Context, c *client.Client, n client.ProfileNode) bool {
	ctx, cancel := context.WithTimeout(ctx, c.Options().Patience)
	defer cancel()
	transport := &http.Transport{TLSClientConfig: &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, //nolint:gosec // G402: see above
	}, DisableKeepAlives: true}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(n.Addr, "/")+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }() // read only
	var r wire.Ready
	return json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&r) == nil && r.Sealed
}
