package node

import (
	"fmt"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/weirdata/weir/node/unixsocket"
)

// debugWait is how long a profile may be collected.
const debugWait = 5 * time.Minute

// serveDebug serves profiles and metrics at Options.DebugSocket, a Unix socket that only the
// user of the node may connect to. Profiles name functions and count; none holds data.
func (n *Node) serveDebug() error {
	if n.opts.DebugSocket == "" {
		return nil
	}
	listener, err := unixsocket.Listen(n.opts.DebugSocket)
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
