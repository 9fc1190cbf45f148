package catalog

import (
	"math/big"
	"strings"
)

// moneyDecimals are the digits after the point that amounts are counted in;
// amountForm accepts no more.
const moneyDecimals = 6

// parseAmount reads a decimal amount of money, exactly, in units of 10^-6.
func parseAmount(s string) (*big.Int, bool) {
	if !amountForm.MatchString(s) {
		return nil, false
	}
	whole, fraction, _ := strings.Cut(s, ".")
	return new(big.Int).SetString(whole+fraction+strings.Repeat("0", moneyDecimals-len(fraction)), 10)
}

// amount reads an amount that the state holds; empty is nothing.
func amount(s string) *big.Int {
	if v, ok := new(big.Int).SetString(strings.Replace(s, ".", "", 1), 10); ok {
		_, fraction, _ := strings.Cut(s, ".")
		scale := big.NewInt(int64(max(moneyDecimals-len(fraction), 0)))
		return v.Mul(v, scale.Exp(big.NewInt(10), scale, nil))
	}
	return new(big.Int)
}

// formatAmount writes an amount with at least two digits after the point and no
// more than it needs.
func formatAmount(v *big.Int) string {
	digits := new(big.Int).Abs(v).String()
	if short := moneyDecimals + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	at := len(digits) - moneyDecimals
	fraction := strings.TrimRight(digits[at:], "0")
	if len(fraction) < 2 {
		fraction = digits[at : at+2]
	}
	text := digits[:at] + "." + fraction
	if v.Sign() < 0 {
		return "-" + text
	}
	return text
}

// AddAmounts adds decimal amounts of one currency, exactly. What is empty or no
// amount counts as nothing.
func AddAmounts(amounts ...string) string {
	sum := new(big.Int)
	for _, a := range amounts {
		sum.Add(sum, amount(a))
	}
	return formatAmount(sum)
}

// subtractAmount is a − b.
func subtractAmount(a, b string) string {
	return formatAmount(new(big.Int).Sub(amount(a), amount(b)))
}

// isAmount reports whether s is an amount of money of the form that orders and
// prices have: "10.00", up to 12 digits before the point and 6 after it.
func isAmount(s string) bool { _, ok := parseAmount(s); return ok }
