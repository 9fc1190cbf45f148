package records

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
)

// Clock is the state's clock, Unix milliseconds; 0 before the first entry.
func Clock(r Reader) (int64, error) {
	clock, err := Find[int64](r, KeyClock)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return 0, err
	}
	return clock, nil
}

// Cluster reads the founding record, without the clock. It never changes, so
// it is decoded once.
func (m *Cache) Cluster(r Reader) (*catalog.Cluster, error) {
	raw, err := r.Get([]byte(KeyCluster))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", KeyCluster, err)
	}
	if raw == nil {
		return nil, fmt.Errorf("cluster: %w", ErrNotFound)
	}
	m.mu.Lock()
	v, same := m.clusterVal, m.clusterRaw == string(raw)
	m.mu.Unlock()
	if same && v != nil {
		return v, nil
	}
	v = new(catalog.Cluster)
	if err := json.Unmarshal(raw, v); err != nil {
		return nil, fmt.Errorf("decode %s: %w", KeyCluster, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clusterRaw, m.clusterVal = string(raw), v
	return v, nil
}

// KeyOf is a publisher's key, in whatever state.
func KeyOf(r Reader, publisher string) (catalog.Key, error) {
	return FindNamed[catalog.Key](r, PrefixKeyOf+publisher, PrefixKey, fmt.Sprintf("key of %.80q", publisher))
}
