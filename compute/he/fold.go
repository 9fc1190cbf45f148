package he

import (
	"fmt"

	"github.com/tuneinsight/lattigo/v5/ring"

	"github.com/weirdata/weir/compute/he/prf"
)

// parityWeights expands the fixed public weights of the parity, uniform mod T
// (a plain sum would be one coefficient of the polynomial, and miss errors in
// all others), in Montgomery form.
func parityWeights(t *ring.SubRing, n int) []uint64 {
	w := make([]uint64, n)
	s, err := prf.New([32]byte{}, labelParity, [32]byte{})
	if err != nil {
		panic(err) // becomes an error of NewParameters
	}
	s.Uniform(w, t.Modulus)
	for i := range w {
		w[i] = ring.MForm(w[i], t.Modulus, t.BRedConstant)
	}
	return w
}

// weighted returns Σ w_j·slots_j mod T over the value slots.
func (in *instance) weighted(slots []uint64) uint64 {
	t, tInv := in.t.Modulus, in.t.MRedConstant
	var sum uint64
	for i, x := range slots {
		sum = ring.CRed(sum+ring.MRed(x, in.weights[i], t, tInv), t)
	}
	return sum
}

// Parity returns Σ w_j·slot_j − (the parity slot) mod T for one node's slots.
// The members' parities add up to 0 mod T unless an accident happened to a
// tile, an addition, a key or an opening. It detects accidents, not attacks.
func (p Parameters) Parity(slots []uint64) (uint64, error) {
	if _, err := p.checkSlots(slots); err != nil {
		return 0, fmt.Errorf("compute parity: %w", err)
	}
	in := p.in
	last := in.n - 1
	return ring.CRed(in.weighted(slots[:last])+in.t.Modulus-slots[last], in.t.Modulus), nil
}

// Fold adds one node's slots to groups, mod T: slot i to groups[slotMap[i]], or
// to rest where the map says −1. The map has an entry for every slot, and −1 for
// the last one, the parity. Fold checks that what it added, groups and rest,
// adds up to the sum of all slots, and fails with ErrFold if not; groups are of no
// use then.
func (p Parameters) Fold(slots []uint64, slotMap []int32, groups []uint64) (rest uint64, err error) {
	defer guard("fold", &err)
	all, err := p.checkSlots(slots)
	if err != nil {
		return 0, err
	}
	if err := p.CheckSlotMap(slotMap, len(groups)); err != nil {
		return 0, err
	}
	t := p.in.t.Modulus
	before, err := p.total(groups)
	if err != nil {
		return 0, fmt.Errorf("groups: %w", err)
	}
	for i, g := range slotMap {
		if g < 0 {
			rest = ring.CRed(rest+slots[i], t)
		} else {
			groups[g] = ring.CRed(groups[g]+slots[i], t)
		}
	}
	after, err := p.total(groups)
	if err != nil {
		return 0, err
	}
	if (after+rest)%t != (before+all)%t {
		return 0, ErrFold
	}
	return rest, nil
}

// CheckSlotMap says whether a map has an entry for every slot, each −1 or a
// group below the given number, and −1 for the parity slot. It fails with
// ErrSlotMap.
func (p Parameters) CheckSlotMap(slotMap []int32, groups int) error {
	if err := p.check(); err != nil {
		return err
	}
	if len(slotMap) != p.in.n {
		return fmt.Errorf("%w: %d entries for %d slots", ErrSlotMap, len(slotMap), p.in.n)
	}
	if slotMap[p.in.n-1] != -1 {
		return fmt.Errorf("%w: it selects the parity slot", ErrSlotMap)
	}
	for i, g := range slotMap {
		if g < -1 || int(g) >= groups {
			return fmt.Errorf("%w: slot %d is in group %d of %d", ErrSlotMap, i, g, groups)
		}
	}
	return nil
}

// total adds up numbers mod T, and refuses one that is not below T.
func (p Parameters) total(xs []uint64) (uint64, error) {
	t := p.in.t.Modulus
	var sum uint64
	for i, x := range xs {
		if x >= t {
			return 0, fmt.Errorf("%w: number %d is not below T", ErrValues, i)
		}
		sum = ring.CRed(sum+x, t)
	}
	return sum, nil
}

// checkSlots checks one node's slots, and adds them up.
func (p Parameters) checkSlots(slots []uint64) (total uint64, err error) {
	if err := p.check(); err != nil {
		return 0, err
	}
	if len(slots) != p.in.n {
		return 0, fmt.Errorf("%w: %d slots instead of %d", ErrSlotMap, len(slots), p.in.n)
	}
	return p.total(slots)
}

// AddMod adds src to dst mod T, number by number. Both have the same length and
// only numbers below T.
func (p Parameters) AddMod(dst, src []uint64) (err error) {
	defer guard("add shares", &err)
	if err := p.check(); err != nil {
		return err
	}
	if len(dst) != len(src) {
		return fmt.Errorf("%w: %d and %d numbers", ErrValues, len(dst), len(src))
	}
	for _, xs := range [][]uint64{dst, src} {
		if _, err := p.total(xs); err != nil {
			return err
		}
	}
	for i := range dst {
		dst[i] = ring.CRed(dst[i]+src[i], p.in.t.Modulus)
	}
	return nil
}

// Centre maps a number mod T to the integer it stands for, within ±(T−1)/2.
func (p Parameters) Centre(x uint64) int64 {
	t := p.in.t.Modulus
	if x %= t; x > t/2 {
		return -int64(t - x)
	}
	return int64(x)
}
