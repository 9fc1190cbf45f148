package operator

import (
	"strings"
	"testing"

	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/restore"
)

// One node that lies would keep all others from going on, by saying that it takes work: its name is told, and operators
// that say so go on despite it. No other answer is passed over with it.
func TestOneNodeThatLiesDoesNotKeepOthersFromRecovering(t *testing.T) {
	survivor := []restore.Finding{{Node: "n1"}}
	liar, other := client.Reached{Node: "n2", Ready: true}, client.Reached{Node: "n3"}
	for name, x := range map[string]struct {
		nodes   int
		reached []client.Reached
		known   []restore.Finding
		despite []string
		want    string // empty: it goes on
	}{
		"nobody answers":                {5, nil, survivor, nil, ""},
		"one says that it takes work":   {5, []client.Reached{liar}, survivor, nil, "--despite n2"},
		"who is not believed":           {5, []client.Reached{liar}, survivor, []string{"n2"}, ""},
		"another one is not believed":   {5, []client.Reached{liar}, survivor, []string{"n3"}, "--despite n2"},
		"another one is there, too":     {5, []client.Reached{liar, other}, survivor, []string{"n2"}, "node n3 is there too"},
		"all others are a majority":     {3, []client.Reached{liar, other}, survivor, []string{"n2"}, "n1, n3 are there, which is a majority"},
		"two of three are not believed": {3, []client.Reached{liar, other}, survivor, []string{"n2", "n3"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := whetherLost(x.nodes, x.reached, x.known, x.despite)
			if (err == nil) != (x.want == "") || err != nil && !strings.Contains(err.Error(), x.want) {
				t.Errorf("%v, want %q", err, x.want)
			}
		})
	}
}
