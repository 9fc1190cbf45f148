package result

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Names that others chose are no formulas where a spreadsheet opens them; figures and numbers stay.
func TestNamesAreNoFormulasInASpreadsheet(t *testing.T) {
	table := &Table{
		Columns: []Column{{Name: "=firm", Type: TypeText}, {Name: "sum(co2)", Type: TypeDecimal}, {Name: "period", Type: TypePeriod}},
		Rows: [][]any{
			{`=HYPERLINK("http://x")`, "-1.5", "2024"}, {"@a", "-1", "2024"}, {"-b", nil, "2024"}, {"+c", "1", "2024"}, {"\td", "1", "2024"},
			{"-5.0", "1", "2024"}, {"e=1", "1", "2024"}, {nil, "1", "2024"}, {"", "1", "2024"},
		},
	}
	table.AsTexts()
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
	if !slices.Contains(table.about(), [2]string{"receipt", `{"seq":7}`}) {
		t.Errorf("%v", table.about())
	}
}
