package prf

import (
	"encoding/binary"
	"math/big"
	"math/bits"

	"github.com/weirdata/weir/compute/he/modular"
)

// Smudging draws numbers uniformly from [−B, B) modulo a prime 2^60 − δ, δ < 2^19. It is our
// own sampler: lattigo's Gaussian underflows, panics and has 32 bits of entropy a sample at
// such widths (PROTOCOL.md section 9.2).
type Smudging struct {
	q     uint64
	shift uint64         // 3q − B mod q
	tInv  modular.Factor // T^-1 mod q
}

// NewSmudging returns the sampler for B = 2^logB and plaintexts modulo t, at one prime.
func NewSmudging(q, t uint64, logB int) Smudging {
	return Smudging{q: q, shift: 3*q - powerOfTwo(logB, q), tInv: inverseOf(t, q)}
}

func powerOfTwo(k int, q uint64) uint64 {
	x := new(big.Int).Lsh(big.NewInt(1), uint(k))
	return x.Mod(x, new(big.Int).SetUint64(q)).Uint64()
}

func inverseOf(t, q uint64) modular.Factor {
	prime := new(big.Int).SetUint64(q)
	return modular.NewFactor(new(big.Int).ModInverse(new(big.Int).SetUint64(t), prime).Uint64(), q)
}

const (
	smudgeBlock = 256
	low60       = 1<<60 - 1
)

// Smudge writes e − T^-1·m modulo every prime, every e drawn once, for B = 2^logB, logB from
// 64 to 122. The numbers of each prime are whole blocks of 256.
func (s *Stream) Smudge(dst [][]uint64, m []uint64, primes []Smudging, logB int) {
	// B + e is uniform in [0, 2^(logB+1)): 128 bits drawn, the top ones cut.
	top := uint64(1)<<(logB+1-64) - 1
	for k := 0; k < len(m); k += smudgeBlock {
		b := (*[16 * smudgeBlock]byte)(s.next(16 * smudgeBlock))
		for l, p := range primes {
			p.block((*[smudgeBlock]uint64)(dst[l][k:]), b, (*[smudgeBlock]uint64)(m[k:]), top)
		}
	}
}

// block reduces 128-bit numbers, their top halves masked to less than 2^59.
func (p Smudging) block(dst *[smudgeBlock]uint64, b *[16 * smudgeBlock]byte, m *[smudgeBlock]uint64, top uint64) {
	q, shift, f, delta := p.q, p.shift, p.tInv, 1<<60-p.q
	for i := range dst {
		lo := binary.LittleEndian.Uint64(b[16*i : 16*i+8])
		hi := binary.LittleEndian.Uint64(b[16*i+8:16*i+16]) & top
		// v = (hi·2^4 + lo>>60)·2^60 + lo mod 2^60, and 2^60 ≡ δ < 2^19, twice.
		h, l := bits.Mul64(hi<<4|lo>>60, delta)
		x := lo&low60 + l&low60 + (h<<4|l>>60)*delta + shift - f.Mul(m[i], q) // below 2^60·5 + 2^43
		dst[i] = modular.Reduce(x&low60+x>>60*delta, q)
	}
}

// Flooding draws numbers uniformly from [−B, B) modulo a prime below 2^60, for a B of more
// than 128 bits.
type Flooding struct {
	q           uint64
	middle, top uint64         // 2^128 and 2^192 mod q: Montgomery forms of 2^64 and 2^128
	shift       uint64         // q − B mod q
	one, tInv   modular.Factor // 1 and T^-1 mod q
	montgomery  modular.Montgomery
}

// NewFlooding returns the sampler for B = 2^logB and plaintexts modulo t, at one prime.
func NewFlooding(q, t uint64, logB int) Flooding {
	return Flooding{
		q: q, middle: powerOfTwo(128, q), top: powerOfTwo(192, q), shift: q - powerOfTwo(logB, q),
		one: modular.NewFactor(1, q), tInv: inverseOf(t, q), montgomery: modular.NewMontgomery(q),
	}
}

const (
	floodBlock = 128
	// FloodBytes is how many bytes are drawn for a number.
	FloodBytes = 24
)

// Flood adds f − T^-1·r modulo every prime, every f drawn once, for B = 2^logB, logB from 128
// to 190. The numbers of each prime are whole blocks of 128. replace, if not nil, may change
// what was drawn, for tests.
func (s *Stream) Flood(dst [][]uint64, r []uint64, primes []Flooding, logB int, replace func([]byte)) {
	// B + f is uniform in [0, 2B): three words drawn, the top one cut.
	mask := uint64(1)<<(logB+1-128) - 1
	for k := 0; k < len(r); k += floodBlock {
		b := (*[FloodBytes * floodBlock]byte)(s.next(FloodBytes * floodBlock))
		if replace != nil {
			replace(b[:])
		}
		for l := range primes {
			primes[l].block((*[floodBlock]uint64)(dst[l][k:]), b, (*[floodBlock]uint64)(r[k:]), mask)
		}
	}
}

func (p *Flooding) block(dst *[floodBlock]uint64, b *[FloodBytes * floodBlock]byte, r *[floodBlock]uint64, mask uint64) {
	q, one, tInv, m := p.q, p.one, p.tInv, p.montgomery
	for i := range dst {
		w := b[FloodBytes*i : FloodBytes*i+FloodBytes]
		x := one.Mul(binary.LittleEndian.Uint64(w[0:8]), q) +
			modular.Reduce(m.Mul(binary.LittleEndian.Uint64(w[8:16]), p.middle), q) +
			modular.Reduce(m.Mul(binary.LittleEndian.Uint64(w[16:24])&mask, p.top), q) +
			p.shift + 2*q - tInv.Mul(r[i], q) + dst[i] // below 8q ≤ 2^63
		dst[i] = modular.Reduce(one.Mul(x, q), q)
	}
}
