package result

import (
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/bits-and-blooms/bitset"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/sql"
)

func twoMeasureTruth(form string, ys, xs []*big.Rat) any {
	n := int64(len(ys))
	if n == 0 || form == "covar_samp" && n == 1 {
		return nil
	}
	switch form {
	case "covar_pop":
		return rounded12(quoRat(coSum(ys, xs), n), false)
	case "covar_samp":
		return rounded12(quoRat(coSum(ys, xs), n-1), false)
	case "wavg":
		top, weights := new(big.Rat), new(big.Rat)
		for i := range ys {
			top.Add(top, new(big.Rat).Mul(ys[i], xs[i]))
			weights.Add(weights, xs[i])
		}
		if weights.Sign() == 0 {
			return nil
		}
		return rounded12(top.Quo(top, weights), false)
	}
	vx, vy, cov := coSum(xs, xs), coSum(ys, ys), coSum(ys, xs)
	if vx.Sign() == 0 || form == "corr" && vy.Sign() == 0 {
		return nil
	}
	slope := new(big.Rat).Quo(cov, vx)
	switch form {
	case "regr_slope":
		return rounded12(slope, false)
	case "regr_intercept":
		return rounded12(new(big.Rat).Sub(meanOf(ys), slope.Mul(slope, meanOf(xs))), false)
	case "regr_r2":
		if vy.Sign() == 0 {
			return "1.000000000000"
		}
		return rounded12(new(big.Rat).Quo(new(big.Rat).Mul(cov, cov), new(big.Rat).Mul(vx, vy)), false)
	}
	signed := new(big.Rat).Mul(cov, new(big.Rat).Abs(cov))
	return rounded12(signed.Quo(signed, new(big.Rat).Mul(vx, vy)), true)
}

// TestStatisticsOfTwoMeasuresEqualPlainLoops over the cells that both have, in either
// order, with one reading and with readings that do not vary.
func TestStatisticsOfTwoMeasuresEqualPlainLoops(t *testing.T) {
	forms := []string{"covar_pop", "covar_samp", "wavg", "corr", "regr_slope", "regr_intercept", "regr_r2"}
	rapid.Check(t, func(t *rapid.T) {
		r := drawReadings(t)
		var items []string
		for _, f := range forms {
			items = append(items, f+"(x, y)", f+"(y, x)")
		}
		table := r.tableOf(t, "SELECT site, "+strings.Join(items, ", ")+", SUM(x) FROM d GROUP BY site HAVING COUNT(*) > 0")
		for _, row := range table.Rows {
			site := int(row[0].(string)[1] - '0')
			xs, ys := r.pairs("x", "y", site, 0, len(r.cells[0]), true)
			for i, f := range forms {
				for j, pair := range [2][2][]*big.Rat{{xs, ys}, {ys, xs}} {
					if want := twoMeasureTruth(f, pair[0], pair[1]); row[1+2*i+j] != want {
						t.Fatalf("%s (%d) of site %d is %v, want %v of %v and %v", f, j, site, row[1+2*i+j], want, xs, ys)
					}
				}
			}
		}
	})
}

// planned computes a column's numbers by its plan from the readings in the clear: tiles
// added up, or multiplied, and sent where the slot maps say.
func (r *readingsOf) planned(in Input) []int64 {
	columns := in.Layers[0].Version.Columns(r.d)
	cell := func(packed, block, tile, slot int) int64 {
		b, c := in.Layers[0].Version.Blocks[block], columns[packed]
		p, e := tile*b.Periods+slot/b.Entities, b.First+slot%b.Entities
		if slot >= b.Periods*b.Entities || p >= len(r.cells[0]) || r.cells[c.Measure][p][e] == nil {
			return 0
		}
		kind := catalog.Column{Measure: r.d.Measures[c.Measure].Name, Bucket: c.Bucket}
		if c.Square {
			kind.Times = kind.Measure
		}
		return r.columnSum(kind, e, p, p+1)
	}
	out := make([]int64, in.Plan.Width)
	groups := len(in.Plan.Groups)
	for _, a := range in.Plan.Accumulators {
		for slot, group := range in.Plan.SlotMaps[a.SlotMap] {
			for _, tile := range a.Tiles {
				if group >= 0 {
					out[a.Column*groups+int(group)] += cell(in.Plan.Layers[a.Layer].Packed[a.Column], a.Block, tile, slot)
				}
			}
		}
	}
	for _, x := range in.Plan.Products {
		left, right := in.Plan.Singles[x.Left], in.Plan.Singles[x.Right]
		for slot, group := range in.Plan.SlotMaps[x.SlotMap] {
			if group >= 0 {
				out[x.Column*groups+int(group)] += cell(left.Packed, left.Block, left.Tile, slot) * cell(right.Packed, right.Block, right.Tile, slot)
			}
		}
	}
	return out
}

// TestPlansOfStatisticsGiveTheirColumns, with squares published or multiplied.
func TestPlansOfStatisticsGiveTheirColumns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawReadings(t)
		r.old = rapid.Bool().Draw(t, "version without companions")
		sql := "SELECT site, VAR_POP(x), CORR(x, y), COVAR_POP(y, x), SUM(y) FROM d GROUP BY site"
		if !r.old {
			sql = "SELECT site, VAR_POP(x), CORR(x, y), COVAR_POP(y, x), SUM(y), HISTOGRAM(x), MEDIAN(y) FROM d GROUP BY site"
		}
		c := mustCompileOn(t, sql, r.d)
		in, err := r.input(c)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.planned(in); !slices.Equal(got, in.Sums) {
			t.Fatalf("the plan gives %v, the columns are %v", got, in.Sums)
		}
		products := 0
		for _, k := range in.Plan.Kinds {
			products += b2i(k.Times != "" && (r.old || k.Times != k.Measure))
		}
		tiles := (len(r.cells[0])-1)/12 + 1
		if len(in.Plan.Products) > products*tiles || len(in.Plan.Products) < tiles || len(in.Plan.Singles) != 2*tiles {
			t.Fatalf("%d products of %d tiles, %d are opened alone", len(in.Plan.Products), tiles, len(in.Plan.Singles))
		}
		if x := in.Plan.Explain(r.d); !in.Plan.Multiplies() || in.Plan.Private() || x.Products < int64(tiles) || x.Openings != len(in.Plan.Accumulators)+2*tiles {
			t.Fatalf("the plan does not say that it multiplies: %+v", x)
		}
		if _, err := plan.New(r.d, in.Layers, in.Verdict); !errors.Is(err, plan.ErrPresence) {
			t.Fatalf("planned without presence: %v", err)
		}
	})
}

// TestPlansThatMultiplyOtherTilesHaveOtherDigests.
func TestPlansThatMultiplyOtherTilesHaveOtherDigests(t *testing.T) {
	r := &readingsOf{first: 600, sites: 2, d: readingsDescriptor()}
	v := int64(3)
	for m := range r.cells {
		r.cells[m] = [][]*int64{{&v, &v}, {&v, nil}}
		r.present[m] = bitset.MustNew(4).Set(0).Set(1).Set(2)
	}
	seen := map[catalog.Digest]string{}
	for _, item := range []string{"SUM(x)", "VAR_POP(x)", "HISTOGRAM(x)", "COVAR_POP(x, y)", "CORR(x, y)", "VAR_POP(y)"} {
		in, err := r.input(mustCompileOn(t, "SELECT "+item+" FROM d GROUP BY site", r.d))
		if err != nil {
			t.Fatal(err)
		}
		d := in.Plan.Digest()
		if other, same := seen[d]; same {
			t.Errorf("%s and %s have one digest", item, other)
		}
		seen[d] = item
		if len(in.Plan.Products) > 0 {
			in.Plan.Products[0].Right = in.Plan.Products[0].Left
			if in.Plan.Digest() == d {
				t.Errorf("%s: another factor has the same digest", item)
			}
		}
	}
}

// TestForeignOutputsAreRefused: a compiled query may come from elsewhere.
func TestForeignOutputsAreRefused(t *testing.T) {
	d := readingsDescriptor()
	deep := &sql.Having{Op: catalog.OpGt, Of: &sql.Output{Kind: sql.OutputAggregate}, Number: "1"}
	for range sql.MaxNesting + 1 {
		deep = &sql.Having{Op: catalog.OpNot, Args: []sql.Having{*deep}}
	}
	for name, change := range map[string]func(*sql.Compiled){
		"a form of another function": func(c *sql.Compiled) { c.Output[1].Form = "corr" },
		"an unknown form":            func(c *sql.Compiled) { c.Output[1].Form = "skew" },
		"an unknown relation":        func(c *sql.Compiled) { c.Output[1].Relative = "month_on_month" },
		"a quantile above 1":         func(c *sql.Compiled) { c.Output[2].Argument = "2" },
		"a limit that is no bound":   func(c *sql.Compiled) { c.Output[3].Argument = "50" },
		"a bucket that there is not": func(c *sql.Compiled) { c.Output[4].Bucket = 9 },
		"a having without a figure":  func(c *sql.Compiled) { c.Having = &sql.Having{Op: catalog.OpGt, Number: "1"} },
		"a having with a bad number": func(c *sql.Compiled) {
			c.Having = &sql.Having{Op: catalog.OpGt, Of: &sql.Output{Kind: sql.OutputAggregate}, Number: "1e9"}
		},
		"a having of nothing":          func(c *sql.Compiled) { c.Having = &sql.Having{Op: catalog.OpNot} },
		"a having of another operator": func(c *sql.Compiled) { c.Having = &sql.Having{Op: "like"} },
		"a having of a dimension": func(c *sql.Compiled) {
			c.Having = &sql.Having{Op: catalog.OpGt, Of: &sql.Output{Kind: sql.OutputDimension}, Number: "1"}
		},
		"a having that is too deep": func(c *sql.Compiled) { c.Having = deep },
	} {
		r := &readingsOf{first: 600, sites: 1, d: d}
		v := int64(3)
		for m := range r.cells {
			r.cells[m], r.present[m] = [][]*int64{{&v}}, bitset.MustNew(1).Set(0)
		}
		c := mustCompileOn(t, "SELECT site, VAR_POP(x), QUANTILE(x, 0.5), EXCEEDANCE(x, 12.5), HISTOGRAM(x) FROM d GROUP BY site", d)
		in, err := r.input(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewTable(c, in); err != nil {
			t.Fatal(err)
		}
		change(c)
		if table, err := NewTable(c, in); err == nil {
			t.Errorf("%s: %v", name, table.Rows)
		}
	}
}
