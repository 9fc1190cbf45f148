package leak

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// leastFiles is how many a node's directory has at least: a search of fewer would prove
// nothing.
const leastFiles = 5

// Files reads every file below a node's directory.
func Files(t *testing.T, dir string) (list []Place) {
	t.Helper()
	walk(t, dir, func(path string, e fs.DirEntry) error {
		if !e.Type().IsRegular() {
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		b, err := readSparse(f)
		list = append(list, Place{"file " + path, b})
		return errors.Join(err, f.Close())
	})
	if len(list) < leastFiles {
		t.Fatalf("%s has %d files", dir, len(list))
	}
	return list
}

// Private requires that nobody but its owner may read anything below dir.
func Private(t *testing.T, dir string) {
	t.Helper()
	walk(t, dir, func(path string, e fs.DirEntry) error {
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		return err
	})
}

// walk looks at everything below dir. It passes over what a running node removed between
// a look at a directory and one at what it has, as its databases and its log do.
func walk(t *testing.T, dir string, look func(path string, e fs.DirEntry) error) {
	t.Helper()
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil {
			err = look(path, e)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// readSparse reads a file and cuts what databases reserve: of every 64 kB of
// zeros 64 bytes stay, and none of what was never written, where the file system says so.
func readSparse(f *os.File) (kept []byte, err error) {
	part, zeros := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		// A value log is one written block in a gigabyte that is not.
		at, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		switch written, err := f.Seek(at, unix.SEEK_DATA); {
		case errors.Is(err, unix.ENXIO): // nothing is written from here on
			return append(kept, zeros[:64]...), nil
		case err == nil && written-at > 64:
			kept = append(kept, zeros[:64]...)
		case err == nil:
			kept = append(kept, zeros[:written-at]...)
		default: // it does not know
			if _, err := f.Seek(at, io.SeekStart); err != nil {
				return nil, err
			}
		}
		n, err := io.ReadFull(f, part)
		if got := part[:n]; bytes.Equal(got, zeros[:n]) {
			kept = append(kept, zeros[:min(n, 64)]...)
		} else {
			kept = append(kept, got...)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return kept, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
