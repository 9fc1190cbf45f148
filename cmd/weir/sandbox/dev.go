package sandbox

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/node/dev"
)

// NewDevCommand returns the command that runs a cluster on this machine.
func NewDevCommand(a *cli.App) *cobra.Command {
	var o dev.Options
	var level, host string
	cmd := &cobra.Command{
		Use:     "dev --dir D",
		GroupID: cli.ToTry,
		Short:   "run a cluster on this machine to try things with",
		Long: `Run a cluster of separate node processes on loopback, with keys for a bureau
(publisher), a buyer and an operator in D/keys, until interrupted. D/ready.json
is written when the cluster can take work. Started again with the same directory,
everything is there again. All nodes on one disk, with the keys that seal them
beside them: not a cluster to trust.`,
		Example: `  weir dev --dir /tmp/weir`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Dir = a.Directory(); o.Dir == "" {
				return cli.Usagef(cmd, "--dir is needed: where the cluster lives")
			}
			switch {
			case o.Nodes < dev.MinNodes || o.Nodes > dev.MaxNodes:
				return cli.Usagef(cmd, "--nodes is %d, want %d to %d", o.Nodes, dev.MinNodes, dev.MaxNodes)
			case o.Threshold < dev.MinNodes || o.Threshold > o.Nodes:
				return cli.Usagef(cmd, "--threshold is %d, want %d to --nodes, which is %d", o.Threshold, dev.MinNodes, o.Nodes)
			}
			if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
				return cli.Usagef(cmd, "--host is %q, want an address of this machine alone, such as 127.0.0.2", host)
			}
			o.Hosts = slices.Repeat([]string{host}, o.Nodes)
			a.IfInterrupted("the cluster was starting and is stopped; start it again with `weir dev --dir %s`", o.Dir)
			o.NodeFlags = []string{"--log-level", level}
			c, err := startDev(a, cmd, o)
			if err != nil {
				return err
			}
			p := c.Profile()
			a.Note("ready: cluster %s, %d nodes, API at %s", p.Cluster.String()[:16], len(p.Nodes), p.Addr)
			if c.Again() {
				a.Note("next: weir dataset list --dir %s", o.Dir)
			} else {
				a.Note("next: weir dataset publish --dir %s DESCRIPTOR.yaml FILE.csv", o.Dir)
			}
			a.Note("interrupt to stop")
			untilInterrupted(a, cmd, c)
			a.Note("stopping the nodes")
			if err := c.Close(); err != nil {
				return err
			}
			a.Note("stopped; started again with `weir dev --dir %s`, everything is there again", o.Dir)
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Nodes, "nodes", 3, "nodes of a new cluster")
	f.IntVar(&o.Threshold, "threshold", 2, "nodes whose shares together open an accumulator")
	f.StringVar(&host, "host", "127.0.0.1", "loopback address that the nodes of a new cluster listen on")
	f.StringVar(&level, "log-level", "info", "of the nodes' logs in D/nodes: debug, info, warn or error")
	cli.CompleteWords(cmd, "log-level", "debug", "info", "warn", "error")
	return cmd
}

// startDev starts a cluster whose nodes run this very program.
func startDev(a *cli.App, cmd *cobra.Command, o dev.Options) (*dev.Cluster, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	o.Command = []string{self}
	o.Progress = func(what string) { a.Note("%s", what) }
	return dev.Start(cmd.Context(), o)
}

// untilInterrupted waits for the interrupt and tells of nodes that end before.
func untilInterrupted(a *cli.App, cmd *cobra.Command, c *dev.Cluster) {
	told := map[string]bool{}
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-cmd.Context().Done():
			return
		case <-t.C:
		}
		for id, err := range c.Exited() {
			if !told[id] {
				told[id] = true
				a.Note("node %s ended (%v); the others go on as long as a majority runs; its log is %s; stopped and started again, this command starts it too", id, err, c.Log(id))
			}
		}
	}
}

// ownDirectory is where a command has its cluster: in the directory that --dir names, or in a temporary one that remove
// removes.
func ownDirectory(a *cli.App, command string) (dir string, remove func() error, err error) {
	if dir = a.Directory(); dir != "" {
		return dir, func() error { return nil }, nil
	}
	if dir, err = os.MkdirTemp("", "weir-"+command+"-"); err != nil {
		return "", nil, fmt.Errorf("make a directory for the %s: %w", command, err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}
