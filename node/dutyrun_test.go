package node

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weirdata/weir/catalog"
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
	return fmt.Sprintf("seed %d (WEIR_SEED=%d go test ./node -run TestDutiesSimulation$):\n  %s\nwhat happened:\n%s",
		seed, seed, strings.Join(r.wrong, "\n  "), strings.Join(r.told, "\n"))
}

// Which schedules are run: as in package consensus, WEIR_SEED is one, WEIR_SCHEDULES a number of them.
const fewDuties = 4

func dutySchedules(t *testing.T) uint64 {
	t.Helper()
	s := os.Getenv("WEIR_SCHEDULES")
	if s == "" {
		return fewDuties
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("WEIR_SCHEDULES: %v", err)
	}
	return n
}

// TestDutiesSimulation runs schedules of faults: see duties.
func TestDutiesSimulation(t *testing.T) {
	makeDutyWorld(t)
	if text := os.Getenv("WEIR_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("WEIR_SEED: %v", err)
		}
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		r := simulateDuties(t, seed, dutyBug{})
		t.Logf("trace %x, %+v\n%s", r.trace, r.dutyCounts, strings.Join(r.told, "\n"))
		if len(r.wrong) > 0 {
			t.Error(r.describe(seed))
		}
		return
	}
	t.Parallel()
	n := dutySchedules(t)
	var next atomic.Uint64
	var mu sync.Mutex
	var all dutyCounts
	t.Run("schedules", func(t *testing.T) {
		for worker := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(worker), func(t *testing.T) {
				t.Parallel()
				for seed := next.Add(1) - 1; seed < n; seed = next.Add(1) - 1 {
					r := simulateDuties(t, seed, dutyBug{})
					if len(r.wrong) > 0 {
						t.Error(r.describe(seed))
					}
					mu.Lock()
					all.add(r.dutyCounts)
					mu.Unlock()
				}
			})
		}
	})
	t.Logf("%d schedules: %+v", n, all)
}

// oldShareSeed is one at which the planted bug shows as a figure: the same seed does not always make the
// same history.
const oldShareSeed = 0

// TestDutiesSimulationFindsAnOldShare: it would find a node that takes an old epoch's share for that of
// the present one. With WEIR_LONG it goes through the seeds from the first one on, and says how many it took.
func TestDutiesSimulationFindsAnOldShare(t *testing.T) {
	t.Parallel()
	const tries = 60
	for i := range uint64(tries) {
		seed := oldShareSeed + i
		if os.Getenv("WEIR_LONG") != "" {
			seed = i
		}
		r := simulateDuties(t, seed, dutyBug{oldShare: true})
		if slices.ContainsFunc(r.wrong, func(what string) bool { return strings.Contains(what, "the figure is") }) {
			t.Logf("found in schedule %d, seed %d: %s", i+1, seed, strings.Join(r.wrong, "; "))
			return
		}
	}
	t.Errorf("not found in %d schedules", tries)
}
