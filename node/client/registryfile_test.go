package client

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/compute/panel"
)

func TestRegistryFileIsReadWithItsColumnsInOrder(t *testing.T) {
	csv := "\xef\xbb\xbfcounty,firm,note\r\neast,a1,\"two\nlines\"\r\nwest,a2,\r\n"
	table, err := ReadRegistryCSV("f.csv", strings.NewReader(csv), "firms", "firm", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := RegistryTable{ID: "firms", IDColumn: "firm", Columns: []string{"county", "note"},
		Rows: [][]string{{"a1", "east", "two\nlines"}, {"a2", "west", ""}}}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Error(diff)
	}
	ordered, err := ReadRegistryCSV("f.csv", strings.NewReader(csv), "firms", "firm", []string{"note", "county"})
	if err != nil {
		t.Fatal(err)
	}
	if ordered.Rows[1][2] != "west" {
		t.Errorf("the registry's own order was not taken: %v", ordered.Rows)
	}
}

func TestFaultsOfARegistryFileNameRowAndColumn(t *testing.T) {
	for name, c := range map[string]struct {
		csv     string
		columns []string
		row     int
		column  string
		message string
	}{
		"empty":           {"", nil, 1, "", "empty"},
		"no rows":         {"firm,county\n", nil, 1, "", "no rows"},
		"no id column":    {"county\neast\n", nil, 1, "firm", "not in the header"},
		"column twice":    {"firm,x,x\na,b,c\n", nil, 1, "x", "twice"},
		"empty id":        {"firm,county\n,east\n", nil, 2, "firm", "is empty"},
		"id twice":        {"firm,county\na,east\nb,east\na,west\n", nil, 4, "firm", "row 2 already"},
		"too few fields":  {"firm,county\na\n", nil, 2, "", "fields"},
		"bare quote":      {"firm,county\na,b\"c\n", nil, 2, "", "bare"},
		"not UTF-8":       {"firm,county\na,\xba\xe2\xcb\xae\n", nil, 0, "", "not UTF-8"},
		"missing column":  {"firm\na\n", []string{"county"}, 1, "county", "not in the header"},
		"column too many": {"firm,county,x\na,b,c\n", []string{"county"}, 1, "x", "not a column"},
	} {
		_, err := ReadRegistryCSV("f.csv", strings.NewReader(c.csv), "firms", "firm", c.columns)
		var faults *panel.Errors
		if !errors.As(err, &faults) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f := faults.List[0]
		if f.Row != c.row || f.Column != c.column || !strings.Contains(f.Message, c.message) || f.File != "f.csv" {
			t.Errorf("%s: %+v", name, f)
		}
	}
	many := "firm,county\n" + strings.Repeat("a,east\n", 100)
	_, err := ReadRegistryCSV("f.csv", strings.NewReader(many), "firms", "firm", nil)
	var faults *panel.Errors
	if !errors.As(err, &faults) || faults.Total != 99 || len(faults.List) != maxFaults {
		t.Errorf("%v", err)
	}
}

func FuzzReadRegistryCSV(f *testing.F) {
	f.Add("firm,county\na,east\n")
	f.Add("firm\n\"a\n\"\n")
	f.Add("\xef\xbb\xbffirm,firm\n,")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := ReadRegistryCSV("f", strings.NewReader(text), "r", "firm", nil)
		if err != nil {
			return
		}
		ids := map[string]bool{}
		for _, row := range table.Rows {
			if len(row) != len(table.Columns)+1 || row[0] == "" || ids[row[0]] {
				t.Fatalf("row %q of columns %q", row, table.Columns)
			}
			ids[row[0]] = true
		}
	})
}

func TestRowChunksKeepAllRowsInOrderAndFitAnEnvelope(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.OneOf(rapid.StringN(0, 40, 60), rapid.Just(strings.Repeat("<", 200)), rapid.Just(strings.Repeat("水", 80)))
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, 1, 5), 1, 20).Draw(t, "rows")
		var all [][]string
		for range rapid.IntRange(1, 400).Draw(t, "times") {
			all = append(all, rows...)
		}
		var got [][]string
		for rest := all; len(rest) > 0; {
			chunk := rowChunk(rest)
			if size := len(mustJSON(t, chunk)); size > 256<<10 {
				t.Fatalf("a chunk of %d bytes", size)
			}
			got = append(got, chunk...)
			rest = rest[len(chunk):]
		}
		if len(got) != len(all) {
			t.Fatalf("%d of %d rows", len(got), len(all))
		}
	})
}
