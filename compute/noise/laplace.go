package noise

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/bits"
)

// ErrOverflow is returned for a sample beyond 64 bits. Below the largest scale
// that has probability 2^-184; it is refused rather than wrapped.
var ErrOverflow = errors.New("noise does not fit 64 bits")

// smallBlock is read at once for a single sample: most take less.
const smallBlock = 128

// Sample draws one sample x of the law from the random bytes of r (crypto/rand.Reader, or
// a deterministic stream in tests), which it reads in blocks of 128 bytes: with P(x)
// proportional to exp(−|x|/scale), 1 ≤ scale ≤ 2^56 (CKS 2020, algorithm 2), or to
// exp(−x²/2σ²), 1/4 ≤ σ² ≤ 2^112 (algorithm 3).
func (l Law) Sample(r io.Reader) (int64, error) {
	draw, err := l.sampler()
	if err != nil {
		return 0, err
	}
	s := newSource(r, smallBlock)
	defer s.wipe()
	return draw(s)
}

// sampler returns the function that draws from the law. It is for one
// goroutine: it keeps scratch space.
func (l Law) sampler() (func(*source) (int64, error), error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	if l.kind == KindGaussian {
		return newGaussian(l.param).sample, nil
	}
	num, den := l.param.Num(), l.param.Denom()
	if num.IsUint64() && den.IsUint64() {
		w := wordLaplace{num: num.Uint64(), den: den.Uint64()}
		return w.sample, nil
	}
	b := bigLaplace{num: num, den: den}
	return b.sample, nil
}

// signed gives a magnitude its sign. Both signs of zero would make zero twice
// as likely, so one of them is drawn again.
func (s *source) signed(magnitude uint64) (x int64, again bool, err error) {
	w, err := s.word()
	if err != nil {
		return 0, false, err
	}
	negative := w>>63 == 1
	switch {
	case negative && magnitude == 0:
		return 0, true, nil
	case magnitude > 1<<63-1:
		return 0, false, ErrOverflow
	case negative:
		return -int64(magnitude), false, nil
	}
	return int64(magnitude), false, nil
}

// wordLaplace is the discrete Laplace with scale num/den, both below 2^64.
type wordLaplace struct{ num, den uint64 }

func (l wordLaplace) sample(s *source) (int64, error) {
	for range maxRepeats {
		magnitude, again, err := l.magnitude(s)
		if err != nil {
			return 0, err
		}
		if again {
			continue
		}
		x, again, err := s.signed(magnitude)
		if err != nil {
			return 0, err
		}
		if !again {
			return x, nil
		}
	}
	return 0, fmt.Errorf("%w: %d samples were rejected", ErrSource, maxRepeats)
}

// magnitude returns ⌊(u + num·v)/den⌋ with u kept with probability
// exp(−u/num) and v geometric: u + num·v is then geometric with ratio
// exp(−1/num), and the quotient geometric with ratio exp(−den/num).
func (l wordLaplace) magnitude(s *source) (m uint64, again bool, err error) {
	u, err := s.below(l.num)
	if err != nil {
		return 0, false, err
	}
	keep, err := s.bernoulliExp(func() (bool, error) { return s.bernoulli(u, l.num) })
	if err != nil || !keep {
		return 0, true, err
	}
	v, err := s.geometric()
	if err != nil {
		return 0, false, err
	}
	hi, lo := bits.Mul64(l.num, v)
	lo, carry := bits.Add64(lo, u, 0)
	if hi += carry; hi >= l.den {
		return 0, false, ErrOverflow
	}
	m, _ = bits.Div64(hi, lo, l.den)
	return m, false, nil
}

// bigLaplace is wordLaplace for a numerator or denominator of 2^64 and more.
type bigLaplace struct{ num, den *big.Int }

func (l bigLaplace) sample(s *source) (int64, error) {
	u, x := new(big.Int), new(big.Int)
	for range maxRepeats {
		if err := s.belowBig(u, l.num); err != nil {
			return 0, err
		}
		keep, err := s.bernoulliExp(func() (bool, error) { return s.bernoulliBig(u, l.num) })
		if err != nil {
			return 0, err
		}
		if !keep {
			continue
		}
		v, err := s.geometric()
		if err != nil {
			return 0, err
		}
		x.SetUint64(v)
		x.Quo(x.Add(x.Mul(x, l.num), u), l.den)
		if !x.IsUint64() {
			return 0, ErrOverflow
		}
		sample, again, err := s.signed(x.Uint64())
		if err != nil {
			return 0, err
		}
		if !again {
			return sample, nil
		}
	}
	return 0, fmt.Errorf("%w: %d samples were rejected", ErrSource, maxRepeats)
}
