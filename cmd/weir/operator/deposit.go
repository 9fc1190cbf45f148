package operator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/custody"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/backup"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/config"
	"github.com/weirdata/weir/node/deposit"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/nodeshare"
	"github.com/weirdata/weir/node/vault"
)

func newShareDepositCommand(a *cli.App) *cobra.Command {
	var flags nodeFlags
	var to []string
	var threshold int
	var out string
	cmd := &cobra.Command{
		Use:   "deposit --custodian KEY.pub --threshold T --out FILE",
		Short: "deposit the node's secrets with people of whom some recover them together",
		Long: `Writes all that makes a machine this node to a file, as weir node share export does,
encrypted so that so many of the custodians as the threshold says recover it together,
and fewer learn nothing of it. The node may be running. Each custodian makes a key with
weir operator backup keygen, and hands over its public part.

Keep the file where your institution's backups are, give each custodian a copy, and
list it in the ledger (weir operator deposit register), so that everybody sees how old
it is. Make another after a publisher was admitted, and after weir operator refresh.`,
		Example: "  weir node share deposit --config /etc/weir/node.yaml --custodian alice.key.pub --custodian bob.key.pub --custodian carol.key.pub --threshold 2 --out n1.deposit",
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.read(a)
			if err != nil {
				return err
			}
			if err := needNode(cmd, c, [3]string{"genesis", "genesis", c.Genesis}); err != nil {
				return err
			}
			if len(to) < 2 || out == "" || threshold < 2 || threshold > len(to) {
				return cli.Usagef(cmd, "--custodian is needed twice at least, --threshold from 2 to their number, and --out")
			}
			return depositShare(cmd.Context(), a, c, flags, to, threshold, out)
		},
	}
	flags.add(cmd, "seal_key_file", "genesis")
	cmd.Flags().StringArrayVar(&to, "custodian", nil, "a custodian's public `key`, or a file of it; is given several times")
	cmd.Flags().IntVar(&threshold, "threshold", 0, "how many of the custodians recover it")
	cmd.Flags().StringVar(&out, "out", "", "`file` to write to; it must not exist")
	return cmd
}

func depositShare(ctx context.Context, a *cli.App, c config.Config, flags nodeFlags, to []string, threshold int, out string) error {
	if err := checkNew(out); err != nil {
		return err
	}
	g, err := founding.ReadGenesis(c.Genesis)
	if err != nil {
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
	h, err := deposit.Make(ctx, c.Dir, key, g.Cluster(), time.Now().UnixMilli(), recipients, threshold, out)
	if err != nil {
		return fmt.Errorf("deposit the node's share: %w", err)
	}
	a.Note("any %d of the custodians who have %s are node %s together: give each a copy, and list it with `weir operator deposit register %s`", threshold, out, h.Card.ID, out)
	return a.PrintRow("node", h.Card.ID, "deposit", h.Digest().String(), "custodians", fmt.Sprintf("%d of %d", threshold, len(h.Custodians)), "key shares", strconv.Itoa(len(h.Shares)))
}

// openDeposit opens a deposit for whoever is asked to do something with it, and says what it is of.
func openDeposit(a *cli.App, file string) (*deposit.File, error) {
	d, err := deposit.Open(file)
	if err != nil {
		return nil, err
	}
	if err := showDeposit(a, d); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// showDeposit says what a deposit is of, to whoever is asked to do something with it.
func showDeposit(a *cli.App, d *deposit.File) error {
	a.Note("the deposit %s is of node %s of %s, with the key %s, in cluster %s", d.Digest(), d.Card.ID, d.Card.Institution, founding.Fingerprint(d.Card.Key), d.Cluster)
	a.Note("it was made at %s, has shares of %d keys and %d private vectors, and %d of its %d custodians recover it",
		cli.FormatTime(d.Made), len(d.Shares), d.Vectors, d.Threshold, len(d.Custodians))
	for _, s := range d.Shares {
		a.Note("key %s: epoch %d", cli.ShortenIDs(s.Key)[0], s.Epoch)
	}
	if a.Profile() == "" {
		return nil
	}
	p, err := a.LoadProfile()
	if err != nil {
		return err
	}
	n, pinned := p.Node(d.Card.ID)
	if p.Cluster != d.Cluster || !pinned || founding.Fingerprint(n.Key) != founding.Fingerprint(d.Card.Key) {
		return fmt.Errorf("the deposit is not of a node that the profile pins: node %s has another key there, or is of another cluster", d.Card.ID)
	}
	return nil
}

func newSharePieceCommand(a *cli.App) *cobra.Command {
	var identities, to []string
	var out string
	cmd := &cobra.Command{
		Use:   "piece DEPOSIT --identity KEY --to RECIPIENT --out FILE",
		Short: "as a custodian, hand your piece of a deposit to the machine that is recovered",
		Long: `Opens your piece of a deposit and encrypts it anew to whom you name: the key that was
made for the recovery on the new machine. Says first of which cluster, node and time the
deposit is; with --profile it must be of a node that the profile pins.

Ask by phone who recovers the node, why, and with which key, before you do: as many
custodians as the threshold are that node.`,
		Example: "  weir node share piece n1.deposit --identity alice.key --to new.key.pub --out alice.piece --profile hengshui.json",
		Args:    cli.Exactly(1, "the deposit"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(identities) == 0 || len(to) == 0 || out == "" {
				return cli.Usagef(cmd, "--identity, --to and --out are needed: your key, whose machine is recovered, and where the piece goes")
			}
			return handPiece(a, args[0], identities, to, out)
		},
	}
	cmd.Flags().StringArrayVar(&identities, "identity", nil, "`file` with your key")
	cmd.Flags().StringArrayVar(&to, "to", nil, "`recipient` of the machine that is recovered, or a file of such")
	cmd.Flags().StringVar(&out, "out", "", "`file` to write to; it must not exist")
	return cli.CompleteFiles(cmd, "deposit")
}

func handPiece(a *cli.App, file string, identities, to []string, out string) (err error) {
	if err := checkNew(out); err != nil {
		return err
	}
	with, err := backup.Identities(identities)
	if err != nil {
		return err
	}
	recipients, err := backup.Recipients(to)
	if err != nil {
		return err
	}
	d, err := openDeposit(a, file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	p, err := d.Own(with)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	defer p.Wipe()
	sealed, err := p.Seal(recipients)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(out, sealed, 0o600); err != nil {
		return fmt.Errorf("write the piece: %w", err)
	}
	a.Note("%s is for whoever has the key that it was encrypted to: hand it over, and keep no copy", out)
	return a.PrintRow("node", d.Card.ID, "custodian", strconv.Itoa(p.Point), "piece", out)
}

func newShareRecoverCommand(a *cli.App) *cobra.Command {
	var flags nodeFlags
	var identities, pieces []string
	cmd := &cobra.Command{
		Use:   "recover DEPOSIT --piece FILE --piece FILE --identity KEY",
		Short: "make this machine the node of a deposit, with the pieces of its custodians",
		Long: `Makes the directory the node of a deposit, as weir node share import does of a share:
for a machine that was lost with its disk, where no node has started. A piece that is
not the one which its custodian was given is named. The node says in the ledger that the
deposit was used, which burns it; one that was used before is refused, where the
cluster can be asked: its addresses are taken from the founding or the profile.

Then put the founding in place with weir node accept, and start the node. Have shares made
anew (weir operator refresh), and make another deposit: the pieces of this one have been
in one place.`,
		Example: "  weir node share recover n1.deposit --piece alice.piece --piece bob.piece --identity new.key --config /etc/weir/node.yaml",
		Args:    cli.Exactly(1, "the deposit"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := flags.read(a)
			if err != nil {
				return err
			}
			if err := needNode(cmd, c, [3]string{"id", "id", c.ID}); err != nil {
				return err
			}
			if len(identities) == 0 || len(pieces) == 0 {
				return cli.Usagef(cmd, "--piece and --identity are needed: what the custodians handed over, and the key that they encrypted it to")
			}
			return recoverShare(cmd.Context(), a, c, flags, args[0], pieces, identities)
		},
	}
	flags.add(cmd, "id", "seal_key_file", "genesis")
	cmd.Flags().StringArrayVar(&pieces, "piece", nil, "`file` that a custodian handed over; is given several times")
	cmd.Flags().StringArrayVar(&identities, "identity", nil, "`file` with the key that the pieces are encrypted to")
	return cli.CompleteFiles(cmd, "deposit")
}

func recoverShare(ctx context.Context, a *cli.App, c config.Config, flags nodeFlags, file string, pieces, identities []string) (err error) {
	with, err := backup.Identities(identities)
	if err != nil {
		return err
	}
	g, err := foundingAt(c.Genesis)
	if err != nil {
		return err
	}
	d, err := openDeposit(a, file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := refuseBurned(ctx, a, d, g); err != nil {
		return err
	}
	var opened []deposit.Piece
	defer func() {
		for i := range opened {
			opened[i].Wipe()
		}
	}()
	for _, name := range pieces {
		sealed, err := os.ReadFile(filepath.Clean(name))
		if err != nil {
			return fmt.Errorf("read the piece: %w", err)
		}
		p, err := d.OpenPiece(sealed, with)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		opened = append(opened, p)
	}
	return makeNode(ctx, a, c, flags, "next: `weir node accept` with the cluster's founding, `weir node start`; then `weir operator refresh`, and another deposit: this one is burned",
		func(key founding.SealKey) (nodeshare.Info, error) {
			info, err := d.Recover(ctx, c.Dir, key, c.ID, g, opened)
			if err != nil {
				err = fmt.Errorf("recover %s: %w", file, err)
			}
			return info, err
		})
}

// refuseBurned returns an error for a deposit that the cluster says was used, or is of a machine that is in
// no seat any more. That nobody answers is told, and no error.
func refuseBurned(ctx context.Context, a *cli.App, d *deposit.File, g *founding.Genesis) error {
	var profile client.Profile
	switch {
	case g != nil:
		rosters, err := g.Rosters()
		if err != nil {
			return err
		}
		profile = client.PinRosters(rosters)
	case a.Profile() != "":
		var err error
		if profile, err = a.LoadProfile(); err != nil {
			return err
		}
	default:
		a.Note("without --profile or the founding nobody can be asked whether the deposit was used before")
		return nil
	}
	c, err := client.New(profile, nil, client.Options{Patience: 2 * time.Second, RequestTimeout: 8 * time.Second})
	if err != nil {
		return err
	}
	defer c.Close()
	for x, err := range client.Deposits.Each(ctx, c, client.ListOptions{}) {
		if err != nil {
			a.Note("whether the deposit was used before is not known: %v", err)
			return ctx.Err()
		}
		if x.Deposit.Deposit != d.Digest() {
			continue
		}
		if x.Standing.Burned {
			return fmt.Errorf("the deposit was used at %s, and is burned: another machine was made of it, and nobody knows what that has signed and drawn; "+
				"put a new machine into the seat with `weir operator replace`", cli.FormatTime(x.UsedAt))
		}
		if x.Void {
			return fmt.Errorf("the deposit is of a machine that was replaced in the seat of %s: make that one's node with `weir operator replace`", d.Card.ID)
		}
		if x.Keys+x.Vectors > 0 {
			a.Note("shares were made anew since: it lacks those of %d keys and %d private vectors, which the node gets by `weir operator refresh` if the other nodes have enough", x.Keys, x.Vectors)
		}
	}
	return nil
}

func newDepositCommand(a *cli.App) *cobra.Command {
	return cli.Group("", "deposit", "list the deposits of nodes' shares with custodians", "  weir operator deposit list --dir /tmp/weir",
		newDepositRegisterCommand(a), newDepositListCommand(a))
}

func newDepositRegisterCommand(a *cli.App) *cobra.Command {
	return cli.CompleteFiles(&cobra.Command{
		Use:   "register DEPOSIT",
		Short: "list a deposit of your seat's share, so that everybody sees how old it is",
		Long: `Lists a deposit in the ledger, by its digest: of which node and which shares of keys it
is, when it was made, and how many of which custodians recover it, by the fingerprints of
their keys. Nothing of what is in it. Status and metrics say from then on when shares
were made anew since, so that it could not recover them.`,
		Example: "  weir operator deposit register n1.deposit --key bureau.key",
		Args:    cli.Exactly(1, "the deposit"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := deposit.Open(args[0])
			if err != nil {
				return err
			}
			b, cluster := d.Register(), d.Cluster
			if err := d.Close(); err != nil {
				return err
			}
			return a.With(cli.Operator, func(c *client.Client) error {
				if c.Profile().Cluster != cluster {
					return fmt.Errorf("%s is of cluster %s, and the profile pins %s", args[0], cluster, c.Profile().Cluster)
				}
				if _, err := c.Submit(cmd.Context(), catalog.KindDepositRegister, b); err != nil {
					return err
				}
				return a.PrintRow("deposit", b.Deposit.String(), "node", b.Node, "custodians", fmt.Sprintf("%d of %d", b.Threshold, len(b.Custodians)))
			})
		},
	}, "deposit")
}

func newDepositListCommand(a *cli.App) *cobra.Command {
	return cli.List[wire.Deposit]{
		Short: "list the deposits of nodes' shares, and what each is worth", Example: "  weir operator deposit list --dir /tmp/weir",
		Name: "deposits", Who: cli.Nobody, Read: client.Deposits.Read, Table: depositTable,
	}.Command(a)
}

func depositTable(list []wire.Deposit) term.Table {
	t := term.Table{Head: []string{"deposit", "node", "made", "custodians", "keys of", "state"}}
	for _, d := range list {
		t.Add(d.Deposit.Deposit.String(), d.Node, cli.FormatTime(d.Made), fmt.Sprintf("%d of %d", d.Threshold, len(d.Custodians)), strings.Join(d.Custodians, ","), standingText(d))
	}
	return t
}

func standingText(d wire.Deposit) string {
	switch s := d.Standing; {
	case s.Burned:
		return "used at " + cli.FormatTime(d.UsedAt)
	case s.Void:
		return "of a machine before"
	case s == custody.Standing{}:
		return "current"
	default:
		return fmt.Sprintf("lacks %d keys, %d vectors", s.Keys, s.Vectors)
	}
}
