package he

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/weirdata/weir/compute/he/modular"
)

// sharedPieces is a partition and its witnesses as a client deals them.
type sharedPieces struct {
	structure *PieceStructure
	vector    *vector
	spec      WitnessSpec
	bytes     [][]byte
	witnesses map[int]*WitnessShare
}

func sharePieces(t testing.TB, p ProductParameters, n, threshold int, s *PieceStructure, pieceOf []int8) *sharedPieces {
	t.Helper()
	values := make([]uint64, len(pieceOf))
	for e, i := range pieceOf {
		if i >= 0 {
			values[e] = 1 << i
		}
	}
	out := &sharedPieces{
		structure: s, witnesses: map[int]*WitnessShare{},
		vector: dealt(t, p, VectorSpec{Nodes: n, Threshold: threshold, Entities: len(pieceOf), Bits: s.Pieces}, values),
		spec:   WitnessSpec{Nodes: n, Threshold: threshold, Count: s.Witnesses(), Structure: s.Digest()},
	}
	out.bytes = must[[][]byte](t)(DealWitnesses(p, out.spec, must[[]uint64](t)(PieceWitnesses(p, s, pieceOf))))
	for i, b := range out.bytes {
		out.witnesses[i+1] = must[*WitnessShare](t)(ParseWitnessShare(p, out.spec, i+1, b))
	}
	return out
}

// TestEveryActiveSetComesToTheSame, from what the client has dealt to the nodes.
func TestEveryActiveSetComesToTheSame(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(91, 92))
	for _, threshold := range []int{2, 3} {
		outcomes := map[bool]int{}
		for range 12 {
			s, pieceOf := randomPieces(rng)
			shared := sharePieces(t, p, 4, threshold, s, pieceOf)
			for _, active := range subsets(4, threshold) {
				parties := map[int]*PieceTest{}
				for _, i := range active {
					parties[i] = must[*PieceTest](t)(NewPieceTest(p, session("pieces", active...), i, PieceInput{
						Structure: s, Challenge: [32]byte{5},
						Bits:      must[[]uint64](t)(shared.vector.shares[i].Additive(active)),
						Witnesses: must[[]uint64](t)(shared.witnesses[i].Additive(active)),
					}))
				}
				deliver(t, rng, parties)
				for _, i := range active {
					got := must[bool](t)(parties[i].Passed())
					if got != passesPlainly(s, pieceOf) {
						t.Fatalf("%v: point %d says %v: %+v with %v", active, i, got, s, pieceOf)
					}
					outcomes[got]++
				}
			}
		}
		if len(outcomes) != 2 {
			t.Errorf("outcomes %v: one was never seen", outcomes)
		}
	}
}

// TestWitnessSharesAreUniform: those that are no seeds too, whatever the witnesses.
func TestWitnessSharesAreUniform(t *testing.T) {
	p := smallProducts(t)
	s := WitnessSpec{Nodes: 3, Threshold: 3, Count: 6000}
	for point, b := range must[[][]byte](t)(DealWitnesses(p, s, make([]uint64, s.Count))) {
		w := must[*WitnessShare](t)(ParseWitnessShare(p, s, point+1, b))
		if chi := chiSquare(cellsOf(bigs(w.xs), p.in.modulusOfT())); chi > chiLimit {
			t.Errorf("point %d: χ² is %.0f", point+1, chi)
		}
	}
}

// TestWitnessSharesOfAnotherKindAreRefused: bytes that are not exactly a share of this
// point and test.
func TestWitnessSharesOfAnotherKindAreRefused(t *testing.T) {
	p := smallProducts(t)
	s := WitnessSpec{Nodes: 3, Threshold: 2, Count: 5, Structure: [32]byte{4}}
	shares := must[[][]byte](t)(DealWitnesses(p, s, []uint64{1, 2, 3, 4, p.T() - 1}))
	vectors := must[[][]byte](t)(DealVector(p, VectorSpec{Nodes: 3, Threshold: 2, Entities: 3, Bits: 1}, []uint64{0, 1, 0}))
	beyond := bytes.Clone(shares[2])
	modular.Pack(beyond[witnessHeader:], []uint64{1, 2, 3, 4, p.T()}, p.in.tWidth())
	for name, x := range map[string]struct {
		spec  WitnessSpec
		point int
		b     []byte
		want  error
	}{
		"nothing":            {s, 1, nil, ErrMalformed},
		"a byte less":        {s, 3, shares[2][:len(shares[2])-1], ErrMalformed},
		"a byte more":        {s, 1, append(bytes.Clone(shares[0]), 0), ErrMalformed},
		"another point":      {s, 3, shares[1], ErrVector},
		"a vector's":         {WitnessSpec{Nodes: 3, Threshold: 2, Count: 0}, 2, append(bytes.Clone(vectors[1][:24]), make([]byte, 32)...), ErrMalformed},
		"another structure":  {WitnessSpec{Nodes: 3, Threshold: 2, Count: 5, Structure: [32]byte{5}}, 2, shares[1], ErrVector},
		"another count":      {WitnessSpec{Nodes: 3, Threshold: 2, Count: 6, Structure: s.Structure}, 1, shares[0], ErrVector},
		"another roster":     {WitnessSpec{Nodes: 4, Threshold: 2, Count: 5, Structure: s.Structure}, 1, shares[0], ErrVector},
		"another magic":      {s, 2, changed(shares[1], 0, 'W'), ErrMalformed},
		"another version":    {s, 2, changed(shares[1], 5, 2), ErrMalformed},
		"a reserved byte":    {s, 2, changed(shares[1], 7, 1), ErrMalformed},
		"another modulus":    {s, 2, changed(shares[1], 16, shares[1][16]^1), ErrVector},
		"a number of T":      {s, 3, beyond, ErrMalformed},
		"bits after the end": {s, 3, changed(shares[2], len(shares[2])-1, shares[2][len(shares[2])-1]|0x80), ErrMalformed},
		"point 0":            {s, 0, shares[0], ErrPoint},
		"no threshold":       {WitnessSpec{Nodes: 3, Threshold: 1, Count: 5}, 1, shares[0], ErrVector},
	} {
		if _, err := ParseWitnessShare(p, x.spec, x.point, x.b); !errors.Is(err, x.want) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	if _, err := DealWitnesses(p, s, make([]uint64, 4)); !errors.Is(err, ErrValues) {
		t.Errorf("a witness less: error is %v", err)
	}
	w := must[*WitnessShare](t)(ParseWitnessShare(p, s, 1, shares[0]))
	for _, active := range [][]int{{1}, {1, 2, 3}, {2, 1}, {1, 4}} {
		if _, err := w.Additive(active); !errors.Is(err, ErrActiveSet) {
			t.Errorf("%v: error is %v", active, err)
		}
	}
	if _, err := w.Additive([]int{2, 3}); !errors.Is(err, ErrNotActive) {
		t.Errorf("not a member: error is %v", err)
	}
}

func FuzzWitnessShare(f *testing.F) {
	p := smallProducts(f)
	s := WitnessSpec{Nodes: 3, Threshold: 2, Count: 5, Structure: [32]byte{4}}
	for _, b := range must[[][]byte](f)(DealWitnesses(p, s, []uint64{0, 1, 2, p.T() - 1, p.T() / 2})) {
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for point := 1; point <= 3; point++ {
			w, err := ParseWitnessShare(p, s, point, b)
			if err != nil {
				continue
			}
			again := bytes.Clone(b)
			if point >= s.Threshold {
				modular.Pack(again[witnessHeader:], w.xs, p.in.tWidth())
			}
			if !bytes.Equal(again, b) || int(binary.LittleEndian.Uint16(b[10:])) != point {
				t.Fatal("accepted bytes are not what would be written")
			}
		}
	})
}
