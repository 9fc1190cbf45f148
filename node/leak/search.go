package leak

import (
	"bytes"
	"testing"
)

// Place is a place that is searched.
type Place struct {
	Name  string
	Bytes []byte
}

// Search returns what is found where. It goes through a place once, whatever the number of
// needles: at every position it looks at those that begin with the same two bytes.
func Search(places []Place, needles []Needle) (found []string) {
	begin := make([][]int, 1<<16)
	for i, n := range needles {
		if len(n.Bytes) < 2 {
			panic("a needle of " + n.Name + " is too short to be looked for")
		}
		at := int(n.Bytes[0])<<8 | int(n.Bytes[1])
		begin[at] = append(begin[at], i)
	}
	for _, p := range places {
		seen := map[int]bool{}
		for at := 0; at+1 < len(p.Bytes); at++ {
			for _, i := range begin[int(p.Bytes[at])<<8|int(p.Bytes[at+1])] {
				if !seen[i] && bytes.HasPrefix(p.Bytes[at:], needles[i].Bytes) && !byChance(p.Bytes, at, needles[i].Bytes) {
					seen[i] = true
					found = append(found, needles[i].Name+" in "+p.Name)
				}
			}
		}
	}
	return found
}

// byChance reports whether a needle at a position is a few decimal digits within many
// hexadecimal ones: digests have any seven digits somewhere, and times in milliseconds as well. A
// number that leaked has an end.
func byChance(text []byte, at int, needle []byte) bool {
	const few, many = 10, 13
	if len(needle) >= few || bytes.ContainsFunc(needle, func(c rune) bool { return c < '0' || c > '9' }) {
		return false
	}
	isHex := func(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' }
	begin, end := at, at+len(needle)
	for end-begin < many && begin > 0 && isHex(text[begin-1]) {
		begin--
	}
	for end-begin < many && end < len(text) && isHex(text[end]) {
		end++
	}
	return end-begin == many
}

// MustFindAll requires that every needle is found in one of the places: a search that finds
// nothing proves something only if it would find what is there.
func MustFindAll(t *testing.T, what string, places []Place, needles []Needle) {
	t.Helper()
	whole := Place{Name: what}
	for _, p := range places {
		whole.Bytes = append(append(whole.Bytes, p.Bytes...), 0)
	}
	missing := map[string]bool{}
	for _, n := range needles {
		missing[n.Name+" in "+what] = true
	}
	for _, found := range Search([]Place{whole}, needles) {
		delete(missing, found)
	}
	for name := range missing {
		t.Errorf("planted and not found: %s", name)
	}
}

// Planted is one text with all the needles in it.
func Planted(needles []Needle) []byte {
	var b bytes.Buffer
	for _, n := range needles {
		b.Write(n.Bytes)
		b.WriteString("\x00|\x00")
	}
	return b.Bytes()
}
