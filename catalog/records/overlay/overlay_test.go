package overlay

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/records/memstore"
)

// TestOverlayIsWhatTheStoreWillBe writes and reads at random through an overlay
// and, the same, on a plain store.
func TestOverlayIsWhatTheStoreWillBe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base, plain := memstore.New(), memstore.New()
		key := func() []byte {
			return []byte(rapid.SampledFrom([]string{"a", "a/", "a/1", "a/2", "a/22", "b", "b/1", "c"}).Draw(t, "key"))
		}
		for range rapid.IntRange(0, 8).Draw(t, "before") {
			k, v := key(), []byte{rapid.Byte().Draw(t, "value")}
			check(t, base.Set(k, v), plain.Set(k, v))
		}
		untouched := base.Digest()
		o := New(base)
		for range rapid.IntRange(0, 20).Draw(t, "writes") {
			k := key()
			if rapid.Bool().Draw(t, "delete") {
				check(t, o.Delete(k), plain.Delete(k))
			} else {
				v := []byte{rapid.Byte().Draw(t, "value")}[:rapid.IntRange(0, 1).Draw(t, "length")]
				check(t, o.Set(k, v), plain.Set(k, v))
			}
			for _, prefix := range []string{"", "a", "a/", "b", "d"} {
				if got, want := scanAll(t, o, prefix), scanAll(t, plain, prefix); got != want {
					t.Fatalf("scan %q: %s, want %s", prefix, got, want)
				}
			}
			got, err := o.Get(k)
			want, err2 := plain.Get(k)
			check(t, err, err2)
			if !bytes.Equal(got, want) || (got == nil) != (want == nil) {
				t.Fatalf("get %s: %v, want %v", k, got, want)
			}
		}
		if base.Digest() != untouched {
			t.Fatal("the base was written to before the flush")
		}
		check(t, o.Flush(base))
		if base.Digest() != plain.Digest() {
			t.Fatal("flushed is something else")
		}
	})
}

func check(t rapid.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func scanAll(t rapid.TB, r records.Reader, prefix string) string {
	text := ""
	check(t, r.Scan([]byte(prefix), func(key, value []byte) error {
		text += fmt.Sprintf("%s=%v ", key, value)
		return nil
	}))
	return text
}

func TestOverlayScanStopsWhereItIsTold(t *testing.T) {
	base := memstore.New()
	check(t, base.Set([]byte("b"), nil), base.Set([]byte("d"), nil))
	o := New(base)
	check(t, o.Set([]byte("a"), nil), o.Set([]byte("c"), nil), o.Set([]byte("e"), nil))
	for stop := range 5 {
		seen := 0
		err := o.Scan(nil, func(_, _ []byte) error {
			if seen == stop {
				return records.ErrStop
			}
			seen++
			return nil
		})
		if !errors.Is(err, records.ErrStop) || seen != stop {
			t.Fatalf("stopped after %d: %d keys, %v", stop, seen, err)
		}
	}
}

func TestReturnedValuesBelongToTheCaller(t *testing.T) {
	base := memstore.New()
	value := []byte("value")
	check(t, base.Set([]byte("k"), value))
	o := New(base)
	check(t, o.Set([]byte("o"), value))
	value[0] = 'X'
	for _, r := range []records.Reader{base, o} {
		for range 2 {
			got, err := r.Get([]byte("k"))
			check(t, err)
			if string(got) != "value" {
				t.Fatalf("the store holds %s", got)
			}
			got[1] = 'X'
		}
	}
	got, err := o.Get([]byte("o"))
	check(t, err)
	if string(got) != "value" {
		t.Fatalf("the overlay holds %s", got)
	}
	got[1] = 'X'
	if again, err := o.Get([]byte("o")); err != nil || string(again) != "value" {
		t.Fatalf("the overlay holds %s, %v", again, err)
	}
}
