package node

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// dutyEvent is a fault, or something that people do.
type dutyEvent struct {
	at, long time.Duration
	name     string
	draw     uint64
	do       func(*duties, context.Context, dutyEvent, *rand.Rand)
}

const (
	dutyFaults  = 16 * time.Second // in which faults begin
	dutyPatient = 4 * time.Minute  // in which all has to be done once the faults are over
)

// schedule draws the events of a schedule. Half of the faults come while something that was asked for is under way.
func (s *duties) schedule() (events []dutyEvent) {
	rng := rand.New(rand.NewPCG(s.seed, 3))
	add := func(at time.Duration, name string, do func(*duties, context.Context, dutyEvent, *rand.Rand)) {
		events = append(events, dutyEvent{
			at: at, long: 300*time.Millisecond + time.Duration(rng.Int64N(int64(8*time.Second))), name: name, draw: rng.Uint64(), do: do,
		})
	}
	some := func() time.Duration { return 3*time.Second + time.Duration(rng.Int64N(int64(dutyFaults))) }
	for range 3 + rng.IntN(4) {
		add(some(), "query", (*duties).asks)
	}
	for range rng.IntN(3) {
		add(some(), "refresh", (*duties).refreshes)
	}
	if rng.IntN(4) == 0 {
		add(some(), "append", (*duties).appends)
	}
	for range rng.IntN(3) {
		add(some(), "move", (*duties).movesVectors)
	}
	for range max(0, rng.IntN(4)-1) {
		add(some(), "replace", (*duties).replaces)
	}
	acts := len(events)
	for range 2 + rng.IntN(5) {
		at := some()
		if rng.IntN(2) == 0 {
			at = events[rng.IntN(acts)].at + time.Duration(rng.Int64N(int64(time.Second)))
		}
		switch rng.IntN(9) {
		case 0, 1, 2:
			add(at, "crash", (*duties).fails)
		case 3, 4:
			add(at, "take the lead", (*duties).deposes)
		case 5:
			add(at, "isolate", (*duties).isolates)
		case 6, 7:
			add(at, "cut", (*duties).cuts)
		case 8:
			add(at, "lag", (*duties).lags)
		}
	}
	slices.SortStableFunc(events, func(a, b dutyEvent) int { return int(a.at - b.at) })
	return events
}

func (s *duties) fails(_ context.Context, e dutyEvent, rng *rand.Rand) {
	id := s.world.ids()[rng.IntN(3)]
	s.Note("crash %s", id)
	s.crash(id, rng)
	time.Sleep(e.long)
	s.Note("start %s", id)
	s.open(id)
}

func (s *duties) deposes(context.Context, dutyEvent, *rand.Rand) {
	s.Note("nobody leads")
	s.ledger.lead("")
}

func (s *duties) isolates(_ context.Context, e dutyEvent, rng *rand.Rand) {
	id := s.world.ids()[rng.IntN(3)]
	s.Note("%s is alone", id)
	var heal []func()
	for _, other := range s.world.ids() {
		if other != id {
			heal = append(heal, s.net.block(id, other))
		}
	}
	time.Sleep(e.long)
	s.Note("%s is back", id)
	for _, h := range heal {
		h()
	}
}

func (s *duties) cuts(_ context.Context, e dutyEvent, rng *rand.Rand) {
	ids := s.world.ids()
	a := rng.IntN(3)
	b := (a + 1 + rng.IntN(2)) % 3
	s.Note("%s and %s do not hear each other", ids[a], ids[b])
	heal := s.net.block(ids[a], ids[b])
	time.Sleep(e.long)
	heal()
}

// lags has a node hear of entries late, as one whose disk is slow, while it answers the others.
func (s *duties) lags(_ context.Context, e dutyEvent, rng *rand.Rand) {
	id := s.world.ids()[rng.IntN(3)]
	s.Note("%s lags", id)
	s.ledger.lag(id, 1)
	time.Sleep(e.long)
	s.ledger.lag(id, -1)
	s.Note("%s catches up", id)
}
