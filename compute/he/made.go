package he

import "sync"

// mostMade bounds how many parameters of a kind are kept: a process works with those of
// one cluster, and a client with those of a few.
const mostMade = 16

// made keeps parameters by what they were made from. Making them takes some 20 ms, most
// of it to find roots of unity modulo primes that hardly ever change.
type made[P any] struct {
	mu    sync.Mutex
	kept  map[string]func() (P, error)
	order []string // the oldest first
}

var (
	dataParameters    made[Parameters]
	productParameters made[ProductParameters]
)

// of returns what fill makes, which a name holds all of: it is made once while it is kept,
// and who wants the same at the same time waits for it.
func (m *made[P]) of(name string, fill func() (P, error)) (P, error) {
	m.mu.Lock()
	once, known := m.kept[name]
	if !known {
		if m.kept == nil {
			m.kept = map[string]func() (P, error){}
		}
		if len(m.order) == mostMade {
			delete(m.kept, m.order[0])
			m.order = m.order[1:]
		}
		once = sync.OnceValues(fill)
		m.kept[name], m.order = once, append(m.order, name)
	}
	m.mu.Unlock()
	return once()
}
