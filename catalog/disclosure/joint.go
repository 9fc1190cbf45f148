package disclosure

import "slices"

// join leaves out of columns of which one figure is made the classes that they do not
// all take of the same version, with the units that these are in: a figure takes
// units whole or not at all.
//
// A class of which somebody has one of several measures and not the other is left
// out too. Sums over the common cells of the others are plain sums then and say
// nothing new (RELEASE.md section 4.4 would allow p·k such entities for the product
// alone; the sums of two products of one measure could be told apart by them).
func (w *covering) join(j Joint, period int64) {
	paired := w.paired(j, period)
	for again := true; again; {
		again = false
		for class := range w.out.Groups {
			if w.same(j, class) && paired[class] {
				continue
			}
			for _, c := range j.Columns {
				again = w.drop(c, period, int32(class)) || again
			}
		}
	}
}

// same reports whether all columns take a class of one version, or none takes it.
func (w *covering) same(j Joint, class int) bool {
	first := w.listed[j.Columns[0]].version[class]
	for _, c := range j.Columns[1:] {
		if w.listed[c].version[class] != first {
			return false
		}
	}
	return true
}

// drop leaves a class's unit out of a column and reports whether that concerns other
// classes.
func (w *covering) drop(c int, period int64, class int32) bool {
	taken := w.listed[c]
	v := taken.version[class]
	if v == 0 {
		return false
	}
	unit := w.m.version(int(v)).Source(w.g.Columns[c], period).unit(w.f.tree, class)
	for _, u := range unit {
		taken.version[u], taken.given[u] = 0, 0
	}
	return len(unit) > 1
}

// paired tells of the classes whether in each version from which a column reads one all who
// have a cell of one of the measures have one of each. These versions may differ: one that
// repeats the cells of one measure may lack some of the other.
func (w *covering) paired(j Joint, period int64) []bool {
	out := slices.Repeat([]bool{true}, len(w.out.Groups))
	if len(j.Measures) < 2 {
		return out
	}
	unpaired := map[int32]Bits{} // version → who is not, of whom it is known; looked up only
	for _, c := range j.Columns {
		for class, v := range w.listed[c].given {
			if v == 0 || !out[class] {
				continue
			}
			who, known := unpaired[v]
			if !known {
				who = w.unpaired(int(v), j.Measures, period)
				unpaired[v] = who
			}
			out[class] = who.CountIn(w.f.tree.members[class]) == 0
		}
	}
	return out
}

// unpaired are the entities of a version that have a cell of one of the measures and
// not of another in some of the dataset's periods in a period; all, where nobody told.
func (w *covering) unpaired(version int, measures []string, period int64) Bits {
	var out Bits
	for i, a := range measures {
		presentA, _ := w.cells.Cells(version, a, period)
		for _, b := range measures[:i] {
			presentB, _ := w.cells.Cells(version, b, period)
			out = out.or(presentA.without(presentB)).or(presentB.without(presentA))
			if w.m.dataset.Grain == w.m.dataset.PolicyGrain {
				continue
			}
			finer, known := w.cells.Unpaired(version, a, b, period)
			if !known {
				finer = presentA.or(presentB)
			}
			out = out.or(finer)
		}
	}
	return out
}
