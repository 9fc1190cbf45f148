package auditor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/dev"
)

// defaultWatch is how often a monitor looks. A fork is noticed no later than
// this, whoever uses it meanwhile.
const defaultWatch = 30 * time.Second

// NewEvidenceCommand returns the command of the evidence log.
func NewEvidenceCommand(a *cli.App) *cobra.Command {
	return cli.Group(cli.ForAuditors, "evidence", "prove what was asked, decided and published", "  weir evidence verify nox.tlog-proof --dir /tmp/weir",
		newVerifyCommand(a), newCheckpointCommand(a), newProveCommand(a), newConsistencyCommand(a), newMonitorCommand(a))
}

func newVerifyCommand(a *cli.App) *cobra.Command {
	return cli.CompleteFiles(&cobra.Command{
		Use: "verify RECEIPT", Short: "say what a receipt proves, without asking any node",
		Long: `Verifies a receipt against the profile that pins the cluster, and nothing else:
that enough pinned nodes signed the log's head, that every entry is in that log,
that the principal signed the query, and what was decided. A receipt of "-" is
read from stdin.`,
		Example: "  weir evidence verify nox.tlog-proof --profile cluster.json",
		Args:    cli.Exactly(1, "one receipt"),
		RunE: func(_ *cobra.Command, args []string) error {
			profile, err := pinnedProfile(a)
			if err != nil {
				return err
			}
			b, err := readEvidence(a, args[0])
			if err != nil {
				return err
			}
			p, err := audit.VerifyReceipt(profile, b)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return printProven(a, p)
		},
	}, "tlog-proof")
}

// pinnedProfile is the profile, also of a cluster under --dir that does not run: its
// founding names the same.
func pinnedProfile(a *cli.App) (client.Profile, error) {
	profile, err := a.LoadProfile()
	if err == nil || a.Profile() != "" || a.Directory() == "" {
		return profile, err
	}
	founded, stopped := dev.Pinned(a.Directory())
	if stopped != nil {
		return profile, err
	}
	return founded, nil
}

// readEvidence reads a file, or stdin, and no more than can be evidence.
func readEvidence(a *cli.App, path string) ([]byte, error) {
	r := a.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // nothing is written
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, evidence.MaxReceiptBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return b, nil
}

func printProven(a *cli.App, p *audit.Proven) error {
	if a.Output == cli.Table {
		return a.PrintLines(p.Words(explain.English))
	}
	s := term.Table{Head: []string{"proven"}}
	for _, line := range p.Words(explain.English) {
		s.Add(line)
	}
	return a.Print(p, s)
}

func newCheckpointCommand(a *cli.App) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "checkpoint", Short: "the evidence log's head, signed by enough nodes",
		Example: "  weir evidence checkpoint --dir /tmp/weir --out today.checkpoint",
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.With(cli.Nobody, func(c *client.Client) error {
				signed, note, err := audit.Checkpoint(cmd.Context(), c)
				if err != nil {
					return err
				}
				if out != "" {
					if err := cli.WriteEvidence(out, note); err != nil {
						return err
					}
				} else if a.Output == cli.Table {
					return printSigned(a, note)
				}
				var ids []string
				for _, v := range signed.Voices {
					ids = append(ids, v.Node)
				}
				root := catalog.Digest(signed.Root)
				return a.PrintRowOf(map[string]any{
					"origin": signed.Origin, "size": signed.Size, "root": root, "signed": signed.Voices, "note": string(note),
				}, "entries", fmt.Sprint(signed.Size), "root", root.String(), "signed", strings.Join(ids, " "))
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`file` to write the signed checkpoint to")
	return cmd
}

// printSigned prints what was signed, byte by byte, unless it would be shown as something
// else.
func printSigned(a *cli.App, b []byte) error {
	if shown.Lines(string(b)) != string(b) {
		return errors.New("the evidence has characters that cannot be seen or that turn the line: write it to a file with --out")
	}
	if _, err := a.Stdout.Write(b); err != nil {
		return fmt.Errorf("print the evidence: %w", err)
	}
	return nil
}

func newProveCommand(a *cli.App) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "prove SEQ | QUERY | DATASET VERSION", Short: "a receipt of an entry, a query or a dataset's version",
		Example: `  weir evidence prove q-01234567 --dir /tmp/weir --out nox.tlog-proof
  weir evidence prove beijing_air 1 --dir /tmp/weir --out listed.tlog-proof`,
		Args: cli.Between(1, 2, "an entry's number, a query's id, or a dataset and a version"),
		RunE: func(cmd *cobra.Command, args []string) error {
			receipt, p, err := fetchReceipt(a, cmd, args)
			if err != nil {
				return err
			}
			if out != "" {
				if err := cli.WriteEvidence(out, receipt); err != nil {
					return err
				}
			} else if a.Output == cli.Table {
				return printSigned(a, receipt)
			}
			return printProven(a, p)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`file` to write the receipt to, by custom NAME.tlog-proof; what it proves is printed then")
	return cmd
}

func fetchReceipt(a *cli.App, cmd *cobra.Command, args []string) ([]byte, *audit.Proven, error) {
	who, version := cli.Buyer, 0
	if len(args) == 2 {
		var err error
		if version, err = strconv.Atoi(args[1]); err != nil || version < 1 {
			return nil, nil, cli.Usagef(cmd, "%q is not a dataset's version", args[1])
		}
		who = cli.Nobody
	}
	c, err := a.Connect(who)
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	if version > 0 {
		return audit.VersionReceipt(cmd.Context(), c, args[0], version)
	}
	seq, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil {
		return audit.QueryReceipt(cmd.Context(), c, args[0])
	}
	return audit.EntryReceipt(cmd.Context(), c, seq)
}

func newConsistencyCommand(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use: "consistency OLD [NEW]", Short: "prove that an older checkpoint is the beginning of a newer one",
		Long: `Reads the signed checkpoints in two files, which may be receipts too, verifies
both, has the cluster prove that the log of the first is the beginning of the
second's, and verifies that. Without NEW, the log's head now.`,
		Example: "  weir evidence consistency yesterday.checkpoint today.checkpoint --dir /tmp/weir",
		Args:    cli.Between(1, 2, "one or two files"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.With(cli.Nobody, func(c *client.Client) error {
				older, err := readCheckpoint(a, c.Profile(), args[0])
				if err != nil {
					return err
				}
				var newer evidence.Signed
				if len(args) == 2 {
					newer, err = readCheckpoint(a, c.Profile(), args[1])
				} else {
					newer, _, err = audit.Checkpoint(cmd.Context(), c)
				}
				if err != nil {
					return err
				}
				if older.Size > newer.Size {
					older, newer = newer, older
				}
				if err := audit.CheckConsistency(cmd.Context(), c, older.Checkpoint, newer.Checkpoint); err != nil {
					return err
				}
				oldRoot, newRoot := catalog.Digest(older.Root), catalog.Digest(newer.Root)
				return a.PrintRowOf(map[string]any{
					"old": older.Size, "old_root": oldRoot, "new": newer.Size, "new_root": newRoot, "consistent": true,
				}, "entries", fmt.Sprint(older.Size), "root", oldRoot.String(),
					"begin", fmt.Sprint(newer.Size), "root", newRoot.String())
			})
		},
	}
}

// readCheckpoint reads a checkpoint, or a receipt's.
func readCheckpoint(a *cli.App, profile client.Profile, path string) (evidence.Signed, error) {
	b, err := readEvidence(a, path)
	if err != nil {
		return evidence.Signed{}, err
	}
	var signed evidence.Signed
	if strings.HasPrefix(string(b), "c2sp.org/tlog-proof@") {
		signed, err = audit.ReceiptCheckpoint(profile, b)
	} else {
		signed, err = audit.OpenCheckpoint(profile, b)
	}
	if err != nil {
		return signed, fmt.Errorf("%s: %w", path, err)
	}
	return signed, nil
}

func newMonitorCommand(a *cli.App) *cobra.Command {
	var state string
	var every time.Duration
	var once bool
	cmd := &cobra.Command{
		Use: "monitor --state FILE", Short: "follow every node's log, and fail if one was forked or rewritten",
		Long: `Has every pinned node sign the head of its log, and verifies that it continues
what the node signed before, and that all logs are beginnings of the longest one.
What was seen is kept in the state file. On a fork or a rewritten entry it prints
the signed checkpoints that contradict each other, and exits with 1.`,
		Example: "  weir evidence monitor --state weir.monitor --dir /tmp/weir --once",
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if state == "" {
				return cli.Usagef(cmd, "--state FILE is needed: without what was seen before, nothing can be compared")
			}
			if every <= 0 {
				return cli.Usagef(cmd, "--every is %s, want more than 0", every)
			}
			return monitor(cmd.Context(), a, state, every, once)
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "`file` that keeps what was seen")
	cmd.Flags().DurationVar(&every, "every", defaultWatch, "how often to look")
	cmd.Flags().BoolVar(&once, "once", false, "look once; fail also when fewer nodes answer than must sign")
	return cmd
}

func monitor(ctx context.Context, a *cli.App, path string, every time.Duration, once bool) error {
	return a.With(cli.Nobody, func(c *client.Client) error {
		for {
			look, err := monitorOnce(ctx, a, c, path)
			if err != nil {
				return err
			}
			if once {
				if most := len(c.Profile().Nodes) - c.Profile().Quorum(); len(look.Away) > most {
					return fmt.Errorf("only %d nodes answered, %d must sign", len(look.Heads), c.Profile().Quorum())
				}
				return nil
			}
			if client.Pause(ctx, every) != nil {
				a.Note("stopped; what was seen is in %s, and nothing in it was forked or rewritten", path)
				return nil
			}
		}
	})
}

// monitorOnce looks once and keeps what was seen.
func monitorOnce(ctx context.Context, a *cli.App, c *client.Client, path string) (audit.Look, error) {
	s, err := audit.LoadState(path, c.Profile())
	if err != nil {
		return audit.Look{}, err
	}
	next, look, err := audit.Monitor(ctx, c, s)
	if fork, ok := errors.AsType[*audit.ForkError](err); ok {
		for _, note := range fork.Notes {
			a.Note("this was signed:\n%s", note)
		}
	}
	if err != nil {
		return look, err
	}
	for node, why := range look.Away {
		a.Note("node %s does not show its log: %s", node, why)
	}
	if look.Restored != nil {
		for _, note := range s.Assembled() {
			if err := audit.Present(ctx, c, note); err != nil {
				a.Note("the cluster does not take a checkpoint that was seen before: %v", err)
			}
		}
		a.Note("the cluster was restored as of %d entries, on the order of the operators of its seats; %d were seen before, and the cluster was told so",
			look.Restored.Order.Size, look.Lost)
	}
	t := term.Table{Head: []string{"node", "entries", "root"}}
	for _, h := range look.Heads {
		t.Add(h.Node, strconv.FormatUint(h.Size, 10), h.Root.String())
	}
	return look, errors.Join(next.Save(path), a.Print(look, t))
}
