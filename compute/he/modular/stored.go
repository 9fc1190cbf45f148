package modular

import "encoding/binary"

// Near60 is a prime 2^60 − δ, δ < 2^19, for sums that are reduced partially:
// x = h·2^60 + l ≡ h·δ + l.
type Near60 struct {
	q, delta   uint64
	montgomery Montgomery
}

// NewNear60 returns the prime q, which has the form.
func NewNear60(q uint64) Near60 {
	return Near60{q: q, delta: 1<<60 - q, montgomery: NewMontgomery(q)}
}

// low60 masks what a partial reduction keeps.
const low60 = 1<<60 - 1

func (p Near60) partly(x uint64) uint64 { return x&low60 + x>>60*p.delta }

// BlockSize divides the length of every vector that is read from stored bytes. Vectors are
// worked on in blocks of this size: with array pointers the compiler drops the bounds checks.
const BlockSize = 512

type (
	words = [8 * BlockSize]byte
	block = [BlockSize]uint64
)

// Load reads len(dst) numbers, little endian.
func Load(dst []uint64, b []byte) {
	for ; len(dst) >= BlockSize; dst, b = dst[BlockSize:], b[8*BlockSize:] {
		out, in := (*block)(dst), (*words)(b)
		for i := range out {
			out[i] = binary.LittleEndian.Uint64(in[8*i : 8*i+8])
		}
	}
}

// Store is the inverse of Load.
func Store(b []byte, src []uint64) {
	for ; len(src) >= BlockSize; src, b = src[BlockSize:], b[8*BlockSize:] {
		out, in := (*words)(b), (*block)(src)
		for i, x := range in {
			binary.LittleEndian.PutUint64(out[8*i:8*i+8], x)
		}
	}
}

// FirstAtLeast returns the index of the first stored number ≥ q, or −1. len(b) is a multiple
// of 32, and q at most 2^63.
func FirstAtLeast(b []byte, q uint64) int {
	// All clear is the usual case: one borrow bit per coefficient, no branches.
	var over uint64
	for i := 0; i+32 <= len(b); i += 32 {
		w := (*[32]byte)(b[i:])
		// x < q ≤ 2^63: x−q has its top bit set; x ≥ 2^63 is caught by x itself.
		x0, x1 := binary.LittleEndian.Uint64(w[0:8]), binary.LittleEndian.Uint64(w[8:16])
		x2, x3 := binary.LittleEndian.Uint64(w[16:24]), binary.LittleEndian.Uint64(w[24:32])
		over |= ^(x0 - q) | x0
		over |= ^(x1 - q) | x1
		over |= ^(x2 - q) | x2
		over |= ^(x3 - q) | x3
	}
	if over>>63 == 0 {
		return -1
	}
	for i := 0; i+8 <= len(b); i += 8 {
		if binary.LittleEndian.Uint64(b[i:]) >= q {
			return i / 8
		}
	}
	return -1
}

// PerPass is how many stored vectors AddAll adds: with four numbers a round, what measured
// best; the time is the memory's.
const PerPass = 5

// AddAll adds stored vectors of numbers below 2^60, each from the same offset on. With the
// sum below 2^60 + 8δ, a number is below 2^63 on the way and h at most 6, so the sum stays
// below 2^60 + 8δ.
func (p Near60) AddAll(sum []uint64, vectors [][]byte, from int) {
	for at := 0; at < len(sum); at += BlockSize {
		b := from + 8*at
		addFive((*block)(sum[at:]), (*words)(vectors[0][b:]), (*words)(vectors[1][b:]), (*words)(vectors[2][b:]),
			(*words)(vectors[3][b:]), (*words)(vectors[4][b:]), p.delta)
	}
}

func addFive(s *block, t0, t1, t2, t3, t4 *words, delta uint64) {
	le := binary.LittleEndian
	for i := 0; i < BlockSize; i += 4 {
		j := 8 * i
		x0 := s[i] + le.Uint64(t0[j:j+8]) + le.Uint64(t1[j:j+8]) + le.Uint64(t2[j:j+8]) +
			le.Uint64(t3[j:j+8]) + le.Uint64(t4[j:j+8])
		x1 := s[i+1] + le.Uint64(t0[j+8:j+16]) + le.Uint64(t1[j+8:j+16]) + le.Uint64(t2[j+8:j+16]) +
			le.Uint64(t3[j+8:j+16]) + le.Uint64(t4[j+8:j+16])
		x2 := s[i+2] + le.Uint64(t0[j+16:j+24]) + le.Uint64(t1[j+16:j+24]) + le.Uint64(t2[j+16:j+24]) +
			le.Uint64(t3[j+16:j+24]) + le.Uint64(t4[j+16:j+24])
		x3 := s[i+3] + le.Uint64(t0[j+24:j+32]) + le.Uint64(t1[j+24:j+32]) + le.Uint64(t2[j+24:j+32]) +
			le.Uint64(t3[j+24:j+32]) + le.Uint64(t4[j+24:j+32])
		s[i] = x0&low60 + x0>>60*delta
		s[i+1] = x1&low60 + x1>>60*delta
		s[i+2] = x2&low60 + x2>>60*delta
		s[i+3] = x3&low60 + x3>>60*delta
	}
}

// Add adds one stored vector of numbers below 2^60 to a sum below 2^63 − 2^60.
func (p Near60) Add(sum []uint64, b []byte) {
	for at := 0; at < len(sum); at += BlockSize {
		s, x := (*block)(sum[at:]), (*words)(b[8*at:])
		for i := range s {
			s[i] = p.partly(s[i] + binary.LittleEndian.Uint64(x[8*i:8*i+8]))
		}
	}
}

// Linear writes c0 + c1·factor for stored vectors below q and a factor in Montgomery form,
// below 2^60 + 2δ.
func (p Near60) Linear(dst []uint64, c0, c1 []byte, factor []uint64) {
	for at := 0; at < len(dst); at += BlockSize {
		out, f := (*block)(dst[at:]), (*block)(factor[at:])
		x0, x1 := (*words)(c0[8*at:]), (*words)(c1[8*at:])
		for i := range out {
			out[i] = p.partly(binary.LittleEndian.Uint64(x0[8*i:8*i+8]) + p.montgomery.Mul(binary.LittleEndian.Uint64(x1[8*i:8*i+8]), f[i]))
		}
	}
}

// StoreProduct stores rest + b·factor, reduced, for a rest below 6q, a stored vector below q
// and a factor in Montgomery form.
func (p Near60) StoreProduct(dst []byte, rest []uint64, b []byte, factor []uint64) {
	for at := 0; at < len(rest); at += BlockSize {
		out, x := (*words)(dst[8*at:]), (*words)(b[8*at:])
		r, f := (*block)(rest[at:]), (*block)(factor[at:])
		for i := range r {
			// Below 6q + 2q < 2^63, and 2^60 ≡ δ.
			v := r[i] + p.montgomery.Mul(binary.LittleEndian.Uint64(x[8*i:8*i+8]), f[i])
			binary.LittleEndian.PutUint64(out[8*i:8*i+8], Reduce(p.partly(v), p.q))
		}
	}
}
