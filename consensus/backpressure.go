package consensus

import (
	"context"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// Raft counts entries, not bytes, on their way to the state machine: 128 batches of
// maxAppendEntries may wait there, 8.9 GB of the largest entries. These bounds are in
// bytes.
const (
	// maxProposedBytes bounds the entries that were proposed on this node and are not
	// applied yet. It is four registry chunks for each of sixteen publishers, and
	// thousands of queries; the state machine is never without work below it.
	maxProposedBytes = 16 << 20
	// maxQueuedBytes bounds the entries that a follower has handed to its state machine
	// when it takes another message, of maxAppendEntries entries at most.
	maxQueuedBytes = 16 << 20
)

// backlog knows the sizes of the entries that this node stored and has not applied. The
// log alone uses it, under its lock.
type backlog struct{ entries []stored }

type stored struct {
	index uint64
	bytes int
}

// add notes an entry. One in the place of others replaces them, and all behind it.
func (b *backlog) add(e *raft.Log) {
	n := len(b.entries)
	for n > 0 && b.entries[n-1].index >= e.Index {
		n--
	}
	b.entries = append(b.entries[:n], stored{e.Index, len(e.Data)})
}

// waiting is the bytes of the entries behind applied up to handed, and forgets those
// that are applied.
func (b *backlog) waiting(applied, handed uint64) (bytes int) {
	done := 0
	for done < len(b.entries) && b.entries[done].index <= applied {
		done++
	}
	b.entries = append(b.entries[:0], b.entries[done:]...)
	for _, e := range b.entries {
		if e.index > handed {
			break
		}
		bytes += e.bytes
	}
	return bytes
}

// throttle holds back what a follower stores while its state machine is behind.
type throttle struct {
	ledger *Ledger
	held   atomic.Bool // a message is being held back
}

// queued is the bytes that were handed to the state machine and are not applied.
func (b *throttle) queued() int {
	l := b.ledger
	l.disk.log.mu.Lock()
	defer l.disk.log.mu.Unlock()
	// Raft's applied index moves when entries are queued.
	return l.disk.log.backlog.waiting(l.disk.applied(), l.raft.AppliedIndex())
}

// wait returns when there is room for another message. It is called by raft's main
// thread, which waits in the same way when its queue of batches is full: heartbeats are
// answered elsewhere, and what it waits for needs the state machine's thread alone, since
// only entries that were handed over count. A leader does not wait: what it stores was
// admitted when it was proposed.
func (b *throttle) wait() {
	l := b.ledger
	queued := b.queued() // on a leader too: it forgets what is applied
	if queued <= maxQueuedBytes || l.raft.leads() {
		return
	}
	b.held.Store(true)
	defer b.held.Store(false)
	// Its error is that the ledger has stopped, which is no reason to wait either.
	_ = l.waitUntil(context.Background(), func() (bool, error) { return b.queued() <= maxQueuedBytes, nil })
}
