package evidence

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

const (
	extraVersion  = 1
	shownVoid     = 1 << 0
	shownWithheld = 1 << 1
)

// extra encodes what Marshal's comment says.
func (r Receipt) extra() ([]byte, error) {
	hashes, at := r.table()
	long := slices.ContainsFunc(r.Entries, func(e Proven) bool { return len(e.Path) > 64 })
	if long || len(hashes) > maxTable { // no tree asks for that
		return nil, errors.New("write a receipt: too many hashes")
	}
	b := append([]byte{extraVersion, byte(len(r.Key))}, r.Key...)
	others := hashes[len(r.Entries[0].Path):]
	b = binary.BigEndian.AppendUint16(b, uint16(len(others))) // bounded by maxTable
	for _, h := range others {
		b = append(b, h[:]...)
	}
	b = append(b, byte(len(r.Entries)))
	for i, e := range r.Entries {
		if len(e.Shown.Entry) > MaxRecordBytes || len(e.Shown.Outcome) > MaxRecordBytes {
			return nil, fmt.Errorf("write a receipt: entry %d is larger than %d bytes", e.Index, MaxRecordBytes)
		}
		b = appendShown(b, e.Shown)
		if i == 0 {
			continue
		}
		b = binary.BigEndian.AppendUint64(b, e.Index)
		b = append(b, byte(len(e.Path)))
		for _, h := range e.Path {
			b = binary.BigEndian.AppendUint16(b, uint16(at[h]))
		}
	}
	return b, nil
}

func appendShown(b []byte, s Shown) []byte {
	var f byte
	if s.Void {
		f |= shownVoid
	}
	if s.Withheld {
		b = append(append(b, f|shownWithheld), s.Digest[:]...)
	} else {
		b = binary.BigEndian.AppendUint32(append(b, f), uint32(len(s.Entry)))
		b = append(b, s.Entry...)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(s.Outcome)))
	return append(b, s.Outcome...)
}

// cursor reads from bytes; after the first failure it reads zeros.
type cursor struct {
	rest []byte
	bad  bool
}

func (c *cursor) take(n uint64) []byte {
	if n > uint64(len(c.rest)) {
		c.bad, c.rest = true, nil
		return nil
	}
	b := c.rest[:n:n]
	c.rest = c.rest[n:]
	return b
}

// number reads a big-endian number of so many bytes.
func (c *cursor) number(bytes uint64) uint64 {
	var n uint64
	for _, b := range c.take(bytes) {
		n = n<<8 | uint64(b)
	}
	return n
}

func (c *cursor) shown() Shown {
	f := c.number(1)
	s := Shown{Void: f&shownVoid != 0, Withheld: f&shownWithheld != 0}
	if s.Withheld {
		copy(s.Digest[:], c.take(sha256.Size))
	} else {
		s.Entry = c.take(c.number(4))
		s.Digest = sha256.Sum256(s.Entry)
	}
	s.Outcome = c.take(c.number(4))
	c.bad = c.bad || f > shownVoid|shownWithheld || s.Void && len(s.Outcome) > 0
	return s
}

// readExtra decodes extra into the receipt, beside the first entry's index and
// path. Parse's comparison refuses the forms that extra would not write.
func (r *Receipt) readExtra(b []byte, index uint64, path Proof) error {
	c := &cursor{rest: b}
	if v := c.number(1); v != extraVersion {
		return fmt.Errorf("%w: version %d, known is %d", ErrMalformed, v, extraVersion)
	}
	r.Key = c.take(c.number(1))
	hashes := append([]Hash(nil), path...)
	for n := c.number(2); n > 0 && !c.bad; n-- {
		var h Hash
		copy(h[:], c.take(uint64(len(h))))
		hashes = append(hashes, h)
	}
	entries := c.number(1)
	for i := uint64(0); i < entries && !c.bad; i++ {
		p := Proven{Index: index, Shown: c.shown(), Path: path}
		if i > 0 {
			p.Index, p.Path = c.number(8), nil
			for n := c.number(1); n > 0 && !c.bad; n-- {
				at := c.number(2)
				if at >= uint64(len(hashes)) {
					return fmt.Errorf("%w: it refers to hash %d of %d", ErrMalformed, at, len(hashes))
				}
				p.Path = append(p.Path, hashes[at])
			}
		}
		r.Entries = append(r.Entries, p)
	}
	if c.bad || len(c.rest) > 0 || index > math.MaxInt64 {
		return fmt.Errorf("%w: it ends too early, or goes on", ErrMalformed)
	}
	return nil
}
