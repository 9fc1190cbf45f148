package noise

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/bits"
)

// ErrSource is returned when the random source cannot be random.
var ErrSource = errors.New("random source is stuck")

// maxRepeats bounds every loop whose end depends on random bits. A working
// source leaves each of them with probability ≥ 1/3 a turn (and the loop of
// bernoulliExp with 1 − 1/k), so it is never reached: 3^-4096·2^12 and less.
const maxRepeats = 1 << 12

// source hands out random words of a reader, reading ahead up to its block.
type source struct {
	r    io.Reader
	buf  []byte
	next int // first unused byte of buf
}

// newSource reads blocks of the given number of bytes, a multiple of 8.
func newSource(r io.Reader, block int) *source {
	return &source{r: r, buf: make([]byte, block), next: block}
}

// wipe clears the bytes read ahead, and those already used.
func (s *source) wipe() { clear(s.buf) }

func (s *source) word() (uint64, error) {
	if s.next+8 > len(s.buf) {
		if _, err := io.ReadFull(s.r, s.buf); err != nil {
			return 0, fmt.Errorf("read random bytes for noise: %w", err)
		}
		s.next = 0
	}
	w := binary.LittleEndian.Uint64(s.buf[s.next:])
	s.next += 8
	return w, nil
}

// below returns a uniform integer in [0, n), n ≥ 1, by rejection.
func (s *source) below(n uint64) (uint64, error) {
	shift := bits.LeadingZeros64(n)
	for range maxRepeats {
		w, err := s.word()
		if err != nil {
			return 0, err
		}
		if w >>= shift; w < n {
			return w, nil
		}
	}
	return 0, fmt.Errorf("%w: %d numbers in a row were at least %d", ErrSource, maxRepeats, n)
}

// belowBig sets z to a uniform integer in [0, n), n ≥ 1, by rejection.
func (s *source) belowBig(z, n *big.Int) error {
	length := n.BitLen()
	raw := make([]byte, (length+63)/64*8)
	defer clear(raw)
	for range maxRepeats {
		for i := 0; i < len(raw); i += 8 {
			w, err := s.word()
			if err != nil {
				return err
			}
			binary.BigEndian.PutUint64(raw[i:], w)
		}
		if top := length % 64; top != 0 { // keep the lowest bits of the top word
			first := binary.BigEndian.Uint64(raw)
			binary.BigEndian.PutUint64(raw, first>>(64-top))
		}
		if z.SetBytes(raw).Cmp(n) < 0 {
			return nil
		}
	}
	return fmt.Errorf("%w: %d numbers in a row were too large", ErrSource, maxRepeats)
}

// bernoulli is true with probability p/q exactly, 0 ≤ p ≤ q, q ≥ 1.
//
// A uniform real U = 0.w1 w2 … in base 2^64 is below p/q if its first digit
// that differs from that of p/q is smaller. The digits of p/q come from long
// division, those of U from the source, and nearly always the first decides.
func (s *source) bernoulli(p, q uint64) (bool, error) {
	if p == q {
		return true, nil
	}
	for range maxRepeats {
		if p == 0 {
			return false, nil // p/q has ended: all further digits are 0
		}
		var digit uint64
		digit, p = bits.Div64(p, 0, q)
		w, err := s.word()
		if err != nil {
			return false, err
		}
		if w != digit {
			return w < digit, nil
		}
	}
	return false, fmt.Errorf("%w: it repeated the digits of %d", ErrSource, q)
}

// bernoulliBig is bernoulli for numbers of any size.
func (s *source) bernoulliBig(p, q *big.Int) (bool, error) {
	if p.Cmp(q) == 0 {
		return true, nil
	}
	rest, digit := new(big.Int).Set(p), new(big.Int)
	for range maxRepeats {
		if rest.Sign() == 0 {
			return false, nil
		}
		digit.QuoRem(rest.Lsh(rest, 64), q, rest)
		w, err := s.word()
		if err != nil {
			return false, err
		}
		if d := digit.Uint64(); w != d {
			return w < d, nil
		}
	}
	return false, fmt.Errorf("%w: it repeated the digits of a quotient", ErrSource)
}

// bernoulliExp is true with probability exp(−γ), where 0 ≤ γ ≤ 1 and coin is
// true with probability γ (CKS algorithm 1). The paper's coin of probability
// γ/k is a coin of γ and one of 1/k, so that no denominator grows with k.
func (s *source) bernoulliExp(coin func() (bool, error)) (bool, error) {
	for k := uint64(1); k <= maxRepeats; k++ {
		hit, err := s.bernoulli(1, k)
		if err != nil {
			return false, err
		}
		if hit {
			if hit, err = coin(); err != nil {
				return false, err
			}
		}
		if !hit {
			return k%2 == 1, nil
		}
	}
	return false, fmt.Errorf("%w: a loop went on for %d turns", ErrSource, maxRepeats)
}

// bernoulliExpMinus1 is true with probability exp(−1).
func (s *source) bernoulliExpMinus1() (bool, error) {
	return s.bernoulliExp(func() (bool, error) { return true, nil })
}

// geometric returns v with probability (1 − 1/e)·e^-v.
func (s *source) geometric() (uint64, error) {
	for v := range uint64(maxRepeats) {
		hit, err := s.bernoulliExpMinus1()
		if err != nil {
			return 0, err
		}
		if !hit {
			return v, nil
		}
	}
	return 0, fmt.Errorf("%w: a loop went on for %d turns", ErrSource, maxRepeats)
}
