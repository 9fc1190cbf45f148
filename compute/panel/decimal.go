package panel

import (
	"strings"

	"github.com/weirdata/weir/catalog/decimal"
)

// expandExponent rewrites 1e-9 as 0.000000001, so that a decimal has one
// spelling whoever wrote it; a text without exponent is returned as it is.
func expandExponent(s string) (string, bool) {
	at := strings.IndexAny(s, "eE")
	if at < 0 {
		_, f := decimal.ParseUnits(s, 0)
		return s, f != decimal.NoNumber
	}
	mantissa, text := s[:at], s[at+1:]
	exp, f := decimal.ParseUnits(text, 0)
	if f != decimal.OK || strings.Contains(text, ".") || exp > 30 || exp < -30 {
		return "", false
	}
	if _, f := decimal.ParseUnits(mantissa, 0); f == decimal.NoNumber {
		return "", false
	}
	sign, whole, fraction := partsOf(mantissa)
	for ; exp < 0; exp++ {
		if whole == "" {
			whole = "0"
		}
		whole, fraction = whole[:len(whole)-1], whole[len(whole)-1:]+fraction
	}
	for ; exp > 0; exp-- {
		if fraction == "" {
			fraction = "0"
		}
		whole, fraction = whole+fraction[:1], fraction[1:]
	}
	return sign + withoutZeros(whole, fraction), true
}

// canonicalNumber is the one spelling of a decimal number: without plus and needless zeros.
func canonicalNumber(text string) (string, bool) {
	plain, ok := expandExponent(text)
	if !ok || plain == "" {
		return "", false
	}
	sign, whole, fraction := partsOf(plain)
	number := withoutZeros(whole, fraction)
	if number == "0" {
		sign = ""
	}
	return sign + number, true
}

// partsOf are the minus or nothing before a number that is not empty, and the digits before
// and behind its point.
func partsOf(number string) (sign, whole, fraction string) {
	if number[0] == '-' || number[0] == '+' {
		sign, number = strings.TrimPrefix(number[:1], "+"), number[1:]
	}
	whole, fraction, _ = strings.Cut(number, ".")
	return sign, whole, fraction
}

// withoutZeros is a number without needless zeros.
func withoutZeros(whole, fraction string) string {
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return whole
}
