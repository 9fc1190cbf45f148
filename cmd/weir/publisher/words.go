package publisher

import (
	"fmt"
	"strings"

	"github.com/weirdata/weir/catalog"
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
