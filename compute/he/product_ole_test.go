package he

import (
	"math/bits"
	"math/rand/v2"
	"testing"
)

// smallProducts are the real moduli over a small, insecure ring.
func smallProducts(t testing.TB) ProductParameters {
	t.Helper()
	lit := DefaultProductParameters()
	lit.LogN = 9
	return must[ProductParameters](t)(newProductParameters(lit))
}

func fullProducts(t testing.TB) ProductParameters {
	t.Helper()
	return must[ProductParameters](t)(NewProductParameters(DefaultProductParameters()))
}

// numbers are uniform mod T, the first ones extreme.
func numbers(p ProductParameters, rng *rand.Rand, n int) []uint64 {
	t := p.T()
	xs := make([]uint64, n)
	for i := range xs {
		xs[i] = rng.Uint64N(t)
	}
	copy(xs, []uint64{0, 1, t - 1, t / 2, t/2 + 1})
	return xs
}

func names(n int) oleNames {
	return oleNames{context: [32]byte{7}, step: 3, from: 1, to: 2, entries: n}
}

// evaluateOnce runs one evaluation and returns both outputs.
func evaluateOnce(t testing.TB, p ProductParameters, b, x []uint64, hooks oleHooks) (out, rho []uint64) {
	t.Helper()
	r, request, err := newOLERequest(p, names(len(b)), b)
	if err != nil {
		t.Fatal(err)
	}
	answer, rho, err := oleAnswer(p, names(len(b)), x, request, hooks)
	if err != nil {
		t.Fatal(err)
	}
	out, err = r.finish(answer)
	if err != nil {
		t.Fatal(err)
	}
	return out, rho
}

func checkProduct(t testing.TB, p ProductParameters, b, x, out, rho []uint64) {
	t.Helper()
	wrong := 0
	for i := range b {
		if (out[i]+rho[i])%p.T() != mulMod(b[i], x[i], p.T()) {
			wrong++
		}
	}
	if wrong > 0 {
		t.Fatalf("%d of %d entries are wrong", wrong, len(b))
	}
}

func TestEvaluationIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	p := smallProducts(t)
	for range 20 {
		n := 1 + rng.IntN(3*p.Slots())
		b, x := numbers(p, rng, n), numbers(p, rng, n)
		out, rho := evaluateOnce(t, p, b, x, oleHooks{})
		checkProduct(t, p, b, x, out, rho)
	}
	p = fullProducts(t)
	b, x := numbers(p, rng, 25_000), numbers(p, rng, 25_000)
	out, rho := evaluateOnce(t, p, b, x, oleHooks{})
	checkProduct(t, p, b, x, out, rho)
}

// mulMod is a·b mod t by plain division.
func mulMod(a, b, t uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return bits.Rem64(hi, lo, t)
}
