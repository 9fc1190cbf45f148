package node

import (
	"context"
	"crypto/ed25519"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/catalog/statetest"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/client"
)

// dutyWorld is what all schedules of the simulation begin with: a cluster, two of whose three nodes
// open, with a public dataset that is live, a contract of a buyer on it and the buyer's private
// vectors. Real nodes make it once a process. What is encrypted in a schedule is made here too.
type dutyWorld struct {
	members  catalog.Cluster
	params   he.Parameters
	products he.ProductParameters
	signing  map[string]ed25519.PrivateKey // of the nodes
	secrets  map[string]map[string][]byte  // by node
	blobs    map[string]map[catalog.Digest][]byte
	pairs    map[string][]byte // of the state
	size     uint64            // entries
	now      time.Time         // of the last one at the latest

	operator, bureau, buyer *client.Key
	key, contract, vector   string
	chosen                  func(firm int) bool // by the vector
	values                  map[string][]uint64 // of all vectors, by id

	cells   [2][]firmCell             // of the versions
	propose catalog.VersionPropose    // of the second one
	upload  map[catalog.Digest][]byte // what it is made of
}

// simulatedFirms is a public dataset whose queries cost something.
const simulatedFirms = `dataset: firms
title: {en: Simulated emissions, zh: 模拟排放}
license: CC0-1.0
entity: {column: firm, attributes: [county]}
period: {column: period, grain: month}
utc_offset: "+08:00"
missing: [""]
measures:
  - {name: co2, column: co2, unit: t, range: [0, 1000], decimals: 1}
policy: {aggregates: [count, sum], public: true}
price: {per_query: "10.00", currency: CNY}
`

// dutyPrice is what a query costs, in whole units.
const dutyPrice = 10

var theDutyWorld struct {
	sync.Once
	world *dutyWorld
}

// makeDutyWorld returns the world, which the first test that needs it makes.
func makeDutyWorld(t *testing.T) *dutyWorld {
	t.Helper()
	theDutyWorld.Do(func() {
		t.Run("world", func(t *testing.T) { theDutyWorld.world = newDutyWorld(testContext(t), t) })
	})
	if theDutyWorld.world == nil {
		t.Fatal("there is no world to simulate")
	}
	return theDutyWorld.world
}

func newDutyWorld(ctx context.Context, t *testing.T) *dutyWorld {
	x := newFirmsOf(ctx, t, 3, 2, simulatedFirms, nil)
	w := &dutyWorld{
		operator: x.operator, bureau: x.bureau.Key(), buyer: x.buyer.Key(), chosen: func(f int) bool { return f%3 == 0 },
		signing: map[string]ed25519.PrivateKey{}, secrets: map[string]map[string][]byte{}, blobs: map[string]map[catalog.Digest][]byte{},
		pairs: map[string][]byte{}, upload: map[catalog.Digest][]byte{}, values: map[string][]uint64{},
	}
	key, err := x.bureau.PublisherKey(ctx, x.bureau.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	ready, err := x.bureau.ReadyKey(ctx, x.bureau.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	mine, loans := x.vector("mine", 1, selected(w.chosen)), x.vector("loans", 3, func(f int) uint64 { return uint64(f % 8) }) //nolint:gosec // a firm
	w.key, w.vector, w.cells[0] = key.ID, x.register(ctx, t, mine).ID, x.list
	w.values[w.vector], w.values[x.register(ctx, t, loans).ID] = mine.Values, loans.Values
	x.await(ctx, "all nodes to have done what there is to do", func() bool {
		for _, n := range x.nodes {
			if n.ledger.NextSeq() != x.nodes["n1"].ledger.NextSeq() || len(x.version(t, n.id, "firms", 1).Acks) != len(x.nodes) {
				return false
			}
		}
		return true
	})
	w.readLedger(t, x)
	for id, n := range x.nodes {
		w.blobs[id], w.secrets[id] = blobsOf(ctx, t, n), map[string][]byte{}
		names, err := n.vault.List("")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if w.secrets[id][name], err = n.vault.Get(name); err != nil {
				t.Fatal(err)
			}
		}
		w.signing[id] = slices.Clone(n.signing)
		w.members, w.params, w.products = n.members, n.params, n.products
	}
	w.secondVersion(ctx, t, x, ready)
	for id := range x.nodes {
		x.close(id)
	}
	return w
}

// readLedger copies the state.
func (w *dutyWorld) readLedger(t *testing.T, x *exchangeOf) {
	t.Helper()
	n := x.nodes["n1"]
	w.size, w.now = n.ledger.NextSeq(), n.opts.Clock()
	err := n.ledger.View(func(r records.Reader) error {
		return r.Scan(nil, func(key, value []byte) error {
			w.pairs[string(key)] = slices.Clone(value)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	err = n.view(func(v state.View) error {
		contracts, err := everything(v.ContractPage(w.buyer.ID(), records.Page{}))
		if err == nil {
			w.contract = contracts[0].ID
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// secondVersion encrypts another version of the dataset, which the ledger does not have.
func (w *dutyWorld) secondVersion(ctx context.Context, t *testing.T, x *exchangeOf, key client.ReadyKey) {
	t.Helper()
	for _, c := range w.cells[0] {
		if c.co2 >= 0 && c.firm%5 == 0 {
			c.co2 = (c.co2 + 777) % 10000
		}
		w.cells[1] = append(w.cells[1], c)
	}
	p := prepareText(ctx, t, simulatedFirms, firmsCSV(w.cells[1]), nil)
	w.propose = x.uploadRaw(ctx, t, p, key.Record, key.Public)
	for d, b := range blobsOf(ctx, t, x.nodes["n1"]) {
		if _, had := w.blobs["n1"][d]; !had {
			w.upload[d] = b
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

func blobsOf(ctx context.Context, t *testing.T, n *Node) map[catalog.Digest][]byte {
	t.Helper()
	all := map[catalog.Digest][]byte{}
	var digests []catalog.Digest
	if err := n.disk.List(ctx, func(d catalog.Digest) error { digests = append(digests, d); return nil }); err != nil {
		t.Fatal(err)
	}
	for _, d := range digests {
		b, err := n.disk.Get(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		all[d] = b
	}
	return all
}

// dutyQuery is a query of a schedule.
type dutyQuery struct {
	request catalog.Request
	firms   func(firm int) bool
	months  [2]int // from, to
}

// query draws a request. Few differ, so that repeats are drawn too.
func (w *dutyWorld) query(rng *rand.Rand) (q dutyQuery) {
	part := rng.IntN(4)
	q.firms = func(f int) bool { return f%4 <= part }
	var named []string
	for f := range firmCount {
		if q.firms(f) {
			named = append(named, firmID(f))
		}
	}
	q.request = catalog.Request{Version: 1, Dataset: "firms", Select: []catalog.Aggregate{{Func: "sum", Measure: "co2"}}}
	if part < 3 {
		q.request.Where = statetest.In("", named...)
	}
	if rng.IntN(5) == 0 {
		q.request.In = w.vector
		public := q.firms
		q.firms = func(f int) bool { return public(f) && w.chosen(f) }
	}
	q.months = [2]int{rng.IntN(2), 3}
	first := statetest.Period("2024-01")
	q.request.Periods = []calendar.Interval{{From: first + int64(q.months[0]), To: first + int64(q.months[1])}}
	return q
}

// truth is what a query opens to, by plain loops: tenths above the middle of the measure's range.
func (w *dutyWorld) truth(q dutyQuery, version int) (sum int64) {
	for _, c := range w.cells[version-1] {
		if m := c.month - 1; c.co2 >= 0 && q.firms(c.firm) && m >= q.months[0] && m < q.months[1] {
			sum += int64(c.co2) - 5000
		}
	}
	return sum
}

// envelope signs an act of a principal.
func (w *dutyWorld) envelope(by *client.Key, kind catalog.Kind, body any, now time.Time) catalog.Envelope {
	return w.signed(by.Signing(), by.ID(), kind, body, now)
}

// signed is an act of whoever has a key.
func (w *dutyWorld) signed(key ed25519.PrivateKey, signer string, kind catalog.Kind, body any, now time.Time) catalog.Envelope {
	e, err := catalog.Sign(key, signer, newPayload(w.members.ID.String(), kind, now.UnixMilli(), catalog.Encode(body)))
	if err != nil {
		panic(err) // it is a payload of this test's
	}
	return e
}

// ids are the nodes.
func (w *dutyWorld) ids() (ids []string) {
	for _, n := range w.members.Nodes {
		ids = append(ids, n.ID)
	}
	return ids
}
