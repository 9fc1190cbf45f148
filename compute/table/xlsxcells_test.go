package table_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/xuri/excelize/v2"

	"github.com/weirdata/weir/compute/table"
)

// Cells of a workbook whose text is not what they are: what is true or false is no number,
// and what has no value is a fault where the column is read.
func TestCellsOfAWorkbookWithoutAValueOfTheirOwnAreReported(t *testing.T) {
	content := book(t, func(f *excelize.File) error {
		rows := [][]any{{"A report"}, {"station", "x", "ok", "note"}, {"a", 1, true}, {nil, 2, false}, {"b", nil, true}, {"c", 4, true}, {"a note below"}, {"d", 5, true, nil}}
		for i, r := range rows {
			if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &r); err != nil {
				return err
			}
		}
		return errors.Join(f.MergeCell("Sheet1", "A1", "C1"), f.MergeCell("Sheet1", "A3", "A4"), f.MergeCell("Sheet1", "D5", "E6"),
			f.SetCellFormula("Sheet1", "B5", "B4*2"), f.SetCellFormula("Sheet1", "D8", "B4*3"))
	})
	uses := func(name string) bool { return slices.Contains([]string{"station", "x", "ok"}, name) }
	k := read(t, file("f.xlsx", content), table.Options{Wanted: []string{"station", "x"}, Uses: uses})
	want := []string{
		`4: cell A4 of sheet "Sheet1" has no value of its own: A3:A4 are merged, and A3 alone has one; undo the merge, and write the value into every cell that it is meant for; where it says of whom or when a row is, the descriptor may say merged: fill`,
		`5: cell B5 of sheet "Sheet1" is a formula without a stored value: =B4*2; open the workbook in a spreadsheet and save it, or write the value in place of the formula`,
	}
	if !slices.Equal(k.faults, want) {
		t.Errorf("got %q\nwant %q", k.faults, want)
	}
	if want := []string{"3: a|1|TRUE|", "6: c|4|TRUE|", "7: a note below|||", "8: d|5|TRUE|"}; !slices.Equal(k.rows, want) {
		t.Errorf("rows %q, want %q", k.rows, want)
	}
	k = read(t, file("f.xlsx", content), table.Options{Wanted: []string{"station", "x"}})
	if len(k.faults) != 3 || !strings.Contains(k.faults[2], "cell D8") {
		t.Errorf("all columns are read: %q", k.faults)
	}
}

// Merged cells have the value above them where that is asked for: in the columns that are to be
// filled, downwards alone, and in a header of two rows.
func TestMergedCellsAreFilledWhereThatIsDeclared(t *testing.T) {
	content := book(t, func(f *excelize.File) error {
		rows := [][]any{{"station", "month", "readings"}, {nil, nil, "x", "y"}, {"a", "2024-01", 1, 9}, {nil, "2024-02", 2, 9}, {nil, "2024-03", 3, nil}, {"b", "2024-01", 4, 9}}
		for i, r := range rows {
			if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &r); err != nil {
				return err
			}
		}
		return errors.Join(f.MergeCell("Sheet1", "A1", "A2"), f.MergeCell("Sheet1", "B1", "B2"), f.MergeCell("Sheet1", "C1", "D1"), f.MergeCell("Sheet1", "A3", "A5"), f.MergeCell("Sheet1", "D4", "D5"))
	})
	filled := 0
	o := table.Options{HeaderRow: 2, Fill: func(name string) bool { return name == "station" }, Filled: func() { filled++ }, Uses: func(name string) bool { return name != "y" }}
	k := read(t, file("f.xlsx", content), o)
	if want := []string{"3: a|2024-01|1|9", "4: a|2024-02|2|9", "5: a|2024-03|3|", "6: b|2024-01|4|9"}; !slices.Equal(k.rows, want) || len(k.faults) > 0 || filled != 2 {
		t.Errorf("rows %q, faults %q, %d filled", k.rows, k.faults, filled)
	}
	o.Uses = nil
	if k = read(t, file("f.xlsx", content), o); len(k.faults) != 1 || !strings.Contains(k.faults[0], "cell D5") {
		t.Errorf("a reading that is merged: %q", k.faults)
	}
	o.Fill = nil
	if k = read(t, file("f.xlsx", content), o); len(k.faults) == 0 {
		t.Error("merged cells are filled without a declaration")
	}
}

// A compressed workbook or Parquet file is read as what it is.
func TestCompressedWorkbooksAndParquetAreRead(t *testing.T) {
	xlsx := book(t, func(f *excelize.File) error {
		return errors.Join(f.SetSheetRow("Sheet1", "A1", &[]any{"station", "x"}), f.SetSheetRow("Sheet1", "A2", &[]any{"a", 1.5}))
	})
	type row struct {
		Station string  `parquet:"station"`
		X       float64 `parquet:"x"`
	}
	var columns bytes.Buffer
	if err := parquet.Write(&columns, []row{{"a", 1.5}}); err != nil {
		t.Fatal(err)
	}
	for kind, content := range map[string][]byte{"xlsx": xlsx, "parquet": columns.Bytes()} {
		compressed := gzipped(t, content)
		k := read(t, file("f."+kind+".gz", compressed), table.Options{})
		if len(k.faults) > 0 || k.head.Kind != kind || len(k.rows) != 1 || !strings.HasSuffix(k.rows[0], ": a|1.5") {
			t.Errorf("%s: %q %q %+v", kind, k.rows, k.faults, k.head)
		}
		k = read(t, file("f."+kind+".gz", compressed[:len(compressed)-40]), table.Options{})
		if len(k.faults) != 1 || !strings.Contains(k.faults[0], "the compressed file ends too early") {
			t.Errorf("%s, cut: %q", kind, k.faults)
		}
	}
	k := read(t, file("f.gz", gzipped(t, append([]byte("PK\x03\x04"), make([]byte, 100)...))), table.Options{})
	if len(k.faults) != 1 || !strings.Contains(k.faults[0], "is a damaged zip archive or workbook") {
		t.Errorf("what begins as an archive: %q", k.faults)
	}
}

// A compressed file that is whole has JSON that ends too early; one that was cut ends too early itself.
func TestCutJSONAndCutCompressionAreToldApart(t *testing.T) {
	whole := strings.Repeat(`{"station": "a", "pm25": 1.5}`+"\n", 500)
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"whole, cut JSON": {gzipped(t, []byte(whole+"{")), "is no JSON from here on: unexpected EOF"},
		"cut, whole JSON": {gzipped(t, []byte(whole))[:60], "the compressed file ends too early"},
	} {
		k := read(t, file("f.json.gz", c.content), table.Options{})
		if len(k.faults) != 1 || !strings.Contains(k.faults[0], c.want) {
			t.Errorf("%s: %q, wanted is %q", name, k.faults, c.want)
		}
	}
}

func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
