package tiles

import (
	"sync"

	"github.com/weirdata/weir/catalog"
)

// maxVerified bounds what verified remembers: twice this, about 12 MB. It is
// the tiles of some 50 GB.
const maxVerified = 1 << 17

// verified remembers the blobs whose SHA-256 was compared since the store was
// opened. Comparing it costs ten times what adding the tile does, and after the
// first time it would only find what two other things find as well: the
// comparison of accumulator digests among the members of a query (PROTOCOL.md
// section 3.1), which has blobs forgotten here where they differ (Doubt), and the scrub, which
// does not look here. A CRC-32C at every read, as badger has it, costs three times what adding does.
//
// Two generations: when the young one is full it becomes the old one, and what
// was not asked for since is forgotten.
type verified struct {
	limit int

	mu         sync.Mutex // guards the maps
	young, old map[catalog.Digest]struct{}
}

func newVerified(limit int) *verified {
	return &verified{limit: limit, young: map[catalog.Digest]struct{}{}, old: map[catalog.Digest]struct{}{}}
}

func (v *verified) has(d catalog.Digest) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.young[d]; ok {
		return true
	}
	_, ok := v.old[d]
	if ok {
		v.put(d)
	}
	return ok
}

func (v *verified) add(d catalog.Digest) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.put(d)
}

func (v *verified) put(d catalog.Digest) {
	if len(v.young) >= v.limit {
		v.young, v.old = map[catalog.Digest]struct{}{}, v.young
	}
	v.young[d] = struct{}{}
}

func (v *verified) forget(d catalog.Digest) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.young, d)
	delete(v.old, d)
}
