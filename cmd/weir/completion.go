package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/node/client"
)

// completionTime is how long a shell waits for names: a person is typing.
const completionTime = 2 * time.Second

// named is what a word of a command line names.
type named string

const (
	datasetName   named = "dataset"
	registryName  named = "registry"
	contractName  named = "contract"
	openOrder     named = "open order"
	anyOrder      named = "order"
	portfolioName named = "portfolio"
)

// argumentNames are what the first argument of a command names.
var argumentNames = map[string]named{
	"weir dataset show": datasetName, "weir dataset append": datasetName, "weir registry append": registryName,
	"weir order show": anyOrder, "weir order approve": openOrder, "weir order refuse": openOrder,
	"weir contract show": contractName, "weir contract statement": contractName, "weir contract suspend": contractName,
	"weir contract resume": contractName, "weir contract revoke": contractName,
	"weir portfolio show": portfolioName, "weir portfolio drop": portfolioName,
}

// flagNames are what flags name, whichever command has them.
var flagNames = map[string]named{
	"dataset": datasetName, "registry": registryName, "contract": contractName, "join-contract": contractName,
}

// flagWords are the words that flags take.
var flagWords = map[string][]string{
	"as": {string(bureau), string(buyer), string(operator)}, "output": {string(outputTable), string(outputJSON), string(outputCSV)},
	"role": {"buyer", "publisher", "operator"}, "finest": {"hour", "day", "month", "quarter", "year"}, "aggregates": {"count", "sum", "avg"}, "log-level": {"debug", "info", "warn", "error"},
}

// fileKinds are the endings of a command's files, where they are not the first word.
var fileKinds = map[string][]string{
	"weir dataset publish": {"yaml", "yml", "csv", "gz"}, "weir dataset append": {"csv", "gz"},
	"weir registry publish": {"csv", "gz"}, "weir registry append": {"csv", "gz"}, "weir portfolio register": {"csv", "gz"},
	"weir principal add": {"pub"}, "weir evidence verify": {"tlog-proof"},
}

// completions makes the shell complete names that the cluster knows, the words that
// flags take, and files by their endings.
func (a *app) completions(cmd *cobra.Command) {
	path := cmd.CommandPath()
	first, endings := argumentNames[path], fileKinds[path]
	if cmd.ValidArgsFunction == nil && (first != "" || endings != nil) {
		cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
			switch {
			case len(args) == 0 && first != "":
				return a.namesOf(cmd.Context(), first, begin), cobra.ShellCompDirectiveNoFileComp
			case endings != nil:
				return endings, cobra.ShellCompDirectiveFilterFileExt
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
	for name, what := range flagNames {
		if cmd.LocalFlags().Lookup(name) != nil {
			//nolint:errcheck // fails only for flags that are not there, or done before
			_ = cmd.RegisterFlagCompletionFunc(name, func(cmd *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
				return a.namesOf(cmd.Context(), what, begin), cobra.ShellCompDirectiveNoFileComp
			})
		}
	}
	for name, words := range flagWords {
		if cmd.LocalFlags().Lookup(name) != nil {
			//nolint:errcheck // as above
			_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	for _, sub := range cmd.Commands() {
		a.completions(sub)
	}
}

// namesOf asks the cluster for names that begin so. A cluster that cannot be asked
// has none: the shell shows no errors.
func (a *app) namesOf(ctx context.Context, what named, begin string) []string {
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	who := buyer
	switch what {
	case datasetName, registryName:
		who = nobody
	case openOrder:
		who = bureau
	}
	c, err := a.connect(who)
	if err != nil {
		return nil
	}
	defer c.Close()
	all, err := listNames(ctx, c, what)
	if err != nil {
		return nil
	}
	var out []string
	for _, name := range all {
		if strings.HasPrefix(name, begin) {
			out = append(out, name)
		}
	}
	return out
}

// listNames are the names, with what they stand for after a tab.
func listNames(ctx context.Context, c *client.Client, what named) (names []string, err error) {
	switch what {
	case datasetName:
		list, err := c.Datasets(ctx)
		for _, d := range list {
			names = append(names, d.ID+"\t"+printable(d.Descriptor.Title.EN))
		}
		return names, err
	case registryName:
		list, err := c.Registries(ctx)
		for _, r := range list {
			names = append(names, r.ID+"\t"+counted(r.Rows, "entity", "entities"))
		}
		return names, err
	case contractName:
		list, err := c.Contracts(ctx)
		for _, k := range list {
			names = append(names, k.ID+"\t"+k.Dataset+", "+string(k.State))
		}
		return names, err
	case openOrder, anyOrder:
		list, err := c.Orders(ctx)
		for _, o := range list {
			if what == anyOrder || o.State == "open" {
				names = append(names, o.ID+"\t"+o.Dataset+", "+printable(o.Purpose))
			}
		}
		return names, err
	default:
		list, err := c.Vectors(ctx)
		for _, v := range list {
			names = append(names, v.Name+"\t"+v.Registry)
		}
		return names, err
	}
}

// completionCommand gives cobra's command the short text and the examples that all
// commands have.
func completionCommand(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "completion":
			cmd.Short, cmd.Args, cmd.RunE = "print what makes a shell complete commands, names and files", noCommand, needCommand
			cmd.Example = "  source <(weir completion bash)"
			for _, shell := range cmd.Commands() {
				shell.Short = "print it for " + shell.Name()
				shell.Example = map[string]string{
					"bash":       "  source <(weir completion bash)\n  weir completion bash > /etc/bash_completion.d/weir",
					"zsh":        "  weir completion zsh > \"${fpath[1]}/_weir\"",
					"fish":       "  weir completion fish > ~/.config/fish/completions/weir.fish",
					"powershell": "  weir completion powershell | Out-String | Invoke-Expression",
				}[shell.Name()]
			}
		case "help":
			cmd.Short, cmd.Example = "what a command does, with an example", "  weir help dataset publish"
			cmd.Run, cmd.RunE = nil, helpOf
		}
	}
}

// helpOf prints a command's help. One that there is not is a usage error, as it is
// everywhere else.
func helpOf(cmd *cobra.Command, args []string) error {
	target, rest := cmd.Root(), args
	for len(rest) > 0 {
		i := slices.IndexFunc(target.Commands(), func(c *cobra.Command) bool { return c.Name() == rest[0] })
		if i < 0 {
			return noCommand(target, rest)
		}
		target, rest = target.Commands()[i], rest[1:]
	}
	target.InitDefaultHelpFlag()
	return target.Help()
}
