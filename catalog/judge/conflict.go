package judge

import (
	"errors"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
)

// conflictFields are the descriptor's fields that conflicts of a family speak of.
var conflictFields = map[string]string{
	disclosure.ConflictCohort: "policy.min_cohort", disclosure.ConflictCubes: "policy.cubes", disclosure.ConflictPortfolios: "policy.portfolios",
	disclosure.ConflictGrain: "policy.grain", disclosure.ConflictMoments: "policy.moments", disclosure.ConflictConnects: "policy.related",
	disclosure.ConflictRelated: "policy.related", disclosure.ConflictJoined: "policy.joins",
}

// RefuseConflict makes a refusal of a *disclosure.Conflict, and returns other errors
// as they are.
func RefuseConflict(err error) error {
	k, is := errors.AsType[*disclosure.Conflict](err)
	if !is {
		return err
	}
	about := conflicting(k)
	r := catalog.Conflict("family", "family.release_rule", k.Code).WithParts(about)
	switch k.Code {
	case disclosure.ConflictMoments:
		r = catalog.Conflict("family", "family.moments", k.Want, k.Have).WithParts(about)
	case disclosure.ConflictConnects:
		r = catalog.Conflict("family", "family.connects").WithParts(about)
	}
	if k.Have != 0 || k.Want != 0 {
		r.WithNumber("have", int64(k.Have)).WithNumber("want", int64(k.Want))
	}
	return r.WithField(conflictFields[k.Code])
}

// conflicting names what a conflict is about.
func conflicting(k *disclosure.Conflict) catalog.Reason {
	switch {
	case k.Other != "" && k.Column != (disclosure.Column{}):
		return catalog.Why("family.columns", k.Dataset, k.Column, k.OtherColumn, k.Other)
	case k.Other != "":
		return catalog.Why("family.other_column", k.Dataset, k.OtherColumn, k.Other)
	case k.Column != (disclosure.Column{}):
		return catalog.Why("family.column", k.Dataset, k.Column)
	}
	return catalog.Why("family.dataset", k.Dataset)
}
