package table_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/weirdata/weir/compute/table"
)

// endless is a begin and then one piece again and again, as a small compressed file unfolds.
func endless(begin, piece string, size int) table.File {
	return table.File{Name: "f", Open: func() (io.ReadCloser, error) {
		again := &repeating{piece: []byte(strings.Repeat(piece, 1+4096/len(piece)))}
		return io.NopCloser(io.MultiReader(strings.NewReader(begin), io.LimitReader(again, int64(size)))), nil
	}}
}

type repeating struct {
	piece []byte
	at    int
}

func (r *repeating) Read(p []byte) (int, error) {
	n := copy(p, r.piece[r.at:])
	r.at = (r.at + n) % len(r.piece)
	return n, nil
}

// TestARowWithoutAnEndIsRefusedInLittleMemory reads files whose first row never ends. Each is
// 256 MB, and is refused after a few.
func TestARowWithoutAnEndIsRefusedInLittleMemory(t *testing.T) {
	for name, f := range map[string]table.File{
		"a text of JSON":       endless(`{"a":"`, "x", 256<<20),
		"white space of JSON":  endless(`{"a":1`, " \n", 256<<20),
		"a list in JSON":       endless(`[{"a":[1`, ",1", 256<<20),
		"objects in objects":   endless(`{"a":1,"b":`, `{"b":`, 256<<20),
		"lists in lists":       endless(`{"a":1,"b":`, `[`, 256<<20),
		"line ends in a quote": endless("a,b\n\"", "\n", 256<<20),
		"a line":               endless("a,b\n", "x", 256<<20),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		k := read(t, f, table.Options{})
		runtime.ReadMemStats(&after)
		if len(k.faults) != 1 || len(k.rows) > 0 {
			t.Errorf("%s: %d rows, %q; want one fault", name, len(k.rows), k.faults)
		}
		if strings.Contains(name, "JSON") && !strings.Contains(k.faults[0], ": object 1 is longer") {
			t.Errorf("%s: %q", name, k.faults)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 128<<20 {
			t.Errorf("%s: %d MB were allocated", name, used>>20)
		}
	}
}

// A list of JSON is read object by object.
func TestAListOfJSONIsNotReadAsAWhole(t *testing.T) {
	f := endless(`[{"a":1}`, "\n"+` ,{"a":2}`, 4<<20)
	rows := &counting{}
	if err := table.Read(t.Context(), f, table.Options{}, rows); err != nil || rows.n < 300_000 {
		t.Errorf("%d rows, %v", rows.n, err)
	}
	var now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&now)
	if rows.most > now.HeapAlloc+4<<20 {
		t.Errorf("%d MB of heap while it was read, %d afterwards", rows.most>>20, now.HeapAlloc>>20)
	}
}

type counting struct {
	kept
	n    int
	most uint64
}

func (c *counting) Begin(table.Head) bool { return true }
func (c *counting) Row([]string, int) error {
	if c.n++; c.n%100_000 == 0 {
		var now runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&now)
		c.most = max(c.most, now.HeapAlloc)
	}
	return nil
}

// What a JSON object says twice, or in a list where others have a value, is not lost
// silently; keys of which there is none are told.
func TestValuesOfJSONThatWouldBeLostAreFaults(t *testing.T) {
	for content, want := range map[string]string{
		`{"a":1,"a":2}`:          `1: has the key "a" twice`,
		`{"a.b":1,"a":{"b":2}}`:  `1: has the key "a.b" twice`,
		"{\"a\":1}\n{\"a\":[2]}": `2: has a list for the key "a"`,
		`{}`:                     `0: its objects have no keys`,
		`[{"a":[1]}]`:            `0: its objects have no keys`,
		`{"a":1} 5`:              `1: is no JSON from here on`,
		`{"a":1}]`:               `1: is no JSON from here on`,
		`[{"a":1}`:               `1: is no JSON from here on: unexpected EOF`,
		`[{"a":1},[{"a":1}]]`:    `1: is no JSON from here on`,
	} {
		k := read(t, file("f.json", []byte(content)), table.Options{})
		if len(k.faults) != 1 || !strings.HasPrefix(k.faults[0], want) {
			t.Errorf("%s: %q; want %s", content, k.faults, want)
		}
	}
}

// Two files of one name in an archive: reading one of them twice would lose the other.
func TestTwoFilesOfOneNameInAnArchiveAreRefused(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, content := range []string{"s,x\na,1\n", "s,x\nb,2\n"} {
		w, err := z.Create("a.csv")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := table.Expand([]table.File{file("f.zip", b.Bytes())})
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	if k := read(t, files[0], table.Options{}); len(k.rows) > 0 || len(k.faults) != 1 || !strings.Contains(k.faults[0], `two files of the name "a.csv"`) {
		t.Errorf("%q, %q", k.rows, k.faults)
	}
}

// A workbook says how large its parts are unfolded; what does not fit is not unfolded.
func TestAWorkbookThatUnfoldsToTooMuchIsRefused(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"xl/workbook.xml", "xl/sharedStrings.xml", "xl/worksheets/sheet1.xml"} {
		w, err := z.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Deflate, CompressedSize64: 2, UncompressedSize64: 600 << 20})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte{3, 0}); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	k := read(t, file("f.xlsx", b.Bytes()), table.Options{})
	if len(k.faults) != 1 || !strings.Contains(k.faults[0], "unfolds to more than 1073741824 bytes; save its sheet as CSV") {
		t.Errorf("%q", k.faults)
	}
}

// A sheet that lacks one column, misspelt perhaps, is not passed over silently.
func TestASheetThatIsNearlyTheOneIsAskedAbout(t *testing.T) {
	content := book(t, func(f *excelize.File) error {
		if _, err := f.NewSheet("2024"); err != nil {
			return err
		}
		return errors.Join(f.SetSheetRow("Sheet1", "A1", &[]any{"s", "m", "NOx"}), f.SetSheetRow("2024", "A1", &[]any{"s", "m", "Nox"}))
	})
	k := read(t, file("f.xlsx", content), table.Options{Wanted: []string{"s", "m", "NOx"}})
	if len(k.faults) != 1 || !strings.Contains(k.faults[0], `the sheets ["Sheet1" "2024"] may be meant`) {
		t.Errorf("%q", k.faults)
	}
	if k := read(t, file("f.xlsx", content), table.Options{Wanted: []string{"s", "m", "NOx"}, Sheet: "Sheet1"}); len(k.faults) > 0 {
		t.Errorf("%q", k.faults)
	}
}
