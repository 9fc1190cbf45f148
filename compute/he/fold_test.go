package he

import (
	"errors"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// TestFoldAddsUp compares with sums over big integers, and that folding shares
// is folding slots.
func TestFoldAddsUp(t *testing.T) {
	p := small(t, 3, 2)
	modulus := new(big.Int).SetUint64(p.T())
	rapid.Check(t, func(t *rapid.T) {
		groups := make([]uint64, rapid.IntRange(1, 40).Draw(t, "groups"))
		want := make([]*big.Int, len(groups)+1)
		for g := range groups {
			groups[g] = rapid.Uint64Range(0, p.T()-1).Draw(t, "group")
			want[g] = new(big.Int).SetUint64(groups[g])
		}
		want[len(groups)] = new(big.Int)
		slots, slotMap := make([]uint64, p.Slots()), make([]int32, p.Slots())
		seed := rapid.Uint64().Draw(t, "seed")
		for i := range slots {
			seed = seed*6364136223846793005 + 1442695040888963407
			slots[i] = seed % p.T()
			slotMap[i] = int32(seed>>33%uint64(len(groups)+1)) - 1
		}
		slotMap[p.Slots()-1] = -1
		for i, g := range slotMap {
			if g < 0 {
				g = int32(len(groups))
			}
			want[g].Add(want[g], new(big.Int).SetUint64(slots[i]))
		}
		rest, err := p.Fold(slots, slotMap, groups)
		if err != nil {
			t.Fatal(err)
		}
		for g, x := range append(groups, rest) {
			if want[g].Mod(want[g], modulus).Uint64() != x {
				t.Fatalf("group %d is %d instead of %d", g, x, want[g])
			}
		}
	})
}

// TestFoldRefusesWhatDoesNotFit: lengths, groups, the parity slot, numbers.
func TestFoldRefusesWhatDoesNotFit(t *testing.T) {
	p := small(t, 3, 2)
	n := p.Slots()
	none := func() []int32 {
		m := make([]int32, n)
		for i := range m {
			m[i] = -1
		}
		return m
	}
	with := func(at int, g int32) []int32 {
		m := none()
		m[at] = g
		return m
	}
	zeros, big := make([]uint64, n), make([]uint64, n)
	big[3] = p.T()
	for name, x := range map[string]struct {
		slots   []uint64
		slotMap []int32
		groups  []uint64
		want    error
	}{
		"fits":        {zeros, with(0, 1), make([]uint64, 2), nil},
		"no group":    {zeros, none(), nil, nil},
		"group":       {zeros, with(0, 2), make([]uint64, 2), ErrSlotMap},
		"negative":    {zeros, with(0, -2), make([]uint64, 2), ErrSlotMap},
		"parity slot": {zeros, with(n-1, 0), make([]uint64, 2), ErrSlotMap},
		"short map":   {zeros, none()[1:], make([]uint64, 2), ErrSlotMap},
		"short slots": {zeros[1:], none(), make([]uint64, 2), ErrSlotMap},
		"slot is T":   {big, none(), make([]uint64, 2), ErrValues},
		"group is T":  {zeros, none(), []uint64{p.T()}, ErrValues},
	} {
		if _, err := p.Fold(x.slots, x.slotMap, x.groups); !errors.Is(err, x.want) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	if _, err := p.Parity(zeros[1:]); !errors.Is(err, ErrSlotMap) {
		t.Errorf("parity: error is %v", err)
	}
	if err := p.AddMod([]uint64{1}, []uint64{1, 2}); !errors.Is(err, ErrValues) {
		t.Errorf("adding different lengths: error is %v", err)
	}
	if err := p.AddMod([]uint64{1}, []uint64{p.T()}); !errors.Is(err, ErrValues) {
		t.Errorf("adding T: error is %v", err)
	}
}

// TestValuesThatDoNotFitATileAreRefused at the edge of T/2 and of the slots.
func TestValuesThatDoNotFitATileAreRefused(t *testing.T) {
	c := newCluster(t, small(t, 3, 2))
	enc := must[*Encryptor](t)(NewEncryptor(c.p, c.publicKey))
	half := c.p.MaxSum().Int64()
	tile := make([]byte, c.p.TileBytes())
	for name, x := range map[string]struct {
		values []int64
		dst    []byte
		want   error
	}{
		"none":         {nil, tile, nil},
		"extremes":     {[]int64{half, -half}, tile, nil},
		"beyond":       {[]int64{half + 1}, tile, ErrValues},
		"below":        {[]int64{-half - 1}, tile, ErrValues},
		"lowest":       {[]int64{-1 << 63}, tile, ErrValues},
		"full":         {make([]int64, c.p.Values()), tile, nil},
		"one too many": {make([]int64, c.p.Slots()), tile, ErrValues},
		"short tile":   {nil, tile[1:], ErrMalformed},
	} {
		if err := enc.Encrypt(x.values, x.dst); !errors.Is(err, x.want) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	for _, v := range []int64{0, 1, -1, half, -half} {
		if got := c.p.Centre(uint64(v) + c.p.T()&uint64(v>>63)); got != v {
			t.Errorf("%d is centred to %d", v, got)
		}
	}
}

// TestEncryptionIsFresh: equal values, different tiles.
func TestEncryptionIsFresh(t *testing.T) {
	c := newCluster(t, small(t, 3, 2))
	tiles := c.encrypt(t, []int64{1}, []int64{1})
	for poly := range 2 {
		from := headerBytes + poly*8*limbs*c.p.in.n
		same := 0
		for i := from; i < from+8*limbs*c.p.in.n; i += 8 {
			if string(tiles[0][i:i+8]) == string(tiles[1][i:i+8]) {
				same++
			}
		}
		if same > 0 {
			t.Errorf("polynomial %d: %d equal coefficients", poly, same)
		}
	}
}
