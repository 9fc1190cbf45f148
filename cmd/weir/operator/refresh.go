package operator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/client/nodestatus"
)

// refreshPause separates two looks at a key that is being shared anew.
const refreshPause = 500 * time.Millisecond

func newRefreshCommand(a *cli.App) *cobra.Command {
	var noWait bool
	var every string
	cmd := &cobra.Command{
		Use: "refresh [PUBLISHER…]", Short: "share keys and private vectors anew",
		Long: `Has the nodes share the keys of publishers anew, and the private vectors of buyers,
or with publishers named their keys alone: each node gets another share of the same
thing and erases its old one. A share that was stolen is worth nothing then, unless
as many as the threshold were; a node that has lost its share has one again.

All nodes have to be up. Queries are answered meanwhile, and what was encrypted
stays as it is. Where an attempt fails the old shares stay, and the nodes begin
again by themselves; so it may be interrupted, and goes on without this command.

With --every the nodes do it by themselves whenever shares are that old, of keys and
of private vectors, until it is set to never. weir operator status tells when.`,
		Example: "  weir operator refresh --dir /tmp/weir\n  weir operator refresh --every 30d --dir /tmp/weir",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("every") {
				return a.With(cli.Operator, func(c *client.Client) error { return refresh(cmd.Context(), a, c, args, noWait) })
			}
			age, err := parseAge(every)
			if err != nil || len(args) > 0 {
				return cmp.Or(err, errors.New("--every is for all keys and private vectors: name no publishers"))
			}
			return a.With(cli.Operator, func(c *client.Client) error { return refreshEvery(cmd.Context(), a, c, age) })
		},
	}
	cmd.Flags().StringVar(&every, "every", "", "have it done whenever shares are that old: 30d, 12h, or never")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "ask for it, and do not wait until it is done")
	return cmd
}

// parseAge reads days as 30d, and else what Go does; never is 0.
func parseAge(text string) (time.Duration, error) {
	if text == "never" {
		return 0, nil
	}
	if days, is := strings.CutSuffix(text, "d"); is {
		n, err := strconv.Atoi(days)
		if err == nil && n > 0 && n <= int(resharing.MaxEvery/resharing.Day) {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	} else if age, err := time.ParseDuration(text); err == nil && age > 0 {
		return age, nil
	}
	return 0, fmt.Errorf("--every %q is no age: say 30d, 12h or never", text)
}

// refreshEvery sets how old shares may get.
func refreshEvery(ctx context.Context, a *cli.App, c *client.Client, age time.Duration) error {
	if err := govern.RefreshEvery(ctx, c, age); err != nil {
		return fmt.Errorf("set how old shares may get: %w", err)
	}
	t := term.Table{Head: []string{"shares are made anew"}}
	if age == 0 {
		t.Add("when somebody asks for it")
	} else {
		old := age.String()
		if days := age / (24 * time.Hour); days > 0 && age%(24*time.Hour) == 0 {
			old = fmt.Sprintf("%d days", days)
		}
		t.Add("when they are " + old + " old")
	}
	return a.Print(map[string]any{"every_ms": age.Milliseconds()}, t)
}

// refreshRow is a key in the answer of a refresh.
type refreshRow struct {
	Publisher string `json:"publisher"`
	Name      string `json:"name"`
	Key       string `json:"key"`
	Epoch     uint64 `json:"epoch"`
	Done      bool   `json:"done"`
}

func refresh(ctx context.Context, a *cli.App, c *client.Client, names []string, noWait bool) error {
	publishers, err := publishersNamed(ctx, c, names)
	if err != nil {
		return err
	}
	for _, p := range publishers {
		k, err := c.PublisherKey(ctx, p.ID)
		if err != nil {
			return fmt.Errorf("read the key of %s: %w", p.Name, err)
		}
		err = govern.RefreshKey(ctx, c, k.ID)
		if r, refused := client.IsRefused(err); err != nil && (!refused || r.Rule != "refresh") { // under way already
			return fmt.Errorf("ask for new shares of the key of %s: %w", p.Name, err)
		}
	}
	var vectors *wire.VectorShares
	if len(names) == 0 {
		if err := govern.RefreshVectors(ctx, c); err != nil {
			return fmt.Errorf("ask for new shares of private vectors: %w", err)
		}
	}
	progress := a.NewProgress()
	defer progress.Finish()
	rows := make([]refreshRow, len(publishers))
	for i, p := range publishers {
		k, err := awaitRefresh(ctx, c, p, noWait, progress.Tell)
		if err != nil {
			return err
		}
		rows[i] = refreshRow{p.ID, p.Name, k.ID, k.InForce().Epoch, k.Refresh == nil && k.Retired == nil}
	}
	if len(names) == 0 {
		if vectors, err = awaitMoves(ctx, c, noWait, progress.Tell); err != nil {
			return err
		}
	}
	progress.Finish()
	return a.Print(map[string]any{"keys": rows, "vectors": vectors}, refreshTable(rows, vectors))
}

// awaitMoves waits until no private vector is to be moved, and the old shares are erased. Any node
// can tell: all have the same ledger.
func awaitMoves(ctx context.Context, c *client.Client, noWait bool, tell func(string)) (*wire.VectorShares, error) {
	for {
		list, err := nodestatus.All(ctx, c)
		if err != nil {
			return nil, err
		}
		s, known := behindMost(list)
		if known && s.ToMove+s.Moving == 0 || noWait {
			return &s, nil
		}
		waits := "until all nodes are up"
		if len(s.Waits) > 0 {
			waits = "for " + strings.Join(s.Waits, ", ")
		}
		tell(fmt.Sprintf("private vectors: %d are to be moved, %d are being moved; waiting %s", s.ToMove, s.Moving, waits))
		if err := client.Pause(ctx, refreshPause); err != nil {
			return nil, fmt.Errorf("wait for new shares of private vectors, which the nodes go on to make: %w", err)
		}
	}
}

// behindMost is what the node says of private vectors that has the most of them to move, and among those that have as many
// the one that knows the most vectors: another may not have heard of them yet. known is false where no node answered.
func behindMost(list []nodestatus.Node) (s wire.VectorShares, known bool) {
	for _, n := range list {
		if n.Status == nil {
			continue
		}
		v := n.Status.Shares.Vectors
		if more := v.ToMove + v.Moving - s.ToMove - s.Moving; !known || more > 0 || more == 0 && v.Ready > s.Ready {
			s = v
		}
		known = true
	}
	return s, known
}

// awaitRefresh waits until a key has been shared anew and the old shares are erased, and tells
// what it waits for.
func awaitRefresh(ctx context.Context, c *client.Client, p catalog.Principal, noWait bool, tell func(string)) (catalog.Key, error) {
	for {
		k, err := c.PublisherKey(ctx, p.ID)
		if err != nil {
			return k, fmt.Errorf("read the key of %s: %w", p.Name, err)
		}
		waiting := client.RefreshWaits(k)
		if waiting == "" || noWait {
			return k, nil
		}
		tell(fmt.Sprintf("the key of %s: %s", p.Name, waiting))
		if err := client.Pause(ctx, refreshPause); err != nil {
			return k, fmt.Errorf("wait for new shares of the key of %s, which the nodes go on to make: %w", p.Name, err)
		}
	}
}

// publishersNamed returns the publishers with the names or the beginnings of ids given, each
// once; none given: all.
func publishersNamed(ctx context.Context, c *client.Client, names []string) ([]catalog.Principal, error) {
	publishers, err := client.Principals.All(ctx, c)
	if err != nil {
		return nil, err
	}
	publishers = slices.DeleteFunc(publishers, func(p catalog.Principal) bool { return p.Role != catalog.RolePublisher })
	if len(publishers) == 0 {
		return nil, errors.New("no publisher is admitted, and so there is no key")
	}
	if len(names) == 0 {
		return publishers, nil
	}
	wanted := map[string]bool{} // by id
	for _, name := range names {
		at := slices.IndexFunc(publishers, func(p catalog.Principal) bool { return p.Name == name })
		if at < 0 {
			id, err := c.ID(ctx, catalog.LetterPrincipal, name)
			if err != nil {
				return nil, err
			}
			at = slices.IndexFunc(publishers, func(p catalog.Principal) bool { return p.ID == id })
		}
		if at < 0 {
			return nil, fmt.Errorf("%q is no publisher: `weir principal list` shows them", name)
		}
		wanted[publishers[at].ID] = true
	}
	return slices.DeleteFunc(publishers, func(p catalog.Principal) bool { return !wanted[p.ID] }), nil
}

func refreshTable(rows []refreshRow, vectors *wire.VectorShares) term.Table {
	t := term.Table{Head: []string{"publisher", "key", "epoch", "state"}}
	for _, r := range rows {
		state := "shared anew"
		if !r.Done {
			state = "under way"
		}
		t.Add(r.Name, r.Key, strconv.FormatUint(r.Epoch, 10), state)
	}
	if vectors != nil && vectors.Ready > 0 {
		state := "shared anew"
		switch {
		case vectors.ToMove+vectors.Moving > 0:
			state = "under way"
		case vectors.Stay+vectors.Lost > 0:
			state = fmt.Sprintf("shared anew but for %d", vectors.Stay+vectors.Lost)
		}
		t.Add(fmt.Sprintf("%d private vectors", vectors.Ready), "", "", state)
	}
	return t
}
