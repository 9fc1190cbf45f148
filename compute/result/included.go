package result

import (
	"github.com/weirdata/weir/catalog"
)

// coverage is how many entities a released group consists of. There is none of public
// data, nor of a private selection: the verdict's is of everybody in the group.
func (b *builder) coverage(group int) (c catalog.Coverage, covered bool) {
	v, at := b.verdict, b.groups[group]
	if len(v.Coverage) == 0 || v.In != "" {
		return catalog.Coverage{}, false
	}
	return v.Coverage[at.Entity*len(v.PeriodGroups)+at.Period], true
}

// omitted counts the periods of a group in which a column is left out.
func (b *builder) omitted(group int) int {
	at, n := b.groups[group], 0
	own := catalog.NewPeriodSet(b.verdict.PeriodGroups[at.Period].Intervals)
	for _, i := range own.Intersect(b.left[at.Entity]) {
		n += int(i.To - i.From)
	}
	return n
}
