package consensus

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/consensus/logbridge"
)

// noted is a connection that notes the deadlines of its reads.
type noted struct {
	net.Conn
	until []time.Time
}

func (n *noted) SetReadDeadline(t time.Time) error { n.until = append(n.until, t); return nil }
func (n *noted) Read(b []byte) (int, error)        { return len(b), nil }
func (n *noted) Write(b []byte) (int, error)       { return len(b), nil }

// TestOnlyAMessageThatHasBegunIsBounded: a connection may rest between messages
// for days.
func TestOnlyAMessageThatHasBegunIsBounded(t *testing.T) {
	n := &noted{}
	c := &incoming{Conn: n, stall: time.Hour}
	buf := make([]byte, 4)
	for _, step := range []func([]byte) (int, error){c.Read, c.Read, c.Write, c.Read, c.Read, c.Read} {
		if _, err := step(buf); err != nil {
			t.Fatal(err)
		}
	}
	want := []bool{false, true, false, true, true}
	if len(n.until) != len(want) {
		t.Fatalf("%d reads", len(n.until))
	}
	for i, until := range n.until {
		if bounded := !until.IsZero(); bounded != want[i] {
			t.Errorf("read %d is bounded: %v, want %v", i, bounded, want[i])
		} else if bounded && time.Until(until) < 59*time.Minute {
			t.Errorf("read %d ends %s from now", i, time.Until(until))
		}
	}
}

// TestSnapshotThatStallsIsGivenUp: the leader's machine goes in the middle of a
// snapshot, and its connection stays open. Raft reads the snapshot on the thread
// that votes.
func TestSnapshotThatStallsIsGivenUp(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		network := newMemoryNet()
		server := newStreams(network.listen(""), Options{})
		server.stall = time.Second
		client := newStreams(network.listen(""), Options{})
		quiet := logbridge.New(discard, "test")
		to := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{Stream: server, MaxPool: 1, Logger: quiet})
		from := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{Stream: client, MaxPool: 1, Logger: quiet})
		gone, leave := io.Pipe() // the rest never comes
		sent := make(chan error, 1)
		go func() {
			req := &raft.InstallSnapshotRequest{RPCHeader: raft.RPCHeader{ProtocolVersion: 3}, SnapshotVersion: 1, Size: 1 << 20}
			var resp raft.InstallSnapshotResponse
			sent <- from.InstallSnapshot("to", to.LocalAddr(), req, &resp, io.MultiReader(io.LimitReader(zeros{}, 1<<19), gone))
		}()
		defer func() {
			if err := errors.Join(leave.Close(), to.Close(), from.Close()); err != nil {
				t.Error(err)
			}
			if err := <-sent; err == nil {
				t.Error("the sender was not told")
			}
		}()
		timeout := time.NewTimer(20 * time.Second)
		defer timeout.Stop()
		select {
		case rpc := <-to.Consumer():
			n, err := io.Copy(io.Discard, rpc.Reader)
			if !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 || n > 1<<19 {
				t.Errorf("%d bytes, %v; want half of them and a deadline", n, err)
			}
			rpc.Respond(&raft.InstallSnapshotResponse{}, err)
		case <-timeout.C:
			t.Fatal("the snapshot never came")
		}
	})
}
