package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/node/bench"
	"github.com/weirdata/weir/node/bench/stations"
	"github.com/weirdata/weir/node/dev"
)

func newBenchFeedCommand(a *cli.App) *cobra.Command {
	o := stations.Options{}
	cmd := &cobra.Command{
		Use:   "feed",
		Short: "have stations send to weir feed, kill it, and compare what was published",
		Long: `Start a cluster of three node processes on this machine and a weir feed beside it. Have
stations send a frame of HJ 212 each second, wait for each answer, and send again what
was not answered; kill the feed (SIGKILL) while they do. When the hour is published, ask
for it and compare it with plain loops. Exit status 0 only where nothing was lost and
every figure is right. All of it is in a temporary directory that is removed at the end,
unless --dir names one.`,
		Example: `  weir bench feed
  weir bench feed --stations 50 --seconds 20 --kills 1`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Stations < 1 || o.Seconds < 3 || o.Seconds > 3600 || o.Kills < 0 {
				return cli.Usagef(cmd, "--stations is %d, --seconds %d and --kills %d; want a station at least, and 3 to 3600 seconds", o.Stations, o.Seconds, o.Kills)
			}
			return onCluster(a, cmd, "feed", "the feed and the nodes are stopped", func(cluster *dev.Cluster, dir string) error {
				return runBenchFeed(a, cmd, cluster, dir, o)
			})
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Stations, "stations", 1000, "stations that send")
	f.IntVar(&o.Seconds, "seconds", 300, "for how many seconds")
	f.IntVar(&o.Kills, "kills", 2, "how many times the feed is killed meanwhile")
	return cmd
}

// runBenchFeed runs stations against a feed on a cluster in dir, and prints what came of it.
func runBenchFeed(a *cli.App, cmd *cobra.Command, cluster *dev.Cluster, dir string, o stations.Options) error {
	c, err := cluster.Client(string(cli.Bureau))
	if err != nil {
		return err
	}
	defer c.Close()
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	files := filepath.Join(dir, "feed")
	if err := os.MkdirAll(files, 0o700); err != nil {
		return fmt.Errorf("make a directory for the feed: %w", err)
	}
	o.Note, o.Log = a.Note, a.Stderr
	o.Feed = func(ctx context.Context, config string) *exec.Cmd {
		feed := exec.CommandContext(ctx, self, "feed", "run", "--config", config, "--dir", dir) //nolint:gosec // this program
		feed.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(files, "cache"))
		return feed
	}
	r, err := stations.Run(cmd.Context(), c, files, o)
	if err != nil {
		return err
	}
	figures := bench.Figures{
		{Name: "frames", Value: float64(r.Frames), Unit: ""},
		{Name: "frames_answered", Value: float64(r.Answered), Unit: ""},
		{Name: "frames_sent_again", Value: float64(r.Again), Unit: ""},
		{Name: "kills", Value: float64(r.Kills), Unit: ""},
		{Name: "frames_per_s", Value: float64(r.Answered) / r.Sent.Seconds(), Unit: "1/s"},
		{Name: "rows_equal", Value: float64(r.Rows), Unit: ""},
	}
	return printFigures(a, figures)
}
