package he

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tuneinsight/lattigo/v5/ring"
)

// TestActiveSetsAreSortedDistinctAndExact: mhe uses the first t of any list.
func TestActiveSetsAreSortedDistinctAndExact(t *testing.T) {
	c := newCluster(t, small(t, 4, 3))
	acc := c.accumulate(t, c.encrypt(t, []int64{1})...)
	good := c.opening(t, acc, []int{1, 2, 4}, 2)
	ds, _ := c.contributions(t, good, acc)
	for name, change := range map[string]func(*Opening){
		"empty":         func(o *Opening) { o.Active = nil },
		"too few":       func(o *Opening) { o.Active = []int{1, 2} },
		"too many":      func(o *Opening) { o.Active = []int{1, 2, 3, 4} },
		"unsorted":      func(o *Opening) { o.Active = []int{2, 1, 4} },
		"doubled":       func(o *Opening) { o.Active = []int{1, 2, 2} },
		"point 0":       func(o *Opening) { o.Active = []int{0, 1, 2} },
		"point n+1":     func(o *Opening) { o.Active = []int{1, 2, 5} },
		"root outside":  func(o *Opening) { o.Root = 3 },
		"no root":       func(o *Opening) { o.Root = 0 },
		"root negative": func(o *Opening) { o.Root = -1 },
	} {
		o := good
		change(&o)
		if err := o.Check(c.p); !errors.Is(err, ErrActiveSet) {
			t.Errorf("%s: check says %v", name, err)
		}
		if _, _, err := c.keys[1].Contribute(o, acc); !errors.Is(err, ErrActiveSet) {
			t.Errorf("%s: contributing: error is %v", name, err)
		}
		if _, err := c.keys[2].Combine(o, acc, ds); !errors.Is(err, ErrActiveSet) {
			t.Errorf("%s: combining: error is %v", name, err)
		}
	}
	if _, _, err := c.keys[3].Contribute(good, acc); !errors.Is(err, ErrNotActive) {
		t.Errorf("outsider contributes: error is %v", err)
	}
	if _, _, err := c.keys[2].Contribute(good, acc); !errors.Is(err, ErrNotActive) {
		t.Errorf("root contributes: error is %v", err)
	}
	if _, err := c.keys[1].Combine(good, acc, ds); !errors.Is(err, ErrNotActive) {
		t.Errorf("member combines: error is %v", err)
	}

	// The library itself serves a caller outside the list, and a doubled one.
	for _, active := range [][]int{{1, 2, 4}, {3, 3, 3}} {
		if _, err := c.keys[3].additive(active); err != nil {
			t.Errorf("mhe refuses %v by itself now: %v", active, err)
		}
	}
}

// TestOnlyTheOwnAccumulatorIsOpened refuses one that the opening does not name,
// an empty one, and one of another ring.
func TestOnlyTheOwnAccumulatorIsOpened(t *testing.T) {
	c := newCluster(t, small(t, 3, 2))
	tiles := c.encrypt(t, []int64{1}, []int64{2})
	acc := c.accumulate(t, tiles[0])
	o := c.opening(t, acc, []int{1, 2}, 2)
	ds, _ := c.contributions(t, o, acc)
	other := newCluster(t, full(t, 3, 2))
	for name, x := range map[string]struct {
		acc  *Accumulator
		want error
	}{
		"other tiles": {c.accumulate(t, tiles[1]), ErrAccumulator},
		"one more":    {c.accumulate(t, tiles...), ErrAccumulator},
		"empty":       {NewAccumulator(c.p), ErrEmpty},
		"none":        {nil, ErrParameters},
		"other ring":  {other.accumulate(t, other.encrypt(t, []int64{1})...), ErrAccumulator},
	} {
		if _, _, err := c.keys[1].Contribute(o, x.acc); !errors.Is(err, x.want) {
			t.Errorf("%s: contributing: error is %v", name, err)
		}
		if _, err := c.keys[2].Combine(o, x.acc, ds); !errors.Is(err, x.want) {
			t.Errorf("%s: combining: error is %v", name, err)
		}
	}
}

// TestParityFindsAccidents: a tile under another key, a wrong key share, a
// damaged tile, a damaged contribution and a damaged slot all show.
func TestParityFindsAccidents(t *testing.T) {
	c := newCluster(t, small(t, 3, 2))
	stranger := newCluster(t, c.p)
	rng := rand.New(rand.NewPCG(9, 10))
	tiles := c.encrypt(t, readings(rng, c.p.Values(), 40), readings(rng, c.p.Values(), 40))
	parity := func(tiles [][]byte, damage func(ds map[int][]byte, shares map[int][]uint64)) uint64 {
		t.Helper()
		acc := c.accumulate(t, tiles...)
		o := c.opening(t, acc, []int{1, 3}, 3)
		ds, shares := c.contributions(t, o, acc)
		damage(ds, shares)
		shares[3] = must[[]uint64](t)(c.keys[3].Combine(o, acc, ds))
		return c.parity(t, shares)
	}
	nothing := func(map[int][]byte, map[int][]uint64) {}
	if got := parity(tiles, nothing); got != 0 {
		t.Fatalf("without an accident parity is %d", got)
	}
	if parity(append(slices.Clone(tiles), stranger.encrypt(t, []int64{1})...), nothing) == 0 {
		t.Error("a tile under another key is not noticed")
	}
	for range 50 {
		flip := func(b []byte, from int) {
			at := from + 8*rng.IntN((len(b)-from)/8)
			bit := rng.IntN(59)
			x := binary.LittleEndian.Uint64(b[at:]) ^ 1<<bit
			binary.LittleEndian.PutUint64(b[at:], x)
		}
		damaged := [][]byte{tiles[0], bytes.Clone(tiles[1])}
		for flip(damaged[1], headerBytes); c.p.CheckTile(damaged[1]) != nil; {
			copy(damaged[1], tiles[1])
			flip(damaged[1], headerBytes)
		}
		if parity(damaged, nothing) == 0 {
			t.Fatal("a flipped bit in a tile is not noticed")
		}
		if parity(tiles, func(ds map[int][]byte, _ map[int][]uint64) {
			whole := ds[1]
			for ok := false; !ok; ok = c.p.checkOf(kindContribution)(ds[1]) == nil {
				ds[1] = bytes.Clone(whole)
				flip(ds[1], headerBytes+contextSize)
			}
		}) == 0 {
			t.Fatal("a flipped bit in a contribution is not noticed")
		}
		if parity(tiles, func(_ map[int][]byte, shares map[int][]uint64) {
			shares[1][rng.IntN(len(shares[1]))] ^= 1
		}) == 0 {
			t.Fatal("a flipped bit in a slot is not noticed")
		}
	}
	share := bytes.Clone(stranger.shares[1])
	copy(share[headerBytes:], c.reference[:]) // or the root would refuse it
	wrong := must[*NodeKey](t)(NewNodeKey(c.p, 1, share, c.keys[1].pairs, c.keys[1].secret))
	c.keys[1], wrong = wrong, c.keys[1]
	if parity(tiles, nothing) == 0 {
		t.Error("a wrong key share is not noticed")
	}
	c.keys[1] = wrong
}

// TestConcurrentUse runs openings, encryptions and additions of one key in many
// goroutines, and compares every result with the same done alone.
func TestConcurrentUse(t *testing.T) {
	c := newCluster(t, small(t, 4, 3))
	tiles := c.encrypt(t, []int64{1, 2, 3}, []int64{4, 5, 6})
	acc := c.accumulate(t, tiles...)
	enc := must[*Encryptor](t)(NewEncryptor(c.p, c.publicKey))
	type result struct {
		d     []byte
		slots []uint64
		root  []uint64
	}
	opening := func(i int) Opening {
		sets := subsets(4, 3)
		active := sets[i%len(sets)]
		o := c.opening(t, acc, active, active[i%3])
		o.Attempt = i
		return o
	}
	run := func(i int) (result, error) {
		var r result
		o, ds := opening(i), map[int][]byte{}
		for _, j := range o.Active {
			if j == o.Root {
				continue
			}
			d, slots, err := c.keys[j].Contribute(o, acc)
			if err != nil {
				return r, err
			}
			ds[j], r.d, r.slots = d, d, slots
		}
		var err error
		r.root, err = c.keys[o.Root].Combine(o, acc, ds)
		return r, err
	}
	want := make([]result, 32)
	for i := range want {
		r, err := run(i)
		if err != nil {
			t.Fatal(err)
		}
		want[i] = r
	}
	var group sync.WaitGroup
	for i := range want {
		group.Go(func() {
			r, err := run(i)
			if err != nil {
				t.Error(err)
				return
			}
			if !bytes.Equal(r.d, want[i].d) || !slices.Equal(r.slots, want[i].slots) || !slices.Equal(r.root, want[i].root) {
				t.Errorf("opening %d has another result than alone", i)
			}
			e, tile := enc.ShallowCopy(), make([]byte, c.p.TileBytes())
			mine := NewAccumulator(c.p)
			for v := range int64(4) {
				if err := errors.Join(e.Encrypt([]int64{v, int64(i)}, tile), mine.Add(tile, tiles[0])); err != nil {
					t.Error(err)
				}
			}
			o := c.opening(t, mine, []int{1, 2, 3}, 1)
			if got := c.reveal(t, c.open(t, o, mine)); got[0] != 10 || got[1] != int64(4*i+8) {
				t.Errorf("goroutine %d: slots are %d and %d", i, got[0], got[1])
			}
		})
	}
	group.Wait()
}

// TestConcurrentAdditions add to one accumulator: the sum is that of any order.
func TestConcurrentAdditions(t *testing.T) {
	p := small(t, 3, 2)
	tiles := randomTiles(p, 24)
	alone, together := NewAccumulator(p), NewAccumulator(p)
	if err := alone.Add(tiles...); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			if err := together.Add(tiles[3*i : 3*i+3]...); err != nil {
				t.Error(err)
			}
			if _, err := together.Digest(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if must[[32]byte](t)(alone.Digest()) != must[[32]byte](t)(together.Digest()) {
		t.Error("the sums differ")
	}
}

// TestPanicOfTheLibraryBecomesAnError, and leaves everything else working.
func TestPanicOfTheLibraryBecomesAnError(t *testing.T) {
	c := newCluster(t, small(t, 3, 2))
	acc := c.accumulate(t, c.encrypt(t, []int64{1})...)
	o := c.opening(t, acc, []int{1, 2}, 2)
	ds, _ := c.contributions(t, o, acc)
	for _, i := range []int{1, 2} {
		share := c.keys[i].share.Q
		c.keys[i].share.Q = ring.Poly{}
		c.keys[i].forgetSets()
		_, _, errC := c.keys[1].Contribute(o, acc)
		_, errR := c.keys[2].Combine(o, acc, ds)
		if err := []error{errC, errR}[i-1]; !errors.Is(err, ErrInternal) {
			t.Errorf("error is %v", err)
		}
		c.keys[i].share.Q = share
	}
	enc := must[*Encryptor](t)(NewEncryptor(c.p, c.publicKey))
	enc.key[0] = ring.Poly{}
	if err := enc.Encrypt([]int64{1}, make([]byte, c.p.TileBytes())); !errors.Is(err, ErrInternal) {
		t.Errorf("encrypting: error is %v", err)
	}
	d := c.z[0]
	d.poly.Value[0].Q = ring.Poly{}
	if _, err := d.Dealing(1); !errors.Is(err, ErrInternal) {
		t.Errorf("dealing: error is %v", err)
	}
	if got := c.reveal(t, c.open(t, o, acc)); got[0] != 1 {
		t.Errorf("afterwards slot 0 is %d", got[0])
	}
	c.keys[1].Erase() // would hang if a lock were still held
}

// TestUnusableParametersAreRefused names what the constructor checks.
func TestUnusableParametersAreRefused(t *testing.T) {
	for name, change := range map[string]func(*ParametersLiteral){
		"one node":              func(l *ParametersLiteral) { l.Nodes, l.Threshold = 1, 1 },
		"threshold 1":           func(l *ParametersLiteral) { l.Threshold = 1 },
		"threshold beyond n":    func(l *ParametersLiteral) { l.Threshold = 4 },
		"too many nodes":        func(l *ParametersLiteral) { l.Nodes = MaxNodes + 1 },
		"one dealer":            func(l *ParametersLiteral) { l.Dealers = 1 },
		"insecure ring":         func(l *ParametersLiteral) { l.LogN = 12 },
		"no ring":               func(l *ParametersLiteral) { l.LogN = 0 },
		"two primes":            func(l *ParametersLiteral) { l.Q = l.Q[:2] },
		"four primes":           func(l *ParametersLiteral) { l.Q = append(l.Q, 0xffffffffff00001) },
		"prime twice":           func(l *ParametersLiteral) { l.Q[1] = l.Q[0] },
		"no prime":              func(l *ParametersLiteral) { l.Q[1] = 0xffffffffffd8003 },
		"small prime":           func(l *ParametersLiteral) { l.Q[0] = l.T },
		"no NTT in Q":           func(l *ParametersLiteral) { l.Q[0] = 1<<60 - 93 }, // prime, not 1 mod 2N
		"T above Q":             func(l *ParametersLiteral) { l.T = 0x1fffffffffe00001 },
		"T not prime":           func(l *ParametersLiteral) { l.T += 1 << 15 },
		"T without slots":       func(l *ParametersLiteral) { l.T = 1<<58 - 27 }, // prime, not 1 mod 2N
		"smudging too small":    func(l *ParametersLiteral) { l.LogSmudging = 40 },
		"smudging is negative":  func(l *ParametersLiteral) { l.LogSmudging = -1 },
		"smudging out of range": func(l *ParametersLiteral) { l.LogSmudging = 1 << 20 },
	} {
		lit := DataParameters(3, 2)
		change(&lit)
		_, err := NewParameters(lit)
		var noise *NoiseError
		if !errors.Is(err, ErrParameters) && !errors.As(err, &noise) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	var zero Parameters
	acc := NewAccumulator(zero)
	for name, err := range map[string]error{
		"check":      zero.CheckTile(nil),
		"accumulate": acc.Add(nil),
		"encryptor":  func() error { _, err := NewEncryptor(zero, nil); return err }(),
		"dealer":     func() error { _, err := NewDealer(zero, [32]byte{}, 1); return err }(),
		"key":        func() error { _, err := NewNodeKey(zero, 1, nil, nil, [32]byte{}); return err }(),
		"load":       func() error { _, err := zero.CheckLoad(Load{Tiles: 1}); return err }(),
		"public":     func() error { _, err := CombinePublicShares(zero, [32]byte{}, nil); return err }(),
		"dealings":   func() error { _, err := CombineDealings(zero, [32]byte{}, 1, nil); return err }(),
		"known":      func() error { _, err := KnownTile(zero, nil, [32]byte{}, nil); return err }(),
		"fold":       func() error { _, err := zero.Fold(nil, nil, nil); return err }(),
		"parity":     func() error { _, err := zero.Parity(nil); return err }(),
		"opening":    Opening{}.Check(zero),
	} {
		if !errors.Is(err, ErrParameters) {
			t.Errorf("zero value, %s: error is %v", name, err)
		}
	}
}

// TestLattigosDecodersAndEvaluatorsAreNeverCalled: its decoders overflow the
// stack on truncated input, where no recover helps, and its evaluator is silently
// wrong between scales. Neither has a place in this package.
func TestLattigosDecodersAndEvaluatorsAreNeverCalled(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	banned := regexp.MustCompile(`\.(UnmarshalBinary|ReadFrom|UnmarshalJSON|Rescale|Relinearize|WithPRNG)\(|EvaluationKey`)
	seen := 0
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		seen++
		if found := banned.Find(src); found != nil {
			t.Errorf("%s calls %s", f, found)
		}
	}
	if seen < 5 {
		t.Fatalf("only %d files looked at", seen)
	}
}

// TestErrorsCarryTheirNumbers: they reach people.
func TestErrorsCarryTheirNumbers(t *testing.T) {
	p := full(t, 3, 2)
	_, err := p.CheckLoad(Load{Tiles: 1 << 18})
	if want := "262144 tiles under threshold 2 with smudging 2^120"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v", err)
	}
	_, err = p.CheckLoad(Load{Tiles: 1, Magnitude: p.MaxSum().Lsh(p.MaxSum(), 1)})
	if want := fmt.Sprint(p.MaxSum()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v", err)
	}
}
