package he

import (
	"errors"
	"slices"
	"testing"

	"github.com/tuneinsight/lattigo/v5/core/rlwe"
	"github.com/tuneinsight/lattigo/v5/he/heint"
	"github.com/tuneinsight/lattigo/v5/ring"
)

// TestKnownTileTestsANewKey is step 5 of the ceremony: all nodes build the same
// bytes, and n−t+1 active sets that cover all nodes open them.
func TestKnownTileTestsANewKey(t *testing.T) {
	c := newCluster(t, small(t, 5, 3))
	values := []int64{1, -1, 1 << 50, 12345}
	seed := [32]byte{9}
	tile := must[[]byte](t)(KnownTile(c.p, c.publicKey, seed, values))
	if string(tile) != string(must[[]byte](t)(KnownTile(c.p, c.publicKey, seed, values))) {
		t.Fatal("two nodes build different known tiles")
	}
	if string(tile) == string(must[[]byte](t)(KnownTile(c.p, c.publicKey, [32]byte{8}, values))) {
		t.Fatal("the seed does not matter")
	}
	acc := c.accumulate(t, tile)
	for _, active := range [][]int{{1, 2, 3}, {2, 3, 4}, {3, 4, 5}} {
		shares := c.open(t, c.opening(t, acc, active, active[0]), acc)
		got := c.reveal(t, shares)
		for i, v := range values {
			if got[i] != v {
				t.Fatalf("set %v: slot %d is %d instead of %d", active, i, got[i], v)
			}
		}
		if c.parity(t, shares) != 0 {
			t.Fatalf("set %v: parity", active)
		}
	}
}

// TestPointZeroIsRefused: mhe hands out the secret there, without an error.
func TestPointZeroIsRefused(t *testing.T) {
	p := small(t, 3, 2)
	d := must[*Dealer](t)(NewDealer(p, [32]byte{1}, 1))
	out := d.thr.AllocateThresholdSecretShare()
	d.thr.GenShamirSecretShare(0, d.poly, &out)
	if !out.Q.Equal(&d.poly.Value[0].Q) {
		t.Error("mhe no longer hands out the secret at point 0")
	}
	for _, point := range []int{-1, 0, 4, 1 << 32} {
		if _, err := d.Dealing(point); !errors.Is(err, ErrPoint) {
			t.Errorf("dealing to %d: error is %v", point, err)
		}
		if _, err := NewDealer(p, [32]byte{1}, point); !errors.Is(err, ErrPoint) {
			t.Errorf("dealer %d: error is %v", point, err)
		}
		if _, err := CombineDealings(p, [32]byte{1}, point, nil); !errors.Is(err, ErrPoint) {
			t.Errorf("share of %d: error is %v", point, err)
		}
	}
}

// TestCeremonyTakesOnePieceOfEveryDealer refuses missing, doubled, foreign and
// misdirected pieces.
func TestCeremonyTakesOnePieceOfEveryDealer(t *testing.T) {
	p := small(t, 3, 2)
	reference, other := [32]byte{1}, [32]byte{2}
	var dealings, publics [][]byte
	for i := 1; i <= 3; i++ {
		d := must[*Dealer](t)(NewDealer(p, reference, i))
		dealings = append(dealings, must[[]byte](t)(d.Dealing(2)))
		publics = append(publics, d.PublicShare())
	}
	late := must[*Dealer](t)(NewDealer(p, other, 3))
	combine := func(pieces ...[]byte) error {
		_, err := CombineDealings(p, reference, 2, pieces)
		return err
	}
	public := func(pieces ...[]byte) error {
		_, err := CombinePublicShares(p, reference, pieces)
		return err
	}
	elsewhere := must[*Dealer](t)(NewDealer(p, reference, 3))
	for name, x := range map[string]struct {
		err  error
		want error
	}{
		"all":                   {combine(dealings...), nil},
		"any order":             {combine(dealings[2], dealings[0], dealings[1]), nil},
		"missing":               {combine(dealings[:2]...), ErrMissing},
		"none":                  {combine(), ErrMissing},
		"doubled":               {combine(dealings[0], dealings[1], dealings[1]), ErrForeignDealing},
		"one too many":          {combine(append(dealings, dealings[0])...), ErrForeignDealing},
		"of another attempt":    {combine(dealings[0], dealings[1], must[[]byte](t)(late.Dealing(2))), ErrForeignDealing},
		"for another node":      {combine(dealings[0], dealings[1], must[[]byte](t)(elsewhere.Dealing(1))), ErrForeignDealing},
		"public: all":           {public(publics...), nil},
		"public: missing":       {public(publics[:2]...), ErrMissing},
		"public: doubled":       {public(publics[0], publics[1], publics[1]), ErrForeignDealing},
		"public: other attempt": {public(publics[0], publics[1], late.PublicShare()), ErrForeignDealing},
		"public: a dealing":     {public(publics[0], publics[1], dealings[2]), ErrMalformed},
	} {
		if !errors.Is(x.err, x.want) {
			t.Errorf("%s: error is %v", name, x.err)
		}
	}
	share := must[[]byte](t)(CombineDealings(p, reference, 2, dealings))
	pairs := map[int][32]byte{1: {1}, 3: {1}}
	for name, x := range map[string]struct {
		point  int
		pairs  map[int][32]byte
		secret [32]byte
		want   error
	}{
		"right":         {2, pairs, [32]byte{1}, nil},
		"other point":   {1, map[int][32]byte{2: {1}, 3: {1}}, [32]byte{1}, ErrPoint},
		"no seed":       {2, map[int][32]byte{1: {1}}, [32]byte{1}, ErrMissing},
		"empty seed":    {2, map[int][32]byte{1: {1}, 3: {}}, [32]byte{1}, ErrMissing},
		"seed too many": {2, map[int][32]byte{1: {1}, 3: {1}, 2: {1}}, [32]byte{1}, ErrPoint},
		"no secret":     {2, pairs, [32]byte{}, ErrMissing},
	} {
		if _, err := NewNodeKey(p, x.point, share, x.pairs, x.secret); !errors.Is(err, x.want) {
			t.Errorf("node key, %s: error is %v", name, err)
		}
	}
}

// TestErasedSecretsAreGone also looks at the memory.
func TestErasedSecretsAreGone(t *testing.T) {
	c := newCluster(t, small(t, 3, 2))
	acc := c.accumulate(t, c.encrypt(t, []int64{1})...)
	o := c.opening(t, acc, []int{1, 2}, 2)
	c.contributions(t, o, acc)
	weighted := must[ring.Poly](t)(c.keys[1].additive(o.Active))
	if len(c.keys[1].weighted) != 1 {
		t.Fatal("the weighted share was not kept")
	}
	poly := c.z[0].poly.Value
	c.z[0].Erase()
	if _, err := c.z[0].Dealing(1); !errors.Is(err, ErrErased) {
		t.Errorf("dealing: error is %v", err)
	}
	c.keys[1].Erase()
	if _, _, err := c.keys[1].Contribute(o, acc); !errors.Is(err, ErrErased) {
		t.Errorf("contributing: error is %v", err)
	}
	if _, err := c.keys[1].Combine(o, acc, nil); !errors.Is(err, ErrErased) {
		t.Errorf("combining: error is %v", err)
	}
	if _, err := c.keys[1].Reshare(c.p, [32]byte{}, []int{1, 2}); !errors.Is(err, ErrErased) {
		t.Errorf("resharing: error is %v", err)
	}
	for _, limbs := range slices.Concat(poly[0].Q.Coeffs, c.keys[1].share.Q.Coeffs, weighted.Coeffs) {
		for _, x := range limbs {
			if x != 0 {
				t.Fatal("a secret is still there")
			}
		}
	}
}

// TestReshareKeepsTheKey moves a key from 2 of 3 to 3 of 5 nodes and back to 2 of
// 2: tiles of the old epoch open under the new ones.
func TestReshareKeepsTheKey(t *testing.T) {
	c := newCluster(t, small(t, 3, 2))
	values := []int64{-5, 6, 1 << 40}
	tiles := c.encrypt(t, values)
	for epoch, x := range []struct {
		active           []int
		nodes, threshold int
	}{{[]int{1, 3}, 5, 3}, {[]int{2, 3, 5}, 2, 2}} {
		lit := c.p.Literal()
		lit.Nodes, lit.Threshold, lit.LogSmudging = x.nodes, x.threshold, 0
		next := must[Parameters](t)(newParameters(lit))
		reference := [32]byte{byte(epoch), 77}
		var dealers []*Dealer
		for _, i := range x.active {
			dealers = append(dealers, must[*Dealer](t)(c.keys[i].Reshare(next, reference, x.active)))
			if dealers[0].PublicShare() != nil {
				t.Error("a resharing has a public share")
			}
		}
		pairs := pairSeeds(t, x.nodes)
		moved := &cluster{p: next, publicKey: c.publicKey, shares: map[int][]byte{}, keys: map[int]*NodeKey{}}
		for j := 1; j <= x.nodes; j++ {
			var dealings [][]byte
			for _, d := range dealers {
				dealings = append(dealings, must[[]byte](t)(d.Dealing(j)))
			}
			if _, err := CombineReshared(next, reference, j, x.active, dealings[1:]); !errors.Is(err, ErrMissing) {
				t.Errorf("a dealer missing: error is %v", err)
			}
			moved.shares[j] = must[[]byte](t)(CombineReshared(next, reference, j, x.active, dealings))
			moved.keys[j] = must[*NodeKey](t)(NewNodeKey(next, j, moved.shares[j], pairs[j], [32]byte{1}))
		}
		c = moved
		acc := c.accumulate(t, tiles...)
		active := everyPoint(x.threshold)
		shares := c.open(t, c.opening(t, acc, active, 2), acc)
		for i, got := range c.reveal(t, shares)[:len(values)] {
			if got != values[i] {
				t.Fatalf("epoch %d: slot %d is %d instead of %d", epoch, i, got, values[i])
			}
		}
		if c.parity(t, shares) != 0 {
			t.Fatalf("epoch %d: parity", epoch)
		}
	}
	other := small(t, 4, 2) // another number of dealers: the noise bound would be wrong
	if _, err := c.keys[1].Reshare(other, [32]byte{}, []int{1, 2}); !errors.Is(err, ErrParameters) {
		t.Errorf("changed dealers: error is %v", err)
	}
	if _, err := c.keys[1].Reshare(c.p, [32]byte{}, []int{2, 1}); !errors.Is(err, ErrActiveSet) {
		t.Errorf("unsorted set: error is %v", err)
	}
}

// TestLattigoDecryptsOurTiles holds encoding, slot order and scale against the
// library's own decryptor under the sum of the dealers' secrets, and its
// encryptor against our openings.
func TestLattigoDecryptsOurTiles(t *testing.T) {
	c := newCluster(t, full(t, 3, 2))
	in := c.p.in
	values := []int64{1, -2, 3, 1 << 56, -(1 << 56)}
	tile := c.encrypt(t, values)[0]
	sk := rlwe.NewSecretKey(in.he)
	sk.Value.Q.Copy(c.secret())
	in.he.RingQ().MForm(sk.Value.Q, sk.Value.Q)
	ct := heint.NewCiphertext(in.he, 1, limbs-1)
	in.load(ct.Value[0], tile, kindTile, 0)
	in.load(ct.Value[1], tile, kindTile, 1)
	ct.IsNTT, ct.IsBatched, ct.Scale = true, true, in.he.DefaultScale()
	got := make([]int64, in.n)
	if err := heint.NewEncoder(in.he).Decode(heint.NewDecryptor(in.he, sk).DecryptNew(ct), got); err != nil {
		t.Fatal(err)
	}
	for i, v := range values {
		if got[i] != v {
			t.Errorf("slot %d is %d instead of %d", i, got[i], v)
		}
	}

	pt := heint.NewPlaintext(in.he, limbs-1)
	if err := heint.NewEncoder(in.he).Encode(values, pt); err != nil {
		t.Fatal(err)
	}
	if err := heint.NewEncryptor(in.he, sk).Encrypt(pt, ct); err != nil {
		t.Fatal(err)
	}
	in.store(tile, kindTile, 0, ct.Value[0])
	in.store(tile, kindTile, 1, ct.Value[1])
	acc := c.accumulate(t, tile)
	for i, v := range c.reveal(t, c.open(t, c.opening(t, acc, []int{1, 2}, 2), acc))[:len(values)] {
		if v != values[i] {
			t.Errorf("lattigo's tile: slot %d is %d instead of %d", i, v, values[i])
		}
	}
}
