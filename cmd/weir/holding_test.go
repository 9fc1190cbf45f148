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
	if got := terminal.String(); !strings.Contains(got, "\rnodes store 1000 tiles: n1 all, n2 0, n3 10 ") || !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("drew %q", got)
	}
}

// How far a registration is, is said by what the ledger has of its nodes.
func TestLineOfARegistrationCountsItsNodes(t *testing.T) {
	v := catalog.Vector{Nodes: []string{"n1", "n2", "n3"}, Threshold: 2, State: catalog.VectorStoring, Nonces: [][]byte{{1}, nil, {2}}}
	proving := v
	proving.State, proving.Attempts, proving.Checks = catalog.VectorProving, []catalog.Attempt{{Number: 1}}, [][]uint64{nil, {0}}
	anew := proving
	anew.Attempts, anew.Checks = []catalog.Attempt{{Number: 1, Failed: "n2 does not answer"}, {Number: 2}}, nil
	lining := v
	lining.State = catalog.VectorLining
	ready := v
	ready.State = catalog.VectorReady
	for _, c := range []struct {
		v    catalog.Vector
		want string
	}{
		{v, "nodes store their shares, 2 of 3"},
		{lining, "nodes check that their shares are of one vector, 0 of 3"},
		{proving, "nodes check that every entry is 0 or 1, 1 of 2"},
		{anew, "attempt 2: nodes check that every entry is 0 or 1, 0 of 2"},
		{ready, ""},
	} {
		if got := checksLine(c.v); got != c.want {
			t.Errorf("%s: %q, want %q", c.v.State, got, c.want)
		}
	}
	if (&progress{}).checks() != nil {
		t.Error("nodes are asked for what nobody sees")
	}
	var terminal bytes.Buffer
	p := &progress{out: &terminal, width: func() int { return 80 }}
	tell := p.checks()
	tell(v)
	tell(ready)
	p.finish()
	if got := terminal.String(); got != "\rnodes store their shares, 2 of 3\x1b[K\r\x1b[K" {
		t.Errorf("drew %q", got)
	}
}
