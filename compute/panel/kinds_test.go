package panel_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/xuri/excelize/v2"

	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/compute/panel"
)

// BenchmarkReadKinds reads the same readings of ten measures from files of each kind: a
// million, or ten with WEIR_LONG.
func BenchmarkReadKinds(b *testing.B) {
	rows := 100_000
	if longrun.Wanted() {
		rows = 1_000_000
	}
	var measures strings.Builder
	names := make([]string, 10)
	for m := range names {
		names[m] = fmt.Sprintf("x%d", m)
		fmt.Fprintf(&measures, "  - {name: x%d, unit: kg, range: [0, 1000], decimals: 1}\n", m)
	}
	text := descriptor(byStation, byHour, measures.String(), "")
	src, err := panel.ReadDescriptor("d.yaml", strings.NewReader(text))
	if err != nil {
		b.Fatal(err)
	}
	entity := func(i int) string { return fmt.Sprintf("s%03d", i%500) }
	hour := func(i int) string { return src.Descriptor.Grain.Format(473_000 + int64(i/500)) }
	tenths := func(i, m int) int { return (i*7 + m*13) % 10_000 }
	write := map[string]func(io.Writer) error{
		"csv": func(w io.Writer) error {
			out := bufio.NewWriter(w)
			line := "s,t," + strings.Join(names, ",")
			for i := range rows {
				if _, err := out.WriteString(line + "\n"); err != nil {
					return err
				}
				line = entity(i) + "," + hour(i)
				for m := range names {
					line += fmt.Sprintf(",%d.%d", tenths(i, m)/10, tenths(i, m)%10)
				}
			}
			if _, err := out.WriteString(line + "\n"); err != nil {
				return err
			}
			return out.Flush()
		},
		"xlsx": func(w io.Writer) error {
			f := excelize.NewFile()
			defer f.Close() //nolint:errcheck // a benchmark's
			out, err := f.NewStreamWriter("Sheet1")
			if err != nil {
				return err
			}
			row := []any{"s", "t"}
			for _, n := range names {
				row = append(row, n)
			}
			for i := range rows + 1 {
				if i > 0 {
					row[0], row[1] = entity(i-1), hour(i-1)
					for m := range names {
						row[2+m] = float64(tenths(i-1, m)) / 10
					}
				}
				if err := out.SetRow(fmt.Sprintf("A%d", i+1), row); err != nil {
					return err
				}
			}
			if err := out.Flush(); err != nil {
				return err
			}
			return f.Write(w)
		},
		"parquet": func(w io.Writer) error {
			columns := parquet.Group{"s": parquet.String(), "t": parquet.String()}
			for _, n := range names {
				columns[n] = parquet.Leaf(parquet.DoubleType)
			}
			out := parquet.NewGenericWriter[any](w, parquet.NewSchema("d", columns))
			for i := range rows {
				row := parquet.Row{parquet.ByteArrayValue([]byte(entity(i))).Level(0, 0, 0), parquet.ByteArrayValue([]byte(hour(i))).Level(0, 0, 1)}
				for m := range names {
					row = append(row, parquet.DoubleValue(float64(tenths(i, m))/10).Level(0, 0, 2+m))
				}
				if _, err := out.WriteRows([]parquet.Row{row}); err != nil {
					return err
				}
			}
			return out.Close()
		},
	}
	for _, kind := range []string{"csv", "xlsx", "parquet"} {
		b.Run(kind, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "f")
			f, err := os.Create(path)
			if err == nil {
				err = write[kind](f)
			}
			if err != nil {
				b.Fatal(err)
			}
			if err := f.Close(); err != nil {
				b.Fatal(err)
			}
			forgetPeak(b)
			b.ResetTimer()
			for range b.N {
				p, _, err := panel.Read(b.Context(), src, nil, []panel.File{{Name: path, Open: func() (io.ReadCloser, error) { return os.Open(path) }}}, panel.Options{})
				if err != nil {
					b.Fatal(err)
				}
				if n := p.Columns[9].Present.Count(); n != uint(rows) {
					b.Fatalf("%d readings", n)
				}
				if err := p.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(10*rows*b.N)/b.Elapsed().Seconds(), "values/s")
			b.ReportMetric(peakMemory(b), "MB-peak")
		})
	}
}

// forgetPeak lets the most memory be counted anew, without what it took to write the file and
// to read those before.
func forgetPeak(b *testing.B) {
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Logf("the peak of memory has the file's writing in it: %v", err)
	}
}

// peakMemory is the most memory that this process has had since forgetPeak.
func peakMemory(b *testing.B) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		var kB float64
		if n, err := fmt.Sscanf(line, "VmHWM: %f kB", &kB); err == nil && n == 1 {
			return kB / 1000
		}
	}
	b.Fatal("no peak of memory is told")
	return 0
}
