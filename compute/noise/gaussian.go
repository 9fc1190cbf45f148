package noise

import "math/big"

// gaussian draws a discrete Laplace y of integer scale t = ⌊σ⌋ + 1 and keeps
// it with probability exp(−γ), γ = (|y| − σ²/t)²/2σ². With σ² = a/b,
// γ = (|y|·b·t − a)² / (2·a·b·t²).
type gaussian struct {
	laplace attempt
	a       *big.Int
	bt      *big.Int // b·t
	den     *big.Int // 2·a·b·t²

	whole, rest *big.Int // scratch
}

func newGaussian(sigma2 *big.Rat) *gaussian {
	a, b := sigma2.Num(), sigma2.Denom()
	t := new(big.Int).Quo(a, b)
	t.Add(t.Sqrt(t), big.NewInt(1)) // ⌊√⌊σ²⌋⌋ = ⌊σ⌋
	bt := new(big.Int).Mul(b, t)
	den := new(big.Int).Mul(a, bt)
	den.Lsh(den.Mul(den, t), 1)
	return &gaussian{
		laplace: wordLaplace{num: t.Uint64(), den: 1}.try, // t ≤ 2^56 + 1
		a:       a, bt: bt, den: den,
		whole: new(big.Int), rest: new(big.Int),
	}
}

func (g *gaussian) try(s *source) (x int64, again bool, err error) {
	y, err := s.sample(g.laplace)
	if err != nil {
		return 0, false, err
	}
	keep, err := g.accept(s, y)
	return y, !keep, err
}

// accept is true with probability exp(−γ): exp(−1) for every whole one of γ,
// and exp(−) of the rest.
func (g *gaussian) accept(s *source, y int64) (bool, error) {
	x := g.rest.SetInt64(y)
	x.Mul(x.Abs(x), g.bt)
	x.Sub(x, g.a)
	g.whole.QuoRem(x.Mul(x, x), g.den, g.rest)
	for i := big.NewInt(0); i.Cmp(g.whole) < 0; i.Add(i, one) {
		hit, err := s.bernoulliExpMinus1()
		if err != nil || !hit {
			return false, err
		}
	}
	return s.bernoulliExp(func() (bool, error) { return s.bernoulliBig(g.rest, g.den) })
}

var one = big.NewInt(1)
