package consensus

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// simEvent is a fault, or something that an operator does.
type simEvent struct {
	at   time.Duration
	name string
	on   int    // which node: of the roster, or whoever leads
	draw uint64 // what else there is to draw
	long time.Duration
	do   func(*simulation, simEvent)
}

func (e simEvent) String() string { return fmt.Sprint(e.at, e.name, e.on, e.draw, e.long) }

// simFaults are what happens in schedules, each as often as its weight says.
var simFaults = []struct {
	name   string
	weight int
	do     func(*simulation, simEvent)
}{
	{"crash", 6, (*simulation).crashes},
	{"partition", 4, (*simulation).partition},
	{"one way", 3, (*simulation).oneWay},
	{"pause", 3, (*simulation).pauses},
	{"transfer", 2, (*simulation).transfer},
	{"snapshot", 1, (*simulation).snapshots},
	{"lose", 1, (*simulation).loses},
	{"put back", 1, (*simulation).putsBack},
	{"grow", 1, (*simulation).grow},
	{"replace", 1, (*simulation).replace},
}

// schedule draws the events of a schedule.
func (s *simulation) schedule() (events []simEvent) {
	rng := rand.New(rand.NewPCG(s.seed, 3))
	var all []int
	for i, f := range simFaults {
		for range f.weight {
			all = append(all, i)
		}
	}
	length := 15 * simHeartbeat
	for range 3 + rng.IntN(6) {
		f := simFaults[all[rng.IntN(len(all))]]
		events = append(events, simEvent{
			at: 2*simHeartbeat + time.Duration(rng.Int64N(int64(length))), name: f.name, on: rng.IntN(5), draw: rng.Uint64(),
			long: simHeartbeat/4 + time.Duration(rng.Int64N(int64(6*simHeartbeat))), do: f.do,
		})
	}
	slices.SortFunc(events, func(a, b simEvent) int { return int(a.at - b.at) })
	return events
}

func (e simEvent) rng() *rand.Rand { return rand.New(rand.NewPCG(e.draw, 4)) }

// target is the node that an event is about: every other time the one that leads. "" where there is none.
func (s *simulation) target(e simEvent) string {
	nodes := s.up()
	if len(nodes) == 0 {
		return ""
	}
	if e.draw%2 == 0 {
		for _, n := range nodes {
			if n.ledger.IsLeader() {
				return n.id
			}
		}
	}
	return nodes[e.on%len(nodes)].id
}

func (s *simulation) crashes(e simEvent) {
	id, rng := s.target(e), e.rng()
	if id == "" {
		return
	}
	s.Note("crash %s", id)
	s.crash(id, rng, func(n *simNode) *simDisk { return n.disk.image(rng) })
	time.Sleep(e.long)
	s.Note("start %s", id)
	s.open(id)
}

func (s *simulation) partition(e simEvent) {
	rng := e.rng()
	var sides [2][]string
	for i := range 5 {
		side := rng.IntN(2)
		sides[side] = append(sides[side], fmt.Sprintf("n%d", i+1))
	}
	s.Note("partition %v", sides)
	var heal []func()
	for _, a := range sides[0] {
		for _, b := range sides[1] {
			heal = append(heal, s.net.block(a, b), s.net.block(b, a))
		}
	}
	time.Sleep(e.long)
	s.Note("heal %v", sides)
	for _, h := range heal {
		h()
	}
}

func (s *simulation) oneWay(e simEvent) {
	id := s.target(e)
	rng := e.rng()
	in := rng.IntN(2) == 0
	s.Note("one way: %s, in %t", id, in)
	var heal []func()
	for i := range 5 {
		if other := fmt.Sprintf("n%d", i+1); other != id && rng.IntN(3) > 0 {
			if in {
				heal = append(heal, s.net.block(other, id))
			} else {
				heal = append(heal, s.net.block(id, other))
			}
		}
	}
	time.Sleep(e.long)
	for _, h := range heal {
		h()
	}
}

// pauses keeps everything from and to a machine back, as if it stood still.
func (s *simulation) pauses(e simEvent) {
	id := s.target(e)
	s.Note("pause %s", id)
	var heal []func()
	for i := range 5 {
		if other := fmt.Sprintf("n%d", i+1); other != id {
			heal = append(heal, s.net.block(other, id), s.net.block(id, other))
		}
	}
	time.Sleep(e.long)
	for _, h := range heal {
		h()
	}
}

func (s *simulation) transfer(simEvent) {
	for _, n := range s.up() {
		if n.ledger.IsLeader() {
			s.Note("transfer from %s", n.id)
			_ = n.ledger.TransferLeadership(context.Background(), "") // it may fail
		}
	}
}

func (s *simulation) snapshots(simEvent) {
	for _, n := range s.up() {
		_ = n.ledger.Snapshot(context.Background()) // it may fail
	}
}

// mayLose reports whether a node's ledger may be lost: that of one voter at a time may.
func (s *simulation) mayLose(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.nodes {
		if n.lost && n.ledger != nil && n.ledger.MayVote() == nil {
			n.lost = false
		}
		if n.lost {
			return false
		}
	}
	if !slices.Contains(s.roster, id) || s.nodes[id].ledger == nil || s.nodes[id].ledger.MayVote() != nil {
		return false
	}
	s.nodes[id].lost = true
	return true
}

func (s *simulation) loses(e simEvent) {
	id := s.target(e)
	if !s.mayLose(id) {
		return
	}
	s.Note("%s loses its ledger", id)
	s.crash(id, e.rng(), func(n *simNode) *simDisk {
		d := n.disk.wiped()
		if s.planted.noRecord {
			d.record = nil
		}
		return d
	})
	time.Sleep(e.long)
	s.Note("start %s", id)
	s.open(id)
}

func (s *simulation) putsBack(e simEvent) {
	id, rng := s.target(e), e.rng()
	if !s.mayLose(id) {
		return
	}
	s.Note("an older copy of the ledger of %s is put back", id)
	s.crash(id, rng, func(n *simNode) *simDisk { return n.previous.older(n.disk, rng) })
	time.Sleep(e.long)
	s.Note("start %s", id)
	s.open(id)
}

// grow seats another node.
func (s *simulation) grow(simEvent) {
	s.mu.Lock()
	id := fmt.Sprintf("n%d", len(s.roster)+1)
	if len(s.roster) >= 5 || slices.Contains(s.roster, id) {
		s.mu.Unlock()
		return
	}
	s.roster = append(slices.Clone(s.roster), id)
	s.mu.Unlock()
	s.Note("%s joins", id)
	s.open(id)
}

// replace has a node leave, and one that was not there yet take its place.
func (s *simulation) replace(e simEvent) {
	s.mu.Lock()
	leaves := s.roster[e.on%len(s.roster)]
	joins := ""
	for i := range 5 {
		if id := fmt.Sprintf("n%d", i+1); !slices.Contains(s.roster, id) && s.nodes[id].run == 0 {
			joins = id
			break
		}
	}
	if joins == "" {
		s.mu.Unlock()
		return
	}
	s.roster = append(slices.DeleteFunc(slices.Clone(s.roster), func(id string) bool { return id == leaves }), joins)
	s.mu.Unlock()
	s.Note("%s leaves, %s joins", leaves, joins)
	s.open(joins)
}

// followRoster does what the leader of a cluster does to have the ledger's members follow the
// roster (leadSeats of package node): one step at a time, of the configuration that it looked at.
func (s *simulation) followRoster(ctx context.Context) {
	s.eachTick(ctx, simHeartbeat, func(n *simNode) {
		now, known := n.ledger.Configuration()
		if !known {
			return
		}
		s.mu.Lock()
		roster := slices.Clone(s.roster)
		s.mu.Unlock()
		if err := followOnce(ctx, n, now, roster); err != nil {
			s.Log.Info("a change of members failed", "error", err)
		}
	})
}

func followOnce(ctx context.Context, n *simNode, now Configuration, roster []string) error {
	for _, id := range roster {
		if _, member := now.Votes[id]; !member {
			return n.ledger.AddNonvoter(ctx, Member{ID: id, Addr: simAddr(id)}, now.Index)
		}
	}
	for _, id := range roster {
		if !now.Votes[id] {
			return nil // it catches up
		}
	}
	for _, id := range slices.Sorted(maps.Keys(now.Votes)) {
		switch {
		case slices.Contains(roster, id):
		case now.Votes[id] && id == n.id:
			return n.ledger.TransferLeadership(ctx, "")
		case now.Votes[id]:
			return n.ledger.Demote(ctx, id, now.Index)
		default:
			return n.ledger.RemoveServer(ctx, id, now.Index)
		}
	}
	return nil
}
