package operator

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/nodestatus"
)

func newUpgradeCommand(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use: "upgrade", Short: "which program every node runs, and what the cluster may do with it",
		Long: `Nodes are upgraded one after the other: stop one, install the release, start it, wait
until weir operator status is well, go on with the next. What is new in a release is
used only when the cluster's feature level is raised, once every node has it. A
program that lacks the level stops then instead of deciding otherwise than the others:
after that there is no way back to the release before.`,
		Example: "  weir operator upgrade status --dir /tmp/weir",
	}
	cmd.AddCommand(newUpgradeStatusCommand(a), newUpgradeRaiseCommand(a))
	return cmd
}

// upgradeRow is a node's program.
type upgradeRow struct {
	Node    string `json:"node"`
	Version string `json:"version"`
	Level   int    `json:"level"` // 0: it does not answer
}

func newUpgradeStatusCommand(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "every node's program, and the cluster's feature level",
		Example: "  weir operator upgrade status --dir /tmp/weir",
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.With(cli.Operator, func(c *client.Client) error {
				cluster, err := c.Cluster(cmd.Context())
				if err != nil {
					return err
				}
				list, err := nodestatus.BySeat(cmd.Context(), c)
				if err != nil {
					return err
				}
				t := term.Table{Head: []string{"node", "program", "its level"}}
				rows, most := make([]upgradeRow, len(list)), 0
				for i, n := range list {
					rows[i] = upgradeRow{Node: n.Node}
					if n.Status == nil {
						t.Add(n.Node, "no answer", "")
						continue
					}
					rows[i].Version, rows[i].Level = n.Status.Version, max(n.Status.Level, 1)
					most = max(most, rows[i].Level)
					t.Add(n.Node, cmp.Or(n.Status.Version, "?"), strconv.Itoa(rows[i].Level))
				}
				level := cluster.FeatureLevel()
				if err := a.Print(map[string]any{"level": level, "nodes": rows}, t); err != nil {
					return err
				}
				a.Note("the cluster's feature level is %d", level)
				if most > level {
					a.Note("when every node has level %d: `weir operator upgrade raise`", level+1)
				}
				return nil
			})
		},
	}
}

func newUpgradeRaiseCommand(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use: "raise", Short: "raise the cluster's feature level by one",
		Long: `Raises the cluster's feature level by one, after which its nodes may use what is new
in that level. It is refused while a node does not answer or runs a program without
it. There is no way back.`,
		Example: "  weir operator upgrade raise --dir /tmp/weir",
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.With(cli.Operator, func(c *client.Client) error {
				cluster, err := c.Cluster(cmd.Context())
				if err != nil {
					return err
				}
				next := cluster.FeatureLevel() + 1
				if _, err := c.Submit(cmd.Context(), catalog.KindClusterLevel, catalog.ClusterLevel{Level: next}); err != nil {
					return fmt.Errorf("raise the feature level: %w", err)
				}
				return a.PrintRow("level", strconv.Itoa(next))
			})
		},
	}
}
