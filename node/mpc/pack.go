package mpc

import (
	"encoding/binary"
	"fmt"
)

// packParts writes parts one after the other, each with its length.
func packParts(parts [][]byte) []byte {
	size := 0
	for _, p := range parts {
		size += 4 + len(p)
	}
	b := make([]byte, 0, size)
	for _, p := range parts {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

// unpackParts reads exactly want parts. The parts share b's memory.
func unpackParts(b []byte, want int) ([][]byte, error) {
	parts := make([][]byte, 0, want)
	for len(b) > 0 {
		if len(b) < 4 {
			return nil, fmt.Errorf("part %d is cut off", len(parts))
		}
		size := binary.LittleEndian.Uint32(b)
		b = b[4:]
		if uint64(size) > uint64(len(b)) {
			return nil, fmt.Errorf("part %d names %d bytes, %d follow", len(parts), size, len(b))
		}
		if len(parts) == want {
			return nil, fmt.Errorf("more than %d parts", want)
		}
		parts = append(parts, b[:size:size])
		b = b[size:]
	}
	if len(parts) != want {
		return nil, fmt.Errorf("%d parts, want %d", len(parts), want)
	}
	return parts, nil
}

// packUint64s is the little-endian form in which opened slots travel.
func packUint64s(v []uint64) []byte {
	b := make([]byte, 8*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint64(b[8*i:], x)
	}
	return b
}

func unpackUint64s(b []byte, want int) ([]uint64, error) {
	if len(b)%8 != 0 || len(b)/8 != want {
		return nil, fmt.Errorf("%d bytes, want %d numbers of 8", len(b), want)
	}
	v := make([]uint64, want)
	for i := range v {
		v[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return v, nil
}
