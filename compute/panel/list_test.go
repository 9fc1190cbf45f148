package panel

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/weirdata/weir/catalog"
)

func listFile(b []byte) File {
	return File{Name: "mine.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
}

// utf16 is a text as Excel saves it as "Unicode text".
func utf16(t *testing.T, text string) []byte {
	b, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(b)
}

func TestListsOfAnyEncodingReadAlike(t *testing.T) {
	text := "名称,code,loans\r\n钢铁集团,E1,12.5\r\n\"化工, 一厂\",E2,0\r\n水泥有限公司发电厂造纸厂,E3,7.25\r\n"
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	want := &List{IDs: []string{"E1", "E2", "E3"}, Numbers: []uint64{1250, 0, 725}, Rows: []int{2, 3, 4}}
	for name, b := range map[string][]byte{
		"UTF-8": []byte(text), "byte order mark": []byte("\uFEFF" + text), "GB 18030": []byte(gb), "gzip": zipped.Bytes(),
		"UTF-16": utf16(t, text), "tabs": []byte(strings.ReplaceAll(strings.ReplaceAll(text, "化工, ", "化工， "), ",", "\t")),
		"line feeds": []byte(strings.ReplaceAll(text, "\r\n", "\n")),
	} {
		got, err := ReadList(t.Context(), listFile(b), ListOptions{IDColumns: []string{"code"}, Weights: "loans", Bits: 12, Decimals: 2})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestTheColumnOfAListIsFound(t *testing.T) {
	options := ListOptions{IDColumns: []string{"code", "entity"}, Known: func(id string) bool { return id == "E1" || id == "E2" }}
	for text, want := range map[string][]int{
		"code\nE1\nE2\n":                 {2, 3}, // a header
		"E1\nE2\n":                       {1, 2}, // none
		"borrower\nE1\nE2\n":             {2, 3}, // one column, of another name
		"entity,code\nx,E1\ny,E2\n":      {2, 3}, // the first name goes before
		"name,entity\nx,E1\ny,E2":        {2, 3},
		"code,\"no\ntes\"\nE1,\nE2,\"\"": {3, 4},
	} {
		got, err := ReadList(t.Context(), listFile([]byte(text)), options)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if diff := cmp.Diff(&List{IDs: []string{"E1", "E2"}, Rows: want}, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestFaultsOfAListNameRowsAndTheRemedy(t *testing.T) {
	weights := ListOptions{IDColumns: []string{"code"}, Weights: "w", Bits: 4, Decimals: 1}
	plain := ListOptions{IDColumns: []string{"code"}}
	cases := []struct {
		text string
		o    ListOptions
		want string
	}{
		{"", plain, "mine.csv: the file is empty; want a header and rows"},
		{"code\n", plain, "mine.csv: the file lists no entities; want one in a row"},
		{"cod,x\nE1,1\n", plain, `mine.csv:1: no column holds the entities' ids: want "code"; did you mean "cod"?`},
		{"code,code\nE1,1\n", plain, "mine.csv:1: column code: stands in the header twice; every column has its own name"},
		{"code\nE1\nE2\n\nE1\n", plain, `mine.csv:5: entity "E1" stands in row 2 already; list every entity once`},
		{"code,x\nE1,1\n,2\n", plain, "mine.csv:3: the entity's id is empty"},
		{"x,code\n1,E1\n2\n", plain, "mine.csv:3: has 1 fields; the columns that are needed end with the 2."},
		{"code,v\nE1,1\n", weights, `mine.csv:1: column w: is not in the header; there are "code", "v"`},
		{"code,w\nE1,1\nE2,-0.1\n", weights, `mine.csv:3: column w: "-0.1" is negative; weights are 0 to 1.5`},
		{"code,w\nE1,1.6\n", weights, `mine.csv:2: column w: "1.6" is more than 1.5, the largest of 4 bits with 1 decimal; allow more bits, or divide all weights`},
		{"code,w\nE1,99999999999999999999\n", weights, `mine.csv:2: column w: "99999999999999999999" is more than 1.5, the largest of 4 bits with 1 decimal; allow more bits, or divide all weights`},
		{"code,w\nE1,0.25\n", weights, `mine.csv:2: column w: "0.25" has more than 1 decimal; allow more, or round the weights`},
		{"code,w\nE1,1e0\nE2,\n", weights, "mine.csv:2: column w: \"1e0\" is not a plain number; want digits, such as 12.5\nmine.csv:3: column w: \"\" is not a plain number; want digits, such as 12.5"},
		{"code\n\"E1\n", plain, `mine.csv:2: quotes do not match (line 2, character 5): extraneous or missing " in quoted-field; a field with " in it is quoted and its " doubled; the rest of the file was not read`},
		{"PK\x03\x04", plain, "mine.csv: is a damaged zip archive or workbook: zip: not a valid zip file; copy it again"},
		{"code\n\xff\xff\xff\n", plain, "mine.csv:2: bytes that are neither UTF-8 nor GB 18030; save the file as UTF-8"},
	}
	for _, c := range cases {
		got, err := ReadList(t.Context(), listFile([]byte(c.text)), c.o)
		var faults *Errors
		if !errors.As(err, &faults) || faults.Error() != c.want || got != nil {
			t.Errorf("%q: %v\nwant %s", c.text, err, c.want)
		}
	}
}

func TestPiecesOfAListAreRead(t *testing.T) {
	o := ListOptions{IDColumns: []string{"code"}, Pieces: "factor"}
	got, err := ReadList(t.Context(), listFile([]byte("factor,code\n0.25,E1\n高,E2\n0.25,E3\n")), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&List{IDs: []string{"E1", "E2", "E3"}, Pieces: []string{"0.25", "高", "0.25"}, Rows: []int{2, 3, 4}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	many := "code,factor\n"
	for i := range catalog.MaxPieces + 1 {
		many += fmt.Sprintf("E%d,p%d\n", i, i)
	}
	for text, want := range map[string]string{
		"code,v\nE1,1\n":            `mine.csv:1: column factor: is not in the header; there are "code", "v"`,
		"E1\nE2\n":                  `mine.csv:1: no column holds the entities' ids: want "code"; there is only "E1"` + "\n" + `mine.csv:1: column factor: is not in the header; there is only "E1"`,
		"code,factor\nE1,a\nE2,\n":  "mine.csv:3: column factor: is empty; name its piece, or leave the entity out of the list",
		"code,factor\nE1,a\nE1,b\n": `mine.csv:3: entity "E1" stands in row 2 already; list every entity once`,
		"code,factor\nE1,a\nE2\n":   "mine.csv:3: has 1 fields; the columns that are needed end with the 2.",
		many:                        `mine.csv:18: column factor: "p16" is one piece too many; sort the entities into at most 16 pieces`,
	} {
		var faults *Errors
		if got, err := ReadList(t.Context(), listFile([]byte(text)), o); !errors.As(err, &faults) || faults.Error() != want || got != nil {
			t.Errorf("%q: %v\nwant %s", text, err, want)
		}
	}
}

func TestAListIsNoLongerThanARegistry(t *testing.T) {
	var b strings.Builder
	b.WriteString("code\n")
	for i := range catalog.MaxRegistryRows + 1 {
		fmt.Fprintf(&b, "E%d\n", i)
	}
	_, err := ReadList(t.Context(), listFile([]byte(b.String())), ListOptions{IDColumns: []string{"code"}})
	var faults *Errors
	if !errors.As(err, &faults) || faults.List[0].Row != catalog.MaxRegistryRows+2 {
		t.Fatalf("a list of %d entities: %v", catalog.MaxRegistryRows+1, err)
	}
	down := errors.New("the disk is gone")
	_, err = ReadList(t.Context(), File{Name: "x", Open: func() (io.ReadCloser, error) { return nil, down }}, ListOptions{IDColumns: []string{"code"}})
	if !errors.Is(err, down) {
		t.Fatalf("a file that does not open: %v", err)
	}
}

// FuzzReadList reads any bytes: they are a list whose entities are there once and
// whose weights are within bounds, or faults that say what would be right.
func FuzzReadList(f *testing.F) {
	f.Add([]byte("code,w\nE1,1.5\nE2,0\n"), true)
	f.Add([]byte("E1\r\nE2\r\n"), false)
	f.Add([]byte("\uFEFFcode\n\"E,1\"\n"), false)
	f.Add([]byte("code\n\xb8\xd6\xcc\xfa\n"), false)
	f.Add([]byte("\x1f\x8b\x08"), true)
	f.Fuzz(func(t *testing.T, b []byte, weighted bool) {
		o := ListOptions{IDColumns: []string{"code"}, Known: func(id string) bool { return strings.HasPrefix(id, "E") }, Bits: 8, Decimals: 1}
		if weighted {
			o.Weights = "w"
		}
		list, err := ReadList(t.Context(), listFile(b), o)
		if err != nil {
			var faults *Errors
			if !errors.As(err, &faults) || faults.Total == 0 || list != nil {
				t.Fatalf("%q: %v", b, err)
			}
			return
		}
		if len(list.IDs) == 0 || len(list.Rows) != len(list.IDs) || weighted != (list.Numbers != nil) || weighted && len(list.Numbers) != len(list.IDs) {
			t.Fatalf("%q is read as %+v", b, list)
		}
		seen := map[string]bool{}
		for i, id := range list.IDs {
			if id == "" || seen[id] || i > 0 && list.Rows[i] <= list.Rows[i-1] || weighted && list.Numbers[i] > 255 {
				t.Fatalf("%q is read as %+v", b, list)
			}
			seen[id] = true
		}
	})
}
