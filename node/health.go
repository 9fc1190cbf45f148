package node

import (
	"context"
	"sort"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
)

// health knows what every node said at its last ping. It is this node's
// opinion: a leader uses it to choose active sets and to end attempts of dead
// members, never anyone to decide what is true.
type health struct {
	mu    sync.Mutex
	nodes map[string]vitals
	// wall and steady are this node's clock, and one that nobody can set, when
	// it last compared the former with another node's; zero: it never did.
	wall, steady time.Time
}

// vitals is what one node said.
type vitals struct {
	alive   bool   // it answered
	unfit   bool   // it cannot open: a key share of it cannot be used
	damaged bool   // blobs of it wait for repair
	run     string // names the run of its process; empty: not known
	// ahead is by how much its clock was ahead of this node's when it was last
	// heard, nil when it never was.
	ahead *time.Duration
}

// pong is the answer to a ping.
type pong struct {
	Unfit   bool   `json:"unfit,omitempty"`
	Damaged bool   `json:"damaged,omitempty"`
	Run     string `json:"run,omitempty"` // drawn when the process started
	Now     int64  `json:"now"`           // its clock, Unix milliseconds
}

func newHealth(self, run string) *health {
	return &health{nodes: map[string]vitals{self: {alive: true, run: run}}}
}

// set takes what a node said, and reports whether it came or went. A node that
// does not answer is still the run it was.
func (h *health) set(id string, v vitals) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	old := h.nodes[id]
	if v.run == "" {
		v.run = old.run
	}
	if v.ahead == nil {
		v.ahead = old.ahead
	}
	h.nodes[id] = v
	return old.alive != v.alive || old.run != v.run
}

// compared notes that this node's clock, at wall then, was compared with another's.
func (h *health) compared(wall, steady time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wall, h.steady = wall, steady
}

// jumped returns by how much more this node's clock went on since it was last
// compared than time did: it was set, or the machine slept.
func (h *health) jumped(wall, steady time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.wall.IsZero() {
		return 0
	}
	return wall.Round(0).Sub(h.wall.Round(0)) - steady.Sub(h.steady) // Round takes the steady part of a reading off
}

// isFit reports whether a node answers and can open.
func (h *health) isFit(id string) bool {
	v := h.of(id)
	return v.alive && !v.unfit
}

func (h *health) isAlive(id string) bool   { return h.of(id).alive }
func (h *health) isDamaged(id string) bool { return h.of(id).damaged }

func (h *health) of(id string) vitals {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.nodes[id]
}

func (h *health) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := 0
	for _, v := range h.nodes {
		if v.alive {
			c++
		}
	}
	return c
}

// runsOf returns the runs of nodes' processes, as far as they are known.
func (h *health) runsOf(ids []string) map[string]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	runs := make(map[string]string, len(ids))
	for _, id := range ids {
		runs[id] = h.nodes[id].run
	}
	return runs
}

// clocksOff returns the nodes whose clocks were further from this one's than
// catalog.MaxSkew when they were last heard, sorted, and how far the first of
// them was ahead.
func (h *health) clocksOff() (ids []string, ahead time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, v := range h.nodes {
		if v.ahead != nil && (*v.ahead > maxSkew || *v.ahead < -maxSkew) {
			ids = append(ids, id)
		}
	}
	sort.Strings(ids)
	if len(ids) > 0 {
		ahead = *h.nodes[ids[0]].ahead
	}
	return ids, ahead
}

// heard counts the nodes whose clocks this one has compared with its own.
func (h *health) heard() (count int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range h.nodes {
		if v.ahead != nil {
			count++
		}
	}
	return count
}

// dead returns those of ids that did not answer, sorted.
func (h *health) dead(ids []string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var d []string
	for _, id := range ids {
		if !h.nodes[id].alive {
			d = append(d, id)
		}
	}
	sort.Strings(d)
	return d
}

// unable returns those of ids that do not answer or cannot open, sorted, each with
// which of the two it is.
func (h *health) unable(ids []string) (list []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		switch v := h.nodes[id]; {
		case !v.alive:
			list = append(list, id+" (does not answer)")
		case v.unfit:
			list = append(list, id+" (is not ready)")
		}
	}
	sort.Strings(list)
	return list
}

// watch pings one other node until ctx ends.
func (n *Node) watch(ctx context.Context, other catalog.Node) {
	t := time.NewTicker(n.opts.PingEvery)
	defer t.Stop()
	for {
		pc, cancel := context.WithTimeout(ctx, n.opts.PingTimeout)
		var answer pong
		sent, begun := n.opts.Clock(), time.Now()
		err := n.call(pc, other.ID, pathPing, struct{}{}, &answer)
		cancel()
		if ctx.Err() != nil {
			return
		}
		said := vitals{alive: err == nil, unfit: answer.Unfit, damaged: answer.Damaged, run: answer.Run}
		if err == nil {
			ahead := time.UnixMilli(answer.Now).Sub(sent)
			said.ahead = &ahead
			n.health.compared(sent, begun)
		}
		if n.health.set(other.ID, said) {
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
