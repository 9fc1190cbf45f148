package explain

import "github.com/weirdata/weir/catalog"

// Policy says a descriptor's policy in sentences, field by field.
func Policy(d catalog.Descriptor) []string {
	var out []string
	for _, f := range catalog.PolicyFields() {
		if text := f.Words(d); text != "" {
			out = append(out, text)
		}
	}
	return out
}

// ODRL expresses a descriptor's policy in ODRL, field by field.
func ODRL(d catalog.Descriptor) []catalog.Term {
	var out []catalog.Term
	for _, f := range catalog.PolicyFields() {
		out = append(out, f.ODRL(d)...)
	}
	return out
}
