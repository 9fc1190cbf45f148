package cli

import (
	"errors"
	"math"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"
)

// Titles of the groups of commands in the help, which are their GroupIDs: who needs a
// command.
const (
	ToTry                  = "To try it:"
	ForPublishers          = "For publishers:"
	ForPublishersAndBuyers = "For publishers and buyers:"
	ForBuyers              = "For buyers:"
	ForAuditors            = "For auditors:"
	ForOperators           = "For operators:"
	Else                   = "Else:"
)

// Groups are the groups in the order in which the help lists them.
var Groups = []string{ToTry, ForPublishers, ForPublishersAndBuyers, ForBuyers, ForAuditors, ForOperators, Else}

// Group returns a command that only has subcommands, under a title of the help.
func Group(title, use, short, example string, subcommands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, GroupID: title, Short: short, Example: example, Args: NoCommand, RunE: NeedCommand}
	cmd.AddCommand(subcommands...)
	return cmd
}

// NoCommand refuses a misspelt subcommand and names near ones.
func NoCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	near := cmd.SuggestionsFor(args[0])
	if len(near) == 0 {
		return Usagef(cmd, "unknown command %q for %q", args[0], cmd.CommandPath())
	}
	return Usagef(cmd, "unknown command %q for %q, did you mean %s?", args[0], cmd.CommandPath(), strings.Join(near, " or "))
}

// NeedCommand refuses a command line that ends before its command.
func NeedCommand(cmd *cobra.Command, _ []string) error {
	return Usagef(cmd, "%s needs a command", cmd.CommandPath())
}

// Exactly requires n arguments, which what describes.
func Exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return Usagef(cmd, "%s takes %s, not %s", cmd.CommandPath(), what, english.Plural(len(args), "argument", "arguments"))
		}
		return nil
	}
}

// AtLeast requires n arguments or more, which what describes.
func AtLeast(n int, what string) cobra.PositionalArgs { return Between(n, math.MaxInt, what) }

// Between requires least to most arguments, which what describes.
func Between(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return Usagef(cmd, "%s takes %s", cmd.CommandPath(), what)
		}
		return nil
	}
}

// ArgumentsAreUsage makes every complaint about arguments a usage error,
// whichever checker a command uses.
func ArgumentsAreUsage(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			if _, usage := errors.AsType[*UsageError](err); err == nil || usage {
				return err
			}
			return Usagef(cmd, "%s", err)
		}
	}
	for _, sub := range cmd.Commands() {
		ArgumentsAreUsage(sub)
	}
}
