package statetest

import (
	"crypto/ed25519"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/disclosure"
)

// SignReady is a node's signature under a ready statement.
func SignReady(key ed25519.PrivateKey, statement []byte) []byte {
	return ed25519.Sign(key, append([]byte(attest.ReadyContext), statement...))
}

// WriteNews are declared sources of a version of so many entities as the ledger
// carries them. Of a source without news and without equal classes there is nothing.
func WriteNews(list []disclosure.SourceNews, entities int) []catalog.SourceNews {
	var out []catalog.SourceNews
	for _, n := range list {
		to := catalog.SourceNews{Column: n.Column, Period: n.Period}
		if n.News.Count() > 0 {
			to.News = n.News.Bytes(entities)
		}
		for _, q := range n.Equal {
			if len(q.Classes) > 0 {
				to.Equal = append(to.Equal, catalog.EqualClasses(q))
			}
		}
		if len(to.News) > 0 || len(to.Equal) > 0 {
			out = append(out, to)
		}
	}
	return out
}
