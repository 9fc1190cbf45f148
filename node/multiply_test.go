package node

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/query"
)

// statisticStations publishes the readings with statistics allowed and without
// squares, so that every square is a product of shares.
var statisticStations = strings.Replace(stationsDescriptor, "[count, sum, avg]", "[count, sum, avg, stddev, covar, corr]", 1)

// TestProductsOfSharesEqualPlaintextForEveryShapeOfCluster: squares of one measure,
// and products of two over the cells that both have.
func TestProductsOfSharesEqualPlaintextForEveryShapeOfCluster(t *testing.T) {
	t.Parallel()
	for _, shape := range []struct{ n, t int }{{2, 2}, {4, 3}} {
		t.Run(fmt.Sprintf("%d of %d", shape.t, shape.n), func(t *testing.T) {
			ctx := testContext(t)
			c := newCluster(t, shape.n, shape.t, nil)
			bureau := c.publisher(ctx, "bureau")
			list := stationReadings()
			p := prepareText(ctx, t, fmt.Sprintf(statisticStations, "stations"), stationsCSV(list), nil)
			if _, err := bureau.PublishDataset(ctx, p, nil); err != nil {
				t.Fatal(err)
			}
			rows := queryRows(ctx, t, bureau, `SELECT county, date_trunc('month', period) AS month, VAR_POP(pm25), STDDEV_SAMP(no2), COVAR_POP(pm25, no2), CORR(pm25, no2),
				REGR_SLOPE(no2, pm25), SUM(pm25), COUNT(pm25) FROM stations GROUP BY county, month`)
			if len(rows) != 6 {
				t.Fatalf("%d rows, want 6", len(rows))
			}
			for _, row := range rows {
				pm25, no2, both := monthOfCounty(t, list, row[0], row[1])
				near := func(what, got string, want float64) {
					t.Helper()
					if v, err := strconv.ParseFloat(got, 64); err != nil || math.Abs(v-want) > 1e-9*math.Abs(want) {
						t.Errorf("%s %s: %s is %s, want %.12f", row[0], row[1], what, got, want)
					}
				}
				n, m, k := float64(len(pm25)), float64(len(no2)), float64(len(both[0]))
				near("VAR_POP(pm25)", row[2], spread(pm25, pm25)/n)
				near("STDDEV_SAMP(no2)", row[3], math.Sqrt(spread(no2, no2)/(m-1)))
				cov := spread(both[0], both[1])
				near("COVAR_POP", row[4], cov/k)
				near("CORR", row[5], cov/math.Sqrt(spread(both[0], both[0])*spread(both[1], both[1])))
				near("REGR_SLOPE", row[6], cov/spread(both[0], both[0]))
				near("SUM(pm25)", row[7], sumOf(pm25))
				near("COUNT(pm25)", row[8], n)
			}
		})
	}
}

// monthOfCounty are a county's readings in a month, and those of cells with both.
func monthOfCounty(t *testing.T, list []reading, county, month string) (pm25, no2 []float64, both [2][]float64) {
	t.Helper()
	for _, x := range list {
		if x.county != county || !strings.HasPrefix(x.day, month) {
			continue
		}
		v, errV := strconv.ParseFloat(x.pm25, 64)
		w, errW := strconv.ParseFloat(x.no2, 64)
		if errV == nil {
			pm25 = append(pm25, v)
		}
		if errW == nil {
			no2 = append(no2, w)
		}
		if errV == nil && errW == nil {
			both[0], both[1] = append(both[0], v), append(both[1], w)
		}
	}
	return pm25, no2, both
}

func sumOf(list []float64) (sum float64) {
	for _, v := range list {
		sum += v
	}
	return sum
}

// spread is Σ (x − x̄)(y − ȳ).
func spread(x, y []float64) (sum float64) {
	mx, my := sumOf(x)/float64(len(x)), sumOf(y)/float64(len(y))
	for i := range x {
		sum += (x[i] - mx) * (y[i] - my)
	}
	return sum
}

// TestParityThatDoesNotAddUpEndsTheAttempt before anything is multiplied.
func TestParityThatDoesNotAddUpEndsTheAttempt(t *testing.T) {
	t.Parallel()
	p := dataParameters(t)
	bytes := func(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }
	if err := checkParity(p, 5, [][]byte{bytes(p.T() - 3), bytes(p.T() - 2)}); err != nil {
		t.Errorf("shares of 0: %v", err)
	}
	for name, theirs := range map[string][][]byte{
		"one more":            {bytes(p.T() - 4)},
		"nobody else's":       nil,
		"not below the limit": {bytes(p.T()), bytes(p.T() - 5)},
		"too short":           {bytes(p.T() - 5)[:7]},
		"too long":            {append(bytes(p.T()-5), 0)},
		"empty":               {{}},
	} {
		if err := checkParity(p, 5, theirs); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestComputationsOnSharesBeginOnceAnAttempt: their keys are good for one use.
func TestComputationsOnSharesBeginOnceAnAttempt(t *testing.T) {
	t.Parallel()
	o := outcomes{held: map[string]any{}, begun: map[string]bool{}}
	begins := func(session string) bool { return o.begin(session) == nil }
	if !begins("query/q/1") || begins("query/q/1") || !begins("query/q/2") {
		t.Fatal("a session began twice, or another one not at all")
	}
	o.keep(func(session string) bool { return session == "query/q/2" })
	again := o.begin("query/q/2")
	if again == nil || !begins("query/q/1") {
		t.Fatal("a running session was forgotten, or one that is over was not")
	}
	if !ends(again) {
		t.Fatal("an attempt goes on after its computation broke off")
	}
}

// TestFactorsAreWhatTheSlotMapsTake, cut into computations of bounded size.
func TestFactorsAreWhatTheSlotMapsTake(t *testing.T) {
	t.Parallel()
	const tiles = 40
	plan := &query.Plan{Groups: make([]catalog.GroupIndex, 3)}
	singles := make([][]uint64, 2*tiles)
	slotMap := make([]int32, query.Slots)
	for s := range slotMap {
		slotMap[s] = int32(s%4) - 1
	}
	plan.SlotMaps = [][]int32{slotMap}
	for i := range singles {
		singles[i] = make([]uint64, query.Slots)
		for s := range singles[i] {
			singles[i][s] = uint64(1000*i + s%7)
		}
	}
	for k := range tiles {
		plan.Products = append(plan.Products, query.Product{Column: 0, Left: k, Right: tiles + k}, query.Product{Column: 1, Left: k, Right: k})
	}
	want, got := make([]uint64, 6), make([]uint64, 6)
	for _, x := range plan.Products {
		for s, g := range slotMap {
			if g >= 0 {
				want[3*x.Column+int(g)] += singles[x.Left][s] * singles[x.Right][s]
			}
		}
	}
	asTheyAre := func(query.Product) (left, right func(uint64) uint64) {
		same := func(share uint64) uint64 { return share }
		return same, same
	}
	var sizes []int
	for _, squares := range []bool{true, false} {
		err := eachFactors(plan, singles, squares, asTheyAre, func(f factors) error {
			sizes = append(sizes, len(f.left))
			if squares != (f.right == nil) {
				t.Fatal("squares with two factors, or products with one")
			}
			shares := make([]uint64, len(f.left))
			for i, v := range f.left {
				shares[i] = v * v
				if !squares {
					shares[i] = v * f.right[i]
				}
			}
			return addProducts(1<<57, got, f.into, shares)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	rest := tiles*query.Slots*3/4 - productEntries
	if !slices.Equal(sizes, []int{productEntries, rest, productEntries, rest}) {
		t.Errorf("computations of %v entries", sizes)
	}
	if err := addProducts(7, got, []int{0}, nil); err == nil {
		t.Error("fewer products than asked for were added")
	}
	p, err := he.NewProductParameters(he.DefaultProductParameters())
	if err != nil {
		t.Fatal(err)
	}
	if n := p.RequestBytes(productEntries); int64(n) > parcelLimits[parcelStages] {
		t.Errorf("a request has %d bytes, a parcel takes %d", n, parcelLimits[parcelStages])
	}
}
