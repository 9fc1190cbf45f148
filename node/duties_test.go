package node

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus/schedules"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/founding"
)

// duties is a cluster of nodes in a bubble of package synctest: the reconciler, the leader's decisions,
// the monitor, the ways into the ledger, the computations of package mpc, the state machine and all
// cryptography are the product's. The log, the connections between nodes and the disks are simulated,
// and so is the clock. A schedule of faults and of acts follows from a seed.
type duties struct {
	*schedules.Story
	t       *testing.T
	world   *dutyWorld
	seed    uint64
	planted dutyBug
	ledger  *dutyLedger
	net     *dutyNet
	began   time.Time     // what the nodes' clocks say then
	attempt time.Duration // that one may take

	mu       sync.Mutex
	machines map[string]dutyMachine // in the seats
	runs     map[string]*dutyRun    // those that are up
	applied  map[string]uint64      // of those that are down
	skew     map[string]time.Duration
	asked    []dutyAsked
	given    map[string]string          // what a node gave in one place of an attempt
	epochs   map[string]uint64          // in force, by key
	sharings map[string]uint64          // in force, by vector: the move that made it
	moves    map[uint64]resharing.State // of moves, as it was last
	zombies  sync.WaitGroup
	crashes  uint64
	opening  sync.Mutex // one node at a time
	over     bool       // no node is opened any more
	stay     bool       // nodes stay with the rosters that they were opened with

	moved, stuck, replaced int // see dutyCounts
}

// dutyRun is a run of a node's process.
type dutyRun struct {
	id    string
	node  *Node
	part  *dutyPart
	store *dutyStore
}

// dutyCounts say what happened in schedules.
type dutyCounts struct {
	answered, private, repeats, failed int // queries
	attempts                           int // of queries that failed
	epochs, refreshes                  int // that came into force, and attempts to make them that failed
	moved, stuck                       int // moves of vectors that came into force, and that failed
	machines                           int // that were replaced
	canaries, versions                 int // that were opened, and that became live
}

func (c *dutyCounts) add(d dutyCounts) {
	c.answered, c.private, c.repeats, c.failed, c.attempts = c.answered+d.answered, c.private+d.private, c.repeats+d.repeats, c.failed+d.failed, c.attempts+d.attempts
	c.epochs, c.refreshes, c.canaries, c.versions = c.epochs+d.epochs, c.refreshes+d.refreshes, c.canaries+d.canaries, c.versions+d.versions
	c.moved, c.stuck, c.machines = c.moved+d.moved, c.stuck+d.stuck, c.machines+d.machines
}

// dutyResult is what became of a schedule.
type dutyResult struct {
	schedules.Result
	dutyCounts
}

// simulateDuties runs a schedule.
func simulateDuties(t *testing.T, seed uint64, bug dutyBug) (r dutyResult) {
	t.Helper()
	w := makeDutyWorld(t)
	synctest.Test(t, func(t *testing.T) {
		s := newDuties(t, w, seed, bug)
		s.run(&r)
		r.Result = s.Result()
	})
	return r
}

func newDuties(t *testing.T, w *dutyWorld, seed uint64, bug dutyBug) *duties {
	rng := rand.New(rand.NewPCG(seed, 1))
	s := &duties{
		Story: schedules.Begin(t, fmt.Sprintf("duties-%d.log", seed)), t: t, world: w, seed: seed, planted: bug,
		ledger: newDutyLedger(w, seed), net: newDutyNet(seed, rng), began: w.now.Add(time.Hour),
		machines: map[string]dutyMachine{}, runs: map[string]*dutyRun{}, applied: map[string]uint64{}, skew: map[string]time.Duration{},
		given: map[string]string{}, epochs: map[string]uint64{}, sharings: map[string]uint64{}, moves: map[uint64]resharing.State{},
	}
	s.net.violation = s.Violation
	s.attempt = []time.Duration{2 * time.Second, 4 * time.Second, 15 * time.Second}[rng.IntN(3)]
	if rng.IntN(3) == 0 { // the shares are tried soon
		err := s.ledger.newest(func(v state.View) error {
			k, err := v.Keys().Get(w.key)
			s.began = time.UnixMilli(resharing.SharedAt(k) + resharing.CanaryEvery - rng.Int64N(15_000))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range w.members.Nodes {
		id := n.ID
		s.machines[id] = dutyMachine{
			signing: w.signing[id], store: newDutyStore(maps.Clone(w.secrets[id]), maps.Clone(w.blobs[id])), members: w.members,
		}
		s.applied[id] = w.size
		s.skew[id] = time.Duration(rng.Int64N(2000)-1000) * time.Millisecond
	}
	s.ledger.entry = s.sawEntry
	if bug.hasty {
		s.ledger.also = s.hastyHold
	}
	return s
}

// clock is a node's.
func (s *duties) clock(id string) func() time.Time {
	return func() time.Time { return s.began.Add(s.skew[id] + time.Since(s.Start)) }
}

// open starts a node.
func (s *duties) open(id string) {
	s.opening.Lock()
	defer s.opening.Unlock()
	s.mu.Lock()
	up, applied, m := s.runs[id] != nil, s.applied[id], s.machines[id]
	s.crashes++
	run, over := s.crashes, s.over
	s.mu.Unlock()
	if up || m.away || over {
		return
	}
	w := s.world
	opts, err := Options{
		Dir: "simulated", SealKeyFile: "simulated", ID: id, Genesis: founding.Genesis{Envelope: catalog.Envelope{Payload: []byte("simulated")}},
		Logger: slog.New(givenHandler{s.Log.Handler(), s, id}), Clock: s.clock(id), Tick: time.Second, PingEvery: time.Second, PingTimeout: 2 * time.Second,
		AttemptTimeout: s.attempt, CeremonyTimeout: 8 * time.Second, Workers: 1,
		shuffle: rand.New(rand.NewPCG(s.seed, 100+run)).Shuffle,
	}.validate()
	if err != nil {
		panic(err) // they are this test's
	}
	lost := rand.New(rand.NewPCG(s.seed, 1000+run)).Uint64N(4)
	part := s.ledger.part(id, applied, max(s.world.size, applied-min(applied, lost)), func(other string) bool { return s.net.reaches(id, other) })
	r := &dutyRun{id: id, part: part, store: m.store}
	ctx, stop := context.WithCancel(context.Background())
	c := &core{
		opts: opts, log: opts.Logger, id: id, run: newNonce(), machine: s.ledger.machine, woken: make(chan struct{}, 1), life: ctx,
		cluster: w.members.ID, founders: w.members.Nodes, members: m.members, roster: roster.All(m.members), point: m.members.Roster().Point(id),
		params: w.params, products: w.products, signing: m.signing, ledger: part, votes: part.votes, peers: dutyPeers{s.net, r},
		secrets: dutySecrets{m.store, part, s.planted, s.misreads()},
	}
	c.self, c.health = c.roster[c.point-1], newHealth(id, c.run)
	n := newNode(c)
	n.stop, r.node = stop, n
	n.openVersions(dutyDisk{m.store, part}, nil)
	if err := n.openComputations(); err != nil {
		s.Violation("%s does not start: %v", id, err)
	}
	s.zombies.Go(part.follow)
	n.loops.Go(func() { n.reconciler.run(ctx) })
	for _, m := range n.roster {
		if m.ID != id {
			n.loops.Go(func() { n.monitor.watch(ctx, m) })
		}
	}
	s.net.mu.Lock()
	s.net.nodes[id] = r
	s.net.mu.Unlock()
	s.mu.Lock()
	s.runs[id] = r
	s.mu.Unlock()
	s.zombies.Go(func() { s.followsRoster(r) })
}

// crash kills a node.
func (s *duties) crash(id string, rng *rand.Rand) {
	s.mu.Lock()
	r, store := s.runs[id], s.machines[id].store
	s.mu.Unlock()
	if s.stop(r) {
		store.crash(rng)
	}
}

// stop ends a run, unless that was done.
func (s *duties) stop(r *dutyRun) bool {
	s.mu.Lock()
	runs := r != nil && s.runs[r.id] == r
	if runs {
		delete(s.runs, r.id)
	}
	s.mu.Unlock()
	if !runs {
		return false
	}
	s.net.mu.Lock()
	delete(s.net.nodes, r.id)
	s.net.mu.Unlock()
	r.part.die()
	applied := max(r.part.NextSeq(), r.part.before)
	s.mu.Lock()
	s.applied[r.id] = applied
	s.mu.Unlock()
	s.zombies.Go(func() { s.end(r) })
	return true
}

// end ends a process.
func (s *duties) end(r *dutyRun) {
	if err := r.node.Close(); err != nil {
		s.Violation("closing %s: %v", r.id, err)
	}
}

// up are the nodes that run, by name.
func (s *duties) up() (list []*dutyRun) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.runs)) {
		list = append(list, s.runs[id])
	}
	return list
}

// quorate reports whether a node runs and reaches another one.
func (s *duties) quorate(id string) bool {
	return s.net.reaches(id, id) && s.mayVote(id) && slices.ContainsFunc(s.world.ids(), func(other string) bool { return other != id && s.net.reaches(id, other) })
}

// elect keeps one node leading, of those that may, until ctx ends.
func (s *duties) elect(ctx context.Context) {
	rng := rand.New(rand.NewPCG(s.seed, 2))
	vacant := 0 // ticks until somebody leads
	for client.Pause(ctx, 200*time.Millisecond) == nil {
		s.ledger.mu.Lock()
		leader := s.ledger.leader
		s.ledger.mu.Unlock()
		switch {
		case leader != "" && s.quorate(leader):
			vacant = rng.IntN(8)
		case leader != "" && vacant > 0, leader == "" && vacant > 0:
			vacant--
		case leader != "":
			s.ledger.lead("")
			vacant = rng.IntN(8)
		default:
			ids := slices.DeleteFunc(s.world.ids(), func(id string) bool { return !s.quorate(id) })
			if len(ids) > 0 {
				id := ids[rng.IntN(len(ids))]
				s.Note("%s leads", id)
				s.ledger.lead(id)
			}
		}
	}
}

// run carries a schedule out and checks what must hold.
func (s *duties) run(r *dutyResult) {
	events := s.schedule()
	ctx, cancel := context.WithCancel(context.Background())
	for _, id := range s.world.ids() {
		s.open(id)
	}
	var work, busy sync.WaitGroup
	work.Go(func() { s.elect(ctx) })
	limit, over := context.WithTimeout(ctx, 3*time.Second+2*dutyFaults+dutyPatient)
	for i, e := range events {
		busy.Go(func() {
			time.Sleep(e.at)
			e.do(s, limit, e, rand.New(rand.NewPCG(e.draw, uint64(i)))) //nolint:gosec // a small number
		})
	}
	time.Sleep(3*time.Second + dutyFaults + 9*time.Second)
	s.Note("calm")
	s.ledger.mu.Lock()
	s.ledger.calm = true
	s.ledger.mu.Unlock()
	s.net.mu.Lock()
	s.net.calm = true
	s.net.mu.Unlock()
	busy.Wait()
	over()
	s.await()
	s.check(r)
	cancel()
	work.Wait()
	s.opening.Lock() // nobody opens one now
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.opening.Unlock()
	for _, x := range s.up() {
		s.crash(x.id, rand.New(rand.NewPCG(s.seed, 4)))
	}
	s.net.late.Wait()
	s.zombies.Wait()
}
