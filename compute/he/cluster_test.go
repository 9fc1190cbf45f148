package he

import (
	"maps"
	"math/rand/v2"
	"testing"
)

// cluster is a roster with one key, for tests.
type cluster struct {
	p         Parameters
	reference [32]byte
	publicKey []byte
	shares    map[int][]byte
	keys      map[int]*NodeKey
	z         []*Dealer
}

// small are parameters with the real moduli over a small, insecure ring: the
// arithmetic is the same, and a test can afford many keys.
func small(t testing.TB, nodes, threshold int) Parameters {
	t.Helper()
	lit := DataParameters(nodes, threshold)
	lit.LogN = 9
	p, err := newParameters(lit)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func full(t testing.TB, nodes, threshold int) Parameters {
	t.Helper()
	p, err := NewParameters(DataParameters(nodes, threshold))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func must[T any](t testing.TB) func(T, error) T {
	return func(x T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
}

// newCluster runs a ceremony.
func newCluster(t testing.TB, p Parameters) *cluster {
	t.Helper()
	c := &cluster{p: p, shares: map[int][]byte{}, keys: map[int]*NodeKey{}}
	for i := range c.reference {
		c.reference[i] = byte(rand.Uint32())
	}
	var publics [][]byte
	for i := 1; i <= p.Nodes(); i++ {
		d := must[*Dealer](t)(NewDealer(p, c.reference, i))
		c.z = append(c.z, d)
		publics = append(publics, d.PublicShare())
	}
	c.publicKey = must[[]byte](t)(CombinePublicShares(p, c.reference, publics))
	pairs := pairSeeds(t, p.Nodes())
	for j := 1; j <= p.Nodes(); j++ {
		var dealings [][]byte
		for _, d := range c.z {
			dealings = append(dealings, must[[]byte](t)(d.Dealing(j)))
		}
		c.shares[j] = must[[]byte](t)(CombineDealings(p, c.reference, j, dealings))
		c.keys[j] = must[*NodeKey](t)(NewNodeKey(p, j, c.shares[j], pairs[j], must[[32]byte](t)(NewPairSeed())))
	}
	return c
}

func pairSeeds(t testing.TB, n int) map[int]map[int][32]byte {
	t.Helper()
	pairs := map[int]map[int][32]byte{}
	for i := 1; i <= n; i++ {
		pairs[i] = map[int][32]byte{}
	}
	for i := 1; i <= n; i++ {
		for j := i + 1; j <= n; j++ {
			seed := must[[32]byte](t)(NewPairSeed())
			pairs[i][j], pairs[j][i] = seed, seed
		}
	}
	return pairs
}

func (c *cluster) encrypt(t testing.TB, values ...[]int64) [][]byte {
	t.Helper()
	e := must[*Encryptor](t)(NewEncryptor(c.p, c.publicKey))
	var tiles [][]byte
	for _, v := range values {
		tile := make([]byte, c.p.TileBytes())
		if err := e.Encrypt(v, tile); err != nil {
			t.Fatal(err)
		}
		if err := c.p.CheckTile(tile); err != nil {
			t.Fatal(err)
		}
		tiles = append(tiles, tile)
	}
	return tiles
}

func (c *cluster) accumulate(t testing.TB, tiles ...[]byte) *Accumulator {
	t.Helper()
	acc := NewAccumulator(c.p)
	if err := acc.Add(tiles...); err != nil {
		t.Fatal(err)
	}
	return acc
}

func (c *cluster) opening(t testing.TB, acc *Accumulator, active []int, root int) Opening {
	t.Helper()
	return Opening{
		Cluster: [32]byte{1}, Key: "bureau", Epoch: 1, Query: "q", Attempt: 1, Number: 0,
		Accumulator: must[[32]byte](t)(acc.Digest()), Active: active, Root: root,
	}
}

// contributions asks everyone but the root.
func (c *cluster) contributions(t testing.TB, o Opening, acc *Accumulator) (ds map[int][]byte, slots map[int][]uint64) {
	t.Helper()
	ds, slots = map[int][]byte{}, map[int][]uint64{}
	for _, i := range o.Active {
		if i == o.Root {
			continue
		}
		d, s, err := c.keys[i].Contribute(o, acc)
		if err != nil {
			t.Fatal(err)
		}
		ds[i], slots[i] = d, s
	}
	return ds, slots
}

// open returns every member's slots.
func (c *cluster) open(t testing.TB, o Opening, acc *Accumulator) map[int][]uint64 {
	t.Helper()
	ds, slots := c.contributions(t, o, acc)
	slots = maps.Clone(slots)
	slots[o.Root] = must[[]uint64](t)(c.keys[o.Root].Combine(o, acc, ds))
	return slots
}

// reveal adds the members' slots up and centres them.
func (c *cluster) reveal(t testing.TB, shares map[int][]uint64) []int64 {
	t.Helper()
	sum := make([]uint64, c.p.Slots())
	for _, s := range shares {
		if err := c.p.AddMod(sum, s); err != nil {
			t.Fatal(err)
		}
	}
	out := make([]int64, len(sum))
	for i, x := range sum {
		out[i] = c.p.Centre(x)
	}
	return out
}

// parity adds the members' parities up mod T.
func (c *cluster) parity(t testing.TB, shares map[int][]uint64) uint64 {
	t.Helper()
	var sum uint64
	for _, s := range shares {
		sum = (sum + must[uint64](t)(c.p.Parity(s))) % c.p.T()
	}
	return sum
}

// subsets returns every sorted choice of k of 1..n.
func subsets(n, k int) [][]int {
	var out [][]int
	var grow func(from int, have []int)
	grow = func(from int, have []int) {
		if len(have) == k {
			out = append(out, append([]int(nil), have...))
			return
		}
		for i := from; i <= n; i++ {
			grow(i+1, append(have, i))
		}
	}
	grow(1, nil)
	return out
}

// readings draws values of up to bits bits, both signs, extremes among them.
func readings(rng *rand.Rand, n int, bits uint) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = rng.Int64N(1<<(bits+1)) - 1<<bits
	}
	return out
}
