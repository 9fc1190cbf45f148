package he

import (
	"encoding/binary"
	"errors"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestResultSharesAreUniformSubjectToTheirSum: for a constant product, each
// member's share and every sum of shares but the whole one is uniform, for two and
// three members, of products and of squares.
func TestResultSharesAreUniformSubjectToTheirSum(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(61, 62))
	modulus := new(big.Int).SetUint64(p.T())
	const n = 6000
	xs := slices.Repeat([]uint64{3}, n)
	for _, active := range [][]int{{1, 2}, {1, 2, 3}} {
		// The same shares in every entry: nothing is uniform but what ρ makes so.
		x := map[int][]uint64{}
		for i, s := range split(p, rng, xs[:1], active) {
			x[i] = slices.Repeat(s, n)
		}
		products, squares := map[int]*Product{}, map[int]*Product{}
		for _, i := range active {
			products[i] = must[*Product](t)(NewProduct(p, session("p", active...), i, x[i], x[i]))
			squares[i] = must[*Product](t)(NewSquare(p, session("s", active...), i, x[i]))
		}
		deliver(t, rng, products)
		deliver(t, rng, squares)
		for name, shares := range map[string]map[int][]uint64{"product": results(t, products), "square": results(t, squares)} {
			if got := joined(p, shares); slices.ContainsFunc(got, func(x uint64) bool { return x != 9 }) {
				t.Fatalf("%s of %v is wrong", name, active)
			}
			for size := 1; size < len(active); size++ {
				for _, some := range subsets(len(active), size) {
					part := map[int][]uint64{}
					for _, i := range some {
						part[i] = shares[active[i-1]]
					}
					if chi := chiSquare(cellsOf(bigs(joined(p, part)), modulus)); chi > chiLimit {
						t.Errorf("%s of %v, shares of %v: χ² is %.0f", name, active, some, chi)
					}
				}
			}
		}
	}
}

// conversation is a product of two members with all its messages at hand.
type conversation struct {
	p    ProductParameters
	a, b *Product
	toB  []byte // a's request
	toA  []byte // b's request
}

func newConversation(t *testing.T, p ProductParameters, s Session, n int) *conversation {
	t.Helper()
	rng := rand.New(rand.NewPCG(63, 64))
	x := numbers(p, rng, n)
	c := &conversation{
		p: p,
		a: must[*Product](t)(NewProduct(p, s, 1, x, x)),
		b: must[*Product](t)(NewProduct(p, s, 2, x, x)),
	}
	c.toB = must[[]Message](t)(c.a.Start())[0].Bytes
	c.toA = must[[]Message](t)(c.b.Start())[0].Bytes
	return c
}

// TestKeysAndAnswersAreUsedOnce: a request is answered once, an answer decrypted
// once, and nothing is left of the key.
func TestKeysAndAnswersAreUsedOnce(t *testing.T) {
	p := smallProducts(t)
	c := newConversation(t, p, session("once", 1, 2), 10)
	if _, err := c.a.Start(); !errors.Is(err, ErrKeyUsed) {
		t.Errorf("second start: error is %v", err)
	}
	answer := must[[]Message](t)(c.b.Receive(1, c.toB))[0].Bytes
	if _, err := c.b.Receive(1, c.toB); !errors.Is(err, ErrKeyUsed) {
		t.Errorf("request again: error is %v", err)
	}
	if _, err := c.a.Receive(2, answer); err != nil {
		t.Fatal(err)
	}
	if _, err := c.a.Receive(2, answer); !errors.Is(err, ErrKeyUsed) {
		t.Errorf("answer again: error is %v", err)
	}
	if c.a.Done() || c.b.Done() {
		t.Fatal("done before every message has arrived")
	}

	r, request, err := newOLERequest(p, names(10), make([]uint64, 10))
	if err != nil {
		t.Fatal(err)
	}
	for k := range 2 {
		answer, _, err := oleAnswer(p, names(10), make([]uint64, 10), request, oleHooks{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.finish(answer); (k == 0) != (err == nil) || k == 1 && !errors.Is(err, ErrKeyUsed) {
			t.Errorf("use %d: error is %v", k, err)
		}
	}
	for _, limb := range r.secret.Coeffs {
		if slices.Max(limb) != 0 {
			t.Error("the key is still there")
		}
	}
}

// TestRandomnessIsNeverRepeated: seeds within and between requests, ρ, and c1' of
// two answers to one request, differ.
func TestRandomnessIsNeverRepeated(t *testing.T) {
	p := smallProducts(t)
	n := 3 * p.Slots()
	seen := map[string]bool{}
	once := func(b []byte) {
		t.Helper()
		if seen[string(b)] {
			t.Fatal("randomness occurs twice")
		}
		seen[string(b)] = true
	}
	for range 3 {
		_, request, err := newOLERequest(p, names(n), make([]uint64, n))
		if err != nil {
			t.Fatal(err)
		}
		for body := request[productHeader:]; len(body) > 0; body = body[p.in.requestPoly():] {
			once(body[:seedSize])
		}
		for range 2 {
			answer, rho, err := oleAnswer(p, names(n), make([]uint64, n), request, oleHooks{})
			if err != nil {
				t.Fatal(err)
			}
			for body := answer[productHeader:]; len(body) > 0; body = body[p.in.answerChunk():] {
				once(body[:32])
				once(body[p.in.answerChunk()-32:])
			}
			for i := 0; i < n; i += 4 {
				var b [32]byte
				for k, x := range rho[i : i+4] {
					binary.LittleEndian.PutUint64(b[8*k:], x)
				}
				once(b[:])
			}
		}
	}
}

// TestMessagesOfAnotherComputationAreRefused: another session, in every field,
// another kind of computation, sender, recipient, step and length.
func TestMessagesOfAnotherComputationAreRefused(t *testing.T) {
	p := smallProducts(t)
	s := session("here", 1, 2)
	c := newConversation(t, p, s, 10)
	refuse := func(name string, from int, b []byte) {
		t.Helper()
		if _, err := c.b.Receive(from, b); !errors.Is(err, ErrForeignMessage) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	for name, change := range map[string]func(*Session){
		"cluster":    func(s *Session) { s.Cluster[5]++ },
		"purpose":    func(s *Session) { s.Purpose = "there" },
		"attempt":    func(s *Session) { s.Attempt++ },
		"plan":       func(s *Session) { s.Plan[0]++ },
		"active set": func(s *Session) { s.Active = []int{1, 2, 3} },
	} {
		other := s
		change(&other)
		refuse(name, 1, newConversation(t, p, other, 10).toB)
	}
	refuse("length", 1, newConversation(t, p, s, 11).toB)
	square := must[*Product](t)(NewSquare(p, s, 1, make([]uint64, 10)))
	if ms := must[[]Message](t)(square.Start()); len(ms) == 1 {
		refuse("kind of computation", 1, ms[0].Bytes)
	}
	refuse("sender", 3, c.toB)
	refuse("own request", 2, c.toA)
	for name, step := range map[string]byte{"next step, which never comes": 1, "far step": 2} {
		_, err := c.b.Receive(1, changed(c.toB, 12, step))
		if step == 1 && err != nil || step == 2 && !errors.Is(err, ErrForeignMessage) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	if _, err := c.b.Receive(1, changed(c.toB, 12, 1)); !errors.Is(err, ErrForeignMessage) {
		t.Errorf("early message twice: error is %v", err)
	}
	// After all that the product still works.
	answer := must[[]Message](t)(c.b.Receive(1, c.toB))
	more := must[[]Message](t)(c.a.Receive(2, c.toA))
	must[[]Message](t)(c.a.Receive(2, answer[0].Bytes))
	must[[]Message](t)(c.b.Receive(1, more[0].Bytes))
	refuse("after the end", 1, c.toB)
	got := joined(p, results(t, map[int]*Product{1: c.a, 2: c.b}))
	if want := mulMod(2, 2, p.T()); got[1] != want {
		t.Errorf("product is %d instead of %d", got[1], want)
	}
}

// TestUnusableProductsAreRefused before anything is sent.
func TestUnusableProductsAreRefused(t *testing.T) {
	p := smallProducts(t)
	one, good := []uint64{1}, session("x", 1, 2)
	for name, x := range map[string]struct {
		p     ProductParameters
		s     Session
		point int
		x, b  []uint64
		want  error
	}{
		"zero parameters": {ProductParameters{}, good, 1, one, one, ErrParameters},
		"one member":      {p, session("x", 1), 1, one, one, ErrActiveSet},
		"unsorted":        {p, session("x", 2, 1), 1, one, one, ErrActiveSet},
		"doubled":         {p, session("x", 1, 1), 1, one, one, ErrActiveSet},
		"point 0":         {p, session("x", 0, 1), 1, one, one, ErrActiveSet},
		"large point":     {p, session("x", 1, MaxNodes+1), 1, one, one, ErrActiveSet},
		"outsider":        {p, good, 3, one, one, ErrNotActive},
		"no entries":      {p, good, 1, nil, nil, ErrValues},
		"lengths differ":  {p, good, 1, one, []uint64{1, 2}, ErrValues},
		"x beyond T":      {p, good, 1, []uint64{p.T()}, one, ErrValues},
		"b beyond T":      {p, good, 1, one, []uint64{p.T()}, ErrValues},
	} {
		if _, err := NewProduct(x.p, x.s, x.point, x.x, x.b); !errors.Is(err, x.want) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

// tallies are cells that are in a group, each counted once.
func tallies(cells []Cell) []Tally {
	var out []Tally
	for _, c := range cells {
		if c.Group >= 0 {
			out = append(out, Tally{c, 1})
		}
	}
	return out
}

// TestPrivateSumsAreExact: selectors and weights times opened cells, by group,
// with cells that are masked out.
func TestPrivateSumsAreExact(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(65, 66))
	for _, s := range []VectorSpec{{Nodes: 3, Threshold: 2, Entities: 200, Bits: 1}, {Nodes: 4, Threshold: 3, Entities: 90, Bits: 16}} {
		v := dealt(t, p, s, randomValues(rng, s))
		const periods, groups = 12, 7
		var cells []Cell
		var xs []uint64
		want, counts := make([]uint64, groups), make([]uint64, groups)
		for e := range s.Entities {
			for range periods {
				c := Cell{Entity: int32(e), Group: int32(rng.IntN(groups)) - 1} // group 6 stays empty
				x := rng.Uint64N(p.T())
				cells, xs = append(cells, c), append(xs, x)
				if c.Group >= 0 {
					want[c.Group] = p.in.add(want[c.Group], mulMod(x, v.values[e], p.T()))
					counts[c.Group] += v.values[e]
				}
			}
		}
		active := subsets(s.Nodes, s.Threshold)[1]
		x, sums, n := split(p, rng, xs, active), map[int]*PrivateSum{}, map[int][]uint64{}
		for _, i := range active {
			w := must[[]uint64](t)(v.shares[i].Values(active))
			sums[i] = must[*PrivateSum](t)(NewPrivateSum(p, session("sum", active...), i, x[i], cells, [][]uint64{w}, groups))
			n[i] = must[[]uint64](t)(p.CountWeighted(tallies(cells), w, groups))
		}
		deliver(t, rng, sums)
		shares := map[int][]uint64{}
		for i, sum := range sums {
			shares[i] = must[[]uint64](t)(sum.Result())
		}
		if got := joined(p, shares); !slices.Equal(got, want) {
			t.Errorf("%d bits: sums are %v instead of %v", s.Bits, got, want)
		}
		if got := joined(p, n); !slices.Equal(got, counts) {
			t.Errorf("%d bits: counts are %v instead of %v", s.Bits, got, counts)
		}
	}
	// Nothing counts: no messages, all zeros.
	idle := must[*PrivateSum](t)(NewPrivateSum(p, session("idle", 1, 2), 1, []uint64{5}, []Cell{{0, -1}}, [][]uint64{{1}}, 2))
	if ms := must[[]Message](t)(idle.Start()); len(ms) != 0 || !idle.Done() || !slices.Equal(must[[]uint64](t)(idle.Result()), []uint64{0, 0}) {
		t.Error("a sum over nothing is not 0")
	}
	for name, c := range map[string]Cell{"entity": {5, 0}, "negative entity": {-1, 0}, "group": {0, 2}, "group −2": {0, -2}} {
		if _, err := NewPrivateSum(p, session("bad", 1, 2), 1, []uint64{5}, []Cell{c}, [][]uint64{{1}}, 2); !errors.Is(err, ErrSlotMap) {
			t.Errorf("%s: error is %v", name, err)
		}
		if _, err := p.CountWeighted([]Tally{{c, 1}}, []uint64{1}, 2); !errors.Is(err, ErrSlotMap) {
			t.Errorf("counting, %s: error is %v", name, err)
		}
	}
}

// TestAPrivateSumTakesSeveralVectors: the pieces of a partition are multiplied with the
// same cells in one computation, in as many turns as messages have room for, and every
// one equals plain loops.
func TestAPrivateSumTakesSeveralVectors(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(67, 68))
	for _, active := range [][]int{{1, 3}, {1, 2, 4}} {
		const groups = 3
		entities, pieces := batchChunks*p.in.n/2+1, 3 // two turns
		var cells []Cell
		for e := range entities {
			for range 2 {
				cells = append(cells, Cell{Entity: int32(e), Group: int32((e + 1) % groups)})
			}
		}
		cells[5].Group = -1
		xs := numbers(p, rng, len(cells))
		plain := numbers(p, rng, pieces*entities)
		want := make([]uint64, pieces*groups)
		for i, c := range cells {
			for v := range pieces {
				if c.Group >= 0 {
					at := v*groups + int(c.Group)
					want[at] = p.in.add(want[at], mulMod(xs[i], plain[v*entities+int(c.Entity)], p.T()))
				}
			}
		}
		x, shares, sums := split(p, rng, xs, active), split(p, rng, plain, active), map[int]*PrivateSum{}
		for _, i := range active {
			var vectors [][]uint64
			for v := range pieces {
				vectors = append(vectors, shares[i][v*entities:][:entities])
			}
			sums[i] = must[*PrivateSum](t)(NewPrivateSum(p, session("sums", active...), i, x[i], cells, vectors, groups))
		}
		deliver(t, rng, sums)
		got := map[int][]uint64{}
		for i, sum := range sums {
			got[i] = must[[]uint64](t)(sum.Result())
		}
		if joined := joined(p, got); !slices.Equal(joined, want) {
			t.Errorf("%v: sums are %v instead of %v", active, joined, want)
		}
	}
	if got := p.SumMessages(batchChunks*p.in.n, 3); got != 6 {
		t.Errorf("three turns take %d messages", got)
	}
	s := session("none", 1, 2)
	for name, vectors := range map[string][][]uint64{"no vector": nil, "of other entities": {{1, 2}, {1}}, "beyond T": {{1, p.T()}}} {
		if _, err := NewPrivateSum(p, s, 1, []uint64{5}, []Cell{{0, 0}}, vectors, 2); !errors.Is(err, ErrValues) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}
