package publish

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/table"
)

// A Parquet file or an archive of gigabytes is read where it lies, with a bar or without.
func TestAFileWhoseReadingIsToldCanStillBeReadFromItsEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("begin, end"), 0o600); err != nil {
		t.Fatal(err)
	}
	var now Progress
	files, o := reading(DataFiles([]string{path}), func(p Progress) { now = p })
	in, err := files[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close() //nolint:errcheck // only read
	at, ok := in.(table.RandomAccess)
	if !ok {
		t.Fatalf("%T cannot be read from its end", in)
	}
	end := make([]byte, 3)
	if _, err := at.ReadAt(end, 7); err != nil || string(end) != "end" {
		t.Errorf("%q, %v", end, err)
	}
	if o.Progress(1); now.Bytes != 3 {
		t.Errorf("%d bytes are told", now.Bytes)
	}
}

// What cannot be read from its end does not say that it can.
func TestAPipeWhoseReadingIsToldStaysOne(t *testing.T) {
	pipe := panel.File{Open: func() (io.ReadCloser, error) { r, _ := io.Pipe(); return r, nil }}
	files, _ := reading([]panel.File{pipe}, func(Progress) {})
	in, err := files[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := in.(table.RandomAccess); ok {
		t.Error("it can be read from its end")
	}
}
