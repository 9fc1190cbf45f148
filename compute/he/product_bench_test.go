package he

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

// cpu is the time that this process has spent on cores: on a shared machine it
// says more than a clock.
func cpu(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkEvaluation is one product of 25,000 entries, two nodes: a node asks,
// answers and decrypts once.
func BenchmarkEvaluation(b *testing.B) {
	p := fullProducts(b)
	rng := rand.New(rand.NewPCG(1, 2))
	v, x := numbers(p, rng, 25_000), numbers(p, rng, 25_000)
	var ask, answer, finish fastest
	start := cpu(b)
	for b.Loop() {
		at := time.Now()
		r, request, err := newOLERequest(p, names(len(v)), v)
		if err != nil {
			b.Fatal(err)
		}
		ask.note(at)
		at = time.Now()
		a, _, err := oleAnswer(p, names(len(v)), x, request, oleHooks{})
		if err != nil {
			b.Fatal(err)
		}
		answer.note(at)
		at = time.Now()
		if _, err := r.finish(a); err != nil {
			b.Fatal(err)
		}
		finish.note(at)
	}
	b.ReportMetric(float64(ask)/1e6, "ask-ms")
	b.ReportMetric(float64(answer)/1e6, "answer-ms")
	b.ReportMetric(float64(finish)/1e6, "finish-ms")
	b.ReportMetric(float64(cpu(b)-start)/1e6/float64(b.N), "cpu-ms/node")
	b.ReportMetric(float64(p.RequestBytes(25_000)+p.AnswerBytes(25_000))/1e6, "MB/node")
	b.ReportMetric(25_000*float64(b.N)/b.Elapsed().Seconds(), "values/s")
}

// benchmark drives computations on so many values and reports what a node spends
// and sends. values/s are those of all nodes in turn on one core.
func benchmark[P party](b *testing.B, values int, active []int, member func(b *testing.B, i int) P) {
	rng := rand.New(rand.NewPCG(3, 4))
	var sent int
	start := cpu(b)
	for b.Loop() {
		parties := map[int]P{}
		for _, i := range active {
			parties[i] = member(b, i)
		}
		sent = 0
		for _, n := range deliver(b, rng, parties) {
			sent = max(sent, n)
		}
	}
	b.ReportMetric(float64(cpu(b)-start)/1e6/float64(b.N*len(active)), "cpu-ms/node")
	b.ReportMetric(float64(sent)/1e6, "MB/node")
	b.ReportMetric(float64(values*b.N)/b.Elapsed().Seconds(), "values/s")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkProduct(b *testing.B) {
	p := fullProducts(b)
	rng := rand.New(rand.NewPCG(1, 2))
	v, x := numbers(p, rng, 25_000), numbers(p, rng, 25_000)
	for _, active := range [][]int{{1, 2}, {1, 2, 3}} {
		b.Run(fmt.Sprintf("t=%d", len(active)), func(b *testing.B) {
			benchmark(b, len(x), active, func(b *testing.B, i int) *Product {
				return must[*Product](b)(NewProduct(p, session("p", active...), i, x, v))
			})
		})
	}
}

// BenchmarkRegistration is what the nodes compute for a vector of 25,137 entities:
// a selector, and weights of 16 bits.
func BenchmarkRegistration(b *testing.B) {
	p := fullProducts(b)
	for _, bits := range []int{1, 16} {
		s := VectorSpec{Nodes: 3, Threshold: 2, Entities: 25_137, Bits: bits}
		values := randomValues(rand.New(rand.NewPCG(5, 6)), s)
		name := func(stage string) string { return fmt.Sprintf("bits=%d/%s", bits, stage) }
		var shares [][]byte
		b.Run(name("client"), func(b *testing.B) {
			start := cpu(b)
			for b.Loop() {
				shares = must[[][]byte](b)(DealVector(p, s, values))
			}
			size := 0
			for _, x := range shares {
				size += len(x)
			}
			b.ReportMetric(float64(cpu(b)-start)/1e6/float64(b.N), "cpu-ms")
			b.ReportMetric(float64(size)/1e6, "MB")
			b.ReportMetric(0, "ns/op")
		})
		b.Run(name("open+line"), func(b *testing.B) {
			start := cpu(b)
			for b.Loop() {
				for i, x := range shares {
					must[CheckValues](b)(must[*VectorShare](b)(ParseVectorShare(p, s, i+1, x)).LineValues([32]byte{1}))
				}
			}
			b.ReportMetric(float64(cpu(b)-start)/1e6/float64(3*b.N), "cpu-ms/node")
			b.ReportMetric(0, "ns/op")
		})
		b.Run(name("bits"), func(b *testing.B) {
			v := dealt(b, p, s, values)
			benchmark(b, s.Entities, []int{1, 3}, func(b *testing.B, i int) *BitCheck {
				return must[*BitCheck](b)(NewBitCheck(session("b", 1, 3), v.shares[i], [32]byte{1}, nil))
			})
		})
	}
}

func BenchmarkPrivateSum(b *testing.B) {
	p := fullProducts(b)
	rng := rand.New(rand.NewPCG(9, 10))
	const entities, periods, groups = 25_000, 12, 13
	var cells []Cell
	for e := range entities {
		for range periods {
			cells = append(cells, Cell{int32(e), int32(e % groups)})
		}
	}
	x, v := numbers(p, rng, len(cells)), numbers(p, rng, entities)
	benchmark(b, len(cells), []int{1, 2}, func(b *testing.B, i int) *PrivateSum {
		return must[*PrivateSum](b)(NewPrivateSum(p, session("s", 1, 2), i, x, cells, [][]uint64{v}, groups))
	})
}

// BenchmarkPieceTest is the test of a run of twelve months: 1,016 units of 25,000
// entities in 40 groups, for a partition of 16 pieces and for a selector; and with K
// on both sides everywhere. values/s are numbers of units by piece.
func BenchmarkPieceTest(b *testing.B) {
	p := fullProducts(b)
	rng := rand.New(rand.NewPCG(11, 12))
	const entities, groups = 25_000, 40
	for _, x := range []struct {
		members, units, pieces, k, steps int
		both                             bool
	}{
		{2, 1016, 16, 5, 1, false}, {2, 1016, 1, 5, 1, false}, {3, 1016, 16, 5, 1, false},
		{2, 1016, 16, 5, 3, false}, {2, 1016, 16, 5, 1, true}, {2, 1016, 1, 20, 1, true}, {2, 100, 16, 20, 1, true},
	} {
		s := &PieceStructure{Pieces: x.pieces, Figures: make([]PieceFigure, groups)}
		for u := range x.units {
			var unit PieceUnit
			for e := u; e < entities; e += x.units {
				unit.Members = append(unit.Members, int32(e))
			}
			unit.Both = x.both
			s.Units = append(s.Units, unit)
		}
		for t := range x.steps {
			var move PieceMove
			for e := t; e < entities; e += 2 {
				move.Members = append(move.Members, int32(e))
			}
			s.Moves = append(s.Moves, move)
			for g := range s.Figures {
				s.Figures[g].K = x.k
				step := PieceStep{Move: t}
				for u := g; u < x.units; u += groups {
					step.Units = append(step.Units, u)
				}
				s.Figures[g].Steps = append(s.Figures[g].Steps, step)
			}
		}
		pieceOf := make([]int8, entities)
		for e := range pieceOf {
			pieceOf[e] = int8(rng.IntN(x.pieces+1)) - 1
		}
		active := everyPoint(x.members)
		name := fmt.Sprintf("t=%d/units=%d/pieces=%d/k=%d/steps=%d/both=%v/products=%d", x.members, x.units, x.pieces, x.k, x.steps, x.both, s.Products())
		b.Run(name, func(b *testing.B) {
			c := newPieceCase(b, p, rng, active, s, pieceOf)
			bits, witnesses := split(p, rng, c.bits, active), split(p, rng, c.witnesses, active)
			start := time.Now()
			benchmark(b, len(s.Units)*x.pieces, active, func(b *testing.B, i int) *PieceTest {
				input := PieceInput{Structure: s, Bits: bits[i], Witnesses: witnesses[i], Challenge: c.challenge}
				return must[*PieceTest](b)(NewPieceTest(p, session("pieces", active...), i, input))
			})
			b.ReportMetric(time.Since(start).Seconds()/float64(b.N), "s/test")
		})
	}
}
