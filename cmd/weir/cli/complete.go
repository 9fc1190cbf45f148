package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/node/client"
)

// completionTime is how long a shell waits for names: a person is typing.
const completionTime = 2 * time.Second

// Names are what a word of a command line may be, as the cluster knows it.
type Names struct {
	who  KeyOwner // whose key is used to ask for them
	list func(context.Context, *client.Client) ([]string, error)
}

// NamesOf are the names of what a list of the client has, asked for with a key of who. name
// returns the name of one with what it stands for after a tab, or nothing to leave it out.
func NamesOf[T any](who KeyOwner, list func(context.Context, *client.Client) ([]T, error), name func(T) string) Names {
	return Names{who, func(ctx context.Context, c *client.Client) ([]string, error) {
		all, err := list(ctx, c)
		var names []string
		for _, one := range all {
			if text := name(one); text != "" {
				names = append(names, text)
			}
		}
		return names, err
	}}
}

// Names that commands of several packages take.
var (
	DatasetNames = NamesOf(Nobody, client.Datasets.All, func(d catalog.Dataset) string {
		return d.ID + "\t" + shown.Text(d.Descriptor.Title.EN)
	})
	RegistryNames = NamesOf(Nobody, client.Registries.All, func(r catalog.Registry) string {
		return r.ID + "\t" + english.Plural(r.Rows, "entity", "entities")
	})
	ContractNames = NamesOf(Buyer, client.Contracts.All, func(k catalog.Contract) string {
		return k.ID + "\t" + k.Dataset + ", " + string(k.State)
	})
)

// CompleteName makes the shell complete the first argument of a command, and, where it
// takes files after it, these by their endings.
func (a *App) CompleteName(cmd *cobra.Command, names Names, endings ...string) *cobra.Command {
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
		switch {
		case len(args) == 0:
			return a.complete(cmd.Context(), names, begin), cobra.ShellCompDirectiveNoFileComp
		case len(endings) > 0:
			return endings, cobra.ShellCompDirectiveFilterFileExt
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return cmd
}

// CompleteFiles makes the shell complete files by their endings.
func CompleteFiles(cmd *cobra.Command, endings ...string) *cobra.Command {
	cmd.ValidArgsFunction = cobra.FixedCompletions(endings, cobra.ShellCompDirectiveFilterFileExt)
	return cmd
}

// CompleteFlag makes the shell complete the value of a command's flag.
func (a *App) CompleteFlag(cmd *cobra.Command, flag string, names Names) {
	completeFlag(cmd, flag, func(cmd *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
		return a.complete(cmd.Context(), names, begin), cobra.ShellCompDirectiveNoFileComp
	})
}

// CompleteWords makes the shell complete the value of a command's flag with one of words.
func CompleteWords(cmd *cobra.Command, flag string, words ...string) {
	completeFlag(cmd, flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

func completeFlag(cmd *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // the command has no such flag
	}
}

// complete asks the cluster for names that begin so. A cluster that cannot be asked has
// none: the shell shows no errors.
func (a *App) complete(ctx context.Context, names Names, begin string) []string {
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	c, err := a.Connect(names.who)
	if err != nil {
		return nil
	}
	defer c.Close()
	all, err := names.list(ctx, c)
	if err != nil {
		return nil
	}
	out := slices.DeleteFunc(all, func(name string) bool { return !strings.HasPrefix(name, begin) })
	if short := ShortenIDs(out...); !slices.ContainsFunc(short, func(name string) bool { return !strings.HasPrefix(name, begin) }) {
		return short // the person has not typed more digits than that
	}
	return out
}
