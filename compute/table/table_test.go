package table_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/xuri/excelize/v2"

	"github.com/weirdata/weir/compute/table"
)

// kept is a sink that keeps everything.
type kept struct {
	head   table.Head
	rows   []string // line: fields
	faults []string
}

func (k *kept) Begin(h table.Head) bool { *k = kept{head: h}; return true }
func (k *kept) Row(fields []string, line int) error {
	k.rows = append(k.rows, fmt.Sprintf("%d: %s", line, strings.Join(fields, "|")))
	return nil
}
func (k *kept) Fault(line int, message, want string) {
	k.faults = append(k.faults, fmt.Sprintf("%d: %s; %s", line, message, want))
}
func (k *kept) Faulty() bool { return len(k.faults) > 0 }
func (k *kept) Discard()     { *k = kept{} }

func file(name string, content []byte) table.File {
	return table.File{Name: name, Size: int64(len(content)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
}

func read(t *testing.T, f table.File, o table.Options) *kept {
	t.Helper()
	k := &kept{}
	if err := table.Read(t.Context(), f, o, k); err != nil {
		t.Fatal(err)
	}
	return k
}

func book(t *testing.T, fill func(*excelize.File) error) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close() //nolint:errcheck // a test's
	if err := fill(f); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A workbook: the sheet and the header are found by the columns, cells are raw, and a
// binary fraction is what Excel shows of it.
func TestAWorkbookIsReadRawFromTheSheetWithTheColumns(t *testing.T) {
	content := book(t, func(f *excelize.File) error {
		rows := [][]any{{"A report"}, {}, {"station", "when", "x", "id"},
			{"a", time.Date(2024, 1, 2, 13, 0, 0, 0, time.UTC), 0.1 + 0.2, "123456789012345678"}, {"b", "2024-01-03", 12, 9.1e17}, {}, {"c"}}
		for i, r := range rows {
			if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &r); err != nil {
				return err
			}
		}
		if _, err := f.NewSheet("Notes"); err != nil {
			return err
		}
		return f.SetCellValue("Notes", "A1", "station")
	})
	k := read(t, file("f.xlsx", content), table.Options{Wanted: []string{"station", "when", "x"}})
	want := []string{"4: a|45293.5416666667|0.3|123456789012345678", "5: b|2024-01-03|12|910000000000000000", "6: |||", "7: c|||"}
	if !slices.Equal(k.rows, want) || k.head.Sheet != "Sheet1" || k.head.Row != 3 || k.head.Days != table.DaysFrom1900 || len(k.faults) > 0 {
		t.Errorf("got %q\nwant %q; %+v %q", k.rows, want, k.head, k.faults)
	}
	k = read(t, file("f.xlsx", content), table.Options{Sheet: "Other"})
	if len(k.faults) != 1 || !strings.Contains(k.faults[0], `there is no sheet "Other"; there are ["Sheet1" "Notes"]`) {
		t.Errorf("another sheet: %q", k.faults)
	}
	k = read(t, file("f.xlsx", content), table.Options{Wanted: []string{"station"}})
	if len(k.faults) != 1 || !strings.Contains(k.faults[0], `the sheets ["Sheet1" "Notes"] may be meant; name one in the descriptor: sheet: NAME`) {
		t.Errorf("two sheets: %q", k.faults)
	}
}

// Parquet's values become texts that the rest reads: exactly, and with their offset.
func TestParquetIsReadAsText(t *testing.T) {
	type inner struct {
		Unit string `parquet:"unit"`
	}
	type row struct {
		Station string    `parquet:"station"`
		At      time.Time `parquet:"at,timestamp(millisecond)"`
		Day     int32     `parquet:"day,date"`
		X       *float64  `parquet:"x,optional"`
		Y       float32   `parquet:"y"`
		Price   int64     `parquet:"price,decimal(2:18)"`
		Big     float64   `parquet:"big"`
		Meta    inner     `parquet:"meta"`
		Tags    []string  `parquet:"tags"`
	}
	x := 12.25
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b)
	_, err := w.Write([]row{
		{"a", time.Date(2024, 1, 2, 3, 0, 0, 0, time.UTC), 19724, &x, 0.1, -5, 1000001, inner{"kg"}, []string{"p", "q"}},
		{"b", time.Date(2024, 1, 2, 4, 0, 0, 5e8, time.UTC), 0, nil, -3, 12345, 1e-7, inner{"t"}, nil},
	})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	k := read(t, file("f.parquet", b.Bytes()), table.Options{})
	slices.Sort(k.head.Names)
	if !slices.Equal(k.head.Names, []string{"at", "big", "day", "meta.unit", "price", "station", "x", "y"}) {
		t.Errorf("columns %q", k.head.Names)
	}
	k = read(t, file("f.parquet", b.Bytes()), table.Options{})
	cells := func(n int) map[string]string {
		_, text, _ := strings.Cut(k.rows[n], ": ")
		out := map[string]string{}
		for i, v := range strings.Split(text, "|") {
			out[k.head.Names[i]] = v
		}
		return out
	}
	for n, want := range []map[string]string{
		{"station": "a", "at": "2024-01-02T03:00:00Z", "day": "2024-01-02", "x": "12.25", "y": "0.1", "price": "-0.05", "big": "1000001", "meta.unit": "kg"},
		{"station": "b", "at": "2024-01-02T04:00:00.5Z", "day": "1970-01-01", "x": "", "y": "-3", "price": "123.45", "big": "1E-07", "meta.unit": "t"},
	} {
		for name, v := range want {
			if got := cells(n)[name]; got != v {
				t.Errorf("row %d: %s is %q, want %q", n, name, got, v)
			}
		}
	}
	k = read(t, file("f.parquet", append([]byte("PAR1"), make([]byte, 100)...)), table.Options{})
	if len(k.faults) != 1 || !strings.Contains(k.faults[0], "is a damaged Parquet file") {
		t.Errorf("damaged: %q", k.faults)
	}
}

// A damaged workbook or Parquet file is told of, and never a panic, wherever the damage is.
func TestDamageIsAFaultOfTheFile(t *testing.T) {
	type row struct {
		S string   `parquet:"s"`
		X *float64 `parquet:"x,optional"`
	}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b)
	x := 1.5
	_, err := w.Write([]row{{"a", &x}, {"b", nil}, {"c", &x}})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	whole := map[string][]byte{
		"f.parquet": b.Bytes(),
		"f.xlsx":    book(t, func(f *excelize.File) error { return f.SetSheetRow("Sheet1", "A1", &[]any{"s", "x"}) }),
	}
	for name, content := range whole {
		for at := 4; at < len(content); at += 1 + len(content)/150 {
			damaged := slices.Clone(content)
			damaged[at] ^= 0x55
			for _, c := range [][]byte{damaged, content[:at]} {
				k := &kept{}
				if err := table.Read(t.Context(), file(name, c), table.Options{}, k); err != nil {
					t.Errorf("%s, damaged at %d: %v", name, at, err)
				}
			}
		}
	}
}

// The files in a zip archive are files of their own; a workbook, which is one too, is not
// taken apart.
func TestAnArchiveIsTheFilesInIt(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"b.csv", "sub/a.csv", "__MACOSX/b.csv", ".hidden", "sub/"} {
		in, err := w.Create(name)
		if err == nil && !strings.HasSuffix(name, "/") {
			_, err = fmt.Fprintf(in, "x,y\n%s,1\n", name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	workbook := book(t, func(f *excelize.File) error { return f.SetCellValue("Sheet1", "A1", "x") })
	files, err := table.Expand([]table.File{file("p.csv", []byte("x\n1\n")), file("a.zip", b.Bytes()), file("w.xlsx", workbook)})
	if err != nil {
		t.Fatal(err)
	}
	var names, rows []string
	for _, f := range files {
		names = append(names, f.Name)
		rows = append(rows, read(t, f, table.Options{}).rows...)
	}
	if want := []string{"p.csv", "a.zip/b.csv", "a.zip/sub/a.csv", "w.xlsx"}; !slices.Equal(names, want) {
		t.Errorf("files %q, want %q", names, want)
	}
	if want := []string{"2: 1", "2: b.csv|1", "2: sub/a.csv|1"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
}

// FuzzRead: no content makes the reader panic, or fail as if the machine were at fault.
func FuzzRead(f *testing.F) {
	f.Add([]byte("a,b\n1,2\n"), "")
	f.Add([]byte("PK\x03\x04"), "")
	f.Add([]byte("PAR1\x00\x00PAR1"), "")
	f.Add([]byte(`[{"a":{"b":1}},{"a":null}]`), "")
	f.Add([]byte(`{"a":1}{"a":`), "")
	f.Add([]byte("a\nK\xf6ln\n"), "windows-1252")
	f.Add([]byte("a\n\x81\x30\x81"), "gb18030")
	f.Fuzz(func(t *testing.T, content []byte, encoding string) {
		o := table.Options{}
		if name, err := table.EncodingName(encoding); err == nil {
			o.Encoding = name
		}
		k := &kept{}
		if err := table.Read(t.Context(), file("f", content), o, k); err != nil {
			t.Fatal(err)
		}
	})
}
