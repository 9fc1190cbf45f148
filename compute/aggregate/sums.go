package aggregate

import (
	"math/big"

	"github.com/weirdata/weir/catalog"
)

// Sums are the opened sums of one group: of readings x of a measure, and of a second
// measure's or of private weights y, in units of their last decimals. Those that are not
// opened are nil. They are over the cells that have all that is summed.
type Sums struct {
	N          int64           // cells, public
	Entities   int64           // that have a cell, public; 0 where nobody asks for it
	MeasureX   catalog.Measure // without a name: there is none
	MeasureY   catalog.Measure // of weights: their name and decimals
	X, Y       *big.Int        // Σx, Σy
	XX, YY, XY *big.Int        // Σx², Σy², Σxy
	Buckets    []*big.Int      // readings in each bucket of x, the lowest first
	Half       *big.Int        // half-width of the 95 % interval of the sum that carries noise; nil: none, or several do
	Can        [2]*big.Int     // least and greatest that that sum can be; nil: not known
	Number     *big.Rat        // that the function is asked with
	Bucket     int             // that the function is asked for, 1 the lowest
}

// count is how many cells there are.
func (s Sums) count() *big.Rat { return new(big.Rat).SetInt64(s.N) }

// total is Σxy, Σx or Σy, whichever is asked for; NULL without a cell.
func (s Sums) total() Quantity {
	sum := s.Y
	switch {
	case s.N == 0:
		return Quantity{}
	case s.XY != nil:
		sum = s.XY
	case s.X != nil:
		sum = s.X
	}
	decimals := s.MeasureX.Decimals + s.MeasureY.Decimals
	q := Quantity{Value: ratOf(sum, decimals)}
	if s.Half != nil {
		q.Half = ratOf(s.Half, decimals)
		if s.Can[0] != nil {
			q.Can = [2]*big.Rat{ratOf(s.Can[0], decimals), ratOf(s.Can[1], decimals)}
		}
	}
	return q
}

// weightedMean is Σxy / Σy, y being the weights; NULL where they add up to nothing.
func (s Sums) weightedMean() Quantity {
	if s.N == 0 || s.Y.Sign() == 0 {
		return Quantity{}
	}
	return s.total().over(ratOf(s.Y, s.MeasureY.Decimals))
}

// spreads are n·Σx² − (Σx)², the same of y, and n·Σxy − Σx·Σy, each 0 where a sum is not
// opened. They do not depend on what the readings are counted from.
func (s Sums) spreads() (xx, yy, xy *big.Int) {
	n := big.NewInt(s.N)
	of := func(product, a, b *big.Int) *big.Int {
		if product == nil || a == nil || b == nil {
			return new(big.Int)
		}
		out := new(big.Int).Mul(n, product)
		return out.Sub(out, new(big.Int).Mul(a, b))
	}
	return of(s.XX, s.X, s.X), of(s.YY, s.Y, s.Y), of(s.XY, s.X, s.Y)
}

// Impossible says which spreads no readings have: n·Σx² is no less than (Σx)², and of two
// measures the squared covariance no more than the product of variances. Empty: they are
// possible, or not all opened.
func (s Sums) Impossible() string {
	xx, yy, xy := s.spreads()
	worse := xx.Sign() < 0 || yy.Sign() < 0
	if s.XX != nil && s.YY != nil {
		worse = worse || new(big.Int).Mul(xy, xy).Cmp(new(big.Int).Mul(xx, yy)) > 0
	}
	if !worse || s.N == 0 {
		return ""
	}
	return "n·Σx² − (Σx)² = " + xx.String() + ", n·Σy² − (Σy)² = " + yy.String() + ", n·Σxy − Σx·Σy = " + xy.String()
}

// variance divides the spread of x by n and by divisor, which is n, or n − 1 of a sample;
// NULL where either is 0. With noise it may come out negative.
func (s Sums) variance(divisor int64) Quantity {
	xx, _, _ := s.spreads()
	return s.dispersion(xx, divisor, 2*s.MeasureX.Decimals)
}

// covariance of x and y, likewise.
func (s Sums) covariance(divisor int64) Quantity {
	_, _, xy := s.spreads()
	return s.dispersion(xy, divisor, s.MeasureX.Decimals+s.MeasureY.Decimals)
}

func (s Sums) dispersion(spread *big.Int, divisor int64, decimals int) Quantity {
	if s.N == 0 || divisor == 0 {
		return Quantity{}
	}
	return Quantity{Value: ratOf(spread, decimals)}.over(new(big.Rat).SetInt64(divisor)).over(s.count())
}

// line are the spreads of a regression of x, which SQL calls y, on y; not ok where the
// latter does not vary, and there is no line.
func (s Sums) line() (own, on, both *big.Int, ok bool) {
	own, on, both = s.spreads()
	return own, on, both, s.N > 0 && on.Sign() > 0 && own.Sign() >= 0
}

// correlation is NULL where either measure does not vary.
func (s Sums) correlation() Quantity {
	own, on, both, ok := s.line()
	if !ok || own.Sign() == 0 {
		return Quantity{}
	}
	squared := new(big.Int).Mul(both, new(big.Int).Abs(both)) // with the sign of the covariance
	return Quantity{Value: new(big.Rat).SetFrac(squared, new(big.Int).Mul(own, on)), Root: true}
}

// determination is 1 where only what the line is of does not vary.
func (s Sums) determination() Quantity {
	own, on, both, ok := s.line()
	switch {
	case !ok:
		return Quantity{}
	case own.Sign() == 0:
		return Quantity{Value: big.NewRat(1, 1)}
	}
	return Quantity{Value: new(big.Rat).SetFrac(new(big.Int).Mul(both, both), new(big.Int).Mul(own, on))}
}

func (s Sums) slope() Quantity {
	_, on, both, ok := s.line()
	if !ok {
		return Quantity{}
	}
	slope := new(big.Rat).SetFrac(both, on)
	return Quantity{Value: slope.Mul(slope, new(big.Rat).SetFrac(powerOfTen(s.MeasureY.Decimals), powerOfTen(s.MeasureX.Decimals)))}
}

func (s Sums) intercept() Quantity {
	q := s.slope()
	if q.Null() {
		return q
	}
	mean := func(sum *big.Int, decimals int) *big.Rat {
		v := ratOf(sum, decimals)
		return v.Quo(v, s.count())
	}
	own, on := mean(s.X, s.MeasureX.Decimals), mean(s.Y, s.MeasureY.Decimals)
	return Quantity{Value: own.Sub(own, on.Mul(on, q.Value))}
}
