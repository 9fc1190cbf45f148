package catalog

import (
	"fmt"
	"slices"
)

// Measures are the measures whose presence a column's cells must have.
func (c Column) Measures() []string {
	out := []string{c.Measure}
	for _, m := range [2]string{c.With, c.Times} {
		if m != "" && !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

// moment reports whether the column sums squares or products.
func (c Column) moment() bool { return c.Times != "" }

// Widest is the greatest magnitude that one cell can add to a column.
func (c Column) Widest(d Descriptor) int64 {
	x, _ := d.Measure(c.Measure)
	switch {
	case c.Count, c.Bucket > 0:
		return 1
	case c.Times == "":
		return x.Half()
	}
	y, _ := d.Measure(c.Times)
	a, b := x.Half(), y.Half()
	if c.Joined() {
		a, b = x.Reach(), y.Reach()
	}
	if b > 0 && a > MaxSum/b {
		return MaxSum + 1 // never fits
	}
	return a * b
}

// checkStatistic refuses a statistic that does not name its measures in canonical
// form, or that its measure does not have.
func (a Aggregate) checkStatistic(at string, d Descriptor) *Refusal {
	f := functionNamed(a.Func) // checkSelect refused what is no function
	switch {
	case f.pair && !f.joined && a.Other <= a.Measure:
		return Invalid(at, "statistic.two_measures", a.Func, a.Measure, a.Other)
	case !f.pair && a.Other != "":
		return Invalid(at, "statistic.one_measure", a.Func)
	}
	if _, known := d.Measure(a.Other); f.pair && !known {
		return Invalid(at, "dataset.no_measure", a.Other, d.MeasureNames())
	}
	m, _ := d.Measure(a.Measure)
	if a.Func == FuncHistogram && m.BucketCount() == 0 {
		names := bucketed(d)
		if len(names) == 0 {
			return Refuse(RefusedInvalid, "buckets", "statistic.no_buckets_at_all", a.Measure).WithField(at)
		}
		return Refuse(RefusedInvalid, "buckets", "statistic.no_buckets", a.Measure, names).WithField(at)
	}
	return nil
}

// bucketed lists the measures that have buckets.
func bucketed(d Descriptor) []string {
	var names []string
	for _, m := range d.Measures {
		if m.BucketCount() > 0 {
			names = append(names, m.Name)
		}
	}
	return names
}

// checkExactMoments refuses what a protected dataset does not release exactly
// (RELEASE.md section 4): squares and products that moments does not list,
// and counts of buckets, which tell single readings apart.
//
// noised is the largest epsilon that could be asked with.
func (q Request) checkExactMoments(d Descriptor, noised string) *Refusal {
	if d.Policy.Public || q.Noise != nil {
		return nil
	}
	with := NoiseFix(d, noised, "fix.plain_figures")
	for i, a := range q.Select {
		field := fmt.Sprintf("select[%d]", i)
		if a.Func == FuncHistogram {
			return Refuse(RefusedPolicy, "histogram", "statistic.histogram_exact", a.Measure).WithFixes(with...).
				WithField(field)
		}
		for _, c := range a.Columns(d) {
			if !c.moment() || c.Joined() || d.lists(c.Measure, c.Times) { // joins have their own list
				continue
			}
			return Refuse(RefusedPolicy, "moments", "statistic.moment_exact", a.Func, c.Measure, c.Times, d.Dataset).
				WithFixes(append([]Reason{d.momentFix()}, with...)...).
				WithField(field)
		}
	}
	return nil
}

// lists reports whether the policy's moments have the product of two measures.
func (d Descriptor) lists(x, y string) bool {
	return slices.ContainsFunc(d.Policy.Moments, func(p [2]string) bool { return p == [2]string{x, y} || p == [2]string{y, x} })
}

// momentFix says which moments there are.
func (d Descriptor) momentFix() Reason {
	if len(d.Policy.Moments) == 0 {
		return Why("fix.no_moments")
	}
	var out []string
	for _, p := range d.Policy.Moments {
		out = append(out, p[0]+" × "+p[1])
	}
	return Why("fix.moments", out)
}

// MostTiles is how many tiles an attempt can open for columns: each one's, and of the
// measures that are multiplied each tile once more, alone.
func (v Version) MostTiles(columns []Column) int64 {
	var alone []string
	for _, c := range columns {
		for _, m := range c.Measures() {
			if c.moment() && !slices.Contains(alone, m) {
				alone = append(alone, m)
			}
		}
	}
	return max(int64(v.Tiles), v.TilesPerColumn()*int64(len(columns)+len(alone)))
}
