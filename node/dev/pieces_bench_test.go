package dev

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/vector"
)

// Emitters with a heavy tail: few of them have most of the emissions, as real ones do.
const (
	emitters  = 7_592
	borrowers = 2_000
	factors   = 16 // pieces, by attribution factor
)

// publishEmitters publishes a year of the emitters in so many counties, and returns their
// readings, in tenths, by emitter and month.
func publishEmitters(ctx context.Context, tb testing.TB, bureau *client.Client, dataset string, counties int) (reg catalog.Registry, readings [][]int64) {
	tb.Helper()
	var b bytes.Buffer
	r := rand.New(rand.NewPCG(15, 16)) //nolint:gosec // a benchmark's readings
	b.WriteString("plant,county,period,co2\n")
	for e := range emitters {
		size := math.Exp(2.2 * r.NormFloat64()) // times a few thousand: the largest are above half a million
		months := make([]int64, plantMonths)
		for m := range months {
			months[m] = int64(min(size*1000*(0.8+0.4*r.Float64()), 9_999_999))
			fmt.Fprintf(&b, "%s%05d,c%04d,2024-%02d,%d.%d\n", dataset, e, e%counties, m+1, months[m]/10, months[m]%10)
		}
		readings = append(readings, months)
	}
	descriptor := strings.NewReplacer("dataset: plants", "dataset: "+dataset, "[0, 100000]", "[0, 1000000]").Replace(loansDescriptor)
	file := panel.File{Name: "emitters.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }}
	publishFiles(ctx, tb, bureau, []byte(descriptor), []panel.File{file})
	var err error
	if reg, err = bureau.Registry(ctx, dataset); err != nil {
		tb.Fatal(err)
	}
	return reg, readings
}

// cpu is what the nodes and this process have computed so far, in milliseconds: unlike
// the time that a query takes it hardly depends on what else the machine does.
func (c *Cluster) cpu(b *testing.B) (ms float64) {
	b.Helper()
	pids := []int{os.Getpid()}
	c.mu.Lock()
	for _, p := range c.nodes {
		pids = append(pids, p.cmd.Process.Pid)
	}
	c.mu.Unlock()
	for _, pid := range pids {
		time, err := ProcessorTime(pid)
		if err != nil {
			b.Fatal(err)
		}
		ms += float64(time.Milliseconds())
	}
	return ms
}

// BenchmarkPieces reports, on a local cluster of three processes, what it takes to sort
// 2,000 of 7,592 emitters into 16 pieces by attribution factor, and to ask for the total
// of every piece over twelve months, test included, where the nodes look at 100 units and
// at 1,000; and for a selector. Every figure is held against plaintext.
func BenchmarkPieces(b *testing.B) {
	ctx := testContext(b)
	c := start(ctx, b, b.TempDir())
	bureau := connect(b, c, Bureau)
	for _, counties := range []int{100, 1000} {
		for _, pieces := range []int{factors, 1} {
			b.Run(fmt.Sprintf("%d units, %d pieces", counties, pieces), func(b *testing.B) {
				dataset := fmt.Sprintf("emitters_%d_%d", counties, pieces)
				reg, readings := publishEmitters(ctx, b, bureau, dataset, counties)
				ids, err := bureau.RegistryIDs(ctx, reg.ID)
				if err != nil {
					b.Fatal(err)
				}
				var total [2]time.Duration
				var cpu float64
				n := 0
				for b.Loop() {
					n++
					r := rand.New(rand.NewPCG(uint64(n), 17)) //nolint:gosec // a benchmark's list
					values, sums := make([]uint64, emitters), make([]int64, pieces)
					for i, e := range r.Perm(emitters)[:borrowers] {
						at := slices.Index(ids, fmt.Sprintf("%s%05d", dataset, e))
						values[at] = 1 << (i % pieces)
						for _, x := range readings[e] {
							sums[i%pieces] += x
						}
					}
					name := fmt.Sprintf("l%d_%d_%d", counties, pieces, n)
					begin := time.Now()
					if _, err := vector.Register(ctx, bureau, vector.Plan{Name: name, Registry: reg, Values: values, Pieces: pieces}, nil); err != nil {
						b.Fatal(err)
					}
					total[0] += time.Since(begin)
					sql := fmt.Sprintf("SELECT PIECE(%s), SUM(co2) FROM %s WHERE plant IN PRIVATE(%s) GROUP BY PIECE(%s)", name, dataset, name, name)
					begin, cpu = time.Now(), cpu-c.cpu(b)
					rows, _, err := answer(ctx, bureau, sql, nil)
					total[1], cpu = total[1]+time.Since(begin), cpu+c.cpu(b)
					if err != nil {
						b.Fatal(err)
					}
					want, got := 0.0, 0.0 // Σ factor × piece
					for i, sum := range sums {
						factor := float64(i+1) / factors
						want += factor * float64(sum)
						if exact := fmt.Sprintf("%d.%d", sum/10, sum%10); rows[1+i][1] != exact {
							b.Fatalf("piece %d: %s, want %s", i+1, rows[1+i][1], exact)
						}
						figure, err := strconv.ParseFloat(rows[1+i][1], 64)
						if err != nil {
							b.Fatal(err)
						}
						got += factor * 10 * figure
					}
					if math.Abs(got-want) > want/50 {
						b.Fatalf("financed emissions %g, want %g", got, want)
					}
				}
				b.ReportMetric(float64(total[0].Milliseconds())/float64(n), "register-ms")
				b.ReportMetric(float64(total[1].Milliseconds())/float64(n), "query-ms")
				b.ReportMetric(cpu/float64(n), "query-cpu-ms")
				b.ReportMetric(0, "ns/op") // a turn is two things
			})
		}
	}
}
