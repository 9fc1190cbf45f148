package catalog

import (
	"cmp"
	"slices"
)

// piece is a part of a class while it is cut.
type piece struct {
	group   int32   // of the query; −1: the rest
	members []int32 // ascending
	survey  *survey
	profile profile
}

// cut refines the classes so that as many of the query's disjoint groups as
// possible are unions of classes: DESIGN section 8, point 3. groups holds the
// group of every entity of the registry, −1 for none. bears, if not nil, is what
// else a part of a class must meet (point 5). cut returns k itself when nothing
// changes, and for each new class, in order of their numbers, the one that it
// was cut from.
func (k *classes) cut(groups []int32, bears func(class int, s *survey) bool) (*classes, []int32) {
	var made []cutClass
	for c := range k.classes() {
		if k.isFrozen(c) {
			continue
		}
		if pieces := k.divide(c, groups, bears); len(pieces) > 0 {
			made = append(made, cutClass{c, pieces})
		}
	}
	if len(made) == 0 {
		return k, nil
	}
	return k.replaced(made)
}

// cutClass is a class with the pieces that it falls into.
type cutClass struct {
	class  int
	pieces []piece
}

// divide returns the pieces of a class, two or more and the rest last if there
// is one, or nothing when the class stays.
func (k *classes) divide(class int, groups []int32, bears func(class int, s *survey) bool) []piece {
	pieces, rest := k.split(class, groups)
	if len(pieces) == 0 || len(pieces) == 1 && len(rest.members) == 0 {
		return nil
	}
	slices.SortFunc(pieces, func(a, b piece) int {
		return cmp.Or(cmp.Compare(len(a.members), len(b.members)), cmp.Compare(a.members[0], b.members[0]))
	})
	fits := func(p *piece) bool {
		p.profile = p.survey.profile(k)
		return k.loose || k.fits(class, p.survey, p.profile) && (bears == nil || bears(class, p.survey))
	}
	rest.survey = k.survey(rest.members)
	var kept []piece
	for _, p := range pieces {
		p.survey = k.survey(p.members)
		if fits(&p) {
			kept = append(kept, p)
		} else {
			rest.join(k, p)
		}
	}
	for len(kept) > 0 && len(rest.members) > 0 {
		if fits(&rest) {
			break
		}
		rest.join(k, kept[0])
		kept = kept[1:]
	}
	switch {
	case len(kept) == 0, len(kept) == 1 && len(rest.members) == 0:
		return nil
	case len(rest.members) == 0:
		return kept
	}
	slices.Sort(rest.members)
	return append(kept, rest)
}

func (p *piece) join(k *classes, other piece) {
	p.members = append(p.members, other.members...)
	p.survey.add(k, other.members)
}

// split intersects a class with the groups.
func (k *classes) split(class int, groups []int32) (pieces []piece, rest piece) {
	members := k.members(class)
	rest.group = -1
	at := map[int32]int{}
	last, lastGroup := -1, int32(-1)
	for _, e := range members {
		g := groups[e]
		if g < 0 {
			rest.members = append(rest.members, e)
			continue
		}
		if g != lastGroup || last < 0 {
			i, known := at[g]
			if !known {
				i = len(pieces)
				at[g] = i
				pieces = append(pieces, piece{group: g})
			}
			last, lastGroup = i, g
		}
		pieces[last].members = append(pieces[last].members, e)
	}
	return pieces, rest
}

// fits decides whether a part of a class may be a class of its own: it must
// contribute wherever the class does, or have no cell there.
func (k *classes) fits(class int, s *survey, p profile) bool {
	if s.size < k.least {
		return false
	}
	whole := &k.profiles[class]
	for w, need := range whole.enough {
		if need&p.some[w]&^p.enough[w] != 0 {
			return false
		}
	}
	for w, failed := range p.failed {
		if failed&^whole.failed[w]&k.coverage.alwaysIn(w) != 0 {
			return false
		}
	}
	return true
}

// replaced makes the classes with some of them cut. The rest, or else the last
// piece, keeps the class's number; the other pieces get new ones.
func (k *classes) replaced(made []cutClass) (*classes, []int32) {
	p := *k.partition
	p.assign = slices.Clone(p.assign)
	profiles := slices.Clone(k.profiles)
	var parents []int32
	for _, m := range made {
		last := len(m.pieces) - 1
		for i, piece := range m.pieces {
			if i == last {
				profiles[m.class] = piece.profile
				continue
			}
			for _, e := range piece.members {
				p.assign[e] = int32(p.classes)
			}
			p.classes++
			profiles = append(profiles, piece.profile)
			parents = append(parents, int32(m.class))
		}
	}
	out := &classes{partition: &p, coverage: k.coverage, least: k.least, loose: k.loose, profiles: profiles}
	out.index()
	return out, parents
}
