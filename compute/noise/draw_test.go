package noise

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func anyLaw(rt *rapid.T) Law {
	num := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(rt, "num"))
	den := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(rt, "den"))
	if den.Sign() == 0 {
		den.SetInt64(1)
	}
	param := new(big.Rat).SetFrac(num, den)
	construct := NewLaplace
	if rapid.Bool().Draw(rt, "gaussian") {
		construct = NewGaussian
	}
	l, err := construct(param)
	if err != nil {
		rt.Skip("outside the limits")
	}
	return l
}

func TestDrawSurvivesItsEncoding(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := Draw{Law: anyLaw(rt), Values: rapid.SliceOf(rapid.Int64()).Draw(rt, "values")}
		b, err := want.MarshalBinary()
		if err != nil {
			rt.Fatal(err)
		}
		got, err := DecodeDraw(b)
		if err != nil {
			rt.Fatal(err)
		}
		if !got.Law.Equal(want.Law) || !cmp.Equal(got.Values, want.Values) {
			rt.Fatalf("%s %v became %s %v", want.Law, want.Values, got.Law, got.Values)
		}
		cut := rapid.IntRange(0, len(b)-1).Draw(rt, "cut")
		if _, err := DecodeDraw(b[:cut]); !errors.Is(err, ErrEncoding) {
			rt.Fatalf("cut off at %d of %d: %v", cut, len(b), err)
		}
		if _, err := DecodeDraw(append(b, 0)); !errors.Is(err, ErrEncoding) {
			rt.Fatalf("a byte too many: %v", err)
		}
	})
}

// Bytes of version 1 stay readable.
const goldenDraw = "0101" + "0114" + "0103" + "00000004" +
	"0000000000000000" + "ffffffffffffffff" + "7fffffffffffffff" + "8000000000000000"

func TestDrawOfVersion1StaysReadable(t *testing.T) {
	b, err := hex.DecodeString(goldenDraw)
	if err != nil {
		t.Fatal(err)
	}
	d, err := DecodeDraw(b)
	if err != nil {
		t.Fatal(err)
	}
	if !d.Law.Equal(laplaceLaw(t, rat(t, "20/3"))) || !cmp.Equal(d.Values, []int64{0, -1, math.MaxInt64, math.MinInt64}) {
		t.Errorf("read as %s %v", d.Law, d.Values)
	}
	again, err := d.MarshalBinary()
	if err != nil || !bytes.Equal(again, b) {
		t.Errorf("written as %x, %v", again, err)
	}
}

func TestForgedDrawsAreRefused(t *testing.T) {
	for name, forged := range map[string]string{
		"nothing":                      "",
		"version 0":                    "0001" + "0105" + "0101" + "00000000",
		"version 2":                    "0201" + "0105" + "0101" + "00000000",
		"law 0":                        "0100" + "0105" + "0101" + "00000000",
		"law 3":                        "0103" + "0105" + "0101" + "00000000",
		"no numerator":                 "0101" + "00" + "0101" + "00000000",
		"no denominator":               "0101" + "0105" + "00" + "00000000",
		"denominator 0":                "0101" + "0105" + "0100" + "00000000",
		"leading zero":                 "0101" + "020005" + "0101" + "00000000",
		"not in lowest terms":          "0101" + "0106" + "0102" + "00000000",
		"scale below 1":                "0101" + "0101" + "0102" + "00000000",
		"numerator longer than all":    "0101" + "4005",
		"numerator of 255 bytes":       "0101" + "ff05" + "0101" + "00000000",
		"count without values":         "0101" + "0105" + "0101" + "00000001",
		"count of 4 billion":           "0101" + "0105" + "0101" + "ffffffff",
		"count that wraps to the rest": "0101" + "0105" + "0101" + "20000000",
	} {
		b, err := hex.DecodeString(forged)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := DecodeDraw(b); !errors.Is(err, ErrEncoding) {
			t.Errorf("%s: %v, %v", name, d, err)
		}
	}
}

// What decodes has one encoding, the bytes it came from.
func FuzzDecodeDraw(f *testing.F) {
	golden, err := hex.DecodeString(goldenDraw)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Add(golden[:9])
	f.Add([]byte{1, 2, 1, 1, 1, 4, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := DecodeDraw(b)
		if err != nil {
			if !errors.Is(err, ErrEncoding) {
				t.Errorf("%v", err)
			}
			return
		}
		again, err := d.MarshalBinary()
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x is written as %x, %v", b, again, err)
		}
	})
}

// A stored draw is what every attempt uses; a second draw is another one.
func TestAttemptsShareADrawAndQueriesDoNot(t *testing.T) {
	r, l := stream(t, t.Name()), laplaceLaw(t, power2(40))
	first, err := Vector(r, l, 1000)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := first.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	attempt, err := DecodeDraw(stored)
	if err != nil || !cmp.Equal(attempt.Values, first.Values) {
		t.Errorf("the next attempt has other noise, %v", err)
	}
	second, err := Vector(r, l, 1000)
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for i := range first.Values {
		if first.Values[i] == second.Values[i] {
			same++
		}
	}
	if same > 0 {
		t.Errorf("%d of 1000 values are the same in two draws at scale 2^40", same)
	}
	first.Wipe()
	if !cmp.Equal(first.Values, make([]int64, 1000)) || cmp.Equal(attempt.Values, make([]int64, 1000)) {
		t.Error("wiping clears the wrong values")
	}
}

func TestVectorIsBounded(t *testing.T) {
	l := laplaceLaw(t, rat(t, "5"))
	for _, n := range []int{-1, MaxValues + 1} {
		if _, err := Vector(zeros{}, l, n); !errors.Is(err, ErrQuery) {
			t.Errorf("%d values: %v", n, err)
		}
	}
	if d, err := Vector(zeros{}, l, 0); err != nil || len(d.Values) != 0 {
		t.Errorf("no values: %v, %v", d, err)
	}
	if _, err := (Draw{Law: l, Values: make([]int64, MaxValues+1)}).MarshalBinary(); !errors.Is(err, ErrQuery) {
		t.Errorf("encoding too many values: %v", err)
	}
}

func TestNothingPrintsTheValues(t *testing.T) {
	d := Draw{Law: laplaceLaw(t, rat(t, "20/3")), Values: []int64{271828, -271828}}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("drawn", "noise", d)
	slog.New(slog.NewTextHandler(&log, nil)).Info("drawn", "noise", d)
	text := fmt.Sprintf("%v %+v %#v %s %v", d, d, d, d, &d) + log.String()
	if strings.Contains(text, "271828") || strings.Count(text, "noise for 2 numbers") != 7 {
		t.Errorf("printed as %s", text)
	}
}
