package result

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/aggregate"
)

func isPeriod(d catalog.Dimension) bool { return d.Kind == catalog.DimPeriod }

// relativeTo puts figures in relation to those of other rows.
//
// The share of a total is of the sum over all groups that have a present cell,
// whatever HAVING and LIMIT then leave out. The change from year to year is (v − u)
// / |u|, u being the figure of the same entities in the same period a year earlier:
// NULL where that group is not in the result, was NULL or 0. So the periods of the
// earlier year have to be asked for too.
func (w *figures) relativeTo(relative string, list []aggregate.Quantity) []aggregate.Quantity {
	if relative == aggregate.RelativeShare {
		return w.shareOf(list)
	}
	at := map[string]int{}
	for group := range w.groups {
		if key, ok := w.yearKey(group, 0); ok && w.present[group] > 0 {
			at[key] = group
		}
	}
	out := make([]aggregate.Quantity, len(list))
	for group, q := range list {
		key, ok := w.yearKey(group, 1)
		before, found := at[key]
		if !ok || !found || q.Null() || list[before].Null() || list[before].Value.Sign() == 0 {
			continue
		}
		u := list[before].Value
		change := new(big.Rat).Sub(q.Value, u)
		out[group] = aggregate.Quantity{Value: change.Quo(change, new(big.Rat).Abs(u))}
	}
	return out
}

// yearKey names a group by its dimensions, its period so many years earlier. All
// forms of periods begin with the year.
func (w *figures) yearKey(group, years int) (string, bool) {
	by := w.query.Request.By
	at := slices.IndexFunc(by, isPeriod)
	if at < 0 {
		return "", false
	}
	var parts []string
	for i := range by {
		parts = append(parts, w.dimension(group, i))
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
func (w *figures) shareOf(list []aggregate.Quantity) []aggregate.Quantity {
	total := new(big.Rat)
	for group, q := range list {
		if w.present[group] > 0 && !q.Null() {
			total.Add(total, q.Value)
		}
	}
	out := make([]aggregate.Quantity, len(list))
	for group, q := range list {
		if !q.Null() && total.Sign() != 0 {
			out[group] = aggregate.Quantity{Value: new(big.Rat).Quo(q.Value, total)}
		}
	}
	return out
}
