package pcaf

import (
	"cmp"
	"math"
	"math/big"
	"slices"
	"sync"
)

// sortScale is what factors are multiplied with to be sorted into pieces by whole numbers:
// only the choice of the pieces hangs on it, no figure does.
const sortScale = 1_000_000_000

// largestSorted bounds a factor there, so that sums of all of them fit.
const largestSorted = 1 << 44

// Piece is a piece of a book: borrowers of about one attribution factor.
type Piece struct {
	Least, Most *big.Rat // factors of its borrowers
	Borrowers   int
	mean        func() *big.Rat
}

// Mean is the mean of the factors of its borrowers, each counted once. It is worked out when it
// is asked for first: the exact one of many factors has as many digits as all their denominators.
func (p Piece) Mean() *big.Rat { return p.mean() }

// Uniform reports whether all borrowers of the piece have one factor, so that what is
// attributed to it is exact.
func (p Piece) Uniform() bool { return p.Least.Cmp(p.Most) == 0 }

// Order are factors in ascending order, to be sorted into pieces in several ways.
type Order struct {
	factors []*big.Rat
	order   []int
	tied    []bool // whether a factor of the order is that of the one before it
	runs    []int  // ends of runs of equal factors
	sums    []int64
	divided map[int]*division // by the least number of borrowers
}

// NewOrder sorts factors.
func NewOrder(factors []*big.Rat) *Order {
	o := &Order{factors: factors, order: make([]int, len(factors)), tied: make([]bool, len(factors)), divided: map[int]*division{}}
	for i := range o.order {
		o.order[i] = i
	}
	slices.SortFunc(o.order, func(a, b int) int { return cmp.Or(factors[a].Cmp(factors[b]), cmp.Compare(a, b)) })
	for i := 1; i <= len(o.order); i++ {
		if i < len(o.order) {
			o.tied[i] = factors[o.order[i]].Cmp(factors[o.order[i-1]]) == 0
		}
		if i == len(o.order) || !o.tied[i] {
			o.runs = append(o.runs, i)
		}
	}
	return o
}

// Pieces sorts the factors into at most so many pieces, ascending: of are their pieces, in the
// order in which the factors were given. The pieces are those for which the distances of the
// factors from the middle one of their piece are smallest in sum, and of those with at least so
// many borrowers, as far as equal factors in one piece let them; where there are no more factors
// than pieces, and each is that of so many, each has its own.
func (o *Order) Pieces(most, least int) (pieces []Piece, of []int) {
	of = make([]int, len(o.factors))
	start := 0
	for _, next := range o.cuts(most, least) {
		members := o.order[start:next]
		p := Piece{Least: o.factors[o.order[start]], Most: o.factors[o.order[next-1]], Borrowers: next - start, mean: sync.OnceValue(func() *big.Rat { return mean(o.factors, members) })}
		for _, i := range members {
			of[i] = len(pieces)
		}
		pieces, start = append(pieces, p), next
	}
	return pieces, of
}

// mean is the mean of those factors.
func mean(factors []*big.Rat, of []int) *big.Rat {
	if factors[of[0]].Cmp(factors[of[len(of)-1]]) == 0 {
		return new(big.Rat).Set(factors[of[0]])
	}
	above, below := sum(factors, of)
	return new(big.Rat).SetFrac(above, below.Mul(below, big.NewInt(int64(len(of)))))
}

// sum is the sum of those factors, as a fraction that is not reduced: that takes longer than the
// adding, and once is enough. It adds halves, because a sum has the digits of all denominators
// that it is of.
func sum(factors []*big.Rat, of []int) (above, below *big.Int) {
	if len(of) == 1 {
		f := factors[of[0]]
		return new(big.Int).Set(f.Num()), new(big.Int).Set(f.Denom())
	}
	half := len(of) / 2
	a, b := sum(factors, of[:half])
	c, d := sum(factors, of[half:])
	if b.Cmp(d) == 0 {
		return a.Add(a, c), b
	}
	a.Mul(a, d)
	return a.Add(a, c.Mul(c, b)), b.Mul(b, d)
}

// cuts are the ends of the pieces in the order, the last of them the number of factors. Equal
// factors are in one piece.
func (o *Order) cuts(most, least int) []int {
	enough := true
	for i, end := range o.runs {
		enough = enough && (end >= least && i == 0 || i > 0 && end-o.runs[i-1] >= least)
	}
	if len(o.runs) <= most && enough {
		return o.runs
	}
	if o.sums == nil {
		o.sums = scaled(o.factors, o.order)
	}
	d := o.divided[least]
	if d == nil {
		d = newDivision(o.sums, least)
		o.divided[least] = d
	}
	var out []int
	for _, end := range d.into(min(most, max(1, len(o.order)/max(1, least)))) { // a cut between equal factors moves up behind them
		for end < len(o.order) && o.tied[end] {
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

// division cuts ascending numbers, given as sums, into pieces of least distance from their
// medians, each of at least so many numbers if there are as many. What is found for some pieces
// is the beginning of what is sought for more.
type division struct {
	sums  []int64
	least int
	best  []int64 // of the first i numbers in the pieces so far
	cutAt [][]int // where the last cut of the first i numbers is, one more piece a layer; −1: no piece more
}

func newDivision(sums []int64, least int) *division {
	d := &division{sums: sums, least: least, best: make([]int64, len(sums))}
	for i := 1; i < len(sums); i++ {
		if d.best[i] = d.distance(0, i); i < least && i < len(sums)-1 {
			d.best[i] = unreachable
		}
	}
	return d
}

// distance is that of numbers from..to−1 from their median.
func (d *division) distance(from, to int) int64 {
	sums, middle := d.sums, from+(to-from)/2
	median := sums[middle+1] - sums[middle]
	return median*int64(2*middle-from-to) + sums[to] - 2*sums[middle] + sums[from]
}

// into are the ends of at most so many pieces.
func (d *division) into(pieces int) []int {
	for len(d.cutAt) < pieces-1 {
		d.deepen()
	}
	var out []int
	for i, layer := len(d.sums)-1, pieces-2; i > 0; layer-- {
		if layer >= 0 && d.cutAt[layer][i] < 0 {
			continue
		}
		out = append(out, i)
		if layer < 0 {
			break
		}
		i = d.cutAt[layer][i]
	}
	slices.Reverse(out)
	return out
}

// deepen allows one piece more. Where the best last cut is never moves down as more numbers come,
// so that the layer is found by halving.
func (d *division) deepen() {
	n := len(d.sums) - 1
	next, at := slices.Clone(d.best), slices.Repeat([]int{-1}, n+1)
	var find func(low, high, from, to int)
	find = func(low, high, from, to int) {
		if low > high {
			return
		}
		i := (low + high) / 2
		nearest, cut := int64(unreachable), -1
		for j := from; j <= min(to, i-max(1, d.least)); j++ {
			if x := d.best[j] + d.distance(j, i); x < nearest {
				nearest, cut = x, j
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
	d.best, d.cutAt = next, append(d.cutAt, at)
}
