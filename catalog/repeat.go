package catalog

import (
	"errors"
	"slices"
)

// A repeat is a query that its buyer was answered before: the same request, on
// the same version. It gets the stored verdict, cuts nothing, and costs the
// price and nothing else (DESIGN section 8, point 8).

// repeatKey names a request of a principal on a release. The SQL that rides
// along does not tell two requests apart.
func repeatKey(principal string, q Request, release int) string {
	q.Release, q.SQL = release, ""
	return prefixRepeat + principal + "/" + Sum(encode(q)).String()
}

// repeatOf returns the id of the released query that q repeats; empty: none.
func repeatOf(r Reader, principal string, q Request, release int) (string, error) {
	id, err := r.Get([]byte(repeatKey(principal, q, release)))
	return string(id), err
}

// noteReleased remembers a query that is done as the one that others repeat.
// Noised ones are not repeated: every one is drawn, and paid for, anew.
func (c *call) noteReleased(q Query) error {
	if q.State != QueryDone || q.Repeats != "" || q.Submit.Request.Noise != nil {
		return nil
	}
	request := q.Submit.Request
	if q.Join != nil {
		request = request.joinedAt(q.Join.Release)
	}
	return putName(c.tx, repeatKey(q.Principal, request, q.Release), q.ID)
}

// The members of the attempt that answered a query may keep their folded shares and
// seal them again for a repeat. The buyer gets the very numbers that it has: shares
// of one opening, never of two, so nothing follows from having both. Nothing is
// opened, so the key does not wear.

// repeated is the released query that q repeats.
func (c *call) repeated(q Query) (Query, error) {
	if q.Repeats == "" {
		return Query{}, invalid("reseals", "query %s repeats none", q.ID)
	}
	return find[Query](c.tx, prefixQuery+q.Repeats)
}

// checkReseals refuses an attempt to seal shares again that are not those of one
// opening: of another active set than the one that answered, or of a query with
// private vectors, which is tested and opened every time.
func (c *call) checkReseals(q Query, v Verdict, b QueryAttempt) error {
	first, err := c.repeated(q)
	if err != nil {
		return err
	}
	last := running(first.Attempts)
	switch {
	case first.State != QueryDone || last == nil || len(v.Vectors) > 0 || v.Noise != nil:
		return invalid("reseals", "the shares of query %s cannot be sealed again", first.ID)
	case !slices.Equal(last.Active, b.Active):
		return invalid("active", "query %s was answered by %v, the attempt names %v", first.ID, last.Active, b.Active)
	}
	return nil
}

// checkResealed refuses a share that was computed for another opening than that of
// the query which q repeats.
func (c *call) checkResealed(q Query, b QueryShare) error {
	first, err := c.repeated(q)
	if err != nil {
		return err
	}
	if b.Plan != first.Plan || b.Context != first.Context {
		return invalid("context", "the share is of the opening %s by plan %s, query %s was answered by %s and %s",
			b.Context, b.Plan, first.ID, first.Context, first.Plan)
	}
	return nil
}

// Released returns the query of a principal that a request on a release would
// repeat, and ErrNotFound when there is none.
func (v View) Released(principal string, q Request, release int) (Query, error) {
	id, err := repeatOf(v.r, principal, q, release)
	if err != nil {
		return Query{}, err
	}
	if id == "" {
		return Query{}, errors.Join(errors.New("no such query was released"), ErrNotFound)
	}
	return v.Query(id)
}
