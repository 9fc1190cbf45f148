package cli

import (
	"context"
	"errors"
	"math"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client"
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

// List is the command "list" of one kind of things.
type List[T any] struct {
	Short, Example string
	Name           string   // what an object has the list under, with -o json
	Who            KeyOwner // whose key is used
	Read           func(context.Context, *client.Client, client.ListOptions) ([]T, error)
	Table          func([]T) term.Table
	// Grows says that the list grows with use: it has the flag --limit. Without the flag
	// everything is listed, the oldest first.
	Grows bool
}

// Command returns the command.
func (l List[T]) Command(a *App) *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "list", Short: l.Short, Example: l.Example, Args: Exactly(0, "no arguments")}
	if l.Grows {
		cmd.Flags().IntVar(&limit, "limit", 0, "only the newest `N`, the newest first; default: all, the oldest first")
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if limit < 0 || limit == 0 && cmd.Flags().Changed("limit") {
			return Usagef(cmd, "--limit is %d, want a number from 1 on", limit)
		}
		return a.With(l.Who, func(c *client.Client) error {
			list, err := l.Read(cmd.Context(), c, client.ListOptions{Newest: limit > 0, Limit: limit})
			if err != nil {
				return err
			}
			// An empty list is [] in JSON, not null.
			return a.Print(map[string]any{l.Name: append([]T{}, list...)}, l.Table(list))
		})
	}
	return cmd
}
