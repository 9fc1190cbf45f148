package sandbox

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/bench"
)

// NewBenchCommand returns the command that measures this machine.
func NewBenchCommand(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "bench",
		GroupID: cli.ToTry,
		Short:   "measure what this machine does: add, encrypt, open, store, propose",
		Long: `Measure Weir's primitives on this machine, with throw-away keys and data, in one
run of some twenty seconds: memory bandwidth and the rate at which ciphertexts are
added, both on one core, the library's own addition for comparison, encryption,
the two parts of an opening, adding from the blob store, and proposals to a ledger
of three members on one disk. Machines that are shared vary; compare ratios of one
run, such as accumulate_of_memory. Needs about 1.5 GB of memory, and 0.5 GB in the
directory for temporary files (TMPDIR).`,
		Example: `  weir bench
  weir bench -o json`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.Note("%d cores, %s/%s", runtime.GOMAXPROCS(0), runtime.GOOS, runtime.GOARCH)
			a.IfInterrupted("no figures are printed; a run takes some twenty seconds")
			figures, err := bench.Run(cmd.Context(), bench.Options{Step: func(what string) { a.Note("%s", what) }})
			if err != nil {
				return err
			}
			return printFigures(a, figures)
		},
	}
	cmd.AddCommand(newBenchLoadCommand(a))
	return cmd
}

// printFigures prints a benchmark's figures: plain numbers for machines, scaled
// ones in the table.
func printFigures(a *cli.App, figures bench.Figures) error {
	s := term.Table{Head: []string{"name", "value", "unit"}}
	for _, m := range figures {
		value, unit := strconv.FormatFloat(m.Value, 'f', -1, 64), m.Unit
		if a.Output == cli.Table {
			value, unit = scaled(m.Value, m.Unit)
		}
		s.Add(m.Name, value, unit)
	}
	return a.Print(figures, s)
}

// scaled writes a figure with four digits, and rates with an SI prefix:
// 26.13 GB/s, 540.2 M/s.
func scaled(value float64, unit string) (text, of string) {
	if unit == "1" {
		return strconv.FormatFloat(value, 'f', 2, 64), ""
	}
	prefix := ""
	if unit == "B/s" || unit == "1/s" {
		value, prefix = humanize.ComputeSI(value)
	}
	return fmt.Sprintf("%.4g", value), prefix + strings.TrimPrefix(unit, "1")
}
