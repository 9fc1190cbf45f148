package consensus

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus/schedules"
	"github.com/weirdata/weir/consensus/statesum"
)

// A simulation is a cluster of ledgers in a bubble of package synctest: raft, raft-wal, the FSM,
// snapshots, membership, incarnations, the handshake and the state machine of package state are the
// product's. The network, the files and the pairs of the state are simulated, and so is the clock. A
// schedule of faults follows from a seed. See doc.go, "Simulation".
type simulation struct {
	*schedules.Story
	seed    uint64
	planted planted
	net     *simNet
	world   *simWorld
	clock   atomic.Int64 // orders the beginnings and ends of operations

	mu       sync.Mutex
	nodes    map[string]*simNode
	roster   []string              // who is to have a vote
	applied  map[uint64]simApplied // by sequence number: what the first node that applied it says
	acked    map[uint64][32]byte   // the entries of acknowledged proposals
	leaders  map[uint64]string     // by term
	history  [simContracts + 1][]porcupine.Operation
	numbers  [simContracts + 1]map[catalog.Digest]int // of queries, by their envelope
	unknown  []simQuery                               // queries whose outcome nobody heard
	zombies  sync.WaitGroup                           // processes that crashed and do not know it
	restarts int
}

// planted are bugs that a test plants, to see them found. None needs a hook in the product: they are in
// the simulated storage, in a state machine around the product's, and in what is left of a lost ledger.
type planted struct {
	storage storageFaults
	// outside has the state machine charge a budget that it keeps in the memory of the process.
	outside bool
	// noRecord loses the record of what a node had when its ledger is lost, so that the loss is not noticed.
	noRecord bool
}

// simNode is a machine.
type simNode struct {
	id       string
	disk     *simDisk
	previous *simDisk // as it was when the present run began
	run      int
	ledger   *Ledger // nil: it is down
	rate     float64 // of its clock
	skew     int64   // of its clock, in milliseconds
	lost     bool    // its ledger was lost and it has no vote again yet
}

type simApplied struct {
	node           string
	entry, outcome [32]byte
}

type simQuery struct {
	contract, number int
	envelope         catalog.Envelope
}

// simHeartbeat is what the other times of a schedule are multiples of.
const simHeartbeat = 300 * time.Millisecond

// simResult is what became of a schedule.
type simResult struct {
	schedules.Result
	plan    uint64 // a hash of what was to happen
	entries int
	history int
}

// simulate runs a schedule.
func simulate(t *testing.T, seed uint64, p planted) (r simResult) {
	t.Helper()
	world := makeSimWorld()
	synctest.Test(t, func(t *testing.T) {
		s := newSimulation(t, seed, world, p)
		r.plan = s.run()
		r.Result, r.entries = s.Result(), len(s.applied)
		for _, h := range s.history {
			r.history += len(h)
		}
	})
	return r
}

func newSimulation(t *testing.T, seed uint64, world *simWorld, p planted) *simulation {
	rng := rand.New(rand.NewPCG(seed, 1))
	s := &simulation{
		Story: schedules.Begin(t, fmt.Sprintf("%d.log", seed)), seed: seed, planted: p, net: newSimNet(seed, rng),
		world: world, nodes: map[string]*simNode{},
		roster: []string{"n1", "n2", "n3"}, applied: map[uint64]simApplied{}, acked: map[uint64][32]byte{}, leaders: map[uint64]string{},
	}
	for i := range s.numbers {
		s.numbers[i] = map[catalog.Digest]int{}
	}
	members := raft.Configuration{}
	for _, id := range s.roster {
		members.Servers = append(members.Servers, raft.Server{Suffrage: raft.Voter, ID: raft.ServerID(id), Address: raft.ServerAddress(simAddr(id))})
	}
	snap := world.snapshot(members)
	for i := range 5 {
		n := &simNode{id: fmt.Sprintf("n%d", i+1), disk: newSimDisk(), rate: 0.9 + 0.2*rng.Float64(), skew: rng.Int64N(20_000) - 10_000}
		n.disk.faults = p.storage
		if i < len(s.roster) { // a founder, which has the world
			n.disk.cur.list = world.disk.cur.list
			n.disk.snaps = []*simSnapshot{snap}
			n.disk.stable[string(keyCurrentTerm)] = binary.LittleEndian.AppendUint64(nil, 1) // as raft-wal writes it
			n.disk.files[idFile], n.disk.files[incarnationFile] = []byte(n.id), record{}.encode()
		}
		s.nodes[n.id] = n
	}
	return s
}

// snapshot is the world as a snapshot of raft's.
func (w *simWorld) snapshot(members raft.Configuration) *simSnapshot {
	var b bytes.Buffer
	if _, err := writeState(&b, w.disk.cur.Read(), 0); err != nil {
		panic(err)
	}
	return &simSnapshot{content: b.Bytes(), meta: raft.SnapshotMeta{
		Version: raft.SnapshotVersionMax, ID: "world", Index: w.applied, Term: 1, Configuration: members, ConfigurationIndex: 1, Size: int64(b.Len()),
	}}
}

func simAddr(id string) string { return id + ":1" }

// up are the nodes that run, by name.
func (s *simulation) up() (list []*simNode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.nodes)) {
		if n := s.nodes[id]; n.ledger != nil {
			list = append(list, &simNode{id: n.id, ledger: n.ledger, run: n.run, skew: n.skew})
		}
	}
	return list
}

// runs reports whether a node is still in the run that up returned.
func (s *simulation) runs(n *simNode) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.nodes[n.id]
	return now.ledger != nil && now.run == n.run
}

// open starts a machine.
func (s *simulation) open(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.nodes[id]
	if n.ledger != nil {
		return
	}
	n.previous = n.disk.image(rand.New(rand.NewPCG(s.seed, 2)))
	n.run++
	of := func(d time.Duration) time.Duration { return time.Duration(float64(d) * n.rate) }
	var members []Member
	for _, m := range []string{"n1", "n2", "n3"} {
		members = append(members, Member{ID: m, Addr: simAddr(m)})
	}
	var machine Machine = state.NewMachine()
	if s.planted.outside {
		machine = &outsideCharges{Machine: machine, world: s.world}
	}
	l, err := Open(Options{
		Dir: "simulated/" + id, ID: id, Members: members, Bootstrap: slices.ContainsFunc(members, func(m Member) bool { return m.ID == id }),
		Transport: s.net.listen(id, simAddr(id)), Memory: simRecord{n.disk}, Machine: &simMachine{Machine: machine, sim: s, node: id}, Logger: s.Log.With("node", id),
		Votes: s.mayVote, storage: n.disk, HeartbeatTimeout: of(simHeartbeat), ElectionTimeout: of(simHeartbeat), LeaderLeaseTimeout: of(simHeartbeat / 2),
		CommitTimeout: of(simHeartbeat / 6), NoQuorumTimeout: 8 * simHeartbeat, SnapshotThreshold: 8, SnapshotInterval: 3 * simHeartbeat, TrailingLogs: 6,
		MinFreeBytes: 1, Free: func(string) (uint64, error) { return 1 << 40, nil },
	})
	if err != nil {
		s.Violation("%s does not start: %v", id, err)
		return
	}
	n.ledger = l
}

func (s *simulation) mayVote(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.roster, id)
}

// crash stops a machine: what it has not synced is lost. Its process goes on in a world of its own.
func (s *simulation) crash(id string, rng *rand.Rand, become func(n *simNode) *simDisk) {
	silent := rng.IntN(2) == 0
	s.mu.Lock()
	n := s.nodes[id]
	l := n.ledger
	if l == nil {
		s.mu.Unlock()
		return
	}
	n.ledger = nil
	n.disk = become(n)
	s.restarts++
	s.mu.Unlock()
	s.net.drop(id, silent)
	s.zombies.Go(func() { s.end(id, l) })
}

// end closes a process.
func (s *simulation) end(id string, l *Ledger) {
	if err := l.Close(); err != nil && !errors.Is(err, ErrFault) {
		s.Violation("closing %s: %v", id, err)
	}
}

// simMachine tells the simulation what a node applies.
type simMachine struct {
	Machine
	sim  *simulation
	node string
}

// Apply implements Machine.
func (m *simMachine) Apply(tx records.Tx, seq uint64, entry []byte) ([]byte, error) {
	outcome, err := m.Machine.Apply(tx, seq, entry)
	now := simApplied{m.node, sha256.Sum256(entry), sha256.Sum256(outcome)}
	m.sim.mu.Lock()
	defer m.sim.mu.Unlock()
	first, known := m.sim.applied[seq]
	switch {
	case !known:
		m.sim.applied[seq] = now
	case first.entry != now.entry:
		m.sim.Violation("%s and %s have different entries at %d", first.node, m.node, seq)
	case first.outcome != now.outcome:
		m.sim.Violation("%s and %s answer entry %d differently", first.node, m.node, seq)
	}
	return outcome, err
}

// run carries a schedule out and checks what must hold. It returns a hash of the schedule.
func (s *simulation) run() uint64 {
	events := s.schedule()
	plan := fnv.New64a()
	_, _ = fmt.Fprint(plan, events)
	for _, id := range s.roster {
		s.open(id)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	var clients sync.WaitGroup
	calm, stopClients := context.WithCancel(ctx)
	for id := range 4 {
		clients.Go(func() { s.client(calm, id) })
	}
	work.Go(func() { s.watch(ctx) })
	work.Go(func() { s.followRoster(ctx) })
	var faults sync.WaitGroup
	for _, e := range events {
		faults.Go(func() {
			time.Sleep(e.at)
			e.do(s, e)
		})
	}
	faults.Wait()
	s.net.calmDown()
	s.restart()
	s.await()
	stopClients()
	clients.Wait()
	s.settle()
	cancel()
	work.Wait()
	s.checkHistory()
	for _, n := range s.up() {
		s.end(n.id, n.ledger)
	}
	s.zombies.Wait()
	s.net.close()
	return plan.Sum64()
}

// restart starts every machine that is down and has a place.
func (s *simulation) restart() {
	s.mu.Lock()
	roster := slices.Clone(s.roster)
	s.mu.Unlock()
	for _, id := range roster {
		s.open(id)
	}
}

// watch looks at who leads, and whether anybody stopped.
func (s *simulation) watch(ctx context.Context) {
	s.eachTick(ctx, simHeartbeat/10, func(n *simNode) {
		if errors.Is(n.ledger.Fault(), ErrReopen) { // as Run of package node does
			s.Note("open %s again", n.id)
			s.crash(n.id, rand.New(rand.NewPCG(s.seed, 5)), func(n *simNode) *simDisk { return n.disk.image(rand.New(rand.NewPCG(s.seed, 6))) })
			s.open(n.id)
			return
		}
		term := n.ledger.Term()
		leads := n.ledger.IsLeader()
		if !leads || n.ledger.Term() != term || !s.runs(n) {
			return
		}
		s.mu.Lock()
		as := fmt.Sprintf("%s in run %d", n.id, n.run)
		if other, known := s.leaders[term]; known && other != as {
			s.Violation("%s and %s lead in term %d", other, as, term)
		}
		s.leaders[term] = as
		s.mu.Unlock()
	})
}

// eachTick looks at every node that is up, again and again, until ctx ends.
func (s *simulation) eachTick(ctx context.Context, every time.Duration, look func(*simNode)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, n := range s.up() {
			look(n)
		}
	}
}

// patienceOfSimulation is how long a schedule may take to proceed once its faults are over.
const patienceOfSimulation = 200 * simHeartbeat

// await waits until the cluster has a leader, and everybody who is to have a vote has one and has
// what was committed.
func (s *simulation) await() {
	ctx, cancel := context.WithTimeout(context.Background(), patienceOfSimulation)
	defer cancel()
	why := ""
	for ctx.Err() == nil {
		if why = s.unsettled(ctx); why == "" {
			return
		}
		time.Sleep(simHeartbeat / 3)
	}
	s.Violation("after %s without a fault %s", patienceOfSimulation, why)
}

// unsettled says why the cluster is not whole.
func (s *simulation) unsettled(ctx context.Context) string {
	s.mu.Lock()
	roster := slices.Clone(s.roster)
	s.mu.Unlock()
	nodes := s.up()
	for _, n := range nodes {
		if err := n.ledger.Fault(); err != nil && !errors.Is(err, ErrReopen) {
			return fmt.Sprintf("%s has stopped: %v", n.id, err)
		}
	}
	for _, n := range nodes {
		index, err := n.ledger.ReadIndex(ctx)
		if err != nil {
			continue
		}
		votes := n.ledger.Votes()
		for id, v := range votes {
			if v && !slices.Contains(roster, id) {
				return id + " still has a vote"
			}
		}
		for _, id := range roster {
			if !votes[id] {
				return id + " has no vote"
			}
			i := slices.IndexFunc(nodes, func(n *simNode) bool { return n.id == id })
			if i < 0 {
				return id + " does not run"
			}
			if err := nodes[i].ledger.MayVote(); err != nil {
				return fmt.Sprintf("%s does not vote: %v", id, err)
			}
			short, cancel := context.WithTimeout(ctx, 4*simHeartbeat)
			err := nodes[i].ledger.WaitApplied(short, index)
			cancel()
			if err != nil {
				return fmt.Sprintf("%s: %v", id, err)
			}
		}
		return ""
	}
	return "nobody leads"
}

// settle compares all nodes when everybody has applied everything.
func (s *simulation) settle() {
	ctx, cancel := context.WithTimeout(context.Background(), patienceOfSimulation)
	defer cancel()
	nodes := s.up()
	var same []*simNode
	for _, n := range nodes {
		if err := n.ledger.Fault(); err != nil {
			s.Violation("%s has stopped: %v", n.id, err)
			return
		}
		if s.mayVote(n.id) {
			same = append(same, n)
		}
	}
	if len(s.Result().Wrong) > 0 || len(same) == 0 {
		return
	}
	// An entry whose proposer gave up may still be on its way.
	ends := s.ends(same)
	for now := s.ends(same); !slices.Equal(now, ends) || slices.ContainsFunc(ends, func(e simEnd) bool { return e.size != ends[0].size }); now = s.ends(same) {
		if ends = now; ctx.Err() != nil {
			break
		}
		time.Sleep(simHeartbeat)
	}
	for _, n := range same {
		s.checkAccounts(n)
	}
	for i, e := range ends {
		if e != ends[0] {
			s.Violation("%s and %s end differently: %+v, %+v", same[0].id, same[i].id, ends[0], e)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for seq, entry := range s.acked {
		if seq >= ends[0].size || s.applied[seq].entry != entry {
			s.Violation("entry %d of %d was acknowledged and is lost", seq, ends[0].size)
		}
	}
	s.Log.Info("settled", "entries", ends[0].size)
}

// simEnd is how far a node is, and what it amounts to.
type simEnd struct {
	size uint64
	root [32]byte
	sum  statesum.Sum
}

func (s *simulation) ends(nodes []*simNode) (ends []simEnd) {
	for _, n := range nodes {
		size, root, err := n.ledger.TreeHead()
		if err != nil {
			s.Violation("%s has no tree: %v", n.id, err)
		}
		ends = append(ends, simEnd{size, root, n.ledger.disk.state.currentDigest().Sum})
	}
	return ends
}

// checkAccounts compares what a node says was spent with the queries that it has, and adds the
// look to the history.
func (s *simulation) checkAccounts(n *simNode) {
	for contract := range s.history {
		call := s.clock.Add(1)
		a, err := s.look(n, contract)
		if err != nil {
			s.Violation("the account of contract %d at %s: %v", contract, n.id, err)
			return
		}
		if a.used != len(a.queries) || a.spent != fmt.Sprintf("%d.00", 10*len(a.queries)) && len(a.queries) > 0 {
			s.Violation("%s has %d queries of contract %d, and %d were counted, %s charged", n.id, len(a.queries), contract, a.used, a.spent)
		}
		s.saw(contract, 100, call, a)
	}
}

// look reads an account from a node's state, however old.
func (s *simulation) look(n *simNode, contract int) (a simAccount, err error) {
	err = n.ledger.View(func(r records.Reader) (err error) {
		a, err = s.world.account(r, state.NewMachine(), contract)
		return err
	})
	return a, err
}

// outsideCharges is a state machine that charges one contract in the memory of its process.
type outsideCharges struct {
	Machine
	world *simWorld
	used  int
}

// Apply implements Machine.
func (m *outsideCharges) Apply(tx records.Tx, seq uint64, entry []byte) ([]byte, error) {
	if m.used >= simQueries {
		return catalog.Encode(catalog.Outcome{Seq: seq, Refusal: catalog.Refuse(catalog.RefusedPolicy, simRefused, "contract.budget")}), nil
	}
	b, err := m.Machine.Apply(tx, seq, entry)
	if out, bad := simOutcome(b); err == nil && bad == nil && out.Refusal == nil && !out.Repeat {
		m.used++
	}
	return b, err
}

// describe is what to show of a schedule that went wrong.
func (r simResult) describe(seed uint64) string {
	return r.Describe(seed, "./consensus -run TestSimulation$")
}
