package noise

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
)

// MaxValues is the largest number of values of one draw: 65,536 groups of 16
// columns.
const MaxValues = 1 << 20

// ErrEncoding is returned for bytes that are not the encoding of a draw.
var ErrEncoding = errors.New("not the encoding of a noise draw")

// Draw is one node's noise for a vector of released numbers, drawn once and
// used in every attempt of its query. It is secret until and after the
// release: whoever has it has the exact share.
type Draw struct {
	Law    Law
	Values []int64
}

// vectorBlock is read at once for a vector.
const vectorBlock = 4096

// Vector draws n independent samples of the law, 0 ≤ n ≤ 2^20, from the random
// bytes of r, which it reads in blocks of 4 KiB; what is left of the last block
// is discarded and cleared. On an error there is no draw.
func Vector(r io.Reader, l Law, n int) (Draw, error) {
	if n < 0 || n > MaxValues {
		return Draw{}, fmt.Errorf("%w: noise for %d numbers, not 0 to %d", ErrQuery, n, MaxValues)
	}
	try, err := l.attempts()
	if err != nil {
		return Draw{}, err
	}
	s := newSource(r, vectorBlock)
	defer s.wipe()
	values := make([]int64, n)
	for i := range values {
		if values[i], err = s.sample(try); err != nil {
			clear(values)
			return Draw{}, fmt.Errorf("draw noise %d of %d: %w", i+1, n, err)
		}
	}
	return Draw{Law: l, Values: values}, nil
}

// Wipe clears the values.
func (d Draw) Wipe() { clear(d.Values) }

// String names the law and the number of values, never the values.
func (d Draw) String() string { return fmt.Sprintf("noise for %d numbers, %s", len(d.Values), d.Law) }

// GoString is String, so that no verb prints the values.
func (d Draw) GoString() string { return d.String() }

// LogValue is String, so that no log handler writes the values.
func (d Draw) LogValue() slog.Value { return slog.StringValue(d.String()) }

// Encoding of a draw, big endian: version (1 byte), kind (1), length of the
// parameter's numerator (1) and the numerator, length of its denominator (1)
// and the denominator, number of values (4), values in two's complement (8
// each). The parameter is in lowest terms without leading zeros, so that a draw
// has one encoding.
const (
	drawVersion = 1
	countBytes  = 4
	valueBytes  = 8
)

// MarshalBinary encodes the draw. The bytes are as secret as the draw: seal
// them before they reach a disk.
func (d Draw) MarshalBinary() ([]byte, error) {
	if err := d.Law.check(); err != nil {
		return nil, err
	}
	if len(d.Values) > MaxValues {
		return nil, fmt.Errorf("%w: %d values, more than %d", ErrQuery, len(d.Values), MaxValues)
	}
	num, den := d.Law.param.Num().Bytes(), d.Law.param.Denom().Bytes()
	b := make([]byte, 0, 4+len(num)+len(den)+countBytes+valueBytes*len(d.Values))
	b = append(b, drawVersion, byte(d.Law.kind), byte(len(num))) // at most 64 bytes each
	b = append(b, num...)
	b = append(b, byte(len(den)))
	b = append(b, den...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(d.Values)))
	for _, v := range d.Values {
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	return b, nil
}

// DecodeDraw reads what MarshalBinary wrote. It refuses other bytes, and
// allocates no more than eight bytes for every eight that it was given.
func DecodeDraw(b []byte) (Draw, error) {
	if len(b) < 2 || b[0] != drawVersion {
		return Draw{}, fmt.Errorf("%w: no version %d", ErrEncoding, drawVersion)
	}
	kind := Kind(b[1])
	num, rest, err := decodeInt(b[2:])
	if err != nil {
		return Draw{}, err
	}
	den, rest, err := decodeInt(rest)
	if err != nil {
		return Draw{}, err
	}
	law, err := decodeLaw(kind, num, den)
	if err != nil {
		return Draw{}, err
	}
	if len(rest) < countBytes {
		return Draw{}, fmt.Errorf("%w: cut off", ErrEncoding)
	}
	count, rest := binary.BigEndian.Uint32(rest), rest[countBytes:]
	if count > MaxValues || len(rest) != int(count)*valueBytes {
		return Draw{}, fmt.Errorf("%w: %d bytes for %d values", ErrEncoding, len(rest), count)
	}
	values := make([]int64, count)
	for i := range values {
		values[i] = int64(binary.BigEndian.Uint64(rest[i*valueBytes:]))
	}
	return Draw{Law: law, Values: values}, nil
}

func decodeInt(b []byte) (*big.Int, []byte, error) {
	if len(b) == 0 || int(b[0]) > len(b)-1 || b[0] > maxParamBits/8 {
		return nil, nil, fmt.Errorf("%w: a parameter of the law is cut off", ErrEncoding)
	}
	digits, rest := b[1:1+b[0]], b[1+b[0]:]
	if len(digits) == 0 || digits[0] == 0 {
		return nil, nil, fmt.Errorf("%w: a parameter of the law has leading zeros", ErrEncoding)
	}
	return new(big.Int).SetBytes(digits), rest, nil
}

func decodeLaw(kind Kind, num, den *big.Int) (Law, error) {
	param := new(big.Rat).SetFrac(num, den)
	if param.Denom().Cmp(den) != 0 {
		return Law{}, fmt.Errorf("%w: the parameter of the law is not in lowest terms", ErrEncoding)
	}
	construct := NewLaplace
	switch kind {
	case KindLaplace:
	case KindGaussian:
		construct = NewGaussian
	default:
		return Law{}, fmt.Errorf("%w: unknown law %d", ErrEncoding, kind)
	}
	law, err := construct(param)
	if err != nil {
		return Law{}, fmt.Errorf("%w: %w", ErrEncoding, err)
	}
	return law, nil
}
