package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/statetest"
	"github.com/weirdata/weir/catalog/tables"
)

// listWorld is a protected dataset of 40 enterprises in three counties, of which a bank
// may ask exact figures of its list.
func listWorld(t *testing.T, change func(*catalog.Policy)) (*history, string) {
	t.Helper()
	s := scene40(5, everybody)
	if change != nil {
		change(&s.d.Policy)
	}
	h := s.history(t)
	return h, h.contract("bank", catalog.OrderCreate{Dataset: "emissions", Portfolio: true})
}

// list registers a list that is asked by attributes.
func (h *history) listBy(who, name string, version int, by ...string) catalog.Vector {
	h.t.Helper()
	b := h.vectorOf(name, version)
	b.By = by
	return h.vector(who, b)
}

// listSum asks for the sum of a list over months from January 2024 on.
func listSum(list catalog.Vector, from, n int64, by ...catalog.Dimension) catalog.Request {
	first := statetest.Period("2024-01") + from
	q := sumOf("emissions", "nox", nil, []calendar.Interval{{From: first, To: first + n}}, by...)
	q.In = list.ID
	return q
}

// witnessed is a query as a client of this version asks it: with the sources that are
// there, and new witnesses.
func (h *history) witnessed(contract string, q catalog.Request) catalog.QuerySubmit {
	h.t.Helper()
	d := must[catalog.Dataset](h.t)(h.view().Dataset(q.Dataset))
	_, rule, err := h.machine.cache.FamilyOf(h.store, d.Owner, d.Descriptor.Registry)
	if err != nil {
		h.t.Fatal(err)
	}
	reg := must[catalog.Registry](h.t)(h.view().Registries().Get(d.Descriptor.Registry))
	values := make([][]string, len(reg.Columns))
	for a := range reg.Columns {
		if err := json.Unmarshal(must[[]byte](h.t)(h.view().Registries().CodeValues(reg.ID, a)), &values[a]); err != nil {
			h.t.Fatal(err)
		}
	}
	list := must[catalog.Vector](h.t)(h.view().Vectors().Get(q.In))
	birth, groups, err := rule.Tree().BirthTable(reg.Columns, list.By, values)
	if err != nil {
		h.t.Fatal(err)
	}
	selected := tables.Select(q.Where, birth)
	groups = slices.Clone(groups)
	for class, g := range groups {
		if g >= 0 && !selected[g] {
			groups[class] = -1
		}
	}
	if q.AsOf == 0 {
		q.AsOf = d.Live
	}
	q.Sources = rule.SourcesDigest(d.ID, disclosure.PortfolioQuery{
		Columns: disclosure.PortfolioColumns(q.Columns(d.Descriptor)), Periods: rule.AskedPeriods(d.Descriptor, q.Periods, q.AsOf, nil), Groups: groups, AsOf: q.AsOf,
	})
	out := submit(contract, q)
	for p := range h.n {
		out.Witnesses = append(out.Witnesses, catalog.Sum(fmt.Appendf(nil, "witness %d %d", h.seq, p)))
	}
	return out
}

func (h *history) asks(who, contract string, q catalog.Request) string {
	h.t.Helper()
	return h.ok(who, catalog.KindQuerySubmit, h.witnessed(contract, q)).ID
}

func (h *history) cannot(who, contract string, q catalog.Request, rule string) *catalog.Refusal {
	h.t.Helper()
	out := h.do(who, catalog.KindQuerySubmit, h.witnessed(contract, q))
	if out.Refusal == nil || out.Refusal.Rule != rule {
		h.t.Fatalf("%+v, want it refused by %s", out.Refusal, rule)
	}
	return out.Refusal
}

// answered completes a query's next attempt.
func (h *history) answered(id string) {
	h.t.Helper()
	h.running(id)
	n := len(must[catalog.Query](h.t)(h.view().Query(id)).Attempts)
	for i, node := range h.active() {
		h.ok(node, catalog.KindQueryShare, h.share(id, n, i+1))
	}
}

// running names a query's next attempt.
func (h *history) running(id string) int {
	h.t.Helper()
	q := must[catalog.Query](h.t)(h.view().Query(id))
	verdict := must[catalog.Verdict](h.t)(h.view().Verdict(id))
	n := len(q.Attempts) + 1
	active := h.active()
	tiles := int64(0)
	for _, l := range verdict.Layers {
		v := must[catalog.Version](h.t)(h.view().Versions().Get(q.Dataset, l.Version))
		tiles += v.MostTiles(verdict.Columns)
	}
	h.ok("node1", catalog.KindQueryAttempt, catalog.QueryAttempt{Query: id, Attempt: n, Active: active, Root: active[0], Tiles: tiles})
	return n
}

// fails has all members of the next attempt say that the test failed.
func (h *history) fails(id string, witnesses bool) {
	h.t.Helper()
	n := h.running(id)
	for _, node := range h.active() {
		h.ok(node, catalog.KindTestFailed, catalog.TestFailed{Query: id, Attempt: n, Witnesses: witnesses})
	}
}

// TestAPlaceIsTakenByAContractAndFreeWhenItEnds, but for the months that were asked.
func TestAPlaceIsTakenByAContractAndFreeWhenItEnds(t *testing.T) {
	h, contract := listWorld(t, nil)
	mine := h.listBy("bank", "mine", 1)
	plain := h.contract("bank", catalog.OrderCreate{Dataset: "emissions"})
	h.cannot("bank", plain, listSum(mine, 0, 1), "portfolio_contract")
	order := h.ok("insurer", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "risk", Portfolio: true}).ID
	places := must[[]catalog.Places](t)(h.view().Places("emissions"))
	if len(places) != 2 || places[0].Left() != 0 || !slices.Equal(places[0].Holders, []string{testID("bank")}) || len(places[0].Taken) != 0 {
		t.Fatalf("places %+v", places)
	}
	h.no("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order}, catalog.RefusedPolicy, "portfolio_places")
	without := h.ok("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order, NoPortfolio: true}).ID
	theirs := h.listBy("insurer", "theirs", 1)
	h.cannot("insurer", without, listSum(theirs, 0, 1), "portfolio_contract")
	// The same buyer takes no second place.
	again := h.contract("bank", catalog.OrderCreate{Dataset: "emissions", Portfolio: true})
	h.answered(h.asks("bank", contract, listSum(mine, 0, 2)))
	for _, id := range []string{contract, again} {
		h.ok("bureau", catalog.KindContractRevoke, catalog.ContractChange{Contract: id})
	}
	granted := h.contract("insurer", catalog.OrderCreate{Dataset: "emissions", Portfolio: true})
	h.cannot("insurer", granted, listSum(theirs, 1, 1), "portfolio_taken")
	h.asks("insurer", granted, listSum(theirs, 2, 1))
	places = must[[]catalog.Places](t)(h.view().Places("emissions"))
	first := statetest.Period("2024-01")
	want := []catalog.Taken{{Owner: testID("bank"), Interval: calendar.Interval{From: first, To: first + 2}}, {Owner: testID("insurer"), Interval: calendar.Interval{From: first + 2, To: first + 3}}}
	if d := cmp.Diff(want, places[0].Taken); d != "" || len(places[1].Taken) != 0 {
		t.Errorf("taken (-want +got)\n%s", d)
	}
}

// TestAnExpiredContractHasNoPlace: its term ends it as a revocation does.
func TestAnExpiredContractHasNoPlace(t *testing.T) {
	h := scene40(5, everybody).history(t)
	h.contract("bank", catalog.OrderCreate{Dataset: "emissions", Portfolio: true, Until: h.now + 60_000})
	order := h.ok("insurer", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "risk", Portfolio: true}).ID
	h.no("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order}, catalog.RefusedPolicy, "portfolio_places")
	h.now += 60_001
	h.ok("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order})
}

// TestOneOwnerHasOneListForAMonth, over all versions and contracts, also where the
// publisher lets two owners have one: both places for one buyer would tell the
// difference of two lists.
func TestOneOwnerHasOneListForAMonth(t *testing.T) {
	h, contract := listWorld(t, func(p *catalog.Policy) { p.Portfolios = 2 })
	second := h.contract("bank", catalog.OrderCreate{Dataset: "emissions", Portfolio: true})
	if p := must[[]catalog.Places](t)(h.view().Places("emissions"))[0]; p.Left() != 1 {
		t.Fatalf("two contracts of one buyer take %d places", p.Owners-p.Left())
	}
	mine, other := h.listBy("bank", "mine", 1), h.listBy("bank", "mine", 2)
	h.answered(h.asks("bank", contract, listSum(mine, 0, 1)))
	for _, id := range []string{contract, second} {
		h.cannot("bank", id, listSum(other, 0, 1), "portfolio_other")
		h.cannot("bank", id, listSum(other, 0, 12), "portfolio_other")
	}
	h.publish("emissions", versionOf{40, 12, statetest.Period("2024-01"), func(int, int64, int) int { return 2 }})
	h.cannot("bank", contract, listSum(other, 0, 1), "portfolio_other")
	h.asks("bank", second, listSum(mine, 0, 1))
	h.asks("bank", contract, listSum(other, 1, 1)) // other months may have another list
	insurer := h.contract("insurer", catalog.OrderCreate{Dataset: "emissions", Portfolio: true})
	h.asks("insurer", insurer, listSum(h.listBy("insurer", "theirs", 1), 0, 12))
}

// TestAnOwnerIsBoundToItsFirstList where the policy says never.
func TestAnOwnerIsBoundToItsFirstList(t *testing.T) {
	h, contract := listWorld(t, func(p *catalog.Policy) { p.PortfolioChange = catalog.PortfolioNever })
	mine, other := h.listBy("bank", "mine", 1), h.listBy("bank", "mine", 2)
	// A list whose test failed binds nobody.
	h.fails(h.asks("bank", contract, listSum(other, 0, 2)), false)
	h.asks("bank", contract, listSum(mine, 0, 1))
	h.cannot("bank", contract, listSum(other, 1, 1), "portfolio_bound")
	h.asks("bank", contract, listSum(mine, 1, 1))
}

// TestOnlyAFailedTestGivesMonthsBack, where all members say so and no other query holds
// them. The price stays spent in any case.
func TestOnlyAFailedTestGivesMonthsBack(t *testing.T) {
	taken := func(h *history) int {
		return len(must[[]string](t)(records.Names(h.store, records.PrefixPlace+"emissions/")))
	}
	h, contract := listWorld(t, nil)
	mine, other := h.listBy("bank", "mine", 1), h.listBy("bank", "mine", 2)
	id := h.asks("bank", contract, listSum(mine, 0, 3))
	n := h.running(id)
	b := catalog.TestFailed{Query: id, Attempt: n}
	h.ok(h.active()[0], catalog.KindTestFailed, b)
	h.no(h.active()[0], catalog.KindTestFailed, b, catalog.RefusedConflict, "twice")
	b.Witnesses = true
	h.no(h.active()[1], catalog.KindTestFailed, b, catalog.RefusedConflict, "test")
	if taken(h) != 3 {
		t.Fatalf("%d months are taken while one member says that the test failed", taken(h))
	}
	h.ok(h.active()[1], catalog.KindTestFailed, catalog.TestFailed{Query: id, Attempt: n})
	q := must[catalog.Query](t)(h.view().Query(id))
	if q.State != catalog.QueryFailed || q.Refunded || q.Reason.Code != catalog.CodeTest || taken(h) != 0 {
		t.Fatalf("%d months are taken, the query is %+v", taken(h), q)
	}
	// An open query of the same list keeps them, and so does one that was lost.
	first, second := h.asks("bank", contract, listSum(mine, 0, 3)), h.asks("bank", contract, listSum(mine, 0, 1))
	h.fails(first, false)
	if taken(h) != 1 {
		t.Fatalf("%d months are taken, want that of the open query", taken(h))
	}
	for range catalog.MaxAttempts {
		n := h.running(second)
		h.ok("node1", catalog.KindQueryFail, catalog.QueryFail{Query: second, Attempt: n, Reason: catalog.Why("node.stopped")})
	}
	if q := must[catalog.Query](t)(h.view().Query(second)); q.State != catalog.QueryFailed || taken(h) != 1 {
		t.Fatalf("%d months are taken after three lost attempts, the query is %s", taken(h), q.State)
	}
	h.cannot("bank", contract, listSum(other, 0, 1), "portfolio_other")
	h.fails(h.asks("bank", contract, listSum(mine, 0, 1)), false) // once lost, kept for good
	h.cannot("bank", contract, listSum(other, 0, 1), "portfolio_other")
	// Wrong witnesses are no failed test.
	id = h.asks("bank", contract, listSum(mine, 4, 1))
	h.fails(id, true)
	if q := must[catalog.Query](t)(h.view().Query(id)); q.Reason.Code != catalog.CodeWitnesses || q.Refunded {
		t.Fatalf("with wrong witnesses: %+v", q)
	}
	h.cannot("bank", contract, listSum(other, 4, 1), "portfolio_other")
}

// TestAPublisherTakesNoPlaceOnItsOwnData, and what it asks is tested all the same.
func TestAPublisherTakesNoPlaceOnItsOwnData(t *testing.T) {
	h, contract := listWorld(t, nil)
	for version := 1; version <= 2; version++ {
		own := h.listBy("bureau", "own", version)
		id := h.asks("bureau", "", listSum(own, 0, 12))
		if test, pieces, err := h.view().PortfolioTest(id); err != nil || test == nil || pieces != 1 {
			t.Fatalf("test %v of %d pieces, %v", test, pieces, err)
		}
	}
	h.asks("bank", contract, listSum(h.listBy("bank", "mine", 1), 0, 12))
}

// TestWhatAListedQueryMustName: witnesses that nobody named before, and the sources that
// are there; and no other query names either.
func TestWhatAListedQueryMustName(t *testing.T) {
	h, contract := listWorld(t, nil)
	mine := h.listBy("bank", "mine", 1)
	q := listSum(mine, 0, 1)
	for name, c := range map[string]struct {
		change func(*catalog.QuerySubmit)
		rule   string
	}{
		"no witnesses":                {func(b *catalog.QuerySubmit) { b.Witnesses = nil }, "invalid"},
		"too few":                     {func(b *catalog.QuerySubmit) { b.Witnesses = b.Witnesses[1:] }, "invalid"},
		"one twice":                   {func(b *catalog.QuerySubmit) { b.Witnesses[1] = b.Witnesses[0] }, "share_used"},
		"a share of a vector":         {func(b *catalog.QuerySubmit) { b.Witnesses[0] = mine.Shares[0] }, "share_used"},
		"none for a node":             {func(b *catalog.QuerySubmit) { b.Witnesses[1] = catalog.Digest{} }, "invalid"},
		"no sources":                  {func(b *catalog.QuerySubmit) { b.Request.Sources = catalog.Digest{} }, "sources"},
		"other sources":               {func(b *catalog.QuerySubmit) { b.Request.Sources[0]++ }, "sources"},
		"sources of a public query":   {func(b *catalog.QuerySubmit) { b.Request.In, b.Witnesses = "", nil }, "invalid"},
		"witnesses of a public query": {func(b *catalog.QuerySubmit) { b.Request.In, b.Request.Sources = "", catalog.Digest{} }, "invalid"},
	} {
		b := h.witnessed(contract, q)
		c.change(&b)
		if out := h.do("bank", catalog.KindQuerySubmit, b); out.Refusal == nil || out.Refusal.Rule != c.rule {
			t.Errorf("%s: %+v, want it refused by %s", name, out.Refusal, c.rule)
		}
	}
	b := h.witnessed(contract, q)
	h.ok("bank", catalog.KindQuerySubmit, b)
	h.no("bank", catalog.KindQuerySubmit, b, catalog.RefusedConflict, "share_used")
	// A version between what the client saw and what is applied changes the sources.
	late := h.witnessed(contract, listSum(mine, 1, 1))
	late.Request.AsOf = 0
	h.publish("emissions", versionOf{40, 12, statetest.Period("2024-01"), func(int, int64, int) int { return 2 }})
	h.no("bank", catalog.KindQuerySubmit, late, catalog.RefusedConflict, "sources")
}

// TestAListIsAskedByWhatItWasRegisteredBy, as the classes were at their birth.
func TestAListIsAskedByWhatItWasRegisteredBy(t *testing.T) {
	h, contract := listWorld(t, nil)
	whole, by := h.listBy("bank", "whole", 1), h.listBy("bank", "by", 1, "county")
	h.cannot("bank", contract, listSum(whole, 0, 1, statetest.Attribute("county")), "portfolio_groups")
	h.cannot("bank", contract, listSum(by, 0, 1, statetest.Attribute("industry")), "portfolio_groups")
	h.cannot("bank", contract, listSum(by, 0, 1, catalog.Dimension{Kind: catalog.DimEntity}), "portfolio_groups")
	some := listSum(whole, 0, 1)
	some.Where = statetest.In("county", "county1")
	h.cannot("bank", contract, some, "portfolio_groups")
	some = listSum(by, 0, 1)
	some.Where = statetest.In("", "e00001", "e00002")
	h.cannot("bank", contract, some, "portfolio_groups")

	counties := h.asks("bank", contract, listSum(by, 0, 1, statetest.Attribute("county")))
	v := must[catalog.Verdict](t)(h.view().Verdict(counties))
	if len(v.EntityGroups) != 3 || len(v.Layers) != 1 || len(v.Coverage) != 0 || v.EntityGroups[0].Of != 14 || v.EntityGroups[0].Values[0] != "county0" {
		t.Fatalf("verdict %+v", v)
	}
	some = listSum(by, 1, 1)
	some.Where = statetest.In("county", "county1", "county2")
	total := h.asks("bank", contract, some)
	v = must[catalog.Verdict](t)(h.view().Verdict(total))
	if len(v.EntityGroups) != 1 || v.EntityGroups[0].Of != 26 || len(v.Parts) != 2 {
		t.Fatalf("verdict %+v", v)
	}
	// The total of a list by county is tested county by county.
	test, _, err := h.view().PortfolioTest(total)
	if err != nil || len(test.Figures) != 2 || test.Figures[0].Group == test.Figures[1].Group {
		t.Fatalf("test %+v, %v", test, err)
	}
}

// TestTheTestOfAnAcceptedQueryDoesNotChange by what is published after it.
func TestTheTestOfAnAcceptedQueryDoesNotChange(t *testing.T) {
	h, contract := listWorld(t, nil)
	id := h.asks("bank", contract, listSum(h.listBy("bank", "mine", 1, "county"), 0, 12, statetest.Attribute("county")))
	before, _, err := h.view().PortfolioTest(id)
	if err != nil || len(before.Figures) != 3 || len(before.Figures[0].Run.Periods) != 12 {
		t.Fatalf("test %+v, %v", before, err)
	}
	h.appendRows(statetest.Rows(40, 20))
	h.publish("emissions", versionOf{60, 12, statetest.Period("2024-01"), func(_ int, _ int64, e int) int { return 1 + e%2 }})
	after, _, err := h.view().PortfolioTest(id)
	if was, is := catalog.Encode(before), catalog.Encode(after); err != nil || !bytes.Equal(is, was) {
		t.Fatalf("the test is %s after the next version, %s before: %v", is, was, err)
	}
}

// TestListedQueriesTakeNothingFromOthers: whatever is asked of lists, failed tests
// included, a public query is answered as before.
func TestListedQueriesTakeNothingFromOthers(t *testing.T) {
	h, contract := listWorld(t, nil)
	asked := submit("", statetest.SumBy(statetest.Attribute("county")))
	judged := func() catalog.Digest {
		v, r, err := h.view().Judge(testID("bureau"), asked)
		if err != nil || r != nil {
			t.Fatal(err, r)
		}
		return v.Digest()
	}
	before := judged()
	mine := h.listBy("bank", "mine", 1, "county")
	for i := range int64(4) {
		h.fails(h.asks("bank", contract, listSum(mine, i, 3)), i%2 == 1)
		h.answered(h.asks("bank", contract, listSum(mine, i, 1, statetest.Attribute("county"))))
	}
	if after := judged(); after != before {
		t.Fatal("private queries changed what a public one gets")
	}
}

// TestAListIsAskedAsOfOneVersion: figures as of the first stay those of the first.
func TestAListIsAskedAsOfOneVersion(t *testing.T) {
	h, contract := listWorld(t, nil)
	h.publish("emissions", versionOf{40, 12, statetest.Period("2024-01"), func(_ int, _ int64, e int) int { return 1 + b2i(e%3 == 0) }})
	mine := h.listBy("bank", "mine", 1)
	older := listSum(mine, 0, 1)
	older.AsOf = 1
	layersOf := func(id string) (out []int) {
		for _, l := range must[catalog.Verdict](t)(h.view().Verdict(id)).Layers {
			out = append(out, l.Version)
		}
		return out
	}
	if got := layersOf(h.asks("bank", contract, older)); !slices.Equal(got, []int{1}) {
		t.Errorf("as of version 1 it takes %v", got)
	}
	// Of county 0 all readings are new; the others have the ones of before.
	newest := h.asks("bank", contract, listSum(mine, 0, 1))
	if got := layersOf(newest); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("as of version 2 it takes %v", got)
	}
	test, _, err := h.view().PortfolioTest(newest)
	if err != nil || len(test.Figures) != 1 || len(test.Figures[0].Steps) != 2 {
		t.Fatalf("test %+v, %v", test, err)
	}
	outside := make([]int8, 40) // of county 0 nobody
	inside := make([]int8, 40)
	for e := range outside {
		outside[e], inside[e] = -1, -1
		if e%3 == 1 && e < 20 {
			outside[e] = 0
		}
	}
	copy(inside, outside)
	inside[0] = 0
	if f := test.Passes(1, outside); len(f) != 0 {
		t.Errorf("a list whom nothing happened fails: %+v", f)
	}
	if f := test.Passes(1, inside); len(f) == 0 {
		t.Error("a list with one of the corrected ones passes: the difference of the two versions is that one's")
	}
}

// TestAListIsItsOwnersAndOnTheDatasetsRegistry.
func TestAListIsItsOwnersAndOnTheDatasetsRegistry(t *testing.T) {
	h, contract := listWorld(t, nil)
	theirs := h.witnessed(contract, listSum(h.listBy("insurer", "theirs", 1), 0, 1))
	h.no("bank", catalog.KindQuerySubmit, theirs, catalog.RefusedUnknown, "vector")
	h.registry("others", statetest.Rows(100, 20), 20)
	b := h.vectorOf("far", 1)
	reg := must[catalog.Registry](t)(h.view().Registries().Get("others"))
	b.Registry, b.Entities, b.Rows = reg.ID, reg.Rows, reg.Digest
	theirs.Request.In = h.vector("bank", b).ID
	h.no("bank", catalog.KindQuerySubmit, theirs, catalog.RefusedInvalid, "vector_registry")
}

// TestThereIsNoFigureOfAListThatUsesAWithdrawnVersion.
func TestThereIsNoFigureOfAListThatUsesAWithdrawnVersion(t *testing.T) {
	h, contract := listWorld(t, nil)
	h.publish("emissions", versionOf{40, 12, statetest.Period("2024-01"), func(_ int, _ int64, e int) int { return 1 + b2i(e%3 == 0) }})
	mine := h.listBy("bank", "mine", 1)
	b := h.witnessed(contract, listSum(mine, 0, 1))
	first := must[catalog.Version](t)(h.view().Versions().Get("emissions", 1))
	first.State = "withdrawn"
	if err := records.Put(h.store, records.PrefixVersion+records.VersionName("emissions", 1), first); err != nil {
		t.Fatal(err)
	}
	h.no("bank", catalog.KindQuerySubmit, b, catalog.RefusedPolicy, "portfolio_withdrawn")
}

// TestATestThatIsTooLargeIsRefusedWithItsSize.
func TestATestThatIsTooLargeIsRefusedWithItsSize(t *testing.T) {
	rows := statetest.Rows(0, 2400)
	for e := range rows {
		rows[e][1] = fmt.Sprintf("county%04d", e/3)
	}
	s := scene40(2, everybody)
	s.rows, s.periods = rows, 60
	h := s.history(t)
	contract := h.contract("bank", catalog.OrderCreate{Dataset: "emissions", Portfolio: true})
	b := h.vectorOf("mine", 1)
	b.Pieces, b.Bits = 16, 16
	mine := h.vector("bank", b)
	q := listSum(mine, 0, 60)
	q.Select = append(q.Select, catalog.Aggregate{Func: "sum", Measure: "so2"})
	r := h.no("bank", catalog.KindQuerySubmit, h.witnessed(contract, q), catalog.RefusedPolicy, "portfolio_products")
	if len(r.Numbers) != 2 || r.Numbers[1].Value != "500000" || explain.Fix(r) == "" {
		t.Errorf("refused with %+v, %q", r.Numbers, r.Fix)
	}
	h.asks("bank", contract, listSum(mine, 0, 12))
}

// TestWhatHappensToAMemberFailsTheTest: a list of whom one vanishes in the next version,
// or whose change is taken back, is not answered as of it. The difference of two versions
// would be that one's.
func TestWhatHappensToAMemberFailsTheTest(t *testing.T) {
	pieceOf := func(in func(e int) bool) []int8 {
		out := make([]int8, 40)
		for e := range out {
			if out[e] = -1; in(e) {
				out[e] = 0
			}
		}
		return out
	}
	const county0 = 3                                              // e%3 == 0
	some := pieceOf(func(e int) bool { return e%2 == 1 || e < 6 }) // as many of each county as not
	alone := pieceOf(func(e int) bool { return e == 0 || e%county0 == 1 && e < 20 })
	none := pieceOf(func(e int) bool { return e%county0 == 1 && e < 20 })
	for name, c := range map[string]struct {
		later []func(int, int64, int) int // states of versions 2, 3, …
		fails [3]bool                     // some, alone, none
	}{
		"a member vanishes among corrections": {[]func(int, int64, int) int{
			func(_ int, _ int64, e int) int { return b2i(e != 0) * (1 + b2i(e%county0 == 0)) },
		}, [3]bool{false, true, false}},
		"a change is taken back": {[]func(int, int64, int) int{
			func(_ int, _ int64, e int) int { return 1 + b2i(e%county0 == 0) }, always,
		}, [3]bool{true, true, false}},
	} {
		h, contract := listWorld(t, nil)
		for _, state := range c.later {
			h.publish("emissions", versionOf{40, 12, statetest.Period("2024-01"), state})
		}
		test, _, err := h.view().PortfolioTest(h.asks("bank", contract, listSum(h.listBy("bank", "mine", 1), 0, 1)))
		if err != nil {
			t.Fatal(err)
		}
		for i, list := range [][]int8{some, alone, none} {
			if failed := len(test.Passes(1, list)) > 0; failed != c.fails[i] {
				t.Errorf("%s: list %d fails: %t, want %t", name, i, failed, c.fails[i])
			}
		}
	}
}
