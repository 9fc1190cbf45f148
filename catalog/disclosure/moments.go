package disclosure

// productTakes takes from a square's or product's source the classes that
// RELEASE.md section 4.4 leaves out: those of which the plain sums of both measures
// do not have a unit by itself in the same versions, and those with entities
// that have one of the two measures and not the other, unless these are many.
// A class for which both sums chose one version has the product of that version.
func (s *settling) productTakes(c Column, period int64, at []int32, taking []bool) {
	a, b := c.factors()
	sumA, sumB := s.out.Source(a, period), s.out.Source(b, period)
	onlyA, onlyB, exact, known := s.unpaired(c, period)
	cohort := s.f.Cohort(s.m.dataset.ID, c)
	for i := range taking {
		class := int32(i)
		if !taking[i] {
			continue
		}
		members := s.f.tree.Members(class)
		same := s.sameVersions(class, a, b, period, sumA, sumB)
		paired := known && s.f.rule.unpaired(onlyA.countIn(members), onlyB.countIn(members), cohort, exact)
		if !s.f.rule.alone(same) || !paired {
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

// sameVersions reports whether the plain sums of two measures have the class as
// a unit by itself in exactly the same versions, and as of this version in the
// same one.
func (s *settling) sameVersions(class int32, a, b Column, period int64, sumA, sumB *Source) bool {
	if sumA == nil || sumB == nil {
		return false
	}
	now := sumA.Alone(class) && sumB.Alone(class) || sumA.Chosen(class) > 0 && sumA.Chosen(class) == sumB.Chosen(class)
	if !now || a == b {
		return now
	}
	for _, older := range s.m.versions {
		x, y := older.Source(a, period), older.Source(b, period)
		if (x != nil && x.Alone(class)) != (y != nil && y.Alone(class)) {
			return false
		}
	}
	return true
}

// unpaired are the entities with one of a product's measures and not the other.
// Where the policy's grain is coarser than the data's, none may be in a class
// (exact), and somebody must have told (known).
func (s *settling) unpaired(c Column, period int64) (onlyA, onlyB Bits, exact, known bool) {
	a, b := c.factors()
	if a == b {
		return nil, nil, false, true
	}
	presentA, _ := s.cells.Cells(s.in.Version, a.Measure, period)
	presentB, _ := s.cells.Cells(s.in.Version, b.Measure, period)
	onlyA, onlyB = presentA.without(presentB), presentB.without(presentA)
	if s.m.dataset.Grain == s.m.dataset.PolicyGrain {
		return onlyA, onlyB, false, true
	}
	finer, known := s.cells.Unpaired(s.in.Version, a.Measure, b.Measure, period)
	return onlyA.or(finer), onlyB, true, known
}
