package consensus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/records"
)

// registerInput is an operation on one of a few registers.
type registerInput struct {
	key   string
	write bool
	value string
}

// registers is the sequential specification: a register holds what was written
// last. A write whose outcome is unknown has no output and never returns: it may
// take effect at any time after its call, or not at all.
var registers = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, op := range history {
			k := op.Input.(registerInput).key
			byKey[k] = append(byKey[k], op)
		}
		var out [][]porcupine.Operation
		for _, ops := range byKey {
			out = append(out, ops)
		}
		return out
	},
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		in := input.(registerInput)
		if in.write {
			return true, in.value
		}
		return output.(string) == state.(string), state
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v → %v", input, output) },
}

// recorder collects a history.
type recorder struct {
	start time.Time
	mu    sync.Mutex
	ops   []porcupine.Operation
	reads int
}

func (r *recorder) now() int64 { return time.Since(r.start).Nanoseconds() }

func (r *recorder) add(op porcupine.Operation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, op)
	if !op.Input.(registerInput).write {
		r.reads++
	}
}

// size is how many reads, and how many operations, the history has.
func (r *recorder) size() (reads, all int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reads, len(r.ops)
}

// client writes and reads until ctx ends, on whatever nodes there are.
func (r *recorder) client(ctx context.Context, c *cluster, id int) error {
	rng := rand.New(rand.NewPCG(uint64(id), 7))
	for n := 0; ctx.Err() == nil; n++ {
		in := registerInput{key: fmt.Sprintf("r%d", rng.IntN(3)), write: rng.IntN(2) == 0, value: fmt.Sprintf("%d.%d", id, n)}
		nodes := c.running()
		if len(nodes) == 0 {
			continue
		}
		call := r.now()
		if in.write {
			proposed, known, err := write(ctx, nodes, in)
			if err != nil {
				return err
			}
			if !proposed {
				backOff(ctx)
				continue
			}
			op := porcupine.Operation{ClientId: id, Input: in, Call: call, Return: r.now()}
			if !known {
				// Porcupine may put it anywhere after its call; nothing
				// else of this client may wait for it.
				op.ClientId, op.Return = 1000+id*100000+n, int64(1)<<60
			}
			r.add(op)
			continue
		}
		value, ok, err := read(ctx, nodes, nodes[rng.IntN(len(nodes))], in.key)
		if err != nil {
			return err
		}
		if !ok {
			backOff(ctx)
		} else {
			r.add(porcupine.Operation{ClientId: id, Input: in, Output: value, Call: call, Return: r.now()})
		}
	}
	return nil
}

// backOff is how a client waits when no node leads.
func backOff(ctx context.Context) {
	t := time.NewTimer(5 * time.Millisecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// write proposes on the first node that leads. known is false when it may have
// been accepted and may yet be.
func write(ctx context.Context, nodes []*Ledger, in registerInput) (proposed, known bool, err error) {
	for _, l := range nodes {
		_, err := l.Propose(ctx, []byte("set "+in.key+" "+in.value))
		var other *NotLeaderError
		switch {
		case err == nil:
			return true, true, nil
		case errors.As(err, &other), errors.Is(err, ErrNoQuorum) && !errors.Is(err, ErrLostLeadership):
			continue // nothing was proposed
		case errors.Is(err, ErrLostLeadership), errors.Is(err, ErrClosed), ctx.Err() != nil:
			return true, false, nil
		default:
			return true, false, fmt.Errorf("writing: %w", err)
		}
	}
	return false, false, nil
}

// read asks the leader for an index, and reads on another node.
func read(ctx context.Context, nodes []*Ledger, at *Ledger, key string) (value string, ok bool, err error) {
	for _, l := range nodes {
		index, err := l.ReadIndex(ctx)
		if err != nil {
			continue
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if err := at.WaitApplied(short, index); err != nil {
			return "", false, nil
		}
		var v []byte
		err = at.View(func(r records.Reader) (err error) {
			v, err = r.Get([]byte(key))
			return err
		})
		if errors.Is(err, ErrClosed) {
			return "", false, nil
		}
		return string(v), err == nil, err
	}
	return "", false, nil
}

// TestHistoryIsLinearizableAcrossLeaderKills: clients write through the leader
// and read on any node, while leaders are closed and come back.
func TestHistoryIsLinearizableAcrossLeaderKills(t *testing.T) {
	t.Parallel()
	checkHistory(t, func(c *cluster, leader string) {
		c.stop(leader)
		c.start(leader)
	})
}

// TestHistoryIsLinearizableAcrossLostLedgers: leaders lose their ledgers, and clients go on
// meanwhile.
func TestHistoryIsLinearizableAcrossLostLedgers(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	checkHistory(t, func(c *cluster, leader string) {
		c.stop(leader)
		c.loseLedger(leader)
		l := c.start(leader)
		await(t, leader+" to vote again", func() bool { return l.MayVote() == nil })
	})
}

// checkHistory has clients write and read while a fault befalls one leader after another.
func checkHistory(t *testing.T, fault func(c *cluster, leader string)) {
	t.Helper()
	length := 6 * time.Second
	if testing.Short() {
		length = 2 * time.Second
	}
	c := startCluster(t, 3, func(o *Options) { o.NoQuorumTimeout = time.Second })
	c.propose("set other x")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r := &recorder{start: time.Now()}
	var wg sync.WaitGroup
	for id := range 5 {
		wg.Go(func() {
			if err := r.client(ctx, c, id); err != nil {
				t.Error(err)
			}
		})
	}
	kills := 0
	for reads, all := r.size(); time.Since(r.start) < length || kills == 0 || reads < 50 || all < 100; reads, all = r.size() {
		pause := time.NewTimer(600 * time.Millisecond) // the faults' own rhythm
		select {
		case <-ctx.Done():
			wg.Wait()
			t.Fatalf("only %d kills, %d reads and %d operations", kills, reads, all)
		case <-pause.C:
		}
		for _, l := range c.running() {
			if l.IsLeader() {
				fault(c, l.opts.ID)
				kills++
				break
			}
		}
	}
	cancel()
	wg.Wait()
	c.sameTrees()
	result, info := porcupine.CheckOperationsVerbose(registers, r.ops, 2*time.Minute)
	t.Logf("%d operations, %d of them reads, %d leaders hit: %s", len(r.ops), r.reads, kills, result)
	if result != porcupine.Ok {
		path := t.ArtifactDir() + "/history.html"
		if err := porcupine.VisualizePath(registers, info, path); err != nil {
			t.Log(err)
		}
		t.Errorf("the history is not linearizable (%s): see %s", result, path)
	}
}

// TestCheckerFindsAStaleRead: the test above can fail.
func TestCheckerFindsAStaleRead(t *testing.T) {
	op := func(id int, in registerInput, out any, call, ret int64) porcupine.Operation {
		return porcupine.Operation{ClientId: id, Input: in, Output: out, Call: call, Return: ret}
	}
	history := []porcupine.Operation{
		op(0, registerInput{"r", true, "1"}, nil, 0, 1),
		op(0, registerInput{"r", true, "2"}, nil, 2, 3),
		op(1, registerInput{key: "r"}, "1", 4, 5),
	}
	if porcupine.CheckOperations(registers, history) {
		t.Error("a stale read passed")
	}
	history[1].Return = int64(1) << 60 // unknown: it may not have happened yet
	if !porcupine.CheckOperations(registers, history) {
		t.Error("a write of unknown outcome must not rule out the old value")
	}
	if !strings.Contains(registers.DescribeOperation(history[0].Input, nil), "value:1") {
		t.Error("operations are not described")
	}
}
