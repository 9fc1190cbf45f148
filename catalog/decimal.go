package catalog

import (
	"math/big"
	"strings"
)

// FormatFixed writes v·10^-decimals with all its decimals.
func FormatFixed(v *big.Int, decimals int) string {
	sign, digits := "", v.String()
	if v.Sign() < 0 {
		sign, digits = "-", digits[1:]
	}
	if decimals <= 0 {
		return sign + digits
	}
	if missing := decimals + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	at := len(digits) - decimals
	return sign + digits[:at] + "." + digits[at:]
}

// FormatDecimal writes units of 10^-decimals without zeros at the end.
func FormatDecimal(units int64, decimals int) string {
	text := FormatFixed(big.NewInt(units), decimals)
	if decimals <= 0 {
		return text
	}
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// ParseNumber reads a decimal number exactly: digits with at most one point, and a minus
// before them or none; no exponent. How long it may be is the caller's to say.
func ParseNumber(s string) (*big.Rat, bool) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || strings.Trim(digits, "0123456789.") != "" {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}
