package judge

import (
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/records"
)

// OutdatedError is returned for news that was found before the version of a related
// column settled.
type OutdatedError struct {
	dataset string
	version int
}

// Error implements error.
func (e *OutdatedError) Error() string {
	return fmt.Sprintf("the news was found before version %d of %s settled", e.version, e.dataset)
}

// CheckOutdated refuses the news of a version when, since it was found, another version
// settled that has a column related to one of which something is new: against that one
// nobody held it.
func CheckOutdated(f *records.Family, rule *disclosure.Family, d catalog.Dataset, v catalog.Version, news []catalog.SourceNews) error {
	columns := disclosure.Columns(d.Descriptor)
	for _, s := range f.Settled[min(max(v.Settled, 0), len(f.Settled)):] {
		i := slices.IndexFunc(rule.Versions(s.Dataset), func(x *disclosure.Settled) bool { return x.Version == s.Version })
		if i < 0 {
			return fmt.Errorf("version %d of %s is settled and not in the family", s.Version, s.Dataset)
		}
		for _, n := range news {
			related := func(c disclosure.Column) bool { return rule.Related(d.ID, columns[n.Column], s.Dataset, c) }
			if len(n.News) > 0 && slices.ContainsFunc(rule.Versions(s.Dataset)[i].Columns, related) {
				return &OutdatedError{s.Dataset, s.Version}
			}
		}
	}
	return nil
}

// Unsettled is why a version cannot settle; none: the error is none of the release rule.
func Unsettled(err error) catalog.Reason {
	var declared *disclosure.DeclarationError
	var conflict *disclosure.Conflict
	var outdated *OutdatedError
	switch {
	case errors.As(err, &outdated):
		return catalog.Why("version.outdated", outdated.dataset, outdated.version)
	case errors.As(err, &declared):
		return catalog.Why("version.news").With(misdeclared(declared))
	case errors.As(err, &conflict) && conflict.Code == disclosure.ConflictPeriods:
		return catalog.Why("version.periods_nest", conflict.Period, conflict.Column, conflict.Other, conflict.OtherColumn, conflict.OtherGrain)
	case errors.As(err, &conflict):
		return catalog.Why("version.release_rule", conflict.Code, conflict.Column, conflict.Other, conflict.OtherColumn)
	}
	return catalog.Reason{}
}

// misdeclared says what is wrong with declared news.
func misdeclared(e *disclosure.DeclarationError) catalog.Reason {
	switch e.Code {
	case disclosure.DeclaredOrder:
		return catalog.Why("declared.order", e.Column, e.Period)
	case disclosure.DeclaredFirst:
		return catalog.Why("declared.first", e.Column, e.Period)
	case disclosure.DeclaredCounts:
		return catalog.Why("declared.counts", e.Column, e.Period, e.Entity)
	case disclosure.DeclaredPair:
		return catalog.Why("declared.pair", e.Column, e.Period, e.Entity)
	case disclosure.DeclaredPresence:
		return catalog.Why("declared.presence", e.Column, e.Period, e.Class, e.Version)
	case disclosure.DeclaredBoth:
		return catalog.Why("declared.both", e.Column, e.Period, e.Class, e.Version, e.Entity)
	}
	return catalog.Why("declared.other", e.Column, e.Period, e.Code)
}
