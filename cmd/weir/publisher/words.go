package publisher

import (
	"fmt"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/compute/unit"
)

// describeCompanions says what is published beside a measure.
func describeCompanions(m catalog.Measure) string {
	words := ""
	if m.Pollutant != "" {
		words = "; pollutant " + strings.TrimSpace(m.Pollutant+" "+unit.PollutantOf(m.Pollutant).Name)
	}
	if m.UCUM != "" {
		words += "; UCUM " + m.UCUM
	}
	if p := m.PCAF; p != nil {
		words += fmt.Sprintf("; PCAF scope %s, option %s, score %d", p.Scope, p.Option, p.Score)
	}
	if m.Squares {
		words += "; squares"
	}
	if len(m.Buckets) > 0 {
		words += fmt.Sprintf("; %d buckets: up to and with each of %s, and above", m.BucketCount(), strings.Join(m.Buckets, ", "))
	}
	return words
}

// describeTiles says how many of a version's tiles are of measures and how many of their
// companions.
func describeTiles(d catalog.Descriptor, tiles int) string {
	columns := d.TileColumns()
	squares, buckets := 0, 0
	for _, c := range columns {
		switch {
		case c.Square:
			squares++
		case c.Bucket > 0:
			buckets++
		}
	}
	if squares+buckets == 0 || tiles%len(columns) != 0 {
		return ""
	}
	each := tiles / len(columns)
	return fmt.Sprintf(": %d of measures, %d of squares, %d of buckets", each*len(d.Measures), each*squares, each*buckets)
}

// describePolicy says a descriptor's policy, and its price where it has one, in sentences.
func describePolicy(d catalog.Descriptor) []string {
	words := explain.Policy(d)
	if d.Price != nil {
		words = append(words, fmt.Sprintf("a query costs %s %s", d.Price.PerQuery, d.Price.Currency))
	}
	return words
}

// tooWide is a measure whose variance the policy grants and nobody will ever get: in its
// range no sum of squares fits the plaintext space, however few readings it is over.
type tooWide struct {
	Measure string `json:"measure"`
	Unit    string `json:"unit"`
	// Width is how wide its range is, and Widest how wide it may be; in its unit.
	Width  string `json:"width"`
	Widest string `json:"widest"`
}

// tooWideOf lists those of a descriptor.
func tooWideOf(d catalog.Descriptor) []tooWide {
	var out []tooWide
	for _, name := range d.TooWide() {
		m, _ := d.Measure(name)
		out = append(out, tooWide{name, m.Unit, decimal.Format(m.Max-m.Min, m.Decimals), decimal.Format(d.SquaredWidth(), m.Decimals)})
	}
	return out
}

// words say it to the publisher, with what to change.
func (w tooWide) words() string {
	return fmt.Sprintf("nobody will ever get a variance or standard deviation of %s, although the policy grants it: its range is %s %s wide, and sums of squares fit where it is at most %s wide; "+
		"declare a narrower range, a larger unit or fewer decimals, or leave var and stddev out of aggregates if no other measure needs them", w.Measure, w.Width, w.Unit, w.Widest)
}
