package query

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// formsOf are the forms that can be made of a request's function.
var formsOf = map[string][]string{
	fnCount:               {""},
	fnSum:                 {""},
	fnAvg:                 {""},
	fnWAvg:                {""},
	catalog.FuncVar:       {formVarPop, formVarSamp, formStddevPop, formStddevSamp},
	catalog.FuncCovar:     {formCovarPop, formCovarSamp, formWavg},
	catalog.FuncRegr:      {formCorr, formSlope, formIntercept, formR2},
	catalog.FuncProduct:   {formProduct},
	catalog.FuncHistogram: {formHistogram, formQuantile, formMedian, formExceedance},
}

// checkOutput refuses an output that its aggregate cannot show; it may have come
// from elsewhere.
func (c *Compiled) checkOutput(o Output, d catalog.Descriptor) error {
	if o.Kind != OutputAggregate || o.Index < 0 || o.Index >= len(c.Request.Select) {
		return fmt.Errorf("there is no aggregate %d", o.Index)
	}
	a := c.Request.Select[o.Index]
	switch {
	case !slices.Contains(formsOf[a.Func], o.Form):
		return fmt.Errorf("%q is not made of %s", o.Form, a.Func)
	case a.Other != "" && o.Argument != a.Measure && o.Argument != a.Other:
		return fmt.Errorf("%q is no measure of %s(%s, %s)", o.Argument, a.Func, a.Measure, a.Other)
	case o.Relative != "" && o.Relative != relativeShare && o.Relative != relativeYear:
		return fmt.Errorf("nothing is shown relative to %q", o.Relative)
	}
	m := measureNamed(d, a.Measure)
	switch {
	case o.Form == formHistogram && (o.Bucket < 1 || o.Bucket > m.BucketCount()):
		return fmt.Errorf("%s has no bucket %d", a.Measure, o.Bucket)
	case o.Form == formExceedance && !slices.Contains(m.Buckets, o.Argument):
		return fmt.Errorf("%q bounds no bucket of %s", o.Argument, a.Measure)
	case o.Form == formQuantile:
		if q, ok := decimalRat(o.Argument); !ok || q.Sign() < 0 || q.Cmp(big.NewRat(1, 1)) > 0 {
			return fmt.Errorf("there is no quantile %q", o.Argument)
		}
	}
	return nil
}

// quantities are an output's figures of all groups. They are worked out once.
func (r *result) quantities(o Output) []quantity {
	key := o.figure()
	if list, done := r.worked[key]; done {
		return list
	}
	list := make([]quantity, len(r.grid.groups))
	base := key
	base.Relative = ""
	if key.Relative == "" {
		for group := range list {
			list[group] = r.quantity(key, group)
		}
	} else {
		list = r.relativeTo(key.Relative, r.quantities(base))
	}
	r.worked[key] = list
	return list
}

// quantity works out one figure.
func (r *result) quantity(o Output, group int) quantity {
	a := r.query.Request.Select[o.Index]
	switch a.Func {
	case catalog.FuncVar:
		return r.variance(a, o.Form, group)
	case catalog.FuncCovar:
		return r.covariance(a, o, group)
	case catalog.FuncRegr:
		return r.regression(a, o, group)
	case catalog.FuncHistogram:
		return r.ofBuckets(a, o, group)
	case catalog.FuncProduct:
		return r.product(a, group)
	}
	return r.plain(a, group)
}

// plain is the figure of COUNT, SUM or AVG.
func (r *result) plain(a catalog.Aggregate, group int) quantity {
	if a.Weight != "" {
		return r.weightedOf(a).quantity(a.Func, group)
	}
	if a.Measure == "" {
		return quantity{value: new(big.Rat).SetInt64(r.present[group])}
	}
	f := r.figures[a.Measure]
	n := f.counts[group]
	switch {
	case a.Func == fnCount:
		return quantity{value: new(big.Rat).SetInt64(n)}
	case n == 0:
		return quantity{}
	}
	sum := ratOf(f.sums[group], f.measure.Decimals)
	if a.Func == fnAvg {
		sum.Quo(sum, new(big.Rat).SetInt64(n))
	}
	return quantity{value: sum}
}

// variance: the population's is (n·Σx² − (Σx)²)/n², a sample's divides by n·(n−1)
// and is NULL for one reading. With noise it may come out negative; then there is
// no root.
func (r *result) variance(a catalog.Aggregate, form string, group int) quantity {
	s := r.moments(a)
	n := s.x.counts[group]
	vx, _, _ := s.spread(group)
	q := dispersion(vx, n, form == formVarSamp || form == formStddevSamp, 2*measureNamed(r.descriptor, a.Measure).Decimals)
	if form == formStddevPop || form == formStddevSamp {
		if !q.null() && q.value.Sign() < 0 {
			return quantity{}
		}
		q.root = true
	}
	return q
}

// dispersion divides by n² or, of a sample, n·(n−1).
func dispersion(sum *big.Int, n int64, sample bool, decimals int) quantity {
	m := n
	if sample {
		m--
	}
	if n == 0 || m == 0 {
		return quantity{}
	}
	v := ratOf(sum, decimals)
	return quantity{value: v.Quo(v, new(big.Rat).SetInt(new(big.Int).Mul(big.NewInt(n), big.NewInt(m))))}
}

// covariance of two measures, or the average of one weighted by the other.
func (r *result) covariance(a catalog.Aggregate, o Output, group int) quantity {
	s := r.moments(a)
	x, y := measureNamed(r.descriptor, a.Measure), measureNamed(r.descriptor, a.Other)
	n := s.x.counts[group]
	if o.Form != formWavg {
		_, _, cov := s.spread(group)
		return dispersion(cov, n, o.Form == formCovarSamp, x.Decimals+y.Decimals)
	}
	// Σxy of the readings themselves, from the centred ones.
	sx, sy, count := s.x.sums[group], s.y.sums[group], big.NewInt(n)
	mx, my := big.NewInt(x.Mid()), big.NewInt(y.Mid())
	top := new(big.Int).Mul(mx, sy)
	top.Add(top, new(big.Int).Mul(my, sx))
	top.Add(top, s.xy.sums[group])
	top.Add(top, new(big.Int).Mul(count, new(big.Int).Mul(mx, my)))
	weights, weight := whole(sy, my, count), y
	if o.Argument == a.Other {
		weights, weight = whole(sx, mx, count), x
	}
	if n == 0 || weights.Sign() == 0 {
		return quantity{}
	}
	v := ratOf(top, x.Decimals+y.Decimals)
	return quantity{value: v.Quo(v, ratOf(weights, weight.Decimals))}
}

// whole is the sum of readings from that of centred ones.
func whole(centred, mid, count *big.Int) *big.Int {
	v := new(big.Int).Mul(mid, count)
	return v.Add(v, centred)
}

// regression of the first measure y on the second, x, as in SQL: CORR is NULL
// where either does not vary; the line is NULL where x does not; REGR_R2 is then
// NULL, and 1 where y alone does not.
func (r *result) regression(a catalog.Aggregate, o Output, group int) quantity {
	s := r.moments(a)
	n := s.x.counts[group]
	first, second := measureNamed(r.descriptor, a.Measure), measureNamed(r.descriptor, a.Other)
	vy, vx, cov := s.spread(group) // the first measure is y …
	sy, sx := s.x.sums[group], s.y.sums[group]
	y, x := first, second
	if o.Argument == a.Other { // … unless it was written second
		vy, vx, sy, sx, y, x = vx, vy, sx, sy, second, first
	}
	if n == 0 || vx.Sign() <= 0 || vy.Sign() < 0 || o.Form == formCorr && vy.Sign() == 0 {
		return quantity{}
	}
	switch o.Form {
	case formCorr:
		top := new(big.Int).Mul(cov, new(big.Int).Abs(cov))
		return quantity{value: over(top, new(big.Int).Mul(vx, vy)), root: true}
	case formR2:
		if vy.Sign() == 0 {
			return quantity{value: big.NewRat(1, 1)}
		}
		return quantity{value: over(new(big.Int).Mul(cov, cov), new(big.Int).Mul(vx, vy))}
	}
	slope := over(cov, vx)
	slope.Mul(slope, over(powerOfTen(x.Decimals), powerOfTen(y.Decimals)))
	if o.Form == formSlope {
		return quantity{value: slope}
	}
	mean := func(sum *big.Int, m catalog.Measure) *big.Rat {
		v := ratOf(whole(sum, big.NewInt(m.Mid()), big.NewInt(n)), m.Decimals)
		return v.Quo(v, new(big.Rat).SetInt64(n))
	}
	return quantity{value: mean(sy, y).Sub(mean(sy, y), slope.Mul(slope, mean(sx, x)))}
}

// quantity is an aggregate with private weights.
func (w *weighted) quantity(fn string, group int) quantity {
	switch {
	case w.cell(fn, group) == nil:
		return quantity{}
	case fn == fnWAvg:
		return quantity{value: w.average(group)}
	case w.sums == nil:
		return quantity{value: ratOf(w.weights[group], w.use.Decimals)}
	}
	return quantity{value: ratOf(w.sums[group], w.decimals())}
}
