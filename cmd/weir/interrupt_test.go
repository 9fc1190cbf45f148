package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// interruptedApp is one whose command was interrupted, and what it said.
func interruptedApp(t *testing.T, until func(*app)) (code int, said string, document errorDocument) {
	t.Helper()
	var out, notes bytes.Buffer
	a := &app{stdout: &out, stderr: &notes, output: outputJSON}
	until(a)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code = a.fail(ctx, fmt.Errorf("wait for a node: %w", context.Canceled))
	if err := json.Unmarshal(out.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	return code, notes.String(), document
}

// Whenever a publication is interrupted, what it leaves behind and what to do then
// is said.
func TestAnInterruptedPublicationSaysWhatItLeftBehind(t *testing.T) {
	for _, c := range []struct {
		now  client.Progress
		want string
	}{
		{client.Progress{}, "interrupted: nothing was published"},
		{client.Progress{Stage: client.StageReading, Rows: 5}, "interrupted: nothing was published"},
		{client.Progress{Stage: client.StageKey, Waiting: "n2"}, "interrupted: nothing was published"},
		{client.Progress{Stage: client.StageRegistry, Rows: 5, RowsTotal: 9}, "nothing was published; 5 of 9 rows of the registry have arrived, and the same command goes on from there"},
		{client.Progress{Stage: client.StageUploading, Tiles: 3, TilesTotal: 7}, "nothing was published; 3 of 7 tiles are encrypted and sent, and the same command goes on from there"},
		{client.Progress{Stage: client.StageProposing, Tiles: 7, TilesTotal: 7}, "all tiles are encrypted and sent; if `weir dataset show works` does not have the version, the same command goes on from there"},
		{client.Progress{Stage: client.StageChecking}, "the nodes have all of the version and go on checking it without you; see with `weir dataset show works` whether it is live"},
	} {
		code, said, document := interruptedApp(t, func(a *app) {
			tell := a.publishing("works", &progress{note: func(string, ...any) {}})
			if c.now.Stage != "" {
				tell(c.now)
			}
		})
		if code != exitFailed || !strings.Contains(said, c.want) {
			t.Errorf("%+v: exit status %d, said %q, want %q", c.now, code, said, c.want)
		}
		if document.Error.Kind != "interrupted" || !strings.Contains(document.Error.Message, c.want) {
			t.Errorf("%+v: printed %+v", c.now, document)
		}
	}
}

// A query that the ledger has is charged: the message says so, and how it goes on.
func TestAnInterruptedQuerySaysWhetherItIsCharged(t *testing.T) {
	_, said, _ := interruptedApp(t, func(a *app) { a.asked("q-1", false) })
	if !strings.Contains(said, "query q-1 is with the nodes and charged; the same command within 10 minutes takes it up again and is not charged anew") {
		t.Errorf("said %q", said)
	}
	_, said, _ = interruptedApp(t, func(a *app) { a.asked("q-1", true) })
	if !strings.Contains(said, "query q-1 was asked before and not answered here; it is taken up again, and charged once") {
		t.Errorf("said %q", said)
	}
	_, said, _ = interruptedApp(t, func(*app) {})
	if said != "weir: interrupted\n" {
		t.Errorf("with nothing to say: %q", said)
	}
}

// A command that ran out of time says the same.
func TestACommandThatRanOutOfTimeSaysWhatItLeftBehind(t *testing.T) {
	var notes bytes.Buffer
	a := &app{stdout: io.Discard, stderr: &notes, output: outputTable}
	a.asked("q-1", false)
	if code := a.fail(t.Context(), fmt.Errorf("wait for query q-1: %w", context.DeadlineExceeded)); code != exitFailed {
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
		if code := a.fail(t.Context(), err); code != exitFailed || strings.Contains(notes.String(), "query q-1 is with the nodes") != half {
			t.Errorf("%v: said %q", err, notes.String())
		}
	}
}
