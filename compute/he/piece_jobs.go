package he

import "slices"

// job is a list of products that somebody in a computation waits for. Jobs go on side
// by side: all that are waiting are multiplied in one batch.
type job struct {
	x, b []uint64 // this member's shares
	// cross says that only the products of one member's numbers with another's are
	// wanted: the vectors are not shares, but what members computed from theirs.
	cross bool
	// then takes this member's shares of the products, and returns the job that
	// follows, nil for none.
	then func(products []uint64) *job
}

// batchChunks is how many ciphertexts a member sends another in one message: some 5
// MB. A batch with more is multiplied in several turns.
const batchChunks = 8

// batches multiplies for jobs.
type batches struct {
	*machine
	entries int // multiplied so far
}

// work does jobs to their end, and goes on with done. Those that are nil are done.
func (t *batches) work(jobs []*job, done func() (stage, error)) (stage, error) {
	jobs = slices.DeleteFunc(jobs, func(j *job) bool { return j == nil })
	if len(jobs) == 0 {
		return done()
	}
	var x, b []uint64
	for _, j := range jobs {
		x, b = append(x, j.x...), append(b, j.b...)
	}
	return t.multiply(x, b, func(sums []uint64) (stage, error) {
		in := t.place.p.in
		var next []*job
		for _, j := range jobs {
			mine := sums[:len(j.x):len(j.x)]
			sums = sums[len(j.x):]
			if !j.cross {
				for i := range mine {
					mine[i] = in.add(mine[i], in.mul(j.x[i], j.b[i]))
				}
			}
			next = append(next, j.then(mine))
		}
		return t.work(next, done)
	})
}

// multiply goes on with this member's shares of Σ b_i·x_j, entry by entry, over all
// ordered pairs of two members. Where both products of a pair, b_i·x_j and x_i·b_j, have
// room in one ciphertext, one of the two asks for both: that takes half of the evaluations,
// and no longer. Where they do not, both members ask, and compute side by side.
func (t *batches) multiply(x, b []uint64, then func([]uint64) (stage, error)) (stage, error) {
	sums := make([]uint64, 0, len(x))
	t.entries += len(x)
	var turn func() (stage, error)
	turn = func() (stage, error) {
		from := len(sums)
		if from == len(x) {
			return then(sums)
		}
		in := t.place.p.in
		to := min(len(x), from+batchChunks*in.n)
		if mineB, mineX := b[from:to], x[from:to]; 2*len(mineB) <= in.n {
			t.next = func(sum []uint64) (stage, error) {
				for i := range mineB {
					sums = append(sums, in.add(sum[i], sum[len(mineB)+i]))
				}
				return turn()
			}
			ask, answer := t.place.turns()
			return newEvaluations(t.place, slices.Concat(mineB, mineX), slices.Concat(mineX, mineB), ask, answer), nil
		}
		t.next = func(sum []uint64) (stage, error) {
			sums = append(sums, sum...)
			return turn()
		}
		return newEvaluations(t.place, b[from:to], x[from:to], t.place.others(), t.place.others()), nil
	}
	return turn()
}

// trees multiplies every list of shares to one number.
func (t *batches) trees(lists [][]uint64, then func([]uint64) *job) *job {
	j := &job{}
	for _, list := range lists {
		n := len(list) / 2
		j.x, j.b = append(j.x, list[:n]...), append(j.b, list[n:2*n]...)
	}
	if len(j.x) == 0 {
		out := make([]uint64, len(lists))
		for i, list := range lists {
			out[i] = list[0]
		}
		return then(out)
	}
	j.then = func(products []uint64) *job {
		next := make([][]uint64, len(lists))
		for i, list := range lists {
			n := len(list) / 2
			next[i] = append(products[:n:n], list[2*n:]...) // an odd one waits
			products = products[n:]
		}
		return t.trees(next, then)
	}
	return j
}

// falling returns shares of x·(x−1)·…·(x−d+1) for every number x, whose share this
// member has, and its degree d ≥ 1.
//
// Three members or more multiply the factors in a tree. For two, with a and b their
// shares, the polynomial is Σ a^i·q_i(b), i from 0 to d, where Π (X + b − j) is
// Σ q_i(b)·X^i. a^d and q_0(b) are numbers of one member, and the d−1 terms between
// take one evaluation each, of which either member asks for half.
func (t *batches) falling(shares []uint64, degrees []int, then func([]uint64) *job) *job {
	if len(t.place.active) > 2 {
		lists := make([][]uint64, len(shares))
		for i, x := range shares {
			for j := range degrees[i] {
				lists[i] = append(lists[i], t.plus(x, t.place.p.in.sub(0, uint64(j))))
			}
		}
		return t.trees(lists, then)
	}
	in, first := t.place.p.in, t.place.point == t.place.active[0]
	local, widths := make([]uint64, len(shares)), make([]int, len(shares))
	j := &job{cross: true}
	for i, x := range shares {
		d := degrees[i]
		half := d / 2
		terms := in.powers(x, d)
		local[i] = terms[d]
		if !first {
			terms = in.shiftedRoots(x, firstNumbers(d))
			local[i] = terms[0]
		}
		front, back := terms[1:1+half], append(terms[1+half:d:d], make([]uint64, 2*half-(d-1))...)
		if first {
			j.b, j.x = append(j.b, front...), append(j.x, back...)
		} else {
			j.x, j.b = append(j.x, front...), append(j.b, back...)
		}
		widths[i] = half
	}
	j.then = func(sums []uint64) *job { return then(in.addGroups(local, sums, widths)) }
	if len(j.x) == 0 {
		return then(local)
	}
	return j
}

// firstNumbers returns 0..n−1.
func firstNumbers(n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = uint64(i)
	}
	return out
}

// plus is this member's share of x + constant: the first member adds it.
func (t *batches) plus(share, constant uint64) uint64 {
	if t.place.point == t.place.active[0] {
		return t.place.p.in.add(share, constant)
	}
	return share
}

// oneMinus is this member's share of 1 − x, for every x.
func (t *batches) oneMinus(shares []uint64) []uint64 {
	out := make([]uint64, len(shares))
	for i, x := range shares {
		out[i] = t.plus(t.place.p.in.sub(0, x), 1)
	}
	return out
}
