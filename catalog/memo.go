package catalog

import "sync"

// How many decoded things of a kind are kept. A table of 25,000 rows takes a few
// megabytes, a year of monthly bitmaps of one measure 40 kB.
const (
	memoTables = 16
	memoCounts = 256
	memoFamily = 8 // of each kind of thing that belongs to a family
)

// memo keeps decoded things that cannot change because their name holds the
// digest of what they were decoded from. It only saves time.
type memo struct {
	mu         sync.Mutex
	clusterRaw string
	clusterVal *Cluster
	tables     shelf[*Table]
	counts     shelf[countMaps]
	partitions shelf[*partition]
	coverages  shelf[*coverage]
	classes    shelf[*classes]
	burdens    shelf[*burdens]
}

// shelf keeps the last few values, dropping the oldest.
type shelf[V any] struct {
	values map[string]V
	order  []string
}

func (s *shelf[V]) add(name string, v V, most int) {
	if s.values == nil {
		s.values = map[string]V{}
	}
	if _, known := s.values[name]; !known {
		if len(s.order) == most {
			delete(s.values, s.order[0])
			s.order = s.order[1:]
		}
		s.order = append(s.order, name)
	}
	s.values[name] = v
}

// recallOr returns the value of that name or makes it. Two callers may make the
// same value at the same time; both are right.
func recallOr[V any](m *memo, s *shelf[V], most int, name string, fill func() (V, error)) (V, error) {
	m.mu.Lock()
	v, known := s.values[name]
	m.mu.Unlock()
	if known {
		return v, nil
	}
	v, err := fill()
	if err != nil {
		return v, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s.add(name, v, most)
	return v, nil
}

// keep adds what was made elsewhere under the name that it would be found by.
func (m *memo) keep(add func(*memo)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	add(m)
}

func (m *memo) cluster(raw []byte, decode func() (*Cluster, error)) (*Cluster, error) {
	m.mu.Lock()
	v, same := m.clusterVal, m.clusterRaw == string(raw)
	m.mu.Unlock()
	if same && v != nil {
		return v, nil
	}
	v, err := decode()
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clusterRaw, m.clusterVal = string(raw), v
	return v, nil
}
