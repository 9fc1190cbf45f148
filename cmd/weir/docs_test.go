package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/cmd/weir/cli"
)

// step is a command of a document with what is printed below it, or a file that the
// reader is told to save.
type step struct {
	document string
	command  string
	output   []string
	file     string // its name; empty: a command
	content  string
}

// guides are the documents whose commands are typed, in this order, on one cluster.
var guides = []string{"docs/publisher.md", "docs/buyer.md", "docs/operator.md", "docs/auditor.md", "../../compute/sql/LANGUAGE.md"}

// document reads a document.
func document(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// stepsOf are what a document has its reader do: console blocks are typed, and a block
// whose fence names a file, as in "yaml plants.yaml", is saved under that name.
func stepsOf(name, text string) []step {
	var steps []step
	parts := strings.Split(text, "```")
	for i := 1; i < len(parts); i += 2 {
		fence, block, _ := strings.Cut(parts[i], "\n")
		kind, file, _ := strings.Cut(fence, " ")
		switch {
		case file != "":
			steps = append(steps, step{document: name, file: file, content: block})
		case kind == "console":
			for _, s := range commandsOf(block) {
				s.document = name
				steps = append(steps, s)
			}
		}
	}
	return steps
}

// commandsOf splits a console block. A command goes on in lines that begin with ">",
// and while a quote is open.
func commandsOf(block string) []step {
	var out []step
	for line := range strings.Lines(block) {
		line = strings.TrimRight(line, "\n")
		last := len(out) - 1
		if text, begins := strings.CutPrefix(line, "$ "); begins {
			out = append(out, step{command: text})
		} else if text, goesOn := strings.CutPrefix(line, "> "); goesOn || strings.Count(out[last].command, `"`)%2 == 1 {
			out[last].command += "\n" + text
		} else {
			out[last].output = append(out[last].output, line)
		}
	}
	return out
}

// changing are what differs from run to run: ids, digests, times, sizes of the log,
// and which nodes took part.
var changing = regexp.MustCompile(`\b[ocpqv]-[0-9a-f]{4,}…?|\b[0-9a-f]{8,}…?|\d{4}-\d\d-\d\dT[0-9:.]+Z|first \d+ entries|entry \d+|\bby n\d|\band n\d|[ocq]-…`)

// plainly is a line without what changes, and with single blanks.
func plainly(line string) string {
	return strings.Join(strings.Fields(changing.ReplaceAllString(line, "*")), " ")
}

// missingLines are those of want that do not follow one another in got, others
// between them; "…" stands for any.
func missingLines(want []string, got string) []string {
	var missing []string
	lines := strings.Split(got, "\n")
	for _, w := range want {
		if w == "…" {
			continue
		}
		at := 0
		for at < len(lines) && plainly(lines[at]) != plainly(w) {
			at++
		}
		if at == len(lines) {
			missing = append(missing, w)
			continue
		}
		lines = lines[at+1:]
	}
	return missing
}

// TestGuidesWorkAsTheyAreWritten types what the guides say, as a newcomer would, and
// compares what they say is printed.
func TestGuidesWorkAsTheyAreWritten(t *testing.T) {
	longrun.Only(t)
	if testing.Short() {
		t.Skip("runs a whole cluster")
	}
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the walks are typed with %s: %v", tool, err)
		}
	}
	var steps []step
	for _, name := range guides {
		steps = append(steps, stepsOf(name, document(t, name))...)
	}
	t.Parallel()
	here := t.TempDir()
	dir := filepath.Join(here, "weir")
	env := append(os.Environ(), "GOGC="+fewCollections, "HOME="+here, "WEIR_DIR="+dir,
		"XDG_CACHE_HOME="+filepath.Join(here, "cache"), "WEIR_ADDR=", "WEIR_KEY=", "WEIR_PROFILE=")
	runDev(t, dir, append(slices.Clone(env), forBusyMachines...))
	ids := map[string]string{} // "o-", "c-" and "q-" → the id that was printed last
	typed, status := map[string]int{}, 0
	for i, s := range steps {
		if s.file != "" {
			if err := os.WriteFile(filepath.Join(here, s.file), []byte(s.content), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if strings.HasPrefix(s.command, "weir dev") || strings.HasPrefix(s.command, "export ") || strings.HasPrefix(s.command, "go install") {
			continue
		}
		typed[s.document]++
		text := idInGuide.ReplaceAllStringFunc(s.command, func(id string) string { return ids[id[:2]] })
		script := fmt.Sprintf("(exit %d)\n%s", status, strings.ReplaceAll(text, "/tmp/weir", dir))
		cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
		cmd.Dir, cmd.Env = here, env
		out, err := cmd.CombinedOutput()
		status = cmd.ProcessState.ExitCode()
		shown := len(s.output) > 0 && strings.HasPrefix(s.output[0], "weir: ") || // a refusal
			i+1 < len(steps) && steps[i+1].command == "echo $?" ||
			status == cli.ExitPartial && strings.Contains(strings.Join(s.output, " "), "withheld by policy")
		if err != nil && !shown {
			t.Errorf("%s: $ %s\n%v\n%s", s.document, text, err, out)
		}
		if missing := missingLines(s.output, string(out)); len(missing) > 0 {
			t.Errorf("%s: $ %s\nprints\n%s\nand not\n%s", s.document, text, out, strings.Join(missing, "\n"))
		}
		for _, id := range printedID.FindAllString(string(out), -1) {
			ids[id[:2]] = id
		}
	}
	for _, name := range guides {
		if typed[name] < 4 {
			t.Errorf("only %d commands of %s were typed", typed[name], name)
		}
	}
}

// idInGuide is an id as the guides write it, and printedID as weir prints it.
var (
	idInGuide = regexp.MustCompile(`\b[ocq]-(…|[0-9a-f]{8,})`)
	printedID = regexp.MustCompile(`\b[ocq]-[0-9a-f]{8,64}\b`)
)

// TestREADMEShowsATranscriptOfTheGuides holds the README's transcript against the
// guides, which are typed: every command is in one of them, with every line below it.
func TestREADMEShowsATranscriptOfTheGuides(t *testing.T) {
	var steps []step
	for _, name := range guides {
		steps = append(steps, stepsOf(name, document(t, name))...)
	}
	shown := 0
	for _, s := range stepsOf("README.md", document(t, filepath.Join("..", "..", "README.md"))) {
		if !strings.HasPrefix(s.command, "weir ") {
			continue
		}
		shown++
		at := slices.IndexFunc(steps, func(g step) bool { return plainly(g.command) == plainly(s.command) })
		if at < 0 {
			t.Errorf("no guide has the README's command\n$ %s", s.command)
		} else if missing := missingLines(s.output, strings.Join(steps[at].output, "\n")); len(missing) > 0 {
			t.Errorf("README: $ %s\n%s does not say that this is printed:\n%s", s.command, steps[at].document, strings.Join(missing, "\n"))
		}
	}
	if shown < 4 {
		t.Errorf("the README shows %d commands", shown)
	}
}

// runDev runs a cluster in dir until the test ends.
func runDev(t *testing.T, dir string, env []string) {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.Command("weir", "dev", "--host", ownHost(), "--dir", dir)
	cmd.Env, cmd.Stderr = env, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stopped := false
	t.Cleanup(func() {
		if stopped {
			return
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("weir dev ended with %v\n%s", err, said.String())
		}
	})
	tick, over := time.NewTicker(50*time.Millisecond), time.NewTimer(3*time.Minute)
	defer tick.Stop()
	defer over.Stop()
	for {
		_, err := os.Stat(filepath.Join(dir, "ready.json"))
		if err == nil {
			return
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		select {
		case <-tick.C:
		case err := <-ended:
			stopped = true
			t.Fatalf("weir dev ended with %v\n%s", err, said.String())
		case <-over.C:
			t.Fatal("the cluster is not ready after three minutes")
		}
	}
}

// The test notices what is not printed, and is told of what is left out.
func TestWhatAGuideSaysIsPrintedIsLookedFor(t *testing.T) {
	got := "weir: query q-7c2c94e5\norder       contract\no-af2c0cbf  c-2792dec8\nnorth   1344.0\n2 rows\n"
	for _, c := range []struct {
		want    []string
		missing int
	}{
		{[]string{"order  contract", "o-65063278  c-467ed953", "north 1344.0"}, 0},
		{[]string{"order contract", "…", "2 rows"}, 0},
		{[]string{"north 1344.1"}, 1},
		{[]string{"2 rows", "north 1344.0"}, 1}, // not in this order
	} {
		if missing := missingLines(c.want, got); len(missing) != c.missing {
			t.Errorf("%q: missing %q", c.want, missing)
		}
	}
	parsed := commandsOf("$ a \"b\nc\" # d\nx\n$ (e;\n>  f)\n…\n")
	if len(parsed) != 2 || parsed[0].command != "a \"b\nc\" # d" || parsed[1].command != "(e;\n f)" || len(parsed[1].output) != 1 {
		t.Errorf("parsed %q", parsed)
	}
	steps := stepsOf("x.md", "a\n```console\n$ a\nb\n```\nsave\n```yaml f.yaml\nk: v\n```\n```sql\n$ c\n```\n")
	if len(steps) != 2 || steps[0].command != "a" || steps[1].file != "f.yaml" || steps[1].content != "k: v\n" {
		t.Errorf("steps %q", steps)
	}
}
