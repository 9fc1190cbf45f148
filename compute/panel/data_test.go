package panel_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
)

const small = `
dataset: small
title: {en: Small}
license: CC0-1.0
entity: {column: station, attributes: [county]}
period: {column: date, grain: day}
missing: ["", NA]
measures:
  - {name: pm25, column: PM2.5, unit: µg/m³, range: [-10, 100], decimals: 1}
  - {name: co, column: CO, unit: mg/m³, range: [0, 5], decimals: 2}
policy: {public: true}
utc_offset: "+08:00"
`

func mem(name, content string) panel.File {
	return panel.File{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }}
}

func gz(tb testing.TB, content string) string {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, content); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

func gb18030(tb testing.TB, content string) string {
	tb.Helper()
	s, err := simplifiedchinese.GB18030.NewEncoder().String(content)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// cellsOf are all cells of a column.
func cellsOf(tb testing.TB, c panel.Column) []int64 {
	tb.Helper()
	values := make([]int64, c.Values.Len())
	if err := c.Values.Read(0, values); err != nil {
		tb.Fatal(err)
	}
	return values
}

// dump writes a panel's cells in order, decimals included: "." is missing.
func dump(p *panel.Panel) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q from %d:", p.Entities, p.First)
	for _, c := range p.Columns {
		b.WriteString(" " + c.Measure.Name + "[")
		values := make([]int64, c.Values.Len())
		if err := c.Values.Read(0, values); err != nil {
			fmt.Fprintf(&b, " %v", err)
		}
		for cell, v := range values {
			switch {
			case c.Present.Test(uint(cell)):
				fmt.Fprintf(&b, " %d", v+c.Measure.Mid())
			case v != 0:
				fmt.Fprintf(&b, " not zero: %d", v)
			default:
				b.WriteString(" .")
			}
		}
		b.WriteString(" ]")
	}
	return b.String()
}

// utf16 encodes a text without surrogates.
func utf16(order binary.AppendByteOrder, s string) string {
	var b []byte
	for _, r := range s {
		b = order.AppendUint16(b, uint16(r))
	}
	return string(b)
}

const plain = "station,county,date,PM2.5,CO,remark\n" +
	"b,北,2024-02-29,3.5,0.25,x\n" +
	"a,南,2024-02-28,-0.1,NA,y\n" +
	"b,北,2024-02-28,,5,\n"

var plainLines = strings.SplitAfter(plain, "\n")

const plainDump = `["a" "b"] from 19781: pm25[ -1 . . 35 ] co[ . 500 . 25 ]`

func TestTheSameRowsInEveryDressGiveTheSamePanel(t *testing.T) {
	quoted := strings.ReplaceAll(plain, ",x\n", ",\"x,\n\"\"two\"\" lines\"\n")
	for name, content := range map[string]string{
		"plain":                      plain,
		"no newline at end":          strings.TrimSuffix(plain, "\n"),
		"crlf":                       strings.ReplaceAll(plain, "\n", "\r\n"),
		"bom":                        "\uFEFF" + plain,
		"blank lines":                strings.ReplaceAll(plain, "\n", "\n\n"),
		"quoted newline":             quoted,
		"gzip":                       gz(t, plain),
		"gzip of two":                gz(t, plain[:40]) + gz(t, plain[40:]),
		"gzip with bom":              gz(t, "\uFEFF"+plain),
		"gb18030":                    gb18030(t, plain),
		"gb18030 gzip crlf":          gz(t, gb18030(t, strings.ReplaceAll(plain, "\n", "\r\n"))),
		"gb18030 with bom":           gb18030(t, "\uFEFF"+plain),
		"blanks":                     strings.ReplaceAll(strings.ReplaceAll(plain, ",3.5,", ", 3.5 ,"), "PM2.5,CO", " PM2.5 , CO "),
		"zeros":                      strings.ReplaceAll(plain, ",3.5,0.25", ",+003.500000,.2500"),
		"columns turned":             "CO,PM2.5,date,county,station\n0.25,3.5,2024-02-29,北,b\nNA,-0.1,2024-02-28,南,a\n5,NA,2024-02-28,北,b\n",
		"rows without anything":      plain + ",,,,,\n , ,,,,\n",
		"blanks of all kinds":        strings.ReplaceAll(plain, ",3.5,", ",\u00a03.5\u3000,"),
		"unsorted":                   strings.Join([]string{plainLines[0], plainLines[3], plainLines[1], plainLines[2]}, ""),
		"blank lines of a megabyte":  plain + strings.Repeat("\r\n", 1<<20),
		"utf-16 of Excel":            utf16(binary.LittleEndian, "\uFEFF"+strings.ReplaceAll(strings.ReplaceAll(plain, ",", "\t"), "\n", "\r\n")),
		"utf-16 the other way":       utf16(binary.BigEndian, "\uFEFF"+plain),
		"utf-16 without bom":         utf16(binary.LittleEndian, plain),
		"utf-16 with neither":        utf16(binary.BigEndian, plain),
		"utf-16 gzip, over buffers":  gz(t, utf16(binary.LittleEndian, "\uFEFF"+plainLines[0]+strings.Repeat("\n", 70_001)+strings.Join(plainLines[1:], ""))),
		"tabs":                       strings.ReplaceAll(plain, ",", "\t"),
		"tabs, and commas in quotes": strings.ReplaceAll(strings.ReplaceAll(plain, ",", "\t"), "remark", `"remark, or none"`),
		"semicolons":                 strings.ReplaceAll(plain, ",", ";"),
		"semicolons of Excel":        strings.ReplaceAll(`"`+strings.ReplaceAll(strings.TrimSuffix(plain, "\n"), "\n", "\"\r\n\"")+"\"\r\n", ",", `";"`),
		"commas, other signs too":    strings.ReplaceAll(plain, "remark", "remark; or\tnone"),
		"far non-ASCII text":         plain + strings.Repeat("\n", 100_000),
	} {
		t.Run(name, func(t *testing.T) {
			p, attributes, err := panel.Read(t.Context(), source(t, small), nil, []panel.File{mem("f.csv", content)}, panel.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := dump(p); got != plainDump {
				t.Errorf("got  %s\nwant %s", got, plainDump)
			}
			if want := [][]string{{"a", "南"}, {"b", "北"}}; !slices.EqualFunc(attributes, want, slices.Equal) {
				t.Errorf("attributes %q, want %q", attributes, want)
			}
		})
	}
}

// TestAFileThatTurnsOutToBeGB18030IsReadAgainFromItsBegin puts the first byte
// beyond ASCII behind many rows, over every alignment of the reader's buffers.
func TestAFileThatTurnsOutToBeGB18030IsReadAgainFromItsBegin(t *testing.T) {
	for _, pad := range []int{0, 1, 2, 3, 65_400, 65_534, 65_535, 65_536, 65_537, 200_001} {
		content := plain[:strings.Index(plain, "\n")+1] + strings.Repeat("\n", pad) + plain[strings.Index(plain, "\n")+1:]
		for _, text := range []string{content, gb18030(t, content)} {
			p, _, err := panel.Read(t.Context(), source(t, small), nil, []panel.File{mem("f.csv", text)}, panel.Options{})
			if err != nil {
				t.Fatalf("pad %d: %v", pad, err)
			}
			if got := dump(p); got != plainDump {
				t.Fatalf("pad %d: got %s", pad, got)
			}
		}
	}
}

func TestRowsOfSeveralFilesMeetInOnePanelWhateverTheOrder(t *testing.T) {
	lines := strings.SplitAfter(plain, "\n")
	files := []panel.File{
		mem("1.csv", lines[0]+lines[3]),
		mem("2.csv", gz(t, lines[0]+lines[2])),
		mem("3.csv", gb18030(t, lines[0]+lines[1])),
		mem("4.csv", lines[0]),
	}
	for _, workers := range []int{1, 2, 8} {
		for range len(files) {
			files = append(files[1:], files[0])
			rows := 0
			p, _, err := panel.Read(t.Context(), source(t, small), nil, files, panel.Options{Workers: workers, Progress: func(n int) { rows = n }})
			if err != nil {
				t.Fatal(err)
			}
			if got := dump(p); got != plainDump || rows != 3 {
				t.Fatalf("%d rows: %s", rows, got)
			}
		}
	}
}

func TestAGivenRegistryFixesTheOrder(t *testing.T) {
	src := source(t, strings.Replace(small, "{column: station, attributes: [county]}", "{registry: stations, column: station}", 1))
	p, attributes, err := panel.Read(t.Context(), src, []string{"z", "b", "a"}, []panel.File{mem("f.csv", plain)}, panel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := `["z" "b" "a"] from 19781: pm25[ . . -1 . 35 . ] co[ . 500 . . 25 . ]`; dump(p) != want || attributes != nil {
		t.Errorf("got %s, attributes %q", dump(p), attributes)
	}
	if _, _, err := panel.Read(t.Context(), src, nil, nil, panel.Options{}); !errors.Is(err, panel.ErrNoRegistry) {
		t.Errorf("without its registry: %v", err)
	}
}

func TestEveryFaultNamesFileRowColumnAndWhatWouldBeRight(t *testing.T) {
	head := "station,county,date,PM2.5,CO\n"
	good := "a,n,2024-01-01,1,1\n"
	many := head + strings.Repeat("a,n,2024-01-01,x,1\n", 30)
	for name, c := range map[string]struct {
		content, want string
	}{
		"out of range":       {head + good + "a,n,2024-01-02,100.1,1\n", `f.csv:3: column PM2.5: "100.1" is outside the declared range; want -10 to 100 µg/m³`},
		"below range":        {head + "a,n,2024-01-02,-10.1,1\n", `f.csv:2: column PM2.5: "-10.1" is outside the declared range; want -10 to 100 µg/m³`},
		"beyond any integer": {head + "a,n,2024-01-02,99999999999999999999,1\n", `f.csv:2: column PM2.5: "99999999999999999999" is outside the declared range; want -10 to 100 µg/m³`},
		"too many digits":    {head + "a,n,2024-01-02,1.25,1\n", `f.csv:2: column PM2.5: "1.25" has more than 1 decimal; nothing is rounded: declare more decimals, or round: half_even`},
		"no number":          {head + "a,n,2024-01-02,1e1,1\n", `f.csv:2: column PM2.5: "1e1" is no number; write 10`},
		"two points":         {head + "a,n,2024-01-02,1.0.0,1\n", `column PM2.5: "1.0.0" is no number`},
		"only a sign":        {head + "a,n,2024-01-02,-,1\n", `column PM2.5: "-" is no number`},
		"impossible day":     {head + "a,n,2023-02-29,1,1\n", `f.csv:2: column date: period "2023-02-29" does not exist; want days as 2024-05-24`},
		"coarser date":       {head + "a,n,2023-02,1,1\n", `f.csv:2: column date: "2023-02" is a month; want days as 2024-05-24`},
		"no date":            {head + "a,n,,1,1\n", `f.csv:2: column date: period "" is empty; want days as 2024-05-24`},
		"duplicate":          {head + good + "b,n,2024-01-01,1,1\n" + good, `f.csv:4: "a" has a row for 2024-01-01 already: f.csv:2; want one row for each entity and period`},
		"duplicate of bad":   {head + "a,n,2024-01-01,x,1\n" + good, `f.csv:3: "a" has a row for 2024-01-01 already: f.csv:2`},
		"no entity":          {head + ",n,2024-01-01,1,1\n", `f.csv:2: column station: the entity's id is empty`},
		"two attributes":     {head + good + "a,s,2024-01-02,1,1\n", `f.csv:3: column county: "s" for "a", but "n" in row 2; an entity has one value of an attribute`},
		"missing measure":    {"station,county,date,PM2.5\na,n,2024-01-01,1\n", `f.csv:1: column CO: there is no such column; there are "station", "county", "date", "PM2.5"; a measure that a file may lack is declared optional: true`},
		"missing column":     {"station,county,date,PM25,CO\n" + good, `f.csv:1: column PM2.5: there is no such column; did you mean "PM25"?`},
		"column and more": {"station,county,date,PM25,CO\na,n,2024-01-01,1,x\na,n,2024-13-01,1,1\na,n,2024-01-01,1,1\n",
			`f.csv:1: column PM2.5: there is no such column; did you mean "PM25"?` + "\n" +
				`f.csv:2: column CO: "x" is no number; want a plain decimal from 0 to 5 mg/m³, or nothing or "NA" where there is no reading` + "\n" +
				`f.csv:3: column date: period "2024-13-01" does not exist; want days as 2024-05-24` + "\n" +
				`f.csv:4: "a" has a row for 2024-01-01 already: f.csv:2; want one row for each entity and period`},
		"no entity column": {"stat,county,day,PM2.5,CO\na,n,2024-01-01,x,1\na,n,2024-01-01,1,1\n",
			"f.csv:1: column station: there is no such column; there are \"stat\", \"county\", \"day\", \"PM2.5\", \"CO\"" +
				`; where all rows are of one entity say entity: {column: station, constant: ITS NAME}; where the file's name tells it, entity: {column: station, file: "*.csv"}; where entities are columns, wide: {columns: entities}` + "\n" +
				"f.csv:1: column date: there is no such column; there are \"stat\", \"county\", \"day\", \"PM2.5\", \"CO\"\n" +
				`f.csv:2: column PM2.5: "x" is no number`},
		"no attribute column": {"station,date,PM2.5,CO\na,2024-01-01,1,1\na,2024-01-02,1,6\n",
			"f.csv:1: column county: there is no such column; there are \"station\", \"date\", \"PM2.5\", \"CO\"\n" +
				`f.csv:3: column CO: "6" is outside the declared range`},
		"a letter that looks the same": {strings.Replace(head, "station", "st\u0430tion", 1) + good, `f.csv:1: column station: there is no such column; did you mean "stаtion"? it has U+0430 where this has U+0061`},
		"another dataset":              {"No,river\n1,x\n", `f.csv:1: has none of the measures' columns: the header is "No", "river"; want "PM2.5", "CO"; is it a file of another dataset than small?`},
		"column twice":                 {"station,county,date,PM2.5,CO,CO\n", `f.csv:1: column CO: there are two columns of this name`},
		"bars":                         {strings.ReplaceAll(head+good, ",", "|"), `f.csv:1: columns are separated by "|"; want the comma ","`},
		"too few fields":               {head + "a,n\n", `f.csv:2: has 2 fields; want 5, as in the header; a field with a comma in it is quoted`},
		"too many fields":              {head + good + "a,n,2024-01-02,1,1,1\n", `f.csv:3: has 6 fields; want 5, as in the header`},
		"open quote":                   {head + good + "a,\"n,2024-01-02,1,1\nb,n,2024-01-02,1,1\n", `f.csv:3: quotes do not match (line `},
		"stray quote":                  {head + "a,n\"n,2024-01-02,1,1\n", `f.csv:2: quotes do not match (line 2, character 4)`},
		"row after newlines":           {head + "\"a\",\"n\n\nn\",2024-01-02,1,1\na,n,2024-01-03,x,1\n", `f.csv:5: column PM2.5: "x" is no number`},
		"empty":                        {"", `f.csv: the file is empty; want a header and rows`},
		"only a header":                {head, `f.csv: there are no rows; want one for each entity and period with a reading`},
		"cut gzip":                     {gz(t, head+good)[:40], `the compressed file ends too early; it was cut off: copy it again`},
		"damaged gzip":                 {damaged(gz(t, many)), `f.csv: the compressed file is damaged: its checksum is another; copy or compress it again`},
		"excel":                        {"PK\x03\x04 and so on", `f.csv: is a damaged zip archive or workbook`},
		"flipped gzip":                 {flipped(gz(t, many)), `the compressed file is damaged`},
		"more after gzip":              {gz(t, head+good) + "and more than this", `f.csv:3: the compressed file is damaged`},
		"web page":                     {"<!DOCTYPE html>\n<html>", `f.csv: is no table but a web page`},
		"zeros":                        {strings.Repeat("\x00", 1<<21), `f.csv: is no table but binary data: save it as CSV (UTF-8)`},
		"zeros among text":             {"st\x00ation,PM2.5\n", `f.csv: is no table but binary data`},
		"half a character of UTF-16":   {"\xfe\xff\x00s\x00", `f.csv:1: bytes that are no UTF-16; save the file as UTF-8`},
		"half a pair of UTF-16":        {"\xff\xfes\x00\n\x00\x3d\xd8x\x00", `f.csv:2: bytes that are no UTF-16`},
		"NUL in a number":              {head + "a,n,2024-01-02,1\x00,1\n", `f.csv:2: column PM2.5: "1\x00" is no number`},
		"NUL in an entity":             {head + "a\x00,n,2024-01-02,1,1\n", `f.csv:2: column station: "a\x00" cannot be an entity's name; want at most 256 bytes of text in one line, without control characters`},
		"long entity":                  {head + strings.Repeat("a", 257) + ",n,2024-01-02,1,1\n", `cannot be an entity's name; want at most 256 bytes`},
		"lines in attribute":           {head + "a,\"n\nm\",2024-01-02,1,1\n", `f.csv:2: column county: "n\nm" cannot be a public attribute; want at most 256 bytes of text in one line`},
		"old Macintosh":                {strings.ReplaceAll(head+good, "\n", "\r"), `f.csv: its lines end in carriage returns alone; save it as CSV (UTF-8), not as CSV (Macintosh)`},
		"long Macintosh":               {strings.Repeat(strings.ReplaceAll(good, "\n", "\r"), 1<<16), `f.csv: its lines end in carriage returns alone`},
		"endless line":                 {head + good + "b,n,2024-01-02,1," + strings.Repeat("9", 1<<21), `f.csv:3: the row is longer than 1048576 bytes; a quote is probably opened and never closed; the rest of the file was not read`},
		"endless quote":                {head + good + "b,\"n" + strings.Repeat("\na,n,2024-01-02,1,1", 1<<17), `f.csv:3: the row is longer than 1048576 bytes`},
		"endless header":               {strings.Repeat("x", 1<<21), `f.csv:1: the row is longer than 1048576 bytes`},
		"blank lines only":             {"\n\r\n\n", `f.csv: the file is empty`},
		"only a BOM":                   {"\uFEFF", `f.csv: the file is empty`},
		"full-width digits":            {head + "a,n,2024-01-02,３.５,1\n", `f.csv:2: column PM2.5: "３.５" is no number; write 3.5`},
		"full-width date":              {head + "a,n,２０２４-01-02,1,1\n", `f.csv:2: column date: period "２０２４-01-02" is not of the form 2024, 2024-Q1, 2024-05, 2024-W05, 2024-05-07, 2024-05-07T13 or 2024-05-07T13:45; write 2024-01-02`},
		"thousands":                    {head + "a,n,2024-01-02,1,\"0,005\"\n", `f.csv:2: column CO: "0,005" is no number; want a plain decimal from 0 to 5 mg/m³`},
		"thousand too many":            {head + "a,n,2024-01-02,\"1,200.5\",1\n", `f.csv:2: column PM2.5: "1,200.5" is no number; want a plain decimal from -10 to 100 µg/m³`},
		"decimal comma":                {head + "a,n,2024-01-02,\"3,5\",1\n", `column PM2.5: "3,5" is no number; write 3.5`},
		"exponent":                     {head + "a,n,2024-01-02,1.5e1,1\n", `column PM2.5: "1.5e1" is no number; write 15`},
		"minus sign":                   {head + "a,n,2024-01-02,\u22125,1\n", `column PM2.5: "−5" is no number; write -5`},
		"NaN":                          {head + "a,n,2024-01-02,NaN,1\n", `column PM2.5: "NaN" is no number; want a plain decimal from -10 to 100 µg/m³, or nothing or "NA" where there is no reading`},
		"infinity":                     {head + "a,n,2024-01-02,Inf,1\n", `column PM2.5: "Inf" is no number`},
		"hexadecimal":                  {head + "a,n,2024-01-02,0x1F,1\n", `column PM2.5: "0x1F" is no number`},
		"percent":                      {head + "a,n,2024-01-02,5%,1\n", `column PM2.5: "5%" is no number`},
		"a time in a day":              {head + "a,n,2024-01-02 01:00:00,1,1\n", `"2024-01-02 01:00:00" begins no day; write 2024-01-02, if all of it is meant`},
		"no date at all":               {head + "a,n,soon,1,1\n", `; want days as 2024-05-24`},
		"a dash for nothing":           {head + "a,n,2024-01-02,-,1\n", `or nothing or "NA" where there is no reading; if "-" says that there is none, list it under missing in the descriptor`},
		"a spreadsheet's error":        {head + "a,n,2024-01-02,#VALUE!,1\n", `; if "#VALUE!" says that there is none, list it under missing in the descriptor`},
		"a header with its unit":       {"station,county,date,PM2.5(µg/m³),CO\n" + good, `f.csv:1: column PM2.5: there is no such column; did you mean "PM2.5(µg/m³)"?`},
		"a spreadsheet's day number":   {head + "a,n,45300,1,1\n", `; if it is Excel's number of a day say so: period: {format: excel}`},
		"year 0":                       {head + "a,n,0000-01-02,1,1\n", `f.csv:2: column date: period "0000-01-02" does not exist`},
		"sep line":                     {"sep=,\n" + head + good, `f.csv:1: the first line is "sep=", which is a spreadsheet's own; remove that line: the header comes first`},
		"Chinese commas":               {strings.ReplaceAll(head+good, ",", "，"), `f.csv:1: columns are separated by "，"; want the comma ","`},
		"case of a column":             {strings.Replace(head, "station", "Station", 1) + good, `f.csv:1: column station: there is no such column; did you mean "Station"?`},
		"one attribute odd":            {head + "a,s,2024-01-01,1,1\n" + "a,n,2024-01-02,1,1\n" + "a,n,2024-01-03,1,1\n", `f.csv:3: column county: "n" for "a", but "s" in row 2; an entity has one value of an attribute`},
		"utf-16, another dataset":      {"\xff\xfes\x00", `f.csv:1: has none of the measures' columns: the header is "s"`},
		"no encoding":                  {head + good + "a,\xff\xff,2024-01-02,1,1\n", `f.csv:3: bytes that are neither UTF-8 nor GB 18030; save the file as UTF-8`},
		"UTF-8, one byte bad": {head + "a,北京市朝阳区农展馆,2024-01-01,1,1\na,北\xc0,2024-01-02,1,1\n",
			`f.csv:3: bytes that are neither UTF-8 nor GB 18030; save the file as UTF-8`},
		"cut in a character": {head + "a,\xe5", `f.csv:2: bytes that are neither UTF-8 nor GB 18030`},
		"all faults of a row": {head + "a,n,2024-13-01,x,9\n", `f.csv:2: column date: period "2024-13-01" does not exist; want days as 2024-05-24` + "\n" +
			`f.csv:2: column PM2.5: "x" is no number; want a plain decimal from -10 to 100 µg/m³, or nothing or "NA" where there is no reading` + "\n" +
			`f.csv:2: column CO: "9" is outside the declared range; want 0 to 5 mg/m³`},
		"only the first": {many, "and 39 more faults, 59 in all"},
	} {
		t.Run(name, func(t *testing.T) {
			p, attributes, err := panel.Read(t.Context(), source(t, small), nil, []panel.File{mem("f.csv", c.content)}, panel.Options{})
			var faults *panel.Errors
			if !errors.As(err, &faults) {
				t.Fatalf("error %v", err)
			}
			if p != nil || attributes != nil {
				t.Error("something was returned beside the error")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if len(faults.List) > 20 || faults.Total < len(faults.List) {
				t.Errorf("%d of %d faults listed", len(faults.List), faults.Total)
			}
		})
	}
}

// flipped flips a bit in the middle.
func flipped(z string) string {
	b := []byte(z)
	b[len(b)/2] ^= 1
	return string(b)
}

// damaged flips a bit of the checksum.
func damaged(z string) string {
	b := []byte(z)
	b[len(b)-6] ^= 1
	return string(b)
}

func TestFaultsComeInOrderOfFilesAndRowsHoweverManyAreReadAtOnce(t *testing.T) {
	head := "station,county,date,PM2.5,CO\n"
	files := []panel.File{
		mem("1.csv", head+"a,n,2024-01-01,1,x\na,n,2024-01-02,1,1\n"),
		mem("2.csv", head+"a,n,2024-01-02,1,1\nb,n,2024-01-02,1,y\n"),
		mem("3.csv", head+"a,s,2024-01-03,1,z\n"),
	}
	want := `1.csv:2: column CO: "x" is no number; want a plain decimal from 0 to 5 mg/m³, or nothing or "NA" where there is no reading
2.csv:2: "a" has a row for 2024-01-02 already: 1.csv:3; want one row for each entity and period; where there may be several say replicates: mean, first or last
2.csv:3: column CO: "y" is no number; want a plain decimal from 0 to 5 mg/m³, or nothing or "NA" where there is no reading
3.csv:2: column CO: "z" is no number; want a plain decimal from 0 to 5 mg/m³, or nothing or "NA" where there is no reading
3.csv:2: column county: "s" for "a", but "n" in row 2 of 1.csv; an entity has one value of an attribute`
	for _, workers := range []int{1, 3} {
		_, _, err := panel.Read(t.Context(), source(t, small), nil, files, panel.Options{Workers: workers})
		if err == nil || err.Error() != want {
			t.Errorf("%d workers: got\n%v\nwant\n%s", workers, err, want)
		}
	}
}

// A column that one file lacks is that file's fault alone.
func TestAnAttributeThatOneFileLacksContradictsNoOther(t *testing.T) {
	files := []panel.File{
		mem("1.csv", "station,date,PM2.5,CO\na,2024-01-01,1,1\n"),
		mem("2.csv", "station,county,date,PM2.5,CO\na,n,2024-01-02,1,1\n"),
		mem("3.csv", "station,date,PM2.5,CO\na,2024-01-03,1,1\n"),
	}
	want := `1.csv:1: column county: there is no such column; there are "station", "date", "PM2.5", "CO"
3.csv:1: column county: there is no such column; there are "station", "date", "PM2.5", "CO"`
	if _, _, err := panel.Read(t.Context(), source(t, small), nil, files, panel.Options{}); err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestAnEntityOutsideTheRegistryIsNamedWithItsNearest(t *testing.T) {
	src := source(t, strings.Replace(small, "{column: station, attributes: [county]}", "{registry: stations, column: station}", 1))
	_, _, err := panel.Read(t.Context(), src, []string{"Aotizhongxin", "Changping"}, []panel.File{mem("f.csv", strings.Replace(plain, "\nb,", "\nChangpin,", 1))}, panel.Options{})
	if err == nil || !strings.Contains(err.Error(), `f.csv:2: column station: "Changpin" is not in the registry; did you mean "Changping"?`) {
		t.Error(err)
	}
}

func TestADateFarAwayIsTakenForAMistake(t *testing.T) {
	hourly := strings.Replace(small, "grain: day", "grain: hour", 1)
	content := "station,county,date,PM2.5,CO\n"
	for e := range 40 {
		content += fmt.Sprintf("s%d,n,2024-01-01T0%d,1,1\n", e, e%10)
	}
	content += "s0,n,2099-01-01 00:00,1,1\n"
	_, _, err := panel.Read(t.Context(), source(t, hourly), nil, []panel.File{mem("f.csv", content)}, panel.Options{})
	if err == nil || !strings.Contains(err.Error(), "periods run from 2024-01-01T00 (f.csv:2) to 2099-01-01T00 (f.csv:42)") {
		t.Error(err)
	}
	_, _, err = panel.Read(t.Context(), source(t, hourly), nil, []panel.File{mem("f.csv", content+"s0,n,9999-01-01T00,1,1\n")}, panel.Options{})
	if err == nil || !strings.Contains(err.Error(), "are too many; want at most") {
		t.Error(err)
	}
}

func TestFaultsOfTheMachineAreNotFaultsOfTheData(t *testing.T) {
	broken := errors.New("no such disk")
	for name, f := range map[string]panel.File{
		"open": {Name: "f", Open: func() (io.ReadCloser, error) { return nil, broken }},
		"read": {Name: "f", Open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader(plain), failing{broken})), nil
		}},
		"close": {Name: "f", Open: func() (io.ReadCloser, error) {
			return struct {
				io.Reader
				io.Closer
			}{strings.NewReader(plain), failing{broken}}, nil
		}},
	} {
		_, _, err := panel.Read(t.Context(), source(t, small), nil, []panel.File{f}, panel.Options{})
		var faults *panel.Errors
		if !errors.Is(err, broken) || errors.As(err, &faults) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := panel.Read(ctx, source(t, small), nil, []panel.File{mem("f", plain)}, panel.Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
func (f failing) Close() error             { return f.err }

// TestMoreEntitiesThanARegistryTakesAreRefusedWithTheData, not when their rows are
// sent.
func TestMoreEntitiesThanARegistryTakesAreRefusedWithTheData(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 262145 rows")
	}
	rows := []byte("station,county,date,PM2.5,CO\n")
	for i := range catalog.MaxRegistryRows + 1 {
		rows = fmt.Appendf(rows, "s%06d,x,2024-01-01,1,1\n", i)
	}
	_, _, err := panel.Read(t.Context(), source(t, small), nil, []panel.File{mem("f.csv", string(rows))}, panel.Options{})
	if err == nil || !strings.Contains(err.Error(), "f.csv: column station: the files have 262145 entities, at most 262144 are possible") {
		t.Errorf("error %v", err)
	}
}
