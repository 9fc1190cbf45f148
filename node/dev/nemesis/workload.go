package nemesis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/client/vector"
)

const (
	wells = 40
	days  = 59 // January and February 2023
	// askers is how many clients ask at once. Two and two share a contract.
	askers    = 6
	contracts = 3
)

const descriptor = `dataset: wells
title: {en: Wells}
license: internal
entity: {column: well, attributes: []}
period: {column: day, grain: day}
utc_offset: "+08:00"
measures:
  - {name: level, column: LEVEL, unit: m, range: [0, 100], decimals: 0}
policy: {aggregates: [count, sum], public: true}
price: {per_query: "0.10", currency: CNY}
`

func level(well, day int) int { return (7*well + 13*day + well*day) % 101 }

func date(day int) string {
	return time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, day).Format(time.DateOnly)
}

func wellID(w int) string { return fmt.Sprintf("w%02d", w) }

func readings() string {
	var b strings.Builder
	b.WriteString("well,day,LEVEL\n")
	for w := range wells {
		for d := range days {
			fmt.Fprintf(&b, "%s,%s,%d\n", wellID(w), date(d), level(w, d))
		}
	}
	return b.String()
}

// selected are the wells of the portfolio.
func selected(w int) bool { return w%3 == 0 }

// publish publishes the wells, makes the contracts and registers the portfolio.
func (r *run) publish(ctx context.Context) error {
	if err := publish.Text(ctx, r.bureau, "wells", descriptor, readings()); err != nil {
		return err
	}
	for range contracts {
		order, err := exchange.CreateOrder(ctx, r.buyer, catalog.OrderCreate{Dataset: "wells", Purpose: "nemesis"})
		if err != nil {
			return err
		}
		contract, err := exchange.ApproveOrder(ctx, r.bureau, catalog.OrderApprove{Order: order})
		if err != nil {
			return err
		}
		r.contracts = append(r.contracts, contract)
	}
	return r.registerPortfolio(ctx)
}

func (r *run) registerPortfolio(ctx context.Context) error {
	registry, rows, err := r.buyer.WholeRegistry(ctx, "wells")
	if err != nil {
		return err
	}
	plan := vector.Plan{Name: "mine", Registry: registry, Bits: 1, Pieces: 1, Values: make([]uint64, len(rows))}
	for i, row := range rows {
		for w := range wells {
			if row[0] == wellID(w) && selected(w) {
				plan.Values[i] = 1
			}
		}
	}
	_, err = vector.Register(ctx, r.buyer, plan, nil)
	return err
}

// asker is one client of the workload. It asks one node first.
type asker struct {
	*run
	number   int
	key      *client.Key
	client   *client.Client
	contract string
	rng      *rand.Rand
	asked    int
}

// connect makes a client of the machines that are in the seats now, unless there is one.
func (a *asker) connect() error {
	profile := a.cluster.Profile()
	if a.client != nil && a.client.Profile().Changes == profile.Changes {
		return nil
	}
	profile.Addr = profile.Nodes[a.number%len(profile.Nodes)].Addr
	c, err := client.New(profile, a.key, client.Options{})
	if err != nil {
		return err
	}
	if a.client != nil {
		a.client.Close()
	}
	a.client = c
	return nil
}

// work asks until ctx ends.
func (a *asker) work(ctx context.Context) {
	for ctx.Err() == nil {
		if err := a.connect(); err != nil {
			a.history.violated("connect to the machines that are in the seats now: %v", err)
			return
		}
		switch p := a.rng.IntN(100); {
		case p < 50:
			a.sum(ctx)
		case p < 65:
			a.portfolio(ctx)
		case p < 85:
			a.readCount(ctx)
		default:
			a.buy(ctx)
		}
	}
}

// next draws a well and days that nobody has asked for before: what was answered is
// answered again for nothing.
func (a *asker) next() (w, from, to int) {
	const step = 7919 // has no factor in common with the number of wells and days
	for {
		i := (a.number + askers*a.asked) * step % (wells * days * days)
		a.asked++
		if w, from, to = i%wells, i/wells%days, i/wells/days; from <= to {
			return w, from, to
		}
	}
}

// sum asks for the sum of a well over some days.
func (a *asker) sum(ctx context.Context) {
	w, from, to := a.next()
	want := 0
	for d := from; d <= to; d++ {
		want += level(w, d)
	}
	a.query(ctx, fmt.Sprintf("SELECT SUM(level) FROM wells WHERE well = '%s' AND period BETWEEN '%s' AND '%s'", wellID(w), date(from), date(to)), want)
}

// portfolio asks for the sum over wells of the portfolio, of which the nodes hold shares.
func (a *asker) portfolio(ctx context.Context) {
	first, from, to := a.next()
	want := 0
	for w := first; w < wells; w++ {
		for d := from; d <= to && selected(w); d++ {
			want += level(w, d)
		}
	}
	a.query(ctx, fmt.Sprintf("SELECT SUM(level) FROM wells WHERE well IN PRIVATE(mine) AND well >= '%s' AND period BETWEEN '%s' AND '%s'",
		wellID(first), date(from), date(to)), want)
}

// query asks, and compares the figure.
func (a *asker) query(ctx context.Context, sql string, want int) {
	call := time.Since(a.history.started)
	id := ""
	result, err := ask.Query(ctx, a.client, sql, ask.Options{Contract: a.contract, Asked: func(asked string, _ bool) {
		id = asked
		a.history.query(a.contract, id)
	}})
	op := counted{contract: a.contract}
	r, refused := client.IsRefused(err)
	if id == "" && refused && r.Rule == "rosters" { // the portfolio follows the key to another roster, and is on its way
		a.history.end(err)
		return
	}
	if id == "" {
		op.unknown = true
		if r, refused := client.IsRefused(err); refused {
			a.history.violated("%s was refused: %v", sql, r)
		}
	}
	a.history.count(a.number, call, op)
	a.history.end(err)
	if errors.Is(err, ask.ErrQueryFailed) { // with a fault under way it may, and is refunded
		a.opts.Log(fmt.Sprintf("query %s failed: %v", id, err))
	}
	if err != nil {
		return
	}
	var b bytes.Buffer
	if err := result.Table.WriteCSV(&b); err != nil {
		a.history.violated("%s: %v", sql, err)
		return
	}
	if _, got, _ := strings.Cut(strings.TrimSpace(b.String()), "\n"); got != fmt.Sprint(want) {
		a.history.violated("%s: the answer is %q, plain loops give %d", sql, got, want)
	}
}

// readCount reads how many queries were paid for.
func (a *asker) readCount(ctx context.Context) {
	call := time.Since(a.history.started)
	k, err := exchange.Contract(ctx, a.client, a.contract)
	if err == nil {
		a.history.count(a.number, call, counted{contract: a.contract, read: true, value: paid(k)})
	}
	a.history.end(err)
}

// paid is what was spent of a contract, in queries.
func paid(k catalog.Contract) int {
	return int(new(big.Int).Quo(decimal.Amount(k.Spent), decimal.Amount(k.Price.PerQuery)).Int64())
}

// buy makes an order.
func (a *asker) buy(ctx context.Context) {
	order, err := exchange.CreateOrder(ctx, a.client, catalog.OrderCreate{Dataset: "wells", Purpose: fmt.Sprintf("asker %d", a.number)})
	if err == nil {
		a.history.order(order)
	}
	a.history.end(err)
}
