package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/nodestatus"
	"github.com/weirdata/weir/node/dev"
)

// memory is what the nodes' processes have of the machine, added up, in bytes; zero on
// systems without proc_pid_status(5).
type memory struct {
	anonymous int64 // RssAnon: what the processes themselves hold
	mapped    int64 // RssFile: pages of files, which the system takes back when it needs them
}

// memoryTick is how often the memory is looked at.
const memoryTick = time.Second

// watchMemory looks at the nodes' memory until end is called, which returns what was seen,
// in order. A process that cannot be read is not counted.
func watchMemory(ctx context.Context, cluster *dev.Cluster) (end func() []memory) {
	var seen []memory
	stop := client.Poll(ctx, memoryTick, func(context.Context) {
		var now memory
		for _, id := range cluster.IDs() {
			if one, err := memoryOf(cluster.PID(id)); err == nil {
				now.anonymous += one.anonymous
				now.mapped += one.mapped
			}
		}
		seen = append(seen, now)
	})
	return func() []memory {
		stop()
		return seen
	}
}

// memoryOf reads the resident memory of a process.
func memoryOf(pid int) (memory, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if errors.Is(err, fs.ErrNotExist) {
		return memory{}, nil
	}
	if err != nil {
		return memory{}, fmt.Errorf("read the memory of process %d: %w", pid, err)
	}
	return parseMemory(string(b))
}

// parseMemory reads the text of /proc/PID/status.
func parseMemory(status string) (m memory, err error) {
	for line := range strings.Lines(status) {
		name, rest, _ := strings.Cut(line, ":")
		var to *int64
		switch name {
		case "RssAnon":
			to = &m.anonymous
		case "RssFile":
			to = &m.mapped
		default:
			continue
		}
		kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
		if err != nil {
			return memory{}, fmt.Errorf("read %s: %w", name, err)
		}
		*to = kilobytes << 10
	}
	return m, nil
}

// thirds are the lowest amounts of anonymous memory in the first and in the last third of
// what was seen, and the highest at all. The store's memtables fill and are written out in
// turns, which takes some hundred megabytes for seconds: memory that is never given back
// shows in the lowest.
func thirds(seen []memory) (first, last, peak int64) {
	if len(seen) == 0 {
		return 0, 0, 0
	}
	by := func(a, b memory) int { return cmp.Compare(a.anonymous, b.anonymous) }
	n := (len(seen) + 2) / 3
	return slices.MinFunc(seen[:n], by).anonymous, slices.MinFunc(seen[len(seen)-n:], by).anonymous, slices.MaxFunc(seen, by).anonymous
}

// statuses are of every node.
func statuses(ctx context.Context, cluster *dev.Cluster) (all []wire.Status, err error) {
	operator, err := cluster.Client(dev.Operator)
	if err != nil {
		return nil, err
	}
	defer operator.Close()
	states, err := nodestatus.All(ctx, operator)
	if err != nil {
		return nil, fmt.Errorf("ask the nodes how they are: %w", err)
	}
	for _, s := range states {
		if s.Status == nil {
			return nil, fmt.Errorf("node %s does not say how it is: %s", s.Node, s.Error)
		}
		all = append(all, *s.Status)
	}
	return all, nil
}

// highestTerm is the highest term that a node knows.
func highestTerm(ctx context.Context, cluster *dev.Cluster) (term uint64, err error) {
	all, err := statuses(ctx, cluster)
	for _, s := range all {
		term = max(term, s.Ledger.Term)
	}
	return term, err
}

const stallTick = 20 * time.Millisecond

// watchStalls watches how late an idle timer is until end is called, which returns the
// longest delay.
func watchStalls(ctx context.Context) (end func() time.Duration) {
	var longest time.Duration
	due := time.Now()
	stop := client.Poll(ctx, stallTick, func(context.Context) {
		now := time.Now()
		longest, due = max(longest, now.Sub(due)), now.Add(stallTick)
	})
	return func() time.Duration {
		stop()
		return longest
	}
}
