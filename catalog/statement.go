package catalog

import (
	"fmt"
	"strconv"
)

// Statement is what was asked under a contract, and what it cost. Amounts are
// exact decimals in Currency. Queries counts accepted ones, repeats and failed
// ones included; Groups only what was released. A page of one counts and adds up its
// own lines; Add puts pages together.
type Statement struct {
	Contract Contract        `json:"contract"`
	Month    string          `json:"month,omitempty"` // such as 2026-11, in the dataset's utc_offset; empty: the whole term
	Currency string          `json:"currency,omitempty"`
	Lines    []StatementLine `json:"lines"`
	Queries  int             `json:"queries"`
	Repeats  int             `json:"repeats"`
	Failed   int             `json:"failed"`
	Groups   int             `json:"groups"`
	Price    string          `json:"price"` // charged in that time and not refunded
	// What is left now, not at the month's end; empty or absent: not limited.
	QueriesLeft *int   `json:"queries_left,omitempty"`
	BudgetLeft  string `json:"budget_left,omitempty"`
	Next        string `json:"next,omitempty"` // Page.After of the lines that follow; empty: these are the last
}

// StatementLine is one query. Price is what it cost after refunds.
type StatementLine struct {
	Query    string     `json:"query"`
	Seq      uint64     `json:"seq"` // entry of the evidence log
	Accepted int64      `json:"accepted"`
	Release  int        `json:"release"`
	State    QueryState `json:"state"`
	Repeats  string     `json:"repeats,omitempty"`
	Groups   int        `json:"groups"`
	Price    string     `json:"price"`
	Refunded bool       `json:"refunded,omitempty"`
}

// Statement lists the queries of a contract that were accepted in a month such
// as 2026-11, or all of them for an empty month, the oldest first; of the page, After
// and Limit count. A month that is none is a *Refusal.
func (v View) Statement(contract, month string, p Page) (Statement, error) {
	k, err := v.Contract(contract)
	if err != nil {
		return Statement{}, err
	}
	d, err := v.Dataset(k.Dataset)
	if err != nil {
		return Statement{}, err
	}
	from, to, err := monthOf(month, d.Descriptor.UTCOffset)
	if err != nil {
		return Statement{}, err
	}
	s := Statement{Contract: k, Month: month, Currency: k.currency(), Lines: []StatementLine{}, Price: AddAmounts()}
	if n, limited := k.QueriesLeft(); limited {
		s.QueriesLeft = &n
	}
	s.BudgetLeft, _ = k.BudgetLeft()
	p.Newest = false
	if p.After == "" && month != "" {
		if p.After, err = v.askedBefore(contract, from); err != nil {
			return s, err
		}
	}
	queries, next, err := pageOf[Query](v, ofParty(prefixContractQuery, contract), p, v.named(prefixQuery))
	if err != nil {
		return s, err
	}
	for _, q := range queries {
		if q.Accepted >= to {
			return s, nil
		}
		if q.Accepted >= from {
			s.add(q.under(contract))
		}
	}
	s.Next = next
	return s, nil
}

// askedBefore is the Page.After of a contract's queries that were accepted at a time or
// later. The clock never runs backwards, so it is found by halving.
func (v View) askedBefore(contract string, from int64) (string, error) {
	prefix := ofParty(prefixContractQuery, contract)
	// first reads the first query after a place; ok is false when there is none.
	first := func(p Page) (q Query, ok bool, err error) {
		p.Limit = 1
		all, _, err := pageOf[Query](v, prefix, p, v.named(prefixQuery))
		if err != nil || len(all) == 0 {
			return q, false, err
		}
		return all[0], true, nil
	}
	last, ok, err := first(Page{Newest: true})
	if err != nil || !ok {
		return "", err
	}
	// Every query up to low was accepted before; those after high were not.
	low, high := uint64(0), last.Seq
	for low < high {
		mid := low + (high-low)/2
		q, ok, err := first(Page{After: seqName(mid)})
		switch {
		case err != nil:
			return "", err
		case ok && q.Accepted < from:
			low = q.Seq
		default:
			high = mid
		}
	}
	return seqName(low), nil
}

// Add appends the following page.
func (s *Statement) Add(next Statement) {
	s.Lines = append(s.Lines, next.Lines...)
	s.Queries += next.Queries
	s.Repeats += next.Repeats
	s.Failed += next.Failed
	s.Groups += next.Groups
	s.Price = AddAmounts(s.Price, next.Price)
	s.Contract, s.QueriesLeft, s.BudgetLeft, s.Next = next.Contract, next.QueriesLeft, next.BudgetLeft, next.Next
}

// under is the query as one of its contracts paid for it.
func (q Query) under(contract string) Query {
	if q.Join != nil && q.Join.Contract == contract {
		q.Release, q.Price = q.Join.Release, q.Join.Price
	}
	return q
}

func (s *Statement) add(q Query) {
	line := StatementLine{
		Query: q.ID, Seq: q.Seq, Accepted: q.Accepted, Release: q.Release, State: q.State,
		Repeats: q.Repeats, Price: AddAmounts(q.Price), Refunded: q.Refunded,
	}
	if q.State == QueryDone {
		line.Groups = q.Groups
	}
	if q.Refunded {
		line.Price = AddAmounts()
	}
	s.Lines = append(s.Lines, line)
	s.Queries++
	if q.Repeats != "" {
		s.Repeats++
	}
	if q.State == QueryFailed {
		s.Failed++
	}
	s.Groups += line.Groups
	s.Price = AddAmounts(s.Price, line.Price)
}

// monthOf are the Unix milliseconds of a month at an offset from UTC.
func monthOf(month, offset string) (from, to int64, err error) {
	if month == "" {
		return 0, MaxTime, nil
	}
	grain, index, err := ParsePeriod(month)
	if err != nil || grain != GrainMonth {
		return 0, 0, invalid("month", "%.40q is not a month", month).withFix("write it like 2026-11")
	}
	ahead, err := offsetMillis(offset)
	if err != nil {
		return 0, 0, err
	}
	hours := GrainMonth.Span(index, GrainHour)
	return hours.From*3600_000 - ahead, hours.To*3600_000 - ahead, nil
}

// offsetMillis reads an offset from UTC such as +08:00.
func offsetMillis(s string) (int64, error) {
	if !offsetForm.MatchString(s) {
		return 0, fmt.Errorf("%.40q is not an offset from UTC", s)
	}
	hours, err := strconv.ParseInt(s[1:3], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the offset %q: %w", s, err)
	}
	minutes, err := strconv.ParseInt(s[4:], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the offset %q: %w", s, err)
	}
	ms := (hours*60 + minutes) * 60_000
	if s[0] == '-' {
		return -ms, nil
	}
	return ms, nil
}
