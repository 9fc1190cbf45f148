//go:build !unix

package dev

import (
	"fmt"
	"os"
	"syscall"
)

// lockFile makes sure that one process at a time runs the cluster of a
// directory. Here a lock that a killed process left behind is removed by hand.
func lockFile(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the cluster's directory: %w", err)
	}
	return func() error {
		if err := f.Close(); err != nil {
			return err
		}
		return os.Remove(path)
	}, nil
}

func ownProcessGroup() *syscall.SysProcAttr { return nil }
