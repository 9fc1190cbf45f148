package bureau

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/table"
)

// Form says what the columns of files are: a descriptor's fields, as far as most tables need them.
type Form struct {
	Dataset    string        `json:"dataset"`
	TitleEN    string        `json:"title_en"`
	TitleZH    string        `json:"title_zh"`
	License    string        `json:"license"`
	Entity     string        `json:"entity"`   // the column
	Registry   string        `json:"registry"` // one that exists; empty: the files make it
	Attributes []FormColumn  `json:"attributes"`
	Period     string        `json:"period"` // the column
	Grain      string        `json:"grain"`
	UTCOffset  string        `json:"utc_offset"`
	Missing    []string      `json:"missing"` // texts that stand for no reading
	Measures   []FormMeasure `json:"measures"`
	Header     []string      `json:"header,omitempty"`     // of the first file; not sent
	Sample     [][]string    `json:"sample,omitempty"`     // its first rows; not sent
	Registries []string      `json:"registries,omitempty"` // of the publisher; not sent
}

// FormColumn is a column, and what queries call it.
type FormColumn struct {
	Name   string `json:"name"`
	Column string `json:"column"`
}

// FormMeasure is a measure.
type FormMeasure struct {
	FormColumn
	Unit     string `json:"unit"`
	Least    string `json:"least"`
	Most     string `json:"most"`
	Decimals int    `json:"decimals"`
}

// sampled is how many rows a proposal is made of.
const sampled = 2000

// proposalOf proposes a form by the first rows of a file; nil where it has no table.
func proposalOf(ctx context.Context, f panel.File) (*Form, error) {
	s := &sampler{}
	if err := table.Read(ctx, f, table.Options{}, s); err != nil || len(s.header) == 0 {
		return nil, err
	}
	out := &Form{License: "internal", UTCOffset: "+08:00", Missing: []string{""}, Attributes: []FormColumn{}, Measures: []FormMeasure{}, Header: s.header, Sample: [][]string{}}
	for _, row := range s.rows[:min(len(s.rows), 3)] {
		out.Sample = append(out.Sample, shortRow(row))
	}
	base, _, _ := strings.Cut(f.Name, ".")
	out.Dataset = nameOf(base, "readings")
	columns := make([]sampledColumn, len(s.header))
	for i := range columns {
		columns[i] = sampleOf(s.rows, i)
	}
	period := periodColumn(s.header, columns)
	if period >= 0 {
		out.Period, out.Grain = s.header[period], string(columns[period].grain)
	}
	entity := entityColumn(columns, period)
	if entity >= 0 {
		out.Entity = s.header[entity]
	}
	names := []string{"entity", "period"}
	name := func(header, otherwise string) string {
		n := nameOf(header, otherwise)
		for i := 2; slices.Contains(names, n); i++ {
			n = fmt.Sprintf("%s_%d", nameOf(header, otherwise), i)
		}
		names = append(names, n)
		return n
	}
	for i, c := range columns {
		header := s.header[i]
		switch {
		case i == period || i == entity || header == "":
		case c.numbers > 0 && c.numbers*5 >= c.filled*4:
			least, most := c.bounds()
			out.Measures = append(out.Measures, FormMeasure{FormColumn: FormColumn{name(header, "measure"), header}, Least: least, Most: most, Decimals: c.decimals})
		case entity >= 0 && dependsOn(s.rows, i, entity):
			out.Attributes = append(out.Attributes, FormColumn{name(header, "attribute"), header})
		}
	}
	return out, nil
}

var notName = lazily(`[^a-z0-9]+`)

// nameOf makes a name of a text.
func nameOf(text, otherwise string) string {
	n := strings.Trim(notName().ReplaceAllString(strings.ToLower(text), "_"), "_")
	if !panel.IsName(n) {
		return otherwise
	}
	return n
}

// sampledColumn is what a column seems to hold.
type sampledColumn struct {
	filled, numbers, periods int
	distinct                 map[string]bool
	grain                    calendar.Grain // the finest of its periods
	decimals                 int
	least, most              *big.Rat
}

func sampleOf(rows [][]string, at int) sampledColumn {
	c := sampledColumn{distinct: map[string]bool{}}
	for _, row := range rows {
		if at >= len(row) || strings.TrimSpace(row[at]) == "" {
			continue
		}
		text := strings.TrimSpace(row[at])
		c.filled++
		c.distinct[text] = true
		if g, _, err := calendar.Parse(text); err == nil {
			if c.periods++; c.grain == "" || g.Finer(c.grain) {
				c.grain = g
			}
		}
		if v, ok := decimal.ParseNumber(text); ok {
			c.numbers++
			_, fraction, _ := strings.Cut(text, ".")
			if !strings.ContainsAny(text, "eE") {
				c.decimals = min(max(c.decimals, len(fraction)), 9)
			}
			if c.least == nil || v.Cmp(c.least) < 0 {
				c.least = v
			}
			if c.most == nil || v.Cmp(c.most) > 0 {
				c.most = v
			}
		}
	}
	return c
}

// bounds are a range that has the sample in it, with room: ten times as much, rounded to a power of ten. The publisher knows
// better.
func (c sampledColumn) bounds() (least, most string) {
	power := big.NewRat(10, 1)
	greatest := new(big.Rat).Abs(c.most)
	if low := new(big.Rat).Abs(c.least); low.Cmp(greatest) > 0 {
		greatest = low
	}
	for power.Cmp(greatest) <= 0 {
		power.Mul(power, big.NewRat(10, 1))
	}
	least = "0"
	if c.least.Sign() < 0 {
		least = "-" + power.FloatString(0)
	}
	return least, power.FloatString(0)
}

// periodNames are headers that columns of periods have.
var periodNames = lazily(`(?i)^(period|time|date|datetime|timestamp|year|month|day|hour|quarter|week|时间|日期|月份|年份|年月|监测时间|统计月份|周期)$`)

// periodColumn is the column whose texts are periods; -1: there is none.
func periodColumn(header []string, columns []sampledColumn) int {
	best := -1
	for i, c := range columns {
		switch {
		case c.filled == 0 || c.periods*5 < c.filled*4: // some may be faults
		case c.grain == calendar.Year && !periodNames().MatchString(header[i]): // numbers such as 2024
		case best < 0 || periodNames().MatchString(header[i]) && !periodNames().MatchString(header[best]):
			best = i
		}
	}
	return best
}

// entityColumn is the first column of texts with the most values; -1: there is none.
func entityColumn(columns []sampledColumn, period int) int {
	best := -1
	for i, c := range columns {
		if i == period || c.filled == 0 || c.numbers*5 >= c.filled*4 {
			continue
		}
		if best < 0 || len(c.distinct) > len(columns[best].distinct) {
			best = i
		}
	}
	return best
}

// dependsOn reports whether a column has one value for each of another.
func dependsOn(rows [][]string, at, entity int) bool {
	values := map[string]string{}
	for _, row := range rows {
		if at >= len(row) || entity >= len(row) {
			continue
		}
		if have, known := values[row[entity]]; known && have != row[at] {
			return false
		}
		values[row[entity]] = row[at]
	}
	return len(values) > 0
}

// sampler takes the first rows of a table.
type sampler struct {
	header []string
	rows   [][]string
}

// Begin implements table.Sink.
func (s *sampler) Begin(h table.Head) bool {
	s.header, s.rows = slices.Clone(h.Names[:min(len(h.Names), maxColumns)]), nil
	return true
}

// Row implements table.Sink.
func (s *sampler) Row(fields []string, _ int) error {
	s.rows = append(s.rows, slices.Clone(fields))
	if len(s.rows) == sampled {
		return table.ErrEnough
	}
	return nil
}

// Fault implements table.Sink: the check says what is wrong.
func (s *sampler) Fault(int, string, string) {}

// Faulty implements table.Sink.
func (s *sampler) Faulty() bool { return false }

// Discard implements table.Sink.
func (s *sampler) Discard() { s.header, s.rows = nil, nil }
