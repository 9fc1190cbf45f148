package state

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/records/memstore"
)

// listed is a principal's queries in a store, without what else the machine would write.
type listed struct {
	store *memstore.Store
	ids   []string // in the ledger's order
}

func (l *listed) add(t interface{ Fatal(...any) }, size int) {
	seq := uint64(3*len(l.ids) + 7)
	id := fmt.Sprintf("q-%x", seq*2654435761%1000003) // ids are in no order
	q := catalog.Query{ID: id, Principal: "p-1", Seq: seq, Reason: catalog.Reason{Code: strings.Repeat("x", size)}}
	if err := errors.Join(records.PutText(l.store, records.OfParty(records.PrefixQueryOf, "p-1")+records.SeqName(seq), id), records.Put(l.store, records.PrefixQuery+id, q)); err != nil {
		t.Fatal(err)
	}
	l.ids = append(l.ids, id)
}

// Whatever is added between two pages, the pages together hold everything that was
// there when the first was read, once and in order.
func TestPagesTogetherAreTheListThatWasThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &listed{store: memstore.New()}
		// Neighbours of the list, which no page may reach.
		for _, key := range []string{records.OfParty(records.PrefixQueryOf, "p-0") + records.SeqName(9), records.OfParty(records.PrefixQueryOf, "p-2") + records.SeqName(9)} {
			if err := records.PutText(l.store, key, "q-other"); err != nil {
				t.Fatal(err)
			}
		}
		large := rapid.Bool().Draw(t, "large")
		size := func() int {
			if !large {
				return 0
			}
			return rapid.IntRange(0, catalog.MaxPageBytes*2/3).Draw(t, "bytes")
		}
		for range rapid.IntRange(0, 12).Draw(t, "records") {
			l.add(t, size())
		}
		want := slices.Clone(l.ids)
		newest := rapid.Bool().Draw(t, "newest")
		var got []string
		for after, first := "", true; first || after != ""; first = false {
			p := records.Page{After: after, Newest: newest, Limit: rapid.IntRange(1, 5).Draw(t, "limit")}
			page, next, err := NewMachine().View(l.store).QueryPage("p-1", p)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) > p.Limit || next != "" && len(page) == 0 {
				t.Fatalf("%d records on a page of %d, the next one is after %q", len(page), p.Limit, next)
			}
			bytes := 0
			for _, q := range page {
				got, bytes = append(got, q.ID), bytes+len(catalog.Encode(q))
			}
			if bytes > catalog.MaxPageBytes && len(page) > 1 {
				t.Fatalf("%d records of %d bytes on a page", len(page), bytes)
			}
			after = next
			for range rapid.IntRange(0, 2).Draw(t, "added") {
				if len(l.ids) < 30 { // or the end would run away
					l.add(t, size())
				}
			}
		}
		if newest {
			slices.Reverse(want)
			if !slices.Equal(got, want) {
				t.Fatalf("the pages hold %v, want %v", got, want)
			}
			return
		}
		if len(got) < len(want) || !slices.Equal(got, l.ids[:len(got)]) {
			t.Fatalf("the pages hold %v, there are %v, %d of them from the beginning", got, l.ids, len(want))
		}
	})
}

// counter counts what is read of a store.
type counter struct {
	*memstore.Store
	reads int
}

func (c *counter) Get(key []byte) ([]byte, error) {
	c.reads++
	return c.Store.Get(key)
}

func (c *counter) Scan(prefix []byte, fn func(key, value []byte) error) error {
	return c.Store.Scan(prefix, func(key, value []byte) error {
		c.reads++
		return fn(key, value)
	})
}

func (c *counter) Walk(s records.Stretch, fn func(key, value []byte) error) error {
	return c.Store.Walk(s, func(key, value []byte) error {
		c.reads++
		return fn(key, value)
	})
}

// A page costs what it holds, wherever it lies and however long the list is.
func TestAPageCostsWhatItHolds(t *testing.T) {
	l := &listed{store: memstore.New()}
	const count = 3000
	for range count {
		l.add(t, 0)
	}
	c := &counter{Store: l.store}
	v := NewMachine().View(c)
	for _, p := range []records.Page{{}, {Newest: true}, {After: records.SeqName(4500)}, {After: records.SeqName(4500), Newest: true}} {
		p.Limit, c.reads = 10, 0
		page, next, err := v.QueryPage("p-1", p)
		if err != nil || len(page) != p.Limit || next != records.SeqName(page[9].Seq) {
			t.Fatalf("%+v: %d records, next %q, %v", p, len(page), next, err)
		}
		if c.reads > 2*p.Limit+1 {
			t.Errorf("%+v: %d reads for %d records of %d", p, c.reads, p.Limit, count)
		}
	}
}

// The month of a statement is found without reading those before it, and its pages add
// up to the whole.
func TestAStatementCostsWhatItsPageHolds(t *testing.T) {
	w := priced(t)
	id := w.contract("bank", catalog.OrderCreate{Dataset: "priced"})
	const each, start = 300, 1_701_360_000_000 // 300 queries in every month from 2023-12 on, +08:00
	for i := range 10 * each {
		q := catalog.Query{ID: fmt.Sprintf("q-%d", i), Seq: uint64(1000 + 7*i), Price: "0.10", State: catalog.QueryDone, Groups: 2}
		q.Accepted = start + int64(i/each)*31*24*3600_000
		if err := errors.Join(records.Put(w.store, records.PrefixQuery+q.ID, q), records.PutText(w.store, records.OfParty(records.PrefixContractQuery, id)+records.SeqName(q.Seq), q.ID)); err != nil {
			t.Fatal(err)
		}
	}
	c := &counter{Store: w.store}
	v := w.machine.View(c)
	for month, first := range map[string]int{"2023-12": 0, "2024-01": each, "2024-05": 5 * each, "2024-09": 9 * each} {
		whole := must[catalog.Statement](t)(v.Statement(id, month, records.Page{}))
		if whole.Queries != each || whole.Lines[0].Query != fmt.Sprintf("q-%d", first) || whole.Price != "30.00" || whole.Groups != 2*each {
			t.Fatalf("%s: %d queries from %s for %s", month, whole.Queries, whole.Lines[0].Query, whole.Price)
		}
		c.reads = 0
		sum := must[catalog.Statement](t)(v.Statement(id, month, records.Page{Limit: 70}))
		if c.reads > 2*71+100 {
			t.Errorf("%s: %d reads for 70 queries of %d", month, c.reads, 10*each)
		}
		for sum.Next != "" {
			sum.Add(must[catalog.Statement](t)(v.Statement(id, month, records.Page{After: sum.Next, Limit: 70})))
		}
		if diff := cmp.Diff(whole, sum); diff != "" {
			t.Errorf("%s: the pages add up to another statement: %s", month, diff)
		}
	}
	if s := must[catalog.Statement](t)(v.Statement(id, "2025-01", records.Page{Limit: 5})); s.Queries != 0 || s.Next != "" {
		t.Errorf("after the last query: %+v", s)
	}
	if s := must[catalog.Statement](t)(v.Statement(id, "2023-11", records.Page{Limit: 5})); s.Queries != 0 || s.Next != "" {
		t.Errorf("before the first query: %+v", s)
	}
}

// Orders and contracts are listed for both parties, and for nobody else.
func TestListsAreOfTheirPartiesAlone(t *testing.T) {
	w := ready(t)
	id := w.contract("bank", catalog.OrderCreate{Dataset: "emissions"})
	other := w.contract("insurer", catalog.OrderCreate{Dataset: "emissions"})
	v := w.view()
	for who, want := range map[string][]string{
		testID("bank"): {id}, testID("insurer"): {other}, testID("bureau"): {id, other}, "": {id, other}, testID("rival"): nil, "p-1/": nil,
	} {
		contracts, _, err := v.ContractPage(who, records.Page{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		var got, ordered []string
		for _, k := range contracts {
			got = append(got, k.ID)
		}
		orders, _, err := v.OrderPage(who, records.Page{Limit: 10, Newest: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range orders {
			ordered = append([]string{o.Contract}, ordered...)
		}
		if !slices.Equal(got, want) || !slices.Equal(ordered, want) {
			t.Errorf("%q: contracts %v, of orders %v, want %v", who, got, ordered, want)
		}
	}
	changes, _, err := v.ChangePage(records.Page{Newest: true, Limit: 1})
	if err != nil || len(changes) != 1 || changes[0] != (records.Change{Dataset: "emissions", Version: 1}) {
		t.Errorf("the newest change is %v, %v", changes, err)
	}
}
