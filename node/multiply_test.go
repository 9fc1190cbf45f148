package node

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/client/publish"
)

// statisticStations publishes the readings with statistics allowed and without
// squares, so that every square is a product of shares.
var statisticStations = strings.Replace(stationsDescriptor, "[count, sum, avg]", "[count, sum, avg, stddev, covar, corr]", 1)

// TestProductsOfSharesEqualPlaintextForEveryShapeOfCluster: squares of one measure,
// and products of two over the cells that both have.
func TestProductsOfSharesEqualPlaintextForEveryShapeOfCluster(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	for _, shape := range []struct{ n, t int }{{2, 2}, {4, 3}} {
		t.Run(fmt.Sprintf("%d of %d", shape.t, shape.n), func(t *testing.T) {
			ctx := testContext(t)
			c := newCluster(t, shape.n, shape.t, nil)
			bureau := c.publisher(ctx, "bureau")
			list := stationReadings()
			p := prepareText(ctx, t, fmt.Sprintf(statisticStations, "stations"), stationsCSV(list), nil)
			if _, err := publish.Publish(ctx, bureau, p, nil); err != nil {
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
