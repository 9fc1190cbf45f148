package plan_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/assignment"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/aggregate"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/plan/plantest"
	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/compute/sql"
)

// pairedPanels are two plaintext datasets in several versions, and a verdict on pairs of
// them: layer i is of version layered.versions[i] with version seconds[i], and one version
// may be in several layers.
type pairedPanels struct {
	*plantest.Layered
	second  catalog.Descriptor
	seconds []*plantest.Panel
}

// drawPairedPanels draws pairs as a ledger has them: from one to the next a version of
// either side grows.
func drawPairedPanels(t *rapid.T) *pairedPanels {
	l := plantest.DrawLayered(t, false)
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "pairs"), 3)) //nolint:gosec // a test's readings
	p := &pairedPanels{Layered: l, second: l.Descriptor}
	p.second.Dataset = "e"
	firsts, seconds := l.Versions, []*plantest.Panel{}
	for i := range rapid.IntRange(1, 3).Draw(t, "versions of the second") {
		one := plantest.DrawVersion(t, rng, p.second, 2*i+2)
		one.Version.Dataset = "e"
		seconds = append(seconds, one)
	}
	assign, err := l.Verdict.Assigned()
	if err != nil {
		t.Fatal(err)
	}
	l.Versions, l.Verdict.Layers = nil, nil
	l.Verdict.Join = &catalog.JoinedVersion{Dataset: "e", Version: 2*len(seconds) + 2*rng.IntN(2)}
	l.Verdict.Columns = []catalog.Column{{Measure: "m0", Times: "e.m1"}, {Measure: "m1", Times: "e.m0"}, {Measure: "m0", Times: "e.m0"}}[:1+rng.IntN(3)]
	for a, b := 0, 0; a < len(firsts) && b < len(seconds); {
		l.Versions, p.seconds = append(l.Versions, firsts[a]), append(p.seconds, seconds[b])
		layer := l.EmptyLayer(len(l.Versions) - 1)
		if layer.Joined = seconds[b].Version.Version; layer.Joined == l.Verdict.Join.Version {
			layer.Joined = 0
		}
		l.Verdict.Layers = append(l.Verdict.Layers, layer)
		if rng.IntN(2) == 0 {
			a++
		} else {
			b++
		}
	}
	l.Verdict.Assign = assignment.Pack(assign[:l.Verdict.Entities()])
	l.Choose(rng)
	return p
}

// pairs are what the verdict is planned by, with presences or without.
func (p *pairedPanels) pairs(presence bool) []plan.Pair {
	var out []plan.Pair
	for i := range p.Versions {
		x := plan.Pair{plan.Side{Descriptor: p.Descriptor, Version: p.Versions[i].Version}, plan.Side{Descriptor: p.second, Version: p.seconds[i].Version}}
		if presence {
			x.First.Presence, x.Second.Presence = p.Versions[i], p.seconds[i]
		}
		out = append(out, x)
	}
	return out
}

// truth multiplies and counts by plain loops.
func (p *pairedPanels) truth() (sums, counts []int64) {
	groups := (&plantest.Panel{Verdict: p.Verdict}).Groups()
	sums, counts = make([]int64, len(groups)*len(p.Verdict.Columns)), make([]int64, len(groups)*len(p.Verdict.Columns))
	others := plantest.Layered{Versions: p.seconds}
	for c, column := range p.Verdict.Columns {
		x, y := p.Descriptor.MeasureIndex(column.Measure), p.second.MeasureIndex(catalog.OwnMeasure(column.Times))
		p.EachCell(func(layer, e int, at int64, g catalog.GroupIndex) {
			if p.LeavesOut(layer, c, e, at) || !p.Has(layer, x, e, at) || !others.Has(layer, y, e, at) {
				return
			}
			a, b := p.Versions[layer], p.seconds[layer]
			left := a.Values[x][int(at-a.Version.First)*a.Version.Entities+e] + p.Descriptor.Measures[x].Mid()
			right := b.Values[y][int(at-b.Version.First)*b.Version.Entities+e] + p.second.Measures[y].Mid()
			sums[c*len(groups)+groups[g]] += left * right
			counts[c*len(groups)+groups[g]]++
		})
	}
	return sums, counts
}

// TestPlansOfPairsMultiplyTheCellsOfEachPair: each cell is multiplied in the pair of versions
// that its layer names, no tile is opened twice, and the table shows the sums.
func TestPlansOfPairsMultiplyTheCellsOfEachPair(t *testing.T) {
	several, shared := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		p := drawPairedPanels(t)
		plan, err := plan.NewJoin(p.pairs(true), p.Verdict)
		if err != nil {
			t.Fatal(err)
		}
		got, layers, cells := make([]int64, plan.Width), map[int]bool{}, int64(0)
		for _, x := range plan.Products {
			l, r := plan.Singles[x.Left], plan.Singles[x.Right]
			left, right := p.Versions[l.Layer].Tile(l.Packed, l.Block, l.Tile), p.seconds[r.Layer].Tile(r.Packed, r.Block, r.Tile)
			addLeft, addRight := plan.Mids(x)
			for slot, g := range plan.SlotMaps[x.SlotMap] {
				if g < 0 {
					continue
				}
				if partner, ok := plan.Partner(x, slot); ok {
					got[x.Column*len(plan.Groups)+int(g)] += (left[slot] + addLeft) * (right[partner] + addRight)
					layers[l.Layer*100+r.Layer] = true
					cells++
				}
			}
		}
		want, counts := p.truth()
		if d := cmp.Diff(want, got, cmp.Comparer(slices.Equal[[]int64])); d != "" {
			t.Fatalf("(-plain loops +plan)\n%s", d)
		}
		p.checkSingles(t, plan, &shared)
		if plan.Multiplied() != cells {
			t.Fatalf("%d cells are multiplied, the plan says %d", cells, plan.Multiplied())
		}
		if len(layers) > 1 {
			several++
		}
		p.checkBound(t, plan)
		p.checkTable(t, plan, want, counts)
	})
	if !testing.Short() && (several == 0 || shared == 0) { // a fifth of the draws reaches two of the first kind
		t.Errorf("%d plans multiply cells of several pairs, in %d a version is in several", several, shared)
	}
}

// checkSingles wants every tile opened once, whatever layers have its version.
func (p *pairedPanels) checkSingles(t *rapid.T, planned *plan.Plan, shared *int) {
	t.Helper()
	opened := map[plan.Single]bool{}
	for _, s := range planned.Singles {
		versions := p.Versions
		if s.Second {
			versions = p.seconds
		}
		version := versions[s.Layer].Version.Version
		if slices.IndexFunc(versions, func(o *plantest.Panel) bool { return o.Version.Version == version }) != s.Layer {
			t.Fatalf("%+v is not of the first layer with version %d", s, version)
		}
		if s.Layer = version; opened[s] {
			t.Fatalf("%+v is opened twice", s)
		}
		opened[s] = true
		if n := len(versions); n > 1 && versions[n-1] == versions[n-2] {
			*shared++
		}
	}
}

// checkBound compares the plan with what is planned without the presences.
func (p *pairedPanels) checkBound(t *rapid.T, planned *plan.Plan) {
	t.Helper()
	bound, err := plan.NewJoin(p.pairs(false), p.Verdict)
	if err != nil || bound.Tiles < planned.Tiles || bound.SecondTiles < planned.SecondTiles {
		t.Fatalf("the bound opens %d and %d tiles, the plan %d and %d: %v", bound.Tiles, bound.SecondTiles, planned.Tiles, planned.SecondTiles, err)
	}
	both := catalog.JoinDescriptors(p.Descriptor, p.second)
	if planned.Explain(both).Magnitude.Cmp(bound.Explain(both).Magnitude) > 0 {
		t.Fatalf("the bound's magnitude is %s, the plan's %s", bound.Explain(both).Magnitude, planned.Explain(both).Magnitude)
	}
	again, err := plan.NewJoin(p.pairs(true), p.Verdict)
	if err != nil || again.Digest() != planned.Digest() {
		t.Fatalf("planned again, the digest differs (error %v)", err)
	}
}

// checkTable makes the table of the first column.
func (p *pairedPanels) checkTable(t *rapid.T, planned *plan.Plan, sums, counts []int64) {
	t.Helper()
	var layers []plan.Layer
	for _, x := range p.pairs(true) {
		presence, err := plan.JoinPresence(x.First, x.Second)
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, plan.Layer{Version: x.First.Version, Presence: presence})
	}
	column := p.Verdict.Columns[0]
	c := &sql.Compiled{Request: catalog.Request{By: []catalog.Dimension{{Kind: catalog.DimAttribute, Column: "g"}, {Kind: catalog.DimPeriod, Grain: calendar.Month}},
		Join: &catalog.Join{Dataset: "e"}, Select: []catalog.Aggregate{{Func: catalog.FuncProduct, Measure: column.Measure, Other: column.Times}}},
		Output: []sql.Output{{Name: "p", Kind: sql.OutputAggregate, Form: aggregate.FormProduct, Argument: column.Measure}}}
	table, err := result.NewTable(c, result.Input{Descriptor: catalog.JoinDescriptors(p.Descriptor, p.second), Layers: layers, Verdict: p.Verdict, Plan: planned, Sums: sums, Nodes: 2})
	if err != nil {
		t.Fatal(err)
	}
	var shown, want []string
	for _, row := range table.Rows {
		if row[0] != nil {
			shown = append(shown, row[0].(string))
		}
	}
	places := p.Descriptor.MeasureNamed(column.Measure).Decimals + p.second.MeasureNamed(catalog.OwnMeasure(column.Times)).Decimals
	for g := range planned.Groups {
		if counts[g] > 0 {
			want = append(want, plantest.Rat(sums[g], places).FloatString(places))
		}
	}
	slices.Sort(shown)
	slices.Sort(want)
	if !slices.Equal(shown, want) {
		t.Fatalf("the table shows %v, want %v", shown, want)
	}
}

// TestPairsThatDoNotFitAreNotPlanned: each layer is planned with its own two versions.
func TestPairsThatDoNotFitAreNotPlanned(t *testing.T) {
	draw := func(t *rapid.T) *pairedPanels {
		p := drawPairedPanels(t)
		if len(p.Versions) < 2 {
			t.Skip("one pair")
		}
		return p
	}
	for name, change := range map[string]func(p *pairedPanels, pairs *[]plan.Pair){
		"a pair too few":      func(_ *pairedPanels, pairs *[]plan.Pair) { *pairs = (*pairs)[1:] },
		"no pair":             func(_ *pairedPanels, pairs *[]plan.Pair) { *pairs = nil },
		"the pairs exchanged": func(_ *pairedPanels, pairs *[]plan.Pair) { slices.Reverse(*pairs) },
		"the layers exchanged": func(p *pairedPanels, pairs *[]plan.Pair) {
			slices.Reverse(*pairs)
			slices.Reverse(p.Verdict.Layers)
		},
		"another version of the second": func(_ *pairedPanels, pairs *[]plan.Pair) { (*pairs)[1].Second.Version.Version += 7 },
		"another dataset":               func(_ *pairedPanels, pairs *[]plan.Pair) { (*pairs)[1].Second.Version.Dataset = "d" },
		"one pair twice": func(p *pairedPanels, pairs *[]plan.Pair) {
			(*pairs)[1], p.Verdict.Layers[1] = (*pairs)[0], p.Verdict.Layers[0]
		},
		"a version newer than asked": func(p *pairedPanels, pairs *[]plan.Pair) {
			last := len(*pairs) - 1
			p.Verdict.Layers[last].Joined, (*pairs)[last].Second.Version.Version = 99, 99
		},
	} {
		rapid.Check(t, func(t *rapid.T) {
			p := draw(t)
			pairs := p.pairs(true)
			change(p, &pairs)
			if _, err := plan.NewJoin(pairs, p.Verdict); err == nil {
				t.Fatalf("%s: planned", name)
			} else if strings.Contains(err.Error(), "%!") {
				t.Fatal(err)
			}
		})
	}
}

// TestThePlanDigestBindsThePairs: plans that read other versions of the second dataset are
// two, though they are laid out alike.
func TestThePlanDigestBindsThePairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPairedPanels(t)
		planned, err := plan.NewJoin(p.pairs(true), p.Verdict)
		if err != nil {
			t.Fatal(err)
		}
		pairs := p.pairs(true)
		i := len(pairs) - 1
		pairs[i].Second.Version.Version--
		p.Verdict.Layers[i].Joined = pairs[i].Second.Version.Version
		if i > 0 && pairs[i-1].First.Version.Version == pairs[i].First.Version.Version && pairs[i-1].Second.Version.Version >= pairs[i].Second.Version.Version {
			t.Skip("no version is between")
		}
		other, err := plan.NewJoin(pairs, p.Verdict)
		if err != nil {
			t.Fatal(err)
		}
		if other.Digest() == planned.Digest() {
			t.Fatal("the digest does not tell which version the second is")
		}
	})
}
