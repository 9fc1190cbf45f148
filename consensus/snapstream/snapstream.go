// Package snapstream writes and reads the stream of a snapshot of the state.
//
// A stream is
//
//	"WEIRSNAP" ‖ version (1) ‖ applied index (8, big endian) ‖ next seq (8)
//	{ len(key) (uvarint, ≥ 1) ‖ len(value) (uvarint) ‖ key ‖ value } in ascending order of keys
//	0 (uvarint) ‖ number of pairs (8) ‖ SHA-256 of everything before it (32)
//
// so that a reader needs memory for one pair, and notices anything that is
// damaged, missing or behind the end.
package snapstream

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
)

const (
	magic   = "WEIRSNAP"
	version = 1
)

// Bounds of a pair, in bytes.
const (
	MaxKey   = 1 + 32<<10
	MaxValue = 16 << 20
)

// ErrCorrupt is returned for a stream that is damaged, truncated or not one.
var ErrCorrupt = errors.New("corrupt snapshot")

// Position is how far a state has come.
type Position struct {
	// Applied is the index of the last log entry of raft that is part of it.
	Applied uint64
	// NextSeq is the number of commands applied, the size of the evidence log.
	NextSeq uint64
}

// Writer writes a stream: pairs, then the end.
type Writer struct {
	out   *bufio.Writer
	sum   hash.Hash
	count uint64
	bytes uint64
	last  []byte
}

// NewWriter begins a stream.
func NewWriter(w io.Writer, p Position) (*Writer, error) {
	s := &Writer{out: bufio.NewWriterSize(w, 256<<10), sum: sha256.New()}
	head := append([]byte(magic), version)
	head = binary.BigEndian.AppendUint64(head, p.Applied)
	head = binary.BigEndian.AppendUint64(head, p.NextSeq)
	return s, s.write(head)
}

func (s *Writer) write(b []byte) error {
	s.sum.Write(b)
	s.bytes += uint64(len(b))
	if _, err := s.out.Write(b); err != nil {
		return fmt.Errorf("write the snapshot: %w", err)
	}
	return nil
}

// Pair writes one pair. Keys ascend.
func (s *Writer) Pair(key, value []byte) error {
	if len(key) == 0 || len(key) > MaxKey || len(value) > MaxValue {
		return fmt.Errorf("a key of %d bytes with a value of %d does not belong into a snapshot", len(key), len(value))
	}
	if bytes.Compare(key, s.last) <= 0 {
		return errors.New("keys for a snapshot out of order")
	}
	s.last = append(s.last[:0], key...)
	var lengths [2 * binary.MaxVarintLen64]byte
	b := binary.AppendUvarint(lengths[:0], uint64(len(key)))
	b = binary.AppendUvarint(b, uint64(len(value)))
	for _, part := range [][]byte{b, key, value} {
		if err := s.write(part); err != nil {
			return err
		}
	}
	s.count++
	return nil
}

// Finish writes the trailer and returns the length of the stream.
func (s *Writer) Finish() (uint64, error) {
	if err := s.write(binary.BigEndian.AppendUint64([]byte{0}, s.count)); err != nil {
		return 0, err
	}
	if err := s.write(s.sum.Sum(nil)); err != nil {
		return 0, err
	}
	if err := s.out.Flush(); err != nil {
		return 0, fmt.Errorf("write the snapshot: %w", err)
	}
	return s.bytes, nil
}

// reader reads a stream and sums what it reads.
type reader struct {
	in  *bufio.Reader
	sum hash.Hash
}

// Read calls fn for every pair and returns the stream's position. What
// fn saw counts only when the error is nil: the sum comes last. The slices are
// valid during the call alone. Damage is [ErrCorrupt].
func Read(r io.Reader, fn func(key, value []byte) error) (Position, error) {
	return ReadFrom(r, func(Position) error { return nil }, fn)
}

// ReadFrom is Read that tells begin the position before the first pair, of which nothing counts
// either until the end.
func ReadFrom(r io.Reader, begin func(Position) error, fn func(key, value []byte) error) (Position, error) {
	s := &reader{in: bufio.NewReaderSize(r, 256<<10), sum: sha256.New()}
	p, err := s.header()
	if err == nil {
		err = begin(p)
	}
	if err != nil {
		return Position{}, err
	}
	count, err := s.pairs(fn)
	if err != nil {
		return Position{}, err
	}
	var n [8]byte
	if err := s.full(n[:]); err != nil {
		return Position{}, err
	}
	if got := binary.BigEndian.Uint64(n[:]); got != count {
		return Position{}, fmt.Errorf("%w: %d pairs, the trailer says %d", ErrCorrupt, count, got)
	}
	want := s.sum.Sum(nil)
	var got [sha256.Size]byte
	if err := s.full(got[:]); err != nil {
		return Position{}, err
	}
	if !bytes.Equal(got[:], want) {
		return Position{}, fmt.Errorf("%w: the checksum does not match", ErrCorrupt)
	}
	switch _, err := s.in.ReadByte(); {
	case err == nil:
		return Position{}, fmt.Errorf("%w: bytes after the end", ErrCorrupt)
	case !errors.Is(err, io.EOF):
		return Position{}, fmt.Errorf("read the snapshot: %w", err)
	}
	return p, nil
}

func (s *reader) header() (Position, error) {
	var head [len(magic) + 1 + 16]byte
	if err := s.full(head[:]); err != nil {
		return Position{}, err
	}
	rest, ok := bytes.CutPrefix(head[:], []byte(magic))
	if !ok {
		return Position{}, fmt.Errorf("%w: it does not begin like one", ErrCorrupt)
	}
	if rest[0] != version {
		return Position{}, fmt.Errorf("%w: version %d, known is %d", ErrCorrupt, rest[0], version)
	}
	return Position{
		Applied: binary.BigEndian.Uint64(rest[1:]),
		NextSeq: binary.BigEndian.Uint64(rest[9:]),
	}, nil
}

func (s *reader) pairs(fn func(key, value []byte) error) (count uint64, err error) {
	var last []byte
	var key, value bytes.Buffer
	for ; ; count++ {
		keyLen, err := s.uvarint()
		if err != nil {
			return 0, err
		}
		if keyLen == 0 {
			return count, nil
		}
		valueLen, err := s.uvarint()
		if err != nil {
			return 0, err
		}
		if keyLen > MaxKey || valueLen > MaxValue {
			return 0, fmt.Errorf("%w: a key of %d bytes with a value of %d", ErrCorrupt, keyLen, valueLen)
		}
		if err := s.copy(&key, keyLen); err != nil {
			return 0, err
		}
		if err := s.copy(&value, valueLen); err != nil {
			return 0, err
		}
		if bytes.Compare(key.Bytes(), last) <= 0 {
			return 0, fmt.Errorf("%w: keys out of order", ErrCorrupt)
		}
		last = append(last[:0], key.Bytes()...)
		if err := fn(key.Bytes(), value.Bytes()); err != nil {
			return 0, err
		}
	}
}

// copy reads n bytes into buf, which grows with what arrives and not with what
// is announced.
func (s *reader) copy(buf *bytes.Buffer, n uint64) error {
	buf.Reset()
	if _, err := io.CopyN(buf, s.in, int64(n)); err != nil { // n ≤ MaxValue
		return s.broken(err)
	}
	s.sum.Write(buf.Bytes())
	return nil
}

func (s *reader) full(b []byte) error {
	if _, err := io.ReadFull(s.in, b); err != nil {
		return s.broken(err)
	}
	s.sum.Write(b)
	return nil
}

// uvarint accepts the shortest encoding only.
func (s *reader) uvarint() (uint64, error) {
	var raw [binary.MaxVarintLen64]byte
	for i := range raw {
		b, err := s.in.ReadByte()
		if err != nil {
			return 0, s.broken(err)
		}
		raw[i] = b
		if b >= 0x80 {
			continue
		}
		v, n := binary.Uvarint(raw[:i+1])
		if n != i+1 || (i > 0 && b == 0) {
			break
		}
		s.sum.Write(raw[:n])
		return v, nil
	}
	return 0, fmt.Errorf("%w: a malformed length", ErrCorrupt)
}

// broken tells a stream that ends too early from one that cannot be read.
func (s *reader) broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends too early", ErrCorrupt)
	}
	return fmt.Errorf("read the snapshot: %w", err)
}
