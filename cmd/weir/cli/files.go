package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/weirdata/weir/compute/panel"
)

// OpenFile is a file on this machine.
func OpenFile(path string) panel.File {
	path = filepath.Clean(path)
	return panel.File{Name: path, Open: func() (io.ReadCloser, error) { return os.Open(path) }} //nolint:gosec // the user's own file
}

// WriteEvidence writes a receipt or checkpoint to a file, for anybody to read.
func WriteEvidence(path string, b []byte) error {
	if err := os.WriteFile(path, b, 0o644); err != nil { //nolint:gosec // meant to be handed on
		return fmt.Errorf("write the evidence: %w", err)
	}
	return nil
}
