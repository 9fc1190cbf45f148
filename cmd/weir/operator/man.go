package operator

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/weirdata/weir/cmd/weir/cli"
)

// NewManCommand returns the command that writes the manual, for packages. It is hidden:
// people have --help.
func NewManCommand(*cli.App) *cobra.Command {
	return &cobra.Command{
		Use:     "man DIRECTORY",
		Short:   "write the manual pages of all commands",
		Example: `  weir man /usr/share/man/man1`,
		Hidden:  true,
		GroupID: cli.ForOperators,
		Args:    cli.Exactly(1, "the directory"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil { //nolint:gosec // G301: everybody reads a manual
				return err
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true // two builds of the same files are the same
			epoch := time.Unix(0, 0).UTC()
			if err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "weir", Manual: "Weir", Date: &epoch}, args[0]); err != nil {
				return fmt.Errorf("write the manual: %w", err)
			}
			return nil
		},
	}
}
