//go:build unix

package vault

import (
	"fmt"
	"syscall"
)

// ForbidDumps keeps this process from leaving a core, and on Linux from being read by
// other processes of its user (ptrace, /proc/PID/mem and environ): its memory holds in the
// clear what is on disk only sealed. It does not keep memory from being swapped out.
func ForbidDumps() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("forbid cores: %w", err)
	}
	return hideMemory()
}
