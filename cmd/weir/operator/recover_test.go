package operator

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client/nodestatus"
	"github.com/weirdata/weir/node/restore"
)

// One node that lies would keep all others from going on, by saying that it takes work: its name is told, and operators
// that say so go on despite it. No other answer is passed over with it.
func TestOneNodeThatLiesDoesNotKeepOthersFromRecovering(t *testing.T) {
	survivor := []restore.Finding{{Node: "n1"}}
	liar, other := nodestatus.Reached{Node: "n2", Ready: true}, nodestatus.Reached{Node: "n3"}
	busy := nodestatus.Reached{Node: "n3", Ready: true}
	for name, x := range map[string]struct {
		nodes   int
		reached []nodestatus.Reached
		known   []restore.Finding
		despite []string
		want    string // empty: it goes on
	}{
		"nobody answers":                {5, nil, survivor, nil, ""},
		"one says that it takes work":   {5, []nodestatus.Reached{liar}, survivor, nil, "--despite n2"},
		"who is not believed":           {5, []nodestatus.Reached{liar}, survivor, []string{"n2"}, ""},
		"another one is not believed":   {5, []nodestatus.Reached{liar}, survivor, []string{"n3"}, "--despite n2"},
		"another one is there, too":     {5, []nodestatus.Reached{liar, other}, survivor, []string{"n2"}, "node n3 is there too"},
		"all others are a majority":     {3, []nodestatus.Reached{liar, other}, survivor, []string{"n2"}, "n1, n3 are there, which is a majority"},
		"who says nothing of work, too": {3, []nodestatus.Reached{liar, other}, survivor, []string{"n2", "n3"}, ""},
		"as many as open together":      {3, []nodestatus.Reached{liar, busy}, survivor, []string{"n2", "n3"}, "n2, n3 say that they can take work, as many as open results together"},
		"nobody of the roster":          {3, nil, survivor, []string{"n22"}, "n22 is no node of the roster: n1, n2, n3"},
		"a node twice":                  {3, []nodestatus.Reached{liar}, survivor, []string{"n2", "n2"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := whetherLost(clusterOf(x.nodes, 2), x.reached, x.known, x.despite)
			if (err == nil) != (x.want == "") || err != nil && !strings.Contains(err.Error(), x.want) {
				t.Errorf("%v, want %q", err, x.want)
			}
		})
	}
}

func clusterOf(nodes, threshold int) catalog.Cluster {
	c := catalog.Cluster{Threshold: threshold}
	for i := range nodes {
		c.Nodes = append(c.Nodes, catalog.Node{ID: fmt.Sprintf("n%d", i+1)})
	}
	return c
}
