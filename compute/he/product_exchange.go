package he

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Message is what one member sends another. It goes over their authenticated,
// encrypted connection and to nobody else.
type Message struct {
	To    int // point of the recipient
	Bytes []byte
}

// stage is one round of messages among the members.
type stage interface {
	// start returns what this member sends first.
	start() ([]Message, error)
	// take takes a message of this stage, and returns what answers it.
	take(e envelope, b []byte) ([]Message, error)
	// pending says how many messages are still to come.
	pending() int
	// result is this member's part of the outcome, once nothing is pending.
	result() []uint64
}

// place is a member's place in a session.
type place struct {
	p       ProductParameters
	context [32]byte
	step    int
	point   int
	active  []int
}

func (m place) others() []int {
	return slices.DeleteFunc(slices.Clone(m.active), func(x int) bool { return x == m.point })
}

// evaluations is a stage of oblivious linear evaluations: under keys of its own
// with every member it asks, on b, and under the keys of those that ask it, on x.
// Its result is the sum of this member's outputs.
type evaluations struct {
	place
	b, x []uint64
	keys map[int]*oleRequester // of members asked
	ask  []int
	have map[int]bool // members whose answer is in the sum
	owed map[int]bool // members that ask: until they have been answered
	sum  []uint64
}

func newEvaluations(m place, b, x []uint64, ask, answer []int) *evaluations {
	s := &evaluations{place: m, b: b, x: x, ask: ask, keys: map[int]*oleRequester{}, have: map[int]bool{}, owed: map[int]bool{}}
	for _, j := range answer {
		s.owed[j] = true
	}
	s.sum = make([]uint64, max(len(b), len(x)))
	return s
}

func (s *evaluations) names(from, to int) oleNames {
	return oleNames{context: s.context, step: s.step, from: from, to: to, entries: len(s.sum)}
}

func (s *evaluations) start() ([]Message, error) {
	var out []Message
	for _, j := range s.ask {
		key, request, err := newOLERequest(s.p, s.names(s.point, j), s.b)
		if err != nil {
			return nil, err
		}
		s.keys[j] = key
		out = append(out, Message{To: j, Bytes: request})
	}
	return out, nil
}

func (s *evaluations) take(e envelope, b []byte) ([]Message, error) {
	if e.kind == kindRequest {
		if owed, known := s.owed[e.from]; !known {
			return nil, fmt.Errorf("%w: point %d does not ask in step %d", ErrForeignMessage, e.from, s.step)
		} else if !owed {
			return nil, fmt.Errorf("%w: point %d asks again in step %d", ErrKeyUsed, e.from, s.step)
		}
		answer, rho, err := oleAnswer(s.p, s.names(e.from, s.point), s.x, b, oleHooks{})
		if err != nil {
			return nil, err
		}
		s.owed[e.from] = false
		s.add(rho)
		return []Message{{To: e.from, Bytes: answer}}, nil
	}
	key, ok := s.keys[e.from]
	if e.kind != kindAnswer || !ok {
		return nil, fmt.Errorf("%w: point %d was not asked in step %d", ErrForeignMessage, e.from, s.step)
	}
	out, err := key.finish(b)
	if err != nil {
		return nil, err
	}
	s.have[e.from] = true
	s.add(out)
	return nil, nil
}

func (s *evaluations) add(xs []uint64) {
	for i, x := range xs {
		s.sum[i] = s.p.in.add(s.sum[i], x)
	}
}

func (s *evaluations) pending() int {
	n := len(s.ask) - len(s.have)
	for _, owed := range s.owed {
		if owed {
			n++
		}
	}
	return n
}

func (s *evaluations) result() []uint64 { return s.sum }

// revelation is a stage in which every member tells the others its shares of some
// numbers. Its result is the numbers.
type revelation struct {
	place
	sum  []uint64
	mine []uint64
	got  map[int]bool
}

func newRevelation(m place, shares ...uint64) *revelation {
	return &revelation{place: m, mine: shares, sum: slices.Clone(shares), got: map[int]bool{}}
}

func (s *revelation) start() ([]Message, error) {
	var out []Message
	for _, j := range s.others() {
		b := s.p.in.newMessage(envelope{kind: kindRevealed, from: s.point, to: j, step: s.step, context: s.context, entries: len(s.mine)})
		for i, x := range s.mine {
			binary.LittleEndian.PutUint64(b[productHeader+8*i:], x)
		}
		out = append(out, Message{To: j, Bytes: b})
	}
	return out, nil
}

func (s *revelation) take(e envelope, b []byte) ([]Message, error) {
	if e.kind != kindRevealed || e.entries != len(s.mine) || s.got[e.from] {
		return nil, fmt.Errorf("%w: point %d in step %d", ErrForeignMessage, e.from, s.step)
	}
	theirs := make([]uint64, len(s.mine))
	for i := range theirs {
		if theirs[i] = binary.LittleEndian.Uint64(b[productHeader+8*i:]); theirs[i] >= s.p.T() {
			return nil, fmt.Errorf("%w: opened number is not below T", ErrMalformed)
		}
	}
	s.got[e.from] = true
	for i, x := range theirs {
		s.sum[i] = s.p.in.add(s.sum[i], x)
	}
	return nil, nil
}

func (s *revelation) pending() int { return len(s.active) - 1 - len(s.got) }

func (s *revelation) result() []uint64 { return s.sum }
