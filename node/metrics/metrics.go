// Package metrics tells what a node measures of itself in the text format of Prometheus, on a
// listener of its own.
//
// Most figures are read from the node's status when they are asked for: one table holds name,
// help and where the value comes from. The names follow Prometheus' conventions (base units,
// _total for what only goes up); alert rules and a dashboard that use them lie beside this
// file, and a test holds them against the table.
package metrics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/auditlog"
)

// Metrics are the figures of one node. Its methods can be called at the same time.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

// Sources are what the figures are read from when they are asked for. None waits for other
// nodes.
type Sources struct {
	Status  func() wire.Status
	Work    func() (Work, error)
	Ledger  auditlog.Source
	Version string
}

// New returns the figures of a node.
func New(s Sources) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.requests = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "weir_api_request_duration_seconds",
		Help:    "How long requests of clients took, by method and status.",
		Buckets: []float64{.005, .02, .1, .3, 1, 3, 10, 60},
	}, []string{"method", "code"})
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "weir_build_info", Help: "1, with the version of the program.",
		ConstLabels: prometheus.Labels{"version": s.Version},
	})
	build.Set(1)
	m.registry.MustRegister(statusCollector{s.Status}, workCollector{s.Work}, newActCollector(s.Ledger), m.requests, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Wrap counts the requests that next answers, and how long they take.
func (m *Metrics) Wrap(next http.Handler) http.Handler {
	return promhttp.InstrumentHandlerDuration(m.requests, next)
}

// Handler answers GET /metrics.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	return mux
}

// Serve answers on listener until ctx ends, and closes it.
func (m *Metrics) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{Handler: m.Handler(), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second}
	over := make(chan error, 1)
	go func() { over <- server.Serve(listener) }()
	select {
	case err := <-over:
		return fmt.Errorf("serve metrics: %w", err)
	case <-ctx.Done():
	}
	err := server.Close()
	if served := <-over; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
