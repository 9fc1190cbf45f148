package panel

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/caps"
	"github.com/weirdata/weir/catalog/decimal"
)

// CapsBy are the caps of a source's measures, by measure and entity, where attribute gives the
// texts of an attribute by entity; nil of measures, or altogether, where there are none.
func (s *Source) CapsBy(attribute func(name string) ([]string, error)) ([][]int64, error) {
	columns, err := caps.Columns(s.Descriptor, attribute)
	if err != nil || columns == nil {
		return nil, err
	}
	out := make([][]int64, len(s.Descriptor.Measures))
	for _, c := range columns {
		out[s.Descriptor.MeasureIndex(c.Measure.Name)] = c.Caps
	}
	return out, nil
}

// ownCaps are the caps of a source whose data makes its registry, of which attributes are the rows.
func (s *Source) ownCaps(attributes [][]string) ([][]int64, error) {
	return s.CapsBy(func(name string) ([]string, error) {
		column := slices.Index(s.AttributeIDs, name)
		if column < 0 {
			return nil, fmt.Errorf("%w: a cap is the attribute %q, which is none of the descriptor's", ErrNoRegistry, name)
		}
		texts := make([]string, len(attributes))
		for e, row := range attributes {
			texts[e] = row[1+column]
		}
		return texts, nil
	})
}

// hold holds readings of a piece against the caps of their entities: one above is a fault, or with
// above_cap: clip becomes the cap and is counted. of is the measure of the reading of that number,
// −1 of one that is not looked at now.
func (a *assembly) hold(p *piece, readings []int64, of func(i int) int) error {
	if a.caps == nil {
		return nil
	}
	for i, v := range readings {
		m := of(i)
		if m < 0 || a.caps[m] == nil || v == missing {
			continue
		}
		entity := p.cells[i] % len(a.registry)
		most := a.caps[m][entity]
		if v <= most {
			continue
		}
		if a.src.Descriptor.Policy.AboveCap == catalog.AboveCapClip {
			readings[i] = most
			if a.clipped == nil {
				a.clipped = make([]int, len(a.src.Columns))
			}
			a.clipped[m]++
			continue
		}
		var line [1]int64
		if err := p.run.line.Read(p.from+i, line[:]); err != nil {
			return err
		}
		measure := a.src.Descriptor.Measures[m]
		a.faults.add(&DataError{
			File: a.files[p.file].file, Row: int(line[0]), Column: a.src.Columns[m],
			Message: fmt.Sprintf("%s is above the cap of %.40q, %s %s, which is its %s", decimal.Format(v, measure.Decimals), a.registry[entity],
				decimal.Format(most, measure.Decimals), measure.Unit, a.src.Descriptor.Policy.Caps[measure.Name]),
			Want: "mend the reading, correct the attribute, or say policy: {above_cap: clip}",
		})
	}
	return nil
}
