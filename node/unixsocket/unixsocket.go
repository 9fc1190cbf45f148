// Package unixsocket serves and asks at Unix sockets that only the user of the node may connect to: where a sealed
// node is unlocked, and where profiles and metrics are had by who looks for a fault.
package unixsocket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

// maxAnswer bounds what Get reads of an answer.
const maxAnswer = 64 << 20

// Listen listens at a Unix socket of mode 0600. One that a run which was killed left behind is replaced; what is no
// socket is not.
func Listen(path string) (net.Listener, error) {
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

// Get returns what the server at a socket answers to GET path, of at most 64 MiB.
func Get(ctx context.Context, socket, path string) (b []byte, err error) {
	client, done := Client(socket)
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
	if b, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)); err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", path, socket, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask %s for %s: status %d: %.200s", socket, path, resp.StatusCode, b)
	}
	return b, nil
}

// Client connects to a Unix socket, whatever the address of a request; done closes its connections.
func Client(socket string) (client *http.Client, done func()) {
	var dialer net.Dialer
	t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "unix", socket)
	}}
	return &http.Client{Transport: t}, t.CloseIdleConnections
}
