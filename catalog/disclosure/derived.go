package disclosure

import "slices"

// derived is what follows from a source and those before it in other versions;
// it makes answers fast and says nothing new.
type derived struct {
	// What each class takes as of the version when no unit of several classes lies
	// in its group: of the newest version in which it is a unit by itself, or for
	// which one is chosen.
	base   takings
	taking Taking // of base
	// Units of several classes that a group may take as of the version, newest first:
	// those of it and of older ones that overlap nothing of base that is newer.
	joins []joinedUnit
	// The entities of these classes with news in a version after the one that gave
	// what base takes, up to this one.
	held Bits
	// The entities with news, by class; nil where they are a quarter or more.
	news *classNews
}

// joinedUnit is a unit of several classes with its version.
type joinedUnit struct {
	version int32
	classes []int32
}

// classNews is a set of entities by class: those of class c are
// list[start[c]:start[c+1]].
type classNews struct {
	start []int32
	list  []int32
}

// derive finds what follows from a version that is added to the member.
func (m *member) derive(t *Tree, s *Settled) []derived {
	out := make([]derived, len(s.sources))
	periods := int(s.Closed.To - s.Closed.From)
	for i, source := range s.sources {
		var before derived
		if _, d := m.newest(s.Columns[i/periods], s.Closed.From+int64(i%periods), s.Version); d != nil {
			before = *d
		}
		out[i] = derived{base: source.base(int32(s.Version), before.base), news: source.newsByClass(t, s)}
		out[i].joins = source.joins(int32(s.Version), out[i].base, before.joins)
		out[i].held = source.held(t, int32(s.Version), out[i].base, before.held)
		if i > 0 && slices.Equal(out[i].base.version, out[i-1].base.version) && slices.Equal(out[i].base.given, out[i-1].base.given) {
			out[i].base, out[i].taking = out[i-1].base, out[i-1].taking
		} else {
			out[i].taking = TakingOf(out[i].base.given)
		}
	}
	return out
}

// newest is the index of the newest version below one that has a source, and
// what is derived from that; −1 and nil when there is none.
func (m *member) newest(c Column, period int64, below int) (int, *derived) {
	for i := len(m.versions) - 1; i >= 0; i-- {
		s := m.versions[i]
		if s.Version < below {
			if at := s.index(c, period); at >= 0 {
				return i, &m.derived[i][at]
			}
		}
	}
	return -1, nil
}

// base continues what classes took by themselves as of the version before.
func (s *Source) base(version int32, before takings) takings {
	out := takings{make([]int32, len(s.at)), make([]int32, len(s.at))}
	copy(out.version, before.version)
	copy(out.given, before.given)
	for c, at := range s.at {
		switch {
		case at == unitAlone:
			out.version[c], out.given[c] = version, version
		case at < unitNone:
			out.version[c], out.given[c] = -1-at, version
		}
	}
	return out
}

// joins continues the units that may be taken as of the version before.
func (s *Source) joins(version int32, base takings, before []joinedUnit) []joinedUnit {
	out := make([]joinedUnit, 0, len(s.joined))
	for _, unit := range s.joined {
		out = append(out, joinedUnit{version, unit})
	}
	for _, u := range before {
		if !slices.ContainsFunc(u.classes, func(c int32) bool { return base.given[c] > u.version }) {
			out = append(out, u)
		}
	}
	return out
}

// held continues the entities with later news as of the version before.
func (s *Source) held(t *Tree, version int32, base takings, before Bits) Bits {
	var out Bits
	keep := func(e int) {
		c := t.Class(e)
		if c >= 0 && int(c) < len(base.version) && base.version[c] != 0 && base.given[c] < version {
			out = out.Set(e)
		}
	}
	before.each(keep)
	s.news.each(keep)
	return out
}

func (s *Source) newsByClass(t *Tree, v *Settled) *classNews {
	if 4*s.news.Count() >= v.Entities {
		return nil
	}
	n := &classNews{start: make([]int32, v.Classes+1)}
	s.news.each(func(e int) {
		if c := int(t.Class(e)); c >= 0 && c < v.Classes {
			n.start[c+1]++
		}
	})
	for c := range v.Classes {
		n.start[c+1] += n.start[c]
	}
	n.list = make([]int32, n.start[v.Classes])
	next := slices.Clone(n.start)
	s.news.each(func(e int) {
		if c := int(t.Class(e)); c >= 0 && c < v.Classes {
			n.list[next[c]] = int32(e)
			next[c]++
		}
	})
	return n
}
