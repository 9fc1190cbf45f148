package he

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/tuneinsight/lattigo/v5/ring"
)

// Labels separate the streams that are drawn from one secret.
const (
	labelReference = "weir he v1 reference polynomial"
	labelParity    = "weir he v1 parity weights"
	labelKnown     = "weir he v1 known tile"
	labelFresh     = "weir he v1 fresh randomness"
	labelPair      = "weir he v1 pair mask"
	labelShare     = "weir he v1 plaintext share"
	labelSmudge    = "weir he v1 smudging"
	labelProduct   = "weir he v1 product polynomial"
	labelVector    = "weir he v1 vector share"
	labelLine      = "weir he v1 vector check: one polynomial"
	labelBits      = "weir he v1 vector check: zero or one"
)

// stream is AES-256-CTR from counter 0 under a key from HKDF-SHA256. It is a
// PRF of (secret, label, context): one use per triple.
type stream struct {
	ctr cipher.Stream
	buf [4096]byte
}

// newStream keys a stream. It fails only if the platform's primitives do.
func newStream(secret [32]byte, label string, context [32]byte) (*stream, error) {
	key, err := hkdf.Key(sha256.New, secret[:], nil, label+string(context[:]), 32)
	if err != nil {
		return nil, fmt.Errorf("keying stream: %w", err)
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("keying stream: %w", err)
	}
	iv := make([]byte, aes.BlockSize)
	return &stream{ctr: cipher.NewCTR(block, iv)}, nil // #nosec G407 -- the key serves this one stream
}

// freshStream keys a stream from the system's randomness.
func freshStream() (*stream, error) {
	var secret [32]byte
	defer clear(secret[:])
	if _, err := rand.Read(secret[:]); err != nil {
		return nil, fmt.Errorf("drawing randomness: %w", err)
	}
	return newStream(secret, labelFresh, [32]byte{})
}

// Read fills b with the next bytes. It is lattigo's sampling.PRNG.
func (s *stream) Read(b []byte) (int, error) {
	clear(b)
	s.ctr.XORKeyStream(b, b)
	return len(b), nil
}

func (s *stream) next(n int) []byte {
	b := s.buf[:n]
	clear(b)
	s.ctr.XORKeyStream(b, b)
	return b
}

// erase overwrites what is buffered.
func (s *stream) erase() { clear(s.buf[:]) }

// uniform draws dst uniformly below q by rejection.
func (s *stream) uniform(dst []uint64, q uint64) {
	mask := uint64(1)<<bits.Len64(q-1) - 1
	for k := 0; k < len(dst); {
		b := s.next(min(len(s.buf), 8*(len(dst)-k)))
		for len(b) >= 8 {
			x := binary.LittleEndian.Uint64(b) & mask
			b = b[8:]
			if x < q {
				dst[k] = x
				k++
			}
		}
	}
}

// uniformPoly draws a uniform polynomial over R_Q. Uniform is uniform, so it is
// one in either form.
func (s *stream) uniformPoly(dst ring.Poly, in *instance) {
	for l, r := range in.q {
		s.uniform(dst.Coeffs[l], r.Modulus)
	}
}

// ternary draws every coefficient uniformly from {−1, 0, 1}: two bits each, 3
// rejected.
func (s *stream) ternary(dst ring.Poly, in *instance) { s.ternaryOver(dst, in.q[:]) }

// ternaryOver is ternary for any primes.
func (s *stream) ternaryOver(dst ring.Poly, primes []*ring.SubRing) {
	first := dst.Coeffs[0]
	n := len(first)
	for k := 0; k < n; {
		for _, b := range s.next(min(len(s.buf), (n-k+2)/3+8)) {
			for range 4 {
				x := uint64(b & 3)
				b >>= 2
				if x != 3 && k < n {
					first[k] = x
					k++
				}
			}
		}
	}
	for l := len(primes) - 1; l >= 0; l-- {
		q, out := primes[l].Modulus, dst.Coeffs[l]
		for i, x := range first {
			// 0 → q−1, 1 → 0, 2 → 1, without a branch on a secret.
			v := x - 1
			out[i] = v + q&-(v>>63)
		}
	}
}

// smudge writes e − T^-1·m, in coefficients: every coefficient of e drawn
// uniformly from [−B, B), B a power of two. Our own sampler: lattigo's Gaussian
// underflows, panics and has 32 bits of entropy a sample at such widths (DESIGN
// section 4).
func (s *stream) smudge(dst ring.Poly, m []uint64, in *instance) {
	// B + e is uniform in [0, 2^(logB+1)): 128 bits drawn, the top ones cut.
	top := uint64(1)<<(in.logB+1-64) - 1
	for k := 0; k < in.n; k += smudgeBlock {
		b := (*[16 * smudgeBlock]byte)(s.next(16 * smudgeBlock))
		for l, r := range in.q {
			smudgeLimb((*[smudgeBlock]uint64)(dst.Coeffs[l][k:]), b, (*[smudgeBlock]uint64)(m[k:]),
				in.tInv[l], top, r.Modulus, 3*r.Modulus-in.b[l])
		}
	}
}

const smudgeBlock = 256

// smudgeLimb reduces 128-bit numbers, their top halves masked to less than
// 2^59, modulo q = 2^60 − δ, subtracts m·f and adds shift: 3q − B mod q.
func smudgeLimb(dst *[smudgeBlock]uint64, b *[16 * smudgeBlock]byte, m *[smudgeBlock]uint64, f constant, top, q, shift uint64) {
	delta := 1<<60 - q
	for i := range dst {
		lo := binary.LittleEndian.Uint64(b[16*i : 16*i+8])
		hi := binary.LittleEndian.Uint64(b[16*i+8:16*i+16]) & top
		// v = (hi·2^4 + lo>>60)·2^60 + lo mod 2^60, and 2^60 ≡ δ < 2^19, twice.
		h, l := bits.Mul64(hi<<4|lo>>60, delta)
		x := lo&low60 + l&low60 + (h<<4|l>>60)*delta + shift - f.mul(m[i], q) // below 2^60·5 + 2^43
		dst[i] = ring.CRed(x&low60+x>>60*delta, q)
	}
}

// gaussian is lattigo's truncated sampler at its own small width (sigma 3.2,
// |e| ≤ 19), where it is sound, on our stream.
func (s *stream) gaussian(in *instance) *ring.GaussianSampler {
	return ring.NewGaussianSampler(s, in.he.RingQ(), in.he.Xe().(ring.DiscreteGaussian), false)
}
