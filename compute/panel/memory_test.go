package panel_test

import (
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/compute/panel"
)

const manyMeasures = `
dataset: many
title: {en: Many}
license: CC0-1.0
entity: {column: plant}
period: {column: hour, grain: hour}
utc_offset: "+08:00"
measures:
  - {name: a, column: A, unit: kg, range: [0, 100000], decimals: 0}
  - {name: b, column: B, unit: kg, range: [0, 100000], decimals: 0}
  - {name: c, column: C, unit: kg, range: [0, 100000], decimals: 0}
  - {name: d, column: D, unit: kg, range: [0, 100000], decimals: 0}
policy: {public: true}
`

// generated writes rows of so many entities and hours as they are read, entity by entity, so
// that no two neighbouring rows are of one period.
type generated struct {
	entities, hours int
	next            int
	text            []byte
	hour            []string
}

func newGenerated(entities, hours int) *generated {
	t := &generated{entities: entities, hours: hours, text: []byte("plant,hour,A,B,C,D\n")}
	for h := range hours {
		t.hour = append(t.hour, time.Date(2024, 1, 1, h, 0, 0, 0, time.UTC).Format("2006-01-02 15:04"))
	}
	return t
}

func tableValue(entity, hour, measure int) int {
	return (entity*7919 + hour*104729 + measure*31) % 100_000
}

// Read implements io.Reader.
func (t *generated) Read(p []byte) (int, error) {
	for len(t.text) == 0 {
		if t.next == t.entities*t.hours {
			return 0, io.EOF
		}
		e, h := t.next/t.hours, t.next%t.hours
		t.next++
		t.text = append(t.text[:0], fmt.Sprintf("p%05d,%s", e, t.hour[h])...)
		for m := range 4 {
			t.text = strconv.AppendInt(append(t.text, ','), int64(tableValue(e, h, m)), 10)
		}
		t.text = append(t.text, '\n')
	}
	n := copy(p, t.text)
	t.text = t.text[n:]
	return n, nil
}

// liveBytes is what is reachable on the heap.
func liveBytes() int64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc) //nolint:gosec // far below
}

// Rows and readings take the memory that they are given, however many there are: without
// the temporary file these would take 80 MB. With WEIR_LONG=1 there are 54 million rows.
func TestReadingTakesTheMemoryThatItIsGiven(t *testing.T) {
	entities, hours, memory := 2000, 500, 8<<20
	if longrun.Wanted() {
		entities, hours, memory = 25_000, 2160, panel.DefaultMemory
	}
	src := source(t, manyMeasures)
	before, most := liveBytes(), int64(0)
	file := panel.File{Name: "many.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(newGenerated(entities, hours)), nil }}
	every := entities * hours / 8
	told := 0
	p, _, err := panel.Read(t.Context(), src, nil, []panel.File{file}, panel.Options{Memory: memory, Progress: func(rows int) {
		if rows/every > told {
			told = rows / every
			most = max(most, liveBytes()-before)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	most = max(most, liveBytes()-before)
	presence := int64(entities*hours) * 4 / 8
	if bound := int64(memory)*3/2 + presence + 4<<20; most > bound {
		t.Errorf("%d MB were live, want at most %d", most>>20, bound>>20)
	}
	t.Logf("%d rows: %d MB were live of %d given", entities*hours, most>>20, memory>>20)
	line := make([]int64, entities)
	for m, c := range p.Columns {
		for _, h := range []int{0, hours / 2, hours - 1} {
			if err := c.Values.Read(h*entities, line); err != nil {
				t.Fatal(err)
			}
			for e, v := range line {
				if want := int64(tableValue(e, h, m)) - c.Measure.Mid(); v != want {
					t.Fatalf("entity %d in hour %d: %d, want %d", e, h, v, want)
				}
			}
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkRead is reading a file whose rows and readings fit into memory, and one whose
// do not.
func BenchmarkRead(b *testing.B) {
	var text strings.Builder
	const entities, hours = 1000, 1000
	if _, err := io.Copy(&text, newGenerated(entities, hours)); err != nil {
		b.Fatal(err)
	}
	for name, memory := range map[string]int{"in memory": 1 << 30, "spilled": 8 << 20} {
		b.Run(name, func(b *testing.B) {
			src := source(b, manyMeasures)
			for b.Loop() {
				p, _, err := panel.Read(b.Context(), src, nil, []panel.File{mem("f", text.String())}, panel.Options{Memory: memory})
				if err != nil {
					b.Fatal(err)
				}
				if err := p.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*entities*hours/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
