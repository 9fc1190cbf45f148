package feed_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/bench/stations"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/feed"
	"github.com/weirdata/weir/node/client/publish"
)

// childDir names to the test binary, run again, the directory of a feed.
const childDir = "WEIR_TEST_FEED"

// clockFile has the time that a feed of a test goes by, in its directory.
const clockFile = "clock"

// clockOf is the clock of a feed of a test.
func clockOf(dir string) func() time.Time {
	return func() time.Time {
		b, err := os.ReadFile(filepath.Join(dir, clockFile))
		if err != nil {
			panic(err)
		}
		t, err := time.Parse(time.RFC3339, string(b))
		if err != nil {
			panic(err)
		}
		return t
	}
}

// setClock replaces the time at once.
func setClock(t *testing.T, dir string, now time.Time) {
	t.Helper()
	name := filepath.Join(dir, clockFile)
	if err := errors.Join(os.WriteFile(name+".new", []byte(now.Format(time.RFC3339)), 0o600), os.Rename(name+".new", name)); err != nil {
		t.Fatal(err)
	}
}

// runChild runs the feed of a directory until it is told to end, or killed.
func runChild(dir string) error {
	profile, err := client.LoadProfile(filepath.Join(dir, "profile"))
	if err != nil {
		return err
	}
	key, err := client.LoadKey(filepath.Join(dir, "key"))
	if err != nil {
		return err
	}
	o := (&clienttest.World{}).Options()
	o.Spool, o.Workers = filepath.Join(dir, "uploads"), 1
	c, err := client.New(profile, key, o)
	if err != nil {
		return err
	}
	defer c.Close()
	config, err := feed.ReadConfig(filepath.Join(dir, "feed.yaml"))
	if err != nil {
		return err
	}
	f, err := feed.New(c, config, feed.Options{Now: clockOf(dir)})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		select {
		case <-f.Listening():
			name := filepath.Join(dir, "address")
			_ = errors.Join(os.WriteFile(name+".new", []byte(f.Address("chimneys")), 0o600), os.Rename(name+".new", name)) // the parent waits for it
		case <-ctx.Done():
		}
	}()
	return errors.Join(f.Run(ctx), f.Close())
}

// children are feeds that follow each other in a directory.
type children struct {
	t    *testing.T
	dir  string
	mu   sync.Mutex
	live *exec.Cmd
	said *bytes.Buffer
}

func (c *children) start() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	child := exec.CommandContext(c.t.Context(), os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), childDir+"="+c.dir)
	c.said = &bytes.Buffer{}
	child.Stdout, child.Stderr = c.said, c.said
	if err := child.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.live = child
}

func (c *children) end(s syscall.Signal) error {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.live.Process.Signal(s); err != nil {
		c.t.Fatalf("%v: %s", err, c.said)
	}
	return c.live.Wait()
}

// address is where the feed that runs listens, or did.
func (c *children) address() string {
	b, err := os.ReadFile(filepath.Join(c.dir, "address"))
	if err != nil {
		return "127.0.0.1:1" // nobody listens there
	}
	return string(b)
}

// registryOf is the registry of so many stations.
func registryOf(n int) publish.RegistryTable {
	t := publish.RegistryTable{ID: "stations", IDColumn: "station", Columns: []string{"county"}}
	for s := range n {
		t.Rows = append(t.Rows, []string{stations.Entity(s), stations.County(s)})
	}
	return t
}

// awaitState waits until a feed tells something.
func awaitState(t *testing.T, dir string, done func(feed.State) bool) feed.State {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	defer stop()
	for {
		s, err := feed.ReadState(filepath.Join(dir, "feed"))
		if err == nil && done(s) {
			return s
		}
		if client.Pause(ctx, 20*time.Millisecond) != nil {
			t.Fatalf("waited in vain: %+v, %v", s, err)
		}
	}
}

// Stations send while the feed is killed: whatever was answered is published, as the plain
// loops have it, and nothing is published twice.
func TestNothingIsLostWhileTheFeedIsKilled(t *testing.T) {
	const count, frames = 20, 60
	w := clienttest.New(t)
	publisher := w.Client(catalog.RolePublisher)
	_, err := publish.Registry(w.Ctx, publisher, registryOf(count), nil)
	w.Must(err)
	dir := t.TempDir()
	w.Must(w.Profile.Save(filepath.Join(dir, "profile")))
	w.Must(w.Keys[catalog.RolePublisher].Save(filepath.Join(dir, "key")))
	w.Must(os.WriteFile(filepath.Join(dir, "descriptor.yaml"), []byte(stations.Descriptor("chimneys", "stations")), 0o600))
	w.Must(os.WriteFile(filepath.Join(dir, "feed.yaml"), []byte(stations.Config("chimneys", filepath.Join(dir, "feed"), "127.0.0.1:0", count, 5*time.Minute, 30*time.Millisecond)), 0o600))
	begin := time.Date(2026, 12, 1, 9, 59, 30, 0, time.FixedZone("", 8*3600))
	setClock(t, dir, begin)
	feeds := &children{t: t, dir: dir}
	feeds.start()
	s := &stations.Stations{Count: count, Frames: frames, Begin: begin, Address: feeds.address}
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		for s.Answered() < count*frames/3 && t.Context().Err() == nil {
			_ = client.Pause(t.Context(), time.Millisecond)
		}
		_ = feeds.end(syscall.SIGKILL)
		feeds.start()
	}()
	w.Must(s.Run(t.Context(), 0, frames))
	<-killed
	if s.Again() == 0 {
		t.Error("no station noticed that the feed was killed")
	}
	setClock(t, dir, begin.Add(2*time.Hour))
	awaitState(t, dir, func(s feed.State) bool { return s.Appends > 0 })
	if err := feeds.end(syscall.SIGTERM); err != nil {
		t.Errorf("told to end: %v: %s", err, feeds.said)
	}
	w.Contract("chimneys", catalog.OrderApprove{})
	if d := cmp.Diff(s.Truth(), w.Rows(w.Client(catalog.RoleBuyer), stations.Query("chimneys"))); d != "" {
		t.Fatalf("(-simulator +answer)\n%s", d)
	}
	state, err := feed.ReadState(filepath.Join(dir, "feed"))
	w.Must(err)
	if state.Running || state.Stopped != nil || state.Appends != 1 || len(state.Pending) != 0 || state.Sources["chimneys"].Taken == 0 {
		t.Errorf("%+v", state)
	}
}
