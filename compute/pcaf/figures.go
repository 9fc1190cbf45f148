package pcaf

import "math/big"

// Figures are what a report says of one measure. Amounts are exact; nil: not known.
type Figures struct {
	Financed    *big.Rat // in the unit of the sums
	Least, Most *big.Rat // between what it lies, where readings are not negative; nil: not known
	Exact       bool     // every piece has one factor
	Score       *big.Rat // data quality, weighted by outstanding amounts
	Unscored    int      // loans that have no score: the score is of the others
	Intensity   *big.Rat // per million of the outstanding amount that is in the figure
	Outstanding *big.Rat // of the loans that are in the figure
}

// Financed are the emissions of the pieces, sums[i] those of piece i, attributed by the mean
// factor of each piece. With positive, no reading is negative, and the figure lies between
// what the least and the greatest factors give.
func Financed(pieces []Piece, sums []*big.Rat, positive bool) Figures {
	f := Figures{Financed: new(big.Rat), Exact: true}
	least, most := new(big.Rat), new(big.Rat)
	add := func(to, factor, sum *big.Rat) { to.Add(to, new(big.Rat).Mul(factor, sum)) }
	for i, p := range pieces {
		add(f.Financed, p.Mean(), sums[i])
		add(least, p.Least, sums[i])
		add(most, p.Most, sums[i])
		f.Exact = f.Exact && p.Uniform()
	}
	if positive || f.Exact {
		f.Least, f.Most = least, most
	}
	return f
}

// Rate adds what is relative to the loans in the figure: those that in says are. score is that
// of the measure, for loans without one of their own; 0: it has none.
func (f *Figures) Rate(b *Book, in func(Loan) bool, score int) {
	f.Outstanding = b.Outstanding(in)
	scored, sum := new(big.Rat), new(big.Rat)
	for _, l := range b.Loans {
		if !in(l) {
			continue
		}
		own := l.Score
		if own == 0 {
			own = score
		}
		if own == 0 {
			f.Unscored++
			continue
		}
		scored.Add(scored, l.Outstanding)
		sum.Add(sum, new(big.Rat).Mul(l.Outstanding, big.NewRat(int64(own), 1)))
	}
	if scored.Sign() > 0 {
		f.Score = sum.Quo(sum, scored)
	}
	if f.Outstanding.Sign() > 0 {
		f.Intensity = new(big.Rat).Quo(f.Financed, f.Outstanding)
		f.Intensity.Mul(f.Intensity, big.NewRat(1_000_000, 1))
	}
}

// Weights are factors as private weights: whole numbers of 10^-decimals below 2^bits, rounded
// half up. Rounding is the largest relative error of one of them: where no reading is
// negative, the weighted sum is off by no more of itself.
type Weights struct {
	Units    []uint64
	Rounding *big.Rat
}

// Weigh makes weights of factors; tooLarge is the first factor that does not fit, −1: all do.
// One that would round to 0 is rounded to 0, and Rounding is 1 then.
func Weigh(factors []*big.Rat, decimals, bits int) (w Weights, tooLarge int) {
	w.Rounding = new(big.Rat)
	unit := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil))
	for i, f := range factors {
		exact := new(big.Rat).Mul(f, unit)
		up := new(big.Rat).Add(exact, big.NewRat(1, 2))
		whole := new(big.Int).Quo(up.Num(), up.Denom())
		if whole.BitLen() > bits {
			return Weights{}, i
		}
		w.Units = append(w.Units, whole.Uint64())
		if exact.Sign() > 0 {
			off := new(big.Rat).Sub(new(big.Rat).SetInt(whole), exact)
			if off.Abs(off).Quo(off, exact).Cmp(w.Rounding) > 0 {
				w.Rounding.Set(off)
			}
		}
	}
	return w, -1
}
