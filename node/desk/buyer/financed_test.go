package buyer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/client/financed"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/desk/route"
)

// bookMarket has a year of emissions of twelve firms, in kg, a contract on them, and a buyer.
func bookMarket(t *testing.T) (*clienttest.World, *Buyer) {
	t.Helper()
	w := clienttest.New(t)
	publisher := w.Client(catalog.RolePublisher)
	_, err := publish.Registry(w.Ctx, publisher, clienttest.Firms(12), nil)
	w.Must(err)
	descriptor := strings.NewReplacer("column: month, grain: month", "column: month, grain: year", "grain: month, min_cohort", "min_cohort", "decimals: 2}", "decimals: 2, pollutant: a05001, pcaf: {scope: 1, option: 1b}}").Replace(clienttest.ProtectedDescriptor)
	text := "firm,month,NOX\n"
	for f := range 12 {
		text += fmt.Sprintf("f%03d,2024,%d.00\n", f, 100+f)
	}
	_, err = publish.Publish(w.Ctx, publisher, w.Prepare(publisher, descriptor, text), nil)
	w.Must(err)
	order, err := exchange.CreateOrder(w.Ctx, w.Client(catalog.RoleBuyer), catalog.OrderCreate{Dataset: "works", Purpose: "financed emissions", Portfolio: true})
	w.Must(err)
	_, err = exchange.ApproveOrder(w.Ctx, publisher, catalog.OrderApprove{Order: order})
	w.Must(err)
	b := New(w.Client(catalog.RoleBuyer), t.TempDir(), nil)
	t.Cleanup(b.Close)
	return w, b
}

// aBook is a loan book of firms that is asked about.
func aBook(text string) Book {
	return Book{Bytes: []byte(text), BookQuestion: BookQuestion{
		File: "loans.csv", Dataset: "works", Measures: []string{"nox"}, Period: "2024", Denominator: "equity_debt", Currency: "CNY", List: "book",
	}}
}

// twoFactors has two loans of f004, a borrower that the registry has under another id, and one without a denominator.
const twoFactors = "firm,outstanding,equity,debt,score\nf000,73125,200000,92500,2\nf001,73125,200000,92500,2\nf004,40000,-5,73125,\nf004,33125,,,3\nf006,73125,73125,0,2\nf0001,5,1,1,\nf009,5,,,\n"

// bookStates are the rows of a preview in short.
func bookStates(p BookPreview) (out []string) {
	for _, r := range p.Rows {
		text := string(r.State) + " " + r.Factor + " " + r.Piece + strings.Join(r.Near, "|")
		for _, f := range r.Faults {
			text += f.Message + "; " + f.Want
		}
		out = append(out, strings.TrimSpace(text))
	}
	return out
}

// What asking about a book would do is told before anything of it is sent: nodes are asked for what is public, and for what
// the sums of so many pieces cost.
func TestABookIsPreviewedBeforeAnythingOfItIsSent(t *testing.T) {
	w, b := bookMarket(t)
	leaks := w.Leaks(func(r *http.Request) bool { return r.Method == http.MethodGet || r.URL.Path == "/v1/explain" }, "f000", "f0001", "73125", "92500", "loans.csv", "0.25", "outstanding")
	p, err := b.books.preview(w.Ctx, booked{aBook(twoFactors)})
	w.Must(err)
	want := []string{
		"taken 0.250000 01", "taken 0.250000 01", "taken 1.000000 02", "taken 1.000000 02", "taken 1.000000 02", "unknown 2.500000 f000", "noshare",
	}
	if d := cmp.Diff(want, bookStates(p)); d != "" {
		t.Error(d)
	}
	if !p.Ready || p.Refused != nil || p.Total != 7 || p.Preview == nil || p.Preview.Explain == nil || p.Preview.Figures == nil || len(p.Preview.Figures.Figures) != 2 {
		t.Fatalf("it is %+v, %+v", p, p.Preview)
	}
	if d := cmp.Diff(&financed.Told{Name: "book", Registry: "firms", Entities: 12, Pieces: 2}, p.Preview.Told); d != "" {
		t.Errorf("told is\n%s", d)
	}
	if c := p.Preview.Report.Coverage; c.Loans != 7 || c.LoansAttributed != 5 || c.BorrowersAttributed != 4 || c.Outstanding != "292510.00" || c.Attributed != "292500.00" {
		t.Errorf("coverage is %+v", c)
	}
	if got := p.In(explain.Chinese).Preview.Report.Notes; len(got) != 1 || !strings.Contains(strings.Join(got, ""), "负的权益按零计") {
		t.Errorf("the notes are %q in Chinese", got)
	}
	lone := aBook("firm,outstanding,equity,debt\nf000,1,2,2\n")
	p, err = b.books.preview(w.Ctx, booked{lone})
	w.Must(err)
	if p.Ready || p.Refused == nil || p.Refused.Rule != ask.RuleTest || p.Refused.Fix == "" || len(p.Rows) != 1 || p.Rows[0].Factor != "0.250000" {
		t.Errorf("one borrower: %+v, refused by %+v", p, p.Refused)
	}
	p, err = b.books.preview(w.Ctx, booked{aBook("firm,outstanding,equity,debt\nzz1,1,2,2\n")})
	w.Must(err)
	if p.Ready || p.Refused == nil || p.Rows[0].State != RowUnknown || !strings.Contains(p.In(explain.Chinese).Refused.Message, "没有一个在名录 firms 中") {
		t.Errorf("strangers: %+v, refused by %+v", p, p.Refused)
	}
	noised := aBook(twoFactors)
	noised.Epsilon = "1"
	p, err = b.books.preview(w.Ctx, booked{noised})
	w.Must(err)
	if p.Ready || p.Refused == nil || p.Refused.Rule != "dp" {
		t.Errorf("with noise where none is offered: %+v", p.Refused)
	}
	if leaked := leaks(); len(leaked) > 0 {
		t.Errorf("a preview sends: %s", strings.Join(leaked, "\n"))
	}
}

// What cannot be read of a book stands in its rows and cells, with what would be right.
func TestFaultsOfABookStandInItsRows(t *testing.T) {
	w, b := bookMarket(t)
	p, err := b.books.preview(w.Ctx, booked{aBook("firm,outstanding,equity,debt,currency\nf000,\"1,000\",2,2,CNY\nf001,-1,2,2,EUR\nf002,1,2,2,CNY\n")})
	w.Must(err)
	told := p.In(explain.Chinese)
	if p.Ready || p.Wrong != 3 || p.Preview != nil || len(p.Rows) != 3 || p.Rows[2].State != RowOpen || p.Rows[0].Faults[0].At != 1 || len(p.Rows[1].Faults) != 2 || p.Rows[1].Faults[0].At != 4 {
		t.Errorf("it is %q, %+v", bookStates(p), p)
	}
	if got := told.Rows[1].Faults[0]; got.Message != `"EUR"，而贷款簿声明的货币是 CNY` || got.Want != "请先换算金额：此处不作换算" {
		t.Errorf("in Chinese it is %+v", got)
	}
	p, err = b.books.preview(w.Ctx, booked{aBook("firm,outstanding,equity\nf000,1,2\n")})
	w.Must(err)
	if p.Ready || len(p.Faults) != 1 || p.Faults[0].Column != "debt" || p.Faults[0].Want == "" {
		t.Errorf("without a column it is %+v", p.Faults)
	}
	for field, spoil := range map[string]func(*Book){
		"bytes": func(f *Book) { f.Bytes = nil }, "file": func(f *Book) { f.File = "a\x1b.csv" }, "dataset": func(f *Book) { f.Dataset = "" }, "period": func(f *Book) { f.Period = "" },
		"denominator": func(f *Book) { f.Denominator = "" }, "currency": func(f *Book) { f.Currency = "yuan" }, "list": func(f *Book) { f.List = "My list" }, "bits": func(f *Book) { f.Bits = 33 },
		"measures": func(f *Book) { f.Measures = []string{"co2"} },
	} {
		f := aBook(twoFactors)
		spoil(&f)
		_, err := b.books.preview(w.Ctx, booked{f})
		if p, is := errors.AsType[*wire.Problem](err); !is || p.Kind != route.KindInput || p.Field != field || p.Fix == "" {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// askedAbout waits until a book is answered or failed.
func askedAbout(w *clienttest.World, b *Buyer, j BookJob) BookJob {
	w.Helper()
	for j.State != BookDone && j.State != BookFailed {
		next, err := b.books.job(w.Ctx, awaited{ID: j.ID, Seen: j.Seen})
		w.Must(err)
		j = next
	}
	return j
}

// A book is registered by a job once; from then on a preview says that nothing would be. The nodes of this test answer no
// query within a private list: package node's test asks real ones.
func TestABookIsRegisteredOnce(t *testing.T) {
	w, b := bookMarket(t)
	for i := range 2 {
		j, err := b.books.begin(w.Ctx, booked{aBook(twoFactors)})
		w.Must(err)
		if j = askedAbout(w, b, j); j.State != BookFailed || j.Query == "" || j.Report == nil || j.Report.List.Existed != (i > 0) || j.Report.List.Pieces != 2 {
			t.Fatalf("it is %+v, %+v", j, j.Problem)
		}
		p, err := b.books.preview(w.Ctx, booked{aBook(twoFactors)})
		w.Must(err)
		if p.Preview.Told != nil || !p.Preview.Report.List.Existed || p.Preview.Report.List.Version != 1 {
			t.Errorf("registered it is %+v", p.Preview)
		}
	}
	all, err := b.portfolios.list(w.Ctx, none{})
	if err != nil || len(all.Portfolios) != 1 || all.Portfolios[0].Name != "book" || all.Portfolios[0].Pieces != 2 {
		t.Errorf("portfolios are %+v, %v", all, err)
	}
}

// A report is read again by its job, with its notes in the language that is asked for, and is written as files.
func TestAReportIsWrittenAsFiles(t *testing.T) {
	b := &Buyer{books: &loanBooks{}}
	b.books.jobs = newBooks(func(_ context.Context, o financed.Options, _ func(catalog.Vector)) (*financed.Report, *ask.Result, error) {
		r := &financed.Report{Dataset: o.Dataset, Denominator: "=evil()", Currency: "CNY", Query: "q-0123456789abcdef", Notes: []string{"the figure carries noise; the 95 % interval is the noise's alone"}}
		o.Told(r)
		r.Measures = []financed.Measure{{Measure: "nox", Financed: "13.500", Exact: true, Score: "2.33"}, {Measure: "+evil()", Financed: "-1.5"}}
		return r, &ask.Result{Query: catalog.Query{ID: r.Query}}, nil
	}, func(context.Context, *ask.Result) Answer { return Answer{Entry: 7} })
	defer b.books.jobs.close()
	j, err := b.books.jobs.begin(BookQuestion{List: "book"}, financed.Options{Dataset: "works", Name: "book"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for j.running() {
		if j, err = b.books.job(t.Context(), awaited{ID: j.ID, Seen: j.Seen}); err != nil {
			t.Fatal(err)
		}
	}
	if j.State != BookDone || !j.Whole || j.Query != "q-0123456789abcdef" || j.Answer.Entry != 7 || j.Report.Measures[0].Financed != "13.500" || j.In(explain.Chinese).Report.Notes[0] != "数字带有噪声；95％ 区间只反映噪声" {
		t.Errorf("it is %+v, %+v", j, j.Report)
	}
	for format, begins := range map[string]string{"csv": "measure,scope", "excel-csv": "\ufeffmeasure,scope", "json": "{\n  \"standard\""} {
		f, err := b.books.export(t.Context(), bookFile{ID: j.ID, Format: format})
		if err != nil || !strings.HasPrefix(string(f.Content), begins) || !strings.Contains(string(f.Content), "13.500") || !strings.HasPrefix(f.Name, "financed-works-q-") {
			t.Errorf("%s: %s %s, %v", format, f.Name, f.Content, err)
		}
		for _, name := range []string{",=evil()", "\n+evil()"} {
			if formula := strings.Contains(string(f.Content), name); formula != (format == "csv") {
				t.Errorf("%s has a formula: %s", format, f.Content)
			}
		}
		if format != "json" && !strings.Contains(string(f.Content), ",-1.5,") {
			t.Errorf("%s has no number: %s", format, f.Content)
		}
	}
	for _, in := range []bookFile{{ID: j.ID, Format: "pdf"}, {ID: "none", Format: "csv"}} {
		if _, err := b.books.export(t.Context(), in); err == nil {
			t.Errorf("%+v is written", in)
		}
	}
}

// A job of a book goes on when its request is gone, is the only one of its list, and ends with the desk.
func TestABooksJobOutlivesItsRequest(t *testing.T) {
	begun, release := make(chan string, 8), make(chan error)
	bs := newBooks(func(ctx context.Context, o financed.Options, watch func(catalog.Vector)) (*financed.Report, *ask.Result, error) {
		watch(catalog.Vector{ID: "x-1", State: catalog.VectorStoring, Nodes: []string{"n1", "n2", "n3"}, Nonces: [][]byte{{1}, nil, {2}}})
		begun <- o.Name
		select {
		case err := <-release:
			return nil, nil, err
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}, func(context.Context, *ask.Result) Answer { return Answer{} })
	begin := func(list string) (BookJob, error) {
		return bs.begin(BookQuestion{List: list}, financed.Options{Name: list}, time.Now())
	}
	first, err := begin("mine")
	if err != nil {
		t.Fatal(err)
	}
	<-begun
	await := func(id string, seen int) (BookJob, error) {
		return bs.await(t.Context(), id, seen, errors.New("unknown"))
	}
	if j, err := await(first.ID, first.Seen); err != nil || j.State != BookRegistering || j.Steps != 2 || j.Of != 3 || !strings.Contains(j.Waits, "n2") {
		t.Errorf("under way it is %+v, %v", j, err)
	}
	busy := func(list string) {
		t.Helper()
		if _, err := begin(list); route.ProblemOf(err).Kind != wire.KindBusy {
			t.Errorf("%s: %v", list, err)
		}
	}
	busy("mine")
	for _, other := range []string{"b", "c", "d"} {
		if _, err := begin(other); err != nil {
			t.Fatal(err)
		}
		<-begun
	}
	busy("e")
	for range 3 {
		release <- errors.New("it fails")
	}
	bs.close()
	for _, j := range bs.all() {
		if j.State != BookFailed || j.Problem == nil || j.Waits != "" {
			t.Errorf("it ends as %+v", j)
		}
	}
	if _, err := begin("after"); err == nil {
		t.Error("a desk that has ended asks")
	}
	if _, err := await("none", 0); err == nil {
		t.Error("an unknown one is known")
	}
}
