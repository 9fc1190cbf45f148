package he

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/tuneinsight/lattigo/v5/ring"
)

// TestCraftedRequestsReadNoFactor: a member asks with something that is no ciphertext. A mask T^-1·ρ mod Q
// lies on a grid of Q/T, so what the request makes of the factor between two points of the grid is hidden by
// the flooding alone. Where that fills half of the distance, one request reads an entry: of two values that
// the factor may have in one slot, such as a bit of a private vector under a share of it, one is refuted by
// hundreds of coefficients. Flooding that fills all of the distance refutes neither.
func TestCraftedRequestsReadNoFactor(t *testing.T) {
	earlier := EarlierProductParameters()
	earlier.LogN = 9
	half := must[ProductParameters](t)(newProductParameters(earlier))
	if right, wrong := refuted(t, half), refutedOther(t, half); right != 0 || wrong < half.Slots()/8 {
		t.Errorf("where flooding fills half, %d coefficients refute the right value and %d the wrong one: it tests nothing", right, wrong)
	}
	for _, p := range []ProductParameters{smallProducts(t), fullProducts(t)} {
		if right, wrong := refuted(t, p), refutedOther(t, p); right != 0 || wrong != 0 {
			t.Errorf("%d coefficients refute the right value, %d the wrong one", right, wrong)
		}
	}
}

func refuted(t *testing.T, p ProductParameters) int      { return refutes(t, p, 0) }
func refutedOther(t *testing.T, p ProductParameters) int { return refutes(t, p, 1) }

// refutes counts the coefficients of the answer to a crafted request that rule out that
// the factor has its value plus more in one slot.
func refutes(t *testing.T, p ProductParameters, more uint64) (count int) {
	t.Helper()
	in, rng, slot := p.in, rand.New(rand.NewPCG(91, 92)), 77
	x := numbers(p, rng, in.n)
	at := make([]uint64, in.n)
	at[slot] = 1
	only := make([]uint64, in.n) // times any factor it is the factor in this slot, and 0 elsewhere
	in.encode(only, at)

	// c0 is Q/T² times that, rounded, and c1 and the public key are of no consequence.
	q, tBig := in.modulusOf(productLimbs), new(big.Int).SetUint64(p.T())
	crafted := make([]*big.Int, in.n)
	for i, g := range only {
		c := new(big.Int).Mul(q, new(big.Int).SetUint64(g))
		crafted[i] = c.Quo(c, tBig).Quo(c, tBig)
	}
	_, request, err := newOLERequest(p, names(in.n), x)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []ring.Poly{ring.NewPoly(in.n, productLimbs-1), in.poly(crafted)} {
		in.writePoly(request[productHeader+i*in.requestPoly()+seedSize:], c.Coeffs)
	}
	var answer ring.Poly
	hooks := oleHooks{uncut: func(_ int, a, _ ring.Poly) { answer = *a.CopyNew() }}
	if _, _, err := oleAnswer(p, names(in.n), x, request, hooks); err != nil {
		t.Fatal(err)
	}

	in.ntt(answer, productLimbs)
	most, _ := in.decodingBounds() // T times the flooding and what else there is
	value := new(big.Int).SetUint64(in.add(x[slot], more))
	for i, c := range in.integers(answer) {
		part := new(big.Int).Mul(value, new(big.Int).SetUint64(only[i]))
		part.Mod(part, tBig).Mul(part, q).Quo(part, tBig)
		y := c.Mul(c, tBig)
		if y = centred(y.Sub(y, part), q); y.CmpAbs(most) > 0 {
			count++
		}
	}
	return count
}
