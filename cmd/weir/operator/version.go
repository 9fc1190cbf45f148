package operator

import (
	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
)

// NewVersionCommand returns the command that prints what the program was built from.
func NewVersionCommand(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		GroupID: cli.ForOperators,
		Short:   "print what this program was built from",
		Example: "  weir version -o json",
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			f := cli.Built()
			t := term.Table{Head: []string{"version", "commit", "commit time", "changed", "go", "platform"}}
			t.Add(f.Version, f.Commit, f.Time, cli.YesNo(f.Changed), f.Go, f.Platform)
			return a.PrintOne(f, t)
		},
	}
}
