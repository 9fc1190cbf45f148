package noise

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog/decimal"
)

// ErrBudget is returned for an epsilon, delta or sensitivity outside the limits.
var ErrBudget = errors.New("privacy parameter is outside the limits")

const (
	// maxPlaces bounds the digits before and after the point of what is parsed.
	maxPlaces = 30
	// maxExponentDigits bounds the exponent of a delta, which is written out.
	maxExponentDigits = 2
)

// ParseEpsilon reads the epsilon of one query: decimal digits with at most one
// point ("0.5", "1", ".25"), no sign, no exponent, above 0 and at most 1. The
// rational is exactly what was written.
func ParseEpsilon(s string) (*big.Rat, error) {
	v, err := parseDecimal(s)
	if err != nil {
		return nil, fmt.Errorf("epsilon %.40q: %w", s, err)
	}
	if err := checkEpsilon(v); err != nil {
		return nil, err
	}
	return v, nil
}

// ParseDelta reads a delta: a decimal as for epsilon, or one with an exponent
// of one or two digits ("1e-9", "2.5E-7"), above 0 and below 1. A useful delta is far
// below 1 in the number of entities; policies bound it closer than this.
func ParseDelta(s string) (*big.Rat, error) {
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(s), "e")
	v, err := parseDecimal(mantissa)
	if err != nil {
		return nil, fmt.Errorf("delta %.40q: %w", s, err)
	}
	if scientific {
		exponent, negative := strings.CutPrefix(exponent, "-")
		places, err := strconv.ParseUint(exponent, 10, 8)
		if err != nil || len(exponent) > maxExponentDigits {
			return nil, fmt.Errorf("delta %.40q: %w: its exponent is not 1 to %d digits", s, ErrBudget, maxExponentDigits)
		}
		power := new(big.Rat).SetInt(powerOfTen(int(places)))
		if negative {
			power.Inv(power)
		}
		v.Mul(v, power)
	}
	if err := checkDelta(v); err != nil {
		return nil, err
	}
	return v, nil
}

// parseDecimal reads digits with at most one point, and at least one digit.
func parseDecimal(s string) (*big.Rat, error) {
	whole, fraction, _ := strings.Cut(s, ".")
	if len(whole)+len(fraction) == 0 {
		return nil, fmt.Errorf("%w: no digits", ErrBudget)
	}
	if len(whole) > maxPlaces || len(fraction) > maxPlaces {
		return nil, fmt.Errorf("%w: more than %d digits on a side of the point", ErrBudget, maxPlaces)
	}
	v, ok := decimal.ParseRat(s)
	if !ok || s[0] == '-' {
		return nil, fmt.Errorf("%w: not a decimal number such as 0.5", ErrBudget)
	}
	return v, nil
}

func powerOfTen(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

func checkEpsilon(v *big.Rat) error {
	if v == nil || v.Sign() <= 0 || v.Cmp(big.NewRat(1, 1)) > 0 {
		return fmt.Errorf("%w: epsilon of a query is %s, not above 0 and at most 1", ErrBudget, ratText(v))
	}
	return nil
}

func checkDelta(v *big.Rat) error {
	if v == nil || v.Sign() <= 0 || v.Cmp(big.NewRat(1, 1)) >= 0 {
		return fmt.Errorf("%w: delta is %s, not between 0 and 1", ErrBudget, ratText(v))
	}
	return nil
}

func ratText(v *big.Rat) string {
	if v == nil {
		return "missing"
	}
	return v.RatString()
}
