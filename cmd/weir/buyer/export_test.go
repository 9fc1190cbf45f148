package buyer

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/compute/result"
)

// Names that others chose are no formulas where a spreadsheet opens them; figures and numbers stay.
func TestNamesAreNoFormulasInASpreadsheet(t *testing.T) {
	table := &result.Table{
		Columns: []result.Column{{Name: "=firm", Type: result.TypeText}, {Name: "sum(co2)", Type: result.TypeDecimal}, {Name: "period", Type: result.TypePeriod}},
		Rows: [][]any{
			{`=HYPERLINK("http://x")`, "-1.5", "2024"}, {"@a", "-1", "2024"}, {"-b", nil, "2024"}, {"+c", "1", "2024"}, {"\td", "1", "2024"},
			{"-5.0", "1", "2024"}, {"e=1", "1", "2024"}, {nil, "1", "2024"}, {"", "1", "2024"},
		},
	}
	asTexts(table)
	var got []any
	for _, row := range table.Rows {
		got = append(got, row[0])
		if s, ok := row[1].(string); ok && s[0] == '\'' {
			t.Errorf("the figure %s", s)
		}
	}
	if d := cmp.Diff([]any{`'=HYPERLINK("http://x")`, "'@a", "'-b", "'+c", "'\td", "-5.0", "e=1", nil, ""}, got); d != "" {
		t.Error(d)
	}
	if table.Columns[0].Name != "'=firm" || table.Columns[1].Name != "sum(co2)" {
		t.Errorf("%v", table.Columns)
	}
	table.Receipt = struct {
		Seq int `json:"seq"`
	}{7}
	if !slices.Contains(about(table), [2]string{"receipt", `{"seq":7}`}) {
		t.Errorf("%v", about(table))
	}
}
