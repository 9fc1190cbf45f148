package consensus

import (
	"encoding/hex"
	"strings"
	"time"
)

// Status is a node's view of the ledger, for people and monitoring.
type Status struct {
	ID        string `json:"id"`
	State     string `json:"state"` // follower, candidate, leader or shutdown
	Leader    string `json:"leader,omitempty"`
	Term      uint64 `json:"term"`
	LastIndex uint64 `json:"last_index"`
	Commit    uint64 `json:"commit_index"`
	Applied   uint64 `json:"applied_index"`
	NextSeq   uint64 `json:"next_seq"`
	TreeRoot  string `json:"tree_root,omitempty"` // hex
	Snapshot  uint64 `json:"snapshot_index"`
	// LastContactMS is the time since a follower heard from its leader, -1 when
	// it never did.
	LastContactMS int64 `json:"last_contact_ms"`
	StateBytes    int64 `json:"state_bytes"`
	// LogWrites and StateWrites are how often raft's log and the state were written since the start, each with an fsync.
	LogWrites   uint64   `json:"log_writes"`
	StateWrites uint64   `json:"state_writes"`
	FreeBytes   uint64   `json:"free_bytes"`
	Members     []Member `json:"members"`
	Fault       string   `json:"fault,omitempty"`
	// Incarnation names this node's ledger among those that the node has had, in
	// hexadecimal; empty: it is the first.
	Incarnation string `json:"incarnation,omitempty"`
	// NoVote says why this node neither votes nor leads; empty: it may.
	NoVote string `json:"no_vote,omitempty"`
}

// Status describes the ledger as it is. It works on a stopped one, too.
func (l *Ledger) Status() Status {
	p := l.disk.state.position()
	s := Status{
		ID:            l.opts.ID,
		State:         strings.ToLower(l.raft.State().String()),
		Term:          l.raft.CurrentTerm(),
		LastIndex:     l.raft.LastIndex(),
		Commit:        l.raft.CommitIndex(),
		Applied:       p.Applied,
		NextSeq:       p.NextSeq,
		LastContactMS: -1,
		StateBytes:    l.disk.state.size(),
		LogWrites:     l.disk.log.writes.Load(),
		StateWrites:   l.disk.state.writes.Load(),
		FreeBytes:     l.disk.free.Load(),
		Members:       l.Members(),
	}
	s.Incarnation = l.disk.identity.incarnation.String()
	if err := l.MayVote(); err != nil {
		s.NoVote = err.Error()
	}
	s.Leader, _ = l.Leader()
	if size, root, err := l.TreeHead(); err == nil {
		s.NextSeq, s.TreeRoot = size, hex.EncodeToString(root[:])
	}
	if newest, err := l.disk.snaps.newestIndex(); err == nil {
		s.Snapshot = newest
	}
	switch last := l.raft.LastContact(); {
	case l.raft.leads():
		s.LastContactMS = 0
	case !last.IsZero():
		s.LastContactMS = time.Since(last).Milliseconds()
	}
	if err := l.Fault(); err != nil {
		s.Fault = err.Error()
	}
	return s
}
