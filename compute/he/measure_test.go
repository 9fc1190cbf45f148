package he

import (
	"context"
	"errors"
	"testing"
)

// TestMeasureReportsEveryFigure, each a positive number, and stops when told to.
func TestMeasureReportsEveryFigure(t *testing.T) {
	got, err := Measure(t.Context(), small(t, 4, 3), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, m := range got {
		values[m.Name] = m.Value
	}
	for _, name := range []string{
		"memory_bytes_per_s", "accumulate_bytes_per_s", "accumulate_values_per_s", "lattigo_add_values_per_s",
		"encrypt_values_per_s", "open_share_ms", "open_root_ms", "bytes_per_value",
	} {
		if values[name] <= 0 {
			t.Errorf("%s is %v", name, values[name])
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Measure(ctx, small(t, 3, 2), 1<<20); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error is %v", err)
	}
}

func BenchmarkMeasure(b *testing.B) {
	p := full(b, 3, 2)
	for b.Loop() {
		got, err := Measure(b.Context(), p, 800<<20)
		if err != nil {
			b.Fatal(err)
		}
		for _, m := range got {
			b.ReportMetric(m.Value, m.Name)
		}
	}
	b.ReportMetric(0, "ns/op")
}
