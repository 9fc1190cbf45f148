package operator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// NewOperatorCommand returns the command that looks after the nodes.
func NewOperatorCommand(a *cli.App) *cobra.Command {
	return cli.Group(cli.ForOperators, "operator", "found clusters, and look after their nodes", "  weir operator status --dir /tmp/weir",
		append([]*cobra.Command{newFoundCommand(a), newSignCommand(a), newProfileCommand(a), newOperatorStatusCommand(a), newRefreshCommand(a), newReplaceCommand(a), newBackupCommand(a), newRecoverQuorumCommand(a), newDepositCommand(a), newDrillCommand(a), newUpgradeCommand(a), newDebugCommand(a)},
			newRosterCommands(a)...)...)
}

func newOperatorStatusCommand(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "how every node is",
		Long: `Asks every node for its own view: whether it can take work, its part in the
replicated log, and how its blobs fare. Blobs are counted since the node was
started: repaired ones were damaged or lost on its disk and fetched again from
another node; damaged ones wait for that; lost ones no node has any more. Shares are
those of keys and private vectors: since when the oldest are in force, when new ones
are due (weir operator refresh --every), and when those of keys were last tried. The
deposit is the newest that custodians could recover the node of, and of how many keys
and private vectors it lacks the share in force. The last
drill is that of the last weir operator drill that was reported.

It needs no quorum. It exits with 1 when a node does not answer, cannot take
work, or has damaged or lost blobs, and says which and why.`,
		Example: "  weir operator status --dir /tmp/weir",
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.With(cli.Operator, func(c *client.Client) error {
				list, err := statuses(cmd.Context(), c)
				if err != nil {
					return err
				}
				t := statusTable(list, func(n int64) string { return strconv.FormatInt(n, 10) })
				if a.Output == cli.Table {
					t = statusTable(list, cli.FormatBytes).Turned()
				}
				if err := a.Print(map[string]any{"nodes": list}, t); err != nil {
					return err
				}
				return nodeFaults(list)
			})
		},
	}
}

// rosterWait is how long a roster is asked for when a node does not answer.
const rosterWait = 3 * time.Second

// statuses asks every node. Where one does not answer as the profile pins it, another machine
// may be in its seat, which is asked then.
func statuses(ctx context.Context, c *client.Client) ([]client.NodeStatus, error) {
	list, err := c.Statuses(ctx)
	if err != nil || !slices.ContainsFunc(list, func(n client.NodeStatus) bool { return n.Status == nil }) {
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
	return again.Statuses(ctx)
}

// statusTable is a row a node; bytes prints a number of bytes.
func statusTable(list []client.NodeStatus, bytes func(int64) string) term.Table {
	s := term.Table{Head: []string{"node", "ready", "state", "term", "applied", "entries", "snapshot", "sees", "blobs", "bytes", "damaged", "repaired", "lost", "scrubbed", "last scrub", "disk free", "shares since", "shares due", "shares tried", "deposit", "last drill"}}
	for _, n := range list {
		if n.Status == nil {
			ready := "no answer"
			if n.Sealed {
				ready = "sealed"
			}
			s.Add(n.Node, ready, "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "")
			continue
		}
		l, b := n.Status.Ledger, n.Status.Blobs
		s.Add(n.Node, cli.YesNo(n.Status.Ready), l.State, strconv.FormatUint(l.Term, 10), strconv.FormatUint(l.Applied, 10), strconv.FormatUint(l.Entries, 10),
			strconv.FormatUint(l.Snapshot, 10), strings.Join(n.Status.Alive, ","), strconv.FormatInt(b.Stored, 10), bytes(b.Bytes),
			strconv.Itoa(b.Damaged), strconv.FormatInt(b.Repaired, 10), strconv.FormatInt(b.Lost, 10), strconv.FormatInt(b.Scrubbed, 10),
			cmp.Or(cli.FormatTime(b.LastScrub), "never"), bytes(int64(min(l.FreeBytes, math.MaxInt64))),
			cli.FormatTime(n.Status.Shares.Since()), cmp.Or(cli.FormatTime(n.Status.Shares.Due()), "never"), cmp.Or(cli.FormatTime(n.Status.Shares.Tried()), "not yet"), depositText(n.Status.Shares), lastDrill(n.Status))
	}
	return s
}

// depositText says how old the newest deposit of a node's share is, and whether it is of all shares.
func depositText(s wire.ShareStatus) string {
	switch {
	case s.Deposit == nil:
		return "none"
	case s.Undeposited() > 0:
		return fmt.Sprintf("%s, lacks %d", cli.FormatTime(s.Deposit.Made), s.Undeposited())
	}
	return cli.FormatTime(s.Deposit.Made)
}

// lastDrill says when a drill last found a backup sound, and whether the last one did.
func lastDrill(s *wire.Status) string {
	if s.Drill == nil || s.Drill.At == 0 {
		return "never"
	}
	if n := s.Drill.Differs(); n > 0 {
		return fmt.Sprintf("%s, %d differ", cli.FormatTime(s.Drill.At), n)
	}
	return cli.FormatTime(s.Drill.At)
}

// nodeFaults is nil when all nodes are well, else it says what is the matter with which.
func nodeFaults(list []client.NodeStatus) error {
	var faults []error
	well := 0
	for _, n := range list {
		if n.Well() {
			well++
		}
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
	faults = append(faults, shareFaults(list)...)
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d nodes can take work:\n%w", well, len(list), errors.Join(faults...))
}

// shareFaults says of which keys some share does not fit and nobody knows whose, as any node tells:
// all have the same ledger. A node that a canary named says so itself.
func shareFaults(list []client.NodeStatus) (faults []error) {
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
