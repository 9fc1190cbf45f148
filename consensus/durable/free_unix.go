//go:build unix

package durable

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// FreeBytes is what an unprivileged process may still write below dir.
func FreeBytes(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", dir, err)
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil //nolint:unconvert // their types differ by system
}
