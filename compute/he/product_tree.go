package he

import (
	"math/bits"
	"slices"
)

// productTree multiplies numbers to one and opens it, at the end of a piece test. The
// numbers and how many there are follow from public facts.
//
// With three members or more it is a binary tree of Products' stages. Two members get
// along with fewer: with a and b the two shares of a number, Π (a_i + b_i) is the sum,
// over all subsets S of the factors, of Π_S a times Π_{not S} b, where each member
// computes its own products, so one evaluation of 2^f − 2 entries multiplies f numbers.
// That is oblivious linear evaluation of vectors that the members compute from their
// own shares, so PROTOCOL.md section 5's argument covers it: what a member sees is
// simulated evaluation by evaluation, and its share of every product is uniform, masked
// by ρ's of the evaluation.
type productTree struct {
	*machine
	opened *uint64
}

// level is the stage that multiplies this member's shares in groups, or the one
// that opens the last number.
func (t *productTree) level(shares []uint64) (stage, error) {
	switch {
	case len(shares) == 1:
		t.next = func(sum []uint64) (stage, error) {
			*t.opened = sum[0]
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
func (t *productTree) pairs(shares []uint64) (stage, error) {
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

// single says whether this one of two members asks in this step, and returns the
// stage of one evaluation on its vector.
func (t *productTree) single() (asks bool, evaluation func(mine []uint64) stage) {
	ask, answer := t.place.turns()
	return len(ask) > 0, func(mine []uint64) stage { return newEvaluations(t.place, mine, mine, ask, answer) }
}

// wide multiplies in groups of as many as one chunk has room for.
func (t *productTree) wide(shares []uint64) (stage, error) {
	in := t.place.p.in
	asks, evaluation := t.single()
	var vector, local []uint64
	var widths []int
	groups := groupCount(len(shares), in.n)
	for g := range groups {
		from, to := g*len(shares)/groups, (g+1)*len(shares)/groups
		subsets := in.subsetProducts(shares[from:to])
		last := len(subsets) - 1
		local = append(local, subsets[last])
		inner := subsets[1:last]
		if !asks {
			slices.Reverse(inner) // the complement of S is last − S
		}
		vector = append(vector, inner...)
		widths = append(widths, len(inner))
	}
	t.next = func(sum []uint64) (stage, error) {
		return t.level(in.addGroups(local, sum, widths))
	}
	return evaluation(vector), nil
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
