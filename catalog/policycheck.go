package catalog

import (
	"fmt"
	"math/big"
	"regexp"
)

// checkPolicy refuses rules that contradict each other or have no effect.
func (d Descriptor) checkPolicy() *Refusal {
	p := d.Policy
	if len(p.Aggregates) == 0 {
		return invalid("policy.aggregates", "no aggregate is allowed").withFix("list some: aggregates: [count, sum, avg]")
	}
	if r := checkNames("policy.aggregates", p.Aggregates, isAggregate, "a known aggregate: "+quoteAll(aggregateNames)); r != nil {
		return r
	}
	switch {
	case !p.Grain.Valid():
		return invalid("policy.grain", "unknown grain %.40q", p.Grain).withFix("the dataset's own is %s", d.Grain)
	case p.Grain.Finer(d.Grain):
		return invalid("policy.grain", "the grain %s of the policy is finer than the dataset's, %s", p.Grain, d.Grain)
	case p.Public:
		return d.checkPublic()
	case p.MinCohort < 2:
		return invalid("policy.min_cohort", "min_cohort is %d; values are protected only by groups of at least 2 entities", p.MinCohort).
			withFix("set min_cohort, or public: true if every single reading may be published")
	case p.MinCohort > MaxRegistryRows:
		return invalid("policy.min_cohort", "min_cohort is %d, at most %d is possible", p.MinCohort, MaxRegistryRows)
	case p.Portfolios < 0 || p.Portfolios > MaxColumns:
		return invalid("policy.portfolios", "%d portfolios, 0 to %d are possible", p.Portfolios, MaxColumns)
	}
	if r := d.checkCubes(); r != nil {
		return r
	}
	for i, pair := range p.Moments {
		if r := d.checkPair(fmt.Sprintf("policy.moments[%d]", i), pair); r != nil {
			return r
		}
	}
	for i, pair := range p.Related {
		if r := d.checkPair(fmt.Sprintf("policy.related[%d]", i), pair); r != nil {
			return r
		}
	}
	if r := checkNames("policy.joins", p.Joins, isName, "a dataset's name"); r != nil {
		return r
	}
	return p.DP.check()
}

// checkPublic refuses rules that public: true would silently switch off.
func (d Descriptor) checkPublic() *Refusal {
	p := d.Policy
	idle := [...]struct {
		field string
		set   bool
	}{
		{"min_cohort", p.MinCohort != 0},
		{"grain", p.Grain != d.Grain},
		{"cubes", len(p.Cubes) > 0},
		{"moments", len(p.Moments) > 0},
		{"joins", len(p.Joins) > 0},
		{"related", len(p.Related) > 0},
		{"portfolios", p.Portfolios != 0},
		{"dp", p.DP != nil},
	}
	for _, rule := range idle {
		if rule.set {
			return invalid("policy."+rule.field, "public: true switches %s off: every single reading can be queried", rule.field).
				withFix("remove public or %s", rule.field)
		}
	}
	return nil
}

func (d Descriptor) checkCubes() *Refusal {
	if len(d.Policy.Cubes) > MaxColumns {
		return invalid("policy.cubes", "%d cubes, at most %d are possible", len(d.Policy.Cubes), MaxColumns)
	}
	for i, cube := range d.Policy.Cubes {
		at := fmt.Sprintf("policy.cubes[%d]", i)
		if len(cube) == 0 {
			return invalid(at, "the cube has no attribute")
		}
		if r := checkNames(at, cube, isName, "an attribute's name"); r != nil {
			return r
		}
	}
	return nil
}

func (d Descriptor) checkPair(at string, pair [2]string) *Refusal {
	for _, name := range pair {
		if _, known := d.measure(name); !known {
			return invalid(at, "the dataset has no measure %.80q", name).withFix("its measures are: %s", quoteList(d.measureNames()))
		}
	}
	return nil
}

// decimalForm bounds digits and exponent: a number of nine digits of exponent
// would take a gigabyte to write out.
var decimalForm = regexp.MustCompile(`^[0-9]{1,12}(\.[0-9]{1,12})?(e-?[0-9]{1,2})?$`)

func parseDecimal(s string) (*big.Rat, bool) {
	if !decimalForm.MatchString(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

func (p *DP) check() *Refusal {
	if p == nil {
		return nil
	}
	read := [...]struct{ field, text string }{
		{"epsilon_per_query", p.EpsilonPerQuery},
		{"epsilon_per_contract", p.EpsilonPerContract},
		{"epsilon_family", p.EpsilonFamily},
		{"delta", p.Delta},
	}
	var v [len(read)]*big.Rat
	for i, f := range read {
		parse := parseEpsilon // no exponent: requests and the ledger have none
		if f.field == "delta" {
			parse = parseDecimal
		}
		var ok bool
		if v[i], ok = parse(f.text); !ok || v[i].Sign() <= 0 {
			return invalid("policy.dp."+f.field, "%.40q is not a number above 0", f.text)
		}
	}
	switch {
	case v[0].Cmp(big.NewRat(1, 1)) > 0:
		return invalid("policy.dp.epsilon_per_query", "epsilon is %s a query, at most 1 is possible", p.EpsilonPerQuery)
	case v[1].Cmp(v[0]) < 0:
		return invalid("policy.dp.epsilon_per_contract", "the budget of a contract, %s, is less than a query's, %s", p.EpsilonPerContract, p.EpsilonPerQuery)
	case v[2].Cmp(v[1]) < 0:
		return invalid("policy.dp.epsilon_family", "the budget of the family, %s, is less than a contract's, %s", p.EpsilonFamily, p.EpsilonPerContract)
	case v[3].Cmp(big.NewRat(1, 100_000)) > 0:
		return invalid("policy.dp.delta", "delta is %s, at most 1e-5 is possible", p.Delta)
	}
	return nil
}

func quoteAll(list []string) string {
	text := list[0]
	for _, s := range list[1:] {
		text += ", " + s
	}
	return text
}
