// Package schedules is for tests that simulate. It runs schedules of faults, each of which follows
// from a seed, and keeps what happened in one. Which are run the environment says, of all simulations
// alike: WEIR_SEED is one, WEIR_SCHEDULES a number of them. WEIR_SIM_LOG is a directory for what is
// logged in each.
package schedules

import (
	"fmt"
	"hash"
	"hash/fnv"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Seed is that of the only schedule to run; false where there is none such.
func Seed(t *testing.T) (seed uint64, only bool) {
	t.Helper()
	return number(t, "WEIR_SEED")
}

// Count is how many schedules are run; others where the environment does not say.
func Count(t *testing.T, others uint64) uint64 {
	t.Helper()
	if n, said := number(t, "WEIR_SCHEDULES"); said {
		return n
	}
	return others
}

func number(t *testing.T, name string) (n uint64, said bool) {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n, true
}

// Each runs the schedules of the seeds below n, on all processors, in parallel subtests.
func Each(t *testing.T, n uint64, run func(t *testing.T, seed uint64)) {
	t.Helper()
	var next atomic.Uint64
	for worker := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprint(worker), func(t *testing.T) {
			t.Parallel()
			for seed := next.Add(1) - 1; seed < n; seed = next.Add(1) - 1 {
				run(t, seed)
			}
		})
	}
}

// Story is what happens in a schedule, and what must not.
type Story struct {
	Start time.Time
	Log   *slog.Logger // for whatever runs in the schedule, too

	mu    sync.Mutex
	wrong []string // violations
	told  []string // what happened
	trace hash.Hash64
}

// Begin begins a story at the present time. file is the name of its log.
func Begin(t *testing.T, file string) *Story {
	t.Helper()
	s := &Story{Start: time.Now(), Log: slog.New(slog.DiscardHandler), trace: fnv.New64a()}
	// A file: of a process that ends by a panic there is nothing else left.
	if dir := os.Getenv("WEIR_SIM_LOG"); dir != "" {
		f, err := os.Create(filepath.Join(dir, file)) //nolint:gosec // whoever runs the test says where
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() }) //nolint:errcheck // a log of a test
		s.Log = slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return s
}

// Violation notes that what must hold does not.
func (s *Story) Violation(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
}

// Note adds to the trace.
func (s *Story) Note(format string, args ...any) {
	line := fmt.Sprintf("%9.3f ", time.Since(s.Start).Seconds()) + fmt.Sprintf(format, args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.trace.Write([]byte(line)) //nolint:errcheck // a hash takes everything
	s.Log.Info("EVENT " + line)
	s.told = append(s.told, line)
}

// Result is what became of a schedule.
type Result struct {
	Wrong, Told []string
	Trace       uint64 // a hash of what happened
}

// Result is what has become of the schedule until now.
func (s *Story) Result() Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Result{s.wrong, s.told, s.trace.Sum64()}
}

// Describe is what to show of a schedule that went wrong. test is what runs it: the arguments of go test.
func (r Result) Describe(seed uint64, test string) string {
	return fmt.Sprintf("seed %d (WEIR_SEED=%d go test %s):\n  %s\nwhat happened:\n%s",
		seed, seed, test, strings.Join(r.Wrong, "\n  "), strings.Join(r.Told, "\n"))
}
