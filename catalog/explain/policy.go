package explain

import (
	"fmt"

	"github.com/weirdata/weir/catalog"
)

// Policy says a descriptor's policy in sentences, field by field.
func (l Language) Policy(d catalog.Descriptor) []string {
	var out []string
	for _, f := range catalog.PolicyFields() {
		text := f.Words(d)
		if text == "" { // the field says nothing there, whatever the language
			continue
		}
		if l == Chinese {
			text = zhPolicyField(f.Name, d)
		}
		out = append(out, text)
	}
	return out
}

// Price says what a query costs.
func (l Language) Price(p catalog.Price) string {
	return fmt.Sprintf(l.words().price, p.PerQuery, p.Currency)
}

// ODRL expresses a descriptor's policy in ODRL, field by field.
func ODRL(d catalog.Descriptor) []catalog.Term {
	var out []catalog.Term
	for _, f := range catalog.PolicyFields() {
		out = append(out, f.ODRL(d)...)
	}
	return out
}

// amendRules say why a field cannot be amended.
func amendRules() map[catalog.AmendRule]string {
	return map[catalog.AmendRule]string{
		catalog.AmendPlaces:   "tiles, classes and portfolios go by the places of entities in the registry",
		catalog.AmendNames:    "queries, contracts and versions call it so",
		catalog.AmendPeriods:  "versions are laid out, and compared with each other, by it",
		catalog.AmendEncoding: "readings that were published are encrypted in that unit, as multiples of the last decimal counted from the middle of the range; a range may only be widened about the same middle",
		catalog.AmendNarrower: "readings that were published may lie outside; a range may only be widened, about the same middle",
		catalog.AmendEarlier:  "versions that were published have no such columns; a measure that is new may have them",
		catalog.AmendAdded:    "it may only be taken away: what it would release was not told when the readings were given",
		catalog.AmendPromised: "figures that were released rely on it",
		catalog.AmendMoments:  "squares and products of measures that were published would need more entities than their sums had; they may come with measures that are new",
		catalog.AmendRelated:  "what is related, and what is not, was settled with the first version; measures that are new may be related to others",
		catalog.AmendBudget:   "less is always sound, and more than was promised is not",
		catalog.AmendShared:   "one budget is counted for all of your datasets on the registry, and what was spent counts against it",
	}
}

// WhyNotAmended is English.WhyNotAmended.
func WhyNotAmended(rule catalog.AmendRule) string { return English.WhyNotAmended(rule) }

// WhyNotAmended says why a field cannot be amended; empty where it can.
func (l Language) WhyNotAmended(rule catalog.AmendRule) string { return l.words().amend()[rule] }
