package tiles_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bits-and-blooms/bitset"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/tables"
	"github.com/weirdata/weir/compute/tiles"
)

// drawn is a presence and the same as a plain table.
func drawn(t *rapid.T) (*tiles.Presence, [][][]bool) {
	measures := rapid.IntRange(1, 3).Draw(t, "measures")
	entities := rapid.IntRange(1, 150).Draw(t, "entities")
	periods := rapid.IntRange(1, 80).Draw(t, "periods")
	p, err := tiles.NewPresence(measures, entities, periods)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	density := rapid.SampledFrom([]float64{0, 0.02, 0.5, 0.97, 1}).Draw(t, "density")
	table := make([][][]bool, measures)
	for m := range table {
		table[m] = make([][]bool, periods)
		for period := range table[m] {
			table[m][period] = make([]bool, entities)
			for e := range entities {
				if rng.Float64() < density {
					table[m][period][e] = true
					p.Set(m, e, period)
				}
			}
		}
	}
	return p, table
}

func TestPresenceSurvivesItsEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, table := drawn(t)
		b, err := tiles.EncodePresence(p)
		if err != nil {
			t.Fatal(err)
		}
		measures, entities, periods := p.Size()
		again, err := tiles.DecodePresence(b, measures, entities, periods)
		if err != nil {
			t.Fatal(err)
		}
		for m := range table {
			for period := range table[m] {
				for e, want := range table[m][period] {
					if again.Has(m, e, period) != want {
						t.Fatalf("measure %d period %d entity %d: %v", m, period, e, !want)
					}
				}
			}
		}
	})
}

func TestPresenceCountsAsAPlainLoopDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, table := drawn(t)
		measures, entities, periods := p.Size()
		from := rapid.IntRange(0, periods).Draw(t, "from")
		to := rapid.IntRange(from, periods).Draw(t, "to")
		for measure := tiles.Any; measure < measures; measure++ {
			has := func(e, period int) bool {
				if measure == tiles.Any {
					return slices.ContainsFunc(table, func(m [][]bool) bool { return m[period][e] })
				}
				return table[measure][period][e]
			}
			all, wantAll := 0, 0
			wantEntities := make([]int32, entities)
			for period := range periods {
				for e := range entities {
					if !has(e, period) {
						continue
					}
					wantAll++
					if period >= from && period < to {
						wantEntities[e]++
					}
				}
			}
			all = p.Count(measure)
			got := make([]int32, entities)
			p.CountEntities(measure, from, to, got)
			if all != wantAll || !slices.Equal(got, wantEntities) {
				t.Fatalf("measure %d: %d %v, want %d %v", measure, all, got, wantAll, wantEntities)
			}
		}
	})
}

// TestPresenceOfVersionOneStaysReadable: one measure, 3 entities, 3 periods;
// bits 0, 4 and 8.
func TestPresenceOfVersionOneStaysReadable(t *testing.T) {
	b := blob(1, 1, 3, 3, deflate(t, []byte{0x11, 0x01}))
	p, err := tiles.DecodePresence(b, 1, 3, 3)
	if err != nil {
		t.Fatal(err)
	}
	for period := range 3 {
		for e := range 3 {
			if p.Has(0, e, period) != (e == period) {
				t.Errorf("entity %d, period %d", e, period)
			}
		}
	}
}

func blob(version byte, measures, entities, periods uint32, body []byte) []byte {
	b := []byte{version}
	for _, n := range []uint32{measures, entities, periods} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return append(b, body...)
}

func deflate(tb testing.TB, raw []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := w.Write(raw); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func TestPresenceThatIsNotTheExpectedOneIsRefused(t *testing.T) {
	good := deflate(t, []byte{0x11, 0x01})
	for name, c := range map[string]struct {
		blob                        []byte
		measures, entities, periods int
	}{
		"empty":            {nil, 1, 3, 3},
		"only a header":    {blob(1, 1, 3, 3, nil), 1, 3, 3},
		"version":          {blob(2, 1, 3, 3, good), 1, 3, 3},
		"measures":         {blob(1, 2, 3, 3, good), 1, 3, 3},
		"entities":         {blob(1, 1, 4, 3, good), 1, 3, 3},
		"periods":          {blob(1, 1, 3, 3, good), 1, 3, 4},
		"cut":              {blob(1, 1, 3, 3, good[:len(good)-1]), 1, 3, 3},
		"no deflate":       {blob(1, 1, 3, 3, []byte{0xff, 0xff}), 1, 3, 3},
		"a byte too few":   {blob(1, 1, 3, 3, deflate(t, []byte{0x11})), 1, 3, 3},
		"a byte too many":  {blob(1, 1, 3, 3, deflate(t, []byte{0x11, 1, 0})), 1, 3, 3},
		"trailing":         {blob(1, 1, 3, 3, append(slices.Clone(good), 0)), 1, 3, 3},
		"unused bit":       {blob(1, 1, 3, 3, deflate(t, []byte{0x11, 0x03})), 1, 3, 3},
		"bomb":             {blob(1, 1, 1<<15, 1<<15, deflate(t, make([]byte, 1<<12))), 1, 1 << 15, 1 << 15},
		"beyond all cells": {blob(1, 2, 1<<15, 1<<15, good), 2, 1 << 15, 1 << 15},
		"wraps":            {blob(1, 1, 3, 3, good), 1, 1 << 40, 1 << 40},
		"nothing":          {blob(1, 0, 3, 3, good), 0, 3, 3},
		"negative":         {blob(1, 1, 3, 3, good), 1, -3, -3},
	} {
		if _, err := tiles.DecodePresence(c.blob, c.measures, c.entities, c.periods); !errors.Is(err, tiles.ErrPresence) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := tiles.PresenceOf([]*bitset.BitSet{bitset.MustNew(9), bitset.MustNew(8)}, 3, 3); !errors.Is(err, tiles.ErrPresence) {
		t.Errorf("sets of another size: %v", err)
	}
}

func FuzzDecodePresence(f *testing.F) {
	f.Add(blob(1, 1, 3, 3, deflate(f, []byte{0x11, 0x01})), 1, 3, 3)
	f.Add(blob(1, 2, 100, 100, deflate(f, make([]byte, 2500))), 2, 100, 100)
	f.Fuzz(func(t *testing.T, b []byte, measures, entities, periods int) {
		p, err := tiles.DecodePresence(b, measures, entities, periods)
		if err != nil {
			if !errors.Is(err, tiles.ErrPresence) {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		again, err := tiles.EncodePresence(p)
		if err != nil {
			t.Fatal(err)
		}
		q, err := tiles.DecodePresence(again, measures, entities, periods)
		if err != nil {
			t.Fatal(err)
		}
		for m := range measures {
			if !p.Bits(m).Equal(q.Bits(m)) {
				t.Errorf("measure %d changed", m)
			}
		}
	})
}

// TestAnEntityCountsWhenPresentInHalfOfTheVersionsPeriods: the version runs
// from 30 January to 1 March 2024, so January has 2 of its days, March 1.
func TestAnEntityCountsWhenPresentInHalfOfTheVersionsPeriods(t *testing.T) {
	_, first, err := calendar.Parse("2024-01-30")
	if err != nil {
		t.Fatal(err)
	}
	_, january, err := calendar.Parse("2024-01")
	if err != nil {
		t.Fatal(err)
	}
	p, err := tiles.NewPresence(2, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	for day := range 15 { // half of February's 29 days, rounded up
		p.Set(0, 0, 2+day)
		if day < 14 {
			p.Set(0, 1, 2+day)
		}
	}
	p.Set(0, 2, 1)  // one of two days of January
	p.Set(0, 9, 31) // the one day of March
	p.Set(1, 9, 0)
	d := catalog.Descriptor{Dataset: "x", Grain: calendar.Day, Measures: []catalog.Measure{{Name: "a"}, {Name: "b"}}, Policy: catalog.Policy{Grain: calendar.Month}}
	c, err := p.Counts(d, first)
	if err != nil {
		t.Fatal(err)
	}
	want := tiles.Counts{Dataset: "x", Entities: 10, First: january, Measures: []string{"a", "b"}, Bitmaps: [][][]byte{
		{{1 << 2, 0}, {1 << 0, 0}, {0, 1 << 1}},
		{{0, 1 << 1}, {0, 0}, {0, 0}},
	}, Present: [][][]byte{
		{{1 << 2, 0}, {1<<0 | 1<<1, 0}, {0, 1 << 1}},
		{{0, 1 << 1}, {0, 0}, {0, 0}},
	}}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	if got := c.Digest(); got != tables.CountsDigest(10, january, c.Measures, c.Bitmaps, c.Present) {
		t.Errorf("digest %s", got)
	}
}

func TestCountsAtTheDatasetsOwnGrainAreThePresence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, table := drawn(t)
		measures, _, periods := p.Size()
		d := catalog.Descriptor{Grain: calendar.Hour, Policy: catalog.Policy{Grain: calendar.Hour}}
		for range measures {
			d.Measures = append(d.Measures, catalog.Measure{Name: "m"})
		}
		c, err := p.Counts(d, -5)
		if err != nil {
			t.Fatal(err)
		}
		if c.First != -5 || len(c.Bitmaps[0]) != periods {
			t.Fatalf("%d bitmaps from %d", len(c.Bitmaps[0]), c.First)
		}
		for m := range table {
			for period := range table[m] {
				for e, want := range table[m][period] {
					if got := c.Bitmaps[m][period][e/8]>>(e%8)&1 == 1; got != want {
						t.Fatalf("measure %d period %d entity %d: %v", m, period, e, got)
					}
				}
			}
		}
	})
}

func TestCountsThatMakeNoSenseAreRefused(t *testing.T) {
	p, err := tiles.NewPresence(1, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	one := []catalog.Measure{{Name: "a"}}
	for name, c := range map[string]struct {
		d     catalog.Descriptor
		first int64
	}{
		"measures":       {catalog.Descriptor{Grain: calendar.Day, Policy: catalog.Policy{Grain: calendar.Day}}, 0},
		"finer policy":   {catalog.Descriptor{Grain: calendar.Day, Policy: catalog.Policy{Grain: calendar.Hour}, Measures: one}, 0},
		"no policy":      {catalog.Descriptor{Grain: calendar.Day, Measures: one}, 0},
		"no grain":       {catalog.Descriptor{Policy: catalog.Policy{Grain: calendar.Day}, Measures: one}, 0},
		"end of time":    {catalog.Descriptor{Grain: calendar.Day, Policy: catalog.Policy{Grain: calendar.Day}, Measures: one}, 1 << 62},
		"begin of time":  {catalog.Descriptor{Grain: calendar.Day, Policy: catalog.Policy{Grain: calendar.Day}, Measures: one}, -1 << 62},
		"across the end": {catalog.Descriptor{Grain: calendar.Year, Policy: catalog.Policy{Grain: calendar.Year}, Measures: one}, 9999 - 1970},
	} {
		if _, err := p.Counts(c.d, c.first); !errors.Is(err, tiles.ErrCounts) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCountChunksAreSmallAndMakeUpTheWhole(t *testing.T) {
	for _, entities := range []int{1, 8, 25_137, catalog.MaxRegistryRows} {
		p, err := tiles.NewPresence(2, entities, 200)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 400 {
			p.Set(i%2, i*7919%entities, i/2)
		}
		d := catalog.Descriptor{Dataset: "d", Grain: calendar.Month, Policy: catalog.Policy{Grain: calendar.Month}, Measures: []catalog.Measure{{Name: "a"}, {Name: "b"}}}
		c, err := p.Counts(d, 640)
		if err != nil {
			t.Fatal(err)
		}
		chunks, err := c.Chunks(3)
		if err != nil {
			t.Fatal(err)
		}
		whole := map[string][][]byte{}
		for _, chunk := range chunks {
			b, err := json.Marshal(chunk)
			if err != nil || len(b) > 256<<10 {
				t.Fatalf("%d entities: a chunk of %d bytes, %v", entities, len(b), err)
			}
			if chunk.Dataset != "d" || chunk.Version != 3 || chunk.From != 640+int64(len(whole[chunk.Measure])) {
				t.Fatalf("chunk %s %d of %s from %d", chunk.Dataset, chunk.Version, chunk.Measure, chunk.From)
			}
			whole[chunk.Measure] = append(whole[chunk.Measure], chunk.Bitmaps...)
		}
		if got := tables.CountsDigest(entities, 640, []string{"a", "b"}, [][][]byte{whole["a"], whole["b"]}, nil); got != c.Digest() {
			t.Errorf("%d entities: chunks do not make up the bitmaps", entities)
		}
		if want := 2; entities == 8 && len(chunks) != want {
			t.Errorf("%d chunks for two short measures", len(chunks))
		}
	}
	if _, err := (tiles.Counts{Entities: 1 << 22, Bitmaps: [][][]byte{{nil}}}).Chunks(1); !errors.Is(err, tiles.ErrCounts) {
		t.Errorf("bitmap longer than a chunk: %v", err)
	}
}

func BenchmarkDecodePresence(b *testing.B) {
	p, err := tiles.NewPresence(6, 25_137, 72)
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for m := range 6 {
		for e := range 25_137 {
			for period := range 72 {
				if rng.IntN(20) > 0 {
					p.Set(m, e, period)
				}
			}
		}
	}
	blob, err := tiles.EncodePresence(p)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := tiles.DecodePresence(blob, 6, 25_137, 72); err != nil {
			b.Fatal(err)
		}
	}
	cells := 6 * 25_137 * 72
	b.ReportMetric(float64(cells)*float64(b.N)/b.Elapsed().Seconds(), "cells/s")
	b.ReportMetric(8*float64(len(blob))/float64(cells), "bits/cell")
}
