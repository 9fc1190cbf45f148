package state

import (
	"cmp"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/records"
)

// checkClosed refuses periods to be closed that the version does not have.
func checkClosed(d catalog.Descriptor, b catalog.VersionPropose) *catalog.Refusal {
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

// checkSettled refuses news that was found against versions that have not settled yet.
func checkSettled(c *applyContext, d catalog.Dataset, b catalog.VersionPropose) error {
	most := 0
	if !d.Descriptor.Policy.Public {
		f, err := records.Find[records.Family](c.tx, records.FamilyKey(d.Owner, d.Descriptor.Registry))
		if err != nil {
			return err
		}
		most = len(f.Settled)
	}
	if b.Settled < 0 || b.Settled > most {
		return catalog.Invalid("settled", "news.settled", b.Settled, most).WithNumber("settled", int64(most))
	}
	return nil
}

// addNews takes the declared news of sources of a protected dataset's version. The
// same chunk again changes nothing.
func addNews(c *applyContext, b catalog.VersionNews) error {
	d, v, err := c.ownVersion(b.Dataset, b.Version, catalog.VersionProposed)
	if err != nil {
		return err
	}
	c.out.ID, c.out.Version = v.Dataset, v.Version
	if v.News.IsZero() {
		return catalog.Conflict("news", "news.unannounced", v.Version, d.ID)
	}
	if r := checkNewsChunk(d.Descriptor, v, b); r != nil {
		return r
	}
	key := records.NewsKey(v.Dataset, v.Version, b.From)
	if b.From < v.NewsHeld {
		if same, err := c.holds(key, catalog.Encode(b.News)); err != nil || same {
			return err
		}
	}
	switch {
	case b.From != v.NewsHeld:
		return catalog.Conflict("chunk", "news.chunk", b.From, v.NewsHeld).WithNumber("next", int64(v.NewsHeld))
	case v.Chunks == catalog.MaxChunks:
		return catalog.Invalid("news", "news.chunks", catalog.MaxChunks)
	}
	v.NewsHeld += len(b.News)
	v.Chunks++
	return cmp.Or(records.Put(c.tx, key, b.News), c.putVersion(v))
}

// checkNewsChunk refuses a chunk that is not in canonical form, or of sources that
// the version does not close.
func checkNewsChunk(d catalog.Descriptor, v catalog.Version, b catalog.VersionNews) *catalog.Refusal {
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

// checkNews refuses to commit a version whose news is not complete, or not what was
// announced. Whether it contradicts presence is found when the version goes live.
func checkNews(c *applyContext, v catalog.Version) error {
	news, err := records.ReadNews(c.tx, v.Dataset, v.Version)
	if err != nil {
		return err
	}
	for i := 1; i < len(news); i++ {
		if !news[i].After(news[i-1]) {
			return catalog.Conflict("news", "news.late_order", i).WithNumber("next", int64(len(news)))
		}
	}
	if have := catalog.NewsDigest(news); have != v.News {
		return catalog.Conflict("digest", "news.digest", len(news), have, v.News).
			WithNumber("next", int64(len(news)))
	}
	return nil
}
