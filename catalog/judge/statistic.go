package judge

import (
	"slices"

	"github.com/weirdata/weir/catalog"
)

// statistic are columns that belong together: figures are made of several of them,
// so all must be over the same classes and periods. A column that no other depends
// on is a statistic of its own.
//
// Where a measure's sum is asked for beside a statistic that needs it too, the two are
// one column, and so one statistic.
type statistic struct {
	columns  []int    // of the verdict, ascending
	measures []string // whose common cells are taken, where there are several
}

// statistics groups the columns of a request by the aggregates that need them.
func (v *evaluation) statistics() []statistic {
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
	var out []statistic
	for i := range columns {
		if of[i] == i {
			out = append(out, statisticOf(columns, of, i))
		}
	}
	return out
}

// statisticOf collects the columns of one statistic.
func statisticOf(columns []catalog.Column, of []int, first int) statistic {
	var s statistic
	for i, c := range columns {
		if of[i] != first {
			continue
		}
		s.columns = append(s.columns, i)
		for _, name := range c.Measures() {
			if !slices.Contains(s.measures, name) {
				s.measures = append(s.measures, name)
			}
		}
	}
	return s
}
