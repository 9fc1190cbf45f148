package state

import (
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// noteReleased remembers a query that is done as the one that others repeat.
// Noised ones are not repeated: every one is drawn, and paid for, anew.
func noteReleased(c *applyContext, q catalog.Query) error {
	if q.State != catalog.QueryDone || q.Repeats != "" || q.Submit.Request.Noise != nil {
		return nil
	}
	return records.PutText(c.tx, records.RepeatKey(q.Principal, q.Asks), q.ID)
}

// repeated is the released query that q repeats.
func repeated(c *applyContext, q catalog.Query) (catalog.Query, error) {
	if q.Repeats == "" {
		return catalog.Query{}, catalog.Invalid("reseals", "repeat.none", q.ID)
	}
	return c.machine.cache.Query(c.tx, q.Repeats)
}

// checkReseals refuses an attempt to seal shares again that are not those of one
// opening: of another active set than the one that answered, or of a query with
// private vectors, which is tested and opened every time.
func checkReseals(c *applyContext, q catalog.Query, v catalog.Verdict, b catalog.QueryAttempt) error {
	first, err := repeated(c, q)
	if err != nil {
		return err
	}
	last := running(first.Attempts)
	switch {
	case first.State != catalog.QueryDone || last == nil || len(v.Vectors) > 0 || v.Noise != nil || q.Submit.Request.Verify:
		return catalog.Invalid("reseals", "repeat.reseals", first.ID)
	case !slices.Equal(last.Active, b.Active):
		return catalog.Invalid("active", "repeat.active", first.ID, last.Active, b.Active)
	}
	return nil
}

// checkResealed refuses a share that was computed for another opening than that of
// the query which q repeats.
func checkResealed(c *applyContext, q catalog.Query, b catalog.QueryShare) error {
	first, err := repeated(c, q)
	if err != nil {
		return err
	}
	if b.Plan != first.Plan || b.Context != first.Context {
		return catalog.Invalid("context", "repeat.context",
			b.Context, b.Plan, first.ID, first.Context, first.Plan)
	}
	return nil
}
