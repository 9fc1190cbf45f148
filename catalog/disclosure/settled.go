package disclosure

import (
	"slices"

	"github.com/weirdata/weir/catalog/calendar"
)

// Settled is what a version leaves: for each of its sources the units, the
// versions chosen, and who had news. It never changes.
type Settled struct {
	Version  int
	Entities int               // of the registry, as far as the version knows it
	Classes  int               // how many the tree had for it
	Closed   calendar.Interval // periods of the policy's grain
	Columns  []Column          // of the dataset then
	sources  []*Source         // column·periods + period − Closed.From
}

// Source is what one (column, version, period) settled.
type Source struct {
	*partition
	news Bits
}

// partition is how the classes of a source are put into units. Sources with
// equal ones share it.
type partition struct {
	// class → unitNone, unitAlone, −1−v when the unit of version v is chosen, or
	// j ≥ 1 when it is in joined[j−1].
	at     []int32
	joined [][]int32 // units of several classes, each ascending, by their first class
}

const (
	unitNone  = -1
	unitAlone = 0
)

// Source is the source of a column and period, nil when the version has none.
func (s *Settled) Source(c Column, period int64) *Source {
	if at := s.index(c, period); at >= 0 {
		return s.sources[at]
	}
	return nil
}

// index of a source, −1 when the version has none. While a version settles, it
// has those that are settled.
func (s *Settled) index(c Column, period int64) int {
	i := slices.Index(s.Columns, c)
	if i < 0 || period < s.Closed.From || period >= s.Closed.To {
		return -1
	}
	at := i*int(s.Closed.To-s.Closed.From) + int(period-s.Closed.From)
	if at >= len(s.sources) {
		return -1
	}
	return at
}

// unit is the unit of class c, which is in one.
func (s *Source) unit(t *Tree, c int32) []int32 {
	if at := s.at[c]; at > 0 {
		return s.joined[at-1]
	}
	return t.numbers[c : c+1 : c+1]
}

// InUnit reports whether class c is in a unit of the source, alone or joined.
func (s *Source) InUnit(c int32) bool { return int(c) < len(s.at) && s.at[c] >= 0 }

// Alone reports whether class c is a unit by itself.
func (s *Source) Alone(c int32) bool { return int(c) < len(s.at) && s.at[c] == unitAlone }

// Chosen is the version whose unit is chosen for class c, 0 when there is none.
func (s *Source) Chosen(c int32) int {
	if int(c) < len(s.at) && s.at[c] < unitNone {
		return int(-1 - s.at[c])
	}
	return 0
}
