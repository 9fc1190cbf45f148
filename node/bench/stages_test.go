package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/bits-and-blooms/bitset"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/assignment"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/compute/tiles"
)

// stages is one query between the verdict and the table, with everything that
// its stages need: a panel of one measure, encrypted in a store, the keys of an
// active set of two, and the buyer's key.
type stages struct {
	tb         testing.TB
	p          he.Parameters
	keys       []*he.NodeKey
	store      *tiles.Store
	descriptor catalog.Descriptor
	version    catalog.Version
	verdict    catalog.Verdict
	compiled   *sql.Compiled
	presence   *tiles.Presence
	digests    [][]catalog.Digest // of a block's tiles
	cells      int
	truth      []string // sums of the groups
	private    []byte   // the buyer's
	public     []byte
	opened     int // openings so far: none is done twice
}

const counties = 11

func must[T any](tb testing.TB) func(T, error) T {
	return func(x T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return x
	}
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// newStages encrypts entities × months and has them grouped by county.
func newStages(tb testing.TB, entities, months int) *stages {
	tb.Helper()
	s := &stages{tb: tb, p: must[he.Parameters](tb)(he.NewParameters(he.DataParameters(3, 2))), cells: entities * months}
	_, first, err := calendar.Parse("2019-01")
	check(tb, err)
	s.descriptor = catalog.Descriptor{
		Dataset: "d", Entity: "enterprise", Grain: calendar.Month, Measures: []catalog.Measure{{Name: "nox", Unit: "kg", Max: 1000}},
	}
	s.version = catalog.Version{Version: 1, VersionPropose: catalog.VersionPropose{
		Dataset: "d", First: first, Periods: months, Entities: entities,
		Blocks: tiles.Layout(s.p.Values(), entities, calendar.Month),
	}}
	s.verdict = catalog.Verdict{
		Dataset: "d", Version: 1, Layers: []catalog.Layer{{Version: 1, Entities: entities}}, Columns: []catalog.Column{{Measure: "nox"}},
		PeriodGroups: []catalog.PeriodGroup{{Intervals: []calendar.Interval{{From: first, To: first + int64(months)}}}},
	}
	assign, sums := make([]int32, entities), make([]int64, counties)
	for e := range assign {
		assign[e] = int32(e * 7919 % counties)
	}
	for c := range counties {
		s.verdict.EntityGroups = append(s.verdict.EntityGroups, catalog.EntityGroup{Values: []string{"county " + strconv.Itoa(10+c)}})
		s.verdict.Parts = append(s.verdict.Parts, catalog.Part{Group: c, Class: -1})
	}
	s.verdict.Assign = assignment.Pack(assign)
	present, values := bitset.MustNew(uint(s.cells)), make([]int64, s.cells)
	for i := range values {
		if i%50 == 3 {
			continue // missing, which is encoded as the middle: 0
		}
		present.Set(uint(i))
		reading := int64(i*31%1000 + 1)
		values[i] = reading - 500
		sums[assign[i%entities]] += reading
	}
	for _, sum := range sums {
		s.truth = append(s.truth, strconv.FormatInt(sum, 10))
	}
	s.presence = must[*tiles.Presence](tb)(tiles.PresenceOf([]*bitset.BitSet{present}, entities, months))
	s.compiled = s.compile()
	if s.private, s.public, err = seal.GenerateKey(); err != nil {
		tb.Fatal(err)
	}
	s.encrypt(source{entities, months, values})
	return s
}

// source is a panel of one measure.
type source struct {
	entities, periods int
	values            []int64
}

func (s source) Size() (measures, entities, periods int) { return 1, s.entities, s.periods }

func (s source) Read(_, from int, into []int64) error {
	copy(into, s.values[from:from+len(into)])
	return nil
}

// encrypt makes the keys and fills the store.
func (s *stages) encrypt(panel source) {
	tb := s.tb
	var reference, pair [32]byte
	must[int](tb)(rand.Read(reference[:]))
	must[int](tb)(rand.Read(pair[:]))
	var dealers []*he.Dealer
	var publics [][]byte
	for point := 1; point <= s.p.Nodes(); point++ {
		d := must[*he.Dealer](tb)(he.NewDealer(s.p, reference, point))
		dealers, publics = append(dealers, d), append(publics, d.PublicShare())
	}
	for point := 1; point <= s.p.Threshold(); point++ {
		var dealings [][]byte
		pairs := map[int][32]byte{}
		for i, d := range dealers {
			dealings = append(dealings, must[[]byte](tb)(d.Dealing(point)))
			if i+1 != point {
				pairs[i+1] = pair
			}
		}
		share := must[[]byte](tb)(he.CombineDealings(s.p, reference, point, dealings))
		s.keys = append(s.keys, must[*he.NodeKey](tb)(he.NewNodeKey(s.p, point, share, pairs, pair)))
	}
	e := must[*he.Encryptor](tb)(he.NewEncryptor(s.p, must[[]byte](tb)(he.CombinePublicShares(s.p, reference, publics))))
	s.store = must[*tiles.Store](tb)(tiles.Open(tb.TempDir(), tiles.StoreOptions{}))
	tb.Cleanup(func() { check(tb, s.store.Close()) })
	all := must[[][][]catalog.Digest](tb)(tiles.Pack(tb.Context(), panel, s.version.Blocks, tiles.PackOptions{
		Values: s.p.Values(), TileBytes: s.p.PackedTileBytes(), Workers: 1,
		NewEncryptor: func() (tiles.Encryptor, error) { return e, nil },
	}, func(t tiles.Tile) error { return s.store.Put(context.Background(), t.Digest, t.Bytes) }))
	s.digests = all[0]
	check(tb, s.store.Sync(tb.Context()))
}

const stagesSQL = "SELECT county, SUM(nox) AS nox FROM d GROUP BY county"

func (s *stages) compile() *sql.Compiled {
	return must[*sql.Compiled](s.tb)(sql.Compile(stagesSQL,
		sql.Schema{Descriptor: s.descriptor, Columns: []string{"county"}, IDColumn: "id"}))
}

func (s *stages) plan() *plan.Plan {
	return must[*plan.Plan](s.tb)(plan.New(s.descriptor, []plan.Layer{{Version: s.version}}, s.verdict))
}

// accumulate adds the plan's tiles up from the store, as each node does.
func (s *stages) accumulate(plan *plan.Plan) []*he.Accumulator {
	accs := make([]*he.Accumulator, len(plan.Accumulators))
	for i, a := range plan.Accumulators {
		digests := make([]catalog.Digest, len(a.Tiles))
		for j, k := range a.Tiles {
			digests[j] = s.digests[a.Block][k]
		}
		accs[i] = he.NewAccumulator(s.p)
		check(s.tb, s.store.Accumulate(s.tb.Context(), digests, accs[i].Add))
	}
	return accs
}

// fetch reads the plan's tiles, verified, and adds nothing.
func (s *stages) fetch(plan *plan.Plan) {
	for _, a := range plan.Accumulators {
		digests := make([]catalog.Digest, len(a.Tiles))
		for j, k := range a.Tiles {
			digests[j] = s.digests[a.Block][k]
		}
		check(s.tb, s.store.Accumulate(s.tb.Context(), digests, func(...[]byte) error { return nil }))
	}
}

// openings names one opening of every accumulator.
func (s *stages) openings(plan *plan.Plan, accs []*he.Accumulator) []he.Opening {
	openings := make([]he.Opening, len(accs))
	digest := plan.Digest()
	for i, acc := range accs {
		s.opened++
		openings[i] = he.Opening{
			Key: "bench", Query: "q", Attempt: s.opened, Plan: digest, Number: i, Active: []int{1, 2}, Root: 1,
			Accumulator: must[[32]byte](s.tb)(acc.Digest()),
		}
	}
	return openings
}

// share is the member's part of the openings: what it sends to the root, and its
// slots.
func (s *stages) share(openings []he.Opening, accs []*he.Accumulator) (sent [][]byte, slots [][]uint64) {
	for i, acc := range accs {
		d, own, err := s.keys[1].Contribute(openings[i], acc)
		check(s.tb, err)
		sent, slots = append(sent, d), append(slots, own)
	}
	return sent, slots
}

// root is the root's part: its slots.
func (s *stages) root(openings []he.Opening, accs []*he.Accumulator, sent [][]byte) (slots [][]uint64) {
	for i, acc := range accs {
		slots = append(slots, must[[]uint64](s.tb)(s.keys[0].Combine(openings[i], acc, map[int][]byte{2: sent[i]})))
	}
	return slots
}

// open opens every accumulator: slots by accumulator, then by node.
func (s *stages) open(plan *plan.Plan, accs []*he.Accumulator) [][][]uint64 {
	openings := s.openings(plan, accs)
	sent, member := s.share(openings, accs)
	root := s.root(openings, accs, sent)
	slots := make([][][]uint64, len(accs))
	for i := range accs {
		slots[i] = [][]uint64{root[i], member[i]}
	}
	return slots
}

// fold folds one node's slots into the plan's groups, and their parity.
func (s *stages) fold(plan *plan.Plan, slots [][][]uint64, node int) (values []uint64, parity uint64) {
	values = make([]uint64, plan.Width)
	sum := []uint64{0}
	for i, a := range plan.Accumulators {
		must[uint64](s.tb)(s.p.Fold(slots[i][node], plan.SlotMaps[a.SlotMap], values))
		own := must[uint64](s.tb)(s.p.Parity(slots[i][node]))
		check(s.tb, s.p.AddMod(sum, []uint64{own}))
	}
	return values, sum[0]
}

func (s *stages) seal(values []uint64, parity uint64) []byte {
	return must[[]byte](s.tb)(seal.Seal(s.public, []byte(seal.ShareInfo), nil, seal.EncodeShare(values, &parity)))
}

// unseal is the client's first part: open the shares, add, check parity.
func (s *stages) unseal(plan *plan.Plan, sealed [][]byte) []int64 {
	sums, parity := make([]uint64, plan.Width), []uint64{0}
	for _, one := range sealed {
		plain := must[[]byte](s.tb)(seal.Open(s.private, []byte(seal.ShareInfo), nil, one))
		values, own, err := seal.DecodeShare(plain, plan.Width, s.p.T())
		check(s.tb, err)
		check(s.tb, s.p.AddMod(sums, values))
		check(s.tb, s.p.AddMod(parity, []uint64{*own}))
	}
	if parity[0] != 0 {
		s.tb.Fatalf("parity is %d", parity[0])
	}
	centred := make([]int64, len(sums))
	for i, x := range sums {
		centred[i] = s.p.Centre(x)
	}
	return centred
}

// table is the client's second part: from sums and counts to rows.
func (s *stages) table(planned *plan.Plan, sums []int64) *result.Table {
	return must[*result.Table](s.tb)(result.NewTable(s.compiled, result.Input{
		Descriptor: s.descriptor, Layers: []plan.Layer{{Version: s.version, Presence: s.presence}}, Verdict: s.verdict, Plan: planned, Sums: sums,
	}))
}

// query is everything in turn, each node's work done once where both do it.
func (s *stages) query() *result.Table {
	plan := s.plan()
	slots := s.open(plan, s.accumulate(plan))
	var sealed [][]byte
	for node := range s.keys {
		sealed = append(sealed, s.seal(s.fold(plan, slots, node)))
	}
	return s.table(plan, s.unseal(plan, sealed))
}

// What the benchmarks time gives the sums of the plaintext.
func TestStagesGiveTheSumsOfThePlaintext(t *testing.T) {
	for _, size := range [][2]int{{30, 5}, {8200, 3}} {
		s := newStages(t, size[0], size[1])
		var got []string
		for _, row := range s.query().Rows {
			got = append(got, fmt.Sprint(row[1]))
		}
		if !slices.Equal(got, s.truth) {
			t.Errorf("%d entities, %d months: %v, want %v", size[0], size[1], got, s.truth)
		}
	}
}

// BenchmarkStage times every stage of a query over six years of the enterprises'
// months by county (1.8 M values in 222 tiles), and then the whole. values/s are
// the panel's; what a stage reads or makes is in its own metric. The verdict is
// BenchmarkPolicyDecision of package state, products and tests of partitions are
// BenchmarkProduct and BenchmarkPieceTest of package he.
func BenchmarkStage(b *testing.B) {
	s := newStages(b, 25_137, 72)
	plan := s.plan()
	accs := s.accumulate(plan)
	openings := s.openings(plan, accs)
	sent, _ := s.share(openings, accs)
	slots := s.open(plan, accs)
	values, parity := s.fold(plan, slots, 0)
	var sealed [][]byte
	for node := range s.keys {
		sealed = append(sealed, s.seal(s.fold(plan, slots, node)))
	}
	sums := s.unseal(plan, sealed)
	read := plan.Tiles * int64(s.p.PackedTileBytes())
	moved := int64(len(sent) * len(sent[0]))
	for _, stage := range []struct {
		name   string
		run    func()
		metric string
		bytes  int64
	}{
		{"compile", func() { s.compile() }, "sql-B", int64(len(stagesSQL))},
		{"plan", func() { s.plan() }, "slotmaps-B", int64(4 * s.p.Slots() * len(plan.SlotMaps))},
		{"fetch", func() { s.fetch(plan) }, "read-B", read},
		{"accumulate", func() { s.accumulate(plan) }, "read-B", read}, // with the fetching
		{"share", func() { s.share(openings, accs) }, "sent-B", moved},
		{"root", func() { s.root(openings, accs, sent) }, "received-B", moved},
		{"fold", func() { s.fold(plan, slots, 0) }, "groups-B", int64(8 * plan.Width)},
		{"seal", func() { s.seal(values, parity) }, "sealed-B", int64(len(sealed[0]))},
		{"unseal", func() { s.unseal(plan, sealed) }, "sealed-B", int64(len(sealed) * len(sealed[0]))},
		{"table", func() { s.table(plan, sums) }, "sums-B", int64(8 * len(sums))},
		{"query", func() { s.query() }, "read-B", read},
	} {
		b.Run(stage.name, func(b *testing.B) {
			for b.Loop() {
				stage.run()
			}
			b.ReportMetric(float64(s.cells)*float64(b.N)/b.Elapsed().Seconds(), "values/s")
			b.ReportMetric(float64(stage.bytes), stage.metric)
		})
	}
}
