// Command weir publishes, orders, queries and serves encrypted environmental
// data. See `weir help`.
//
// The command line is a thin layer: flags and printing. stdout carries results
// only; messages and progress go to stderr, and a progress bar only to a
// terminal. Exit status: 0 done, 1 failed, 2 usage (SQL included), 3 refused by
// a policy or contract, 4 answered but not whole: groups were withheld or lack
// entities, and --partial was not given. With -o json, stdout has one JSON document in every case,
// {"error": {…}} when something failed.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/node/vault"
)

func main() {
	// Every command may have a key or readings in its memory.
	if err := vault.ForbidDumps(); err != nil {
		fmt.Fprintf(os.Stderr, "weir: %v\n", err) //nolint:errcheck // nothing is left to tell it to
		os.Exit(cli.ExitFailed)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // interrupted again, it ends at once
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run executes one command line and returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &cli.App{Stdin: stdin, Stdout: stdout, Stderr: stderr}
	root := newRoot(a)
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		return a.Fail(ctx, err)
	}
	return cli.ExitDone
}
