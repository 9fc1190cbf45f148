package he

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tuneinsight/lattigo/v5/ring"
	"pgregory.net/rapid"
)

// productMessages returns a valid request, answer and opened number.
func productMessages(t testing.TB, p ProductParameters, n int) map[kind][]byte {
	t.Helper()
	_, request, err := newOLERequest(p, names(n), make([]uint64, n))
	if err != nil {
		t.Fatal(err)
	}
	answer, _, err := oleAnswer(p, names(n), make([]uint64, n), request, oleHooks{})
	if err != nil {
		t.Fatal(err)
	}
	r := newRevelation(place{p: p, point: 1, active: []int{1, 2}}, 5)
	return map[kind][]byte{kindRequest: request, kindAnswer: answer, kindRevealed: must[[]Message](t)(r.start())[0].Bytes}
}

// TestMalformedProductMessagesAreRefused, in every field of the header, and in
// every limb.
func TestMalformedProductMessagesAreRefused(t *testing.T) {
	p := smallProducts(t)
	n := p.Slots() + 1
	ms := productMessages(t, p, n)
	for k, valid := range ms {
		if _, err := p.in.parseEnvelope(valid); err != nil {
			t.Fatal(err)
		}
		bad := map[string][]byte{
			"magic": changed(valid, 0, 'W'), "kind": changed(valid, 4, 99), "a tile": changed(valid, 4, byte(kindTile)),
			"version": changed(valid, 5, 2), "ring": changed(valid, 6, 14), "primes": changed(valid, 7, 3),
			"sender 0": changed(valid, 8, 0), "sender 256": changed(valid, 9, 1), "to itself": changed(valid, 10, valid[8]),
			"no entries": changed(changed(valid, 48, 0), 49, 0), "many entries": changed(valid, 51, 0xff),
			"one more chunk": changed(valid, 49, valid[49]+4), "end of header": changed(valid, 55, 1),
			"longer": append(bytes.Clone(valid), 0),
		}
		for _, cut := range []int{0, 4, 55, 56, len(valid) / 2, len(valid) - 1} {
			bad["truncated"] = valid[:cut]
			for name, b := range bad {
				if _, err := p.in.parseEnvelope(b); !errors.Is(err, ErrMalformed) {
					t.Errorf("%s, %s: error is %v", productKinds[k].name, name, err)
				}
			}
		}
	}
	for poly := range 3 {
		for l, s := range p.in.q {
			request := bytes.Clone(ms[kindRequest])
			at := productHeader + poly*p.in.requestPoly() + seedSize
			for _, q := range p.in.q[:l] {
				at += bits.Len64(q.Modulus) * p.in.n / 8
			}
			limb := request[at:][:bits.Len64(s.Modulus)*p.in.n/8]
			xs := make([]uint64, p.in.n)
			xs[l+1] = s.Modulus - 1
			packBits(limb, xs, uint(bits.Len64(s.Modulus)))
			if _, _, err := oleAnswer(p, names(n), make([]uint64, n), request, oleHooks{}); err != nil {
				t.Errorf("largest coefficient: %v", err)
			}
			xs[l+1]++
			packBits(limb, xs, uint(bits.Len64(s.Modulus)))
			if _, _, err := oleAnswer(p, names(n), make([]uint64, n), request, oleHooks{}); !errors.Is(err, ErrMalformed) {
				t.Errorf("polynomial %d, limb %d: error is %v", poly, l, err)
			}
		}
	}
	r, _, err := newOLERequest(p, names(n), make([]uint64, n))
	if err != nil {
		t.Fatal(err)
	}
	answer := bytes.Clone(ms[kindAnswer])
	for i := productHeader; i < len(answer); i++ {
		answer[i] = 0xff
	}
	if _, err := r.finish(answer); !errors.Is(err, ErrMalformed) {
		t.Errorf("answer beyond its modulus: error is %v", err)
	}
}

// TestPackingIsExact for every width below 64 and any length.
func TestPackingIsExact(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		width := rapid.UintRange(1, 63).Draw(r, "width")
		xs := rapid.SliceOfN(rapid.Uint64Max(1<<width-1), 0, 200).Draw(r, "xs")
		b := make([]byte, packedBytes(len(xs), width))
		packBits(b, xs, width)
		got := make([]uint64, len(xs))
		unpackBits(got, b, width)
		if !slices.Equal(got, xs) {
			r.Fatalf("%v became %v", xs, got)
		}
		if used := len(xs) * int(width) % 8; used != 0 && b[len(b)-1]>>used != 0 {
			r.Fatal("the last byte is not filled with zeros")
		}
	})
}

// TestCuttingErrsByHalfAUnit: lengthen undoes shorten up to 2^(bits−1), around
// both ends of the modulus too.
func TestCuttingErrsByHalfAUnit(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(71, 72))
	in := p.in
	a, b := ring.NewPoly(in.n, keptLimbs-1), ring.NewPoly(in.n, keptLimbs-1)
	lo, hi := make([]uint64, in.n), make([]uint64, in.n)
	for i := range lo {
		for l, s := range in.q[:keptLimbs] {
			a.Coeffs[l][i] = rng.Uint64N(s.Modulus)
			if i < 8 { // 0..3, −4..−1
				a.Coeffs[l][i] = (uint64(i) + s.Modulus - uint64(i/4*8)) % s.Modulus
			}
		}
	}
	for _, c := range in.cuts {
		in.shorten(&c, lo, hi, a)
		if slices.Max(lo) >= 1<<c.low || slices.Max(hi) >= 1<<c.high {
			t.Fatal("a part is wider than its place")
		}
		if err := in.lengthen(&c, b, lo, hi); err != nil {
			t.Fatal(err)
		}
		for i := range lo {
			// The difference is small: the same in both limbs, centred.
			var d [keptLimbs]int64
			for l, s := range in.q[:keptLimbs] {
				x := (a.Coeffs[l][i] + s.Modulus - b.Coeffs[l][i]) % s.Modulus
				d[l] = int64(x)
				if x > s.Modulus/2 {
					d[l] = -int64(s.Modulus - x)
				}
			}
			if d[0] != d[1] || d[0] > 1<<(c.bits-1) || -d[0] > 1<<(c.bits-1) {
				t.Fatalf("cut of %d bits: coefficient %d is off by %d and %d", c.bits, i, d[0], d[1])
			}
		}
		lo[3], hi[3] = c.maxLow, c.maxHi
		if err := in.lengthen(&c, b, lo, hi); err != nil {
			t.Errorf("largest number: %v", err)
		}
		lo[3]++
		if err := in.lengthen(&c, b, lo, hi); !errors.Is(err, ErrMalformed) {
			t.Errorf("one more: error is %v", err)
		}
	}
}

func FuzzProductRequest(f *testing.F) {
	p := smallProducts(f)
	n := 3
	ms := productMessages(f, p, n)
	for _, b := range ms {
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		answer, _, err := oleAnswer(p, names(n), make([]uint64, n), b, oleHooks{})
		if err != nil {
			return
		}
		w := p.in.scratch.get()
		if err := p.in.readCiphertext(w, b[productHeader:]); err != nil {
			t.Fatal(err)
		}
		again := p.in.newMessage(names(n).request())
		copy(again[productHeader:], b[productHeader:])
		p.in.writePoly(again[productHeader+seedSize:], w.a.Coeffs)
		if !bytes.Equal(again, b) || len(answer) != p.AnswerBytes(n) {
			t.Fatal("accepted bytes are not what would be written")
		}
	})
}

func FuzzProductAnswer(f *testing.F) {
	p := smallProducts(f)
	n := 3
	for _, b := range productMessages(f, p, n) {
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, _, err := newOLERequest(p, names(n), make([]uint64, n))
		if err != nil {
			t.Fatal(err)
		}
		out, err := r.finish(b)
		if err == nil && (len(out) != n || slices.Max(out) >= p.T()) {
			t.Fatal("accepted, and the result is no vector of numbers mod T")
		}
	})
}

// FuzzProductMessage hands anything to a member of every computation.
func FuzzProductMessage(f *testing.F) {
	p := smallProducts(f)
	one := []uint64{1}
	for _, i := range []int{1, 2} {
		ms, err := must[*Product](f)(NewProduct(p, session("fuzz", 1, 2), i, one, one)).Start()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(ms[0].Bytes)
	}
	f.Add(binary.LittleEndian.AppendUint64([]byte(wireMagic), 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := must[*Product](t)(NewProduct(p, session("fuzz", 1, 2), 2, one, one))
		must[[]Message](t)(m.Start())
		if _, err := m.Receive(1, b); err == nil && len(b) != p.RequestBytes(1) {
			t.Fatal("accepted something else than a request")
		}
	})
}
