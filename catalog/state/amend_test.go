package state

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/statetest"
)

// openDescriptor is a public dataset's: what it takes to amend is the same, and new
// measures of it are answered at once.
func openDescriptor(id string) catalog.Descriptor {
	d := statetest.Descriptor(id)
	d.Policy = catalog.Policy{Aggregates: []string{"count", "sum", "avg"}, Public: true, Grain: d.Grain, Unrelated: []string{"emissions"}}
	return d
}

// opened is ready with a public dataset "open" beside it, a version of which is live.
func opened(t statetest.T) *world {
	w := ready(t)
	d := openDescriptor("open")
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	w.live2("open", d)
	return w
}

// live2 publishes a version of 40 enterprises and 12 months.
func (w *world) live2(dataset string, d catalog.Descriptor) int {
	w.t.Helper()
	n := w.publish(d, w.proposal(d, 40, 12, nil), nil)
	w.stored(dataset, n, 3)
	w.live(dataset, n)
	return n
}

func (w *world) dataset(id string) catalog.Dataset {
	return must[catalog.Dataset](w.t)(w.view().Dataset(id))
}

// amend sends the dataset's descriptor with a change.
func (w *world) amendment(id string, change func(d *catalog.Descriptor)) catalog.DatasetAmend {
	w.t.Helper()
	have := w.dataset(id)
	d := clone(w.t, have.Descriptor)
	change(&d)
	return catalog.DatasetAmend{Descriptor: d, Amended: have.Amended}
}

func withOzone(d *catalog.Descriptor) {
	d.Measures = append(d.Measures, catalog.Measure{Name: "o3", Unit: "kg", Max: 100, Decimals: 1})
}

func plainSum(dataset, measure string) catalog.Request {
	return catalog.Request{Version: 1, Dataset: dataset, Select: []catalog.Aggregate{{Func: "sum", Measure: measure}}}
}

// TestAmendmentChangesWhatMayChange, keeps what was before, and is the publisher's alone.
func TestAmendmentChangesWhatMayChange(t *testing.T) {
	w := ready(t)
	before := w.dataset("emissions").Descriptor
	b := w.amendment("emissions", func(d *catalog.Descriptor) {
		d.Title.EN, d.License, d.Price = "Emissions of plants", "CC-BY-4.0", &catalog.Price{PerQuery: "2.00", Currency: "CNY"}
		d.Measures[0].Min, d.Measures[0].Max = -100, 1_000_100
		d.Policy.MinCoverage, d.Policy.Aggregates = "0.8", []string{"count", "sum"}
	})
	w.no("bank", catalog.KindDatasetAmend, b, catalog.RefusedForbidden, "role")
	w.no("rival", catalog.KindDatasetAmend, b, catalog.RefusedForbidden, "owner")
	w.ok("bureau", catalog.KindDatasetAmend, b)
	d := w.dataset("emissions")
	if d.Amended != 1 || d.AmendedAt != w.now || string(catalog.Encode(d.Descriptor)) != string(catalog.Encode(b.Descriptor)) {
		t.Fatalf("dataset %+v", d)
	}
	then := must[catalog.Dataset](t)(w.view().DatasetAt("emissions", 0))
	if string(catalog.Encode(then.Descriptor)) != string(catalog.Encode(before)) {
		t.Fatalf("the descriptor before is %+v, want %+v", then.Descriptor, before)
	}
	if _, err := w.view().DatasetAt("emissions", 2); !errors.Is(err, records.ErrNotFound) {
		t.Fatalf("a descriptor that never was: %v", err)
	}
	w.no("bureau", catalog.KindDatasetAmend, b, catalog.RefusedConflict, "amended")
	b.Amended = 1
	w.no("bureau", catalog.KindDatasetAmend, b, catalog.RefusedConflict, "same")
	sameElsewhere(t, w)
}

// TestAmendmentRefusesWhatFiguresRelyOn names each field that cannot change.
func TestAmendmentRefusesWhatFiguresRelyOn(t *testing.T) {
	w := ready(t)
	for field, change := range map[string]func(d *catalog.Descriptor){
		"policy.min_cohort":       func(d *catalog.Descriptor) { d.Policy.MinCohort = 4 },
		"policy.cubes":            func(d *catalog.Descriptor) { d.Policy.Cubes = [][]string{{"industry"}} },
		"policy.portfolios":       func(d *catalog.Descriptor) { d.Policy.Portfolios = 2 },
		"policy.portfolio_change": func(d *catalog.Descriptor) { d.Policy.PortfolioChange = catalog.PortfolioNever },
		"policy.grain":            func(d *catalog.Descriptor) { d.Policy.Grain = calendar.Year },
		"policy.aggregates":       func(d *catalog.Descriptor) { d.Policy.Aggregates = append(d.Policy.Aggregates, "stddev") },
		"policy.joins":            func(d *catalog.Descriptor) { d.Policy.Joins = []string{"theirs"} },
		"policy.related":          func(d *catalog.Descriptor) { d.Policy.Related = [][]string{{"nox", "so2"}} },
		"utc_offset":              func(d *catalog.Descriptor) { d.UTCOffset = "+00:00" },
		"entity":                  func(d *catalog.Descriptor) { d.Entity = "plant" },
		"measures[nox].unit":      func(d *catalog.Descriptor) { d.Measures[0].Unit = "t" },
		"measures[nox].decimals":  func(d *catalog.Descriptor) { d.Measures[0].Decimals = 2 },
		"measures[nox].range":     func(d *catalog.Descriptor) { d.Measures[0].Max += 2 },
		"measures[so2].range":     func(d *catalog.Descriptor) { d.Measures[1].Min, d.Measures[1].Max = 1, 999_999 },
		"measures[so2].squares":   func(d *catalog.Descriptor) { d.Measures[1].Squares = true },
		"measures[so2].buckets":   func(d *catalog.Descriptor) { d.Measures[1].Buckets = []string{"5"} },
		"policy.dp": func(d *catalog.Descriptor) {
			d.Policy.DP = &catalog.DP{EpsilonPerQuery: "0.1", EpsilonPerContract: "1", EpsilonFamily: "5", Delta: "1e-6"}
		},
		"policy.moments": func(d *catalog.Descriptor) { d.Policy.Moments = [][2]string{{"nox", "nox"}} },
	} {
		r := w.no("bureau", catalog.KindDatasetAmend, w.amendment("emissions", change), catalog.RefusedPolicy, "amend")
		if r.Field != field || explain.Fix(r) == "" || !strings.Contains(explain.Message(r), field) {
			t.Errorf("%s: %+v", field, r)
		}
	}
	if d := w.dataset("emissions"); d.Amended != 0 {
		t.Fatalf("amended %d times", d.Amended)
	}
}

// TestAmendmentOfBudgetsOnlyLowersThem: what was promised of all noised answers together
// is the family's, which stays.
func TestAmendmentOfBudgetsOnlyLowersThem(t *testing.T) {
	w := newWorld(t, 3, 2).admit().registry("enterprises", statetest.Rows(0, 40), 16)
	d := statetest.Descriptor("emissions")
	d.Policy.DP = &catalog.DP{EpsilonPerQuery: "0.1", EpsilonPerContract: "1", EpsilonFamily: "5", Delta: "1e-6"}
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	for field, change := range map[string]func(p *catalog.DP){
		"policy.dp.epsilon_per_query":    func(p *catalog.DP) { p.EpsilonPerQuery = "0.2" },
		"policy.dp.epsilon_per_contract": func(p *catalog.DP) { p.EpsilonPerContract = "2" },
		"policy.dp.epsilon_family":       func(p *catalog.DP) { p.EpsilonFamily = "4" },
		"policy.dp.delta":                func(p *catalog.DP) { p.Delta = "1e-5" },
	} {
		r := w.no("bureau", catalog.KindDatasetAmend, w.amendment("emissions", func(d *catalog.Descriptor) { change(d.Policy.DP) }), catalog.RefusedPolicy, "amend")
		if r.Field != field {
			t.Errorf("%s: %+v", field, r)
		}
	}
	w.ok("bureau", catalog.KindDatasetAmend, w.amendment("emissions", func(d *catalog.Descriptor) {
		d.Policy.DP.EpsilonPerQuery, d.Policy.DP.EpsilonPerContract, d.Policy.DP.Delta = "0.05", "0.5", "1e-7"
	}))
	w.ok("bureau", catalog.KindDatasetAmend, w.amendment("emissions", func(d *catalog.Descriptor) { d.Policy.DP = nil }))
}

// TestAQueryIsAnsweredByTheDescriptorThatItWasDecidedBy: between its acceptance and its
// shares what it asks for is taken away.
func TestAQueryIsAnsweredByTheDescriptorThatItWasDecidedBy(t *testing.T) {
	w, contract, query := asked(t)
	w.ok("bureau", catalog.KindDatasetAmend, w.amendment("emissions", func(d *catalog.Descriptor) { d.Measures = d.Measures[1:] }))
	w.ok("node1", catalog.KindQueryAttempt, w.attempt(query, 1))
	for i, node := range []string{"node1", "node2"} {
		w.ok(node, catalog.KindQueryShare, w.share(query, 1, i))
	}
	q := must[catalog.Query](t)(w.view().Query(query))
	verdict := must[catalog.Verdict](t)(w.view().Verdict(query))
	if q.State != catalog.QueryDone || q.Amended != 0 || verdict.Amended != 0 {
		t.Fatalf("query %+v, verdict after %d amendments", q, verdict.Amended)
	}
	then := must[catalog.Dataset](t)(w.view().DatasetAt("emissions", verdict.Amended))
	if _, had := then.Descriptor.Measure("nox"); !had {
		t.Fatal("the descriptor that it was decided by lacks its measure")
	}
	r := w.no("bank", catalog.KindQuerySubmit, submit(contract, statetest.SumBy(statetest.Attribute("county"))), catalog.RefusedInvalid, "invalid")
	if r.Field != "select[0]" {
		t.Fatalf("refusal %+v", r)
	}
	k := must[catalog.Contract](t)(w.view().Contract(contract))
	if !slices.Equal(k.Measures, []string{"nox", "so2"}) {
		t.Fatalf("the contract grants %v", k.Measures)
	}
	w.ok("bank", catalog.KindQuerySubmit, submit(contract, plainSum("emissions", "so2")))
	sameElsewhere(t, w)
}

// TestNoisedQueryIsPaidByThePolicyThatItWasDecidedBy: the policy's budgets are gone when
// its attempt is named.
func TestNoisedQueryIsPaidByThePolicyThatItWasDecidedBy(t *testing.T) {
	w := noisy(t)
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "noisy"})
	query := w.ok("bank", catalog.KindQuerySubmit, submit(contract, noised("0.1", ""))).ID
	w.ok("bureau", catalog.KindDatasetAmend, w.amendment("noisy", func(d *catalog.Descriptor) { d.Policy.DP = nil }))
	w.ok("node1", catalog.KindQueryAttempt, w.attempt(query, 1))
	if ofContract, ofFamily := w.spent(contract); ofContract != "0.1" || ofFamily != "0.1" {
		t.Fatalf("spent %q and %q", ofContract, ofFamily)
	}
	w.no("bank", catalog.KindQuerySubmit, submit(contract, noised("0.1", "")), catalog.RefusedPolicy, "dp")
}

// TestNewMeasuresAreAnsweredFromVersionsThatHaveThem, by contracts that grant them.
func TestNewMeasuresAreAnsweredFromVersionsThatHaveThem(t *testing.T) {
	w := opened(t)
	before := w.contract("bank", catalog.OrderCreate{Dataset: "open"})
	w.ok("bureau", catalog.KindDatasetAmend, w.amendment("open", withOzone))
	after := w.contract("bank", catalog.OrderCreate{Dataset: "open"})
	w.no("bank", catalog.KindQuerySubmit, submit(before, plainSum("open", "o3")), catalog.RefusedPolicy, "measure")
	r := w.no("bank", catalog.KindQuerySubmit, submit(after, plainSum("open", "o3")), catalog.RefusedConflict, "no_release")
	if r.Field != "select[0]" || !strings.Contains(explain.Message(r), "o3") {
		t.Fatalf("refusal %+v", r)
	}
	w.ok("bank", catalog.KindQuerySubmit, submit(after, plainSum("open", "nox")))
	n := w.live2("open", w.dataset("open").Descriptor)
	if v := must[catalog.Version](t)(w.view().Versions().Get("open", n)); v.Amended != 1 {
		t.Fatalf("version %d follows %d amendments", n, v.Amended)
	}
	w.ok("bank", catalog.KindQuerySubmit, submit(after, plainSum("open", "o3")))
	older := plainSum("open", "o3")
	older.AsOf = 1
	w.no("bank", catalog.KindQuerySubmit, submit(after, older), catalog.RefusedConflict, "no_release")
	w.ok("bureau", catalog.KindQuerySubmit, catalog.QuerySubmit{Receiving: testReceiving("bureau"), Request: plainSum("open", "o3")})
	sameElsewhere(t, w)
}

// TestANewMeasureOfAProtectedDatasetIsASourceFromItsFirstVersionOn.
func TestANewMeasureOfAProtectedDatasetIsASourceFromItsFirstVersionOn(t *testing.T) {
	w := ready(t)
	w.ok("bureau", catalog.KindDatasetAmend, w.amendment("emissions", withOzone))
	d := w.dataset("emissions").Descriptor
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "emissions"})
	w.no("bank", catalog.KindQuerySubmit, submit(contract, plainSum("emissions", "o3")), catalog.RefusedConflict, "no_release")
	counts := testCounts(3, 12, 40, func(_, _, e int) bool { return e != 0 })
	n := w.publish(d, w.proposal(d, 40, 12, counts), counts)
	w.stored("emissions", n, 3)
	w.live("emissions", n)
	w.ok("bank", catalog.KindQuerySubmit, submit(contract, plainSum("emissions", "o3")))
	old := must[interface{ Count() uint }](t)(countsOf(w, 1, "nox"))
	if old.Count() != 39 {
		t.Fatalf("%d enterprises count in the first version", old.Count())
	}
	if _, err := countsOf(w, 1, "o3"); !errors.Is(err, records.ErrNotFound) {
		t.Fatalf("counts of a measure that version 1 does not have: %v", err)
	}
}

func countsOf(w *world, version int, measure string) (interface{ Count() uint }, error) {
	return w.view().Counts("emissions", version, measure, statetest.Period("2024-01"))
}

// TestAMeasuresNameIsNeverAnothers: versions are read by names.
func TestAMeasuresNameIsNeverAnothers(t *testing.T) {
	w := opened(t)
	w.ok("bureau", catalog.KindDatasetAmend, w.amendment("open", func(d *catalog.Descriptor) { d.Measures = d.Measures[1:] }))
	back := func(m catalog.Measure) catalog.DatasetAmend {
		return w.amendment("open", func(d *catalog.Descriptor) { d.Measures = append(d.Measures, m) })
	}
	was := openDescriptor("open").Measures[0]
	for name, change := range map[string]func(m *catalog.Measure){
		"unit":     func(m *catalog.Measure) { m.Unit = "t" },
		"decimals": func(m *catalog.Measure) { m.Decimals = 0 },
		"middle":   func(m *catalog.Measure) { m.Max *= 2 },
		"narrower": func(m *catalog.Measure) { m.Min, m.Max = m.Min+10, m.Max-10 },
	} {
		m := was
		change(&m)
		if r := w.no("bureau", catalog.KindDatasetAmend, back(m), catalog.RefusedPolicy, "amend"); r.Field != "measures[nox]" {
			t.Errorf("%s: %+v", name, r)
		}
	}
	w.ok("bureau", catalog.KindDatasetAmend, back(was))
}

// TestNoAmendmentComesBetweenAProposalAndItsEnd: all of a version follows one descriptor.
func TestNoAmendmentComesBetweenAProposalAndItsEnd(t *testing.T) {
	w := opened(t)
	d := w.dataset("open").Descriptor
	n := w.ok("bureau", catalog.KindVersionPropose, w.proposal(d, 40, 12, nil)).Version
	w.no("bureau", catalog.KindDatasetAmend, w.amendment("open", withOzone), catalog.RefusedConflict, "pending")
	w.ok("bureau", catalog.KindVersionDrop, catalog.VersionCommit{Dataset: "open", Version: n})
	w.ok("bureau", catalog.KindDatasetAmend, w.amendment("open", withOzone))
}

// TestAnOrderIsNotGrantedAtAHigherPriceThanItsBuyerWasTold, nor in another currency.
func TestAnOrderIsNotGrantedAtAHigherPriceThanItsBuyerWasTold(t *testing.T) {
	w := opened(t)
	price := func(amount, currency string) {
		w.ok("bureau", catalog.KindDatasetAmend, w.amendment("open", func(d *catalog.Descriptor) {
			d.Price = &catalog.Price{PerQuery: amount, Currency: currency}
		}))
	}
	order := func() string {
		return w.ok("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "open", Purpose: "risk"}).ID
	}
	free := order()
	price("2.00", "CNY")
	w.no("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: free}, catalog.RefusedConflict, "price")
	dear := order()
	price("3.00", "CNY")
	w.no("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: dear}, catalog.RefusedConflict, "price")
	price("1.00", "CNY")
	k := must[catalog.Contract](t)(w.view().Contract(w.ok("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: dear}).ID))
	if k.Price == nil || k.Price.PerQuery != "1.00" {
		t.Fatalf("price %+v", k.Price)
	}
	yuan := order()
	price("0.50", "USD")
	w.no("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: yuan}, catalog.RefusedConflict, "price")
	if k = must[catalog.Contract](t)(w.view().Contract(k.ID)); k.Price.PerQuery != "1.00" || k.Price.Currency != "CNY" {
		t.Fatalf("the contract's price became %+v", k.Price)
	}
}

// TestAnOrderOfWhichNothingIsLeftIsNotGranted.
func TestAnOrderOfWhichNothingIsLeftIsNotGranted(t *testing.T) {
	w := opened(t)
	order := w.ok("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "open", Purpose: "risk", Measures: []string{"nox"}}).ID
	w.ok("bureau", catalog.KindDatasetAmend, w.amendment("open", func(d *catalog.Descriptor) { d.Measures = d.Measures[1:] }))
	if r := w.no("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order}, catalog.RefusedConflict, "amended"); r.Field != "measures" {
		t.Fatalf("refusal %+v", r)
	}
}

// TestADatasetIsNotAmendedForEver: its descriptors are all looked at.
func TestADatasetIsNotAmendedForEver(t *testing.T) {
	w := newWorld(t, 3, 2).admit().registry("enterprises", statetest.Rows(0, 5), 16)
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: openDescriptor("open")})
	title := func(n int) catalog.DatasetAmend {
		return w.amendment("open", func(d *catalog.Descriptor) { d.Title.EN = fmt.Sprint(n) })
	}
	for n := range catalog.MaxAmendments {
		w.ok("bureau", catalog.KindDatasetAmend, title(n))
	}
	w.no("bureau", catalog.KindDatasetAmend, title(catalog.MaxAmendments), catalog.RefusedConflict, "amendments")
}

// TestTheReleaseRuleDecidesOnNewMeasures: one that ties two columns of which figures are
// out is refused, one that is related to a single one is not.
func TestTheReleaseRuleDecidesOnNewMeasures(t *testing.T) {
	w := ready(t)
	related := func(groups ...[]string) catalog.DatasetAmend {
		return w.amendment("emissions", func(d *catalog.Descriptor) {
			withOzone(d)
			d.Policy.Related = groups
		})
	}
	r := w.no("bureau", catalog.KindDatasetAmend, related([]string{"nox", "o3"}, []string{"o3", "so2"}), catalog.RefusedConflict, "family")
	if r.Field != "policy.related" {
		t.Fatalf("refusal %+v", r)
	}
	w.ok("bureau", catalog.KindDatasetAmend, related([]string{"nox", "o3"}))
	sameElsewhere(t, w)
}

// TestWhatWasTakenAwayIsStillAMeasureOfTheRegistry: figures of it are out, so single
// readings under its name are not published beside them, nor the other way round.
func TestWhatWasTakenAwayIsStillAMeasureOfTheRegistry(t *testing.T) {
	w := ready(t)
	w.ok("bureau", catalog.KindDatasetAmend, w.amendment("emissions", func(d *catalog.Descriptor) { d.Measures = d.Measures[1:] }))
	open := openDescriptor("open")
	open.Measures, open.Policy.Unrelated = open.Measures[:1], nil
	if r := w.no("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: open}, catalog.RefusedConflict, "unrelated"); r.Field != "policy.unrelated" {
		t.Fatalf("refusal %+v", r)
	}
	other := statetest.Descriptor("other")
	other.Measures[0].Name, other.Policy.Related = "nox_kg", [][]string{{"nox_kg", "emissions.nox"}}
	other.Measures = other.Measures[:1]
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: other})
}

// TestAnAmendmentOfTextsLeavesRepeatsFree: what a query takes has not changed.
func TestAnAmendmentOfTextsLeavesRepeatsFree(t *testing.T) {
	w, contract, query := asked(t)
	w.ok("node1", catalog.KindQueryAttempt, w.attempt(query, 1))
	for i, node := range []string{"node1", "node2"} {
		w.ok(node, catalog.KindQueryShare, w.share(query, 1, i))
	}
	w.ok("bureau", catalog.KindDatasetAmend, w.amendment("emissions", func(d *catalog.Descriptor) { d.Title.EN = "Others" }))
	again := must[catalog.Query](t)(w.view().Query(w.ok("bank", catalog.KindQuerySubmit, submit(contract, statetest.SumBy(statetest.Attribute("county")))).ID))
	if again.Repeats != query || again.Amended != 0 {
		t.Fatalf("query %+v", again)
	}
}
