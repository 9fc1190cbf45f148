package query

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog"
)

func isPeriod(d catalog.Dimension) bool { return d.Kind == catalog.DimPeriod }

// relativeTo puts figures in relation to those of other rows.
//
// The share of a total is of the sum over all groups that have a present cell,
// whatever HAVING and LIMIT then leave out. The change from year to year is (v − u)
// / |u|, u being the figure of the same entities in the same period a year earlier:
// NULL where that group is not in the result, was NULL or 0. So the periods of the
// earlier year have to be asked for too.
func (r *result) relativeTo(relative string, list []quantity) []quantity {
	if relative == relativeShare {
		return r.shareOf(list)
	}
	at := map[string]int{}
	for group := range r.grid.groups {
		if key, ok := r.yearKey(group, 0); ok && r.present[group] > 0 {
			at[key] = group
		}
	}
	out := make([]quantity, len(list))
	for group, q := range list {
		key, ok := r.yearKey(group, 1)
		before, found := at[key]
		if !ok || !found || q.null() || list[before].null() || list[before].value.Sign() == 0 {
			continue
		}
		u := list[before].value
		change := new(big.Rat).Sub(q.value, u)
		out[group] = quantity{value: change.Quo(change, new(big.Rat).Abs(u))}
	}
	return out
}

// yearKey names a group by its dimensions, its period so many years earlier. All
// forms of periods begin with the year.
func (r *result) yearKey(group, years int) (string, bool) {
	by := r.query.Request.By
	at := slices.IndexFunc(by, isPeriod)
	if at < 0 {
		return "", false
	}
	var parts []string
	for i := range by {
		parts = append(parts, r.dimension(group, i))
	}
	year, rest := parts[at], ""
	if i := strings.IndexByte(year, '-'); i >= 0 {
		year, rest = year[:i], year[i:]
	}
	n, err := strconv.Atoi(year)
	if err != nil {
		return "", false
	}
	parts[at] = fmt.Sprintf("%04d%s", n-years, rest)
	return fmt.Sprintf("%q", parts), true
}

// shareOf puts every figure in relation to the sum of all rows', NULLs left out.
func (r *result) shareOf(list []quantity) []quantity {
	total := new(big.Rat)
	for group, q := range list {
		if r.present[group] > 0 && !q.null() {
			total.Add(total, q.value)
		}
	}
	out := make([]quantity, len(list))
	for group, q := range list {
		if !q.null() && total.Sign() != 0 {
			out[group] = quantity{value: new(big.Rat).Quo(q.value, total)}
		}
	}
	return out
}
