package seal

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// modulus is the plaintext modulus T of PROTOCOL.md section 7.1.
const modulus = 0x3ffffffffef8001

func TestShareDecodesToWhatWasEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Uint64Range(0, modulus-1), 0, 200).Draw(t, "values")
		parity := rapid.Ptr(rapid.Uint64Range(0, modulus-1), true).Draw(t, "parity")
		b := EncodeShare(values, parity)
		got, gotParity, err := DecodeShare(b, len(values), modulus)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, values) {
			t.Fatalf("decoded %v, encoded %v", got, values)
		}
		if (parity == nil) != (gotParity == nil) || parity != nil && *parity != *gotParity {
			t.Fatalf("parity %v, want %v", gotParity, parity)
		}
		if again := EncodeShare(got, gotParity); !bytes.Equal(again, b) {
			t.Fatalf("encodes again to %x, was %x", again, b)
		}
	})
}

func TestDecodedValuesDoNotReachIntoTheParity(t *testing.T) {
	p := uint64(9)
	values, parity, err := DecodeShare(EncodeShare([]uint64{1, 2}, &p), 2, modulus)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(values, 77)
	if *parity != 9 {
		t.Fatalf("appending to the values changed the parity to %d", *parity)
	}
}

func TestShareOfOtherShapeIsRefused(t *testing.T) {
	p := uint64(3)
	plain, checked := EncodeShare([]uint64{1, 2}, nil), EncodeShare([]uint64{1, 2}, &p)
	change := func(b []byte, i int, v byte) []byte {
		b = bytes.Clone(b)
		b[i] = v
		return b
	}
	for _, c := range []struct {
		name  string
		b     []byte
		count int
	}{
		{"empty", nil, 0},
		{"one byte", plain[:1], 0},
		{"one value too many wanted", plain, 3},
		{"one value too few wanted", plain, 1},
		{"truncated", plain[:len(plain)-1], 2},
		{"appended", append(bytes.Clone(plain), 0), 2},
		{"parity taken for a value", checked, 3},
		{"parity flag without parity", change(plain, 1, shareWithParity), 2},
		{"parity without its flag", change(checked, 1, 0), 2},
		{"other version", change(plain, 0, 2), 2},
		{"unknown flag", change(plain, 1, 2), 2},
		{"value at the modulus", EncodeShare([]uint64{1, modulus}, nil), 2},
		{"parity at the modulus", EncodeShare([]uint64{1}, new(uint64(modulus))), 1},
		{"negative count", plain, -1},
		{"count that would overflow", plain, 1 << 62},
	} {
		if _, _, err := DecodeShare(c.b, c.count, modulus); !errors.Is(err, ErrShare) {
			t.Errorf("%s: %v, want ErrShare", c.name, err)
		}
	}
}

func TestShareAADTellsContextPlanAndQueryApart(t *testing.T) {
	a, b := [32]byte{1}, [32]byte{2}
	seen := map[string]string{}
	for _, c := range []struct {
		name                  string
		contexts, plan, query [32]byte
	}{
		{"aaa", a, a, a}, {"baa", b, a, a}, {"aba", a, b, a}, {"aab", a, a, b}, {"abb", a, b, b}, {"bab", b, a, b}, {"bba", b, b, a},
	} {
		aad := string(ShareAAD(c.contexts, c.plan, c.query))
		if other, ok := seen[aad]; ok {
			t.Errorf("%s and %s have the same additional data", c.name, other)
		}
		seen[aad] = c.name
	}
}

func TestContextsDigestDependsOnOrderAndNumber(t *testing.T) {
	a, b := [32]byte{1}, [32]byte{2}
	seen := map[[32]byte]int{}
	for i, list := range [][][32]byte{nil, {a}, {b}, {a, b}, {b, a}, {a, a}, {a, b, {}}} {
		d := ContextsDigest(list)
		if other, ok := seen[d]; ok {
			t.Errorf("lists %d and %d have the same digest", other, i)
		}
		seen[d] = i
	}
}

func TestSealedShareOpensUnderItsOwnQueryAlone(t *testing.T) {
	public := publicOf(t, testKey)
	contexts := ContextsDigest([][32]byte{{1}, {2}})
	aad := ShareAAD(contexts, [32]byte{3}, [32]byte{4})
	sealed, err := Seal(public, []byte(ShareInfo), aad, EncodeShare([]uint64{5}, nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(testKey, []byte(ShareInfo), aad, sealed); err != nil {
		t.Fatal(err)
	}
	other := ShareAAD(ContextsDigest([][32]byte{{2}, {1}}), [32]byte{3}, [32]byte{4})
	if _, err := Open(testKey, []byte(ShareInfo), other, sealed); !errors.Is(err, ErrOpen) {
		t.Fatalf("opened under the contexts of another attempt: %v", err)
	}
}

func FuzzDecodeShare(f *testing.F) {
	p := uint64(1)
	f.Add(EncodeShare([]uint64{1, 2, 3}, &p), 3)
	f.Add(EncodeShare(nil, nil), 0)
	f.Add([]byte{1, 1}, 0)
	f.Fuzz(func(t *testing.T, b []byte, count int) {
		values, parity, err := DecodeShare(b, count, modulus)
		if err != nil {
			if !errors.Is(err, ErrShare) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		if again := EncodeShare(values, parity); !bytes.Equal(again, b) {
			t.Fatalf("%x decodes and encodes to %x", b, again)
		}
	})
}
