package he

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/tuneinsight/lattigo/v5/ring"

	"github.com/weirdata/weir/compute/he/modular"
	"github.com/weirdata/weir/compute/he/prf"
)

// golden pins version 1 of everything that nodes must agree on, or that is
// stored: layout, streams, slot order, parity weights, opening contexts. A change
// here needs a new version, and the old one must stay readable.
var golden = map[string]string{
	"context":      "b24bbfdc97227503e5d15008e38b923e7998235746452c51998bae45fd8a3b7b",
	"public key":   "c6f447d7da01ca819167e6365e63b0daf7b064112acc47b159fb93feb19de172",
	"known tile":   "ef37dd00574fc11f92ba5d3612e9e989458db13776a0edf33f896d3480ae4a48",
	"packed tile":  "f9ff10451df9a16e89f953774bf46e67a1878d02130c3a4a08b5238f83ec9080",
	"sum":          "66627c174d5c1ae715780d56655e319bf10ffe18846ca074de2b684807d220cd",
	"contribution": "eda4b929ffa0b7fab04a2795ea8908a25f75175fb4c312d761aa56a5db3eb7ee",
	"own slots":    "bbe41b49fe257ccc3d56520ed4e9f9f8e81bfcf99ee72a4dfc110aa545c7e9d5",
	"root's slots": "731b4d010cfd7ae4ca97b13b2b8a5cb6ca559e9eca1ef2f32b81df01ad00bcff",
}

// fixed draws an object of a kind from a seed.
func (in *instance) fixed(t *testing.T, k kind, first int, seed byte) []byte {
	t.Helper()
	s, err := prf.New([32]byte{seed}, "test", [32]byte{})
	if err != nil {
		t.Fatal(err)
	}
	poly := ring.NewPoly(in.n, limbs-1)
	in.uniform(s, poly)
	b := make([]byte, in.size(k))
	in.putHeader(b, k, first, 0, [contextSize]byte{1})
	in.store(b, k, 0, poly)
	return b
}

func TestVersion1IsWhatItWas(t *testing.T) {
	p := full(t, 4, 3)
	got := map[string][]byte{}
	got["public key"] = p.in.fixed(t, kindPublicKey, 0, 1)
	values := []int64{0, 1, -1, 1 << 40, -(1 << 40), 123456789}
	got["known tile"] = must[[]byte](t)(KnownTile(p, got["public key"], [32]byte{2}, values))
	got["packed tile"] = p.in.pack(got["known tile"])
	acc := NewAccumulator(p)
	if err := acc.Add(got["known tile"], got["packed tile"]); err != nil {
		t.Fatal(err)
	}
	got["sum"] = must[[]byte](t)(acc.Bytes())
	o := Opening{
		Cluster: [32]byte{1}, Key: "bureau", Epoch: 2, Query: "query", Attempt: 3, Plan: [32]byte{4}, Number: 5,
		Accumulator: must[[32]byte](t)(acc.Digest()), Active: []int{1, 2, 4}, Root: 4,
	}
	context := o.Context()
	got["context"] = context[:]
	ds := map[int][]byte{}
	slots := make([]byte, 8*p.Slots())
	pairs := map[int]map[int][32]byte{1: {2: {12}, 3: {13}, 4: {14}}, 2: {1: {12}, 3: {23}, 4: {24}}, 4: {1: {14}, 2: {24}, 3: {34}}}
	for i := range pairs {
		key := must[*NodeKey](t)(NewNodeKey(p, i, p.in.fixed(t, kindKeyShare, i, byte(10+i)), pairs[i], [32]byte{byte(i)}))
		if i == o.Root {
			continue
		}
		d, own, err := key.Contribute(o, acc)
		if err != nil {
			t.Fatal(err)
		}
		ds[i] = d
		if i == 1 {
			modular.Store(slots, own)
			got["contribution"], got["own slots"] = d, append([]byte(nil), slots...)
		}
	}
	key := must[*NodeKey](t)(NewNodeKey(p, 4, p.in.fixed(t, kindKeyShare, 4, 14), pairs[4], [32]byte{4}))
	key.unsmudged = true // these shares are of no key, so the phase has no room for e_r
	modular.Store(slots, must[[]uint64](t)(key.Combine(o, acc, ds)))
	got["root's slots"] = slots
	for name, want := range golden {
		sum := sha256.Sum256(got[name])
		if have := hex.EncodeToString(sum[:]); have != want {
			t.Errorf("%s is %s", name, have)
		}
	}
}
