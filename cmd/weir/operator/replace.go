package operator

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/founding"
)

func newReplaceCommand(a *cli.App) *cobra.Command {
	var genesis string
	var keysLost bool
	cmd := &cobra.Command{
		Use:   "replace CARD --genesis FILE",
		Short: "put another machine into a seat of your institution",
		Long: `Puts the machine of a card into the seat of the node that the card names, for a
machine that is lost, or that is to be. Only the operator of the seat can. The
machine before it is heard no more from then on, whoever has its disk.

Make the card on the new machine with weir node init, with the id of the node that
it replaces. The change is added to the founding's file: take that to the new
machine, accept it there and start the node. It fetches the ledger and what is
published from the others, and the publishers' keys are shared anew for it; the
other nodes have to be up for that. Queries are answered meanwhile. Private vectors
that were registered before are answered by the other nodes, as long as there are
as many as the threshold.

While another new machine has no shares yet it is refused, where a key would be lost
by it; weir operator status says whom to wait for. With --keys-are-lost it is done
all the same, for a machine whose shares are gone whatever is decided.`,
		Example: "  weir operator replace n3.card --genesis genesis.json --key exchange.key",
		Args:    cli.Exactly(1, "the card of the new machine"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if genesis == "" {
				return cli.Usagef(cmd, "--genesis is needed: the founding's file, to which the change is added")
			}
			return a.With(cli.Operator, func(c *client.Client) error { return replace(cmd.Context(), a, c, args[0], genesis, keysLost) })
		},
	}
	cmd.Flags().BoolVar(&keysLost, "keys-are-lost", false, "give up keys that cannot be opened without the machine before")
	cmd.Flags().StringVar(&genesis, "genesis", "", "the founding's `file`, to which the change is added")
	return cli.CompleteFiles(cmd, "card", "json")
}

func replace(ctx context.Context, a *cli.App, c *client.Client, file, genesis string, keysLost bool) error {
	card, err := founding.ReadCard(file)
	if err != nil {
		return err
	}
	g, body, err := readSigned(genesis)
	if err != nil {
		return err
	}
	if g.Cluster() != c.Profile().Cluster {
		return fmt.Errorf("%s is the founding of cluster %s, and the profile pins %s: give the founding of this one", genesis, g.Cluster(), c.Profile().Cluster)
	}
	cluster, err := c.Cluster(ctx)
	if err != nil {
		return err
	}
	point := cluster.Roster().Point(card.ID)
	if point == 0 {
		return fmt.Errorf("%s: the cluster has no node %s: make the card with the id of the node that the machine replaces", file, card.ID)
	}
	if _, err := govern.ReplaceSeat(ctx, c, card.Node(point), keysLost); err != nil {
		return err
	}
	changes, err := c.RosterEnvelopes(ctx)
	if err == nil {
		g.Left, err = govern.Left(ctx, c)
	}
	if err != nil {
		return fmt.Errorf("the machine is in the seat, and %s does not say so yet: %w", genesis, err)
	}
	g.Roster = changes[1:]
	if err := g.WriteFile(genesis); err != nil {
		return fmt.Errorf("the machine is in the seat, and %s does not say so yet: %w", genesis, err)
	}
	if err := printFounding(a, g, body); err != nil {
		return err
	}
	a.Note("%s has the change; on the new machine: `weir node accept %s --config node.yaml`, then start it", genesis, genesis)
	a.Note("see it catch up with `weir operator status`; `weir operator refresh` waits until it has its shares of the keys")
	_, err = c.Cluster(ctx) // so that the profile is renewed
	return err
}
