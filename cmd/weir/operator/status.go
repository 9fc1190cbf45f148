package operator

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/nodestatus"
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
				list, err := nodestatus.BySeat(cmd.Context(), c)
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
				return nodestatus.Ailing(list)
			})
		},
	}
}

// statusTable is a row a node; bytes prints a number of bytes.
func statusTable(list []nodestatus.Node, bytes func(int64) string) term.Table {
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
			strconv.FormatUint(l.Snapshot, 10), strings.Join(n.Status.Alive, ","), blobsText(b), bytes(b.Bytes),
			strconv.Itoa(b.Damaged), strconv.FormatInt(b.Repaired, 10), strconv.FormatInt(b.Lost, 10), strconv.FormatInt(b.Scrubbed, 10),
			cmp.Or(cli.FormatTime(b.LastScrub), "never"), bytes(int64(min(l.FreeBytes, math.MaxInt64))),
			cli.FormatTime(n.Status.Shares.Since()), cmp.Or(cli.FormatTime(n.Status.Shares.Due()), "never"), cmp.Or(cli.FormatTime(n.Status.Shares.Tried()), "not yet"), depositText(n.Status.Shares), lastDrill(n.Status))
	}
	return s
}

// blobsText says how many blobs a node's disk has and, where an object store keeps them, how many that has.
func blobsText(b wire.BlobStatus) string {
	if b.Uploaded+b.Waiting == 0 {
		return strconv.FormatInt(b.Stored, 10)
	}
	return fmt.Sprintf("%d on disk, %d uploaded, %d waiting", b.Stored, b.Uploaded, b.Waiting)
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
