package buyer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// said is what is said of a command that was interrupted.
func said(t *testing.T, until func(*cli.App)) string {
	t.Helper()
	var notes bytes.Buffer
	a := &cli.App{Stdout: io.Discard, Stderr: &notes}
	until(a)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a.Fail(ctx, fmt.Errorf("wait for a node: %w", context.Canceled))
	return notes.String()
}

// A query that the ledger has is charged: the message says so, and how it goes on.
func TestAnInterruptedQuerySaysWhetherItIsCharged(t *testing.T) {
	text := said(t, func(a *cli.App) { noteAsked(a, "q-1", false) })
	if !strings.Contains(text, "query q-1 is with the nodes and charged; the same command within 10 minutes takes it up again and is not charged anew") {
		t.Errorf("said %q", text)
	}
	text = said(t, func(a *cli.App) { noteAsked(a, "q-1", true) })
	if !strings.Contains(text, "query q-1 was asked before and not answered here; it is taken up again, and charged once") {
		t.Errorf("said %q", text)
	}
	text = said(t, func(*cli.App) {})
	if text != "weir: interrupted\n" {
		t.Errorf("with nothing to say: %q", text)
	}
}

// A command that ran out of time says the same.
func TestACommandThatRanOutOfTimeSaysWhatItLeftBehind(t *testing.T) {
	var notes bytes.Buffer
	a := &cli.App{Stdout: io.Discard, Stderr: &notes, Output: cli.Table}
	noteAsked(a, "q-1", false)
	if code := a.Fail(t.Context(), fmt.Errorf("wait for query q-1: %w", context.DeadlineExceeded)); code != cli.ExitFailed {
		t.Errorf("exit status %d", code)
	}
	if !strings.Contains(notes.String(), "deadline exceeded: query q-1 is with the nodes and charged") {
		t.Errorf("said %q", notes.String())
	}
	// And one that lost the nodes on the way; what they refuse is another matter.
	for err, half := range map[error]bool{
		&wire.Problem{Kind: wire.KindNoQuorum, Message: "no quorum"}:  true,
		&wire.Problem{Kind: wire.KindForbidden, Message: "no quorum"}: false,
		&client.UnreachableError{}:                                    true,
	} {
		notes.Reset()
		if code := a.Fail(t.Context(), err); code != cli.ExitFailed || strings.Contains(notes.String(), "query q-1 is with the nodes") != half {
			t.Errorf("%v: said %q", err, notes.String())
		}
	}
}
