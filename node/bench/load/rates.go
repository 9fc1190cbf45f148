package load

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/dev"
)

// RateOptions say how many queries are timed. Zero values take their defaults.
type RateOptions struct {
	// Queries of each kind for each number of clients; default DefaultQueries.
	Queries int
	// Step is told what is being done; nil: nobody.
	Step func(what string)
}

// DefaultQueries take some seconds for each number of clients.
const DefaultQueries = 200

// rateClients are how many clients ask at the same time, one after the other.
var rateClients = [...]int{1, 8, 32}

// Rates times queries on a running cluster: for 1, 8 and 32 clients, each waiting for its own answer, queries that
// nobody has asked before ("fresh") and the same ones asked again by the same buyer, which the nodes answer without
// charging for them ("repeat"). Every answer is compared with plain addition. For each it gives
//
//	fresh_8_per_s            answers, 1/s
//	fresh_8_p50_ms           the median time from a client's asking to its table, ms
//	fresh_8_p99_ms           likewise the 99th percentile, ms
//	fresh_8_nodes_fsyncs     of all nodes' logs and states together for a query, each for one entry or for many
//	fresh_8_nodes_cpu_ms     processor time of all nodes together for a query, ms; where there is proc_pid_stat(5)
//
// The clients run in this process, on the same machine as the nodes.
func Rates(ctx context.Context, cluster *dev.Cluster, o RateOptions) (f []he.Measurement, err error) {
	o.Queries = cmp.Or(max(o.Queries, 0), DefaultQueries)
	if o.Step == nil {
		o.Step = func(string) {}
	}
	if different := freshQueries / len(rateClients); o.Queries > different {
		return nil, fmt.Errorf("%d queries of each kind are asked for; there are %d different ones for each number of clients", o.Queries, different)
	}
	o.Step("publishing the dataset that is asked for, and admitting the buyers")
	all, err := prepare(ctx, cluster)
	if err != nil {
		return nil, fmt.Errorf("prepare the queries: %w", err)
	}
	for i, clients := range rateClients {
		for _, kind := range []string{"fresh", "repeat"} {
			o.Step(fmt.Sprintf("%d clients ask %d queries: %s", clients, o.Queries, kind))
			r, err := rate(ctx, cluster, all, clients, i*o.Queries, o.Queries)
			if err != nil {
				return nil, fmt.Errorf("%d clients, %s queries: %w", clients, kind, err)
			}
			f = append(f, r.figures(fmt.Sprintf("%s_%d_", kind, clients))...)
		}
	}
	return f, nil
}

// rated is what came of a number of queries.
type rated struct {
	took  time.Duration
	each  []time.Duration
	nodes time.Duration // processor time; negative: it is not known
	syncs uint64        // of logs and states of all nodes
}

func (r rated) figures(name string) []he.Measurement {
	f := []he.Measurement{
		{Name: name + "per_s", Value: float64(len(r.each)) / r.took.Seconds(), Unit: "1/s"},
		{Name: name + "p50_ms", Value: inMilliseconds(percentile(r.each, 50)), Unit: "ms"},
		{Name: name + "p99_ms", Value: inMilliseconds(percentile(r.each, 99)), Unit: "ms"},
		{Name: name + "nodes_fsyncs", Value: float64(r.syncs) / float64(len(r.each)), Unit: ""},
	}
	if r.nodes >= 0 {
		f = append(f, he.Measurement{Name: name + "nodes_cpu_ms", Value: inMilliseconds(r.nodes) / float64(len(r.each)), Unit: "ms"})
	}
	return f
}

// rate has clients ask a number of queries, of which the first is from. Query i is always asked by the same buyer.
func rate(ctx context.Context, cluster *dev.Cluster, all []buyer, clients, from, queries int) (r rated, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	open := make([]*client.Client, len(all))
	for i, b := range all {
		p := cluster.Profile()
		p.Addr = p.Nodes[i%len(p.Nodes)].Addr
		if open[i], err = client.New(p, b.key, client.Options{PingTimeout: pingTimeout}); err != nil {
			return r, err
		}
		defer open[i].Close()
	}
	r.each = make([]time.Duration, queries)
	var next atomic.Int64
	var failed error
	var once sync.Once
	var working sync.WaitGroup
	synced, err := syncs(ctx, cluster)
	if err != nil {
		return r, err
	}
	before, begin := processorTime(cluster), time.Now()
	for range clients {
		working.Go(func() {
			for n := next.Add(1) - 1; n < int64(queries) && ctx.Err() == nil; n = next.Add(1) - 1 {
				s, by := fresh(from+int(n)), int(n)%len(all)
				asked := time.Now()
				got, err := ask.Query(ctx, open[by], s.sql, ask.Options{Contract: all[by].contract})
				if r.each[n] = time.Since(asked); err == nil {
					err = s.compare(got.Table.Rows)
				}
				if err != nil {
					once.Do(func() { failed = err; cancel() })
					return
				}
			}
		})
	}
	working.Wait()
	r.took, r.nodes = time.Since(begin), -1
	if after := processorTime(cluster); before >= 0 && after >= 0 {
		r.nodes = after - before
	}
	if err := cmp.Or(failed, ctx.Err()); err != nil {
		return r, err
	}
	r.syncs, err = syncs(ctx, cluster)
	r.syncs -= min(synced, r.syncs)
	return r, err
}

// syncs is how often all nodes together have written their logs and states since they were started.
func syncs(ctx context.Context, cluster *dev.Cluster) (n uint64, err error) {
	states, err := statuses(ctx, cluster)
	for _, s := range states {
		n += s.Ledger.LogWrites + s.Ledger.StateWrites
	}
	return n, err
}

// freshQueries is how many different ones fresh makes.
const freshQueries = (1<<stations - 1) * freshDays

// freshDays is how many first days they have.
const freshDays = days / 2

// fresh is the sum and the count of some stations from a day on: others for every n below freshQueries.
func fresh(n int) (s statement) {
	chosen, first := n%(1<<stations-1)+1, n/(1<<stations-1)
	var names []string
	var sum, count int64
	for station := range stations {
		if chosen>>station&1 == 0 {
			continue
		}
		names = append(names, fmt.Sprintf("'s%d'", station))
		for day := first; day < days; day++ {
			if value, present := reading(station, day); present {
				sum, count = sum+value, count+1
			}
		}
	}
	s.sql = fmt.Sprintf("SELECT SUM(pm25), COUNT(pm25) FROM load WHERE station IN (%s) AND period >= '%s'",
		strings.Join(names, ", "), firstDay.AddDate(0, 0, first).Format(time.DateOnly))
	s.rows = [][]string{{strconv.FormatInt(sum, 10), strconv.FormatInt(count, 10)}}
	return s
}

// processorTime is what all nodes have computed so far; negative where that cannot be read.
func processorTime(cluster *dev.Cluster) (all time.Duration) {
	for _, id := range cluster.IDs() {
		one, err := dev.ProcessorTime(cluster.PID(id))
		if err != nil {
			return -1
		}
		all += one
	}
	return all
}
