package seeds

import "strings"

// creditAlphabet has the 31 characters of GB 32100-2015 in order of value.
const creditAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// creditCheck returns the 18th character of the unified social credit code
// whose first 17 characters, all of the alphabet, are body:
// (31 − Σ value_i·3^i mod 31) mod 31, i from 0 (GB 32100-2015).
func creditCheck(body []byte) byte {
	sum, weight := 0, 1
	for _, c := range body {
		sum += strings.IndexByte(creditAlphabet, c) * weight
		weight = weight * 3 % 31
	}
	return creditAlphabet[(31-sum%31)%31]
}

// organisationCheck returns the ninth character of an organisation code, which
// a credit code carries in positions 9 to 17 (GB 11714-1997: weights 3, 7, 9,
// 10, 5, 8, 4, 2; 11 minus the sum mod 11, 10 written X and 11 written 0).
func organisationCheck(body [8]byte) byte {
	weights := [8]int{3, 7, 9, 10, 5, 8, 4, 2}
	sum := 0
	for i, c := range body {
		value := int(c - '0')
		if c >= 'A' {
			value = int(c-'A') + 10
		}
		sum += value * weights[i]
	}
	return "0X987654321"[sum%11]
}

// syntheticCreditCode returns a valid code for the enterprise with that serial
// number in a county given by its six-digit division code. The organisation
// part begins with YY to mark it as made up.
func syntheticCreditCode(division string, serial int) string {
	const span = 31 * 31 * 31 * 31 * 31 * 31
	const spread = 374_562_847 // prime to 31, so that no two serials below span get one code
	code := make([]byte, 0, 18)
	code = append(code, "91"...) // market regulator, enterprise
	code = append(code, division...)
	organisation := [8]byte{'Y', 'Y'}
	n := serial % span * spread % span
	for i := 7; i >= 2; i-- {
		organisation[i] = creditAlphabet[n%31]
		n /= 31
	}
	code = append(code, organisation[:]...)
	code = append(code, organisationCheck(organisation))
	return string(append(code, creditCheck(code)))
}
