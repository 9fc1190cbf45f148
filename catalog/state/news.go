package state

import (
	"cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/wellformed"
)

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
	if r := wellformed.NewsChunk(d.Descriptor, v, b); r != nil {
		return r
	}
	key := records.NewsKey(v.Dataset, v.Version, b.From)
	if b.From < v.NewsHeld {
		if same, err := holds(c.tx, key, catalog.Encode(b.News)); err != nil || same {
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
