package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
)

func TestEveryCommandHasAnExampleThatNamesItself(t *testing.T) {
	root := newRoot(&bytes.Buffer{}, &bytes.Buffer{})
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if !cmd.Hidden && (cmd.Short == "" || !strings.Contains(cmd.Example, cmd.CommandPath())) {
			t.Errorf("%s: short %q, example %q", cmd.CommandPath(), cmd.Short, cmd.Example)
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
}

func TestDecimalPrintsUnitsOfTheMeasure(t *testing.T) {
	for _, c := range []struct {
		units  int64
		places int
		want   string
	}{{0, 0, "0"}, {1000, 1, "100"}, {5, 2, "0.05"}, {-5, 2, "-0.05"}, {-12345, 3, "-12.345"}, {0, 4, "0"}, {10, 0, "10"}} {
		if got := decimal(c.units, c.places); got != c.want {
			t.Errorf("decimal(%d, %d) = %s, want %s", c.units, c.places, got, c.want)
		}
	}
}

func TestTableAlignsChineseAndDisarmsControlCharacters(t *testing.T) {
	var b bytes.Buffer
	if err := writeTable(&b, sheet{head: []string{"title", "n"}, rows: [][]string{{"水质", "1"}, {"a\x1b[2Jb", "2"}}}); err != nil {
		t.Fatal(err)
	}
	want := "title   n\n水质    1\na [2Jb  2\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestPolicyIsSaidInWords(t *testing.T) {
	words := strings.Join(policyWords(catalog.Descriptor{
		Grain: catalog.GrainDay, Price: &catalog.Price{PerQuery: "10.00", Currency: "CNY"},
		Policy: catalog.Policy{Aggregates: []string{"sum"}, Grain: catalog.GrainMonth, MinCohort: 5, Cubes: [][]string{{"county"}, {"industry", "size"}}},
	}), "\n")
	for _, want := range []string{"one month", "at least 5 entities", "county; by industry and size", "10.00 CNY"} {
		if !strings.Contains(words, want) {
			t.Errorf("%q is missing in\n%s", want, words)
		}
	}
}
