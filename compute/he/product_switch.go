package he

import "github.com/tuneinsight/lattigo/v5/ring"

// switchDown divides a polynomial in coefficients by the primes that a response
// drops, rounding, in place. What was T^-1·m + e in the phase becomes
// T^-1·(m/P mod T) + e/P, P the dropped primes: the scale is no longer 1, so
// whatever is to be added at scale 1 has to be added before, and decryption
// multiplies by P.
func (in *productInstance) switchDown(a ring.Poly) {
	for k := productLimbs - 1; k >= keptLimbs; k-- {
		qk, top := in.q[k].Modulus, a.Coeffs[k]
		half := qk / 2
		for i, x := range top {
			top[i] = ring.CRed(x+half, qk)
		}
		for l, s := range in.q[:k] {
			q, f, out := s.Modulus, in.drop[k][l], a.Coeffs[l][:len(top)]
			for i, r := range top {
				out[i] = ring.CRed(f.Mul(out[i]+half+q-r, q), q) // r < q_k < q
			}
		}
	}
}
