package route

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/weirdata/weir/catalog/explain"
)

// putTogether are sentences that no file says in one, by their parts there.
var putTogether = map[string][]string{
	"%.40q has more than 1 decimal":                                                                           {"%.40q has more than %s", "1 decimal"},
	"%.40q has more than %d decimals":                                                                         {"%.40q has more than %s", "%d decimals"},
	"want a plain decimal from %s to %s, or nothing where there is no reading":                                {"want a plain decimal from %s, %s", " to ", "nothing", " where there is no reading"},
	"want a plain decimal from %s to %s, and a reading in every row: the descriptor's missing is empty":       {"want a plain decimal from %s, %s", "and a reading in every row: the descriptor's missing is empty"},
	"%.80q has a row for %s already: %s:%d":                                                                   {"%.80q has %s for %s already: %s:%d", "a row"},
	"want one row for each entity and period; where there may be several say replicates: mean, first or last": {"want one row for each entity and period", "; where there may be several say replicates: mean, first or last"},
	"%.40q is more than %s, the largest of %d bits with 1 decimal":                                            {"%.40q is more than %s, the largest of %d bits with %s", "1 decimal"},
	"%.40q is more than %s, the largest of %d bits with %d decimals":                                          {"%.40q is more than %s, the largest of %d bits with %s", "%d decimals"},
}

// What the table has in English is what the packages say that read files and descriptors, and each is said in Chinese with
// everything that is in it.
func TestFaultsOfFilesAreInChinese(t *testing.T) {
	var sources strings.Builder
	for _, dir := range []string{"compute/panel", "compute/table", "compute/pcaf", "node/client/financed"} {
		files, err := filepath.Glob(filepath.Join("..", "..", "..", filepath.FromSlash(dir), "*.go"))
		if err != nil || len(files) < 4 {
			t.Fatalf("%d files, %v", len(files), err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources.Write(b)
		}
	}
	text := strings.ReplaceAll(sources.String(), `\"`, `"`)
	seen := map[string]bool{}
	for _, f := range chineseFaults() {
		if seen[f[0]] {
			t.Errorf("%q is there twice", f[0])
		}
		seen[f[0]] = true
		parts := putTogether[f[0]]
		if strings.HasPrefix(f[0], "want ") && strings.HasSuffix(f[0], "s as %s") { // a grain's
			parts = []string{`"want " + string(r.grain) + "s as "`}
		}
		if parts == nil {
			parts = verb().Split(f[0], -1)
		}
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("%q: no file says %q", f[0], part)
			}
		}
		filled := verb().ReplaceAllString(f[0], "‹arg›")
		want := strings.ReplaceAll(f[1], "%s", "‹arg›")
		if got := FaultIn(explain.Chinese, filled); got != want || strings.Count(want, "‹arg›") != strings.Count(filled, "‹arg›") || !strings.ContainsFunc(want, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%q is said as %q, want %q", filled, got, want)
		}
		if FaultIn(explain.English, filled) != filled {
			t.Errorf("%q is said otherwise in English", filled)
		}
	}
	if rare := "a fault that nobody has met"; FaultIn(explain.Chinese, rare) != rare {
		t.Error("what the table does not have is changed")
	}
}
