package attest

import (
	"testing"

	"github.com/weirdata/weir/catalog"
)

// What a share of witnesses is sealed to differs in everything that it must not be used
// for.
func TestWitnessAADTellsEverythingApart(t *testing.T) {
	c := catalog.Cluster{ID: catalog.Digest{9}, Threshold: 2, Nodes: []catalog.Node{{ID: "n1", Point: 1}, {ID: "n2", Point: 2}, {ID: "n3", Point: 3}}}
	request := catalog.Request{Version: 1, Dataset: "loans", In: "v-1"}
	seen := map[string]string{string(WitnessAAD(c, "bank", request, catalog.Digest{1}, 1)): "itself"}
	add := func(what string, aad []byte) {
		if other, known := seen[string(aad)]; known {
			t.Errorf("%s is sealed as %s", what, other)
		}
		seen[string(aad)] = what
	}
	add("another buyer", WitnessAAD(c, "insurer", request, catalog.Digest{1}, 1))
	add("another structure", WitnessAAD(c, "bank", request, catalog.Digest{2}, 1))
	add("another point", WitnessAAD(c, "bank", request, catalog.Digest{1}, 2))
	other := request
	other.AsOf = 3
	add("another version", WitnessAAD(c, "bank", other, catalog.Digest{1}, 1))
	other = request
	other.In = "v-2"
	add("another portfolio", WitnessAAD(c, "bank", other, catalog.Digest{1}, 1))
	d := c
	d.ID = catalog.Digest{8}
	add("another cluster", WitnessAAD(d, "bank", request, catalog.Digest{1}, 1))
	d = c
	d.Threshold = 3
	add("another threshold", WitnessAAD(d, "bank", request, catalog.Digest{1}, 1))
	d = c
	d.Nodes = c.Nodes[:2]
	add("another roster", WitnessAAD(d, "bank", request, catalog.Digest{1}, 1))
}
