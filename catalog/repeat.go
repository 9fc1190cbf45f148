package catalog

import "errors"

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
	return putName(c.tx, repeatKey(q.Principal, q.Submit.Request, q.Release), q.ID)
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
