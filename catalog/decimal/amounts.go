package decimal

import (
	"math/big"
	"regexp"
	"strings"
)

// moneyDecimals are the digits after the point that amounts are counted in.
const moneyDecimals = 6

// amountForm is that of amounts of money, with at most moneyDecimals digits after the point.
var amountForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?$`)

// Amount reads an amount that the state holds; empty is nothing.
func Amount(s string) *big.Int {
	whole, fraction, _ := strings.Cut(s, ".")
	zeros := strings.Repeat("0", max(moneyDecimals-len(fraction), 0))
	if v, ok := new(big.Int).SetString(whole+fraction+zeros, 10); ok {
		return v
	}
	return new(big.Int)
}

// FormatAmount writes an amount with at least two digits after the point and no
// more than it needs.
func FormatAmount(v *big.Int) string {
	text := Fixed(v, moneyDecimals)
	least := len(text) - moneyDecimals + 2
	return text[:least] + strings.TrimRight(text[least:], "0")
}

// AddAmounts adds decimal amounts of one currency, exactly. What is empty or no
// amount counts as nothing.
func AddAmounts(amounts ...string) string {
	sum := new(big.Int)
	for _, a := range amounts {
		sum.Add(sum, Amount(a))
	}
	return FormatAmount(sum)
}

// SubtractAmount is a − b.
func SubtractAmount(a, b string) string {
	return FormatAmount(new(big.Int).Sub(Amount(a), Amount(b)))
}

// IsAmount reports whether s is an amount of money of the form that orders and
// prices have: "10.00", up to 12 digits before the point and 6 after it.
func IsAmount(s string) bool { return amountForm.MatchString(s) }

// epsilonForm is what an epsilon may look like: no sign and no exponent, so that
// every sum of epsilons is a decimal of twelve places.
var epsilonForm = regexp.MustCompile(`^[0-9]{1,12}(\.[0-9]{1,12})?$`)

// epsilonPlaces is the number of places of an epsilon and of a sum of them.
const epsilonPlaces = 12

// ParseEpsilon reads an amount of epsilon exactly; false when it is none.
func ParseEpsilon(s string) (*big.Rat, bool) {
	if !epsilonForm.MatchString(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

// EpsilonText writes a sum of epsilons exactly.
func EpsilonText(v *big.Rat) string {
	return strings.TrimSuffix(strings.TrimRight(v.FloatString(epsilonPlaces), "0"), ".")
}

// numberForm bounds digits and exponent: a number of nine digits of exponent
// would take a gigabyte to write out.
var numberForm = regexp.MustCompile(`^[0-9]{1,12}(\.[0-9]{1,12})?(e-?[0-9]{1,2})?$`)

// ParseNumber reads a number that is not below 0 exactly, with an exponent or without;
// false when it is none.
func ParseNumber(s string) (*big.Rat, bool) {
	if !numberForm.MatchString(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}
