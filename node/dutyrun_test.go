package node

import (
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/consensus/schedules"
	"github.com/weirdata/weir/node/mpc"
)

// dutyBug is a bug that a test plants, to see it found. None needs a hook in the product: they are in
// what a node reads of its simulated disk.
type dutyBug struct {
	// oldShare has a node that is started anew take its share of the epoch before for that of the
	// present one, as if nothing tied what is opened with to its sharing: neither the epoch in the record
	// of a share nor the context in what a member contributes.
	oldShare bool
	// oldVector has one that is started anew take its share of a vector under the move before for that of the
	// last one.
	oldVector bool
	// unsyncedVector has nodes say that they hold shares of vectors which a crash takes from their disks.
	unsyncedVector bool
	// hasty has the ledger go on with a move as soon as one member has stored what it was dealt.
	hasty bool
}

// misreads is the planted bug of a node that is being started: what it reads instead of a secret; nil: it has none.
func (s *duties) misreads() func(d *dutyStore, name string) []byte {
	s.mu.Lock()
	first := s.crashes <= uint64(len(s.machines))
	s.mu.Unlock()
	switch {
	case first:
		return nil
	case s.planted.oldVector:
		return s.oldVector
	case !s.planted.oldShare:
		return nil
	}
	return s.oldShare
}

// oldShare is the share of the sharing before.
func (s *duties) oldShare(d *dutyStore, name string) []byte {
	now, is := mpc.KeyShare(name)
	if !is || d.secrets[name] == nil {
		return nil
	}
	var before catalog.Sharing
	for _, x := range mpc.SharingsOf(now.Key, slices.Collect(maps.Keys(d.old))) {
		if x.Epoch < now.Epoch {
			before = x
		}
	}
	old := d.old[mpc.SharingSession(before)]
	if old == nil {
		return nil
	}
	r, was := readStoredKey(s.t, d.secrets[name]), readStoredKey(s.t, old)
	head := len(r.Share) % 1024 // before the coefficients, which are multiples of 8 kB
	copy(r.Share[head:], was.Share[head:])
	return r.bytes(s.t)
}

// describe is what to show of a schedule that went wrong.
func (r dutyResult) describe(seed uint64) string {
	return r.Describe(seed, "./node -run TestDutiesSimulation$")
}

// fewDuties are the schedules that are run where the environment does not say which.
const fewDuties = 4

// TestDutiesSimulation runs schedules of faults: see duties.
func TestDutiesSimulation(t *testing.T) {
	makeDutyWorld(t)
	if seed, only := schedules.Seed(t); only {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		r := simulateDuties(t, seed, dutyBug{})
		t.Logf("trace %x, %+v\n%s", r.Trace, r.dutyCounts, strings.Join(r.Told, "\n"))
		if len(r.Wrong) > 0 {
			t.Error(r.describe(seed))
		}
		return
	}
	t.Parallel()
	n := schedules.Count(t, fewDuties)
	var mu sync.Mutex
	var all dutyCounts
	t.Run("schedules", func(t *testing.T) {
		schedules.Each(t, n, func(t *testing.T, seed uint64) {
			r := simulateDuties(t, seed, dutyBug{})
			if len(r.Wrong) > 0 {
				t.Error(r.describe(seed))
			}
			mu.Lock()
			all.add(r.dutyCounts)
			mu.Unlock()
		})
	})
	t.Logf("%d schedules: %+v", n, all)
}

// plantedInDuties are bugs that the simulation has to find, what tells of them, and a seed at which it often does.
var plantedInDuties = []struct {
	name, told string
	bug        dutyBug
	seed       uint64
}{
	{"an old epoch's share", "the figure is", dutyBug{oldShare: true}, 0},
	{"an old share of a vector", "the figure is", dutyBug{oldVector: true}, 58},
	{"a share of a vector that was not stored", "has not stored its share of vector", dutyBug{unsyncedVector: true}, 0},
	{"a move in which not all have acknowledged", "has not stored its share of vector", dutyBug{hasty: true}, 0},
}

// TestDutiesSimulationFindsPlantedBugs: it would find those in the product. The same seed does not always make the same
// history, so it goes through the seeds until one shows the bug, and says how many it took.
func TestDutiesSimulationFindsPlantedBugs(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	const tries = 120
	for _, p := range plantedInDuties {
		t.Run(p.name, func(t *testing.T) {
			for seed := p.seed; seed < p.seed+tries; seed++ {
				r := simulateDuties(t, seed, p.bug)
				if slices.ContainsFunc(r.Wrong, func(what string) bool { return strings.Contains(what, p.told) }) {
					t.Logf("found in schedule %d, seed %d: %s", seed-p.seed+1, seed, strings.Join(r.Wrong, "; "))
					return
				}
			}
			t.Errorf("not found in %d schedules", tries)
		})
	}
}
