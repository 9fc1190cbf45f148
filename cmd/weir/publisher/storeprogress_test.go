package publisher

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client/publish"
)

// held is a version of 1,000 tiles, of which the second and third node hold so many.
func held(second, third int) publish.Holding {
	return publish.Holding{
		Version: catalog.Version{State: catalog.VersionCommitted}, Tiles: 1000, Needed: 2, TileBytes: 400_000,
		Nodes: []publish.NodeHolding{{ID: "n1", Holds: true, Tiles: 1000}, {ID: "n2", Tiles: second}, {ID: "n3", Tiles: third}},
	}
}

// Which nodes hold a version is said with counts, and rate and remaining time until as
// many hold it as are needed.
func TestLineOfAVersionSaysWhoHoldsHowMuch(t *testing.T) {
	w := &storeProgress{}
	clock := time.Unix(1_000_000, 0)
	for _, step := range []struct {
		second int
		held   publish.Holding
		want   string
	}{
		{0, held(0, 0), "nodes store 1000 tiles: n1 all, n2 0, n3 0 |                              |   0%"},
		{2, held(100, 250), "nodes store 1000 tiles at 50 MB/s: n1 all, n2 100, n3 250 |███████                       |  25%, 6s left"},
		{4, held(-1, 500), "nodes store 1000 tiles at 50 MB/s: n1 all, n2 does not answer, n3 500 |███████████████               |  50%, 4s left"},
	} {
		if got := w.line(step.held, clock.Add(time.Duration(step.second)*time.Second), 140); got != step.want {
			t.Errorf("second %d:\n%q, want\n%q", step.second, got, step.want)
		}
	}
	stored := held(1000, 600)
	stored.Version.State, stored.Nodes[1].Holds = catalog.VersionStored, true
	if got := w.line(stored, clock, 120); got != "stored by n1, n2; nodes open its parity" {
		t.Errorf("%q", got)
	}
}

// Off a terminal nobody is asked who holds a version; on one, the line takes the place of
// the bar, and nothing is drawn of a version that is live.
func TestHoldingIsShownOnATerminalAlone(t *testing.T) {
	if showStoring(&cli.Progress{Bar: &term.Bar{}}) != nil {
		t.Error("nodes are asked for what nobody sees")
	}
	var terminal bytes.Buffer
	p := progressOn(&terminal)
	tell := showStoring(p)
	p.Publishing(publish.Progress{Stage: publish.StageChecking})
	tell(held(0, 10))
	live := held(1000, 1000)
	live.Version.State = catalog.VersionLive
	drawn := terminal.Len()
	tell(live)
	if terminal.Len() != drawn {
		t.Errorf("of a live version it drew %q", terminal.String()[drawn:])
	}
	p.Finish()
	if got := terminal.String(); !strings.Contains(got, "\rnodes store 1000 tiles: n1 all, n2 0, n3 10 ") || !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("drew %q", got)
	}
}

// progressOn is the progress on a terminal of 80 columns whose clock goes on by a second
// whenever it is looked at.
func progressOn(terminal io.Writer) *cli.Progress {
	clock := time.Unix(0, 0)
	return &cli.Progress{
		Bar: term.NewBarOn(terminal, func() int { return 80 }, func() time.Time {
			clock = clock.Add(time.Second)
			return clock
		}),
		Note: func(string, ...any) {},
	}
}
