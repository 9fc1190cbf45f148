package he

import (
	"math/rand/v2"
	"testing"
	"time"
)

func BenchmarkEvaluation(b *testing.B) {
	p := fullProducts(b)
	rng := rand.New(rand.NewPCG(1, 2))
	v, x := numbers(p, rng, 25_000), numbers(p, rng, 25_000)
	var ask, answer, finish fastest
	for b.Loop() {
		start := time.Now()
		r, request, err := newOLERequest(p, names(len(v)), v)
		if err != nil {
			b.Fatal(err)
		}
		ask.note(start)
		start = time.Now()
		a, _, err := oleAnswer(p, names(len(v)), x, request, oleHooks{})
		if err != nil {
			b.Fatal(err)
		}
		answer.note(start)
		start = time.Now()
		if _, err := r.finish(a); err != nil {
			b.Fatal(err)
		}
		finish.note(start)
	}
	b.ReportMetric(float64(ask)/1e6, "ask-ms")
	b.ReportMetric(float64(answer)/1e6, "answer-ms")
	b.ReportMetric(float64(finish)/1e6, "finish-ms")
}
