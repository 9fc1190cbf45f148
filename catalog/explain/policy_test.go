package explain

import (
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

var update = flag.Bool("update", false, "write golden files anew")

// full has something to say in every field.
func full() catalog.Descriptor {
	return catalog.Descriptor{
		Dataset: "works", Registry: "firms", Grain: calendar.Month,
		Measures: []catalog.Measure{{Name: "nox"}, {Name: "so2"}},
		Policy: catalog.Policy{
			Aggregates: []string{"count", "sum", "var"}, Grain: calendar.Quarter, MinCohort: 5, MinCoverage: "0.875",
			Cubes: [][]string{{"county"}, {"industry", "size"}}, Moments: [][2]string{{"nox", "nox"}, {"nox", "so2"}}, Joins: []string{"energy", "water"},
			Related: [][]string{{"nox", "old.nox_t"}, {"so2", "nox", "a.b"}}, Unrelated: []string{"plants", "open"}, Portfolios: 3,
			PortfolioChange: catalog.PortfolioNever, DP: &catalog.DP{EpsilonPerQuery: "0.5", EpsilonPerContract: "5", EpsilonFamily: "10", Delta: "1e-9"},
			RetentionDays: 30, Caps: map[string]string{"so2": "so2_permit", "nox": "nox_permit"}, AboveCap: catalog.AboveCapClip, VersionDays: 7,
		},
	}
}

// TestEveryFieldThatSaysSomethingIsHeard: what a publisher writes reaches people and
// machines.
func TestEveryFieldThatSaysSomethingIsHeard(t *testing.T) {
	plain := full()
	plain.Policy = catalog.Policy{Aggregates: []string{"count"}, Grain: calendar.Month, MinCohort: 2}
	for _, f := range catalog.PolicyFields() {
		if f.Name == "public" {
			continue // it silences the others, below
		}
		if a, b := f.Words(full()), f.Words(plain); a == "" || a == b {
			t.Errorf("%s: %q whatever it is", f.Name, a)
		}
		if a, b := f.ODRL(full()), f.ODRL(plain); len(a) == 0 || reflect.DeepEqual(a, b) {
			t.Errorf("%s: %v whatever it is", f.Name, a)
		}
	}
}

func TestPoliciesAreSaidInTheWordsOfTheGoldenFile(t *testing.T) {
	bare, public := full(), full()
	bare.Policy = catalog.Policy{Aggregates: []string{"sum"}, Grain: calendar.Month, MinCohort: 2}
	public.Policy = catalog.Policy{Aggregates: []string{"sum", "avg"}, Grain: calendar.Month, Public: true, Unrelated: []string{"guarded"}}
	var out strings.Builder
	for _, c := range []struct {
		name string
		d    catalog.Descriptor
	}{{"every field", full()}, {"as little as can be", bare}, {"public", public}} {
		fmt.Fprintf(&out, "# %s\n", c.name)
		for _, line := range English.Policy(c.d) {
			fmt.Fprintln(&out, line)
		}
		for _, term := range ODRL(c.d) {
			fmt.Fprintf(&out, "%s %s %q %s %q %q\n", term.Name, term.Operator, term.Value, term.Type, term.List, term.Lists)
		}
	}
	const file = "testdata/policies.txt"
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(golden) != out.String() {
		t.Errorf("got\n%s\nwant\n%s", out.String(), golden)
	}
}

// TestWhatIsReplicatedKnowsNoSentences: of the packages of the catalog none imports
// this one, but for what tests have in common.
func TestWhatIsReplicatedKnowsNoSentences(t *testing.T) {
	seen := 0
	err := filepath.WalkDir("..", func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || slices.Contains([]string{"explain", "statetest"}, filepath.Base(filepath.Dir(path))) {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		seen++
		for _, spec := range f.Imports {
			if strings.HasSuffix(spec.Path.Value, `/catalog/explain"`) {
				t.Errorf("%s imports it", path)
			}
		}
		return nil
	})
	if err != nil || seen < 20 {
		t.Fatalf("%d files, %v", seen, err)
	}
}
