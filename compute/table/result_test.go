package table_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/xuri/excelize/v2"

	"github.com/weirdata/weir/compute/table"
)

func written() table.Sheet {
	return table.Sheet{
		Columns: []table.Column{{Name: "county"}, {Name: "n", Kind: table.IntegerCells}, {Name: "sum", Kind: table.DecimalCells, Unit: "kg"}, {Name: "avg", Kind: table.DecimalCells}, {Name: "county"}},
		Rows: [][]any{
			{"=1+1", int64(3), "12.5", "0.333333333333", "a"},
			{"南", int64(-9007199254740993), "-0.05", "1234567890123456.000000000001", nil},
			{"", nil, nil, nil, "b"},
			{"z", int64(0), "99999999999999999999999999999999999.99", "-1", "c"},
		},
		About: [][2]string{{"query", "q-1"}},
	}
}

// Every digit of every decimal is there again, and so is NULL.
func TestAResultAsParquetIsExact(t *testing.T) {
	s := written()
	var b bytes.Buffer
	if err := table.WriteParquet(&b, s); err != nil {
		t.Fatal(err)
	}
	var got kept
	f := table.File{Name: "r.parquet", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }}
	if err := table.Read(t.Context(), f, table.Options{}, &got); err != nil || len(got.faults) > 0 {
		t.Fatal(err, got.faults)
	}
	if diff := cmp.Diff([]string{"county", "n", "sum", "avg", "county 2"}, got.head.Names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	want := []string{
		"1: =1+1|3|12.50|0.333333333333|a", "2: 南|-9007199254740993|-0.05|1234567890123456.000000000001|", "3: ||||b",
		"4: z|0|99999999999999999999999999999999999.99|-1.000000000000|c",
	}
	if diff := cmp.Diff(want, got.rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	file, err := parquet.OpenFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if kind := file.Schema().Fields()[2].Type().String(); kind != "DECIMAL(38,2)" {
		t.Errorf("sum is %s", kind)
	}
	for _, about := range [][2]string{{"query", "q-1"}, {"unit of sum", "kg"}} {
		if v, ok := file.Lookup(about[0]); !ok || v != about[1] {
			t.Errorf("%s is %q", about[0], v)
		}
	}
	s.Rows[3][2] = "999999999999999999999999999999999999999.99"
	if err := table.WriteParquet(io.Discard, s); err == nil || !strings.Contains(err.Error(), "row 4 as Parquet: column sum: ") {
		t.Errorf("41 digits: %v", err)
	}
}

// A workbook's numbers are exact; a column with one that a spreadsheet would round is of texts.
func TestAResultAsWorkbookIsExact(t *testing.T) {
	var b bytes.Buffer
	s := written()
	s.Rows[3][2], s.Rows[1][1] = "7", int64(12)
	if err := table.WriteWorkbook(&b, s); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // of a buffer
	for _, c := range []struct {
		cell, want string
		text       bool
	}{
		{"A2", "=1+1", true}, {"C2", "12.5", false}, {"C3", "-0.05", false}, {"B3", "12", false}, {"D2", "0.333333333333", true}, {"D3", "1234567890123456.000000000001", true}, {"C4", "", false}, {"C5", "7", false},
	} {
		got, err := f.GetCellValue("result", c.cell, excelize.Options{RawCellValue: true})
		kind, kindErr := f.GetCellType("result", c.cell)
		text := kind == excelize.CellTypeInlineString || kind == excelize.CellTypeSharedString
		if err != nil || kindErr != nil || got != c.want || text != c.text {
			t.Errorf("%s is %q (text %v), want %q (text %v): %v %v", c.cell, got, text, c.want, c.text, err, kindErr)
		}
		if formula, err := f.GetCellFormula("result", c.cell); err != nil || formula != "" {
			t.Errorf("%s is the formula %q: %v", c.cell, formula, err)
		}
	}
	if v, err := f.GetCellValue("about", "B2"); err != nil || v != "kg" {
		t.Errorf("about: %q, %v", v, err)
	}
}
