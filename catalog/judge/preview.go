package judge

import (
	"errors"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/records"
)

// Preview is what Apply would decide and charge now, if it accepted the query.
type Preview struct {
	Verdict catalog.Verdict
	// Contract as it would be after the query.
	Contract catalog.Contract
	// Price that would be charged, and empty when the query costs nothing.
	Price string
	// Repeats is the released query that would be answered once more, or empty.
	Repeats string
	// Free: Repeats was answered within the last day, so that it costs nothing.
	Free bool
	// Join is the second dataset of a join, its contract and its price.
	Join *catalog.JoinedDecision
	// Test is what the nodes would test before they open anything, for so many Pieces; nil:
	// nothing.
	Test   *disclosure.Test
	Pieces int
	// Check is how a checked answer would be opened at most; zero: it would not be checked.
	Check Check
}

// PreviewQuery judges a principal's query as Apply would now, and changes nothing. For a
// private selector that is not registered yet NewVector may stand.
func PreviewQuery(c *records.Cache, r records.Reader, principal string, q catalog.QuerySubmit) (Preview, *catalog.Refusal, error) {
	p, now, err := askerOf(r, principal)
	if err != nil {
		return Preview{}, nil, err
	}
	j, err := Decide(c, r, now, p, q, true)
	if refusal, is := errors.AsType[*catalog.Refusal](err); is {
		return Preview{}, refusal, nil
	}
	if err != nil {
		return Preview{}, nil, err
	}
	_, join, err := j.Joined()
	if err != nil {
		return Preview{}, nil, err
	}
	out := Preview{Join: join, Verdict: j.Verdict, Contract: j.Charged, Price: j.Price, Repeats: j.Repeats, Free: j.free, Test: j.test, Check: j.check}
	for _, u := range j.vectors {
		if u.ID == q.Request.In {
			out.Pieces = u.Pieces
		}
	}
	return out, nil, nil
}

// askerOf is who asks, and the state's clock.
func askerOf(r records.Reader, principal string) (p catalog.Principal, now int64, err error) {
	if p, err = records.Find[catalog.Principal](r, records.PrefixPrincipal+principal); err == nil {
		now, err = records.Clock(r)
	}
	return p, now, err
}
