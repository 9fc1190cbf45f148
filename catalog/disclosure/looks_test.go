package disclosure

import (
	"crypto/sha256"
	"encoding/binary"
)

// What follows is what tests alone look at.

// Digest is the SHA-256 of the test: a domain label, then units, moves and
// figures, each list with its length before it, numbers as uvarints.
func (t *Test) Digest() [32]byte {
	b := []byte("weir portfolio test 1\x00")
	b = appendUint(b, len(t.Units))
	for _, u := range t.Units {
		b = appendMembers(b, u.Members)
		if u.Both {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	b = appendUint(b, len(t.Moves))
	for _, m := range t.Moves {
		b = appendMembers(b, m.Members)
	}
	b = appendUint(b, len(t.Figures))
	for _, f := range t.Figures {
		b = appendUint(b, f.K)
		b = appendUint(b, f.Group)
		b = appendText(appendText(b, f.Run.Column.Measure), f.Run.Column.With)
		b = appendUint(b, len(f.Run.Periods))
		for _, p := range f.Run.Periods {
			b = binary.AppendVarint(b, p)
		}
		b = appendUint(b, len(f.Steps))
		for _, s := range f.Steps {
			b = appendUint(b, s.Move)
			b = appendUint(b, len(s.Units))
			for _, u := range s.Units {
				b = appendUint(b, u)
			}
		}
	}
	return sha256.Sum256(b)
}

func appendMembers(b []byte, members []int32) []byte {
	b = appendUint(b, len(members))
	last := int32(0)
	for _, e := range members {
		b = appendUint(b, e-last)
		last = e
	}
	return b
}

// Units are the source's units, each the ascending classes of it, by their
// first. The caller does not change them.
func (s *Source) Units() [][]int32 {
	var out [][]int32
	for c, at := range s.at {
		switch {
		case at == unitAlone:
			out = append(out, []int32{int32(c)})
		case at > 0 && s.joined[at-1][0] == int32(c):
			out = append(out, s.joined[at-1])
		}
	}
	return out
}

// News are the entities with news. The caller does not change them.
func (s *Source) News() Bits { return s.news }
