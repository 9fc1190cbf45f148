package mpc

import (
	"bytes"
	"math"
	"testing"
)

func FuzzUnpackParts(f *testing.F) {
	f.Add(packParts([][]byte{{1, 2}, nil, {3}}), 3)
	f.Add([]byte{255, 255, 255, 255}, 1)
	f.Add([]byte{0, 0, 0}, 0)
	f.Fuzz(func(t *testing.T, b []byte, want int) {
		if want < 0 || want > batchSize {
			return
		}
		parts, err := unpackParts(b, want)
		if err != nil {
			return
		}
		if len(parts) != want {
			t.Fatalf("%d parts, want %d", len(parts), want)
		}
		if again := packParts(parts); !bytes.Equal(again, b) {
			t.Fatalf("%x encodes to %x", b, again)
		}
	})
}

func FuzzUnpackUint64s(f *testing.F) {
	f.Add(packUint64s([]uint64{1, math.MaxUint64}), 2)
	f.Add([]byte{1, 2, 3}, 0)
	f.Add([]byte{}, math.MaxInt)
	f.Add(make([]byte, 8), 1<<61+1)
	f.Fuzz(func(t *testing.T, b []byte, want int) {
		v, err := unpackUint64s(b, want)
		if err == nil && (len(v) != want || !bytes.Equal(packUint64s(v), b)) {
			t.Fatalf("%x is %v", b, v)
		}
	})
}
