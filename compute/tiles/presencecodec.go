package tiles

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/bits-and-blooms/bitset"
)

// ErrPresence is returned for a presence that is malformed, or not of the size
// that was expected.
var ErrPresence = errors.New("bad presence")

// The encoding: a version byte; the numbers of measures, entities and periods
// as 32-bit little-endian integers; one DEFLATE stream (RFC 1951) of the
// measures' bits, ⌈entities·periods/8⌉ bytes each, bit i in byte i/8, lowest
// first, unused bits zero.
const (
	presenceVersion = 1
	presenceHeader  = 1 + 3*4
	// DEFLATE cannot expand its input by more: a match of 258 bytes takes at
	// least two bits. A stream that claims more is refused before anything is
	// allocated for it.
	maxInflation = 1032
)

// EncodePresence returns the bytes of the presence blob.
func EncodePresence(p *Presence) ([]byte, error) {
	out := bytes.NewBuffer([]byte{presenceVersion})
	for _, n := range []int{len(p.measures), p.entities, p.periods} {
		out.Write(binary.LittleEndian.AppendUint32(nil, uint32(n))) // #nosec G115 -- checkCells bounds each
	}
	w, err := flate.NewWriter(out, flate.DefaultCompression)
	if err != nil {
		return nil, fmt.Errorf("compress presence: %w", err)
	}
	size := bitBytes(p.entities, p.periods)
	raw := make([]byte, 0, size+8)
	for _, s := range p.measures {
		raw = raw[:0]
		for _, word := range s.Words() {
			raw = binary.LittleEndian.AppendUint64(raw, word)
		}
		if _, err := w.Write(raw[:size]); err != nil {
			return nil, fmt.Errorf("compress presence: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress presence: %w", err)
	}
	return out.Bytes(), nil
}

// DecodePresence reads the presence of a panel of the given size, which comes
// from the ledger and not from the blob. It refuses anything else, and
// allocates nothing before the size is known to be possible.
func DecodePresence(b []byte, measures, entities, periods int) (*Presence, error) {
	if err := checkCells(measures, entities, periods); err != nil {
		return nil, err
	}
	if len(b) < presenceHeader {
		return nil, fmt.Errorf("%w: %d bytes", ErrPresence, len(b))
	}
	if b[0] != presenceVersion {
		return nil, fmt.Errorf("%w: version %d, want %d", ErrPresence, b[0], presenceVersion)
	}
	for i, want := range []int{measures, entities, periods} {
		if got := binary.LittleEndian.Uint32(b[1+4*i:]); int64(got) != int64(want) {
			return nil, fmt.Errorf("%w: %d %s, want %d", ErrPresence, got,
				[]string{"measures", "entities", "periods"}[i], want)
		}
	}
	size := bitBytes(entities, periods)
	if body := len(b) - presenceHeader; int64(size)*int64(measures) > maxInflation*int64(body) {
		return nil, fmt.Errorf("%w: %d bytes cannot hold %d × %d", ErrPresence, body, measures, size)
	}
	in := bytes.NewReader(b[presenceHeader:]) // an io.ByteReader: flate does not read past its end
	r := flate.NewReader(in)
	raw := make([]byte, (size+7)&^7)
	sets := make([]*bitset.BitSet, measures)
	for i := range sets {
		s, err := readBits(r, raw, size, uint(entities)*uint(periods))
		if err != nil {
			return nil, fmt.Errorf("measure %d: %w", i, err)
		}
		sets[i] = s
	}
	if n, err := r.Read(raw[:1]); n != 0 || !errors.Is(err, io.EOF) || in.Len() != 0 {
		return nil, fmt.Errorf("%w: bytes after the last measure", ErrPresence)
	}
	return presenceOf(sets, entities, periods), nil
}

func readBits(r io.Reader, raw []byte, size int, cells uint) (*bitset.BitSet, error) {
	if _, err := io.ReadFull(r, raw[:size]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPresence, err)
	}
	if used := cells % 8; used != 0 && raw[size-1]>>used != 0 {
		return nil, fmt.Errorf("%w: bits beyond the last cell", ErrPresence)
	}
	s := bitset.MustNew(cells)
	for w := range s.Words() {
		s.Words()[w] = binary.LittleEndian.Uint64(raw[8*w:])
	}
	return s, nil
}

// bitBytes is the number of bytes that a measure's bits take.
func bitBytes(entities, periods int) int { return (entities*periods + 7) / 8 }
