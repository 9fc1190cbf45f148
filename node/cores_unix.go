//go:build unix

package node

import (
	"fmt"
	"syscall"
)

// forbidCores keeps this process from leaving a core: its memory holds the
// node's secrets in the clear, which are on disk only sealed.
func forbidCores() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("forbid cores: %w", err)
	}
	return nil
}
