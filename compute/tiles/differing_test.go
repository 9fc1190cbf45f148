package tiles

import "testing"

// Versions that begin and end elsewhere are compared period by period, and what lies
// outside of one is absent there.
func TestDifferingFindsTheFirstMemberWithAnotherCell(t *testing.T) {
	side := func(first int64, rows ...string) Side {
		p, err := NewPresence(1, len(rows), len(rows[0]))
		if err != nil {
			t.Fatal(err)
		}
		for e, row := range rows {
			for at, c := range row {
				if c == 'x' {
					p.Set(0, e, at)
				}
			}
		}
		return Side{Presence: p, First: first}
	}
	a := side(10, "xx.x", "x..x", "xxxx")
	b := side(11, "x.x", "..x", "xx.", "x..")
	for _, x := range []struct {
		members  []int32
		from, to int64
		want     int32
	}{
		{[]int32{0, 1}, 11, 14, -1},
		{[]int32{0, 1, 2}, 11, 14, 2},
		{[]int32{2}, 11, 13, -1},
		{[]int32{1, 0}, 10, 14, 1}, // b begins later
		{[]int32{3}, 11, 14, 3},    // a does not have it
		{[]int32{0, 1, 2, 3}, 14, 99, -1},
	} {
		if got := Differing(a, b, x.members, x.from, x.to); got != x.want {
			t.Errorf("%+v: %d", x, got)
		}
	}
}
