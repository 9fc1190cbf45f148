package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// A node that hangs, or a machine that is gone without a word, closes no
// connection. So while a request is under way its node is asked whether it lives,
// and the request is given up when it does not answer. Together with the time
// that a node looks for a quorum, pingAfter and Options.PingTimeout stay below the ten
// seconds in which a caller is to hear that there is none.
const (
	// pingAfter is how long a request may take before its node is asked. Most
	// are over by then.
	pingAfter = 500 * time.Millisecond
	// pingEvery is the pause after an answer.
	pingEvery = 2 * time.Second
)

// errHangs is why a request to a node is given up that takes connections and
// does not answer.
var errHangs = errors.New("it does not answer")

// watchLiveness returns a context that ends when the node hangs, with errHangs as its
// cause, and the function that ends the watch and waits for that.
func (t *transport) watchLiveness(ctx context.Context, node ProfileNode) (watched context.Context, end func()) {
	watched, cancel := context.WithCancelCause(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for wait := pingAfter; Pause(watched, wait) == nil; wait = pingEvery {
			if err := t.ping(watched, node); err != nil && watched.Err() == nil {
				cancel(fmt.Errorf("%w: %w", errHangs, err))
			}
		}
	}()
	return watched, func() {
		cancel(nil)
		<-over
	}
}

// ping asks a node whether it lives. Any answer says so.
func (t *transport) ping(ctx context.Context, node ProfileNode) error {
	ctx, cancel := context.WithTimeout(ctx, t.opts.PingTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(node.Addr, "/")+"/livez", nil)
	if err != nil {
		return err
	}
	resp, err := t.http.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// silent are the pinned nodes that do not answer, in the profile's order.
func (t *transport) silent(ctx context.Context) []string {
	away := make([]bool, len(t.nodes))
	var all sync.WaitGroup
	for i, node := range t.nodes {
		all.Go(func() { away[i] = t.ping(ctx, node) != nil })
	}
	all.Wait()
	var names []string
	for i, node := range t.nodes {
		if away[i] {
			names = append(names, node.ID)
		}
	}
	return names
}

// survey pings all of the nodes at once and returns them in the order in which
// they are to be asked: the first to answer, then those that have not failed by
// then. Those that have are returned apart, with why. Nodes that hang thus cost
// their time once, however many they are.
func (t *transport) survey(ctx context.Context, nodes []int) (order []int, failures []NodeFailure) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		node int
		err  error
	}
	answers := make(chan answer)
	for _, i := range nodes {
		go func() { answers <- answer{node: i, err: t.ping(ctx, t.nodes[i])} }()
	}
	failed := map[int]bool{}
	for range nodes {
		a := <-answers
		switch {
		case len(order) > 0: // it was given up
		case a.err != nil:
			failed[a.node] = true
			failures = append(failures, NodeFailure{ID: t.nodes[a.node].ID, Addr: t.nodes[a.node].Addr, Err: a.err})
		default:
			cancel()
			rest := slices.DeleteFunc(slices.Clone(nodes), func(i int) bool { return i == a.node || failed[i] })
			order = append([]int{a.node}, rest...)
		}
	}
	return order, failures
}
