package consensus

import (
	"fmt"
	globalrand "math/rand"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// Which schedules are run: WEIR_SEED is one, replayed as exactly as that can be done; WEIR_LONG is a
// thousand; WEIR_SCHEDULES is another number of them.
const fewSchedules, manySchedules = 16, 1000 // a quarter of the few with -short

func schedules(t *testing.T) uint64 {
	t.Helper()
	if s := os.Getenv("WEIR_SCHEDULES"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("WEIR_SCHEDULES: %v", err)
		}
		return n
	}
	if os.Getenv("WEIR_LONG") != "" {
		return manySchedules
	}
	if testing.Short() {
		return fewSchedules / 4
	}
	return fewSchedules
}

// replay runs the schedule of WEIR_SEED, on one processor and with raft's timeouts, which it draws
// from the process's source of random numbers, drawn by the seed too.
func replay(t *testing.T, text string) {
	t.Helper()
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("WEIR_SEED: %v", err)
	}
	times := uint64(1)
	if os.Getenv("WEIR_SCHEDULES") != "" {
		times = schedules(t)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	t.Setenv("GODEBUG", "randseednop=0")
	traces := map[uint64]int{}
	for range times {
		globalrand.Seed(int64(seed)) //nolint:staticcheck // there is no other way to that source
		r := simulate(t, seed, planted{})
		if traces[r.trace]++; len(r.wrong) > 0 {
			t.Error(r.describe(seed))
		}
	}
	t.Logf("how often each trace came of %d: %v", times, traces)
}

// TestSimulation runs schedules of faults: see doc.go, "Simulation".
func TestSimulation(t *testing.T) {
	if s := os.Getenv("WEIR_SEED"); s != "" {
		replay(t, s)
		return
	}
	t.Parallel()
	n := schedules(t)
	var next atomic.Uint64
	for worker := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprint(worker), func(t *testing.T) {
			t.Parallel()
			for seed := next.Add(1) - 1; seed < n; seed = next.Add(1) - 1 {
				if r := simulate(t, seed, planted{}); len(r.wrong) > 0 {
					t.Error(r.describe(seed))
				}
			}
		})
	}
}

// plantedBugs are those that the simulation has to find, each with a seed at which it often does: the
// same seed does not always make the same history.
var plantedBugs = []struct {
	name string
	bug  planted
	seed uint64
}{
	{"a skipped term check", planted{storage: storageFaults{forgetsVotes: true}}, 31},
	{"an unsynced write", planted{storage: storageFaults{unsyncedLog: true}}, 5},
	{"a budget charged outside apply", planted{outside: true}, 0},
	{"a lost ledger that is not noticed", planted{noRecord: true}, 81},
}

// TestSimulationFindsPlantedBugs: it would find those in the product. With WEIR_LONG it goes through
// the seeds from the first one on, and says how many it took.
func TestSimulationFindsPlantedBugs(t *testing.T) {
	t.Parallel()
	long := os.Getenv("WEIR_LONG") != ""
	for _, p := range plantedBugs {
		t.Run(p.name, func(t *testing.T) {
			tries := uint64(40)
			if long {
				tries = manySchedules
			}
			for i := range tries {
				seed := p.seed
				if long {
					seed = i
				}
				if r := simulate(t, seed, p.bug); len(r.wrong) > 0 {
					t.Logf("found in schedule %d, seed %d: %s", i+1, seed, strings.Join(r.wrong, "; "))
					return
				}
			}
			t.Errorf("not found in %d schedules", tries)
		})
	}
}
