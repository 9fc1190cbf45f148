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

// GuardProcess keeps what this process holds in the clear, and what it writes, from others
// on the machine: ForbidDumps, and files for its user alone. The ledger's and the blob store's
// libraries make files that everybody may read, as far as the process lets them.
func GuardProcess() error {
	if err := ForbidDumps(); err != nil {
		return fmt.Errorf("guard the process: %w", err)
	}
	syscall.Umask(0o077)
	return nil
}
