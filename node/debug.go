package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"time"
)

// debugWait is how long a profile may be collected.
const debugWait = 5 * time.Minute

// serveDebug serves profiles and metrics at Options.DebugSocket, a Unix socket that only the
// user of the node may connect to. Profiles name functions and count; none holds data.
func (n *Node) serveDebug() error {
	if n.opts.DebugSocket == "" {
		return nil
	}
	listener, err := listenPrivate(n.opts.DebugSocket)
	if err != nil {
		return fmt.Errorf("listen for who looks for a fault: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.Handle("GET /metrics", n.figures.Handler())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: closeWait, WriteTimeout: debugWait}
	n.onClose(server.Close)
	n.wg.Go(func() { n.report("who looks for a fault", server.Serve(listener)) })
	return nil
}

// listenPrivate listens at a Unix socket that only this user may connect to. One that a run
// which was killed left behind is replaced.
func listenPrivate(path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() != os.ModeSocket {
		return nil, fmt.Errorf("%s is there and is no socket", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("%w (the path of a socket has some 100 bytes at most)", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// maxDebug bounds what AskDebug reads of an answer.
const maxDebug = 64 << 20

// AskDebug returns what a node answers at its debug socket to GET path.
func AskDebug(ctx context.Context, socket, path string) (b []byte, err error) {
	client, done := unixClient(socket)
	defer done()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://node"+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s for %s: %w", socket, path, err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask %s for %s: %w", socket, path, err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if b, err = io.ReadAll(io.LimitReader(resp.Body, maxDebug)); err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", path, socket, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask %s for %s: status %d: %.200s", socket, path, resp.StatusCode, b)
	}
	return b, nil
}

// unixClient connects to a Unix socket, whatever the address of a request; done closes its
// connections.
func unixClient(socket string) (client *http.Client, done func()) {
	var dialer net.Dialer
	t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "unix", socket)
	}}
	return &http.Client{Transport: t}, t.CloseIdleConnections
}
