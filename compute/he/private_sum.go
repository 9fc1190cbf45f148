package he

import "fmt"

// Cell says where a number of an opened accumulator belongs: to which entity, and
// to which group of the result. A Group of −1 leaves it out: the public mask for
// slots without a cell, for groups that are not asked for, and for cells of
// entities that do not count.
type Cell struct{ Entity, Group int32 }

// PrivateSum computes, for one member, its shares of Σ w_e·x over the cells of
// every group, where w is a private vector (a selector, or weights) and x the
// cells of opened accumulators. Cells of one entity and group are added up first:
// they have the same factor. It is driven like a Product; the results of the
// members are uniform subject to their sum.
type PrivateSum struct {
	*machine
	out []uint64
}

// NewPrivateSum takes this member's shares of the cells, as it opened them, where
// each belongs, and its shares of the vector, one an entity (VectorShare.Values).
// Cells and places are public and the same for all members.
func NewPrivateSum(p ProductParameters, s Session, point int, x []uint64, cells []Cell, vector []uint64, groups int) (*PrivateSum, error) {
	m, err := newPlace(p, s, point, "private sum")
	if err != nil {
		return nil, fmt.Errorf("preparing a private sum: %w", err)
	}
	if err := p.checkNumbers(vector, len(vector)); err != nil {
		return nil, fmt.Errorf("preparing a private sum: vector: %w", err)
	}
	if err := p.checkNumbers(x, len(cells)); err != nil {
		return nil, fmt.Errorf("preparing a private sum: %w", err)
	}
	merged, sums, err := p.in.mergeCells(x, cells, len(vector), groups)
	if err != nil {
		return nil, fmt.Errorf("preparing a private sum: %w", err)
	}
	r := &PrivateSum{out: make([]uint64, groups)}
	if len(merged) == 0 { // nothing counts: all groups are 0
		r.machine = newMachine(m, nil, nil)
		return r, nil
	}
	if len(merged) > maxProductLength {
		return nil, fmt.Errorf("preparing a private sum: %w: %d products, more than %d", ErrValues, len(merged), maxProductLength)
	}
	factors := make([]uint64, len(merged))
	for i, c := range merged {
		factors[i] = vector[c.Entity]
	}
	first := newEvaluations(m, factors, sums, m.others(), m.others())
	r.machine = newMachine(m, first, func(sum []uint64) (stage, error) {
		for i, c := range merged {
			x := p.in.add(sum[i], p.in.mul(factors[i], sums[i]))
			r.out[c.Group] = p.in.add(r.out[c.Group], x)
		}
		return nil, nil
	})
	return r, nil
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

// Result returns this member's shares of the groups. It fails with ErrUnfinished
// until Done.
func (r *PrivateSum) Result() ([]uint64, error) {
	if err := r.finished(); err != nil {
		return nil, err
	}
	return r.out, nil
}

// CountSelected returns this member's shares of Σ w_e over the cells of every
// group: what a private COUNT is made of, and the counts of a cohort test. It
// needs no messages.
func (p ProductParameters) CountSelected(cells []Cell, vector []uint64, groups int) ([]uint64, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := p.checkNumbers(vector, len(vector)); err != nil {
		return nil, fmt.Errorf("counting: %w", err)
	}
	out := make([]uint64, groups)
	for i, c := range cells {
		if c.Group == -1 {
			continue
		}
		if c.Group < 0 || int(c.Group) >= groups || c.Entity < 0 || int(c.Entity) >= len(vector) {
			return nil, fmt.Errorf("counting: %w: cell %d is of entity %d of %d and group %d of %d", ErrSlotMap, i, c.Entity, len(vector), c.Group, groups)
		}
		out[c.Group] = p.in.add(out[c.Group], vector[c.Entity])
	}
	return out, nil
}

// Tally is a number of cells of one entity in one group.
type Tally struct {
	Cell
	Cells uint64
}

// CountWeighted returns this member's shares of Σ Cells·w_e over the tallies of every
// group, as CountSelected does for cells one by one. It needs no messages.
func (p ProductParameters) CountWeighted(tallies []Tally, vector []uint64, groups int) ([]uint64, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := p.checkNumbers(vector, len(vector)); err != nil {
		return nil, fmt.Errorf("counting: %w", err)
	}
	out := make([]uint64, groups)
	for i, c := range tallies {
		if c.Group < 0 || int(c.Group) >= groups || c.Entity < 0 || int(c.Entity) >= len(vector) || c.Cells >= p.T() {
			return nil, fmt.Errorf("counting: %w: tally %d is of %d cells of entity %d of %d and group %d of %d", ErrSlotMap, i, c.Cells, c.Entity, len(vector), c.Group, groups)
		}
		out[c.Group] = p.in.add(out[c.Group], p.in.mul(c.Cells, vector[c.Entity]))
	}
	return out, nil
}
