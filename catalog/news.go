package catalog

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/weirdata/weir/catalog/calendar"
)

// VersionNews carries what a version declares of its sources beside presence, in
// ascending order of (Column, Period); of sources that do not occur nothing is
// declared (RELEASE.md section 2.4). From counts the sources that came before. A chunk's
// bitmaps and classes are at most MaxChunk bytes, a class counting as four.
type VersionNews struct {
	Dataset string       `json:"dataset"`
	Version int          `json:"version"`
	From    int          `json:"from"`
	News    []SourceNews `json:"news"`
}

// SourceNews is what a version declares of one source. Of a first source, in which
// who counts has news, nothing is declared.
type SourceNews struct {
	Column int   `json:"column"` // index of the descriptor's columns: plain measures, then policy.moments
	Period int64 `json:"period"` // of the policy's grain, one that the version closes
	// News is the bitmap of the entities with news: bit e of byte e/8, lowest first,
	// ⌈entities/8⌉ bytes; empty: nobody.
	News  []byte         `json:"news,omitempty"`
	Equal []EqualClasses `json:"equal,omitempty"` // ascending by version
}

// EqualClasses are classes all of whose cells of a source equal those of an earlier
// version.
type EqualClasses struct {
	Version int     `json:"version"`
	Classes []int32 `json:"classes"` // ascending
}

// Size is what a source's news counts for of MaxChunk.
func (n SourceNews) Size() int {
	size := len(n.News)
	for _, q := range n.Equal {
		size += 4 * len(q.Classes)
	}
	return size
}

// After reports whether the source comes after another one in a version's news.
func (n SourceNews) After(other SourceNews) bool {
	return n.Column > other.Column || n.Column == other.Column && n.Period > other.Period
}

// Check refuses news that is not in canonical form, of a version of so many entities
// that is to be the dataset's version number version. Whether it contradicts presence
// is not its business.
func (n SourceNews) Check(at string, entities, version int) *Refusal {
	if len(n.News) > 0 {
		size := (entities + 7) / 8
		switch spare := 8*size - entities; {
		case len(n.News) != size:
			return Invalid(at+".news", "news.bitmap_size", len(n.News), size, entities)
		case n.News[size-1]>>(8-spare) != 0:
			return Invalid(at+".news", "counts.spare_bit")
		case len(bytes.Trim(n.News, "\x00")) == 0:
			return Invalid(at+".news", "news.no_bit")
		}
	}
	if len(n.News) == 0 && len(n.Equal) == 0 {
		return Invalid(at, "news.nothing")
	}
	last := 0
	for i, q := range n.Equal {
		field := fmt.Sprintf("%s.equal[%d]", at, i)
		if q.Version <= last || q.Version >= version || len(q.Classes) == 0 {
			return Invalid(field, "news.equal_versions", version)
		}
		last = q.Version
		for k, c := range q.Classes {
			if c < 0 || int(c) >= entities || k > 0 && c <= q.Classes[k-1] {
				return Invalid(field, "news.equal_classes", c)
			}
		}
	}
	return nil
}

// NewsDigest is the digest of all that a version declares, VersionPropose.News:
// SHA-256 over a label and, per source, its numbers, its bitmap with its length, and
// the classes by version with theirs. Of no source it is the zero digest.
func NewsDigest(news []SourceNews) Digest {
	if len(news) == 0 {
		return Digest{}
	}
	h := sha256.New()
	b := []byte("weir news v1\n")
	for _, n := range news {
		b = binary.AppendVarint(b, int64(n.Column))
		b = binary.AppendVarint(b, n.Period)
		b = binary.AppendVarint(b, int64(len(n.News)))
		b = append(b, n.News...)
		b = binary.AppendVarint(b, int64(len(n.Equal)))
		for _, q := range n.Equal {
			b = binary.AppendVarint(b, int64(q.Version))
			b = binary.AppendVarint(b, int64(len(q.Classes)))
			for _, c := range q.Classes {
				b = binary.AppendVarint(b, int64(c))
			}
		}
		h.Write(b)
		b = b[:0]
	}
	return Digest(h.Sum(nil))
}

// newsFrame is more than the JSON of a VersionNews without its sources.
const newsFrame = 512

// NewsChunks cuts a version's news into entries of the log, each at most MaxChunk
// bytes of JSON where a single source is no more.
func NewsChunks(dataset string, version int, news []SourceNews) []VersionNews {
	var out []VersionNews
	size := 0
	for i, n := range news {
		more := len(Encode(n)) + 1
		if len(out) == 0 || size+more > MaxChunk {
			out = append(out, VersionNews{Dataset: dataset, Version: version, From: i})
			size = newsFrame
		}
		last := &out[len(out)-1]
		last.News = append(last.News, n)
		size += more
	}
	return out
}

// PolicyPeriods are the periods of the policy's grain that a version touches.
func (b VersionPropose) PolicyPeriods(d Descriptor) calendar.Interval {
	last := b.First + int64(b.Periods) - 1
	return calendar.Interval{From: d.Grain.In(b.First, d.Policy.Grain), To: d.Grain.In(last, d.Policy.Grain) + 1}
}

// MayClose are the periods of the policy's grain that a version may close: those that
// it has wholly, and the first, which is whole as far as the dataset has it where
// the dataset begins in the middle. A version that ends in the middle of a period
// cannot close it: a month is not settled by its first days.
func (b VersionPropose) MayClose(d Descriptor) calendar.Interval {
	all := b.PolicyPeriods(d)
	if d.Policy.Grain.Span(all.To-1, d.Grain).To > b.First+int64(b.Periods) {
		all.To--
	}
	if all.From == all.To {
		return calendar.Interval{}
	}
	return all
}
