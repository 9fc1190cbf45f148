package state

import (
	"fmt"
	"slices"
	"sync"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/statetest"
	"github.com/weirdata/weir/catalog/tables"
)

// panelOf is a dataset whose readings the test knows.
type panelOf struct {
	d        catalog.Descriptor
	what     []string       // of each measure: what it measures
	finest   calendar.Grain // in which readings are told apart
	versions []versionOf
}

// versionOf is what a version holds: the state of each cell, 0 for a missing one.
type versionOf struct {
	entities, periods int
	first             int64
	state             func(measure int, period int64, entity int) int
}

// has is the state of a cell, 0 outside.
func (v versionOf) has(m int, p int64, e int) int {
	if e >= v.entities || p < v.first || p >= v.first+int64(v.periods) {
		return 0
	}
	return v.state(m, p, e)
}

// history is a family under attack.
type history struct {
	*world
	attacker *attacker
	plain    *attacker // has what would be answered were nothing protected
	panels   map[string]*panelOf
	attacked bool // plain is kept
	accepted int
	granted  map[string]string // buyer/dataset → contract
	public   map[string]*world // dataset/version/rows → where it is public
}

// foundedWorld is a cluster with a publisher whose key is ready.
var foundedWorld = sync.OnceValue(func() *world { return newWorld(panicker{}, 2, 2).admit().key("bureau") })

// panicker is a tester where there is none yet.
type panicker struct{}

func (panicker) Helper()                           {}
func (panicker) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (panicker) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func newHistory(t statetest.T, rows [][]string, panels ...*panelOf) *history {
	t.Helper()
	base := foundedWorld()
	w := *base
	w.t, w.store, w.machine, w.log = t, base.store.Clone(), NewMachine(), nil
	w.registry("enterprises", rows, 5000)
	h := &history{world: &w, attacker: newAttacker(), plain: newAttacker(), panels: map[string]*panelOf{}, granted: map[string]string{}}
	for _, p := range panels {
		h.list(p)
	}
	return h
}

// appendRows appends entities to the registry.
func (w *world) appendRows(rows [][]string) {
	w.t.Helper()
	reg := must[catalog.Registry](w.t)(w.view().Registries().Get("enterprises"))
	create := createEnterprises(rows)
	create.Append = true
	w.ok("bureau", catalog.KindRegistryCreate, create)
	w.ok("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", From: reg.Rows, Rows: rows})
	w.ok("bureau", catalog.KindRegistryCommit, catalog.RegistryCommit{ID: "enterprises"})
}

func (h *history) list(p *panelOf) {
	h.t.Helper()
	h.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: p.d})
	h.panels[p.d.Dataset] = p
}

func monthlyPanel(id string) *panelOf {
	return &panelOf{d: statetest.Descriptor(id), what: []string{"nox", "so2"}, finest: calendar.Month}
}

// publicPanel protects nothing.
func publicPanel(id string) *panelOf {
	p := monthlyPanel(id)
	p.d.Policy = catalog.Policy{Aggregates: p.d.Policy.Aggregates, Grain: calendar.Month, Public: true}
	return p
}

func always(int, int64, int) int { return 1 }

// publish makes a version live, with the counts and the news that follow from its
// readings by their definitions.
func (h *history) publish(dataset string, v versionOf) int {
	h.t.Helper()
	n := h.propose(dataset, v, h.newsOf)
	h.stored(dataset, n, 2)
	h.live(dataset, n)
	return n
}

// propose commits a version with the news that a function declares.
func (h *history) propose(dataset string, v versionOf, declare func(p *panelOf, v versionOf, propose catalog.VersionPropose) []catalog.SourceNews) int {
	h.t.Helper()
	p := h.panels[dataset]
	propose := h.proposal(p.d, v.entities, v.periods, nil)
	propose.First = v.first
	if p.d.Policy.Public {
		p.versions = append(p.versions, v)
		return h.world.publish(p.d, propose, nil)
	}
	all := propose.PolicyPeriods(p.d)
	propose.Closed = propose.MayClose(p.d)
	counts, present := p.bitmaps(v, all)
	propose.Counts = tables.CountsDigest(v.entities, all.From, p.d.Counted(), counts, present)
	news := declare(p, v, propose)
	propose.News = catalog.NewsDigest(news)
	propose.Settled = h.settledBy("bureau", p.d, propose)
	number := h.ok("bureau", catalog.KindVersionPropose, propose).Version
	p.versions = append(p.versions, v)
	for i, name := range p.d.Counted() {
		b := catalog.VersionCounts{Dataset: dataset, Version: number, Measure: name, From: all.From, Bitmaps: counts[i]}
		if i < len(present) {
			b.Present = present[i]
		}
		h.ok("bureau", catalog.KindVersionCounts, b)
	}
	for _, chunk := range catalog.NewsChunks(dataset, number, news) {
		h.ok("bureau", catalog.KindVersionNews, chunk)
	}
	h.ok("bureau", catalog.KindVersionCommit, catalog.VersionCommit{Dataset: dataset, Version: number})
	return number
}

// cells are how many of the dataset's periods in one of the policy's an entity has, and
// of how many, by a condition.
func (p *panelOf) cells(v versionOf, q int64, is func(at int64) bool) (have, of int) {
	span := p.d.Policy.Grain.Span(q, p.d.Grain)
	for c := max(span.From, v.first); c < min(span.To, v.first+int64(v.periods)); c++ {
		of++
		if is(c) {
			have++
		}
	}
	return have, of
}

// bitmaps are the counting bitmaps of a version, and those of presence where there are any.
func (p *panelOf) bitmaps(v versionOf, all calendar.Interval) (counts, present [][][]byte) {
	n := int(all.To - all.From)
	cells := func(m, q, e int) (have, of int) {
		return p.cells(v, all.From+int64(q), func(at int64) bool { return v.has(m, at, e) != 0 })
	}
	counts = testCounts(len(p.d.Measures), n, v.entities, func(m, q, e int) bool { have, of := cells(m, q, e); return 2*have >= of && have > 0 })
	if !p.d.CountsPresence() {
		return counts, nil
	}
	present = testCounts(len(p.d.Measures), n, v.entities, func(m, q, e int) bool { have, _ := cells(m, q, e); return have > 0 })
	for _, pair := range p.d.Policy.Moments {
		a, b := slices.Index(p.d.MeasureNames(), pair[0]), slices.Index(p.d.MeasureNames(), pair[1])
		if a == b {
			continue
		}
		counts = append(counts, testCounts(1, n, v.entities, func(_, q, e int) bool {
			odd, _ := p.cells(v, all.From+int64(q), func(at int64) bool { return (v.has(a, at, e) != 0) != (v.has(b, at, e) != 0) })
			return odd > 0
		})...)
	}
	return counts, present
}

// newsOf declares what is new, and which classes equal an older version. Where another
// dataset tells of the same readings, nothing is declared to be.
func (h *history) newsOf(p *panelOf, v versionOf, propose catalog.VersionPropose) []catalog.SourceNews {
	_, rule, err := h.machine.cache.FamilyOf(h.store, testID("bureau"), p.d.Registry)
	if err != nil {
		h.t.Fatal(err)
	}
	var out []disclosure.SourceNews
	newIn := map[[2]int64]disclosure.Bits{} // measure, period → entities with news
	for c, column := range disclosure.Columns(p.d) {
		for q := propose.Closed.From; q < propose.Closed.To; q++ {
			n := disclosure.SourceNews{Column: c, Period: q, Equal: h.equals(p, v, column, q, rule)}
			first := rule.First(p.d.Dataset, column, q)
			own := !h.shared(p, column.Measure) && (column.Plain() || !h.shared(p, column.With))
			for e := range v.entities {
				fresh, of := 0, 0
				switch {
				case column.Plain():
					m := slices.Index(p.d.MeasureNames(), column.Measure)
					fresh, of = p.cells(v, q, func(at int64) bool { return p.isNew(m, at, e, v) })
				case newIn[[2]int64{int64(slices.Index(p.d.MeasureNames(), column.Measure)), q}].Has(e),
					newIn[[2]int64{int64(slices.Index(p.d.MeasureNames(), column.With)), q}].Has(e):
					fresh, of = p.cells(v, q, func(at int64) bool {
						return v.has(slices.Index(p.d.MeasureNames(), column.Measure), at, e) != 0 && v.has(slices.Index(p.d.MeasureNames(), column.With), at, e) != 0
					})
				}
				if own && fresh > 0 && 2*fresh >= of {
					n.News = n.News.Set(e)
				}
			}
			if column.Plain() {
				newIn[[2]int64{int64(c), q}] = n.News
			}
			if !first {
				out = append(out, n)
			}
		}
	}
	return statetest.WriteNews(out, v.entities)
}

// shared reports whether another dataset tells of what a measure measures.
func (h *history) shared(p *panelOf, measure string) bool {
	what := p.what[slices.Index(p.d.MeasureNames(), measure)]
	for id, other := range h.panels {
		if id != p.d.Dataset && slices.Contains(other.what, what) {
			return true
		}
	}
	return false
}

// isNew reports whether a cell has a reading that nothing settled before told: no older
// version, nor a measure that comes before it.
func (p *panelOf) isNew(m int, at int64, e int, v versionOf) bool {
	now := v.has(m, at, e)
	if now == 0 {
		return false
	}
	for j, what := range p.what {
		if what != p.what[m] {
			continue
		}
		if j < m && v.has(j, at, e) == now || slices.ContainsFunc(p.versions, func(old versionOf) bool { return old.has(j, at, e) == now }) {
			return false
		}
	}
	return true
}

// equals are the classes that equal the newest older version that they equal.
func (h *history) equals(p *panelOf, v versionOf, c disclosure.Column, q int64, rule *disclosure.Family) []disclosure.EqualClasses {
	var out []disclosure.EqualClasses
	live := rule.Versions(p.d.Dataset)
	done := make([]bool, rule.Tree().ClassesBy(v.entities))
	for i := len(live) - 1; i >= 0; i-- {
		if live[i].Source(c, q) == nil {
			continue
		}
		old := p.versions[live[i].Version-1]
		x := disclosure.EqualClasses{Version: live[i].Version}
		for class := range done {
			if done[class] {
				continue
			}
			same := true
			for _, e := range rule.Tree().Members(int32(class)) {
				for _, name := range []string{c.Measure, c.With} {
					m := slices.Index(p.d.MeasureNames(), name)
					if m < 0 {
						continue
					}
					differ, _ := p.cells(v, q, func(at int64) bool { return v.has(m, at, int(e)) != old.has(m, at, int(e)) })
					before, _ := p.cells(old, q, func(at int64) bool { return v.has(m, at, int(e)) != old.has(m, at, int(e)) })
					same = same && differ+before == 0
				}
			}
			if same {
				done[class] = true
				x.Classes = append(x.Classes, int32(class))
			}
		}
		if len(x.Classes) > 0 {
			out = append([]disclosure.EqualClasses{x}, out...)
		}
	}
	return out
}

// ask asks as somebody and hands the attacker what comes out. A refusal by policy
// says nothing.
func (h *history) ask(who string, q catalog.Request) *catalog.Verdict {
	h.t.Helper()
	if h.attacked {
		h.plainly(h.plain, q)
	}
	contract := ""
	if who != "bureau" {
		if contract = h.granted[who+"/"+q.Dataset]; contract == "" {
			contract = h.contract(who, catalog.OrderCreate{Dataset: q.Dataset})
			h.granted[who+"/"+q.Dataset] = contract
		}
	}
	out := h.do(who, catalog.KindQuerySubmit, submit(contract, q))
	if r := out.Refusal; r != nil {
		if r.Kind != catalog.RefusedPolicy && r.Rule != "empty" {
			h.t.Fatalf("refused: %+v", r)
		}
		return nil
	}
	h.accepted++
	v := must[catalog.Verdict](h.t)(h.view().Verdict(out.ID))
	h.learn(v)
	return &v
}

// learn adds the figures of a verdict, read by its documented meaning.
func (h *history) learn(v catalog.Verdict) { h.attacker.learn(h.t, h.panels[v.Dataset], v) }

// plainly hands an attacker what would come out were nothing protected: the cells of the
// newest version, group by group.
func (h *history) plainly(a *attacker, q catalog.Request) {
	h.t.Helper()
	p := h.panels[q.Dataset]
	v := must[catalog.Version](h.t)(h.view().Versions().Get(q.Dataset, len(p.versions)))
	verdict, refusal, err := h.unprotected(p, v).view().Judge(testID("bureau"), submit("", q))
	if err != nil {
		h.t.Fatal(err)
	}
	if refusal != nil { // no entity or period is selected
		return
	}
	verdict.Version = v.Version
	for i := range verdict.Layers {
		verdict.Layers[i].Version = v.Version
	}
	a.learn(h.t, p, verdict)
}

// unprotected is a ledger on which a version of a dataset is public.
func (h *history) unprotected(p *panelOf, v catalog.Version) *world {
	h.t.Helper()
	reg := must[catalog.Registry](h.t)(h.view().Registries().Get(p.d.Registry))
	name := fmt.Sprintf("%s/%d/%s", p.d.Dataset, v.Version, reg.Digest)
	if w, known := h.public[name]; known {
		return w
	}
	base := foundedWorld()
	w := *base
	w.t, w.store, w.machine, w.log = h.t, base.store.Clone(), NewMachine(), nil
	w.registry(p.d.Registry, must[[][]string](h.t)(h.view().Rows(p.d.Registry, 0, v.Entities)), 5000)
	d := p.d
	d.Policy = catalog.Policy{Public: true, Grain: d.Grain, Aggregates: d.Policy.Aggregates}
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	propose := w.proposal(d, v.Entities, v.Periods, nil)
	propose.First = v.First
	n := w.publish(d, propose, nil)
	w.stored(d.Dataset, n, 2)
	w.live(d.Dataset, n)
	if h.public == nil {
		h.public = map[string]*world{}
	}
	h.public[name] = &w
	return &w
}

// sumOf asks for sums of a measure.
func sumOf(dataset, measure string, where *catalog.Predicate, periods []calendar.Interval, by ...catalog.Dimension) catalog.Request {
	return catalog.Request{Version: 1, Dataset: dataset, Where: where, Periods: periods, By: by, Select: []catalog.Aggregate{{Func: "sum", Measure: measure}}}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func january(n int64) calendar.Interval {
	return calendar.Interval{From: statetest.Period("2024-01"), To: statetest.Period("2024-01") + n}
}

func private(q catalog.Request, vector string) catalog.Request {
	q.In = vector
	return q
}

// includedOf is how many entities of an entity group are in the figures of one of its
// groups, of that with the most.
func includedOf(v catalog.Verdict, group int) int {
	most, periods := 0, len(v.PeriodGroups)
	for _, c := range v.Coverage[group*periods : (group+1)*periods] {
		most = max(most, c.Included)
	}
	return most
}

// portfolio registers a selector of entities and returns its id.
func (h *history) portfolio(who, name string) string {
	h.t.Helper()
	b := h.vectorOf(name, 1)
	return h.vector(who, b).ID
}

// submitted has a query accepted, and leaves it there.
func (h *history) submitted(who string, q catalog.Request) string {
	h.t.Helper()
	if h.granted[who+"/"+q.Dataset] == "" {
		h.granted[who+"/"+q.Dataset] = h.contract(who, catalog.OrderCreate{Dataset: q.Dataset})
	}
	h.accepted++
	return h.ok(who, catalog.KindQuerySubmit, submit(h.granted[who+"/"+q.Dataset], q)).ID
}
