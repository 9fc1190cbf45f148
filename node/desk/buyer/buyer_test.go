package buyer

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/desk/route"
)

// market is a cluster with a public dataset, air, and a protected one, works, on both of which the buyer has a
// contract.
func market(t *testing.T) (*clienttest.World, *Buyer) {
	t.Helper()
	w := clienttest.New(t)
	w.PublishAir()
	publisher := w.Client(catalog.RolePublisher)
	_, err := publish.Registry(w.Ctx, publisher, clienttest.Firms(12), nil)
	w.Must(err)
	_, err = publish.Publish(w.Ctx, publisher, w.Prepare(publisher, clienttest.ProtectedDescriptor, clienttest.WorksCSV(12, 3)), nil)
	w.Must(err)
	w.Contract("air", catalog.OrderApprove{})
	w.Contract("works", catalog.OrderApprove{Queries: 10})
	b := New(w.Client(catalog.RoleBuyer), t.TempDir(), nil)
	t.Cleanup(b.Close)
	return w, b
}

// answered waits until a job is over.
func answered(w *clienttest.World, b *Buyer, job Job) Job {
	w.Helper()
	for job.State == JobAsking {
		next, err := b.job(w.Ctx, awaited{ID: job.ID, Seen: job.Seen})
		w.Must(err)
		job = next
	}
	return job
}

func TestDatasetsAreFoundByWordsAndFacets(t *testing.T) {
	w, b := market(t)
	ids := func(want wanted) string {
		t.Helper()
		found, err := b.datasets.find(w.Ctx, want)
		w.Must(err)
		var ids []string
		for _, e := range found.Datasets {
			ids = append(ids, e.ID)
			if e.Live != 1 || e.First == "" || e.Entities == 0 || !e.Contract || e.Own {
				t.Errorf("%s is listed as %+v", e.ID, e)
			}
		}
		if found.Total != len(ids) || len(found.Facets) != len(facets) {
			t.Errorf("%d of %d are listed, by %+v", len(ids), found.Total, found.Facets)
		}
		return strings.Join(ids, " ")
	}
	for _, c := range []struct {
		want wanted
		ids  string
	}{
		{wanted{}, "air works"}, {wanted{Words: "NOX"}, "works"}, {wanted{Words: "air pm10"}, "air"}, {wanted{Words: "air nox"}, ""},
		{wanted{Access: "protected"}, "works"}, {wanted{Grain: "day"}, "air"}, {wanted{Grain: "day", Access: "protected"}, ""},
		{wanted{Unit: "kg"}, "works"}, {wanted{Registry: "firms"}, "works"},
	} {
		if got := ids(c.want); got != c.ids {
			t.Errorf("%+v finds %q, want %q", c.want, got, c.ids)
		}
	}
	found, err := b.datasets.find(w.Ctx, wanted{Grain: "day"})
	w.Must(err)
	// A facet counts what another of its values would find.
	want := []Facet{
		{"access", []FacetValue{{"public", 1}}}, {"grain", []FacetValue{{"day", 1}, {"month", 1}}},
		{"unit", []FacetValue{{"µg/m³", 1}}}, {"registry", []FacetValue{{"air", 1}}},
	}
	if d := cmp.Diff(want, found.Facets); d != "" {
		t.Error(d)
	}
}

// A listing's sample queries run, and its plot of coverage is what the files have.
func TestAListingShowsWhatADatasetHas(t *testing.T) {
	w, b := market(t)
	for _, id := range []string{"air", "works"} {
		l, err := b.datasets.listing(w.Ctx, named{id})
		w.Must(err)
		if len(l.Samples) != 4 || len(l.Contracts) != 1 || len(l.Policy) == 0 || len(l.Versions) != 1 || l.Versions[0].State != "live" || len(l.Dictionary) == 0 {
			t.Errorf("%s is listed as %+v", id, l)
		}
		for _, s := range l.Samples {
			x, err := b.explain(w.Ctx, asked{Question{SQL: s.SQL}})
			w.Must(err)
			if x.Problem != nil || x.Explain.Groups == 0 {
				t.Errorf("%s, %s: %+v", s.Title, s.SQL, x.Problem)
			}
		}
		n, err := b.datasets.names(w.Ctx, named{id})
		w.Must(err)
		if len(n.Columns) != 2 || n.Columns[1].Name != "county" || len(n.Functions) != 3 || n.First != l.First || n.Last != l.Last {
			t.Errorf("names of %s are %+v", id, n)
		}
	}
	c, err := b.datasets.coverage(w.Ctx, named{"air"})
	w.Must(err)
	if len(c.Periods) != 40 || c.Periods[0] != "2024-01-20" || c.From[0] != time.Date(2024, 1, 20, 0, 0, 0, 0, time.UTC).Unix() || len(c.Series) != 2 {
		t.Fatalf("%d periods from %v", len(c.Periods), c.Periods[:1])
	}
	for day := range 40 { // AirCSV leaves out pm25 where day + station is a multiple of 9
		present := 0
		for s := range 3 {
			if (day+s)%9 != 0 {
				present++
			}
		}
		if got := c.Series[0].Permille[day]; got != present*1000/3 || c.Series[1].Permille[day] != 1000 {
			t.Errorf("day %d: %d and %d ‰", day, got, c.Series[1].Permille[day])
		}
	}
	if a, err := b.datasets.answerable(w.Ctx, named{"air"}); err != nil || !a.Public {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err := b.datasets.answerable(w.Ctx, named{"works"}); err != nil || a.Report == nil || len(a.Report.Levels) == 0 {
		t.Errorf("%+v, %v", a, err)
	}
}

// A question is refused with one that passes, asked once however often it is sent, answered with the figures of the
// files, kept, exported, and proved.
func TestAQuestionIsAskedOnceAndKept(t *testing.T) {
	w, b := market(t)
	refused := Question{SQL: "SELECT SUM(nox) FROM works WHERE firm = 'f001' AND period = '2024-02'"}
	x, err := b.explain(w.Ctx, asked{refused})
	w.Must(err)
	if x.Explain != nil || x.Problem == nil || x.Problem.Rule != "min_cohort" || len(x.Changes) != 1 {
		t.Fatalf("explained as %+v", x)
	}
	q := x.Changes[0].Question
	if q.SQL == refused.SQL || x.Changes[0].Explain.Groups != 1 {
		t.Errorf("the change is %+v", x.Changes[0])
	}
	first, err := b.begin(w.Ctx, asked{q})
	w.Must(err)
	second, err := b.begin(w.Ctx, asked{q})
	w.Must(err)
	job := answered(w, b, first)
	if job.State != JobDone || job.Answer == nil || job.Free {
		t.Fatalf("the job is %+v, %v", job, job.Problem)
	}
	if second.ID != first.ID && second.State != JobAsking {
		t.Errorf("the same question is asked twice: %+v", second)
	}
	if want := "SELECT SUM(nox) FROM works WHERE period = '2024-02'"; q.SQL != want {
		t.Fatalf("%s passes, want %s", q.SQL, want)
	}
	sum := 0 // of WorksCSV in its second month
	for f := range 12 {
		sum += 100*(100+f) + 1
	}
	if want := fmt.Sprintf("%d.%02d", sum/100, sum%100); len(job.Answer.Table.Rows) != 1 || job.Answer.Table.Rows[0][0] != want {
		t.Errorf("%s is %v, want %s", q.SQL, job.Answer.Table.Rows, want)
	}
	if job = answered(w, b, second); job.State != JobDone {
		t.Errorf("the second is %+v", job)
	}
	again, err := b.begin(w.Ctx, asked{q})
	w.Must(err)
	if job = answered(w, b, again); !job.Free || job.Answer.Query == "" {
		t.Errorf("asked again it is %+v", job)
	}
	contracts, err := b.orders.contracts(w.Ctx, none{})
	w.Must(err)
	for _, k := range contracts.Contracts {
		if k.Dataset == "works" && k.Used != 1 {
			t.Errorf("%d queries were charged", k.Used)
		}
		st, err := b.orders.statement(w.Ctx, monthly{ID: k.ID})
		w.Must(err)
		if k.Dataset == "works" && len(st.Lines) != 1 {
			t.Errorf("the statement has %+v", st.Lines)
		}
	}
	if list, err := b.listJobs(w.Ctx, none{}); err != nil || len(list.Queries) < 2 || list.Queries[0].Answer != nil {
		t.Errorf("%d queries are listed, %v", len(list.Queries), err)
	}

	// From here on the figures come from the own store, which a new desk reads, too.
	id := job.Answer.Query
	later := New(b.client, b.dir, nil)
	t.Cleanup(later.Close)
	a, err := later.answers.answer(w.Ctx, stored{id})
	w.Must(err)
	if d := cmp.Diff(job.Answer.Table.Rows, a.Table.Rows); d != "" || a.Question.SQL != q.SQL {
		t.Errorf("read again it is %+v\n%s", a.Question, d)
	}
	h, err := later.answers.history(w.Ctx, none{})
	w.Must(err)
	if len(h.Queries) != 1 || !h.Queries[0].Kept || h.Queries[0].Query != id || h.Away != nil {
		t.Errorf("the history has %+v", h)
	}
	for format, begin := range map[string]string{"csv": "sum(nox)\n", "excel-csv": "\ufeffsum(nox)\n", "xlsx": "PK", "parquet": "PAR1", "json": `{"query":"` + id} {
		f, err := later.answers.export(w.Ctx, exported{Query: id, Format: format})
		w.Must(err)
		if !strings.HasPrefix(string(f.Content), begin) || !strings.HasPrefix(f.Name, "works-q-") {
			t.Errorf("%s is %s: %.40q", format, f.Name, f.Content)
		}
		if format == "csv" {
			rows, err := csv.NewReader(strings.NewReader(string(f.Content))).ReadAll()
			if err != nil || len(rows) != 2 || rows[1][0] != a.Table.Rows[0][0] {
				t.Errorf("the file has %v, %v", rows, err)
			}
		}
	}
	f, err := later.answers.receipt(w.Ctx, stored{id})
	w.Must(err)
	if p, err := audit.VerifyReceipt(w.Profile, f.Content); err != nil || p.Query == nil || p.Query.SQL != q.SQL || !strings.HasSuffix(f.Name, ".tlog-proof") {
		t.Errorf("%s proves %+v, %v", f.Name, p, err)
	}

	// What the nodes do not tell now is left out of the history, and said.
	for _, s := range w.Servers {
		s.CloseClientConnections()
		s.Close()
	}
	if h, err = later.answers.history(w.Ctx, none{}); err != nil || len(h.Queries) != 1 || h.Away == nil || h.Away.Fix == "" {
		t.Errorf("without nodes the history is %+v, %v", h, err)
	}
	if _, err := later.answers.answer(w.Ctx, stored{id}); err != nil {
		t.Errorf("without nodes the answer is gone: %v", err)
	}
}

// An order that is made of a query covers it.
func TestAnOrderIsMadeOfAQuery(t *testing.T) {
	w, b := market(t)
	const text = "SELECT county, date_trunc('month', period), AVG(pm25) FROM air GROUP BY county, date_trunc('month', period)"
	o, err := b.orders.draft(w.Ctx, struct{ Body drafted }{drafted{SQL: text}})
	w.Must(err)
	want := Order{Dataset: "air", Measures: []string{"pm25"}, Aggregates: []string{"avg"}, Scoped: true, Columns: []string{"county"}, Grain: "month"}
	if d := cmp.Diff(want, o); d != "" {
		t.Fatal(d)
	}
	for _, spoil := range []func(*Order){
		func(o *Order) { o.Purpose = "  " }, func(o *Order) { o.Until = "2001-01-01" }, func(o *Order) { o.Until = "soon" },
		func(o *Order) { o.Dataset = "" }, func(o *Order) { o.Queries = -1 }, func(o *Order) { o.Grain = "moon" },
	} {
		bad := o
		bad.Purpose = "a test"
		spoil(&bad)
		_, err := b.orders.place(w.Ctx, struct{ Body Order }{bad})
		if p, ok := errors.AsType[*wire.Problem](err); !ok || p.Kind != route.KindInput || p.Fix == "" || p.Field == "" {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	o.Purpose, o.Until = "a test", time.Now().AddDate(1, 0, 0).Format(time.DateOnly)
	done, err := b.orders.place(w.Ctx, struct{ Body Order }{o})
	w.Must(err)
	contract, err := exchange.ApproveOrder(w.Ctx, w.Client(catalog.RolePublisher), catalog.OrderApprove{Order: done.Order})
	w.Must(err)
	x, err := b.explain(w.Ctx, asked{Question{SQL: text, Contract: contract}})
	w.Must(err)
	if x.Explain == nil || x.Explain.Contract != contract {
		t.Errorf("under it the query is %+v", x.Problem)
	}
	list, err := b.orders.list(w.Ctx, none{})
	w.Must(err)
	if len(list.Orders) != 3 || list.Orders[0].ID != done.Order {
		t.Errorf("the orders are %+v", list.Orders)
	}
	if p, err := b.portfolios.list(w.Ctx, none{}); err != nil || p.Portfolios == nil || len(p.Portfolios) != 0 {
		t.Errorf("the portfolios are %+v, %v", p, err)
	}
}

// A query goes on when the request that began it is gone, is joined by the same question, and ends with the desk.
func TestAJobOutlivesItsRequestAndEndsWithTheDesk(t *testing.T) {
	begun, release := make(chan Question, 2), make(chan struct{})
	j := newJobs(func(ctx context.Context, q Question, o ask.Options) (*ask.Result, error) {
		begun <- q
		o.Asked("q-1", true)
		o.Progress(ask.Progress{Progress: wire.Progress{Attempt: 1, Tiles: 1, TilesTotal: 2}, Known: true})
		select {
		case <-release:
			return nil, &client.UnreachableError{}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}, nil)
	first, err := j.begin(Question{SQL: "a"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	<-begun
	for seen := first.Seen; seen < 3; {
		job, err := j.await(t.Context(), first.ID, seen)
		if err != nil {
			t.Fatal(err)
		}
		if seen = job.Seen; seen == 3 && (job.Query != "q-1" || !job.Again || job.Progress == nil || job.Fraction != 0.5) {
			t.Errorf("under way it is %+v", job)
		}
	}
	if same, err := j.begin(Question{SQL: "a"}, time.Now()); err != nil || same.ID != first.ID {
		t.Errorf("the same question is %+v, %v", same, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.await(gone, first.ID, 1000); !errors.Is(err, context.Canceled) {
		t.Errorf("a request that is gone: %v", err)
	}
	close(release)
	job := first
	for job.State == JobAsking {
		if job, err = j.await(t.Context(), first.ID, job.Seen); err != nil {
			t.Fatal(err)
		}
	}
	if job.State != JobFailed || job.Problem.Kind != wire.KindUnavailable || job.Problem.Fix == "" {
		t.Errorf("it ends as %+v", job.Problem)
	}
	j.close()
	if _, err := j.begin(Question{SQL: "b"}, time.Now()); err == nil {
		t.Error("a desk that has ended asks")
	}
}

// No more queries are under way than an eye can be had on, and those that are over make room.
func TestJobsAreBounded(t *testing.T) {
	var release = make(chan struct{})
	j := newJobs(func(_ context.Context, q Question, _ ask.Options) (*ask.Result, error) {
		if strings.HasPrefix(q.SQL, "wait") {
			<-release
		}
		return nil, errors.New("no")
	}, nil)
	for i := range maxUnderWay {
		if _, err := j.begin(Question{SQL: fmt.Sprint("wait", i)}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	_, err := j.begin(Question{SQL: "more"}, time.Now())
	if p, ok := errors.AsType[*wire.Problem](err); !ok || p.Kind != wire.KindBusy {
		t.Errorf("the ninth: %v", err)
	}
	close(release)
	j.wg.Wait()
	for i := range 2 * maxJobs {
		if _, err := j.begin(Question{SQL: fmt.Sprint("quick", i)}, time.Now()); err != nil {
			t.Fatal(err)
		}
		j.wg.Wait()
	}
	if n := len(j.all()); n != maxJobs {
		t.Errorf("%d jobs are remembered", n)
	}
	j.close()
}

// A desk without a key reads what is public, and says what it needs for more.
func TestADeskWithoutAKeyReadsWhatIsPublic(t *testing.T) {
	w, _ := market(t)
	c, err := client.New(w.Profile, nil, w.Options())
	w.Must(err)
	t.Cleanup(c.Close)
	b := New(c, t.TempDir(), nil)
	t.Cleanup(b.Close)
	if found, err := b.datasets.find(w.Ctx, wanted{}); err != nil || found.Total != 2 {
		t.Errorf("%+v, %v", found, err)
	}
	if _, err := b.datasets.listing(w.Ctx, named{"works"}); err != nil {
		t.Error(err)
	}
	if h, err := b.answers.history(w.Ctx, none{}); err != nil || len(h.Queries) != 0 {
		t.Errorf("%+v, %v", h, err)
	}
	_, err = b.explain(w.Ctx, asked{Question{SQL: "SELECT COUNT(*) FROM air"}})
	if p := route.ProblemOf(err); p.Kind != route.KindNoKey || p.Fix == "" {
		t.Errorf("%v", err)
	}
}
