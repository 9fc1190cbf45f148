package mpc

import (
	"context"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/records/memstore"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/failure"
)

// TestParityThatDoesNotAddUpEndsTheAttempt before anything is multiplied.
func TestParityThatDoesNotAddUpEndsTheAttempt(t *testing.T) {
	t.Parallel()
	p := dataParameters(t)
	bytes := func(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }
	if err := checkParity(p, 5, [][]byte{bytes(p.T() - 3), bytes(p.T() - 2)}); err != nil {
		t.Errorf("shares of 0: %v", err)
	}
	for name, theirs := range map[string][][]byte{
		"one more":            {bytes(p.T() - 4)},
		"nobody else's":       nil,
		"not below the limit": {bytes(p.T()), bytes(p.T() - 5)},
		"too short":           {bytes(p.T() - 5)[:7]},
		"too long":            {append(bytes(p.T()-5), 0)},
		"empty":               {{}},
	} {
		if err := checkParity(p, 5, theirs); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestComputationsOnSharesBeginOnceAnAttempt: their keys are good for one use.
func TestComputationsOnSharesBeginOnceAnAttempt(t *testing.T) {
	t.Parallel()
	o := newAttempts(nil)
	begins := func(session string) bool { return o.Begin(session) == nil }
	if !begins("query/q/1") || begins("query/q/1") || !begins("query/q/2") {
		t.Fatal("a session began twice, or another one not at all")
	}
	o.Keep(func(session string) bool { return session == "query/q/2" })
	again := o.Begin("query/q/2")
	if again == nil || !begins("query/q/1") {
		t.Fatal("a running session was forgotten, or one that is over was not")
	}
	if !failure.Ends(again) {
		t.Fatal("an attempt goes on after its computation broke off")
	}
}

// TestFactorsAreWhatTheSlotMapsTake, cut into computations of bounded size.
func TestFactorsAreWhatTheSlotMapsTake(t *testing.T) {
	t.Parallel()
	const tiles = 40
	planned := &plan.Plan{Groups: make([]catalog.GroupIndex, 3)}
	singles := make([][]uint64, 2*tiles)
	slotMap := make([]int32, plan.Slots)
	for s := range slotMap {
		slotMap[s] = int32(s%4) - 1
	}
	planned.SlotMaps = [][]int32{slotMap}
	for i := range singles {
		singles[i] = make([]uint64, plan.Slots)
		for s := range singles[i] {
			singles[i][s] = uint64(1000*i + s%7)
		}
	}
	for k := range tiles {
		planned.Products = append(planned.Products, plan.Product{Column: 0, Left: k, Right: tiles + k}, plan.Product{Column: 1, Left: k, Right: k})
	}
	want, got := make([]uint64, 6), make([]uint64, 6)
	for _, x := range planned.Products {
		for s, g := range slotMap {
			if g >= 0 {
				want[3*x.Column+int(g)] += singles[x.Left][s] * singles[x.Right][s]
			}
		}
	}
	asTheyAre := func(plan.Product) (left, right uint64) { return 0, 0 }
	var sizes []int
	for _, squares := range []bool{true, false} {
		err := eachFactors(planned, singles, squares, 1<<57, asTheyAre, func(f factors) error {
			sizes = append(sizes, len(f.left))
			if squares != (f.right == nil) {
				t.Fatal("squares with two factors, or products with one")
			}
			shares := make([]uint64, len(f.left))
			for i, v := range f.left {
				shares[i] = v * v
				if !squares {
					shares[i] = v * f.right[i]
				}
			}
			return addProducts(1<<57, got, f.into, shares)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	rest := tiles*plan.Slots*3/4 - productEntries
	if !slices.Equal(sizes, []int{productEntries, rest, productEntries, rest}) {
		t.Errorf("computations of %v entries", sizes)
	}
	if err := addProducts(7, got, []int{0}, nil); err == nil {
		t.Error("fewer products than asked for were added")
	}
	p, err := he.NewProductParameters(he.DefaultProductParameters())
	if err != nil {
		t.Fatal(err)
	}
	if n := p.RequestBytes(productEntries); int64(n) > limits[KindStages] {
		t.Errorf("a request has %d bytes, a message takes %d", n, limits[KindStages])
	}
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

// TestProductsAreThoseOfTheFeatureLevel: programs before level 4 do not know the messages of today, and a
// cluster that has the level makes no others.
func TestProductsAreThoseOfTheFeatureLevel(t *testing.T) {
	newest, err := he.NewProductParameters(he.DefaultProductParameters())
	if err != nil {
		t.Fatal(err)
	}
	earlier, err := he.NewProductParameters(he.EarlierProductParameters())
	if err != nil {
		t.Fatal(err)
	}
	for level, want := range map[int]he.ProductParameters{0: earlier, 3: earlier, 4: newest, 5: newest} {
		n := &member{Options: Options{Products: newest, Ledger: ledgerOfLevel(level)}}
		if got, err := n.products(); err != nil || got != want {
			t.Errorf("level %d: the wrong parameters, %v", level, err)
		}
	}
	if earlier.AnswerBytes(1) == newest.AnswerBytes(1) || earlier.RequestBytes(1) == newest.RequestBytes(1) {
		t.Error("messages of two levels have the same length, and would be taken for each other's")
	}
}

// ledgerOfLevel is that of a cluster with a feature level.
type ledgerOfLevel int

func (l ledgerOfLevel) View(fn func(state.View) error) error {
	store := memstore.New()
	if err := records.Put(store, records.KeyCluster, catalog.Cluster{Level: int(l)}); err != nil {
		return err
	}
	return fn(state.NewMachine().View(store))
}

func (ledgerOfLevel) Act(context.Context, catalog.Kind, any) error { return nil }
