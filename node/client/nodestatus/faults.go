package nodestatus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weirdata/weir/node/client"
)

// rosterWait is how long a roster is asked for when a node does not answer.
const rosterWait = 3 * time.Second

// BySeat asks every node how it is. Where one does not answer as the profile pins it, another machine
// may be in its seat, which is asked then.
func BySeat(ctx context.Context, c *client.Client) ([]Node, error) {
	list, err := All(ctx, c)
	if err != nil || !slices.ContainsFunc(list, func(n Node) bool { return n.Status == nil }) {
		return list, err
	}
	asking, cancel := context.WithTimeout(ctx, rosterWait)
	defer cancel()
	_, err = c.Cluster(asking)
	profile, newer := c.Renewed()
	if err != nil || !newer {
		return list, nil //nolint:nilerr // what the nodes said stands
	}
	again, err := client.New(profile, c.Key(), c.Options())
	if err != nil {
		return nil, err
	}
	defer again.Close()
	return All(ctx, again)
}

// Ailing is nil when all nodes are well, else an error that says what is the matter with which.
func Ailing(list []Node) error {
	faults := Faults(list)
	if len(faults) == 0 {
		return nil
	}
	well := 0
	for _, n := range list {
		if n.Well() {
			well++
		}
	}
	return fmt.Errorf("%d of %d nodes can take work:\n%w", well, len(list), errors.Join(faults...))
}

// Faults says what is the matter with which node.
func Faults(list []Node) (faults []error) {
	for _, n := range list {
		switch {
		case n.Status == nil:
			faults = append(faults, fmt.Errorf("node %s at %s gives no status: %s", n.Node, n.Addr, n.Error))
			continue
		case !n.Status.Ready:
			faults = append(faults, fmt.Errorf("node %s cannot take work: %s", n.Node, strings.Join(n.Status.Reasons, "; ")))
		}
		if n.Status.Waiting != "" {
			faults = append(faults, fmt.Errorf("node %s, which leads, waits: %s", n.Node, n.Status.Waiting))
		}
		for _, alarm := range n.Status.Alarms {
			faults = append(faults, fmt.Errorf("node %s raises an alarm: %s", n.Node, alarm))
		}
		if b := n.Status.Blobs; b.Damaged > 0 || b.Lost > 0 {
			faults = append(faults, fmt.Errorf("node %s has %d damaged blobs that wait for repair, and %d that no node has any more", n.Node, b.Damaged, b.Lost))
		}
	}
	return append(faults, shareFaults(list)...)
}

// shareFaults says of which keys some share does not fit and nobody knows whose, as any node tells:
// all have the same ledger. A node that a canary named says so itself.
func shareFaults(list []Node) (faults []error) {
	for _, n := range list {
		if n.Status == nil {
			continue
		}
		for _, k := range n.Status.Shares.Keys {
			if k.Doubt != "" {
				faults = append(faults, fmt.Errorf("key %s of publisher %s: %s; have it shared anew: weir operator refresh", k.Key, k.Publisher, k.Doubt))
			}
		}
		return faults
	}
	return nil
}
