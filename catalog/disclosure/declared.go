package disclosure

import (
	"encoding/binary"

	"github.com/weirdata/weir/catalog"
)

// ReadBits is the set whose bitmap has bit e of byte e/8, lowest first, for entity e.
func ReadBits(b []byte) Bits {
	out := make(Bits, (len(b)+7)/8)
	for i := range out {
		var word [8]byte
		copy(word[:], b[8*i:])
		out[i] = binary.LittleEndian.Uint64(word[:])
	}
	return out
}

// Bytes is the bitmap of the set for so many entities, as ReadBits reads it.
func (b Bits) Bytes(entities int) []byte {
	out := make([]byte, (entities+7)/8)
	for i := range out {
		out[i] = byte(b.word(i/8) >> (i % 8 * 8))
	}
	return out
}

// ReadNews are declared sources as the ledger carries them, in memory.
func ReadNews(list []catalog.SourceNews) []SourceNews {
	out := make([]SourceNews, len(list))
	for i, n := range list {
		out[i] = SourceNews{Column: n.Column, Period: n.Period, News: ReadBits(n.News)}
		for _, q := range n.Equal {
			out[i].Equal = append(out[i].Equal, EqualClasses(q))
		}
	}
	return out
}
