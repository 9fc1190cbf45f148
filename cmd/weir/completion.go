package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
)

// addCompletionAndHelp adds cobra's own commands, with the short text and the examples that
// all commands have.
func addCompletionAndHelp(root *cobra.Command) (added []*cobra.Command) {
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "completion":
			cmd.Short, cmd.Args, cmd.RunE = "print what makes a shell complete commands, names and files", cli.NoCommand, cli.NeedCommand
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
		default:
			continue
		}
		cmd.GroupID = cli.Else
		added = append(added, cmd)
	}
	return added
}

// helpOf prints a command's help. One that there is not is a usage error, as it is
// everywhere else.
func helpOf(cmd *cobra.Command, args []string) error {
	target, rest := cmd.Root(), args
	for len(rest) > 0 {
		i := slices.IndexFunc(target.Commands(), func(c *cobra.Command) bool { return c.Name() == rest[0] })
		if i < 0 {
			return cli.NoCommand(target, rest)
		}
		target, rest = target.Commands()[i], rest[1:]
	}
	target.InitDefaultHelpFlag()
	return target.Help()
}
