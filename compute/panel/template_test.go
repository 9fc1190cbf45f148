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
	columns, err := panel.TemplateOf(src, ids)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := sheets.WriteTemplate(&b, "readings", columns); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // a test's
	rules, err := f.GetDataValidations("readings")
	if err != nil || len(rules) != 3 || rules[0].Formula1 != "choices!$A$1:$A$2" || rules[1].Formula1 != "-10" || rules[1].Formula2 != "100" {
		t.Errorf("rules %+v, %v", rules, err)
	}
	for i, row := range [][]any{{"a", "2024-01-01", 1.5, 0.25}, {"北", "2024-01-02", "", 5}} {
		cell, err := excelize.CoordinatesToCellName(1, i+2)
		if err == nil {
			err = f.SetSheetRow("readings", cell, &row)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var filled bytes.Buffer
	if err := f.Write(&filled); err != nil {
		t.Fatal(err)
	}
	file := panel.File{Name: "f.xlsx", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(filled.Bytes())), nil }}
	p, _, err := panel.Read(t.Context(), src, ids, []panel.File{file}, panel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close() //nolint:errcheck // a test's
	if got, want := values(t, p, src), "a@2024-01-01 pm25=15; a@2024-01-01 co=25; 北@2024-01-02 co=500"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	long := source(t, descriptor(byStation, byMonth, twoOf, "parameter: {column: p, value: v}\n"))
	if _, err := panel.TemplateOf(long, ids); err == nil || !strings.Contains(err.Error(), "there is no template of them") {
		t.Errorf("of a long table: %v", err)
	}
}
