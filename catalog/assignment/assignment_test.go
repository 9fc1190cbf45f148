package assignment

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

const most = 1 << 18 // entities of a registry

func TestAssignmentsAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var assign []int32
		for range rapid.IntRange(0, 20).Draw(t, "runs") {
			g := rapid.Int32Range(-1, 65536-1).Draw(t, "group")
			for range rapid.IntRange(1, 300).Draw(t, "length") {
				assign = append(assign, g)
			}
		}
		packed := Pack(assign)
		got, err := Unpack(packed, len(assign), most)
		if err != nil || !slices.Equal(got, assign) {
			t.Fatalf("%v: %v", err, got)
		}
		if len(packed) > 1+3*len(assign) {
			t.Fatalf("%d bytes for %d entities", len(packed), len(assign))
		}
		for _, n := range []int{len(assign) - 1, len(assign) + 1} {
			if _, err := Unpack(packed, n, most); err == nil {
				t.Fatalf("%d entities are read as %d", len(assign), n)
			}
		}
	})
}

func TestPackedAssignmentIsCompact(t *testing.T) {
	same, each := make([]int32, 25_000), make([]int32, 25_000)
	for i := range each {
		each[i] = int32(i)
	}
	if n := len(Pack(same)); n > 8 {
		t.Fatalf("one group takes %d bytes", n)
	}
	if n := len(Pack(each)); n > 50_001 {
		t.Fatalf("a group an entity takes %d bytes", n)
	}
}

func TestOtherBytesAreRefused(t *testing.T) {
	good := Pack([]int32{0, 0, 1})
	for name, b := range map[string][]byte{
		"empty":           nil,
		"version":         append([]byte{1}, good[1:]...),
		"cut":             good[:len(good)-1],
		"longer":          append(bytes.Clone(good), 1),
		"run too long":    {2, 5, 2},
		"endless run":     {2, 5, 0x80, 0x80},
		"group below -1":  {2, 3, 1},
		"group too large": append(binary.AppendUvarint([]byte{2}, 4*(most+1)+1), 1),
		"long varint":     {2, 0x85, 0x00, 0, 4},
		"split run":       {2, 4, 0, 4},
		"endless varint":  append([]byte{2}, bytes.Repeat([]byte{0x80}, 20)...),
	} {
		if got, err := Unpack(b, 3, most); err == nil {
			t.Errorf("%s: read as %v", name, got)
		}
	}
	for _, n := range []int{-1, most + 1} {
		if _, err := Unpack(good, n, most); err == nil {
			t.Errorf("%d entities are accepted", n)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(Pack([]int32{0, 0, 1, -1, 5}), 5)
	f.Add(Pack(nil), 0)
	f.Add([]byte{2, 0xff, 0xff, 0xff, 0xff, 0x0f, 0}, 1<<17)
	f.Add([]byte{2, 5, 0xfe, 0xff, 0x07}, 1<<17)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		assign, err := Unpack(b, n, most)
		if err != nil {
			return
		}
		if len(assign) != n || !bytes.Equal(Pack(assign), b) {
			t.Fatalf("%x is not what %v is packed to", b, assign)
		}
	})
}
