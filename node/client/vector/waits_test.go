package vector_test

import (
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client/vector"
)

func TestRegistrationSaysWhichNodesItWaitsFor(t *testing.T) {
	nodes, some := []string{"n1", "n2", "n3"}, []byte{1}
	for want, v := range map[string]catalog.Vector{
		"waiting for n2, n3 to store its share; all nodes must be up": {State: catalog.VectorStoring, Nonces: [][]byte{some, nil, nil}},
		"waiting for n1 to check its share; all nodes must be up":     {State: catalog.VectorLining, Lines: [][]uint64{nil, {1}, {1}}},
		"the nodes check that their shares are of one vector":         {State: catalog.VectorLining, Lines: [][]uint64{{1}, {1}, {1}}},
		"the nodes check its entries":                                 {State: catalog.VectorProving},
	} {
		v.Nodes = nodes
		if got := vector.Waits(v); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
