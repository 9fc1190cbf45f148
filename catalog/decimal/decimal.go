package decimal

import (
	"math"
	"math/big"
	"strings"
)

// Fixed writes v·10^-decimals with all its decimals.
func Fixed(v *big.Int, decimals int) string {
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

// Format writes units of 10^-decimals without zeros at the end.
func Format(units int64, decimals int) string {
	text := Fixed(big.NewInt(units), decimals)
	if decimals <= 0 {
		return text
	}
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// ParseRat reads a decimal number exactly: digits with at most one point, and a minus
// before them or none; no exponent. How long it may be is the caller's to say.
func ParseRat(s string) (*big.Rat, bool) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || strings.Trim(digits, "0123456789.") != "" {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

// Fault is why a text is not a number of so many decimals.
type Fault int

// Faults of decimals.
const (
	OK Fault = iota
	NoNumber
	TooPrecise // more digits after the point than allowed, not all zero
	TooLarge   // does not fit an int64 in units of 10^-decimals
)

// ParseUnits reads a plain decimal number (sign, digits, point, digits; at
// least one digit) as an integer in units of 10^-decimals, exactly. Zeros after
// the last decimal are not digits too many.
func ParseUnits(s string, decimals int) (int64, Fault) {
	digits, negative := s, false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		digits, negative = s[1:], s[0] == '-'
	}
	var n uint64
	seen, point, after := false, false, 0
	fault := OK
	for i := range len(digits) {
		c := digits[i]
		if c == '.' && !point {
			point = true
			continue
		}
		if c < '0' || c > '9' {
			return 0, NoNumber
		}
		seen = true
		if point {
			if after++; after > decimals {
				if c != '0' {
					fault = max(fault, TooPrecise)
				}
				continue
			}
		}
		n, fault = shiftIn(n, uint64(c-'0'), fault)
	}
	if !seen {
		return 0, NoNumber
	}
	for ; after < decimals; after++ {
		n, fault = shiftIn(n, 0, fault)
	}
	if fault != OK {
		return 0, fault
	}
	if negative {
		return -int64(n), OK // #nosec G115 -- shiftIn keeps n below 2^63
	}
	return int64(n), OK // #nosec G115 -- as above
}

// shiftIn appends a digit to n, which stays at most math.MaxInt64.
func shiftIn(n, digit uint64, fault Fault) (uint64, Fault) {
	if fault == TooLarge || n > (math.MaxInt64-digit)/10 {
		return 0, TooLarge
	}
	return 10*n + digit, fault
}
