package judge

import (
	"slices"

	"github.com/weirdata/weir/catalog/disclosure"
)

// statistics are the columns of a request by the aggregates that need them: figures are
// made of several columns, so these must all be over the same classes and periods. A
// column that no other depends on is a statistic of its own.
//
// Where a measure's sum is asked for beside a statistic that needs it too, the two are
// one column, and so one statistic.
func (v *evaluation) statistics() []disclosure.Joint {
	columns := v.verdict.Columns
	of := make([]int, len(columns)) // column → the first column of its statistic
	for i := range of {
		of[i] = i
	}
	for _, a := range v.request.Select {
		first := -1
		for _, c := range v.request.ColumnsOf(a, v.descriptor) {
			i := slices.Index(columns, c)
			if first < 0 {
				first = of[i]
			}
			from, to := max(of[i], first), min(of[i], first)
			for j := range of {
				if of[j] == from {
					of[j] = to
				}
			}
			first = to
		}
	}
	var out []disclosure.Joint
	at := make([]int, len(columns)) // first column of a statistic → place in out
	for i, c := range columns {
		if of[i] == i {
			at[i] = len(out)
			out = append(out, disclosure.Joint{})
		}
		s := &out[at[of[i]]]
		s.Columns = append(s.Columns, i)
		for _, name := range c.Measures() {
			if !slices.Contains(s.Measures, name) {
				s.Measures = append(s.Measures, name)
			}
		}
	}
	return out
}
