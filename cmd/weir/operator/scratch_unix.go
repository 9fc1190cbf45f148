//go:build unix

package operator

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lockScratch locks a directory, which has to be there afterwards.
func lockScratch(dir string) (*os.File, error) {
	// What is no directory is not opened: a named pipe would never be.
	f, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0) //nolint:gosec // G703: beside the identity that the user names
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = errInUse
	}
	if err == nil {
		held, heldErr := f.Stat()
		there, thereErr := os.Lstat(dir) //nolint:gosec // G703: likewise
		if heldErr != nil || thereErr != nil || !os.SameFile(held, there) || !there.IsDir() {
			err = errors.Join(errInUse, heldErr, thereErr)
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
