package demo_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/apitest"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/dev/demo"
	"github.com/weirdata/weir/seeds"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cast founds a cluster in this process and admits the two who take part.
func cast(t testing.TB) demo.Cast {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	founder, err := client.NewKey("operator")
	must(err)
	cluster, err := apitest.New(apitest.Founder{Name: founder.Name, Signing: founder.Signing(), Receiving: founder.Public().Receiving})
	must(err)
	handler, err := api.New(cluster.Options())
	must(err)
	profile := client.Profile{Cluster: cluster.ID()}
	for _, n := range cluster.Nodes() {
		s := httptest.NewTLSServer(handler)
		t.Cleanup(s.Close)
		profile.Nodes = append(profile.Nodes, client.ProfileNode{ID: n.ID, Addr: s.URL, Key: n.Key})
	}
	profile.Addr = profile.Nodes[0].Addr
	dial := func(k *client.Key) *client.Client {
		c, err := client.New(profile, k, client.Options{
			Spool: t.TempDir(), RequestTimeout: 3 * time.Minute, PingTimeout: time.Minute, Hedge: time.Hour, // a slow server does not hang
			TLS: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}, //nolint:gosec // the servers' keys are httptest's
		})
		must(err)
		t.Cleanup(c.Close)
		return c
	}
	operator := dial(founder)
	admit := func(name string, role catalog.Role) *client.Client {
		k, err := client.NewKey(name)
		must(err)
		_, err = govern.AddPrincipal(t.Context(), operator, k.Public(), role)
		must(err)
		return dial(k)
	}
	return demo.Cast{Bureau: admit("bureau", catalog.RolePublisher), Buyer: admit("buyer", catalog.RoleBuyer)}
}

// small is the part of the demo about air and the power companies: one dataset
// whose figures are published, one whose query must be refused.
func small(t testing.TB, o seeds.Options) seeds.Demo {
	t.Helper()
	g, err := seeds.New(o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := g.Demo()
	if err != nil {
		t.Fatal(err)
	}
	parts := []string{"", "districts", "air_daily", "power_companies", "power_carbon"}
	d.Registries = slices.DeleteFunc(d.Registries, func(r seeds.Registry) bool { return !slices.Contains(parts, r.ID) })
	d.Datasets = slices.DeleteFunc(d.Datasets, func(d seeds.Dataset) bool { return !slices.Contains(parts, d.ID) })
	d.Questions = slices.DeleteFunc(d.Questions, func(q seeds.Question) bool {
		return slices.ContainsFunc(q.Asks, func(a seeds.Ask) bool {
			return !slices.Contains(parts, a.Dataset) || !slices.Contains(parts, a.Registry)
		})
	})
	if len(d.Questions) < 10 {
		t.Fatalf("only %d questions", len(d.Questions))
	}
	return d
}

// disagreeing are the ids of the answers that do.
func disagreeing(r demo.Report) []string {
	var ids []string
	for _, a := range r.Answers {
		if !a.Agree {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

// A published figure that is not what the data say, an answer that is not what
// the data say, and a refusal that does not come or comes by another rule: each
// disagrees, alone, and the report with it.
func TestForgedFiguresDisagree(t *testing.T) {
	c, d := cast(t), small(t, seeds.Options{})
	report, err := demo.Run(t.Context(), c, d, demo.Events{})
	if err != nil {
		t.Fatal(err)
	}
	if bad := disagreeing(report); !report.Agree || bad != nil || report.Agreeing() != len(d.Questions) {
		t.Fatalf("%v disagree with nothing forged, the report says %v", bad, report.Agree)
	}
	find := func(id string) int {
		return slices.IndexFunc(d.Questions, func(q seeds.Question) bool { return q.ID == id })
	}
	honest := d.Questions
	for id, forge := range map[string]func(q *seeds.Question){
		"pm25_2024": func(q *seeds.Question) { q.Check = honest[find("pm25_2020")].Check },
		"pm10_fall": func(q *seeds.Question) {
			q.Check = func(answers []seeds.Result) (seeds.Outcome, error) {
				answers[0].Rows[1][1] = "70.5"
				return honest[find("pm10_fall")].Check(answers)
			}
		},
		"power_carbon_refused": func(q *seeds.Question) { q.Refused = &seeds.Refusal{Rule: "budget"} },
		"pm25_2020":            func(q *seeds.Question) { q.Check, q.Refused = nil, &seeds.Refusal{Rule: "min_cohort"} },
	} {
		d.Questions = slices.Clone(honest)
		forge(&d.Questions[find(id)])
		report, err := demo.Run(t.Context(), c, d, demo.Events{})
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		if bad := disagreeing(report); report.Agree || !slices.Equal(bad, []string{id}) {
			t.Errorf("%s is forged: %v disagree, the report says %v", id, bad, report.Agree)
		}
	}
	d.Questions = nil
	if report, err := demo.Run(t.Context(), c, d, demo.Events{}); err != nil || report.Agree {
		t.Errorf("nothing asked: agreement %v, %v", report.Agree, err)
	}
}

// The second run on a cluster asks and publishes nothing; one of another size is
// refused before it publishes anything.
func TestRunAgainAsksWhatIsThereAndNothingOfAnotherSize(t *testing.T) {
	c, d := cast(t), small(t, seeds.Options{})
	var steps []string
	events := demo.Events{Step: func(what string) { steps = append(steps, what) }}
	first, err := demo.Run(t.Context(), c, d, events)
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Published) != 2 || first.Earlier != nil {
		t.Errorf("first run: published %v, there %v", first.Published, first.Earlier)
	}
	again, err := demo.Run(t.Context(), c, d, events)
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Published) != 0 || !slices.Equal(again.Earlier, []string{"air_daily", "power_carbon"}) || !again.Agree {
		t.Errorf("second run: published %v, there %v, agree %v", again.Published, again.Earlier, again.Agree)
	}
	contracts, err := client.Contracts.All(t.Context(), c.Buyer)
	if err != nil {
		t.Fatal(err)
	}
	if len(contracts) != 2 {
		t.Errorf("%d contracts after two runs, want 2", len(contracts))
	}
	steps = nil
	full := small(t, seeds.Options{Size: seeds.SizeFull})
	if _, err := demo.Run(t.Context(), c, full, events); !errors.Is(err, demo.ErrOtherSize) || !strings.Contains(err.Error(), "power_carbon has 4 entities and 1 periods, not 4 and 5") {
		t.Errorf("full size: %v", err)
	}
	if steps != nil {
		t.Errorf("full size: did %v before it noticed", steps)
	}
}

func TestInterruptedRunSaysSo(t *testing.T) {
	c, d := cast(t), small(t, seeds.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := demo.Events{Publishing: func(p publish.Progress) {
		if p.Stage == publish.StageUploading {
			cancel()
		}
	}}
	if _, err := demo.Run(ctx, c, d, events); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	// What was interrupted can be done again.
	if report, err := demo.Run(t.Context(), c, d, demo.Events{}); err != nil || !report.Agree {
		t.Errorf("after the interruption: agreement %v, %v", report.Agree, err)
	}
}

// BenchmarkQuery is a query as the buyer waits for it, through ledger, TLS and
// HTTP, on a cluster in this process: 23,628 cells a measure, by month.
func BenchmarkQuery(b *testing.B) {
	c, d := cast(b), small(b, seeds.Options{})
	if _, err := demo.Run(b.Context(), c, d, demo.Events{}); err != nil {
		b.Fatal(err)
	}
	const sql = "SELECT date_trunc('month', period) AS month, AVG(pm25) AS pm25 FROM air_daily GROUP BY month"
	for b.Loop() {
		r, err := ask.Query(b.Context(), c.Buyer, sql, ask.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if len(r.Table.Rows) != 71 {
			b.Fatalf("%d rows, want the months from January 2020 to November 2025", len(r.Table.Rows))
		}
	}
	b.ReportMetric(23_628*float64(b.N)/b.Elapsed().Seconds(), "values/s")
}
