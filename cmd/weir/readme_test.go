package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// walked is a command of the README with what is printed below it.
type walked struct {
	command string
	output  []string
}

// walksOf are the commands of the section "Four walks", in order, and its descriptor.
func walksOf(t *testing.T) (walks []walked, descriptor string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(b), "## Four walks")
	section, _, ends := strings.Cut(section, "\n## ")
	if !found || !ends {
		t.Fatal("the README has no section of four walks")
	}
	parts := strings.Split(section, "```")
	for i := 1; i < len(parts); i += 2 {
		kind, block, _ := strings.Cut(parts[i], "\n")
		switch kind {
		case "yaml":
			descriptor = block
		case "console":
			walks = append(walks, commandsOf(block)...)
		}
	}
	return walks, descriptor
}

// commandsOf splits a console block. A command goes on in lines that begin with ">",
// and while a quote is open.
func commandsOf(block string) []walked {
	var out []walked
	for line := range strings.Lines(block) {
		line = strings.TrimRight(line, "\n")
		last := len(out) - 1
		if text, begins := strings.CutPrefix(line, "$ "); begins {
			out = append(out, walked{command: text})
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
var changing = regexp.MustCompile(`\b[ocpq]-[0-9a-f]{4,}…?|\b[0-9a-f]{8,}…?|\d{4}-\d\d-\d\dT[0-9:.]+Z|first \d+ entries|\bby n\d|\band n\d|[ocq]-…`)

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

// TestTheWalksOfTheREADMEWorkAsTheyAreWritten types what the README says, as a
// newcomer would, and compares what it says is printed.
func TestTheWalksOfTheREADMEWorkAsTheyAreWritten(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a whole cluster")
	}
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the walks are typed with %s: %v", tool, err)
		}
	}
	walks, descriptor := walksOf(t)
	here, bin := t.TempDir(), buildWeir(t)
	dir := filepath.Join(here, "weir")
	if err := os.WriteFile(filepath.Join(here, "plants.yaml"), []byte(descriptor), 0o600); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "HOME="+here, "WEIR_DIR="+dir,
		"XDG_CACHE_HOME="+filepath.Join(here, "cache"), "WEIR_ADDR=", "WEIR_KEY=", "WEIR_PROFILE=")
	runDev(t, filepath.Join(bin, "weir"), dir, env)
	ids := map[string]string{} // "o-" and "c-" → the id that was printed last
	typed := 0
	for _, w := range walks {
		if strings.HasPrefix(w.command, "weir dev") || strings.HasPrefix(w.command, "export ") {
			continue
		}
		typed++
		text := regexp.MustCompile(`\b[oc]-(…|[0-9a-f]{20})`).ReplaceAllStringFunc(w.command, func(id string) string { return ids[id[:2]] })
		cmd := exec.CommandContext(t.Context(), "bash", "-c", strings.ReplaceAll(text, "/tmp/weir", dir))
		cmd.Dir, cmd.Env = here, env
		out, err := cmd.CombinedOutput()
		if failing := len(w.output) > 0 && strings.HasPrefix(w.output[0], "weir: "); err != nil && !failing {
			t.Errorf("$ %s\n%v\n%s", text, err, out)
		}
		if missing := missingLines(w.output, string(out)); len(missing) > 0 {
			t.Errorf("$ %s\nprints\n%s\nand not\n%s", text, out, strings.Join(missing, "\n"))
		}
		for _, id := range regexp.MustCompile(`\b[oc]-[0-9a-f]{20}\b`).FindAllString(string(out), -1) {
			ids[id[:2]] = id
		}
	}
	if typed < 25 {
		t.Errorf("only %d commands were typed", typed)
	}
}

// buildWeir builds the program and returns its directory.
func buildWeir(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, "weir"), ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// runDev runs a cluster in dir until the test ends.
func runDev(t *testing.T, weir, dir string, env []string) {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.Command(weir, "dev", "--dir", dir)
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
func TestWhatTheREADMESaysIsPrintedIsLookedFor(t *testing.T) {
	got := "weir: query q-7c2c94e5750ea442151b\norder                   contract\no-af2c0cbfc0b13aac39d3  c-2792dec8ce4022846c8e\nnorth   1344.0\n2 rows\n"
	for _, c := range []struct {
		want    []string
		missing int
	}{
		{[]string{"order  contract", "o-65063278d31b9fa7cbd4  c-467ed953be3aaa1f422a", "north 1344.0"}, 0},
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
}
