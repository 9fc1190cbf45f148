package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// Functions of a request beyond count, sum and avg. Each names the columns that
// are opened; which statistic is made of them is the client's business, so that
// VAR_POP and STDDEV_SAMP of one measure are one aggregate of one request.
const (
	// FuncVar opens Σx and Σx² of one measure.
	FuncVar = "var"
	// FuncCovar opens Σx, Σy and Σxy over the cells in which both measures have a
	// reading. Measure comes before Other in the order of bytes.
	FuncCovar = "covar"
	// FuncRegr opens Σx² and Σy² over those cells beside.
	FuncRegr = "regr"
	// FuncHistogram opens how many readings lie in each bucket of a measure.
	FuncHistogram = "histogram"
)

// aggregateGroups are the names that a policy, an order or a contract may list
// for what a request's function opens. The nodes open the same sums for all names
// of a group, so each of them grants the group.
var aggregateGroups = []struct {
	fn    string
	names []string
}{
	{"count", []string{"count"}},
	{"sum", []string{"sum"}},
	{FuncProduct, []string{"sum"}},
	{"avg", []string{"avg"}},
	{FuncVar, []string{"var", "var_pop", "var_samp", "stddev", "stddev_pop", "stddev_samp"}},
	{FuncCovar, []string{"covar", "covar_pop", "covar_samp", "wavg"}},
	{"wavg", []string{"wavg"}},
	{FuncRegr, []string{"regr", "regr_slope", "regr_intercept", "regr_r2", "corr"}},
	{FuncHistogram, []string{"histogram", "quantile", "median", "exceedance"}},
}

// aggregateNames are all names that may be listed, ascending.
var aggregateNames = func() []string {
	var all []string
	for _, g := range aggregateGroups {
		all = append(all, g.names...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}()

// grantNames are the names that grant a function.
func grantNames(fn string) []string {
	for _, g := range aggregateGroups {
		if g.fn == fn {
			return g.names
		}
	}
	return nil
}

func isAggregate(s string) bool { return slices.Contains(aggregateNames, s) }

// GrantedBy lists those of the names that grant a request's function.
func GrantedBy(list []string, fn string) []string {
	var out []string
	for _, name := range list {
		if slices.Contains(grantNames(fn), name) {
			out = append(out, name)
		}
	}
	return out
}

// Grants reports whether a list of a policy or contract grants a request's
// function.
func Grants(list []string, fn string) bool { return len(GrantedBy(list, fn)) > 0 }

// grantWords says which names would grant a function.
func grantWords(fn string) string {
	return fmt.Sprintf("%s is granted by any of %s", fn, strings.Join(grantNames(fn), ", "))
}

// Columns are the columns of sums that an aggregate is made of. They belong to one
// statistic: all must be over the same cells.
func (a Aggregate) Columns(d Descriptor) []Column {
	x, y := a.Measure, a.Other
	switch a.Func {
	case "count":
		return nil
	case FuncVar:
		return []Column{{Measure: x}, {Measure: x, Times: x}}
	case FuncProduct:
		return []Column{{Measure: x, Times: y}}
	case FuncCovar:
		return []Column{{Measure: x, With: y}, {Measure: y, With: x}, {Measure: x, Times: y}}
	case FuncRegr:
		return []Column{
			{Measure: x, With: y}, {Measure: y, With: x}, {Measure: x, Times: y},
			{Measure: x, Times: x, With: y}, {Measure: y, Times: y, With: x},
		}
	case FuncHistogram:
		m, _ := d.measure(x)
		var out []Column
		for b := range m.BucketCount() {
			out = append(out, Column{Measure: x, Bucket: b + 1})
		}
		return out
	}
	return []Column{{Measure: x}}
}

// measures are the measures whose presence a column's cells must have.
func (c Column) measures() []string {
	out := []string{c.Measure}
	for _, m := range [2]string{c.With, c.Times} {
		if m != "" && !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

// words name a column for a person.
func (c Column) words() string {
	text := c.Measure
	switch {
	case c.Bucket > 0:
		return fmt.Sprintf("bucket %d of %s", c.Bucket, text)
	case c.Times != "":
		text += " × " + c.Times
	}
	if c.With != "" {
		text += " where " + c.With + " is present"
	}
	return text
}

// moment reports whether the column sums squares or products.
func (c Column) moment() bool { return c.Times != "" }

// Widest is the greatest magnitude that one cell can add to a column.
func (c Column) Widest(d Descriptor) int64 {
	x, _ := d.measure(c.Measure)
	switch {
	case c.Count, c.Bucket > 0:
		return 1
	case c.Times == "":
		return x.Half()
	}
	y, _ := d.measure(c.Times)
	if c.Joined() {
		if y.Reach() > 0 && x.Reach() > MaxSum/y.Reach() {
			return MaxSum + 1 // never fits
		}
		return x.Reach() * y.Reach()
	}
	if y.Half() > 0 && x.Half() > MaxSum/y.Half() {
		return MaxSum + 1 // never fits
	}
	return x.Half() * y.Half()
}

// checkStatistic refuses a statistic that does not name its measures in canonical
// form, or that its measure does not have.
func (a Aggregate) checkStatistic(at string, d Descriptor) *Refusal {
	pair := a.Func == FuncCovar || a.Func == FuncRegr || a.Func == FuncProduct
	switch {
	case pair && a.Func != FuncProduct && a.Other <= a.Measure:
		return invalid(at, "%s takes two different measures, in the order of their names; not %.80q and %.80q", a.Func, a.Measure, a.Other)
	case !pair && a.Other != "":
		return invalid(at, "%s takes one measure", a.Func)
	}
	if _, known := d.measure(a.Other); pair && !known {
		return invalid(at, "the dataset has no measure %.80q", a.Other).withFix("its measures are: %s", quoteList(d.measureNames()))
	}
	m, _ := d.measure(a.Measure)
	if a.Func == FuncHistogram && m.BucketCount() == 0 {
		r := refuse(RefusedInvalid, "buckets", "measure %s has no buckets", a.Measure)
		r.Field = at
		return r.withFix("histograms and quantiles are of measures that declare buckets: %s", bucketed(d))
	}
	return nil
}

// bucketed lists the measures that have buckets.
func bucketed(d Descriptor) string {
	var names []string
	for _, m := range d.Measures {
		if m.BucketCount() > 0 {
			names = append(names, m.Name)
		}
	}
	if names == nil {
		return "this dataset has none"
	}
	return strings.Join(names, ", ")
}

// checkExactMoments refuses what a protected dataset does not release exactly
// (DESIGN section 8, point 5): squares and products that moments does not list,
// and counts of buckets, which tell single readings apart.
//
// noised is the largest epsilon that could be asked with.
func (q Request) checkExactMoments(d Descriptor, noised string) *Refusal {
	if d.Policy.Public || q.Noise != nil {
		return nil
	}
	with := noiseWords(d, noised, "ask for the sum, average or count")
	for i, a := range q.Select {
		field := fmt.Sprintf("select[%d]", i)
		if a.Func == FuncHistogram {
			r := refuse(RefusedPolicy, "histogram", "how many readings of %s lie in a bucket is released with noise only: a bucket with one reading is that reading", a.Measure).withFix("%s", with)
			r.Field = field
			return r
		}
		for _, c := range a.Columns(d) {
			if !c.moment() || c.Joined() || d.lists(c.Measure, c.Times) { // joins have their own list
				continue
			}
			r := refuse(RefusedPolicy, "moments", "%s needs the exact sum of %s × %s, which the policy of dataset %s does not list in moments", a.Func, c.Measure, c.Times, d.Dataset).
				withFix("moments has: %s; %s", d.momentWords(), with)
			r.Field = field
			return r
		}
	}
	return nil
}

// lists reports whether the policy's moments have the product of two measures.
func (d Descriptor) lists(x, y string) bool {
	return slices.ContainsFunc(d.Policy.Moments, func(p [2]string) bool { return p == [2]string{x, y} || p == [2]string{y, x} })
}

func (d Descriptor) momentWords() string {
	if len(d.Policy.Moments) == 0 {
		return "nothing"
	}
	var out []string
	for _, p := range d.Policy.Moments {
		out = append(out, p[0]+" × "+p[1])
	}
	return strings.Join(out, ", ")
}

// checkCompanions refuses a statistic of columns that the version's tiles do not
// have.
func (q Request) checkCompanions(d Descriptor, v Version) *Refusal {
	if v.HasCompanions(d) {
		return nil
	}
	for i, a := range q.Select {
		if a.Func == FuncHistogram {
			r := refuse(RefusedConflict, "companions", "version %d of dataset %s was published without the buckets of %s", v.Version, d.Dataset, a.Measure).
				withFix("ask its publisher to publish it again")
			r.Field = fmt.Sprintf("select[%d]", i)
			return r
		}
	}
	return nil
}

// mostTiles is how many tiles an attempt can open for columns: each one's, and of the
// measures that are multiplied each tile once more, alone.
func (v Version) mostTiles(columns []Column) int64 {
	var alone []string
	for _, c := range columns {
		for _, m := range c.measures() {
			if c.moment() && !slices.Contains(alone, m) {
				alone = append(alone, m)
			}
		}
	}
	return max(int64(v.Tiles), v.tilesPerColumn()*int64(len(columns)+len(alone)))
}
