package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node"
	"github.com/weirdata/weir/node/config"
	"github.com/weirdata/weir/node/founding"
)

// NewNodeCommand returns the command that runs a node.
func NewNodeCommand(a *cli.App) *cobra.Command {
	return cli.Group(cli.ForOperators, "node", "make and run a node of a cluster",
		`  weir node start --id n1 --dir /var/lib/weir --seal-key-file /run/keys/weir --genesis /etc/weir/genesis.json`,
		newNodeInitCommand(a),
		newNodeCardCommand(a),
		newNodeAcceptCommand(a),
		newNodeStartCommand(a),
		newNodeShareCommand(a),
		newNodeUnsealCommand(a),
		newNodePassphraseCommand(a),
		newNodeConfigCommand(a))
}

func newNodeConfigCommand(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "config",
		Short: "print a configuration file with every key, its meaning and its default",
		Long: `Print a configuration for weir node start --config: every key with its meaning and
default. A variable of the environment goes over a key of the file, and a flag over both.`,
		Example: `  weir node config > /etc/weir/node.yaml`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := io.WriteString(a.Stdout, config.Example())
			return err
		},
	}
}

func newNodeStartCommand(a *cli.App) *cobra.Command {
	var o node.Options
	var flags nodeFlags
	var level string
	var stopWithStdin bool
	var clockOffset time.Duration
	cmd := &cobra.Command{
		Use:   "start",
		Short: "run this machine's node until it is interrupted",
		Long: `Run a node until it is interrupted. The founding names the roster, the
threshold and every node's addresses and keys; the node's own keys are in --dir,
sealed under the key in --seal-key-file, which belongs on another medium. All of it
may stand in a file: see weir node config.

Where the seal key file is under a passphrase, it is asked for at a terminal; without
one the node waits, sealed, for weir node unseal.`,
		Example: `  weir node start --config /etc/weir/node.yaml
  weir node start --id n1 --dir /var/lib/weir --seal-key-file /run/keys/weir --genesis /etc/weir/genesis.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			c, err := flags.read(a)
			if err != nil {
				return err
			}
			l := c.LogLevel
			if level != "" {
				if err := l.UnmarshalText([]byte(level)); err != nil {
					return cli.Usagef(cmd, "--log-level is %q, want debug, info, warn or error", level)
				}
			}
			if err := need(cmd, [3]string{"id", "id", c.ID}, [3]string{"dir", "dir", c.Dir},
				[3]string{"seal-key-file", "seal_key_file or seal_key_command", c.SealKeyFile + c.SealKeyCommand},
				[3]string{"genesis", "genesis", c.Genesis}); err != nil {
				return err
			}
			configure(&o, c)
			o.Version = cli.Version()
			o.Logger = slog.New(slog.NewJSONHandler(a.Stderr, &slog.HandlerOptions{Level: l, ReplaceAttr: shownAttr}))
			if o.Genesis, err = founding.ReadGenesis(c.Genesis); errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%w; `weir node accept` puts it there", err)
			} else if err != nil {
				return err
			}
			if flags.passphrase != "" || term.IsTerminal(a.Stdin) {
				o.Passphrase = func(ctx context.Context) ([]byte, error) {
					return readPassphrase(ctx, a, flags.passphrase, "Passphrase of "+c.SealKeyFile+": ")
				}
			}
			if clockOffset != 0 {
				o.Clock = func() time.Time { return time.Now().Add(clockOffset) }
			}
			ctx := cmd.Context()
			if stopWithStdin {
				var stop context.CancelFunc
				ctx, stop = untilClosed(ctx, a.Stdin)
				defer stop()
			}
			return runNode(ctx, o)
		},
	}
	f := cmd.Flags()
	flags.add(cmd, "seal_key_file", "peer_listen", "api_listen", "metrics_listen")
	f.StringVar(&flags.over.ID, "id", "", "this node's id in the founding's roster")
	f.StringVar(&flags.over.Genesis, "genesis", "", "the cluster's founding")
	f.StringVar(&level, "log-level", "", "debug, info, warn or error (default info)")
	f.BoolVar(&stopWithStdin, "stop-with-stdin", false, "stop when standard input closes, as when the parent process ends")
	// What a machine with a wrong clock does, for tests of clusters.
	f.DurationVar(&clockOffset, "clock-offset", 0, "add to the machine's clock, in tests of clusters")
	if err := f.MarkHidden("clock-offset"); err != nil {
		panic(err) // the flag is there
	}
	cli.CompleteWords(cmd, "log-level", "debug", "info", "warn", "error")
	return cmd
}

// configure takes over what a configuration says.
func configure(o *node.Options, c config.Config) {
	o.ID, o.Dir = c.ID, c.Dir
	o.SealKeyFile, o.SealKeyCommand = c.SealKeyFile, keyCommand(c)
	o.PeerListen, o.APIListen, o.MetricsListen = c.PeerListen, c.APIListen, c.MetricsListen
	o.AuditLog, o.DebugSocket = c.AuditLog, c.DebugSocket
	o.Workers, o.MinFreeBytes = c.Workers, uint64(c.MinFree)
	o.Heartbeat, o.QuorumWait = c.Heartbeat, c.QuorumWait
	o.PingTimeout, o.AttemptTimeout, o.CeremonyTimeout = c.PingTimeout, c.AttemptTimeout, c.CeremonyTimeout
	o.ScrubEvery, o.ScrubPause = c.ScrubEvery, c.ScrubPause
	o.CollectEvery, o.KeepOrphans = c.CollectEvery, c.KeepOrphans
	o.BlobStore, o.BlobCache = c.BlobStore, int64(c.BlobCache) //nolint:gosec // of a disk
}

// runNode runs a node until ctx ends or one of its servers fails.
func runNode(ctx context.Context, o node.Options) error {
	start := time.Now()
	ctx, stop := context.WithCancel(ctx)
	states := make(chan health, 1)
	var told sync.WaitGroup
	told.Go(func() { tellSystemd(ctx, o.Logger, states) })
	defer func() { stop(); told.Wait() }()
	now := func(h health) {
		select {
		case states <- h:
		case <-ctx.Done():
		}
	}
	o.OnSealed = func(s *node.Sealed) { now(s) }
	err := node.Run(ctx, o, func(n *node.Node) {
		o.Logger.Info("node started", "node", o.ID, "api", n.APIAddr().String(), "after", time.Since(start).Round(time.Millisecond).String())
		now(n.Health())
	})
	if errors.Is(err, node.ErrLeft) { // to start it again would lead to the same
		o.Logger.Warn("node has left the cluster: its seat was given up, and its directory and seal key can be destroyed", "node", o.ID)
		err = nil
	}
	o.Logger.Info("node stops", "node", o.ID)
	return err
}

// untilClosed returns a context that ends when r does. The goroutine that reads
// ends with r, which is the process's standard input: with the process.
func untilClosed(ctx context.Context, r io.Reader) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		_, err := io.Copy(io.Discard, r)
		cancel(fmt.Errorf("standard input closed: %w", errors.Join(err, io.EOF)))
	}()
	return ctx, func() { cancel(nil) }
}

// shownAttr keeps what others wrote from turning the lines of a log that a person reads:
// JSON's encoder escapes controls only below 0x20.
func shownAttr(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindString {
		a.Value = slog.StringValue(shown.Lines(a.Value.String()))
	}
	if err, is := a.Value.Any().(error); is {
		a.Value = slog.StringValue(shown.Lines(err.Error()))
	}
	return a
}
