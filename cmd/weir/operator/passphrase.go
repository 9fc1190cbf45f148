package operator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node"
	"github.com/weirdata/weir/node/config"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/vault"
)

// maxPassphraseFile bounds what is read of a file with a passphrase, in bytes.
const maxPassphraseFile = 1024

// sealKey is where a configuration says that the seal key is, opened with the passphrase that
// it is under: of a file, or of the person at the terminal.
func sealKey(ctx context.Context, a *cli.App, c config.Config, passphraseFile string) (founding.SealKey, error) {
	key := founding.SealKey{File: c.SealKeyFile, Command: keyCommand(c)}
	if len(key.Command) > 0 {
		return key, nil
	}
	locked, err := vault.Locked(key.File)
	if err != nil || !locked {
		return key, err
	}
	passphrase, err := readPassphrase(ctx, a, passphraseFile, "Passphrase of "+key.File+": ")
	if err != nil {
		return key, err
	}
	defer vault.Wipe(passphrase)
	key.Key, err = vault.Unlock(key.File, passphrase)
	return key, err
}

// readPassphrase reads a passphrase from a file, "-" for standard input, or asks for it.
func readPassphrase(ctx context.Context, a *cli.App, file, question string) ([]byte, error) {
	if file == "" {
		if !term.IsTerminal(a.Stdin) {
			return nil, errors.New("a passphrase is needed, and nobody is here to be asked: give a file that has it, or - for standard input, with --passphrase-file")
		}
		return term.ReadSecret(ctx, a.Stdin, a.Stderr, question)
	}
	in := a.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("read the passphrase: %w", err)
		}
		defer func() { _ = f.Close() }() // read only
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxPassphraseFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the passphrase: %w", err)
	}
	if len(b) > maxPassphraseFile {
		return nil, fmt.Errorf("read the passphrase: more than %d bytes", maxPassphraseFile)
	}
	return bytes.TrimRight(b, "\r\n"), nil
}

// newPassphrase reads a passphrase that is to be; from a person, twice.
func newPassphrase(ctx context.Context, a *cli.App, file string) ([]byte, error) {
	first, err := readPassphrase(ctx, a, file, "New passphrase: ")
	if err != nil || file != "" {
		return first, err
	}
	second, err := readPassphrase(ctx, a, file, "The same again: ")
	defer vault.Wipe(second)
	if err == nil && !bytes.Equal(first, second) {
		err = errors.New("nothing is changed: the two passphrases differ")
	}
	if err != nil {
		vault.Wipe(first)
		return nil, err
	}
	return first, nil
}

// lockNew puts a key file that was just made under a passphrase.
func lockNew(ctx context.Context, a *cli.App, keyFile, passphraseFile string) error {
	key, err := vault.Unlock(keyFile, nil)
	if err != nil {
		return err
	}
	defer vault.Wipe(key)
	passphrase, err := newPassphrase(ctx, a, passphraseFile)
	if err != nil {
		return err
	}
	defer vault.Wipe(passphrase)
	return vault.Lock(keyFile, key, passphrase)
}

func newNodePassphraseCommand(a *cli.App) *cobra.Command {
	var flags nodeFlags
	var file string
	cmd := &cobra.Command{
		Use:   "passphrase",
		Short: "put the seal key file under a passphrase, or under another one",
		Long: `Puts the key in the seal key file under a passphrase. The node is sealed then each
time that it starts, until somebody gives the passphrase: at the terminal where it is
started, or on its machine with weir node unseal. Meanwhile the cluster goes on
without it, as with a node that is down.

Without the passphrase the node's secrets cannot be opened by anybody: write it down,
and keep it where neither the directory's backup nor the file is. The file is an age
file (age-encryption.org); the program age opens it too. What lay on the medium
before is not overwritten.`,
		Example: `  weir node passphrase --config /etc/weir/node.yaml`,
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.read(a)
			if err != nil {
				return err
			}
			if err := need(cmd, [3]string{"seal-key-file", "seal_key_file", c.SealKeyFile}); err != nil {
				return err
			}
			key, err := sealKey(cmd.Context(), a, config.Config{SealKeyFile: c.SealKeyFile}, flags.passphrase)
			if err == nil && key.Key == nil {
				key.Key, err = vault.Unlock(c.SealKeyFile, nil)
			}
			if err != nil {
				return err
			}
			defer vault.Wipe(key.Key)
			passphrase, err := newPassphrase(cmd.Context(), a, file)
			if err != nil {
				return err
			}
			defer vault.Wipe(passphrase)
			if err := vault.Lock(c.SealKeyFile, key.Key, passphrase); err != nil {
				return err
			}
			a.Note("%s is under the passphrase; the node waits for it at its next start: `weir node unseal`", c.SealKeyFile)
			return nil
		},
	}
	flags.add(cmd, "seal_key_file")
	cmd.Flags().StringVar(&file, "new-passphrase-file", "", "`FILE` with the new passphrase (default: ask)")
	return cmd
}

func newNodeUnsealCommand(a *cli.App) *cobra.Command {
	var flags nodeFlags
	var file string
	cmd := &cobra.Command{
		Use:   "unseal",
		Short: "give this machine's node the passphrase that it waits for",
		Long: `Gives the node the passphrase of its seal key file, over a socket in its directory
that only the user of the node may use. weir operator status and /readyz say that a
node is sealed.`,
		Example: `  weir node unseal --config /etc/weir/node.yaml`,
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.read(a)
			if err != nil {
				return err
			}
			if err := need(cmd, [3]string{"dir", "dir", c.Dir}); err != nil {
				return err
			}
			passphrase, err := readPassphrase(cmd.Context(), a, file, "Passphrase: ")
			if err != nil {
				return err
			}
			defer vault.Wipe(passphrase)
			if err := node.Unseal(cmd.Context(), c.Dir, passphrase); err != nil {
				return err
			}
			a.Note("the node has its key and starts")
			return nil
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&file, "passphrase-file", "", "`FILE` with the passphrase, or - for standard input (default: ask)")
	return cmd
}
