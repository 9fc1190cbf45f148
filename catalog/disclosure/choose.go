package disclosure

import "slices"

// takings are what groups of classes take of one column and period as of a version.
type takings struct {
	version []int32 // class → version whose cells are summed, 0 none
	given   []int32 // class → version that gave it: the same, or one that chose it
}

// Choose returns, for one column and period as of a version, what each group of
// classes takes (RELEASE.md section 2.6): class → version whose cells are summed, 0
// for a class that is in no group or that no figure has. groups is class →
// group, −1 none, of classes that lie whole in it (Tree.Groups). live tells the
// versions whose cells may still be summed; nil: all.
//
// A group takes the units of version asOf that lie wholly in it, then for
// classes in none those that are chosen for them as of that version; then, where
// nothing is taken yet, the same of the version before, and so on. So the newest
// older one is what the newest older version had for the class, be it its own
// unit or one that it chose.
func (f *Family) Choose(dataset string, c Column, period int64, asOf int, groups []int32, live func(version int) bool) []int32 {
	out := f.noTakings()
	if m := f.member(dataset); m != nil {
		f.choose(m, c, period, asOf, f.padded(groups), m.withdrawals(asOf, live), out)
	}
	return out.version
}

func (f *Family) noTakings() takings {
	n := f.tree.Classes()
	return takings{make([]int32, n), make([]int32, n)}
}

// padded are groups of all of the family's classes.
func (f *Family) padded(groups []int32) []int32 {
	groups = groups[:min(len(groups), f.tree.Classes())]
	if more := f.tree.Classes() - len(groups); more > 0 {
		groups = append(slices.Clone(groups), slices.Repeat([]int32{-1}, more)...)
	}
	return groups
}

// withdrawals is live, or nil when all versions up to one are.
func (m *member) withdrawals(asOf int, live func(version int) bool) func(int) bool {
	if live != nil && slices.ContainsFunc(m.versions, func(s *Settled) bool { return s.Version <= asOf && !live(s.Version) }) {
		return live
	}
	return nil
}

// choose fills in takings. It starts from what classes take by themselves and
// then, newest version first, lets units of several classes take the place of
// what is older.
func (f *Family) choose(m *member, c Column, period int64, asOf int, groups []int32, live func(version int) bool, out takings) {
	if live != nil || f.rule != &theRule {
		f.chooseStepwise(m, c, period, asOf, groups, live, out)
		return
	}
	_, d := m.newest(c, period, asOf+1)
	if d == nil {
		clear(out.version)
		clear(out.given)
		return
	}
	n := copy(out.version, d.base.version)
	copy(out.given, d.base.given)
	clear(out.version[n:])
	clear(out.given[n:])
	for class, g := range groups {
		if g < 0 {
			out.version[class], out.given[class] = 0, 0
		}
	}
	for _, u := range d.joins {
		if mayJoin(out.given, u.classes, groups, u.version) {
			for _, class := range u.classes {
				out.version[class], out.given[class] = u.version, u.version
			}
		}
	}
}

// mayJoin reports whether a unit of several classes lies in one group and
// overlaps nothing that a newer version gave.
func mayJoin(given, unit, groups []int32, version int32) bool {
	g := groups[unit[0]]
	if g < 0 {
		return false
	}
	for _, class := range unit {
		if groups[class] != g || given[class] > version {
			return false
		}
	}
	return true
}

// chooseStepwise fills in takings version by version, as Choose says.
func (f *Family) chooseStepwise(m *member, c Column, period int64, asOf int, groups []int32, live func(version int) bool, out takings) {
	clear(out.version)
	clear(out.given)
	left := 0
	for _, g := range groups {
		if g >= 0 {
			left++
		}
	}
	for i := len(m.versions) - 1; i >= 0 && left > 0; i-- {
		s := m.versions[i]
		if s.Version > asOf {
			continue
		}
		if source := s.Source(c, period); source != nil {
			left -= f.takeSource(source, int32(s.Version), groups, live, out)
		}
	}
}

// takeSource takes from one version what is not taken yet, and returns how many
// classes that are.
func (f *Family) takeSource(s *Source, version int32, groups []int32, live func(version int) bool, out takings) int {
	took := 0
	own := live == nil || live(int(version))
	for c, at := range s.at {
		if groups[c] < 0 || out.version[c] != 0 {
			continue
		}
		switch {
		case at == unitAlone && own:
			out.version[c] = version
		case at < unitNone && (live == nil || live(int(-1-at))):
			out.version[c] = -1 - at
		default:
			continue
		}
		out.given[c] = version
		took++
	}
	if !own {
		return took
	}
	for _, unit := range s.joined {
		if !f.mayTake(unit, groups, out) {
			continue
		}
		for _, c := range unit {
			if groups[c] >= 0 && out.version[c] == 0 {
				out.version[c], out.given[c] = version, version
				took++
			}
		}
	}
	return took
}

// mayTake reports whether a group takes a unit of several classes: it lies wholly
// in the group and overlaps nothing that is taken.
func (f *Family) mayTake(unit []int32, groups []int32, out takings) bool {
	all, some, overlap := true, false, false
	group := int32(-1)
	for _, c := range unit {
		if groups[c] >= 0 {
			some, overlap = true, overlap || out.version[c] != 0
			if group < 0 {
				group = groups[c]
			}
			all = all && groups[c] == group
		} else {
			all = false
		}
	}
	return some && !overlap && f.rule.whole(all, some)
}
