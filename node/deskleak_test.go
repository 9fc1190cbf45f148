package node

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/table"
	"github.com/weirdata/weir/node/client/vector"
	"github.com/weirdata/weir/node/desk/bureau"
	"github.com/weirdata/weir/node/desk/buyer"
	"github.com/weirdata/weir/node/leak"
)

const (
	droppedName = "draft-of-miss-qian-7b21.xlsx"
	listName    = "borrowers-of-miss-qian-2c55.csv"
	// unknownStation is on the list, and in no registry.
	unknownStation = "canary-station-of-nobody-93a1"
	// mistyped has a letter for a digit; a person mends it in the page.
	mistyped = "123456.78901z347"
	// probed is in a query of a tool on the tables of Postgres, which the desk answers.
	probed = "relation_of_a_tool_41b7"
)

// canaryWorkbook has the readings of the canaries, the first of them mistyped.
func canaryWorkbook(t *testing.T) []byte {
	t.Helper()
	s := table.Sheet{Columns: []table.Column{{Name: "station"}, {Name: "county"}, {Name: "period"}, {Name: "x"}, {Name: "y"}}}
	for e := range canaryStations {
		for d := range canaries {
			s.Rows = append(s.Rows, []any{fmt.Sprintf("canary-station-%02d", e), []string{"north", "south"}[e/(canaryStations/2)], fmt.Sprintf("2024-01-%02d", 1+d), canaries[d], smallCanaries[d]})
		}
	}
	s.Rows[0][3] = mistyped
	var b bytes.Buffer
	if err := table.WriteWorkbook(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// worked begins work on a publication and waits for its end.
func (v *deskVisit) worked(id, what string) bureau.Draft {
	v.Helper()
	d := deskPost[bureau.Draft](v, "/api/drafts/"+id+"/"+what, bureau.Nothing{})
	for d.Work.State == bureau.WorkRunning {
		d = deskGet[bureau.Draft](v, fmt.Sprintf("/api/drafts/%s?seen=%d", id, d.Seen))
	}
	return d
}

// publishDropped drops the workbook, mends it, and publishes it.
func (v *deskVisit) publishDropped() {
	v.Helper()
	id := deskPost[bureau.Draft](v, "/api/drafts", bureau.Nothing{}).ID
	content, descriptor := canaryWorkbook(v.T), canaryDescriptor
	deskPost[bureau.Draft](v, "/api/drafts/"+id+"/files", bureau.Part{Name: droppedName, Size: int64(len(content)), Bytes: content})
	if d := deskPost[bureau.Draft](v, "/api/drafts/"+id+"/describe", bureau.Described{Text: &descriptor}); len(d.Wrong) > 0 {
		v.Fatalf("the descriptor has faults: %+v", d.Wrong)
	}
	d := v.worked(id, "check")
	if d.Faults == nil || d.Faults.Total != 1 {
		v.Fatalf("checked it is %+v, %+v", d.Work, d.Faults)
	}
	fault := d.Faults.List[0]
	deskPost[bureau.Draft](v, "/api/drafts/"+id+"/mends", bureau.Mending{Mends: []bureau.Mend{{File: fault.File, Row: fault.Row, Column: fault.At, Text: canaries[0]}}})
	if d = v.worked(id, "check"); d.Work.State != bureau.WorkDone {
		v.Fatalf("mended it is %+v, %+v", d.Work.Problem, d.Faults)
	}
	if d = v.worked(id, "publish"); d.Published == nil {
		v.Fatalf("published it is %+v", d.Work.Problem)
	}
}

// asked asks a question by the desk's API, and requires the one figure of the answer.
func (v *deskVisit) asked(sql, want string) {
	v.Helper()
	job := deskPost[buyer.Job](v, "/api/queries", buyer.Question{SQL: sql})
	for job.State == buyer.JobAsking {
		job = deskGet[buyer.Job](v, fmt.Sprintf("/api/queries/%s?seen=%d", job.ID, job.Seen))
	}
	if job.Answer == nil || len(job.Answer.Table.Rows) != 1 || fmt.Sprint(job.Answer.Table.Rows[0][0]) != want {
		v.Fatalf("%s: %+v, %+v, want %s", sql, job.Answer, job.Problem, want)
	}
}

// askedByTool asks by Postgres' protocol, and probes as tools do.
func (v *deskVisit) askedByTool(ctx context.Context, sql, want string) {
	v.Helper()
	c, err := pgx.Connect(ctx, v.postgresURL())
	if err != nil {
		v.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(ctx)) //nolint:errcheck // what it told is read
	var tables int
	if err := c.QueryRow(ctx, "SELECT COUNT(*) FROM pg_catalog.pg_class WHERE relname = '"+probed+"'").Scan(&tables); err != nil || tables != 0 {
		v.Fatalf("the probe finds %d tables, %v", tables, err)
	}
	if _, err := c.Exec(ctx, "SET weir.spend = on"); err != nil {
		v.Fatal(err)
	}
	var got string
	if err := c.QueryRow(ctx, sql).Scan(&got); err != nil || got != want {
		v.Fatalf("%s: %s, %v, want %s", sql, got, err, want)
	}
}

// register registers five stations of the north, and returns who is in the registry.
func (w *canaryWorld) register(ctx context.Context, t *testing.T) (members []leak.Needle) {
	t.Helper()
	registry, err := w.buyer.Registry(ctx, "canaries")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := w.buyer.RegistryRows(ctx, "canaries", registry.Rows)
	if err != nil {
		t.Fatal(err)
	}
	plan := vector.Plan{Name: "mine", Registry: registry, Pieces: 1, By: []string{"county"}, Values: make([]uint64, registry.Rows)}
	var ids []string
	for i, row := range rows {
		members = append(members, leak.Forms("member "+row[0], []byte(row[0]))...)
		ids = append(ids, row[0])
		plan.Values[i] = uint64(0b10010110100 >> i & 1)
	}
	if _, err := vector.Register(ctx, w.buyer, plan, nil); err != nil {
		t.Fatal(err)
	}
	w.needles = append(w.needles, vectorNeedles("the portfolio", plan.Values, ids)...)
	return members
}

// registerAtDesk is register by the desk, after a look at what stays of the file, and returns who is in
// the registry.
func (w *canaryWorld) registerAtDesk(ctx context.Context, v *deskVisit) (members []leak.Needle) {
	v.Helper()
	registry, err := w.buyer.Registry(ctx, "canaries")
	if err != nil {
		v.Fatal(err)
	}
	rows, err := w.buyer.RegistryRows(ctx, "canaries", registry.Rows)
	if err != nil {
		v.Fatal(err)
	}
	values := make([]uint64, registry.Rows)
	var ids []string
	text := "station,note\n" + unknownStation + ",gone\n"
	for i, row := range rows {
		members = append(members, leak.Forms("member "+row[0], []byte(row[0]))...)
		ids = append(ids, row[0])
		if values[i] = uint64(0b10010110100 >> i & 1); values[i] == 1 {
			text += row[0] + ",kept\n"
		}
	}
	file := buyer.ListFile{Name: "mine", Registry: "canaries", File: listName, Bytes: []byte(text), By: []string{"county"}}
	p := deskPost[buyer.ListPreview](v, "/api/portfolios/preview", file)
	if p.Entries != 5 || p.Unknown != 1 || len(p.Rows) != 6 || p.Rows[0].State != buyer.RowUnknown || p.Version != 1 {
		v.Fatalf("the preview is %+v", p)
	}
	file.IgnoreUnknown = true
	r := deskPost[buyer.Registration](v, "/api/portfolios", file)
	for r.State == buyer.Registering {
		r = deskGet[buyer.Registration](v, fmt.Sprintf("/api/portfolios/registrations/%s?seen=%d", r.ID, r.Seen))
	}
	if r.State != buyer.RegistrationDone || r.Entries != 5 || r.Ignored != 1 || r.Version != 1 {
		v.Fatalf("it ends as %+v, %+v", r, r.Problem)
	}
	if p = deskPost[buyer.ListPreview](v, "/api/portfolios/preview", file); p.Known != 1 {
		v.Fatalf("registered it is previewed as %+v", p)
	}
	members = append(members, leak.Forms(unknownStation, []byte(unknownStation))...)
	w.needles = append(w.needles, vectorNeedles("the portfolio", values, ids)...)
	return members
}

// filesOf are the files of a directory.
func filesOf(t *testing.T, dir string) (list []leak.Place) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			list = append(list, leak.Place{Name: path, Bytes: readFile(t, path)})
		}
		return err
	})
	if err != nil || len(list) == 0 {
		t.Fatalf("%d files in %s, %v", len(list), dir, err)
	}
	return list
}

// deskNeedles are what a desk's person has: readings, figures, names of files, what was typed, and keys.
func (w *canaryWorld) deskNeedles(t *testing.T) (list []leak.Needle) {
	t.Helper()
	src, err := panel.ReadDescriptor("canaries.yaml", strings.NewReader(canaryDescriptor))
	if err != nil {
		t.Fatal(err)
	}
	x, y := src.Descriptor.Measures[0], src.Descriptor.Measures[1]
	params := w.nodes["n1"].params
	for i := range canaries {
		list = append(list, readingNeedles(t, params, x, canaries[i], 1)...)
		list = append(list, readingNeedles(t, params, y, smallCanaries[i], 1)...)
	}
	for _, stations := range []int{canaryStations, canaryStations / 2, 5} {
		list = append(list, readingNeedles(t, params, x, sumOfCanaries(stations, canaries), int64(stations*len(canaries)))...)
	}
	for _, text := range []string{droppedName, mistyped, probed, listName, unknownStation} {
		list = append(list, leak.Forms(text, []byte(text))...)
	}
	return slices.Concat(list, keyNeedles(t, w.bureau.Key()), keyNeedles(t, w.buyer.Key()))
}

// What people do at their desks, with a browser, a notebook and a tool that speaks Postgres' protocol, tells nodes no reading,
// figure, portfolio, key, secret of a session, name of a file, or probe of a tool: neither in what they are sent and send each
// other, nor in their files and logs. Requests are public, so SQL that is asked, purposes and terms are not looked for.
func TestDesksTellNodesNoReadingAndNoSecret(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	w := newCanaryWorld(ctx, t)
	publisher, asker := openDesk(t, w.bureau, "the bureau", ""), openDesk(t, w.buyer, "the buyer", "127.0.0.1:0")
	publisher.publishDropped()
	order := deskPost[buyer.Ordered](asker, "/api/orders", buyer.Order{Dataset: "canaries", Purpose: "a test", Portfolio: true}).Order
	if k := deskPost[bureau.Approved](publisher, "/api/inbox/"+order+"/approve", bureau.Grant{}); k.Contract == "" {
		t.Fatalf("the order is not granted: %+v", k)
	}
	before := len(w.clients.sent())
	members := w.registerAtDesk(ctx, asker)
	if p := deskGet[buyer.Portfolios](asker, "/api/portfolios"); len(p.Portfolios) != 1 || p.Portfolios[0].State != "ready" {
		t.Fatalf("the portfolios are %+v", p)
	}
	const whole, mine = "SELECT SUM(x) FROM canaries", "SELECT SUM(x) FROM canaries WHERE county = 'north' AND station IN PRIVATE(mine)"
	asker.asked(whole, sumOfCanaries(canaryStations, canaries))
	asker.asked(mine, sumOfCanaries(5, canaries))
	asker.askedByTool(ctx, "SELECT SUM(x) FROM canaries WHERE county = 'south'", sumOfCanaries(canaryStations/2, canaries))
	asker.openNotebook()
	asker.asked("SELECT SUM(x) FROM canaries WHERE county = 'north'", sumOfCanaries(canaryStations/2, canaries))
	places := append(filesOf(t, asker.dir), leak.Place{Name: "what the buyer's desk sends", Bytes: w.clients.sent()[before:]})
	for _, found := range leak.Search(places, members) {
		t.Error(found)
	}

	persons := slices.Concat(w.deskNeedles(t), publisher.needles, asker.needles)
	w.mustHold(ctx, t, slices.Concat(w.needles, persons))
	if raceDetector {
		return // it takes minutes, and proves the search, in which nothing is shared
	}
	// All needles at once are more than a proposal may have; those of nodes are planted in the test of the nodes.
	w.plantEverywhere(ctx, t, persons)
}

// mustHold closes the nodes, and requires that none of the needles is anywhere that they were told or wrote something.
func (w *canaryWorld) mustHold(ctx context.Context, t *testing.T, needles []leak.Needle) {
	t.Helper()
	places := append(w.peers.streams(), leak.Place{Name: "what clients send and get", Bytes: w.clients.all()}, leak.Place{Name: "a log", Bytes: w.logs.all()})
	w.snapshot(ctx, t)
	for _, m := range w.body.Nodes {
		w.close(m.ID)
		places = append(places, w.nodePlaces(t, m.ID)...)
	}
	for _, found := range leak.Search(places, needles) {
		t.Error(found)
	}
}

// What a desk's person has is found where clients' requests are recorded, if it is there.
func TestWhatADeskHasIsFoundInARequest(t *testing.T) {
	var needles []leak.Needle
	for _, text := range []string{droppedName, mistyped, probed, listName, unknownStation, canaries[0], smallCanaries[0]} {
		needles = append(needles, leak.Forms(text, []byte(text))...)
	}
	needles = append(needles, keyNeedles(t, newKey(t, "a desk"))...)
	(&canaryWorld{}).plantForClients(t, leak.Planted(needles), needles)
}
