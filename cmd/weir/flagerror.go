package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/weirdata/weir/compute/suggest"
)

// describeFlagError returns a message about flags, with the flag that was probably meant, or the form
// that a value has.
func describeFlagError(cmd *cobra.Command, err error) string {
	message := err.Error()
	if name, unknown := strings.CutPrefix(message, "unknown flag: --"); unknown {
		var names []string
		collect := func(f *pflag.Flag) { names = append(names, f.Name) }
		cmd.Flags().VisitAll(collect)
		cmd.InheritedFlags().VisitAll(collect)
		if near := suggest.Nearest(name, names); near != "" {
			message += ", did you mean --" + near + "?"
		}
	}
	if strings.Contains(message, "time: ") {
		message += "; durations are written such as 30s, 5m or 1h30m"
	}
	return message
}
