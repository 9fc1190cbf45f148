package he

import (
	"fmt"
	"math/bits"
	"slices"
)

// Cohort is one set that a cohort test looks at: the entities of a class that
// count in one period of one measure, or another set of DESIGN section 8.
type Cohort struct {
	Share   uint64 // this member's additive share of c, the number of selected entities among them
	Members int    // m, how many there are
	// NoRest says that the class has cells of entities that do not count here.
	// Private sums leave them out, and then the rest, m − c, must not be 0
	// either: nothing but those cells would be left in a difference.
	NoRest bool
}

// forbidden lists the values of c for which c or m − c is among 1..k−1, or m − c
// is 0 and must not be: a few numbers within 0..m.
func (c Cohort) forbidden(k int) []uint64 {
	var out []uint64
	for x := 1; x < k && x <= c.Members; x++ {
		out = append(out, uint64(x))
	}
	last := c.Members - 1
	if c.NoRest {
		last = c.Members
	}
	for x := max(c.Members-k+1, 0); x <= last; x++ {
		if x == 0 || x >= k {
			out = append(out, uint64(x))
		}
	}
	return out
}

const maxCohorts = 1 << 20

// MaxCohortMinimum is the largest minimum that a cohort test can have.
const MaxCohortMinimum = 1 << 10

// CohortFactors is how many numbers a cohort test with minimum k multiplies: what it
// sends grows with them.
func CohortFactors(k int, cohorts []Cohort) int {
	n := 0
	for _, c := range cohorts {
		n += len(c.forbidden(k))
	}
	return n
}

// CohortTest finds out, for one member, whether in every cohort the selected and
// the rest are each none or at least k, and opens nothing else (PROTOCOL section
// 6). The factors c − x over all forbidden values x and all cohorts, and ρ, a
// fresh random scalar to which every member contributes, are multiplied to one
// number, which the members open: 0 if any factor is 0, else uniform.
//
// With three members or more the product is a binary tree of Products' stages.
// Two members get along with fewer: with a and b the two shares of a number,
// Π (a_i + b_i) is the sum, over all subsets S of the factors, of Π_S a times
// Π_{not S} b, where each member computes its own products, so one evaluation of
// 2^f − 2 entries multiplies f numbers. And a polynomial of degree d in one
// number is the sum of a^i·q_i(b), an evaluation of d − 1 entries. All this is
// oblivious linear evaluation of vectors that the members compute from their own
// shares, so PROTOCOL section 5's argument covers it: what a member sees is
// simulated evaluation by evaluation, and its share of every product is uniform,
// masked by ρ's of the evaluation.
//
// It is driven like a Product. How many stages there are, and how large they are,
// depends on public numbers only.
type CohortTest struct {
	*machine
	opened uint64
}

// NewCohortTest returns this member's part in a cohort test with minimum k. The
// cohorts are the same for all members, but for their Shares, and in the same
// order; repeated ones (same entities counting in several periods) are better left
// out.
func NewCohortTest(p ProductParameters, s Session, point, k int, cohorts []Cohort) (*CohortTest, error) {
	m, err := newPlace(p, s, point, fmt.Sprintf("cohort test %d", k))
	if err != nil {
		return nil, fmt.Errorf("preparing a cohort test: %w", err)
	}
	if err := checkCohorts(p, k, cohorts); err != nil {
		return nil, fmt.Errorf("preparing a cohort test: %w", err)
	}
	rho, err := freshStream()
	if err != nil {
		return nil, fmt.Errorf("preparing a cohort test: %w", err)
	}
	defer rho.erase()
	scalar := make([]uint64, 1)
	rho.uniform(scalar, p.T())
	t := &cohortTree{machine: &machine{place: m, early: map[earlyKey]earlyMessage{}}, rho: scalar[0]}
	r := &CohortTest{machine: t.machine}
	t.opened = &r.opened
	if err := t.plant(k, cohorts); err != nil {
		return nil, fmt.Errorf("preparing a cohort test: %w", err)
	}
	return r, nil
}

func checkCohorts(p ProductParameters, k int, cohorts []Cohort) error {
	if k < 1 || k > MaxCohortMinimum {
		return fmt.Errorf("%w: a minimum of %d, not 1 to %d", ErrValues, k, MaxCohortMinimum)
	}
	if len(cohorts) > maxCohorts {
		return fmt.Errorf("%w: %d cohorts, more than %d", ErrValues, len(cohorts), maxCohorts)
	}
	for i, c := range cohorts {
		if c.Share >= p.T() || c.Members < 0 || c.Members > maxProductLength {
			return fmt.Errorf("%w: cohort %d of %d members", ErrValues, i, c.Members)
		}
	}
	if entries := CohortFactors(k, cohorts); entries > maxProductLength {
		return fmt.Errorf("%w: %d factors, more than %d", ErrValues, entries, maxProductLength)
	}
	return nil
}

// Passed says whether every cohort passed. It fails with ErrUnfinished until
// Done.
func (r *CohortTest) Passed() (bool, error) {
	if err := r.finished(); err != nil {
		return false, err
	}
	return r.opened != 0, nil
}

// cohortTree multiplies what is left, level by level.
type cohortTree struct {
	*machine
	rho    uint64
	opened *uint64
}

// plant sets the first stage.
func (t *cohortTree) plant(k int, cohorts []Cohort) (err error) {
	if len(t.place.active) == 2 {
		t.current, err = t.polynomials(k, cohorts)
		return err
	}
	factors := []uint64{t.rho}
	for _, c := range cohorts {
		for _, x := range c.forbidden(k) {
			factors = append(factors, t.shifted(c.Share, x))
		}
	}
	t.current, err = t.level(factors)
	return err
}

// shifted is this member's share of c − x: the first member subtracts.
func (t *cohortTree) shifted(share, x uint64) uint64 {
	if t.place.point == t.place.active[0] {
		return t.place.p.in.sub(share, x)
	}
	return share
}

// level is the stage that multiplies this member's shares in groups, or the one
// that opens the last number.
func (t *cohortTree) level(shares []uint64) (stage, error) {
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
func (t *cohortTree) pairs(shares []uint64) (stage, error) {
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
func (t *cohortTree) single() (asks bool, evaluation func(mine []uint64) stage) {
	ask, answer := t.place.turns()
	return len(ask) > 0, func(mine []uint64) stage { return newEvaluations(t.place, mine, mine, ask, answer) }
}

// polynomials is the first stage of two members: Π (c − x) over a cohort's
// forbidden values is a polynomial in c = a + b, the sum of a^i·q_i(b) with
// Π (X + b − x) = Σ q_i(b)·X^i. It takes d − 1 entries: the last q is 1, and the
// first term has no a.
func (t *cohortTree) polynomials(k int, cohorts []Cohort) (stage, error) {
	in := t.place.p.in
	asks, evaluation := t.single()
	var vector, local []uint64
	var widths []int
	for _, c := range cohorts {
		xs := c.forbidden(k)
		if len(xs) == 0 {
			continue
		}
		var terms []uint64
		if asks {
			terms = in.powers(c.Share, len(xs))
			local = append(local, terms[len(xs)])
		} else {
			terms = in.shiftedRoots(c.Share, xs)
			local = append(local, terms[0])
		}
		vector = append(vector, terms[1:len(xs)]...)
		widths = append(widths, len(xs)-1)
	}
	finish := func(sum []uint64) (stage, error) {
		return t.level(append(in.addGroups(local, sum, widths), t.rho))
	}
	if len(vector) == 0 {
		return finish(nil)
	}
	t.next = finish
	return evaluation(vector), nil
}

// powers returns a^0..a^d.
func (in *productInstance) powers(a uint64, d int) []uint64 {
	out := make([]uint64, d+1)
	out[0] = 1
	for i := range d {
		out[i+1] = in.mul(out[i], a)
	}
	return out
}

// shiftedRoots returns the coefficients of Π (X + b − x).
func (in *productInstance) shiftedRoots(b uint64, xs []uint64) []uint64 {
	out := make([]uint64, len(xs)+1)
	out[0] = 1
	for d, x := range xs {
		f := in.sub(b, x)
		out[d+1] = out[d]
		for i := d; i > 0; i-- {
			out[i] = in.add(out[i-1], in.mul(out[i], f))
		}
		out[0] = in.mul(out[0], f)
	}
	return out
}

// addGroups adds to every number its group of the sum's entries.
func (in *productInstance) addGroups(local, sum []uint64, widths []int) []uint64 {
	for i, w := range widths {
		for _, x := range sum[:w] {
			local[i] = in.add(local[i], x)
		}
		sum = sum[w:]
	}
	return local
}

// wide multiplies in groups of as many as one chunk has room for.
func (t *cohortTree) wide(shares []uint64) (stage, error) {
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

// subsetProducts returns the product of every subset of xs, by bit mask.
func (in *productInstance) subsetProducts(xs []uint64) []uint64 {
	out := make([]uint64, 1<<len(xs))
	out[0] = 1
	for s := 1; s < len(out); s++ {
		out[s] = in.mul(out[s&(s-1)], xs[bits.TrailingZeros(uint(s))])
	}
	return out
}
