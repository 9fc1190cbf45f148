package vault

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// hideMemory makes the process not dumpable (prctl(2)). A core limit of zero is not enough:
// where core_pattern is a pipe, the kernel dumps whatever the limit says.
func hideMemory() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("make the process not dumpable: %w", err)
	}
	return nil
}
