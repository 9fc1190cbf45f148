package nemesis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/dev"
	"github.com/weirdata/weir/node/dev/network"
)

// Options say what to run.
type Options struct {
	Dir     string        // of the cluster
	Command []string      // the weir binary
	Length  time.Duration // how long faults happen
	Seed    uint64
	Only    []string // names of faults; empty: all
	Log     func(line string)
}

// patience is how long the cluster may take to be whole after a fault.
const patience = 90 * time.Second

// Report is what came of a run.
type Report struct {
	Operations, Unknown int
	Faults              []string // as they happened
	LeftOut             []string // faults that cannot be made here
	GapP50, GapP99      time.Duration
	GapMax              time.Duration
	Errors              map[string]int    // how often which error made an outcome unknown
	Violations          []string          // of what must hold; none: it holds
	Logs                map[string]string // the ends of the nodes' logs, where something is violated
}

func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d operations, %d of unknown outcome; %d faults; longest times without an answer: p50 %s, p99 %s, max %s",
		r.Operations, r.Unknown, len(r.Faults), r.GapP50.Round(time.Millisecond), r.GapP99.Round(time.Millisecond), r.GapMax.Round(time.Millisecond))
	if len(r.LeftOut) > 0 {
		fmt.Fprintf(&b, "\nleft out here: %s", strings.Join(r.LeftOut, ", "))
	}
	for _, v := range r.Violations {
		fmt.Fprintf(&b, "\nVIOLATED: %s", v)
	}
	return b.String()
}

// run is one run under way.
type run struct {
	opts                    Options
	cluster                 *dev.Cluster
	network                 *network.Switch // nil: nodes are on the loopback address
	disk                    *disk           // nil: the cluster is on the machine's
	rng                     *rand.Rand
	bureau, buyer, operator *client.Client
	contracts               []string
	history                 *history

	nodes []string          // with seats, in the order of their points
	hosts map[string]string // by node: its host
	made  int               // nodes so far
}

// Sizes of the cluster: at first, and when it has grown.
const (
	small, smallThreshold = 3, 2
	large, largeThreshold = 5, 3
)

// newNode names the next node, on a host that no other is on.
func (r *run) newNode() (id string) {
	r.made++
	id = fmt.Sprintf("n%d", r.made)
	for i := range large {
		host := fmt.Sprintf("h%d", i+1)
		if !slices.Contains(slices.Collect(maps.Values(r.hosts)), host) {
			r.hosts[id] = host
			return id
		}
	}
	return "" // there are no more nodes than hosts at a time
}

// addr is the address of a node's host.
func (r *run) addr(id string) string {
	if r.network == nil {
		return "127.0.0.1"
	}
	return r.network.Addr(r.hosts[id]).String()
}

// set has a fault happen between nodes, or a node and the outside.
func (r *run) set(from, to string, f network.Fault) {
	host := func(id string) string {
		if id == network.Outside {
			return id
		}
		return r.hosts[id]
	}
	r.network.Set(host(from), host(to), f)
}

// Run runs a cluster, the workload and faults for Options.Length, and checks. An error is
// one of the run itself; what the cluster did wrong is in the report.
func Run(ctx context.Context, o Options) (report Report, err error) {
	r := &run{opts: o, rng: rand.New(rand.NewPCG(o.Seed, 3)), history: newHistory(), hosts: map[string]string{}} //nolint:gosec // a run is to be repeatable
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.start(ctx); err != nil {
		return report, err
	}
	if err := r.publish(ctx); err != nil {
		return report, fmt.Errorf("prepare the workload: %w", err)
	}
	report, err = r.strike(ctx)
	if err != nil {
		return report, err
	}
	r.check(ctx)
	r.fill(&report)
	return report, nil
}

// start starts the cluster, on hosts of their own where there can be any.
func (r *run) start(ctx context.Context) (err error) {
	if r.disk, err = openDisk(r.opts.Dir); err != nil && !errors.Is(err, errNoDisk) {
		return err
	}
	for range small {
		r.nodes = append(r.nodes, r.newNode())
	}
	o := dev.Options{Dir: r.opts.Dir, Command: r.opts.Command, Nodes: small, Threshold: smallThreshold, NodeFlags: []string{"--log-level", "debug"}}
	var hosts []string
	for i := range large {
		hosts = append(hosts, fmt.Sprintf("h%d", i+1))
	}
	r.network, err = network.Open(r.opts.Seed, hosts...)
	switch {
	case errors.Is(err, network.ErrUnavailable):
		r.network = nil
	case err != nil:
		return err
	default:
		for _, id := range r.nodes {
			o.Hosts = append(o.Hosts, r.addr(id))
		}
		o.Spawn = func(id string, start func() error) error { return r.network.Run(r.hosts[id], start) }
	}
	if r.cluster, err = dev.Start(ctx, o); err != nil {
		return err
	}
	return r.connect()
}

// connect makes the clients of bureau, buyer and operator, anew where there are some.
func (r *run) connect() (err error) {
	for _, p := range []struct {
		name string
		to   **client.Client
	}{{dev.Bureau, &r.bureau}, {dev.Buyer, &r.buyer}, {dev.Operator, &r.operator}} {
		c, err := r.cluster.Client(p.name)
		if err != nil {
			return err
		}
		if *p.to != nil {
			(*p.to).Close()
		}
		*p.to = c
	}
	return nil
}

// strike has faults happen while the workload runs.
func (r *run) strike(ctx context.Context) (report Report, err error) {
	faults, leftOut := r.faults()
	report.LeftOut = leftOut
	if len(faults) == 0 {
		return report, fmt.Errorf("no fault is named %v", r.opts.Only)
	}
	working, stop := context.WithTimeout(ctx, r.opts.Length)
	defer stop()
	var work sync.WaitGroup
	defer work.Wait()
	asking, stopAsking := context.WithCancel(ctx)
	defer stopAsking()
	if err := r.ask(asking, &work); err != nil {
		return report, err
	}
	for turn := 0; working.Err() == nil; turn++ {
		if turn%len(faults) == 0 {
			r.rng.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
		}
		f := faults[turn%len(faults)]
		what, err := r.one(ctx, working, f)
		report.Faults = append(report.Faults, what)
		r.opts.Log(what)
		if err != nil {
			r.history.violated("%s: %v", what, err)
			return report, nil
		}
	}
	return report, nil
}

// ask starts the workload. Clients ask until ctx ends.
func (r *run) ask(ctx context.Context, work *sync.WaitGroup) error {
	for i := range askers {
		a := &asker{run: r, number: i, key: r.buyer.Key(), contract: r.contracts[i%contracts], rng: rand.New(rand.NewPCG(r.opts.Seed, uint64(i)+10))} //nolint:gosec // as above
		if err := a.connect(); err != nil {
			return err
		}
		work.Go(func() {
			defer func() { a.client.Close() }()
			a.work(ctx)
		})
	}
	return nil
}

// one has one fault happen, for a while, and waits until the cluster is whole again.
func (r *run) one(ctx, working context.Context, f fault) (what string, err error) {
	began := time.Now()
	target, heal, err := f.strike(ctx)
	what = f.name + " " + target
	if err != nil {
		return what, err
	}
	_ = client.Pause(working, time.Duration(2+r.rng.IntN(4))*time.Second)
	if err := heal(ctx); err != nil {
		return what, fmt.Errorf("heal: %w", err)
	}
	healed := time.Now()
	patient, stop := context.WithTimeout(ctx, patience)
	defer stop()
	if err := r.cluster.AwaitReady(patient); err != nil {
		return what, fmt.Errorf("after it was healed: %w", err)
	}
	if err := r.until(ctx, r.settled); err != nil {
		return what, fmt.Errorf("after it was healed: %w", err)
	}
	return fmt.Sprintf("%s, for %.1f s; whole again after %.1f s", what, healed.Sub(began).Seconds(), time.Since(healed).Seconds()), nil
}

// settled is nil when every node with a seat has its shares of the bureau's key and of the portfolio, nobody has
// older ones, and nothing is left of seats that were given up.
func (r *run) settled(ctx context.Context) error {
	k, err := r.bureau.PublisherKey(ctx, r.bureau.Key().ID())
	if err != nil {
		return err
	}
	if k.Refresh != nil || k.Retired != nil {
		return fmt.Errorf("new shares of the key wait for %v", k.RefreshWaits())
	}
	cluster, err := r.buyer.Cluster(ctx)
	if err != nil {
		return err
	}
	if !k.Roster().Equal(cluster.Roster()) || len(k.Lacks) > 0 {
		return fmt.Errorf("the key is shared among %v, which %v lack", k.Nodes, k.Lacks)
	}
	vectors, err := client.Vectors.All(ctx, r.buyer)
	if err != nil {
		return err
	}
	for _, v := range vectors {
		if held := v.HeldBy(cluster); v.State == catalog.VectorReady && (v.Moving != 0 || !slices.Equal(held, cluster.Roster().Nodes)) {
			return fmt.Errorf("the portfolio is held by %v; %+v", held, v.Stays)
		}
	}
	leaving, err := r.cluster.Leaving(ctx)
	if err == nil && len(leaving) > 0 {
		err = fmt.Errorf("something is left of the seats of %v", leaving)
	}
	return err
}

// fill puts the history into the report.
func (r *run) fill(report *Report) {
	gaps := r.history.gaps(time.Since(r.history.started))
	at := func(share float64) time.Duration { return gaps[min(len(gaps)-1, int(share*float64(len(gaps))))] }
	report.GapP50, report.GapP99, report.GapMax = at(0.5), at(0.99), gaps[len(gaps)-1]
	r.history.mu.Lock()
	defer r.history.mu.Unlock()
	report.Operations = len(r.history.successes) + r.history.unknowns
	report.Unknown, report.Errors = r.history.unknowns, r.history.errors
	report.Violations = slices.Clone(r.history.violations)
	if len(report.Violations) > 0 {
		report.Logs = r.logs()
	}
}

// logs are the ends of the nodes' logs, without what raft says of connections.
func (r *run) logs() map[string]string {
	out := map[string]string{}
	for _, id := range r.nodes {
		b, err := os.ReadFile(r.cluster.Log(id))
		if err != nil {
			out[id] = err.Error() + "\n"
			continue
		}
		var lines []string
		for line := range strings.Lines(string(b)) {
			if !strings.Contains(line, `"component":"raft`) && !strings.Contains(line, `"level":"DEBUG"`) {
				lines = append(lines, line)
			}
		}
		const most = 60
		out[id] = strings.Join(lines[max(0, len(lines)-most):], "")
	}
	return out
}

func (r *run) close() error {
	for _, c := range []*client.Client{r.bureau, r.buyer, r.operator} {
		if c != nil {
			c.Close()
		}
	}
	var err error
	if r.cluster != nil {
		err = r.cluster.Close()
	}
	if r.network != nil {
		err = errors.Join(err, r.network.Close())
	}
	if r.disk != nil {
		err = errors.Join(err, r.disk.close())
	}
	return err
}
