package main

import (
	"fmt"
	"runtime"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/node/bench"
)

func init() { commands = append(commands, newBenchCommand) }

func newBenchCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "bench",
		Short: "measure what this machine does: add, encrypt, open, store, propose",
		Long: `Measure Weir's primitives on this machine, with throw-away keys and data, in one
run of some twenty seconds: memory bandwidth and the rate at which ciphertexts are
added, both on one core, the library's own addition for comparison, encryption,
the two parts of an opening, adding from the blob store, and proposals to a ledger
of three members on one disk. Machines that are shared vary; compare ratios of one
run, such as accumulate_of_memory. Needs about 1.5 GB of memory, and 0.5 GB in the
directory for temporary files (TMPDIR).`,
		Example: `  weir bench
  weir bench -o json`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.note("%d cores, %s/%s", runtime.GOMAXPROCS(0), runtime.GOOS, runtime.GOARCH)
			a.ifInterrupted("no figures are printed; a run takes some twenty seconds")
			figures, err := bench.Run(cmd.Context(), bench.Options{Step: func(what string) { a.note("%s", what) }})
			if err != nil {
				return err
			}
			return a.printFigures(figures)
		},
	}
}

// printFigures prints a benchmark's figures: plain numbers for machines, scaled
// ones in the table.
func (a *app) printFigures(figures bench.Figures) error {
	s := sheet{head: []string{"name", "value", "unit"}}
	for _, m := range figures {
		value, unit := strconv.FormatFloat(m.Value, 'f', -1, 64), m.Unit
		if a.output == outputTable {
			value, unit = scaled(m.Value, m.Unit)
		}
		s.add(m.Name, value, unit)
	}
	return a.print(figures, s)
}

// scaled writes a figure with four digits, and rates with an SI prefix:
// 26.13 GB/s, 540.2 M/s.
func scaled(value float64, unit string) (text, of string) {
	if unit == "1" {
		return strconv.FormatFloat(value, 'f', 2, 64), ""
	}
	prefix := ""
	for _, p := range []string{"k", "M", "G"} {
		if value < 1000 || (unit != "B/s" && unit != "1/s") {
			break
		}
		value, prefix = value/1000, p
	}
	if unit == "1/s" {
		unit = "/s"
	}
	return fmt.Sprintf("%.4g", value), prefix + unit
}
