package disclosure

import "math/bits"

// fieldPrime is 2^61−1: linear equations of integers are solved modulo it. A
// combination that is zero over the integers is zero here; the reverse fails with a
// chance of about 2^-50.
const fieldPrime = 1<<61 - 1

func addMod(a, b uint64) uint64 {
	if a += b; a >= fieldPrime {
		a -= fieldPrime
	}
	return a
}

func mulMod(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return addMod(lo&fieldPrime, hi<<3|lo>>61)
}

func invMod(a uint64) uint64 {
	out := uint64(1)
	for e := uint64(fieldPrime - 2); e > 0; e >>= 1 {
		if e&1 == 1 {
			out = mulMod(out, a)
		}
		a = mulMod(a, a)
	}
	return out
}

// field is v modulo the prime.
func field(v int64) uint64 {
	if v %= fieldPrime; v < 0 {
		v += fieldPrime
	}
	return uint64(v)
}

// echelon brings a matrix into echelon form, in place, with ones as leading entries,
// and returns for each column the row that leads in it, or -1.
func echelon(m [][]uint64) []int {
	if len(m) == 0 {
		return nil
	}
	leads := make([]int, len(m[0]))
	r := 0
	for c := range leads {
		leads[c] = -1
		at := r
		for at < len(m) && m[at][c] == 0 {
			at++
		}
		if at == len(m) {
			continue
		}
		m[r], m[at] = m[at], m[r]
		scale := invMod(m[r][c])
		for j := c; j < len(leads); j++ {
			m[r][j] = mulMod(m[r][j], scale)
		}
		for i := r + 1; i < len(m); i++ {
			subtract(m[i], m[r], c)
		}
		leads[c] = r
		r++
	}
	return leads
}

// subtract takes the multiple of lead, which has 1 in column c, from a row that makes
// its entry there zero.
func subtract(row, lead []uint64, c int) {
	if row[c] == 0 {
		return
	}
	f := fieldPrime - row[c]
	for j := c; j < len(row); j++ {
		if lead[j] != 0 {
			row[j] = addMod(row[j], mulMod(f, lead[j]))
		}
	}
}
