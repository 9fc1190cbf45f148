package catalog

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"strings"
)

// tester is what *testing.T, *testing.B, *testing.F and *rapid.T have in common.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// world is a cluster in memory and everybody's keys.
type world struct {
	t       tester
	machine *Machine
	store   *Memory
	seq     uint64
	now     int64
	nonce   int
	log     [][]byte // every entry that was applied
	id      Digest
	n       int
}

const testTime = 1_700_000_000_000

func testKey(name string) ed25519.PrivateKey {
	seed := Sum([]byte("test key " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func testPublic(name string) []byte { return testKey(name).Public().(ed25519.PublicKey) }

func testID(name string) string { return PrincipalID(testPublic(name)) }

func testReceiving(name string) []byte {
	return bytes.Repeat([]byte{Sum([]byte(name))[0]}, ReceivingKeySize)
}

func nodeName(point int) string { return fmt.Sprintf("node%d", point) }

func testInit(n, threshold int) InitBody {
	b := InitBody{Name: "test", Threshold: threshold, Operator: testPrincipal("operator", RoleOperator)}
	for point := 1; point <= n; point++ {
		id := nodeName(point)
		b.Nodes = append(b.Nodes, Node{
			ID: id, Point: point, Addr: id + ":7000", API: "https://" + id + ":8000",
			Key: testPublic(id), Sealing: bytes.Repeat([]byte{byte(point)}, ReceivingKeySize),
		})
	}
	return b
}

func testPrincipal(name string, role Role) PrincipalAdd {
	return PrincipalAdd{Name: name, Role: role, Key: testPublic(name), Receiving: testReceiving(name)}
}

// newWorld founds a cluster.
func newWorld(t tester, n, threshold int) *world {
	w := &world{t: t, machine: NewMachine(), store: NewMemory(), now: testTime, n: n}
	e := w.sign("operator", KindInit, testInit(n, threshold))
	if out := w.apply(e); out.Refusal != nil {
		t.Fatalf("founding refused: %v", out.Refusal)
	}
	w.id = e.Digest()
	return w
}

// signerOf is the Signer under a name of the test: nodes are called node….
func signerOf(name string) string {
	if strings.HasPrefix(name, "node") {
		return NodeSigner(name)
	}
	return testID(name)
}

// payload is a payload that is valid now.
func (w *world) payload(kind Kind, body any) Payload {
	w.nonce++
	p := Payload{Kind: kind, Nonce: fmt.Sprintf("%032x", w.nonce), Issued: w.now, Expires: w.now + 60_000, Body: EncodeBody(body)}
	if !w.id.IsZero() {
		p.Cluster = w.id.String()
	}
	return p
}

func (w *world) sign(name string, kind Kind, body any) Envelope {
	w.t.Helper()
	e, err := Sign(testKey(name), signerOf(name), w.payload(kind, body))
	if err != nil {
		w.t.Fatalf("sign %s: %v", kind, err)
	}
	return e
}

func (w *world) apply(e Envelope) Outcome {
	w.t.Helper()
	return w.applyBytes(NewEntry(w.now, e).Marshal())
}

// applyBytes applies an entry and checks what holds for every refused one: it
// changes nothing but the clock and the record of envelopes.
func (w *world) applyBytes(entry []byte) Outcome {
	w.t.Helper()
	before := w.store.Clone()
	w.seq++
	w.log = append(w.log, entry)
	raw, err := w.machine.Apply(w.store, w.seq, entry)
	if err != nil {
		w.t.Fatalf("apply: %v", err)
	}
	var out Outcome
	if err := decodeStrict(raw, &out); err != nil {
		w.t.Fatalf("outcome %s: %v", raw, err)
	}
	if out.Refusal != nil || out.Repeat {
		w.checkUntouched(before)
	}
	return out
}

func (w *world) checkUntouched(before *Memory) {
	w.t.Helper()
	strip := func(m *Memory) Digest {
		m = m.Clone()
		for _, k := range m.Keys() {
			if k == keyClock || strings.HasPrefix(k, prefixSeen) || strings.HasPrefix(k, prefixSeenUntil) {
				if err := m.Delete([]byte(k)); err != nil {
					w.t.Fatal(err)
				}
			}
		}
		return m.Digest()
	}
	if strip(before) != strip(w.store) {
		w.t.Fatal("a refused or repeated entry changed the state")
	}
}

// do signs and applies.
func (w *world) do(name string, kind Kind, body any) Outcome {
	w.t.Helper()
	w.now += 10
	return w.apply(w.sign(name, kind, body))
}

// ok applies what must be accepted.
func (w *world) ok(name string, kind Kind, body any) Outcome {
	w.t.Helper()
	out := w.do(name, kind, body)
	if out.Refusal != nil {
		w.t.Fatalf("%s by %s refused: %+v", kind, name, out.Refusal)
	}
	return out
}

// no applies what must be refused with that kind and rule.
func (w *world) no(name string, kind Kind, body any, want RefusalKind, rule string) *Refusal {
	w.t.Helper()
	out := w.do(name, kind, body)
	wantRefusal(w.t, out.Refusal, want, rule)
	return out.Refusal
}

func wantRefusal(t tester, r *Refusal, kind RefusalKind, rule string) {
	t.Helper()
	if r == nil {
		t.Fatalf("accepted, want refusal %s/%s", kind, rule)
	}
	if r.Kind != kind || r.Rule != rule {
		t.Fatalf("refused as %s/%s (%s, field %q), want %s/%s", r.Kind, r.Rule, r.Message, r.Field, kind, rule)
	}
}

func (w *world) view() View { return w.machine.View(w.store) }

func must[T any](t tester) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// admit adds principals: a bureau, a second publisher and two buyers.
func (w *world) admit() *world {
	w.ok("operator", KindPrincipalAdd, testPrincipal("bureau", RolePublisher))
	w.ok("operator", KindPrincipalAdd, testPrincipal("rival", RolePublisher))
	w.ok("operator", KindPrincipalAdd, testPrincipal("bank", RoleBuyer))
	w.ok("operator", KindPrincipalAdd, testPrincipal("insurer", RoleBuyer))
	return w
}

// testRows are enterprises: id, county, industry.
func testRows(from, n int) [][]string {
	rows := make([][]string, n)
	for i := range rows {
		e := from + i
		rows[i] = []string{fmt.Sprintf("e%05d", e), fmt.Sprintf("county%d", e%3), fmt.Sprintf("industry%d", e%7%4)}
	}
	return rows
}

func (w *world) registry(id string, rows [][]string, chunk int) *world {
	w.t.Helper()
	w.ok("bureau", KindRegistryCreate, RegistryCreate{
		ID: id, IDColumn: "enterprise", Columns: []string{"county", "industry"}, Rows: len(rows), Digest: RowsDigest(rows),
	})
	for from := 0; from < len(rows); from += chunk {
		w.ok("bureau", KindRegistryRows, RegistryRows{ID: id, From: from, Rows: rows[from:min(from+chunk, len(rows))]})
	}
	w.ok("bureau", KindRegistryCommit, RegistryCommit{ID: id})
	return w
}

func testDescriptor(id string) Descriptor {
	return Descriptor{
		Dataset: id, Title: Text{EN: "Emissions", ZH: "排放"}, License: "CC0-1.0", Registry: "enterprises", Entity: "enterprise",
		Grain: GrainMonth, UTCOffset: "+08:00",
		Measures: []Measure{
			{Name: "nox", Unit: "kg", Min: 0, Max: 1_000_000, Decimals: 1},
			{Name: "so2", Unit: "kg", Min: 0, Max: 1_000_000, Decimals: 1},
		},
		Policy: Policy{Aggregates: []string{"count", "sum", "avg"}, Grain: GrainMonth, MinCohort: 5, Cubes: [][]string{{"county"}}, Portfolios: 1},
	}
}

// key runs a publisher's ceremony.
func (w *world) key(publisher string) *world {
	w.t.Helper()
	id := w.ok(nodeName(1), KindKeyStart, KeyStart{Publisher: testID(publisher), Key: KeyID(testID(publisher)), Epoch: 1, Attempt: 1}).ID
	w.ceremony(id, 1)
	return w
}

func (w *world) ceremony(id string, attempt int) {
	w.t.Helper()
	for p := 1; p <= w.n; p++ {
		w.ok(nodeName(p), KindKeyCommit, w.commitment(id, attempt, p))
	}
	for p := 1; p <= w.n; p++ {
		w.ok(nodeName(p), KindKeyAck, KeyAck{Key: id, Attempt: attempt})
	}
	k := must[Key](w.t)(w.view().Key(id))
	for set, points := range TestSets(w.n, k.Threshold) {
		w.ok(nodeName(points[0]), KindKeyTested, KeyTested{Key: id, Attempt: attempt, Set: set})
	}
	k = must[Key](w.t)(w.view().Key(id))
	for p := 1; p <= w.n; p++ {
		w.ok(nodeName(p), KindKeySign, KeySign{Key: id, Attempt: attempt, Signature: SignReady(testKey(nodeName(p)), k.Statement)})
	}
}

func (w *world) commitment(id string, attempt, point int) KeyCommit {
	b := KeyCommit{Key: id, Attempt: attempt, Public: Sum(fmt.Appendf(nil, "public %s %d %d", id, attempt, point))}
	for p := 1; p <= w.n; p++ {
		b.Dealings = append(b.Dealings, Sum(fmt.Appendf(nil, "dealing %s %d %d %d", id, attempt, point, p)))
	}
	return b
}

// month is the index of a month.
func month(text string) int64 {
	_, i, err := ParsePeriod(text)
	if err != nil {
		panic(err)
	}
	return i
}

// testCounts are the bitmaps of a version: which entities count, by measure,
// period and entity.
func testCounts(measures, periods, entities int, count func(m, p, e int) bool) [][][]byte {
	all := make([][][]byte, measures)
	for m := range all {
		all[m] = make([][]byte, periods)
		for p := range all[m] {
			b := make([]byte, bitmapSize(entities))
			for e := range entities {
				if count(m, p, e) {
					b[e/8] |= 1 << (e % 8)
				}
			}
			all[m][p] = b
		}
	}
	return all
}

// proposal is a version of a dataset of testDescriptor with all tiles of one
// period.
func (w *world) proposal(d Descriptor, entities, periods int, counts [][][]byte) VersionPropose {
	first := month("2024-01")
	v := VersionPropose{
		Dataset: d.Dataset, Key: KeyID(testID("bureau")), Epoch: 1, First: first, Periods: periods, Entities: entities,
		Manifest: Sum([]byte("manifest")), Presence: Sum([]byte("presence")),
	}
	for from := 0; from < entities; from += TileCells {
		n := min(TileCells, entities-from)
		v.Blocks = append(v.Blocks, Block{First: from, Entities: n, Periods: 1})
		v.Tiles += len(d.Measures) * periods
	}
	if !d.Policy.Public {
		v.Counts = CountsDigest(entities, policyPeriods(d, v).From, d.measureNames(), counts, nil)
	}
	return v
}

// publish proposes, fills and commits a version.
func (w *world) publish(d Descriptor, v VersionPropose, counts [][][]byte) int {
	w.t.Helper()
	number := w.ok("bureau", KindVersionPropose, v).Version
	if !d.Policy.Public {
		for i, name := range d.measureNames() {
			w.ok("bureau", KindVersionCounts, VersionCounts{Dataset: d.Dataset, Version: number, Measure: name, From: policyPeriods(d, v).From, Bitmaps: counts[i]})
		}
	}
	w.ok("bureau", KindVersionCommit, VersionCommit{Dataset: d.Dataset, Version: number})
	return number
}

// store has nodes 1 to n acknowledge a version.
func (w *world) stored(dataset string, version, n int) {
	w.t.Helper()
	for p := 1; p <= n; p++ {
		w.ok(nodeName(p), KindVersionAck, VersionAck{Dataset: dataset, Version: version})
	}
}

// active is the set of nodes 1 to t.
func (w *world) active() []string {
	c := must[Cluster](w.t)(w.view().Cluster())
	var ids []string
	for _, n := range c.Nodes[:c.Threshold] {
		ids = append(ids, n.ID)
	}
	return ids
}

// live opens a stored version's parity.
func (w *world) live(dataset string, version int) {
	w.t.Helper()
	active := w.active()
	v := must[Version](w.t)(w.view().Version(dataset, version))
	attempt := len(v.Attempts) + 1
	w.ok(nodeName(w.n), KindVersionAttempt, VersionAttempt{Dataset: dataset, Version: version, Attempt: attempt, Active: active, Root: active[0]})
	const modulus = 0x3ffffffffef8001
	var sum uint64
	for i, id := range active {
		share := uint64(i+1) * 12345678901234567 % modulus
		if i == len(active)-1 {
			share = (modulus - sum%modulus) % modulus
		}
		sum += share
		w.ok(id, KindVersionParity, VersionParity{Dataset: dataset, Version: version, Attempt: attempt, Share: share, Modulus: modulus})
	}
}

// ready is a cluster of three with a live protected dataset "emissions" of 40
// enterprises in 3 counties, 12 months; enterprise 0 counts in no month, and in
// the last month nobody of county1 counts for so2.
func ready(t tester) *world {
	w := newWorld(t, 3, 2).admit().registry("enterprises", testRows(0, 40), 16).key("bureau")
	d := testDescriptor("emissions")
	w.ok("bureau", KindDatasetCreate, DatasetCreate{Descriptor: d})
	counts := testCounts(2, 12, 40, func(m, p, e int) bool { return e != 0 && (m != 1 || p != 11 || e%3 != 1) })
	n := w.publish(d, w.proposal(d, 40, 12, counts), counts)
	w.stored("emissions", n, 3)
	w.live("emissions", n)
	return w
}

// contract orders and approves.
func (w *world) contract(buyer string, o OrderCreate) string {
	w.t.Helper()
	if o.Purpose == "" {
		o.Purpose = "risk"
	}
	order := w.ok(buyer, KindOrderCreate, o).ID
	return w.ok("bureau", KindOrderApprove, OrderApprove{Order: order}).ID
}

func sumBy(by ...Dimension) Request {
	return Request{Version: 1, Dataset: "emissions", By: by, Select: []Aggregate{{Func: "sum", Measure: "nox"}, {Func: "count", Measure: "nox"}}}
}

func attr(column string) Dimension { return Dimension{Kind: DimAttribute, Column: column} }

func submit(contract string, q Request) QuerySubmit {
	return QuerySubmit{Contract: contract, Receiving: testReceiving("bank"), Request: q}
}

func (w *world) share(query string, attempt, i int) QueryShare {
	return QueryShare{Query: query, Attempt: attempt, Plan: Sum([]byte("plan")), Context: Sum(fmt.Appendf(nil, "context %d", attempt)), Sealed: bytes.Repeat([]byte{byte(i)}, 100)}
}

func clone[T any](t tester, v T) T {
	t.Helper()
	var out T
	if err := json.Unmarshal(encode(v), &out); err != nil {
		t.Fatal(err)
	}
	return out
}
