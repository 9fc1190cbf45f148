package consensus

import (
	"sync/atomic"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/consensus/logbridge"
)

// A heartbeat that is being handled when a member stops is waited for, and one that comes later is refused: raft would
// write its term into a log that is closed, and panic.
func TestNoHeartbeatIsHandledAfterTheStop(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := newCluster(t, 2, steady)
		open := func(id string) *members {
			return &members{transport: transport{NetworkTransport: raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
				Stream: newStreams(c.layer[id], Options{}), MaxPool: 1, Logger: logbridge.New(discard, "test"),
			})}}
		}
		asker, m := open("n1"), open("n2")
		delete(c.layer, "n1")
		delete(c.layer, "n2")
		var handled atomic.Int32
		entered, leave := make(chan struct{}, 1), make(chan struct{})
		m.SetHeartbeatHandler(func(rpc raft.RPC) {
			handled.Add(1)
			entered <- struct{}{}
			<-leave
			rpc.Respond(&raft.AppendEntriesResponse{Success: true}, nil)
		})
		beat := func() error {
			args := &raft.AppendEntriesRequest{RPCHeader: raft.RPCHeader{Addr: []byte("n1")}, Term: 1}
			return asker.transport.AppendEntries("n2", m.LocalAddr(), args, &raft.AppendEntriesResponse{})
		}
		first := make(chan error, 1)
		go func() { first <- beat() }()
		<-entered
		if m.beats.TryLock() {
			t.Error("stopHeartbeats would not wait for the heartbeat that is being handled")
		}
		close(leave)
		m.stopHeartbeats()
		if err := <-first; err != nil {
			t.Errorf("the first heartbeat: %v", err)
		}
		if err := beat(); err == nil || handled.Load() != 1 {
			t.Errorf("a heartbeat after the stop was handled (%d): %v", handled.Load(), err)
		}
		for _, one := range []*members{asker, m} {
			if err := one.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
