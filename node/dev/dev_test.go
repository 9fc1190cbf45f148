package dev

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/consensus/durable/memdisk"
	"github.com/weirdata/weir/node/dev/demo"
)

// weir is the binary under test, built once.
var weir string

// forBusyMachines is for how long requests of tests look for a leader and for a node that answers.
const forBusyMachines = 2 * time.Minute

func TestMain(m *testing.M) {
	remove := memdisk.Use()
	dir, err := os.MkdirTemp("", "weir-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	weir = filepath.Join(dir, "weir")
	// An election on a busy machine takes as long as it takes. A test of a lost quorum sets what is
	// the default.
	if err := os.Setenv("WEIR_NODE_QUORUM_WAIT", forBusyMachines.String()); err != nil {
		panic(err)
	}
	// What debuggers need is half of what the linker does.
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", weir, "github.com/weirdata/weir/cmd/weir") //nolint:gosec // our own
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build weir:", err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		remove()
		os.Exit(code)
	}))
}

// testContext ends shortly before the test binary does, so that a test that hangs says where. It
// has no bound of its own: how long processes take is the machine's affair.
func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	if limited, ok := t.(*testing.T); ok {
		if end, ok := limited.Deadline(); ok {
			ctx, cancel = context.WithDeadline(context.Background(), end.Add(-10*time.Second))
		}
	}
	t.Cleanup(cancel)
	return ctx
}

// hosts are loopback addresses of one cluster of this process alone, so that nobody draws the
// port of a node that is down, or not up yet.
func hosts(nodes int) []string {
	pid, n := os.Getpid(), int(clusters.Add(1))
	return slices.Repeat([]string{fmt.Sprintf("127.%d.%d.%d", 128+pid>>8%127, pid%256, 1+n%254)}, nodes)
}

var clusters atomic.Int64

// start starts a cluster of real processes in dir.
func start(ctx context.Context, t testing.TB, dir string, flags ...string) *Cluster {
	t.Helper()
	o := Options{Dir: dir, Command: []string{weir}, NodeFlags: flags, Progress: func(what string) { t.Log(what) }}
	if runtime.GOOS == "linux" { // elsewhere there is one loopback address
		o.Hosts = hosts(3)
	}
	c, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			showWarnings(t, c)
		}
	})
	return c
}

// showWarnings prints what the nodes warned of: without it a chance failure cannot be
// explained afterwards.
func showWarnings(t testing.TB, c *Cluster) {
	for _, id := range c.IDs() {
		b, err := os.ReadFile(c.Log(id))
		if err != nil {
			t.Log(err)
			continue
		}
		for line := range strings.Lines(string(b)) {
			if strings.Contains(line, `"WARN"`) || strings.Contains(line, `"ERROR"`) || strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") {
				t.Log(id, strings.TrimSpace(line))
			}
		}
	}
}

// root is the module's root directory.
func root(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("no caller")
	}
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// The main job from one command: every figure that the data can answer equals
// the published one, and what must be refused is refused.
func TestDemoAgreesWithEveryPublishedFigure(t *testing.T) {
	longrun.Only(t)
	if testing.Short() {
		t.Skip("runs a whole cluster")
	}
	t.Parallel()
	ctx := testContext(t)
	cmd := exec.CommandContext(ctx, weir, "demo", "--json") //nolint:gosec // our own
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var r demo.Report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if !r.Agree {
		t.Error("the report says that answers disagree, the exit status that they agree")
	}
	asked := map[string]bool{}
	for _, a := range r.Answers {
		if !a.Agree {
			t.Errorf("%s: %s, published %s", a.ID, a.Answer, a.Published)
		}
		for _, f := range a.Figures {
			asked[f] = true
		}
	}
	for _, f := range []string{"pm25_2020", "pm25_2024", "pm25_fall", "pm25_2025", "pm10_2020", "pm10_2024", "pm10_fall", "rights_enterprises"} {
		if !asked[f] {
			t.Errorf("the demo does not ask for %s", f)
		}
	}
}

// Nodes end with the process that runs the cluster, even when that is killed.
func TestNodesEndWhenTheirParentIsKilled(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	dir := t.TempDir()
	args := []string{"dev", "--dir", dir}
	if runtime.GOOS == "linux" { // elsewhere there is one loopback address
		args = append(args, "--host", hosts(1)[0])
	}
	cmd := exec.CommandContext(ctx, weir, args...) //nolint:gosec // our own
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	l := layout{dir}
	await(ctx, t, "ready.json", func() bool {
		_, err := os.Stat(l.ready())
		return err == nil
	})
	var pids []int
	for _, id := range []string{"n1", "n2", "n3"} {
		b, err := os.ReadFile(l.pid(id))
		if err != nil {
			t.Fatal(err)
		}
		var pid int
		if _, err := fmt.Sscan(string(b), &pid); err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) {
		t.Fatalf("got %v, want the end by a signal\n%s", err, stderr.String())
	}
	for _, pid := range pids {
		await(ctx, t, fmt.Sprintf("the end of process %d", pid), func() bool { return !alive(pid) })
	}
}

// await polls until done.
func await(ctx context.Context, t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	return signalZero(p) == nil
}
