package node

import (
	"context"
	"sort"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
)

// health knows which nodes answered their last ping, and which said that they
// cannot open. It is this node's opinion: a leader uses it to choose active sets
// and to end attempts of dead members, never anyone to decide what is true.
type health struct {
	mu    sync.Mutex
	alive map[string]bool
	unfit map[string]bool
}

// pong is the answer to a ping.
type pong struct {
	Unfit bool `json:"unfit,omitempty"` // a key share of the node cannot be used
}

func newHealth(self string) *health {
	return &health{alive: map[string]bool{self: true}, unfit: map[string]bool{}}
}

// setUnfit remembers whether a node says that it cannot open.
func (h *health) setUnfit(id string, unfit bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unfit[id] = unfit
}

// isFit reports whether a node answers and can open.
func (h *health) isFit(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.alive[id] && !h.unfit[id]
}

func (h *health) set(id string, alive bool) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	changed = h.alive[id] != alive
	h.alive[id] = alive
	return changed
}

func (h *health) isAlive(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.alive[id]
}

func (h *health) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := 0
	for _, ok := range h.alive {
		if ok {
			c++
		}
	}
	return c
}

// dead returns those of ids that did not answer, sorted.
func (h *health) dead(ids []string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var d []string
	for _, id := range ids {
		if !h.alive[id] {
			d = append(d, id)
		}
	}
	sort.Strings(d)
	return d
}

// watch pings one other node until ctx ends.
func (n *Node) watch(ctx context.Context, other catalog.Node) {
	t := time.NewTicker(n.opts.PingEvery)
	defer t.Stop()
	for {
		pc, cancel := context.WithTimeout(ctx, n.opts.PingTimeout)
		var answer pong
		err := n.call(pc, other.ID, pathPing, struct{}{}, &answer)
		cancel()
		if ctx.Err() != nil {
			return
		}
		n.health.setUnfit(other.ID, answer.Unfit)
		if n.health.set(other.ID, err == nil) {
			if err != nil {
				n.log.WarnContext(ctx, "node does not answer", "node", other.ID, "error", err)
			} else {
				n.log.InfoContext(ctx, "node answers", "node", other.ID)
			}
			n.wake()
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
