package view

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/catalog/records"
)

// Statement lists the queries of a contract that were accepted in a month such
// as 2026-11, or all of them for an empty month, the oldest first; of the page, After
// and Limit count. A month that is none is a *Refusal.
func (v View) Statement(contract, month string, p records.Page) (catalog.Statement, error) {
	k, err := v.Contract(contract)
	if err != nil {
		return catalog.Statement{}, err
	}
	d, err := records.Find[catalog.Dataset](v.r, records.PrefixDataset+k.Dataset)
	if err != nil {
		return catalog.Statement{}, err
	}
	from, to, err := monthOf(month, d.Descriptor.UTCOffset)
	if err != nil {
		return catalog.Statement{}, err
	}
	s := catalog.Statement{Contract: k, Month: month, Currency: k.Currency(), Lines: []catalog.StatementLine{}, Price: decimal.AddAmounts()}
	if n, limited := k.QueriesLeft(); limited {
		s.QueriesLeft = &n
	}
	s.BudgetLeft, _ = k.BudgetLeft()
	p.Newest = false
	if p.After == "" && month != "" {
		if p.After, err = askedBefore(v.r, contract, from); err != nil {
			return s, err
		}
	}
	queries, next, err := records.ReadPage[catalog.Query](v.r, records.OfParty(records.PrefixContractQuery, contract), p, records.ByName(v.r, records.PrefixQuery))
	if err != nil {
		return s, err
	}
	for _, q := range queries {
		if q.Accepted >= to {
			return s, nil
		}
		if q.Accepted >= from {
			addLine(&s, underContract(q, contract))
		}
	}
	s.Next = next
	return s, nil
}

// askedBefore is the Page.After of a contract's queries that were accepted at a time or
// later. The clock never runs backwards, so it is found by halving.
func askedBefore(r records.Reader, contract string, from int64) (string, error) {
	prefix := records.OfParty(records.PrefixContractQuery, contract)
	// first reads the first query after a place; ok is false when there is none.
	first := func(p records.Page) (q catalog.Query, ok bool, err error) {
		p.Limit = 1
		all, _, err := records.ReadPage[catalog.Query](r, prefix, p, records.ByName(r, records.PrefixQuery))
		if err != nil || len(all) == 0 {
			return q, false, err
		}
		return all[0], true, nil
	}
	last, ok, err := first(records.Page{Newest: true})
	if err != nil || !ok {
		return "", err
	}
	// Every query up to low was accepted before; those after high were not.
	low, high := uint64(0), last.Seq
	for low < high {
		mid := low + (high-low)/2
		q, ok, err := first(records.Page{After: records.SeqName(mid)})
		switch {
		case err != nil:
			return "", err
		case ok && q.Accepted < from:
			low = q.Seq
		default:
			high = mid
		}
	}
	return records.SeqName(low), nil
}

// underContract is the query as one of its contracts paid for it.
func underContract(q catalog.Query, contract string) catalog.Query {
	if q.Join != nil && q.Join.Contract == contract {
		q.Version, q.Price = q.Join.Version, q.Join.Price
	}
	return q
}

func addLine(s *catalog.Statement, q catalog.Query) {
	line := catalog.StatementLine{
		Query: q.ID, Seq: q.Seq, Accepted: q.Accepted, Version: q.Version, State: q.State,
		Repeats: q.Repeats, Price: decimal.AddAmounts(q.Price), Refunded: q.Refunded,
	}
	if q.State == catalog.QueryDone {
		line.Groups = q.Groups
	}
	if q.Refunded {
		line.Price = decimal.AddAmounts()
	}
	s.Lines = append(s.Lines, line)
	s.Queries++
	if q.Repeats != "" {
		s.Repeats++
	}
	if q.State == catalog.QueryFailed {
		s.Failed++
	}
	s.Groups += line.Groups
	s.Price = decimal.AddAmounts(s.Price, line.Price)
}

// monthOf are the Unix milliseconds of a month at an offset from UTC.
func monthOf(month, offset string) (from, to int64, err error) {
	if month == "" {
		return 0, catalog.MaxTime, nil
	}
	grain, index, err := calendar.Parse(month)
	if err != nil || grain != calendar.Month {
		return 0, 0, catalog.Invalid("month", "statement.month", month)
	}
	ahead, err := calendar.OffsetMillis(offset)
	if err != nil {
		return 0, 0, err
	}
	hours := calendar.Month.Span(index, calendar.Hour)
	return hours.From*3600_000 - ahead, hours.To*3600_000 - ahead, nil
}
