package publisher

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
)

// movePause separates two looks at a key that moves.
const movePause = 500 * time.Millisecond

// NewKeyCommand returns the command of a publisher's collective key.
func NewKeyCommand(a *cli.App) *cobra.Command {
	show := &cobra.Command{
		Use: "show", Short: "among which nodes your key is shared",
		Long: `Prints among which nodes your key is shared and how many of them open it, and
whether the cluster has another roster by now.`,
		Example: "  weir key show --dir /tmp/weir",
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.With(cli.Bureau, func(c *client.Client) error {
				k, cluster, err := ownKey(cmd.Context(), c)
				if err != nil {
					return err
				}
				return printKey(a, k, cluster)
			})
		},
	}
	var noWait bool
	move := &cobra.Command{
		Use: "move", Short: "let your key move to the cluster's roster as it is now",
		Long: `Lets the nodes that share your key share it anew among the cluster's roster as it is
now. Nobody else can: until you say so, your data is opened by the nodes that had
shares when you published it, and by no others. Who has a seat now, and who not
any more, is printed by weir key show.

What you encrypted stays as it is, and queries are answered meanwhile. All nodes of
the present roster have to be up, with as many of the old one as open your key.
When new shares are in force the old ones are erased. Where an attempt fails the
old shares stay, and the nodes begin again by themselves.`,
		Example: "  weir key move --dir /tmp/weir",
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.With(cli.Bureau, func(c *client.Client) error { return moveKey(cmd.Context(), a, c, noWait) })
		},
	}
	move.Flags().BoolVar(&noWait, "no-wait", false, "approve it, and do not wait until it has moved")
	return cli.Group(cli.ForPublishers, "key", "see among which nodes your key is shared, and let it move", "  weir key show --dir /tmp/weir", show, move)
}

// ownKey reads the caller's key, and the cluster with its present roster.
func ownKey(ctx context.Context, c *client.Client) (catalog.Key, catalog.Cluster, error) {
	cluster, err := c.Cluster(ctx)
	if err != nil {
		return catalog.Key{}, cluster, err
	}
	id, err := c.Principal()
	if err != nil {
		return catalog.Key{}, cluster, err
	}
	k, err := c.PublisherKey(ctx, id)
	if err != nil {
		return k, cluster, fmt.Errorf("read your key: %w", err)
	}
	return k, cluster, nil
}

// printKey prints where a key is.
func printKey(a *cli.App, k catalog.Key, cluster catalog.Cluster) error {
	t := term.Table{Head: []string{"key", "state", "epoch", "threshold", "nodes", "moving"}}
	moving := "no"
	if k.Refresh != nil && k.Refresh.To != nil {
		moving = string(k.Refresh.State)
	}
	t.Add(k.ID, string(k.State), strconv.FormatUint(k.InForce().Epoch, 10), strconv.Itoa(k.Threshold), strings.Join(k.Nodes, ","), moving)
	if err := a.PrintOne(k, t); err != nil {
		return err
	}
	if k.State == catalog.KeyReady && !k.Roster().Equal(cluster.Roster()) && moving == "no" {
		a.Note("the cluster's roster is %s now, %d of which open together; your key stays where it is until you let it move: `weir key move`",
			strings.Join(cluster.Roster().Nodes, ", "), cluster.Threshold)
	}
	return nil
}

func moveKey(ctx context.Context, a *cli.App, c *client.Client, noWait bool) error {
	k, cluster, err := ownKey(ctx, c)
	if err != nil {
		return err
	}
	if k.Roster().Equal(cluster.Roster()) {
		a.Note("your key is shared among the present roster already")
		return printKey(a, k, cluster)
	}
	if k.Refresh == nil || k.Refresh.To == nil { // else it moves already, by what was said before
		if cluster, err = govern.MoveKey(ctx, c, k.ID); err != nil {
			return err
		}
	}
	progress := a.NewProgress()
	defer progress.Finish()
	a.IfInterrupted("the nodes go on to move the key; see with `weir key show` where it is")
	for !noWait {
		if k, err = c.PublisherKey(ctx, k.Publisher); err != nil {
			return fmt.Errorf("read your key: %w", err)
		}
		if k.Refresh == nil {
			break
		}
		progress.Tell(moveWaits(k))
		if err := client.Pause(ctx, movePause); err != nil {
			return fmt.Errorf("wait for the key to move, which the nodes go on to do: %w", err)
		}
	}
	progress.Finish()
	return printKey(a, k, cluster)
}

// moveWaits says what a move waits for.
func moveWaits(k catalog.Key) string {
	switch nodes := strings.Join(k.RefreshWaits(), ", "); {
	case k.Refresh.State == catalog.KeyWanted:
		return "waiting until all nodes of the new roster are up, and enough of the old one"
	case k.Refresh.State == catalog.KeyFailed:
		return fmt.Sprintf("attempt %d failed (%s); the next begins when the nodes are up", k.Refresh.Attempt, explain.Reason(k.Refresh.Reason))
	case nodes != "":
		return fmt.Sprintf("attempt %d is %s and waits for %s", k.Refresh.Attempt, k.Refresh.State, nodes)
	}
	return fmt.Sprintf("attempt %d is %s", k.Refresh.Attempt, k.Refresh.State)
}
