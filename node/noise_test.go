package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/noise"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/versions"
)

// noisyPolicy is the policy of a dataset of stations that offers noised answers.
const noisyPolicy = `policy:
  aggregates: [count, sum, avg]
  grain: month
  min_cohort: 2
  dp: {epsilon_per_query: 1, epsilon_per_contract: 4.5, epsilon_family: 100, delta: 1e-6}
`

func publishNoisy(ctx context.Context, t *testing.T, publisher *client.Client) []reading {
	t.Helper()
	list := stationReadings()
	text := fmt.Sprintf(stationsDescriptor, "noisy")
	text = text[:strings.Index(text, "policy:")] + noisyPolicy
	if _, err := publish.Publish(ctx, publisher, prepareText(ctx, t, text, stationsCSV(list), nil), nil); err != nil {
		t.Fatal(err)
	}
	return list
}

const noisySQL = `SELECT county, date_trunc('month', period) AS month, SUM(pm25), AVG(pm25), SUM(no2), COUNT(no2) FROM noisy GROUP BY county, month`

// noisyTruth are the sums of pm25 and no2 by county and month, in units of their
// last digits, in the order of the plan's groups, and the counts of pm25.
func noisyTruth(list []reading) (sums [2][]int64, counts []int64) {
	var keys []string
	at := func(x reading) string { return x.county + x.day[:7] }
	for _, x := range list {
		keys = append(keys, at(x))
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	counts = make([]int64, len(keys))
	for c := range sums {
		sums[c] = make([]int64, len(keys))
	}
	for _, x := range list {
		i := slices.Index(keys, at(x))
		for c, text := range []string{x.pm25, x.no2} {
			if text == "" {
				continue
			}
			v, _ := new(big.Rat).SetString(text)
			v.Mul(v, big.NewRat([]int64{10, 100}[c], 1))
			sums[c][i] += v.Num().Int64()
			if c == 0 {
				counts[i]++
			}
		}
	}
	return sums, counts
}

// drawn is what a node has in its vault of a query's noise.
func (c *cluster) drawn(t *testing.T, id, query string) []byte {
	t.Helper()
	b, err := c.nodes[id].vault.Get("noise/" + query)
	if err != nil {
		t.Fatalf("noise of query %s at %s: %v", query, id, err)
	}
	return b
}

// exactly checks that a noised table is the plaintext plus the noise that the
// members of the last attempt hold, digit by digit, and that what it states of
// the noise is that of the law.
func (c *cluster) exactly(t *testing.T, r *ask.Result, list []reading) {
	t.Helper()
	sums, counts := noisyTruth(list)
	active := r.Query.Attempts[len(r.Query.Attempts)-1].Active
	for _, id := range active {
		parts := storedParts(t, c.drawn(t, id, r.Query.ID))
		if len(parts) != 3 {
			t.Fatalf("a record of %d parts", len(parts))
		}
		for number, stated := range r.Table.Noise.Sums {
			column := slices.Index([]string{"pm25", "no2"}, stated.Measure)
			d, err := noise.DecodeDraw(parts[1+number])
			if err != nil || len(d.Values) != len(counts) {
				t.Fatalf("%v, %d values", err, len(d.Values))
			}
			for i, x := range d.Values {
				sums[column][i] += x
			}
			text, err := noise.Describe(d.Law, len(active), 1+column)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(text, stated.Description); diff != "" {
				t.Errorf("(-law +result)\n%s", diff)
			}
		}
	}
	widths := map[string]*big.Rat{}
	for _, stated := range r.Table.Noise.Sums {
		widths[stated.Measure], _ = new(big.Rat).SetString(stated.Interval95)
	}
	if len(r.Table.Rows) != len(counts) {
		t.Fatalf("%d rows, want %d", len(r.Table.Rows), len(counts))
	}
	for i, row := range r.Table.Rows {
		want := []string{
			big.NewRat(sums[0][i], 10).FloatString(1), big.NewRat(sums[0][i], 10*counts[i]).FloatString(12), big.NewRat(sums[1][i], 100).FloatString(2),
		}
		for j, text := range want {
			if row[2+j] != text {
				t.Errorf("row %d column %d: %v, plaintext and noise give %s", i, j, row[2+j], text)
			}
		}
		half := r.Table.Interval95[i]
		if half[0] != nil || half[2] != widths["pm25"].FloatString(1) || half[3] == nil || half[4] != widths["no2"].FloatString(2) || half[5] != nil {
			t.Errorf("row %d: intervals %v, want %v", i, half, widths)
		}
	}
}

func TestNoisedAnswersAreThePlaintextPlusEveryMembersNoise(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	buyer := c.admit(ctx, newKey(t, "bank"), catalog.RoleBuyer)
	list := publishNoisy(ctx, t, bureau)
	contract(ctx, t, buyer, bureau, "noisy")
	truth, _ := noisyTruth(list)
	inside, all := 0, 0
	var seen []string
	for n, o := range []ask.Options{{Epsilon: "1"}, {Epsilon: "1"}, {Epsilon: "1", Delta: "1e-6"}, {Epsilon: "0.5", Delta: "0.000001"}} {
		r, err := ask.Query(ctx, buyer, noisySQL, o)
		if err != nil {
			t.Fatalf("query %d: %v", n, err)
		}
		c.exactly(t, r, list)
		var b bytes.Buffer
		if err := r.Table.WriteText(&b); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), " ± ") || !strings.Contains(b.String(), "noised: epsilon "+o.Epsilon) {
			t.Errorf("table\n%s", b.String())
		}
		for i, row := range r.Table.Rows {
			for column, at := range []int{2, 4} {
				v, _ := new(big.Rat).SetString(row[at].(string))
				h, _ := new(big.Rat).SetString(r.Table.Interval95[i][at].(string))
				v.Sub(v, big.NewRat(truth[column][i], []int64{10, 100}[column]))
				if all++; v.Abs(v).Cmp(h) <= 0 {
					inside++
				}
				seen = append(seen, v.String())
			}
		}
	}
	if inside*4 < all*3 { // 48 figures: fewer than 36 inside has probability below 1e-9
		t.Errorf("%d of %d figures lie in their 95 %% interval", inside, all)
	}
	slices.Sort(seen)
	if n := len(slices.Compact(seen)); n < all-2 {
		t.Errorf("%d of %d errors are distinct", n, all)
	}

	// 3.5 of 4.5 are spent.
	x := c.asExplained(ctx, t, buyer, noisySQL, ask.Options{Epsilon: "0.8"})
	if x.Noise == nil || x.Noise.Contract != (catalog.Account{Limit: "4.5", Spent: "3.5", Left: "1"}) || x.Noise.MostCost != "2.4" || len(x.Noise.Sums) != 2 {
		t.Errorf("explained %+v", x.Noise)
	}
	_, err := ask.Query(ctx, buyer, noisySQL, ask.Options{Epsilon: "0.3"})
	var problem *wire.Problem
	if !errors.As(err, &problem) || problem.Status != http.StatusForbidden || !strings.Contains(problem.Error(), "0.2 left of 4.5") {
		t.Errorf("over the budget: %v", err)
	}
	// Exact figures are still to be had, and have no noise.
	r, err := ask.Query(ctx, buyer, noisySQL, ask.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Table.Noise != nil || r.Table.Interval95 != nil || r.Table.Rows[0][2] != big.NewRat(truth[0][0], 10).FloatString(1) {
		t.Errorf("exact: %+v", r.Table)
	}
}

// Attempts that fail give no second draw: a member of two attempts adds the same
// noise in both.
func TestLaterAttemptsUseTheFirstDraw(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	var c *cluster
	var first sync.Map // node and query → the noise that was there when it planned again
	c = newCluster(t, 3, 2, func(o *Options) {
		id := o.ID
		o.plan = func(w versions.Sources, verdict catalog.Verdict) (*plan.Plan, error) {
			p, err := versions.PlanOf(w, verdict)
			if err != nil || verdict.Noise == nil {
				return p, err
			}
			if id == "n2" { // deviates, so that attempts fail after their members drew
				p.Accumulators[0].Tiles = append(slices.Clone(p.Accumulators[0].Tiles), p.Accumulators[0].Tiles[0])
				return p, nil
			}
			v := c.nodes[id].vault
			names, err := v.List("noise/")
			for _, name := range names {
				b, err := v.Get(name)
				if err != nil {
					return nil, err
				}
				first.LoadOrStore(id+" "+name, b)
			}
			return p, err
		}
	})
	bureau := c.publisher(ctx, "bureau")
	list := publishNoisy(ctx, t, bureau)
	c.await(ctx, "all nodes to hold the version", func() bool { return len(c.version(t, "n1", "noisy", 1).Acks) == 3 })
	for again := false; !again; {
		r, err := ask.Query(ctx, bureau, noisySQL, ask.Options{Epsilon: "0.1"})
		if err != nil {
			t.Fatal(err)
		}
		c.exactly(t, r, list)
		attempts := r.Query.Attempts
		for _, id := range attempts[len(attempts)-1].Active {
			if len(attempts) == 1 || !slices.Contains(attempts[0].Active, id) {
				continue
			}
			was, ok := first.Load(id + " noise/" + r.Query.ID)
			if !ok {
				t.Fatalf("%s had stored no noise before the second attempt", id)
			}
			again = true
			if !bytes.Equal(was.([]byte), c.drawn(t, id, r.Query.ID)) {
				t.Errorf("%s drew twice for query %s", id, r.Query.ID)
			}
		}
	}
}
