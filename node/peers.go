package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/peer"
)

// Paths of the peer port. All are POST with JSON unless said otherwise.
const (
	pathPing       = "/v1/ping"
	pathPropose    = "/v1/propose"
	pathReadIndex  = "/v1/read-index"
	pathCheckpoint = "/v1/checkpoint"
	pathBlobs      = "/v1/blobs"  // GET /v1/blobs/{digest}: the bytes
	pathParcel     = "/v1/parcel" // PUT with session, kind, batch in the query: the bytes
)

// Kinds of errors that peers tell each other.
const (
	kindNotLeader = "not_leader"
	kindCannot    = "cannot" // it leads, and cannot propose
	kindNoBlob    = "no_blob"
	kindNotAsked  = "not_asked"
)

// Limits of bodies in bytes.
const (
	maxCall   = 2 << 20  // an envelope is at most 1 MiB
	maxParcel = 16 << 20 // the contributions of one batch: 64 × 197 kB
)

// peerRoutes registers what this node does for its peers. Whoever gets here has
// proven to be a node of the roster.
func (n *Node) peerRoutes() *peer.Server {
	s := peer.NewServer(peer.ServerOptions{Failed: func(from, method, route string, err error) {
		n.log.Debug("peer request failed", "from", from, "method", method, "route", route, "error", err)
	}})
	s.Handle(http.MethodPost, pathPing, maxCall, func(_ context.Context, _ string, w http.ResponseWriter, _ *http.Request) error {
		faults, err := n.keyFaults()
		if err != nil {
			return err
		}
		return peer.WriteJSON(w, pong{Unfit: len(faults) > 0 || n.clockFault() != nil, Damaged: n.mender.status().Damaged > 0, Run: n.run, Now: n.opts.Clock().UnixMilli()})
	})
	s.Handle(http.MethodPost, pathPropose, maxCall, n.servePropose)
	s.Handle(http.MethodPost, pathReadIndex, maxCall, n.serveReadIndex)
	s.Handle(http.MethodPost, pathCheckpoint, maxCall, n.serveCheckpoint)
	s.Handle(http.MethodGet, pathBlobs+"/{digest}", 0, n.serveBlob)
	s.Handle(http.MethodPut, pathParcel, maxParcel, n.serveParcel)
	return s
}

// call asks another node with JSON.
func (n *Node) call(ctx context.Context, node, path string, in, out any) error {
	return n.peers.JSON(ctx, node, http.MethodPost, path, in, out)
}

// servePropose proposes an envelope for a node that does not lead.
func (n *Node) servePropose(ctx context.Context, _ string, w http.ResponseWriter, r *http.Request) error {
	var e catalog.Envelope
	if err := peer.ReadJSON(r, &e); err != nil {
		return err
	}
	receipt, err := n.propose(ctx, e)
	if err != nil {
		return tellLeaderError(err)
	}
	return peer.WriteJSON(w, receipt)
}

// serveReadIndex confirms that this node leads and names what is committed.
func (n *Node) serveReadIndex(ctx context.Context, _ string, w http.ResponseWriter, _ *http.Request) error {
	index, err := n.ledger.ReadIndex(ctx)
	if err != nil {
		return tellLeaderError(err)
	}
	return peer.WriteJSON(w, readIndex{Index: index})
}

// tellLeaderError makes what passes with another leader a 503, so that the
// caller tries again.
func tellLeaderError(err error) error {
	var notLeader *consensus.NotLeaderError
	switch {
	case errors.As(err, &notLeader):
		return &peer.Error{Status: http.StatusMisdirectedRequest, Kind: kindNotLeader, Message: "this node does not lead", Err: err}
	case cannotPropose(err):
		return &peer.Error{Status: http.StatusServiceUnavailable, Kind: kindCannot, Message: err.Error(), Err: err}
	case errors.Is(err, consensus.ErrLostLeadership), errors.Is(err, consensus.ErrNoQuorum), errors.Is(err, consensus.ErrClosed):
		return &peer.Error{Status: http.StatusServiceUnavailable, Kind: kindNotLeader, Message: err.Error(), Err: err}
	case errors.Is(err, consensus.ErrTooLarge):
		return &peer.Error{Status: http.StatusRequestEntityTooLarge, Kind: peer.KindTooLarge, Message: err.Error(), Err: err}
	}
	return err
}

// serveBlob hands out a blob, whole and verified. Tiles are ciphertexts, the
// rest is public; only nodes get here.
func (n *Node) serveBlob(ctx context.Context, _ string, w http.ResponseWriter, r *http.Request) error {
	d, err := catalog.ParseDigest(r.PathValue("digest"))
	if err != nil {
		return &peer.Error{Status: http.StatusBadRequest, Kind: peer.KindInvalid, Message: err.Error()}
	}
	b, err := n.blobs.Get(ctx, d)
	if errors.Is(err, api.ErrNotFound) {
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

// getBlob fetches a blob from another node; the store verifies it.
func (n *Node) getBlob(ctx context.Context, node string, d catalog.Digest) ([]byte, error) {
	return n.peers.Do(ctx, node, http.MethodGet, pathBlobs+"/"+d.String(), nil)
}

// sendParcel sends what belongs to an attempt to one other member.
func (n *Node) sendParcel(ctx context.Context, to string, p parcel, b []byte) error {
	q := url.Values{"session": {p.session}, "kind": {p.kind}, "batch": {strconv.Itoa(p.batch)}}
	_, err := n.peers.Do(ctx, to, http.MethodPut, pathParcel+"?"+q.Encode(), b)
	if err != nil {
		return fmt.Errorf("send the %s of %s to %s: %w", p.kind, p.session, to, err)
	}
	return nil
}

// serveParcel keeps what another member sent for an attempt that the ledger
// names, with both of us in it. The sender may be ahead of this node's state, so
// an attempt that is not known yet is waited for.
func (n *Node) serveParcel(ctx context.Context, from string, w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	batch, err := strconv.Atoi(q.Get("batch"))
	if err != nil || batch < 0 || batch > maxBatches {
		return &peer.Error{Status: http.StatusBadRequest, Kind: peer.KindInvalid, Message: "batch is not a number in range"}
	}
	p := parcel{session: q.Get("session"), kind: q.Get("kind"), batch: batch, from: from}
	most, known := parcelLimits[p.kind]
	if !known {
		return &peer.Error{Status: http.StatusBadRequest, Kind: peer.KindInvalid, Message: "no such kind of parcel"}
	}
	if err := n.awaitSession(ctx, p); err != nil {
		return err
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		return fmt.Errorf("read a parcel of %s: %w", from, err)
	}
	if err := n.exchange.put(p, b); err != nil {
		return &peer.Error{Status: http.StatusInsufficientStorage, Kind: peer.KindTooLarge, Message: err.Error(), Err: err}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// maxBatches bounds the batch numbers of one attempt: 2^17 tiles opened one by one,
// or the messages of all its computations on shares.
const maxBatches = 1 << 15

// awaitSession waits until this node's state asks for parcel p, for as long as
// the caller does, at most Options.QuorumWait.
func (n *Node) awaitSession(ctx context.Context, p parcel) error {
	ctx, cancel := context.WithTimeout(ctx, n.opts.QuorumWait)
	defer cancel()
	changes, stop := n.ledger.Changes()
	defer stop()
	for {
		asked, err := n.asks(p)
		if err != nil {
			return err
		}
		if asked {
			return nil
		}
		select {
		case <-ctx.Done():
			return &peer.Error{Status: http.StatusConflict, Kind: kindNotAsked, Message: "the ledger of this node asks for no such parcel"}
		case <-n.done:
			// net/http would not notice a caller that is gone while it owes us
			// the body, and closing waits for handlers.
			return &peer.Error{Status: http.StatusServiceUnavailable, Kind: peer.KindClosing, Message: "the node is shutting down"}
		case <-changes:
		}
	}
}

// asks reports whether the state has an attempt for which p's sender owes this
// node p: both are members, and contributions go to the root alone. Whatever
// else could be a name of a parcel is not one: a sender must not be able to fill
// the memory with parcels that nobody waits for.
func (n *Node) asks(p parcel) (asked bool, err error) {
	err = n.view(func(v catalog.View) (err error) {
		var active []string
		var root string
		switch kind, rest, _ := strings.Cut(p.session, "/"); kind {
		case "key":
			asked, err = n.asksInCeremony(v, p)
			return err
		case "version":
			active, root, err = membersOfVersion(v, p.session)
		case "vector":
			id, _, _ := strings.Cut(rest, "/")
			active, err = membersOfVector(v, id, p.session)
		case "query":
			id, _, _ := strings.Cut(rest, "/")
			active, root, err = membersOfQuery(v, id, p.session)
		}
		asked = owed(p, n.id, active, root)
		return err
	})
	return asked, err
}

// owed reports whether p's sender owes it to a member of an attempt: digests
// every member to every other, contributions the others to the root alone. Members
// of a query's attempt that multiply owe each other the parity and what the stages
// of the computation send.
func owed(p parcel, to string, active []string, root string) bool {
	return slices.Contains(active, to) && slices.Contains(active, p.from) && p.from != to &&
		(p.kind == parcelDigests || p.kind == parcelShares && root == to ||
			(p.kind == parcelParity || p.kind == parcelStages) && (strings.HasPrefix(p.session, "query/") || strings.HasPrefix(p.session, "vector/") && p.kind == parcelStages))
}

// membersOfVersion returns who takes part in a parity opening under way.
func membersOfVersion(v catalog.View, session string) (active []string, root string, err error) {
	pending, err := v.PendingVersions()
	if err != nil {
		return nil, "", err
	}
	for _, x := range pending {
		if a, under := underWay(x.Attempts); under && session == versionSession(x.Dataset, x.Version, a.Number) {
			return a.Active, a.Root, nil
		}
	}
	return nil, "", nil
}

// membersOfVector returns who takes part in the check of a vector under way.
func membersOfVector(v catalog.View, id, session string) (active []string, err error) {
	x, err := v.Vector(id)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if a, under := underWay(x.Attempts); under && x.State == catalog.VectorProving && session == vectorSession(id, a.Number) {
		return a.Active, nil
	}
	return nil, nil
}

// membersOfQuery returns who takes part in a query's attempt under way.
func membersOfQuery(v catalog.View, id, session string) (active []string, root string, err error) {
	q, err := v.Query(id)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	if a, under := underWay(q.Attempts); under && q.State == catalog.QueryRunning && session == querySession(id, a.Number) {
		return a.Active, a.Root, nil
	}
	return nil, "", nil
}

// asksInCeremony is asks for ceremonies.
func (n *Node) asksInCeremony(v catalog.View, p parcel) (bool, error) {
	keys, err := v.Keys()
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(keys, func(k catalog.Key) bool { return owedInCeremony(p, n.point, k) }), nil
}

// owedInCeremony reports whether p's sender owes it to the node at point: its
// dealing while keys are dealt, and in each test set what members of an attempt
// owe each other, besides its slots to the set's first member, which is the root.
func owedInCeremony(p parcel, point int, k catalog.Key) bool {
	session := ceremonySession(k)
	from := slices.Index(k.Nodes, p.from) + 1 // its point
	if sessionRoot(p.session) != session || from == 0 || from == point || p.batch != 0 {
		return false
	}
	if p.session == session {
		return k.State == catalog.KeyDealing && p.kind == parcelDealing
	}
	for set, points := range catalog.TestSets(len(k.Nodes), k.Threshold) {
		if k.State == catalog.KeyTesting && p.session == testSession(k, set) {
			return slices.Contains(points, point) && slices.Contains(points, from) &&
				(p.kind == parcelDigests || (p.kind == parcelShares || p.kind == parcelSlots) && points[0] == point)
		}
	}
	return false
}

// sessionRoot is the attempt that a session belongs to: key tests are sessions
// of their own within a ceremony's.
func sessionRoot(session string) string {
	root, _, _ := strings.Cut(session, "/test/")
	return root
}
