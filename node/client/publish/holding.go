package publish

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
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
	// holdingTimeout bounds a look: it is for show, and there is another one.
	holdingTimeout = 2 * time.Second
	// holdingAsked bounds the tiles that a node is asked about in one look. Of versions
	// that have more, every so many-th stands for its neighbours.
	holdingAsked = wire.MaxMissing
)

// watchVersion looks how much of a version the nodes hold and tells it, until end is
// called, which waits for that.
func watchVersion(ctx context.Context, c *client.Client, dataset string, version int, digests []catalog.Digest, tileBytes int, tell func(Holding)) (end func()) {
	if tell == nil {
		return func() {}
	}
	return client.Poll(ctx, holdingEvery, func(ctx context.Context) {
		if h, ok := holding(ctx, c, dataset, version, digests); ok && ctx.Err() == nil {
			h.TileBytes = tileBytes
			tell(h)
		}
	})
}

// holding asks the ledger who holds the version, and the others how much they do; false:
// nobody answers.
func holding(ctx context.Context, c *client.Client, dataset string, version int, digests []catalog.Digest) (Holding, bool) {
	ctx, cancel := context.WithTimeout(ctx, holdingTimeout)
	defer cancel()
	v, err := client.Get[catalog.Version](ctx, c, client.Call{Path: client.VersionPath(dataset, version)})
	if err != nil {
		return Holding{}, false // it is for show; whoever waits for the version hears of it
	}
	h := Holding{Version: v, Tiles: len(digests), Needed: c.Profile().Threshold, Nodes: make([]NodeHolding, len(c.Profile().Nodes))}
	var wg sync.WaitGroup
	for i, node := range c.Profile().Nodes {
		h.Nodes[i] = NodeHolding{ID: node.ID, Holds: slices.Contains(v.Acks, node.ID), Tiles: len(digests)}
		if !h.Nodes[i].Holds {
			wg.Go(func() { h.Nodes[i].Tiles = countHeld(ctx, c, node, digests) })
		}
	}
	wg.Wait()
	return h, true
}

// countHeld counts the tiles that a node holds; −1: it does not answer.
func countHeld(ctx context.Context, c *client.Client, node client.ProfileNode, digests []catalog.Digest) int {
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
	answer, err := c.Ask(ctx, node, client.Call{Method: http.MethodPost, Path: "/v1/blobs/missing", Body: body, Token: true})
	var absent wire.Missing
	if err != nil || json.Unmarshal(answer, &absent) != nil || len(absent.Digests) > len(asked) {
		return -1
	}
	return len(digests) * (len(asked) - len(absent.Digests)) / len(asked)
}
