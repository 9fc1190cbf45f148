package main

import (
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
)

// words splits a line as a shell does, as far as examples go: blanks outside of
// quotes separate.
func words(line string) []string {
	var out []string
	var word strings.Builder
	quote, open := rune(0), false
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, open = c, true
		case quote == 0 && c == ' ':
			if open {
				out = append(out, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(c)
			open = true
		}
	}
	if open {
		out = append(out, word.String())
	}
	return out
}

// exampleLines are the commands of an example, without what is the shell's.
func exampleLines(cmd *cobra.Command) []string {
	var out []string
	for line := range strings.Lines(strings.ReplaceAll(cmd.Example, "\\\n", "")) {
		line = strings.TrimSpace(line)
		line, _, _ = strings.Cut(line, " > ")
		line, _, _ = strings.Cut(line, " | ")
		line = strings.TrimSuffix(strings.TrimPrefix(line, "source <("), ")")
		if line != "" {
			out = append(out, strings.TrimSuffix(line, " &"))
		}
	}
	return out
}

// An example that does not parse is worse than none: every line of every command's
// example is a command with flags and arguments that it takes.
func TestEveryExampleIsACommandThatParses(t *testing.T) {
	seen := 0
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, line := range exampleLines(cmd) {
			seen++
			root := newRoot(&cli.App{Stdout: io.Discard, Stderr: io.Discard})
			parts := words(line)
			if parts[0] != "weir" {
				t.Errorf("%s: %q is no command of weir", cmd.CommandPath(), line)
				continue
			}
			target, rest, err := root.Find(parts[1:])
			if err == nil {
				err = target.ParseFlags(rest)
			}
			if err == nil {
				err = target.ValidateArgs(target.Flags().Args())
			}
			group := reflect.ValueOf(target.RunE).Pointer() == reflect.ValueOf(cli.NeedCommand).Pointer()
			if err != nil || !target.Runnable() || group {
				t.Errorf("%s: %q is taken for %q: %v", cmd.CommandPath(), line, target.CommandPath(), err)
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(&cli.App{Stdout: io.Discard, Stderr: io.Discard}))
	if seen < 40 {
		t.Errorf("only %d examples were found", seen)
	}
}

// `weir help` lists every command, under who needs it, with an example.
func TestHelpHasAnExampleOfEveryCommand(t *testing.T) {
	root := newRoot(&cli.App{Stdout: io.Discard, Stderr: io.Discard})
	for _, cmd := range root.Commands() {
		if cmd.Hidden {
			continue // for packages
		}
		if cmd.GroupID == "" {
			t.Errorf("%s is in no group of the help", cmd.Name())
		}
		if !strings.Contains(root.Example, "weir "+cmd.Name()) {
			t.Errorf("the help has no example of %s", cmd.Name())
		}
	}
}

// completed are the commands whose arguments a shell completes, and the flags whose values
// it completes, whichever command has them.
var (
	completedCommands = []string{
		"dataset show", "dataset answerable", "dataset append", "dataset withdraw", "dataset publish", "dataset amend", "dataset remember",
		"registry append", "registry correct", "registry publish", "order show", "order approve", "order refuse",
		"contract show", "contract statement", "contract suspend", "contract resume", "contract revoke",
		"portfolio show", "portfolio drop", "portfolio register", "principal add", "evidence verify",
		"operator found", "operator sign", "operator profile", "node accept",
	}
	completedFlags = []string{
		"dataset", "registry", "contract", "join-contract", "as", "output", "role", "log-level", "finest", "aggregates",
	}
)

// Names of what the cluster has, words and files are completed.
func TestNamesWordsAndFilesAreCompleted(t *testing.T) {
	root := newRoot(&cli.App{Stdout: io.Discard, Stderr: io.Discard})
	flags := map[string]bool{}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, name := range completedFlags {
			if cmd.LocalFlags().Lookup(name) == nil {
				continue
			}
			flags[name] = true
			if _, there := cmd.GetFlagCompletionFunc(name); !there {
				t.Errorf("%s --%s is not completed", cmd.CommandPath(), name)
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
	for _, path := range completedCommands {
		cmd, _, err := root.Find(strings.Fields(path))
		if err != nil || cmd.CommandPath() != "weir "+path || cmd.ValidArgsFunction == nil {
			t.Errorf("there is nothing to complete at %q: %v", path, err)
		}
	}
	for _, name := range completedFlags {
		if !flags[name] {
			t.Errorf("no command has a flag --%s", name)
		}
	}
}

// Words of the policy are completed from the table of its fields.
func TestWordsOfThePolicyAreCompleted(t *testing.T) {
	root := newRoot(&cli.App{Stdout: io.Discard, Stderr: io.Discard})
	for _, path := range [][]string{{"order", "create"}, {"order", "approve"}} {
		cmd, _, err := root.Find(path)
		if err != nil {
			t.Fatal(err)
		}
		for flag, want := range map[string]string{"aggregates": "stddev_pop", "finest": "quarter"} {
			complete, there := cmd.GetFlagCompletionFunc(flag)
			if !there {
				t.Fatalf("%s --%s is not completed", cmd.CommandPath(), flag)
			}
			if words, _ := complete(cmd, nil, ""); !slices.Contains(words, want) {
				t.Errorf("%s --%s is completed by %v", cmd.CommandPath(), flag, words)
			}
		}
	}
}
