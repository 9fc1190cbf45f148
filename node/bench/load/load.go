package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/dev"
)

// Options say how much load there is. Zero values take their defaults.
type Options struct {
	// Clients ask at the same time; default DefaultClients.
	Clients int
	// For is how long; default DefaultFor.
	For time.Duration
	// OneNode has every client ask the first node alone; otherwise they are spread over
	// all nodes, and go to another where one does not answer.
	OneNode bool
	// Step is told what is being done; nil: nobody.
	Step func(what string)
}

// Defaults of Options.
const (
	DefaultClients = 200
	DefaultFor     = 3 * time.Minute
)

// buyers is to how many organisations the clients belong.
const buyers = 10

func (o Options) filled() Options {
	o.Clients = cmp.Or(max(o.Clients, 0), DefaultClients)
	o.For = cmp.Or(max(o.For, 0), DefaultFor)
	if o.Step == nil {
		o.Step = func(string) {}
	}
	return o
}

// Run puts the load on a running cluster and returns what became of it. It publishes the
// dataset that is asked for, and admits the buyers, where an earlier run has not.
func Run(ctx context.Context, cluster *dev.Cluster, o Options) (*Report, error) {
	o = o.filled()
	o.Step("publishing the dataset that is asked for, and admitting the buyers")
	all, err := prepare(ctx, cluster)
	if err != nil {
		return nil, fmt.Errorf("prepare the load: %w", err)
	}
	workers, err := newWorkers(cluster.Profile(), all, o)
	if err != nil {
		return nil, err
	}
	report := &Report{Clients: o.Clients, OneNode: o.OneNode, Seconds: o.For.Seconds()}
	before, err := highestTerm(ctx, cluster)
	if err != nil {
		return nil, err
	}
	o.Step(fmt.Sprintf("%d clients ask for %s", o.Clients, o.For))
	endStalls, endMemory := watchStalls(ctx), watchMemory(ctx, cluster)
	report.collect(ctx, workers, o.For)
	report.Stall = endStalls()
	report.remember(endMemory())
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	after, err := highestTerm(ctx, cluster)
	report.Elections = after - min(before, after)
	return report, err
}

// worker is one client and what it asks.
type worker struct {
	client   *client.Client
	contract string
	asks     []statement
	random   *rand.Rand
}

// newWorkers makes the clients. Each has connections of its own, and tells of a refusal at
// once instead of asking again by itself, so that it is counted.
func newWorkers(profile client.Profile, all []buyer, o Options) ([]*worker, error) {
	workers := make([]*worker, o.Clients)
	for i := range workers {
		p := profile
		p.Addr = p.Nodes[i%len(p.Nodes)].Addr
		if o.OneNode {
			p.Addr = p.Nodes[0].Addr
			p.Nodes = append([]client.ProfileNode(nil), p.Nodes...)
			for j := range p.Nodes[1:] {
				p.Nodes[j+1].Addr = nowhere // its key stays pinned
			}
		}
		of := all[i%len(all)]
		c, err := client.New(p, of.key, client.Options{
			Patience: time.Millisecond, RequestTimeout: 90 * time.Second, PingTimeout: pingTimeout,
		})
		if err != nil {
			return nil, err
		}
		workers[i] = &worker{
			client: c, contract: of.contract, asks: statements(),
			random: rand.New(rand.NewPCG(uint64(i), 11)), //nolint:gosec // which statement comes next
		}
	}
	return workers, nil
}

const (
	// nowhere is the address of nodes that are not to be asked: nobody listens there.
	nowhere = "https://127.0.0.1:1"
	// pingTimeout is long, because the clients share the machine with the nodes: one that
	// is taken for hanging is one that refused nothing and was not heard.
	pingTimeout = 20 * time.Second
)

// collect runs the workers until the time is over, and adds up what they met.
func (r *Report) collect(ctx context.Context, workers []*worker, long time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, w := range workers {
		all.Go(func() {
			defer w.client.Close()
			for ctx.Err() == nil {
				kind := w.next()
				begin := time.Now()
				err := w.ask(ctx, kind)
				if ctx.Err() != nil {
					return // it was given up with the run
				}
				mu.Lock()
				r.note(kind, time.Since(begin), err)
				mu.Unlock()
				w.rest(ctx, err)
			}
		})
	}
	all.Wait()
}

// Kinds of what is asked.
const (
	kindQuery   = "query"
	kindExplain = "explain"
	kindCompile = "compile"
)

// next draws what is asked next: half queries, the rest explanations and compilations.
func (w *worker) next() string {
	switch n := w.random.IntN(10); {
	case n < 5:
		return kindQuery
	case n < 9:
		return kindExplain
	}
	return kindCompile
}

// errWrong is returned for an answer that is not what plain addition says.
var errWrong = errors.New("a wrong answer")

// ask asks once and compares the answer.
func (w *worker) ask(ctx context.Context, kind string) error {
	s := w.asks[w.random.IntN(len(w.asks))]
	switch kind {
	case kindQuery:
		got, err := ask.Query(ctx, w.client, s.sql, ask.Options{Contract: w.contract})
		if err != nil {
			return err
		}
		return s.compare(got.Table.Rows)
	case kindExplain:
		got, err := ask.Explain(ctx, w.client, s.sql, ask.Options{Contract: w.contract})
		if err == nil && (got.Groups != len(s.rows) || got.Withheld != 0 || got.Dataset != dataset) {
			err = fmt.Errorf("%w: %q is explained to have %d groups of %s and to withhold %d", errWrong, s.sql, got.Groups, got.Dataset, got.Withheld)
		}
		return err
	}
	got, err := ask.CompileAtNode(ctx, w.client, s.sql)
	if err == nil && (got.Request.Dataset != dataset || len(got.Request.Select) != 2 || len(got.Request.Periods) != 1) {
		err = fmt.Errorf("%w: %q is compiled to %+v", errWrong, s.sql, got.Request)
	}
	return err
}

// compare holds rows to what is right.
func (s statement) compare(rows [][]any) error {
	sameCell := func(got any, want string) bool { return fmt.Sprint(got) == want }
	sameRow := func(got []any, want []string) bool { return slices.EqualFunc(got, want, sameCell) }
	if slices.EqualFunc(rows, s.rows, sameRow) {
		return nil
	}
	return fmt.Errorf("%w: %q is answered with %v, want %v", errWrong, s.sql, rows, s.rows)
}

// rest waits as long as a refusal says, and up to as long again, so that those who were
// refused together do not come back together.
func (w *worker) rest(ctx context.Context, err error) {
	after, refused := refusal(err)
	if err == nil || !refused && errors.Is(err, errWrong) {
		return
	}
	if !refused {
		after = time.Second
	}
	_ = client.Pause(ctx, after+time.Duration(w.random.Int64N(int64(after)+1)))
}
