package client

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
)

// Holding is how much of a version the nodes hold while they store and check it.
type Holding struct {
	Version catalog.Version // as the ledger had it
	Tiles   int             // of the version that its publisher has sent
	// Needed is how many nodes have to hold it before it can be checked.
	Needed    int
	TileBytes int           // size of a tile
	Nodes     []NodeHolding // of the profile, in its order
}

// NodeHolding is what one node holds of a version.
type NodeHolding struct {
	ID    string
	Holds bool // all of it, and has said so in the ledger
	Tiles int  // held; −1: the node does not answer
}

const (
	// holdingEvery is the pause between two looks at what nodes hold.
	holdingEvery = time.Second
	// holdingAsked bounds the tiles that a node is asked about in one look. Of versions
	// that have more, every so many-th stands for its neighbours.
	holdingAsked = wire.MaxMissing
)

// watchVersion looks how much of a version the nodes hold and tells it, until end is
// called, which waits for that.
func (c *Client) watchVersion(ctx context.Context, dataset string, version int, digests []catalog.Digest, tileBytes int, tell func(Holding)) (end func()) {
	if tell == nil {
		return func() {}
	}
	return c.looking(ctx, holdingEvery, func(ctx context.Context) {
		if h, ok := c.holding(ctx, dataset, version, digests); ok && ctx.Err() == nil {
			h.TileBytes = tileBytes
			tell(h)
		}
	})
}

// looking looks again and again, with a pause between two looks, until end is called,
// which waits for the last look's end.
func (c *Client) looking(ctx context.Context, every time.Duration, look func(context.Context)) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			look(ctx)
			if c.pause(ctx, every) != nil {
				return
			}
		}
	}()
	return func() {
		cancel()
		<-over
	}
}

// holding asks the ledger who holds the version, and the others how much they do; false:
// nobody answers.
func (c *Client) holding(ctx context.Context, dataset string, version int, digests []catalog.Digest) (Holding, bool) {
	ctx, cancel := context.WithTimeout(ctx, headwayTimeout)
	defer cancel()
	v, err := get[catalog.Version](ctx, c, call{path: versionPath(dataset, version)})
	if err != nil {
		return Holding{}, false // it is for show; whoever waits for the version hears of it
	}
	h := Holding{Version: v, Tiles: len(digests), Needed: c.profile.Threshold, Nodes: make([]NodeHolding, len(c.profile.Nodes))}
	var wg sync.WaitGroup
	for i, node := range c.profile.Nodes {
		h.Nodes[i] = NodeHolding{ID: node.ID, Holds: slices.Contains(v.Acks, node.ID), Tiles: len(digests)}
		if !h.Nodes[i].Holds {
			wg.Go(func() { h.Nodes[i].Tiles = c.held(ctx, node, digests) })
		}
	}
	wg.Wait()
	return h, true
}

// held counts the tiles that a node holds; −1: it does not answer.
func (c *Client) held(ctx context.Context, node ProfileNode, digests []catalog.Digest) int {
	every := (len(digests) + holdingAsked - 1) / holdingAsked
	var asked []catalog.Digest
	for i := 0; i < len(digests); i += every {
		asked = append(asked, digests[i])
	}
	if len(asked) == 0 {
		return 0
	}
	body, err := json.Marshal(wire.Missing{Digests: asked})
	if err != nil {
		return -1
	}
	answer, err := c.ask(ctx, node, call{method: http.MethodPost, path: "/v1/blobs/missing", body: body, token: true})
	var absent wire.Missing
	if err != nil || json.Unmarshal(answer, &absent) != nil || len(absent.Digests) > len(asked) {
		return -1
	}
	return len(digests) * (len(asked) - len(absent.Digests)) / len(asked)
}
