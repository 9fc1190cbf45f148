package desk

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"
)

// visitHostile serves a page of another port of this host: to the browser the same site, and another origin.
func visitHostile(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>hostile</title><body>"))
	})}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			server.Close() //nolint:errcheck,gosec // of a test
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String() + "/"
}

// hostilePage tries what a page can, and says of each what it got.
const hostilePage = `(async () => {
  const at = 'http://%s', got = [];
  const tries = async (what, f) => { let r; try { r = await f(); } catch (e) { r = 'nothing'; } got.push(what + ': ' + r); };
  const late = (p) => Promise.race([p, new Promise((_, no) => setTimeout(() => no(new Error('late')), 3000))]);
  await tries('fetch', async () => (await fetch(at + '/api/session', { credentials: 'include' })).status);
  await tries('a fetch that is not read', async () => { const r = await fetch(at + '/api/session', { credentials: 'include', mode: 'no-cors' }); return r.status || (await r.text()) || 'nothing'; });
  await tries('a fetch with the header', async () => (await fetch(at + '/api/session', { credentials: 'include', headers: { 'X-Weir-Desk': 'x' } })).status);
  await tries('a script', () => late(new Promise((yes, no) => { const s = document.createElement('script'); s.src = at + '/main.js'; s.onload = () => yes('a script'); s.onerror = no; document.body.append(s); })));
  await tries('a picture', () => late(new Promise((yes, no) => { const s = new Image(); s.src = at + '/icon.svg'; s.onload = () => yes('a picture'); s.onerror = no; })));
  await tries('a WebSocket', () => late(new Promise((yes, no) => { const s = new WebSocket(at.replace('http', 'ws') + '/api/session'); s.onopen = () => yes('a socket'); s.onerror = no; })));
  await tries('a frame', () => late(new Promise((yes) => { const f = document.createElement('iframe'); f.src = at + '/'; f.onload = () => { let seen = 'nothing'; try { seen = f.contentDocument?.body?.innerText || 'nothing'; } catch {} yes(seen); }; document.body.append(f); })));
  return got;
})()`
