package he

import (
	"fmt"
	"slices"
)

// Cell says where a number of an opened accumulator belongs: to which entity, and
// to which group of the result. A Group of −1 leaves it out: the public mask for
// slots without a cell, for groups that are not asked for, and for cells of
// entities that do not count.
type Cell struct{ Entity, Group int32 }

// PrivateSum computes, for one member, its shares of Σ w_e·x over the cells of
// every group, where w is a private vector (a selector, a piece of a partition, or
// weights) and x the cells of opened accumulators. Cells of one entity and group are
// added up first: they have the same factor. Several vectors are multiplied with the
// same cells in one computation. It is driven like a Product; Result returns this member's
// shares of the groups, vector by vector, uniform subject to their sum.
type PrivateSum struct{ computation[[]uint64] }

// NewPrivateSum takes this member's shares of the cells, as it opened them, where
// each belongs, and its shares of the vectors, all of the same entities, one number an
// entity (VectorShare.Values). Cells and places are public and the same for all
// members. A member sends another one SumMessages messages at most.
func NewPrivateSum(p ProductParameters, s Session, point int, x []uint64, cells []Cell, vectors [][]uint64, groups int) (_ *PrivateSum, err error) {
	defer guard("prepare a private sum", &err)
	m, err := newPlace(p, s, point, fmt.Sprintf("private sum %d", len(vectors)))
	if err != nil {
		return nil, err
	}
	if len(vectors) == 0 {
		return nil, fmt.Errorf("%w: there is no vector", ErrValues)
	}
	entities := len(vectors[0])
	for _, v := range vectors {
		if err := p.checkNumbers(v, entities); err != nil {
			return nil, fmt.Errorf("vector: %w", err)
		}
	}
	if err := p.checkNumbers(x, len(cells)); err != nil {
		return nil, err
	}
	merged, sums, err := p.in.mergeCells(x, cells, entities, groups)
	if err != nil {
		return nil, err
	}
	if len(merged) > maxProductLength/len(vectors) {
		return nil, fmt.Errorf("%w: %d products, more than %d", ErrValues, len(merged)*len(vectors), maxProductLength)
	}
	r := &PrivateSum{computation[[]uint64]{newMachine(m, nil, nil), make([]uint64, len(vectors)*groups)}}
	if len(merged) == 0 { // nothing counts: all groups are 0
		return r, nil
	}
	r.current, err = r.multiply(merged, sums, vectors, groups)
	return r, err
}

// multiply sets the first stage: all vectors side by side.
func (r *PrivateSum) multiply(merged []Cell, sums []uint64, vectors [][]uint64, groups int) (stage, error) {
	in := r.place.p.in
	factors := make([]uint64, 0, len(vectors)*len(merged))
	for _, v := range vectors {
		for _, c := range merged {
			factors = append(factors, v[c.Entity])
		}
	}
	cells := slices.Repeat(sums, len(vectors))
	return (&batches{machine: r.machine}).multiply(cells, factors, func(products []uint64) (stage, error) {
		for i, x := range products {
			at := i/len(merged)*groups + int(merged[i%len(merged)].Group)
			r.out[at] = in.add(r.out[at], in.add(x, in.mul(factors[i], cells[i])))
		}
		return nil, nil
	})
}

// SumMessages bounds the messages that a member sends another one in a PrivateSum of so
// many cells with so many vectors: a request and an answer a turn.
func (p ProductParameters) SumMessages(cells, vectors int) int {
	each := batchChunks * p.in.n
	return 2 * max(1, (cells*vectors+each-1)/each)
}

// mergeCells adds up numbers of one entity and group, in the order in which they
// first occur.
func (in *productInstance) mergeCells(x []uint64, cells []Cell, entities, groups int) (merged []Cell, sums []uint64, err error) {
	at := make(map[Cell]int32, min(len(cells), entities))
	for i, c := range cells {
		if c.Group == -1 {
			continue
		}
		if c.Group < 0 || int(c.Group) >= groups || c.Entity < 0 || int(c.Entity) >= entities {
			return nil, nil, fmt.Errorf("%w: cell %d is of entity %d of %d and group %d of %d", ErrSlotMap, i, c.Entity, entities, c.Group, groups)
		}
		k, ok := at[c]
		if !ok {
			k = int32(len(merged))
			at[c] = k
			merged, sums = append(merged, c), append(sums, 0)
		}
		sums[k] = in.add(sums[k], x[i])
	}
	return merged, sums, nil
}

// Tally is a number of cells of one entity in one group.
type Tally struct {
	Cell
	Cells uint64
}

// CountWeighted returns this member's shares of Σ Cells·w_e over the tallies of every
// group: what a private COUNT is made of. It needs no messages.
func (p ProductParameters) CountWeighted(tallies []Tally, vector []uint64, groups int) (_ []uint64, err error) {
	defer guard("count", &err)
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := p.checkNumbers(vector, len(vector)); err != nil {
		return nil, err
	}
	out := make([]uint64, groups)
	for i, c := range tallies {
		if c.Group < 0 || int(c.Group) >= groups || c.Entity < 0 || int(c.Entity) >= len(vector) || c.Cells >= p.T() {
			return nil, fmt.Errorf("%w: tally %d is of %d cells of entity %d of %d and group %d of %d", ErrSlotMap, i, c.Cells, c.Entity, len(vector), c.Group, groups)
		}
		out[c.Group] = p.in.add(out[c.Group], p.in.mul(c.Cells, vector[c.Entity]))
	}
	return out, nil
}
