package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/mpc"
	"github.com/weirdata/weir/node/peer"
)

// FuzzPeerRequest hands a node what another one might send it: answered, or refused with
// a status and a kind, never with an internal error; and nobody can fill its memory with
// messages that the ledger asks for nowhere.
func FuzzPeerRequest(f *testing.F) {
	c := newCluster(f, 3, 2, nil)
	ctx, cancel := context.WithTimeout(f.Context(), deadline)
	defer cancel()
	c.publisher(ctx, "bureau") // a ceremony has been
	n := c.nodes["n1"]
	var key catalog.Key
	err := n.Read(ctx, func(v state.View) error {
		keys, err := v.Keys().All()
		key = keys[0]
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	c.await(ctx, "what the ceremony left to be dropped", func() bool {
		return !slices.ContainsFunc(n.ids(), func(id string) bool { return n.mpc.Mailbox.Held(id) > 0 })
	})
	handlers := []peer.Handler{n.peerPort.servePropose, n.peerPort.serveReadIndex, n.checkpoints.serveCheckpoint, n.peerPort.serveBlob, n.peerPort.serveMessage}
	envelope, err := json.Marshal(c.genesis.Envelope)
	if err != nil {
		f.Fatal(err)
	}
	messageOf := func(session, kind, batch string) string {
		return url.Values{"session": {session}, "kind": {kind}, "batch": {batch}}.Encode()
	}
	f.Add(0, "", envelope)
	f.Add(0, "", []byte(`{"signer":"p-1","signature":"","payload":""}`))
	f.Add(1, "", []byte(`{}`))
	f.Add(2, "", []byte(`{"size":1,"root":"`+strings.Repeat("0", 64)+`"}`))
	f.Add(2, "", []byte(`{"size":18446744073709551615}`))
	f.Add(3, strings.Repeat("0", 64), []byte{})
	f.Add(3, "../../secrets", []byte{})
	f.Add(4, messageOf(mpc.SharingSession(key.Made()), mpc.KindDealing, "0"), []byte("dealing"))
	f.Add(4, messageOf(mpc.SharingSession(key.Made())+"/test/0", mpc.KindSlots, "0"), []byte("slots"))
	f.Add(4, messageOf("query/q-1/1", mpc.KindShares, "-1"), []byte("x"))
	f.Add(4, "batch=1&kind=digests;session=%zz", []byte{})
	f.Fuzz(func(t *testing.T, route int, query string, body []byte) {
		if route < 0 || route >= len(handlers) {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", bytes.NewReader(body))
		r.URL.RawQuery = query
		r.SetPathValue("digest", query)
		w := httptest.NewRecorder()
		r.Body = http.MaxBytesReader(w, r.Body, maxCall)
		err := handlers[route](ctx, "n2", w, r)
		var told *peer.Error
		switch {
		case err == nil && w.Code < 300:
		case errors.As(err, &told) && told.Status >= 400 && told.Status < 600 && told.Kind != "" && told.Kind != peer.KindInternal && told.Message != "":
		case ctx.Err() != nil: // the caller did not wait
		default:
			t.Fatalf("route %d answers %d and %v", route, w.Code, err)
		}
		if held := n.mpc.Mailbox.Held("n2"); held > 0 {
			t.Fatalf("%d bytes of n2 are kept", held)
		}
	})
}
