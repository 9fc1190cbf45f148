package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/backup"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/config"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/restore"
	"github.com/weirdata/weir/node/vault"
)

func newBackupOrderCommand(a *cli.App) *cobra.Command {
	var identities []string
	var file string
	cmd := &cobra.Command{
		Use:   "order ARCHIVE [BACKUP] --file FILE --identity KEY",
		Short: "order, with your signature, that the cluster goes on from a backup",
		Long: `Makes the order to go on from a backup, the newest unless one is named, and signs it
for the seats of your institution; or signs the order that is in the file already,
when it is of this backup. Only for a cluster whose machines are all lost: where a
node has its disk, or a majority has, nothing is restored.

The operators of as many seats as open results together, and of more than half, have
to sign it: a lone operator does not roll a cluster back. Whatever was recorded after
the backup is lost, and what it may have spent is closed.`,
		Example: "  weir operator backup order /mnt/archive --file restore.json --identity backup.key --key exchange.key",
		Args:    cli.AtLeast(1, "where the archive is"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if file == "" || len(identities) == 0 {
				return cli.Usagef(cmd, "--file and --identity are needed: where the order is, and a key that opens the archive")
			}
			if len(args) > 2 {
				return cli.Usagef(cmd, "the archive and at most one backup are wanted, there are %d arguments", len(args))
			}
			return orderRestore(cmd.Context(), a, append(args, "")[:2], file, identities)
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "`file` of the order; it is made, or gets your signature too")
	cmd.Flags().StringArrayVar(&identities, "identity", nil, "`file` with a key that opens the archive; may be given several times")
	return cmd
}

func orderRestore(ctx context.Context, a *cli.App, args []string, file string, identities []string) error {
	key, err := a.LoadKey(cli.Operator)
	if err != nil {
		return err
	}
	x, err := openArchive(ctx, args[0], args[1], catalog.Digest{}, identities)
	if err != nil {
		return err
	}
	rosters, err := x.Rosters()
	if err != nil {
		return err
	}
	members := rosters[len(rosters)-1]
	previous, err := previousRestore(ctx, x)
	if err != nil {
		return err
	}
	order := recovery.Restore{Order: recovery.Order{Cluster: x.Cluster, Size: x.Size, Root: x.Root, Previous: previous, Made: time.Now().UnixMilli()}}
	switch there, err := restore.ReadOrder(file); {
	case err == nil:
		order.Order.Made = there.Order.Made
		if there.Order != order.Order {
			return fmt.Errorf("%s is an order of another backup, of %d entries with the root %s, and this is of %d with %s: name that backup, or have all sign one order",
				file, there.Order.Size, there.Order.Root, x.Size, x.Root)
		}
		if _, err := attest.RestoreSeats(members, there); err != nil {
			return fmt.Errorf("%s: %w; have its first operator make it anew", file, err)
		}
		order = there
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if order, err = restore.SignOrder(members, order, key.Signing()); err != nil {
		return err
	}
	if err := restore.WriteOrder(file, order); err != nil {
		return err
	}
	seats, err := attest.RestoreSeats(members, order)
	if err != nil {
		return err
	}
	if least := attest.SeatsToRestore(members); seats < least {
		a.Note("the operators of %d seats have signed it, and of %d have to: hand %s and the archive to the next, who runs `weir operator backup order` too", seats, least, file)
	} else {
		a.Note("enough have signed; on each node's machine: `weir node share import`, `weir node accept`, `weir operator backup restore %s --order %s`, `weir node start`", args[0], file)
	}
	a.Note("whatever was recorded after %s is lost: collect the newest checkpoints and receipts of buyers, publishers and auditors", cli.FormatTime(x.Made))
	return a.PrintRow("order", order.Order.ID().String(), "backup", x.Name(), "entries", strconv.FormatUint(x.Size, 10), "seats", strconv.Itoa(seats))
}

// previousRestore is the id of the last order that a backup's ledger has; zero: it has none.
func previousRestore(ctx context.Context, x backup.Archive) (catalog.Digest, error) {
	b, err := consensus.ExportedValue(x.Stream(ctx), records.KeyRestore)
	if err != nil || b == nil {
		return catalog.Digest{}, err
	}
	var r recovery.Restored
	if err := json.Unmarshal(b, &r); err != nil {
		return catalog.Digest{}, fmt.Errorf("read the backup's last restore: %w", err)
	}
	return r.Order.ID(), nil
}

func newBackupRestoreCommand(a *cli.App) *cobra.Command {
	var flags nodeFlags
	var identities []string
	var order string
	var without bool
	cmd := &cobra.Command{
		Use:   "restore ARCHIVE --order FILE --identity KEY",
		Short: "make this machine's node, which has not started, the backup's",
		Long: `Makes the ledger and the blobs of this machine's node those of the backup that an
order is of, after applying all of its entries anew. The node has its keys already
(weir node share import) and its founding (weir node accept), and has not started.
Interrupted, it goes on when it is run again.

A share that is older or newer than the backup's keys opens nothing: it is said of
which keys, and nothing is changed. --without-shares goes on all the same, for a node
that has no other; where fewer nodes than the threshold have theirs, what is encrypted
under a key is lost.

Do so on the machine of every node, then start them. The cluster answers no query
until its operators have said that nobody is left who could show a newer checkpoint:
weir operator backup present, then weir operator backup end.`,
		Example: "  weir operator backup restore /mnt/archive --order restore.json --identity backup.key --config /etc/weir/node.yaml",
		Args:    cli.Exactly(1, "where the archive is"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := flags.read(a)
			if err != nil {
				return err
			}
			if order == "" || len(identities) == 0 {
				return cli.Usagef(cmd, "--order and --identity are needed: what the operators have signed, and a key that opens the archive")
			}
			if err := needNode(cmd, c, [3]string{"genesis", "genesis", c.Genesis}); err != nil {
				return err
			}
			return restoreBackup(cmd.Context(), a, c, flags, args[0], order, identities, without)
		},
	}
	flags.add(cmd, "seal_key_file", "genesis")
	cmd.Flags().BoolVar(&without, "without-shares", false, "go on where this machine has no share of some of the backup's keys")
	cmd.Flags().StringVar(&order, "order", "", "`file` of the order that the operators have signed")
	cmd.Flags().StringArrayVar(&identities, "identity", nil, "`file` with a key that opens the archive; may be given several times")
	return cmd
}

func restoreBackup(ctx context.Context, a *cli.App, c config.Config, flags nodeFlags, archive, orderFile string, identities []string, without bool) (err error) {
	order, err := restore.ReadOrder(orderFile)
	if err != nil {
		return err
	}
	if err := restore.CheckAge(order.Order, time.Now()); err != nil {
		return fmt.Errorf("%s: %w", orderFile, err)
	}
	g, err := founding.ReadGenesis(c.Genesis)
	if err != nil {
		return fmt.Errorf("%w; `weir node accept` puts it there", err)
	}
	x, err := orderedArchive(ctx, a, archive, order, identities)
	if err != nil {
		return err
	}
	if err := refuseGoingOn(ctx, x, order); err != nil {
		return err
	}
	key, err := sealKey(ctx, a, c, flags.passphrase)
	if err != nil {
		return err
	}
	defer vault.Wipe(key.Key)
	progress := a.NewProgress()
	defer progress.Finish()
	progress.Tell("applying the ledger's entries anew")
	machine := state.NewMachine()
	fits := func(l *consensus.Replay) error {
		return l.View(func(r records.Reader) error { return checkShares(ctx, a, c.Dir, key, machine.View(r), without) })
	}
	err = withScratch(c.Dir, func(scratch string) error {
		return x.CheckLedger(ctx, scratch, machine, backup.Look{Proved: fits})
	})
	if err != nil {
		return fmt.Errorf("backup %s: %w", x.Name(), err)
	}
	b := restore.Backup{Roster: x.Roster, Ledger: x.Stream(ctx), Load: x.Listed().Load}
	for _, p := range x.Blobs {
		b.Blobs = append(b.Blobs, p.Digest)
	}
	if err := restore.FromBackup(ctx, c.Dir, key, g, order, b, tenths(progress.Tell)); err != nil {
		return fmt.Errorf("restore backup %s: %w", x.Name(), err)
	}
	progress.Finish()
	a.Note("%s goes on from backup %s; do the same on the machines of the other nodes, then start all with `weir node start`", c.Dir, x.Name())
	a.Note("then whoever has newer checkpoints or receipts shows them (`weir operator backup present FILE…`), and operators run `weir operator backup end`")
	return a.PrintRow("backup", x.Name(), "entries", strconv.FormatUint(x.Size, 10), "blobs", strconv.Itoa(len(x.Blobs)))
}

// checkShares returns an error where the machine's shares are not of the backup's keys, unless it may be without.
func checkShares(ctx context.Context, a *cli.App, dir string, key founding.SealKey, v state.View, without bool) error {
	gaps, vectors, err := restore.Gaps(ctx, dir, key, v)
	if err != nil {
		return err
	}
	if vectors > 0 {
		a.Note("this machine has no share of %d private vectors; while fewer nodes than the threshold have theirs, their owners register them again", vectors)
	}
	for _, g := range gaps {
		a.Note("%s", g)
	}
	if len(gaps) > 0 && !without {
		return fmt.Errorf("%w: of %d keys; nothing was changed, and --without-shares goes on without them", restore.ErrShares, len(gaps))
	}
	return nil
}

// scratchPrefix begins the names of directories in which a ledger is checked.
const scratchPrefix = "restore-"

// withScratch calls do with a directory in which a ledger is checked: it is not to be anywhere else in
// the clear.
func withScratch(dir string, do func(scratch string) error) error {
	if err := removeScratch(dir); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(dir, scratchPrefix)
	if err != nil {
		return fmt.Errorf("make a directory to check in: %w", err)
	}
	return errors.Join(do(scratch), os.RemoveAll(scratch))
}

// removeScratch removes what a restore that was killed left behind.
func removeScratch(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, scratchPrefix+"*"))
	if err != nil {
		return fmt.Errorf("look for what a restore left: %w", err)
	}
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	if err != nil {
		return fmt.Errorf("remove what a restore left: %w", err)
	}
	return nil
}

// refuseGoingOn returns an error when the roster's nodes answer that the cluster goes on by the order
// already: a node that is made by it now would have a vote, and not know what it acknowledged. That
// nobody answers is no error, since then the nodes are still to be made.
func refuseGoingOn(ctx context.Context, x backup.Archive, order recovery.Restore) error {
	rosters, err := x.Rosters()
	if err != nil {
		return err
	}
	c, err := client.New(client.PinRosters(rosters), nil, client.Options{Patience: time.Second, RequestTimeout: 8 * time.Second})
	if err != nil {
		return fmt.Errorf("ask the nodes of the roster: %w", err)
	}
	defer c.Close()
	all, err := audit.Restores(ctx, c)
	if err != nil {
		return ctx.Err() // nobody answers
	}
	for _, r := range all {
		if r.Order.ID() == order.Order.ID() {
			return errors.New("the cluster goes on by this order already, and a node that is made by it now forgets what it acknowledged: " +
				"import the share (`weir node share import`), accept the founding (`weir node accept`) and start the node without a ledger; it catches up")
		}
	}
	return nil
}

// orderedArchive finds the backup that an order is of.
func orderedArchive(ctx context.Context, a *cli.App, archive string, order recovery.Restore, identities []string) (x backup.Archive, err error) {
	store, err := archiveStore(archive)
	if err != nil {
		return x, err
	}
	all, err := backup.List(ctx, store, func(err error) { a.Note("%v", err) })
	if err != nil {
		return x, err
	}
	for _, m := range all {
		if m.Cluster == order.Order.Cluster && m.Size == order.Order.Size && m.Root == order.Order.Root {
			return openArchive(ctx, archive, m.Name(), order.Order.Cluster, identities)
		}
	}
	return x, fmt.Errorf("%w of %d entries with the root %s is in %s: give the archive that the order was made of", backup.ErrNone, order.Order.Size, order.Order.Root, archive)
}

func newBackupPresentCommand(a *cli.App) *cobra.Command {
	return cli.CompleteFiles(&cobra.Command{
		Use:   "present FILE…",
		Short: "show a restored cluster checkpoints and receipts of the time before",
		Long: `Shows a cluster that was restored what it may have lost: checkpoints
(weir evidence checkpoint --out), receipts of queries and versions, and the files in
which monitors keep what they saw. Anybody may, and no key is needed. The largest
says how many entries there were; what they may have spent is closed. Of a cluster
that was never restored nothing changes.`,
		Example: "  weir operator backup present today.checkpoint nox.tlog-proof --profile hengshui.json",
		Args:    cli.AtLeast(1, "the files"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.With(cli.Nobody, func(c *client.Client) error { return presentFiles(cmd.Context(), a, c, args) })
		},
	}, "checkpoint", "tlog-proof", "json")
}

func presentFiles(ctx context.Context, a *cli.App, c *client.Client, files []string) error {
	for _, file := range files {
		notes, err := notesOf(file, c.Profile())
		if err != nil {
			return err
		}
		for _, note := range notes {
			if err := audit.Present(ctx, c, note); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return printRestore(ctx, a, c)
}

// notesOf are the signed checkpoints in a file, whichever of the three kinds it is.
func notesOf(file string, profile client.Profile) ([][]byte, error) {
	b, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return nil, fmt.Errorf("read what is to be shown: %w", err)
	}
	if strings.HasPrefix(string(b), evidence.Origin(profile.Cluster.String())+"\n") {
		return [][]byte{b}, nil
	}
	if r, err := evidence.ParseReceipt(b); err == nil {
		return [][]byte{r.Checkpoint}, nil
	}
	s, err := audit.LoadState(file, profile)
	if err != nil {
		return nil, fmt.Errorf("%s is no checkpoint of cluster %s, no receipt, and no file of a monitor: %w", file, profile.Cluster, err)
	}
	var notes [][]byte
	for _, note := range s.Assembled() {
		if _, err := audit.OpenCheckpoint(profile, note); err == nil {
			notes = append(notes, note)
		}
	}
	if len(notes) == 0 {
		return nil, fmt.Errorf("%s has no checkpoint that enough nodes have signed: show another file", file)
	}
	return notes, nil
}

func newBackupEndCommand(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "end",
		Short: "end the waiting of a restored cluster, for the seats of your institution",
		Long: `Says, for the seats of your institution, that nobody is left who could show a newer
checkpoint than has been shown. When the operators of as many seats as ordered the
restore have said so, queries are answered again. If anything is known to be lost,
all datasets are closed then, all contracts have ended, and what noise may cost in
all is used up: publishers open a dataset again with weir dataset reopen, and grant
contracts anew.`,
		Example: "  weir operator backup end --key exchange.key",
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.With(cli.Operator, func(c *client.Client) error {
				ctx := cmd.Context()
				r, known, err := lastRestore(ctx, c)
				if err != nil {
					return err
				}
				if !known {
					return errors.New("the cluster was never restored: there is nothing to end")
				}
				if _, err := c.Submit(ctx, catalog.KindRestoreEnd, recovery.End{Order: r.Order.ID()}); err != nil {
					return err
				}
				return printRestore(ctx, a, c)
			})
		},
	}
}

func lastRestore(ctx context.Context, c *client.Client) (r recovery.Restored, known bool, err error) {
	all, err := audit.Restores(ctx, c)
	if err != nil || len(all) == 0 {
		return r, false, err
	}
	return all[len(all)-1], true, nil
}

// printRestore says how far a restored cluster is.
func printRestore(ctx context.Context, a *cli.App, c *client.Client) error {
	r, known, err := lastRestore(ctx, c)
	if err != nil {
		return err
	}
	if !known {
		a.Note("the cluster was never restored: nothing changes")
		return nil
	}
	if len(r.Told) > 0 && r.Told[0].Size > r.Seen {
		a.Note("node %s alone says that it signed a checkpoint of %d entries: ask its operator for one that enough nodes signed", r.Told[0].Node, r.Told[0].Size)
	}
	switch {
	case !r.Open:
		a.Note("it answers no query yet: when nobody has more to show, the operators run `weir operator backup end`")
	case r.Lost() > 0:
		a.Note("it answers queries; datasets are closed until their publishers run `weir dataset reopen`")
	}
	return a.PrintRow("restored from", strconv.FormatUint(r.Order.Size, 10), "entries known", strconv.FormatUint(r.Seen, 10),
		"lost", strconv.FormatUint(r.Lost(), 10), "answers", cli.YesNo(r.Open))
}
