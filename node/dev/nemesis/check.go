package nemesis

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/client/nodestatus"
	"github.com/weirdata/weir/node/mpc"
)

// checking is how long putting the history in order may take.
const checking = time.Minute

// check finds out what of the package comment does not hold.
func (r *run) check(ctx context.Context) {
	if err := r.awaitOver(ctx); err != nil {
		r.history.violated("queries are left: %v", err)
		return
	}
	if err := r.awaitEqual(ctx); err != nil {
		r.history.violated("the nodes do not come to one history: %v", err)
		return
	}
	for _, n := range r.cluster.Profile().Nodes {
		profile := r.cluster.Profile()
		profile.Addr = n.Addr
		c, err := client.New(profile, r.buyer.Key(), client.Options{})
		if err != nil {
			r.history.violated("ask %s: %v", n.ID, err)
			continue
		}
		if err := r.checkRecords(ctx, n.ID, c); err != nil {
			r.history.violated("ask %s: %v", n.ID, err)
		}
		c.Close()
	}
	r.checkLogs()
	if err := r.noteRefunds(ctx); err != nil {
		r.history.violated("read which queries were refunded: %v", err)
		return
	}
	if got := r.history.linearizable(checking); got != porcupine.Ok {
		r.history.violated("what the clients saw of the contracts' counts is %s", got)
	}
}

// noteRefunds puts the refunds into the history.
func (r *run) noteRefunds(ctx context.Context) error {
	queries, err := client.Queries.All(ctx, r.buyer)
	for _, q := range queries {
		if q.Refunded {
			r.history.refund(q.Submit.Contract)
		}
	}
	return err
}

// awaitOver waits until every query is done or failed.
func (r *run) awaitOver(ctx context.Context) error {
	return r.until(ctx, func(ctx context.Context) error {
		queries, err := client.Queries.All(ctx, r.buyer)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(queries, func(q catalog.Query) bool { return !q.Over() }); i >= 0 {
			return fmt.Errorf("query %s is %s", queries[i].ID, queries[i].State)
		}
		return nil
	})
}

// awaitEqual waits until all nodes tell the same tree and state.
func (r *run) awaitEqual(ctx context.Context) error {
	return r.until(ctx, func(ctx context.Context) error {
		seen, err := r.heads(ctx)
		if err == nil && len(seen) != 1 {
			err = fmt.Errorf("they tell %v", seen)
		}
		return err
	})
}

// until tries again and again until there is no error, for as long as is waited after a
// fault. It returns the last error then.
func (r *run) until(ctx context.Context, try func(context.Context) error) error {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if over := client.Pause(ctx, 100*time.Millisecond); over != nil {
			return errors.Join(err, over)
		}
	}
}

// heads are the different heads that the nodes tell, with who does.
func (r *run) heads(ctx context.Context) (map[string][]string, error) {
	list, err := nodestatus.All(ctx, r.operator)
	if err != nil {
		return nil, err
	}
	seen := map[string][]string{}
	for _, s := range list {
		if s.Status == nil {
			return nil, fmt.Errorf("%s: %s", s.Node, s.Error)
		}
		l := s.Status.Ledger
		head := fmt.Sprintf("%d entries, root %s, state %s after %d, alarms %v", l.Entries, l.TreeRoot, l.StateDigest, l.StateEntries, s.Status.Alarms)
		seen[head] = append(seen[head], s.Node)
	}
	return seen, nil
}

// checkRecords compares what one node has with what was acknowledged.
func (r *run) checkRecords(ctx context.Context, node string, c *client.Client) error {
	queries, err := client.Queries.All(ctx, c)
	if err != nil {
		return err
	}
	orders, err := client.Orders.All(ctx, c)
	if err != nil {
		return err
	}
	recorded, charged, known := map[string]int{}, map[string]int{}, map[string]bool{}
	for _, q := range queries {
		known[q.ID] = true
		recorded[q.Submit.Contract]++
		if !q.Refunded {
			charged[q.Submit.Contract]++
		}
	}
	for _, o := range orders {
		known[o.ID] = true
	}
	r.history.mu.Lock()
	want, maybe, bought := r.history.queries, r.history.maybe, r.history.orders
	r.history.mu.Unlock()
	for id := range bought {
		if !known[id] {
			r.history.violated("%s: order %s was acknowledged and is lost", node, id)
		}
	}
	for contract, ids := range want {
		for id := range ids {
			if !known[id] {
				r.history.violated("%s: query %s was acknowledged and is lost", node, id)
			}
		}
		k, err := exchange.Contract(ctx, c, contract)
		if err != nil {
			return err
		}
		if paid(k) != charged[contract] || recorded[contract] < len(ids) || recorded[contract] > len(ids)+maybe[contract] {
			r.history.violated("%s: %d queries of contract %s are paid for, of %d that were not refunded; %d are recorded, %d were acknowledged, %d may have been accepted",
				node, paid(k), contract, charged[contract], recorded[contract], len(ids), maybe[contract])
		}
	}
	return nil
}

// given is what a node's log says of a contribution.
type given struct {
	Message  string `json:"msg"`
	Session  string `json:"session"` // names query and attempt, or what else is opened
	Batch    int    `json:"batch"`
	Contexts string `json:"contexts"`
	Given    string `json:"given"`
}

// checkGiven reads in a node's log, the logs of all machines that were in its seat, what it contributed to openings, and
// returns of how many batches. In one place of an attempt it gives one thing: two, be it of two sharings of the key, of two
// active sets, of two sums, or with other randomness, are an equation in its share.
func checkGiven(log io.Reader) (batches int, err error) {
	before := map[string]given{}
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if !bytes.Contains(lines.Bytes(), []byte(mpc.MessageGiven)) {
			continue
		}
		var g given
		if json.Unmarshal(lines.Bytes(), &g) != nil || g.Message != mpc.MessageGiven {
			continue // cut off where the process was killed
		}
		place := fmt.Sprintf("%s, batch %d", g.Session, g.Batch)
		if was, twice := before[place]; twice && was != g {
			return len(before), fmt.Errorf("two contributions in %s: %+v and %+v", place, was, g)
		}
		before[place] = g
	}
	return len(before), lines.Err()
}

// checkLogs holds every node that there was to checkGiven.
func (r *run) checkLogs() {
	total := 0
	for i := range r.made {
		id := fmt.Sprintf("n%d", i+1)
		f, err := os.Open(r.cluster.Log(id))
		if err != nil {
			r.history.violated("%s: %v", id, err)
			continue
		}
		n, err := checkGiven(f)
		if err = errors.Join(err, f.Close()); err != nil {
			r.history.violated("%s: %v", id, err)
		}
		total += n
	}
	r.opts.Log(fmt.Sprintf("%d nodes gave %d contributions", r.made, total))
	if total == 0 {
		r.history.violated("no log says that anything was contributed")
	}
}
