package feed_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/feed"
	"github.com/weirdata/weir/node/client/publish"
)

const stationsDescriptor = `
dataset: chimneys
title: {en: Chimneys}
license: internal
entity: {registry: stations, column: station}
period: {column: hour, grain: hour}
utc_offset: "+08:00"
measures:
  - {name: nox, column: NOX, unit: mg/m³, range: [0, 100000], decimals: 3, round: half_even}
  - {name: co, column: CO, unit: µg/m³, range: [0, 1000000], decimals: 0}
policy: {aggregates: [count, sum, avg], public: true}
`

// configOf is a feed of the first stations. It is tried often whether something is due.
func configOf(dir, listen string, stations int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `dataset: chimneys
descriptor: descriptor.yaml
dir: %s
lateness: 5m
every: 30ms
corrections: {every: 6h, within: 72h}
stamp: begin
measures:
  - {measure: nox, code: a21002, command: "2011", field: Rtd, unit: mg/m³, take: mean, least: 2}
  - {measure: co, code: a21005, command: "2011", field: Rtd, unit: mg/m³, factor: "1000", take: max}
sources:
  - {name: chimneys, kind: hj212, listen: "%s", crc: standard}
devices:
`, filepath.Join(dir, "feed"), listen)
	for s := range stations {
		fmt.Fprintf(&b, "  %s: %s\n", deviceOf(s), entityOf(s))
	}
	return b.String()
}

// stationsRegistry is the registry of so many stations, in two counties.
func stationsRegistry(n int) publish.RegistryTable {
	t := publish.RegistryTable{ID: "stations", IDColumn: "station", Columns: []string{"county"}}
	for s := range n {
		t.Rows = append(t.Rows, []string{entityOf(s), []string{"east", "west"}[s%2]})
	}
	return t
}

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
		if pause(ctx, 20*time.Millisecond) != nil {
			t.Fatalf("waited in vain: %+v, %v", s, err)
		}
	}
}

// hoursTruth are the rows by plain loops: the mean of nox, rounded half to even, and the
// largest co, of each station and hour.
func (s *simulator) hoursTruth() (rows []string) {
	for station := range s.stations {
		type hour struct {
			sum, count, most int
		}
		hours := map[string]*hour{}
		var order []string
		for n := range s.frames {
			name := s.at(n).Format("2006-01-02T15")
			if hours[name] == nil {
				hours[name] = &hour{}
				order = append(order, name)
			}
			h := hours[name]
			if !faulty(station, n) {
				h.sum += noxOf(station, n)
				h.count++
			}
			h.most = max(h.most, coOf(station, n)*10) // hundredths of a milligram are ten micrograms
		}
		for _, name := range order {
			h := hours[name]
			mean := new(big.Rat).SetFrac64(int64(h.sum), int64(10*h.count))
			rows = append(rows, fmt.Sprintf("%s %s %s %d", entityOf(station), name, halfEven(mean, 3), h.most))
		}
	}
	return rows
}

// halfEven writes a positive number with so many decimals, by comparing with both neighbours.
func halfEven(v *big.Rat, decimals int) string {
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil)
	scaled := new(big.Rat).Mul(v, new(big.Rat).SetInt(unit))
	low := new(big.Int).Quo(scaled.Num(), scaled.Denom())
	rest := new(big.Rat).Sub(scaled, new(big.Rat).SetInt(low))
	if c := rest.Cmp(big.NewRat(1, 2)); c > 0 || c == 0 && low.Bit(0) == 1 {
		low.Add(low, big.NewInt(1))
	}
	text := fmt.Sprintf("%0*d", decimals+1, low)
	return text[:len(text)-decimals] + "." + text[len(text)-decimals:]
}

const stationsQuery = "SELECT station, date_trunc('hour', period) AS hour, SUM(nox) AS nox, SUM(co) AS co FROM chimneys GROUP BY station, hour"

// Stations send while the feed is killed: whatever was answered is published, as the plain
// loops have it, and nothing is published twice.
func TestNothingIsLostWhileTheFeedIsKilled(t *testing.T) {
	const stations, frames = 20, 60
	w := clienttest.New(t)
	publisher := w.Client(catalog.RolePublisher)
	_, err := publish.Registry(w.Ctx, publisher, stationsRegistry(stations), nil)
	w.Must(err)
	dir := t.TempDir()
	w.Must(w.Profile.Save(filepath.Join(dir, "profile")))
	w.Must(w.Keys[catalog.RolePublisher].Save(filepath.Join(dir, "key")))
	w.Must(os.WriteFile(filepath.Join(dir, "descriptor.yaml"), []byte(stationsDescriptor), 0o600))
	w.Must(os.WriteFile(filepath.Join(dir, "feed.yaml"), []byte(configOf(dir, "127.0.0.1:0", stations)), 0o600))
	begin := time.Date(2026, 12, 1, 9, 59, 30, 0, time.FixedZone("", 8*3600))
	setClock(t, dir, begin)
	feeds := &children{t: t, dir: dir}
	feeds.start()
	s := &simulator{stations: stations, frames: frames, begin: begin, address: feeds.address}
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		for s.answered.Load() < stations*frames/3 && t.Context().Err() == nil {
			_ = pause(t.Context(), time.Millisecond)
		}
		_ = feeds.end(syscall.SIGKILL)
		feeds.start()
	}()
	w.Must(s.run(t.Context(), 0, frames))
	<-killed
	if s.again.Load() == 0 {
		t.Error("no station noticed that the feed was killed")
	}
	setClock(t, dir, begin.Add(2*time.Hour))
	awaitState(t, dir, func(s feed.State) bool { return s.Appends > 0 })
	if err := feeds.end(syscall.SIGTERM); err != nil {
		t.Errorf("told to end: %v: %s", err, feeds.said)
	}
	w.Contract("chimneys", catalog.OrderApprove{})
	if d := cmp.Diff(s.hoursTruth(), w.Rows(w.Client(catalog.RoleBuyer), stationsQuery)); d != "" {
		t.Fatalf("(-simulator +answer)\n%s", d)
	}
	state, err := feed.ReadState(filepath.Join(dir, "feed"))
	w.Must(err)
	if state.Running || state.Stopped != nil || state.Appends != 1 || len(state.Pending) != 0 || state.Sources["chimneys"].Devices != stations {
		t.Errorf("%+v", state)
	}
}
