package he

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/tuneinsight/lattigo/v5/ring"

	"github.com/weirdata/weir/compute/he/prf"
)

// objects returns one of each kind, valid.
func objects(t testing.TB, c *cluster) map[kind][]byte {
	t.Helper()
	acc := c.accumulate(t, c.encrypt(t, []int64{1, 2, 3})...)
	o := c.opening(t, acc, everyPoint(c.p.Threshold()), 2)
	ds, _ := c.contributions(t, o, acc)
	return map[kind][]byte{
		kindTile:         c.encrypt(t, []int64{4})[0],
		kindSum:          must[[]byte](t)(acc.Bytes()),
		kindPublicShare:  c.z[0].PublicShare(),
		kindDealing:      must[[]byte](t)(c.z[0].Dealing(2)),
		kindKeyShare:     c.shares[1],
		kindPublicKey:    c.publicKey,
		kindContribution: ds[1],
		kindPackedTile:   c.p.in.pack(c.encrypt(t, []int64{4})[0]),
	}
}

// pack returns a tile in its packed form.
func (in *instance) pack(tile []byte) []byte {
	b, poly := make([]byte, in.size(kindPackedTile)), in.newPoly()
	in.putHeader(b, kindPackedTile, 1, 0, [contextSize]byte{})
	for i := range kindTile.polys() {
		in.load(poly, tile, kindTile, i)
		in.store(b, kindPackedTile, i, poly)
	}
	return b
}

// put writes a coefficient into a limb: all its bits, or the low 60 of one that is packed.
func (k kind) put(limb []byte, i int, x uint64) {
	if k != kindPackedTile {
		binary.LittleEndian.PutUint64(limb[8*i:], x)
		return
	}
	for bit := range 60 {
		at := 60*i + bit
		limb[at/8] &^= 1 << (at % 8)
		limb[at/8] |= byte(x>>bit&1) << (at % 8)
	}
}

func (p Parameters) checkOf(k kind) func([]byte) error {
	if k == kindTile || k == kindPackedTile {
		return p.CheckTile
	}
	return func(b []byte) error {
		_, err := p.in.parse(b, k)
		return err
	}
}

// TestMalformedBytesAreRefused damages every kind of object in every way that
// the layout can tell.
func TestMalformedBytesAreRefused(t *testing.T) {
	c := newCluster(t, small(t, 3, 2))
	for k, valid := range objects(t, c) {
		t.Run(k.String(), func(t *testing.T) {
			check := c.p.checkOf(k)
			if err := check(valid); err != nil {
				t.Fatal(err)
			}
			refuse := func(what string, b []byte) {
				t.Helper()
				if err := check(b); !errors.Is(err, ErrMalformed) {
					t.Errorf("%s: error is %v", what, err)
				}
			}
			with := func(at int, x byte) []byte {
				b := bytes.Clone(valid)
				b[at] = x
				return b
			}
			refuse("nothing", nil)
			for _, n := range []int{1, 4, 8, 15, 16, 47, 48, len(valid) / 2, len(valid) - 8, len(valid) - 1} {
				refuse("truncated", valid[:n])
			}
			refuse("one byte more", append(bytes.Clone(valid), 0))
			refuse("magic", with(0, 'W'))
			refuse("kind", with(4, byte(k)%7+1))
			refuse("kind unknown", with(4, 99))
			refuse("version", with(5, 2))
			refuse("ring", with(6, 13))
			refuse("primes", with(7, 2))
			refuse("first number", with(11, 0xff))
			refuse("second number", with(15, 0xff))
			for poly := range k.polys() {
				for l, s := range c.p.in.q {
					for _, i := range []int{0, 1, 2, 3, c.p.in.n - 1} {
						b := bytes.Clone(valid)
						limb := c.p.in.limb(b, k, poly, l)
						k.put(limb, i, s.Modulus-1)
						if err := check(b); err != nil {
							t.Errorf("largest coefficient: %v", err)
						}
						for _, x := range []uint64{s.Modulus, 1 << 60, 1 << 63, ^uint64(0)} {
							if k == kindPackedTile && x > s.Modulus {
								x = 1<<60 - 1 // the most that it has bits for
							}
							k.put(limb, i, x)
							refuse("coefficient", b)
						}
					}
				}
			}
		})
	}
}

// TestPackedTileIsTheSameCiphertext: of the same randomness both forms are made, of the same coefficients.
func TestPackedTileIsTheSameCiphertext(t *testing.T) {
	c := newCluster(t, small(t, 3, 2))
	e := must[*Encryptor](t)(NewEncryptor(c.p, c.publicKey))
	plain, packed := make([]byte, c.p.TileBytes()), make([]byte, c.p.PackedTileBytes())
	for _, b := range [][]byte{plain, packed} {
		s := must[*prf.Stream](t)(prf.New([32]byte{5}, "test", [32]byte{}))
		if err := e.encrypt([]int64{1, -2, 3}, b, s, true); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(c.p.in.pack(plain), packed) {
		t.Error("the coefficients differ")
	}
	if err := e.Encrypt([]int64{1}, make([]byte, len(packed)+1)); !errors.Is(err, ErrMalformed) {
		t.Errorf("another length: %v", err)
	}
}

// TestFlippedBitInATile: one that takes a coefficient out of range is refused by
// the layout, and any at all changes the digest by which a tile is known, and
// that of an accumulator.
func TestFlippedBitInATile(t *testing.T) {
	c := newCluster(t, small(t, 3, 2))
	tile := c.encrypt(t, []int64{1, 2, 3})[0]
	known := must[[32]byte](t)(c.accumulate(t, tile).Digest())
	rng := rand.New(rand.NewPCG(7, 8))
	refused := 0
	for range 500 {
		bit := rng.IntN(8 * len(tile))
		damaged := bytes.Clone(tile)
		damaged[bit/8] ^= 1 << (bit % 8)
		if sha256.Sum256(damaged) == sha256.Sum256(tile) {
			t.Fatal("the digest did not change")
		}
		if err := c.p.CheckTile(damaged); err != nil {
			refused++
			continue
		}
		if must[[32]byte](t)(c.accumulate(t, damaged).Digest()) == known {
			t.Fatalf("bit %d: the accumulator did not change", bit)
		}
	}
	// The top 4 of every 64 bits take a coefficient out of range, always.
	if refused < 10 || refused > 100 {
		t.Errorf("the layout refused %d of 500", refused)
	}
	for bit := 60; bit < 64; bit++ {
		damaged := bytes.Clone(tile)
		damaged[headerBytes+7] ^= 1 << (bit - 56)
		if err := c.p.CheckTile(damaged); !errors.Is(err, ErrMalformed) {
			t.Errorf("bit %d: error is %v", bit, err)
		}
	}
}

// fuzzObject checks that bytes are refused or mean exactly what they say: an
// accepted object, decoded and encoded, is the same bytes.
func fuzzObject(f *testing.F, k kind) {
	c := newCluster(f, small(f, 3, 2))
	valid := objects(f, c)[k]
	f.Add(valid, 0, uint64(0))
	f.Add(valid[:len(valid)-1], 0, uint64(0))
	f.Add([]byte("weir"), 4, uint64(1))
	f.Add(valid, 8, ^uint64(0))
	f.Add(valid, k.offset(), uint64(1)<<63)
	in := c.p.in
	f.Fuzz(func(t *testing.T, b []byte, at int, x uint64) {
		b = bytes.Clone(b)
		if at >= 0 && at+8 <= len(b) {
			binary.LittleEndian.PutUint64(b[at:], binary.LittleEndian.Uint64(b[at:])^x)
		}
		if err := c.p.checkOf(k)(b); err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("error is %v", err)
			}
			return
		}
		h, err := in.parse(b, k)
		if err != nil {
			t.Fatal(err)
		}
		again := make([]byte, in.size(k))
		in.putHeader(again, k, h.first, h.second, h.context)
		poly := ring.NewPoly(in.n, limbs-1)
		for i := range k.polys() {
			in.load(poly, b, k, i)
			in.store(again, k, i, poly)
		}
		if !bytes.Equal(b, again) {
			t.Fatal("accepted bytes are not canonical")
		}
		consume(t, c, k, b)
	})
}

// consume hands accepted bytes to what takes them: it may refuse, never panic.
func consume(t *testing.T, c *cluster, k kind, b []byte) {
	t.Helper()
	fail := func(err error) {
		if errors.Is(err, ErrInternal) {
			t.Fatal(err)
		}
	}
	switch k {
	case kindTile, kindPackedTile, kindSum:
		fail(NewAccumulator(c.p).Add(b))
	case kindPublicKey:
		_, err := KnownTile(c.p, b, [32]byte{}, []int64{1})
		fail(err)
	case kindPublicShare:
		_, err := CombinePublicShares(c.p, c.reference, [][]byte{b, c.z[1].PublicShare(), c.z[2].PublicShare()})
		fail(err)
	case kindDealing:
		_, err := CombineDealings(c.p, c.reference, 2, [][]byte{b})
		fail(err)
	case kindKeyShare:
		_, err := NewNodeKey(c.p, 1, b, map[int][32]byte{2: {1}, 3: {1}}, [32]byte{1})
		fail(err)
	case kindContribution:
		acc := c.accumulate(t, crafted(t, c.p))
		_, err := c.keys[2].Combine(c.opening(t, acc, []int{1, 2}, 2), acc, map[int][]byte{1: b})
		fail(err)
	}
}

func FuzzTile(f *testing.F)         { fuzzObject(f, kindTile) }
func FuzzPackedTile(f *testing.F)   { fuzzObject(f, kindPackedTile) }
func FuzzSum(f *testing.F)          { fuzzObject(f, kindSum) }
func FuzzPublicKey(f *testing.F)    { fuzzObject(f, kindPublicKey) }
func FuzzPublicShare(f *testing.F)  { fuzzObject(f, kindPublicShare) }
func FuzzDealing(f *testing.F)      { fuzzObject(f, kindDealing) }
func FuzzKeyShare(f *testing.F)     { fuzzObject(f, kindKeyShare) }
func FuzzContribution(f *testing.F) { fuzzObject(f, kindContribution) }
