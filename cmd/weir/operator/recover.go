package operator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/nodestatus"
	"github.com/weirdata/weir/node/config"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/restore"
	"github.com/weirdata/weir/node/vault"
)

func newRecoverQuorumCommand(a *cli.App) *cobra.Command {
	var flags nodeFlags
	var file, from string
	var despite []string
	cmd := &cobra.Command{
		Use:   "recover-quorum --file FILE",
		Short: "go on with what a surviving node has, after a majority is lost for good",
		Long: `Finds out what this machine's node has, which is stopped: entries, the time of the
last, the newest checkpoint that enough nodes signed, and of which keys and private
vectors the survivors have too few shares. Writes the order to go on from that into
the file, to be signed by the operators of as many seats as open results together, and
of more than half.

Where several nodes survive, stop them and run it on each with the same file: the
order is of the one whose log is the longest. Then each operator signs it
(recover-quorum sign), and that node goes on by it (recover-quorum apply). The other
survivors are started as they are.

Only where a majority is lost with its disks, and never comes back: what it had
acknowledged and no survivor has is gone, and what that may have spent is closed.`,
		Example: "  weir operator recover-quorum --config /etc/weir/node.yaml --file recover.json",
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return cli.Usagef(cmd, "--file is needed: where the order is to be, or is")
			}
			c, err := flags.read(a)
			if err != nil {
				return err
			}
			if err := needNode(cmd, c); err != nil {
				return err
			}
			return findRemains(cmd.Context(), a, c, flags, file, from, despite)
		},
	}
	flags.add(cmd, "seal_key_file")
	cmd.Flags().StringVar(&file, "file", "", "`file` of the order; it is made, or gets what this node has too")
	cmd.Flags().StringVar(&from, "from", "", "`node` whose ledger to go on from, although another has more")
	addDespite(cmd, &despite)
	cmd.AddCommand(newRecoverSignCommand(a), newRecoverApplyCommand(a))
	return cmd
}

// addDespite adds the flag by which operators go on although a node answers that they do not believe.
func addDespite(cmd *cobra.Command, despite *[]string) {
	cmd.Flags().StringArrayVar(despite, "despite", nil,
		"`node` whose answers do not count, although it says that it takes work: one that lies; may be given several times")
}

func findRemains(ctx context.Context, a *cli.App, c config.Config, flags nodeFlags, file, from string, despite []string) error {
	p, err := restore.ReadPlan(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key, err := sealKey(ctx, a, c, flags.passphrase)
	if err != nil {
		return err
	}
	defer vault.Wipe(key.Key)
	var f restore.Finding
	err = withScratch(c.Dir, func(scratch string) (err error) {
		f, err = restore.Look(ctx, c.Dir, key, scratch, time.Now().UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("find out what the node in %s has: %w", c.Dir, err)
	}
	rosters, err := f.Rosters()
	if err != nil {
		return err
	}
	if err := refuseWorking(ctx, a, rosters, append(slices.Clone(p.Survivors), f), despite); err != nil {
		return err
	}
	if p, err = p.With(f, from, time.Now().UnixMilli()); err != nil {
		return err
	}
	if err := p.Write(file); err != nil {
		return err
	}
	if err := printPlan(a, p); err != nil {
		return err
	}
	a.Note("where other nodes survive, stop them, and run it there too with %s; then each operator: `weir operator recover-quorum sign %s`", file, file)
	return nil
}

// refuseWorking returns an error where the nodes of a roster answer that work is done, or where there
// are enough for it: nothing is lost then. known are survivors that are stopped; any other that
// answers is to say what it has, too. One whose log is damaged is not counted: it has no vote before it has caught
// up with a majority of others. Nodes that the operator names in despite are told of, and do not count: one that lies
// would keep all others from going on. Each operator who signs says so. As many as open results together are not
// passed over: fewer of them lie, in all that the cluster rests on.
func refuseWorking(ctx context.Context, a *cli.App, rosters []catalog.Cluster, known []restore.Finding, despite []string) error {
	last := rosters[len(rosters)-1]
	c, err := client.New(client.PinRosters(rosters), nil, client.Options{Patience: 2 * time.Second})
	if err != nil {
		return fmt.Errorf("ask the nodes of the roster: %w", err)
	}
	defer c.Close()
	reached := nodestatus.Reach(ctx, c)
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, r := range reached {
		if slices.Contains(despite, r.Node) {
			a.Note("node %s answers (it can take work, it says: %t), and does not count, as you say", r.Node, r.Ready)
		}
	}
	return whetherLost(last, reached, known, despite)
}

// whetherLost returns an error unless a majority of the cluster's nodes is lost, by which answer.
func whetherLost(c catalog.Cluster, reached []nodestatus.Reached, known []restore.Finding, despite []string) error {
	var all, others, there, stopped, denied []string
	for _, n := range c.Nodes {
		all = append(all, n.ID)
	}
	for _, id := range despite {
		if !slices.Contains(all, id) {
			return fmt.Errorf("--despite: %s is no node of the roster: %s", id, strings.Join(all, ", "))
		}
	}
	for _, f := range known {
		if stopped = append(stopped, f.Node); f.Damage == "" && !slices.Contains(there, f.Node) {
			there = append(there, f.Node)
		}
	}
	for _, r := range reached {
		switch {
		case slices.Contains(despite, r.Node):
			if r.Ready {
				denied = append(denied, r.Node)
			}
		case r.Ready:
			return fmt.Errorf("node %s answers, and says that it can take work: the cluster goes on; start the nodes that are stopped as they are. Only where it lies, which the other operators have to say too: --despite %s", r.Node, r.Node)
		case !slices.Contains(stopped, r.Node):
			there, others = append(there, r.Node), append(others, r.Node)
		}
	}
	switch {
	case len(denied) >= max(c.Threshold, 2):
		return fmt.Errorf("nodes %s say that they can take work, as many as open results together: so many do not lie at once, the cluster goes on; start the nodes that are stopped as they are",
			strings.Join(denied, ", "))
	case len(there) > len(c.Nodes)/2:
		return fmt.Errorf("of %d nodes %s are there, which is a majority: start them as they are; only where the ledgers of some are lost, so that they do not get a majority together, stop those and repeat this with a new file",
			len(c.Nodes), strings.Join(there, ", "))
	case len(others) > 0:
		return fmt.Errorf("node %s is there too, and may have more: stop it, and run `weir operator recover-quorum` there with the same file", strings.Join(others, ", "))
	}
	return nil
}

// printPlan says what the survivors have, and what may be lost.
func printPlan(a *cli.App, p restore.Plan) error {
	source, err := p.Source()
	if err != nil {
		return err
	}
	members, err := source.Members()
	if err != nil {
		return err
	}
	a.Note("cluster %s (%s); survivors: %d of %d nodes", members.Name, members.ID, len(p.Survivors), len(members.Nodes))
	for _, f := range p.Survivors {
		mark := ""
		if f.Node == source.Node {
			mark = ": the order is of this one"
		}
		a.Note("node %s has %d entries, of which %d are known to have been agreed on; the last is of %s; its log ends at index %d of term %d%s",
			f.Node, f.Size, f.Committed, cli.FormatTime(f.Last), f.Index, f.Term, mark)
		switch {
		case f.Signed == 0:
			a.Note("node %s has seen no checkpoint that enough nodes signed", f.Node)
		case f.Signed > f.Size:
			a.Note("node %s has seen a checkpoint of %d entries that enough nodes signed at %s: %d are lost", f.Node, f.Signed, cli.FormatTime(f.SignedAt), f.Signed-f.Size)
		default:
			a.Note("the newest checkpoint that enough nodes signed and it has seen is of %d entries, of %s; %d lie beyond it", f.Signed, cli.FormatTime(f.SignedAt), f.Size-f.Signed)
		}
		if f.Damage != "" {
			a.Note("the log of node %s could not be read to its end: %s", f.Node, f.Damage)
		}
	}
	if p.Shorter {
		a.Note("another survivor has more than node %s, and the order is of that one all the same", source.Node)
	}
	left, err := p.Left()
	if err != nil {
		return err
	}
	t := term.Table{Head: []string{"what", "of", "count", "needed", "left", "without", "enough"}}
	for _, l := range left {
		t.Add(l.Kind, l.Publisher, strconv.Itoa(l.Count), strconv.Itoa(l.Threshold), strings.Join(l.Left, ","), strings.Join(l.Without, ","), cli.YesNo(l.Enough()))
		if !l.Enough() {
			what := "what publisher " + l.Publisher + " has published"
			if l.Kind != "key" {
				what = fmt.Sprintf("%d private vectors", l.Count)
			}
			a.Note("%s cannot be opened by the survivors alone: unless %d more of %s come back by a share or by their custodians, it is lost",
				what, l.Threshold-len(l.Left), strings.Join(l.Without, ", "))
		}
	}
	seats, err := attest.RestoreSeats(members, p.Restore)
	if err != nil {
		return err
	}
	a.Note("the operators of %d seats have signed the order, and of %d have to", seats, attest.SeatsToRestore(members))
	doc := map[string]any{"order": p.Order.ID(), "survivor": source.Node, "entries": source.Size, "committed": source.Committed,
		"last": source.Last, "signed_entries": source.Signed, "seats": seats, "shares": left}
	if a.Output == cli.JSON {
		return a.Print(doc, t)
	}
	return a.Print(left, t)
}

func newRecoverSignCommand(a *cli.App) *cobra.Command {
	var check bool
	var despite []string
	cmd := &cobra.Command{
		Use:   "sign FILE",
		Short: "sign, for the seats of your institution, that the cluster goes on with what a survivor has",
		Long: `Prints what the survivors have and what may be lost, and adds your signature to the
order. Look first, with --check. Sign only when you know that the machines which do
not count as survivors never come back, your own among them: one that does takes the
new ledger over, and what it had acknowledged since is gone. It asks the nodes from
this machine, too, and signs nothing where they answer that work is done: the survivor
may only be cut off from them.`,
		Example: "  weir operator recover-quorum sign recover.json --key exchange.key",
		Args:    cli.Exactly(1, "the file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := a.LoadKey(cli.Operator)
			if err != nil {
				return err
			}
			p, err := restore.ReadPlan(args[0])
			if err != nil {
				return err
			}
			source, err := p.Source()
			if err != nil {
				return err
			}
			members, err := source.Members()
			if err != nil {
				return err
			}
			if !check {
				rosters, err := source.Rosters()
				if err != nil {
					return err
				}
				if err := refuseWorking(cmd.Context(), a, rosters, p.Survivors, despite); err != nil {
					return fmt.Errorf("it is not signed: %w", err)
				}
			}
			if p.Restore, err = restore.SignOrder(members, p.Restore, key.Signing()); err != nil {
				return err
			}
			if check {
				a.Note("it is not signed; without --check it is")
			} else if err := p.Write(args[0]); err != nil {
				return err
			}
			if err := printPlan(a, p); err != nil {
				return err
			}
			a.Note("when enough have signed, on the machine of node %s: `weir operator recover-quorum apply %s`", source.Node, args[0])
			return nil
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "print it, and do not sign")
	addDespite(cmd, &despite)
	return cli.CompleteFiles(cmd, "json")
}

func newRecoverApplyCommand(a *cli.App) *cobra.Command {
	var flags nodeFlags
	var despite []string
	cmd := &cobra.Command{
		Use:   "apply FILE",
		Short: "make this machine's node, which survived and is stopped, the one that the cluster goes on from",
		Long: `Makes the ledger of this machine's node that of the cluster that goes on, by an order
that the operators have signed. Interrupted, it is repeated; until then the node does
not start. Then start it: it leads alone, and gives every other node a vote when that
has caught up. Start the other survivors as they are; bring the lost seats back by
their shares (weir node share), or replace their machines (weir operator replace).

The cluster answers no query until its operators have said that nobody is left who
could show a newer checkpoint: weir operator backup present, then weir operator
backup end.`,
		Example: "  weir operator recover-quorum apply recover.json --config /etc/weir/node.yaml",
		Args:    cli.Exactly(1, "the file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := flags.read(a)
			if err != nil {
				return err
			}
			if err := needNode(cmd, c); err != nil {
				return err
			}
			return applyRecovery(cmd.Context(), a, c, flags, args[0], despite)
		},
	}
	flags.add(cmd, "seal_key_file")
	addDespite(cmd, &despite)
	return cli.CompleteFiles(cmd, "json")
}

func applyRecovery(ctx context.Context, a *cli.App, c config.Config, flags nodeFlags, file string, despite []string) error {
	p, err := restore.ReadPlan(file)
	if err != nil {
		return err
	}
	if err := restore.CheckAge(p.Order, time.Now()); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	source, err := p.Source()
	if err != nil {
		return err
	}
	rosters, err := source.Rosters()
	if err != nil {
		return err
	}
	card, err := founding.OwnCard(c.Dir)
	if err != nil {
		return err
	}
	if card.ID != source.Node {
		a.Note("%s is of what node %s has: nothing is to be done here", file, source.Node)
	}
	if err := refuseWorking(ctx, a, rosters, p.Survivors, despite); err != nil {
		return err
	}
	key, err := sealKey(ctx, a, c, flags.passphrase)
	if err != nil {
		return err
	}
	defer vault.Wipe(key.Key)
	err = withScratch(c.Dir, func(scratch string) error { return restore.FromSurvivor(ctx, c.Dir, key, p, scratch) })
	if err != nil {
		return fmt.Errorf("recover node %s: %w", card.ID, err)
	}
	a.Note("start the node; then the other survivors as they are, and the seats that are lost by their shares, or by `weir operator replace`")
	a.Note("then whoever has newer checkpoints or receipts shows them (`weir operator backup present FILE…`), and operators run `weir operator backup end`")
	return a.PrintRow("node", card.ID, "entries", strconv.FormatUint(p.Order.Size, 10), "order", p.Order.ID().String())
}
