package family

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// A family's record says which versions settled what, and by it the publisher's client
// tells what is new and a buyer's what passes a test. Nothing signed proves it: the
// evidence log has what was submitted, not what followed for the rule. So as many nodes
// are asked as it takes that an honest one is among them: of t nodes at most t−1 lie
// (DATA_MODEL.md section 2), and what t tell alike is what the honest one tells.

// maxDiffering is how often nodes that differ are asked again: a version may go live
// between two of their answers.
const maxDiffering = 3

// DiffersError is returned when nodes tell different records of a family, so that at
// least one of them lies or has a damaged state. Nothing was declared or asked by it.
type DiffersError struct {
	Dataset string
	// Nodes are those that tell the same, in the profile's order; the most first, and of as
	// many those with the node that is first there.
	Nodes [][]string
	// Where is for each of Nodes what it tells otherwise than the first ones.
	Where []string
}

// Error implements error.
func (e *DiffersError) Error() string {
	parts := []string{strings.Join(e.Nodes[0], " and ") + " alike"}
	for i, nodes := range e.Nodes[1:] {
		parts = append(parts, fmt.Sprintf("%s %s", strings.Join(nodes, " and "), e.Where[i+1]))
	}
	return fmt.Sprintf("the nodes tell different things of what was released of dataset %s and its family: %s; one of them lies or its state is damaged, "+
		"and by a false record too much or too little would be declared as new; nothing was done, see `weir operator status`", e.Dataset, strings.Join(parts, ", "))
}

// telling is what one node tells of a family.
type telling struct {
	node   string
	record wire.Family
	none   error // it says that there is no such family
}

func (t telling) equal(o telling) bool {
	return (t.none == nil) == (o.none == nil) && (t.none != nil || reflect.DeepEqual(t.record, o.record))
}

// differs says in what a telling is another one.
func (t telling) differs(from telling) string {
	a, b := t.record, from.record
	switch {
	case t.none != nil:
		return "has no such family"
	case from.none != nil:
		return "has such a family"
	case a.Tree != b.Tree:
		return "has other classes of entities"
	case !reflect.DeepEqual(a.Declared, b.Declared):
		return "has other declarations of datasets"
	}
	for i, s := range a.Settled {
		if i >= len(b.Settled) || s != b.Settled[i] {
			return fmt.Sprintf("has something else as what version %d of dataset %s settled", s.Version, s.Dataset)
		}
	}
	return fmt.Sprintf("has another number of settled versions, %d and not %d", len(a.Settled), len(b.Settled))
}

// familyRecord reads a family's record from so many nodes that an honest one is among
// them, and requires that all tell the same.
func familyRecord(ctx context.Context, c *client.Client, dataset, path string) (wire.Family, error) {
	giveUp, differing := c.Now().Add(c.Options().Patience), 0
	for pause := client.FirstPause; ; pause = min(2*pause, client.LastPause) {
		told, failures := tellings(ctx, c, path)
		var last error
		switch {
		case ctx.Err() != nil:
			return wire.Family{}, ctx.Err()
		case len(told) < c.Profile().Quorum():
			if last = tooFew(c, told, failures); c.Now().Add(pause).After(giveUp) {
				return wire.Family{}, last
			}
		case agreed(told):
			return told[0].record, told[0].none
		default:
			last = differ(c.Profile().Nodes, dataset, told)
			if differing++; differing == maxDiffering {
				return wire.Family{}, last
			}
		}
		if err := client.Pause(ctx, pause); err != nil {
			return wire.Family{}, fmt.Errorf("%w; before that: %w", err, last)
		}
	}
}

// tellings asks one node after the other until enough have told the same, or all have
// been asked.
func tellings(ctx context.Context, c *client.Client, path string) (told []telling, failures []client.NodeFailure) {
	for _, node := range c.Nodes() {
		t, err := familyTold(ctx, c, node, path)
		switch {
		case err != nil:
			failures = append(failures, client.NodeFailure{ID: node.ID, Addr: node.Addr, Err: err})
		case !slices.ContainsFunc(told, func(o telling) bool { return o.node == t.node }):
			told = append(told, t)
		}
		if ctx.Err() != nil || len(told) >= c.Profile().Quorum() && agreed(told) {
			break
		}
	}
	return told, failures
}

func agreed(told []telling) bool {
	return !slices.ContainsFunc(told[1:], func(t telling) bool { return !t.equal(told[0]) })
}

// differ groups the nodes by what they tell.
func differ(roster []client.ProfileNode, dataset string, told []telling) *DiffersError {
	// The sentence is the same whoever was asked first.
	place := func(t telling) int {
		return slices.IndexFunc(roster, func(n client.ProfileNode) bool { return n.ID == t.node })
	}
	told = slices.SortedStableFunc(slices.Values(told), func(a, b telling) int { return place(a) - place(b) })
	var groups [][]telling
	for _, t := range told {
		at := slices.IndexFunc(groups, func(g []telling) bool { return g[0].equal(t) })
		if at < 0 {
			at, groups = len(groups), append(groups, nil)
		}
		groups[at] = append(groups[at], t)
	}
	slices.SortStableFunc(groups, func(a, b []telling) int { return len(b) - len(a) })
	out := &DiffersError{Dataset: dataset}
	for _, g := range groups {
		var nodes []string
		for _, t := range g {
			nodes = append(nodes, t.node)
		}
		out.Nodes, out.Where = append(out.Nodes, nodes), append(out.Where, g[0].differs(groups[0][0]))
	}
	out.Where[0] = ""
	return out
}

// tooFew says that not enough nodes have told a record.
func tooFew(c *client.Client, told []telling, failures []client.NodeFailure) error {
	if len(told) == 0 {
		return client.Failed(failures)
	}
	var errs []error
	for _, f := range failures {
		errs = append(errs, fmt.Errorf("%s at %s: %w", f.ID, f.Addr, f.Err))
	}
	return fmt.Errorf("%d of the %d nodes answered that must tell the same, so that an honest one is among them: %w", len(told), c.Profile().Quorum(), errors.Join(errs...))
}

// familyTold reads a family's record from one node, page by page.
func familyTold(ctx context.Context, c *client.Client, node client.ProfileNode, path string) (telling, error) {
	var all wire.Family
	for {
		name, body, err := c.Answer(ctx, node, client.Call{Path: fmt.Sprintf("%s?declared=%d&settled=%d", path, len(all.Declared), len(all.Settled))})
		switch {
		case name != "" && client.IsNotFound(err):
			return telling{node: name, none: err}, nil
		case err != nil:
			return telling{}, err
		}
		var page wire.Family
		if err := json.Unmarshal(body, &page); err != nil {
			return telling{}, fmt.Errorf("read the family's record: %w", err)
		}
		whole, err := addPage(&all, page)
		if err != nil {
			return telling{}, err
		}
		if whole {
			return telling{node: name, record: all}, nil
		}
	}
}

// addPage adds a page to a family's record and reports whether that is whole.
func addPage(all *wire.Family, page wire.Family) (whole bool, err error) {
	have := len(all.Declared) + len(all.Settled)
	if have > 0 && (page.Tree != all.Tree || page.DeclaredTotal != all.DeclaredTotal || page.SettledTotal != all.SettledTotal) {
		return false, errors.New("the family's record changed while it was read: try again")
	}
	page.Declared, page.Settled = append(all.Declared, page.Declared...), append(all.Settled, page.Settled...)
	*all = page
	if len(all.Declared) == all.DeclaredTotal && len(all.Settled) == all.SettledTotal {
		return true, nil
	}
	if len(all.Declared)+len(all.Settled) == have || len(all.Declared) > all.DeclaredTotal || len(all.Settled) > all.SettledTotal {
		return false, fmt.Errorf("of %d datasets and %d versions of the family came %d and %d", all.DeclaredTotal, all.SettledTotal, len(all.Declared), len(all.Settled))
	}
	return false, nil
}
