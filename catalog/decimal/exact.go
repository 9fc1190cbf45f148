package decimal

import (
	"math/big"
	"strings"
)

// exactDigits is how many digits an exact number has at most, before its point and behind it.
const exactDigits = 40

// Exact is the value of a decimal number of at most 40 digits before and 40 behind the
// point, with needless zeros or without; false: the text is none.
func Exact(text string) (*big.Rat, bool) {
	if !IsExact(text) {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// IsExact reports whether Exact has a value of a text.
func IsExact(text string) bool {
	if text != "" && (text[0] == '+' || text[0] == '-') {
		text = text[1:]
	}
	whole, fraction, point := strings.Cut(text, ".")
	return areDigits(whole) && (!point || areDigits(fraction))
}

func areDigits(s string) bool {
	return s != "" && len(s) <= exactDigits && strings.Trim(s, "0123456789") == ""
}
