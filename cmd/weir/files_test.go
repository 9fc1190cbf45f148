package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// dressFile writes a script's file in another dress, since a script's text cannot
// hold the bytes: dress HOW FROM TO. HOW is gzip, or its cut, flipped or badcrc; or
// gb18030, crlf, bom, utf16.
func dressFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: dress HOW FROM TO")
	}
	text := []byte(ts.ReadFile(args[1]))
	out, zipped := text, gzipped(ts, text)
	switch args[0] {
	case "gzip":
		out = zipped
	case "cut":
		out = zipped[:len(zipped)/2]
	case "flipped":
		zipped[len(zipped)/2] ^= 1
		out = zipped
	case "badcrc":
		zipped[len(zipped)-6] ^= 1
		out = zipped
	case "gb18030":
		b, err := simplifiedchinese.GB18030.NewEncoder().Bytes(text)
		ts.Check(err)
		out = b
	case "crlf":
		out = bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
	case "bom":
		out = append([]byte("\uFEFF"), text...)
	case "utf16":
		out = []byte("\xff\xfe")
		for _, b := range text {
			out = append(out, b, 0)
		}
	default:
		ts.Fatalf("there is no %s", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), out, 0o600))
}

func gzipped(ts *testscript.TestScript, text []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(text)
	ts.Check(err)
	ts.Check(z.Close())
	return b.Bytes()
}

// replaceText copies a file with a text in it replaced: replaced FROM OLD NEW TO.
func replaceText(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: replaced FROM OLD NEW TO")
	}
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o600))
}

// wantChecked compares what --check printed with a file, but for the lines that say what
// files were taken for: checked FILE.
func wantChecked(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: checked FILE")
	}
	var got strings.Builder
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		if !strings.HasPrefix(line, "file ") && !strings.HasPrefix(line, "row ") {
			got.WriteString(line)
		}
	}
	if want := ts.ReadFile(args[0]); got.String() != want {
		ts.Fatalf("got\n%s\nwant\n%s", got.String(), want)
	}
}
