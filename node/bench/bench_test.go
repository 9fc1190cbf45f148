package bench

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weirdata/weir/catalog/longrun"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// names are the figures; what others rely on (BENCHMARKS.md section 2.1) comes first.
var names = []string{
	"memory_bytes_per_s", "accumulate_bytes_per_s", "accumulate_values_per_s", "lattigo_add_values_per_s",
	"encrypt_values_per_s", "open_share_ms", "open_root_ms", "bytes_per_value",
	"cores", "accumulate_of_memory", "encrypt_2_values_per_s", "encrypt_2_ratio",
	"store_put_bytes_per_s", "store_first_bytes_per_s", "store_accumulate_bytes_per_s", "store_accumulate_values_per_s",
	"propose_per_s", "propose_64_per_s",
}

func tiny(dir string) Options {
	return Options{Bytes: 1 << 20, StoredTiles: 8, Proposing: 20 * time.Millisecond, Dir: dir}
}

func TestRunReportsEveryFigureOnceAndLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	steps := 0
	o := tiny(dir)
	o.Step = func(string) { steps++ }
	got, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, m := range got {
		seen[m.Name]++
		if m.Value <= 0 || m.Unit == "" {
			t.Errorf("%+v: want a positive number and a unit", m)
		}
	}
	for _, name := range names {
		if seen[name] != 1 {
			t.Errorf("%s: %d times, want once", name, seen[name])
		}
		delete(seen, name)
	}
	if len(seen) > 0 {
		t.Errorf("figures that nobody asked for: %v", seen)
	}
	if r := got.Value("accumulate_of_memory") * got.Value("memory_bytes_per_s") / got.Value("accumulate_bytes_per_s"); r < 0.999 || r > 1.001 {
		t.Errorf("accumulate_of_memory is not the quotient of its parts: off by %v", r)
	}
	if steps != 4 {
		t.Errorf("%d steps told, want 4", steps)
	}
	empty(t, dir)
}

func TestRunThatIsInterruptedLeavesNothingBehind(t *testing.T) {
	longrun.Only(t)
	dir := t.TempDir()
	for _, at := range []string{"memory", "ledger"} {
		ctx, cancel := context.WithCancel(t.Context())
		o := tiny(dir)
		o.Step = func(what string) {
			if strings.Contains(what, at) {
				cancel()
			}
		}
		if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted at %s: %v", at, err)
		}
		cancel()
		empty(t, dir)
	}
}

func empty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
