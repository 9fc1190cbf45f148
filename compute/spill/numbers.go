package spill

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// blockLen is how many numbers a block has: as many as a tile has cells, about.
const blockLen = 8192

// Numbers is a list of numbers that is complete.
type Numbers struct {
	store  *Store
	blocks []block // all of blockLen numbers but the last one
	n      int
}

// Len is how many numbers the list has.
func (n *Numbers) Len() int { return n.n }

// Read copies the numbers from an index on into a slice, which it fills.
func (n *Numbers) Read(from int, into []int64) error {
	if from < 0 || from+len(into) > n.n {
		return fmt.Errorf("read numbers %d to %d of %d", from, from+len(into), n.n)
	}
	var scratch []byte
	for len(into) > 0 {
		before := from % blockLen
		count := min(blockLen-before, len(into))
		b := n.blocks[from/blockLen]
		if b.bytes == nil && cap(scratch) < b.size {
			scratch = make([]byte, max(b.size, blockLen*2))
		}
		encoded, err := n.store.get(b, scratch)
		if err != nil {
			return err
		}
		if err := decode(encoded, before, into[:count]); err != nil {
			return err
		}
		from, into = from+count, into[count:]
	}
	return nil
}

// Each calls fn with all numbers in order, in parts that are fn's only until it returns.
func (n *Numbers) Each(fn func([]int64) error) error {
	part := make([]int64, min(blockLen, n.n))
	for from := 0; from < n.n; from += blockLen {
		p := part[:min(blockLen, n.n-from)]
		if err := n.Read(from, p); err != nil {
			return err
		}
		if err := fn(p); err != nil {
			return err
		}
	}
	return nil
}

// skip passes over so many numbers: each ends with the first byte below 0x80. Who reads a
// list in lines that are shorter than a block passes over most of a block for each of them.
func skip(b []byte, n int) []byte {
	const high = 0x8080808080808080
	for n >= 8 && len(b) >= 8 { // in which at most eight end; all the eight only where the last byte ends one
		n -= bits.OnesCount64(^binary.LittleEndian.Uint64(b) & high)
		b = b[8:]
	}
	for ; n > 0; n-- {
		at := 0
		for at < len(b) && b[at] >= 0x80 {
			at++
		}
		b = b[min(at+1, len(b)):]
	}
	return b
}

// decode passes over so many numbers of a block and reads as many as into has.
func decode(b []byte, before int, into []int64) error {
	b = skip(b, before)
	for i := range into {
		v, size := binary.Varint(b)
		if size <= 0 {
			return ErrDamaged
		}
		into[i], b = v, b[size:]
	}
	return nil
}

// Writer makes a list. It is used by one goroutine.
type Writer struct {
	to      Numbers
	pending []byte // encoded numbers of the block that is being made
	count   int    // of them
}

// Writer begins a list.
func (s *Store) Writer() *Writer { return &Writer{to: Numbers{store: s}} }

// Append adds a number to the end.
func (w *Writer) Append(v int64) error {
	w.pending = binary.AppendVarint(w.pending, v)
	if w.count++; w.count < blockLen {
		return nil
	}
	return w.flush()
}

// AppendAll adds numbers to the end.
func (w *Writer) AppendAll(values []int64) error {
	for _, v := range values {
		if err := w.Append(v); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) flush() error {
	if w.count == 0 {
		return nil
	}
	b, err := w.to.store.put(w.pending)
	if err != nil {
		return err
	}
	w.to.blocks = append(w.to.blocks, b)
	w.to.n += w.count
	w.pending, w.count = w.pending[:0], 0
	return nil
}

// Done ends the list; the writer must not be used any more.
func (w *Writer) Done() (*Numbers, error) {
	if err := w.flush(); err != nil {
		return nil, err
	}
	w.pending = nil
	return &w.to, nil
}
