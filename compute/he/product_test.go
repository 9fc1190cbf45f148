package he

import (
	"errors"
	"math/big"
	"math/rand/v2"
	"testing"
)

// party is what every computation on shares offers its member.
type party interface {
	Start() ([]Message, error)
	Receive(from int, b []byte) ([]Message, error)
	Done() bool
}

// deliver runs a computation: all messages, in a random order that keeps nothing
// but cause before effect. It returns the bytes that each member sent.
func deliver[P party](t testing.TB, rng *rand.Rand, parties map[int]P) (sent map[int]int) {
	t.Helper()
	type packet struct {
		from, to int
		b        []byte
	}
	var wire []packet
	sent = map[int]int{}
	post := func(from int, ms []Message, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range ms {
			wire = append(wire, packet{from, m.To, m.Bytes})
			sent[from] += len(m.Bytes)
		}
	}
	var late []int
	for i := range MaxNodes + 1 {
		if p, ok := parties[i]; ok {
			if rng.IntN(2) == 0 {
				late = append(late, i)
				continue
			}
			ms, err := p.Start()
			post(i, ms, err)
		}
	}
	for len(wire) > 0 || len(late) > 0 {
		if len(late) > 0 && (len(wire) == 0 || rng.IntN(3) == 0) {
			i := late[0]
			late = late[1:]
			ms, err := parties[i].Start()
			post(i, ms, err)
			continue
		}
		k := rng.IntN(len(wire))
		m := wire[k]
		wire = append(wire[:k], wire[k+1:]...)
		ms, err := parties[m.to].Receive(m.from, m.b)
		post(m.to, ms, err)
	}
	for i, p := range parties {
		if !p.Done() {
			t.Fatalf("point %d is not done", i)
		}
	}
	return sent
}

func session(purpose string, active ...int) Session {
	return Session{Cluster: [32]byte{1}, Purpose: purpose, Attempt: 1, Active: active}
}

// split shares numbers additively among members.
func split(p ProductParameters, rng *rand.Rand, xs []uint64, active []int) map[int][]uint64 {
	shares := map[int][]uint64{}
	rest := append([]uint64(nil), xs...)
	for _, i := range active[1:] {
		shares[i] = make([]uint64, len(xs))
		for k := range xs {
			shares[i][k] = rng.Uint64N(p.T())
			rest[k] = p.in.sub(rest[k], shares[i][k])
		}
	}
	shares[active[0]] = rest
	return shares
}

// joined adds shares up.
func joined(p ProductParameters, shares map[int][]uint64) []uint64 {
	var sum []uint64
	for _, s := range shares {
		if sum == nil {
			sum = make([]uint64, len(s))
		}
		for k, x := range s {
			sum[k] = p.in.add(sum[k], x)
		}
	}
	return sum
}

func results(t testing.TB, ps map[int]*Product) map[int][]uint64 {
	t.Helper()
	out := map[int][]uint64{}
	for i, p := range ps {
		out[i] = must[[]uint64](t)(p.Result())
	}
	return out
}

// TestProductsOfSharesAreExact, and squares, for two to four members.
func TestProductsOfSharesAreExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	p := smallProducts(t)
	for _, active := range [][]int{{1, 2}, {2, 5}, {1, 2, 3}, {1, 4, 7}, {1, 2, 3, 4}} {
		for range 4 {
			n := 1 + rng.IntN(1200)
			xs, bs := numbers(p, rng, n), numbers(p, rng, n)
			x, b := split(p, rng, xs, active), split(p, rng, bs, active)
			products, squares := map[int]*Product{}, map[int]*Product{}
			for _, i := range active {
				products[i] = must[*Product](t)(NewProduct(p, session("product", active...), i, x[i], b[i]))
				squares[i] = must[*Product](t)(NewSquare(p, session("square", active...), i, x[i]))
				if _, err := products[i].Result(); !errors.Is(err, ErrUnfinished) {
					t.Fatalf("error is %v", err)
				}
			}
			deliver(t, rng, products)
			deliver(t, rng, squares)
			got, sq := joined(p, results(t, products)), joined(p, results(t, squares))
			for k := range xs {
				if want := mulMod(xs[k], bs[k], p.T()); got[k] != want {
					t.Fatalf("%v: product %d is %d instead of %d", active, k, got[k], want)
				}
				if want := mulMod(xs[k], xs[k], p.T()); sq[k] != want {
					t.Fatalf("%v: square %d is %d instead of %d", active, k, sq[k], want)
				}
			}
		}
	}
}

func (in *productInstance) modulusOfT() *big.Int { return new(big.Int).SetUint64(in.lit.T) }
