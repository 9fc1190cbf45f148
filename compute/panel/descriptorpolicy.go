package panel

import (
	"fmt"
	"math"

	"github.com/weirdata/weir/catalog"
)

// defaultAggregates are granted where a policy names none.
var defaultAggregates = []string{"count", "sum", "avg"}

func (c *descriptorCheck) measures(list []fileMeasure, src *Source) {
	if len(list) == 0 {
		c.fault(scalar{}, "measures", "missing", "measures: [{name: …, column: …, unit: …, range: [LOW, HIGH], decimals: N}]")
	}
	seen := map[string]bool{"entity": true, "period": true, src.EntityColumn: true}
	for _, a := range src.AttributeIDs {
		seen[a] = true
	}
	for i, f := range list {
		field := func(name string) string { return fmt.Sprintf("measures[%d].%s", i, name) }
		m := catalog.Measure{
			Name:     c.name(f.Name, field("name")),
			Unit:     c.need(f.Unit, field("unit")),
			Decimals: c.integer(f.Decimals, field("decimals"), maxDecimals),
			Squares:  c.flag(f.Squares, field("squares")),
		}
		if m.Name != "" && seen[m.Name] {
			c.fault(f.Name, field("name"), fmt.Sprintf("%q is taken", m.Name), "another measure, the entity, the period or an attribute has this name")
		}
		seen[m.Name] = true
		m.Min, m.Max = c.bounds(f, m.Decimals, field("range"))
		m.Buckets = c.buckets(f.Buckets, m.Decimals, field("buckets"))
		src.Descriptor.Measures = append(src.Descriptor.Measures, m)
		column := m.Name
		if f.Column.given() {
			column = c.need(f.Column, field("column"))
		}
		src.Columns = append(src.Columns, column)
	}
}

func (c *descriptorCheck) bounds(f fileMeasure, decimals int, field string) (lo, hi int64) {
	if len(f.Range) != 2 {
		c.fault(f.Name, field, "missing", "want [LOW, HIGH], which no reading may leave")
		return 0, 0
	}
	lo = c.bound(f.Range[0], decimals, field)
	hi = c.bound(f.Range[1], decimals, field)
	if lo >= hi {
		c.fault(f.Range[0], field, "the lower bound is not below the upper one", "want [LOW, HIGH]")
	}
	return lo, hi
}

func (c *descriptorCheck) bound(s scalar, decimals int, field string) int64 {
	text := c.decimal(s, field)
	v, fault := parseDecimal(text, decimals)
	switch {
	case fault == tooPrecise:
		c.fault(s, field, fmt.Sprintf("%.40q has more digits than decimals: %d", s.text, decimals), "")
	case fault == tooLarge || v > maxBound || v < -maxBound:
		c.fault(s, field, fmt.Sprintf("%.40q with %d decimals is too large", s.text, decimals), "choose a larger unit or fewer decimals")
	}
	return v
}

// buckets are ascending bounds of a histogram.
func (c *descriptorCheck) buckets(list []scalar, decimals int, field string) []string {
	var out []string
	last := int64(math.MinInt64)
	for _, s := range list {
		v := c.bound(s, decimals, field)
		if v <= last {
			c.fault(s, field, fmt.Sprintf("%.40q does not ascend", s.text), "")
		}
		last = v
		out = append(out, c.decimal(s, field))
	}
	return out
}

func (c *descriptorCheck) policy(f filePolicy, src *Source) {
	p := &src.Descriptor.Policy
	p.Aggregates = texts(f.Aggregates)
	if f.Aggregates == nil {
		p.Aggregates = defaultAggregates
	}
	p.Public = c.flag(f.Public, "policy.public")
	p.Grain = src.Descriptor.Grain
	if f.Grain.given() {
		p.Grain = c.grain(f.Grain, "policy.grain")
		if p.Grain != "" && src.Descriptor.Grain != "" && p.Grain.Finer(src.Descriptor.Grain) {
			c.fault(f.Grain, "policy.grain", fmt.Sprintf("%s is finer than the dataset's %s", p.Grain, src.Descriptor.Grain), "")
		}
	}
	p.MinCohort = c.integer(f.MinCohort, "policy.min_cohort", catalog.MaxRegistryRows)
	p.MinCoverage = c.share(f.MinCoverage, "policy.min_coverage")
	for _, cube := range f.Cubes {
		p.Cubes = append(p.Cubes, texts(cube))
	}
	p.Moments = c.pairs(f.Moments, "policy.moments")
	if f.Joins != nil {
		p.Joins = texts(f.Joins)
	}
	for _, group := range f.Related {
		p.Related = append(p.Related, texts(group))
	}
	if f.Unrelated != nil {
		p.Unrelated = texts(f.Unrelated)
	}
	p.Portfolios = c.integer(f.Portfolios, "policy.portfolios", catalog.MaxColumns)
	p.PortfolioChange = catalog.PortfolioChange(f.PortfolioChange.text)
	if f.DP != nil {
		p.DP = &catalog.DP{
			EpsilonPerQuery:    c.need(f.DP.EpsilonPerQuery, "policy.dp.epsilon_per_query"),
			EpsilonPerContract: c.need(f.DP.EpsilonPerContract, "policy.dp.epsilon_per_contract"),
			EpsilonFamily:      c.need(f.DP.EpsilonFamily, "policy.dp.epsilon_family"),
			Delta:              c.need(f.DP.Delta, "policy.dp.delta"),
		}
	}
}

// share is a decimal number above 0 and at most 1, without zeros at the end; empty
// where it is not given.
func (c *descriptorCheck) share(s scalar, field string) string {
	if !s.given() {
		return ""
	}
	text := c.decimal(s, field)
	v, fault := parseDecimal(text, maxDecimals)
	switch {
	case fault == notDecimal: // said by decimal
		return ""
	case fault != decimalOK || v <= 0 || v > unitsOfOne:
		c.fault(s, field, fmt.Sprintf("%.40q is not above 0 and at most 1", s.text), "want a share such as "+catalog.DefaultMinCoverage)
		return ""
	}
	return catalog.FormatDecimal(v, maxDecimals)
}

// unitsOfOne is 1 in units of 10^-maxDecimals.
const unitsOfOne = 1_000_000_000

func (c *descriptorCheck) pairs(list [][]scalar, field string) [][2]string {
	var out [][2]string
	for i, pair := range list {
		if len(pair) != 2 {
			at := scalar{}
			if len(pair) > 0 {
				at = pair[0]
			}
			c.fault(at, fmt.Sprintf("%s[%d]", field, i), fmt.Sprintf("%d measures", len(pair)), "want a pair")
			continue
		}
		out = append(out, [2]string{pair[0].text, pair[1].text})
	}
	return out
}
