package state

import (
	"bytes"
	"fmt"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/polynomial"
	"github.com/weirdata/weir/catalog/statetest"
)

const testModulus = 0x3ffffffffef8001

// vectorOf is the commitment to the next version of a vector.
func (w *world) vectorOf(name string, version int) catalog.VectorRegister {
	w.t.Helper()
	reg := must[catalog.Registry](w.t)(w.view().Registries().Get("enterprises"))
	b := catalog.VectorRegister{
		Name: name, Version: version, Registry: reg.ID, Entities: reg.Rows, Rows: reg.Digest, Bits: 1, Pieces: 1, Modulus: testModulus,
	}
	for p := range w.n {
		b.Shares = append(b.Shares, catalog.Sum(fmt.Appendf(nil, "share %s %d %d %d", name, version, p, w.seq)))
	}
	return b
}

// vector registers a vector and has all its checks pass.
func (w *world) vector(owner string, b catalog.VectorRegister) catalog.Vector {
	w.t.Helper()
	id := w.ok(owner, catalog.KindVectorRegister, b).ID
	w.held(id)
	w.lined(id)
	active := w.active()
	w.ok(nodeName(w.n), catalog.KindVectorAttempt, catalog.VectorAttempt{Vector: id, Attempt: 1, Active: active})
	for i, node := range active {
		x := []uint64{7, testModulus - 7}[i]
		w.ok(node, catalog.KindVectorBits, catalog.VectorBits{Vector: id, Attempt: 1, Values: []uint64{x, 0}})
	}
	v := must[catalog.Vector](w.t)(w.view().Vectors().Get(id))
	if v.State != catalog.VectorReady {
		w.t.Fatalf("the vector is %s: %s", v.State, v.Reason)
	}
	return v
}

func testNonce(node string) []byte { return bytes.Repeat([]byte{node[len(node)-1]}, 32) }

func (w *world) held(id string) {
	w.t.Helper()
	for p := 1; p <= w.n; p++ {
		w.ok(nodeName(p), catalog.KindVectorHold, catalog.VectorHold{Vector: id, Nonce: testNonce(nodeName(p))})
	}
}

func (w *world) lined(id string) {
	w.t.Helper()
	for p := 1; p <= w.n; p++ { // 5 + 3x and 1 + 2x, thresholds of 2
		w.ok(nodeName(p), catalog.KindVectorLine, catalog.VectorLine{Vector: id, Values: []uint64{uint64(5 + 3*p), uint64(1 + 2*p)}})
	}
}

func (w *world) vectorState(id string) catalog.VectorState {
	w.t.Helper()
	return must[catalog.Vector](w.t)(w.view().Vectors().Get(id)).State
}

func TestVectorIsReadyOnlyAfterBothChecks(t *testing.T) {
	w := ready(t)
	id := w.ok("bank", catalog.KindVectorRegister, w.vectorOf("mine", 1)).ID
	w.no("node1", catalog.KindVectorLine, catalog.VectorLine{Vector: id, Values: []uint64{1, 2}}, catalog.RefusedConflict, "vector_state")
	w.no("node1", catalog.KindVectorHold, catalog.VectorHold{Vector: id, Nonce: []byte("short")}, catalog.RefusedInvalid, "invalid")
	w.ok("node1", catalog.KindVectorHold, catalog.VectorHold{Vector: id, Nonce: testNonce("node1")})
	w.no("node1", catalog.KindVectorHold, catalog.VectorHold{Vector: id, Nonce: testNonce("node2")}, catalog.RefusedConflict, "twice")
	w.ok("node2", catalog.KindVectorHold, catalog.VectorHold{Vector: id, Nonce: testNonce("node2")})
	if got := w.vectorState(id); got != catalog.VectorStoring {
		t.Fatalf("with two of three shares held the vector is %s", got)
	}
	w.ok("node3", catalog.KindVectorHold, catalog.VectorHold{Vector: id, Nonce: testNonce("node3")})
	w.no("node1", catalog.KindVectorHold, catalog.VectorHold{Vector: id, Nonce: testNonce("node9")}, catalog.RefusedConflict, "vector_state")
	w.no("node1", catalog.KindVectorLine, catalog.VectorLine{Vector: id, Values: []uint64{1}}, catalog.RefusedInvalid, "invalid")
	w.no("node1", catalog.KindVectorLine, catalog.VectorLine{Vector: id, Values: []uint64{1, testModulus}}, catalog.RefusedInvalid, "invalid")
	w.lined(id)
	if got := w.vectorState(id); got != catalog.VectorProving {
		t.Fatalf("with all lines in the vector is %s", got)
	}
	active := w.active()
	w.no("node1", catalog.KindVectorBits, catalog.VectorBits{Vector: id, Attempt: 1, Values: []uint64{0, 0}}, catalog.RefusedConflict, "attempt")
	w.no("node1", catalog.KindVectorAttempt, catalog.VectorAttempt{Vector: id, Attempt: 1}, catalog.RefusedInvalid, "invalid")
	w.ok("node1", catalog.KindVectorAttempt, catalog.VectorAttempt{Vector: id, Attempt: 1, Active: active})
	w.ok("node1", catalog.KindVectorBits, catalog.VectorBits{Vector: id, Attempt: 1, Values: []uint64{1, 2}})
	w.no("node3", catalog.KindVectorBits, catalog.VectorBits{Vector: id, Attempt: 1, Values: []uint64{1, 2}}, catalog.RefusedForbidden, "member")
	w.ok("node3", catalog.KindVectorFail, catalog.VectorFail{Vector: id, Attempt: 1, Reason: told("node2 is gone")})
	w.ok("node1", catalog.KindVectorAttempt, catalog.VectorAttempt{Vector: id, Attempt: 2, Active: []string{"node1", "node3"}})
	w.ok("node1", catalog.KindVectorBits, catalog.VectorBits{Vector: id, Attempt: 2, Values: []uint64{4, 0}})
	w.ok("node3", catalog.KindVectorBits, catalog.VectorBits{Vector: id, Attempt: 2, Values: []uint64{testModulus - 4, 0}})
	v := must[catalog.Vector](t)(w.view().Vectors().Get(id))
	if v.State != catalog.VectorReady || v.ReadyAt == 0 || v.Checks != nil || len(must[[]catalog.Vector](t)(w.view().Vectors().Pending())) != 0 {
		t.Errorf("got %+v, want a vector that is ready", v)
	}
	if mine := must[[]catalog.Vector](t)(w.view().Vectors().Of(testID("bank"))); len(mine) != 1 || mine[0].ID != id {
		t.Errorf("the bank has the vectors %+v", mine)
	}
}

func TestVectorIsRejectedForGood(t *testing.T) {
	for name, spoil := range map[string]func(w *world, id string){
		"a node cannot read its share": func(w *world, id string) {
			w.ok("node2", catalog.KindVectorHold, catalog.VectorHold{Vector: id, Reason: told("the share is sealed for something else")})
		},
		"its blobs never come": func(w *world, id string) {
			w.ok("node1", catalog.KindVectorHold, catalog.VectorHold{Vector: id, Nonce: testNonce("node1")})
			w.ok("node3", catalog.KindVectorFail, catalog.VectorFail{Vector: id, Reason: told("node2 and node3 do not hold their shares")})
		},
		"a line never comes": func(w *world, id string) {
			w.held(id)
			w.ok("node3", catalog.KindVectorFail, catalog.VectorFail{Vector: id, Reason: told("node1 has not sent its line")})
		},
		"two sets would see two vectors": func(w *world, id string) {
			w.held(id)
			for p, x := range []uint64{8, 11, 15} {
				w.ok(nodeName(p+1), catalog.KindVectorLine, catalog.VectorLine{Vector: id, Values: []uint64{x, x}})
			}
		},
		"an entry is 2": func(w *world, id string) {
			w.held(id)
			w.lined(id)
			w.ok("node1", catalog.KindVectorAttempt, catalog.VectorAttempt{Vector: id, Attempt: 1, Active: w.active()})
			w.ok("node1", catalog.KindVectorBits, catalog.VectorBits{Vector: id, Attempt: 1, Values: []uint64{0, 1}})
			w.ok("node2", catalog.KindVectorBits, catalog.VectorBits{Vector: id, Attempt: 1, Values: []uint64{0, 1}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := ready(t)
			b := w.vectorOf("mine", 1)
			id := w.ok("bank", catalog.KindVectorRegister, b).ID
			spoil(w, id)
			if v := must[catalog.Vector](t)(w.view().Vectors().Get(id)); v.State != catalog.VectorRejected || v.Reason.IsZero() || v.Lines != nil || v.Checks != nil {
				t.Fatalf("the vector is %+v, want it rejected", v)
			}
			// A second challenge for the same masks would take two equations.
			w.no("node2", catalog.KindVectorHold, catalog.VectorHold{Vector: id, Nonce: testNonce("node4")}, catalog.RefusedConflict, "vector_state")
			w.no("node1", catalog.KindVectorAttempt, catalog.VectorAttempt{Vector: id, Attempt: 2, Active: w.active()}, catalog.RefusedConflict, "vector_state")
			w.no("node1", catalog.KindVectorFail, catalog.VectorFail{Vector: id, Reason: told("again")}, catalog.RefusedConflict, "vector_state")
			b.Version = 2
			w.no("bank", catalog.KindVectorRegister, b, catalog.RefusedConflict, "share_used")
			w.no("insurer", catalog.KindVectorRegister, func() catalog.VectorRegister { b.Version = 1; return b }(), catalog.RefusedConflict, "share_used")
		})
	}
}

func TestVectorCommitmentIsChecked(t *testing.T) {
	w := ready(t)
	for name, change := range map[string]func(*catalog.VectorRegister){
		"name":                    func(b *catalog.VectorRegister) { b.Name = "My list" },
		"no bits":                 func(b *catalog.VectorRegister) { b.Bits = 0 },
		"too many bits":           func(b *catalog.VectorRegister) { b.Bits = 33 },
		"selector with decimals":  func(b *catalog.VectorRegister) { b.Decimals = 2 },
		"modulus":                 func(b *catalog.VectorRegister) { b.Modulus = 1 << 20 },
		"two shares":              func(b *catalog.VectorRegister) { b.Shares = b.Shares[:2] },
		"a share twice":           func(b *catalog.VectorRegister) { b.Shares[1] = b.Shares[0] },
		"no digest":               func(b *catalog.VectorRegister) { b.Shares[1] = catalog.Digest{} },
		"many entities":           func(b *catalog.VectorRegister) { b.Entities = catalog.MaxVectorEntries + 1 },
		"fewer pieces than none":  func(b *catalog.VectorRegister) { b.Pieces = -1 },
		"too many pieces":         func(b *catalog.VectorRegister) { b.Pieces, b.Bits = catalog.MaxPieces+1, catalog.MaxPieces+1 },
		"a bit without a piece":   func(b *catalog.VectorRegister) { b.Pieces, b.Bits = 2, 3 },
		"a piece without a bit":   func(b *catalog.VectorRegister) { b.Pieces = 2 },
		"pieces with decimals":    func(b *catalog.VectorRegister) { b.Pieces, b.Bits, b.Decimals = 2, 2, 1 },
		"no room for the sums":    func(b *catalog.VectorRegister) { b.Pieces, b.Bits, b.Entities = 2, 2, catalog.MaxVectorEntries/3+1 },
		"weights by an attribute": func(b *catalog.VectorRegister) { b.Pieces, b.Bits, b.By = 0, 8, []string{"county"} },
		"by what is not there":    func(b *catalog.VectorRegister) { b.By = []string{"continent"} },
		"by the id":               func(b *catalog.VectorRegister) { b.By = []string{"enterprise"} },
		"by one attribute twice":  func(b *catalog.VectorRegister) { b.By = []string{"county", "county"} },
		"by no order":             func(b *catalog.VectorRegister) { b.By = []string{"industry", "county"} },
	} {
		b := w.vectorOf("mine", 1)
		change(&b)
		t.Run(name, func(t *testing.T) {
			statetest.WantRefusal(t, w.do("bank", catalog.KindVectorRegister, b).Refusal, catalog.RefusedInvalid, "invalid")
		})
	}
	sorted := w.vectorOf("bands", 1)
	sorted.Pieces, sorted.Bits, sorted.By = 16, 16, []string{"county", "industry"}
	if v := w.vector("insurer", sorted); v.Pieces != 16 || !v.Selects() || len(v.By) != 2 {
		t.Errorf("the partition is %+v", v)
	}
	b := w.vectorOf("mine", 1)
	b.Registry = "others"
	w.no("bank", catalog.KindVectorRegister, b, catalog.RefusedUnknown, "unknown")
	b = w.vectorOf("mine", 1)
	b.Entities--
	w.no("bank", catalog.KindVectorRegister, b, catalog.RefusedConflict, "registry")
	w.no("bank", catalog.KindVectorRegister, w.vectorOf("mine", 2), catalog.RefusedConflict, "version")
	w.no("operator", catalog.KindVectorRegister, w.vectorOf("mine", 1), catalog.RefusedForbidden, "role")

	for i := range catalog.MaxOpenVectors {
		w.ok("bank", catalog.KindVectorRegister, w.vectorOf("mine", i+1))
	}
	w.no("bank", catalog.KindVectorRegister, w.vectorOf("mine", catalog.MaxOpenVectors+1), catalog.RefusedConflict, "max_vectors")
	first := must[[]catalog.Vector](t)(w.view().Vectors().Of(testID("bank")))[0].ID
	w.no("insurer", catalog.KindVectorDrop, catalog.VectorDrop{Vector: first}, catalog.RefusedForbidden, "owner")
	w.ok("bank", catalog.KindVectorDrop, catalog.VectorDrop{Vector: first})
	w.no("bank", catalog.KindVectorDrop, catalog.VectorDrop{Vector: first}, catalog.RefusedConflict, "vector_state")
	w.ok("bank", catalog.KindVectorRegister, w.vectorOf("mine", catalog.MaxOpenVectors+1))
}

// What a share is sealed to differs in everything that it must not be used for.
func TestVectorAADTellsEverythingApart(t *testing.T) {
	w := ready(t)
	c := must[catalog.Cluster](t)(w.view().Cluster())
	base := w.vectorOf("mine", 1)
	seen := map[string]string{string(base.AAD(c, "bank", 1)): "itself"}
	add := func(what string, aad []byte) {
		if other, known := seen[string(aad)]; known {
			t.Errorf("%s is sealed as %s", what, other)
		}
		seen[string(aad)] = what
	}
	change := func(what string, f func(*catalog.VectorRegister)) {
		b := base
		f(&b)
		add(what, b.AAD(c, "bank", 1))
	}
	change("another name", func(b *catalog.VectorRegister) { b.Name = "yours" })
	change("another version", func(b *catalog.VectorRegister) { b.Version = 2 })
	change("another registry", func(b *catalog.VectorRegister) { b.Registry = "others" })
	change("another length", func(b *catalog.VectorRegister) { b.Entities++ })
	change("other rows", func(b *catalog.VectorRegister) { b.Rows = catalog.Digest{1} })
	change("other bits", func(b *catalog.VectorRegister) { b.Bits = 2 })
	change("other pieces", func(b *catalog.VectorRegister) { b.Pieces = 2 })
	change("another grouping", func(b *catalog.VectorRegister) { b.By = []string{"county"} })
	change("limits", func(b *catalog.VectorRegister) { b.Limits = []byte{1} })
	change("other decimals", func(b *catalog.VectorRegister) { b.Decimals = 2 })
	change("another modulus", func(b *catalog.VectorRegister) { b.Modulus += 2 })
	add("another owner", base.AAD(c, "insurer", 1))
	add("another node", base.AAD(c, "bank", 2))
	d := c
	d.ID = catalog.Digest{1}
	add("another cluster", base.AAD(d, "bank", 1))
	d = c
	d.Threshold = 3
	add("another threshold", base.AAD(d, "bank", 1))
	d = c
	d.Nodes = c.Nodes[:2]
	add("another roster", base.AAD(d, "bank", 1))
	same := base
	same.Shares = nil
	if !bytes.Equal(same.AAD(c, "bank", 1), base.AAD(c, "bank", 1)) {
		t.Error("the binding depends on the digests of what it binds")
	}
}

// The check of the line agrees with interpolation in big integers.
func TestOnPolynomial(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 7).Draw(t, "n")
		threshold := rapid.IntRange(2, n).Draw(t, "threshold")
		number := rapid.Uint64Range(0, testModulus-1)
		m := new(big.Int).SetUint64(testModulus)
		values := make([][]uint64, n)
		for run := range 2 {
			coefficients := rapid.SliceOfN(number, threshold, threshold).Draw(t, fmt.Sprint("coefficients", run))
			for p := range values {
				at, x := new(big.Int), big.NewInt(int64(p+1))
				for i := len(coefficients) - 1; i >= 0; i-- {
					at.Mul(at, x).Add(at, new(big.Int).SetUint64(coefficients[i])).Mod(at, m)
				}
				values[p] = append(values[p], at.Uint64())
			}
		}
		if !polynomial.Modulus(testModulus).On(values, threshold) {
			t.Fatal("values of a polynomial are refused")
		}
		if threshold == n {
			return // any n values lie on one
		}
		p, run := rapid.IntRange(0, n-1).Draw(t, "point"), rapid.IntRange(0, 1).Draw(t, "run")
		values[p][run] = (values[p][run] + rapid.Uint64Range(1, testModulus-1).Draw(t, "off")) % testModulus
		if polynomial.Modulus(testModulus).On(values, threshold) {
			t.Fatal("a value off the polynomial is not noticed")
		}
	})
}
