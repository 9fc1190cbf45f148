package nemesis

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/client/nodestatus"
	"github.com/weirdata/weir/node/dev/network"
)

// fault is one kind of damage.
type fault struct {
	name   string
	strike strike
}

// strike does the damage and says to whom. heal undoes what does not mend itself.
type strike func(ctx context.Context) (target string, heal heal, err error)

type heal func(context.Context) error

// faults are those that can be made here, and the names of the others.
func (r *run) faults() (made []fault, leftOut []string) {
	all := append(r.processFaults(), r.rosterFaults()...)
	all = append(all, r.diskFaults()...)
	all = append(all, fault{"grow", r.grow}, fault{"shrink", r.shrink})
	if r.network != nil {
		all = append(all, r.networkFaults()...)
	} else {
		leftOut = append(leftOut, "all faults of the network")
	}
	if r.disk != nil {
		all = append(all, fault{"full-disk", r.fillDisk})
	} else {
		leftOut = append(leftOut, "full-disk")
	}
	for _, f := range all {
		if len(r.opts.Only) == 0 || slices.Contains(r.opts.Only, f.name) {
			made = append(made, f)
		}
	}
	return made, leftOut
}

// any is a node drawn.
func (r *run) any() string { return r.nodes[r.rng.IntN(len(r.nodes))] }

// leader is who leads, or a node drawn where nobody says.
func (r *run) leader(ctx context.Context) string {
	list, err := nodestatus.All(ctx, r.operator)
	if err == nil {
		for _, s := range list {
			if s.Status != nil && s.Status.Ledger.Leader != "" {
				return s.Status.Ledger.Leader
			}
		}
	}
	return r.any()
}

// processFaults happen to processes.
func (r *run) processFaults() []fault {
	kill := func(id string) (string, heal, error) {
		return id, func(context.Context) error { return r.cluster.StartNode(id) }, r.cluster.Kill(id)
	}
	return []fault{
		{"kill", func(context.Context) (string, heal, error) { return kill(r.any()) }},
		{"kill-leader", func(ctx context.Context) (string, heal, error) { return kill(r.leader(ctx)) }},
		{"kill-all", func(context.Context) (string, heal, error) {
			for _, id := range r.nodes {
				if err := r.cluster.Kill(id); err != nil {
					return id, nil, err
				}
			}
			return "", func(context.Context) error { return r.supervise() }, nil
		}},
		{"stop", func(context.Context) (string, heal, error) {
			id := r.any()
			return id, func(context.Context) error { return r.cluster.Signal(id, syscall.SIGCONT) }, r.cluster.Signal(id, syscall.SIGSTOP)
		}},
		{"restart", func(ctx context.Context) (string, heal, error) {
			id := r.any()
			return id, func(context.Context) error { return r.cluster.StartNode(id) }, r.end(ctx, id)
		}},
		{"clock", func(ctx context.Context) (string, heal, error) {
			id := r.any()
			offset := time.Duration(r.rng.IntN(600)-300) * time.Second
			if err := r.end(ctx, id); err != nil {
				return id, nil, err
			}
			set := func(ctx context.Context) error {
				if err := r.end(ctx, id); err != nil {
					return err
				}
				return r.cluster.StartNode(id)
			}
			return fmt.Sprintf("%s by %s", id, offset), set, r.cluster.StartNode(id, "--clock-offset", offset.String())
		}},
	}
}

// rosterFaults happen to machines in their seats, and to those who have to give a new one its
// shares.
func (r *run) rosterFaults() []fault {
	replace := func(ctx context.Context, id string) error {
		err := r.until(ctx, func(ctx context.Context) error { return r.cluster.Replace(ctx, id) })
		if err == nil {
			err = r.connect()
		}
		return err
	}
	return []fault{
		{"replace", func(ctx context.Context) (string, heal, error) {
			id := r.any()
			return id, func(context.Context) error { return r.cluster.StartNode(id) }, replace(ctx, id)
		}},
		// All nodes have to be up for new shares. One of the others dies while they are made.
		{"replace-kill", func(ctx context.Context) (string, heal, error) {
			i := r.rng.IntN(len(r.nodes))
			id, other := r.nodes[i], r.nodes[(i+1)%len(r.nodes)]
			err := replace(ctx, id)
			if err == nil {
				err = r.cluster.StartNode(id)
			}
			_ = client.Pause(ctx, time.Duration(r.rng.IntN(1500))*time.Millisecond)
			return id + ", and kill " + other, func(context.Context) error { return r.cluster.StartNode(other) }, errors.Join(err, r.cluster.Kill(other))
		}},
		{"refresh-kill", func(ctx context.Context) (string, heal, error) {
			id := r.any()
			err := r.until(ctx, r.refresh)
			_ = client.Pause(ctx, time.Duration(r.rng.IntN(500))*time.Millisecond)
			return "and kill " + id, func(context.Context) error { return r.cluster.StartNode(id) }, errors.Join(err, r.cluster.Kill(id))
		}},
	}
}

// refresh asks for new shares of the bureau's key, unless that is under way.
func (r *run) refresh(ctx context.Context) error {
	k, err := r.bureau.PublisherKey(ctx, r.bureau.Key().ID())
	if err != nil {
		return err
	}
	err = govern.RefreshKey(ctx, r.operator, k.ID)
	if refusal, refused := client.IsRefused(err); refused && refusal.Rule == "refresh" {
		return nil
	}
	return err
}

// end ends a node in order.
func (r *run) end(ctx context.Context, id string) error {
	if err := r.cluster.Signal(id, syscall.SIGTERM); err != nil {
		return err
	}
	err := r.until(ctx, func(context.Context) error {
		if _, gone := r.cluster.Exited()[id]; !gone {
			return errors.New("it runs")
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("wait for %s to end: %w", id, err)
	}
	return nil
}

// networkFaults happen between hosts.
func (r *run) networkFaults() []fault {
	healed := func(context.Context) error { //nolint:unparam // as every fault's
		r.network.Heal()
		return nil
	}
	both := func(a, b string, f network.Fault) {
		r.set(a, b, f)
		r.set(b, a, f)
	}
	others := func(id string) []string {
		return slices.DeleteFunc(slices.Clone(r.nodes), func(x string) bool { return x == id })
	}
	cut := network.Fault{Cut: true}
	isolate := func(id string) string {
		for _, other := range others(id) {
			both(id, other, cut)
		}
		return id
	}
	everywhere := func(name string, f network.Fault, words string) fault {
		return fault{name, func(context.Context) (string, heal, error) {
			for _, a := range r.nodes {
				for _, b := range others(a) {
					r.set(a, b, f)
				}
			}
			return words, healed, nil
		}}
	}
	return []fault{
		// Clients still reach everybody: who is alone must say so.
		{"isolate", func(context.Context) (string, heal, error) { return isolate(r.any()), healed, nil }},
		{"isolate-leader", func(ctx context.Context) (string, heal, error) {
			return isolate(r.leader(ctx)), healed, nil
		}},
		{"one-way", func(context.Context) (string, heal, error) {
			from := r.any()
			for _, to := range others(from) {
				r.set(from, to, cut)
			}
			return "from " + from, healed, nil
		}},
		{"bridge", func(context.Context) (string, heal, error) {
			middle := r.any()
			ends := others(middle)
			both(ends[0], ends[1], cut)
			return "over " + middle, healed, nil
		}},
		everywhere("split-all", cut, ""),
		everywhere("loss", network.Fault{Loss: 0.1}, "of 10 %"),
		everywhere("delay", network.Fault{Delay: 80 * time.Millisecond}, "of 80 ms"),
		{"unreachable", func(context.Context) (string, heal, error) {
			id := r.any()
			both(network.Outside, id, cut)
			return id + " for clients", healed, nil
		}},
	}
}

// diskFaults happen to a node's files while it is down. A node that ends over them is
// mended as its advice says.
func (r *run) diskFaults() []fault {
	damaged := func(name string, damage func(dir string) error, mend func(dir string) error) fault {
		return fault{name, func(context.Context) (string, heal, error) {
			id := r.any()
			if err := r.cluster.Kill(id); err != nil {
				return id, nil, err
			}
			dir := r.cluster.NodeDir(id)
			if err := damage(dir); err != nil {
				return id, nil, err
			}
			return id, func(ctx context.Context) error { return r.startDamaged(ctx, id, func() error { return mend(dir) }) }, nil
		}}
	}
	remove := func(part string) func(dir string) error {
		return func(dir string) error { return os.RemoveAll(filepath.Join(dir, part)) }
	}
	flip := func(pattern string) func(dir string) error {
		return func(dir string) error { return r.flip(dir, pattern) }
	}
	var saved []byte
	var savedAs string
	return []fault{
		damaged("lost-ledger", remove("ledger"), mendsItself),
		damaged("lost-blobs", remove("blobs"), mendsItself),
		damaged("lost-all-but-secrets", func(dir string) error { return errors.Join(remove("ledger")(dir), remove("blobs")(dir)) }, mendsItself),
		damaged("flip-wal", flip("ledger/wal/*.wal"), remove("ledger")), // as node/damage.go advises
		damaged("flip-state", flip("ledger/state/gen-*/*.[sv][sl][to]*"), remove("ledger/state")),
		damaged("flip-blobs", flip("blobs/*.seg"), remove("blobs")),
		damaged("flip-secrets", func(dir string) (err error) {
			if savedAs, saved, err = r.largest(dir, "secrets/*"); err != nil {
				return err
			}
			return r.flip(dir, strings.TrimPrefix(savedAs, dir+"/"))
		}, func(string) error { return os.WriteFile(savedAs, saved, 0o600) }),
	}
}

// mendsItself is for damage that a node mends itself.
func mendsItself(string) error { return errors.New("the node should have mended this itself") }

// told is how long a node may take to say that it is ready before what it says instead is
// its answer. One that lost its ledger may take longer, as long as it applies entries: it
// catches up, which takes the longer the more there are.
const told = 20 * time.Second

// startDamaged starts a node. Where it ends, or says that it is not ready, mend does what
// its operator would.
func (r *run) startDamaged(ctx context.Context, id string, mend func() error) error {
	if err := r.cluster.StartNode(id); err != nil {
		return err
	}
	var applied uint64
	last := time.Now().Add(patience)
	for deadline := time.Now().Add(told); time.Now().Before(deadline) && ctx.Err() == nil; _ = client.Pause(ctx, 100*time.Millisecond) {
		if _, gone := r.cluster.Exited()[id]; gone {
			r.opts.Log(id + " ended: " + r.lastLine(id))
			return r.mended(id, mend)
		}
		now, reasons, err := r.standing(ctx, id)
		if err == nil && len(reasons) == 0 {
			return nil
		}
		if now > applied {
			applied = now
			if deadline = time.Now().Add(told); deadline.After(last) {
				deadline = last
			}
		}
	}
	_, reasons, err := r.standing(ctx, id)
	if err != nil {
		return fmt.Errorf("%s neither ends nor answers: %w; its log ends with %s", id, err, r.lastLine(id))
	}
	r.opts.Log(id + " is not ready: " + strings.Join(reasons, "; "))
	if err := r.end(ctx, id); err != nil {
		return err
	}
	return r.mended(id, mend)
}

// mended mends a node that has ended, and starts it.
func (r *run) mended(id string, mend func() error) error {
	if err := mend(); err != nil {
		return err
	}
	return r.cluster.StartNode(id)
}

// standing is how far a node that has no vote has applied the log, 0 for one that has, and
// why a node is not ready; no reasons: it is.
func (r *run) standing(ctx context.Context, id string) (applied uint64, reasons []string, err error) {
	list, err := nodestatus.All(ctx, r.operator)
	if err != nil {
		return 0, nil, err
	}
	for _, s := range list {
		switch {
		case s.Node != id || s.Well():
		case s.Status == nil:
			return 0, nil, errors.New(s.Error)
		default:
			if s.Status.Ledger.NoVote != "" {
				applied = s.Status.Ledger.Applied
			}
			return applied, append(s.Status.Reasons, "not ready"), nil
		}
	}
	return 0, nil, nil
}

// lastLine is what a node logged last.
func (r *run) lastLine(id string) string {
	b, err := os.ReadFile(r.cluster.Log(id))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return lines[len(lines)-1]
}

// largest is the largest file of a pattern below dir, with its bytes.
func (r *run) largest(dir, pattern string) (path string, b []byte, err error) {
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		return "", nil, err
	}
	var size int64 = -1
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return "", nil, err
		}
		if info.Mode().IsRegular() && info.Size() > size {
			path, size = p, info.Size()
		}
	}
	if path == "" {
		return "", nil, fmt.Errorf("nothing is %s below %s: %w", pattern, dir, fs.ErrNotExist)
	}
	b, err = os.ReadFile(path)
	return path, b, err
}

// flips is how many bytes are changed.
const flips = 6

// flip changes bytes that are not zero, since a file's room for later is.
func (r *run) flip(dir, pattern string) error {
	path, b, err := r.largest(dir, pattern)
	if err != nil {
		return err
	}
	var used []int
	for i, x := range b {
		if x != 0 {
			used = append(used, i)
		}
	}
	if len(used) == 0 {
		return fmt.Errorf("%s is empty", path)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for range flips {
		at := used[r.rng.IntN(len(used))]
		if _, err := f.WriteAt([]byte{b[at] ^ byte(1+r.rng.IntN(255))}, int64(at)); err != nil { //nolint:gosec // below 256
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}
