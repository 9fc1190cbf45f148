package disclosure

// productTakes takes from a square's or product's source the classes that
// RELEASE.md section 4.4 leaves out: those of which the plain sums of both measures
// do not have a unit by itself in the same versions, and those with entities
// that have one of the two measures and not the other, unless these are many.
// A class for which both sums chose one version has the product of that version.
func (s *settling) productTakes(c Column, period int64, at []int32, taking []bool) {
	a, b := c.factors()
	sumA, sumB := s.out.Source(a, period), s.out.Source(b, period)
	paired := s.f.Pairing(s.m.dataset.ID, c, s.in.Version, period, s.cells)
	for i := range taking {
		class := int32(i)
		if !taking[i] {
			continue
		}
		if !s.f.rule.alone(s.out.SumsAlone(s.m.versions, c, period, class)) || !paired(class) {
			taking[i], at[i] = false, unitNone
			continue
		}
		if v := sumA.Chosen(class); v > 0 && at[i] == unitNone && v == sumB.Chosen(class) {
			if older := s.m.version(v).Source(c, period); older != nil && older.Alone(class) {
				at[i] = int32(-1 - v)
			}
		}
	}
}

// SumsAlone reports whether the plain sums of a square's or product's measures have the
// class as a unit by itself in exactly the same versions of a dataset, which are given,
// and as of this one in the same one.
func (s *Settled) SumsAlone(versions []*Settled, c Column, period int64, class int32) bool {
	a, b := c.factors()
	sumA, sumB := s.Source(a, period), s.Source(b, period)
	if sumA == nil || sumB == nil {
		return false
	}
	now := sumA.Alone(class) && sumB.Alone(class) || sumA.Chosen(class) > 0 && sumA.Chosen(class) == sumB.Chosen(class)
	if !now || a == b {
		return now
	}
	for _, older := range versions {
		if older.Version >= s.Version {
			break
		}
		x, y := older.Source(a, period), older.Source(b, period)
		if (x != nil && x.Alone(class)) != (y != nil && y.Alone(class)) {
			return false
		}
	}
	return true
}

// Pairing tells of the classes of a product's source whether those of their entities that
// have one of its measures and not the other are nobody, or where the grains are the same
// enough. Where the policy's grain is coarser than the data's, none may be in a class,
// and somebody must have told.
func (f *Family) Pairing(dataset string, c Column, version int, period int64, cells Cells) func(class int32) bool {
	var onlyA, onlyB, finer Bits
	exact, known := false, true
	if a, b := c.factors(); a != b {
		presentA, _ := cells.Cells(version, a.Measure, period)
		presentB, _ := cells.Cells(version, b.Measure, period)
		onlyA, onlyB = presentA.without(presentB), presentB.without(presentA)
		if d := f.member(dataset).dataset; d.Grain != d.PolicyGrain {
			exact = true
			finer, known = cells.Unpaired(version, a.Measure, b.Measure, period)
			onlyA = onlyA.or(finer)
		}
	}
	cohort := f.Cohort(dataset, c)
	return func(class int32) bool {
		members := f.tree.Members(class)
		return known && f.rule.unpaired(onlyA.CountIn(members), onlyB.CountIn(members), cohort, exact)
	}
}
