package plan

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/noise"
)

// TailBits is −log2 of the probability with which the noise of a released
// number may exceed what the plan keeps room for (PROTOCOL.md section 7.4).
const TailBits = 60

// newLaws calibrates the noise of every column of a verdict, nil for an exact
// one. Each node of the active set adds noise of the column's law to every
// released number of it.
//
// Sensitivity is how far the whole released vector moves when one entity's
// record is replaced: an entity is in one entity group, and moves each of that
// group's numbers by at most the full range of its measure × the periods of the
// number's period group (presence is public, and a missing cell counts as the
// middle of the range). Columns have ranges of their own, and noise scaled to
// the widest would drown the others. So the budget is split equally over the C
// columns: a column with L1 norm s gets Laplace noise of scale C·s/ε, whose loss
// is ε/C; with squared L2 norm s² Gaussian noise for C·s², whose concentrated
// loss is ρ/C, ρ being that of (ε, δ). The losses of independent columns add up
// to ε and ρ. That is the noise of one law for all, were each column measured in
// units of its own norm.
//
// A private vector multiplies what an entity moves by its number in it, at most
// the largest that its bits allow. Where caps bound entities, or limits their weights, the
// verdict says how far one can move a cell of each column, weight included (judge.boundWidths). Private counts are made of the buyer's vector
// and public presence: nothing that a reading can move, so they have no law.
func (p *Plan) newLaws(g *Grid, d catalog.Descriptor) ([]noise.Law, error) {
	terms := g.verdict.Noise
	if terms == nil || len(g.columns) == 0 {
		return nil, nil
	}
	epsilon, err := noise.ParseEpsilon(terms.Epsilon)
	if err != nil {
		return nil, err
	}
	var delta *big.Rat
	if terms.Delta != "" {
		if delta, err = noise.ParseDelta(terms.Delta); err != nil {
			return nil, err
		}
	}
	l1, l2 := g.spread()
	moved := g.movements(d)
	laws := make([]noise.Law, len(g.columns))
	for i, m := range moved {
		if m.width == nil {
			continue
		}
		width, numbers := m.width, big.NewInt(m.numbers)
		if len(g.verdict.Widths) == 0 {
			width = new(big.Int).Mul(width, p.LargestFactor(i))
		}
		one, two := new(big.Int).Mul(l1, numbers), new(big.Int).Mul(l2, numbers)
		if laws[i], err = columnLaw(width, one, two, shares(moved), epsilon, delta); err != nil {
			return nil, fmt.Errorf("noise of %s: %w", g.verdict.Columns[i].Measure, err)
		}
	}
	return laws, nil
}

// columnLaw is the law of one of so many columns with the given full range. A
// column that nothing can move, having no cells, carries the least noise.
func columnLaw(width, l1, l2squared *big.Int, columns int64, epsilon, delta *big.Rat) (noise.Law, error) {
	if width.Sign() == 0 || l1.Sign() == 0 {
		one := big.NewInt(1)
		width, l1, l2squared = one, one, one
	}
	if delta == nil {
		scale, err := noise.LaplaceScale(new(big.Int).Mul(width, new(big.Int).Mul(l1, big.NewInt(columns))), epsilon)
		if err != nil {
			return noise.Law{}, err
		}
		return noise.NewLaplace(scale)
	}
	squared := new(big.Int).Mul(width, width)
	squared.Mul(squared, l2squared)
	variance, err := noise.GaussianVariance(squared.Mul(squared, big.NewInt(columns)), epsilon, delta)
	if err != nil {
		return noise.Law{}, err
	}
	return noise.NewGaussian(variance)
}

// spread is the L1 norm and the squared L2 norm, over the released groups of the
// entity group where they are largest, of the number of an entity's cells in
// each. Cells that the verdict leaves out are counted too: never too few.
func (g *Grid) spread() (l1, l2squared *big.Int) {
	cells := make([]int64, len(g.verdict.PeriodGroups))
	extent := g.extent()
	for p := extent.From; p < extent.To; p++ {
		for _, l := range g.layers { // a cell is in one layer: a period counts once
			at := p - l.first
			if at >= 0 && at < int64(len(l.periodOf)) && l.periodOf[at] >= 0 {
				cells[l.periodOf[at]]++
				break
			}
		}
	}
	l1, l2squared = new(big.Int), new(big.Int)
	one, two := new(big.Int), new(big.Int)
	for i, at := range g.Groups {
		if i == 0 || at.Entity != g.Groups[i-1].Entity {
			one, two = new(big.Int), new(big.Int)
		}
		n := big.NewInt(cells[at.Period])
		one.Add(one, n)
		two.Add(two, n.Mul(n, n))
		if one.Cmp(l1) > 0 {
			l1.Set(one)
		}
		if two.Cmp(l2squared) > 0 {
			l2squared.Set(two)
		}
	}
	return l1, l2squared
}

// Room is the largest magnitude that a number of the result can have when each
// of so many nodes adds its noise, but for a probability of 2^-TailBits a
// number, and the part of it that is noise. It must stay below T/2.
func (p *Plan) Room(d catalog.Descriptor, nodes int) (magnitude, tail *big.Int, err error) {
	magnitude, tail = new(big.Int), new(big.Int)
	for column, sum := range p.magnitudes(d) {
		var t *big.Int
		if t, err = p.Tail(column, nodes); err != nil {
			return nil, nil, err
		}
		if sum.Add(sum, t); sum.Cmp(magnitude) > 0 {
			magnitude, tail = sum, t
		}
	}
	return magnitude, tail, nil
}

// Tail bounds the noise of a column's numbers, 0 for an exact plan.
func (p *Plan) Tail(column, nodes int) (*big.Int, error) {
	if p.Noise == nil || p.Kinds[column].Count {
		return new(big.Int), nil
	}
	t, err := noise.Tail(p.Noise[column], nodes, TailBits)
	if err != nil {
		return nil, fmt.Errorf("noise of column %d: %w", column, err)
	}
	return t, nil
}

// ColumnNoise is what a result, or the preview of one, states about the noise of
// a measure's sums; averages carry it divided by the number of readings. What says
// which sums in words: of readings, squares or products, or counts of buckets.
type ColumnNoise struct {
	Measure string `json:"measure"`
	What    string `json:"what"`
	Weight  string `json:"weight,omitempty"` // name of the private weights that its readings are multiplied by
	Unit    string `json:"unit"`             // of the sums
	noise.Description
	Beside *MiddleSum `json:"beside,omitempty"` // nil: of sums that are of no readings, or of a private part of the cells
}

// MiddleSum is what the noise of a column stands beside: the sum of its largest group, were every
// reading in the middle of what it can be. Nobody knows the sum itself before it is answered.
type MiddleSum struct {
	Cells int64  `json:"cells"`
	Sum   string `json:"sum"` // in the unit of the sums
}

// NoiseOf states the noise of every column when each of so many nodes adds its
// own; nil for an exact plan.
func (p *Plan) NoiseOf(d catalog.Descriptor, nodes int) ([]ColumnNoise, error) {
	var out []ColumnNoise
	cells := p.cells()
	for i, law := range p.Noise {
		if p.Kinds[i].Count {
			continue
		}
		if i > 0 && p.Kinds[i].Bucket > 1 && p.Kinds[i-1].Bucket > 0 {
			continue // all buckets of a measure have one law
		}
		m := d.Measures[p.Columns[i]]
		use := p.vectorOf(i)
		what, unit, decimals := ColumnText(p.Kinds[i], m, d.MeasureNamed(p.Kinds[i].Times))
		text, err := noise.Describe(law, nodes, decimals+use.Decimals)
		if err != nil {
			return nil, fmt.Errorf("describe the noise of %s: %w", m.Name, err)
		}
		one := ColumnNoise{Measure: m.Name, What: what, Unit: unit, Description: text}
		if p.Kinds[i].Weight != "" {
			one.Weight = use.Name
		}
		if k := p.Kinds[i]; k == (catalog.Column{Measure: k.Measure, With: k.With}) && p.Vector(i) == "" && len(cells[i]) > 0 {
			one.Beside = middleSum(m, slices.Max(cells[i]))
		}
		out = append(out, one)
	}
	return out, nil
}

// middleSum is the sum of so many readings in the middle of the range; nil where that is 0 or less,
// beside which nothing is large or small.
func middleSum(m catalog.Measure, cells int64) *MiddleSum {
	if m.Min+m.Max <= 0 || cells == 0 {
		return nil
	}
	twice := new(big.Int).Mul(big.NewInt(m.Min+m.Max), big.NewInt(cells))
	sum := new(big.Rat).SetFrac(twice, new(big.Int).Mul(big.NewInt(2), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(m.Decimals)), nil)))
	return &MiddleSum{Cells: cells, Sum: sum.FloatString(m.Decimals + 1)}
}
