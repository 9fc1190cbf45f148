package pcaf

import (
	"cmp"
	"math"
	"math/big"
	"slices"
)

// sortScale is what factors are multiplied with to be sorted into pieces by whole numbers:
// only the choice of the pieces hangs on it, no figure does.
const sortScale = 1_000_000_000

// largestSorted bounds a factor there, so that sums of all of them fit.
const largestSorted = 1 << 44

// Piece is a piece of a book: borrowers of about one attribution factor.
type Piece struct {
	Least, Most *big.Rat // factors of its borrowers
	Mean        *big.Rat // of them, each counted once
	Borrowers   int
}

// Uniform reports whether all borrowers of the piece have one factor, so that what is
// attributed to it is exact.
func (p Piece) Uniform() bool { return p.Least.Cmp(p.Most) == 0 }

// Sort sorts factors into at most so many pieces, ascending: of are their pieces, in the order
// of the factors. The pieces are those for which the distances of the factors from the middle
// one of their piece are smallest in sum, and of those with at least so many borrowers, as far
// as equal factors in one piece let them; where there are no more factors than pieces, and each
// is that of so many, each has its own.
func Sort(factors []*big.Rat, most, least int) (pieces []Piece, of []int) {
	order := make([]int, len(factors))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(factors[a].Cmp(factors[b]), cmp.Compare(a, b)) })
	ends := cuts(factors, order, most, least)
	of = make([]int, len(factors))
	for first, next := range ends {
		start := 0
		if first > 0 {
			start = ends[first-1]
		}
		p := Piece{Least: factors[order[start]], Most: factors[order[next-1]], Mean: sum(factors, order[start:next]), Borrowers: next - start}
		for _, i := range order[start:next] {
			of[i] = len(pieces)
		}
		p.Mean.Quo(p.Mean, new(big.Rat).SetInt64(int64(p.Borrowers)))
		pieces = append(pieces, p)
	}
	return pieces, of
}

// sum is the sum of those factors. It adds halves: the denominator of a sum has the digits of all
// that it is of, and one factor after the other would reduce such a fraction as often as there
// are factors.
func sum(factors []*big.Rat, of []int) *big.Rat {
	if len(of) == 1 {
		return new(big.Rat).Set(factors[of[0]])
	}
	half := len(of) / 2
	one := sum(factors, of[:half])
	return one.Add(one, sum(factors, of[half:]))
}

// cuts are the ends of the pieces in the order, the last of them the number of factors. Equal
// factors are in one piece.
func cuts(factors []*big.Rat, order []int, most, least int) []int {
	same := func(i int) bool { return factors[order[i]].Cmp(factors[order[i-1]]) == 0 }
	var distinct []int // ends of runs of equal factors
	for i := 1; i <= len(order); i++ {
		if i == len(order) || !same(i) {
			distinct = append(distinct, i)
		}
	}
	enough := true
	for i, end := range distinct {
		enough = enough && (end >= least && i == 0 || i > 0 && end-distinct[i-1] >= least)
	}
	if len(distinct) <= most && enough {
		return distinct
	}
	ends := divide(scaled(factors, order), min(most, max(1, len(order)/max(1, least))), least)
	var out []int
	for _, end := range ends { // a cut between equal factors moves up behind them
		for end < len(order) && same(end) {
			end++
		}
		if len(out) == 0 || end > out[len(out)-1] {
			out = append(out, end)
		}
	}
	return out
}

// scaled are sums of the first factors of the order as whole numbers: element i of i of them.
func scaled(factors []*big.Rat, order []int) []int64 {
	sums := make([]int64, len(order)+1)
	scale := new(big.Rat).SetInt64(sortScale)
	for i, o := range order {
		v := new(big.Rat).Mul(factors[o], scale)
		whole := new(big.Int).Quo(v.Num(), v.Denom())
		x := int64(largestSorted)
		if whole.IsInt64() {
			x = min(x, whole.Int64())
		}
		sums[i+1] = sums[i] + x
	}
	return sums
}

// unreachable is more than any distance.
const unreachable = math.MaxInt64 / 4

// divide cuts ascending numbers, given as sums, into at most so many pieces of least distance
// from their medians, each of at least so many numbers if there are as many. Where the best
// last cut is never moves down as more numbers come, so that each layer is found by halving.
func divide(sums []int64, pieces, least int) []int {
	n := len(sums) - 1
	distance := func(from, to int) int64 { // of numbers from..to−1
		middle := from + (to-from)/2
		median := sums[middle+1] - sums[middle]
		return median*int64(2*middle-from-to) + sums[to] - 2*sums[middle] + sums[from]
	}
	best := make([]int64, n+1) // of the first i numbers in the pieces so far
	for i := 1; i <= n; i++ {
		if best[i] = distance(0, i); i < least && i < n {
			best[i] = unreachable
		}
	}
	var cutAt [][]int
	for range pieces - 1 {
		next, at := slices.Clone(best), slices.Repeat([]int{-1}, n+1) // −1: no piece more
		var find func(low, high, from, to int)
		find = func(low, high, from, to int) {
			if low > high {
				return
			}
			i := (low + high) / 2
			nearest, cut := int64(unreachable), -1
			for j := from; j <= min(to, i-max(1, least)); j++ {
				if d := best[j] + distance(j, i); d < nearest {
					nearest, cut = d, j
				}
			}
			if nearest < next[i] {
				next[i], at[i] = nearest, cut
			}
			below, above := cut, cut
			if cut < 0 { // i has too few numbers for a cut
				below, above = to, from
			}
			find(low, i-1, from, below)
			find(i+1, high, above, to)
		}
		find(1, n, 0, n)
		best, cutAt = next, append(cutAt, at)
	}
	var out []int
	for i, layer := n, len(cutAt)-1; i > 0; layer-- {
		if layer >= 0 && cutAt[layer][i] < 0 {
			continue
		}
		out = append(out, i)
		if layer < 0 {
			break
		}
		i = cutAt[layer][i]
	}
	slices.Reverse(out)
	return out
}
