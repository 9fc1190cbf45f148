package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/weirdata/weir/cmd/weir/auditor"
	"github.com/weirdata/weir/cmd/weir/buyer"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/contract"
	"github.com/weirdata/weir/cmd/weir/desk"
	"github.com/weirdata/weir/cmd/weir/operator"
	"github.com/weirdata/weir/cmd/weir/publisher"
	"github.com/weirdata/weir/cmd/weir/sandbox"
	"github.com/weirdata/weir/compute/suggest"
)

// commands make all commands, in the order in which the help has an example of each.
var commands = []func(*cli.App) *cobra.Command{
	sandbox.NewDemoCommand,
	sandbox.NewDevCommand,
	sandbox.NewBenchCommand,
	publisher.NewDatasetCommand,
	publisher.NewRegistryCommand,
	publisher.NewKeyCommand,
	publisher.NewFeedCommand,
	contract.NewOrderCommand,
	contract.NewContractCommand,
	desk.NewDeskCommand,
	buyer.NewQueryCommand,
	buyer.NewPortfolioCommand,
	buyer.NewTokenCommand,
	auditor.NewEvidenceCommand,
	operator.NewKeygenCommand,
	operator.NewPrincipalCommand,
	operator.NewOperatorCommand,
	operator.NewNodeCommand,
	operator.NewVersionCommand,
	operator.NewManCommand,
}

const about = `weir lists encrypted environmental data in a catalog and answers aggregate
queries on the ciphertexts: a buyer gets the figure, and nobody gets the readings.

Start a cluster on this machine with "weir dev --dir D", or see the whole thing
with "weir demo". The other commands find their cluster and key by --dir D.`

// newRoot returns the command tree of a.
func newRoot(a *cli.App) *cobra.Command {
	root := &cobra.Command{
		Use:           "weir",
		Short:         "aggregate queries on encrypted environmental data",
		Long:          about,
		Version:       cli.Version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cli.NoCommand,
		RunE:          cli.NeedCommand,

		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.CheckFormat(cmd) },
	}
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return cli.Usagef(cmd, "%s", describeFlagError(cmd, err))
	})
	a.Flags(root)
	for _, title := range cli.Groups {
		root.AddGroup(&cobra.Group{ID: title, Title: title})
	}
	var all []*cobra.Command // root sorts its own
	for _, newCommand := range commands {
		all = append(all, newCommand(a))
	}
	root.AddCommand(all...)
	root.Example = examples(append(all, addCompletionAndHelp(root)...))
	cli.ArgumentsAreUsage(root)
	return root
}

// examples returns the first example of each command, by groups.
func examples(commands []*cobra.Command) string {
	var lines []string
	for _, title := range cli.Groups {
		for _, cmd := range commands {
			if cmd.GroupID == title && !cmd.Hidden {
				first, _, _ := strings.Cut(cmd.Example, "\n")
				lines = append(lines, strings.TrimSuffix(first, " \\"))
			}
		}
	}
	return strings.Join(lines, "\n")
}

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
