package catalog

import (
	"slices"
	"strconv"

	"github.com/weirdata/weir/catalog/decimal"
)

// policy compares two policies field by field.
func (l *changeList) policy(d, to Descriptor) {
	for _, f := range policyFields {
		f.amend(l, d, to)
	}
}

// shorter adds a list that may only lose names.
func (l *changeList) shorter(field string, before, after []string) {
	added := slices.ContainsFunc(after, func(s string) bool { return !slices.Contains(before, s) })
	l.text(field, listText(before), listText(after), AmendAdded.where(added))
}

// moments may be taken away, and come with measures that are new: any other would
// enlarge p of a component that may have settled sources.
func (l *changeList) moments(d, to Descriptor) {
	why := AmendRule("")
	for _, pair := range to.Policy.Moments {
		if slices.Contains(d.Policy.Moments, pair) {
			continue
		}
		for _, name := range pair {
			if _, known := d.Measure(name); known {
				why = AmendMoments
			}
		}
	}
	l.text("policy.moments", listsText(lists(d.Policy.Moments)), listsText(lists(to.Policy.Moments)), why)
}

// related loses only names of measures that are taken away, and wins only what is said
// of a measure that is new.
func (l *changeList) related(d, to Descriptor) {
	// relatesMore: one descriptor relates two names that the other does not, and has neither alone.
	relatesMore := func(one, other Descriptor) bool {
		alone := func(name string) bool {
			_, had := one.Measure(name)
			_, has := other.Measure(name)
			return had && !has
		}
		return slices.ContainsFunc(relatedPairs(one.Policy.Related), func(p [2]string) bool {
			return !alone(p[0]) && !alone(p[1]) && !relates(other.Policy.Related, p)
		})
	}
	why := AmendRelated.where(relatesMore(d, to) || relatesMore(to, d))
	l.text("policy.related", listsText(d.Policy.Related), listsText(to.Policy.Related), why)
}

// relatedPairs are the pairs of names that stand in one group.
func relatedPairs(groups [][]string) [][2]string {
	var out [][2]string
	for _, g := range groups {
		for i, a := range g {
			for _, b := range g[i+1:] {
				out = append(out, [2]string{a, b})
			}
		}
	}
	return out
}

// relates reports whether the groups relate two names, directly or by others.
func relates(groups [][]string, pair [2]string) bool {
	reached := []string{pair[0]}
	for i := 0; i < len(reached); i++ {
		for _, g := range groups {
			if !slices.Contains(g, reached[i]) {
				continue
			}
			for _, name := range g {
				if !slices.Contains(reached, name) {
					reached = append(reached, name)
				}
			}
		}
	}
	return slices.Contains(reached, pair[1])
}

// noise compares budgets. Less is always sound; the family's account is shared, and what
// was spent of it counted against it.
func (l *changeList) noise(p, q *DP) {
	switch {
	case p == nil && q == nil:
		return
	case p == nil || q == nil:
		l.text("policy.dp", dpText(p), dpText(q), AmendAdded.where(p == nil))
		return
	}
	l.smaller("policy.dp.epsilon_per_query", p.EpsilonPerQuery, q.EpsilonPerQuery)
	l.smaller("policy.dp.epsilon_per_contract", p.EpsilonPerContract, q.EpsilonPerContract)
	l.text("policy.dp.epsilon_family", p.EpsilonFamily, q.EpsilonFamily, AmendShared)
	l.smaller("policy.dp.delta", p.Delta, q.Delta)
}

// smaller adds a number that may only become smaller.
func (l *changeList) smaller(field, before, after string) {
	a, known := decimal.ParseNumber(before)
	b, ok := decimal.ParseNumber(after)
	l.text(field, before, after, AmendBudget.where(!known || !ok || b.Cmp(a) > 0))
}

func numberText(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func dpText(p *DP) string {
	if p == nil {
		return ""
	}
	return "epsilon " + p.EpsilonPerQuery + " a query, " + p.EpsilonPerContract + " a contract, " + p.EpsilonFamily + " in all, delta " + p.Delta
}

func listsText(list [][]string) string {
	texts := make([]string, len(list))
	for i, one := range list {
		texts[i] = listText(one)
	}
	return listText(texts)
}
