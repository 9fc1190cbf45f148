package aggregate

import (
	"math/big"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
)

// MaxDigits bounds the digits of a number in a query.
const MaxDigits = 40

// ParseNumber reads a decimal number of at most MaxDigits, without an exponent.
func ParseNumber(s string) (*big.Rat, bool) {
	if len(s) > MaxDigits {
		return nil, false
	}
	return decimal.ParseRat(s)
}

// Number reads the number that a function of a measure is asked with, in the spelling in
// which queries are compared; false where the function has no such figure.
func (a Arguments) Number(m catalog.Measure, text string) (canonical string, ok bool) {
	v, ok := ParseNumber(text)
	switch {
	case !ok:
		return "", false
	case a == Fraction:
		digits := v.FloatString(MaxDigits)
		return strings.TrimSuffix(strings.TrimRight(digits, "0"), "."), v.Sign() >= 0 && v.Cmp(big.NewRat(1, 1)) <= 0
	case a == BucketBound:
		for _, b := range m.Buckets {
			if bound, ok := ParseNumber(b); ok && bound.Cmp(v) == 0 {
				return b, true
			}
		}
	}
	return "", false
}
