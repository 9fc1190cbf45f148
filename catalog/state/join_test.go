package state

import (
	"fmt"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/statetest"
)

// joinWorld has two protected datasets of two publishers on one registry, and a
// buyer's contract on each.
type joinWorld struct {
	*world
	contracts [2]string
}

const joinEntities = 60

func energyDescriptor() catalog.Descriptor {
	d := statetest.Descriptor("energy")
	d.Measures = []catalog.Measure{{Name: "output", Unit: "CNY", Min: -500, Max: 1_000_000, Decimals: 2}, {Name: "jobs", Unit: "1", Min: 0, Max: 1000}}
	d.Policy.Aggregates, d.Policy.Cubes = []string{"count", "sum"}, nil
	d.Policy.Joins = []string{"emissions"}
	d.Price = &catalog.Price{PerQuery: "2.50", Currency: "USD"}
	return d
}

// newJoinWorld publishes both; change may change their descriptors, has says who has
// a reading: dataset 0 or 1, measure, period, entity.
func newJoinWorld(t statetest.T, change func(emissions, energy *catalog.Descriptor), has func(dataset, m, p, e int) bool) *joinWorld {
	w := &joinWorld{world: newWorld(t, 3, 2).admit().registry("enterprises", statetest.Rows(0, joinEntities), 32).key("bureau").key("rival")}
	emissions, energy := statetest.Descriptor("emissions"), energyDescriptor()
	emissions.Policy.Joins = []string{"energy"}
	emissions.Price = &catalog.Price{PerQuery: "3.00", Currency: "CNY"}
	if change != nil {
		change(&emissions, &energy)
	}
	if has == nil {
		has = func(int, int, int, int) bool { return true }
	}
	for i, d := range []catalog.Descriptor{emissions, energy} {
		publisher := []string{"bureau", "rival"}[i]
		w.ok(publisher, catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
		w.release(publisher, d, func(m, p, e int) bool { return has(i, m, p, e) })
		order := w.ok("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: d.Dataset, Purpose: "risk"}).ID
		w.contracts[i] = w.ok(publisher, catalog.KindOrderApprove, catalog.OrderApprove{Order: order}).ID
	}
	return w
}

// release publishes a version of a publisher's dataset and lets it go live.
func (w *joinWorld) release(publisher string, d catalog.Descriptor, has func(m, p, e int) bool) {
	w.t.Helper()
	counts := testCounts(len(d.Measures), 3, joinEntities, has)
	v := w.proposal(d, joinEntities, 3, counts)
	v.Key = catalog.KeyID(testID(publisher))
	number := w.publishAs(publisher, d, v, counts, w.allNew(publisher, d, v, counts))
	w.stored(d.Dataset, number, 3)
	w.live(d.Dataset, number)
}

// product asks for a product of both datasets by dimensions.
func (w *joinWorld) product(measure, other string, by ...catalog.Dimension) catalog.QuerySubmit {
	return submit(w.contracts[0], catalog.Request{
		Version: 1, Dataset: "emissions", By: by, Join: &catalog.Join{Dataset: "energy", Contract: w.contracts[1]},
		Select: []catalog.Aggregate{{Func: "count"}, {Func: catalog.FuncProduct, Measure: measure, Other: catalog.JoinedMeasure("energy", other)}},
	})
}

func (w *joinWorld) verdict(q catalog.QuerySubmit) catalog.Verdict {
	w.t.Helper()
	return must[catalog.Verdict](w.t)(w.view().Verdict(w.ok("bank", catalog.KindQuerySubmit, q).ID))
}

func (w *joinWorld) paid() (used [2]int, spent [2]string) {
	for i, id := range w.contracts {
		k := must[catalog.Contract](w.t)(w.view().Contract(id))
		used[i], spent[i] = k.Used, k.Spent
	}
	return used, spent
}

// A column of one's own, multiplied in, would be weights of one's choice on somebody
// else's readings: without the other's word nothing of it is judged or charged.
func TestAColumnOfOnesOwnIsNotMultipliedIn(t *testing.T) {
	w := newJoinWorld(t, func(a, _ *catalog.Descriptor) { a.Policy.Joins = nil }, nil)
	q := w.product("nox", "output")
	w.no("bank", catalog.KindQuerySubmit, q, catalog.RefusedPolicy, "joins")
	// Not by its publisher either, who needs no contract on its own.
	order := w.ok("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "risk"}).ID
	w.ok("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order})
	q.Request.Join.Contract = ""
	w.no("rival", catalog.KindQuerySubmit, q, catalog.RefusedForbidden, "owner")
	q.Request.Join.Contract, q.Contract = "", ""
	w.no("rival", catalog.KindQuerySubmit, q, catalog.RefusedPolicy, "contract")
	q.Request.Join.Dataset, q.Request.Select[1].Other = "nothing", "nothing.output"
	w.no("bank", catalog.KindQuerySubmit, submit(w.contracts[0], q.Request), catalog.RefusedUnknown, "unknown")
}

func TestJoinedRequestsAreCanonical(t *testing.T) {
	w := newJoinWorld(t, nil, nil)
	for name, change := range map[string]func(q *catalog.QuerySubmit){
		"no second dataset":      func(q *catalog.QuerySubmit) { q.Request.Join = nil },
		"a sum beside":           func(q *catalog.QuerySubmit) { q.Request.Select[0] = catalog.Aggregate{Func: "sum", Measure: "nox"} },
		"a count of a measure":   func(q *catalog.QuerySubmit) { q.Request.Select[0] = catalog.Aggregate{Func: "count", Measure: "nox"} },
		"a measure of the first": func(q *catalog.QuerySubmit) { q.Request.Select[1].Other = "so2" },
		"an unknown measure":     func(q *catalog.QuerySubmit) { q.Request.Select[1].Other = "energy.none" },
		"another dataset's":      func(q *catalog.QuerySubmit) { q.Request.Select[1].Other = "water.output" },
		"the second's as first":  func(q *catalog.QuerySubmit) { q.Request.Select[1].Measure = "energy.jobs" },
		"itself":                 func(q *catalog.QuerySubmit) { q.Contract = ""; q.Request.Join.Dataset = "emissions" },
		"a version below 0":      func(q *catalog.QuerySubmit) { q.Request.Join.AsOf = -1 },
		"noise":                  func(q *catalog.QuerySubmit) { q.Request.Noise = &catalog.Noise{Epsilon: "0.5"} },
		"a private selector":     func(q *catalog.QuerySubmit) { q.Request.In = "v-1" },
	} {
		t.Run(name, func(t *testing.T) {
			q := w.product("nox", "output")
			q.Request.Select = slices.Clone(q.Request.Select)
			change(&q)
			r := q.Request.Check(catalog.JoinDescriptors(must[catalog.Dataset](t)(w.view().Dataset("emissions")).Descriptor, energyDescriptor()), statetest.Columns)
			statetest.WantRefusal(t, r, catalog.RefusedInvalid, "invalid")
		})
	}
}

func TestBothContractsAreChargedAndRefunded(t *testing.T) {
	w := newJoinWorld(t, nil, nil)
	q := w.product("nox", "output", statetest.Attribute("county"))
	out := w.ok("bank", catalog.KindQuerySubmit, q)
	if used, spent := w.paid(); used != [2]int{1, 1} || spent != [2]string{"3.00", "2.50"} {
		t.Errorf("used %v, spent %v", used, spent)
	}
	d := out.Decision.Join
	if d == nil || d.Dataset != "energy" || d.Version != 1 || d.Contract != w.contracts[1] || d.Price != "2.50" || d.Currency != "USD" || d.Manifest.IsZero() || d.Presence.IsZero() {
		t.Errorf("the decision says %+v", d)
	}
	for i, want := range []string{"3.00", "2.50"} {
		s := must[catalog.Statement](t)(w.view().Statement(w.contracts[i], "", records.Page{}))
		if len(s.Lines) != 1 || s.Lines[0].Query != out.ID || s.Price != want {
			t.Errorf("statement of %s: %+v", w.contracts[i], s)
		}
	}
	// Both keys wear by what is opened under them, and members hold both versions.
	before := [2]int64{w.worn("bureau"), w.worn("rival")}
	attempt := catalog.QueryAttempt{Query: out.ID, Attempt: 1, Active: w.active(), Root: w.active()[0], Tiles: 3, Joined: 4}
	w.no("node1", catalog.KindQueryAttempt, catalog.QueryAttempt{Query: out.ID, Attempt: 1, Active: w.active(), Root: w.active()[0], Tiles: 3, Joined: 999}, catalog.RefusedInvalid, "invalid")
	w.ok("node1", catalog.KindQueryAttempt, attempt)
	if after := [2]int64{w.worn("bureau"), w.worn("rival")}; after != [2]int64{before[0] + 3, before[1] + 4} {
		t.Errorf("the keys have opened %v, before %v", after, before)
	}
	for n := range catalog.MaxAttempts {
		w.ok("node1", catalog.KindQueryFail, catalog.QueryFail{Query: out.ID, Attempt: n + 1, Reason: told("test")})
		if attempt.Attempt = n + 2; n+1 < catalog.MaxAttempts {
			w.ok("node1", catalog.KindQueryAttempt, attempt)
		}
	}
	if used, spent := w.paid(); used != [2]int{1, 1} || spent != [2]string{"0.00", "0.00"} {
		t.Errorf("after the refund: used %v, spent %v", used, spent)
	}
	for i := range w.contracts {
		if s := must[catalog.Statement](t)(w.view().Statement(w.contracts[i], "", records.Page{})); s.Price != "0" && s.Price != "0.00" || s.Failed != 1 {
			t.Errorf("statement after the refund: %+v", s)
		}
	}
}

func (w *joinWorld) worn(publisher string) int64 {
	return must[catalog.Key](w.t)(w.view().Keys().Get(catalog.KeyID(testID(publisher)))).Opened
}

func TestAJoinIsRefusedByEitherContractAndChargesNone(t *testing.T) {
	w := newJoinWorld(t, nil, nil)
	for i, publisher := range []string{"bureau", "rival"} {
		w.ok(publisher, catalog.KindContractSuspend, catalog.ContractChange{Contract: w.contracts[i], Reason: "test"})
		w.no("bank", catalog.KindQuerySubmit, w.product("nox", "output"), catalog.RefusedPolicy, "contract_suspended")
		w.ok(publisher, catalog.KindContractResume, catalog.ContractChange{Contract: w.contracts[i]})
	}
	order := w.ok("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "energy", Purpose: "risk", Measures: []string{"jobs"}, Budget: "2.50"}).ID
	narrow := w.ok("rival", catalog.KindOrderApprove, catalog.OrderApprove{Order: order}).ID
	q := w.product("nox", "output")
	q.Request.Join.Contract = narrow
	w.no("bank", catalog.KindQuerySubmit, q, catalog.RefusedPolicy, "measure")
	q = w.product("nox", "jobs")
	q.Request.Join.Contract = narrow
	w.ok("bank", catalog.KindQuerySubmit, q)
	q = w.product("so2", "jobs")
	q.Request.Join.Contract = narrow
	before, spent := w.paid()
	w.no("bank", catalog.KindQuerySubmit, q, catalog.RefusedPolicy, "contract_budget")
	q.Request.Join.Contract = w.contracts[0]
	w.no("bank", catalog.KindQuerySubmit, q, catalog.RefusedPolicy, "contract_dataset")
	if after, now := w.paid(); after != before || now != spent {
		t.Errorf("a refused join charged the first contract: %v %v, before %v %v", after, now, before, spent)
	}
}

// What is released is where both have the very same entities: one that only one side
// has keeps its class out of that period, in whichever dataset it is. Two columns and a
// product with each of the other's two are more than a county of 20 bears, so min_cohort
// is 2.
func TestJointPresenceThatDiffersByOneEntityIsNotReleased(t *testing.T) {
	for side := range 2 {
		w := newJoinWorld(t, smallCohort, func(d, _, p, e int) bool { return d != side || p != 1 || e != 4 }) // of county1
		q := w.product("nox", "output", statetest.Attribute("county"))
		q.Request.Partial = true
		v := w.verdict(q)
		if len(v.Parts) != 3 || len(v.Withheld) != 0 {
			t.Fatalf("side %d: parts %v, withheld %v", side, v.Parts, v.Withheld)
		}
		first := statetest.Period("2024-01")
		want := []catalog.Exclusion{{Column: 0, Part: 1, Intervals: []calendar.Interval{{From: first + 1, To: first + 2}}}}
		if fmt.Sprint(v.Layers[0].Exclusions) != fmt.Sprint(want) || v.Coverage[1] != (catalog.Coverage{Included: 1, Of: 20}) || v.Coverage[2] != (catalog.Coverage{Included: 20, Of: 20}) {
			t.Errorf("side %d: exclusions %v, want %v; coverage %v", side, v.Layers[0].Exclusions, want, v.Coverage)
		}
		q.Request.Partial = false
		if v := w.verdict(q); len(v.Withheld) != 1 || v.Withheld[0].Entity != 1 {
			t.Errorf("side %d: withheld %v", side, v.Withheld)
		}
		q = w.product("nox", "output")
		q.Request.Where = statetest.In("county", "county1")
		q.Request.Periods = []calendar.Interval{{From: first + 1, To: first + 2}}
		r := w.no("bank", catalog.KindQuerySubmit, q, catalog.RefusedPolicy, "joint")
		if !slices.Contains(r.Numbers, catalog.Number{Name: "entities", Value: "19"}) {
			t.Errorf("numbers %v", r.Numbers)
		}
		q = w.product("nox", "output", statetest.Attribute("county"))
		q.Request.Complete = true
		w.no("bank", catalog.KindQuerySubmit, q, catalog.RefusedPolicy, "complete")
	}
}

// smallCohort makes counties of 20 large enough for products.
func smallCohort(emissions, energy *catalog.Descriptor) {
	emissions.Policy.MinCohort, energy.Policy.MinCohort = 2, 2
	energy.Policy.Cubes = [][]string{{"county"}}
}

// Groups are unions of classes of both families. The second one's classes are
// industries, so the finest unions are everybody.
func TestAPartIsAUnionOfClassesOfBothFamilies(t *testing.T) {
	industries := func(emissions, energy *catalog.Descriptor) {
		smallCohort(emissions, energy)
		energy.Policy.Cubes = [][]string{{"industry"}}
	}
	w := newJoinWorld(t, industries, nil)
	w.no("bank", catalog.KindQuerySubmit, w.product("nox", "output", statetest.Attribute("county")), catalog.RefusedPolicy, "joint")
	v := w.verdict(w.product("nox", "output"))
	if len(v.Parts) != 1 || v.Coverage[0] != (catalog.Coverage{Included: 60, Of: 60}) {
		t.Fatalf("parts %v, coverage %v", v.Parts, v.Coverage)
	}
}

// A product is a moment, of whatever of the two datasets' measures it is: in families of
// two measures each that are tied by nothing else, p is 1 of the measure and 2 products.
func TestProductsTakePTimesKEntities(t *testing.T) {
	for k, released := range map[int]bool{6: true, 7: false} { // 3·6 ≤ 20 < 3·7
		w := newJoinWorld(t, func(emissions, energy *catalog.Descriptor) {
			emissions.Policy.MinCohort, energy.Policy.MinCohort = k, k
		}, nil)
		q := w.product("nox", "output", statetest.Attribute("county"))
		if !released {
			if r := w.no("bank", catalog.KindQuerySubmit, q, catalog.RefusedPolicy, "joint"); explain.Fix(r) == "" {
				t.Error("no fix")
			}
			continue
		}
		q.Request.Complete = true
		w.verdict(q)
	}
}

// A repeat is of the same versions of both, and costs nothing on the same day.
func TestARepeatOfAJoinNamesBothVersions(t *testing.T) {
	w := newJoinWorld(t, func(a, b *catalog.Descriptor) { openToAll(a); openToAll(b) }, nil)
	id := w.ok("bank", catalog.KindQuerySubmit, w.product("nox", "output")).ID
	w.ok("node1", catalog.KindQueryAttempt, catalog.QueryAttempt{Query: id, Attempt: 1, Active: w.active(), Root: w.active()[0], Tiles: 3, Joined: 3})
	for i, node := range w.active() {
		w.ok(node, catalog.KindQueryShare, w.share(id, 1, i))
	}
	out := w.ok("bank", catalog.KindQuerySubmit, w.product("nox", "output"))
	if out.Decision.Repeats != id {
		t.Errorf("it repeats %q, want %s", out.Decision.Repeats, id)
	}
	if used, spent := w.paid(); used != [2]int{1, 1} || spent != [2]string{"3.00", "2.50"} {
		t.Errorf("used %v, spent %v", used, spent)
	}
	d := energyDescriptor()
	openToAll(&d)
	w.release("rival", d, func(int, int, int) bool { return true })
	out = w.ok("bank", catalog.KindQuerySubmit, w.product("nox", "output"))
	if out.Decision.Repeats != "" || out.Decision.Join.Version != 2 {
		t.Errorf("on another version it repeats %q", out.Decision.Repeats)
	}
}

func openToAll(d *catalog.Descriptor) {
	d.Policy = catalog.Policy{Public: true, Aggregates: []string{"count", "sum"}, Grain: calendar.Month}
}

func TestPublicDatasetsJoinWithoutNamingEachOther(t *testing.T) {
	w := newJoinWorld(t, func(a, b *catalog.Descriptor) { openToAll(a); openToAll(b) }, nil)
	v := w.verdict(w.product("nox", "output", statetest.Attribute("county")))
	if len(v.Parts) != 3 || v.Parts[0].Class != -1 || v.Join == nil || *v.Join != (catalog.JoinedVersion{Dataset: "energy", Version: 1}) {
		t.Errorf("verdict %+v", v)
	}
	if v.Columns[0].Widest(catalog.JoinDescriptors(statetest.Descriptor("emissions"), energyDescriptor())) != 1_000_000*1_000_000 {
		t.Errorf("widest %d", v.Columns[0].Widest(catalog.JoinDescriptors(statetest.Descriptor("emissions"), energyDescriptor())))
	}
}
