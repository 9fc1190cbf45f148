package bureau

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/compute/table"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/feed"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/desk/route"
)

// publisher is a cluster and the publisher's part of a desk.
func publisher(t *testing.T) (*clienttest.World, *Bureau) {
	t.Helper()
	w := clienttest.New(t)
	b := New(w.Spooled(t.TempDir()), nil)
	t.Cleanup(func() { w.Must(b.Close()) })
	return w, b
}

// workbook has monthly readings of firms; spoil changes its cells.
func workbook(t *testing.T, spoil func(rows [][]any)) []byte {
	t.Helper()
	s := table.Sheet{Columns: []table.Column{{Name: "firm"}, {Name: "county"}, {Name: "month"}, {Name: "NOX"}}}
	for f := range 12 {
		for m := range 3 {
			s.Rows = append(s.Rows, []any{fmt.Sprintf("f%03d", f), []string{"east", "west", "far"}[f/4], fmt.Sprintf("2024-%02d", m+1), fmt.Sprintf("%d.%d7", 7310+f, m)})
		}
	}
	if spoil != nil {
		spoil(s.Rows)
	}
	var b bytes.Buffer
	if err := table.WriteWorkbook(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// dropFile drops a file in parts.
func dropFile(w *clienttest.World, b *Bureau, id, name string, content []byte) (d Draft) {
	w.Helper()
	const part = 3000
	for at := 0; at < len(content); at += part {
		var err error
		d, err = b.drafts.receive(w.Ctx, id, Part{Name: name, Size: int64(len(content)), At: int64(at), Bytes: content[at:min(at+part, len(content))]})
		w.Must(err)
	}
	return d
}

// worked begins work and waits for its end.
func worked(w *clienttest.World, b *Bureau, id string, kind WorkKind) Draft {
	w.Helper()
	d, err := b.drafts.start(id, kind)
	w.Must(err)
	for d.Work.State == WorkRunning {
		d, err = b.draft(w.Ctx, awaited{ID: id, Seen: d.Seen})
		w.Must(err)
	}
	return d
}

// A workbook with two faults is dropped: both are shown in their cells, mended there, and what is published is what the
// mended table says. No reading leaves the machine.
func TestAWorkbookIsMendedAndPublished(t *testing.T) {
	w, b := publisher(t)
	leaks := w.Leaks(nil, "7310.0", "7315.1", "7315.17", "731007", "f003,east")
	d, err := b.beginDraft(w.Ctx, begun{})
	w.Must(err)
	id := d.ID
	if _, err := b.drafts.start(id, WorkCheck); route.ProblemOf(err).Kind != route.KindInput {
		t.Errorf("nothing is checked: %v", err)
	}
	spoiled := workbook(t, func(rows [][]any) { rows[4][3], rows[16][2] = "73l1.07", "2024-13" })
	d = dropFile(w, b, id, "works.xlsx", spoiled)
	if len(d.Files) != 1 || d.Files[0].Have != d.Files[0].Size || d.Form == nil {
		t.Fatalf("dropped it is %+v", d)
	}
	f := *d.Form
	if f.Entity != "firm" || f.Period != "month" || f.Grain != "month" || len(f.Attributes) != 1 || len(f.Measures) != 1 || f.Measures[0].Column != "NOX" || f.Measures[0].Decimals != 2 || f.Dataset != "works" {
		t.Errorf("proposed is %+v", f)
	}
	info, err := os.Stat(b.drafts.dir)
	w.Must(err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the files are in a directory of mode %o", info.Mode().Perm())
	}
	f.TitleEN, f.Measures[0].Unit = "Works", ""
	if d, err = b.drafts.change(id, func(d *draft) error { return d.describe(Described{Form: &f}) }); err != nil || len(d.Wrong) == 0 {
		t.Errorf("without a unit the descriptor has no fault: %+v, %v", d.Wrong, err)
	}
	f.Measures[0].Unit = "kg"
	d, err = b.drafts.change(id, func(d *draft) error { return d.describe(Described{Form: &f}) })
	w.Must(err)
	if len(d.Wrong) > 0 || d.Policy == nil || len(d.Fields) == 0 {
		t.Fatalf("the descriptor is %s: %+v", d.Descriptor, d.Wrong)
	}
	policy := *d.Policy
	policy.MinCohort, policy.DP = 2, &catalog.DP{EpsilonPerQuery: "0.5", EpsilonPerContract: "5", EpsilonFamily: "10", Delta: "1e-9"}
	d, err = b.drafts.change(id, func(d *draft) error {
		return d.describe(Described{Policy: &policy, Price: &catalog.Price{PerQuery: "10.00", Currency: "CNY"}})
	})
	w.Must(err)
	if d.source() == "" || d.Policy.MinCohort != 2 || d.Price == nil || !strings.Contains(d.Descriptor, "epsilon_family: \"10\"") {
		t.Fatalf("the descriptor is %s: %+v", d.Descriptor, d.Wrong)
	}
	d = worked(w, b, id, WorkCheck)
	if d.Work.State != WorkFailed || d.Faults == nil || d.Faults.Total != 2 || len(d.Faults.Tables) != 1 || d.Work.Problem != nil {
		t.Fatalf("checked it is %+v, %+v", d.Work, d.Faults)
	}
	for i, want := range []Fault{{Row: 6, Column: "NOX", At: 3}, {Row: 18, Column: "month", At: 2}} {
		got := d.Faults.List[i]
		if got.Row != want.Row || got.Column != want.Column || got.At != want.At || got.Message == "" || got.File != "works.xlsx" {
			t.Errorf("fault %d is %+v", i, got)
		}
	}
	told := d.In(explain.Chinese).Faults.List
	if told[0].Message != `"73l1.07" 不是数` || !strings.Contains(told[1].Message, "不存在") || told[1].Want == "" || d.Faults.List[0].Message != `"73l1.07" is no number` {
		t.Errorf("in Chinese they are %+v", told)
	}
	if rows := d.Faults.Tables[0].Rows; len(rows) != 6 || rows[1].Row != 6 || rows[1].Fields[3] != "73l1.07" {
		t.Errorf("the table has %+v", rows)
	}
	_, err = b.mend(w.Ctx, struct {
		ID   string `path:"id"`
		Body Mending
	}{id, Mending{[]Mend{{File: "works.xlsx", Row: 6, Column: 3, Text: "7311.07"}, {File: "works.xlsx", Row: 18, Column: 2, Text: "2024-02"}}}})
	w.Must(err)
	if _, err := b.drafts.start(id, WorkPublish); route.ProblemOf(err).Field != "check" {
		t.Errorf("what was not checked is published: %v", err)
	}
	d = worked(w, b, id, WorkCheck)
	if d.Work.State != WorkDone || d.Checked == nil || d.Checked.Readings != 36 || d.Checked.Answerable == nil || d.Checked.Dominance == nil || d.Checked.Version != 1 {
		t.Fatalf("checked it is %+v, %+v, %+v", d.Work, d.Work.Problem, d.Checked)
	}
	d = worked(w, b, id, WorkPublish)
	if d.Work.State != WorkDone || d.Published == nil || d.Published.Version != 1 || d.Published.Readings != 36 {
		t.Fatalf("published it is %+v, %+v", d.Work.Problem, d.Published)
	}
	if leaked := leaks(); len(leaked) > 0 {
		t.Errorf("readings left the machine: %q", leaked)
	}
	// What is answered is the mended table's.
	rows := w.Rows(b.client, "SELECT county, SUM(nox) FROM works WHERE period = '2024-02' GROUP BY county")
	if want := []string{"east 29246.58", "far 29278.68", "west 29262.68"}; !slices.Equal(rows, want) {
		t.Errorf("the figures are %q, want %q", rows, want)
	}
	dir := b.drafts.dir
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 || b.drafts.stored != 0 {
		t.Errorf("published, %d files are left, %d bytes, %v", len(left), b.drafts.stored, err)
	}
	for range maxDrafts { // what is published makes room
		_, err := b.beginDraft(w.Ctx, begun{})
		w.Must(err)
	}
	w.Must(b.Close())
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the files are left: %v", err)
	}
}

// source is the dataset that a draft's descriptor is of, for tests.
func (d Draft) source() string {
	for _, line := range strings.Split(d.Descriptor, "\n") {
		if rest, is := strings.CutPrefix(line, "dataset: "); is && len(d.Wrong) == 0 {
			return rest
		}
	}
	return ""
}

// A month is appended with what the desk knows of the dataset, and a row that is too many is left out.
func TestReadingsAreAppendedAsBefore(t *testing.T) {
	w, b := publisher(t)
	_, err := publish.Registry(w.Ctx, b.client, clienttest.Firms(12), nil)
	w.Must(err)
	_, err = publish.Publish(w.Ctx, b.client, w.Prepare(b.client, clienttest.ProtectedDescriptor, clienttest.WorksCSV(12, 3)), nil)
	w.Must(err)
	d, err := b.beginDraft(w.Ctx, begun{})
	w.Must(err)
	of := "works"
	in := struct {
		ID   string `path:"id"`
		Body Described
	}{d.ID, Described{Dataset: &of, Append: true}}
	if d, err = b.describe(w.Ctx, in); err != nil || d.Dataset != "works" || !d.Append || len(d.Measures) != 1 {
		t.Fatalf("it is %+v, %v", d, err)
	}
	var csv strings.Builder
	csv.WriteString("firm,month,NOX\n")
	for f := range 12 {
		fmt.Fprintf(&csv, "f%03d,2024-04,%d.5\n", f, 200+f)
	}
	csv.WriteString("f011,2024-04,1\n")
	dropFile(w, b, d.ID, "april.csv", []byte(csv.String()))
	d = worked(w, b, d.ID, WorkCheck)
	if d.Faults == nil || d.Faults.Total != 1 || d.Faults.List[0].Row != 14 {
		t.Fatalf("the faults are %+v, %+v", d.Faults, d.Work.Problem)
	}
	_, err = b.drafts.mend(d.ID, []Mend{{File: "april.csv", Row: 14, Out: true}})
	w.Must(err)
	if d = worked(w, b, d.ID, WorkCheck); d.Work.State != WorkDone || d.Checked.Version != 2 {
		t.Fatalf("checked it is %+v", d.Work.Problem)
	}
	if d = worked(w, b, d.ID, WorkPublish); d.Published == nil || d.Published.Version != 2 {
		t.Fatalf("published it is %+v", d.Work.Problem)
	}
	o, err := b.showOwn(w.Ctx, named{"works"})
	w.Must(err)
	if len(o.Versions) != 2 || o.Versions[0].Last != "2024-04" || !o.Read {
		t.Errorf("it is %+v", o)
	}
	if f, err := b.template(w.Ctx, named{"works"}); err != nil || f.Name != "works.xlsx" || !bytes.HasPrefix(f.Content, []byte("PK")) {
		t.Errorf("the template is %s, %v", f.Name, err)
	}
}

func TestFilesAreBounded(t *testing.T) {
	w, b := publisher(t)
	d, err := b.beginDraft(w.Ctx, begun{})
	w.Must(err)
	for what, p := range map[string]Part{
		"no name":           {Name: "", Size: 1, Bytes: []byte("x")},
		"another directory": {Name: "..", Size: maxStored + 1, Bytes: []byte("x")},
		"empty":             {Name: "a", Size: 0},
		"too large":         {Name: "a", Size: maxStored + 1, Bytes: []byte("x")},
		"from the middle":   {Name: "a", Size: 10, At: 5, Bytes: []byte("x")},
		"beyond its end":    {Name: "a", Size: 1, Bytes: []byte("xy")},
		"a name of signs":   {Name: "a\x00b", Size: 1, Bytes: []byte("x")},
	} {
		if _, err := b.drafts.receive(w.Ctx, d.ID, p); err == nil || route.ProblemOf(err).Fix == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	dropFile(w, b, d.ID, "../../a.csv", []byte("firm,month,NOX\nf001,2024-01,5\n"))
	if d, err = b.draft(w.Ctx, awaited{ID: d.ID}); err != nil || d.Files[0].Name != "a.csv" {
		t.Errorf("it is %+v, %v", d.Files, err)
	}
	for range maxDrafts - 1 {
		_, err := b.beginDraft(w.Ctx, begun{})
		w.Must(err)
	}
	if _, err := b.beginDraft(w.Ctx, begun{}); err == nil {
		t.Error("a ninth is begun")
	}
	if _, err = b.drafts.drop(d.ID); err != nil || b.drafts.stored != 0 {
		t.Errorf("given up there are %d bytes left, %v", b.drafts.stored, err)
	}
	if _, err := b.draft(w.Ctx, awaited{ID: d.ID}); route.ProblemOf(err).Status != http.StatusNotFound {
		t.Errorf("given up it is there: %v", err)
	}
}

// A descriptor that a person wrote keeps its lines when the policy is changed by the form.
func TestThePolicyOfAWrittenDescriptorIsChanged(t *testing.T) {
	d := &draft{}
	text := strings.TrimSpace(clienttest.ProtectedDescriptor) + "\n# the end\n"
	if err := d.describe(Described{Text: &text}); err != nil || d.source == nil || len(d.Wrong) > 0 {
		t.Fatalf("%+v, %v", d.Wrong, err)
	}
	p := *d.Policy
	p.MinCohort, p.Caps, p.Moments, p.Related = 4, nil, [][2]string{{"nox", "nox"}}, nil
	p.Unrelated = []string{"old registry: 1"}
	_ = d.describe(Described{Policy: &p, Price: &catalog.Price{PerQuery: "1.50", Currency: "CNY"}})
	if !strings.Contains(d.Descriptor, "measures:\n  - {name: nox") || !strings.Contains(d.Descriptor, "# the end") || strings.Count(d.Descriptor, "policy:") != 1 {
		t.Errorf("it is\n%s", d.Descriptor)
	}
	p.Unrelated = nil
	if err := d.describe(Described{Policy: &p}); err != nil || len(d.Wrong) > 0 || d.Policy.MinCohort != 4 || len(d.Policy.Moments) != 1 || d.Price != nil {
		t.Errorf("it is\n%s\n%+v", d.Descriptor, d.Wrong)
	}
	// Every field that a policy can have is written so that it is read as the same.
	full := catalog.Policy{
		Aggregates: []string{"count", "sum", "var"}, Grain: "month", MinCohort: 5, MinCoverage: "0.8", Cubes: [][]string{{"county"}, {"county", "industry"}},
		Moments: [][2]string{{"nox", "nox"}}, Joins: []string{"other"}, Related: [][]string{{"nox", "so2"}}, Unrelated: []string{"third"}, Portfolios: 2,
		PortfolioChange: catalog.PortfolioNever, DP: &catalog.DP{EpsilonPerQuery: "0.5", EpsilonPerContract: "5", EpsilonFamily: "10", Delta: "1e-9"},
		RetentionDays: 30, Caps: map[string]string{"nox": "county"}, AboveCap: catalog.AboveCapClip, VersionDays: 7,
	}
	for _, f := range catalog.PolicyFields() {
		if f.Name != "public" && !strings.Contains(policyText(full), "\n  "+f.Name+": ") {
			t.Errorf("%s is not written:\n%s", f.Name, policyText(full))
		}
	}
}

// A desk whose key is a buyer's, or that has none, is no publisher's.
func TestWhoIsNoPublisherIsTold(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	b := New(w.Client(catalog.RoleBuyer), []string{"/nowhere/feed.yaml"})
	t.Cleanup(func() { w.Must(b.Close()) })
	if s, err := b.standing(w.Ctx, none{}); err != nil || s.Publisher {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := b.showOwn(w.Ctx, named{"air"}); route.ProblemOf(err).Kind != KindPublisher || route.ProblemOf(err).Fix == "" {
		t.Errorf("%v", err)
	}
	if f, err := b.listFeeds(w.Ctx, none{}); err != nil || len(f.Feeds) != 1 || f.Feeds[0].Fault == "" || f.Feeds[0].State != nil {
		t.Errorf("%+v, %v", f, err)
	}
	c, err := client.New(w.Profile, nil, w.Options())
	w.Must(err)
	t.Cleanup(c.Close)
	nobody := New(c, nil)
	t.Cleanup(func() { w.Must(nobody.Close()) })
	if s, err := nobody.standing(w.Ctx, none{}); err != nil || s.Publisher {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := nobody.beginDraft(w.Ctx, begun{}); route.ProblemOf(err).Kind != route.KindNoKey {
		t.Errorf("%v", err)
	}
}

// A file that is dropped again takes the place of the first, and its mends are void.
func TestAFileIsDroppedAgain(t *testing.T) {
	w, b := publisher(t)
	d, err := b.beginDraft(w.Ctx, begun{})
	w.Must(err)
	dropFile(w, b, d.ID, "a.csv", []byte("firm,month,NOX\nf001,2024-01,x\n"))
	_, err = b.drafts.mend(d.ID, []Mend{{File: "a.csv", Row: 2, Column: 2, Text: "5"}, {File: "b.csv", Row: 2, Column: 2, Text: "5"}})
	w.Must(err)
	again := []byte("firm,month,NOX\nf001,2024-01,55\n")
	d = dropFile(w, b, d.ID, "a.csv", again)
	if len(d.Files) != 1 || d.Files[0].Size != int64(len(again)) || len(d.Mends) != 1 || d.Mends[0].File != "b.csv" || b.drafts.stored != int64(len(again)) {
		t.Errorf("it is %+v, %+v, %d bytes", d.Files, d.Mends, b.drafts.stored)
	}
	if d, err = b.drafts.takeAway(d.ID, "a.csv"); err != nil || len(d.Files) != 0 || b.drafts.stored != 0 {
		t.Errorf("taken away it is %+v, %v", d.Files, err)
	}
}

// A feed is shown as it told of itself.
func TestAFeedIsShown(t *testing.T) {
	w := clienttest.New(t)
	dir := t.TempDir()
	config := filepath.Join(dir, "feed.yaml")
	w.Must(os.WriteFile(config, []byte(strings.Replace(feed.Example, "dir: /var/lib/weir-feed", "dir: "+dir, 1)), 0o600))
	state := feed.State{Dataset: "chimneys", Sources: map[string]*feed.SourceState{"stacks": {Kind: "hj212", Taken: 7}}, PassedOver: map[string]int64{"range": 2}}
	told, err := json.Marshal(state)
	w.Must(err)
	w.Must(os.WriteFile(filepath.Join(dir, "state.json"), told, 0o600))
	b := New(w.Client(catalog.RolePublisher), []string{config})
	t.Cleanup(func() { w.Must(b.Close()) })
	f, err := b.listFeeds(w.Ctx, none{})
	w.Must(err)
	if len(f.Feeds) != 1 || f.Feeds[0].Fault != "" || f.Feeds[0].State.Sources["stacks"].Taken != 7 || f.Feeds[0].State.Running {
		t.Errorf("it is %+v", f.Feeds)
	}
}
