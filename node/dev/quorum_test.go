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
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/seeds"
)

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
			"period: {column: month, grain: month}\nutc_offset: \"+08:00\"\nmeasures:\n  - {name: nox, column: NOx, unit: kg, range: [0, 10], decimals: 0}\n" +
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

// Two of three nodes lost, one killed and one that hangs: every command says that there is no
// quorum, whichever node is asked first, and so does what was waiting when they were lost.
// Everything is there again when they return. That it is said within ten seconds is told in
// fake time: see client.TestLostQuorumIsToldWithinTenSeconds.
func TestLostQuorumIsSaidByEveryCommand(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := start(ctx, t, t.TempDir())
	_, buyer := publishSeed(ctx, t, c, seeds.Options{}, "air_daily")
	contracts, err := client.Contracts.All(ctx, buyer)
	if err != nil || len(contracts) != 1 {
		t.Fatalf("%d contracts, %v", len(contracts), err)
	}
	want, _, err := answer(ctx, buyer, airByMonth, nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := commands(t, contracts[0])
	// The one that is left looks for a quorum as long as nodes do by default; the others, until
	// they are lost, as long as a busy machine needs.
	patient := c.opts.Command
	c.opts.Command = []string{"env", "WEIR_NODE_QUORUM_WAIT=" + consensus.DefaultNoQuorumTimeout.String(), weir}
	if err := c.Kill("n1"); err != nil {
		t.Fatal(err)
	}
	if err := c.StartNode("n1"); err != nil {
		t.Fatal(err)
	}
	c.opts.Command = patient
	if err := c.AwaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.Kill("n2"); err != nil {
		t.Fatal(err)
	}
	waits, publisher := waitForKey(ctx, t, c, "n3")
	// n1 has the publisher, too: as long as its log is the one under whose head it has
	// signatures already, it needs nobody to show a checkpoint.
	n1 := connectVia(t, c, Operator, "n1")
	await(ctx, t, "n1 to know the publisher", func() bool { _, err := client.Principals.All(ctx, n1); return err == nil })
	c.signal(t, "n3", syscall.SIGSTOP)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := <-waits; err == nil || !strings.Contains(err.Error(), "no quorum: ") {
			t.Errorf("the wait for a key ended with %v", err)
		}
	})
	for i, line := range lines {
		vias := []string{[]string{"n2", "n3"}[i%2]}
		if i%4 == 0 {
			vias = append(vias, "n1")
		}
		for _, via := range vias {
			wg.Go(func() {
				said, exit := run(ctx, c, line, via)
				for exit == 1 && strings.Contains(said, "no node answers") && ctx.Err() == nil {
					said, exit = run(ctx, c, line, via) // n1 was too slow to say that it lives
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
	if publisher, err = govern.AddPrincipal(ctx, connectVia(t, c, Operator, node), k.Public(), catalog.RolePublisher); err != nil {
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
	p := c.Profile()
	p.Addr = c.addr(node)
	return connectWith(t, c, principal, p, client.Options{})
}

// A leader that hangs closes no connection. Another one takes over, and what the
// old one was asked is asked of the new one, whichever node a client asks. A member of
// an attempt that hangs ends the attempt.
func TestNodeThatHangsIsReplaced(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := start(ctx, t, t.TempDir())
	publishSeed(ctx, t, c, seeds.Options{}, "air_daily")
	for _, ask := range []string{"it", "another"} {
		operator := connect(t, c, Operator)
		leads, err := awaitLeader(ctx, c, operator)
		if err != nil {
			t.Fatal(err)
		}
		via := leads
		if ask == "another" {
			via = slices.DeleteFunc(c.IDs(), func(id string) bool { return id == leads })[0]
		}
		buyer := connectVia(t, c, Buyer, via)
		ordering := buyer
		if ask == "another" {
			// It is asked alone, and once: it asks the next leader by itself, and does not wait for
			// the one that hangs, which it would do for longer than the request may take.
			p := c.Profile()
			p.Addr, p.Nodes = c.addr(via), slices.DeleteFunc(slices.Clone(p.Nodes), func(n client.ProfileNode) bool { return n.ID != via })
			alone, err := client.New(p, buyer.Key(), client.Options{Patience: time.Nanosecond, RequestTimeout: forBusyMachines / 2, PingTimeout: forBusyMachines})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(alone.Close)
			ordering = alone
		}
		c.signal(t, leads, syscall.SIGSTOP)
		if _, err = exchange.CreateOrder(ctx, ordering, catalog.OrderCreate{Dataset: "air_daily", Purpose: "test"}); err != nil {
			t.Errorf("the leader hangs, asked is %s: %v", ask, err)
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
	publishFiles(ctx, t, bureau, []byte(multipliedDescriptor), []panel.File{multipliedFile()})
	grant(ctx, t, buyer, bureau, "multiplied")
	hit(ctx, t, c, buyer, c.hangMember(t), func(try int) int {
		_, q, err := answer(ctx, buyer, fmt.Sprintf("SELECT station, CORR(a, b) FROM multiplied WHERE station > '!%d' GROUP BY station", try), nil)
		if err != nil {
			t.Fatalf("a member hangs: after %d attempts: %v", len(q.Attempts), err)
		}
		return len(q.Attempts)
	})
}

// hangMember stops a member of an active set that is not the first.
func (c *Cluster) hangMember(t *testing.T) striker {
	return striker{
		hit: func(a catalog.Attempt) string {
			c.signal(t, a.Active[1], syscall.SIGSTOP)
			return a.Active[1]
		},
		mend: func(id string) error {
			c.signal(t, id, syscall.SIGCONT)
			return nil
		},
	}
}
