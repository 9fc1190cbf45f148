package nemesis

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestNemesis runs for WEIR_LONG. WEIR_SEED repeats a run's faults, WEIR_FAULTS names
// those that are wanted.
func TestNemesis(t *testing.T) {
	long := os.Getenv("WEIR_LONG")
	if long == "" {
		t.Skip("runs a cluster under faults for WEIR_LONG, which is not set; .ci/nemesis does, for a minute")
	}
	length, err := time.ParseDuration(long)
	if err != nil {
		t.Fatalf("WEIR_LONG: %v", err)
	}
	seed := uint64(time.Now().Unix()) //nolint:gosec // positive
	if s := os.Getenv("WEIR_SEED"); s != "" {
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("WEIR_SEED: %v", err)
		}
	}
	dir := t.TempDir()
	weir := filepath.Join(dir, "weir")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-s -w", "-o", weir, "github.com/weirdata/weir/cmd/weir").CombinedOutput(); err != nil {
		t.Fatalf("build weir: %v\n%s", err, out)
	}
	ctx, stop := context.WithTimeout(t.Context(), length+5*time.Minute)
	defer stop()
	o := Options{
		Dir: filepath.Join(dir, "cluster"), Command: []string{weir}, Length: length, Seed: seed,
		Log: func(line string) { fmt.Printf("%s %s\n", time.Now().Format(time.TimeOnly), line) },
	}
	if s := os.Getenv("WEIR_FAULTS"); s != "" {
		o.Only = strings.Split(s, ",")
	}
	fmt.Printf("nemesis: %s, WEIR_SEED=%d\n", length, seed)
	report, err := Run(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	for id, text := range report.Logs {
		fmt.Printf("== %s\n%s", id, text)
	}
	if len(report.Violations) > 0 {
		t.Fail()
	}
	for text, n := range report.Errors {
		fmt.Printf("%6d times: %s\n", n, text)
	}
	fmt.Println(report)
	if report.Operations-report.Unknown < 20 || len(report.Faults) < 3 {
		t.Errorf("%d operations and %d faults show too little", report.Operations, len(report.Faults))
	}
}
