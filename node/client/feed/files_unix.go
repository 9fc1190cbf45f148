//go:build unix

package feed

import "golang.org/x/sys/unix"

// openFiles is how many files the process may have open at once.
func openFiles() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > 2*maxConnections {
		return 2 * maxConnections
	}
	return int(limit.Cur) //nolint:gosec // as said
}
