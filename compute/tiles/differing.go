package tiles

// Side is a measure of a version whose presence is held against another one's.
type Side struct {
	Presence *Presence
	Measure  int   // in the presence
	First    int64 // first period, in the dataset's grain
}

// has reports whether the side has a cell. Outside of the version there is none.
func (s Side) has(entity int, period int64) bool {
	at := period - s.First
	return entity < s.Presence.entities && at >= 0 && at < int64(s.Presence.periods) && s.Presence.Has(s.Measure, entity, int(at))
}

// Differing is the first of the members, in their order, that has a cell in one of two
// versions and not in the other in a period from ≤ p < to of their grain, or −1.
func Differing(a, b Side, members []int32, from, to int64) int32 {
	for _, e := range members {
		for p := from; p < to; p++ {
			if a.has(int(e), p) != b.has(int(e), p) {
				return e
			}
		}
	}
	return -1
}
