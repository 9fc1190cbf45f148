package he

import (
	"cmp"
	"fmt"
	"sync"

	"github.com/tuneinsight/lattigo/v5/ring"

	"github.com/weirdata/weir/compute/he/modular"
	"github.com/weirdata/weir/compute/he/prf"
)

// An oblivious linear evaluation: the requester has numbers b, the responder has
// x of the same length; afterwards the requester has b·x − ρ, the responder ρ,
// uniform mod T, and neither has learned anything else (PROTOCOL.md section 5).

// oleNames says which evaluation a message is part of. from is the requester.
type oleNames struct {
	context  [32]byte
	step     int
	from, to int
	entries  int
}

func (o oleNames) request() envelope {
	return envelope{kind: kindRequest, from: o.from, to: o.to, step: o.step, context: o.context, entries: o.entries}
}

func (o oleNames) answer() envelope {
	return envelope{kind: kindAnswer, from: o.to, to: o.from, step: o.step, context: o.context, entries: o.entries}
}

// oleRequester holds the throw-away key of one evaluation. It decrypts once.
type oleRequester struct {
	p     ProductParameters
	names oleNames

	mu     sync.Mutex
	secret ring.Poly // first two limbs, NTT and Montgomery form
	used   bool
}

// newOLERequest draws a key and returns the request that carries b.
func newOLERequest(p ProductParameters, names oleNames, b []uint64) (_ *oleRequester, request []byte, err error) {
	defer guard("ask for a product", &err)
	in := p.in
	if err := p.checkNumbers(b, names.entries); err != nil {
		return nil, nil, err
	}
	w := in.scratch.get()
	defer in.scratch.put(w)
	request = in.newMessage(names.request())
	if err := in.ternary(w.c); err != nil {
		return nil, nil, err
	}
	in.ntt(w.c, productLimbs)
	in.montgomery(w.c)

	// The public key is an encryption of zero, and comes first.
	body := request[productHeader:]
	if err := in.encrypt(w, body, nil); err != nil {
		return nil, nil, err
	}
	for len(b) > 0 {
		body = body[in.requestPoly():]
		chunk := b[:min(in.n, len(b))]
		b = b[len(chunk):]
		if err := in.encrypt(w, body, chunk); err != nil {
			return nil, nil, err
		}
	}
	r := &oleRequester{p: p, names: names, secret: ring.NewPoly(in.n, keptLimbs-1)}
	for l := range r.secret.Coeffs {
		copy(r.secret.Coeffs[l], w.c.Coeffs[l])
	}
	return r, request, nil
}

// encrypt writes a seed, and −a·s + e + T^-1·m for the polynomial a that it
// gives. w.c is the secret.
func (in *productInstance) encrypt(w *productWorkspace, dst []byte, chunk []uint64) error {
	seed, err := freshSeed()
	if err != nil {
		return err
	}
	if err := cmp.Or(in.uniform(w.a, seed), in.gaussian(w.b, false)); err != nil {
		return err
	}
	if chunk != nil {
		in.encode(w.m, chunk)
		in.addScaled(w.b, w.m)
	}
	in.ntt(w.b, productLimbs)
	for l, s := range in.q {
		s.MulCoeffsMontgomeryThenSub(w.a.Coeffs[l], w.c.Coeffs[l], w.b.Coeffs[l])
	}
	copy(dst, seed[:])
	in.writePoly(dst[seedSize:], w.b.Coeffs)
	return nil
}

// finish decrypts the answer to b·x − ρ, once. The key is gone afterwards.
func (r *oleRequester) finish(answer []byte) (out []uint64, err error) {
	defer guard("decrypt a product", &err)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.used {
		return nil, ErrKeyUsed
	}
	in := r.p.in
	e, err := in.parseEnvelope(answer)
	if err != nil {
		return nil, err
	}
	if e != r.names.answer() {
		return nil, ErrForeignMessage
	}
	r.used = true
	defer r.secret.Zero()
	w := in.scratch.get()
	defer in.scratch.put(w)
	out = make([]uint64, r.names.entries)
	for body, rest := answer[productHeader:], out; len(rest) > 0; body = body[in.answerChunk():] {
		if err := in.readAnswer(w, body); err != nil {
			return nil, err
		}
		in.decrypt(w, r.secret)
		rest = rest[copy(rest, w.m):]
	}
	return out, nil
}

// readAnswer reads a chunk's c0 and c1 to w.a and w.b.
func (in *productInstance) readAnswer(w *productWorkspace, b []byte) error {
	for i, dst := range []ring.Poly{w.a, w.b} {
		c := &in.cuts[i]
		b = modular.Unpack(w.lo, b, c.Low)
		b = modular.Unpack(w.hi, b, c.High)
		if !c.Lengthen(dst.Coeffs[0], dst.Coeffs[1], w.lo, w.hi) {
			return fmt.Errorf("%w: a coefficient exceeds the modulus", ErrMalformed)
		}
	}
	return nil
}

// decrypt writes the slots of (w.a, w.b) to w.m.
func (in *productInstance) decrypt(w *productWorkspace, secret ring.Poly) {
	in.ntt(w.b, keptLimbs)
	for l, s := range in.q[:keptLimbs] {
		s.MulCoeffsMontgomery(w.b.Coeffs[l], secret.Coeffs[l], w.b.Coeffs[l])
	}
	in.intt(w.b, keptLimbs)
	for l, s := range in.q[:keptLimbs] {
		s.Add(w.a.Coeffs[l], w.b.Coeffs[l], w.a.Coeffs[l])
	}
	in.decoding.Decode(w.m, w.a.Coeffs[0], w.a.Coeffs[1])
	in.t.NTT(w.m, w.m)
}

// oleHooks are switches for tests, which show what the remedies are for.
type oleHooks struct {
	noZero   bool                            // leave out the encryption of zero
	flooding func([]byte)                    // replaces what was drawn for the flooding
	uncut    func(chunk int, a, b ring.Poly) // sees c0 and c1 before they are switched down
}

// oleAnswer evaluates the request of names.from on x, once for every request
// taken by the caller: it keeps no state. It returns the answer and ρ.
//
//	c0' = c0·x + b_pk·u − T^-1·ρ + flooding    c1' = c1·x + a_pk·u + e1
//
// T^-1·ρ is uniform on the multiples of Q/T and the flooding fills what lies between them, so c0' is uniform
// mod Q whatever the request is (all but LogGap). The flooding is far above everything in the phase that
// depends on x, u and e1, so the phase says b·x − ρ and nothing else (and it stands for e0). After that u
// and e1 occur in c1' alone, which is pseudo-random by RLWE under u; c0' follows
// from c1' and the phase.
func oleAnswer(p ProductParameters, names oleNames, x []uint64, request []byte, hooks oleHooks) (answer []byte, rho []uint64, err error) {
	defer guard("answer a product", &err)
	in := p.in
	if err := p.checkNumbers(x, names.entries); err != nil {
		return nil, nil, err
	}
	e, err := in.parseEnvelope(request)
	if err != nil {
		return nil, nil, err
	}
	if e != names.request() {
		return nil, nil, ErrForeignMessage
	}
	w, key := in.scratch.get(), in.scratch.get()
	defer in.scratch.put(w)
	defer in.scratch.put(key)
	body := request[productHeader:]
	if err := in.readCiphertext(key, body); err != nil {
		return nil, nil, err
	}
	in.montgomery(key.a)
	in.montgomery(key.b)

	answer = in.newMessage(names.answer())
	rho = make([]uint64, len(x))
	out := answer[productHeader:]
	for rest, k := rho, 0; len(x) > 0; k++ {
		body = body[in.requestPoly():]
		if err := in.readCiphertext(w, body); err != nil {
			return nil, nil, err
		}
		chunk := x[:min(in.n, len(x))]
		if err := in.evaluate(w, key, chunk, rest[:len(chunk)], hooks); err != nil {
			return nil, nil, err
		}
		if hooks.uncut != nil {
			hooks.uncut(k, w.a, w.b)
		}
		in.writeAnswer(w, out)
		x, rest, out = x[len(chunk):], rest[len(chunk):], out[in.answerChunk():]
	}
	return answer, rho, nil
}

// readCiphertext reads a polynomial and the one of its seed to w.a and w.b.
func (in *productInstance) readCiphertext(w *productWorkspace, b []byte) error {
	return cmp.Or(in.readPoly(w.a.Coeffs, b[seedSize:]), in.uniform(w.b, [seedSize]byte(b)))
}

// evaluate turns the ciphertext (w.a, w.b), in NTT form, to its answer, in
// coefficients, and writes ρ. The public key is (key.a, key.b).
func (in *productInstance) evaluate(w, key *productWorkspace, x, rho []uint64, hooks oleHooks) error {
	in.encode(w.m, x)
	in.centre(w.c, w.m)
	in.ntt(w.c, productLimbs)
	in.montgomery(w.c)
	if err := in.ternary(w.d); err != nil {
		return err
	}
	if hooks.noZero {
		w.d.Zero()
	}
	in.ntt(w.d, productLimbs)
	for l, s := range in.q {
		for _, c := range []struct{ dst, key ring.Poly }{{w.a, key.a}, {w.b, key.b}} {
			s.MulCoeffsMontgomery(c.dst.Coeffs[l], w.c.Coeffs[l], c.dst.Coeffs[l])
			s.MulCoeffsMontgomeryThenAdd(w.d.Coeffs[l], c.key.Coeffs[l], c.dst.Coeffs[l])
		}
	}
	in.intt(w.a, productLimbs)
	in.intt(w.b, productLimbs)
	if !hooks.noZero {
		if err := in.gaussian(w.b, true); err != nil {
			return err
		}
	}
	// All slots are masked, those without an entry too. At scale 1: before the
	// switch to two limbs.
	s, err := prf.Fresh()
	if err != nil {
		return err
	}
	defer s.Erase()
	s.Uniform(w.m, in.t.Modulus)
	copy(rho, w.m)
	in.t.INTT(w.m, w.m)
	return in.addFlooding(w.a, w.m, hooks.flooding)
}

// writeAnswer switches (w.a, w.b) down, cuts them and writes them.
func (in *productInstance) writeAnswer(w *productWorkspace, b []byte) {
	for i, src := range []ring.Poly{w.a, w.b} {
		c := &in.cuts[i]
		in.switchDown(src)
		c.Shorten(w.lo, w.hi, src.Coeffs[0], src.Coeffs[1])
		b = modular.Pack(b, w.lo, c.Low)
		b = modular.Pack(b, w.hi, c.High)
	}
}
