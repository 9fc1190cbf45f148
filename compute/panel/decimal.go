package panel

import (
	"math"
	"strings"
)

// decimalFault is why a text is not a number of so many decimals.
type decimalFault int

const (
	decimalOK decimalFault = iota
	notDecimal
	tooPrecise // more digits after the point than allowed, not all zero
	tooLarge   // does not fit an int64 in units of 10^-decimals
)

// parseDecimal reads a plain decimal number (sign, digits, point, digits; at
// least one digit) as an integer in units of 10^-decimals, exactly. Zeros after
// the last decimal are not digits too many.
func parseDecimal(s string, decimals int) (int64, decimalFault) {
	digits, negative := s, false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		digits, negative = s[1:], s[0] == '-'
	}
	var n uint64
	seen, point, after := false, false, 0
	fault := decimalOK
	for i := range len(digits) {
		c := digits[i]
		if c == '.' && !point {
			point = true
			continue
		}
		if c < '0' || c > '9' {
			return 0, notDecimal
		}
		seen = true
		if point {
			if after++; after > decimals {
				if c != '0' {
					fault = max(fault, tooPrecise)
				}
				continue
			}
		}
		n, fault = shift(n, uint64(c-'0'), fault)
	}
	if !seen {
		return 0, notDecimal
	}
	for ; after < decimals; after++ {
		n, fault = shift(n, 0, fault)
	}
	if fault != decimalOK {
		return 0, fault
	}
	if negative {
		return -int64(n), decimalOK // #nosec G115 -- shift keeps n below 2^63
	}
	return int64(n), decimalOK // #nosec G115 -- as above
}

// shift appends a digit to n, which stays at most math.MaxInt64.
func shift(n, digit uint64, fault decimalFault) (uint64, decimalFault) {
	if fault == tooLarge || n > (math.MaxInt64-digit)/10 {
		return 0, tooLarge
	}
	return 10*n + digit, fault
}

// expandExponent rewrites 1e-9 as 0.000000001, so that a decimal has one
// spelling whoever wrote it; a text without exponent is returned as it is.
func expandExponent(s string) (string, bool) {
	at := strings.IndexAny(s, "eE")
	if at < 0 {
		_, f := parseDecimal(s, 0)
		return s, f != notDecimal
	}
	mantissa, text := s[:at], s[at+1:]
	exp, f := parseDecimal(text, 0)
	if f != decimalOK || strings.Contains(text, ".") || exp > 30 || exp < -30 {
		return "", false
	}
	if _, f := parseDecimal(mantissa, 0); f == notDecimal {
		return "", false
	}
	sign := ""
	if mantissa[0] == '-' || mantissa[0] == '+' {
		sign, mantissa = strings.TrimPrefix(mantissa[:1], "+"), mantissa[1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
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
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return sign + whole, true
}
