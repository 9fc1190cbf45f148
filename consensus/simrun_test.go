package consensus

import (
	globalrand "math/rand"
	"runtime"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/consensus/schedules"
)

// Which schedules are run: those that package schedules reads of the environment; WEIR_LONG is a thousand.
const fewSchedules, manySchedules = 16, 1000 // a quarter of the few with -short

// replay runs the schedule of WEIR_SEED, as exactly as that can be done: on one processor and with raft's
// timeouts, which it draws from the process's source of random numbers, drawn by the seed too.
func replay(t *testing.T, seed uint64) {
	t.Helper()
	times := schedules.Count(t, 1)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	t.Setenv("GODEBUG", "randseednop=0")
	traces := map[uint64]int{}
	for range times {
		globalrand.Seed(int64(seed)) //nolint:staticcheck // there is no other way to that source
		r := simulate(t, seed, planted{})
		if traces[r.Trace]++; len(r.Wrong) > 0 {
			t.Error(r.describe(seed))
		}
	}
	t.Logf("how often each trace came of %d: %v", times, traces)
}

// TestSimulation runs schedules of faults: see doc.go, "Simulation".
func TestSimulation(t *testing.T) {
	if seed, only := schedules.Seed(t); only {
		replay(t, seed)
		return
	}
	t.Parallel()
	few := uint64(fewSchedules)
	switch {
	case longrun.Wanted():
		few = manySchedules
	case testing.Short():
		few /= 4
	}
	schedules.Each(t, schedules.Count(t, few), func(t *testing.T, seed uint64) {
		if r := simulate(t, seed, planted{}); len(r.Wrong) > 0 {
			t.Error(r.describe(seed))
		}
	})
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
	long := longrun.Wanted()
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
				if r := simulate(t, seed, p.bug); len(r.Wrong) > 0 {
					t.Logf("found in schedule %d, seed %d: %s", i+1, seed, strings.Join(r.Wrong, "; "))
					return
				}
			}
			t.Errorf("not found in %d schedules", tries)
		})
	}
}
