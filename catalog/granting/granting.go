// Package granting says what an order may ask for, and what its approval may grant of it: never more than was
// ordered, and never what the policy of the dataset does not allow.
package granting

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
)

// CheckMinCohort refuses a min_cohort of a contract that would have no effect.
func CheckMinCohort(d catalog.Descriptor, n int) *catalog.Refusal {
	switch {
	case n == 0:
		return nil
	case d.Policy.Public:
		return catalog.Invalid("min_cohort", "order.min_cohort_public", d.Dataset)
	case n < d.Policy.MinCohort || n > catalog.MaxRegistryRows:
		return catalog.Invalid("min_cohort", "order.min_cohort", n, d.Policy.MinCohort)
	}
	return nil
}

// CheckScope refuses measures that the dataset does not have and aggregates that
// its policy does not allow.
func CheckScope(d catalog.Descriptor, measures, aggregates []string) *catalog.Refusal {
	known := func(s string) bool { _, ok := d.Measure(s); return ok }
	if r := catalog.CheckNames("measures", measures, known, "order.measure", d.MeasureNames()); r != nil {
		return r
	}
	for i, a := range aggregates {
		if catalog.IsAggregate(a) && !slices.Contains(d.Policy.Aggregates, a) {
			return catalog.Refuse(catalog.RefusedPolicy, "aggregate", "order.aggregate_policy", a, d.Policy.Aggregates).
				WithField(fmt.Sprintf("aggregates[%d]", i))
		}
	}
	r := catalog.CheckNames("aggregates", aggregates, catalog.IsAggregate, "order.aggregate")
	if r != nil {
		return r.WithFix("fix.aggregates", d.Policy.Aggregates)
	}
	return nil
}

// Wider refuses an approval of more than was ordered.
func Wider(field, code string, args ...any) *catalog.Refusal {
	r := catalog.Invalid(field, code, args...)
	r.Rule = "narrow"
	return r
}

// Narrow returns the granted names: those of the approval, or else of the order,
// or else all. They stand in the order of all.
func Narrow(field string, ordered, all, granted []string) ([]string, *catalog.Refusal) {
	if len(ordered) == 0 {
		ordered = all
	}
	if len(granted) == 0 {
		granted = ordered
	}
	for _, g := range granted {
		if !slices.Contains(ordered, g) {
			return nil, Wider(field, "order.wider_names", g, ordered)
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(a string) bool { return !slices.Contains(granted, a) }), nil
}

// NarrowScope returns what an approval grants of an order's scope.
func NarrowScope(ordered, granted *catalog.Scope) (*catalog.Scope, *catalog.Refusal) {
	switch {
	case granted == nil:
		return ordered, nil
	case ordered == nil:
		return sortedScope(granted), nil
	}
	for _, c := range granted.Columns {
		if !slices.Contains(ordered.Columns, c) {
			return nil, Wider("scope.columns", "order.wider_names", c, ordered.Columns)
		}
	}
	out := sortedScope(granted)
	switch {
	case out.Grain == "":
		out.Grain = ordered.Grain
	case ordered.Grain != "" && !ordered.Grain.Nests(out.Grain):
		return nil, Wider("scope.grain", "order.wider_grain", ordered.Grain, out.Grain)
	}
	return out, nil
}

func sortedScope(s *catalog.Scope) *catalog.Scope {
	out := &catalog.Scope{Columns: append([]string{}, s.Columns...), Grain: s.Grain}
	slices.Sort(out.Columns)
	return out
}

// Epsilon narrows what a contract's noised queries may spend; 0 grants none.
func Epsilon(k *catalog.Contract, d catalog.Dataset, granted string) *catalog.Refusal {
	if granted == "" {
		return nil
	}
	dp := d.Descriptor.Policy.DP
	if dp == nil {
		return catalog.Invalid("epsilon", "contract.no_noise", d.ID)
	}
	v, ok := decimal.ParseEpsilon(granted)
	most, known := decimal.ParseEpsilon(dp.EpsilonPerContract)
	switch {
	case !ok || !known:
		return catalog.Invalid("epsilon", "contract.epsilon", granted)
	case v.Cmp(most) > 0:
		return Wider("epsilon", "order.wider_epsilon", dp.EpsilonPerContract, granted)
	}
	k.Epsilon = decimal.EpsilonText(v)
	return nil
}

// CheckBudget refuses a budget that is none, or that pays for no query.
func CheckBudget(d catalog.Descriptor, budget string) *catalog.Refusal {
	switch {
	case budget == "":
		return nil
	case d.Price == nil:
		return catalog.Invalid("budget", "contract.budget_free", d.Dataset)
	case !decimal.IsAmount(budget):
		return catalog.Invalid("budget", "contract.budget_amount", budget, d.Price.Currency)
	case decimal.Amount(budget).Cmp(decimal.Amount(d.Price.PerQuery)) < 0:
		return catalog.Invalid("budget", "contract.budget_small", budget, d.Price.Currency, d.Price.PerQuery)
	}
	return nil
}

// CheckPortfolio refuses an exact portfolio where there is nothing to protect or to sum.
func CheckPortfolio(d catalog.Descriptor, aggregates []string, least int) *catalog.Refusal {
	switch {
	case d.Policy.Public:
		return catalog.Invalid("portfolio", "order.portfolio_public", d.Dataset)
	case len(aggregates) > 0 && !slices.Contains(aggregates, "sum") && !slices.Contains(aggregates, "avg"):
		return catalog.Invalid("portfolio", "order.portfolio_sums")
	case least > d.Policy.MinCohort:
		return catalog.Invalid("portfolio", "order.portfolio_min_cohort")
	}
	return nil
}
