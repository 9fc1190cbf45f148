// Package cosign gathers other nodes' signatures under a checkpoint of the evidence log (C2SP tlog-checkpoint,
// tlog-cosignature), of which a threshold makes a receipt.
package cosign

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/compare"
)

const (
	// Wait bounds how long other nodes may take to sign a checkpoint, of which they may have to apply the last entries
	// first.
	Wait = 5 * time.Second
	// spareAfter is how long those that are asked may take before another node is asked as well.
	spareAfter = 100 * time.Millisecond
)

// Answer holds a node's signature lines, or why there are none: it has
// signed a checkpoint of Passed entries, or its root of as many is Root.
type Answer struct {
	Lines  []byte         `json:"lines,omitempty"`
	Passed uint64         `json:"passed,omitempty"`
	Root   catalog.Digest `json:"root,omitzero"`
}

// Others are the nodes that a node asks to sign.
type Others struct {
	Origin  string
	Self    string
	Members catalog.Cluster
	Alive   func(id string) bool
	Leader  func() (id string, known bool)
	Call    func(ctx context.Context, node string, head compare.Head, out *Answer) error
	Log     *slog.Logger

	turns atomic.Uint64 // how often they were asked
}

// Assemble joins the first enough signatures, in the order of points, or returns
// nil when there are too few. There are no more than enough: a receipt is not
// the longer for those that are up, and has no line that could be lost unnoticed.
func (o *Others) Assemble(c evidence.Checkpoint, lines map[string][]byte) []byte {
	var enough [][]byte
	for _, m := range o.Members.Nodes {
		if l, signed := lines[m.ID]; signed && len(enough) < o.Members.Threshold {
			enough = append(enough, l)
		}
	}
	if len(enough) < o.Members.Threshold {
		return nil
	}
	return evidence.Assemble(c, enough...)
}

// Votes are what the other nodes answered.
type Votes struct {
	Lines  map[string][]byte
	Passed uint64            // the largest checkpoint that one of them has signed
	Forks  map[string]string // who has another root
	Away   map[string]error  // who did not answer
}

// signers are the other nodes that are up, in the order in which they are asked to sign: the one that leads, which has
// every entry, then the others by turns.
func (o *Others) signers() (list []string) {
	leader, _ := o.Leader()
	var leads []string
	for _, m := range o.Members.Nodes {
		switch {
		case m.ID == o.Self || !o.Alive(m.ID):
		case m.ID == leader:
			leads = append(leads, m.ID)
		default:
			list = append(list, m.ID)
		}
	}
	first := int(o.turns.Add(1) % uint64(max(len(list), 1))) //nolint:gosec // below the length of a list
	return slices.Concat(leads, list[first:], list[:first])
}

// Ask asks as many other nodes to sign a checkpoint as have to, and another one for each that does not, or after
// spareAfter, until enough did or all have answered. One whose signature nobody needs would sync it for nothing, and a
// request that is given up takes its connection with it.
func (o *Others) Ask(ctx context.Context, c evidence.Checkpoint) Votes {
	ctx, cancel := context.WithTimeout(ctx, Wait)
	defer cancel()
	type vote struct {
		node   string
		answer Answer
		err    error
	}
	arrived := make(chan vote, len(o.Members.Nodes))
	left, asked := o.signers(), 0
	next := func() {
		node := left[0]
		left, asked = left[1:], asked+1
		go func() { // ends with ctx, which ends with this call; the channel has room
			v := vote{node: node}
			v.err = o.Call(ctx, node, compare.Head{Size: c.Size, Root: catalog.Digest(c.Root)}, &v.answer)
			arrived <- v
		}()
	}
	out := Votes{Lines: map[string][]byte{}, Forks: map[string]string{}, Away: map[string]error{}}
	spare := time.NewTimer(spareAfter)
	defer spare.Stop()
	for {
		for len(left) > 0 && len(out.Lines)+asked+1 < o.Members.Threshold {
			next()
		}
		if asked == 0 {
			return out
		}
		var v vote
		select {
		case v = <-arrived:
			asked--
		case <-spare.C:
			if spare.Reset(spareAfter); len(left) > 0 && len(out.Lines)+1 < o.Members.Threshold {
				next()
			}
			continue
		}
		switch {
		case v.err != nil:
			out.Away[v.node] = v.err
		case v.answer.Passed > 0:
			out.Passed = max(out.Passed, v.answer.Passed)
		case !v.answer.Root.IsZero():
			out.Forks[v.node] = v.answer.Root.String()
			o.Log.ErrorContext(ctx, "logs differ", "node", v.node, "entries", c.Size, "own", c.Root, "other", v.answer.Root)
		case o.signedBy(v.node, c, v.answer.Lines):
			out.Lines[v.node] = v.answer.Lines
		default:
			out.Away[v.node] = errors.New("its signature does not hold")
		}
		if len(out.Lines)+1 >= o.Members.Threshold {
			cancel() // the others are waited for, no longer than it takes them to notice
		}
	}
}

// signedBy reports whether lines are a node's valid signature.
func (o *Others) signedBy(node string, c evidence.Checkpoint, lines []byte) bool {
	for _, m := range o.Members.Nodes {
		if m.ID == node {
			t := evidence.Trust{Origin: o.Origin, Nodes: []evidence.Node{{ID: m.ID, Key: m.Key}}, Threshold: 1}
			_, err := t.Open(evidence.Assemble(c, lines), 1)
			return err == nil
		}
	}
	return false
}

// TooFew says why there are too few signatures.
func (o *Others) TooFew(v Votes, c evidence.Checkpoint) error {
	var forks, away []string
	for _, m := range o.Members.Nodes {
		if root, other := v.Forks[m.ID]; other {
			forks = append(forks, m.ID+" (root "+root+")")
		}
		if err := v.Away[m.ID]; err != nil {
			away = append(away, m.ID+" ("+err.Error()+")")
		} else if m.ID != o.Self && !o.Alive(m.ID) {
			away = append(away, m.ID+" (does not answer)")
		}
	}
	if len(forks) > 0 {
		return fmt.Errorf("%w: of %d entries %s has the root %s, and these have others: %s",
			api.ErrForked, c.Size, o.Self, catalog.Digest(c.Root), strings.Join(forks, ", "))
	}
	return fmt.Errorf("%w: %d nodes must sign a checkpoint, %d did; missing: %s",
		api.ErrTooFew, o.Members.Threshold, len(v.Lines), strings.Join(away, ", "))
}
