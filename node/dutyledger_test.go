package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/consensus/statesum"
)

// dutyLedger is the one log of a schedule: an order of entries, each applied once by the product's
// state machine, and the state after each of them. Nodes have it up to an entry of their own.
// Package consensus has its own simulation of how the order comes about.
type dutyLedger struct {
	world   *dutyWorld
	machine *state.Machine
	seed    uint64

	mu      sync.Mutex
	calm    bool
	keys    []string // ascending, of all states
	values  map[string][]dutyValue
	size    uint64 // entries, of the world and of the schedule
	leader  string // "": nobody leads
	term    int
	lagging map[string]int                          // nodes that hear of nothing
	grown   chan struct{}                           // closed and replaced when anything changes
	entry   func(seq uint64, entry, outcome []byte) // is told of each, with mu held
	also    func(entry []byte) (more [][]byte)      // what a planted bug adds after each; nil: nothing
}

// dutyValue is what a key has from an entry on; nil: nothing.
type dutyValue struct {
	from  uint64
	value []byte
}

func newDutyLedger(w *dutyWorld, seed uint64) *dutyLedger {
	l := &dutyLedger{
		world: w, machine: state.NewMachine(), seed: seed, values: make(map[string][]dutyValue, len(w.pairs)),
		size: w.size, lagging: map[string]int{}, grown: make(chan struct{}), entry: func(uint64, []byte, []byte) {},
	}
	for k, v := range w.pairs {
		l.keys, l.values[k] = append(l.keys, k), []dutyValue{{0, v}}
	}
	slices.Sort(l.keys)
	return l
}

// turn wakes whoever waits. mu is held.
func (l *dutyLedger) turn() {
	close(l.grown)
	l.grown = make(chan struct{})
}

// lead makes a node the leader; "": nobody is.
func (l *dutyLedger) lead(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leader != id {
		l.leader = id
		l.term++
		l.turn()
	}
}

// lag has a node hear of nothing, or of everything again.
func (l *dutyLedger) lag(id string, by int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lagging[id] += by
	l.turn()
}

// appendEntry applies an entry. mu is held.
func (l *dutyLedger) appendEntry(entry []byte) (consensus.Applied, error) {
	seq := l.size
	outcome, err := l.machine.Apply(&dutyState{l, seq + 1, true}, seq, entry)
	if err != nil {
		return consensus.Applied{}, fmt.Errorf("apply entry %d: %w", seq, err)
	}
	l.size++
	l.entry(seq, entry, outcome)
	applied := consensus.Applied{Seq: seq, Leaf: sha256.Sum256(entry), Outcome: outcome, Index: l.size}
	if l.also != nil {
		also := l.also
		l.also = nil
		for _, more := range also(entry) {
			if _, err := l.appendEntry(more); err != nil {
				return applied, err
			}
		}
		l.also = also
	}
	l.turn()
	return applied, nil
}

// dutyState is the state after so many entries.
type dutyState struct {
	of     *dutyLedger
	size   uint64
	locked bool // by whoever applies
}

func (s *dutyState) lock() (unlock func()) {
	if s.locked {
		return func() {}
	}
	s.of.mu.Lock()
	return s.of.mu.Unlock
}

// at is what a key has. mu is held.
func (s *dutyState) at(key string) []byte {
	values := s.of.values[key]
	for i := len(values) - 1; i >= 0; i-- {
		if values[i].from <= s.size {
			return values[i].value
		}
	}
	return nil
}

// Get implements records.Reader.
func (s *dutyState) Get(key []byte) ([]byte, error) {
	defer s.lock()()
	return bytes.Clone(s.at(string(key))), nil
}

type dutyPair struct {
	key   string
	value []byte
}

func (s *dutyState) pairs(prefix string) (list []dutyPair) {
	defer s.lock()()
	i, _ := slices.BinarySearch(s.of.keys, prefix)
	for _, k := range s.of.keys[i:] {
		if !strings.HasPrefix(k, prefix) {
			break
		}
		if v := s.at(k); v != nil {
			list = append(list, dutyPair{k, v})
		}
	}
	return list
}

// Scan implements records.Reader.
func (s *dutyState) Scan(prefix []byte, fn func(key, value []byte) error) error {
	for _, p := range s.pairs(string(prefix)) {
		if err := fn([]byte(p.key), p.value); err != nil {
			return err
		}
	}
	return nil
}

// Walk implements records.Walker.
func (s *dutyState) Walk(x records.Stretch, fn func(key, value []byte) error) error {
	list := s.pairs(x.Prefix)
	if x.Down {
		slices.Reverse(list)
	}
	for _, p := range list {
		if x.After != "" && (!x.Down && p.key <= x.Prefix+x.After || x.Down && p.key >= x.Prefix+x.After) {
			continue
		}
		if err := fn([]byte(p.key), p.value); err != nil {
			return err
		}
	}
	return nil
}

// Set implements records.Tx.
func (s *dutyState) Set(key, value []byte) error {
	return s.put(string(key), append(make([]byte, 0, len(value)), value...))
}

// Delete implements records.Tx.
func (s *dutyState) Delete(key []byte) error { return s.put(string(key), nil) }

func (s *dutyState) put(key string, value []byte) error {
	values := s.of.values[key]
	if values == nil {
		i, _ := slices.BinarySearch(s.of.keys, key)
		s.of.keys = slices.Insert(s.of.keys, i, key)
	}
	if n := len(values); n > 0 && values[n-1].from == s.size {
		values[n-1].value = value
		return nil
	}
	s.of.values[key] = append(values, dutyValue{s.size, value})
	return nil
}

// dutyPart is a node's part of the ledger, as one run of its process has it.
type dutyPart struct {
	ledger // what the simulation has no use for panics
	of     *dutyLedger
	id     string
	// reaches tells whether this node and a majority, or another node, hear each other.
	reaches func(other string) bool

	// guarded by of.mu
	rng     *rand.Rand
	applied uint64
	before  uint64 // what an earlier run had applied
	knows   string // who leads, as it has heard
	news    map[chan struct{}]bool
	over    chan struct{} // closed when it is dead
}

// part is that of a node which has applied so many entries, the last few of which a crash may have taken from its state.
func (l *dutyLedger) part(id string, applied, durable uint64, reaches func(string) bool) *dutyPart {
	return &dutyPart{
		of: l, id: id, reaches: reaches, applied: durable, before: applied, rng: rand.New(rand.NewPCG(l.seed, number(id))), news: map[chan struct{}]bool{}, over: make(chan struct{}),
	}
}

// delay draws how long something takes.
func (p *dutyPart) delay() time.Duration {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	d := time.Duration(1+p.rng.IntN(20)) * time.Millisecond
	if !p.of.calm && p.rng.IntN(20) == 0 {
		d *= 40
	}
	return d
}

// chance is true once in so many times, never when all faults are over.
func (p *dutyPart) chance(of int) bool {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	return !p.of.calm && p.rng.IntN(of) == 0
}

// follow has the node hear of entries and of leaders, each some time after it was, until the node dies.
func (p *dutyPart) follow() {
	const healed = 500 * time.Millisecond // after which a partition is looked at again
	for {
		p.of.mu.Lock()
		grown := p.of.grown
		p.of.mu.Unlock()
		if !p.hear() {
			select {
			case <-p.over:
				return
			case <-grown:
			case <-time.After(healed):
			}
		}
		select {
		case <-p.over:
			return
		case <-time.After(p.delay()):
		}
	}
}

// Recovered implements ledger.
func (p *dutyPart) Recovered() bool {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	return p.applied >= p.before
}

// hear has the node hear of something, and reports whether there was anything.
func (p *dutyPart) hear() bool {
	p.of.mu.Lock()
	leader := p.of.leader
	p.of.mu.Unlock()
	cut := leader != "" && leader != p.id && !p.reaches(leader)
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	if p.of.lagging[p.id] > 0 {
		return false
	}
	if cut {
		leader = ""
	}
	behind := leader != "" && p.applied < p.of.size
	if !behind && p.knows == leader {
		return false
	}
	if behind {
		p.applied += 1 + uint64(p.rng.Int64N(int64(p.of.size-p.applied))) //nolint:gosec // of some entries
	}
	p.knows = leader
	p.notify()
	return true
}

// notify tells who subscribed. mu is held.
func (p *dutyPart) notify() {
	for ch := range p.news {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// die ends the part as a crash does.
func (p *dutyPart) die() {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	close(p.over)
}

// gone needs no lock: whoever writes to a disk asks, with that one's.
func (p *dutyPart) gone() bool {
	select {
	case <-p.over:
		return true
	default:
		return false
	}
}

func (p *dutyPart) View(fn func(records.Reader) error) error {
	p.of.mu.Lock()
	dead, s := p.gone(), &dutyState{of: p.of, size: p.applied}
	p.of.mu.Unlock()
	if dead {
		return consensus.ErrClosed
	}
	return fn(s)
}

func (p *dutyPart) Changes() (changes <-chan struct{}, cancel func()) {
	ch := make(chan struct{}, 1)
	ch <- struct{}{}
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.news[ch] = true
	return ch, func() {
		p.of.mu.Lock()
		defer p.of.mu.Unlock()
		delete(p.news, ch)
	}
}

func (p *dutyPart) NextSeq() uint64 {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	return p.applied
}

func (p *dutyPart) AppliedIndex() uint64 { return p.NextSeq() }

// Touched goes by what all entries changed, also those that the node has not heard of.
func (p *dutyPart) Touched(since uint64, fn func(key string) bool) (known bool) {
	p.of.mu.Lock()
	var keys []string
	for _, k := range p.of.keys {
		if v := p.of.values[k]; v[len(v)-1].from > since {
			keys = append(keys, k)
		}
	}
	p.of.mu.Unlock()
	for _, k := range keys {
		if !fn(k) {
			break
		}
	}
	return true
}

func (p *dutyPart) IsLeader() bool { id, _ := p.Leader(); return id == p.id }

func (p *dutyPart) Leader() (id string, known bool) {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	return p.knows, p.knows != "" && !p.gone()
}

func (p *dutyPart) TransferLeadership(context.Context, string) error {
	p.of.lead("")
	return nil
}

func (p *dutyPart) MayVote() error          { return nil }
func (p *dutyPart) Full() error             { return nil }
func (p *dutyPart) Fault() error            { return nil }
func (p *dutyPart) Failed() <-chan struct{} { return nil }
func (p *dutyPart) Digests() []statesum.At  { return nil }

func (p *dutyPart) Configuration() (c consensus.Configuration, known bool) {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	return consensus.Configuration{Index: 1, Votes: p.votes()}, p.knows == p.id
}

func (p *dutyPart) votes() map[string]bool {
	votes := map[string]bool{}
	for _, id := range p.of.world.ids() {
		votes[id] = true
	}
	return votes
}

func (p *dutyPart) RootAt(size uint64) (root [32]byte, err error) {
	if have := p.NextSeq(); size > have {
		return root, fmt.Errorf("%w: %d of %d", consensus.ErrNotFound, size, have)
	}
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, size)), nil
}

// stale is the term of a node that led and has not heard yet that it does no more.
const stale = -1

// begin returns the term in which this node leads.
func (p *dutyPart) begin() (term int, err error) {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	switch {
	case p.gone():
		return 0, consensus.ErrClosed
	case p.knows != p.id:
		return 0, &consensus.NotLeaderError{Leader: p.knows, Known: p.knows != ""}
	case p.of.leader != p.id:
		return stale, nil
	}
	return p.of.term, nil
}

// Propose implements ledger. An entry whose proposer loses the lead, or dies, before it hears of it may
// have been taken, and so may one that was.
func (p *dutyPart) Propose(ctx context.Context, entry []byte, next ...[]byte) (consensus.Applied, error) {
	term, err := p.begin()
	if err != nil {
		return consensus.Applied{}, err
	}
	select {
	case <-time.After(p.delay()):
	case <-p.over:
	case <-ctx.Done():
	}
	unheard, taken, parted := p.chance(25), p.chance(2), p.chance(20) // parted: the lead is lost before the second entry
	p.of.mu.Lock()
	unheard = unheard || p.gone() || p.of.leader != p.id || p.of.term != term || ctx.Err() != nil
	if unheard && (!taken || term == stale) {
		p.of.mu.Unlock()
		return consensus.Applied{}, consensus.ErrLostLeadership
	}
	a, err := p.of.appendEntry(bytes.Clone(entry))
	for _, also := range next {
		if err == nil && !parted {
			_, err = p.of.appendEntry(bytes.Clone(also))
		}
	}
	p.of.mu.Unlock()
	switch {
	case err != nil:
		return a, err
	case unheard:
		return consensus.Applied{}, consensus.ErrLostLeadership
	}
	return a, p.WaitApplied(ctx, a.Index)
}

func (p *dutyPart) ReadIndex(ctx context.Context) (uint64, error) {
	term, err := p.begin()
	if err != nil {
		return 0, err
	}
	p.of.mu.Lock()
	size := p.of.size
	p.of.mu.Unlock()
	select {
	case <-time.After(p.delay()):
	case <-p.over:
		return 0, consensus.ErrClosed
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if now, err := p.begin(); err != nil || now != term || term == stale {
		return 0, consensus.ErrNoQuorum
	}
	return size, nil
}

func (p *dutyPart) WaitApplied(ctx context.Context, index uint64) error {
	changes, stop := p.Changes()
	defer stop()
	for p.NextSeq() < index {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.over:
			return consensus.ErrClosed
		case <-changes:
		}
	}
	return nil
}

// newest is the state after all entries.
func (l *dutyLedger) newest(fn func(state.View) error) error {
	l.mu.Lock()
	s := &dutyState{of: l, size: l.size}
	l.mu.Unlock()
	return fn(l.machine.View(s))
}

// behind reports whether a node has not applied everything.
func (l *dutyLedger) behind(p *dutyPart) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return p.applied < l.size
}
