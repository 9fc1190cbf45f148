package judge

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/statetest"
	"github.com/weirdata/weir/catalog/tables"
)

// publicQuery is a request of a version of a public dataset.
type publicQuery struct {
	d       catalog.Descriptor
	rows    [][]string
	first   int64
	periods int
	q       catalog.Request
	vectors []catalog.VectorUse
}

// publicQuery40 is of 40 enterprises in 3 counties, 12 months from 2024-01 on.
func publicQuery40() publicQuery {
	return publicQuery{d: statetest.Descriptor("emissions"), rows: statetest.Rows(0, 40), first: statetest.Period("2024-01"), periods: 12, q: statetest.SumBy(statetest.Attribute("county"))}
}

func (s publicQuery) run(t *testing.T) (catalog.Verdict, error) {
	t.Helper()
	table, err := tables.New(statetest.Columns, s.rows)
	if err != nil {
		t.Fatal(err)
	}
	s.d.Policy = catalog.Policy{Aggregates: []string{"sum", "count"}, Public: true, Grain: s.d.Grain}
	v := catalog.Version{Version: 1}
	v.Entities, v.First, v.Periods = len(s.rows), s.first, s.periods
	e := &evaluation{descriptor: s.d, version: v, request: s.q, table: table, extent: []calendar.Interval{extentOf(v)}, vectors: s.vectors}
	return e.run()
}

func (s publicQuery) refused(t *testing.T, rule string) *catalog.Refusal {
	t.Helper()
	_, err := s.run(t)
	r, ok := err.(*catalog.Refusal) //nolint:errorlint // run returns it as it is
	if !ok {
		t.Fatalf("%v, want refusal %s", err, rule)
	}
	statetest.WantRefusal(t, r, catalog.RefusedPolicy, rule)
	return r
}

func (s publicQuery) judged(t *testing.T) catalog.Verdict {
	t.Helper()
	v, err := s.run(t)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPeriodsOfPublicDataMaySplitThePolicys(t *testing.T) {
	s := publicQuery40()
	s.d.Policy.Grain = calendar.Quarter
	s.q.By = nil
	s.q.Periods = []calendar.Interval{{From: statetest.Period("2000-02"), To: statetest.Period("2024-05")}} // begins before the version does
	s.judged(t)
}

// TestLargestShareFitsIntoAnEnvelope signs a share as large as a verdict allows.
func TestLargestShareFitsIntoAnEnvelope(t *testing.T) {
	fits := func(b catalog.QueryShare) {
		t.Helper()
		p := catalog.Payload{Kind: catalog.KindQueryShare, Nonce: strings.Repeat("0", 32), Expires: 1, Body: catalog.Encode(b)}
		if _, err := catalog.Sign(ed25519.NewKeyFromSeed(make([]byte, 32)), catalog.NodeSigner("node1"), p); err != nil {
			t.Fatal(err)
		}
	}
	v := evaluation{verdict: catalog.Verdict{
		EntityGroups: make([]catalog.EntityGroup, catalog.MaxGroups), PeriodGroups: []catalog.PeriodGroup{{}}, Columns: []catalog.Column{{Measure: "nox"}},
	}}
	if r := v.checkSize(); r != nil {
		t.Fatal(r)
	}
	b := catalog.QueryShare{Query: catalog.QueryID(catalog.Digest{}), Attempt: 1, Sealed: bytes.Repeat([]byte{255}, catalog.MaxSealed(catalog.MaxGroups, 1))}
	fits(b)
	v.verdict.Columns = append(v.verdict.Columns, catalog.Column{Measure: "so2"})
	r, _ := errors.AsType[*catalog.Refusal](v.checkSize())
	statetest.WantRefusal(t, r, catalog.RefusedPolicy, "max_share")
	all, largest := make([]catalog.EntityGroup, catalog.MaxGroups), 0
	for columns := 1; columns <= catalog.MaxColumns; columns++ {
		v.verdict.Columns = make([]catalog.Column, columns)
		most := sort.Search(catalog.MaxGroups, func(n int) bool {
			v.verdict.EntityGroups = all[:n+1]
			return v.checkSize() != nil
		})
		largest = max(largest, catalog.MaxSealed(most, columns))
	}
	if largest < 8*catalog.MaxGroups {
		t.Fatalf("the largest share has %d bytes", largest)
	}
	b.Sealed = bytes.Repeat([]byte{255}, largest)
	fits(b)
}

// A query that is too large is told how large it may be: at that size it passes, and
// not above.
func TestTheFixOfATooLargeQueryPasses(t *testing.T) {
	s := publicQuery40()
	s.d.Measures[0].Max = 1e16 // half of it, times 28, fits into 1.4·10^17
	s.q = statetest.SumBy()
	r := s.refused(t, "magnitude")
	statetest.CheckSaid(t, r, "cells", "widest", "max_sum", "max_cells")
	if r.Field != "select[0]" || r.Numbers[3] != (catalog.Number{Name: "max_cells", Value: "28"}) || !strings.Contains(explain.Fix(r), "at most 28 cells") {
		t.Fatalf("refusal %+v", r)
	}
	at := func(entities, months int) {
		s.q.Where = statetest.In("", statetest.IDs(upTo(entities)...)...)
		s.q.Periods = []calendar.Interval{{From: s.first, To: s.first + int64(months)}}
	}
	at(7, 4)
	s.judged(t)
	at(29, 1)
	s.refused(t, "magnitude")
	s.d.Measures[0].Max = 1e18
	if r := s.refused(t, "magnitude"); !strings.Contains(explain.Fix(r), "no sum of it fits") {
		t.Errorf("fix %q", explain.Fix(r))
	}

	for _, columns := range []int{2, 3, 60} {
		v := evaluation{descriptor: s.d, verdict: catalog.Verdict{Columns: make([]catalog.Column, columns), PeriodGroups: make([]catalog.PeriodGroup, 1)}}
		most := maxSharedGroups(columns)
		v.verdict.EntityGroups = make([]catalog.EntityGroup, min(most, catalog.MaxGroups))
		if r := v.checkSize(); r != nil {
			t.Errorf("%d groups of %d columns: %s", most, columns, r)
		}
		if most >= catalog.MaxGroups {
			continue
		}
		v.verdict.EntityGroups = make([]catalog.EntityGroup, most+1)
		r, _ := errors.AsType[*catalog.Refusal](v.checkSize())
		statetest.WantRefusal(t, r, catalog.RefusedPolicy, "max_share")
		statetest.CheckSaid(t, r, "groups", "columns", "bytes", "max_groups")
		if !strings.Contains(explain.Fix(r), "at most "+strconv.Itoa(most)) {
			t.Errorf("fix %q, want %d", explain.Fix(r), most)
		}
	}
	s = publicQuery40()
	s.d.Grain, s.first, s.periods = calendar.Day, 0, 5000
	s.q.By = []catalog.Dimension{{Kind: catalog.DimEntity}, {Kind: catalog.DimPeriod, Grain: calendar.Day}}
	statetest.CheckSaid(t, s.refused(t, "max_groups"), "groups", "max_groups")
	s.q.By[1].Grain = calendar.Month
	s.judged(t)
	statetest.CheckSaid(t, checkWork(3<<30), "steps", "max_work")
}

func upTo(n int) []int {
	var out []int
	for i := range n {
		out = append(out, i)
	}
	return out
}
