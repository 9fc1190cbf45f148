package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
)

// commands are the makers of all commands; each file appends its own in init.
var commands []func(*app) *cobra.Command

// app is what the commands share: the three streams and the global flags.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer

	addr    string
	key     string
	dir     string
	as      string
	profile string
	output  outputFormat
	printed bool                   // a JSON document was
	state   atomic.Pointer[string] // see ifInterrupted
	notes   atomic.Int64           // that were written
}

// newRoot builds the command tree for the given streams, without input.
func newRoot(stdout, stderr io.Writer) *cobra.Command {
	return (&app{stdout: stdout, stderr: stderr}).root()
}

const about = `weir lists encrypted environmental data in a catalog and answers aggregate
queries on the ciphertexts: a buyer gets the figure, and nobody gets the readings.

Start a cluster on this machine with "weir dev --dir D", or see the whole thing
with "weir demo". The other commands find their cluster and key by --dir D.`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "weir",
		Short:         "aggregate queries on encrypted environmental data",
		Long:          about,
		Version:       programVersion(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noCommand,
		RunE:          needCommand,
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef(cmd, "%s", flagFault(cmd, err))
	})
	a.output = outputTable
	flags := root.PersistentFlags()
	flags.StringVar(&a.dir, "dir", "", "`directory` of a cluster that weir dev runs: its address and keys (or WEIR_DIR)")
	flags.StringVar(&a.addr, "addr", "", "node to ask first, as `https://HOST:PORT` (or WEIR_ADDR)")
	flags.StringVar(&a.profile, "profile", "", "`file` that pins the cluster, such as D/ready.json (or WEIR_PROFILE)")
	flags.StringVar(&a.key, "key", "", "key `file` made by weir keygen (or WEIR_KEY)")
	flags.StringVar(&a.as, "as", "", "`whose` key under --dir to use: bureau, buyer or operator")
	flags.VarP(&a.output, "output", "o", "how to print results: table, json or csv")
	for _, make := range commands {
		root.AddCommand(make(a))
	}
	completionCommand(root)
	byReader(root)
	argumentsAreUsage(root)
	a.completions(root)
	return root
}

// readers are who needs which commands, in the order in which help lists them.
var readers = []struct {
	title    string
	commands []string
}{
	{"To try it:", []string{"demo", "dev", "bench"}},
	{"For publishers:", []string{"dataset", "registry"}},
	{"For publishers and buyers:", []string{"order", "contract"}},
	{"For buyers:", []string{"query", "portfolio"}},
	{"For auditors:", []string{"evidence"}},
	{"For operators:", []string{"keygen", "principal", "operator", "node"}},
	{"Else:", []string{"completion", "help"}},
}

// byReader groups the commands by who needs them, and gives the root an example of
// each.
func byReader(root *cobra.Command) {
	var examples []string
	for i, r := range readers {
		id := strconv.Itoa(i)
		root.AddGroup(&cobra.Group{ID: id, Title: r.title})
		for _, name := range r.commands {
			for _, cmd := range root.Commands() {
				if cmd.Name() == name {
					cmd.GroupID = id
					first, _, _ := strings.Cut(cmd.Example, "\n")
					examples = append(examples, strings.TrimSuffix(first, " \\"))
				}
			}
		}
	}
	root.Example = strings.Join(examples, "\n")
}

// argumentsAreUsage makes every complaint about arguments a usage error,
// whichever checker a command uses.
func argumentsAreUsage(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			var usage *usageError
			if err == nil || errors.As(err, &usage) {
				return err
			}
			return usagef(cmd, "%s", err)
		}
	}
	for _, sub := range cmd.Commands() {
		argumentsAreUsage(sub)
	}
}

// group is a command that only has subcommands.
func group(use, short, example string, subcommands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Example: example, Args: noCommand, RunE: needCommand}
	cmd.AddCommand(subcommands...)
	return cmd
}

// noCommand refuses a misspelt subcommand and names near ones.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	near := cmd.SuggestionsFor(args[0])
	if len(near) == 0 {
		return usagef(cmd, "unknown command %q for %q", args[0], cmd.CommandPath())
	}
	return usagef(cmd, "unknown command %q for %q, did you mean %s?", args[0], cmd.CommandPath(), strings.Join(near, " or "))
}

func needCommand(cmd *cobra.Command, _ []string) error {
	return usagef(cmd, "%s needs a command", cmd.CommandPath())
}

// exactly requires n arguments, which what describes.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usagef(cmd, "%s takes %s, not %s", cmd.CommandPath(), what, counted(len(args), "argument", "arguments"))
		}
		return nil
	}
}

// atLeast requires n arguments or more.
func atLeast(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return usagef(cmd, "%s takes %s", cmd.CommandPath(), what)
		}
		return nil
	}
}

// note tells the person at the terminal something that is not a result.
func (a *app) note(format string, args ...any) {
	a.notes.Add(1)
	fmt.Fprintf(a.stderr, "weir: "+format+"\n", args...) //nolint:errcheck // there is nowhere left to say so
}

// setting is the flag's value, else the environment variable's.
func setting(flag, variable string) string {
	if flag != "" {
		return flag
	}
	return os.Getenv(variable)
}
