package state

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog/puritytest"
)

func TestImportsArePure(t *testing.T) {
	puritytest.Imports(t,
		"bytes", "cmp", "crypto/ed25519", "crypto/sha256", "encoding/binary", "encoding/hex", "encoding/json", "errors", "fmt", "hash", "maps",
		"math", "math/big", "math/bits", "regexp", "slices", "strconv", "strings", "sync", "unicode", "unicode/utf8",
		"github.com/bits-and-blooms/bitset",
		"github.com/weirdata/weir/catalog", "github.com/weirdata/weir/catalog/caps", "github.com/weirdata/weir/catalog/checked", "github.com/weirdata/weir/catalog/assignment", "github.com/weirdata/weir/catalog/calendar", "github.com/weirdata/weir/catalog/decimal", "github.com/weirdata/weir/catalog/disclosure", "github.com/weirdata/weir/catalog/granting", "github.com/weirdata/weir/catalog/judge",
		"github.com/weirdata/weir/catalog/records", "github.com/weirdata/weir/catalog/resharing", "github.com/weirdata/weir/catalog/view", "github.com/weirdata/weir/catalog/attest", "github.com/weirdata/weir/catalog/wellformed", "github.com/weirdata/weir/catalog/tables", "github.com/weirdata/weir/catalog/roster",
		"github.com/weirdata/weir/catalog/recovery", "github.com/weirdata/weir/catalog/custody", "github.com/weirdata/weir/catalog/shortform", "github.com/weirdata/weir/catalog/records/overlay", "github.com/weirdata/weir/catalog/polynomial", // pure themselves
	)
}

func TestNothingDependsOnTheOrderOfAMap(t *testing.T) { puritytest.Order(t, 50) }

// TestEveryRefusalRuleHasATest looks for the name of each rule of this package, of judge and
// of catalog in their tests.
func TestEveryRefusalRuleHasATest(t *testing.T) {
	rule := regexp.MustCompile(`(?:Refuse\((?:catalog\.)?Refused[A-Za-z]+, |Conflict\(|Forbidden\(|r\.Rule = )"([a-z_]+)"`)
	var rules []string
	var tests strings.Builder
	for _, path := range sources(t) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, "_test.go") {
			tests.Write(b)
			continue
		}
		for _, m := range rule.FindAllStringSubmatch(string(b), -1) {
			rules = append(rules, m[1])
		}
	}
	slices.Sort(rules)
	rules = slices.Compact(rules)
	if len(rules) < 30 {
		t.Fatalf("only the rules %v were found", rules)
	}
	for _, r := range rules {
		if !strings.Contains(tests.String(), `"`+r+`"`) {
			t.Errorf("no test expects the refusal %q", r)
		}
	}
}

// sources are the Go files of catalog, of judge and of this package, tests included.
func sources(t *testing.T) (paths []string) {
	t.Helper()
	for _, dir := range []string{"..", "../custody", "../judge", "../records", "../recovery", "../roster", "../view", "."} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".go") {
				paths = append(paths, filepath.Join(dir, e.Name()))
			}
		}
	}
	return paths
}
