//go:build unix

package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// lockDir keeps other processes out; the lock ends with the process.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(filepath.Clean(dir), "lock"), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // G703: the directory is the operator's to name
	if err != nil {
		return nil, fmt.Errorf("lock the spool: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil { //nolint:gosec // a descriptor is an int
		return nil, errors.Join(fmt.Errorf("%w: %s", ErrLocked, dir), f.Close())
	}
	return f, nil
}

// Running reports whether a process has the spool open.
func Running(dir string) bool {
	f, err := os.Open(filepath.Join(filepath.Clean(dir), "lock"))
	if err != nil {
		return false
	}
	defer f.Close()                                                  //nolint:errcheck // only read
	return unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) != nil //nolint:gosec // a descriptor is an int
}
