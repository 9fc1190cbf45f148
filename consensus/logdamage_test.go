//go:build unix

package consensus

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestDamagedLogSaysSo damages the log where raft reads it when it starts: its first entry,
// over which raft panics, and its metadata. The member does not start, and says that its log
// is damaged or does not fit the rest.
func TestDamagedLogSaysSo(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, nil)
	for k, v := range values(40) {
		c.propose("set " + k + " " + v)
	}
	c.stop("n1")
	restore := c.copyOf("n1")
	for name, damage := range map[string]func(path string) error{
		"*.wal": func(path string) error {
			return overwrite(path, 40, 60) // behind the header of the file
		},
		"*.wa[l]":       func(path string) error { return os.Truncate(path, 20) },
		"wal-meta.db":   func(path string) error { return overwrite(path, 0, 16<<10) },
		"wal-meta.d[b]": func(path string) error { return os.Truncate(path, 5000) },
	} {
		restore()
		list, err := filepath.Glob(filepath.Join(c.dir, "n1", "wal", name))
		if err != nil || len(list) == 0 {
			t.Fatalf("no %s: %v", name, err)
		}
		if err := damage(list[0]); err != nil {
			t.Fatal(err)
		}
		_, err = c.open("n1")
		var fault *DamageError
		switch {
		case err == nil:
			c.stop("n1")
			t.Errorf("%s: it started", name)
		case errors.As(err, &fault) && fault.Part == PartLog, errors.Is(err, ErrInconsistent):
			t.Logf("%s: %.300v", name, err)
		default:
			t.Errorf("%s: %v", name, err)
		}
	}
}

// overwrite puts other bytes in a file.
func overwrite(path string, from, to int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	b := make([]byte, to-from)
	for i := range b {
		b[i] = 0xa5
	}
	_, err = f.WriteAt(b, from)
	return errors.Join(err, f.Close())
}
