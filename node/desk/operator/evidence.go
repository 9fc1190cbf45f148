package operator

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/desk/route"
)

// Evidence answers GET /api/evidence: one look of a monitor.
type Evidence struct {
	Heads []Head `json:"heads"` // of the nodes that showed their log
	Away  []Away `json:"away"`
	Fork  *Fork  `json:"fork,omitempty"`
	// Restored is as of how many entries the cluster was restored, on the order of its operators, which explains why a
	// log does not continue what was seen; 0: it does. Lost is how many entries were seen before.
	Restored uint64 `json:"restored,omitempty"`
	Lost     uint64 `json:"lost,omitempty"`
	Seen     int    `json:"seen"` // of how many nodes something had been seen before
	File     string `json:"file"` // in which it is kept
}

// In is the look with its sentences in a language.
func (e Evidence) In(l explain.Language) Evidence {
	e.Away = slices.Clone(e.Away)
	for i := range e.Away {
		e.Away[i].Why = route.NodeIn(l, e.Away[i].Why)
	}
	if e.Fork != nil {
		e.Fork = &Fork{Reason: route.NodeIn(l, e.Fork.Reason), Notes: e.Fork.Notes}
	}
	return e
}

// Head is the head of a node's log, which the node signed.
type Head struct {
	Node    string         `json:"node"`
	Entries uint64         `json:"entries"`
	Root    catalog.Digest `json:"root"`
	Behind  uint64         `json:"behind"` // how many entries it has fewer than the longest log
}

// Away is a node that did not show its log, and why.
type Away struct {
	Node  string `json:"node"`
	Why   string `json:"why"`             // in a sentence
	Error string `json:"error,omitempty"` // that, as the network or the node has it
}

// Fork says that nodes hold different logs, or one rewrote its own: Notes are the signed checkpoints that prove it.
type Fork struct {
	Reason string   `json:"reason"`
	Notes  []string `json:"notes"`
}

// evidence looks once, and keeps what was seen. What a restore explains is not kept: `weir evidence monitor` tells the
// cluster of it, and a reading route changes nothing there.
func (o *Operator) evidence(ctx context.Context, _ none) (Evidence, error) {
	o.watching.Lock()
	defer o.watching.Unlock()
	file := o.options.MonitorFile
	seen, err := audit.LoadState(file, o.client.Profile())
	if err != nil {
		return Evidence{}, err
	}
	out := Evidence{Heads: []Head{}, Away: []Away{}, Seen: len(seen.Nodes), File: file}
	next, look, err := audit.Monitor(ctx, o.client, seen)
	longest := uint64(0)
	for _, h := range look.Heads {
		longest = max(longest, h.Size)
	}
	for _, h := range look.Heads {
		out.Heads = append(out.Heads, Head{h.Node, h.Size, h.Root, longest - h.Size})
	}
	for node, why := range look.Away {
		out.Away = append(out.Away, Away{node, cmp.Or(route.Plain(why), why), why})
	}
	slices.SortFunc(out.Away, func(a, b Away) int { return strings.Compare(a.Node, b.Node) })
	if fork, ok := errors.AsType[*audit.ForkError](err); ok {
		out.Fork = &Fork{Reason: fork.Reason, Notes: []string{}}
		for _, n := range fork.Notes {
			out.Fork.Notes = append(out.Fork.Notes, string(n))
		}
		return out, nil
	}
	if err != nil {
		return Evidence{}, err
	}
	if look.Restored != nil {
		out.Restored, out.Lost = look.Restored.Order.Size, look.Lost
		return out, nil
	}
	return out, next.Save(file)
}
