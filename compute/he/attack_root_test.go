package he

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/tuneinsight/lattigo/v5/ring"
)

// TestRootSmudgesWhatOthersCraft: a member sends, in place of its contribution, one that puts the phase where
// reducing it mod Q depends on the ciphertext's noise, coefficient by coefficient, and a buyer that pools
// with it sees the root's share. From 150 such openings it has the noise of nearly every coefficient; with the
// noise and the plaintext it would have c1·s, and the key. The root's own smudging leaves it nothing.
func TestRootSmudgesWhatOthersCraft(t *testing.T) {
	c := newCluster(t, small(t, 3, 2))
	in := c.p.in
	acc := c.accumulate(t, c.encrypt(t, make([]int64, c.p.Values()))...)
	noise := c.noise(t, acc)
	const most = 511 // the candidates are −most … most
	attack := func(unsmudged bool) float64 {
		root, liar, rng := c.keys[1], c.keys[2], rand.New(rand.NewPCG(7, 8))
		root.unsmudged = unsmudged
		defer func() { root.unsmudged = false }()
		score := make([][]int, in.n) // by coefficient and candidate: openings that agree
		for i := range score {
			score[i] = make([]int, 2*most+1)
		}
		for attempt := range 150 {
			o := c.opening(t, acc, []int{1, 2}, 1)
			o.Attempt = attempt
			offset := new(big.Int).Rsh(in.modulus(), 1)
			offset.Sub(offset, new(big.Int).Lsh(new(big.Int).SetUint64(rng.Uint64()), uint(attempt%40)))
			slots := must[[]uint64](t)(root.Combine(o, acc, map[int][]byte{2: c.crafted(t, o, acc, liar, offset)}))
			m := make([]uint64, in.n)
			in.fromSlots(m, slots)
			in.overT.Reduce(m)
			would := in.reduced(offset, most)
			for i, x := range m {
				for e := range would {
					if would[e] == x {
						score[i][e]++
					}
				}
			}
		}
		right := 0
		for i, x := range noise {
			best := 0
			for e, agree := range score[i] {
				if agree > score[i][best] {
					best = e
				}
			}
			if int64(best-most) == x.Int64() {
				right++
			}
		}
		return float64(right) / float64(in.n)
	}
	if got := attack(true); got < 0.8 {
		t.Errorf("without the root's smudging the noise of %.3f of the coefficients is found: it no longer shows what that is for", got)
	}
	if got := attack(false); got > 0.03 {
		t.Errorf("with the root's smudging the noise of %.3f of the coefficients is found", got)
	}
}

// crafted is a member's c1·s_i and T^-1 of a number in every coefficient, in place of its contribution.
func (c *cluster) crafted(t *testing.T, o Opening, acc *Accumulator, liar *NodeKey, offset *big.Int) []byte {
	t.Helper()
	in, rq := c.p.in, c.p.in.he.RingQ()
	d, _, err := liar.Contribute(o, acc)
	if err != nil {
		t.Fatal(err)
	}
	own := in.scratch.get()
	if err := liar.blind(own, make([]uint64, in.n), liar.context(o)); err != nil { // what to take out again
		t.Fatal(err)
	}
	rq.Reduce(own.a, own.a)
	sent, junk := in.newPoly(), in.offsets(func(int) *big.Int { return offset })
	in.load(sent, d, kindContribution, 0)
	rq.Sub(sent, own.a, sent)
	in.ntt(junk)
	rq.Add(sent, junk, sent)
	in.store(d, kindContribution, 0, sent)
	return d
}

// reduced is what the root makes of a coefficient of noise e and the offset, for e from −most to most.
func (in *instance) reduced(offset *big.Int, most int) []uint64 {
	var out []uint64
	for first := -most; first <= most; first += in.n {
		m := make([]uint64, in.n)
		in.plaintext(m, in.offsets(func(i int) *big.Int {
			x := new(big.Int).Mul(new(big.Int).SetUint64(in.lit.T), big.NewInt(int64(first+i)))
			return x.Add(x, offset)
		}))
		out = append(out, m...)
	}
	return out[:2*most+1]
}

// offsets is the polynomial with T^-1 of a number at each coefficient.
func (in *instance) offsets(at func(i int) *big.Int) ring.Poly {
	out, q := in.newPoly(), in.modulus()
	inverse := new(big.Int).ModInverse(new(big.Int).SetUint64(in.lit.T), q)
	for i := range in.n {
		x := new(big.Int).Mul(inverse, at(i))
		x.Mod(x, q)
		for l, s := range in.q {
			out.Coeffs[l][i] = new(big.Int).Mod(x, new(big.Int).SetUint64(s.Modulus)).Uint64()
		}
	}
	return out
}
