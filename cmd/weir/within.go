package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// overdueError is what had not happened when the time of --timeout was over.
type overdueError struct {
	timeout time.Duration
	err     error
}

// Error implements error.
func (e *overdueError) Error() string {
	doing := strings.TrimSuffix(e.err.Error(), context.DeadlineExceeded.Error())
	return fmt.Sprintf("not done within --timeout %s: %s", e.timeout, strings.TrimRight(doing, ": "))
}

// Unwrap returns what was interrupted.
func (e *overdueError) Unwrap() error { return e.err }

// within says of an error that it is the end of the time that ctx had.
func within(ctx context.Context, timeout time.Duration, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &overdueError{timeout: timeout, err: err}
	}
	return err
}

// placeFor refuses a place for a query's receipt where none can be written, before the
// query is asked and paid for.
func placeFor(cmd *cobra.Command, path string) error {
	if path == "" {
		return nil
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return usagef(cmd, "--receipt %s is a directory; name a file in it", path)
	}
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() || strings.HasSuffix(path, string(filepath.Separator)) {
		return usagef(cmd, "--receipt %s: there is no directory %s", path, dir)
	}
	return nil
}
