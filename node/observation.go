package node

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/compare"
)

// health knows what every node said at its last ping. It is this node's
// opinion: a leader uses it to choose active sets and to end attempts of dead
// members, never anyone to decide what is true.
type health struct {
	mu    sync.Mutex
	nodes map[string]observation
	// wall and steady are this node's clock, and one that nobody can set, when
	// it last compared the former with another node's; zero: it never did.
	wall, steady time.Time
	alarms       []string // of states that differ, as they were last told
}

// observation is what one node said.
type observation struct {
	alive   bool           // it answered
	unfit   bool           // it cannot open: a key share of it cannot be used
	damaged bool           // blobs of it wait for repair
	marks   []compare.Mark // of its state, nil when it told none
	run     string         // names the run of its process; empty: not known
	level   int            // feature level of its program; 0: it told none, which is the first
	// ahead is by how much its clock was ahead of this node's when it was last
	// heard, nil when it never was.
	ahead *time.Duration
}

// pong is the answer to a ping.
type pong struct {
	Unfit   bool   `json:"unfit,omitempty"`
	Damaged bool   `json:"damaged,omitempty"`
	Run     string `json:"run,omitempty"`   // drawn when the process started
	Level   int    `json:"level,omitempty"` // feature level of its program
	Now     int64  `json:"now"`             // its clock, Unix milliseconds

	Head  *compare.Head  `json:"head,omitempty"`  // of its evidence log
	Logs  string         `json:"logs,omitempty"`  // whether the asker's head is one of its own log: see compare.SameLogs
	Marks []compare.Mark `json:"marks,omitempty"` // of its state
}

func newHealth(self, run string) *health {
	return &health{nodes: map[string]observation{self: {alive: true, run: run}}}
}

// set takes what a node said, and reports whether it came or went. A node that
// does not answer is still the run it was.
func (h *health) set(id string, v observation) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	old := h.nodes[id]
	v.run, v.ahead = cmp.Or(v.run, old.run), cmp.Or(v.ahead, old.ahead)
	if v.marks == nil {
		v.marks = old.marks
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

func (h *health) of(id string) observation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.nodes[id]
}

// all is what every node said.
func (h *health) all() map[string]observation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.nodes)
}

// count is how many of ids answer, or are this node.
func (h *health) count(ids []string) int { return len(ids) - len(h.dead(ids)) }

// runsOf returns the runs of nodes' processes, as far as they are known.
func (h *health) runsOf(ids []string) map[string]string {
	nodes := h.all()
	runs := make(map[string]string, len(ids))
	for _, id := range ids {
		runs[id] = nodes[id].run
	}
	return runs
}

// clocksOff returns those of among whose clocks were further from this one's than
// catalog.MaxSkew when they were last heard, sorted, and how far the first of
// them was ahead.
func (h *health) clocksOff(among []string) (ids []string, ahead time.Duration) {
	nodes := h.all()
	for _, id := range among {
		if v := nodes[id]; v.ahead != nil && (*v.ahead > maxSkew || *v.ahead < -maxSkew) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	if len(ids) > 0 {
		ahead = *nodes[ids[0]].ahead
	}
	return ids, ahead
}

// majorityAhead is by how much more than this node's clock the clocks of a majority of voters tell
// at least, of which this node, self, may be one; nil when fewer were heard.
func (h *health) majorityAhead(voters []string, self string) *time.Duration {
	var ahead []time.Duration
	nodes := h.all()
	for _, id := range voters {
		if v := nodes[id]; id == self {
			ahead = append(ahead, 0)
		} else if v.ahead != nil {
			ahead = append(ahead, *v.ahead)
		}
	}
	most := len(voters)/2 + 1
	if len(ahead) < most {
		return nil
	}
	slices.Sort(ahead)
	return &ahead[len(ahead)-most]
}

// heard counts those of ids whose clocks this node has compared with its own.
func (h *health) heard(ids []string) (count int) {
	nodes := h.all()
	for _, id := range ids {
		if nodes[id].ahead != nil {
			count++
		}
	}
	return count
}

// dead returns those of ids that did not answer, sorted.
func (h *health) dead(ids []string) []string {
	nodes := h.all()
	d := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return nodes[id].alive })
	slices.Sort(d)
	return d
}

// unable returns those of ids that do not answer or cannot open, sorted, each with
// which of the two it is.
func (h *health) unable(ids []string) (list []string) {
	nodes := h.all()
	for _, id := range ids {
		switch v := nodes[id]; {
		case !v.alive:
			list = append(list, id+" (does not answer)")
		case v.unfit:
			list = append(list, id+" (is not ready)")
		}
	}
	slices.Sort(list)
	return list
}

// monitor is what a node knows of the others, and whether its own clock, state and log agree
// with theirs.
type monitor struct {
	*core
	forks compare.Forks
}

// watch pings one other node until ctx ends.
func (mon *monitor) watch(ctx context.Context, other catalog.Node) {
	t := time.NewTicker(mon.opts.PingEvery)
	defer t.Stop()
	for {
		pc, cancel := context.WithTimeout(ctx, mon.opts.PingTimeout)
		var answer pong
		asked := ping{Head: mon.head()}
		sent, begun := mon.opts.Clock(), time.Now()
		err := mon.call(pc, other.ID, pathPing, asked, &answer)
		if err == nil {
			mon.compareLogs(pc, other.ID, asked.Head, answer)
		}
		cancel()
		if ctx.Err() != nil {
			return
		}
		said := observation{alive: err == nil, unfit: answer.Unfit, damaged: answer.Damaged, run: answer.Run, level: answer.Level, marks: answer.Marks}
		if err == nil {
			ahead := time.UnixMilli(answer.Now).Sub(sent)
			said.ahead = &ahead
			mon.health.compared(sent, begun)
		}
		came := mon.health.set(other.ID, said)
		mon.complainOfStates(ctx)
		if came {
			if err != nil {
				mon.log.WarnContext(ctx, "node does not answer", "node", other.ID, "error", err)
			} else {
				mon.log.InfoContext(ctx, "node answers", "node", other.ID)
			}
			mon.wake()
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
