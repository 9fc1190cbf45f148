//go:build linux

package dev

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/client/vector"
)

// replaceLeader kills the node that leads and starts it again.
func replaceLeader(ctx context.Context, t *testing.T, c *Cluster, operator *client.Client) {
	t.Helper()
	id, err := awaitLeader(ctx, c, operator)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Kill(id); err != nil {
		t.Fatal(err)
	}
	if err := c.StartNode(id); err != nil {
		t.Fatal(err)
	}
}

// killAll kills all nodes at once and starts them again.
func killAll(ctx context.Context, t *testing.T, c *Cluster) {
	t.Helper()
	var wg sync.WaitGroup
	for _, id := range c.IDs() {
		wg.Go(func() {
			if err := c.Kill(id); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, id := range c.IDs() {
		if err := c.StartNode(id); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.AwaitReady(ctx); err != nil {
		t.Fatal(err)
	}
}

// The leader killed in the middle of a key ceremony and of a private registration:
// both are finished by those who come after it.
func TestCeremonyAndRegistrationSurviveTheDeathOfTheLeader(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := start(ctx, t, t.TempDir())
	bureau, buyer, operator := connect(t, c, Bureau), connect(t, c, Buyer), connect(t, c, Operator)
	const plants = 2_500
	reg, truth := publishPlants(ctx, t, bureau, plants)
	grant(ctx, t, buyer, bureau, "plants")

	for i := range 2 {
		k, err := client.NewKey(fmt.Sprintf("late %d", i))
		if err != nil {
			t.Fatal(err)
		}
		publisher, err := govern.AddPrincipal(ctx, operator, k.Public(), catalog.RolePublisher)
		if err != nil {
			t.Fatal(err)
		}
		replaceLeader(ctx, t, c, operator) // the ceremony takes 50 ms and more
		ready, err := buyer.ReadyKey(ctx, publisher)
		if err != nil {
			t.Fatalf("the key of a publisher who was admitted before the leader died: %v", err)
		}
		t.Logf("the key was made in attempt %d", ready.Record.Attempt)
		if err := c.AwaitReady(ctx); err != nil {
			t.Fatal(err)
		}
	}

	selector := make([]uint64, plants)
	var sum int64
	for e := range selector {
		if e%3 == 0 {
			selector[e] = 1
			for m := range plantMonths {
				sum += truth[e*plantMonths+m]
			}
		}
	}
	registered := make(chan error, 1)
	go func() {
		_, err := vector.Register(ctx, buyer, vector.Plan{Name: "mine", Registry: reg, Values: selector, Pieces: 1}, nil)
		registered <- err
	}()
	await(ctx, t, "the registration to begin", func() bool {
		all, err := vector.All(ctx, connect(t, c, Buyer))
		return err == nil && len(all) == 1
	})
	replaceLeader(ctx, t, c, operator)
	if err := <-registered; err != nil {
		t.Fatalf("the registration whose leader died: %v", err)
	}
	rows, _, err := answer(ctx, buyer, "SELECT SUM(co2) FROM plants WHERE plant IN PRIVATE(mine)", nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := big.NewRat(sum, 10).FloatString(1); rows[1][0] != want {
		t.Errorf("got %v, want %s", rows[1:], want)
	}
}

// A publisher killed at random moments, and all nodes in the middle of the next
// publishing and of a query: what there is to see is whole, and the next publishing
// and the next query work.
func TestPublishingAndQueriesSurviveTheDeathOfEverybody(t *testing.T) {
	longrun.Only(t)
	if testing.Short() {
		t.Skip("runs a whole cluster")
	}
	t.Parallel()
	ctx := testContext(t)
	c := start(ctx, t, t.TempDir())
	bureau, buyer := connect(t, c, Bureau), connect(t, c, Buyer)
	dir := t.TempDir()
	descriptor, data := filepath.Join(dir, "multiplied.yaml"), filepath.Join(dir, "multiplied.csv")
	text, err := multipliedFile().Open()
	if err != nil {
		t.Fatal(err)
	}
	readings, err := io.ReadAll(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{descriptor: []byte(multipliedDescriptor), data: readings} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	publish := func() (*exec.Cmd, *bytes.Buffer) {
		cmd := exec.CommandContext(ctx, weir, "dataset", "publish", descriptor, data, "--dir", c.layout.dir) //nolint:gosec // our own
		var said bytes.Buffer
		cmd.Stderr = &said
		cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+dir, "XDG_STATE_HOME="+dir, "HOME="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, &said
	}
	// whole fails the test when a version is live that is not whole. Nodes finish by
	// themselves what was committed before its publisher died.
	whole := func(when string) {
		t.Helper()
		versions, err := bureau.Versions(ctx, "multiplied")
		var p *wire.Problem
		if errors.As(err, &p) && p.Status == http.StatusNotFound {
			return // the publisher died before it had created the dataset
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range versions {
			t.Logf("%s: version %d is %s", when, v.Version, v.State)
			if v.State == catalog.VersionLive && len(v.Acks) < 2 {
				t.Errorf("%s: version %d is live with the acknowledgements %v", when, v.Version, v.Acks)
			}
		}
	}
	for range 4 {
		cmd, _ := publish()
		after := rand.N(800 * time.Millisecond) //nolint:gosec // the test is of any moment
		timer := time.AfterFunc(after, func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
		err := cmd.Wait()
		timer.Stop()
		whole(fmt.Sprintf("killed after %s (%v)", after.Round(time.Millisecond), err))
	}
	cmd, _ := publish()
	killAll(ctx, t, c)
	err = cmd.Wait() // it may have been told that nobody answers
	whole(fmt.Sprintf("all nodes killed (%v)", err))
	if cmd, said := publish(); cmd.Wait() != nil {
		t.Fatalf("the next publishing: %s", said)
	}
	whole("published")

	grant(ctx, t, buyer, bureau, "multiplied")
	const sql = "SELECT station, CORR(a, b), SUM(a), COUNT(*) FROM multiplied GROUP BY station"
	asked := make(chan error, 1)
	go func() {
		_, _, err := answer(ctx, buyer, sql, nil)
		asked <- err
	}()
	await(ctx, t, "the query to be accepted", func() bool {
		if len(asked) > 0 { // it was answered, and so accepted, or never will be
			err := <-asked
			if err != nil {
				t.Fatalf("the query failed before anything happened to the nodes: %v", err)
			}
			asked <- nil
			return true
		}
		all, err := client.Queries.All(ctx, connect(t, c, Buyer))
		return err == nil && len(all) > 0
	})
	killAll(ctx, t, c)
	t.Logf("the query during which all nodes died: %v", <-asked)
	got, q, err := answer(ctx, buyer, sql, nil)
	if err != nil {
		t.Fatalf("the same query afterwards: %v", err)
	}
	t.Logf("answered in attempt %d", len(q.Attempts))
	if d := cmp.Diff(multipliedSums(t, readings), columns(got, 0, 2, 3)); d != "" {
		t.Errorf("(-plaintext +answer)\n%s", d)
	}
}

// multipliedSums is what the readings say: a row of station, sum of a and count.
func multipliedSums(t *testing.T, readings []byte) (rows [][]string) {
	t.Helper()
	sums := make([]int, 60)
	for h := range 60 * 24 {
		for s := range sums {
			sums[s] += (h*31 + s*7) % 997
		}
	}
	if lines := bytes.Count(readings, []byte("\n")); lines != 60*24*60+1 {
		t.Fatalf("%d lines", lines)
	}
	for s, sum := range sums {
		rows = append(rows, []string{fmt.Sprintf("s%02d", s), fmt.Sprint(sum), fmt.Sprint(60 * 24)})
	}
	return rows
}

// columns picks columns of a table's rows, without its head.
func columns(table [][]string, at ...int) (rows [][]string) {
	for _, row := range table[1:] {
		var picked []string
		for _, i := range at {
			picked = append(picked, row[i])
		}
		rows = append(rows, picked)
	}
	return rows
}
