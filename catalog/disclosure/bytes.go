package disclosure

import (
	"encoding/binary"
	"fmt"
	"math"
)

// reader takes values from bytes that came from outside. After the first error
// everything is zero; done tells.
type reader struct {
	rest []byte
	room int // words that sets may still take: few bytes tell of large ones
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *reader) byte() byte {
	if r.err != nil || len(r.rest) == 0 {
		r.fail("the bytes end too early")
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

// uint is a number from 0 to most.
func (r *reader) uint(most int) int {
	v, n := binary.Uvarint(r.rest)
	if r.err != nil || n <= 0 {
		r.fail("the bytes end too early")
		return 0
	}
	if n > 1 && v>>(7*(n-1)) == 0 {
		r.fail("a number is longer than it needs to be")
		return 0
	}
	if v > uint64(most) {
		r.fail("%d is more than %d", v, most)
		return 0
	}
	r.rest = r.rest[n:]
	return int(v)
}

// count is a number of things that take at least one byte each.
func (r *reader) count() int { return r.uint(len(r.rest)) }

// int is a signed number.
func (r *reader) int() int64 {
	v, n := binary.Varint(r.rest)
	if r.err != nil || n <= 0 {
		r.fail("the bytes end too early")
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// text is a string of at most 255 bytes.
func (r *reader) text() string {
	n := min(r.uint(math.MaxUint8), len(r.rest))
	if r.err != nil {
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

// done is the first error, or that bytes are left.
func (r *reader) done() error {
	if r.err == nil && len(r.rest) > 0 {
		r.fail("%d bytes too many", len(r.rest))
	}
	return r.err
}

func appendUint[T int | int32 | uint32 | int64](b []byte, list ...T) []byte {
	for _, v := range list {
		b = binary.AppendUvarint(b, uint64(v))
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(appendUint(b, len(s)), s...)
}
