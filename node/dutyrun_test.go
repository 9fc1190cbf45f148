package node

import (
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/weirdata/weir/catalog"
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
}

// oldShare is the planted bug of a node that is being started: what it reads instead of a secret.
func (s *duties) oldShare() func(d *dutyStore, name string) []byte {
	s.mu.Lock()
	first := s.crashes <= uint64(len(s.stores))
	s.mu.Unlock()
	if !s.planted.oldShare || first {
		return nil
	}
	return func(d *dutyStore, name string) []byte {
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

// TestDutiesSimulationFindsAnOldShare: it would find a node that takes an old epoch's share for that of
// the present one. The same seed does not always make the same history, so it goes through the seeds
// from the first one on until one shows the bug as a figure, and says how many it took.
func TestDutiesSimulationFindsAnOldShare(t *testing.T) {
	t.Parallel()
	const tries = 60
	for seed := range uint64(tries) {
		r := simulateDuties(t, seed, dutyBug{oldShare: true})
		if slices.ContainsFunc(r.Wrong, func(what string) bool { return strings.Contains(what, "the figure is") }) {
			t.Logf("found in schedule %d, seed %d: %s", seed+1, seed, strings.Join(r.Wrong, "; "))
			return
		}
	}
	t.Errorf("not found in %d schedules", tries)
}
