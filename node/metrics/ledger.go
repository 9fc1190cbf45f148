package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/weirdata/weir/node/auditlog"
)

// Work is what the state says that is to be done, and how far keys are used.
type Work struct {
	// Pending counts what is under way or waits, by what it is.
	Pending map[string]int
	// Wear is, by key, the share of the openings that it is good for which were made.
	Wear map[string]float64
	// Ahead is, by node, by how many seconds its clock is ahead of this node's.
	Ahead map[string]float64
}

var (
	pending = prometheus.NewDesc("weir_pending", "Number of things that are under way or wait, by kind.", []string{"kind"}, nil)
	wear    = prometheus.NewDesc("weir_key_wear_ratio", "Part of the tiles that a publisher's key may open which were opened.", []string{"key"}, nil)
	ahead   = prometheus.NewDesc("weir_peer_clock_ahead_seconds", "By how much the other node's clock is ahead of this one's.", []string{"peer"}, nil)
	acts    = prometheus.NewDesc("weir_ledger_acts_total",
		"Number of entries since the node started, by kind of act and result: done, refused, repeated, void or unreadable.", []string{"kind", "result"}, nil)
)

// workCollector tells of Work. It implements prometheus.Collector.
type workCollector struct{ work func() (Work, error) }

// Describe implements prometheus.Collector.
func (c workCollector) Describe(to chan<- *prometheus.Desc) {
	to <- pending
	to <- wear
	to <- ahead
}

// Collect implements prometheus.Collector.
func (c workCollector) Collect(to chan<- prometheus.Metric) {
	w, err := c.work()
	if err != nil {
		to <- prometheus.NewInvalidMetric(pending, err)
		return
	}
	for kind, n := range w.Pending {
		to <- prometheus.MustNewConstMetric(pending, gauge, float64(n), kind)
	}
	for key, part := range w.Wear {
		to <- prometheus.MustNewConstMetric(wear, gauge, part, key)
	}
	for peer, s := range w.Ahead {
		to <- prometheus.MustNewConstMetric(ahead, gauge, s, peer)
	}
}

// maxCounted bounds how many entries one collection reads.
const maxCounted = 20_000

// actCollector counts entries, each once, when it is asked: a node whose metrics nobody
// collects pays nothing for it. It implements prometheus.Collector.
type actCollector struct {
	ledger auditlog.Source

	mu     sync.Mutex
	next   uint64
	counts map[[2]string]float64
}

func newActCollector(ledger auditlog.Source) *actCollector {
	return &actCollector{ledger: ledger, next: ledger.NextSeq(), counts: map[[2]string]float64{}}
}

// Describe implements prometheus.Collector.
func (c *actCollector) Describe(to chan<- *prometheus.Desc) { to <- acts }

// Collect implements prometheus.Collector.
func (c *actCollector) Collect(to chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for end := min(c.ledger.NextSeq(), c.next+maxCounted); c.next < end; c.next++ {
		r, err := c.ledger.Record(c.next)
		if err != nil {
			to <- prometheus.NewInvalidMetric(acts, err)
			return
		}
		l := auditlog.Read(c.next, r)
		c.counts[[2]string{string(l.Kind), l.Result}]++
	}
	for labels, n := range c.counts {
		to <- prometheus.MustNewConstMetric(acts, counter, n, labels[0], labels[1])
	}
}
