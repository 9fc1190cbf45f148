package news

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/bits-and-blooms/bitset"

	"github.com/weirdata/weir/compute/spill"
)

// ErrRecord is returned for bytes that are no record.
var ErrRecord = errors.New("no record of a version")

// recordVersion is the first byte of a record.
const recordVersion = 1

// maxName bounds the bytes of a measure's name and unit.
const maxName = 1024

// Write writes the version of the format; version, entities, periods and unknown periods
// as uvarints; the first period as a varint; the number of columns; and for each the
// name, the unit, decimals and middle, the presence bits lowest first in ⌈cells/8⌉
// bytes, and as varints the readings of the present cells in order, each less the one
// before. No more than a part of a column is in memory at a time.
func (r *Record) Write(to io.Writer) error {
	out := bufio.NewWriter(to)
	b := []byte{recordVersion}
	for _, n := range []int{r.Version, r.Entities, r.Periods, r.Unknown} {
		b = binary.AppendUvarint(b, uint64(n)) //nolint:gosec // not negative
	}
	b = binary.AppendVarint(b, r.First)
	b = binary.AppendUvarint(b, uint64(len(r.Columns)))
	for i := range r.Columns {
		if _, err := out.Write(r.Columns[i].appendHead(b)); err != nil {
			return err
		}
		b = b[:0]
		if err := r.Columns[i].write(out, r.Entities*r.Periods); err != nil {
			return err
		}
	}
	return out.Flush()
}

func (c *Column) appendHead(b []byte) []byte {
	for _, s := range []string{c.Measure, c.Unit} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	b = binary.AppendUvarint(b, uint64(c.Decimals)) //nolint:gosec // 0 to 9
	return binary.AppendVarint(b, c.Mid)
}

// write writes presence and readings of so many cells.
func (c *Column) write(out *bufio.Writer, cells int) error {
	var word [8]byte
	for i, w := range c.Present.Words() {
		binary.LittleEndian.PutUint64(word[:], w)
		if _, err := out.Write(word[:min(8, (cells+7)/8-8*i)]); err != nil {
			return err
		}
	}
	var b [binary.MaxVarintLen64]byte
	last, at := int64(0), uint(0)
	return c.Values.Each(func(part []int64) error {
		for _, v := range part {
			if c.Present.Test(at) {
				if _, err := out.Write(b[:binary.PutVarint(b[:], v-last)]); err != nil {
					return err
				}
				last = v
			}
			at++
		}
		return nil
	})
}

// recordReader reads what Write wrote.
type recordReader struct {
	in    *bufio.Reader
	store *spill.Store
	err   error
}

func (d *recordReader) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrRecord, what)
	}
}

// failed notes an error of reading.
func (d *recordReader) failed(err error) {
	switch {
	case d.err != nil:
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		d.fail("it ends early")
	default:
		d.err = fmt.Errorf("read a record: %w", err)
	}
}

// take reads so many bytes. What it allocates grows with what there is.
func (d *recordReader) take(n int) []byte {
	if d.err != nil {
		return nil
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, d.in, int64(n)); err != nil {
		d.failed(err)
		return nil
	}
	return b.Bytes()
}

// number reads a number's bytes, in its shortest form.
func (d *recordReader) number() uint64 {
	var v uint64
	for i := 0; d.err == nil; i++ {
		b, err := d.in.ReadByte()
		switch {
		case err != nil:
			d.failed(err)
		case i == binary.MaxVarintLen64-1 && b > 1, i > 0 && b == 0:
			d.fail("a number is wrong")
		case b < 0x80:
			return v | uint64(b)<<(7*i)
		}
		v |= uint64(b&0x7f) << (7 * i)
	}
	return 0
}

// uvarint reads a number of at most limit.
func (d *recordReader) uvarint(limit uint64) int {
	v := d.number()
	if v > limit {
		d.fail("a number is wrong")
		return 0
	}
	return int(v) //nolint:gosec // at most limit
}

func (d *recordReader) varint() int64 {
	v := d.number()
	return int64(v>>1) ^ -int64(v&1) //nolint:gosec // the encoding of package binary
}

// ReadRecord reads what Write wrote, and nothing else. The readings are kept in the store.
// Errors: ErrRecord, or of the reader and the store.
func ReadRecord(in io.Reader, store *spill.Store) (*Record, error) {
	const most = 1 << 31
	d := &recordReader{in: bufio.NewReader(in), store: store}
	if first := d.take(1); len(first) == 1 && first[0] != recordVersion {
		d.fail(fmt.Sprintf("format %d", first[0]))
	}
	r := &Record{Version: d.uvarint(most), Entities: d.uvarint(most), Periods: d.uvarint(most), Unknown: d.uvarint(most), First: d.varint()}
	columns := d.uvarint(most)
	if d.err != nil {
		return nil, d.err
	}
	r.Columns = make([]Column, min(columns, 1<<10))
	if err := r.check(); err != nil {
		return nil, err
	}
	if len(r.Columns) != columns {
		return nil, fmt.Errorf("%w: %d measures", ErrRecord, columns)
	}
	for i := range r.Columns {
		r.Columns[i] = d.column(r.Entities * r.Periods)
		if d.err != nil {
			return nil, d.err
		}
		if at, some := r.Columns[i].Present.NextSet(0); some && at < uint(r.Unknown*r.Entities) { //nolint:gosec // not negative
			return nil, fmt.Errorf("%w: a reading in a period that it does not know", ErrRecord)
		}
	}
	switch _, err := d.in.ReadByte(); {
	case err == nil:
		return nil, fmt.Errorf("%w: something follows it", ErrRecord)
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("read a record: %w", err)
	}
	return r, nil
}

// column reads a column of so many cells.
func (d *recordReader) column(cells int) Column {
	c := Column{Measure: string(d.take(d.uvarint(maxName))), Unit: string(d.take(d.uvarint(maxName))), Decimals: d.uvarint(9), Mid: d.varint()}
	raw := d.take((cells + 7) / 8)
	if d.err != nil {
		return c
	}
	if spare := 8*len(raw) - cells; spare > 0 && raw[len(raw)-1]>>(8-spare) != 0 {
		d.fail("a bit behind the last cell is set")
		return c
	}
	padded := append(raw, make([]byte, -len(raw)&7)...)
	words := make([]uint64, 0, len(padded)/8)
	for word := range slices.Chunk(padded, 8) {
		words = append(words, binary.LittleEndian.Uint64(word))
	}
	c.Present = bitset.FromWithLength(uint(cells), words) //nolint:gosec // not negative
	w, last := d.store.Writer(), int64(0)
	for at := uint(0); at < uint(cells) && d.err == nil; at++ { //nolint:gosec // as above
		v := int64(0)
		if c.Present.Test(at) {
			last += d.varint()
			v = last
		}
		if err := w.Append(v); err != nil {
			d.failed(err)
		}
	}
	list, err := w.Done()
	if err != nil {
		d.failed(err)
	}
	c.Values = list
	return c
}
