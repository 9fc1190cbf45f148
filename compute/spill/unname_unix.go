//go:build unix

package spill

import (
	"fmt"
	"os"
)

// unname takes an open file its name, so that nothing of it is left when the process
// ends, however it does.
func unname(f *os.File) error {
	if err := os.Remove(f.Name()); err != nil {
		return fmt.Errorf("unlink the temporary file: %w", err)
	}
	return nil
}
