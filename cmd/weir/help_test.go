package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
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
			root := newRoot(&bytes.Buffer{}, &bytes.Buffer{})
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
			if err != nil || !target.Runnable() || target.HasSubCommands() {
				t.Errorf("%s: %q is taken for %q: %v", cmd.CommandPath(), line, target.CommandPath(), err)
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(&bytes.Buffer{}, &bytes.Buffer{}))
	if seen < 40 {
		t.Errorf("only %d examples were found", seen)
	}
}

// `weir help` lists every command, under who needs it, with an example.
func TestHelpHasAnExampleOfEveryCommand(t *testing.T) {
	root := newRoot(&bytes.Buffer{}, &bytes.Buffer{})
	for _, cmd := range root.Commands() {
		if cmd.GroupID == "" {
			t.Errorf("%s is in no group of the help", cmd.Name())
		}
		if !strings.Contains(root.Example, "weir "+cmd.Name()) {
			t.Errorf("the help has no example of %s", cmd.Name())
		}
	}
}

// Names and words that are completed belong to commands and flags that there are.
func TestWhatIsCompletedIsThere(t *testing.T) {
	root := newRoot(&bytes.Buffer{}, &bytes.Buffer{})
	paths, flags := map[string]*cobra.Command{}, map[string]bool{}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		paths[cmd.CommandPath()] = cmd
		for _, name := range slices.Concat(keys(flagNames), keys(flagWords)) {
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
	for _, path := range slices.Concat(keys(argumentNames), keys(fileKinds)) {
		if cmd := paths[path]; cmd == nil || cmd.ValidArgsFunction == nil {
			t.Errorf("there is nothing to complete at %q", path)
		}
	}
	for _, name := range slices.Concat(keys(flagNames), keys(flagWords)) {
		if !flags[name] {
			t.Errorf("no command has a flag --%s", name)
		}
	}
}

func keys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
