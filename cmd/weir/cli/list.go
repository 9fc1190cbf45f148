package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client"
)

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
