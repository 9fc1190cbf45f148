package result

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
)

// leaves is the column whose exclusions a measure's cells are left out by, or −1:
// its sums', or where only counts are asked for privately, its counts'.
func (o *opener) leaves(measure string) int {
	if column := o.grid.Column(catalog.Column{Measure: measure}); column >= 0 {
		return column
	}
	return o.grid.Column(catalog.Column{Measure: measure, Count: true})
}

// numbers are the opened ones of a column.
func (o *opener) numbers(column int) []int64 {
	n := len(o.grid.Groups)
	return o.in.Sums[column*n : (column+1)*n]
}

// selected are the private counts of a measure's cells, or without one of those in
// which any is present. What is selected cannot be more than what is there.
func (o *opener) selected(measure string, public []int64) ([]int64, error) {
	column := o.grid.Column(catalog.Column{Measure: measure, Count: true})
	if column < 0 {
		return nil, fmt.Errorf("the verdict does not count the selected cells of %q", measure)
	}
	counts := o.numbers(column)
	for i, n := range counts {
		if n < 0 || n > public[i] {
			what := strings.TrimSpace("selected cells " + strings.TrimSuffix("of "+measure, "of "))
			return nil, &CheckError{Measure: what, Group: o.describe(i), Count: public[i],
				Sum: fmt.Sprint(n), Least: "0", Most: fmt.Sprint(public[i])}
		}
	}
	return counts, nil
}

// openWeighted decodes the sums of private weights w, and with a measure those of its
// readings times them: Σwx = Σw(x − mid) + mid·Σw. A weight is from 0 to the largest that
// its bits allow.
func (o *opener) openWeighted(a catalog.Aggregate, s *aggregateSums) error {
	i := slices.IndexFunc(o.in.Verdict.Vectors, func(u catalog.VectorUse) bool { return u.ID == a.Weight })
	column := o.grid.Column(catalog.Column{Measure: a.Measure, Count: true, Weight: a.Weight})
	if i < 0 || column < 0 {
		return fmt.Errorf("the verdict does not open the weights %s of %q", a.Weight, a.Measure)
	}
	use := o.in.Verdict.Vectors[i]
	s.y = catalog.Measure{Name: use.Name, Decimals: use.Decimals}
	var err error
	if s.counts, err = o.grid.CountColumn(o.in.Descriptor, column); err != nil {
		return err
	}
	s.sy = &columnSums{counts: s.counts}
	l := limits{measure: use.Name, decimals: use.Decimals, least: new(big.Int), most: o.in.Plan.LargestFactor(column), tail: new(big.Int)}
	if err := s.sy.decode(o, column, l, 0, s.sy.cells); err != nil || a.Measure == "" {
		return err
	}
	column = o.grid.Column(catalog.Column{Measure: a.Measure, Weight: a.Weight})
	if column < 0 {
		return fmt.Errorf("the verdict does not open %q times the weights %s", a.Measure, use.Name)
	}
	s.sxy = &columnSums{counts: s.counts}
	l = limits{measure: s.x.Name + " × " + use.Name, decimals: s.x.Decimals + use.Decimals, least: big.NewInt(s.x.Min), most: big.NewInt(s.x.Max)}
	if err := l.noise(s.sxy, o.in, column); err != nil {
		return err
	}
	if s.sxy.half != nil {
		s.noised = s.sxy
	}
	return s.sxy.decode(o, column, l, s.x.Mid(), func(group int) *big.Int { return s.sy.sums[group] })
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
