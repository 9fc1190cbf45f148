package wellformed

import (
	"cmp"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/disclosure"
)

// Version refuses the announcement of a version that its dataset cannot have.
func Version(d catalog.Descriptor, b catalog.VersionPropose) *catalog.Refusal {
	bounds := d.Grain.Bounds()
	switch {
	case b.Entities < 1:
		return catalog.Invalid("entities", "version.entities", b.Entities)
	case b.Periods < 1 || b.First < bounds.From || b.First >= bounds.To || int64(b.Periods) > bounds.To-b.First:
		return catalog.Invalid("periods", "version.periods", b.Periods, b.First)
	case b.Manifest.IsZero():
		return catalog.Invalid("manifest", "version.manifest")
	case b.Presence.IsZero():
		return catalog.Invalid("presence", "version.presence")
	case d.Policy.Public != b.Counts.IsZero():
		return catalog.Invalid("counts", "version.counts", d.Policy.Public)
	case len(b.Blocks) > b.Entities:
		return catalog.Invalid("blocks", "version.blocks", len(b.Blocks), b.Entities)
	}
	next := 0
	for i, k := range b.Blocks {
		at := fmt.Sprintf("blocks[%d]", i)
		switch {
		case k.First != next:
			return catalog.Invalid(at, "version.block_first", k.First, next)
		case k.Entities < 1 || k.Periods < 1 || k.Entities > catalog.TileCells || k.Periods > catalog.TileCells/k.Entities:
			return catalog.Invalid(at, "version.block_size", k.Entities, k.Periods, catalog.TileCells)
		}
		next += k.Entities
	}
	if next != b.Entities {
		return catalog.Invalid("blocks", "version.blocks_cover", next, b.Entities)
	}
	return cmp.Or(closed(d, b), heldCaps(d, b), b.CheckTiles(d))
}

// heldCaps refuses what is said of caps that there are not.
func heldCaps(d catalog.Descriptor, b catalog.VersionPropose) *catalog.Refusal {
	switch c := b.Caps; {
	case c == nil:
		return nil
	case len(d.Policy.Caps) == 0:
		return catalog.Invalid("caps", "version.no_caps", d.Dataset)
	case c.From < 1 || c.From > c.To:
		return catalog.Invalid("caps.from", "version.caps_from", c.From, c.To)
	}
	return nil
}

// closed refuses periods to be closed that the version does not have.
func closed(d catalog.Descriptor, b catalog.VersionPropose) *catalog.Refusal {
	switch may := b.MayClose(d); {
	case d.Policy.Public && (b.Closed != calendar.Interval{} || !b.News.IsZero()):
		return catalog.Invalid("closed", "news.public", d.Dataset)
	case b.Closed == calendar.Interval{}:
		if b.News.IsZero() {
			return nil
		}
		return catalog.Invalid("news", "news.closes_none")
	case b.Closed.From >= b.Closed.To:
		return catalog.Invalid("closed", "closed.empty", b.Closed.From, b.Closed.To)
	case b.Closed.From < may.From || b.Closed.To > may.To:
		return catalog.Invalid("closed", "closed.periods", b.Closed.From, b.Closed.To, d.Policy.Grain, may.From, may.To).
			WithNumber("from", may.From).WithNumber("to", may.To)
	}
	return nil
}

// NewsChunk refuses a chunk that is not in canonical form, or of sources that
// the version does not close.
func NewsChunk(d catalog.Descriptor, v catalog.Version, b catalog.VersionNews) *catalog.Refusal {
	columns, size := len(disclosure.Columns(d)), 0
	for i, n := range b.News {
		at := fmt.Sprintf("news[%d]", i)
		switch {
		case n.Column < 0 || n.Column >= columns:
			return catalog.Invalid(at+".column", "news.column", n.Column, columns)
		case n.Period < v.Closed.From || n.Period >= v.Closed.To:
			return catalog.Invalid(at+".period", "news.period", n.Period, v.Closed.From, v.Closed.To)
		case i > 0 && !n.After(b.News[i-1]):
			return catalog.Invalid(at, "news.order")
		}
		if r := n.Check(at, v.Entities, v.Version); r != nil {
			return r
		}
		size += n.Size()
	}
	if len(b.News) == 0 || size > catalog.MaxChunk {
		return catalog.Invalid("news", "news.size", len(b.News), size, catalog.MaxChunk)
	}
	return nil
}
