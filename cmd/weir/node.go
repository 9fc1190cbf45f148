package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/node"
)

func init() { commands = append(commands, newNodeCommand) }

func newNodeCommand(a *app) *cobra.Command {
	return group("node", "run a node of a cluster",
		`  weir node start --id n1 --dir /var/lib/weir --seal-key-file /run/keys/weir --genesis /etc/weir/genesis.json`,
		newNodeStartCommand(a))
}

func newNodeStartCommand(a *app) *cobra.Command {
	var o node.Options
	var genesis, level string
	var stopWithStdin bool
	cmd := &cobra.Command{
		Use:   "start",
		Short: "run this machine's node until it is interrupted",
		Long: `Run a node until it is interrupted. The founding names the roster, the
threshold and every node's addresses and keys; the node's own keys are in --dir,
sealed under the key in --seal-key-file, which belongs on another medium.`,
		Example: `  weir node start --id n1 --dir /var/lib/weir --seal-key-file /run/keys/weir --genesis /etc/weir/genesis.json`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			var l slog.Level
			if err := l.UnmarshalText([]byte(level)); err != nil {
				return usagef(cmd, "--log-level %q: want debug, info, warn or error", level)
			}
			for _, needed := range [][2]string{{"id", o.ID}, {"dir", a.directory()}, {"seal-key-file", o.SealKeyFile}, {"genesis", genesis}} {
				if needed[1] == "" {
					return usagef(cmd, "--%s is needed", needed[0])
				}
			}
			o.Dir = a.directory()
			o.Logger = slog.New(slog.NewJSONHandler(a.stderr, &slog.HandlerOptions{Level: l}))
			if o.Genesis, err = node.ReadGenesis(genesis); err != nil {
				return err
			}
			ctx := cmd.Context()
			if stopWithStdin {
				var stop context.CancelFunc
				ctx, stop = untilClosed(ctx, a.stdin)
				defer stop()
			}
			return runNode(ctx, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.ID, "id", "", "this node's id in the founding's roster")
	f.StringVar(&o.SealKeyFile, "seal-key-file", "", "file with the key that seals the node's secrets")
	f.StringVar(&genesis, "genesis", "", "the cluster's founding")
	f.StringVar(&o.PeerListen, "peer-listen", "", "address to listen on for nodes (default: the roster's)")
	f.StringVar(&o.APIListen, "api-listen", "", "address to listen on for clients (default: the roster's)")
	f.StringVar(&level, "log-level", "info", "debug, info, warn or error")
	f.BoolVar(&stopWithStdin, "stop-with-stdin", false, "stop when standard input closes, as when the parent process ends")
	return cmd
}

// runNode runs a node until ctx ends or one of its servers fails.
func runNode(ctx context.Context, o node.Options) error {
	start := time.Now()
	n, err := node.Open(o)
	if err != nil {
		return err
	}
	o.Logger.Info("node started", "node", o.ID, "api", n.APIAddr().String(), "after", time.Since(start).Round(time.Millisecond).String())
	select {
	case <-ctx.Done():
		err = nil
	case err = <-n.Failed():
	}
	o.Logger.Info("node stops", "node", o.ID)
	return errors.Join(err, n.Close())
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
