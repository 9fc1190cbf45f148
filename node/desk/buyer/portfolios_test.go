package buyer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/portfolio"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/client/vector"
	"github.com/weirdata/weir/node/desk/route"
)

// aList is a file that lists firms.
func aList(text string) ListFile {
	return ListFile{Name: "mine", Registry: "firms", File: "mine.csv", Bytes: []byte(text)}
}

// statesOf are the rows of a preview in short: the row, its state, and the cells that are at fault.
func statesOf(p ListPreview) (out []string) {
	for _, r := range p.Rows {
		text := fmt.Sprintf("%d %s", r.Row, r.State)
		for _, f := range r.Faults {
			text += fmt.Sprintf(" @%d", f.At)
		}
		out = append(out, text)
	}
	return out
}

// What stays of a file is told row by row before anything of it is sent: no id, weight or name of a piece is in a request.
func TestAPortfolioIsPreviewedBeforeAnythingOfItIsSent(t *testing.T) {
	w, b := market(t)
	leaks := w.Leaks(func(r *http.Request) bool { return r.Method != http.MethodPost && r.Method != http.MethodPut }, "f001", "f011", "zz9", "73125", "steel-band", "mine.csv")
	preview := func(f ListFile) ListPreview {
		t.Helper()
		p, err := b.portfolios.preview(w.Ctx, listed{f})
		w.Must(err)
		return p
	}
	list := aList("name,firm\nA,f001\nB,zz9\nC,f002\nD,f005\nE,f006\nF,f011\n")
	list.By, list.For = []string{"county"}, "SELECT county, SUM(nox) FROM works WHERE entity IN PRIVATE(mine) GROUP BY county"
	p := preview(list)
	if d := cmp.Diff([]string{"2 taken", "3 unknown @-1", "4 taken", "5 taken", "6 taken", "7 taken"}, statesOf(p)); d != "" {
		t.Error(d)
	}
	if p.Of != 12 || p.Entries != 5 || p.Unknown != 1 || p.Total != 6 || p.Wrong != 0 || p.Version != 1 || p.Known != 0 || p.Elsewhere || strings.Join(p.Header, " ") != "name firm" {
		t.Errorf("it is %+v", p)
	}
	if d := cmp.Diff(Told{Name: "mine", Registry: "firms", Entities: 12, Pieces: 1, By: []string{"county"}}, p.Told); d != "" {
		t.Errorf("told is\n%s", d)
	}
	if p.Figures != nil || p.Refused == nil || p.Refused.Fix == "" || p.Ready { // one firm is alone in its county
		t.Errorf("the query is %+v, refused by %+v", p.Figures, p.Refused)
	}
	list.Bytes = []byte("firm\nf001\nf002\nf004\nf005\nf009\nf010\n")
	if p = preview(list); p.Refused != nil || p.Figures == nil || len(p.Figures.Figures) != 3 || !p.Ready {
		t.Errorf("six firms: %+v, refused by %+v", p.Figures, p.Refused)
	}

	pieces := aList("firm,band\nf001,steel-band\nf002,steel-band\nf003,other\n")
	pieces.Pieces = "band"
	if p = preview(pieces); !p.Ready || cmp.Diff([]Piece{{"other", 1}, {"steel-band", 2}}, p.Pieces) != "" || p.Told.Pieces != 2 {
		t.Errorf("pieces are %+v, told %+v", p.Pieces, p.Told)
	}
	if p = preview(aList("f001\nf002\n")); !p.Ready || p.Entries != 2 || p.Total != 2 || strings.Join(p.Header, "") != "firm" || p.Rows[0].Fields[0] != "f001" {
		t.Errorf("without a header it is %+v", p)
	}
	weights := aList("firm,loan\nf001,73125\nf002,0\n")
	weights.Weights, weights.Bits = "loan", 17
	if p = preview(weights); !p.Ready || cmp.Diff(&ListedWeights{Least: "0", Most: "73125", Possible: "131071", Zero: 1}, p.Weights) != "" || p.Told.Bits != 17 || p.Told.Pieces != 0 {
		t.Errorf("weights are %+v, told %+v", p.Weights, p.Told)
	}
	if leaked := leaks(); len(leaked) > 0 {
		t.Errorf("a preview sends: %s", strings.Join(leaked, "\n"))
	}
}

// What cannot be read of a file stands in its rows and cells, and a file of which nothing stays is not ready.
func TestFaultsOfAPortfolioStandInItsRows(t *testing.T) {
	w, b := market(t)
	weighted := func(text string) ListFile {
		f := aList(text)
		f.Weights, f.Bits = "loan", 8
		return f
	}
	for _, c := range []struct {
		of     ListFile
		states string
		faults int // of the file as a whole
		wrong  int
	}{
		{aList("firm\nf001\nf001\n"), "2 open; 3 wrong @-1", 0, 1},
		{weighted("firm,loan\nf001,12\nf002,x\nf003,256\nf004,-1\n"), "2 open; 3 wrong @1; 4 wrong @1; 5 wrong @1", 0, 3},
		{weighted("firm,balance\nf001,12\n"), "2 open", 1, 1},
		{aList("code,name\nf001,A\n"), "2 open", 1, 1},
		{aList("firm\nzz1\nzz2\n"), "2 unknown @-1; 3 unknown @-1", 0, 0},
	} {
		p, err := b.portfolios.preview(w.Ctx, listed{c.of})
		w.Must(err)
		if got := strings.Join(statesOf(p), "; "); got != c.states || len(p.Faults) != c.faults || p.Wrong != c.wrong || p.Ready || p.Of != 12 {
			t.Errorf("%q: %s, %+v, %d wrong, ready %t", c.of.Bytes, got, p.Faults, p.Wrong, p.Ready)
		}
	}
	for field, spoil := range map[string]func(*ListFile){
		"name": func(f *ListFile) { f.Name = "My list" }, "registry": func(f *ListFile) { f.Registry = "" },
		"bytes": func(f *ListFile) { f.Bytes = nil }, "file": func(f *ListFile) { f.File = "a\x1b.csv" }, "bits": func(f *ListFile) { f.Bits = 3 },
		"pieces": func(f *ListFile) { f.Weights, f.Bits, f.By = "loan", 8, []string{"county"} },
		"within": func(f *ListFile) { f.Within = "works.nox" }, "for": func(f *ListFile) { f.Weights, f.Bits, f.For = "loan", 8, "SELECT SUM(nox) FROM works" },
	} {
		f := aList("firm\nf001\n")
		spoil(&f)
		_, err := b.portfolios.preview(w.Ctx, listed{f})
		if p, is := errors.AsType[*wire.Problem](err); !is || p.Kind != route.KindInput || p.Field != field || p.Fix == "" {
			t.Errorf("%s: %v", field, err)
		}
		if _, err := b.portfolios.register(w.Ctx, listed{f}); err == nil {
			t.Errorf("with another %s it is registered", field)
		}
	}
	capped := weighted("firm,loan\nf001,12\n")
	capped.Within = "works.nox"
	_, err := b.portfolios.preview(w.Ctx, listed{capped})
	if p, is := errors.AsType[*wire.Problem](err); !is || p.Field != "within" {
		t.Errorf("without caps: %v", err)
	}
	// A preview has the first rows, and those that are wrong.
	var long strings.Builder
	long.WriteString("firm\n")
	for i := range 3 * maxListRows {
		fmt.Fprintf(&long, "zz%d\n", i)
	}
	p, err := b.portfolios.preview(w.Ctx, listed{aList(long.String() + "f001\n")})
	w.Must(err)
	if len(p.Rows) != maxWrong || p.Total != 3*maxListRows+1 || p.Unknown != 3*maxListRows {
		t.Errorf("%d rows of %d are shown, %d unknown", len(p.Rows), p.Total, p.Unknown)
	}
}

// Weights beside their entities' caps are told row by row, with the bound that would hold them.
func TestWeightsAboveTheirCapsStandInTheirRows(t *testing.T) {
	w := clienttest.New(t)
	publisher := w.Client(catalog.RolePublisher)
	registry := publish.RegistryTable{ID: "firms", IDColumn: "firm", Columns: []string{"permit"}}
	for i := range 6 {
		registry.Rows = append(registry.Rows, []string{fmt.Sprintf("f%03d", i), fmt.Sprint(100 * (1 + 9*(i%2)))})
	}
	_, err := publish.Registry(w.Ctx, publisher, registry, nil)
	w.Must(err)
	descriptor := strings.NewReplacer("range: [0, 100000]", "range: [0, 1000]", "column: firm}", "column: firm, numbers: [permit]}", "cubes: [[county]]", `caps: {nox: permit}, dp: {epsilon_per_query: "1", epsilon_per_contract: "5", epsilon_family: "20", delta: "1e-9"}`).Replace(clienttest.ProtectedDescriptor)
	csv := "firm,month,NOX\n"
	for i := range 6 {
		csv += fmt.Sprintf("f%03d,2024-01,%d.00\n", i, 50+i)
	}
	_, err = publish.Publish(w.Ctx, publisher, w.Prepare(publisher, descriptor, csv), nil)
	w.Must(err)
	b := New(w.Client(catalog.RoleBuyer), t.TempDir(), nil)
	t.Cleanup(b.Close)
	f := aList("firm,loan\nf000,200\nf001,7\n")
	f.Weights, f.Bits, f.Within = "loan", 8, "works.nox"
	p, err := b.portfolios.preview(w.Ctx, listed{f})
	w.Must(err)
	if !p.Ready || p.Weights.Bound != "41943.04 kg" || p.Weights.Bounded != 3 || p.Told.Bound != p.Weights.Bound {
		t.Errorf("the weights are %+v, told %+v", p.Weights, p.Told)
	}
	f.Bound = "7000"
	p, err = b.portfolios.preview(w.Ctx, listed{f})
	w.Must(err)
	if d := cmp.Diff([]string{"2 over @-1", "3 taken"}, statesOf(p)); d != "" || p.Ready || p.Weights.Over != 1 || p.Weights.Needed != "25500.00" {
		t.Errorf("%s\nthe weights are %+v", d, p.Weights)
	}
	if n, err := b.datasets.names(w.Ctx, named{"works"}); err != nil || !slices.Equal(n.Capped, []string{"nox"}) {
		t.Errorf("capped are %q, %v", n.Capped, err)
	}
}

// A registration goes on when its request is gone, tells how far the nodes are, is the only one of its name, and ends with
// the desk.
func TestARegistrationOutlivesItsRequest(t *testing.T) {
	begun, release := make(chan string, 8), make(chan error)
	rs := newRegistrations(func(ctx context.Context, o portfolio.Options) (portfolio.Registered, error) {
		begun <- o.Name
		o.Watch(catalog.Vector{ID: "x-1", VectorRegister: catalog.VectorRegister{Version: 3}, State: catalog.VectorStoring, Nodes: []string{"n1", "n2", "n3"}, Nonces: [][]byte{{1}, nil, {2}}})
		select {
		case err := <-release:
			return portfolio.Registered{Vector: catalog.Vector{ID: "x-1", VectorRegister: catalog.VectorRegister{Version: 3}, State: catalog.VectorReady}, Entries: 7}, err
		case <-ctx.Done():
			return portfolio.Registered{}, ctx.Err()
		}
	})
	options := func(name string) portfolio.Options { return portfolio.Options{Name: name, Registry: "firms"} }
	first, err := rs.begin(options("mine"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	<-begun
	r, err := rs.await(t.Context(), first.ID, first.Seen)
	if err != nil || r.State != Registering || r.Vector != "x-1" || r.Version != 3 || r.Steps != 2 || r.Of != 3 || !strings.Contains(r.Waits, "n2") {
		t.Errorf("under way it is %+v, %v", r, err)
	}
	busy := func(name string) {
		t.Helper()
		_, err := rs.begin(options(name), time.Now())
		if p, is := errors.AsType[*wire.Problem](err); !is || p.Kind != wire.KindBusy || p.Fix == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	busy("mine")
	var others []Registration
	for i := range maxRegistering - 1 {
		other, err := rs.begin(options(fmt.Sprint("other", i)), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		<-begun
		others = append(others, other)
	}
	busy("more")
	over := func(id string) Registration {
		t.Helper()
		r, err := rs.await(t.Context(), id, 0)
		for err == nil && r.State == Registering {
			r, err = rs.await(t.Context(), id, r.Seen)
		}
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for range 4 {
		release <- nil
	}
	if r = over(first.ID); r.State != RegistrationDone || r.Entries != 7 || r.Version != 3 || r.Waits != "" || r.Problem != nil {
		t.Errorf("it ends as %+v", r)
	}
	for _, other := range others {
		over(other.ID)
	}
	again, err := rs.begin(options("mine"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	release <- fmt.Errorf("mine version 4: %w", vector.ErrRejected)
	if r = over(again.ID); r.State != RegistrationFailed || r.Problem == nil || r.Problem.Fix == "" {
		t.Errorf("rejected it is %+v", r)
	}
	for i := range 2 * maxRegistrations {
		if again, err = rs.begin(options(fmt.Sprint("quick", i)), time.Now()); err != nil {
			t.Fatal(err)
		}
		release <- nil
		over(again.ID)
		for len(begun) > 0 {
			<-begun
		}
	}
	if n := len(rs.all()); n != maxRegistrations || rs.all()[0].ID != again.ID {
		t.Errorf("%d are remembered", n)
	}
	if again, err = rs.begin(options("last"), time.Now()); err != nil {
		t.Fatal(err)
	}
	rs.close()
	if r = over(again.ID); r.State != RegistrationFailed {
		t.Errorf("when the desk ends it is %+v", r)
	}
	if _, err := rs.begin(options("after"), time.Now()); err == nil {
		t.Error("a desk that has ended registers")
	}
	if _, err := rs.await(t.Context(), "none", 0); route.ProblemOf(err).Kind != wire.KindNotFound {
		t.Errorf("an unknown one: %v", err)
	}
}

// What is wrong with a file is told in Chinese where that is asked for, and what was worked out stays as it is.
func TestAPreviewSpeaksChinese(t *testing.T) {
	w, b := market(t)
	p, err := b.portfolios.preview(w.Ctx, listed{aList("firm,balance\nf001,1\nf002,2\nf001,3\n")})
	w.Must(err)
	told := p.In(explain.Chinese)
	if got := told.Rows[len(told.Rows)-1].Faults; len(got) != 1 || got[0].Message != `实体 "f001" 在第 2 行已经出现` || got[0].Want != "每个实体只列一次" {
		t.Errorf("it is told as %+v", got)
	}
	if got := p.In(explain.English).Rows; cmp.Diff(p.Rows, got, cmpopts.IgnoreUnexported(ListFault{})) != "" {
		t.Errorf("in English it is told as %+v, not %+v", got, p.Rows)
	}
}
