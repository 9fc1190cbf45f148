package he

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
)

// Session names one computation on shares among the members of an active set.
// Messages are bound to all of it, so members that disagree about any field do
// not compute together. No two computations have the same session.
type Session struct {
	Cluster [32]byte // hash of the cluster's first entry
	Purpose string   // of the computation: the query or vector, and which of its computations
	Attempt int      // of the query or registration
	Plan    [32]byte // digest of what is computed on, as far as it is public
	Active  []int    // points of the members, sorted
}

// Context returns the hash of all fields, which messages are bound to.
func (s Session) Context() [32]byte {
	h := sha256.New()
	field(h, []byte("weir he v1 session"))
	field(h, s.Cluster[:])
	field(h, []byte(s.Purpose))
	number(h, uint64(s.Attempt))
	field(h, s.Plan[:])
	integers(h, s.Active)
	return [32]byte(h.Sum(nil))
}

// Check says whether the active set is a sorted list of at least two distinct
// points, and point one of them.
func (s Session) Check(point int) error {
	if len(s.Active) < 2 || !increasing(s.Active, 1, MaxNodes) {
		return fmt.Errorf("%w: %v is not a sorted list of two or more points of 1..%d", ErrActiveSet, s.Active, MaxNodes)
	}
	if !slices.Contains(s.Active, point) {
		return fmt.Errorf("%w: point %d is not in %v", ErrNotActive, point, s.Active)
	}
	return nil
}

// machine runs stages one after the other. A member that is faster may be one
// stage ahead, so messages of the next stage are kept; and so are those that
// arrive before Start.
type machine struct {
	mu      sync.Mutex
	place   place
	current stage // nil when there is none left
	// next turns a stage's result into the next stage, or returns nil and has
	// set what the result of it all is.
	next    func(result []uint64) (stage, error)
	started bool
	early   map[earlyKey]earlyMessage
}

type earlyKey struct {
	step, from int
	kind       kind
}

type earlyMessage struct {
	envelope envelope
	bytes    []byte
}

// newPlace checks a member's place in a session for one kind of computation:
// messages are bound to the kind too.
func newPlace(p ProductParameters, s Session, point int, computation string) (place, error) {
	if err := p.check(); err != nil {
		return place{}, err
	}
	if err := s.Check(point); err != nil {
		return place{}, err
	}
	h := sha256.New()
	context := s.Context()
	field(h, context[:])
	field(h, []byte(computation))
	return place{p: p, context: [32]byte(h.Sum(nil)), point: point, active: slices.Clone(s.Active)}, nil
}

func newMachine(m place, first stage, next func([]uint64) (stage, error)) *machine {
	return &machine{place: m, current: first, next: next, early: map[earlyKey]earlyMessage{}}
}

// Start returns the messages that this member sends first, and those that answer
// what came before. It is called once.
func (m *machine) Start() (_ []Message, err error) {
	defer guard("start a computation on shares", &err)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.started {
		return nil, ErrKeyUsed
	}
	m.started = true
	if m.current == nil {
		return nil, nil
	}
	return m.begin()
}

// begin starts the current stage and takes what came early, and goes on to the
// next one when it is complete.
func (m *machine) begin() ([]Message, error) {
	out, err := m.current.start()
	if err != nil {
		return nil, err
	}
	for _, from := range m.place.active {
		for _, k := range []kind{kindRequest, kindAnswer, kindRevealed} {
			key := earlyKey{m.place.step, from, k}
			msg, ok := m.early[key]
			if !ok {
				continue
			}
			delete(m.early, key)
			replies, err := m.current.take(msg.envelope, msg.bytes)
			if err != nil {
				return nil, err
			}
			out = append(out, replies...)
		}
	}
	more, err := m.proceed()
	return append(out, more...), err
}

// proceed goes on to the next stage if the current one is complete.
func (m *machine) proceed() ([]Message, error) {
	if m.current.pending() > 0 {
		return nil, nil
	}
	m.place.step++
	next, err := m.next(m.current.result())
	if err != nil {
		return nil, err
	}
	m.current = next
	if next == nil {
		return nil, nil
	}
	return m.begin()
}

// Receive takes a message that member from sent, and returns what is to be sent
// next, to whomever. An error means that the message was of no use, and mostly
// that the computation cannot complete: the caller ends the attempt.
func (m *machine) Receive(from int, b []byte) (_ []Message, err error) {
	defer guard("compute on shares", &err)
	m.mu.Lock()
	defer m.mu.Unlock()
	out, err := m.receive(from, b)
	if err != nil {
		return nil, fmt.Errorf("message of point %d: %w", from, err)
	}
	return out, nil
}

func (m *machine) receive(from int, b []byte) ([]Message, error) {
	e, err := m.place.p.in.parseEnvelope(b)
	if err != nil {
		return nil, err
	}
	if e.from != from || e.to != m.place.point || e.context != m.place.context || !slices.Contains(m.place.active, from) {
		return nil, ErrForeignMessage
	}
	if m.started && m.current == nil {
		return nil, fmt.Errorf("%w: nothing is left to be done", ErrForeignMessage)
	}
	if e.step == m.place.step && m.started {
		out, err := m.current.take(e, b)
		if err != nil {
			return nil, err
		}
		more, err := m.proceed()
		return append(out, more...), err
	}
	if e.step != m.place.step && (!m.started || e.step != m.place.step+1) {
		return nil, fmt.Errorf("%w: step %d, and this is %d", ErrForeignMessage, e.step, m.place.step)
	}
	key := earlyKey{e.step, e.from, e.kind}
	if _, twice := m.early[key]; twice {
		return nil, fmt.Errorf("%w: step %d came twice", ErrForeignMessage, e.step)
	}
	m.early[key] = earlyMessage{e, slices.Clone(b)}
	return nil, nil
}

// Done says whether every message has arrived and the result is there.
func (m *machine) Done() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.started && m.current == nil
}

// finished fails with ErrUnfinished until Done.
func (m *machine) finished() error {
	if !m.Done() {
		return fmt.Errorf("read a result: %w", ErrUnfinished)
	}
	return nil
}

// computation is a machine that comes to an outcome. It is safe for concurrent use.
type computation[T any] struct {
	*machine
	out T
}

// Result returns this member's part of the outcome. It fails with ErrUnfinished until Done.
func (c *computation[T]) Result() (out T, err error) {
	if err := c.finished(); err != nil {
		return out, err
	}
	return c.out, nil
}
