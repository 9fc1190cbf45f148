package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/node/backup"
	"github.com/weirdata/weir/node/config"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/nodeshare"
	"github.com/weirdata/weir/node/vault"
)

func newNodeShareCommand(a *cli.App) *cobra.Command {
	return cli.Group("", "share", "keep the secrets of this machine's node, encrypted to people",
		"  weir node share export --config /etc/weir/node.yaml --to backup.key.pub --out n1.share",
		newShareExportCommand(a), newShareImportCommand(a), newShareDepositCommand(a), newSharePieceCommand(a), newShareRecoverCommand(a))
}

func newShareExportCommand(a *cli.App) *cobra.Command {
	var flags nodeFlags
	var to []string
	var out string
	cmd := &cobra.Command{
		Use:   "export --to RECIPIENT --out FILE",
		Short: "write the node's secrets to a file, encrypted to people of your institution",
		Long: `Writes all that makes a machine this node: its keys, its shares of publishers' keys
and of private vectors, the noise that it drew. The node may be running. The file is
encrypted (age) to the recipients: whoever holds it and one of their keys is this
node, so keep both away from other institutions, and apart.

Write it anew after a publisher was admitted, after weir operator refresh, and every
so often: a share that is older than a refresh is no share any more.`,
		Example: "  weir node share export --config /etc/weir/node.yaml --to backup.key.pub --out n1.share",
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.read(a)
			if err != nil {
				return err
			}
			if err := needNode(cmd, c); err != nil {
				return err
			}
			if len(to) == 0 || out == "" {
				return cli.Usagef(cmd, "--to and --out are needed: to whom the file is encrypted, and where it goes")
			}
			return exportShare(cmd.Context(), a, c, flags, to, out)
		},
	}
	flags.add(cmd, "seal_key_file")
	cmd.Flags().StringArrayVar(&to, "to", nil, "`recipient` who can read it, or a file of such; may be given several times")
	cmd.Flags().StringVar(&out, "out", "", "`file` to write to; it must not exist")
	return cmd
}

func exportShare(ctx context.Context, a *cli.App, c config.Config, flags nodeFlags, to []string, out string) error {
	if err := checkNew(out); err != nil {
		return err
	}
	recipients, err := backup.Recipients(to)
	if err != nil {
		return err
	}
	key, err := sealKey(ctx, a, c, flags.passphrase)
	if err != nil {
		return err
	}
	defer vault.Wipe(key.Key)
	var info nodeshare.Info
	err = durable.Replace(out, 0o600, func(w io.Writer) (err error) {
		info, err = nodeshare.Export(ctx, c.Dir, key, time.Now().UnixMilli(), recipients, w)
		return err
	})
	if err != nil {
		return fmt.Errorf("export the node's share: %w", err)
	}
	a.Note("%s is node %s to whoever has it and a key of its recipients: keep it where your institution's secrets are, and not beside that key", out, info.Card.ID)
	return a.PrintRow("node", info.Card.ID, "file", out, "secrets", fmt.Sprint(info.Secrets), "key shares", fmt.Sprint(len(info.Shares)))
}

func newShareImportCommand(a *cli.App) *cobra.Command {
	var flags nodeFlags
	var identities []string
	cmd := &cobra.Command{
		Use:   "import FILE --identity KEY",
		Short: "make this machine the node of a share, where none has started yet",
		Long: `Makes the directory the node of a share that weir node share export wrote, for a
machine that was lost with its disk. No node may have started in the directory: a
share is older than what such a node knows. Never import a share while the machine
that it comes from may still run.

Then put the founding in place with weir node accept. If the other nodes are up, start
it: it fetches the ledger from them, and has no vote until it has caught up.`,
		Example: "  weir node share import n1.share --identity backup.key --config /etc/weir/node.yaml",
		Args:    cli.Exactly(1, "the file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := flags.read(a)
			if err != nil {
				return err
			}
			if err := needNode(cmd, c, [3]string{"id", "id", c.ID}); err != nil {
				return err
			}
			if len(identities) == 0 {
				return cli.Usagef(cmd, "--identity is needed: the key of somebody to whom the share was encrypted")
			}
			return importShare(cmd.Context(), a, c, flags, args[0], identities)
		},
	}
	flags.add(cmd, "id", "seal_key_file", "genesis")
	cmd.Flags().StringArrayVar(&identities, "identity", nil, "`file` with a key that opens it; may be given several times")
	return cmd
}

func importShare(ctx context.Context, a *cli.App, c config.Config, flags nodeFlags, file string, identities []string) error {
	with, err := backup.Identities(identities)
	if err != nil {
		return err
	}
	g, err := foundingAt(c.Genesis)
	if err != nil {
		return err
	}
	f, err := os.Open(filepath.Clean(file))
	if err != nil {
		return fmt.Errorf("read the share: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only: nothing can be lost
	return makeNode(ctx, a, c, flags, "next: `weir node accept` with the cluster's founding; with the other nodes up, `weir node start`; where all machines are lost, `weir operator backup restore`",
		func(key founding.SealKey) (nodeshare.Info, error) {
			info, err := nodeshare.Import(ctx, c.Dir, key, c.ID, g, with, f)
			if err != nil {
				err = fmt.Errorf("import %s: %w", file, err)
			}
			return info, err
		})
}

// makeNode makes this machine the node of a share, with a seal key of its own, and says what comes next.
func makeNode(ctx context.Context, a *cli.App, c config.Config, flags nodeFlags, next string, from func(founding.SealKey) (nodeshare.Info, error)) error {
	if err := newSealKey(a, c); err != nil {
		return err
	}
	key, err := sealKey(ctx, a, c, flags.passphrase)
	if err != nil {
		return err
	}
	defer vault.Wipe(key.Key)
	info, err := from(key)
	if err != nil {
		return err
	}
	a.Note("%s is node %s now, as it was at %s; be sure that the machine before it is off for good", c.Dir, info.Card.ID, cli.FormatTime(info.Made))
	a.Note("%s", next)
	return a.PrintRow("node", info.Card.ID, "institution", info.Card.Institution, "secrets", fmt.Sprint(info.Secrets), "key shares", fmt.Sprint(len(info.Shares)))
}

// foundingAt reads the founding where it is to be; nil: it is not there yet.
func foundingAt(file string) (*founding.Genesis, error) {
	if file == "" {
		return nil, nil
	}
	g, err := founding.ReadGenesis(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return &g, err
}

// newSealKey makes the seal key where it is a file that is not there yet.
func newSealKey(a *cli.App, c config.Config) error {
	if c.SealKeyFile == "" || c.SealKeyCommand != "" {
		return nil
	}
	err := vault.NewKeyFile(c.SealKeyFile)
	switch {
	case err == nil:
		a.Note("made the seal key %s: without it the node's secrets cannot be opened; keep a copy away from %s", c.SealKeyFile, c.Dir)
	case !errors.Is(err, fs.ErrExist):
		return fmt.Errorf("make the seal key: %w", err)
	}
	return nil
}
