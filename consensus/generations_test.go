package consensus

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// How package pairs names the generations of a state.
const (
	currentFile      = "CURRENT"
	generationPrefix = "gen-"
)

func generationName(n int) string { return fmt.Sprintf("%s%08d", generationPrefix, n) }

// currentGeneration is the one of a ledger's state that counts.
func currentGeneration(t *testing.T, l *Ledger) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(l.opts.Dir, dirState, currentFile))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}
