package tiles

import (
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/tables"
)

// maxChunk bounds the JSON of one catalog.VersionCounts, DATA_MODEL.md section 3.2.
const maxChunk = 256 << 10

// chunkFrame is more than the JSON of a VersionCounts without its bitmaps: two
// names of at most 64 characters and three numbers.
const chunkFrame = 512

// ErrCounts is returned when counting bitmaps cannot be made or sent.
var ErrCounts = errors.New("cannot make counting bitmaps")

// Counts are a version's counting bitmaps (RELEASE.md section 0.4): which entities
// count in which period of the policy's grain. Publisher and nodes compute them
// from the same presence by Presence.Counts and compare Digest.
type Counts struct {
	Dataset  string
	Entities int
	First    int64      // period of the policy's grain
	Measures []string   // Descriptor.Counted
	Bitmaps  [][][]byte // [measure][period]: bit e of byte e/8, lowest first, ⌈entities/8⌉ bytes
	// Present are likewise the entities with a cell at all; nil where the policy's
	// grain is the dataset's and the two are the same, and of pairs of measures.
	Present [][][]byte
}

// Counts computes the counting bitmaps of a version whose first period, in the
// dataset's grain, is first. An entity counts in a period of the policy's grain
// when it is present in at least half of those of the version's periods that
// lie in it; periods beyond the version's ends are not missed. It is present when
// it has a cell in any of them.
func (p *Presence) Counts(d catalog.Descriptor, first int64) (Counts, error) {
	grain, policy := d.Grain, d.Policy.Grain
	if len(d.Measures) != len(p.measures) {
		return Counts{}, fmt.Errorf("%w: presence of %d measures, the descriptor has %d", ErrCounts, len(p.measures), len(d.Measures))
	}
	if !grain.Valid() || !policy.Valid() || !grain.Nests(policy) {
		return Counts{}, fmt.Errorf("%w: grain %q of a dataset by %q", ErrCounts, policy, grain)
	}
	bounds := grain.Bounds()
	if first < bounds.From || first > bounds.To-int64(p.periods) {
		return Counts{}, fmt.Errorf("%w: %d periods from %d leave the calendar", ErrCounts, p.periods, first)
	}
	c := Counts{Dataset: d.Dataset, Entities: p.entities, First: grain.In(first, policy)}
	last := grain.In(first+int64(p.periods)-1, policy)
	present := make([]int32, p.entities)
	for m, measure := range d.Measures {
		bitmaps := make([][]byte, 0, last-c.First+1)
		var some [][]byte
		for g := c.First; g <= last; g++ {
			from, to := p.within(policy.Span(g, grain), first)
			clear(present)
			p.CountEntities(m, from, to, present)
			bitmap, touched := make([]byte, (p.entities+7)/8), make([]byte, (p.entities+7)/8)
			for e, n := range present {
				if n > 0 {
					touched[e/8] |= 1 << (e % 8)
				}
				if 2*int(n) >= to-from {
					bitmap[e/8] |= 1 << (e % 8)
				}
			}
			bitmaps = append(bitmaps, bitmap)
			some = append(some, touched)
		}
		if policy != grain {
			c.Present = append(c.Present, some)
		}
		c.Measures = append(c.Measures, measure.Name)
		c.Bitmaps = append(c.Bitmaps, bitmaps)
	}
	p.countPairs(d, &c, last, first)
	return c, nil
}

// countPairs adds, for the pairs of measures of which products may be released, who has
// a cell of exactly one of the two somewhere in a period of the policy's grain.
func (p *Presence) countPairs(d catalog.Descriptor, c *Counts, last, first int64) {
	counted := d.Counted()
	for _, pair := range d.Policy.Moments {
		name := d.PairName(pair[0], pair[1])
		if !slices.Contains(counted, name) || slices.Contains(c.Measures, name) {
			continue
		}
		var bitmaps [][]byte
		for g := c.First; g <= last; g++ {
			from, to := p.within(d.Policy.Grain.Span(g, d.Grain), first)
			bitmaps = append(bitmaps, p.unpaired(d.MeasureIndex(pair[0]), d.MeasureIndex(pair[1]), from, to))
		}
		c.Measures, c.Bitmaps, c.Present = append(c.Measures, name), append(c.Bitmaps, bitmaps), append(c.Present, nil)
	}
}

// within is the half-open range of the version's periods, whose first is first, in a span.
func (p *Presence) within(span calendar.Interval, first int64) (from, to int) {
	return int(max(span.From-first, 0)), int(min(span.To-first, int64(p.periods)))
}

// unpaired is the bitmap of the entities that have a cell of exactly one of two measures
// in one of the periods [from, to).
func (p *Presence) unpaired(a, b, from, to int) []byte {
	out, odd := make([]byte, (p.entities+7)/8), make([]byte, (p.entities+7)/8)
	for at := from; at < to; at++ {
		clear(odd)
		for _, m := range [2]int{a, b} {
			p.eachPresent(m, at, at+1, func(e int) { odd[e/8] ^= 1 << (e % 8) })
		}
		for i, x := range odd {
			out[i] |= x
		}
	}
	return out
}

// Digest is what VersionPropose.Counts carries.
func (c Counts) Digest() catalog.Digest {
	return tables.CountsDigest(c.Entities, c.First, c.Measures, c.Bitmaps, c.Present)
}

// Chunks cuts the bitmaps into entries of the log, each at most 256 kB of
// JSON, measure by measure and in ascending periods.
func (c Counts) Chunks(version int) ([]catalog.VersionCounts, error) {
	size := ((c.Entities+7)/8+2)/3*4 + len(`"",`) // base64
	if c.Present != nil {
		size *= 2
	}
	each := (maxChunk - chunkFrame) / size
	if each < 1 {
		return nil, fmt.Errorf("%w: a bitmap of %d entities is longer than %d bytes", ErrCounts, c.Entities, maxChunk)
	}
	var chunks []catalog.VersionCounts
	for m, bitmaps := range c.Bitmaps {
		for from := 0; from < len(bitmaps); from += each {
			to := min(from+each, len(bitmaps))
			chunk := catalog.VersionCounts{
				Dataset: c.Dataset,
				Version: version,
				Measure: c.Measures[m],
				From:    c.First + int64(from),
				Bitmaps: bitmaps[from:to],
			}
			if m < len(c.Present) && c.Present[m] != nil {
				chunk.Present = c.Present[m][from:to]
			}
			chunks = append(chunks, chunk)
		}
	}
	return chunks, nil
}
