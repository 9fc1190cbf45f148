package state

import (
	"testing"

	"github.com/weirdata/weir/catalog"
)

// BenchmarkApply applies an order, the plainest act of a person.
func BenchmarkApply(b *testing.B) {
	w := ready(b)
	entries := make([][]byte, 0, 4096)
	for range cap(entries) {
		entries = append(entries, catalog.NewEntry(w.now, w.sign("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "x"})).Marshal())
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
