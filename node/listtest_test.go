package node

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/family"
	"github.com/weirdata/weir/node/client/portfolio"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/client/vector"
)

// liar asks an exact query with a portfolio without testing it first.
type liar struct {
	*exchangeOf
	asker    *client.Client
	contract string
	// change changes the pieces that the witnesses are made of, or the structure.
	change func(pieceOf []int8, s *he.PieceStructure)
	// put uploads the sealed witnesses; nil: to n1.
	put func(sealed [][]byte)
	// told is the digest of what the asker was told of the sources; zero: the truth.
	told catalog.Digest
}

// ask submits a query on a vector whose test nobody ran, and returns how it ended.
func (l *liar) ask(ctx context.Context, t *testing.T, sql string, values []uint64) (catalog.Query, error) {
	t.Helper()
	compiled, err := ask.Compile(ctx, l.asker, sql)
	if err != nil {
		t.Fatal(err)
	}
	r := compiled.Request
	if r.AsOf == 0 {
		if r.AsOf, err = l.newest(ctx); err != nil {
			t.Fatal(err)
		}
	}
	submit := catalog.QuerySubmit{Contract: l.contract, Receiving: l.asker.Key().Public().Receiving, Request: r}
	var preview judge.Preview
	err = l.nodes["n1"].Read(ctx, func(v state.View) error {
		p, refusal, err := v.Preview(l.asker.Key().ID(), submit)
		if preview = p; refusal != nil {
			return refusal
		}
		return err
	})
	if err != nil {
		return catalog.Query{}, err
	}
	family, err := family.Read(ctx, l.asker, "firms")
	if err != nil {
		t.Fatal(err)
	}
	var periods []int64
	for _, g := range preview.Verdict.PeriodGroups {
		for _, i := range g.Intervals {
			for p := i.From; p < i.To; p++ {
				periods = append(periods, p)
			}
		}
	}
	// The partition of these tests is asked as one group.
	groups, _ := family.Rule.Tree().BirthGroups(nil)
	submit.Request.Sources = family.Rule.SourcesDigest("firms", disclosure.PortfolioQuery{
		Columns: []disclosure.Column{{Measure: "co2"}}, Periods: periods, Groups: groups, AsOf: r.AsOf,
	})
	if !l.told.IsZero() {
		submit.Request.Sources = l.told
	}
	structure := plan.TestStructure(preview.Test, preview.Pieces)
	pieceOf := make([]int8, len(values))
	for e, x := range values {
		pieceOf[e] = int8(x) - 1 //nolint:gosec // a selector's
	}
	if l.change != nil {
		l.change(pieceOf, structure)
	}
	cluster, err := l.asker.Cluster(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := vector.SealWitnesses(l.asker, cluster, submit.Request, structure, pieceOf)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range sealed {
		submit.Witnesses = append(submit.Witnesses, catalog.Sum(b))
	}
	if l.put == nil {
		l.putOnFirst(ctx, t, sealed)
	} else {
		l.put(sealed)
	}
	done, err := l.asker.Submit(ctx, catalog.KindQuerySubmit, submit)
	if err != nil {
		return catalog.Query{}, err
	}
	var q catalog.Query
	l.await(ctx, "the query to be over", func() bool {
		err := l.nodes["n1"].view(func(v state.View) (err error) {
			q, err = v.Query(done.Outcome.ID)
			return err
		})
		return err == nil && q.Over()
	})
	return q, nil
}

// putOnFirst uploads to n1 alone.
func (x *exchangeOf) putOnFirst(ctx context.Context, t *testing.T, sealed [][]byte) {
	t.Helper()
	for _, b := range sealed {
		if err := x.nodes["n1"].blobs.Put(ctx, catalog.Sum(b), b); err != nil {
			t.Error(err)
		}
	}
}

func (l *liar) newest(ctx context.Context) (int, error) {
	d, err := l.asker.Dataset(ctx, "firms")
	return d.Live, err
}

// What the client finds out beforehand is what the nodes' test says on shares, and what
// passes equals plaintext. A publisher asks its own data without a place, so it may ask
// the same months for one list after the other.
func TestTheClientForeseesWhatTheNodesDecide(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	rng := rand.New(rand.NewPCG(11, 7)) //nolint:gosec // a test's portfolios
	failed, passed := 0, 0
	for round, size := range []int{1, 3, 12, 20, 28, 39} {
		name := fmt.Sprintf("p%d", round)
		sql := fmt.Sprintf("SELECT SUM(co2), COUNT(co2) FROM firms WHERE firm IN PRIVATE(%s)", name)
		firms := rng.Perm(firmCount)[:size]
		weight := selected(func(f int) bool { return slices.Contains(firms, f) })
		plan := x.vector(name, 1, weight)
		if _, err := vector.Register(ctx, x.bureau, plan, nil); err != nil {
			t.Fatal(err)
		}
		var foreseen *ask.Preview
		r, err := ask.Query(ctx, x.bureau, sql, ask.Options{Listed: func(p *ask.Preview) { foreseen = p }})
		if refusal, refused := client.IsRefused(err); refused {
			failed++
			if refusal.Rule != ask.RuleTest || errors.Is(err, ask.ErrQueryFailed) {
				t.Fatalf("%d firms: %v, want it refused before it is asked", size, err)
			}
			q, err := (&liar{exchangeOf: x, asker: x.bureau}).ask(ctx, t, sql, plan.Values)
			if err != nil || q.State != catalog.QueryFailed || q.Reason.Code != catalog.CodeTest || len(q.Shares) > 0 {
				t.Fatalf("%d firms, untested: %+v, %v", size, q, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		passed++
		sum, cells := x.sums(weight)
		total, n := sum["c0"]+sum["c1"], cells["c0"]+cells["c1"]
		want := []any{fmt.Sprintf("%d.%d", total/10, total%10), int64(n)}
		if d := cmp.Diff(fmt.Sprint(want), fmt.Sprint(r.Table.Rows[0])); d != "" {
			t.Errorf("%d firms (-plaintext +answer)\n%s", size, d)
		}
		if len(foreseen.Figures) != 1 || foreseen.Figures[0].Listed != size || foreseen.Figures[0].Most != size || foreseen.Outside != 0 {
			t.Errorf("%d firms: foreseen %+v", size, foreseen)
		}
	}
	if failed < 2 || passed < 2 {
		t.Errorf("%d of the portfolios fail and %d pass: the test shows too little", failed, passed)
	}
}

// Witnesses that do not fit the list, those of another test and sources of another
// version get nothing: the query is refused or ends with nothing opened.
func TestWitnessesThatLieOpenNothing(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	contract := x.contractOf(ctx, t)
	mine := selected(func(f int) bool { return f < 20 })
	values := x.vector("mine", 1, mine).Values
	x.register(ctx, t, x.vector("mine", 1, mine))
	sql := "SELECT SUM(co2) FROM firms WHERE firm IN PRIVATE(mine)"
	l := &liar{exchangeOf: x, asker: x.buyer, contract: contract}
	l.change = func(pieceOf []int8, _ *he.PieceStructure) {
		for e := range pieceOf { // all but one: no side has what the witnesses say
			pieceOf[e] = 0
		}
		pieceOf[3] = -1
	}
	q, err := l.ask(ctx, t, sql, values)
	if err != nil || q.State != catalog.QueryFailed || q.Reason.Code != catalog.CodeWitnesses || q.Refunded || len(q.Shares) > 0 {
		t.Fatalf("wrong witnesses: %+v, %v", q, err)
	}
	l.change = func(_ []int8, s *he.PieceStructure) { s.Figures[0].K = 1 }
	q, err = l.ask(ctx, t, sql, values)
	if err != nil || q.State != catalog.QueryFailed || !strings.Contains(explain.Reason(q.Reason), "another query or test") || len(q.Shares) > 0 {
		t.Fatalf("witnesses of another test: %s %q, %v", q.State, q.Reason, err)
	}
	// The list keeps its months: only a failed test gives them back.
	other := selected(func(f int) bool { return f >= 20 })
	x.register(ctx, t, x.vector("other", 1, other))
	_, err = ask.Query(ctx, x.buyer, "SELECT SUM(co2) FROM firms WHERE firm IN PRIVATE(other)", ask.Options{})
	if r, refused := client.IsRefused(err); !refused || r.Rule != "portfolio_other" {
		t.Errorf("another list for the same months: %v", err)
	}
	if rows := queryRows(ctx, t, x.buyer, sql); len(rows) != 1 {
		t.Errorf("the same list, honestly: %v", rows)
	}
}

// contractOf is the buyer's only contract.
func (x *exchangeOf) contractOf(ctx context.Context, t *testing.T) string {
	t.Helper()
	all, err := client.Contracts.All(ctx, x.buyer)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d contracts, %v", len(all), err)
	}
	return all[0].ID
}

// corrected is the firms' file with the first month of some of them changed.
func corrected(firms []int) []firmCell {
	list := firmCells()
	for i, x := range list {
		if x.month == 1 && slices.Contains(firms, x.firm) {
			list[i].co2 = (x.co2 + 1234) % 10000
		}
	}
	return list
}

// A second version corrects a few firms of one county, of which one is on the list: as
// of it the list would tell of too few, and the client says as of which it does not. A
// list with none of them is answered as of the second.
func TestAPortfolioIsAskedAsOfTheVersionThatPasses(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	changed := []int{0, 2, 4, 6} // of c0: as many as are new there at least
	second := &exchangeOf{list: corrected(changed)}
	src := prepareText(ctx, t, firmsDescriptor, firmsCSV(second.list), nil)
	keeper := x.clientWith(x.bureau.Key(), client.Options{})
	var news []catalog.SourceNews
	bits := disclosure.Bits{}
	for _, f := range changed {
		bits = bits.Set(slices.Index(x.order, firmID(f)))
	}
	family, err := family.Read(ctx, x.bureau, "firms")
	if err != nil {
		t.Fatal(err)
	}
	same := family.Rule.Tree().Class(slices.Index(x.order, firmID(1)))
	news = append(news, catalog.SourceNews{
		Column: 0, Period: monthOf(2024, 1), News: bits.Bytes(firmCount), Equal: []catalog.EqualClasses{{Version: 1, Classes: []int32{same}}},
	})
	if v := x.declare(ctx, t, keeper, src, news, 1); v.State != catalog.VersionLive {
		t.Fatalf("version 2 is %s: %q", v.State, v.Reason)
	}
	mine := selected(func(f int) bool { return f%4 == 1 || f == 0 || f%20 == 8 })
	sql := "SELECT SUM(co2) FROM firms WHERE firm IN PRIVATE(mine) AND period = '2024-01'"
	var firms []int
	for f := range firmCount {
		if mine(f) > 0 {
			firms = append(firms, f)
		}
	}
	yet := x.portfolio("mine", firms, sql) // to be registered
	yet.Query.Newest = true
	would, e, err := portfolio.Explain(ctx, x.buyer, yet)
	if err != nil || e.Version != 1 || would.Preview == nil || would.Preview.AsOf != 1 {
		t.Errorf("a list that is not registered is explained as of version %d, want 1: %+v, %v", e.Version, would, err)
	}
	if _, err := ask.Explain(ctx, x.buyer, sql, ask.Options{Newest: true, NewPortfolio: true}); err == nil {
		t.Error("as of which version is asked was told of a list that nobody knows")
	}
	x.register(ctx, t, x.vector("mine", 1, mine))
	_, err = ask.Query(ctx, x.buyer, sql, ask.Options{})
	r, refused := client.IsRefused(err)
	if !refused || r.Rule != ask.RuleTest || !strings.Contains(explain.Fix(r), "--as-of 1") || len(r.Numbers) != 1 || r.Numbers[0].Value != "1" {
		t.Fatalf("as of version 2: %v", err)
	}
	q, err := (&liar{exchangeOf: x, asker: x.buyer, contract: x.contractOf(ctx, t)}).ask(ctx, t, sql, x.vector("", 1, mine).Values)
	if err != nil || q.Reason.Code != catalog.CodeTest || q.Refunded {
		t.Fatalf("as of version 2, untested: %+v, %v", q, err)
	}
	if e, err := ask.Explain(ctx, x.buyer, sql, ask.Options{Newest: true}); err != nil || e.Version != 1 {
		t.Errorf("explained as of version %d, want 1: %v", e.Version, err)
	}
	answer, err := ask.Query(ctx, x.buyer, sql, ask.Options{Newest: true})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(answer.Table.Rows[0][0]), x.inMonth(1, mine); got != want || answer.Query.Version != 1 {
		t.Errorf("as of version %d: %s, want %s as of version 1", answer.Query.Version, got, want)
	}
	// Nobody of this list was corrected; the publisher needs no place for it.
	others := selected(func(f int) bool { return f%4 == 1 })
	if _, err := vector.Register(ctx, x.bureau, x.vector("others", 1, others), nil); err != nil {
		t.Fatal(err)
	}
	answer, err = ask.Query(ctx, x.bureau, strings.Replace(sql, "mine", "others", 1), ask.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(answer.Table.Rows[0][0]), second.inMonth(1, others); got != want || answer.Query.Version != 2 {
		t.Errorf("as of version %d: %s, want %s as of version 2", answer.Query.Version, got, want)
	}
}

// A version has the columns that its dataset had when it was published. One is added and
// taken away again: who has readings in each version is read by that version's own
// columns, and a portfolio on what is left equals plaintext.
func TestAPortfolioReadsTheColumnsThatEachVersionHas(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	two := strings.Replace(firmsDescriptor, "measures:\n", "measures:\n  - {name: nox, column: nox, unit: kg, range: [0, 10], decimals: 0}\n", 1)
	amend := func(descriptor string) {
		t.Helper()
		src, err := panel.ReadDescriptor("firms.yaml", strings.NewReader(descriptor))
		if err != nil {
			t.Fatal(err)
		}
		a, err := publish.Compare(ctx, x.bureau, src.Descriptor)
		if err == nil {
			err = publish.Amend(ctx, x.bureau, a)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	amend(two)
	lines := strings.Split(strings.TrimSpace(string(firmsCSV(x.list))), "\n")
	for i := range lines {
		lines[i] += ","
		switch {
		case i == 0:
			lines[i] += "nox"
		case i%7 > 0: // some are missing, others than of co2
			lines[i] += fmt.Sprint(i % 10)
		}
	}
	if _, err := publish.Publish(ctx, x.bureau, prepareText(ctx, t, two, []byte(strings.Join(lines, "\n")+"\n"), nil), nil); err != nil {
		t.Fatal(err)
	}
	amend(firmsDescriptor)
	mine := selected(func(f int) bool { return f < 20 })
	x.register(ctx, t, x.vector("mine", 1, mine))
	r, err := ask.Query(ctx, x.buyer, "SELECT SUM(co2), COUNT(co2) FROM firms WHERE firm IN PRIVATE(mine)", ask.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sum, cells := x.sums(mine)
	total, n := sum["c0"]+sum["c1"], cells["c0"]+cells["c1"]
	if got, want := fmt.Sprint(r.Table.Rows[0]), fmt.Sprint([]any{fmt.Sprintf("%d.%d", total/10, total%10), int64(n)}); got != want || r.Query.Version != 2 {
		t.Errorf("as of version %d: %s, want %s as of version 2", r.Query.Version, got, want)
	}
	if report, err := family.Answerable(ctx, x.buyer, "firms", 0); err != nil || report.AsOf != 2 {
		t.Errorf("what can be answered: %+v, %v", report, err)
	}
}

// inMonth is the plain sum of a month.
func (x *exchangeOf) inMonth(month int, weight func(int) uint64) string {
	total := 0
	for _, c := range x.list {
		if c.month == month && c.co2 >= 0 && weight(c.firm) > 0 {
			total += c.co2
		}
	}
	return fmt.Sprintf("%d.%d", total/10, total%10)
}

// monthOf is the index of a month.
func monthOf(year, month int) int64 {
	_, i, err := calendar.Parse(fmt.Sprintf("%04d-%02d", year, month))
	if err != nil {
		panic(err)
	}
	return i
}

// A list by pieces and by county is answered exactly, as the plain loops say.
func TestPiecesOfProtectedFirmsEqualPlaintext(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	for _, shape := range []struct{ n, t int }{{3, 2}, {4, 3}} {
		t.Run(fmt.Sprintf("%d of %d", shape.t, shape.n), func(t *testing.T) {
			ctx := testContext(t)
			x := newFirms(ctx, t, shape.n, shape.t)
			piece := func(f int) int { return f / 2 % 3 } // 0 and 1 are pieces; 2: in none
			plan := x.vector("bands", 1, func(f int) uint64 { return []uint64{1, 2, 0}[piece(f)] })
			plan.Pieces, plan.By = 2, []string{"county"}
			x.register(ctx, t, plan)
			var want [][]string
			for p := range 2 {
				sum, cells := x.sums(selected(func(f int) bool { return piece(f) == p }))
				for _, county := range []string{"c0", "c1"} {
					want = append(want, []string{fmt.Sprintf("%02d", p+1), county, fmt.Sprintf("%d.%d", sum[county]/10, sum[county]%10), fmt.Sprint(cells[county])})
				}
			}
			got := queryRows(ctx, t, x.buyer, `SELECT PIECE(bands), county, SUM(co2), COUNT(co2) FROM firms WHERE firm IN PRIVATE(bands) GROUP BY PIECE(bands), county`)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-plaintext +answer)\n%s", d)
			}
			x.wantRule(ctx, t, `SELECT firm, SUM(co2) FROM firms WHERE firm IN PRIVATE(bands) GROUP BY firm`, "portfolio_groups")
			total := queryRows(ctx, t, x.buyer, `SELECT SUM(co2) FROM firms WHERE firm IN PRIVATE(bands) AND county = 'c1'`)
			sum, _ := x.sums(selected(func(f int) bool { return piece(f) < 2 }))
			if want := fmt.Sprintf("%d.%d", sum["c1"]/10, sum["c1"]%10); total[0][0] != want {
				t.Errorf("both pieces of c1: %v, want %s", total, want)
			}
		})
	}
}

// wantRule requires that a query is refused by a rule.
func (x *exchangeOf) wantRule(ctx context.Context, t *testing.T, sql, rule string) {
	t.Helper()
	_, err := ask.Query(ctx, x.buyer, sql, ask.Options{})
	if r, refused := client.IsRefused(err); !refused || r.Rule != rule {
		t.Errorf("%s: %v, want a refusal by %s", sql, err, rule)
	}
}
