package catalog

import (
	"fmt"
	"slices"
)

// requestVersion is the form of requests.
const requestVersion = 1

// Check refuses a request that is not in canonical form or asks for what the
// dataset does not have. columns are the attributes of its registry. Whether the
// policy and a contract allow it is not its business.
func (q Request) Check(d Descriptor, columns []string) *Refusal {
	switch {
	case q.Version != requestVersion:
		return invalid("v", "request version %d, want %d", q.Version, requestVersion)
	case q.Dataset != d.Dataset:
		return invalid("dataset", "the request is for dataset %.80q, not for %q", q.Dataset, d.Dataset)
	case q.Release < 0:
		return invalid("release", "release %d", q.Release)
	case len(q.SQL) > maxSQL:
		return invalid("sql", "the SQL has %d bytes, at most %d are accepted", len(q.SQL), maxSQL)
	}
	if r := q.checkJoin(); r != nil {
		return r
	}
	if r := q.checkPrivate(); r != nil {
		return r
	}
	if r := q.Noise.check(); r != nil {
		return r
	}
	if r := q.Where.Check(columns); r != nil {
		return r
	}
	if r := checkIntervals(q.Periods); r != nil {
		return r
	}
	if r := checkDimensions(q.By, d, columns); r != nil {
		return r
	}
	return checkSelect(q.Select, d)
}

func checkIntervals(list []Interval) *Refusal {
	if len(list) > MaxIntervals {
		return invalid("periods", "%d intervals, at most %d are accepted", len(list), MaxIntervals)
	}
	for i, v := range list {
		if v.From >= v.To || i > 0 && v.From <= list[i-1].To {
			return invalid(fmt.Sprintf("periods[%d]", i), "the intervals are not ascending, disjoint and apart at [%d, %d)", v.From, v.To)
		}
	}
	return nil
}

func checkDimensions(by []Dimension, d Descriptor, columns []string) *Refusal {
	periods := 0
	for i, dim := range by {
		at := fmt.Sprintf("by[%d]", i)
		if slices.Contains(by[:i], dim) {
			return invalid(at, "the dimension occurs twice")
		}
		switch dim.Kind {
		case DimEntity:
			if dim.Column != "" || dim.Grain != "" {
				return invalid(at, "the entity has neither column nor grain")
			}
		case DimAttribute:
			if dim.Grain != "" || !slices.Contains(columns, dim.Column) {
				return invalid(at, "the registry has no attribute %.80q", dim.Column).withFix("its attributes are: %s", quoteList(columns))
			}
		case DimPeriod:
			if periods++; periods > 1 {
				return invalid(at, "groups are formed by two grains of periods")
			}
			if dim.Column != "" || !dim.Grain.Valid() {
				return invalid(at, "unknown grain %.40q", dim.Grain)
			}
			if dim.Grain.Finer(d.Grain) {
				return invalid(at, "groups by %s, but a period of the dataset is a %s", dim.Grain, d.Grain)
			}
		default:
			return invalid(at, "unknown dimension %.40q", dim.Kind)
		}
	}
	return nil
}

func checkSelect(list []Aggregate, d Descriptor) *Refusal {
	if len(list) == 0 || len(list) > 4*MaxColumns {
		return invalid("select", "%d aggregates, 1 to %d are possible", len(list), 4*MaxColumns)
	}
	for i, a := range list {
		at := fmt.Sprintf("select[%d]", i)
		if slices.Contains(list[:i], a) {
			return invalid(at, "the aggregate occurs twice")
		}
		switch a.Func {
		case "count":
			if a.Measure == "" && a.Other == "" {
				continue
			}
		case "sum", FuncWavg:
			if a.Measure == "" && a.Weight != "" {
				continue
			}
		case "avg", FuncVar, FuncCovar, FuncRegr, FuncHistogram, FuncProduct:
		default:
			return invalid(at, "unknown aggregate %.40q", a.Func).withFix("a request may ask for count, sum, avg, var, covar, regr, histogram and product")
		}
		if _, known := d.measure(a.Measure); !known {
			return invalid(at, "the dataset has no measure %.80q", a.Measure).withFix("its measures are: %s", quoteList(d.measureNames()))
		}
		if r := a.checkStatistic(at, d); r != nil {
			return r
		}
	}
	return nil
}

// columns are the distinct columns that have to be opened, in the order of their
// first appearance.
func (q Request) columns(d Descriptor) []Column {
	cols := []Column{}
	for _, a := range q.Select {
		for _, c := range q.columnsOf(a, d) {
			if !slices.Contains(cols, c) {
				cols = append(cols, c)
			}
		}
	}
	if all := (Column{Count: true}); q.In != "" && !slices.Contains(cols, all) {
		cols = append(cols, all) // which groups have a selected cell at all
	}
	return cols
}

// grain is the grain of the period dimension, or empty.
func (q Request) grain() Grain {
	for _, d := range q.By {
		if d.Kind == DimPeriod {
			return d.Grain
		}
	}
	return ""
}
