package catalog

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog/decimal"
)

// checkPolicy refuses rules that contradict each other or have no effect.
func (d Descriptor) checkPolicy() *Refusal {
	for _, f := range policyFields {
		if d.Policy.Public && !f.Public {
			if !f.set(d.Policy) {
				continue
			}
			return Invalid("policy."+f.Name, "policy.public", f.Name)
		}
		if f.check == nil {
			continue
		}
		if r := f.check(d); r != nil {
			return r
		}
	}
	return d.checkSums()
}

func (d Descriptor) checkAggregates() *Refusal {
	p := d.Policy
	if len(p.Aggregates) == 0 {
		return Invalid("policy.aggregates", "policy.no_aggregate")
	}
	return CheckNames("policy.aggregates", p.Aggregates, IsAggregate, "policy.aggregate_name")
}

func (d Descriptor) checkGrain() *Refusal {
	p := d.Policy
	switch {
	case !p.Grain.Valid():
		return Invalid("policy.grain", "policy.grain_unknown", p.Grain, d.Grain)
	case p.Grain.Finer(d.Grain):
		return Invalid("policy.grain", "policy.grain_finer", p.Grain, d.Grain)
	case !d.Grain.Nests(p.Grain):
		return Invalid("policy.grain", "policy.grain_apart", d.Grain, p.Grain)
	case p.Public && p.Grain != d.Grain:
		return Invalid("policy.grain", "policy.public_grain")
	}
	return nil
}

func (d Descriptor) checkMinCohort() *Refusal {
	switch k := d.Policy.MinCohort; {
	case k < 2:
		return Invalid("policy.min_cohort", "policy.min_cohort_small", k)
	case k > MaxRegistryRows:
		return Invalid("policy.min_cohort", "policy.min_cohort_large", k, MaxRegistryRows)
	}
	return nil
}

// coverageForm has one spelling of each number.
var coverageForm = regexp.MustCompile(`^(1|0\.[0-9]{0,5}[1-9])$`)

func (d Descriptor) checkMinCoverage() *Refusal {
	if c := d.Policy.MinCoverage; c != "" && !coverageForm.MatchString(c) {
		return Invalid("policy.min_coverage", "policy.min_coverage", c, DefaultMinCoverage)
	}
	return nil
}

// coverageParts are the share that a least coverage is, parts of whole.
func coverageParts(text string) (parts, whole int64) {
	before, after, _ := strings.Cut(text, ".")
	parts, whole = int64(before[0]-'0'), 1
	for _, digit := range []byte(after) {
		parts, whole = 10*parts+int64(digit-'0'), 10*whole
	}
	return parts, whole
}

func (d Descriptor) checkRetention() *Refusal {
	if n := d.Policy.RetentionDays; n != 0 && (n < MinRetention || n > MaxRetention) {
		return Invalid("policy.retention_days", "policy.retention_days", n, MinRetention, MaxRetention)
	}
	return nil
}

// checkVersionDays refuses it for protected datasets: the release rule takes a figure of the
// version that gave it first, so that of those none can go (RELEASE.md section 2.6).
func checkVersionDays(d Descriptor) *Refusal {
	switch n := d.Policy.VersionDays; {
	case n == 0:
		return nil
	case n < 0 || n > MaxVersionDays:
		return Invalid("policy.version_days", "policy.version_days", n, MaxVersionDays)
	case !d.Policy.Public:
		return Invalid("policy.version_days", "policy.version_days_protected")
	}
	return nil
}

func (d Descriptor) checkPortfolios() *Refusal {
	if n := d.Policy.Portfolios; n < 0 || n > MaxColumns {
		return Invalid("policy.portfolios", "policy.portfolios", n, MaxColumns)
	}
	return nil
}

func (d Descriptor) checkPortfolioChange() *Refusal {
	if c := d.Policy.PortfolioChange; c != "" && c != PortfolioPerPeriod && c != PortfolioNever {
		return Invalid("policy.portfolio_change", "policy.portfolio_change", string(c), PortfolioPerPeriod, PortfolioNever)
	}
	return nil
}

func (d Descriptor) checkCubes() *Refusal {
	if len(d.Policy.Cubes) > MaxColumns {
		return Invalid("policy.cubes", "policy.cubes", len(d.Policy.Cubes), MaxColumns)
	}
	for i, cube := range d.Policy.Cubes {
		at := fmt.Sprintf("policy.cubes[%d]", i)
		if len(cube) == 0 {
			return Invalid(at, "policy.cube_empty")
		}
		if r := CheckNames(at, cube, IsName, "policy.cube_name"); r != nil {
			return r
		}
	}
	return nil
}

func (d Descriptor) checkMoments() *Refusal {
	for i, pair := range d.Policy.Moments {
		for _, name := range pair {
			if _, known := d.Measure(name); !known {
				return Invalid(fmt.Sprintf("policy.moments[%d]", i), "dataset.no_measure", name, d.MeasureNames())
			}
		}
	}
	return nil
}

// checkJoins refuses joins that no query could be answered by (RELEASE.md section 5.1).
func (d Descriptor) checkJoins() *Refusal {
	p := d.Policy
	other := func(s string) bool { return IsName(s) && s != d.Dataset }
	switch {
	case len(p.Joins) > MaxColumns:
		return Invalid("policy.joins", "policy.joins", len(p.Joins), MaxColumns)
	case len(p.Joins) > 0 && p.Grain != d.Grain:
		return Invalid("policy.joins", "policy.join_grain", p.Grain, d.Grain)
	}
	return CheckNames("policy.joins", p.Joins, other, "policy.join_name")
}

// checkCaps refuses caps that no noise is scaled to, or that are no numbers.
func (d Descriptor) checkCaps() *Refusal {
	p := d.Policy
	if len(p.Caps) > 0 && p.DP == nil {
		return Invalid("policy.caps", "policy.caps_dp")
	}
	for _, m := range p.Capped() {
		at := "policy.caps." + m
		if _, known := d.Measure(m); !known {
			return Invalid(at, "dataset.no_measure", m, d.MeasureNames())
		}
		if !slices.Contains(d.Numbers, p.Caps[m]) {
			return Invalid(at, "policy.caps_number", p.Caps[m], d.Numbers)
		}
	}
	return nil
}

func (d Descriptor) checkAboveCap() *Refusal {
	switch a := d.Policy.AboveCap; {
	case a != "" && a != AboveCapRefuse && a != AboveCapClip:
		return Invalid("policy.above_cap", "policy.above_cap", string(a), AboveCapRefuse, AboveCapClip)
	case a != "" && len(d.Policy.Caps) == 0:
		return Invalid("policy.above_cap", "policy.above_cap_none")
	}
	return nil
}

func (d Descriptor) checkDP() *Refusal { return d.Policy.DP.check() }

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
		parse := decimal.ParseEpsilon // no exponent: requests and the ledger have none
		if f.field == "delta" {
			parse = decimal.ParseNumber
		}
		var ok bool
		if v[i], ok = parse(f.text); !ok || v[i].Sign() <= 0 {
			return Invalid("policy.dp."+f.field, "policy.dp_number", f.text)
		}
	}
	switch {
	case v[0].Cmp(big.NewRat(1, 1)) > 0:
		return Invalid("policy.dp.epsilon_per_query", "policy.epsilon_query", p.EpsilonPerQuery)
	case v[1].Cmp(v[0]) < 0:
		return Invalid("policy.dp.epsilon_per_contract", "policy.epsilon_contract", p.EpsilonPerContract, p.EpsilonPerQuery)
	case v[2].Cmp(v[1]) < 0:
		return Invalid("policy.dp.epsilon_family", "policy.epsilon_family", p.EpsilonFamily, p.EpsilonPerContract)
	case v[3].Cmp(big.NewRat(1, 100_000)) > 0:
		return Invalid("policy.dp.delta", "policy.delta", p.Delta)
	}
	return nil
}

// checkRelated refuses groups that relate nothing, or what cannot be a measure of the
// family. Whether the measures of other datasets exist is CheckRelated's.
func (d Descriptor) checkRelated() *Refusal {
	groups := d.Policy.Related
	if len(groups) > MaxColumns {
		return Invalid("policy.related", "policy.related", len(groups), MaxColumns)
	}
	for i, group := range groups {
		at := fmt.Sprintf("policy.related[%d]", i)
		if len(group) < 2 || len(group) > MaxColumns {
			return Invalid(at, "policy.related_size", len(group), MaxColumns)
		}
		own := 0
		for k, name := range group {
			if r := d.checkRelative(fmt.Sprintf("%s[%d]", at, k), name); r != nil {
				return r
			}
			if slices.Contains(group[:k], name) {
				return Invalid(fmt.Sprintf("%s[%d]", at, k), "policy.related_twice", name)
			}
			if !strings.Contains(name, ".") {
				own++
			}
		}
		if own == 0 {
			return Invalid(at, "policy.related_own")
		}
	}
	return nil
}

// checkRelative refuses a name that is neither a measure of the dataset nor may be
// one of another dataset.
func (d Descriptor) checkRelative(at, name string) *Refusal {
	dataset, measure, other := strings.Cut(name, ".")
	switch {
	case other && dataset == d.Dataset:
		return Invalid(at, "policy.related_here", name, measure)
	case other && (!IsName(dataset) || !IsName(measure)):
		return Invalid(at, "policy.related_form", name)
	case other:
		return nil
	}
	if _, known := d.Measure(name); !known {
		return Invalid(at, "policy.related_no_measure", name, d.MeasureNames())
	}
	return nil
}

// CheckRelated refuses measures under related that the family does not have.
// measures lists those of another protected dataset of the family, and nothing where
// there is no such dataset.
func (d Descriptor) CheckRelated(measures func(dataset string) []string) *Refusal {
	for i, group := range d.Policy.Related {
		for k, name := range group {
			dataset, measure, other := strings.Cut(name, ".")
			if !other {
				continue
			}
			at := fmt.Sprintf("policy.related[%d][%d]", i, k)
			switch known := measures(dataset); {
			case len(known) == 0:
				return Invalid(at, "policy.related_no_dataset", dataset, d.Registry)
			case !slices.Contains(known, measure):
				return Invalid(at, "policy.related_measure", dataset, measure, known)
			}
		}
	}
	return nil
}

// checkUnrelated refuses what names nothing but itself. What is named may not exist
// yet: it is written before somebody publishes it as well as after.
func (d Descriptor) checkUnrelated() *Refusal {
	list := d.Policy.Unrelated
	if len(list) > MaxColumns {
		return Invalid("policy.unrelated", "policy.unrelated", len(list), MaxColumns)
	}
	other := func(s string) bool { return IsName(s) && s != d.Dataset && s != d.Registry }
	return CheckNames("policy.unrelated", list, other, "policy.unrelated_name")
}
