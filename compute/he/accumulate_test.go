package he

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/tuneinsight/lattigo/v5/core/rlwe"
	"github.com/tuneinsight/lattigo/v5/he/heint"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/compute/he/modular"
)

// ciphertext hands a tile to lattigo.
func (in *instance) ciphertext(b []byte, k kind) *rlwe.Ciphertext {
	ct := heint.NewCiphertext(in.he, 1, limbs-1)
	in.load(ct.Value[0], b, k, 0)
	in.load(ct.Value[1], b, k, 1)
	ct.IsNTT, ct.IsBatched, ct.Scale = true, true, in.he.DefaultScale()
	return ct
}

// TestAccumulateEqualsLattigosAdd for random numbers of tiles in random portions, packed and not,
// extremes among the coefficients.
func TestAccumulateEqualsLattigosAdd(t *testing.T) {
	p := small(t, 3, 2)
	in := p.in
	tiles := randomTiles(p, 40)
	for i := range tiles[:20] { // all coefficients at their largest: the kernel's worst case
		for l := range 2 * limbs {
			largest := make([]uint64, in.n)
			for j := range largest {
				largest[j] = in.q[l%limbs].Modulus - 1 - uint64(j%2)
			}
			modular.Store(tiles[i][headerBytes+8*in.n*l:], largest)
		}
	}
	packed := make([][]byte, len(tiles))
	for i := range tiles {
		packed[i] = in.pack(tiles[i])
	}
	eval := heint.NewEvaluator(in.he, nil)
	rapid.Check(t, func(t *rapid.T) {
		acc := NewAccumulator(p)
		form := rapid.SampledFrom([]string{"packed", "not packed", "both"}).Draw(t, "form")
		var sum *rlwe.Ciphertext
		for range rapid.IntRange(1, 6).Draw(t, "portions") {
			var portion [][]byte
			for _, i := range rapid.SliceOfN(rapid.IntRange(0, 39), 1, 13).Draw(t, "tiles") {
				if form == "packed" || form == "both" && rapid.Bool().Draw(t, "is packed") {
					portion = append(portion, packed[i])
				} else {
					portion = append(portion, tiles[i])
				}
				if sum == nil {
					sum = in.ciphertext(tiles[i], kindTile)
				} else if err := eval.Add(sum, in.ciphertext(tiles[i], kindTile), sum); err != nil {
					t.Fatal(err)
				}
			}
			if err := acc.Add(portion...); err != nil {
				t.Fatal(err)
			}
		}
		got, err := acc.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if err := p.checkOf(kindSum)(got); err != nil {
			t.Fatal(err)
		}
		want := bytes.Clone(got)
		in.store(want, kindSum, 0, sum.Value[0])
		in.store(want, kindSum, 1, sum.Value[1])
		if !bytes.Equal(got, want) {
			t.Fatal("the sums differ")
		}
	})
}

// TestSumDoesNotDependOnOrderOrGrouping: nodes that keep rollups agree with those
// that do not.
func TestSumDoesNotDependOnOrderOrGrouping(t *testing.T) {
	p := small(t, 3, 2)
	tiles := randomTiles(p, 17)
	whole := NewAccumulator(p)
	if err := whole.Add(tiles...); err != nil {
		t.Fatal(err)
	}
	want := must[[32]byte](t)(whole.Digest())
	if sha256.Sum256(must[[]byte](t)(whole.Bytes())) != want {
		t.Fatal("the digest is not that of the bytes")
	}
	rapid.Check(t, func(t *rapid.T) {
		order := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)).Perm(len(tiles))
		acc := NewAccumulator(p)
		for len(order) > 0 {
			n := rapid.IntRange(1, len(order)).Draw(t, "portion")
			part := NewAccumulator(p)
			for _, i := range order[:n] {
				if err := part.Add(tiles[i]); err != nil {
					t.Fatal(err)
				}
			}
			order = order[n:]
			rollup, err := part.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			if err := acc.Add(rollup); err != nil {
				t.Fatal(err)
			}
		}
		got, err := acc.Digest()
		if err != nil || got != want || acc.Count() != len(tiles) {
			t.Fatalf("digest of %d tiles differs, error %v", acc.Count(), err)
		}
	})
}

// TestAddIsAllOrNothing: an error leaves the accumulator as it was.
func TestAddIsAllOrNothing(t *testing.T) {
	c := newCluster(t, small(t, 3, 2))
	tiles := c.encrypt(t, []int64{1}, []int64{2})
	acc := c.accumulate(t, tiles[0])
	want := must[[32]byte](t)(acc.Digest())
	for name, b := range map[string][]byte{
		"nothing": nil, "truncated": tiles[1][:len(tiles[1])-8], "a public key": c.publicKey, "a header": tiles[1][:headerBytes],
		"a packed tile that is truncated": c.p.in.pack(tiles[1])[:c.p.PackedTileBytes()-15],
	} {
		if err := acc.Add(tiles[1], b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	if must[[32]byte](t)(acc.Digest()) != want || acc.Count() != 1 {
		t.Error("something was added")
	}
	b := must[[]byte](t)(acc.Bytes())
	b[headerBytes] ^= 1
	if must[[32]byte](t)(acc.Digest()) != want {
		t.Error("the bytes handed out are the accumulator's own")
	}
	if _, err := NewAccumulator(c.p).Bytes(); !errors.Is(err, ErrEmpty) {
		t.Errorf("empty: error is %v", err)
	}
}
