package dev

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/seeds"
)

func signalZero(p *os.Process) error { return p.Signal(syscall.Signal(0)) }

// publishSeed publishes one of the seeds' datasets with its registry and gives
// the buyer a contract.
func publishSeed(ctx context.Context, t testing.TB, c *Cluster, o seeds.Options, id string) (bureau, buyer *client.Client) {
	t.Helper()
	bureau, buyer = connect(t, c, Bureau), connect(t, c, Buyer)
	g, err := seeds.New(o)
	if err != nil {
		t.Fatal(err)
	}
	datasets, err := g.Datasets()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range datasets {
		if d.ID != id {
			continue
		}
		for _, r := range g.Registries() {
			if r.ID == d.Registry {
				publishRegistry(ctx, t, bureau, r)
			}
		}
		var data bytes.Buffer
		if err := d.Write(&data); err != nil {
			t.Fatal(err)
		}
		publishFiles(ctx, t, bureau, d.Descriptor, []panel.File{{Name: d.File(), Open: func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(data.Bytes())), nil
		}}})
	}
	grant(ctx, t, buyer, bureau, id)
	return bureau, buyer
}

func publishRegistry(ctx context.Context, t testing.TB, bureau *client.Client, r seeds.Registry) {
	t.Helper()
	var text bytes.Buffer
	if err := r.Write(&text); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&text).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	table := publish.RegistryTable{ID: r.ID, IDColumn: rows[0][0], Columns: rows[0][1:], Rows: rows[1:]}
	if _, err := publish.Registry(ctx, bureau, table, nil); err != nil {
		t.Fatal(err)
	}
}

func connect(t testing.TB, c *Cluster, principal string) *client.Client {
	t.Helper()
	return connectWith(t, c, principal, c.Profile(), client.Options{PingTimeout: 15 * time.Second}) // a node that is killed refuses at once
}

// connectWith returns a client that waits for busy nodes and elections.
func connectWith(t testing.TB, c *Cluster, principal string, profile client.Profile, o client.Options) *client.Client {
	t.Helper()
	k, err := client.LoadKey(c.layout.key(principal))
	if err != nil {
		t.Fatal(err)
	}
	o.Patience, o.RequestTimeout = forBusyMachines, forBusyMachines+time.Minute
	cl, err := client.New(profile, k, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func publishFiles(ctx context.Context, t testing.TB, bureau *client.Client, descriptor []byte, files []panel.File) publish.Published {
	t.Helper()
	src, err := panel.ReadDescriptor("descriptor.yaml", bytes.NewReader(descriptor))
	if err != nil {
		t.Fatal(err)
	}
	p, err := publish.Prepare(ctx, src, files, bureau, nil)
	if err != nil {
		t.Fatal(err)
	}
	done, err := publish.Publish(ctx, bureau, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func grant(ctx context.Context, t testing.TB, buyer, bureau *client.Client, dataset string) {
	t.Helper()
	d, err := buyer.Dataset(ctx, dataset)
	if err != nil {
		t.Fatal(err)
	}
	order, err := exchange.CreateOrder(ctx, buyer, catalog.OrderCreate{Dataset: dataset, Purpose: "test", Portfolio: !d.Descriptor.Policy.Public})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exchange.ApproveOrder(ctx, bureau, catalog.OrderApprove{Order: order}); err != nil {
		t.Fatal(err)
	}
}

// answer asks a query and returns its rows as text.
func answer(ctx context.Context, c *client.Client, sql string, progress func(catalog.Query)) ([][]string, catalog.Query, error) {
	r, err := ask.Query(ctx, c, sql, ask.Options{States: progress})
	if err != nil {
		return nil, catalog.Query{}, err
	}
	var b bytes.Buffer
	if err := r.Table.WriteCSV(&b); err != nil {
		return nil, r.Query, err
	}
	rows, err := csv.NewReader(&b).ReadAll()
	return rows, r.Query, err
}

const airByMonth = `SELECT district, date_trunc('month', period) AS month, AVG(pm25), AVG(o3_8h) FROM air_daily GROUP BY district, month`

// dustByDay opens every tile by itself, some 230 of them, because every tile
// spans two days: long enough to be hit. All counties meet the condition; a query
// with another n repeats none, and is opened.
func dustByDay(n int) string {
	return fmt.Sprintf("SELECT county, date_trunc('day', period) AS day, SUM(tsp), SUM(pm10) FROM dust_hourly WHERE county > '!%d' GROUP BY county, day", n)
}

// A node killed with SIGKILL in the middle of a query, whichever it is, does not
// change the answer: the leader, old or new, names another active set.
func TestQuerySurvivesTheDeathOfAnyNode(t *testing.T) {
	longrun.Only(t)
	if testing.Short() {
		t.Skip("runs a whole cluster")
	}
	t.Parallel()
	ctx := testContext(t)
	c := start(ctx, t, t.TempDir())
	_, buyer := publishSeed(ctx, t, c, seeds.Options{DustMonitors: 600, DustDays: 60}, "dust_hourly")
	want, _, err := answer(ctx, buyer, dustByDay(0), nil)
	if err != nil {
		t.Fatal(err)
	}
	roles := []string{"root", "member"}
	if longrun.Wanted() { // those who lead since are killed, too
		roles = append(roles, roles...)
	}
	for turn, role := range roles {
		t.Run(role, func(t *testing.T) {
			hit(ctx, t, c, buyer, killMember(t, c, role), func(try int) int {
				got, q, err := answer(ctx, buyer, dustByDay(1+turn*mostTries+try), nil)
				if err != nil {
					t.Fatalf("with a node killed: %v", err)
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("with a node killed: (-before +after)\n%s", d)
				}
				return len(q.Attempts)
			})
		})
	}
}

// mostTries bounds how often a query is asked to be hit in the middle.
const mostTries = 12

// hit has strike hit a node in the middle of a query. When a query is over before the
// look at the queries that run, or before the node is hit, which the machine decides, it is
// asked again: ask(try) makes one that repeats none, requires the right answer whatever was
// hit, and returns how many attempts that took. Nodes are whole again after each.
func hit(ctx context.Context, t *testing.T, c *Cluster, buyer *client.Client, strike striker, ask func(try int) (attempts int)) {
	t.Helper()
	for try := range mostTries {
		attempts, id := func() (attempts int, id string) {
			answered, struck := make(chan struct{}), make(chan string, 1)
			go func() {
				defer close(struck) // when a signal fails the test, too
				struck <- strikeRunning(ctx, t, buyer, strike.hit, answered)
			}()
			defer func() { // when the answer fails the test, too
				close(answered)
				id = <-struck
			}()
			return ask(try), ""
		}()
		t.Logf("hit %q; %d attempts", id, attempts)
		if id != "" {
			if err := strike.mend(id); err != nil {
				t.Fatal(err)
			}
			if err := c.AwaitReady(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if id != "" && attempts > 1 {
			return
		}
	}
	t.Errorf("none of %d queries was hit while it was being answered", mostTries)
}

// striker hits a member of an attempt, and mends the node again.
type striker struct {
	hit  func(catalog.Attempt) (id string)
	mend func(id string) error
}

// strikeRunning strikes the first query that is seen to run, unless the one that was asked
// is answered before.
func strikeRunning(ctx context.Context, t *testing.T, buyer *client.Client, strike func(catalog.Attempt) string, answered <-chan struct{}) (id string) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		queries, err := client.Queries.All(ctx, buyer)
		if err != nil {
			t.Error(err)
			return ""
		}
		for _, q := range queries {
			if q.State == catalog.QueryRunning {
				return strike(q.Attempts[len(q.Attempts)-1])
			}
		}
		select {
		case <-answered:
			return ""
		case <-ctx.Done():
			return ""
		case <-tick.C:
		}
	}
}

// killMember kills the root or another member of an active set.
func killMember(t *testing.T, c *Cluster, role string) striker {
	return striker{
		hit: func(a catalog.Attempt) (killed string) {
			for _, id := range a.Active {
				if (id == a.Root) == (role == "root") {
					killed = id
				}
			}
			if err := c.Kill(killed); err != nil {
				t.Error(err)
			}
			return killed
		},
		mend: func(id string) error { return c.StartNode(id) },
	}
}

// All nodes killed at once: when they are back, everything is as before.
func TestEverythingIsThereAfterAllNodesWereKilled(t *testing.T) {
	longrun.Only(t)
	if testing.Short() {
		t.Skip("runs a whole cluster")
	}
	t.Parallel()
	ctx := testContext(t)
	dir := t.TempDir()
	c := start(ctx, t, dir)
	bureau, buyer := publishSeed(ctx, t, c, seeds.Options{}, "air_daily")
	want, q, err := answer(ctx, buyer, airByMonth, nil)
	if err != nil {
		t.Fatal(err)
	}
	state := func(bureau, buyer *client.Client) map[string]any {
		t.Helper()
		datasets, err := client.Datasets.All(ctx, bureau)
		if err != nil {
			t.Fatal(err)
		}
		contracts, err := client.Contracts.All(ctx, buyer)
		if err != nil {
			t.Fatal(err)
		}
		for i := range contracts {
			contracts[i].Used = 0 // the query below is counted
		}
		orders, err := client.Orders.All(ctx, buyer)
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := client.Get[wire.Receipt](ctx, buyer, client.Call{Path: fmt.Sprintf("/v1/receipts/%d", q.Seq)})
		if err != nil {
			t.Fatal(err)
		}
		return map[string]any{"datasets": datasets, "contracts": contracts, "orders": orders, "receipt": receipt}
	}
	before := state(bureau, buyer)
	for _, id := range c.IDs() {
		if err := c.Kill(id); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = start(ctx, t, dir)
	bureau, buyer = connect(t, c, Bureau), connect(t, c, Buyer)
	if d := cmp.Diff(before, state(bureau, buyer)); d != "" {
		t.Errorf("(-before +after)\n%s", d)
	}
	// Asked otherwise, so that it is opened and not answered from what was kept.
	got, _, err := answer(ctx, buyer, strings.Replace(airByMonth, " GROUP", " WHERE district > '!' GROUP", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-before +after)\n%s", d)
	}
}

// beijingFiles are the real readings, if they are there.
func beijingFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root(t), "..", "shared", "data", "beijing-air", "*.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 12 {
		t.Skipf("needs the 12 files of ../shared/data/beijing-air, found %d", len(files))
	}
	return files
}
