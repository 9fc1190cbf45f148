package node

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/weirdata/weir/node/metrics"
)

// serveMetrics listens for who collects metrics, where Options.MetricsListen is set, and
// returns the handler that counts the requests of clients.
func (n *Node) serveMetrics(clients http.Handler) (http.Handler, error) {
	if n.opts.MetricsListen == "" {
		return clients, nil
	}
	listener, err := net.Listen("tcp", n.opts.MetricsListen)
	if err != nil {
		return nil, fmt.Errorf("listen for who collects metrics: %w", err)
	}
	n.metricsAddr = listener.Addr()
	m := metrics.New(n.Status, n.opts.Version)
	ctx, stop := context.WithCancel(context.Background())
	n.onClose(func() error { stop(); return nil })
	n.wg.Go(func() { n.report("metrics", m.Serve(ctx, listener)) })
	return m.Wrap(clients), nil
}

// MetricsAddr is the address on which metrics are told; nil: on none.
func (n *Node) MetricsAddr() net.Addr { return n.metricsAddr }
