package node

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/json"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/noise"
)

func FuzzParseGenesis(f *testing.F) {
	operator := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	g, err := NewGenesis(operator, 1_700_000_000_000, catalog.InitBody{
		Name: "test", Threshold: 2,
		Operator: catalog.PrincipalAdd{Name: "operator", Role: catalog.RoleOperator, Key: operator.Public().(ed25519.PublicKey)},
		Nodes:    []catalog.Node{{ID: "n1", Point: 1, Addr: "127.0.0.1:1", API: "https://127.0.0.1:2"}},
	})
	if err != nil {
		f.Fatal(err)
	}
	good, err := json.Marshal(g)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-2])
	f.Add(bytes.Replace(good, []byte(`"v":1`), []byte(`"v":2`), 1))
	f.Add([]byte(`{"v":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := parseGenesis(b)
		if err != nil {
			return
		}
		written, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseGenesis(written)
		if err != nil || !cmp.Equal(g, again) || g.Cluster() != again.Cluster() {
			t.Fatalf("%s is read again as %+v (%v)", written, again, err)
		}
		if body, err := g.Body(); err == nil && g.Envelope.Verify(body.Operator.Key) && again.Cluster().IsZero() {
			t.Fatal("a founding without a cluster")
		}
	})
}

// FuzzDecodeDraws: noise that is stored is that of the plan, number for number, or it is
// refused; it is never drawn anew.
func FuzzDecodeDraws(f *testing.F) {
	law, err := noise.NewLaplace(big.NewRat(40, 1))
	if err != nil {
		f.Fatal(err)
	}
	plan := noisedPlan(3, law, noise.Law{})
	digest := plan.Digest()
	one, err := noise.Draw{Law: law, Values: []int64{1, -2, math.MaxInt64}}.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packParts([][]byte{digest[:], one, nil}))
	f.Add(packParts([][]byte{digest[:], one, one}))
	f.Add(packParts([][]byte{digest[:], one[:len(one)-1], nil}))
	f.Add(packParts([][]byte{digest[1:], one, nil}))
	f.Fuzz(func(t *testing.T, b []byte) {
		draws, err := decodeDraws(b, digest, plan)
		if err != nil {
			return
		}
		parts := [][]byte{digest[:]}
		for i, d := range draws {
			if len(d.Values) != len(plan.Groups) {
				t.Fatalf("column %d has %d numbers", i, len(d.Values))
			}
			if noNoise(plan.Noise[i]) {
				parts = append(parts, nil)
				continue
			}
			written, err := d.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, written)
		}
		if !bytes.Equal(packParts(parts), b) {
			t.Fatalf("%x is written as %x", b, packParts(parts))
		}
	})
}

// FuzzParseShareName: the names of stored shares come back out of the directory.
func FuzzParseShareName(f *testing.F) {
	f.Add(secretShare("q-1", time.UnixMilli(1_700_000_000_123)))
	f.Add("answered/q-1")
	f.Add("answered/q/1/-2")
	f.Add("answered/q/+2")
	f.Fuzz(func(t *testing.T, name string) {
		query, at, ok := parseShareName(name)
		if ok && secretShare(query, at) != name {
			t.Fatalf("%q is the share of %q, which is %q", name, query, secretShare(query, at))
		}
	})
}

func FuzzUnpackUint64s(f *testing.F) {
	f.Add(packUint64s([]uint64{1, math.MaxUint64}), 2)
	f.Add([]byte{1, 2, 3}, 0)
	f.Add([]byte{}, math.MaxInt)
	f.Add(make([]byte, 8), 1<<61+1)
	f.Fuzz(func(t *testing.T, b []byte, want int) {
		v, err := unpackUint64s(b, want)
		if err == nil && (len(v) != want || !bytes.Equal(packUint64s(v), b)) {
			t.Fatalf("%x is %v", b, v)
		}
	})
}

// FuzzCheckParity: shares that others sent pass only when all are numbers and the sum
// with one's own is 0.
func FuzzCheckParity(f *testing.F) {
	p := dataParameters(f)
	add := func(own, other uint64) { f.Add(own, binary.LittleEndian.AppendUint64(nil, other)) }
	add(5, p.T()-5)
	add(5, p.T()-4)
	add(0, p.T())
	f.Add(uint64(0), []byte{0})
	f.Fuzz(func(t *testing.T, own uint64, theirs []byte) {
		own %= p.T()
		if checkParity(p, own, [][]byte{theirs}) != nil {
			return
		}
		if len(theirs) != 8 || binary.LittleEndian.Uint64(theirs) >= p.T() || (own+binary.LittleEndian.Uint64(theirs))%p.T() != 0 {
			t.Fatalf("%d and %x pass", own, theirs)
		}
	})
}
