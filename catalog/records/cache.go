package records

import (
	"slices"
	"sync"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/tables"
)

// How many decoded things of a kind are kept. A table of 25,000 rows takes a few
// megabytes, a year of monthly bitmaps of one measure 40 kB.
const (
	cachedTables   = 16
	cachedCounts   = 256
	cachedFamilies = 8
	cachedVersions = 128 // some kilobytes each
	cachedKeys     = 256 // likewise
	cachedClusters = 1
	cachedQueries  = 256 // some kilobytes each; a query is another one after each of some four entries
	cachedVectors  = 64
)

// Cache keeps decoded things that cannot change because their name is, or holds the digest of, what they were decoded
// from. It only saves time.
type Cache struct {
	mu       sync.Mutex
	clusters shelf[*catalog.Cluster]
	tables   shelf[*tables.Table]
	counts   shelf[CountMaps]
	families shelf[*disclosure.Family]
	versions shelf[catalog.Version]
	keys     shelf[catalog.Key]
	queries  shelf[catalog.Query]
	vectors  shelf[catalog.Vector]
}

// recallRecord is Find, of what is decoded once. Its name is the stored bytes themselves, so that another machine, and
// this one after a start, decodes the same. The caller changes nothing that the record points to.
func recallRecord[T any](m *Cache, s *shelf[T], most int, r Reader, key string) (T, error) {
	b, err := r.Get([]byte(key))
	if err != nil || b == nil {
		return Find[T](r, key) // which says so
	}
	return recallDecoded(m, s, most, key, b)
}

func recallDecoded[T any](m *Cache, s *shelf[T], most int, key string, b []byte) (T, error) {
	m.mu.Lock()
	v, known := s.values[string(b)] // which copies nothing
	m.mu.Unlock()
	if known {
		return v, nil
	}
	return recallOr(m, s, most, string(b), func() (T, error) { return decodeRecord[T](key, b) })
}

// Cluster reads the founding record, without the clock. The caller does not change it.
func (m *Cache) Cluster(r Reader) (*catalog.Cluster, error) {
	return recallRecord(m, &m.clusters, cachedClusters, r, KeyCluster)
}

// Key reads a key. The caller changes nothing that it points to.
func (m *Cache) Key(r Reader, id string) (catalog.Key, error) {
	return recallRecord(m, &m.keys, cachedKeys, r, PrefixKey+id)
}

// Keys reads all keys by id, likewise.
func (m *Cache) Keys(r Reader) ([]catalog.Key, error) {
	return collect(r, PrefixKey, func(key string, b []byte) (catalog.Key, error) {
		return recallDecoded(m, &m.keys, cachedKeys, key, b)
	})
}

// Vector reads a private vector, likewise.
func (m *Cache) Vector(r Reader, id string) (catalog.Vector, error) {
	return recallRecord(m, &m.vectors, cachedVectors, r, PrefixVector+id)
}

// Query reads a query, or returns ErrNotFound. The caller changes nothing that it points to but its own lists.
func (m *Cache) Query(r Reader, id string) (catalog.Query, error) {
	q, err := recallRecord(m, &m.queries, cachedQueries, r, PrefixQuery+id)
	q.Attempts, q.Entries, q.Spent = slices.Clone(q.Attempts), slices.Clone(q.Entries), slices.Clone(q.Spent)
	q.Shares, q.Failing = slices.Clone(q.Shares), slices.Clone(q.Failing)
	return q, err
}

// PendingQueries reads the queries that are neither done nor failed, the oldest first, likewise.
func (m *Cache) PendingQueries(r Reader) ([]catalog.Query, error) {
	return listNamed(r, PrefixTodoQuery, func(id string) (catalog.Query, error) {
		return recallRecord(m, &m.queries, cachedQueries, r, PrefixQuery+id)
	})
}

// Version reads a version of a dataset, likewise.
func (m *Cache) Version(r Reader, at catalog.VersionOf) (catalog.Version, error) {
	return recallRecord(m, &m.versions, cachedVersions, r, PrefixVersion+VersionName(at.Dataset, at.Version))
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
func recallOr[V any](m *Cache, s *shelf[V], most int, name string, fill func() (V, error)) (V, error) {
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

// KeepFamily adds a family that was made elsewhere under the name that it is found by.
func (m *Cache) KeepFamily(owner, registry string, f *Family, rule *disclosure.Family) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.families.add(f.cacheName(owner, registry), rule, cachedFamilies)
}
