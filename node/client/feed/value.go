package feed

import (
	"errors"
	"math/big"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/node/client/feed/spool"
)

// Why a cell has no value though there are readings.
var (
	errMissing = errors.New("missing")       // no reading of it counts
	errFew     = errors.New("few")           // fewer readings than declared
	errSeveral = errors.New("several")       // several readings where one is declared
	errRange   = errors.New("out_of_range")  // outside the measure's range
	errDigits  = errors.New("more_decimals") // more decimals than the measure has, and nothing is rounded
)

// rule is how a cell is made of readings.
type rule struct {
	take    string
	least   int
	measure catalog.Measure
	round   bool
}

// value is a cell's value in units of the measure's last decimal.
func (r rule) value(samples []spool.Sample) (int64, error) {
	var counting []*big.Rat
	for _, x := range samples {
		if !x.Missing {
			counting = append(counting, ratOf(x.Mantissa, int(x.Decimals)))
		}
	}
	switch {
	case len(counting) == 0:
		return 0, errMissing
	case len(counting) < r.least:
		return 0, errFew
	case r.take == takeOne && len(counting) > 1:
		return 0, errSeveral
	}
	v := counting[len(counting)-1]
	for _, x := range counting[:len(counting)-1] {
		switch {
		case r.take == takeMin && x.Cmp(v) < 0, r.take == takeMax && x.Cmp(v) > 0:
			v = x
		case r.take == takeMean, r.take == takeSum:
			v = new(big.Rat).Add(v, x)
		}
	}
	if r.take == takeMean {
		v = new(big.Rat).Quo(v, new(big.Rat).SetInt64(int64(len(counting))))
	}
	return r.units(v)
}

// ratOf is mantissa·10^-decimals.
func ratOf(mantissa int64, decimals int) *big.Rat {
	return new(big.Rat).SetFrac(big.NewInt(mantissa), power(decimals))
}

func power(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// units is a value in units of the measure's last decimal, halves to the even one.
func (r rule) units(v *big.Rat) (int64, error) {
	scaled := new(big.Rat).Mul(v, new(big.Rat).SetInt(power(r.measure.Decimals)))
	whole := new(big.Int).Set(scaled.Num())
	if !scaled.IsInt() {
		if !r.round {
			return 0, errDigits
		}
		// floor(2x+1)/2 is x rounded half up; a half is where 2x+1 is even.
		twice := new(big.Int).Lsh(scaled.Num(), 1)
		twice.Add(twice, scaled.Denom())
		rest := new(big.Int)
		whole.DivMod(twice, new(big.Int).Lsh(scaled.Denom(), 1), rest)
		if rest.Sign() == 0 && whole.Bit(0) == 1 {
			whole.Sub(whole, big.NewInt(1))
		}
	}
	if !whole.IsInt64() || whole.Int64() < r.measure.Min || whole.Int64() > r.measure.Max {
		return 0, errRange
	}
	return whole.Int64(), nil
}

// text is a value as the table that is published has it.
func (r rule) text(units int64) string { return decimal.Format(units, r.measure.Decimals) }
