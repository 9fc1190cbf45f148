//go:build unix

package operator

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestScratchChild is not a test of its own: TestTheNextDrillRemovesWhatAKilledOneLeft kills it.
func TestScratchChild(t *testing.T) {
	beside := os.Getenv("WEIR_TEST_SCRATCH")
	if beside == "" {
		t.Skip("run by another test")
	}
	s, err := newScratch(beside)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.ledger(), "state"), []byte("in the clear"), 0o600); err != nil {
		t.Fatal(err)
	}
	fmt.Println("has", s.dir)
	select {}
}

func TestTheNextDrillRemovesWhatAKilledOneLeft(t *testing.T) {
	beside := filepath.Join(t.TempDir(), "a [b] *")
	if err := os.Mkdir(beside, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestScratchChild$") //nolint:gosec // ourselves
	cmd.Env = append(os.Environ(), "WEIR_TEST_SCRATCH="+beside)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	left := ""
	for lines := bufio.NewScanner(out); left == "" && lines.Scan(); {
		left, _ = strings.CutPrefix(lines.Text(), "has ")
	}
	if left == "" {
		t.Fatal("the other process made no directory")
	}
	if said := sweepScratch(beside); len(said) != 1 || !strings.Contains(said[0], "another drill runs") {
		t.Errorf("while it runs: %q", said)
	}
	if _, err := os.Stat(filepath.Join(left, drillLedger, "state")); err != nil {
		t.Errorf("it is taken from a drill that runs: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	own, err := newScratch(beside)
	if err != nil {
		t.Fatal(err)
	}
	if said := sweepScratch(beside); len(said) != 2 || !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, left+": it is removed") }) {
		t.Errorf("after it was killed: %q", said)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("what it left is there: %v", err)
	}
	if err := own.remove(); err != nil {
		t.Fatal(err)
	}
	if said := sweepScratch(beside); len(said) > 0 {
		t.Errorf("nothing is left: %q", said)
	}
}

// What a user keeps beside the identity under such a name is none of a drill's, and nobody holds a drill up with what cannot
// be opened.
func TestADrillRemovesNothingOfItsUser(t *testing.T) {
	beside := t.TempDir()
	keep := map[string]bool{"weir-drill-results/q.json": false, "weir-drill-2026/receipt": true, "weir-drill-7/ledger": true, "weir-drill-2026-12/ledger/x": false}
	for file := range keep {
		path := filepath.Join(beside, file)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("x"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(unix.Mkfifo(filepath.Join(beside, "weir-drill-1"), 0o600), os.Symlink(beside, filepath.Join(beside, "weir-drill-2"))); err != nil {
		t.Fatal(err)
	}
	said := strings.Join(sweepScratch(beside), "\n")
	for file, told := range keep {
		if _, err := os.Stat(filepath.Join(beside, file)); err != nil {
			t.Errorf("removed: %v", err)
		}
		if dir := filepath.Join(beside, filepath.Dir(file)); strings.Contains(said, dir) != told && told {
			t.Errorf("of %s nothing is said: %q", dir, said)
		}
	}
	if strings.Contains(said, "is removed") || strings.Contains(said, "another drill runs") {
		t.Errorf("it says %q", said)
	}
}
