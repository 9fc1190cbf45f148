package node

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/bits"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records/memstore"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/client/publish"
)

const (
	hourlySites  = 600
	hourlyDays   = 2 // version_days
	hoursOfAYear = 365 * 24
)

var hourlyDescriptor = fmt.Sprintf(`dataset: hourly
title: {en: Hourly readings}
license: internal
entity: {column: station, attributes: [county]}
period: {column: hour, grain: hour}
utc_offset: "+08:00"
measures:
  - {name: no2, column: NO2, unit: µg/m³, range: [0, 1000], decimals: 0}
policy: {aggregates: [count, sum, avg], public: true, version_days: %d}
`, hourlyDays)

func hourlyCSV(hour int) string {
	var b strings.Builder
	b.WriteString("station,county,hour,NO2\n")
	at := time.Date(2024, 1, 1, hour, 0, 0, 0, time.UTC).Format("2006-01-02T15")
	for s := range hourlySites {
		fmt.Fprintf(&b, "s%d,c%d,%s,%d\n", s, s%7, at, (s*37+hour*11)%1000)
	}
	return b.String()
}

func tilesOfAYear(v catalog.Version) int {
	return (hoursOfAYear + v.Blocks[0].Periods - 1) / v.Blocks[0].Periods
}

// listsOfAYear are the bytes of the manifest and of the presence that a year's last version has: one reading in a
// hundred is missing, any.
func listsOfAYear(b *testing.B, d catalog.Descriptor, v catalog.Version) (manifest, presence int) {
	b.Helper()
	random := make([]byte, hourlySites*hoursOfAYear)
	if _, err := rand.Read(random); err != nil {
		b.Fatal(err)
	}
	p, err := tiles.NewPresence(1, hourlySites, hoursOfAYear)
	if err != nil {
		b.Fatal(err)
	}
	for i, r := range random {
		if r >= 3 {
			p.Set(0, i%hourlySites, i/hourlySites)
		}
	}
	encoded, err := tiles.EncodePresence(p)
	if err != nil {
		b.Fatal(err)
	}
	m := tiles.Manifest{
		Version: 1, Dataset: d.Dataset, Key: v.Key, Epoch: v.Epoch, Registry: d.Registry, Entities: hourlySites, First: v.First, Periods: hoursOfAYear,
		Values: catalog.TileCells, Blocks: v.Blocks, Measures: d.MeasureNames(), Presence: catalog.Sum(encoded), Tiles: [][][]catalog.Digest{{nil}},
	}
	for k := range tilesOfAYear(v) {
		m.Tiles[0][0] = append(m.Tiles[0][0], catalog.Sum(fmt.Append(nil, k)))
	}
	list, err := m.Encode()
	if err != nil {
		b.Fatal(err)
	}
	return len(list), len(encoded)
}

// BenchmarkAYearOfHourlyAppends is what a year of hourly appends of 600 sites and one measure leaves on a node. A week is
// appended to a cluster whose clocks are moved on, and collected; what a year comes to follows from it: tiles that are
// full, and open tiles, manifests and presences of the versions that are kept and of those whose three days as orphans
// are not over, of which there are as many after a week as after a year. Lists of a year are made as the year's last
// version has them.
func BenchmarkAYearOfHourlyAppends(b *testing.B) {
	ctx, cancel := context.WithTimeout(b.Context(), 20*time.Minute)
	defer cancel()
	c, later, bureau, _ := laterCluster(ctx, b)
	if _, err := publish.Publish(ctx, bureau, prepareText(ctx, b, hourlyDescriptor, []byte(hourlyCSV(0)), nil), nil); err != nil {
		b.Fatal(err)
	}
	n1 := c.nodes["n1"]
	before := n1.ledger.NextSeq()
	const appends = 7*24 - 1
	began := time.Now()
	for hour := 1; hour <= appends; hour++ {
		later.Add(int64(time.Hour))
		appendText(ctx, b, bureau, hourlyDescriptor, hourlyCSV(hour))
		for _, n := range c.nodes {
			if err := n.blobs.Collect(ctx, n.opts.Clock()); err != nil {
				b.Fatal(err)
			}
		}
	}
	took := time.Since(began)
	last := appends + 1
	c.await(ctx, "n1 to hold the last version", func() bool {
		w, err := n1.versions.Load("hourly", last)
		return err == nil && w.Record.LiveAt > 0
	})
	w, err := n1.versions.Load("hourly", last)
	if err != nil {
		b.Fatal(err)
	}
	kept := 0 // versions, of those that are the lists' too
	sizes := map[bool]int64{}
	count := map[bool]int{}
	err = n1.disk.List(ctx, func(d catalog.Digest) error {
		content, err := n1.disk.Get(ctx, d)
		tile := len(content) > 300_000
		sizes[tile] += int64(len(content))
		count[tile]++
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	for version := 1; version <= last; version++ {
		x, err := n1.versions.Load("hourly", version)
		if err != nil {
			b.Fatal(err)
		}
		held, err := n1.disk.Missing(ctx, []catalog.Digest{x.Record.Manifest})
		if err != nil {
			b.Fatal(err)
		}
		kept += 1 - len(held)
	}
	full := last / w.Record.Blocks[0].Periods
	open := count[true] - full
	if kept >= last || open <= 0 || open > kept {
		b.Fatalf("of %d versions %d are held, with %d open tiles", last, kept, open)
	}
	tile := sizes[true] / int64(count[true])
	manifest, presence := listsOfAYear(b, w.Dataset.Descriptor, w.Record)
	year := map[string]int64{
		"full-tiles-MB": int64(tilesOfAYear(w.Record)) * tile, "open-tiles-MB": int64(open) * tile,
		"manifests-MB": int64(kept * manifest), "presences-MB": int64(kept * presence), "ledger-MB": int64(entriesOf(b, n1, before)) * hoursOfAYear / int64(appends),
	}
	sum := int64(0)
	for name, bytes := range year {
		b.ReportMetric(float64(bytes)/1e6, name)
		sum += bytes
	}
	b.ReportMetric(float64(sum)/1e6, "MB/year")
	b.ReportMetric(float64(sum-year["ledger-MB"])/1e6, "blobs-MB/year")
	b.ReportMetric(float64(kept), "versions-held")
	b.ReportMetric(took.Seconds()/appends, "s/append")
	b.ReportMetric(0, "ns/op")
}

// entriesOf is what the entries of a node's ledger from one on leave for good: in the evidence log and the state.
func entriesOf(b *testing.B, n *Node, from uint64) (bytes int) {
	b.Helper()
	machine, kept := state.NewMachine(), &kept{Store: memstore.New()}
	for seq := range n.ledger.NextSeq() {
		rec, err := n.ledger.Record(seq)
		if err != nil {
			b.Fatal(err)
		}
		stood := kept.bytes
		if _, err := machine.Apply(kept, seq, rec.Entry); err != nil {
			b.Fatal(err)
		}
		if seq < from {
			continue
		}
		encoded, err := rec.Encode()
		if err != nil {
			b.Fatal(err)
		}
		bytes += len(encoded) + 32*(1+bits.TrailingZeros64(seq+1)) + 2*(1+evidence.KeySize) + kept.bytes - stood
	}
	return bytes
}
