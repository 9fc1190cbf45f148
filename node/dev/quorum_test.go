//go:build linux

package dev

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/seeds"
)

// toldWithin is when a client has to have heard that there is no quorum. It is ten
// seconds, and 8.6 on a quiet machine; twice that is for a busy one that starts some
// thirty processes. Waiting for each node that hangs takes longer still.
const toldWithin = 20 * time.Second

// signal sends a node's process a signal: a stopped one hangs, and closes no
// connection.
func (c *Cluster) signal(t *testing.T, id string, s os.Signal) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.nodes[id].cmd.Process
	if err := p.Signal(s); err != nil {
		t.Fatal(err)
	}
	if s != syscall.SIGSTOP {
		return
	}
	// Its threads stop one by one. The state is the field after the name, which
	// is in parentheses (proc_pid_stat(5)).
	await(t.Context(), t, id+" to stop", func() bool {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(b), ") ")
		return strings.HasPrefix(rest, "T")
	})
}

// addr is where a node's API is.
func (c *Cluster) addr(id string) string {
	for _, n := range c.profile.Nodes {
		if n.ID == id {
			return n.Addr
		}
	}
	return ""
}

// commands is a command line of every client command that asks the nodes, with a
// contract between the two parties.
func commands(t *testing.T, contract catalog.Contract) []string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"plants.yaml": "dataset: plants\ntitle: {en: Plants}\nlicense: CC0-1.0\nentity: {column: plant}\n" +
			"period: {column: month, grain: month}\nmeasures:\n  - {name: nox, column: NOx, unit: kg, range: [0, 10], decimals: 0}\n" +
			"policy: {aggregates: [count, sum], public: true}\n",
		"plants.csv": "plant,month,NOx\np1,2024-01,1\n",
		"list.csv":   "district\nd\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	const sql = "'SELECT district, AVG(pm25) FROM air_daily GROUP BY district'"
	return []string{
		"query " + sql, "query --explain " + sql,
		"dataset publish " + file("plants.yaml") + " " + file("plants.csv"), "dataset append plants --descriptor " + file("plants.yaml") + " " + file("plants.csv"),
		"dataset list", "dataset show air_daily",
		"registry list", "registry publish r " + file("list.csv") + " --id-column district",
		"order create --dataset air_daily --purpose test", "order list", "order show " + contract.Order, "order refuse " + contract.Order + " --reason test",
		"contract list", "contract show " + contract.ID, "contract statement " + contract.ID, "contract resume " + contract.ID + " --reason test",
		"portfolio register mine " + file("list.csv") + " --registry districts", "portfolio list",
		"principal list", "evidence checkpoint", "evidence prove air_daily 1",
	}
}

// run runs a command line of weir and returns what it says and how it ended.
func run(ctx context.Context, c *Cluster, line, via string) (said string, exit int) {
	var args []string
	for i, part := range strings.Split(line, "'") { // quoted parts are the odd ones
		if i%2 == 1 {
			args = append(args, part)
		} else {
			args = append(args, strings.Fields(part)...)
		}
	}
	cmd := exec.CommandContext(ctx, weir, append(args, "--dir", c.layout.dir, "--addr", c.addr(via))...) //nolint:gosec // our own
	var out bytes.Buffer
	cmd.Stderr = &out
	err := cmd.Run()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return out.String(), failed.ExitCode()
	}
	return out.String(), 0
}

// Two of three nodes lost, one killed and one that hangs: every command says
// within ten seconds that there is no quorum, whichever node is asked first, and
// so does what was waiting when they were lost. Everything is there again when
// they return.
func TestLostQuorumIsSaidWithinTenSeconds(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a whole cluster")
	}
	ctx := testContext(t)
	c := start(ctx, t, t.TempDir())
	_, buyer := publishSeed(ctx, t, c, seeds.Options{}, "air_daily")
	contracts, err := buyer.Contracts(ctx)
	if err != nil || len(contracts) != 1 {
		t.Fatalf("%d contracts, %v", len(contracts), err)
	}
	want, _, err := answer(ctx, buyer, airByMonth, nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := commands(t, contracts[0])
	if err := c.Kill("n2"); err != nil {
		t.Fatal(err)
	}
	waits, publisher := waitForKey(ctx, t, c, "n3")
	c.signal(t, "n3", syscall.SIGSTOP)
	lost := time.Now()
	var wg sync.WaitGroup
	wg.Go(func() {
		err := <-waits
		if took := time.Since(lost); took > toldWithin || err == nil || !strings.Contains(err.Error(), "no quorum: ") {
			t.Errorf("the wait for a key ended after %s with %v", took, err)
		}
	})
	for i, line := range lines {
		vias := []string{[]string{"n2", "n3"}[i%2]}
		if i%4 == 0 {
			vias = append(vias, "n1")
		}
		for _, via := range vias {
			wg.Go(func() {
				begin := time.Now()
				said, exit := run(ctx, c, line, via)
				took := time.Since(begin).Round(100 * time.Millisecond)
				if t.Logf("told after %s: %s, asked of %s", took, line, via); took > toldWithin {
					t.Errorf("%s, asked of %s: told after %s", line, via, took)
				}
				if exit != 1 || !strings.Contains(said, "no quorum: ") || !strings.Contains(said, "start the missing nodes") {
					t.Errorf("%s, asked of %s: exit %d, said %q", line, via, exit, said)
				}
			})
		}
	}
	wg.Wait()
	c.signal(t, "n3", syscall.SIGCONT)
	if err := c.StartNode("n2"); err != nil {
		t.Fatal(err)
	}
	if err := c.AwaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	got, _, err := answer(ctx, buyer, airByMonth, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-before +after)\n%s", d)
	}
	if _, err := connect(t, c, Bureau).ReadyKey(ctx, publisher); err != nil {
		t.Errorf("the key that was waited for: %v", err)
	}
}

// waitForKey admits a publisher and has somebody wait for its key, with a request
// that is held by node. It is not made while a node is down.
func waitForKey(ctx context.Context, t *testing.T, c *Cluster, node string) (waits <-chan error, publisher string) {
	t.Helper()
	k, err := client.NewKey("late")
	if err != nil {
		t.Fatal(err)
	}
	if publisher, err = connect(t, c, Operator).AddPrincipal(ctx, k.Public(), catalog.RolePublisher); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	cl := connectVia(t, c, Bureau, node)
	go func() {
		_, err := cl.ReadyKey(ctx, publisher)
		ended <- err
	}()
	return ended, publisher
}

// connectVia returns a client that asks node first.
func connectVia(t *testing.T, c *Cluster, principal, node string) *client.Client {
	t.Helper()
	k, err := client.LoadKey(c.layout.key(principal))
	if err != nil {
		t.Fatal(err)
	}
	p := c.Profile()
	p.Addr = c.addr(node)
	cl, err := client.New(p, k, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// A leader that hangs closes no connection. Another one takes over, and what the
// old one was asked is asked of the new one, whichever node a client asks. A member of
// an attempt that hangs ends the attempt.
func TestNodeThatHangsIsReplaced(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a whole cluster")
	}
	ctx := testContext(t)
	c := start(ctx, t, t.TempDir())
	publishSeed(ctx, t, c, seeds.Options{}, "air_daily")
	for _, ask := range []string{"it", "another"} {
		operator := connect(t, c, Operator)
		var leads string
		await(ctx, t, "a leader", func() bool {
			id, err := leaderOf(ctx, c, operator)
			leads = id
			return err == nil && id != ""
		})
		via := leads
		if ask == "another" {
			via = slices.DeleteFunc(c.IDs(), func(id string) bool { return id == leads })[0]
		}
		buyer := connectVia(t, c, Buyer, via)
		c.signal(t, leads, syscall.SIGSTOP)
		begin := time.Now()
		_, err := buyer.CreateOrder(ctx, catalog.OrderCreate{Dataset: "air_daily", Purpose: "test"})
		if took := time.Since(begin); err != nil || took > toldWithin {
			t.Errorf("the leader hangs, asked is %s: after %s: %v", ask, took, err)
		} else {
			t.Logf("the leader hangs, asked is %s: done after %s", ask, took)
		}
		if _, _, err := answer(ctx, buyer, airByMonth, nil); err != nil {
			t.Errorf("the leader hangs, asked is %s: a query: %v", ask, err)
		}
		c.signal(t, leads, syscall.SIGCONT)
		if err := c.AwaitReady(ctx); err != nil {
			t.Fatal(err)
		}
	}

	bureau, buyer := connect(t, c, Bureau), connect(t, c, Buyer)
	publish(ctx, t, bureau, []byte(multipliedDescriptor), []panel.File{multipliedFile()})
	grant(ctx, t, buyer, bureau, "multiplied")
	hung := make(chan string, 1)
	go func() { hung <- hangMember(ctx, t, c, connect(t, c, Buyer)) }()
	_, q, err := answer(ctx, buyer, "SELECT station, CORR(a, b) FROM multiplied GROUP BY station", nil)
	id := <-hung
	if err != nil || len(q.Attempts) < 2 {
		t.Errorf("%s hangs: after %d attempts: %v", id, len(q.Attempts), err)
	}
	t.Logf("%s hangs; %d attempts", id, len(q.Attempts))
	c.signal(t, id, syscall.SIGCONT)
}

// hangMember waits for a query to be opened and stops a member of its active set
// that is not the first.
func hangMember(ctx context.Context, t *testing.T, c *Cluster, buyer *client.Client) (id string) {
	await(ctx, t, "a running query", func() bool {
		queries, err := buyer.Queries(ctx)
		if err != nil {
			t.Error(err)
			return true
		}
		for _, q := range queries {
			if q.State == catalog.QueryRunning {
				id = q.Attempts[len(q.Attempts)-1].Active[1]
				c.signal(t, id, syscall.SIGSTOP)
			}
		}
		return id != ""
	})
	return id
}
