package disclosure

import "slices"

// conditions are the parts of the rule that can fail alone. Tests replace them, one at a
// time, to show that each is needed (RELEASE.md section 9.1). Nothing but tests makes another
// value than theRule.
type conditions struct {
	// related reports whether sources of two columns are compared.
	related func(r *relations, a, b columnRef) bool
	// news are the entities with news, of those declared or, in a first source, of
	// those that count.
	news func(declared, counts Bits, first bool) Bits
	// enough reports whether so much news makes a unit.
	enough func(news, cohort int) bool
	// equal reports whether a class said to equal another version may do so.
	equal func(unit bool) bool
	// momentCohort is how much news squares and products need.
	momentCohort func(k, p int) int
	// alone reports whether a product takes a class, of which both measures have
	// units by themselves in the same versions or not.
	alone func(same bool) bool
	// unpaired reports whether a product takes a class with so many entities that
	// have one of two measures and not the other; exact: none may be.
	unpaired func(onlyA, onlyB, cohort int, exact bool) bool
	// pair are the entities of which a product may have news, of those with news in
	// either factor.
	pair func(either, counts Bits) Bits
	// whole reports whether a group may take a unit, of which all classes or only
	// some lie in it.
	whole func(all, some bool) bool
	// samePeople reports whether a set of a join takes part.
	samePeople func(same bool) bool
	// pairsUpTo are the pairs of a settled sequence up to one; none, where it is not there.
	pairsUpTo func(pairs []JoinPair, asOf JoinPair) []JoinPair
	// joinCells is the pair of whose cells a set is summed that settled in one pair, as of
	// another.
	joinCells func(settled, asOf JoinPair) JoinPair
	// mixed is what a unit counts in a portfolio's test, with c of the piece's
	// entities with news, r of those in no piece and o of other pieces.
	mixed func(c, r, o, cohort int, both bool) int
	// ownUnits reports whether a unit of the cells of version of, which version given
	// gave or chose, counts in the test of version at.
	ownUnits func(at, of, given int) bool
	// unchanged reports whether a step may pass because nothing changed for a piece.
	unchanged func(changed bool) bool
}

// theRule is the release rule.
var theRule = conditions{
	related: (*relations).related,
	news: func(declared, counts Bits, first bool) Bits {
		if first {
			return counts
		}
		return declared
	},
	enough:       func(news, cohort int) bool { return news >= cohort },
	equal:        func(unit bool) bool { return unit },
	momentCohort: func(k, p int) int { return p * k },
	alone:        func(same bool) bool { return same },
	unpaired: func(onlyA, onlyB, cohort int, exact bool) bool {
		if exact {
			return onlyA == 0 && onlyB == 0
		}
		return (onlyA == 0 || onlyA >= cohort) && (onlyB == 0 || onlyB >= cohort)
	},
	pair:       func(either, counts Bits) Bits { return either.And(counts) },
	whole:      func(all, _ bool) bool { return all },
	samePeople: func(same bool) bool { return same },
	pairsUpTo:  func(pairs []JoinPair, asOf JoinPair) []JoinPair { return pairs[:slices.Index(pairs, asOf)+1] },
	joinCells:  func(settled, _ JoinPair) JoinPair { return settled },
	mixed: func(c, r, _, cohort int, both bool) int {
		switch {
		case both && c >= cohort && r >= cohort:
			return cohort
		case c > 0 && r > 0:
			return 1
		}
		return 0
	},
	ownUnits:  func(at, of, _ int) bool { return at == of },
	unchanged: func(changed bool) bool { return !changed },
}
