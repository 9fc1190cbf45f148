package restore

import (
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/mpc"
)

func TestAGapSaysWhichShareWouldFit(t *testing.T) {
	names := []string{"key/k-1/10/11", "key/k-1/2/3", "key/k-12/3/3", "key/k-1/x", "vector/k-1", "node/sealing"}
	have := mpc.SharingsOf("k-1", names)
	if len(have) != 2 || have[0] != (catalog.Sharing{Key: "k-1", Epoch: 2, Attempt: 3}) || have[1].Epoch != 10 {
		t.Fatalf("sharings %v", have)
	}
	for want, x := range map[string]Gap{
		"a backup that was made since":        {Have: have, Want: catalog.Sharing{Epoch: 3}},
		"a share that was exported since":     {Have: have, Want: catalog.Sharing{Epoch: 11}},
		"and the machine has none; it is":     {Want: catalog.Sharing{Epoch: 1}},
		"with the shares of 2 of n1, n2, n3:": {Want: catalog.Sharing{Epoch: 1}, Threshold: 2, Nodes: []string{"n1", "n2", "n3"}},
	} {
		if !strings.Contains(x.String(), want) {
			t.Errorf("%q does not say %q", x, want)
		}
	}
}
