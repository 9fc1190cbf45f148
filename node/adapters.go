package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/consensus/statesum"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/auditlog"
	"github.com/weirdata/weir/node/blobs"
	"github.com/weirdata/weir/node/changes"
	"github.com/weirdata/weir/node/mpc"
	"github.com/weirdata/weir/node/peer"
)

// ledger is this node's part of the replicated ledger, as package consensus has it.
type ledger interface {
	auditlog.Source
	Propose(ctx context.Context, entry []byte, next ...[]byte) (consensus.Applied, error)
	ReadIndex(ctx context.Context) (uint64, error)
	WaitApplied(ctx context.Context, index uint64) error
	View(fn func(records.Reader) error) error
	Recovered() bool

	IsLeader() bool
	Leader() (id string, known bool)
	TransferLeadership(ctx context.Context, id string) error
	MayVote() error
	Configuration() (c consensus.Configuration, known bool)
	AddNonvoter(ctx context.Context, m consensus.Member, from uint64) error
	Demote(ctx context.Context, id string, from uint64) error
	RemoveServer(ctx context.Context, id string, from uint64) error

	changes.Source
	RootAt(size uint64) (root [32]byte, err error)
	Consistency(oldSize, newSize uint64) (evidence.Consistency, error)
	Proof(seq, size uint64) (evidence.Proof, error)
	Digests() []statesum.At
	Status() consensus.Status
	Full() error
	Failed() <-chan struct{}
	Fault() error
	ScrubState(ctx context.Context, pause func(context.Context) error) error
	Export() (*consensus.Export, error)
}

// otherNodes asks the other nodes, as peer.Client does, with its errors.
type otherNodes interface {
	Do(ctx context.Context, node, method, path string, body []byte) ([]byte, error)
	JSON(ctx context.Context, node, method, path string, in, out any) error
}

// clientBlobs is the node's blobs as clients see them, with the errors of package api.
type clientBlobs struct{ *blobs.Store }

// Put implements api.Blobs.
func (b clientBlobs) Put(ctx context.Context, d catalog.Digest, content []byte) error {
	err := b.Store.Put(ctx, d, content)
	if errors.Is(err, tiles.ErrFull) {
		return fmt.Errorf("%w: %w", api.ErrUnavailable, err)
	}
	return err
}

// Get implements api.Blobs.
func (b clientBlobs) Get(ctx context.Context, d catalog.Digest) ([]byte, error) {
	content, err := b.Store.Get(ctx, d)
	if errors.Is(err, blobs.ErrNotFound) {
		return nil, fmt.Errorf("%w: %w", api.ErrNotFound, err)
	}
	return content, err
}

// blobPeers fetches blobs from the other nodes.
type blobPeers struct{ *core }

// Alive implements blobs.Peers.
func (p blobPeers) Alive(node string) bool { return p.health.isAlive(node) }

// Blob implements blobs.Peers.
func (p blobPeers) Blob(ctx context.Context, node string, d catalog.Digest) ([]byte, error) {
	b, err := p.peers.Do(ctx, node, http.MethodGet, pathBlobs+"/"+d.String(), nil)
	if remote, told := errors.AsType[*peer.RemoteError](err); told && remote.Kind == kindNoBlob {
		return nil, fmt.Errorf("%w: %w", blobs.ErrNotFound, err)
	}
	return b, err
}

// ownLedger is the ledger as a node's own work uses it.
type ownLedger struct {
	access *access
	lie    func(kind catalog.Kind, body any) any // tests change what is acted; nil: nothing is changed
}

// View runs fn on this node's own state, however old.
func (l ownLedger) View(fn func(state.View) error) error { return l.access.view(fn) }

// Act signs an act of this node and has it applied.
func (l ownLedger) Act(ctx context.Context, kind catalog.Kind, body any) error {
	if l.lie != nil {
		body = l.lie(kind, body)
	}
	return l.access.act(ctx, kind, body)
}

// Read runs fn on a state that has all that was committed before the call.
func (l ownLedger) Read(ctx context.Context, fn func(state.View) error) error {
	err := l.access.Read(ctx, fn)
	if errors.Is(err, api.ErrNoQuorum) || errors.Is(err, api.ErrUnavailable) {
		return fmt.Errorf("%w: %w", blobs.ErrNotCurrent, err)
	}
	return err
}

// otherMembers sends what nodes compute together to the other nodes.
type otherMembers struct{ peers otherNodes }

// Send implements mpc.Peers.
func (o otherMembers) Send(ctx context.Context, to string, m mpc.Message, content []byte) error {
	q := url.Values{"session": {m.Session}, "kind": {m.Kind}, "batch": {strconv.Itoa(m.Batch)}}
	_, err := o.peers.Do(ctx, to, http.MethodPut, pathMessage+"?"+q.Encode(), content)
	if err != nil {
		return fmt.Errorf("send the %s of %s to %s: %w", m.Kind, m.Session, to, err)
	}
	return nil
}
