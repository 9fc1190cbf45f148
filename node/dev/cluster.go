package dev

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/founding"
)

// pollEvery is how often a cluster that is starting is asked whether it is
// ready.
const pollEvery = 100 * time.Millisecond

// patience is how long a start takes at most before what it waits for is told.
const patience = 5 * time.Second

// admitPatience is for how long nodes that do not answer are asked to admit the principals: they
// were ready a moment ago, and the machine is busy starting them.
const admitPatience = time.Minute

// Options say which cluster to run. Start names the field that is wrong.
type Options struct {
	Dir string
	// Nodes and Threshold are of a new cluster; one that is there keeps its
	// own. Zero means 3 and 2.
	Nodes, Threshold int
	// Command runs the weir binary, e.g. its path; `node start …` is appended.
	Command []string
	// NodeFlags are appended to every `node start`.
	NodeFlags []string
	// Hosts are the addresses that the nodes of a new cluster listen on, one a node;
	// empty: the loopback address.
	Hosts []string
	// Spawn calls start, which starts the process of a node, where that node is to run;
	// nil: here.
	Spawn func(id string, start func() error) error
	// Progress is told what is being done; nil: nobody.
	Progress func(what string)
}

// Cluster is a running cluster.
type Cluster struct {
	opts    Options
	layout  layout
	genesis founding.Genesis
	body    catalog.InitBody
	unlock  func() error
	again   bool // the cluster was there

	mu      sync.Mutex
	nodes   map[string]*process
	profile client.Profile

	closing sync.Once
	closed  error
}

// Start founds a cluster in Options.Dir, or starts the one that is there again,
// and returns when it can take work: all nodes ready, the three principals
// admitted, the bureau's key made. Close ends it.
func Start(ctx context.Context, o Options) (c *Cluster, err error) {
	if o, err = o.checked(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("find the cluster's directory: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the cluster's directory: %w", err)
	}
	c = &Cluster{opts: o, layout: layout{dir}, nodes: map[string]*process{}}
	if c.unlock, err = lockFile(c.layout.lock()); err != nil {
		return nil, err
	}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Bounds of a cluster's size. The threshold is at least the same.
const (
	MinNodes = 2
	MaxNodes = 16
)

func (o Options) checked() (Options, error) {
	o.Nodes, o.Threshold = cmp.Or(o.Nodes, 3), cmp.Or(o.Threshold, 2)
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if o.Spawn == nil {
		o.Spawn = func(_ string, start func() error) error { return start() }
	}
	if len(o.Hosts) == 0 {
		o.Hosts = slices.Repeat([]string{"127.0.0.1"}, o.Nodes)
	}
	switch {
	case len(o.Hosts) != o.Nodes:
		return o, fmt.Errorf("dev cluster: option Hosts: %d for %d nodes", len(o.Hosts), o.Nodes)
	case o.Dir == "":
		return o, errors.New("dev cluster: option Dir: a directory is needed")
	case len(o.Command) == 0:
		return o, errors.New("dev cluster: option Command: the weir binary is needed")
	case o.Nodes < MinNodes || o.Nodes > MaxNodes:
		return o, fmt.Errorf("dev cluster: option Nodes: %d, want %d to %d", o.Nodes, MinNodes, MaxNodes)
	case o.Threshold < MinNodes || o.Threshold > o.Nodes:
		return o, fmt.Errorf("dev cluster: option Threshold: %d, want %d to %d", o.Threshold, MinNodes, o.Nodes)
	}
	return o, nil
}

func (c *Cluster) start(ctx context.Context) (err error) {
	if err := os.Remove(c.layout.ready()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the old ready.json: %w", err)
	}
	c.genesis, err = founding.ReadGenesis(c.layout.genesis())
	if c.again = err == nil; errors.Is(err, fs.ErrNotExist) {
		c.opts.Progress("founding a cluster in " + c.layout.dir)
		c.genesis, err = c.layout.found(ctx, c.opts.Hosts, c.opts.Threshold)
	}
	if err != nil {
		return err
	}
	if c.body, err = c.genesis.Body(); err != nil {
		return err
	}
	c.profile = client.Pin(c.genesis.Cluster(), c.body)
	what := fmt.Sprintf("starting %d nodes", len(c.body.Nodes))
	if c.again {
		what = fmt.Sprintf("starting the %d nodes of the cluster in %s again", len(c.body.Nodes), c.layout.dir)
	}
	c.opts.Progress(what)
	for _, n := range c.body.Nodes {
		if err := c.StartNode(n.ID); err != nil {
			return err
		}
	}
	if err := c.AwaitReady(ctx); err != nil {
		return err
	}
	if err := c.admit(ctx); err != nil {
		return err
	}
	return c.profile.Save(c.layout.ready())
}

// StartNode starts a node that does not run. flags are appended to its command line.
func (c *Cluster) StartNode(id string, flags ...string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.nodes[id]; p != nil && !p.gone() {
		return fmt.Errorf("node %s runs already", id)
	}
	command := slices.Concat(c.opts.Command, []string{"node", "start", "--id", id, "--dir", c.layout.node(id),
		"--seal-key-file", c.layout.sealKey(id), "--genesis", c.layout.genesis(), "--stop-with-stdin"}, c.opts.NodeFlags, flags)
	var p *process
	err := c.opts.Spawn(id, func() (err error) {
		p, err = startProcess(command, c.layout.log(id), c.layout.pid(id))
		return err
	})
	if err != nil {
		return fmt.Errorf("node %s: %w", id, err)
	}
	c.nodes[id] = p
	return nil
}

// process is a node's, the last one where it runs no longer.
func (c *Cluster) process(id string) (*process, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.nodes[id]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("node %s does not run", id)
}

// Kill ends a node with SIGKILL and returns when it is gone.
func (c *Cluster) Kill(id string) error {
	p, err := c.process(id)
	if err != nil {
		return err
	}
	p.kill()
	<-p.done
	return nil
}

// Signal sends a node's process a signal, and returns at once.
func (c *Cluster) Signal(id string, s os.Signal) error {
	p, err := c.process(id)
	if err != nil {
		return err
	}
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("signal node %s: %w", id, err)
	}
	return nil
}

// Exited returns the ids of nodes whose process is gone, with how it ended.
func (c *Cluster) Exited() map[string]error {
	c.mu.Lock()
	defer c.mu.Unlock()
	gone := map[string]error{}
	for id, p := range c.nodes {
		if p.gone() {
			gone[id] = p.err
		}
	}
	return gone
}

// AwaitReady returns when every node that runs says that it is ready, or fails
// with what they wait for.
func (c *Cluster) AwaitReady(ctx context.Context) error {
	c.opts.Progress("waiting for the nodes")
	told, start := "", time.Now()
	for {
		reasons, err := c.notReady(ctx)
		if err != nil {
			return err
		}
		if len(reasons) == 0 {
			return nil
		}
		if why := strings.Join(reasons, "; "); why != told && time.Since(start) > patience {
			c.opts.Progress("still waiting: " + why)
			told = why
		}
		if err := client.Pause(ctx, pollEvery); err != nil {
			return fmt.Errorf("the cluster is not ready: %s: %w", strings.Join(reasons, "; "), err)
		}
	}
}

// notReady asks every node that runs why it is not ready. A node that is gone
// is an error.
func (c *Cluster) notReady(ctx context.Context) (reasons []string, err error) {
	gone := c.Exited()
	profile := c.Profile()
	for _, n := range profile.Nodes {
		if exit, ok := gone[n.ID]; ok {
			return nil, fmt.Errorf("node %s ended while the cluster started (%w); its log is %s", n.ID, exit, c.layout.log(n.ID))
		}
		one := profile
		one.Addr, one.Nodes = n.Addr, []client.ProfileNode{n}
		cl, err := client.New(one, nil, client.Options{})
		if err != nil {
			return nil, err
		}
		rctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		r, err := cl.Ready(rctx)
		cancel()
		cl.Close()
		if err != nil {
			reasons = append(reasons, fmt.Sprintf("%s: %v", n.ID, err))
		} else if !r.Ready {
			reasons = append(reasons, n.ID+": "+strings.Join(r.Reasons, ", "))
		}
	}
	return reasons, nil
}

// admit admits the bureau and the buyer and waits for the bureau's key.
func (c *Cluster) admit(ctx context.Context) error {
	operator, err := c.clientWith(Operator, client.Options{Patience: admitPatience})
	if err != nil {
		return err
	}
	defer operator.Close()
	known, err := client.Principals.All(ctx, operator)
	if err != nil {
		return fmt.Errorf("list the principals: %w", err)
	}
	admitted := func(id string) bool {
		return slices.ContainsFunc(known, func(p catalog.Principal) bool { return p.ID == id })
	}
	for _, p := range []struct {
		name string
		role catalog.Role
	}{{Bureau, catalog.RolePublisher}, {Buyer, catalog.RoleBuyer}} {
		k, err := client.LoadKey(c.layout.key(p.name))
		if err != nil {
			return err
		}
		if admitted(k.ID()) {
			continue
		}
		if _, err := govern.AddPrincipal(ctx, operator, k.Public(), p.role); err != nil {
			return fmt.Errorf("admit the %s: %w", p.name, err)
		}
	}
	bureau, err := client.LoadKey(c.layout.key(Bureau))
	if err != nil {
		return err
	}
	if !admitted(bureau.ID()) {
		c.opts.Progress("making the bureau's collective key")
	}
	if _, err := operator.ReadyKey(ctx, bureau.ID()); err != nil {
		return fmt.Errorf("the bureau's key: %w", err)
	}
	return nil
}

// Again reports whether the cluster was there before it was started.
func (c *Cluster) Again() bool { return c.again }

// Client returns a client with the key of Bureau, Buyer or Operator.
func (c *Cluster) Client(principal string) (*client.Client, error) {
	return c.clientWith(principal, client.Options{})
}

func (c *Cluster) clientWith(principal string, o client.Options) (*client.Client, error) {
	k, err := client.LoadKey(c.layout.key(principal))
	if err != nil {
		return nil, err
	}
	return client.New(c.Profile(), k, o)
}

// Profile pins the cluster, with the machines that are in its seats now.
func (c *Cluster) Profile() client.Profile {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.profile
}

// SealKey is the file of the key that seals a node's secrets.
func (c *Cluster) SealKey(id string) string { return c.layout.sealKey(id) }

// NodeDir is a node's directory.
func (c *Cluster) NodeDir(id string) string { return c.layout.node(id) }

// Log is the file of a node's log.
func (c *Cluster) Log(id string) string { return c.layout.log(id) }

// PID is the process id of a node, the last one where it runs no longer; 0: it never ran.
func (c *Cluster) PID(id string) int {
	p, err := c.process(id)
	if err != nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// IDs are the nodes' ids in the order of their points.
func (c *Cluster) IDs() []string {
	ids := make([]string, len(c.body.Nodes))
	for i, n := range c.body.Nodes {
		ids[i] = n.ID
	}
	return ids
}

// Close stops all nodes at once and gives the directory free. It may be called
// more than once.
func (c *Cluster) Close() error {
	c.closing.Do(func() { c.closed = c.close() })
	return c.closed
}

func (c *Cluster) close() error {
	c.mu.Lock()
	nodes := slices.Collect(maps.Values(c.nodes))
	c.mu.Unlock()
	errs := make([]error, len(nodes))
	var stopping sync.WaitGroup
	for i, p := range nodes {
		stopping.Go(func() { errs[i] = p.stop() })
	}
	stopping.Wait()
	err := errors.Join(errs...)
	if e := os.Remove(c.layout.ready()); e != nil && !errors.Is(e, fs.ErrNotExist) {
		err = errors.Join(err, e)
	}
	return errors.Join(err, c.unlock())
}
