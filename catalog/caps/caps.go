// Package caps says how far an entity's readings can go by a public attribute, such as its permit,
// where a policy names one as the cap of a measure. Noise is scaled to that instead of the
// measure's whole declared range (PROTOCOL.md section 8.1).
//
// Caps are in units of the measure's last decimal, one an entity, and never outside the range:
// who has no number as its attribute may have any reading of the range. So a cap never promises
// less than the range does.
//
// # Invariants
//
//   - It is pure: it imports catalog and catalog/decimal only, and reads no store.
//   - Width is no less than how far one entity can move a column's cell by readings within the
//     range and its caps (TestWidthIsNoLessThanAnyTwoReadingsAreApart).
package caps

import (
	"math/big"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
)

// Of is the greatest reading of a measure that an entity may have whose attribute is text: the
// number, rounded down to the measure's decimals, within the range. Of a text that is no number,
// and of none, it is the range's end.
func Of(m catalog.Measure, text string) int64 {
	number, ok := decimal.Exact(text)
	if !ok {
		return m.Max
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(m.Decimals)), nil)
	units := new(big.Int).Mul(number.Num(), scale)
	units.Div(units, number.Denom()) // down, of a negative number too
	switch {
	case units.Cmp(big.NewInt(m.Max)) >= 0:
		return m.Max
	case units.Cmp(big.NewInt(m.Min)) <= 0:
		return m.Min
	}
	return units.Int64()
}

// All are the caps of a measure by entity, of their attributes.
func All(m catalog.Measure, texts []string) []int64 {
	out := make([]int64, len(texts))
	for i, text := range texts {
		out[i] = Of(m, text)
	}
	return out
}

// Digest is that of the caps by which a version's readings were checked: of each measure that has
// caps, in their order, its name and the caps by entity.
func Digest(list []Column) catalog.Digest {
	type column struct {
		Measure string  `json:"measure"`
		Caps    []int64 `json:"caps"`
	}
	out := make([]column, len(list))
	for i, c := range list {
		out[i] = column{c.Measure.Name, c.Caps}
	}
	return catalog.Sum(catalog.Encode(out))
}

// Column are the caps of a measure, by entity.
type Column struct {
	Measure   catalog.Measure
	Attribute string
	Caps      []int64
}

// Columns are the columns of a descriptor's policy, ascending by measure, with the caps that
// attribute gives; it is asked for each, and returns a text an entity.
func Columns(d catalog.Descriptor, attribute func(name string) ([]string, error)) ([]Column, error) {
	var out []Column
	for _, name := range d.Policy.Capped() {
		c := Column{Measure: d.MeasureNamed(name), Attribute: d.Policy.Caps[name]}
		texts, err := attribute(c.Attribute)
		if err != nil {
			return nil, err
		}
		c.Caps = All(c.Measure, texts)
		out = append(out, c)
	}
	return out, nil
}

// Width is how far one entity can move what a cell adds to a column of sums, where its readings of
// the column's measures are x.Min to capX and y.Min to capY; y is the second measure of a product,
// and of no meaning to other columns. Columns of counts and of buckets have no use for caps.
//
// A sum moves by the length of that interval. A square of a centred reading is least at the
// reading nearest the middle and greatest at an end of the interval. A product of centred readings
// is linear in each, so that over the two intervals it is least and greatest at corners.
func Width(c catalog.Column, x, y catalog.Measure, capX, capY int64) *big.Int {
	switch c.Times {
	case "":
		return big.NewInt(capX - x.Min)
	case c.Measure:
		low, high := x.Min-x.Mid(), capX-x.Mid() // low ≤ 0
		most := square(max(-low, high, -high))
		if high < 0 { // the middle is out of reach
			return most.Sub(most, square(high))
		}
		return most
	}
	lowX, highX, lowY, highY := x.Min-x.Mid(), capX-x.Mid(), y.Min-y.Mid(), capY-y.Mid()
	if c.Joined() { // of the readings themselves
		lowX, highX, lowY, highY = x.Min, capX, y.Min, capY
	}
	var least, most *big.Int
	for _, a := range [2]int64{lowX, highX} {
		for _, b := range [2]int64{lowY, highY} {
			corner := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
			if least == nil || corner.Cmp(least) < 0 {
				least = corner
			}
			if most == nil || corner.Cmp(most) > 0 {
				most = corner
			}
		}
	}
	return new(big.Int).Sub(most, least)
}

func square(v int64) *big.Int { return new(big.Int).Mul(big.NewInt(v), big.NewInt(v)) }
