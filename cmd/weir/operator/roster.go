package operator

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/founding"
)

// newRosterCommands are the commands by which seats are added and given up.
func newRosterCommands(a *cli.App) []*cobra.Command {
	return []*cobra.Command{newRosterCommand(a), newProposeCommand(a), newApproveCommand(a), newWithdrawCommand(a)}
}

func newRosterCommand(a *cli.App) *cobra.Command {
	var genesis string
	cmd := &cobra.Command{
		Use: "roster", Short: "who has a seat, what is proposed, and what waits",
		Long: `Prints the seats of the cluster, those included that were given up and still hold
shares, and for each publisher's key among whom it is shared. Says which rosters
are proposed and whose approval they lack.

With --genesis the changes of the roster are added to the founding's file, which a
new node is started with.`,
		Example: "  weir operator roster --dir /tmp/weir",
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.With(cli.Operator, func(c *client.Client) error { return showRoster(cmd.Context(), a, c, genesis) })
		},
	}
	cmd.Flags().StringVar(&genesis, "genesis", "", "the founding's `file`, to which the changes are added")
	return cmd
}

// rosterDocument is the roster as -o json prints it.
type rosterDocument struct {
	Threshold int                `json:"threshold"`
	Changes   int                `json:"changes"`
	Seats     []seatDocument     `json:"seats"`
	Proposals []proposalDocument `json:"proposals"`
	Keys      []client.KeyPlace  `json:"keys"`
}

func showRoster(ctx context.Context, a *cli.App, c *client.Client, genesis string) error {
	cluster, err := c.Cluster(ctx)
	if err != nil {
		return err
	}
	record, err := client.Get[catalog.Cluster](ctx, c, client.Call{Path: "/v1/cluster"})
	if err != nil {
		return err
	}
	proposals, err := govern.Proposals(ctx, c)
	if err != nil {
		return err
	}
	d := rosterDocument{Threshold: cluster.Threshold, Changes: cluster.Changes, Proposals: []proposalDocument{}}
	t := term.Table{Head: []string{"point", "node", "institution", "operator", "for nodes", "for clients", "key"}}
	seat := func(n catalog.Node, point int, shownPoint string) {
		s := seatOf(n, point)
		d.Seats = append(d.Seats, s)
		t.Add(shownPoint, s.Node, s.Institution, s.Operator, s.Addr, s.API, s.Key)
	}
	for _, n := range cluster.Nodes {
		seat(n, n.Point, strconv.Itoa(n.Point))
	}
	for _, l := range record.Leaving { // the node's word: what is proved is that they have no seat
		seat(l.Node, 0, "leaving")
	}
	if d.Keys, err = client.KeyPlaces(ctx, c, cluster); err != nil {
		return err
	}
	for _, p := range proposals {
		d.Proposals = append(d.Proposals, documentOf(p))
	}
	if err := a.Print(d, t); err != nil {
		return err
	}
	a.Note("%d of %d nodes open together; the roster has changed %d times", cluster.Threshold, len(cluster.Nodes), cluster.Changes)
	for _, k := range d.Keys {
		if k.Waits != "" {
			a.Note("the key of %s is shared among %s, %d of which open it: %s", k.Name, strings.Join(k.Nodes, ", "), k.Threshold, k.Waits)
		}
	}
	for _, p := range proposals {
		noteProposal(a, p)
	}
	if genesis == "" {
		return nil
	}
	return addChanges(ctx, a, c, genesis)
}

// addChanges writes the changes of the roster into the founding's file.
func addChanges(ctx context.Context, a *cli.App, c *client.Client, file string) error {
	g, _, err := readSigned(file)
	if err != nil {
		return err
	}
	if g.Cluster() != c.Profile().Cluster {
		return fmt.Errorf("%s is the founding of cluster %s, and the profile pins %s: give the founding of this one", file, g.Cluster(), c.Profile().Cluster)
	}
	changes, err := c.RosterEnvelopes(ctx)
	if err != nil {
		return err
	}
	g.Roster = changes[1:]
	if g.Left, err = govern.Left(ctx, c); err != nil {
		return err
	}
	if _, err := g.Rosters(); err != nil {
		return err
	}
	if err := g.WriteFile(file); err != nil {
		return err
	}
	a.Note("%s has the roster as it is now; on a new machine: `weir node accept %s --config node.yaml`, then start it", file, file)
	return nil
}

// proposalDocument is a proposal as -o json prints it.
type proposalDocument struct {
	Proposal  string         `json:"proposal"`
	Proposer  string         `json:"proposer"`
	Proposed  int64          `json:"proposed"`
	Threshold int            `json:"threshold"`
	Comes     []seatDocument `json:"comes"`
	Goes      []seatDocument `json:"goes"`
	Approved  []string       `json:"approved"`
	Seats     int            `json:"seats"`  // that approve
	Needed    int            `json:"needed"` // of them
	Newcomers []string       `json:"newcomers"`
}

func documentOf(p govern.Proposal) proposalDocument {
	d := proposalDocument{
		Proposal: p.ID.String(), Proposer: p.Proposer, Proposed: p.Proposed, Threshold: p.Body.Threshold, Approved: p.Approved,
		Comes: []seatDocument{}, Goes: []seatDocument{}, Seats: p.Approvals.Seats, Needed: p.Approvals.Needed, Newcomers: []string{},
	}
	for _, n := range p.Comes() {
		d.Comes = append(d.Comes, seatOf(n, n.Point))
	}
	for _, n := range p.Goes() {
		d.Goes = append(d.Goes, seatOf(n, 0))
	}
	d.Newcomers = append(d.Newcomers, p.Newcomers()...)
	return d
}

// proposalTable is who comes and who goes.
func proposalTable(d proposalDocument) term.Table {
	t := term.Table{Head: []string{"change", "node", "institution", "operator", "for nodes", "for clients", "key"}}
	for _, some := range []struct {
		change string
		seats  []seatDocument
	}{{"comes", d.Comes}, {"goes", d.Goes}} {
		for _, s := range some.seats {
			t.Add(some.change, s.Node, s.Institution, s.Operator, s.Addr, s.API, s.Key)
		}
	}
	return t
}

// noteProposal says what a proposal changes and lacks.
func noteProposal(a *cli.App, p govern.Proposal) {
	d := documentOf(p)
	var lacks []string
	if more := d.Needed - d.Seats; more > 0 {
		lacks = append(lacks, fmt.Sprintf("the operators of %d more of the present seats", more))
	}
	for _, n := range d.Newcomers {
		lacks = append(lacks, shown.Text(n)+", which would get a seat")
	}
	a.Note("proposal %s: %d of %d nodes would open together; it lacks the approval of %s: `weir operator approve-roster %s`",
		d.Proposal[:16], d.Threshold, len(p.Body.Nodes), strings.Join(lacks, ", and of "), d.Proposal[:16])
}

func newProposeCommand(a *cli.App) *cobra.Command {
	var remove []string
	var threshold int
	cmd := &cobra.Command{
		Use:   "propose-roster [CARD…]",
		Short: "propose to add or give up seats, or another threshold",
		Long: `Proposes another roster: seats for the nodes of the cards, made with weir node init,
and without the seats that --remove names. Nothing changes before the operators of
more than half of the seats have approved it, and of no fewer than the threshold,
and the operators of all new seats: admit those first, with weir principal add.

Keys that were made before stay among the nodes that share them until their
publishers let them move (weir key move). A seat that is given up stays a member
until it holds nothing any more. A proposal replaces your one before, and is void
when the roster changes in any other way, and after 30 days.`,
		Example: "  weir operator propose-roster n4.card n5.card --threshold 3 --key bureau.key\n  weir operator propose-roster --remove n2 --key bureau.key",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && len(remove) == 0 && threshold == 0 {
				return cli.Usagef(cmd, "nothing changes: give cards of new nodes, --remove, or --threshold")
			}
			return a.With(cli.Operator, func(c *client.Client) error { return propose(cmd.Context(), a, c, threshold, remove, args) })
		},
	}
	cmd.Flags().StringSliceVar(&remove, "remove", nil, "`ID` of a node whose seat is given up; may be given several times")
	cmd.Flags().IntVar(&threshold, "threshold", 0, "nodes whose shares together open an accumulator (default: as it is)")
	return cli.CompleteFiles(cmd, "card", "json")
}

func propose(ctx context.Context, a *cli.App, c *client.Client, threshold int, remove, files []string) error {
	cluster, err := c.Cluster(ctx)
	if err != nil {
		return err
	}
	for _, id := range remove {
		if cluster.Roster().Point(id) == 0 {
			return fmt.Errorf("--remove: no seat is that of %s, but of %s", shown.Text(id), strings.Join(cluster.Roster().Nodes, ", "))
		}
	}
	var fresh []catalog.Node
	for _, file := range files {
		card, err := founding.ReadCard(file)
		if err != nil {
			return err
		}
		fresh = append(fresh, card.Node(0))
	}
	s, err := govern.ProposeRoster(ctx, c, threshold, remove, fresh)
	if err != nil {
		return err
	}
	return printApproved(ctx, a, c, s.Outcome.ID)
}

// printApproved prints what became of a proposal that this operator has signed.
func printApproved(ctx context.Context, a *cli.App, c *client.Client, id string) error {
	all, err := govern.Proposals(ctx, c)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.ID.String() == id {
			d := documentOf(p)
			if err := a.Print(d, proposalTable(d)); err != nil {
				return err
			}
			noteProposal(a, p)
			return nil
		}
	}
	cluster, err := c.Cluster(ctx)
	if err != nil {
		return err
	}
	if err := a.PrintRow("proposal", id, "approved", "yes", "nodes", strings.Join(cluster.Roster().Nodes, ","), "threshold", strconv.Itoa(cluster.Threshold)); err != nil {
		return err
	}
	a.Note("all that are needed have approved: the roster changed; new nodes need it: `weir operator roster --genesis genesis.json`")
	a.Note("keys stay where they are until their publishers let them move, with `weir key move`: `weir operator roster` says which wait")
	return nil
}

func newApproveCommand(a *cli.App) *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "approve-roster PROPOSAL",
		Short: "approve a roster that was proposed",
		Long: `Prints who would get a seat and who would lose it, and approves it with your
signature. Look first, with --check, and compare the keys of new nodes with their
institutions by phone. With enough approvals the roster changes at once.`,
		Example: "  weir operator approve-roster 3f1c9a2b --key exchange.key --check\n  weir operator approve-roster 3f1c9a2b --key exchange.key",
		Args:    cli.Exactly(1, "the proposal, or the beginning of its id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.With(cli.Operator, func(c *client.Client) error { return approve(cmd.Context(), a, c, args[0], check) })
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "print it, and do not approve it")
	return cmd
}

func approve(ctx context.Context, a *cli.App, c *client.Client, typed string, check bool) error {
	p, err := proposalNamed(ctx, c, typed)
	if err != nil {
		return err
	}
	if check {
		d := documentOf(p)
		if err := a.Print(d, proposalTable(d)); err != nil {
			return err
		}
		noteProposal(a, p)
		return nil
	}
	if _, err := govern.ApproveRoster(ctx, c, p.ID); err != nil {
		return err
	}
	return printApproved(ctx, a, c, p.ID.String())
}

// proposalNamed is the one proposal whose id begins so.
func proposalNamed(ctx context.Context, c *client.Client, typed string) (govern.Proposal, error) {
	all, err := govern.Proposals(ctx, c)
	if err != nil {
		return govern.Proposal{}, err
	}
	var ids []string
	for _, p := range all {
		ids = append(ids, p.ID.String()[:16])
	}
	all = slices.DeleteFunc(all, func(p govern.Proposal) bool { return typed == "" || !strings.HasPrefix(p.ID.String(), typed) })
	switch {
	case len(ids) == 0:
		return govern.Proposal{}, fmt.Errorf("no roster is proposed: one that was approved, withdrawn or overtaken by another change is gone")
	case len(all) == 1:
		return all[0], nil
	}
	return govern.Proposal{}, fmt.Errorf("%q is the beginning of %d proposals; there are %s", shown.Text(typed), len(all), strings.Join(ids, ", "))
}

func newWithdrawCommand(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use: "withdraw-roster PROPOSAL", Short: "take your proposal of a roster back",
		Example: "  weir operator withdraw-roster 3f1c9a2b --key bureau.key",
		Args:    cli.Exactly(1, "the proposal, or the beginning of its id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.With(cli.Operator, func(c *client.Client) error {
				p, err := proposalNamed(cmd.Context(), c, args[0])
				if err != nil {
					return err
				}
				if _, err := govern.WithdrawRoster(cmd.Context(), c, p.ID); err != nil {
					return err
				}
				return a.PrintRow("proposal", p.ID.String(), "withdrawn", "yes")
			})
		},
	}
}
