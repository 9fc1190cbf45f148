package he

import (
	"math/bits"
	"slices"
)

// level is the stage that multiplies this member's shares in groups, or the one that
// opens the last number. How many there are follows from public facts. Three members or
// more go up a binary tree; for two, one evaluation of 2^f − 2 entries, products of
// subsets, multiplies f numbers (PROTOCOL.md section 5.4).
func (t *pieceRun) level(shares []uint64) (stage, error) {
	switch {
	case len(shares) == 1:
		t.next = func(sum []uint64) (stage, error) {
			t.last = sum[0]
			return nil, nil
		}
		return newRevelation(t.place, shares[0]), nil
	case len(t.place.active) == 2:
		return t.wide(shares)
	default:
		return t.pairs(shares)
	}
}

// pairs multiplies two by two; an odd one waits.
func (t *pieceRun) pairs(shares []uint64) (stage, error) {
	in, n := t.place.p.in, len(shares)/2
	x, b, odd := shares[:n], shares[n:2*n], shares[2*n:]
	t.next = func(sum []uint64) (stage, error) {
		for i := range sum {
			sum[i] = in.add(sum[i], in.mul(x[i], b[i]))
		}
		return t.level(append(sum, odd...))
	}
	return newEvaluations(t.place, b, x, t.place.others(), t.place.others()), nil
}

// wide multiplies in groups of as many as one chunk has room for.
func (t *pieceRun) wide(shares []uint64) (stage, error) {
	in := t.place.p.in
	ask, answer := t.place.turns() // one of the two asks
	var vector, local []uint64
	var widths []int
	groups := groupCount(len(shares), in.n)
	for g := range groups {
		from, to := g*len(shares)/groups, (g+1)*len(shares)/groups
		subsets := in.subsetProducts(shares[from:to])
		last := len(subsets) - 1
		local = append(local, subsets[last])
		inner := subsets[1:last]
		if len(ask) == 0 {
			slices.Reverse(inner) // the complement of S is last − S
		}
		vector = append(vector, inner...)
		widths = append(widths, len(inner))
	}
	t.next = func(sum []uint64) (stage, error) {
		return t.level(in.addGroups(local, sum, widths))
	}
	return newEvaluations(t.place, vector, vector, ask, answer), nil
}

// groupCount says into how many groups n numbers are multiplied in one stage of
// two members: the fewest whose subsets fit a chunk, or thirds if there are too
// many for one.
func groupCount(n, slots int) int {
	groups := (n + 2) / 3
	for f := 2; f < bits.Len(uint(slots))+1 && f <= max(n, 2); f++ {
		g := (n + f - 1) / f
		// The largest group has ⌈n/g⌉ numbers.
		if g*(1<<((n+g-1)/g)-2) <= slots {
			groups = min(groups, g)
		}
	}
	return groups
}
