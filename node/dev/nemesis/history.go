package nemesis

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// counted is an operation on what was spent of a contract, counted in queries.
type counted struct {
	contract string
	read     bool
	refund   bool
	unknown  bool // no answer says whether it happened
	value    int  // that was read
}

// never is when an operation returns that may happen at any time.
const never = 1 << 62

// refunder is the client that gives prices back.
const refunder = 1 << 20

// counts is the sequential specification: a query adds one to what is spent of its
// contract, a refund takes it away again, a reading tells it. A query of unknown outcome
// adds one or nothing.
var counts = porcupine.NondeterministicModel{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		of := map[string][]porcupine.Operation{}
		for _, op := range history {
			id := op.Input.(counted).contract
			of[id] = append(of[id], op)
		}
		var parts [][]porcupine.Operation
		for _, ops := range of {
			parts = append(parts, ops)
		}
		return parts
	},
	Init: func() []any { return []any{0} },
	Step: func(state, input, _ any) []any {
		n, op := state.(int), input.(counted)
		switch {
		case op.read && op.value == n:
			return []any{n}
		case op.read:
			return nil
		case op.refund:
			return []any{n - 1}
		case op.unknown:
			return []any{n, n + 1}
		}
		return []any{n + 1}
	},
}

// history is what the clients did and were told. All methods are safe for concurrent use.
type history struct {
	started time.Time

	mu         sync.Mutex
	counts     []porcupine.Operation
	successes  []time.Duration // when an operation succeeded
	unknowns   int
	queries    map[string]map[string]bool // acknowledged, by contract
	maybe      map[string]int             // queries of unknown outcome, by contract
	orders     map[string]bool            // acknowledged
	violations []string
	errors     map[string]int // why outcomes are unknown
}

func newHistory() *history {
	return &history{
		started: time.Now(), queries: map[string]map[string]bool{}, maybe: map[string]int{}, orders: map[string]bool{}, errors: map[string]int{},
	}
}

// count notes an operation on a contract's count that began at call.
func (h *history) count(worker int, call time.Duration, op counted) {
	h.mu.Lock()
	defer h.mu.Unlock()
	returned := time.Since(h.started)
	if op.unknown {
		returned = never
		h.maybe[op.contract]++
	}
	h.counts = append(h.counts, porcupine.Operation{ClientId: worker, Input: op, Call: int64(call), Return: int64(returned)})
}

// refund notes that a failed query's price was given back, at some time.
func (h *history) refund(contract string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts = append(h.counts, porcupine.Operation{ClientId: refunder, Input: counted{contract: contract, refund: true}, Return: never})
}

// end notes how an operation ended.
func (h *history) end(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		h.successes = append(h.successes, time.Since(h.started))
		return
	}
	h.unknowns++
	h.errors[firstWords(err)]++
}

// firstWords tells kinds of errors apart.
func firstWords(err error) string {
	const most = 90
	text := []rune(err.Error())
	return string(text[:min(len(text), most)])
}

func (h *history) query(contract, id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.queries[contract] == nil {
		h.queries[contract] = map[string]bool{}
	}
	h.queries[contract][id] = true
}

func (h *history) order(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.orders[id] = true
}

// violated notes what must not be.
func (h *history) violated(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.violations = append(h.violations, fmt.Sprintf(format, args...))
}

// gaps are the times between one success and the next, ascending, of a run that ended at
// end.
func (h *history) gaps(end time.Duration) []time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := slices.Sorted(slices.Values(append(slices.Clone(h.successes), end)))
	gaps := make([]time.Duration, len(at))
	before := time.Duration(0)
	for i, t := range at {
		gaps[i], before = t-before, t
	}
	slices.Sort(gaps)
	return gaps
}

// linearizable checks the counts.
func (h *history) linearizable(within time.Duration) porcupine.CheckResult {
	h.mu.Lock()
	defer h.mu.Unlock()
	return porcupine.CheckOperationsTimeout(counts.ToModel(), h.counts, within)
}
