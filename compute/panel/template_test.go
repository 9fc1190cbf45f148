package panel_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/weirdata/weir/compute/panel"
	sheets "github.com/weirdata/weir/compute/table"
)

// A template that is filled in is read by the descriptor that it was made of.
func TestATemplateIsReadWhenItIsFilledIn(t *testing.T) {
	src := source(t, strings.Replace(small, "{column: station, attributes: [county]}", "{registry: stations, column: station}", 1))
	ids := []string{"a", "北"}
	f := templateOf(t, src, ids)
	defer f.Close() //nolint:errcheck // a test's
	rules, err := f.GetDataValidations("readings")
	if err != nil || len(rules) != 3 || rules[0].Formula1 != "choices!$A$1:$A$2" || rules[1].Formula1 != "-10" || rules[1].Formula2 != "100" {
		t.Errorf("rules %+v, %v", rules, err)
	}
	file := filledIn(t, f, "readings", 2, []any{"a", "2024-01-01", 1.5, 0.25}, []any{"北", "2024-01-02", "", 5})
	if got, want := ofTemplate(t, src, ids, file), "a@2024-01-01 pm25=15; a@2024-01-01 co=25; 北@2024-01-02 co=500"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	long := source(t, descriptor(byStation, byMonth, twoOf, "parameter: {column: p, value: v}\n"))
	if _, err := panel.TemplateOf(long, ids); err == nil || !strings.Contains(err.Error(), "there is no template of them") {
		t.Errorf("of a long table: %v", err)
	}
}

func templateOf(t *testing.T, src *panel.Source, ids []string) *excelize.File {
	t.Helper()
	template, err := panel.TemplateOf(src, ids)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := sheets.WriteTemplate(&b, template); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// filledIn is a template with rows from one on.
func filledIn(t *testing.T, f *excelize.File, sheet string, from int, rows ...[]any) panel.File {
	t.Helper()
	for i, row := range rows {
		cell, err := excelize.CoordinatesToCellName(1, i+from)
		if err == nil {
			err = f.SetSheetRow(sheet, cell, &row)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var filled bytes.Buffer
	if err := f.Write(&filled); err != nil {
		t.Fatal(err)
	}
	return panel.File{Name: "f.xlsx", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(filled.Bytes())), nil }}
}

func ofTemplate(t *testing.T, src *panel.Source, ids []string, file panel.File) string {
	t.Helper()
	p, _, err := panel.Read(t.Context(), src, ids, []panel.File{file}, panel.Options{})
	if err != nil {
		return err.Error()
	}
	defer p.Close() //nolint:errcheck // a test's
	return values(t, p, src)
}

// A template stands where the descriptor says that the table is, has the columns of flags,
// keeps ids as texts, and has no text that Excel takes for a damage.
func TestATemplateIsOfTheDescriptorsSheetAndHeader(t *testing.T) {
	header := "2021 Total reported direct emissions of all plants"
	text := descriptor("{registry: stations, column: station}", "{column: t, grain: hour, stamp: end}",
		"  - {name: x, column: \""+header+"\", unit: kg, range: [0, 100], decimals: 1, valid: {flag: [V]}}\n", "sheet: Choices\nheader_row: 4\nrows: {kind: [hourly]}\n")
	src := source(t, text)
	ids := []string{"001", "123456789012345678", "=1+1", "1E5"}
	f := templateOf(t, src, ids)
	defer f.Close() //nolint:errcheck // a test's
	rules, err := f.GetDataValidations("Choices")
	if err != nil || len(rules) != 2 || rules[0].Formula1 != "choices2!$A$1:$A$4" || rules[0].Sqref != "A5:A10004" {
		t.Fatalf("rules %+v, %v", rules, err)
	}
	for _, r := range rules {
		if len(*r.ErrorTitle) > 32 || len(*r.Error) > 225 {
			t.Errorf("Excel does not take %q, %q", *r.ErrorTitle, *r.Error)
		}
	}
	file := filledIn(t, f, "Choices", 5, []any{"001", "2024-01-01T01", "hourly", "V", 1.5}, []any{"123456789012345678", "2024-01-01T02", "hourly", "V", 2},
		[]any{"=1+1", "2024-01-01T02", "hourly", "I", 3}, []any{"1E5", "2024-01-01T02", "daily", "V", 3})
	if got, want := ofTemplate(t, src, ids, file), "001@2024-01-01T00 x=15; 123456789012345678@2024-01-01T01 x=20"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if f := templateOf(t, src, []string{}); f.SheetCount != 1 {
		t.Errorf("of a registry without entities there is a list of them: %q", f.GetSheetList())
	}
	impossible := source(t, strings.Replace(text, "sheet: Choices", `sheet: "a/b"`, 1))
	if _, err := panel.TemplateOf(impossible, ids); err == nil || !strings.Contains(err.Error(), `sheet: "a/b", and no workbook has a sheet of this name`) {
		t.Errorf("an impossible sheet: %v", err)
	}
}
