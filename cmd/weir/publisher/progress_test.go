package publisher

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client/publish"
)

// errorDocument is what -o json prints of a failure.
type errorDocument struct {
	Error struct{ Kind, Message string }
}

// interruptedApp is one whose command was interrupted, and what it said.
func interruptedApp(t *testing.T, until func(*cli.App)) (code int, said string, document errorDocument) {
	t.Helper()
	var out, notes bytes.Buffer
	a := &cli.App{Stdout: &out, Stderr: &notes, Output: cli.JSON}
	until(a)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code = a.Fail(ctx, fmt.Errorf("wait for a node: %w", context.Canceled))
	if err := json.Unmarshal(out.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	return code, notes.String(), document
}

// Whenever a publication is interrupted, what it leaves behind and what to do then
// is said.
func TestAnInterruptedPublicationSaysWhatItLeftBehind(t *testing.T) {
	for _, c := range []struct {
		now  publish.Progress
		want string
	}{
		{publish.Progress{}, "interrupted: nothing was published"},
		{publish.Progress{Stage: publish.StageReading, Rows: 5}, "interrupted: nothing was published"},
		{publish.Progress{Stage: publish.StageKey, Waiting: "n2"}, "interrupted: nothing was published"},
		{publish.Progress{Stage: publish.StageRegistry, Rows: 5, RowsTotal: 9}, "nothing was published; 5 of 9 rows of the registry have arrived, and the same command goes on from there"},
		{publish.Progress{Stage: publish.StageUploading, Tiles: 3, TilesTotal: 7}, "nothing was published; 3 of 7 tiles are encrypted and sent, and the same command goes on from there"},
		{publish.Progress{Stage: publish.StageProposing, Tiles: 7, TilesTotal: 7}, "all tiles are encrypted and sent; if `weir dataset show works` does not have the version, the same command goes on from there"},
		{publish.Progress{Stage: publish.StageChecking}, "the nodes have all of the version and go on checking it without you; see with `weir dataset show works` whether it is live"},
	} {
		code, said, document := interruptedApp(t, func(a *cli.App) {
			tell := publishing(a, "works", &cli.Progress{Bar: &term.Bar{}, Note: func(string, ...any) {}})
			if c.now.Stage != "" {
				tell(c.now)
			}
		})
		if code != cli.ExitFailed || !strings.Contains(said, c.want) {
			t.Errorf("%+v: exit status %d, said %q, want %q", c.now, code, said, c.want)
		}
		if document.Error.Kind != "interrupted" || !strings.Contains(document.Error.Message, c.want) {
			t.Errorf("%+v: printed %+v", c.now, document)
		}
	}
}
