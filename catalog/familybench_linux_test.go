package catalog

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// bigFamily is 25,000 enterprises over 60 months in 5 measures, a tenth of the
// cells missing at random, with a version live.
func bigFamily(t tester) *history {
	rng := rand.New(rand.NewPCG(7, 1)) //nolint:gosec // a test's readings
	rows := make([][]string, 25_000)
	for i := range rows { // counties and industries of very different sizes
		rows[i] = []string{
			fmt.Sprintf("e%05d", i), fmt.Sprintf("county%02d", min(rng.IntN(13), rng.IntN(13))),
			fmt.Sprintf("industry%02d", min(rng.IntN(20), rng.IntN(20), rng.IntN(20))),
		}
	}
	p := &panelOf{d: testDescriptor("emissions")}
	p.d.Policy.Cubes = [][]string{{"county"}, {"industry"}}
	p.d.Measures = nil
	for _, name := range []string{"co2", "cod", "nox", "so2", "voc"} {
		p.d.Measures = append(p.d.Measures, Measure{Name: name, Unit: "kg", Max: 1_000_000, Decimals: 1})
	}
	h := newHistory(t, false, rows, p)
	counts := testCounts(5, 60, len(rows), func(_, _, _ int) bool { return rng.IntN(10) != 0 })
	v := h.proposal(p.d, len(rows), 60, counts)
	number := h.ok("bureau", KindVersionPropose, v).Version
	for i, name := range p.d.measureNames() {
		for from := 0; from < 60; from += 30 {
			h.ok("bureau", KindVersionCounts, VersionCounts{
				Dataset: "emissions", Version: number, Measure: name, From: v.First + int64(from), Bitmaps: counts[i][from : from+30],
			})
		}
	}
	h.ok("bureau", KindVersionCommit, VersionCommit{Dataset: "emissions", Version: number})
	h.stored("emissions", number, 2)
	h.live("emissions", number)
	return h
}

// anyQuestion is one of very many.
func anyQuestion(rng *rand.Rand) Request {
	measures := []string{"co2", "cod", "nox", "so2", "voc"}
	q := sumOf("emissions", measures[rng.IntN(5)], nil, nil)
	if rng.IntN(3) == 0 {
		q.Select = append(q.Select, Aggregate{Func: "avg", Measure: measures[rng.IntN(5)]})
	}
	for _, d := range []Dimension{attr("county"), attr("industry"), {Kind: DimPeriod, Grain: GrainYear}} {
		if rng.IntN(3) == 0 {
			q.By = append(q.By, d)
		}
	}
	switch rng.IntN(5) {
	case 0:
		q.Where = in("county", fmt.Sprintf("county%02d", rng.IntN(13)))
	case 1:
		q.Where = in("industry", fmt.Sprintf("industry%02d", rng.IntN(20)))
	case 2: // a list of one's own
		var list []int
		for range 50 + rng.IntN(400) {
			list = append(list, rng.IntN(25_000))
		}
		q.Where = in("", slices.Compact(ids(list...))...)
	}
	if rng.IntN(2) == 0 {
		from := month("2024-01") + rng.Int64N(48)
		q.Periods = []Interval{{from, from + 1 + rng.Int64N(12)}}
	}
	return q
}

// pose decides on a query as Apply does, without envelope and contract.
func (h *history) pose(q Request) (accepted bool, took, busy time.Duration) {
	p := must[Principal](h.t)(h.view().Principal(testID("bureau")))
	begin, used := time.Now(), threadTime(h.t)
	o := newOverlay(h.store)
	j, err := h.machine.judge(o, h.now, p, submit("", q), false)
	if err == nil {
		c := &call{machine: h.machine, base: h.store, tx: o, now: h.now}
		if err = c.release(j); err == nil {
			err = o.flush()
		}
	}
	took, busy = time.Since(begin), threadTime(h.t)-used
	if err != nil {
		if _, refused := err.(*Refusal); !refused { //nolint:errorlint // judge returns it as it is
			h.t.Fatal(err)
		}
		return false, took, busy
	}
	return true, took, busy
}

// threadTime is how long the thread has been running.
func threadTime(t tester) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(1, &u); err != nil { // RUSAGE_THREAD
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// stateBytes is how many bytes the state holds under some prefixes.
func (h *history) stateBytes(prefixes ...string) int {
	n := 0
	for _, prefix := range prefixes {
		if err := h.store.Scan([]byte(prefix), func(key, value []byte) error { n += len(key) + len(value); return nil }); err != nil {
			h.t.Fatal(err)
		}
	}
	return n
}

const earlierReleases = 10_000

// BenchmarkPolicyDecision decides on queries over 25,000 entities, 60 months and 5
// measures, after 10,000 releases.
func BenchmarkPolicyDecision(b *testing.B) {
	h := bigFamily(b)
	rng := rand.New(rand.NewPCG(3, 1)) //nolint:gosec // questions
	for released := 0; released < earlierReleases; {
		if ok, _, _ := h.pose(anyQuestion(rng)); ok {
			released++
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var took, busy []time.Duration
	for b.Loop() {
		_, t, u := h.pose(anyQuestion(rng))
		took, busy = append(took, t), append(busy, u)
	}
	slices.Sort(took)
	slices.Sort(busy)
	ms := func(of []time.Duration, q float64) float64 {
		return float64(of[int(q*float64(len(of)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(ms(took, 0.5), "p50-ms")
	b.ReportMetric(ms(took, 0.99), "p99-ms")
	b.ReportMetric(ms(busy, 0.99), "p99-cpu-ms") // of the thread: what a machine with a core to spare would take
	b.ReportMetric(float64(h.stateBytes(prefixFamily, prefixPartition, prefixBurdens)), "class-bytes")
	b.ReportMetric(float64(h.stateBytes(prefixFamily, prefixPartition, prefixBurdens, prefixCounts, prefixSets)), "family-bytes")
	f := must[family](b)(find[family](h.store, familyKey(testID("bureau"), "enterprises")))
	p := must[*partition](b)(h.machine.partitionOf(h.store, testID("bureau"), "enterprises", &f))
	b.ReportMetric(float64(p.classes), "classes")
}
