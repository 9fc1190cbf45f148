package consensus

import (
	"fmt"
	"io"
	"sync"

	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/consensus/replication"
)

// members is raft's transport. It asks for votes only when this node is entitled to them,
// finds members where they are now, and notes how far their logs go.
type members struct {
	transport
	opts     Options
	identity *identity
	layer    *streams

	mu   sync.Mutex
	logs map[raft.ServerAddress]uint64 // of members' incarnations: the last index of the log

	beats   sync.RWMutex // held for reading while a heartbeat is handled
	stopped bool         // no heartbeat is handled any more
}

var (
	_ raft.Transport   = (*members)(nil)
	_ raft.WithPreVote = (*members)(nil)
	_ raft.WithClose   = (*members)(nil)
)

// SetHeartbeatHandler has heartbeats handled until stopHeartbeats. Raft handles them in goroutines of the transport, for
// which its Shutdown does not wait, and one of a new term that finds the log closed makes it panic.
func (m *members) SetHeartbeatHandler(handle func(raft.RPC)) {
	m.transport.SetHeartbeatHandler(func(rpc raft.RPC) {
		m.beats.RLock()
		defer m.beats.RUnlock()
		if m.stopped {
			rpc.Respond(nil, raft.ErrRaftShutdown)
			return
		}
		handle(rpc)
	})
}

// stopHeartbeats returns when no heartbeat is being handled; none is afterwards.
func (m *members) stopHeartbeats() {
	m.beats.Lock()
	defer m.beats.Unlock()
	m.stopped = true
}

// where is a member's endpoint with its present address.
func (m *members) where(id raft.ServerID, target raft.ServerAddress) (endpoint, error) {
	p, err := parseEndpoint(string(target))
	if err != nil || m.opts.Resolve == nil {
		return p, err
	}
	addr, ok := m.opts.Resolve(string(id))
	if !ok {
		return endpoint{}, fmt.Errorf("no address known for %s", id)
	}
	p.addr = addr
	return p, nil
}

// dialed is the address to connect to.
func (m *members) dialed(id raft.ServerID, target raft.ServerAddress) (raft.ServerAddress, error) {
	p, err := m.where(id, target)
	return p.address(), err
}

// AppendEntries implements raft.Transport. A member's log is known once the entries of this
// leader follow it: from then on a heartbeat tells its end.
func (m *members) AppendEntries(id raft.ServerID, target raft.ServerAddress, args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	to, err := m.dialed(id, target)
	if err != nil {
		return err
	}
	if err := m.NetworkTransport.AppendEntries(id, to, args, resp); err != nil || !resp.Success {
		return err
	}
	heartbeat := len(args.Entries) == 0 && args.PrevLogEntry == 0 && args.LeaderCommitIndex == 0
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, follows := m.logs[target]; follows || !heartbeat {
		m.logs[target] = resp.LastLog
	}
	return nil
}

// AppendEntriesPipeline implements raft.Transport.
func (m *members) AppendEntriesPipeline(id raft.ServerID, target raft.ServerAddress) (raft.AppendPipeline, error) {
	to, err := m.dialed(id, target)
	if err != nil {
		return nil, err
	}
	return m.transport.AppendEntriesPipeline(id, to)
}

// InstallSnapshot implements raft.Transport.
func (m *members) InstallSnapshot(id raft.ServerID, target raft.ServerAddress, args *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader) error {
	to, err := m.dialed(id, target)
	if err != nil {
		return err
	}
	return m.NetworkTransport.InstallSnapshot(id, to, args, resp, data)
}

// askVote asks a member as ask does, where this node may have its vote.
func askVote[Q, A any](m *members, id raft.ServerID, target raft.ServerAddress, args *Q, resp *A,
	ask func(raft.ServerID, raft.ServerAddress, *Q, *A) error) error {
	to, err := m.dialed(id, target)
	if err != nil {
		return err
	}
	if err := m.identity.mayVote(); err != nil {
		return err
	}
	return ask(id, to, args, resp)
}

// Raft (v1.8.0) has a member refuse a candidate that is no voter in its own configuration, which may
// be older than the candidate's. When the leader is lost that made the candidate one, and only those
// are left that have not heard of it, nobody could ever be elected (TestMemberThatIsBehindVotesForANewOne).
// A vote does not depend on who asks, but on the logs (Ongaro, section 4.1), and who may ask is seen to
// here. A request without an id is not refused, as one of an older version of raft.

// RequestVote implements raft.Transport.
func (m *members) RequestVote(id raft.ServerID, target raft.ServerAddress, args *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	nameless := *args
	nameless.ID = nil
	return askVote(m, id, target, &nameless, resp, m.NetworkTransport.RequestVote)
}

// RequestPreVote implements raft.WithPreVote. These have an id in all versions: whom the member does
// not know asks again by the member's own.
func (m *members) RequestPreVote(id raft.ServerID, target raft.ServerAddress, args *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	if err := askVote(m, id, target, args, resp, m.NetworkTransport.RequestPreVote); err != nil || resp.Granted {
		return err
	}
	as := *args
	as.ID = []byte(id)
	*resp = raft.RequestPreVoteResponse{}
	return askVote(m, id, target, &as, resp, m.NetworkTransport.RequestPreVote)
}

// TimeoutNow implements raft.Transport.
func (m *members) TimeoutNow(id raft.ServerID, target raft.ServerAddress, args *raft.TimeoutNowRequest, resp *raft.TimeoutNowResponse) error {
	to, err := m.dialed(id, target)
	if err != nil {
		return err
	}
	return m.NetworkTransport.TimeoutNow(id, to, args, resp)
}

// logOf is how far a member's log is known to go, 0 when it is not.
func (m *members) logOf(target raft.ServerAddress) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.logs[target]
}

// metAs is which incarnation a member runs as, as far as this node knows.
func (m *members) metAs(s raft.Server) (i incarnation, known bool) {
	p, err := m.where(s.ID, s.Address)
	if err != nil {
		return 0, false
	}
	return m.layer.metAt(p)
}

// transport is raft's transport with the pipelines of package replication.
type transport struct {
	*raft.NetworkTransport
	commits *replication.Commits
}

var (
	_ raft.Transport   = transport{}
	_ raft.WithClose   = transport{}
	_ raft.WithPreVote = transport{}
)

// AppendEntriesPipeline implements raft.Transport.
func (t transport) AppendEntriesPipeline(id raft.ServerID, target raft.ServerAddress) (raft.AppendPipeline, error) {
	inner, err := t.NetworkTransport.AppendEntriesPipeline(id, target)
	if err != nil {
		return nil, err
	}
	return t.commits.Pipeline(inner), nil
}
