package he

import (
	"math/big"
	"testing"

	"github.com/tuneinsight/lattigo/v5/ring"
)

// adversary pools what up to t−1 curious nodes see in openings of the tile
// (0, 1), which a colluding publisher may upload like any other. In T·d_h there
// is then κ·T·s, κ a small fraction p/q that Lagrange's coefficients give, plus
// what the adversary knows, plus T·e − M within ±(T·B + T). Unless q is 1, the
// multiples of 1/q mod Q lie further apart than that, and give s mod q away,
// coefficient by coefficient.
type adversary struct {
	c       *cluster
	curious []int
	q       *big.Int
	window  *big.Int
	seen    []observation
}

// observation is T·(d minus what the adversary knows) with the factor κ of T·s.
type observation struct {
	factor *big.Int
	value  []*big.Int
	window *big.Int
}

func newAdversary(c *cluster, curious ...int) *adversary {
	in := c.p.in
	window := new(big.Int).Lsh(big.NewInt(1), uint(in.logB))
	window.Add(window, big.NewInt(1))
	return &adversary{c: c, curious: curious, q: in.modulus(), window: window.Mul(window, new(big.Int).SetUint64(in.lit.T))}
}

func (in *instance) modulus() *big.Int {
	q := big.NewInt(1)
	for _, s := range in.q {
		q.Mul(q, new(big.Int).SetUint64(s.Modulus))
	}
	return q
}

// lagrange is the coefficient of node i at x among the nodes given.
func lagrange(nodes []int, i, x int, q *big.Int) *big.Int {
	num, den := big.NewInt(1), big.NewInt(1)
	for _, j := range nodes {
		if j != i {
			num.Mul(num, big.NewInt(int64(x-j)))
			den.Mul(den, big.NewInt(int64(i-j)))
		}
	}
	den.Mod(den, q)
	num.Mul(num, den.ModInverse(den, q))
	return num.Mod(num, q)
}

// coefficients reconstructs a polynomial in NTT form to integers mod Q.
func (in *instance) coefficients(a ring.Poly) []*big.Int {
	a = *a.CopyNew()
	in.intt(a)
	return in.integers(a)
}

// integers reconstructs a polynomial in coefficients to integers mod Q.
func (in *instance) integers(a ring.Poly) []*big.Int {
	q := in.modulus()
	out := make([]*big.Int, in.n)
	var parts [limbs]*big.Int
	for l, s := range in.q {
		rest := new(big.Int).Quo(q, new(big.Int).SetUint64(s.Modulus))
		inv := new(big.Int).ModInverse(rest, new(big.Int).SetUint64(s.Modulus))
		parts[l] = rest.Mul(rest, inv)
	}
	for i := range out {
		x := new(big.Int)
		for l := range in.q {
			x.Add(x, new(big.Int).Mul(parts[l], new(big.Int).SetUint64(a.Coeffs[l][i])))
		}
		out[i] = x.Mod(x, q)
	}
	return out
}

func centred(x, q *big.Int) *big.Int {
	x = new(big.Int).Mod(x, q)
	if x.Cmp(new(big.Int).Rsh(q, 1)) > 0 {
		x.Sub(x, q)
	}
	return x
}

// see takes note of node h's contribution under an active set.
func (v *adversary) see(t *testing.T, d []byte, h int, active []int) {
	t.Helper()
	in := v.c.p.in
	poly := ring.NewPoly(in.n, limbs-1)
	in.load(poly, d, kindContribution, 0)
	value := in.coefficients(poly)

	// [s]_h = L_0(h)·s + Σ_C L_c(h)·[s]_c over the nodes 0 and C.
	nodes := append([]int{0}, v.curious...)
	weight := lagrange(active, h, 0, v.q)
	for _, c := range v.curious {
		factor := lagrange(nodes, c, h, v.q)
		factor.Mul(factor, weight)
		in.load(poly, v.c.shares[c], kindKeyShare, 0)
		for i, x := range in.coefficients(poly) { // c1 = 1
			value[i].Sub(value[i], x.Mul(x, factor))
		}
	}
	tBig := new(big.Int).SetUint64(in.lit.T)
	for i := range value {
		value[i].Mul(value[i], tBig)
	}
	v.seen = append(v.seen, observation{factor: lagrange(nodes, 0, h, v.q).Mul(weight, lagrange(nodes, 0, h, v.q)), value: value, window: v.window})
}

// seeSum takes note of the sum of the last two contributions: there the masks
// cancel.
func (v *adversary) seeSum() {
	a, b := v.seen[len(v.seen)-2], v.seen[len(v.seen)-1]
	sum := observation{
		factor: new(big.Int).Add(a.factor, b.factor),
		window: new(big.Int).Add(a.window, b.window),
	}
	for i := range a.value {
		sum.value = append(sum.value, new(big.Int).Add(a.value[i], b.value[i]))
	}
	v.seen = append(v.seen, sum)
}

// guess returns, for every coefficient, the candidates within ±most that the
// largest number of observations allows.
func (v *adversary) guess(most int64) [][]int64 {
	tBig := new(big.Int).SetUint64(v.c.p.in.lit.T)
	out := make([][]int64, v.c.p.in.n)
	for i := range out {
		best := -1
		for s := -most; s <= most; s++ {
			score := 0
			for _, o := range v.seen {
				x := new(big.Int).Mul(o.factor, tBig)
				x.Sub(o.value[i], x.Mul(x, big.NewInt(s)))
				if centred(x, v.q).CmpAbs(o.window) <= 0 {
					score++
				}
			}
			if score > best {
				best, out[i] = score, nil
			}
			if score == best {
				out[i] = append(out[i], s)
			}
		}
	}
	return out
}

// secret adds the dealers' ternaries up: what nobody ever holds.
func (c *cluster) secret() ring.Poly {
	in := c.p.in
	s := ring.NewPoly(in.n, limbs-1)
	for _, d := range c.z {
		in.he.RingQ().Add(s, d.poly.Value[0].Q, s)
	}
	return s
}

func (c *cluster) secretCoefficients() []int64 {
	q := c.p.in.modulus()
	out := make([]int64, c.p.in.n)
	for i, x := range c.p.in.coefficients(c.secret()) {
		out[i] = centred(x, q).Int64()
	}
	return out
}

// crafted is the tile (0, 1): every coefficient is in range.
func crafted(t *testing.T, p Parameters) []byte {
	t.Helper()
	in := p.in
	b := make([]byte, p.TileBytes())
	in.putHeader(b, kindTile, 1, 0, [contextSize]byte{})
	one := ring.NewPoly(in.n, limbs-1)
	for l := range in.q {
		for i := range one.Coeffs[l] {
			one.Coeffs[l][i] = 1
		}
	}
	in.store(b, kindTile, 1, one)
	if err := p.CheckTile(b); err != nil {
		t.Fatal(err)
	}
	return b
}

// right is the share of coefficients that are guessed right; among equally good
// candidates the one nearest to 0 is the likeliest.
func right(guess [][]int64, secret []int64) float64 {
	n := 0
	for i, candidates := range guess {
		best := candidates[0]
		for _, s := range candidates {
			if s*s < best*best {
				best = s
			}
		}
		if best == secret[i] {
			n++
		}
	}
	return float64(n) / float64(len(guess))
}

// pinned is the share of coefficients for which all candidates left are
// congruent to the right one.
func pinned(guess [][]int64, secret []int64, modulus int64) float64 {
	n := 0
	for i, candidates := range guess {
		ok := true
		for _, s := range candidates {
			ok = ok && (s-secret[i])%modulus == 0
		}
		if ok {
			n++
		}
	}
	return float64(n) / float64(len(guess))
}

// TestMasksStopTheKeyRecovery is the attack of PROTOCOL.md section 3 at n = 4,
// t = 3: curious nodes 2 and 3 take turns as root over one accumulator. Without
// the pairwise masks two openings give them the whole key; with the masks their
// guess is no better than naming the commonest coefficient.
func TestMasksStopTheKeyRecovery(t *testing.T) {
	c := newCluster(t, small(t, 4, 3))
	acc := c.accumulate(t, crafted(t, c.p))
	secret := c.secretCoefficients()
	attack := func(unmasked bool) float64 {
		v := newAdversary(c, 2, 3)
		for _, root := range v.curious {
			active := []int{1, root, 4}
			o := c.opening(t, acc, active, root)
			for _, h := range []int{1, 4} {
				c.keys[h].unmasked = unmasked
				d, _, err := c.keys[h].Contribute(o, acc)
				c.keys[h].unmasked = false
				if err != nil {
					t.Fatal(err)
				}
				v.see(t, d, h, active)
			}
			v.seeSum()
		}
		return right(v.guess(4), secret)
	}
	if got := attack(true); got != 1 {
		t.Errorf("without masks the attack recovers %.3f of the key: it no longer shows what the masks are for", got)
	}
	zeros := 0
	for _, s := range secret {
		if s == 0 {
			zeros++
		}
	}
	chance := float64(zeros) / float64(len(secret))
	if got := attack(false); got > chance+0.08 {
		t.Errorf("with masks the attack recovers %.3f of the key; chance is %.3f", got, chance)
	}
}

// TestContributionsAreForTheRootAlone is the attack at 2 of 3, where no masks
// exist: node 2, outside the active set, sees contributions of several attempts
// and gets the key modulo 4. The root, which is what the protocol sends them to,
// gets nothing from the same ones.
func TestContributionsAreForTheRootAlone(t *testing.T) {
	c := newCluster(t, small(t, 3, 2))
	acc := c.accumulate(t, crafted(t, c.p))
	secret := c.secretCoefficients()
	active := []int{1, 3}
	outsider, root := newAdversary(c, 2), newAdversary(c, 3)
	for attempt := range 24 {
		o := c.opening(t, acc, active, 3)
		o.Attempt = attempt
		d, _, err := c.keys[1].Contribute(o, acc)
		if err != nil {
			t.Fatal(err)
		}
		outsider.see(t, d, 1, active)
		root.see(t, d, 1, active)
	}
	if got := pinned(outsider.guess(3), secret, 4); got < 0.999 {
		t.Errorf("an outsider recovers %.3f of the key modulo 4: the attack no longer shows why contributions go to the root alone", got)
	}
	if got := pinned(root.guess(3), secret, 4); got > 0.01 {
		t.Errorf("the root recovers %.3f of the key modulo 4", got)
	}
}
