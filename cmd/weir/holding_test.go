package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
)

// held is a version of 1,000 tiles, of which the second and third node hold so many.
func held(second, third int) client.Holding {
	return client.Holding{
		Version: catalog.Version{State: catalog.VersionCommitted}, Tiles: 1000, Needed: 2, TileBytes: 400_000,
		Nodes: []client.NodeHolding{{ID: "n1", Holds: true, Tiles: 1000}, {ID: "n2", Tiles: second}, {ID: "n3", Tiles: third}},
	}
}

// Which nodes hold a version is said with counts, and rate and remaining time until as
// many hold it as are needed.
func TestLineOfAVersionSaysWhoHoldsHowMuch(t *testing.T) {
	w := &holding{}
	clock := time.Unix(1_000_000, 0)
	for _, step := range []struct {
		second int
		held   client.Holding
		want   string
	}{
		{0, held(0, 0), "nodes store it: n1 done; n2 has 0, n3 has 0 of 1000 tiles |                              |   0%"},
		{2, held(100, 250), "nodes store it: n1 done; n2 has 100, n3 has 250 of 1000 tiles at 50 MB/s |███████                       |  25%, 6s left"},
		{4, held(-1, 500), "nodes store it: n1 done; n2 does not answer, n3 has 500 of 1000 tiles at 50 MB/s |███████████████               |  50%, 4s left"},
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
	if (&progress{}).holding() != nil {
		t.Error("nodes are asked for what nobody sees")
	}
	var terminal bytes.Buffer
	p := &progress{out: &terminal, width: func() int { return 80 }, note: func(string, ...any) {}}
	tell := p.holding()
	p.publishing(client.Progress{Stage: client.StageChecking})
	tell(held(0, 10))
	live := held(1000, 1000)
	live.Version.State = catalog.VersionLive
	drawn := terminal.Len()
	tell(live)
	if terminal.Len() != drawn {
		t.Errorf("of a live version it drew %q", terminal.String()[drawn:])
	}
	p.finish()
	if got := terminal.String(); !strings.Contains(got, "\rnodes store it: n1 done; n2 has 0, n3 has 10 of 1000 tiles") || !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("drew %q", got)
	}
}
