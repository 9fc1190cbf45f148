// Package touched remembers which keys of the state the last entries changed, so that what was derived from
// the state is derived anew only where it may come out otherwise.
package touched

import "sync"

// mostKeys bounds what is remembered: of the entries of a query, some hundreds of queries. Whoever asks about more
// is told that it is not known.
const mostKeys = 1 << 14

// Keys is what it remembers. Its zero value knows of no entry behind index 0.
type Keys struct {
	mu      sync.Mutex
	batches []batch // ascending
	keys    int     // in all batches
	from    uint64  // nothing is known of what was changed up to this index
}

type batch struct {
	upTo uint64
	keys []string
}

// Note adds what the entries up to an index changed, since the one before. It comes before anybody is told that
// they are applied.
func (k *Keys) Note(upTo uint64, keys []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.batches = append(k.batches, batch{upTo, keys})
	k.keys += len(keys)
	for k.keys > mostKeys || len(k.batches) > mostKeys {
		k.keys -= len(k.batches[0].keys)
		k.from = k.batches[0].upTo
		k.batches = k.batches[1:]
	}
}

// Forget notes that up to an index anything may have changed, as where the state was replaced.
func (k *Keys) Forget(upTo uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.batches, k.keys, k.from = nil, 0, upTo
}

// Since calls fn with the keys that entries behind an index changed, until fn returns false. It reports whether
// they are known.
func (k *Keys) Since(index uint64, fn func(key string) bool) (known bool) {
	k.mu.Lock()
	if index < k.from {
		k.mu.Unlock()
		return false
	}
	at := len(k.batches)
	for at > 0 && k.batches[at-1].upTo > index {
		at--
	}
	batches := k.batches[at:len(k.batches):len(k.batches)] // whose entries never change
	k.mu.Unlock()
	for _, b := range batches {
		for _, key := range b.keys {
			if !fn(key) {
				return true
			}
		}
	}
	return true
}
