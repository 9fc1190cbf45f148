package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/decimal"
)

// PolicyField is one field of a policy: where it applies, how a descriptor's file has it,
// what it can be, what is wrong with it, what people and machines are told of it, and how
// it may be amended.
type PolicyField struct {
	Name   string // as in the descriptor, without policy
	Public bool   // it means something where public: true is set
	// In points to the field. Its type is what a file has there: a scalar for a text, a
	// number or a flag, a list for a list, and a mapping for a struct of texts, which are
	// all needed then.
	In    func(*Policy) any
	Most  int  // of a number: the greatest
	Share bool // of a text: it is a decimal number above 0 and at most 1
	// Absent sets what a file means that leaves the field out; nil: it stays empty.
	Absent func(*Descriptor)
	// Values lists what the field, or each item of it, can be in a descriptor; the
	// zero descriptor has what is possible in any. Nil, or an empty list: not known
	// from the descriptor.
	Values func(Descriptor) []string

	set   func(Policy) bool         // it says something; nil where Public
	check func(Descriptor) *Refusal // of it, those before it being right; nil: nothing can be wrong
	words func(Descriptor) string   // a sentence; empty: nothing to say
	odrl  func(Descriptor) []Term
	amend func(l *changeList, d, to Descriptor)
}

// policyFields are all fields of Policy, in its order. The descriptor's reader and its
// suggestions, checks, words, ODRL, amendments and completion go by them
// (TestEveryFieldOfAPolicyIsInTheTable).
var policyFields = []PolicyField{
	{
		Name: "aggregates", In: func(p *Policy) any { return &p.Aggregates },
		Absent: func(d *Descriptor) { d.Policy.Aggregates = []string{"count", "sum", "avg"} },
		Public: true, Values: anyOf(aggregateNames...), check: Descriptor.checkAggregates,
		words: func(d Descriptor) string { return "aggregates: " + strings.Join(d.Policy.Aggregates, ", ") },
		odrl: func(d Descriptor) []Term { // an empty list: nothing is allowed
			return []Term{{Name: "weir:aggregateFunction", Operator: "odrl:isAnyOf", List: append([]string{}, d.Policy.Aggregates...)}}
		},
		amend: func(l *changeList, d, to Descriptor) {
			l.shorter("policy.aggregates", d.Policy.Aggregates, to.Policy.Aggregates)
		},
	},
	{
		Name: "public", In: func(p *Policy) any { return &p.Public },
		Public: true, Values: anyOf("true", "false"),
		words: func(d Descriptor) string {
			if !d.Policy.Public {
				return ""
			}
			return "public: any group may be asked, single readings included"
		},
		odrl:  func(Descriptor) []Term { return nil }, // where every group may be asked nothing constrains the permission
		amend: promised("public", func(p Policy) string { return flagText(p.Public) }),
	},
	{
		Name: "grain", In: func(p *Policy) any { return &p.Grain },
		Absent: func(d *Descriptor) { d.Policy.Grain = d.Grain },
		Public: true, Values: Descriptor.policyGrains, check: Descriptor.checkGrain,
		words: func(d Descriptor) string {
			if d.Policy.Public {
				return ""
			}
			return fmt.Sprintf("a group is made of whole periods of one %s", d.finestGrain())
		},
		odrl: func(d Descriptor) []Term {
			if d.Policy.Public {
				return nil
			}
			return []Term{{Name: "odrl:timeInterval", Operator: "odrl:gteq", Value: d.finestGrain().Duration(), Type: "xsd:duration"}}
		},
		amend: promised("grain", func(p Policy) string { return string(p.Grain) }),
	},
	{
		Name: "min_cohort", In: func(p *Policy) any { return &p.MinCohort }, Most: MaxRegistryRows,
		set: func(p Policy) bool { return p.MinCohort != 0 }, check: Descriptor.checkMinCohort,
		words: func(d Descriptor) string {
			return fmt.Sprintf("a group has at least %d entities with readings, or it is withheld", d.Policy.MinCohort)
		},
		odrl: func(d Descriptor) []Term {
			return []Term{{Name: "weir:minCohort", Operator: "odrl:gteq", Value: strconv.Itoa(d.Policy.MinCohort), Type: "xsd:integer"}}
		},
		amend: promised("min_cohort", func(p Policy) string { return numberText(p.MinCohort) }),
	},
	{
		Name: "min_coverage", In: func(p *Policy) any { return &p.MinCoverage }, Share: true,
		set: func(p Policy) bool { return p.MinCoverage != "" }, check: Descriptor.checkMinCoverage,
		words: func(d Descriptor) string {
			return fmt.Sprintf("a row is over at least %s %% of its group's entities, or it is withheld unless partial rows are asked for", Percent(d.Policy.Coverage()))
		},
		odrl: func(d Descriptor) []Term {
			return []Term{{Name: "weir:minCoverage", Operator: "odrl:gteq", Value: d.Policy.Coverage(), Type: "xsd:decimal"}}
		},
		amend: func(l *changeList, d, to Descriptor) {
			if !d.Policy.Public && !to.Policy.Public {
				l.text("policy.min_coverage", d.Policy.Coverage(), to.Policy.Coverage(), "")
			}
		},
	},
	{
		Name: "cubes", In: func(p *Policy) any { return &p.Cubes },
		set: func(p Policy) bool { return len(p.Cubes) > 0 }, check: Descriptor.checkCubes,
		words: func(d Descriptor) string {
			return unlessEmpty("entities are classed in this order: by ", joined(d.Policy.Cubes, " and ", "; by "), "")
		},
		odrl:  func(d Descriptor) []Term { return listed("weir:cubes", d.Policy.Cubes) },
		amend: promised("cubes", func(p Policy) string { return listsText(p.Cubes) }),
	},
	{
		Name: "moments", In: func(p *Policy) any { return &p.Moments },
		Values: Descriptor.MeasureNames, set: func(p Policy) bool { return len(p.Moments) > 0 }, check: Descriptor.checkMoments,
		words: func(d Descriptor) string {
			return unlessEmpty("exact sums of products: ", joined(lists(d.Policy.Moments), " × ", ", "), "")
		},
		odrl:  func(d Descriptor) []Term { return listed("weir:moments", lists(d.Policy.Moments)) },
		amend: (*changeList).moments,
	},
	{
		Name: "joins", In: func(p *Policy) any { return &p.Joins },
		set: func(p Policy) bool { return len(p.Joins) > 0 }, check: Descriptor.checkJoins,
		words: func(d Descriptor) string {
			return unlessEmpty("exact sums of products with measures of ", strings.Join(d.Policy.Joins, ", "), ", where that dataset lists this one too")
		},
		odrl:  func(d Descriptor) []Term { return namedTerms("weir:joins", d.Policy.Joins) },
		amend: func(l *changeList, d, to Descriptor) { l.shorter("policy.joins", d.Policy.Joins, to.Policy.Joins) },
	},
	{
		Name: "related", In: func(p *Policy) any { return &p.Related },
		Values: Descriptor.MeasureNames, set: func(p Policy) bool { return len(p.Related) > 0 }, check: Descriptor.checkRelated,
		words: func(d Descriptor) string {
			return unlessEmpty("measures that tell of the same readings: ", joined(d.Policy.Related, ", ", "; "), "")
		},
		odrl:  func(d Descriptor) []Term { return listed("weir:related", d.Policy.Related) },
		amend: (*changeList).related,
	},
	{
		Name: "unrelated", In: func(p *Policy) any { return &p.Unrelated },
		Public: true, check: Descriptor.checkUnrelated,
		words: func(d Descriptor) string {
			return unlessEmpty("the publisher vouches that it has nothing to do with ", strings.Join(d.Policy.Unrelated, ", "), "")
		},
		odrl: func(d Descriptor) []Term { return namedTerms("weir:unrelated", d.Policy.Unrelated) },
		amend: func(l *changeList, d, to Descriptor) {
			l.text("policy.unrelated", listText(d.Policy.Unrelated), listText(to.Policy.Unrelated), "")
		},
	},
	{
		Name: "portfolios", In: func(p *Policy) any { return &p.Portfolios }, Most: MaxColumns,
		set: func(p Policy) bool { return p.Portfolios != 0 }, check: Descriptor.checkPortfolios,
		words: func(d Descriptor) string {
			if n := d.Policy.Owners(); n > 1 {
				return fmt.Sprintf("exact portfolios of up to %d owners, whom the publisher trusts not to pool what they learn", n)
			}
			return "exact portfolios of one owner at a time"
		},
		odrl: func(d Descriptor) []Term {
			return []Term{{Name: "weir:portfolioOwners", Operator: "odrl:lteq", Value: strconv.Itoa(d.Policy.Owners()), Type: "xsd:integer"}}
		},
		amend: func(l *changeList, d, to Descriptor) {
			if !d.Policy.Public && !to.Policy.Public {
				l.text("policy.portfolios", numberText(d.Policy.Owners()), numberText(to.Policy.Owners()), AmendPromised)
			}
		},
	},
	{
		Name: "portfolio_change", In: func(p *Policy) any { return &p.PortfolioChange },
		Values: anyOf(string(PortfolioPerPeriod), string(PortfolioNever)),
		set:    func(p Policy) bool { return p.PortfolioChange != "" }, check: Descriptor.checkPortfolioChange,
		words: func(d Descriptor) string {
			if d.Policy.Change() == PortfolioNever {
				return "an owner's exact portfolio is its first list for ever"
			}
			return "an owner of an exact portfolio may register another list for periods that were not answered"
		},
		odrl: func(d Descriptor) []Term {
			return []Term{{Name: "weir:portfolioChange", Operator: "odrl:eq", Value: string(d.Policy.Change())}}
		},
		amend: func(l *changeList, d, to Descriptor) {
			if !d.Policy.Public && !to.Policy.Public {
				l.text("policy.portfolio_change", string(d.Policy.Change()), string(to.Policy.Change()), AmendPromised)
			}
		},
	},
	{
		Name: "dp", In: func(p *Policy) any { return &p.DP },
		set: func(p Policy) bool { return p.DP != nil }, check: Descriptor.checkDP,
		words: func(d Descriptor) string {
			p := d.Policy.DP
			if p == nil {
				return ""
			}
			return fmt.Sprintf("noised answers: epsilon %s a query, %s a contract, %s in all; delta at most %s", p.EpsilonPerQuery, p.EpsilonPerContract, p.EpsilonFamily, p.Delta)
		},
		odrl:  func(d Descriptor) []Term { return d.Policy.DP.terms() },
		amend: func(l *changeList, d, to Descriptor) { l.noise(d.Policy.DP, to.Policy.DP) },
	},
	{
		Name: "retention_days", In: func(p *Policy) any { return &p.RetentionDays }, Most: MaxRetention,
		Public: true, check: Descriptor.checkRetention,
		words: func(d Descriptor) string {
			return fmt.Sprintf("what was asked and answered can be had for %d days after the answer; then the nodes forget it, but for the price, the budgets and the log's entries", cmp.Or(d.Policy.RetentionDays, DefaultRetention))
		},
		odrl: func(d Descriptor) []Term {
			return []Term{{Name: "weir:retention", Value: fmt.Sprintf("P%dD", cmp.Or(d.Policy.RetentionDays, DefaultRetention)), Type: "xsd:duration"}}
		},
		// A query keeps the retention of the descriptor that it was decided by, so that nobody's answer
		// goes sooner than it was said to.
		amend: func(l *changeList, d, to Descriptor) {
			l.text("policy.retention_days", numberText(cmp.Or(d.Policy.RetentionDays, DefaultRetention)), numberText(cmp.Or(to.Policy.RetentionDays, DefaultRetention)), "")
		},
	},
	{
		Name: "caps", In: func(p *Policy) any { return &p.Caps },
		set: func(p Policy) bool { return len(p.Caps) > 0 }, check: Descriptor.checkCaps,
		words: func(d Descriptor) string {
			return unlessEmpty("noise is scaled to what an entity may have at most, instead of the range: of ", joined(d.Policy.capPairs(), " to its ", ", of "), "")
		},
		odrl: func(d Descriptor) []Term { return listed("weir:caps", d.Policy.capPairs()) },
		// A version keeps the caps that it was published by.
		amend: func(l *changeList, d, to Descriptor) {
			l.text("policy.caps", listsText(d.Policy.capPairs()), listsText(to.Policy.capPairs()), "")
		},
	},
	{
		Name: "above_cap", In: func(p *Policy) any { return &p.AboveCap },
		Values: anyOf(string(AboveCapRefuse), string(AboveCapClip)),
		set:    func(p Policy) bool { return p.AboveCap != "" }, check: Descriptor.checkAboveCap,
		words: func(d Descriptor) string {
			switch {
			case len(d.Policy.Caps) == 0:
				return ""
			case d.Policy.AboveCap == AboveCapClip:
				return "a reading above its entity's cap was published as the cap, so that sums may be too small"
			}
			return "no reading is above its entity's cap"
		},
		odrl: func(d Descriptor) []Term {
			if len(d.Policy.Caps) == 0 {
				return nil
			}
			return []Term{{Name: "weir:aboveCap", Value: string(cmp.Or(d.Policy.AboveCap, AboveCapRefuse))}}
		},
		amend: func(l *changeList, d, to Descriptor) {
			clipped := d.Policy.AboveCap == AboveCapClip && to.Policy.AboveCap != AboveCapClip // and stays so in versions that there are
			l.text("policy.above_cap", string(d.Policy.AboveCap), string(to.Policy.AboveCap), AmendPromised.where(clipped))
		},
	},
	{
		Name: "version_days", In: func(p *Policy) any { return &p.VersionDays }, Most: MaxVersionDays,
		Public: true, check: checkVersionDays,
		words: func(d Descriptor) string {
			if d.Policy.VersionDays == 0 {
				return ""
			}
			return fmt.Sprintf("a version can be asked for %d days after a newer one came; then the nodes give it up", d.Policy.VersionDays)
		},
		odrl: func(d Descriptor) []Term {
			if d.Policy.VersionDays == 0 {
				return nil
			}
			return []Term{{Name: "weir:versionRetention", Value: fmt.Sprintf("P%dD", d.Policy.VersionDays), Type: "xsd:duration"}}
		},
		// What has expired by the descriptor before stays so.
		amend: func(l *changeList, d, to Descriptor) {
			l.text("policy.version_days", numberText(d.Policy.VersionDays), numberText(to.Policy.VersionDays), "")
		},
	},
}

// PolicyFields lists the fields of a policy.
func PolicyFields() []PolicyField { return slices.Clone(policyFields) }

// PolicyValues lists what a field of a policy, or each item of it, can be in a
// descriptor; nothing where that is not known.
func PolicyValues(field string, d Descriptor) []string {
	i := slices.IndexFunc(policyFields, func(f PolicyField) bool { return f.Name == field })
	if i < 0 || policyFields[i].Values == nil {
		return nil
	}
	return policyFields[i].Values(d)
}

// Words says the field in an English sentence; empty where it means nothing, as most do
// beside public: true.
func (f PolicyField) Words(d Descriptor) string {
	if d.Policy.Public && !f.Public {
		return ""
	}
	return f.words(d)
}

// ODRL expresses the field in ODRL; none where it means nothing.
func (f PolicyField) ODRL(d Descriptor) []Term {
	if d.Policy.Public && !f.Public {
		return nil
	}
	return f.odrl(d)
}

// Term is what one field of a policy says in ODRL 2.2: with an operator a constraint
// on what is permitted, Name being its left operand; without one a property of the
// policy, which a reader that does not know it may pass over. Names have the prefix
// odrl or weir. Of the operands one is set; the lists keep an empty list apart from
// none.
type Term struct {
	Name     string
	Operator string
	Value    string     // a literal of datatype Type
	Type     string     // xsd:…; empty: a plain text
	List     []string   // in this order
	Lists    [][]string // in this order
}

func anyOf(list ...string) func(Descriptor) []string {
	return func(Descriptor) []string { return slices.Clone(list) }
}

// promised amends a field that stays as it was promised, by its text.
func promised(field string, text func(Policy) string) func(l *changeList, d, to Descriptor) {
	return func(l *changeList, d, to Descriptor) {
		l.text("policy."+field, text(d.Policy), text(to.Policy), AmendPromised)
	}
}

// Grains are those by which the dataset's periods can be grouped, finest first.
func (d Descriptor) Grains() []string { return grainsThat(d.Grain.Groups) }

// policyGrains are those that a policy may have: each of the dataset's periods lies in one.
func (d Descriptor) policyGrains() []string { return grainsThat(d.Grain.Nests) }

func grainsThat(pass func(calendar.Grain) bool) []string {
	var out []string
	for _, g := range calendar.Grains {
		if pass(g) {
			out = append(out, string(g))
		}
	}
	return out
}

// GroupsBy reports whether groups of a query may be by periods of a grain: of whole periods
// of the policy's. Days that are released by the week are grouped by no year, which has a
// part of a week; weeks are.
func (d Descriptor) GroupsBy(g calendar.Grain) bool {
	if d.Policy.Public {
		return d.Grain.Groups(g)
	}
	return d.Policy.Grain.Nests(g) || d.Policy.Grain == d.Grain && d.Grain.Groups(g)
}

// finestGrain is the finest period of a group.
func (d Descriptor) finestGrain() calendar.Grain {
	if d.Policy.Grain == "" {
		return d.Grain
	}
	return d.Policy.Grain
}

// capPairs are the measures that have caps, each with the attribute, ascending.
func (p Policy) capPairs() [][]string {
	var out [][]string
	for _, m := range p.Capped() {
		out = append(out, []string{m, p.Caps[m]})
	}
	return out
}

func (p *DP) terms() []Term {
	if p == nil {
		return nil
	}
	most := func(name, value, datatype string) Term {
		return Term{Name: name, Operator: "odrl:lteq", Value: value, Type: datatype}
	}
	return []Term{
		most("weir:epsilonPerQuery", p.EpsilonPerQuery, "xsd:decimal"), most("weir:epsilonPerContract", p.EpsilonPerContract, "xsd:decimal"),
		most("weir:epsilonFamily", p.EpsilonFamily, "xsd:decimal"), most("weir:delta", p.Delta, "xsd:double"), // it may have an exponent
	}
}

// namedTerms is a property that lists names; none without names.
func namedTerms(property string, list []string) []Term {
	if len(list) == 0 {
		return nil
	}
	return []Term{{Name: property, List: list}}
}

// listed is a property that lists lists of names; none without lists.
func listed(property string, lists [][]string) []Term {
	if len(lists) == 0 {
		return nil
	}
	return []Term{{Name: property, Lists: lists}}
}

// unlessEmpty puts a text between two others; empty where it is.
func unlessEmpty(before, text, after string) string {
	if text == "" {
		return ""
	}
	return before + text + after
}

func lists(pairs [][2]string) [][]string {
	out := make([][]string, len(pairs))
	for i := range pairs {
		out[i] = pairs[i][:]
	}
	return out
}

// joined writes lists of names.
func joined(lists [][]string, within, between string) string {
	out := make([]string, len(lists))
	for i, l := range lists {
		out[i] = strings.Join(l, within)
	}
	return strings.Join(out, between)
}

// Percent writes a share that was checked, 1 or 0 and a point, in percent.
func Percent(share string) string {
	parts, whole := coverageParts(share)
	return decimal.Format(100*parts, len(strconv.FormatInt(whole, 10))-1)
}
