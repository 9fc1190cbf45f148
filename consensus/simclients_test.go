package consensus

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/weirdata/weir/catalog"
)

// accountInput is an operation on a contract: a query that is submitted, or a look at the account.
type accountInput struct {
	query bool
	bit   uint64 // of the query
}

// accountOutput is what came of it.
type accountOutput struct {
	accepted bool
	queries  uint64 // bits
}

// accounts is the sequential specification of a contract: a query is accepted, once, as long as the
// contract pays for it.
var accounts = porcupine.Model{
	Init: func() any { return uint64(0) },
	Step: func(state, input, output any) (bool, any) {
		have, in := state.(uint64), input.(accountInput)
		out, known := output.(accountOutput)
		switch {
		case !in.query:
			return out.queries == have, have
		case have&in.bit != 0:
			return !known || out.accepted, have
		case bits.OnesCount64(have) < simQueries:
			return !known || out.accepted, have | in.bit
		}
		return !known || !out.accepted, have
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v → %+v", input, output) },
}

func (s *simulation) checkHistory() {
	for contract, h := range s.history {
		if contract == simUnlimited && !s.planted.outside {
			continue
		}
		switch porcupine.CheckOperationsTimeout(accounts, h, time.Minute) {
		case porcupine.Illegal:
			s.Violation("the history of contract %d is not linearizable", contract)
		case porcupine.Unknown:
			s.Violation("the history of contract %d, of %d operations, takes too long to check", contract, len(h))
		}
	}
}

// saw adds a look to the history.
func (s *simulation) saw(contract, client int, call int64, a simAccount) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out accountOutput
	for _, q := range a.queries {
		out.queries |= 1 << s.numbers[contract][q]
	}
	s.history[contract] = append(s.history[contract], porcupine.Operation{ClientId: client, Input: accountInput{}, Output: out, Call: call, Return: s.clock.Add(1)})
}

// client asks and looks until ctx ends.
func (s *simulation) client(ctx context.Context, id int) {
	rng := rand.New(rand.NewPCG(s.seed, uint64(100+id)))
	for n := 0; ctx.Err() == nil; n++ {
		t := time.NewTimer(time.Duration(rng.Int64N(int64(simHeartbeat))))
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		contract := rng.IntN(simContracts)
		if s.planted.outside {
			contract = simUnlimited
		}
		nodes := s.up()
		rng.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
		switch x := rng.IntN(10); {
		case x < 4:
			s.read(ctx, id, contract, nodes)
		case x < 6:
			if q, ok := s.again(); ok {
				s.submit(ctx, id, q, nodes)
			}
		default:
			if q, ok := s.newQuery(contract); ok {
				s.submit(ctx, id, q, nodes)
			}
		}
	}
}

// newQuery is a query that was not asked yet; false when the contract has been asked enough.
func (s *simulation) newQuery(contract int) (q simQuery, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	number := len(s.numbers[contract])
	if number >= 3*simQueries {
		return q, false
	}
	q = simQuery{contract, number, s.world.query(contract, uint64(contract*64+number))}
	s.numbers[contract][q.envelope.Digest()] = number
	return q, true
}

// again is a query whose outcome is unknown.
func (s *simulation) again() (q simQuery, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unknown) == 0 {
		return q, false
	}
	q, s.unknown = s.unknown[0], s.unknown[1:]
	return q, true
}

// submit proposes a query at the first node that leads.
func (s *simulation) submit(ctx context.Context, client int, q simQuery, nodes []*simNode) {
	op := porcupine.Operation{ClientId: client, Input: accountInput{query: true, bit: 1 << q.number}, Call: s.clock.Add(1)}
	for _, n := range nodes {
		now := simTime + time.Since(s.Start).Milliseconds() + n.skew
		entry := catalog.NewEntry(now, q.envelope).Marshal()
		a, err := n.ledger.Propose(ctx, entry)
		if err == nil && s.runs(n) {
			out, err := simOutcome(a.Outcome)
			if r := out.Refusal; err != nil || r != nil && r.Rule != simRefused {
				s.Violation("query %d of contract %d is answered %+v, %v", q.number, q.contract, r, err)
			}
			op.Output = accountOutput{accepted: out.Refusal == nil}
			s.mu.Lock()
			op.Return = s.clock.Add(1)
			s.history[q.contract] = append(s.history[q.contract], op)
			s.acked[a.Seq] = sha256.Sum256(entry)
			s.mu.Unlock()
			return
		}
		other := (*NotLeaderError)(nil)
		if err != nil && (errors.As(err, &other) || errors.Is(err, ErrNoQuorum) && !errors.Is(err, ErrLostLeadership)) {
			continue // nothing was proposed
		}
		s.mu.Lock()
		op.ClientId, op.Return = 1000+int(op.Call), int64(1)<<60
		s.history[q.contract] = append(s.history[q.contract], op)
		s.unknown = append(s.unknown, q)
		s.mu.Unlock()
		return
	}
	s.mu.Lock()
	s.unknown = append(s.unknown, q)
	s.mu.Unlock()
}

// read asks the node that leads for an index, and looks at another one.
func (s *simulation) read(ctx context.Context, client, contract int, nodes []*simNode) {
	call := s.clock.Add(1)
	for _, n := range nodes {
		index, err := n.ledger.ReadIndex(ctx)
		if err != nil {
			continue
		}
		if !s.runs(n) {
			return
		}
		at := nodes[int(call)%len(nodes)]
		short, cancel := context.WithTimeout(ctx, 4*simHeartbeat)
		defer cancel()
		if at.ledger.WaitApplied(short, index) != nil {
			return
		}
		if a, err := s.look(at, contract); err == nil {
			s.saw(contract, client, call, a)
		}
		return
	}
}
