package seal

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

func TestCheckedSharesDecodeToWhatWasEncoded(t *testing.T) {
	shares := []SetShare{{0, []uint64{1, 2}, 3}, {4, []uint64{5, 6}, 7}}
	b := EncodeChecked(shares)
	got, err := DecodeChecked(b, []int{0, 4}, 2, 100)
	if err != nil || !slices.EqualFunc(got, shares, func(a, b SetShare) bool {
		return a.Set == b.Set && a.Parity == b.Parity && slices.Equal(a.Values, b.Values)
	}) {
		t.Fatalf("%+v, %v", got, err)
	}
	for name, sets := range map[string][]int{"another set": {0, 3}, "another order": {4, 0}, "fewer": {0}, "more": {0, 4, 5}} {
		if _, err := DecodeChecked(b, sets, 2, 100); !errors.Is(err, ErrShare) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]func([]byte){
		"version": func(b []byte) { b[0]++ }, "number": func(b []byte) { b[1]++ }, "modulus": func(b []byte) { b[7] = 100 },
		"no parity": func(b []byte) { b[checkedHeader+setHeader+1] = 0 },
	} {
		other := bytes.Clone(b)
		change(other)
		if _, err := DecodeChecked(other, []int{0, 4}, 2, 100); !errors.Is(err, ErrShare) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range b {
		if _, err := DecodeChecked(b[:i], []int{0, 4}, 2, 100); !errors.Is(err, ErrShare) {
			t.Errorf("cut off after %d bytes: %v", i, err)
		}
	}
}

// TestCheckedSharesOpenForTheirSetsAlone: not as a plain share, nor where the attempt has other sets.
func TestCheckedSharesOpenForTheirSetsAlone(t *testing.T) {
	digest := func(b byte) [32]byte { return [32]byte(bytes.Repeat([]byte{b}, 32)) }
	aad := CheckedAAD(digest(1), digest(2), digest(3), 4, 2)
	sealed, err := Seal(publicOf(t, testKey), []byte(CheckedInfo), aad, EncodeChecked([]SetShare{{0, []uint64{1}, 2}}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(testKey, []byte(CheckedInfo), aad, sealed); err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		info string
		aad  []byte
	}{
		"as a plain share": {ShareInfo, ShareAAD(digest(1), digest(2), digest(3))},
		"plain info":       {ShareInfo, aad},
		"plain aad":        {CheckedInfo, ShareAAD(digest(1), digest(2), digest(3))},
		"other contexts":   {CheckedInfo, CheckedAAD(digest(9), digest(2), digest(3), 4, 2)},
		"fewer members":    {CheckedInfo, CheckedAAD(digest(1), digest(2), digest(3), 3, 2)},
		"other sets":       {CheckedInfo, CheckedAAD(digest(1), digest(2), digest(3), 4, 3)},
	} {
		if _, err := Open(testKey, []byte(x.info), x.aad, sealed); err == nil {
			t.Errorf("%s: it opens", name)
		}
	}
}
