package disclosure

import (
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog/calendar"
)

// large is a family of 25,000 entities in about 1,000 classes, 60 months of five
// measures, 3 % of the cells missing; each later version corrects 2 %.
type large struct {
	f     *Family
	cells largeCells
	news  [][]SourceNews
}

type largeCells map[string][]Bits

func (c largeCells) Cells(_ int, measure string, period int64) (present, counts Bits) {
	return c[measure][period], c[measure][period]
}

func (c largeCells) Unpaired(int, string, string, int64) (Bits, bool) { return nil, false }

const (
	largeEntities = 25_000
	largeMonths   = 60
	largeVersions = 5
)

var largeMeasures = []string{"nox", "so2", "co2", "dust", "cod"}

func newLarge(tb testing.TB) *large {
	tb.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	codes := make([][]uint32, 2)
	for range largeEntities {
		codes[0] = append(codes[0], uint32(r.IntN(40)))
		codes[1] = append(codes[1], uint32(r.IntN(26)))
	}
	tree, err := Grow(5, codes, []int{0, 1}, largeEntities)
	if err != nil {
		tb.Fatal(err)
	}
	l := &large{f: NewFamily(tree), cells: largeCells{}}
	d := monthly("a", largeMeasures...)
	d.MinCohort = 5
	if err := l.f.Admit(d); err != nil {
		tb.Fatal(err)
	}
	for _, m := range largeMeasures {
		for range largeMonths {
			present := make(Bits, (largeEntities+63)/64)
			for e := range largeEntities {
				if r.IntN(100) >= 3 {
					present.Set(e)
				}
			}
			l.cells[m] = append(l.cells[m], present)
		}
	}
	for v := range largeVersions {
		l.news = append(l.news, l.corrections(r, v > 0))
	}
	return l
}

// corrections of 2 % of the entities in every source; classes without one equal
// the version before in which they were alone, as far as that is the first.
func (l *large) corrections(r *rand.Rand, some bool) []SourceNews {
	if !some {
		return nil
	}
	var out []SourceNews
	for c, m := range largeMeasures {
		for p := range int64(largeMonths) {
			n := SourceNews{Column: c, Period: p, News: make(Bits, (largeEntities+63)/64)}
			touched := make([]bool, l.f.tree.Classes())
			for e := range largeEntities {
				if l.cells[m][p].Has(e) && r.IntN(100) < 2 {
					n.News.Set(e)
					touched[l.f.tree.Class(e)] = true
				}
			}
			equal := EqualClasses{Version: 1}
			for class := range touched {
				if !touched[class] {
					equal.Classes = append(equal.Classes, int32(class))
				}
			}
			n.Equal = []EqualClasses{equal}
			out = append(out, n)
		}
	}
	return out
}

func (l *large) settle(tb testing.TB, version int) *Settled {
	tb.Helper()
	s, err := l.f.Settle("a", VersionInput{
		Version: version, Entities: largeEntities, Closed: calendar.Interval{To: largeMonths}, News: l.news[version-1],
	}, l.cells)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func (l *large) settleAll(tb testing.TB) {
	tb.Helper()
	for v := 1; v <= largeVersions; v++ {
		if err := l.f.Add("a", l.settle(tb, v)); err != nil {
			tb.Fatal(err)
		}
	}
}

func (l *large) grid(groups int) Grid {
	g := Grid{Groups: groups, Assign: make([]int32, largeEntities), AsOf: largeVersions}
	for _, m := range largeMeasures {
		g.Columns = append(g.Columns, Column{Measure: m})
	}
	for p := range int64(largeMonths) {
		g.Periods = append(g.Periods, []int64{p})
	}
	return g
}

// byAttributes groups entities by their classes' attributes at birth.
func (l *large) byAttributes(attributes ...int) Grid {
	classGroups, codes := l.f.tree.BirthGroups(attributes)
	g := l.grid(len(codes))
	for e := range g.Assign {
		g.Assign[e] = classGroups[l.f.tree.Class(e)]
	}
	return g
}

func TestAFamilysStateIsSmall(t *testing.T) {
	l := newLarge(t)
	l.settleAll(t)
	total := len(l.f.Tree().Encode())
	for _, s := range l.f.Versions("a") {
		data := s.Encode()
		total += len(data)
		back, err := ParseSettled(data)
		if err != nil || !sameSources(s, back) {
			t.Fatalf("version %d did not come back: %v", s.Version, err)
		}
	}
	t.Logf("%d classes, %.2f MB", l.f.tree.Classes(), float64(total)/1e6)
	if total > 5_000_000 {
		t.Errorf("%d bytes, at most 5,000,000 are wanted", total)
	}
}

func BenchmarkSettle(b *testing.B) {
	l := newLarge(b)
	used := cpuTime(b)
	for b.Loop() {
		l.f.members[0].versions, l.f.members[0].derived = nil, nil
		if err := l.f.Add("a", l.settle(b, 1)); err != nil {
			b.Fatal(err)
		}
		l.settle(b, 2)
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(2*b.N), "ms/version")
	b.ReportMetric(float64((cpuTime(b)-used).Milliseconds())/float64(2*b.N), "cpu-ms/version")
}

func BenchmarkParseSettled(b *testing.B) {
	l := newLarge(b)
	l.settleAll(b)
	data := l.f.Versions("a")[1].Encode()
	for b.Loop() {
		if _, err := ParseSettled(data); err != nil {
			b.Fatal(err)
		}
	}
}

// cpuTime is what the process has used: other work on the machine does not count.
func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkAnswer(b *testing.B) {
	l := newLarge(b)
	l.settleAll(b)
	for _, q := range []struct {
		name string
		grid Grid
	}{{"total", l.grid(1)}, {"county", l.byAttributes(0)}, {"industry", l.byAttributes(1)}, {"class", l.byAttributes(0, 1)}} {
		b.Run(q.name, func(b *testing.B) {
			var times []time.Duration
			used := cpuTime(b)
			for b.Loop() {
				start := time.Now()
				if _, err := l.f.Answer("a", q.grid, l.cells); err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(start))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64((cpuTime(b)-used).Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
}

func BenchmarkTest(b *testing.B) {
	l := newLarge(b)
	l.settleAll(b)
	groups, _ := l.f.tree.BirthGroups(nil)
	q := PortfolioQuery{Columns: []Column{{Measure: "nox"}}, Groups: groups, AsOf: 1}
	for p := range int64(12) {
		q.Periods = append(q.Periods, p)
	}
	for b.Loop() {
		test, err := l.f.Test("a", q, l.cells)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(test.Products(16)), "products")
	}
}

func BenchmarkJoinSets(b *testing.B) {
	l, o := newLarge(b), newLarge(b)
	l.settleAll(b)
	o.settleAll(b)
	x, y := JoinSide{l.f, "a", "nox", l.cells}, JoinSide{o.f, "a", "so2", o.cells}
	var pairs []JoinPair
	for v := 1; v <= largeVersions; v++ {
		pairs = append(pairs, JoinPair{v, v})
	}
	var periods []int64
	for p := range int64(largeMonths) {
		periods = append(periods, p)
	}
	used := cpuTime(b)
	for b.Loop() {
		if _, err := JoinSets(x, y, JoinGrid{Periods: periods, Pairs: pairs}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpuTime(b)-used).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}
