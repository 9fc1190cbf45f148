package operator

import (
	"testing"
	"time"

	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client/nodestatus"
)

func TestAgesAreReadInDaysOrAsGoDoes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"30d": 720 * time.Hour, "12h": 12 * time.Hour, "90m": 90 * time.Minute, "never": 0} {
		if got, err := parseAge(text); err != nil || got != want {
			t.Errorf("%s is %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0d", "-3d", "30", "x", "d", "1.5d", "99999999999d", "-2h"} {
		if got, err := parseAge(text); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

// Nodes that do not answer do not say that nothing is left to move, and one that is behind does not say how many
// vectors there are.
func TestVectorsAreMovedWhereANodeSaysSo(t *testing.T) {
	node := func(v wire.VectorShares) nodestatus.Node {
		return nodestatus.Node{Status: &wire.Status{Shares: wire.ShareStatus{Vectors: v}}}
	}
	silent, behind, done, moving := nodestatus.Node{Error: "no answer"}, node(wire.VectorShares{}), node(wire.VectorShares{Ready: 2}), node(wire.VectorShares{Ready: 2, Moving: 1})
	for name, x := range map[string]struct {
		list  []nodestatus.Node
		want  wire.VectorShares
		known bool
	}{
		"nobody answers":         {list: []nodestatus.Node{silent, silent}},
		"one answers":            {[]nodestatus.Node{silent, done, silent}, wire.VectorShares{Ready: 2}, true},
		"the last one is behind": {[]nodestatus.Node{done, done, behind}, wire.VectorShares{Ready: 2}, true},
		"the first one moves":    {[]nodestatus.Node{moving, done, behind}, wire.VectorShares{Ready: 2, Moving: 1}, true},
		"the last one moves":     {[]nodestatus.Node{behind, done, moving}, wire.VectorShares{Ready: 2, Moving: 1}, true},
	} {
		if got, known := behindMost(x.list); known != x.known || got.Ready != x.want.Ready || got.Moving != x.want.Moving {
			t.Errorf("%s: %+v, %v", name, got, known)
		}
	}
}
