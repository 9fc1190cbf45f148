package changes

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/consensus/touched"
)

// book is a state with the keys that its entries touched.
type book struct {
	pairs map[string]string
	keys  touched.Keys
	size  uint64
}

func (b *book) AppliedIndex() uint64 { return b.size }

func (b *book) Touched(since uint64, fn func(string) bool) bool { return b.keys.Since(since, fn) }

func (b *book) Get(key []byte) ([]byte, error) {
	if v, ok := b.pairs[string(key)]; ok {
		return []byte(v), nil
	}
	return nil, nil
}

func (b *book) Scan(prefix []byte, fn func(key, value []byte) error) error {
	return b.Walk(records.Stretch{Prefix: string(prefix)}, fn)
}

func (b *book) Walk(s records.Stretch, fn func(key, value []byte) error) error {
	for _, k := range slices.Sorted(maps.Keys(b.pairs)) {
		if strings.HasPrefix(k, s.Prefix) {
			if err := fn([]byte(k), []byte(b.pairs[k])); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *book) set(key, value string) {
	b.size++
	b.pairs[key] = value
	b.keys.Note(b.size, []string{key})
}

func TestWhatWasDerivedIsKeptUntilAnEntryTouchesWhatItRead(t *testing.T) {
	b := &book{pairs: map[string]string{"a": "1", "list/x": "2", "walk/x": "3"}}
	times := 0
	derive := func(r records.Reader) (string, error) {
		times++
		out := ""
		for _, key := range []string{"a", "absent"} {
			v, err := r.Get([]byte(key))
			if err != nil {
				return "", err
			}
			out += string(v) + ","
		}
		add := func(_, v []byte) error { out += string(v) + ";"; return nil }
		if err := r.Scan([]byte("list/"), add); err != nil {
			return "", err
		}
		return out, r.(records.Walker).Walk(records.Stretch{Prefix: "walk/"}, add)
	}
	var k Kept[string]
	look := func(want string, wantTimes int, after string) {
		t.Helper()
		got, err := k.Of(b, b.size, b, derive)
		if got != want || err != nil || times != wantTimes {
			t.Errorf("after %s: %q, %v, derived %d times; wanted are %q, %d times", after, got, err, times, want, wantTimes)
		}
	}
	look("1,,2;3;", 1, "nothing")
	look("1,,2;3;", 1, "nothing")
	b.set("other", "5")
	look("1,,2;3;", 1, "a change of what was not read")
	b.set("a", "6")
	look("6,,2;3;", 2, "a change of a key that was read")
	b.set("absent", "7")
	look("6,7,2;3;", 3, "a key that was not there")
	b.set("list/y", "8")
	look("6,7,2;8;3;", 4, "a key below a prefix that was scanned")
	b.set("walk/y", "9")
	look("6,7,2;8;3;9;", 5, "a key in a stretch that was walked")
	b.keys.Forget(b.size + 1)
	look("6,7,2;8;3;9;", 6, "a restore")
	k.Drop()
	look("6,7,2;8;3;9;", 7, "it was dropped")
}

// What changes between the index and the reading is derived again, and never missed.
func TestAnEntryWhileTheStateIsOpenedIsNotMissed(t *testing.T) {
	b := &book{pairs: map[string]string{"a": "1"}}
	var k Kept[string]
	read := func(r records.Reader) (string, error) {
		v, err := r.Get([]byte("a"))
		return string(v), err
	}
	at := b.size
	if got, _ := k.Of(b, at, b, func(r records.Reader) (string, error) {
		v, err := read(r)
		b.set("a", "2") // behind the version that was read
		return v, err
	}); got != "1" {
		t.Fatalf("read is %q", got)
	}
	if got, _ := k.Of(b, b.size, b, read); got != "2" {
		t.Errorf("kept is %q, which an entry has changed", got)
	}
}

func TestAFailureIsNotKept(t *testing.T) {
	b := &book{pairs: map[string]string{}}
	var k Kept[string]
	failed := errors.New("failed")
	if part, err := k.Of(b, 0, b, func(records.Reader) (string, error) { return "part", failed }); part != "part" || !errors.Is(err, failed) {
		t.Errorf("%q, %v", part, err)
	}
	if got, err := k.Of(b, 0, b, func(records.Reader) (string, error) { return "whole", nil }); got != "whole" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
