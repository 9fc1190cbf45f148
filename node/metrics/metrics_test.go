package metrics

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/api/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func sample() wire.Status {
	return wire.Status{ID: "n1", Ready: true, Alive: []string{"n1", "n3"}, Alarms: []string{"n2"},
		Blobs: wire.BlobStatus{Stored: 7, Bytes: 700, Repaired: 2, LastScrub: 1500},
		Ledger: wire.LedgerStatus{State: "leader", Leader: "n1", Term: 4, Commit: 90, Applied: 89, Entries: 80, LastContactMS: 250,
			Members: []wire.Member{{ID: "n1"}, {ID: "n2"}, {ID: "n3"}}}}
}

// entries are a ledger's, of which the second is unreadable.
type entries []evidence.Record

func (e *entries) NextSeq() uint64                            { return uint64(len(*e)) }
func (e *entries) Record(seq uint64) (evidence.Record, error) { return (*e)[seq], nil }
func (e *entries) Changes() (<-chan struct{}, func())         { return nil, func() {} }

var sources = Sources{
	Status: sample, Ledger: &entries{}, Version: "v0",
	Work: func() (Work, error) {
		return Work{Pending: map[string]int{"query": 3}, Wear: map[string]float64{"k-1": 0.5}, Ahead: map[string]float64{"n2": -0.25}}, nil
	},
}

// Entries since the start are counted, each once.
func TestActsAreCounted(t *testing.T) {
	done, err := json.Marshal(catalog.Outcome{Kind: catalog.KindOrderCreate})
	if err != nil {
		t.Fatal(err)
	}
	e := catalog.Envelope{Payload: []byte("{}"), Signer: "p-1"}
	r := evidence.Record{Entry: catalog.NewEntry(1, e).Marshal(), Outcome: done}
	ledger := &entries{r} // before the start
	s := sources
	s.Ledger = ledger
	m := New(s)
	*ledger = append(*ledger, r, r)
	told(t, m)
	*ledger = append(*ledger, r, evidence.Record{Entry: []byte("?")})
	got := told(t, m)
	if n := got[`weir_ledger_acts_total{kind="order.create",result="done"}`]; n != "3" {
		t.Errorf("counted %q orders, want 3", n)
	}
	if n := got[`weir_ledger_acts_total{kind="",result="unreadable"}`]; n != "1" {
		t.Errorf("counted %q unreadable entries, want 1", n)
	}
}

// told are the metrics that a node tells, with their values where they have no labels.
func told(t *testing.T, m *Metrics) map[string]string {
	t.Helper()
	r := httptest.NewRecorder()
	m.Handler().ServeHTTP(r, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if r.Code != http.StatusOK {
		t.Fatalf("status %d: %s", r.Code, r.Body)
	}
	out := map[string]string{}
	for line := range strings.Lines(r.Body.String()) {
		if name, is := strings.CutPrefix(line, "# TYPE "); is {
			out[strings.Fields(name)[0]] = ""
		} else if f := strings.Fields(line); len(f) == 2 && f[0][0] != '#' {
			out[f[0]] = f[1]
		}
	}
	return out
}

func TestStatusIsTold(t *testing.T) {
	m := New(sources)
	got := told(t, m)
	for name, want := range map[string]string{
		"weir_node_ready": "1", "weir_node_alarms": "1", "weir_cluster_members": "3", "weir_cluster_members_alive": "2",
		"weir_raft_leader": "1", "weir_raft_term": "4", "weir_raft_commit_index": "90", "weir_raft_applied_index": "89",
		"weir_raft_last_contact_seconds": "0.25", "weir_ledger_entries_total": "80", "weir_blobs_size_bytes": "700",
		"weir_blobs_last_scrub_timestamp_seconds": "1.5", `weir_peer_alive{peer="n2"}`: "0", `weir_peer_alive{peer="n3"}`: "1",
		`weir_build_info{version="v0"}`: "1", `weir_pending{kind="query"}`: "3", `weir_key_wear_ratio{key="k-1"}`: "0.5",
		`weir_peer_clock_ahead_seconds{peer="n2"}`: "-0.25",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %s", name, got[name], want)
		}
	}
}

// Names, units and kinds are as Prometheus' conventions want them.
func TestNamesFollowTheConventions(t *testing.T) {
	problems, err := testutil.GatherAndLint(New(sources).registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "weir_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func TestRequestsAreCounted(t *testing.T) {
	m := New(sources)
	h := m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/v1/explain", nil))
	if got := told(t, m)[`weir_api_request_duration_seconds_count{code="429",method="post"}`]; got != "1" {
		t.Errorf("one request was counted %q times", got)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error)
	go func() { over <- New(sources).Serve(ctx, listener) }()
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Get("http://" + listener.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if closed := resp.Body.Close(); err != nil || closed != nil || !strings.Contains(string(b), "weir_node_ready 1") {
		t.Errorf("read %v: %s", err, b)
	}
	cancel()
	if err := <-over; err != nil {
		t.Error(err)
	}
}

var metricName = regexp.MustCompile(`\b(weir|process|go)_[a-z_]+\b`)

// known fails where a text names a metric that the node does not tell.
func known(t *testing.T, where, expr string) {
	t.Helper()
	m := New(sources)
	m.requests.WithLabelValues("get", "200").Observe(1)
	all := slices.Collect(maps.Keys(told(t, m)))
	found := metricName.FindAllString(expr, -1)
	if len(found) == 0 {
		t.Errorf("%s names no metric: %s", where, expr)
	}
	for _, name := range found {
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count"), "_sum")
		if !slices.Contains(all, name) && !slices.Contains(all, base) {
			t.Errorf("%s names %s, which no node tells", where, name)
		}
	}
}

func TestAlertsNameMetricsThatExist(t *testing.T) {
	b, err := os.ReadFile("alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert       string
				Expr        string
				For         string
				Labels      map[string]string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.UnmarshalWithOptions(b, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			known(t, r.Alert, r.Expr)
			if s := r.Labels["severity"]; s != "warning" && s != "critical" {
				t.Errorf("%s is of severity %q", r.Alert, s)
			}
			if r.Annotations["summary"] == "" || r.Annotations["action"] == "" {
				t.Errorf("%s does not say what happened or what to do", r.Alert)
			}
		}
	}
	if len(file.Groups) == 0 || len(file.Groups[0].Rules) < 10 {
		t.Errorf("groups %+v", file.Groups)
	}
}

func TestDashboardNamesMetricsThatExist(t *testing.T) {
	b, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title  string
		Panels []struct {
			Title   string
			Type    string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(b, &board); err != nil {
		t.Fatal(err)
	}
	for _, p := range board.Panels {
		if len(p.Targets) == 0 {
			t.Errorf("%s shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			known(t, p.Title, target.Expr)
		}
	}
	if len(board.Panels) < 8 {
		t.Errorf("%d panels", len(board.Panels))
	}
}

var updateTable = flag.Bool("update", false, "write METRICS.md")

// METRICS.md has every metric of the node's own, with what it says.
func TestTableHasEveryMetric(t *testing.T) {
	s, ledger := sources, &entries{}
	s.Ledger = ledger
	m := New(s)
	*ledger = append(*ledger, evidence.Record{Entry: []byte("?")})
	m.requests.WithLabelValues("get", "200").Observe(1)
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("# Metrics\n\nWhat a node tells at `/metrics` of its `metrics_listen`, beside the `go_` and `process_` metrics of the Prometheus\n" +
		"library. Alert rules are in [alerts.yaml](alerts.yaml), a dashboard in [dashboard.json](dashboard.json). A test writes\nthis table.\n\n" +
		"| metric | kind | labels | what it says |\n|---|---|---|---|\n")
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "weir_") {
			continue
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(labels, ", "), f.GetHelp())
	}
	if *updateTable {
		if err := os.WriteFile("METRICS.md", []byte(b.String()), 0o644); err != nil { //nolint:gosec // a document
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("METRICS.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Errorf("METRICS.md is not what the node tells; go test ./node/metrics -update writes it:\n%s", b.String())
	}
}
