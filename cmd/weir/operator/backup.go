package operator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"filippo.io/age"
	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/node/backup"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/drill"
	"github.com/weirdata/weir/node/objects"
)

func newBackupCommand(a *cli.App) *cobra.Command {
	return cli.Group("", "backup", "keep archives of the ledger and of what is published",
		"  weir operator backup create /mnt/archive --to backup.key.pub",
		newBackupKeygenCommand(a), newBackupCreateCommand(a), newBackupListCommand(a), newBackupVerifyCommand(a),
		newBackupOrderCommand(a), newBackupRestoreCommand(a), newBackupPresentCommand(a), newBackupEndCommand(a))
}

func newBackupKeygenCommand(a *cli.App) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "keygen --out FILE",
		Short: "make a key to which backups and shares are encrypted",
		Long: `Writes an identity of age (age-encryption.org), of its post-quantum form, to FILE,
and the recipient to FILE.pub. Whoever makes backups needs FILE.pub alone. Keep FILE
away from the nodes and from the archive: who has both reads the whole ledger. Keys
made by age-keygen do as well.`,
		Example: "  weir operator backup keygen --out backup.key",
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return cli.Usagef(cmd, "--out is needed: where to write the key")
			}
			return backupKeygen(a, out)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`file` to write the key to; it must not exist")
	return cmd
}

func backupKeygen(a *cli.App, out string) error {
	for _, file := range []string{out, out + ".pub"} {
		if err := checkNew(file); err != nil {
			return err
		}
	}
	key, err := age.GenerateHybridIdentity()
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	if err := durable.WriteNew(out, []byte(key.String()+"\n"), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	if err := writeNew(out+".pub", []byte(key.Recipient().String()+"\n")); err != nil {
		return err
	}
	a.Note("%s.pub is for `weir operator backup create --to %s.pub`; keep %s, and a copy of it, away from the nodes and the archive", out, out, out)
	return a.PrintRow("key", out, "recipient", out+".pub")
}

func newBackupCreateCommand(a *cli.App) *cobra.Command {
	var to []string
	cmd := &cobra.Command{
		Use:   "create ARCHIVE --to RECIPIENT",
		Short: "copy what is new of a running cluster into an archive",
		Long: `Copies the ledger, at one moment and with the checkpoint that a threshold of nodes
sign of it, and the blobs that it names, into the archive: a directory, or a bucket as s3+https://HOST/BUCKET/PREFIX, with its
credentials in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY). What an
earlier backup has copied is not copied again; one that was interrupted goes on. The
cluster goes on meanwhile. It needs the key of the operator of a seat, not the
machine of a node, and no secret key of a node is in it: see weir node share.

Everything is encrypted to the recipients: files that weir operator backup keygen or
age-keygen made, or recipients themselves.`,
		Example: "  weir operator backup create /mnt/archive --to backup.key.pub\n  weir operator backup create s3+https://s3.bureau.example/weir --to backup.key.pub",
		Args:    cli.Exactly(1, "where the archive is"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(to) == 0 {
				return cli.Usagef(cmd, "--to is needed: to whom the archive is encrypted; `weir operator backup keygen` makes such a key")
			}
			return a.With(cli.Operator, func(c *client.Client) error { return createBackup(cmd.Context(), a, c, args[0], to) })
		},
	}
	cmd.Flags().StringArrayVar(&to, "to", nil, "`recipient` who can read it, or a file of such; may be given several times")
	return cmd
}

func createBackup(ctx context.Context, a *cli.App, c *client.Client, archive string, to []string) error {
	recipients, err := backup.Recipients(to)
	if err != nil {
		return err
	}
	store, err := archiveStore(archive)
	if err != nil {
		return err
	}
	progress := a.NewProgress()
	defer progress.Finish()
	made, err := backup.Create(ctx, &backup.Remote{Client: c}, store, backup.Options{
		Cluster: c.Profile().Cluster, To: recipients, Now: time.Now,
		Progress: tenths(progress.Tell),
	})
	progress.Finish()
	if errors.Is(err, backup.ErrGone) {
		return fmt.Errorf("%w: nodes were started again meanwhile; run it again, what it has copied stays", err)
	}
	if err != nil {
		return err
	}
	a.Note("copied %d of %d parts, %s: the others were there", made.Copied, len(made.Ledger)+len(made.Blobs), humanize.IBytes(uint64(made.CopiedBytes))) //nolint:gosec // not negative
	a.Note("`weir operator backup verify %s --identity KEY` reads it again; each node's secrets are apart: `weir node share export`", archive)
	return printBackups(a, []backup.Manifest{made.Manifest})
}

// tenths tells how far something is whenever another tenth of it is done.
func tenths(tell func(string)) func(done, all int) {
	return func(done, all int) {
		if ten := 10 * done / all; ten != 10*(done-1)/all {
			tell(fmt.Sprintf("%d %% of %d parts", 10*ten, all))
		}
	}
}

// archiveStore is where an archive is.
func archiveStore(archive string) (objects.Store, error) { return objects.Open(archive, nil) }

// backupDocument is a backup as -o json prints it.
type backupDocument struct {
	Backup  string         `json:"backup"`
	Cluster catalog.Digest `json:"cluster"`
	Made    int64          `json:"made"`    // Unix milliseconds
	Entries uint64         `json:"entries"` // of the ledger
	Root    catalog.Digest `json:"root"`
	Parts   int            `json:"parts"`
	Blobs   int            `json:"blobs"`
	Bytes   int64          `json:"bytes"`
}

func printBackups(a *cli.App, all []backup.Manifest) error {
	docs := make([]backupDocument, len(all))
	t := term.Table{Head: []string{"backup", "made", "entries", "blobs", "size"}}
	for i, m := range all {
		docs[i] = backupDocument{m.Name(), m.Cluster, m.Made, m.Size, m.Root, len(m.Ledger), len(m.Blobs), m.Bytes()}
		t.Add(m.Name(), cli.FormatTime(m.Made), strconv.FormatUint(m.Size, 10), strconv.Itoa(len(m.Blobs)), humanize.IBytes(uint64(m.Bytes()))) //nolint:gosec // not negative
	}
	return a.Print(map[string]any{"backups": docs}, t)
}

func newBackupListCommand(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:     "list ARCHIVE",
		Short:   "list the backups of an archive",
		Long:    "Lists the backups of an archive, the oldest first. It needs no key, and opens nothing.",
		Example: "  weir operator backup list /mnt/archive",
		Args:    cli.Exactly(1, "where the archive is"),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := archiveStore(args[0])
			if err != nil {
				return err
			}
			all, err := backup.List(cmd.Context(), store, func(err error) { a.Note("%v", err) })
			if err != nil {
				return err
			}
			return printBackups(a, all)
		},
	}
}

func newBackupVerifyCommand(a *cli.App) *cobra.Command {
	var identities []string
	var cluster string
	cmd := &cobra.Command{
		Use:   "verify ARCHIVE [BACKUP]",
		Short: "read a backup again and check it, the newest unless one is named",
		Long: `Checks a backup: the checkpoint's signatures against the roster, the roster against
the cluster's id, and that every part is there. With --identity it reads every part,
compares it with its digest, and applies the ledger's entries anew: they have to make
the very state that is in the backup, and have the root that the nodes signed; and
every blob that this state needs has to be there. What is damaged is removed, so that
the next backup copies it again. weir operator drill does more.

It asks no node. With --cluster it accepts a backup of that cluster alone; a backup of
another one may be sound as well.`,
		Example: "  weir operator backup verify /mnt/archive --identity backup.key",
		Args:    cli.AtLeast(1, "where the archive is"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 2 {
				return cli.Usagef(cmd, "the archive and at most one backup are wanted, there are %d arguments", len(args))
			}
			return verifyBackup(cmd, a, append(args, "")[:2], cluster, identities)
		},
	}
	cmd.Flags().StringArrayVar(&identities, "identity", nil, "`file` with a key that opens it; may be given several times")
	cmd.Flags().StringVar(&cluster, "cluster", "", "the `id` of the cluster that it has to be of")
	return cmd
}

// openArchive reads a backup, the newest where its name is empty, and checks what is signed.
func openArchive(ctx context.Context, archive, name string, cluster catalog.Digest, identities []string) (x backup.Archive, err error) {
	if x.Store, err = archiveStore(archive); err != nil {
		return x, err
	}
	if x.With, err = backup.Identities(identities); err != nil {
		return x, err
	}
	if x.Manifest, err = backup.Read(ctx, x.Store, name); err != nil {
		return x, err
	}
	if err := x.Check(cluster); err != nil {
		return x, fmt.Errorf("backup %s: %w", x.Name(), err)
	}
	absent, err := x.Absent(ctx)
	if err == nil && len(absent) > 0 {
		err = fmt.Errorf("%w: backup %s: %d of its parts are not there, the first is %s; make another backup, which copies them, or take another one",
			backup.ErrDamaged, x.Name(), len(absent), absent[0].Digest)
	}
	return x, err
}

func verifyBackup(cmd *cobra.Command, a *cli.App, args []string, cluster string, identities []string) error {
	ctx := cmd.Context()
	var id catalog.Digest
	if cluster != "" {
		var err error
		if id, err = catalog.ParseDigest(cluster); err != nil {
			return cli.Usagef(cmd, "--cluster: %v", err)
		}
	}
	x, err := openArchive(ctx, args[0], args[1], id, identities)
	if err != nil {
		return err
	}
	if len(x.With) == 0 {
		a.Note("a threshold of nodes signed its checkpoint, and all %d parts are there; with --identity KEY they are read", len(x.Ledger)+len(x.Blobs))
		return printBackups(a, []backup.Manifest{x.Manifest})
	}
	progress := a.NewProgress()
	defer progress.Finish()
	damaged := 0
	err = x.CheckParts(ctx, func(_ backup.Part, err error) {
		damaged++
		a.Note("%v; it is removed, so that the next backup copies it again", err)
	}, tenths(progress.Tell))
	if err != nil {
		return err
	}
	if damaged > 0 {
		return fmt.Errorf("%w: backup %s: %d parts; make another backup now, or take another one", backup.ErrDamaged, x.Name(), damaged)
	}
	progress.Tell("applying the ledger's entries anew")
	// Beside the identity: the ledger is to be in the clear only where it may be read anyhow.
	dir, err := os.MkdirTemp(filepath.Dir(identities[0]), "weir-verify-")
	if err != nil {
		return fmt.Errorf("make a directory to check in: %w", err)
	}
	machine := state.NewMachine()
	err = x.CheckLedger(ctx, dir, machine, backup.Look{Proved: func(l *consensus.Replay) error {
		return l.View(func(r records.Reader) error { return refuseLeftOut(ctx, a, x, machine.View(r)) })
	}})
	err = errors.Join(err, os.RemoveAll(dir))
	progress.Finish()
	if err != nil {
		return fmt.Errorf("backup %s: %w", x.Name(), err)
	}
	a.Note("every part is what it was; the %d entries make the state that is in it, under a checkpoint that a threshold of nodes signed, and every blob that this state needs is there", x.Size)
	return printBackups(a, []backup.Manifest{x.Manifest})
}

// refuseLeftOut returns an error where the list of blobs lacks one that the state needs: the list is
// what the node said that the backup was made from.
func refuseLeftOut(ctx context.Context, a *cli.App, x backup.Archive, v state.View) error {
	_, absent, err := drill.LeftOut(ctx, x, v)
	if err != nil || len(absent) == 0 {
		return err
	}
	a.NoteEach("%s", absent[:min(len(absent), 10)])
	return fmt.Errorf("%w: %d blobs are missing that its state needs; make another backup, from another node, and ask why that node left them out",
		backup.ErrDamaged, len(absent))
}
