package audit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/catalog/strictjson"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// ForkError is returned when nodes hold different logs, or one rewrote its own.
// Notes are the signed checkpoints that contradict each other: with the nodes'
// signatures they prove it to anyone.
type ForkError struct {
	Reason string
	Notes  [][]byte
}

// Error implements error.
func (e *ForkError) Error() string { return "the evidence log was forked or rewritten: " + e.Reason }

// State is what a monitor has seen, kept from one look to the next.
type State struct {
	Version int             `json:"v"`
	Cluster catalog.Digest  `json:"cluster"`
	Nodes   map[string]Head `json:"nodes"` // by node, the last checkpoint each signed
}

// Head is a signed checkpoint that was verified.
type Head struct {
	Size uint64         `json:"size"`
	Root catalog.Digest `json:"root"`
	Note []byte         `json:"note"`
}

func (h Head) checkpoint() evidence.Checkpoint {
	return evidence.Checkpoint{Size: h.Size, Root: evidence.Hash(h.Root)}
}

// Look is what a monitor saw at one look.
type Look struct {
	Heads []NodeHead        `json:"heads"`          // of the nodes that answered, in the profile's order
	Away  map[string]string `json:"away,omitempty"` // the others, and why
	// Restored is the restore that the operators of the seats have signed, and that explains why
	// the log does not continue what was seen before; nil: it does.
	Restored *recovery.Restored `json:"restored,omitempty"`
	// Lost is the largest checkpoint of what it does not continue.
	Lost uint64 `json:"lost,omitempty"`
}

// NodeHead is a node's head.
type NodeHead struct {
	Node string `json:"node"`
	Head
}

// LoadState reads a state file; a file that is not there is a monitor
// that has seen nothing.
func LoadState(path string, profile client.Profile) (State, error) {
	s := State{Version: 1, Cluster: profile.Cluster, Nodes: map[string]Head{}}
	b, err := os.ReadFile(filepath.Clean(path))
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	if s, err = parseState(b, profile); err != nil {
		return s, fmt.Errorf("read the monitor's state %s: %w", path, err)
	}
	return s, nil
}

func parseState(b []byte, profile client.Profile) (State, error) {
	var s State
	if err := strictjson.Decode(b, &s); err != nil {
		return State{}, err
	}
	if s.Version != 1 || s.Cluster != profile.Cluster || s.Nodes == nil {
		return State{}, fmt.Errorf("it is of version %d and cluster %s, want version 1 and cluster %s", s.Version, s.Cluster, profile.Cluster)
	}
	return s, nil
}

// Assembled are the largest checkpoints that several nodes have signed, each alone, as one that
// all of them have.
func (s State) Assembled() (notes [][]byte) {
	byHead := map[string][]string{} // text → signature lines
	for _, id := range slices.Sorted(maps.Keys(s.Nodes)) {
		text, lines, ok := strings.Cut(string(s.Nodes[id].Note), "\n\n")
		if ok {
			byHead[text] = append(byHead[text], lines)
		}
	}
	for _, text := range slices.Sorted(maps.Keys(byHead)) {
		notes = append(notes, []byte(text+"\n\n"+strings.Join(byHead[text], "")))
	}
	return notes
}

// Save writes the state in one step.
func (s State) Save(path string) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the monitor's state: %w", err)
	}
	return durable.WriteFile(path, append(b, '\n'), 0o644)
}

// Monitor looks at every pinned node's log once: each must have signed a
// continuation of what it signed before, and all must be beginnings of the
// longest one. It returns the state to keep, or *ForkError. Nodes that do not
// answer are named in the Look and are no error, unless nobody answers.
func Monitor(ctx context.Context, c *client.Client, s State) (State, Look, error) {
	look := Look{Heads: []NodeHead{}, Away: map[string]string{}}
	s.Nodes = maps.Clone(s.Nodes)
	for _, n := range c.Profile().Nodes {
		h, err := head(ctx, c, n)
		_, forked := errors.AsType[*ForkError](err)
		switch {
		case forked, ctx.Err() != nil:
			return s, look, err
		case err != nil:
			look.Away[n.ID] = err.Error()
			continue
		}
		if old, seen := s.Nodes[n.ID]; seen {
			err := continues(ctx, c, n, old, h)
			if fork, is := errors.AsType[*ForkError](err); is {
				err = s.restored(ctx, c, NodeHead{n.ID, h}, fork, &look)
			}
			if err != nil {
				return s, look, err
			}
		}
		look.Heads = append(look.Heads, NodeHead{Node: n.ID, Head: h})
	}
	if len(look.Heads) == 0 {
		return s, look, fmt.Errorf("no node shows its log: %v", look.Away)
	}
	next := State{Version: 1, Cluster: s.Cluster, Nodes: map[string]Head{}}
	maps.Copy(next.Nodes, s.Nodes)
	for _, h := range look.Heads {
		next.Nodes[h.Node] = h.Head
	}
	return next, look, agree(ctx, c, next, look)
}

// restored forgets what was seen of a past that the cluster has lost, where its operators say so:
// the head continues what they ordered it to go on from, and what was seen and is longer than what a
// majority is known to have had was signed before they did. What was signed later, no restore explains. It returns the fork otherwise.
func (s State) restored(ctx context.Context, c *client.Client, now NodeHead, fork *ForkError, look *Look) error {
	all, err := Restores(ctx, c)
	if err != nil || len(all) == 0 {
		return errors.Join(fork, err)
	}
	n, _ := c.Profile().Node(now.Node)
	for _, r := range slices.Backward(all) {
		old := NodeHead{now.Node, Head{Size: r.Order.Size, Root: r.Order.Root}}
		if now.Size < old.Size || begins(ctx, c, []client.ProfileNode{n}, old, now) != nil {
			continue
		}
		explained := false
		for id, h := range s.Nodes {
			if h.Size <= r.Order.Agreed() || !signedBefore(c.Profile(), h, r.Order.Made) {
				continue
			}
			explained = explained || id == now.Node
			look.Restored, look.Lost = &r, max(look.Lost, h.Size)
			delete(s.Nodes, id)
		}
		if explained {
			return nil
		}
	}
	return fork
}

// signedBefore reports whether a head was signed before a time, in Unix milliseconds.
func signedBefore(p client.Profile, h Head, at int64) bool {
	signed, err := p.Trust().Open(h.Note, 1)
	return err == nil && !slices.ContainsFunc(signed.Voices, func(v evidence.Voice) bool { return v.Time > at/1000+catalog.MaxSkew/1000 })
}

// head reads the checkpoint that one node signs alone.
func head(ctx context.Context, c *client.Client, n client.ProfileNode) (Head, error) {
	b, err := c.Ask(ctx, n, client.Call{Path: "/v1/evidence/checkpoint?own=true", Limit: evidence.MaxNoteBytes})
	if err != nil {
		return Head{}, asFork(n, err)
	}
	t := c.Profile().Trust()
	signed, err := t.Open(b, 1)
	if err != nil {
		return Head{}, fmt.Errorf("the checkpoint of node %s: %w", n.ID, err)
	}
	if len(signed.Voices) != 1 || signed.Voices[0].Node != n.ID {
		return Head{}, fmt.Errorf("the checkpoint of node %s was signed by %v", n.ID, signed.Voices)
	}
	return Head{Size: signed.Size, Root: catalog.Digest(signed.Root), Note: b}, nil
}

// asFork tells a node's own word that its log is not what it signed from other
// failures.
func asFork(n client.ProfileNode, err error) error {
	if p, ok := errors.AsType[*wire.Problem](err); ok && p.Kind == wire.KindForked {
		return &ForkError{Reason: "node " + n.ID + " says: " + p.Message}
	}
	return err
}

// continues checks that a node's new head is a continuation of its last one.
func continues(ctx context.Context, c *client.Client, n client.ProfileNode, old, now Head) error {
	if now.Size < old.Size {
		return &ForkError{
			Reason: fmt.Sprintf("node %s signed %d entries, and now only %d", n.ID, old.Size, now.Size),
			Notes:  [][]byte{old.Note, now.Note},
		}
	}
	return begins(ctx, c, []client.ProfileNode{n}, NodeHead{n.ID, old}, NodeHead{n.ID, now})
}

// agree checks that all heads are beginnings of the longest one.
func agree(ctx context.Context, c *client.Client, s State, look Look) error {
	var all []NodeHead
	for _, n := range c.Profile().Nodes {
		if h, seen := s.Nodes[n.ID]; seen {
			all = append(all, NodeHead{n.ID, h})
		}
	}
	slices.SortStableFunc(all, func(a, b NodeHead) int { return cmp.Compare(a.Size, b.Size) })
	for i := 1; i < len(all); i++ {
		var from []client.ProfileNode
		for _, h := range look.Heads {
			if n, ok := c.Profile().Node(h.Node); ok && h.Size >= all[i].Size {
				from = append(from, n)
			}
		}
		if len(from) == 0 && all[i-1].Size != all[i].Size {
			continue // who could prove it is away; both were compared with others before
		}
		if err := begins(ctx, c, from, all[i-1], all[i]); err != nil {
			return err
		}
	}
	return nil
}

// begins checks that one head is the beginning of another, by a proof that one
// of the nodes gives. That none of them can is a fork; that they do not answer
// is not.
func begins(ctx context.Context, c *client.Client, from []client.ProfileNode, old, now NodeHead) error {
	fork := &ForkError{
		Reason: fmt.Sprintf("the %d entries that node %s signed do not begin the %d that node %s signed", old.Size, old.Node, now.Size, now.Node),
		Notes:  [][]byte{old.Note, now.Note},
	}
	if old.Size == now.Size {
		if old.Root == now.Root {
			return nil
		}
		return fork
	}
	var failures []error
	for _, n := range from {
		b, err := c.Ask(ctx, n, consistencyCall(old.Size, now.Size))
		if err != nil {
			failures = append(failures, asFork(n, err))
			continue
		}
		var proof wire.Consistency
		if err := json.Unmarshal(b, &proof); err != nil {
			failures = append(failures, fmt.Errorf("read the proof of node %s: %w", n.ID, err))
			continue
		}
		if checkConsistency(proof, old.checkpoint(), now.checkpoint()) == nil {
			return nil
		}
		failures = append(failures, fork)
	}
	if slices.Contains(failures, error(fork)) {
		return fork
	}
	return errors.Join(failures...)
}
