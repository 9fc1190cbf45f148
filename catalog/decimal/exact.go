package decimal

import (
	"math/big"
	"regexp"
)

// exactForm is a decimal number as people write it, with at most 40 digits on either side.
var exactForm = regexp.MustCompile(`^[+-]?[0-9]{1,40}(\.[0-9]{1,40})?$`)

// Exact is the value of a decimal number of at most 40 digits before and 40 behind the
// point, with needless zeros or without; false: the text is none.
func Exact(text string) (*big.Rat, bool) {
	if !exactForm.MatchString(text) {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}
