//go:build linux || darwin

package tiles

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// freeBytes is what an unprivileged process may still write below dir.
func freeBytes(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("asking for the free space of %s: %w", dir, err)
	}
	return s.Bavail * uint64(s.Bsize), nil // #nosec G115 -- a block size is positive
}
