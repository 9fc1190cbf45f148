package operator

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/config"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/vault"
)

// nodeKey is a key of a node's configuration that a flag goes over.
type nodeKey struct {
	key, flag, usage string
	of               func(*config.Config) *string
}

var nodeKeys = []nodeKey{
	{"id", "id", "the node's id in the cluster, such as n1", func(c *config.Config) *string { return &c.ID }},
	{"seal_key_file", "seal-key-file", "file with the key that seals the node's secrets", func(c *config.Config) *string { return &c.SealKeyFile }},
	{"genesis", "genesis", "`path` from which the node reads the founding when it is started", func(c *config.Config) *string { return &c.Genesis }},
	{"institution", "institution", "who runs this node (default: the name in the operator's key)", func(c *config.Config) *string { return &c.Institution }},
	{"operator_key", "operator", "`FILE.pub` with the public key of the institution's operator", func(c *config.Config) *string { return &c.OperatorKey }},
	{"peer_addr", "peer-addr", "`HOST:PORT` at which the other nodes reach this one", func(c *config.Config) *string { return &c.PeerAddr }},
	{"api_addr", "api-addr", "`HOST:PORT` at which clients reach this node", func(c *config.Config) *string { return &c.APIAddr }},
	{"peer_listen", "peer-listen", "address to listen on for nodes (default: the roster's)", func(c *config.Config) *string { return &c.PeerListen }},
	{"api_listen", "api-listen", "address to listen on for clients (default: the roster's)", func(c *config.Config) *string { return &c.APIListen }},
	{"metrics_listen", "metrics-listen", "address on which to tell metrics in Prometheus' format (default: none)", func(c *config.Config) *string { return &c.MetricsListen }},
}

// nodeFlags are what names the node of this machine: the keys of a configuration that a
// command needs, with flags that go over them.
type nodeFlags struct {
	file       string
	over       config.Config
	passphrase string // file with that of the seal key file
}

// add adds --config and the flags of some keys.
func (n *nodeFlags) add(cmd *cobra.Command, keys ...string) {
	f := cmd.Flags()
	f.StringVar(&n.file, "config", "", "configuration file, as weir node config prints one")
	for _, key := range keys {
		k := nodeKeys[slices.IndexFunc(nodeKeys, func(k nodeKey) bool { return k.key == key })] // it panics where there is none
		f.StringVar(k.of(&n.over), k.flag, "", k.usage)
		if key == "seal_key_file" {
			f.StringVar(&n.passphrase, "passphrase-file", "", "`FILE` with the passphrase of the seal key file, where it is under one; - for standard input (default: ask)")
		}
	}
}

// read returns the configuration with the flags over it.
func (n *nodeFlags) read(a *cli.App) (config.Config, error) {
	c, err := config.Read(n.file, os.LookupEnv)
	if err != nil {
		return c, err
	}
	c.Dir = a.NodeDirectory(c.Dir)
	for _, k := range nodeKeys {
		if over := *k.of(&n.over); over != "" {
			*k.of(&c) = over
		}
	}
	if n.over.SealKeyFile != "" {
		c.SealKeyCommand = ""
	}
	return c, nil
}

// need refuses a command line that leaves something out: flag, key and value in turn.
func need(cmd *cobra.Command, flagsKeysValues ...[3]string) error {
	for _, n := range flagsKeysValues {
		if n[2] == "" {
			return cli.Usagef(cmd, "--%s is needed, or %s in the file of --config", n[0], n[1])
		}
	}
	return nil
}

// needNode is need of what says where this machine's node is, and of more.
func needNode(cmd *cobra.Command, c config.Config, more ...[3]string) error {
	return need(cmd, append(more, [3]string{"dir", "dir", c.Dir}, [3]string{"seal-key-file", "seal_key_file or seal_key_command", c.SealKeyFile + c.SealKeyCommand})...)
}

// keyCommand is the program that prints the seal key, with its arguments.
func keyCommand(c config.Config) []string { return strings.Fields(c.SealKeyCommand) }

func newNodeInitCommand(a *cli.App) *cobra.Command {
	var flags nodeFlags
	var out string
	var locked bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "make this machine's node, and print its card",
		Long: `Makes the node's keys in its directory, sealed under the seal key, and prints
its card: id, institution, the institution's operator, addresses and public keys,
signed by the node. Hand the card to whoever founds the cluster; nothing in it is
secret. A seal key file that is not there is made: keep a copy of it where the
directory's backup is not.

Everything that is asked for may stand in the file of --config.`,
		Example: `  weir node init --config /etc/weir/node.yaml --out n1.card
  weir node init --id n1 --dir /var/lib/weir --seal-key-file /run/keys/weir --operator bureau.key.pub \
    --peer-addr n1.bureau.example:7301 --api-addr n1.bureau.example:7300 --out n1.card`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.read(a)
			if err != nil {
				return err
			}
			if err := need(cmd, [3]string{"id", "id", c.ID}, [3]string{"dir", "dir", c.Dir},
				[3]string{"seal-key-file", "seal_key_file or seal_key_command", c.SealKeyFile + c.SealKeyCommand},
				[3]string{"operator", "operator_key", c.OperatorKey},
				[3]string{"peer-addr", "peer_addr", c.PeerAddr}, [3]string{"api-addr", "api_addr", c.APIAddr}); err != nil {
				return err
			}
			return initNode(cmd.Context(), a, c, flags, locked, out)
		},
	}
	flags.add(cmd, "id", "seal_key_file", "institution", "operator_key", "peer_addr", "api_addr")
	cmd.Flags().StringVar(&out, "out", "", "file to write the card to; it must not exist (default: stdout)")
	cmd.Flags().BoolVar(&locked, "passphrase", false, "put a seal key file that is made under a passphrase, for which the node waits at each start")
	return cmd
}

func initNode(ctx context.Context, a *cli.App, c config.Config, flags nodeFlags, locked bool, out string) error {
	if err := founding.CheckVacant(c.Dir); err != nil {
		return err
	}
	if err := checkNew(out); err != nil {
		return err
	}
	operator, err := client.LoadPublicKey(c.OperatorKey)
	if err != nil {
		return fmt.Errorf("read the operator's public key: %w", err)
	}
	if institution := cmp.Or(c.Institution, operator.Name); institution != operator.Name {
		return fmt.Errorf("the institution is %q and the name in %s %q: an institution is called alike everywhere; leave it out, or give its operator's key",
			institution, c.OperatorKey, operator.Name)
	}
	if c.SealKeyFile != "" && c.SealKeyCommand == "" {
		switch err := vault.NewKeyFile(c.SealKeyFile); {
		case err == nil:
			a.Note("made the seal key %s: without it the node's secrets cannot be opened; keep a copy away from %s", c.SealKeyFile, c.Dir)
			if locked {
				if err := lockNew(ctx, a, c.SealKeyFile, flags.passphrase); err != nil {
					return errors.Join(err, os.Remove(c.SealKeyFile)) // nothing is sealed under it yet
				}
			}
		case !errors.Is(err, fs.ErrExist):
			return fmt.Errorf("make the seal key: %w", err)
		}
	}
	key, err := sealKey(ctx, a, c, flags.passphrase)
	if err != nil {
		return err
	}
	defer vault.Wipe(key.Key)
	card, err := founding.Init(ctx, c.Dir, key, founding.Card{
		ID: c.ID, Institution: operator.Name, Operator: operator.Key,
		Addr: c.PeerAddr, API: "https://" + strings.TrimPrefix(c.APIAddr, "https://"),
	})
	if err != nil {
		return fmt.Errorf("make the node: %w", err)
	}
	a.Note("node %s of %s has the key %s; hand its card to whoever founds the cluster", card.ID, card.Institution, founding.Fingerprint(card.Key))
	return writeCard(a, card, out)
}

func newNodeCardCommand(a *cli.App) *cobra.Command {
	var flags nodeFlags
	var out string
	cmd := &cobra.Command{
		Use:   "card",
		Short: "print the card of this machine's node again, or of other addresses",
		Long: `Prints the node's card again. With an address, of flag or configuration, that the
card has not, it is made anew: for weir operator replace, when the machine moves.`,
		Example: `  weir node card --config /etc/weir/node.yaml
  weir node card --config /etc/weir/node.yaml --peer-addr n1.new.example:7301 --api-addr n1.new.example:7300`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.read(a)
			if err != nil {
				return err
			}
			if err := need(cmd, [3]string{"dir", "dir", c.Dir}); err != nil {
				return err
			}
			if err := checkNew(out); err != nil {
				return err
			}
			card, err := founding.OwnCard(c.Dir)
			if err != nil {
				return err
			}
			if c.APIAddr != "" {
				c.APIAddr = "https://" + strings.TrimPrefix(c.APIAddr, "https://")
			}
			if addr, api := cmp.Or(c.PeerAddr, card.Addr), cmp.Or(c.APIAddr, card.API); addr != card.Addr || api != card.API {
				if err := need(cmd, [3]string{"seal-key-file", "seal_key_file or seal_key_command", c.SealKeyFile + c.SealKeyCommand}); err != nil {
					return err
				}
				key, err := sealKey(cmd.Context(), a, c, flags.passphrase)
				if err != nil {
					return err
				}
				defer vault.Wipe(key.Key)
				if card, err = founding.Readdress(cmd.Context(), c.Dir, key, addr, api); err != nil {
					return err
				}
			}
			return writeCard(a, card, out)
		},
	}
	flags.add(cmd, "seal_key_file", "peer_addr", "api_addr")
	cmd.Flags().StringVar(&out, "out", "", "file to write the card to; it must not exist (default: stdout)")
	return cmd
}

// checkNew refuses a file that is there.
func checkNew(file string) error {
	if file == "" {
		return nil
	}
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("%s is there already, and is not overwritten: give another file to --out", file))
	}
	return nil
}

// writeNew writes a public file that is not there yet.
func writeNew(file string, b []byte) error {
	if err := durable.WriteNew(file, b, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

func writeCard(a *cli.App, card founding.Card, out string) error {
	if out != "" {
		return writeNew(out, card.Marshal())
	}
	if _, err := a.Stdout.Write(card.Marshal()); err != nil {
		return fmt.Errorf("print the card: %w", err)
	}
	a.Printed = true
	return nil
}

func newNodeAcceptCommand(a *cli.App) *cobra.Command {
	var flags nodeFlags
	var cluster string
	cmd := &cobra.Command{
		Use:   "accept GENESIS",
		Short: "let this machine's node be started with a founding",
		Long: `Checks a founding and puts it where the node reads it when it is started: the
operators of all seats have signed it, and it has this node as its card says.

It prints the roster and the cluster's id. Compare both with the other institutions
by phone, then say yes, or give the id with --cluster. The founding of another
cluster is never overwritten.`,
		Example: `  weir node accept genesis.json --config /etc/weir/node.yaml`,
		Args:    cli.Exactly(1, "the founding"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := flags.read(a)
			if err != nil {
				return err
			}
			if err := need(cmd, [3]string{"dir", "dir", c.Dir}, [3]string{"genesis", "genesis", c.Genesis},
				[3]string{"seal-key-file", "seal_key_file or seal_key_command", c.SealKeyFile + c.SealKeyCommand}); err != nil {
				return err
			}
			return accept(cmd, a, args[0], c, flags, strings.Join(strings.Fields(cluster), ""))
		},
	}
	flags.add(cmd, "seal_key_file", "genesis")
	cmd.Flags().StringVar(&cluster, "cluster", "", "the cluster's `id`, as the other institutions have it")
	return cli.CompleteFiles(cmd, "json")
}

func accept(cmd *cobra.Command, a *cli.App, file string, c config.Config, flags nodeFlags, cluster string) error {
	g, body, err := readSigned(file)
	if err != nil {
		return err
	}
	card, err := founding.OwnCard(c.Dir)
	if err != nil {
		return err
	}
	key, err := sealKey(cmd.Context(), a, c, flags.passphrase)
	if err != nil {
		return err
	}
	defer vault.Wipe(key.Key)
	if err := card.CheckKeys(cmd.Context(), c.Dir, key); err != nil {
		return err
	}
	if err := g.CheckMember(card); err != nil {
		return err
	}
	if err := printFounding(a, g, body); err != nil {
		return err
	}
	switch id := g.Cluster().String(); {
	case cluster != "" && cluster != id:
		return fmt.Errorf("--cluster is %s, and the founding's is %s: it is not the one that the others have; get it from the founder again", shown.Text(cluster), id)
	case cluster == "" && !term.IsTerminal(a.Stdin):
		return cli.Usagef(cmd, "nobody is here to be asked: compare the cluster's id with the other institutions, then give it with --cluster %s", id)
	case cluster == "":
		if err := confirm(cmd.Context(), a, "Do the other institutions have the same roster and the same id? (yes or no) "); err != nil {
			return err
		}
	}
	if err := g.Install(c.Genesis); err != nil {
		return err
	}
	until := expiry(g)
	if len(g.Roster) > 0 {
		a.Note("the founding is in %s; start node %s with `weir node start`", c.Genesis, card.ID)
		return nil
	}
	a.Note("the founding is in %s; start node %s with `weir node start`, as the others theirs, before %s", c.Genesis, card.ID, until.Format(time.DateOnly))
	if time.Now().After(until) {
		a.Note("warning: that day is over; unless the cluster was founded in time, its founder has to make the founding anew")
	}
	return nil
}

// errNotConfirmed is returned when a person does not say yes.
var errNotConfirmed = errors.New("nothing is changed: the answer was not yes")

// confirm asks the person at the terminal, and returns errNotConfirmed unless the answer is yes.
// The goroutine that reads ends with standard input: with the process.
func confirm(ctx context.Context, a *cli.App, question string) error {
	if _, err := io.WriteString(a.Stderr, question); err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.Stdin).ReadString('\n') //nolint:errcheck // what could not be read is no yes
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case said := <-answer:
		if said != "yes" {
			return errNotConfirmed
		}
		return nil
	}
}
