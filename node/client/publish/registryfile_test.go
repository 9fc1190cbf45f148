package publish

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/simplifiedchinese"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/compute/panel"
)

func registryFile(csv string, columns []string) RegistryFile {
	open := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(csv)), nil }
	return RegistryFile{File: panel.File{Name: "f.csv", Open: open}, ID: "firms", IDColumn: "firm", Columns: columns}
}

func TestRegistryFileIsReadWithItsColumnsInOrder(t *testing.T) {
	csv := "\xef\xbb\xbfcounty, firm ,note\r\neast,a1,\"one, two\"\r\nwest,a2,\r\n,,\r\n"
	want := RegistryTable{ID: "firms", IDColumn: "firm", Columns: []string{"county", "note"},
		Rows: [][]string{{"a1", "east", "one, two"}, {"a2", "west", ""}}}
	for name, text := range map[string]string{"plain": csv, "line feeds": strings.ReplaceAll(csv, "\r\n", "\n"), "gzip": zipped(t, csv)} {
		table, err := ReadRegistryFile(t.Context(), registryFile(text, nil))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, table); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	ordered, err := ReadRegistryFile(t.Context(), registryFile(csv, []string{"note", "county"}))
	if err != nil {
		t.Fatal(err)
	}
	if ordered.Rows[1][2] != "west" {
		t.Errorf("the registry's own order was not taken: %v", ordered.Rows)
	}
}

// Bureaus' spreadsheets are in GB 18030, with Chinese headers, and queries ask for
// columns by other names.
func TestARegistryFileInChineseIsReadAndRenamed(t *testing.T) {
	text, err := simplifiedchinese.GB18030.NewEncoder().String("统一社会信用代码,县区,行业\n91131101MA0001,桃城区,化工\n91131101MA0002,冀州区,钢铁\n")
	if err != nil {
		t.Fatal(err)
	}
	f := registryFile(text, nil)
	f.Rename = map[string]string{"统一社会信用代码": "firm", "县区": "county", "行业": "industry"}
	for _, f.Open = range []func() (io.ReadCloser, error){f.Open, registryFile(zipped(t, text), nil).Open} {
		table, err := ReadRegistryFile(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		want := RegistryTable{ID: "firms", IDColumn: "firm", Columns: []string{"county", "industry"},
			Rows: [][]string{{"91131101MA0001", "桃城区", "化工"}, {"91131101MA0002", "冀州区", "钢铁"}}}
		if diff := cmp.Diff(want, table); diff != "" {
			t.Error(diff)
		}
	}
	f.Rename = map[string]string{"统一社会信用代码": "firm", "县": "county"}
	_, err = ReadRegistryFile(t.Context(), f)
	for _, want := range []string{
		`f.csv:1: column 县: is to be renamed, and is not in the header; the header has "统一社会信用代码", "县区", "行业"`,
		`f.csv:1: column 县区: cannot be asked for by this name; give it one of lower-case letters, digits and _, neither entity nor period: --rename 县区=NAME`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, text)
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFaultsOfARegistryFileNameRowAndColumn(t *testing.T) {
	for name, c := range map[string]struct {
		csv     string
		columns []string
		row     int
		column  string
		message string
	}{
		"empty":           {"", nil, 0, "", "empty"},
		"no rows":         {"firm,county\n", nil, 1, "", "no rows"},
		"no id column":    {"county\neast\n", nil, 1, "firm", "not in the header"},
		"column twice":    {"firm,x,x\na,b,c\n", nil, 1, "x", "twice"},
		"empty id":        {"firm,county\n,east\n", nil, 2, "firm", "is empty"},
		"id twice":        {"firm,county\na,east\nb,east\na,west\n", nil, 4, "firm", "row 2 already"},
		"too few fields":  {"firm,county\na\n", nil, 2, "", "has 1 fields"},
		"bare quote":      {"firm,county\na,b\"c\n", nil, 2, "", "quotes do not match"},
		"open quote":      {"firm,county\na,\"b\n", nil, 2, "", "quotes do not match"},
		"no encoding":     {"firm,county\na,\xff\xff\n", nil, 2, "", "neither UTF-8 nor GB 18030"},
		"a workbook":      {"PK\x03\x04", nil, 0, "", "a damaged zip archive or workbook"},
		"cut gzip":        {zipped(t, "firm,county\na,east\n")[:20], nil, 0, "", "ends too early"},
		"missing column":  {"firm\na\n", []string{"county"}, 1, "county", "not in the header"},
		"column too many": {"firm,county,x\na,b,c\n", []string{"county"}, 1, "x", "not a column"},
		"no name":         {"firm,County\na,b\n", nil, 1, "County", "cannot be asked for by this name"},
		"taken name":      {"firm,period\na,b\n", nil, 1, "period", "cannot be asked for by this name"},
		"two lines":       {"firm,note\na,\"b\nc\"\n", nil, 2, "note", `"b\nc" cannot stand in a registry`},
		"long":            {"firm,note\na," + strings.Repeat("x", 257) + "\n", nil, 2, "note", "cannot stand in a registry"},
	} {
		_, err := ReadRegistryFile(t.Context(), registryFile(c.csv, c.columns))
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
	_, err := ReadRegistryFile(t.Context(), registryFile(many, nil))
	var faults *panel.Errors
	if !errors.As(err, &faults) || faults.Total != 99 || len(faults.List) != maxFaults {
		t.Errorf("%v", err)
	}
}

func FuzzReadRegistryCSV(f *testing.F) {
	f.Add("firm,county\na,east\n")
	f.Add("firm\n\"a\n\"\n")
	f.Add("\xef\xbb\xbffirm,firm\n,")
	f.Add("firm,county\na,\xcc\xd2\xb3\xc7\n")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := ReadRegistryFile(t.Context(), registryFile(text, nil))
		if err != nil {
			var faults *panel.Errors
			if !errors.As(err, &faults) || faults.Total == 0 {
				t.Fatalf("untyped error %v", err)
			}
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
			b, err := json.Marshal(chunk)
			if err != nil {
				t.Fatal(err)
			}
			if size := len(b); size > 256<<10 {
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
