package consensus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/consensus/logbridge"
)

// moody is a member that votes for whoever asks, and takes and refuses entries in turn
// while its connections stay open. To a leader that is what a member looks like that has
// voted for another one, and what it looks like again and again.
type moody struct {
	trans *raft.NetworkTransport
	last  uint64       // the last entry that it was sent
	count atomic.Int64 // of messages, heartbeats not counted
}

func (m *moody) answer(rpc raft.RPC) {
	switch req := rpc.Command.(type) {
	case *raft.RequestPreVoteRequest:
		rpc.Respond(&raft.RequestPreVoteResponse{RPCHeader: req.RPCHeader, Term: req.Term, Granted: true}, nil)
	case *raft.RequestVoteRequest:
		rpc.Respond(&raft.RequestVoteResponse{RPCHeader: req.RPCHeader, Term: req.Term, Granted: true}, nil)
	case *raft.AppendEntriesRequest:
		count := m.count.Add(1)
		r := &raft.AppendEntriesResponse{RPCHeader: req.RPCHeader, Term: req.Term, LastLog: m.last, NoRetryBackoff: true}
		if r.Success = count%4 < 2; r.Success && len(req.Entries) > 0 {
			m.last = req.Entries[len(req.Entries)-1].Index
			r.LastLog = m.last
		}
		rpc.Respond(r, nil)
	default:
		rpc.Respond(nil, fmt.Errorf("not asked of it: %T", req))
	}
}

// serve answers until ctx ends.
func (m *moody) serve(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case rpc := <-m.trans.Consumer():
			m.answer(rpc)
		}
	}
}

// A leader that is told to stop while another member refuses what it sends ends all the
// same. Raft's pipeline leaves its sender and its decoder waiting for each other for good
// when a refusal ends the reading of answers while two more messages are on their way.
func TestCloseEndsWhileAMemberRefuses(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := newCluster(t, 2, steady)
		m := &moody{trans: raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Stream: newStreams(c.layer["n2"], Options{}), MaxPool: 1, Logger: logbridge.New(discard, "test"),
		})}
		delete(c.layer, "n2")
		m.trans.SetHeartbeatHandler(func(rpc raft.RPC) {
			req := rpc.Command.(*raft.AppendEntriesRequest)
			rpc.Respond(&raft.AppendEntriesResponse{RPCHeader: req.RPCHeader, Term: req.Term, Success: true}, nil)
		})
		serving, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { m.serve(serving) })
		l := c.start("n1")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 8 {
			wg.Go(func() {
				for ctx.Err() == nil {
					if _, err := l.Propose(ctx, []byte("set a 1")); err != nil && ctx.Err() == nil &&
						!errors.Is(err, ErrNoQuorum) && !errors.Is(err, ErrLostLeadership) {
						t.Errorf("%v", err)
						return
					}
				}
			})
		}
		await(t, "the member to have refused often", func() bool { return m.count.Load() > 2000 })
		cancel()
		closed := make(chan error, 1)
		go func() { closed <- l.Close() }()
		select {
		case err := <-closed:
			if err != nil {
				t.Errorf("closing: %v", err)
			}
		case <-time.After(60 * time.Second):
			t.Error("the leader does not close")
		}
		c.mu.Lock()
		delete(c.nodes, "n1")
		c.mu.Unlock()
		stop()
		wg.Wait()
		if err := m.trans.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Whatever keeps raft from ending does not keep Close from returning, and the stores that
// raft may still use stay open.
func TestCloseReturnsWhereRaftDoesNotEnd(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := newCluster(t, 1, nil)
		release := make(chan struct{})
		entered := make(chan struct{})
		c.machine = kv{fail: func(_ uint64, entry []byte) error {
			if string(entry) == "stand still" {
				close(entered)
				<-release
			}
			return nil
		}}
		l := c.start("n1")
		c.leader()
		proposed := make(chan error, 1)
		go func() { _, err := l.Propose(t.Context(), []byte("stand still")); proposed <- err }()
		<-entered
		if err := l.Close(); !errors.Is(err, errRaftStays) {
			t.Errorf("closing: %v", err)
		}
		c.mu.Lock()
		delete(c.nodes, "n1")
		c.mu.Unlock()
		close(release)
		if err := <-proposed; err == nil {
			t.Error("the entry was acknowledged, and the ledger was closed before")
		}
		<-l.raft.ended
		if err := l.disk.close(); err != nil {
			t.Error(err)
		}
	})
}
