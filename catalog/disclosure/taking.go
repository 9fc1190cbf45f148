package disclosure

import (
	"cmp"
	"slices"
)

// Taking is what is taken of one source, a column and period, as of a version: the
// classes, by the version that gave them. The newest version comes first, none
// without a class, and no class is in two.
type Taking []Given

// Given are the classes that a version gave: its own units, and those of older
// versions that it chose, whose cells equal its own.
type Given struct {
	Version int32
	Classes Bits
}

// TakingOf is the taking of a list class → version that gave it, 0 none.
func TakingOf(given []int32) Taking {
	var t Taking
	words := (len(given) + 63) / 64
	at := -1 // of the version before in t
	for class, version := range given {
		if version == 0 {
			continue
		}
		if at < 0 || t[at].Version != version {
			if at = slices.IndexFunc(t, func(g Given) bool { return g.Version == version }); at < 0 {
				at = len(t)
				t = append(t, Given{version, make(Bits, words)})
			}
		}
		t[at].Classes[class>>6] |= 1 << (class & 63)
	}
	slices.SortFunc(t, func(a, b Given) int { return cmp.Compare(b.Version, a.Version) })
	return t
}

// Classes are all that are taken.
func (t Taking) Classes() Bits {
	var out Bits
	for _, g := range t {
		out = out.or(g.Classes)
	}
	return out
}

// Equal reports whether two takings are the same.
func (t Taking) Equal(other Taking) bool {
	return slices.EqualFunc(t, other, func(a, b Given) bool {
		return a.Version == b.Version && (len(a.Classes) == len(b.Classes) && len(a.Classes) > 0 && &a.Classes[0] == &b.Classes[0] ||
			a.Classes.within(b.Classes) && b.Classes.within(a.Classes))
	})
}

// among is a copy of the taking without the classes that are not in a set.
func (t Taking) among(set Bits) Taking {
	words := 0
	for _, g := range t {
		words += len(g.Classes)
	}
	room := make(Bits, words)
	out := make(Taking, 0, len(t)+1)
	for _, g := range t {
		var own Bits
		own, room = room[:len(g.Classes):len(g.Classes)], room[len(g.Classes):]
		left := uint64(0)
		for i, w := range g.Classes {
			own[i] = w & set.word(i)
			left |= own[i]
		}
		if left != 0 {
			out = append(out, Given{g.Version, own})
		}
	}
	return out
}
