package catalog

import (
	"fmt"
	"testing"
)

// benchmarkVerdict judges a query over 25,000 enterprises × 12 months.
func benchmarkVerdict(b *testing.B, q Request) {
	rows := make([][]string, 25_000)
	for i := range rows {
		rows[i] = []string{fmt.Sprintf("91131%013d", i*7919%25_000), fmt.Sprintf("county%d", i%13), fmt.Sprintf("industry%02d", i*i%37)}
	}
	table, err := NewTable(testColumns, rows)
	if err != nil {
		b.Fatal(err)
	}
	d := testDescriptor("emissions")
	v := Version{Version: 1}
	v.Entities, v.First, v.Periods = len(rows), month("2024-01"), 12
	var months bitmaps
	for _, m := range testCounts(1, 12, len(rows), func(_, p, e int) bool { return (e+p)%10 != 0 })[0] {
		months = append(months, unpackBitmap(len(rows), m))
	}
	c := &coverage{entities: len(rows), sources: []source{{Dataset: "emissions", Version: 1, Entities: len(rows), Periods: 12}}}
	store := newColumnStore(c.entities)
	var ids []int32
	for _, m := range months {
		ids = append(ids, store.add(m, m))
	}
	c.columns = [][][]int32{{ids, ids}}
	c.count, c.present, c.words = store.rows()
	kin := &kinship{
		family: family{MinCohort: 5, Datasets: []familyDataset{familyDatasetOf(d)}}, burdens: &burdens{},
		classes: newClasses(newPartition(len(rows)), c, 5, len(rows)),
	}
	var verdict Verdict
	for b.Loop() {
		e := evaluation{kin: kin, whole: table, descriptor: d, version: v, request: q, table: table, counts: func(string) (bitmaps, error) { return months, nil }}
		var err error
		if verdict, err = e.run(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(rows)*12)*float64(b.N)/b.Elapsed().Seconds(), "values/s")
	b.ReportMetric(float64(len(encode(verdict))), "verdict-B")
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/verdict")
}

func BenchmarkVerdict(b *testing.B) {
	monthly := Dimension{Kind: DimPeriod, Grain: GrainMonth}
	b.Run("total", func(b *testing.B) { benchmarkVerdict(b, sumBy()) })
	b.Run("county by month", func(b *testing.B) { benchmarkVerdict(b, sumBy(attr("county"), monthly)) })
	b.Run("county and industry", func(b *testing.B) { benchmarkVerdict(b, sumBy(attr("county"), attr("industry"))) })
	half := sumBy(attr("industry"), monthly)
	half.Where = &Predicate{Op: opIn, Column: "county", Values: []string{"county1", "county10", "county11", "county2", "county3"}}
	b.Run("some counties", func(b *testing.B) { benchmarkVerdict(b, half) })
}

// BenchmarkApply applies an order, the plainest act of a person.
func BenchmarkApply(b *testing.B) {
	w := ready(b)
	entries := make([][]byte, 0, 4096)
	for range cap(entries) {
		entries = append(entries, NewEntry(w.now, w.sign("bank", KindOrderCreate, OrderCreate{Dataset: "emissions", Purpose: "x"})).Marshal())
	}
	store, seq := w.store.Clone(), w.seq
	i := 0
	for b.Loop() {
		if i == len(entries) {
			b.StopTimer()
			store, i = w.store.Clone(), 0
			b.StartTimer()
		}
		seq++
		if _, err := w.machine.Apply(store, seq, entries[i]); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "applies/s")
}
