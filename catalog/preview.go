package catalog

import "errors"

// Preview is what Apply would decide and charge now, if it accepted the query.
type Preview struct {
	Verdict Verdict
	// Contract as it would be after the query.
	Contract Contract
	// Price that would be charged, and empty when the query costs nothing.
	Price string
	// Repeats is the released query that would be answered once more, or empty.
	Repeats string
	// Join is the second dataset of a join, its contract and its price.
	Join *JoinedDecision
}

// Preview judges a principal's query as Apply would now, and changes nothing. For
// a private selector that is not registered yet NewVector may stand.
func (v View) Preview(principal string, q QuerySubmit) (Preview, *Refusal, error) {
	j, err := v.preview(principal, q)
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return Preview{}, refusal, nil
	}
	if err != nil {
		return Preview{}, nil, err
	}
	_, join := j.joined()
	return Preview{Join: join, Verdict: j.verdict, Contract: j.charged, Price: j.charged.perQuery(), Repeats: j.repeats}, nil, nil
}

func (v View) preview(principal string, q QuerySubmit) (judgement, error) {
	p, err := v.Principal(principal)
	if err != nil {
		return judgement{}, err
	}
	now, err := readClock(v.r)
	if err != nil {
		return judgement{}, err
	}
	return v.machine.judge(v.r, now, p, q, true)
}
