package panel_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/weirdata/weir/compute/panel"
)

// FuzzRead holds a file against its gzip, with one worker and with several
// files: the same panel or the same faults, and never a panic.
func FuzzRead(f *testing.F) {
	f.Add(plain)
	f.Add("\uFEFF" + strings.ReplaceAll(plain, "\n", "\r\n"))
	f.Add("station,county,date,PM2.5,CO\na,\xb1\xb1,2024-01-01,1.50,0.25\n\"a\nb\",\xff,2024-01-02,x,9\n")
	f.Add(gz(f, plain)[:50])
	f.Add("\x1f\x8b")
	f.Add("station,county,date,PM2.5,CO\na,n,0001-01-01,1,1\na,n,9999-12-31,1,1\n")
	src := source(f, small)
	f.Fuzz(func(t *testing.T, content string) {
		read := func(content string) (string, error) {
			p, attributes, err := panel.Read(t.Context(), src, nil, []panel.File{mem("f", content)}, panel.Options{Workers: 1})
			if err != nil {
				var faults *panel.Errors
				if !errors.As(err, &faults) || faults.Total == 0 || p != nil {
					t.Fatalf("untyped error %v", err)
				}
				return "", err
			}
			if len(attributes) != len(p.Entities) {
				t.Fatalf("%d rows of attributes for %d entities", len(attributes), len(p.Entities))
			}
			for _, c := range p.Columns {
				for cell, v := range cellsOf(t, c) {
					if v += c.Measure.Mid(); v < c.Measure.Min || v > c.Measure.Max {
						t.Fatalf("cell %d is %d", cell, v)
					}
				}
			}
			if p.Columns[0].Values.Len() > 1000 {
				return "", nil // too long to write out
			}
			return dump(p), nil
		}
		got, err := read(content)
		if strings.HasPrefix(content, "\x1f\x8b") {
			return // gzip of gzip is not undone twice
		}
		zipped, zippedErr := read(gz(t, content))
		if got != zipped || (err == nil) != (zippedErr == nil) || err != nil && err.Error() != zippedErr.Error() {
			t.Fatalf("plain: %s %v\nzipped: %s %v", got, err, zipped, zippedErr)
		}
	})
}
