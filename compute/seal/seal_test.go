package seal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// testKey is a fixed private key: tests that do not need a fresh one share it.
var testKey = bytes.Repeat([]byte{7}, PrivateKeySize)

func publicOf(t testing.TB, private []byte) []byte {
	t.Helper()
	public, err := PublicKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

func TestSealedMessageOpensAndIsOverheadLonger(t *testing.T) {
	public := publicOf(t, testKey)
	rapid.Check(t, func(t *rapid.T) {
		info := rapid.SliceOf(rapid.Byte()).Draw(t, "info")
		aad := rapid.SliceOf(rapid.Byte()).Draw(t, "aad")
		plaintext := rapid.SliceOfN(rapid.Byte(), 0, 4096).Draw(t, "plaintext")
		sealed, err := Seal(public, info, aad, plaintext)
		if err != nil {
			t.Fatal(err)
		}
		if len(sealed) != len(plaintext)+Overhead {
			t.Fatalf("%d bytes sealed to %d, want %d more", len(plaintext), len(sealed), Overhead)
		}
		opened, err := Open(testKey, info, aad, sealed)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(opened, plaintext) {
			t.Fatalf("opened %x, sealed %x", opened, plaintext)
		}
	})
}

func TestGeneratedKeysDifferAndHaveTheirSizes(t *testing.T) {
	a, aPublic, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	b, bPublic, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	if len(a) != PrivateKeySize || len(aPublic) != PublicKeySize {
		t.Fatalf("sizes %d and %d, want %d and %d", len(a), len(aPublic), PrivateKeySize, PublicKeySize)
	}
	if bytes.Equal(a, b) || bytes.Equal(aPublic, bPublic) {
		t.Fatal("two generated keys are equal")
	}
	if !bytes.Equal(publicOf(t, a), aPublic) {
		t.Fatal("PublicKey differs from the generated public key")
	}
	if err := CheckPublicKey(aPublic); err != nil {
		t.Fatal(err)
	}
	sealed, err := Seal(aPublic, nil, nil, []byte("for a"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(b, nil, nil, sealed); !errors.Is(err, ErrOpen) {
		t.Fatalf("opened with another key: %v", err)
	}
}

func TestTwoSealsOfOneMessageHaveNothingInCommon(t *testing.T) {
	public := publicOf(t, testKey)
	message := bytes.Repeat([]byte{0}, 64)
	a, err := Seal(public, nil, nil, message)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Seal(public, nil, nil, message)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(a[1:1+encapsulatedSize], b[1:1+encapsulatedSize]) || bytes.Equal(a[1+encapsulatedSize:], b[1+encapsulatedSize:]) {
		t.Fatal("a context was used twice")
	}
}

func TestOtherInfoOrAdditionalDataDoesNotOpen(t *testing.T) {
	sealed, err := Seal(publicOf(t, testKey), []byte("info"), []byte("aad"), []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, info, aad string }{
		{"other info", "infp", "aad"}, {"no info", "", "aad"},
		{"other aad", "info", "aae"}, {"no aad", "info", ""},
		{"swapped", "aad", "info"}, {"moved boundary", "infoa", "ad"},
	} {
		if _, err := Open(testKey, []byte(c.info), []byte(c.aad), sealed); !errors.Is(err, ErrOpen) {
			t.Errorf("%s: %v, want ErrOpen", c.name, err)
		}
	}
}

func TestFlippedBitsAndEveryTruncationAreRefused(t *testing.T) {
	sealed, err := Seal(publicOf(t, testKey), nil, nil, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		if 1 < i && i < encapsulatedSize-32 && i%16 != 0 {
			continue // the ML-KEM part is hashed as a whole: samples of it do
		}
		forged := bytes.Clone(sealed)
		forged[i] ^= 1 << (i % 8)
		// The one bit that means nothing: X25519 ignores the top bit of a point
		// (RFC 7748 section 5), but X-Wing hashes the point as it was sent.
		if _, err := Open(testKey, nil, nil, forged); !errors.Is(err, ErrOpen) {
			t.Fatalf("byte %d changed: %v, want ErrOpen", i, err)
		}
	}
	topBit := bytes.Clone(sealed)
	topBit[encapsulatedSize] ^= 0x80
	if _, err := Open(testKey, nil, nil, topBit); !errors.Is(err, ErrOpen) {
		t.Fatalf("top bit of the X25519 point changed: %v, want ErrOpen", err)
	}
	for n := range sealed {
		if _, err := Open(testKey, nil, nil, sealed[:n]); !errors.Is(err, ErrOpen) {
			t.Fatalf("cut to %d bytes: %v, want ErrOpen", n, err)
		}
	}
	if _, err := Open(testKey, nil, nil, append(bytes.Clone(sealed), 0)); !errors.Is(err, ErrOpen) {
		t.Fatalf("a byte appended: %v, want ErrOpen", err)
	}
}

func TestMalformedKeysAreErrKey(t *testing.T) {
	public := publicOf(t, testKey)
	unreduced := bytes.Clone(public)
	unreduced[0], unreduced[1] = 0xff, 0xff // a coefficient of 4095, above q = 3329
	smallOrder := bytes.Clone(public)
	clear(smallOrder[PublicKeySize-32:])
	for name, key := range map[string][]byte{
		"nil": nil, "short": public[1:], "long": append(bytes.Clone(public), 0), "unreduced": unreduced, "small order": smallOrder,
	} {
		if _, err := Seal(key, nil, nil, nil); !errors.Is(err, ErrKey) {
			t.Errorf("%s public key: %v, want ErrKey", name, err)
		}
	}
	for name, key := range map[string][]byte{"nil": nil, "short": testKey[1:], "long": append(bytes.Clone(testKey), 0)} {
		if _, err := Open(key, nil, nil, nil); !errors.Is(err, ErrKey) {
			t.Errorf("%s private key: %v, want ErrKey", name, err)
		}
		if _, err := PublicKey(key); !errors.Is(err, ErrKey) {
			t.Errorf("%s private key: %v, want ErrKey", name, err)
		}
	}
	if err := CheckPublicKey(unreduced); !errors.Is(err, ErrKey) {
		t.Errorf("CheckPublicKey: %v, want ErrKey", err)
	}
}

func TestSealRefusesWhatOpenWould(t *testing.T) {
	if _, err := Seal(publicOf(t, testKey), nil, nil, make([]byte, MaxPlaintext+1)); !errors.Is(err, ErrTooLong) {
		t.Fatalf("%v, want ErrTooLong", err)
	}
}

// The golden message was sealed by the first release of the layout.
func TestGoldenMessageStillOpens(t *testing.T) {
	text, err := os.ReadFile("testdata/sealed-v1.hex")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := Open(testKey, []byte("golden info"), []byte("golden aad"), sealed)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(opened), "sealed by version 1"; got != want {
		t.Fatalf("opened %q, want %q", got, want)
	}
}

func FuzzOpen(f *testing.F) {
	sealed, err := Seal(publicOf(f, testKey), []byte("i"), []byte("a"), []byte("secret"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(testKey, sealed)
	f.Add(testKey, sealed[:Overhead-1])
	f.Add(testKey[1:], sealed)
	f.Add([]byte{}, []byte{version})
	f.Fuzz(func(t *testing.T, private, message []byte) {
		opened, err := Open(private, []byte("i"), []byte("a"), message)
		if err == nil && (len(opened) != len(message)-Overhead) {
			t.Fatalf("%d bytes opened to %d", len(message), len(opened))
		}
		if err != nil && !errors.Is(err, ErrOpen) && !errors.Is(err, ErrKey) {
			t.Fatalf("untyped error %v", err)
		}
	})
}

// BenchmarkShare seals and opens one node's share of 576 groups.
func BenchmarkShare(b *testing.B) {
	const groups = 576
	public, parity := publicOf(b, testKey), uint64(0)
	var sealed []byte
	report := func(b *testing.B, bytes int) {
		b.ReportMetric(groups*float64(b.N)/b.Elapsed().Seconds(), "values/s")
		b.ReportMetric(float64(bytes), "sealed-B")
	}
	b.Run("seal", func(b *testing.B) {
		for b.Loop() {
			var err error
			if sealed, err = Seal(public, nil, nil, EncodeShare(make([]uint64, groups), &parity)); err != nil {
				b.Fatal(err)
			}
		}
		report(b, len(sealed))
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			plain, err := Open(testKey, nil, nil, sealed)
			if err != nil {
				b.Fatal(err)
			}
			if _, _, err := DecodeShare(plain, groups, 1<<58); err != nil {
				b.Fatal(err)
			}
		}
		report(b, len(sealed))
	})
}

// An opener is the private key: it opens message after message, what Open does, and nothing else.
func TestOpenerOpensWhatItsKeyDoes(t *testing.T) {
	o, err := NewOpener(testKey)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		message := []byte{byte(i)}
		sealed, err := Seal(publicOf(t, testKey), []byte("info"), []byte("aad"), message)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := o.Open([]byte("info"), []byte("aad"), sealed); err != nil || !bytes.Equal(got, message) {
			t.Errorf("%x, %v", got, err)
		}
		for name, try := range map[string]func() ([]byte, error){
			"other info": func() ([]byte, error) { return o.Open([]byte("other"), []byte("aad"), sealed) },
			"other aad":  func() ([]byte, error) { return o.Open([]byte("info"), nil, sealed) },
			"cut off":    func() ([]byte, error) { return o.Open([]byte("info"), []byte("aad"), sealed[:Overhead]) },
		} {
			if got, err := try(); !errors.Is(err, ErrOpen) || got != nil {
				t.Errorf("%s: %x, %v", name, got, err)
			}
		}
	}
	if _, err := NewOpener(testKey[1:]); !errors.Is(err, ErrKey) {
		t.Errorf("a key of %d bytes: %v", len(testKey)-1, err)
	}
}
