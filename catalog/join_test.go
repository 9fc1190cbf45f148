package catalog

import (
	"fmt"
	"slices"
	"testing"
)

// joinWorld has two protected datasets of two publishers on one registry, and a
// buyer's contract on each.
type joinWorld struct {
	*world
	contracts [2]string
}

const joinEntities = 60

func energyDescriptor() Descriptor {
	d := testDescriptor("energy")
	d.Measures = []Measure{{Name: "output", Unit: "CNY", Min: -500, Max: 1_000_000, Decimals: 2}, {Name: "jobs", Unit: "1", Min: 0, Max: 1000}}
	d.Policy.Aggregates, d.Policy.Cubes = []string{"count", "sum"}, nil
	d.Policy.Joins = []string{"emissions"}
	d.Price = &Price{PerQuery: "2.50", Currency: "USD"}
	return d
}

// newJoinWorld publishes both; change may change their descriptors, has says who has
// a reading: dataset 0 or 1, measure, period, entity.
func newJoinWorld(t tester, change func(emissions, energy *Descriptor), has func(dataset, m, p, e int) bool) *joinWorld {
	w := &joinWorld{world: newWorld(t, 3, 2).admit().registry("enterprises", testRows(0, joinEntities), 32).key("bureau").key("rival")}
	emissions, energy := testDescriptor("emissions"), energyDescriptor()
	emissions.Policy.Joins = []string{"energy"}
	emissions.Price = &Price{PerQuery: "3.00", Currency: "CNY"}
	if change != nil {
		change(&emissions, &energy)
	}
	if has == nil {
		has = func(int, int, int, int) bool { return true }
	}
	for i, d := range []Descriptor{emissions, energy} {
		publisher := []string{"bureau", "rival"}[i]
		w.ok(publisher, KindDatasetCreate, DatasetCreate{Descriptor: d})
		w.release(publisher, d, func(m, p, e int) bool { return has(i, m, p, e) })
		order := w.ok("bank", KindOrderCreate, OrderCreate{Dataset: d.Dataset, Purpose: "risk"}).ID
		w.contracts[i] = w.ok(publisher, KindOrderApprove, OrderApprove{Order: order}).ID
	}
	return w
}

// release publishes a version of a publisher's dataset and lets it go live.
func (w *joinWorld) release(publisher string, d Descriptor, has func(m, p, e int) bool) {
	w.t.Helper()
	counts := testCounts(len(d.Measures), 3, joinEntities, has)
	v := w.proposal(d, joinEntities, 3, counts)
	v.Key = KeyID(testID(publisher))
	number := w.ok(publisher, KindVersionPropose, v).Version
	if !d.Policy.Public {
		for i, name := range d.measureNames() {
			w.ok(publisher, KindVersionCounts, VersionCounts{Dataset: d.Dataset, Version: number, Measure: name, From: v.First, Bitmaps: counts[i]})
		}
	}
	w.ok(publisher, KindVersionCommit, VersionCommit{Dataset: d.Dataset, Version: number})
	w.stored(d.Dataset, number, 3)
	w.live(d.Dataset, number)
}

// product asks for a product of both datasets by dimensions.
func (w *joinWorld) product(measure, other string, by ...Dimension) QuerySubmit {
	return submit(w.contracts[0], Request{
		Version: 1, Dataset: "emissions", By: by, Join: &Join{Dataset: "energy", Contract: w.contracts[1]},
		Select: []Aggregate{{Func: "count"}, {Func: FuncProduct, Measure: measure, Other: JoinedMeasure("energy", other)}},
	})
}

func (w *joinWorld) verdict(q QuerySubmit) Verdict {
	w.t.Helper()
	return must[Verdict](w.t)(w.view().Verdict(w.ok("bank", KindQuerySubmit, q).ID))
}

func (w *joinWorld) paid() (used [2]int, spent [2]string) {
	for i, id := range w.contracts {
		k := must[Contract](w.t)(w.view().Contract(id))
		used[i], spent[i] = k.Used, k.Spent
	}
	return used, spent
}

func TestJoinedDatasetsMustNameEachOtherAndBeAlike(t *testing.T) {
	for name, x := range map[string]struct {
		change func(emissions, energy *Descriptor)
		rule   string
	}{
		"the first does not name the second": {func(a, _ *Descriptor) { a.Policy.Joins = nil }, "joins"},
		"the second does not name the first": {func(_, b *Descriptor) { b.Policy.Joins = []string{"other"} }, "joins"},
		"the grain differs":                  {func(_, b *Descriptor) { b.Grain = GrainDay }, "join_shape"},
		"utc_offset differs":                 {func(_, b *Descriptor) { b.UTCOffset = "+09:00" }, "join_shape"},
		"the policy's grain differs":         {func(_, b *Descriptor) { b.Policy.Grain = GrainQuarter }, "join_shape"},
		"the policy's grain is coarser": {func(a, b *Descriptor) {
			a.Policy.Grain, b.Policy.Grain = GrainQuarter, GrainQuarter
		}, "joins"},
		"one is public": {func(_, b *Descriptor) {
			b.Policy = Policy{Public: true, Aggregates: []string{"count", "sum"}, Grain: GrainMonth}
		}, "joins"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, 2).admit().registry("enterprises", testRows(0, joinEntities), 32)
			a, b := testDescriptor("emissions"), energyDescriptor()
			a.Policy.Joins = []string{"energy"}
			x.change(&a, &b)
			r := joinable(Dataset{ID: a.Dataset, Owner: testID("bureau"), Descriptor: a}, Dataset{ID: b.Dataset, Owner: testID("rival"), Descriptor: b})
			kind := RefusedPolicy
			if x.rule == "join_shape" {
				kind = RefusedInvalid
			}
			wantRefusal(w.t, r, kind, x.rule)
			if r.Field != "join" {
				t.Errorf("field %q", r.Field)
			}
		})
	}
	a, b := testDescriptor("emissions"), energyDescriptor()
	a.Policy.Joins = []string{"energy"}
	one, two := Dataset{ID: a.Dataset, Owner: "p1", Descriptor: a}, Dataset{ID: b.Dataset, Owner: "p1", Descriptor: b}
	wantRefusal(t, joinable(one, two), RefusedPolicy, "joins") // of one publisher
	if two.Owner = "p2"; joinable(one, two) != nil {
		t.Errorf("refused: %v", joinable(one, two))
	}
	two.Descriptor.Registry = "other"
	wantRefusal(t, joinable(one, two), RefusedInvalid, "join_shape")
}

// A column of one's own, multiplied in, would be weights of one's choice on somebody
// else's readings: without the other's word nothing of it is judged or charged.
func TestAColumnOfOnesOwnIsNotMultipliedIn(t *testing.T) {
	w := newJoinWorld(t, func(a, _ *Descriptor) { a.Policy.Joins = nil }, nil)
	q := w.product("nox", "output")
	w.no("bank", KindQuerySubmit, q, RefusedPolicy, "joins")
	// Not by its publisher either, who needs no contract on its own.
	order := w.ok("bank", KindOrderCreate, OrderCreate{Dataset: "emissions", Purpose: "risk"}).ID
	w.ok("bureau", KindOrderApprove, OrderApprove{Order: order})
	q.Request.Join.Contract = ""
	w.no("rival", KindQuerySubmit, q, RefusedForbidden, "owner")
	q.Request.Join.Contract, q.Contract = "", ""
	w.no("rival", KindQuerySubmit, q, RefusedPolicy, "contract")
	q.Request.Join.Dataset, q.Request.Select[1].Other = "nothing", "nothing.output"
	w.no("bank", KindQuerySubmit, submit(w.contracts[0], q.Request), RefusedUnknown, "unknown")
}

func TestJoinedRequestsAreCanonical(t *testing.T) {
	w := newJoinWorld(t, nil, nil)
	for name, change := range map[string]func(q *QuerySubmit){
		"no second dataset":      func(q *QuerySubmit) { q.Request.Join = nil },
		"a sum beside":           func(q *QuerySubmit) { q.Request.Select[0] = Aggregate{Func: "sum", Measure: "nox"} },
		"a count of a measure":   func(q *QuerySubmit) { q.Request.Select[0] = Aggregate{Func: "count", Measure: "nox"} },
		"a measure of the first": func(q *QuerySubmit) { q.Request.Select[1].Other = "so2" },
		"an unknown measure":     func(q *QuerySubmit) { q.Request.Select[1].Other = "energy.none" },
		"another dataset's":      func(q *QuerySubmit) { q.Request.Select[1].Other = "water.output" },
		"the second's as first":  func(q *QuerySubmit) { q.Request.Select[1].Measure = "energy.jobs" },
		"itself":                 func(q *QuerySubmit) { q.Contract = ""; q.Request.Join.Dataset = "emissions" },
		"a release below 0":      func(q *QuerySubmit) { q.Request.Join.Release = -1 },
		"noise":                  func(q *QuerySubmit) { q.Request.Noise = &Noise{Epsilon: "0.5"} },
		"a private selector":     func(q *QuerySubmit) { q.Request.In = "v-1" },
	} {
		t.Run(name, func(t *testing.T) {
			q := w.product("nox", "output")
			q.Request.Select = slices.Clone(q.Request.Select)
			change(&q)
			r := q.Request.Check(JoinDescriptors(must[Dataset](t)(w.view().Dataset("emissions")).Descriptor, energyDescriptor()), testColumns)
			wantRefusal(t, r, RefusedInvalid, "invalid")
		})
	}
}

func TestBothContractsAreChargedAndRefunded(t *testing.T) {
	w := newJoinWorld(t, nil, nil)
	q := w.product("nox", "output", attr("county"))
	out := w.ok("bank", KindQuerySubmit, q)
	if used, spent := w.paid(); used != [2]int{1, 1} || spent != [2]string{"3.00", "2.50"} {
		t.Errorf("used %v, spent %v", used, spent)
	}
	d := out.Decision.Join
	if d == nil || d.Dataset != "energy" || d.Release != 1 || d.Contract != w.contracts[1] || d.Price != "2.50" || d.Currency != "USD" || d.Manifest.IsZero() || d.Presence.IsZero() {
		t.Errorf("the decision says %+v", d)
	}
	for i, want := range []string{"3.00", "2.50"} {
		s := must[Statement](t)(w.view().Statement(w.contracts[i], "", Page{}))
		if len(s.Lines) != 1 || s.Lines[0].Query != out.ID || s.Price != want {
			t.Errorf("statement of %s: %+v", w.contracts[i], s)
		}
	}
	// Both keys wear by what is opened under them, and members hold both versions.
	before := [2]int64{w.worn("bureau"), w.worn("rival")}
	attempt := QueryAttempt{Query: out.ID, Attempt: 1, Active: w.active(), Root: w.active()[0], Tiles: 3, Joined: 4}
	w.no("node1", KindQueryAttempt, QueryAttempt{Query: out.ID, Attempt: 1, Active: w.active(), Root: w.active()[0], Tiles: 3, Joined: 999}, RefusedInvalid, "invalid")
	w.ok("node1", KindQueryAttempt, attempt)
	if after := [2]int64{w.worn("bureau"), w.worn("rival")}; after != [2]int64{before[0] + 3, before[1] + 4} {
		t.Errorf("the keys have opened %v, before %v", after, before)
	}
	for n := range MaxAttempts {
		w.ok("node1", KindQueryFail, QueryFail{Query: out.ID, Attempt: n + 1, Reason: "test"})
		if attempt.Attempt = n + 2; n+1 < MaxAttempts {
			w.ok("node1", KindQueryAttempt, attempt)
		}
	}
	if used, spent := w.paid(); used != [2]int{1, 1} || spent != [2]string{"0.00", "0.00"} {
		t.Errorf("after the refund: used %v, spent %v", used, spent)
	}
	for i := range w.contracts {
		if s := must[Statement](t)(w.view().Statement(w.contracts[i], "", Page{})); s.Price != "0" && s.Price != "0.00" || s.Failed != 1 {
			t.Errorf("statement after the refund: %+v", s)
		}
	}
}

func (w *joinWorld) worn(publisher string) int64 {
	return must[Key](w.t)(w.view().Key(KeyID(testID(publisher)))).Opened
}

func TestAJoinIsRefusedByEitherContractAndChargesNone(t *testing.T) {
	w := newJoinWorld(t, nil, nil)
	for i, publisher := range []string{"bureau", "rival"} {
		w.ok(publisher, KindContractSuspend, ContractChange{Contract: w.contracts[i], Reason: "test"})
		w.no("bank", KindQuerySubmit, w.product("nox", "output"), RefusedPolicy, "contract_suspended")
		w.ok(publisher, KindContractResume, ContractChange{Contract: w.contracts[i]})
	}
	order := w.ok("bank", KindOrderCreate, OrderCreate{Dataset: "energy", Purpose: "risk", Measures: []string{"jobs"}, Budget: "2.50"}).ID
	narrow := w.ok("rival", KindOrderApprove, OrderApprove{Order: order}).ID
	q := w.product("nox", "output")
	q.Request.Join.Contract = narrow
	w.no("bank", KindQuerySubmit, q, RefusedPolicy, "measure")
	q = w.product("nox", "jobs")
	q.Request.Join.Contract = narrow
	w.ok("bank", KindQuerySubmit, q)
	q = w.product("so2", "jobs")
	q.Request.Join.Contract = narrow
	before, spent := w.paid()
	w.no("bank", KindQuerySubmit, q, RefusedPolicy, "contract_budget")
	q.Request.Join.Contract = w.contracts[0]
	w.no("bank", KindQuerySubmit, q, RefusedPolicy, "contract_dataset")
	if after, now := w.paid(); after != before || now != spent {
		t.Errorf("a refused join charged the first contract: %v %v, before %v %v", after, now, before, spent)
	}
}

// What is released is where both have the very same entities: one that only one side
// has keeps its class out of that period, in whichever dataset it is.
func TestJointPresenceThatDiffersByOneEntityIsNotReleased(t *testing.T) {
	for side := range 2 {
		w := newJoinWorld(t, nil, func(d, _, p, e int) bool { return d != side || p != 1 || e != 4 }) // of county1
		v := w.verdict(w.product("nox", "output", attr("county")))
		if len(v.Parts) != 3 || len(v.Withheld) != 0 {
			t.Fatalf("side %d: parts %v, withheld %v", side, v.Parts, v.Withheld)
		}
		first := month("2024-01")
		want := []Exclusion{{Column: 0, Part: 1, Intervals: []Interval{{From: first + 1, To: first + 2}}}}
		if fmt.Sprint(v.Exclusions) != fmt.Sprint(want) {
			t.Errorf("side %d: exclusions %v, want %v", side, v.Exclusions, want)
		}
		q := w.product("nox", "output")
		q.Request.Where = in("county", "county1")
		q.Request.Periods = []Interval{{From: first + 1, To: first + 2}}
		r := w.no("bank", KindQuerySubmit, q, RefusedPolicy, "joint")
		if !slices.Contains(r.Numbers, Number{"apart", "1"}) || !slices.Contains(r.Numbers, Number{"entities", "19"}) {
			t.Errorf("numbers %v", r.Numbers)
		}
		q.Request.Complete = true
		q.Request.Periods = nil
		w.no("bank", KindQuerySubmit, q, RefusedPolicy, "complete")
	}
}

// Groups are unions of classes of both families. The second one has three readings in
// county1, so its county0 and county1 stay one class; the part that has it is in no
// group by county.
func TestAPartIsAUnionOfClassesOfBothFamilies(t *testing.T) {
	w := newJoinWorld(t, nil, func(d, _, _, e int) bool { return d == 0 || e%3 != 1 || e < 9 })
	v := w.verdict(w.product("nox", "output", attr("county")))
	if len(v.Parts) != 1 || v.EntityGroups[v.Parts[0].Group].Values[0] != "county2" || len(v.Withheld) != 2 {
		t.Fatalf("parts %v of groups %v", v.Parts, v.EntityGroups)
	}
	assign := must[[]int32](t)(UnpackAssign(v.Assign, joinEntities))
	for e, p := range assign {
		if p >= 0 && v.EntityGroups[v.Parts[p].Group].Values[0] != fmt.Sprintf("county%d", e%3) {
			t.Fatalf("entity %d is in a part of %s", e, v.EntityGroups[v.Parts[p].Group].Values[0])
		}
	}
	for side, owner := range []string{"bureau", "rival"} {
		k, err := w.machine.kin(w.store, must[Dataset](t)(w.view().Dataset([]string{"emissions", "energy"}[side])), must[Version](t)(w.view().Version([]string{"emissions", "energy"}[side], 1)), must[Registry](t)(w.view().Registry("enterprises")))
		if err != nil {
			t.Fatal(err)
		}
		inPart := map[int32]int32{}
		for e, p := range assign {
			c := k.classes.class(e)
			if was, known := inPart[c]; known && was != p {
				t.Errorf("class %d of %s is in the parts %d and %d", c, owner, was, p)
			}
			inPart[c] = p
		}
		want := releasedColumn{Dataset: "emissions", Measure: "nox", Other: "energy.output"}
		if side == 1 {
			want = releasedColumn{Dataset: "energy", Measure: "output", Other: "emissions.nox"}
		}
		if !slices.Contains(k.burdens.columns, want) || !k.burdens.heavy(nil) {
			t.Errorf("the family of %s bears %v", owner, k.burdens.columns)
		}
	}
}

// A product is a moment: every column released of a class raises what the next one
// takes, on both sides. Twenty entities bear four columns of min_cohort 5.
func TestProductsTakePTimesKEntities(t *testing.T) {
	w := newJoinWorld(t, nil, nil)
	county := func(fn Aggregate, dataset, contract string) QuerySubmit {
		return submit(contract, Request{Version: 1, Dataset: dataset, By: []Dimension{attr("county")}, Select: []Aggregate{fn}})
	}
	w.verdict(county(Aggregate{Func: "sum", Measure: "nox"}, "emissions", w.contracts[0]))
	w.verdict(county(Aggregate{Func: "sum", Measure: "so2"}, "emissions", w.contracts[0]))
	w.verdict(w.product("nox", "output", attr("county")))
	w.verdict(w.product("so2", "output", attr("county")))
	r := w.no("bank", KindQuerySubmit, w.product("nox", "jobs", attr("county")), RefusedPolicy, "joint")
	if r.Fix == "" {
		t.Error("no fix")
	}
	// The same again adds nothing.
	again := w.product("nox", "output", attr("county"))
	again.Request.Complete = true
	w.verdict(again)
}

// What a sum of two columns of one dataset told of those who have one alone, a product of
// both datasets must not narrow: eight of them bear four columns of min_cohort 2.
func TestAProductHeedsTwoColumnSumsOfEitherSide(t *testing.T) {
	has := func(d, m, _, e int) bool { return d != 0 || m != 1 || e%3 != 1 || e >= 24 } // so2 of 12 of county1
	w := newJoinWorld(t, func(emissions, energy *Descriptor) {
		emissions.Policy.MinCohort, energy.Policy.MinCohort = 2, 2
		emissions.Policy.Moments = [][2]string{{"nox", "so2"}}
		emissions.Policy.Aggregates = append(emissions.Policy.Aggregates, FuncCovar)
	}, has)
	included := func(q QuerySubmit) (out []int) {
		for _, g := range w.verdict(q).EntityGroups {
			out = append(out, g.Included)
		}
		return out
	}
	covar := submit(w.contracts[0], statisticOf("emissions", FuncCovar, "nox", "so2", attr("county")))
	for _, q := range []QuerySubmit{covar, w.product("nox", "output", attr("county"))} {
		if got := included(q); !slices.Equal(got, []int{20, 20, 20}) {
			t.Fatalf("%v entities are included of %+v", got, q.Request.Select)
		}
	}
	if got := included(w.product("nox", "jobs", attr("county"))); !slices.Equal(got, []int{20, 0, 20}) {
		t.Errorf("%v entities are included in the fifth column", got)
	}
}

// A repeat is of the same versions of both, and pays both prices without counting.
func TestARepeatOfAJoinNamesBothVersions(t *testing.T) {
	w := newJoinWorld(t, func(a, b *Descriptor) { openToAll(a); openToAll(b) }, nil)
	id := w.ok("bank", KindQuerySubmit, w.product("nox", "output")).ID
	w.ok("node1", KindQueryAttempt, QueryAttempt{Query: id, Attempt: 1, Active: w.active(), Root: w.active()[0], Tiles: 3, Joined: 3})
	for i, node := range w.active() {
		w.ok(node, KindQueryShare, w.share(id, 1, i))
	}
	out := w.ok("bank", KindQuerySubmit, w.product("nox", "output"))
	if out.Decision.Repeats != id {
		t.Errorf("it repeats %q, want %s", out.Decision.Repeats, id)
	}
	if used, spent := w.paid(); used != [2]int{1, 1} || spent != [2]string{"6.00", "5.00"} {
		t.Errorf("used %v, spent %v", used, spent)
	}
	d := energyDescriptor()
	openToAll(&d)
	w.release("rival", d, func(int, int, int) bool { return true })
	out = w.ok("bank", KindQuerySubmit, w.product("nox", "output"))
	if out.Decision.Repeats != "" || out.Decision.Join.Release != 2 {
		t.Errorf("on another version it repeats %q", out.Decision.Repeats)
	}
}

func openToAll(d *Descriptor) {
	d.Policy = Policy{Public: true, Aggregates: []string{"count", "sum"}, Grain: GrainMonth}
}

func TestPublicDatasetsJoinWithoutNamingEachOther(t *testing.T) {
	w := newJoinWorld(t, func(a, b *Descriptor) { openToAll(a); openToAll(b) }, nil)
	v := w.verdict(w.product("nox", "output", attr("county")))
	if len(v.Parts) != 3 || v.Parts[0].Class != -1 || v.Join == nil || *v.Join != (JoinedRelease{"energy", 1}) {
		t.Errorf("verdict %+v", v)
	}
	if v.Columns[0].Widest(JoinDescriptors(testDescriptor("emissions"), energyDescriptor())) != 1_000_000*1_000_000 {
		t.Errorf("widest %d", v.Columns[0].Widest(JoinDescriptors(testDescriptor("emissions"), energyDescriptor())))
	}
}
