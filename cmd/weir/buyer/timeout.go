package buyer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
)

// timeoutError is what had not happened when the time of --timeout was over.
type timeoutError struct {
	timeout time.Duration
	err     error
}

// Error implements error.
func (e *timeoutError) Error() string {
	doing := strings.TrimSuffix(e.err.Error(), context.DeadlineExceeded.Error())
	return fmt.Sprintf("not done within --timeout %s: %s", e.timeout, strings.TrimRight(doing, ": "))
}

// Unwrap returns what was interrupted.
func (e *timeoutError) Unwrap() error { return e.err }

// explainTimeout says of an error that it is the end of the time that ctx had.
func explainTimeout(ctx context.Context, timeout time.Duration, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &timeoutError{timeout: timeout, err: err}
	}
	return err
}

// checkReceiptPath refuses a place for a query's receipt where none can be written, before the
// query is asked and paid for.
func checkReceiptPath(cmd *cobra.Command, path string) error {
	if path == "" {
		return nil
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return cli.Usagef(cmd, "--receipt %s is a directory; name a file in it", path)
	}
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() || strings.HasSuffix(path, string(filepath.Separator)) {
		return cli.Usagef(cmd, "--receipt %s: there is no directory %s", path, dir)
	}
	return nil
}
