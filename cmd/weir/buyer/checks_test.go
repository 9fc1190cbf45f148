package buyer

import (
	"bytes"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
)

// How far a registration is, is said by what the ledger has of its nodes.
func TestLineOfARegistrationCountsItsNodes(t *testing.T) {
	v := catalog.Vector{Nodes: []string{"n1", "n2", "n3"}, Threshold: 2, State: catalog.VectorStoring, Nonces: [][]byte{{1}, nil, {2}}}
	proving := v
	proving.State, proving.Attempts, proving.Checks = catalog.VectorProving, []catalog.Attempt{{Number: 1}}, [][]uint64{nil, {0}}
	anew := proving
	anew.Attempts, anew.Checks = []catalog.Attempt{{Number: 1, Failed: catalog.Why("node.unanswering", []string{"n2"})}, {Number: 2}}, nil
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
	if showChecks(&cli.Progress{Bar: &term.Bar{}}) != nil {
		t.Error("nodes are asked for what nobody sees")
	}
	var terminal bytes.Buffer
	p := progressOn(&terminal)
	tell := showChecks(p)
	tell(v)
	tell(ready)
	p.Finish()
	if got := terminal.String(); got != "\rnodes store their shares, 2 of 3\x1b[K\r\x1b[K" {
		t.Errorf("drew %q", got)
	}
}
