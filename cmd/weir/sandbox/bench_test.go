package sandbox

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/node/bench"
)

var someFigures = bench.Figures{
	{Name: "cores", Value: 2, Unit: "cores"},
	{Name: "memory_bytes_per_s", Value: 26_130_000_123, Unit: "B/s"},
	{Name: "encrypt_values_per_s", Value: 4_800_000, Unit: "1/s"},
	{Name: "open_share_ms", Value: 0.35, Unit: "ms"},
	{Name: "bytes_per_value", Value: 48.008, Unit: "B"},
	{Name: "accumulate_of_memory", Value: 0.934, Unit: "1"},
	{Name: "propose_per_s", Value: 950, Unit: "1/s"},
}

func printed(t *testing.T, format cli.Format) string {
	t.Helper()
	var out bytes.Buffer
	if err := printFigures(&cli.App{Stdout: &out, Output: format}, someFigures); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Machines get name, value and unit, nothing else, and plain numbers.
func TestBenchPrintsUnscaledNumbersForMachines(t *testing.T) {
	var rows []map[string]any
	if err := json.Unmarshal([]byte(printed(t, cli.JSON)), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(someFigures) {
		t.Fatalf("%d rows, want %d", len(rows), len(someFigures))
	}
	for i, row := range rows {
		want := someFigures[i]
		if len(row) != 3 || row["name"] != want.Name || row["value"] != want.Value || row["unit"] != want.Unit {
			t.Errorf("row %d is %v, want %+v", i, row, want)
		}
	}
	want := "name,value,unit\ncores,2,cores\nmemory_bytes_per_s,26130000123,B/s\n"
	if got := printed(t, cli.CSV); !strings.HasPrefix(got, want) {
		t.Errorf("CSV is %q, want it to begin with %q", got, want)
	}
}

func TestBenchPrintsScaledNumbersForPeople(t *testing.T) {
	got := strings.Split(strings.TrimSpace(printed(t, cli.Table)), "\n")
	want := []string{
		"name value unit", "cores 2 cores", "memory_bytes_per_s 26.13 GB/s", "encrypt_values_per_s 4.8 M/s",
		"open_share_ms 0.35 ms", "bytes_per_value 48.01 B", "accumulate_of_memory 0.93", "propose_per_s 950 /s",
	}
	for i, line := range got {
		if text := strings.Join(strings.Fields(line), " "); i >= len(want) || text != want[i] {
			t.Errorf("line %d is %q, want %q", i, text, want[min(i, len(want)-1)])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d lines, want %d", len(got), len(want))
	}
}
