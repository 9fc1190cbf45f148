package noise

import (
	"errors"
	"fmt"
	"math/big"
	"math/bits"
)

// ErrOverflow is returned for a sample beyond 64 bits. Below the largest scale
// that has probability 2^-184; it is refused rather than wrapped.
var ErrOverflow = errors.New("noise does not fit 64 bits")

// attempt tries once to draw a sample; again says that it came to none, and another
// attempt is to be made. It is for one goroutine: it keeps scratch space.
type attempt func(*source) (x int64, again bool, err error)

// attempts returns what draws from the law: with P(x) proportional to exp(−|x|/scale),
// 1 ≤ scale ≤ 2^56 (CKS 2020, algorithm 2), or to exp(−x²/2σ²), 1/4 ≤ σ² ≤ 2^112
// (algorithm 3).
func (l Law) attempts() (attempt, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	if l.kind == KindGaussian {
		return newGaussian(l.param).try, nil
	}
	num, den := l.param.Num(), l.param.Denom()
	if num.IsUint64() && den.IsUint64() {
		return wordLaplace{num: num.Uint64(), den: den.Uint64()}.try, nil
	}
	return newBigLaplace(num, den).try, nil
}

// sample tries until there is a sample.
func (s *source) sample(try attempt) (int64, error) {
	for range maxRepeats {
		if x, again, err := try(s); err != nil || !again {
			return x, err
		}
	}
	return 0, fmt.Errorf("%w: %d samples were rejected", ErrSource, maxRepeats)
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

// try gives a sign to ⌊(u + num·v)/den⌋ with u kept with probability
// exp(−u/num) and v geometric: u + num·v is then geometric with ratio
// exp(−1/num), and the quotient geometric with ratio exp(−den/num).
func (l wordLaplace) try(s *source) (x int64, again bool, err error) {
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
	m, _ := bits.Div64(hi, lo, l.den)
	return s.signed(m)
}

// bigLaplace is wordLaplace for a numerator or denominator of 2^64 and more.
type bigLaplace struct {
	num, den *big.Int
	u, x     *big.Int // scratch
}

func newBigLaplace(num, den *big.Int) bigLaplace {
	return bigLaplace{num, den, new(big.Int), new(big.Int)}
}

func (l bigLaplace) try(s *source) (sample int64, again bool, err error) {
	if err := s.belowBig(l.u, l.num); err != nil {
		return 0, false, err
	}
	keep, err := s.bernoulliExp(func() (bool, error) { return s.bernoulliBig(l.u, l.num) })
	if err != nil || !keep {
		return 0, true, err
	}
	v, err := s.geometric()
	if err != nil {
		return 0, false, err
	}
	l.x.SetUint64(v)
	l.x.Quo(l.x.Add(l.x.Mul(l.x, l.num), l.u), l.den)
	if !l.x.IsUint64() {
		return 0, false, ErrOverflow
	}
	return s.signed(l.x.Uint64())
}
