//go:build unix

package node

import (
	"fmt"
	"syscall"

	"github.com/weirdata/weir/node/vault"
)

// guardProcess keeps what this process holds in the clear, and what it writes, from others
// on the machine. The ledger's and the blob store's libraries make files that everybody may
// read, as far as the process lets them.
func guardProcess() error {
	if err := vault.ForbidDumps(); err != nil {
		return fmt.Errorf("guard the process: %w", err)
	}
	syscall.Umask(0o077)
	return nil
}
