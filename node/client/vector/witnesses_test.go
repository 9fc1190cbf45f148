package vector

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/client"
)

// Every node opens its own share of the witnesses, for this query and test alone, and
// any two of the three have them.
func TestWitnessesAreSealedToTheirNodesAndQuery(t *testing.T) {
	key, err := client.NewKey("bank")
	if err != nil {
		t.Fatal(err)
	}
	profile := client.Profile{Cluster: catalog.Digest{1}, Nodes: []client.ProfileNode{{ID: "n1", Addr: "https://127.0.0.1:1", Key: make([]byte, ed25519.PublicKeySize)}}}
	c, err := client.New(profile, key, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cluster := catalog.Cluster{ID: catalog.Digest{1}, Threshold: 2}
	private := map[int][]byte{}
	for point := 1; point <= 3; point++ {
		secret, public, err := seal.GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		private[point] = secret
		cluster.Nodes = append(cluster.Nodes, catalog.Node{ID: fmt.Sprintf("n%d", point), Point: point, Sealing: public})
	}
	s := &he.PieceStructure{
		Pieces: 2, Units: []he.PieceUnit{{Members: []int32{0, 1, 2, 3}, Both: true}}, Moves: []he.PieceMove{{Members: []int32{1}}},
		Figures: []he.PieceFigure{{K: 2, Steps: []he.PieceStep{{Units: []int{0}}}}},
	}
	pieceOf := []int8{0, 0, -1, -1, 1}
	request := catalog.Request{Version: 1, Dataset: "d", In: "v-1"}
	sealed, err := SealWitnesses(c, cluster, request, s, pieceOf)
	if err != nil {
		t.Fatal(err)
	}
	p, err := he.NewProductParameters(he.DefaultProductParameters())
	if err != nil {
		t.Fatal(err)
	}
	spec := he.WitnessSpec{Nodes: 3, Threshold: 2, Count: s.Witnesses(), Structure: s.Digest()}
	shares := map[int]*he.WitnessShare{}
	for point := 1; point <= 3; point++ {
		b, err := seal.Open(private[point], []byte(seal.WitnessInfo), attest.WitnessAAD(cluster, key.ID(), request, s.Digest(), point), sealed[point-1])
		if err != nil {
			t.Fatal(err)
		}
		if shares[point], err = he.ParseWitnessShare(p, spec, point, b); err != nil {
			t.Fatal(err)
		}
	}
	want, err := he.PieceWitnesses(p, s, pieceOf)
	if err != nil {
		t.Fatal(err)
	}
	for _, active := range [][]int{{1, 2}, {1, 3}, {2, 3}} {
		sum := make([]uint64, len(want))
		for _, point := range active {
			xs, err := shares[point].Additive(active)
			if err != nil {
				t.Fatal(err)
			}
			for i, x := range xs {
				sum[i] = (sum[i] + x) % p.T()
			}
		}
		if !slices.Equal(sum, want) {
			t.Errorf("%v have %v instead of %v", active, sum, want)
		}
	}
	other := request
	other.AsOf = 2
	for name, aad := range map[string][]byte{
		"another query":     attest.WitnessAAD(cluster, key.ID(), other, s.Digest(), 1),
		"another buyer":     attest.WitnessAAD(cluster, "p-1", request, s.Digest(), 1),
		"another structure": attest.WitnessAAD(cluster, key.ID(), request, catalog.Digest{2}, 1),
		"another point":     attest.WitnessAAD(cluster, key.ID(), request, s.Digest(), 2),
	} {
		if _, err := seal.Open(private[1], []byte(seal.WitnessInfo), aad, sealed[0]); !errors.Is(err, seal.ErrOpen) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	if _, err := seal.Open(private[1], []byte(seal.VectorInfo), attest.WitnessAAD(cluster, key.ID(), request, s.Digest(), 1), sealed[0]); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("opened as a share of a vector: %v", err)
	}
}
