package node

import (
	"context"
	"maps"
	"math/big"
	"slices"
	"sync"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
)

// summing counts the sums that each node opens, and the tiles in each.
type summing struct {
	mu   sync.Mutex
	sums map[string][]int // by node: the tiles of every sum
}

// of makes the counter of a node; it is told from several goroutines.
func (s *summing) of(node string) func(int) {
	return func(tiles int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sums[node] = append(s.sums[node], tiles)
	}
}

// take returns what was counted and begins anew.
func (s *summing) take() map[string][]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.sums
	s.sums = map[string][]int{}
	return out
}

// asExplained explains a query, asks it, and holds every figure of the explanation
// against what was counted: tiles, additions and openings at each member, the length
// of what is stored as sealed, rows, the price and the epsilon.
func (c *cluster) asExplained(ctx context.Context, t *testing.T, buyer *client.Client, sql string, o ask.Options) wire.Explained {
	t.Helper()
	x, err := ask.Explain(ctx, buyer, sql, o)
	if err != nil {
		t.Fatalf("explain %s: %v", sql, err)
	}
	c.summed.take()
	r, err := ask.Query(ctx, buyer, sql, o)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if n := len(r.Query.Attempts); n != 1 && x.Plan.Openings > 0 {
		t.Skipf("the answer took %d attempts: nothing can be counted", n)
	}
	upTo := func(what string, counted, explained int64) {
		if counted > explained || counted < explained && !x.Plan.Bound {
			t.Errorf("%s: %s: %d, explained were %d (a bound: %v)", sql, what, counted, explained, x.Plan.Bound)
		}
	}
	counted := c.summed.take()
	if x.Plan.Openings > 0 && len(counted) != c.body.Threshold {
		t.Errorf("%s: the nodes %v opened, want %d", sql, slices.Sorted(maps.Keys(counted)), c.body.Threshold)
	}
	for _, sums := range counted {
		tiles, additions := 0, 0
		for _, n := range sums {
			tiles, additions = tiles+n, additions+n-1
		}
		upTo("tiles", int64(tiles), x.Plan.Tiles)
		upTo("additions", int64(additions), x.Plan.Additions)
		upTo("openings", int64(len(sums)), int64(x.Plan.Openings))
		upTo("tiles in the largest sum", int64(slices.Max(sums)), int64(x.Plan.MaxTiles))
	}
	for _, share := range c.sharesOf(ctx, t, r.Query.ID) {
		if int64(len(share.Sealed)) != x.Plan.ResultBytes {
			t.Errorf("%s: a node sealed %d bytes, explained were %d", sql, len(share.Sealed), x.Plan.ResultBytes)
		}
	}
	if x.Plan.Groups != r.Query.Groups || x.Groups != r.Query.Groups || x.Withheld != r.Query.Withheld {
		t.Errorf("%s: %d groups released and %d withheld, explained were %d and %d", sql, r.Query.Groups, r.Query.Withheld, x.Groups, x.Withheld)
	}
	if x.Price != r.Query.Price {
		t.Errorf("%s: charged %q, explained was %q", sql, r.Query.Price, x.Price)
	}
	if x.Bits != nil && (x.Bits.Noise >= x.Bits.NoiseAvailable || x.Bits.Magnitude > x.Bits.MagnitudeAvailable) {
		t.Errorf("%s: it was answered, and takes %+v", sql, x.Bits)
	}
	return x
}

// sharesOf is what the ledger holds of a query's sealed shares.
func (c *cluster) sharesOf(ctx context.Context, t *testing.T, id string) (shares []catalog.QueryShare) {
	t.Helper()
	err := c.nodes["n1"].Read(ctx, func(v state.View) (err error) {
		shares, err = v.Shares(id)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return shares
}

// checkWidest holds the magnitude against one by hand: so many cells of a column, each
// at most half the range from its middle.
func checkWidest(t *testing.T, p plan.Explain, cells, each int64) {
	t.Helper()
	if want := new(big.Int).Mul(big.NewInt(cells), big.NewInt(each)); p.Magnitude.Cmp(want) != 0 || p.Cells != cells || p.Widest == "" {
		t.Errorf("the largest magnitude is explained as %v, of %d cells of %s; want %d × %d = %v", p.Magnitude, p.Cells, p.Widest, cells, each, want)
	}
}

// What EXPLAIN says of a plain query is what the members do: the same is held of
// noised queries, of joins, of products and of private ones beside their own tests.
func TestExplainedFiguresAreWhatAnAnswerTakes(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	buyer := c.admit(ctx, newKey(t, "bank"), catalog.RoleBuyer)
	publishStations(ctx, t, bureau, "stations")
	contract(ctx, t, buyer, bureau, "stations")
	x := c.asExplained(ctx, t, buyer, "SELECT SUM(no2), SUM(pm25) FROM stations", ask.Options{})
	checkWidest(t, x.Plan, 7*60, 27500) // from −50 to 500 in hundredths; of pm25 5,000 tenths
	if x.Plan.Widest != "no2" || x.Plan.Bound || x.Plan.Groups != 1 {
		t.Errorf("explained %+v", x.Plan)
	}
	x = c.asExplained(ctx, t, buyer, "SELECT county, date_trunc('month', period) AS month, SUM(pm25) FROM stations GROUP BY county, month", ask.Options{})
	checkWidest(t, x.Plan, 3*31, 5000) // three of seven stations are in c0
	if x.Plan.Groups != 6 || x.Plan.Width != 6 {
		t.Errorf("explained %+v", x.Plan)
	}
	x = c.asExplained(ctx, t, buyer, "SELECT county, COUNT(pm25) FROM stations GROUP BY county", ask.Options{})
	if x.Plan.Openings != 0 || x.Plan.ResultBytes != 0 || x.Bits != nil || x.Plan.Widest != "" {
		t.Errorf("counts are public, and explained as %+v", x.Plan)
	}
}
