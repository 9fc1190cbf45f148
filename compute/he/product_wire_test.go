package he

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
	"testing"

	"github.com/weirdata/weir/compute/he/modular"
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
			modular.Pack(limb, xs, uint(bits.Len64(s.Modulus)))
			if _, _, err := oleAnswer(p, names(n), make([]uint64, n), request, oleHooks{}); err != nil {
				t.Errorf("largest coefficient: %v", err)
			}
			xs[l+1]++
			modular.Pack(limb, xs, uint(bits.Len64(s.Modulus)))
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
