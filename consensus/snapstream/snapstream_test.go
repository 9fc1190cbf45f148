package snapstream

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestStreamRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pairs := rapid.MapOfN(rapid.StringN(1, 40, 200), rapid.SliceOfN(rapid.Byte(), 0, 300), 0, 30).Draw(t, "pairs")
		at := Position{rapid.Uint64().Draw(t, "applied"), rapid.Uint64().Draw(t, "seq")}
		var b bytes.Buffer
		w, err := NewWriter(&b, at)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range slices.Sorted(maps.Keys(pairs)) {
			if err := w.Pair([]byte(k), pairs[k]); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Finish(); err != nil {
			t.Fatal(err)
		}
		stream := b.Bytes()
		got := map[string][]byte{}
		gotAt, err := Read(bytes.NewReader(stream), func(k, v []byte) error {
			got[string(k)] = bytes.Clone(v)
			return nil
		})
		if err != nil || gotAt != at || len(got) != len(pairs) {
			t.Fatalf("read %d pairs at %+v, %v; want %d at %+v", len(got), gotAt, err, len(pairs), at)
		}
		for k, v := range pairs {
			if !bytes.Equal(got[k], v) {
				t.Fatalf("value of %q differs", k)
			}
		}
		stream[rapid.IntRange(0, len(stream)-1).Draw(t, "where")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if _, err := Read(bytes.NewReader(stream), func(_, _ []byte) error { return nil }); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("a flipped bit: %v", err)
		}
	})
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	w, err := NewWriter(&b, Position{7, 3})
	if err != nil {
		f.Fatal(err)
	}
	for _, k := range []string{"a", "b", "c"} {
		if err := w.Pair([]byte(k), []byte(k+k)); err != nil {
			f.Fatal(err)
		}
	}
	if _, err := w.Finish(); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:30])
	f.Add([]byte(magic))
	f.Add(append(append([]byte(magic), version), bytes.Repeat([]byte{0xff}, 40)...))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var out bytes.Buffer
		var w *Writer
		at, err := Read(bytes.NewReader(stream), func(k, v []byte) error {
			if w == nil {
				w, err = NewWriter(&out, Position{})
				if err != nil {
					return err
				}
			}
			return w.Pair(k, v)
		})
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("bytes alone cannot cause %v", err)
			}
			return
		}
		// What is accepted is the only encoding of what it says.
		var again bytes.Buffer
		w, err = NewWriter(&again, at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Read(bytes.NewReader(stream), w.Pair); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Finish(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), stream) {
			t.Fatal("two streams say the same")
		}
	})
}
