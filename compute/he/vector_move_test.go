package he

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// move is one move of a vector under way: what every dealer has dealt, as it is before
// anything of it is sent.
type move struct {
	from     *vector
	to       VectorSpec
	dealers  []int
	dealings map[int]*VectorDealing
	next     map[int]*VectorShare // by point of the new roster
	masks    map[int]CheckValues  // by point of the old one
}

func (v *vector) deals(t testing.TB, nodes, threshold int, dealers ...int) *move {
	t.Helper()
	m := &move{from: v, to: v.spec.on(nodes, threshold), dealers: dealers, dealings: map[int]*VectorDealing{}}
	for _, i := range dealers {
		m.dealings[i] = must[*VectorDealing](t)(v.shares[i].Deal(nodes, threshold, dealers))
	}
	return m
}

// combine adds up at every node.
func (m *move) combine(t testing.TB) *move {
	t.Helper()
	m.next, m.masks = map[int]*VectorShare{}, map[int]CheckValues{}
	for j := 1; j <= m.to.Nodes; j++ {
		var list [][]byte
		for _, i := range m.dealers {
			list = append(list, m.dealings[i].Shares[j-1])
		}
		m.next[j] = must[*VectorShare](t)(CombineVectorDealings(m.from.p, m.to, j, list))
	}
	for j := range m.from.shares {
		var list [][]byte
		for _, i := range m.dealers {
			list = append(list, m.dealings[i].Masks[j-1])
		}
		m.masks[j] = must[CheckValues](t)(CombineMaskDealings(m.from.p, m.from.spec, j, list))
	}
	return m
}

// lines are what all publish: the holders of the old shares, and those of the new ones.
func (m *move) lines(t testing.TB, challenge [32]byte) (old, next map[int]CheckValues) {
	t.Helper()
	old, next = map[int]CheckValues{}, map[int]CheckValues{}
	for j, s := range m.from.shares {
		old[j] = must[CheckValues](t)(s.LineValuesWith(challenge, m.masks[j]))
	}
	for j, s := range m.next {
		next[j] = must[CheckValues](t)(s.LineValues(challenge))
	}
	return old, next
}

// errOther: the new shares are of another vector than the old ones.
var errOther = errors.New("another vector")

// judge is the check of a move, as the ledger does it: the old values on one polynomial, the
// new ones on another, of the same value at 0.
func (m *move) judge(old, next map[int]CheckValues) error {
	p := m.from.p
	a, err := p.interpolated(old, m.from.spec.Threshold)
	if err != nil {
		return err
	}
	b, err := p.interpolated(next, m.to.Threshold)
	if err == nil && a != b {
		err = errOther
	}
	return err
}

// interpolated is the value at 0 of the polynomial of degree t−1 that values lie on.
func (p ProductParameters) interpolated(values map[int]CheckValues, threshold int) (at0 CheckValues, err error) {
	var points []int
	for x := range values {
		points = append(points, x)
	}
	slices.Sort(points)
	base := points[:threshold]
	at := func(x int) (out CheckValues) {
		for run := range out {
			for i, w := range p.in.lagrange(base, x) {
				out[run] = p.in.add(out[run], p.in.mul(w, values[base[i]][run]))
			}
		}
		return out
	}
	for _, x := range points[threshold:] {
		if at(x) != values[x] {
			return at0, fmt.Errorf("%w: point %d", ErrNotPolynomial, x)
		}
	}
	return at(0), nil
}

// moved is the vector under its new shares.
func (m *move) moved() *vector {
	return &vector{p: m.from.p, spec: m.to, values: m.from.values, shares: m.next}
}

// entries are what an active set makes of a vector.
func (v *vector) entries(t testing.TB, active []int) []uint64 {
	t.Helper()
	list := map[int][]uint64{}
	for _, i := range active {
		list[i] = must[[]uint64](t)(v.shares[i].Additive(active))
	}
	return joined(v.p, list)
}

// without is the vector without the shares of machines that are gone.
func (v *vector) without(points ...int) *vector {
	w := *v
	w.shares = map[int]*VectorShare{}
	for i, s := range v.shares {
		if !slices.Contains(points, i) {
			w.shares[i] = s
		}
	}
	return &w
}

// A vector moves between rosters of any shape, again and again, with machines gone, and every
// active set sees the same entries.
func TestMovedSharesAreTheVector(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(61, 1))
	s := VectorSpec{Nodes: 3, Threshold: 2, Entities: 40, Bits: 3}
	v := dealt(t, p, s, randomValues(rng, s))
	want := v.entries(t, []int{1, 2})
	for i, step := range []struct {
		nodes, threshold int
		gone             []int
		dealers          []int
	}{
		{3, 2, nil, []int{1, 2}}, {3, 2, []int{1}, []int{2, 3}}, {4, 3, []int{2}, []int{1, 3}},
		{5, 2, nil, []int{1, 2, 4}}, {5, 5, []int{1, 2}, []int{3, 5}}, {2, 2, nil, []int{1, 2, 3, 4, 5}},
	} {
		m := v.without(step.gone...).deals(t, step.nodes, step.threshold, step.dealers...).combine(t)
		if err := m.judge(m.lines(t, [32]byte{byte(i)})); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		v = m.moved()
		for j, share := range v.shares {
			v.shares[j] = must[*VectorShare](t)(ParseMovedVector(p, v.spec, j, share.MovedBytes()))
		}
		for _, active := range subsets(step.nodes, step.threshold) {
			if !slices.Equal(v.entries(t, active), want) {
				t.Errorf("step %d: %v sees another vector", i, active)
			}
		}
	}
	if err := v.bits(t, rng, [32]byte{77}, []int{1, 2}); err != nil {
		t.Error(err)
	}
}

// altered replaces what a dealer deals by a dealing of its part plus a difference of one
// entry.
func (m *move) altered(t testing.TB, dealer, entry int, by uint64) {
	t.Helper()
	own := *m.from.shares[dealer]
	own.xs = slices.Clone(own.xs)
	in := m.from.p.in
	i := slices.Index(m.dealers, dealer)
	own.xs[entry] = in.add(own.xs[entry], in.mul(by, in.inverse(in.lagrange(m.dealers, 0)[i])))
	m.dealings[dealer] = must[*VectorDealing](t)(own.Deal(m.to.Nodes, m.to.Threshold, m.dealers))
}

// TestLyingDealersFailTheLines: a dealer of another part, of points off the polynomial, and of
// two masks, whatever it publishes itself, while t other holders are honest.
func TestLyingDealersFailTheLines(t *testing.T) {
	p := smallProducts(t)
	s := VectorSpec{Nodes: 3, Threshold: 2, Entities: 20, Bits: 1}
	v := dealt(t, p, s, make([]uint64, s.Entities))
	flip := func(b []byte) { // the last number of a dealing, or its seed
		b[len(b)-9] ^= 1
	}
	challenge := [32]byte{5}
	for name, lie := range map[string]func(m *move){
		"another entry": func(m *move) { m.altered(t, 2, 7, 1) },
		"another point": func(m *move) { flip(m.dealings[2].Shares[2]) },
		"masks off":     func(m *move) { flip(m.dealings[2].Masks[2]) },
		"two masks": func(m *move) {
			other := v.deals(t, 3, 2, 1, 2)
			m.dealings[2].Masks = other.dealings[2].Masks
		},
	} {
		m := v.deals(t, 3, 2, 1, 2)
		lie(m)
		m.combine(t)
		old, next := m.lines(t, challenge)
		if err := m.judge(old, next); err == nil {
			t.Errorf("%s: passes", name)
		}
		// Nor with what would lie on a line with the other old values, or give the new value at 0.
		at0, err := p.interpolated(next, 2)
		if err != nil {
			continue
		}
		for _, other := range []int{1, 3} {
			var forged CheckValues
			for run := range forged { // the line through (0, at0) and the other's point, at 2
				slope := p.in.mul(p.in.sub(old[other][run], at0[run]), p.in.inverse(uint64(other)))
				forged[run] = p.in.add(at0[run], p.in.mul(2, slope))
			}
			old[2] = forged
			if err := m.judge(old, next); err == nil {
				t.Errorf("%s: passes with a forged line", name)
			}
		}
	}
}

// TestExactlyThresholdHoldersNeedTheSecondCheck: with no holder more than t a dealer's lie fits
// its line; the check of the bits finds it, unless it turned a bit into the other one, which
// it had to guess. What is left is one bit a failed attempt.
func TestExactlyThresholdHoldersNeedTheSecondCheck(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(62, 1))
	s := VectorSpec{Nodes: 3, Threshold: 2, Entities: 20, Bits: 1}
	values := make([]uint64, s.Entities)
	values[7] = 1
	challenge := [32]byte{5}
	for name, lie := range map[string]struct {
		entry  int
		by     uint64
		passes bool
	}{
		"an entry of 2": {7, 1, false}, "an entry of −1": {3, p.T() - 1, false}, "a large one": {3, 1 << 40, false},
		"a guess that is right": {3, 1, true}, "another": {7, p.T() - 1, true},
	} {
		v := dealt(t, p, s, values).without(3)
		m := v.deals(t, 3, 2, 1, 2)
		m.altered(t, 2, lie.entry, lie.by)
		m.combine(t)
		old, next := m.lines(t, challenge)
		if err := m.judge(old, next); !errors.Is(err, errOther) {
			t.Fatalf("%s: without a forged line: %v", name, err)
		}
		at0 := must[CheckValues](t)(p.interpolated(next, 2))
		forged := old[2]
		for run := range forged { // 1 is the other holder's point
			forged[run] = p.in.sub(p.in.mul(2, old[1][run]), at0[run])
		}
		old[2] = forged
		if err := m.judge(old, next); err != nil {
			t.Errorf("%s: the lines alone find it: %v", name, err)
		}
		err := m.moved().bits(t, rng, challenge, []int{1, 3})
		if lie.passes != (err == nil) || err != nil && !errors.Is(err, ErrNotBits) {
			t.Errorf("%s: the second check says %v", name, err)
		}
	}
}

// TestMasksOfAMoveAreFresh: with masks that have met a challenge before, two published lines
// are an equation in the entries. Here it has one unknown.
func TestMasksOfAMoveAreFresh(t *testing.T) {
	p := smallProducts(t)
	s := VectorSpec{Nodes: 3, Threshold: 2, Entities: 1, Bits: 1}
	solve := func(first, second CheckValues, a, b [32]byte) (entry uint64) {
		x := must[[]uint64](t)(p.in.factors(a, labelLine, 0, 1))[0]
		y := must[[]uint64](t)(p.in.factors(b, labelLine, 0, 1))[0]
		return p.in.mul(p.in.sub(first[0], second[0]), p.in.inverse(p.in.sub(x, y)))
	}
	registered, moved := [32]byte{1}, [32]byte{2}
	for _, bit := range []uint64{0, 1} {
		v := dealt(t, p, s, []uint64{bit})
		m := v.deals(t, 3, 2, 1, 3).combine(t)
		first, again := map[int]CheckValues{}, map[int]CheckValues{}
		for j, share := range v.shares {
			first[j] = must[CheckValues](t)(share.LineValues(registered))
			again[j] = must[CheckValues](t)(share.LineValues(moved)) // what no node does
		}
		old, _ := m.lines(t, moved)
		at := func(values map[int]CheckValues) CheckValues { return must[CheckValues](t)(p.interpolated(values, 2)) }
		if got := solve(at(first), at(again), registered, moved); got != bit {
			t.Fatalf("the attack finds %d instead of %d", got, bit)
		}
		if got := solve(at(first), at(old), registered, moved); got < 2 {
			t.Errorf("lines of registration and move give the entry away: %d", got)
		}
	}
}

// TestSaltsHideADealing: all dealers but one, with the recipients below the threshold and the
// lines that everybody sees, know a dealing but for the entries. Its digest would confirm a
// guess of them.
func TestSaltsHideADealing(t *testing.T) {
	p := smallProducts(t)
	s := VectorSpec{Nodes: 3, Threshold: 2, Entities: 1, Bits: 1}
	challenge := [32]byte{3}
	for salted, salt := range map[bool]func() ([seedSize]byte, error){
		true: freshSeed, false: func() (seed [seedSize]byte, err error) { return seed, nil },
	} {
		v := dealt(t, p, s, []uint64{1})
		m := v.deals(t, 3, 2, 1, 2)
		m.dealings[1] = must[*VectorDealing](t)(v.shares[1].deal(m.to, m.dealers, salt))
		m.combine(t)
		_, next := m.lines(t, challenge)
		// Node 2 knows what it dealt and what it was dealt; the dealing of 1 to 3, which it has
		// not seen, it makes from a guess of the vector.
		at0 := must[CheckValues](t)(p.interpolated(next, 2))
		mine := must[[]uint64](t)(p.in.parseShare(p.in.dealtSharing(m.to, false), 2, m.dealings[1].Shares[1][saltSize:]))
		var own []uint64 // what 2 dealt, at 0
		one := must[[]uint64](t)(p.in.parseShare(p.in.dealtSharing(m.to, false), 1, m.dealings[2].Shares[0][saltSize:]))
		two := must[[]uint64](t)(p.in.parseShare(p.in.dealtSharing(m.to, false), 2, m.dealings[2].Shares[1][saltSize:]))
		for i := range one {
			own = append(own, p.in.sub(p.in.mul(2, one[i]), two[i]))
		}
		found := false
		for guess := range uint64(2) {
			part := []uint64{p.in.sub(guess, own[0])}
			for run := range CheckRuns {
				chi := must[[]uint64](t)(p.in.factors(challenge, labelLine, run, 1))[0]
				part = append(part, p.in.sub(p.in.sub(at0[run], p.in.mul(chi, guess)), own[1+run]))
			}
			xs := make([]uint64, len(part))
			for i := range xs { // the line through part at 0 and mine at 2, at 3
				slope := p.in.mul(p.in.sub(mine[i], part[i]), p.in.inverse(2))
				xs[i] = p.in.add(part[i], p.in.mul(3, slope))
			}
			how := p.in.dealtSharing(m.to, false)
			b := slices.Concat(make([]byte, saltSize), p.in.packedShare(how, 3, xs))
			found = found || guess == 1 && sha256.Sum256(b) == sha256.Sum256(m.dealings[1].Shares[2])
			if guess == 1 && !bytes.Equal(b[saltSize:], m.dealings[1].Shares[2][saltSize:]) {
				t.Fatal("the guess that is right gives another dealing")
			}
		}
		if found == salted {
			t.Errorf("salted %t: the digest confirms the guess: %t", salted, found)
		}
	}
}

// TestSharesOfTwoVectorSharingsDoNotCombine: t−1 shares of before and some of after are worth
// what those of after are.
func TestSharesOfTwoVectorSharingsDoNotCombine(t *testing.T) {
	p := smallProducts(t)
	s := VectorSpec{Nodes: 3, Threshold: 2, Entities: 60, Bits: 1}
	v := dealt(t, p, s, make([]uint64, s.Entities))
	next := v.deals(t, 3, 2, 1, 3).combine(t).moved()
	for _, active := range subsets(3, 2) {
		for _, old := range active {
			mixed := *next
			mixed.shares = map[int]*VectorShare{}
			for _, j := range active {
				mixed.shares[j] = next.shares[j]
			}
			mixed.shares[old] = v.shares[old]
			for e, x := range mixed.entries(t, active) {
				if x < 2 {
					t.Fatalf("%v with the old share of %d: entry %d opens", active, old, e)
				}
			}
		}
	}
}

// TestDealingsAreUniform: what a node is dealt says nothing of the part that is dealt, and what
// all publish nothing of the entries.
func TestDealingsAreUniform(t *testing.T) {
	p := smallProducts(t)
	s := VectorSpec{Nodes: 3, Threshold: 2, Entities: 20_000, Bits: 1}
	modulus := new(big.Int).SetUint64(p.T())
	few := s
	few.Entities = 3
	for _, bit := range []uint64{0, 1} {
		v := dealt(t, p, s, slices.Repeat([]uint64{bit}, s.Entities))
		m := v.deals(t, 3, 2, 1, 2).combine(t)
		for point := 1; point <= 3; point++ {
			xs := must[[]uint64](t)(p.in.parseShare(p.in.dealtSharing(m.to, false), point, m.dealings[1].Shares[point-1][saltSize:]))
			if chi := chiSquare(cellsOf(bigs(xs), modulus)); chi > chiLimit {
				t.Errorf("%d, dealt to %d: χ² is %.0f, at most %.0f expected", bit, point, chi, chiLimit)
			}
		}
		w := dealt(t, p, few, slices.Repeat([]uint64{bit}, 3))
		var published [2][]uint64
		for i := range 4000 {
			old, next := w.deals(t, 3, 2, 1, 2).combine(t).lines(t, [32]byte{5})
			published[0] = append(published[0], old[1+i%3][0])
			published[1] = append(published[1], next[1+i%3][0])
		}
		for i, list := range published {
			if chi := chiSquare(cellsOf(bigs(list), modulus)); chi > chiLimit {
				t.Errorf("%d, published %d: χ² is %.0f", bit, i, chi)
			}
		}
	}
}

// TestDealingsOfAnotherKindAreRefused, and moved shares.
func TestDealingsOfAnotherKindAreRefused(t *testing.T) {
	p := smallProducts(t)
	s := VectorSpec{Nodes: 3, Threshold: 2, Entities: 11, Bits: 2}
	v := dealt(t, p, s, make([]uint64, s.Entities))
	m := v.deals(t, 4, 3, 1, 3).combine(t)
	shares, masks := m.dealings[1].Shares, m.dealings[1].Masks
	for name, x := range map[string]struct {
		spec  VectorSpec
		point int
		bytes []byte
		want  error
	}{
		"other point": {m.to, 2, shares[0], ErrVector}, "old roster": {s, 3, shares[2], ErrVector},
		"masks": {m.to, 3, masks[2], ErrMalformed}, "nothing": {m.to, 1, nil, ErrMalformed},
		"salt alone": {m.to, 1, shares[0][:saltSize], ErrMalformed}, "no salt": {m.to, 1, shares[0][saltSize:], ErrMalformed},
		"longer": {m.to, 3, append(bytes.Clone(shares[2]), 0), ErrMalformed}, "registered": {m.to, 1, v.bytes[0], ErrMalformed},
		"no roster": {VectorSpec{Entities: 11, Bits: 2}, 1, shares[0], ErrVector}, "point 0": {m.to, 0, shares[0], ErrPoint},
	} {
		if _, err := CombineVectorDealings(p, x.spec, x.point, [][]byte{x.bytes}); !errors.Is(err, x.want) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	if _, err := CombineMaskDealings(p, s, 2, [][]byte{shares[1]}); !errors.Is(err, ErrMalformed) {
		t.Errorf("entries for masks: %v", err)
	}
	good := m.next[1].MovedBytes()
	for name, b := range map[string][]byte{"registered": v.bytes[0], "cut": good[:len(good)-1], "version": changed(good, 5, 9), "nothing": nil} {
		if _, err := ParseMovedVector(p, m.to, 1, b); !errors.Is(err, ErrMalformed) {
			t.Errorf("moved share, %s: %v", name, err)
		}
	}
	if _, err := ParseMovedVector(p, m.to, 2, good); !errors.Is(err, ErrVector) {
		t.Errorf("moved share of another point: %v", err)
	}
	for _, dealers := range [][]int{nil, {1}, {2, 1}, {1, 2, 3}, {1, 4}} {
		if _, err := v.shares[1].Deal(3, 2, dealers); !errors.Is(err, ErrActiveSet) {
			t.Errorf("dealers %v: %v", dealers, err)
		}
	}
	if _, err := v.shares[1].Deal(3, 4, []int{1, 2}); !errors.Is(err, ErrVector) {
		t.Errorf("a roster that cannot be: %v", err)
	}
	m.dealings[1].Erase()
	if slices.Max(shares[3]) != 0 || slices.Max(masks[0]) != 0 {
		t.Error("an erased dealing is still there")
	}
}

// BenchmarkVectorMove is one vector of 25,000 entries moved among three nodes, 2-of-3: the work
// of a dealer, of a recipient, of both lines, and of a member of the second check.
func BenchmarkVectorMove(b *testing.B) {
	p := fullProducts(b)
	rng := rand.New(rand.NewPCG(7, 8))
	s := VectorSpec{Nodes: 3, Threshold: 2, Entities: 25_000, Bits: 1, Pieces: 1}
	v := dealt(b, p, s, randomValues(rng, s)).without(3)
	start, sent, stored := cpu(b), 0, 0
	for b.Loop() {
		m := v.deals(b, 3, 2, 1, 2).combine(b)
		challenge := [32]byte{1}
		if err := m.judge(m.lines(b, challenge)); err != nil {
			b.Fatal(err)
		}
		if err := m.moved().bits(b, rng, challenge, []int{1, 3}); err != nil {
			b.Fatal(err)
		}
		sent = 0
		for i, d := range m.dealings {
			for j := range 3 {
				if j+1 != i {
					sent += len(d.Shares[j]) + len(d.Masks[j])
				}
			}
		}
		stored = len(m.next[1].MovedBytes())
	}
	b.ReportMetric(float64(cpu(b)-start)/1e6/float64(b.N), "cpu-ms/vector")
	b.ReportMetric(float64(sent), "B-dealt/vector")
	b.ReportMetric(float64(stored), "B-kept/node")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "vectors/s")
}
