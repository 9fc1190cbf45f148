package catalog

import (
	"fmt"
	"strconv"
)

// Statement is what was asked under a contract, and what it cost. Amounts are
// exact decimals in Currency. Queries counts accepted ones, repeats and failed
// ones included; Groups only what was released.
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
// as 2026-11, or all of them for an empty month. A month that is none is a
// *Refusal.
func (v View) Statement(contract, month string) (Statement, error) {
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
	ids, err := values(v.r, prefixContractQuery+contract+"/")
	if err != nil {
		return s, err
	}
	for _, id := range ids {
		q, err := v.Query(id)
		if err != nil {
			return s, err
		}
		if q.Accepted >= from && q.Accepted < to {
			s.add(q.under(contract))
		}
	}
	return s, nil
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
