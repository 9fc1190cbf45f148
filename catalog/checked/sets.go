package checked

import (
	"slices"

	"github.com/weirdata/weir/catalog"
)

// Set is one of the sets of nodes that open every accumulator of an attempt.
type Set struct {
	Members []string // in the order of the attempt's
	Root    string   // one of them
}

// Has reports whether a node is in the set.
func (s Set) Has(id string) bool { return slices.Contains(s.Members, id) }

// SetsOf are the sets that an attempt opens under: of a checked answer all of SetOf members, in the order of
// indexes, else the one that the leader named.
func SetsOf(a catalog.Attempt) []Set {
	if a.SetOf == 0 {
		return []Set{{a.Active, a.Root}}
	}
	var out []Set
	for k, set := range indexes(len(a.Active), a.SetOf) {
		var s Set
		for _, i := range set {
			s.Members = append(s.Members, a.Active[i])
		}
		s.Root = s.Members[k%len(set)]
		out = append(out, s)
	}
	return out
}

// Sends reports whether a member contributes to an opening whose root another one is.
func Sends(a catalog.Attempt, from, root string) bool {
	return from != root && slices.ContainsFunc(SetsOf(a), func(s Set) bool { return s.Root == root && s.Has(from) })
}

// Possible reports whether so many members check an answer that sets of t of them give: of t+1 a lie is
// noticed, of t+2 it is outvoted too.
func Possible(members, t int) bool { return t >= 1 && (members == t+1 || members == t+2) }

// Members are how many of so many nodes check an answer: t+2, or t+1 where there are no more; 0: there are
// too few.
func Members(nodes, t int) int {
	if nodes <= t {
		return 0
	}
	return min(nodes, t+2)
}

// Wanted are how many of so many nodes that can open are to be named in the next attempt of a query, after those
// that failed; more than there are: it waits. An answer that is not checked takes t. One that is takes as many as Members
// says, but one more than t where members of an attempt disagreed: of whom one is left out, that may be who deviates.
func Wanted(verify bool, nodes, t int, attempts []catalog.Attempt) int {
	if !verify {
		return t
	}
	if slices.ContainsFunc(attempts, func(a catalog.Attempt) bool { return disagreed(a.Failed) }) {
		return t + 1
	}
	return max(t+1, Members(nodes, t))
}

// disagreed reports whether an attempt failed since two of its members computed different accumulators, or one sent what
// cannot be opened with.
func disagreed(r catalog.Reason) bool {
	return slices.Contains([]string{"node.disagree", "node.deviates", "node.deviates_sent"}, r.Code) || slices.ContainsFunc(r.Parts, disagreed)
}

// Count is the number of sets of t of so many members, each of which counts its tiles against the key.
func Count(members, t int) int { return len(indexes(members, t)) }

// CountOf is the number of these sets that one member is in: so many shares it seals at once.
func CountOf(members, t int) int { return Count(members-1, t-1) }

// indexes are all sets of t of the numbers 0 … n−1, each ascending, in the order of their members.
func indexes(n, t int) [][]int {
	if t < 0 || t > n {
		return nil
	}
	var sets [][]int
	set := make([]int, t)
	for i := range set {
		set[i] = i
	}
	for {
		sets = append(sets, slices.Clone(set))
		i := t - 1
		for i >= 0 && set[i] == n-t+i {
			i--
		}
		if i < 0 {
			return sets
		}
		set[i]++
		for j := i + 1; j < t; j++ {
			set[j] = set[j-1] + 1
		}
	}
}
