package main

import (
	"context"
	"iter"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/node/client"
)

// withLimit adds the flag --limit to the command of a list that grows with use, and has
// it run. Without the flag everything is listed, the oldest first.
func withLimit(cmd *cobra.Command, run func(context.Context, client.ListOptions) error) *cobra.Command {
	var limit int
	cmd.Flags().IntVar(&limit, "limit", 0, "only the newest `N`, the newest first; default: all, the oldest first")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if limit < 0 || limit == 0 && cmd.Flags().Changed("limit") {
			return usagef(cmd, "--limit is %d, want a number from 1 on", limit)
		}
		return run(cmd.Context(), client.ListOptions{Newest: limit > 0, Limit: limit})
	}
	return cmd
}

// asFar reads a list as far as the options say, for printList.
func asFar[T any](each func(*client.Client, context.Context, client.ListOptions) iter.Seq2[T, error], o client.ListOptions) func(*client.Client, context.Context) ([]T, error) {
	return func(c *client.Client, ctx context.Context) ([]T, error) { return client.Collect(each(c, ctx, o)) }
}
