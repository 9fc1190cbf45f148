package main

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
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/dev"
)

func init() { commands = append(commands, newEvidenceCommand) }

// defaultWatch is how often a monitor looks. A fork is noticed no later than
// this, whoever uses it meanwhile.
const defaultWatch = 30 * time.Second

func newEvidenceCommand(a *app) *cobra.Command {
	return group("evidence", "prove what was asked, decided and published", "  weir evidence verify nox.tlog-proof --dir /tmp/weir",
		a.verifyCommand(), a.checkpointCommand(), a.proveCommand(), a.consistencyCommand(), a.monitorCommand())
}

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "verify RECEIPT", Short: "say what a receipt proves, without asking any node",
		Long: `Verifies a receipt against the profile that pins the cluster, and nothing else:
that enough pinned nodes signed the log's head, that every entry is in that log,
that the principal signed the query, and what was decided. A receipt of "-" is
read from stdin.`,
		Example: "  weir evidence verify nox.tlog-proof --profile cluster.json",
		Args:    exactly(1, "one receipt"),
		RunE: func(_ *cobra.Command, args []string) error {
			profile, err := a.pinned()
			if err != nil {
				return err
			}
			b, err := a.readEvidence(args[0])
			if err != nil {
				return err
			}
			p, err := profile.VerifyReceipt(b)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return a.printProven(p)
		},
	}
}

// pinned is the profile, also of a cluster under --dir that does not run: its
// founding names the same.
func (a *app) pinned() (client.Profile, error) {
	profile, err := a.loadProfile()
	if err == nil || a.profile != "" || a.directory() == "" {
		return profile, err
	}
	founded, stopped := dev.Pinned(a.directory())
	if stopped != nil {
		return profile, err
	}
	return founded, nil
}

// readEvidence reads a file, or stdin, and no more than can be evidence.
func (a *app) readEvidence(path string) ([]byte, error) {
	r := a.stdin
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

func (a *app) printProven(p *client.Proven) error {
	s := sheet{head: []string{"proven"}}
	for _, line := range p.Words() {
		s.add(line)
	}
	if a.output == outputTable {
		for _, row := range s.rows {
			if _, err := fmt.Fprintln(a.stdout, printable(row[0])); err != nil {
				return fmt.Errorf("print the result: %w", err)
			}
		}
		return nil
	}
	return a.print(p, s)
}

func (a *app) checkpointCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "checkpoint", Short: "the evidence log's head, signed by enough nodes",
		Example: "  weir evidence checkpoint --dir /tmp/weir --out today.checkpoint",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect(nobody)
			if err != nil {
				return err
			}
			defer c.Close()
			signed, note, err := c.Checkpoint(cmd.Context())
			if err != nil {
				return err
			}
			if out != "" {
				if err := writeEvidence(out, note); err != nil {
					return err
				}
			} else if a.output == outputTable {
				_, err := a.stdout.Write(note)
				return err
			}
			s := sheet{head: []string{"entries", "root", "signed"}}
			ids := make([]string, len(signed.Voices))
			for i, v := range signed.Voices {
				ids[i] = v.Node
			}
			s.add(strconv.FormatUint(signed.Size, 10), catalog.Digest(signed.Root).String(), strings.Join(ids, " "))
			return a.print(map[string]any{
				"origin": signed.Origin, "size": signed.Size, "root": catalog.Digest(signed.Root), "signed": signed.Voices, "note": string(note),
			}, s)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`file` to write the signed checkpoint to")
	return cmd
}

func writeEvidence(path string, b []byte) error {
	if err := os.WriteFile(path, b, 0o644); err != nil { //nolint:gosec // meant to be handed on
		return fmt.Errorf("write the evidence: %w", err)
	}
	return nil
}

func (a *app) proveCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "prove SEQ | QUERY | DATASET VERSION", Short: "a receipt of an entry, a query or a dataset's version",
		Example: `  weir evidence prove q-0123456789abcdef0123 --dir /tmp/weir --out nox.tlog-proof
  weir evidence prove beijing_air 1 --dir /tmp/weir --out listed.tlog-proof`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 2 {
				return usagef(cmd, "%s takes an entry's number, a query's id, or a dataset and a version", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			receipt, p, err := a.prove(cmd, args)
			if err != nil {
				return err
			}
			if out == "" {
				if a.output == outputTable {
					_, err := a.stdout.Write(receipt)
					return err
				}
				return a.printProven(p)
			}
			if err := writeEvidence(out, receipt); err != nil {
				return err
			}
			return a.printProven(p)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`file` to write the receipt to, by custom NAME.tlog-proof; what it proves is printed then")
	return cmd
}

func (a *app) prove(cmd *cobra.Command, args []string) ([]byte, *client.Proven, error) {
	if len(args) == 2 {
		version, err := strconv.Atoi(args[1])
		if err != nil || version < 1 {
			return nil, nil, usagef(cmd, "%q is not a dataset's version", args[1])
		}
		c, err := a.connect(nobody)
		if err != nil {
			return nil, nil, err
		}
		defer c.Close()
		return c.VersionReceipt(cmd.Context(), args[0], version)
	}
	c, err := a.connect(buyer)
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	seq, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil {
		return c.QueryReceipt(cmd.Context(), args[0])
	}
	return c.EntryReceipt(cmd.Context(), seq)
}

func (a *app) consistencyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "consistency OLD [NEW]", Short: "prove that an older checkpoint is the beginning of a newer one",
		Long: `Reads the signed checkpoints in two files, which may be receipts too, verifies
both, has the cluster prove that the log of the first is the beginning of the
second's, and verifies that. Without NEW, the log's head now.`,
		Example: "  weir evidence consistency yesterday.checkpoint today.checkpoint --dir /tmp/weir",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 2 {
				return usagef(cmd, "%s takes one or two files", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect(nobody)
			if err != nil {
				return err
			}
			defer c.Close()
			older, err := a.readCheckpoint(c.Profile(), args[0])
			if err != nil {
				return err
			}
			var newer evidence.Signed
			if len(args) == 2 {
				newer, err = a.readCheckpoint(c.Profile(), args[1])
			} else {
				newer, _, err = c.Checkpoint(cmd.Context())
			}
			if err != nil {
				return err
			}
			if older.Size > newer.Size {
				older, newer = newer, older
			}
			if err := c.CheckConsistency(cmd.Context(), older.Checkpoint, newer.Checkpoint); err != nil {
				return err
			}
			s := sheet{head: []string{"entries", "root", "begin", "root"}}
			s.add(strconv.FormatUint(older.Size, 10), catalog.Digest(older.Root).String(), strconv.FormatUint(newer.Size, 10), catalog.Digest(newer.Root).String())
			return a.print(map[string]any{
				"old": older.Size, "old_root": catalog.Digest(older.Root), "new": newer.Size, "new_root": catalog.Digest(newer.Root), "consistent": true,
			}, s)
		},
	}
}

// readCheckpoint reads a checkpoint, or a receipt's.
func (a *app) readCheckpoint(profile client.Profile, path string) (evidence.Signed, error) {
	b, err := a.readEvidence(path)
	if err != nil {
		return evidence.Signed{}, err
	}
	open := profile.OpenCheckpoint
	if strings.HasPrefix(string(b), "c2sp.org/tlog-proof@") {
		open = profile.ReceiptCheckpoint
	}
	signed, err := open(b)
	if err != nil {
		return signed, fmt.Errorf("%s: %w", path, err)
	}
	return signed, nil
}

func (a *app) monitorCommand() *cobra.Command {
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
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if state == "" {
				return usagef(cmd, "--state FILE is needed: without what was seen before, nothing can be compared")
			}
			if every <= 0 {
				return usagef(cmd, "--every must be positive")
			}
			return a.monitor(cmd.Context(), state, every, once)
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "`file` that keeps what was seen")
	cmd.Flags().DurationVar(&every, "every", defaultWatch, "how often to look")
	cmd.Flags().BoolVar(&once, "once", false, "look once; fail also when fewer nodes answer than must sign")
	return cmd
}

func (a *app) monitor(ctx context.Context, path string, every time.Duration, once bool) error {
	c, err := a.connect(nobody)
	if err != nil {
		return err
	}
	defer c.Close()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		look, err := a.look(ctx, c, path)
		if err != nil {
			return err
		}
		if once {
			if most := len(c.Profile().Nodes) - c.Profile().Quorum(); len(look.Away) > most {
				return fmt.Errorf("only %d nodes answered, %d must sign", len(look.Heads), c.Profile().Quorum())
			}
			return nil
		}
		select {
		case <-ctx.Done():
			a.note("stopped; what was seen is in %s, and nothing in it was forked or rewritten", path)
			return nil
		case <-tick.C:
		}
	}
}

// look looks once and keeps what was seen.
func (a *app) look(ctx context.Context, c *client.Client, path string) (client.Look, error) {
	s, err := client.LoadMonitorState(path, c.Profile())
	if err != nil {
		return client.Look{}, err
	}
	next, look, err := c.Monitor(ctx, s)
	var fork *client.ForkError
	if errors.As(err, &fork) {
		for _, note := range fork.Notes {
			a.note("this was signed:\n%s", note)
		}
	}
	if err != nil {
		return look, err
	}
	for node, why := range look.Away {
		a.note("node %s does not show its log: %s", node, why)
	}
	t := sheet{head: []string{"node", "entries", "root"}}
	for _, h := range look.Heads {
		t.add(h.Node, strconv.FormatUint(h.Size, 10), h.Root.String())
	}
	return look, errors.Join(next.Save(path), a.print(look, t))
}
