package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/blobs"
	"github.com/weirdata/weir/node/mpc"
	"github.com/weirdata/weir/node/peer"
)

// Paths of the peer port. All are POST with JSON unless said otherwise.
const (
	pathPing       = "/v1/ping"
	pathRoot       = "/v1/root"
	pathPropose    = "/v1/propose"
	pathReadIndex  = "/v1/read-index"
	pathCheckpoint = "/v1/checkpoint"
	pathBlobs      = "/v1/blobs"  // GET /v1/blobs/{digest}: the bytes
	pathMessage    = "/v1/parcel" // PUT with session, kind, batch in the query: the bytes
)

// Kinds of errors that peers tell each other.
const (
	kindNotLeader = "not_leader"
	kindCannot    = "cannot" // it leads, and cannot propose
	kindNoBlob    = "no_blob"
	kindNotAsked  = "not_asked"
)

// maxCall is the largest body of a call in bytes: an envelope is at most 1 MiB.
const maxCall = 2 << 20

// peerPort is what a node does for its peers.
type peerPort struct {
	*core
	access      *access
	monitor     *monitor
	checkpoints *checkpoints
}

// server has what this node does for its peers. Whoever gets here has proven to be a node of the roster.
func (p *peerPort) server() *peer.Server {
	s := peer.NewServer(peer.ServerOptions{Failed: func(from, method, route string, err error) {
		p.log.Debug("peer request failed", "from", from, "method", method, "route", route, "error", err)
	}})
	s.Handle(http.MethodPost, pathPing, maxCall, p.monitor.servePing)
	s.Handle(http.MethodPost, pathRoot, maxCall, p.monitor.serveRoot)
	s.Handle(http.MethodPost, pathPropose, maxCall, p.servePropose)
	s.Handle(http.MethodPost, pathReadIndex, maxCall, p.serveReadIndex)
	s.Handle(http.MethodPost, pathCheckpoint, maxCall, p.checkpoints.serveCheckpoint)
	s.Handle(http.MethodGet, pathBlobs+"/{digest}", 0, p.serveBlob)
	s.Handle(http.MethodPut, pathMessage, mpc.MaxMessage, p.serveMessage)
	return s
}

// servePropose proposes an envelope for a node that does not lead.
func (p *peerPort) servePropose(ctx context.Context, _ string, w http.ResponseWriter, r *http.Request) error {
	var e catalog.Envelope
	if err := peer.ReadJSON(r, &e); err != nil {
		return err
	}
	receipt, err := p.access.propose(ctx, e, nil)
	if err != nil {
		return tellLeaderError(err)
	}
	return peer.WriteJSON(w, receipt)
}

// serveReadIndex confirms that this node leads and names what is committed.
func (p *peerPort) serveReadIndex(ctx context.Context, _ string, w http.ResponseWriter, _ *http.Request) error {
	index, err := p.ledger.ReadIndex(ctx)
	if err != nil {
		return tellLeaderError(err)
	}
	return peer.WriteJSON(w, readIndex{Index: index})
}

// tellLeaderError makes what passes with another leader a 503, so that the caller tries again.
func tellLeaderError(err error) error {
	switch _, other := errors.AsType[*consensus.NotLeaderError](err); {
	case other:
		return &peer.Error{Status: http.StatusMisdirectedRequest, Kind: kindNotLeader, Message: "this node does not lead", Err: err}
	case cannotPropose(err):
		return &peer.Error{Status: http.StatusServiceUnavailable, Kind: kindCannot, Message: err.Error(), Err: err}
	case isAny(err, consensus.ErrLostLeadership, consensus.ErrNoQuorum, consensus.ErrClosed, consensus.ErrFault):
		return &peer.Error{Status: http.StatusServiceUnavailable, Kind: kindNotLeader, Message: err.Error(), Err: err}
	case errors.Is(err, consensus.ErrTooLarge):
		return &peer.Error{Status: http.StatusRequestEntityTooLarge, Kind: peer.KindTooLarge, Message: err.Error(), Err: err}
	}
	return err
}

// serveBlob hands out a blob, whole and verified. Tiles are ciphertexts, the rest is public; only nodes get here.
func (p *peerPort) serveBlob(ctx context.Context, _ string, w http.ResponseWriter, r *http.Request) error {
	d, err := catalog.ParseDigest(r.PathValue("digest"))
	if err != nil {
		return &peer.Error{Status: http.StatusBadRequest, Kind: peer.KindInvalid, Message: err.Error()}
	}
	b, err := p.blobs.Get(ctx, d)
	if errors.Is(err, blobs.ErrNotFound) {
		return &peer.Error{Status: http.StatusNotFound, Kind: kindNoBlob, Message: "this node does not hold it"}
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	_, err = w.Write(b) //nolint:gosec // G705: to a node, as bytes
	return err
}

// serveMessage keeps what another member sent for an attempt that the ledger names, with both of us in it. The sender
// may be ahead of this node's state, so an attempt that is not known yet is waited for.
func (p *peerPort) serveMessage(ctx context.Context, from string, w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	batch, err := strconv.Atoi(q.Get("batch"))
	if err != nil || batch < 0 || batch > mpc.MaxBatches {
		return &peer.Error{Status: http.StatusBadRequest, Kind: peer.KindInvalid, Message: "batch is not a number in range"}
	}
	m := mpc.Message{Session: q.Get("session"), Kind: q.Get("kind"), Batch: batch, From: from}
	most, known := mpc.Limit(m.Kind)
	if !known {
		return &peer.Error{Status: http.StatusBadRequest, Kind: peer.KindInvalid, Message: "no such kind of message"}
	}
	if err := p.awaitSession(ctx, m); err != nil {
		return err
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		return fmt.Errorf("read a message of %s: %w", from, err)
	}
	if err := p.mpc.Mailbox.Put(m, b); err != nil {
		return &peer.Error{Status: http.StatusInsufficientStorage, Kind: peer.KindTooLarge, Message: err.Error(), Err: err}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// awaitSession waits until this node's state asks for message m, for as long as the caller does, at most
// Options.QuorumWait.
func (p *peerPort) awaitSession(ctx context.Context, m mpc.Message) error {
	ctx, cancel := context.WithTimeout(ctx, p.opts.QuorumWait)
	defer cancel()
	changes, stop := p.ledger.Changes()
	defer stop()
	for {
		var asked bool
		err := p.view(func(v state.View) (err error) {
			asked, err = mpc.Expects(v, p.self, m)
			return err
		})
		if err != nil {
			return err
		}
		if asked {
			return nil
		}
		select {
		case <-ctx.Done():
			return &peer.Error{Status: http.StatusConflict, Kind: kindNotAsked, Message: "the ledger of this node asks for no such message"}
		case <-p.life.Done():
			// net/http would not notice a caller that is gone while it owes us the body, and closing waits for
			// handlers.
			return &peer.Error{Status: http.StatusServiceUnavailable, Kind: peer.KindClosing, Message: "the node is shutting down"}
		case <-changes:
		}
	}
}
