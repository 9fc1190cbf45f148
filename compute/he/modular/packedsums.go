package modular

import "encoding/binary"

// PackedWidth is the width that numbers below a prime near 2^60 are packed with (Pack): two
// of them, x0 and x1, in 15 bytes.
const PackedWidth = 60

// packedBlock is BlockSize packed numbers.
type packedBlock = [BlockSize / 2 * 15]byte

// FirstPackedAtLeast is FirstAtLeast of packed numbers, an even number of them.
func FirstPackedAtLeast(b []byte, q uint64) int {
	var over uint64
	for i := 0; i+30 <= len(b); i += 30 {
		w := (*[30]byte)(b[i:])
		x0, x1 := binary.LittleEndian.Uint64(w[0:8])&low60, binary.LittleEndian.Uint64(w[7:15])>>4
		x2, x3 := binary.LittleEndian.Uint64(w[15:23])&low60, binary.LittleEndian.Uint64(w[22:30])>>4
		over |= ^(x0 - q) | ^(x1 - q) | ^(x2 - q) | ^(x3 - q) // x − q has its top bit set where x < q
	}
	if over>>63 == 0 && len(b)%30 == 0 {
		return -1
	}
	for i := 0; i+15 <= len(b); i += 15 {
		switch {
		case binary.LittleEndian.Uint64(b[i:i+8])&low60 >= q:
			return 2 * (i / 15)
		case binary.LittleEndian.Uint64(b[i+7:i+15])>>4 >= q:
			return 2*(i/15) + 1
		}
	}
	return -1
}

// AddAllPacked is AddAll of packed numbers.
func (p Near60) AddAllPacked(sum []uint64, vectors [][]byte, from int) {
	for at := 0; at < len(sum); at += BlockSize {
		b := from + at/2*15
		addFivePacked((*block)(sum[at:]), (*packedBlock)(vectors[0][b:]), (*packedBlock)(vectors[1][b:]), (*packedBlock)(vectors[2][b:]),
			(*packedBlock)(vectors[3][b:]), (*packedBlock)(vectors[4][b:]), p.delta)
	}
}

// addFivePacked reads x1 from the upper 60 bits of bytes 7 to 14. Of bytes 0 to 7 it adds all 64
// bits, which are x0 + 2^60·x1 modulo 2^64, and takes 2^60 times the sum of x1 away at the end: a
// subtraction for five masks. What is left is exact, as the sum is below 2^63.
func addFivePacked(s *block, t0, t1, t2, t3, t4 *packedBlock, delta uint64) {
	le := binary.LittleEndian
	for i, j := 0, 0; i < BlockSize && uint(j) <= uint(len(t0)-30); i, j = i+4, j+30 {
		x1 := le.Uint64(t0[j+7:j+15])>>4 + le.Uint64(t1[j+7:j+15])>>4 + le.Uint64(t2[j+7:j+15])>>4 +
			le.Uint64(t3[j+7:j+15])>>4 + le.Uint64(t4[j+7:j+15])>>4
		x0 := s[i] + le.Uint64(t0[j:j+8]) + le.Uint64(t1[j:j+8]) + le.Uint64(t2[j:j+8]) +
			le.Uint64(t3[j:j+8]) + le.Uint64(t4[j:j+8]) - x1<<60
		x3 := le.Uint64(t0[j+22:j+30])>>4 + le.Uint64(t1[j+22:j+30])>>4 + le.Uint64(t2[j+22:j+30])>>4 +
			le.Uint64(t3[j+22:j+30])>>4 + le.Uint64(t4[j+22:j+30])>>4
		x2 := s[i+2] + le.Uint64(t0[j+15:j+23]) + le.Uint64(t1[j+15:j+23]) + le.Uint64(t2[j+15:j+23]) +
			le.Uint64(t3[j+15:j+23]) + le.Uint64(t4[j+15:j+23]) - x3<<60
		x1 += s[i+1]
		x3 += s[i+3]
		s[i] = x0&low60 + x0>>60*delta
		s[i+1] = x1&low60 + x1>>60*delta
		s[i+2] = x2&low60 + x2>>60*delta
		s[i+3] = x3&low60 + x3>>60*delta
	}
}

// AddPacked is Add of packed numbers.
func (p Near60) AddPacked(sum []uint64, b []byte) {
	for at := 0; at < len(sum); at += BlockSize {
		s, x := (*block)(sum[at:]), (*packedBlock)(b[at/2*15:])
		for i, j := 0, 0; i < BlockSize && uint(j) <= uint(len(x)-15); i, j = i+2, j+15 {
			s[i] = p.partly(s[i] + binary.LittleEndian.Uint64(x[j:j+8])&low60)
			s[i+1] = p.partly(s[i+1] + binary.LittleEndian.Uint64(x[j+7:j+15])>>4)
		}
	}
}
