package node

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/peer"
	"github.com/weirdata/weir/node/unixsocket"
	"github.com/weirdata/weir/node/vault"
)

// Sealed is a node whose seal key is under a passphrase that nobody has given yet. It has
// none of its secrets, and no identity: other nodes do not hear of it, and whoever asks at
// its address for clients is told that it is sealed, over TLS with a key of the moment,
// which proves nothing. The passphrase is given on its own machine, with Unseal, over a Unix
// socket in the node's directory that only the user of the node may use.
type Sealed struct {
	id   string
	keys chan []byte // the key, once

	mu  sync.Mutex // one guess at a time: each takes a second and 256 MB
	key func(passphrase []byte) ([]byte, error)
}

// fileUnseal is the socket at which a sealed node takes its passphrase.
const fileUnseal = "unseal.sock"

const (
	maxPassphrase = 1024             // bytes
	unsealWait    = 30 * time.Second // for an answer to a passphrase
	passphrases   = 3                // that a person at the terminal may give
)

// ErrNotSealed is returned by Unseal where no node waits for a passphrase.
var ErrNotSealed = errors.New("no node waits for a passphrase there")

// Live returns nil: a sealed node does what it should, which is wait.
func (s *Sealed) Live() error { return nil }

// Ready returns false, and why.
func (s *Sealed) Ready() (bool, []string) {
	return false, []string{fmt.Sprintf("node %s is sealed: its seal key is under a passphrase; give it on the node's machine with `weir node unseal`", s.id)}
}

// unlock returns the seal key of a node where it is under a passphrase, and nil where not.
func (o Options) unlock(ctx context.Context) ([]byte, error) {
	if o.SealKeyFile == "" {
		return nil, nil
	}
	if locked, err := vault.Locked(o.SealKeyFile); err != nil || !locked {
		return nil, err
	}
	open := func(passphrase []byte) ([]byte, error) { return vault.Unlock(o.SealKeyFile, passphrase) }
	if o.Passphrase == nil {
		return o.awaitPassphrase(ctx, &Sealed{id: o.ID, keys: make(chan []byte, 1), key: open})
	}
	for try := 1; ; try++ {
		passphrase, err := o.Passphrase(ctx)
		if err != nil {
			return nil, err
		}
		key, err := open(passphrase)
		vault.Wipe(passphrase)
		if !errors.Is(err, vault.ErrPassphrase) || try == passphrases {
			return key, err
		}
		o.Logger.WarnContext(ctx, "the passphrase is not the one", "node", o.ID, "tries_left", passphrases-try)
	}
}

// awaitPassphrase serves a sealed node until somebody has given its passphrase, or ctx ends.
func (o Options) awaitPassphrase(ctx context.Context, s *Sealed) (key []byte, err error) {
	if err := o.Genesis.CheckSigned(); err != nil {
		return nil, err
	}
	rosters, _, _, err := founding.ReadRosters(o.Dir, o.Genesis)
	if err != nil {
		return nil, err
	}
	var self catalog.Node
	for _, n := range roster.All(rosters[len(rosters)-1]) {
		if n.ID == o.ID {
			self = n
		}
	}
	_, ephemeral, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("make a key of the moment: %w", err)
	}
	identity, err := peer.NewIdentity(ephemeral)
	if err != nil {
		return nil, err
	}
	clients, err := o.listenAPI(self)
	if err != nil {
		return nil, err
	}
	local, err := unixsocket.Listen(filepath.Join(o.Dir, fileUnseal))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for a passphrase: %w", err), clients.Close())
	}
	public := api.NewServer(http.HandlerFunc(s.tell))
	public.TLSConfig = peer.APIServerTLS(identity)
	public.ErrorLog = slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug)
	private := &http.Server{Handler: http.HandlerFunc(s.unseal), ReadHeaderTimeout: unsealWait}
	failed := make(chan error, 2)
	var serving sync.WaitGroup
	serving.Go(func() {
		failed <- public.ServeTLS(api.LimitConns(clients, api.MaxConns, api.MaxConnsEach), "", "")
	})
	serving.Go(func() { failed <- private.Serve(local) })
	o.Logger.WarnContext(ctx, "node is sealed; give its passphrase with `weir node unseal` on this machine", "node", o.ID)
	if o.OnSealed != nil {
		o.OnSealed(s)
	}
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case err = <-failed:
	case key = <-s.keys:
		o.Logger.InfoContext(ctx, "node is unsealed", "node", o.ID)
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWait)
	defer cancel()
	// Whoever gave the passphrase is answered before the socket closes.
	closed := errors.Join(private.Shutdown(closing), public.Close())
	serving.Wait()
	if err != nil {
		vault.Wipe(key)
		return nil, fmt.Errorf("wait for the passphrase: %w", err)
	}
	return key, closed
}

// tell answers everybody who asks for anything that the node is sealed.
func (s *Sealed) tell(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/livez" {
		answer(w, http.StatusOK, wire.Live{Live: true})
		return
	}
	_, reasons := s.Ready()
	answer(w, http.StatusServiceUnavailable, wire.Ready{Sealed: true, Reasons: reasons})
}

// unseal takes a passphrase.
func (s *Sealed) unseal(w http.ResponseWriter, r *http.Request) {
	passphrase, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPassphrase))
	defer vault.Wipe(passphrase)
	if err != nil {
		answer(w, http.StatusBadRequest, unsealed{Error: err.Error()})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key, err := s.key(passphrase)
	switch {
	case errors.Is(err, vault.ErrPassphrase):
		answer(w, http.StatusForbidden, unsealed{Error: err.Error()})
		return
	case err != nil:
		answer(w, http.StatusInternalServerError, unsealed{Error: err.Error()})
		return
	}
	select {
	case s.keys <- key:
	default: // somebody gave it before
		vault.Wipe(key)
	}
	answer(w, http.StatusOK, unsealed{})
}

// unsealed is the answer to a passphrase.
type unsealed struct {
	Error string `json:"error,omitempty"`
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the other side may be gone
}

// Unseal gives the passphrase to the node in dir that waits for it. It fails with ErrNotSealed
// where none does, and with vault.ErrPassphrase.
func Unseal(ctx context.Context, dir string, passphrase []byte) error {
	ctx, cancel := context.WithTimeout(ctx, unsealWait)
	defer cancel()
	client, done := unixsocket.Client(filepath.Join(dir, fileUnseal))
	defer done()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://node/unseal", bytes.NewReader(passphrase))
	if err != nil {
		return fmt.Errorf("unseal the node: %w", err)
	}
	resp, err := client.Do(req)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w: %s", ErrNotSealed, dir)
	}
	if err != nil {
		return fmt.Errorf("unseal the node: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // read only
	var said unsealed
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&said); err != nil {
		return fmt.Errorf("unseal the node: read its answer: %w", err)
	}
	switch {
	case resp.StatusCode == http.StatusForbidden:
		return vault.ErrPassphrase
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("unseal the node: %s", said.Error)
	}
	return nil
}
