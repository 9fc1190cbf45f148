package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/weirdata/weir/node/api/wire"
)

// kind is a kind of work. Kinds do not wait for each other: reads go on while queries are
// judged, and whether a node lives is always answered.
type kind int

const (
	// kindProbe is never queued: a few microseconds, asked by those who decide whether to
	// restart the node or to go to another one.
	kindProbe kind = iota
	// kindRead reads records of the state, a page at most.
	kindRead
	// kindBulk carries bytes that a dataset has many of: uploads, presences, trees.
	kindBulk
	// kindJudge compiles SQL, and judges and plans queries: milliseconds to seconds of a
	// core each.
	kindJudge
	// kindAct has an envelope recorded.
	kindAct
	// kindWait holds a request until something is over. It takes a goroutine and no core.
	kindWait

	kinds // how many there are
)

// bounds of one kind of work on a node.
type bounds struct {
	// places is how many requests are worked on at a time.
	places int
	// queue is how many more may wait for a place. Further ones are refused at once.
	queue int
	// patience is how long one waits for a place at most.
	patience time.Duration
	// bytes bounds the memory of the requests that have a place, by what their rows say
	// that they take; 0: it is bounded by places alone.
	bytes int64
}

// defaultBounds keep the requests of clients to some 700 MB at the worst. Patience is
// shorter than the seconds after which a client takes a node for one that hangs.
var defaultBounds = [kinds]bounds{
	kindProbe: {},
	kindRead:  {places: 32, queue: 256, patience: 2 * time.Second},
	kindBulk:  {places: 64, queue: 128, patience: 5 * time.Second, bytes: 512 << 20},
	kindJudge: {places: 8, queue: 128, patience: 5 * time.Second},
	kindAct:   {places: 32, queue: 128, patience: 5 * time.Second},
	kindWait:  {places: 2048},
}

// admission lets requests in by their kind of work. Of those who wait the callers take
// turns, however many requests each has, and those who have not shown who they are come
// last: of anonymousEvery places that come free they get one, and the others' when nobody
// else waits. A caller may have as many requests waiting as there is room left for, so
// that no caller fills the queue alone.
type admission struct {
	now func() time.Time

	mu    sync.Mutex
	kinds [kinds]workshop // guarded by mu, but for their bounds
}

const anonymousEvery = 4

// workshop is one kind of work and those who wait for it.
type workshop struct {
	bounds
	busy   int
	taken  int64         // bytes
	known  line          // callers that a token names
	nobody line          // addresses, half as many requests
	passed int           // places given to known callers since nobody had one
	took   time.Duration // moving average of the time that a request has a place
}

// line is a queue of callers, each with a queue of requests.
type line struct {
	most    int // requests that may wait
	waiting int
	turns   []string // callers that have requests waiting, the next one first
	of      map[string][]*waiter
}

// waiter is a request that waits for a place.
type waiter struct {
	bytes int64
	let   chan struct{} // closed when it has the place
}

func newAdmission(b [kinds]bounds, now func() time.Time) *admission {
	a := &admission{now: now}
	for k := range a.kinds {
		a.kinds[k].bounds = b[k]
		a.kinds[k].known = line{most: b[k].queue, of: map[string][]*waiter{}}
		a.kinds[k].nobody = line{most: b[k].queue / 2, of: map[string][]*waiter{}}
	}
	return a
}

// enter takes a place for a request that takes so many bytes, and waits for one in the
// caller's turn. leave gives it back. The error is a *wire.Problem that says when to come
// back, or ctx's.
func (a *admission) enter(ctx context.Context, k kind, caller string, anonymous bool, bytes int64) (leave func(), err error) {
	if k == kindProbe {
		return func() {}, nil
	}
	w, err := a.join(k, caller, anonymous, bytes)
	if err != nil {
		return nil, err
	}
	select {
	case <-w.let:
		return a.leaver(k, bytes), nil
	default:
	}
	patience := time.NewTimer(a.kinds[k].patience)
	defer patience.Stop()
	select {
	case <-w.let:
		return a.leaver(k, bytes), nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-patience.C:
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s := &a.kinds[k]
	select {
	case <-w.let: // meanwhile
		a.leaveLocked(s, bytes)
	default:
		s.line(anonymous).drop(caller, w)
		s.letIn() // whoever waited behind it
	}
	if err == nil {
		err = s.overloaded()
	}
	return nil, err
}

// join gives the request a place, or puts it in line, or refuses it.
func (a *admission) join(k kind, caller string, anonymous bool, bytes int64) (*waiter, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := &a.kinds[k]
	w := &waiter{bytes: bytes, let: make(chan struct{})}
	if s.known.waiting+s.nobody.waiting == 0 && s.fits(bytes) {
		s.take(w)
		return w, nil
	}
	if !s.line(anonymous).add(caller, w) {
		return nil, s.overloaded()
	}
	return w, nil
}

// leaver gives a place back, once.
func (a *admission) leaver(k kind, bytes int64) func() {
	begin := a.now()
	return sync.OnceFunc(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		s := &a.kinds[k]
		s.took += (max(a.now().Sub(begin), 0) - s.took) / 8
		a.leaveLocked(s, bytes)
	})
}

// leaveLocked gives a place back. mu is held.
func (a *admission) leaveLocked(s *workshop, bytes int64) {
	s.busy--
	s.taken -= bytes
	s.letIn()
}

// letIn gives the places that are free to those whose turn it is.
func (s *workshop) letIn() {
	for s.known.waiting+s.nobody.waiting > 0 {
		from := s.nextLine()
		if !s.fits(from.first().bytes) {
			return // smaller ones behind it would keep it waiting for ever
		}
		if s.passed++; from == &s.nobody {
			s.passed = 0
		}
		s.take(from.pop())
	}
}

// fits reports whether a request of so many bytes may have a place now. One alone always
// may.
func (s *workshop) fits(bytes int64) bool {
	return s.busy < s.places && (s.bytes == 0 || s.busy == 0 || s.taken+bytes <= s.bytes)
}

func (s *workshop) take(w *waiter) {
	s.busy++
	s.taken += w.bytes
	close(w.let)
}

func (s *workshop) line(anonymous bool) *line {
	if anonymous {
		return &s.nobody
	}
	return &s.known
}

// nextLine is the line whose turn it is.
func (s *workshop) nextLine() *line {
	if len(s.known.turns) == 0 || len(s.nobody.turns) > 0 && s.passed >= anonymousEvery-1 {
		return &s.nobody
	}
	return &s.known
}

// overloaded is the refusal of work for which there is no place. The time that it names is
// how long those who wait now will take.
func (s *workshop) overloaded() *wire.Problem {
	waiting := s.known.waiting + s.nobody.waiting
	wait := time.Duration(waiting+1) * s.took / time.Duration(max(s.places, 1))
	p := wire.NewProblem(http.StatusServiceUnavailable, wire.KindUnavailable,
		fmt.Sprintf("the node has too much of this work: %d requests are under way and %d wait", s.busy, waiting)).
		Advising("ask another node, or come back after the time in Retry-After")
	p.Header = http.Header{"Retry-After": {strconv.Itoa(min(max(int((wait+time.Second-1)/time.Second), retryAfter), mostRetryAfter))}}
	return p
}

// mostRetryAfter is the longest time in seconds that overload sends anybody away for.
const mostRetryAfter = 30

// add puts a request behind the caller's others, and reports whether there is room.
func (l *line) add(caller string, w *waiter) bool {
	own := len(l.of[caller])
	if own >= l.most-l.waiting {
		return false
	}
	if own == 0 {
		l.turns = append(l.turns, caller)
	}
	l.of[caller] = append(l.of[caller], w)
	l.waiting++
	return true
}

// first is the request whose turn it is.
func (l *line) first() *waiter { return l.of[l.turns[0]][0] }

// pop removes the first request. Its caller, if it has more, comes after all others.
func (l *line) pop() *waiter {
	caller, w := l.turns[0], l.first()
	l.turns = l.turns[1:]
	l.waiting--
	if rest := l.of[caller][1:]; len(rest) > 0 {
		l.of[caller] = rest
		l.turns = append(l.turns, caller)
	} else {
		delete(l.of, caller)
	}
	return w
}

// drop removes a request that waits no longer.
func (l *line) drop(caller string, w *waiter) {
	l.waiting--
	l.of[caller] = slices.DeleteFunc(l.of[caller], func(other *waiter) bool { return other == w })
	if len(l.of[caller]) == 0 {
		delete(l.of, caller)
		l.turns = slices.DeleteFunc(l.turns, func(other string) bool { return other == caller })
	}
}
