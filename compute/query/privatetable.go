package query

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/noise"
)

// weighted are the exact figures of one aggregate with private weights.
type weighted struct {
	measure catalog.Measure   // without a name: of the weights alone
	use     catalog.VectorUse // the weights
	counts  []int64           // cells per released group, public
	weights []*big.Int        // Σ weights of those cells, in units of 10^-use.Decimals
	sums    []*big.Int        // Σ weight × reading, in units of 10^-decimals; nil without a measure
	half    *big.Int          // half-width of the 95 % interval of a sum
	key     catalog.Aggregate // function aside
}

// column is the number of a column of the verdict, or −1.
func (g *grid) column(c catalog.Column) int { return slices.Index(g.verdict.Columns, c) }

// leaves is the column whose exclusions a measure's cells are left out by, or −1:
// its sums', or where only counts are asked for privately, its counts'.
func (r *result) leaves(measure string) int {
	if column := r.grid.column(catalog.Column{Measure: measure}); column >= 0 {
		return column
	}
	return r.grid.column(catalog.Column{Measure: measure, Count: true})
}

// opened are the numbers of a column.
func (r *result) opened(in Input, column int) []int64 {
	n := len(r.grid.groups)
	return in.Sums[column*n : (column+1)*n]
}

// selected are the private counts of a measure's cells, or without one of those in
// which any is present. What is selected cannot be more than what is there.
func (r *result) selected(in Input, measure string, public []int64) ([]int64, error) {
	column := r.grid.column(catalog.Column{Measure: measure, Count: true})
	if column < 0 {
		return nil, fmt.Errorf("the verdict does not count the selected cells of %q", measure)
	}
	counts := r.opened(in, column)
	for i, n := range counts {
		if n < 0 || n > public[i] {
			what := strings.TrimSpace("selected cells " + strings.TrimSuffix("of "+measure, "of "))
			return nil, &CheckError{Measure: what, Group: r.describe(i), Count: public[i],
				Sum: fmt.Sprint(n), Least: "0", Most: fmt.Sprint(public[i])}
		}
	}
	return counts, nil
}

// weigh works out the figures of an aggregate with weights, each checked against
// what it can be: a weight is from 0 to the largest that its bits allow.
func (r *result) weigh(in Input, a catalog.Aggregate) error {
	key := catalog.Aggregate{Measure: a.Measure, Weight: a.Weight}
	if _, done := r.weighted[key]; done {
		return nil
	}
	w := weighted{key: key}
	i := slices.IndexFunc(in.Verdict.Vectors, func(u catalog.VectorUse) bool { return u.ID == a.Weight })
	column := r.grid.column(catalog.Column{Measure: a.Measure, Count: true, Weight: a.Weight})
	if i < 0 || column < 0 {
		return fmt.Errorf("the verdict does not open the weights %s of %q", a.Weight, a.Measure)
	}
	w.use = in.Verdict.Vectors[i]
	var err error
	if w.counts, err = r.grid.count(in.Presence, r.grid.columns[column], column); err != nil {
		return err
	}
	largest := in.Plan.private.largestOf(column)
	most := new(big.Int)
	for i, n := range r.opened(in, column) {
		most.Mul(largest, big.NewInt(w.counts[i]))
		sum := big.NewInt(n)
		if n < 0 || sum.Cmp(most) > 0 {
			return w.impossible(w.use.Name, r.describe(i), w.counts[i], sum, new(big.Int), most, w.use.Decimals)
		}
		w.weights = append(w.weights, sum)
	}
	if a.Measure != "" {
		if err := r.weighSums(in, &w); err != nil {
			return err
		}
	}
	r.weighted[key] = w
	return nil
}

// weighSums decodes Σ w·x = Σ w·enc + mid·Σ w.
func (r *result) weighSums(in Input, w *weighted) error {
	column := r.grid.column(catalog.Column{Measure: w.key.Measure, Weight: w.key.Weight})
	if column < 0 {
		return fmt.Errorf("the verdict does not open %q times the weights %s", w.key.Measure, w.use.Name)
	}
	w.measure = in.Descriptor.Measures[r.grid.columns[column]]
	tail, err := in.Plan.tail(column, in.Nodes)
	if err != nil {
		return err
	}
	if in.Plan.Noise != nil {
		if w.half, err = noise.Interval95(in.Plan.Noise[column], in.Nodes); err != nil {
			return fmt.Errorf("interval of %s: %w", w.measure.Name, err)
		}
	}
	mid, low, high := big.NewInt(w.measure.Mid()), big.NewInt(w.measure.Min), big.NewInt(w.measure.Max)
	var least, most big.Int
	for i, enc := range r.opened(in, column) {
		sum := new(big.Int).Mul(mid, w.weights[i])
		sum.Add(sum, big.NewInt(enc))
		least.Sub(least.Mul(low, w.weights[i]), tail)
		most.Add(most.Mul(high, w.weights[i]), tail)
		if sum.Cmp(&least) < 0 || sum.Cmp(&most) > 0 {
			return w.impossible(w.measure.Name+" × "+w.use.Name, r.describe(i), w.counts[i], sum, &least, &most, w.decimals())
		}
		w.sums = append(w.sums, sum)
	}
	return nil
}

func (w *weighted) impossible(what, group string, count int64, sum, least, most *big.Int, decimals int) error {
	text := func(v *big.Int) string { return decimalText(v, decimals) }
	return &CheckError{Measure: what, Group: group, Count: count, Sum: text(sum), Least: text(least), Most: text(most)}
}

// decimals are those of a weighted sum.
func (w *weighted) decimals() int { return w.measure.Decimals + w.use.Decimals }

// cell is the value of an aggregate in a group: text, or nil for NULL.
func (w *weighted) cell(fn string, group int) any {
	switch {
	case w.counts[group] == 0 || fn == fnWAvg && w.weights[group].Sign() == 0:
		return nil
	case fn == fnWAvg:
		return w.average(group).FloatString(avgPlaces)
	case w.sums == nil:
		return decimalText(w.weights[group], w.use.Decimals)
	}
	return decimalText(w.sums[group], w.decimals())
}

// average is Σ w·x / Σ w of a group with weights.
func (w *weighted) average(group int) *big.Rat {
	den := new(big.Int).Mul(w.weights[group], powerOfTen(w.measure.Decimals))
	return new(big.Rat).SetFrac(w.sums[group], den)
}

// interval is the half-width of the 95 % interval of an aggregate in a group, or
// nil for what is exact or NULL. The weights of a group carry no noise, so an
// average's is the sum's divided by them, rounded up.
func (w *weighted) interval(fn string, group int) any {
	switch {
	case w.half == nil || w.cell(fn, group) == nil:
		return nil
	case fn == fnSum:
		return decimalText(w.half, w.decimals())
	}
	num := new(big.Int).Mul(w.half, powerOfTen(avgPlaces))
	den := new(big.Int).Mul(w.weights[group], powerOfTen(w.measure.Decimals))
	num.Add(num, den).Sub(num, big.NewInt(1))
	return decimalText(num.Quo(num, den), avgPlaces)
}

// compare orders two groups by an aggregate, exactly; NULL is the greatest.
func (w *weighted) compare(fn string, a, b int) int {
	na, nb := w.cell(fn, a) == nil, w.cell(fn, b) == nil
	switch {
	case na && nb:
		return 0
	case na:
		return 1
	case nb:
		return -1
	case fn == fnWAvg:
		return w.average(a).Cmp(w.average(b))
	case w.sums == nil:
		return w.weights[a].Cmp(w.weights[b])
	}
	return w.sums[a].Cmp(w.sums[b])
}

// unit is the unit of an aggregate's values.
func (w *weighted) unit(fn string) string {
	if fn == fnWAvg || w.sums == nil {
		return w.measure.Unit
	}
	return strings.TrimSpace(w.measure.Unit + " × " + w.use.Name)
}

// weightedOf are the figures of an aggregate with weights.
func (r *result) weightedOf(a catalog.Aggregate) *weighted {
	w := r.weighted[catalog.Aggregate{Measure: a.Measure, Weight: a.Weight}]
	return &w
}

// privateWords is the line below the table of a private selection.
func (t *Table) privateWords() string {
	words := ""
	if t.In != nil {
		words = fmt.Sprintf("of the entities in your private selection %s alone\n", t.In.Name)
	}
	for _, v := range t.Weights {
		words += fmt.Sprintf("weighted by your private vector %s, of %d bits\n", v.Name, v.Bits)
	}
	return words
}

// vectorsOf are the selector, nil for none, and the weights of a verdict.
func vectorsOf(v catalog.Verdict) (in *catalog.VectorUse, weights []catalog.VectorUse) {
	for _, use := range v.Vectors {
		if use.ID == v.In {
			in = &use
			continue
		}
		weights = append(weights, use)
	}
	return in, weights
}
