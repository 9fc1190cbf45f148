package state

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/records/memstore"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/statetest"
	"github.com/weirdata/weir/catalog/tables"
)

// world is a cluster in memory and everybody's keys.
type world struct {
	t       statetest.T
	machine *Machine
	store   *memstore.Store
	seq     uint64
	now     int64
	nonce   int
	log     [][]byte // every entry that was applied
	id      catalog.Digest
	n       int
	seated  map[string]string // node → the name of the key of the machine that replaced its first
}

const testTime = 1_700_000_000_000

func testKey(name string) ed25519.PrivateKey {
	if k, made := testKeys.Load(name); made {
		return k.(ed25519.PrivateKey)
	}
	seed := catalog.Sum([]byte("test key " + name))
	k := ed25519.NewKeyFromSeed(seed[:])
	testKeys.Store(name, k)
	return k
}

var testKeys sync.Map // ed25519.PrivateKey by name: random logs sign thousands of acts

func testPublic(name string) []byte { return testKey(name).Public().(ed25519.PublicKey) }

func testID(name string) string { return catalog.PrincipalID(testPublic(name)) }

func testReceiving(name string) []byte {
	return bytes.Repeat([]byte{catalog.Sum([]byte(name))[0]}, catalog.ReceivingKeySize)
}

func nodeName(point int) string { return fmt.Sprintf("node%d", point) }

func testInit(n, threshold int) catalog.InitBody {
	b := catalog.InitBody{Name: "test", Threshold: threshold, Operator: testPrincipal("operator", catalog.RoleOperator)}
	for point := 1; point <= n; point++ {
		id := nodeName(point)
		b.Nodes = append(b.Nodes, catalog.Node{
			ID: id, Point: point, Institution: "operator", Operator: b.Operator.Key, Addr: id + ":7000", API: "https://" + id + ":8000",
			Key: testPublic(id), Sealing: bytes.Repeat([]byte{byte(point)}, catalog.ReceivingKeySize),
		})
	}
	return b
}

func testPrincipal(name string, role catalog.Role) catalog.PrincipalAdd {
	return catalog.PrincipalAdd{Name: name, Role: role, Key: testPublic(name), Receiving: testReceiving(name)}
}

// newWorld founds a cluster.
func newWorld(t statetest.T, n, threshold int) *world { return newWorldOf(t, testInit(n, threshold)) }

// newWorldOf founds that cluster.
func newWorldOf(t statetest.T, body catalog.InitBody) *world {
	w := &world{t: t, machine: NewMachine(), store: memstore.New(), now: testTime, n: len(body.Nodes)}
	e := w.sign("operator", catalog.KindInit, body)
	if out := w.apply(e); out.Refusal != nil {
		t.Fatalf("founding refused: %v", out.Refusal)
	}
	w.id = e.Digest()
	return w
}

// signerOf is the Signer under a name of the test: nodes are called node….
func signerOf(name string) string {
	if strings.HasPrefix(name, "node") {
		return catalog.NodeSigner(name)
	}
	return testID(name)
}

// payload is a payload that is valid now.
func (w *world) payload(kind catalog.Kind, body any) catalog.Payload {
	w.nonce++
	p := catalog.Payload{Kind: kind, Nonce: fmt.Sprintf("%032x", w.nonce), Issued: w.now, Expires: w.now + 60_000, Body: catalog.Encode(body)}
	if !w.id.IsZero() {
		p.Cluster = w.id.String()
	}
	return p
}

func (w *world) sign(name string, kind catalog.Kind, body any) catalog.Envelope {
	w.t.Helper()
	key := name
	if machine, replaced := w.seated[name]; replaced {
		key = machine
	}
	e, err := catalog.Sign(testKey(key), signerOf(name), w.payload(kind, body))
	if err != nil {
		w.t.Fatalf("sign %s: %v", kind, err)
	}
	return e
}

func (w *world) apply(e catalog.Envelope) catalog.Outcome {
	w.t.Helper()
	return w.applyBytes(catalog.NewEntry(w.now, e).Marshal())
}

// applyBytes applies an entry and checks what holds for every refused one: it
// changes nothing but the clock and the record of envelopes.
func (w *world) applyBytes(entry []byte) catalog.Outcome {
	w.t.Helper()
	before := w.store.Clone()
	w.seq++
	w.log = append(w.log, entry)
	raw, err := w.machine.Apply(w.store, w.seq, entry)
	if err != nil {
		w.t.Fatalf("apply: %v", err)
	}
	var out catalog.Outcome
	if err := catalog.DecodeStrict(raw, &out); err != nil {
		w.t.Fatalf("outcome %s: %v", raw, err)
	}
	if out.Refusal != nil {
		w.checkCodes(raw, out.Refusal)
	}
	if out.Refusal != nil || out.Repeat {
		w.checkUntouched(before)
	}
	return out
}

var codeForm = regexp.MustCompile(`^[a-z]+\.[a-z0-9_]+$`)

// checkCodes holds an outcome to what every refusal is: codes, of which each has its
// sentence, and no sentence.
func (w *world) checkCodes(raw []byte, r *catalog.Refusal) {
	w.t.Helper()
	var check func(r catalog.Reason)
	check = func(r catalog.Reason) {
		said := explain.Reason(r)
		if !codeForm.MatchString(r.Code) || said == r.String() || strings.Contains(said, "%!") || strings.Contains(said, "?)") {
			w.t.Fatalf("the code %s says %q", r, said)
		}
		if slices.Contains(r.Args, said) || bytes.Contains(raw, catalog.Encode(said)) {
			w.t.Fatalf("the outcome %s holds the sentence %q", raw, said)
		}
		for _, p := range r.Parts {
			check(p)
		}
	}
	check(r.Reason)
	for _, p := range r.Fix {
		check(p)
	}
	if fix := explain.Fix(r); strings.Contains(fix, "%!") || fix != "" && bytes.Contains(raw, catalog.Encode(fix)) {
		w.t.Fatalf("the outcome %s with the fix %q", raw, fix)
	}
}

func (w *world) checkUntouched(before *memstore.Store) {
	w.t.Helper()
	strip := func(m *memstore.Store) []string {
		return slices.DeleteFunc(m.Keys(), func(k string) bool {
			return k == records.KeyClock || strings.HasPrefix(k, records.PrefixSeen) || strings.HasPrefix(k, records.PrefixSeenUntil)
		})
	}
	keys := strip(before)
	same := slices.Equal(keys, strip(w.store))
	for _, k := range keys {
		same = same && bytes.Equal(must[[]byte](w.t)(before.Get([]byte(k))), must[[]byte](w.t)(w.store.Get([]byte(k))))
	}
	if !same {
		w.t.Fatal("a refused or repeated entry changed the state")
	}
}

// do signs and applies.
func (w *world) do(name string, kind catalog.Kind, body any) catalog.Outcome {
	w.t.Helper()
	w.now += 10
	return w.apply(w.sign(name, kind, body))
}

// ok applies what must be accepted.
func (w *world) ok(name string, kind catalog.Kind, body any) catalog.Outcome {
	w.t.Helper()
	out := w.do(name, kind, body)
	if out.Refusal != nil {
		w.t.Fatalf("%s by %s refused: %+v", kind, name, out.Refusal)
	}
	return out
}

// no applies what must be refused with that kind and rule.
func (w *world) no(name string, kind catalog.Kind, body any, want catalog.RefusalKind, rule string) *catalog.Refusal {
	w.t.Helper()
	out := w.do(name, kind, body)
	statetest.WantRefusal(w.t, out.Refusal, want, rule)
	return out.Refusal
}

func (w *world) view() View { return w.machine.View(w.store) }

func must[T any](t statetest.T) func(T, error) T {
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
	w.ok("operator", catalog.KindPrincipalAdd, testPrincipal("bureau", catalog.RolePublisher))
	w.ok("operator", catalog.KindPrincipalAdd, testPrincipal("rival", catalog.RolePublisher))
	w.ok("operator", catalog.KindPrincipalAdd, testPrincipal("bank", catalog.RoleBuyer))
	w.ok("operator", catalog.KindPrincipalAdd, testPrincipal("insurer", catalog.RoleBuyer))
	return w
}

func (w *world) registry(id string, rows [][]string, chunk int) *world {
	w.t.Helper()
	w.ok("bureau", catalog.KindRegistryCreate, catalog.RegistryCreate{
		ID: id, IDColumn: "enterprise", Columns: []string{"county", "industry"}, Rows: len(rows), Digest: tables.RowsDigest(rows),
	})
	for from := 0; from < len(rows); from += chunk {
		w.ok("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: id, From: from, Rows: rows[from:min(from+chunk, len(rows))]})
	}
	w.ok("bureau", catalog.KindRegistryCommit, catalog.RegistryCommit{ID: id})
	return w
}

// key runs a publisher's ceremony.
func (w *world) key(publisher string) *world {
	w.t.Helper()
	id := w.ok(nodeName(1), catalog.KindKeyStart, catalog.KeyStart{Publisher: testID(publisher), Key: catalog.KeyID(testID(publisher)), Epoch: 1, Attempt: 1}).ID
	w.ceremony(id, 1)
	return w
}

func (w *world) ceremony(id string, attempt int) {
	w.t.Helper()
	for p := 1; p <= w.n; p++ {
		w.ok(nodeName(p), catalog.KindKeyCommit, w.commitment(id, attempt, p))
	}
	for p := 1; p <= w.n; p++ {
		w.ok(nodeName(p), catalog.KindKeyAck, catalog.KeyAck{Key: id, Attempt: attempt})
	}
	k := must[catalog.Key](w.t)(w.view().Keys().Get(id))
	for set, points := range roster.TestSets(w.n, k.Threshold) {
		w.ok(nodeName(points[0]), catalog.KindKeyTested, catalog.KeyTested{Key: id, Attempt: attempt, Set: set})
	}
	k = must[catalog.Key](w.t)(w.view().Keys().Get(id))
	for p := 1; p <= w.n; p++ {
		w.ok(nodeName(p), catalog.KindKeySign, catalog.KeySign{Key: id, Attempt: attempt, Signature: statetest.SignReady(testKey(nodeName(p)), k.Statement)})
	}
}

func (w *world) commitment(id string, attempt, point int) catalog.KeyCommit {
	b := catalog.KeyCommit{Key: id, Attempt: attempt, Public: catalog.Sum(fmt.Appendf(nil, "public %s %d %d", id, attempt, point))}
	for p := 1; p <= w.n; p++ {
		b.Dealings = append(b.Dealings, catalog.Sum(fmt.Appendf(nil, "dealing %s %d %d %d", id, attempt, point, p)))
	}
	return b
}

// dayOf is the index of a day of the calendar.
func dayOf(y, m, d int) int64 { return statetest.Period(fmt.Sprintf("%04d-%02d-%02d", y, m, d)) }

// testCounts are the bitmaps of a version: which entities count, by measure,
// period and entity.
func testCounts(measures, periods, entities int, count func(m, p, e int) bool) [][][]byte {
	all := make([][][]byte, measures)
	for m := range all {
		all[m] = make([][]byte, periods)
		for p := range all[m] {
			b := make([]byte, records.BitmapSize(entities))
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
func (w *world) proposal(d catalog.Descriptor, entities, periods int, counts [][][]byte) catalog.VersionPropose {
	first := statetest.Period("2024-01")
	v := catalog.VersionPropose{
		Dataset: d.Dataset, Key: catalog.KeyID(testID("bureau")), Epoch: 1, First: first, Periods: periods, Entities: entities,
		Manifest: catalog.Sum([]byte("manifest")), Presence: catalog.Sum([]byte("presence")),
	}
	for from := 0; from < entities; from += catalog.TileCells {
		n := min(catalog.TileCells, entities-from)
		v.Blocks = append(v.Blocks, catalog.Block{First: from, Entities: n, Periods: 1})
		v.Tiles += len(d.Measures) * periods
	}
	if !d.Policy.Public {
		v.Counts = tables.CountsDigest(entities, v.PolicyPeriods(d).From, d.MeasureNames(), counts, nil)
		v.Closed = v.MayClose(d)
	}
	return v
}

// publish proposes, fills and commits a version.
func (w *world) publish(d catalog.Descriptor, v catalog.VersionPropose, counts [][][]byte) int {
	w.t.Helper()
	return w.publishAs("bureau", d, v, counts, w.allNew("bureau", d, v, counts))
}

// allNew declares that all readings of a version are new, also where there were others
// before.
func (w *world) allNew(publisher string, d catalog.Descriptor, v catalog.VersionPropose, counts [][][]byte) []catalog.SourceNews {
	w.t.Helper()
	if d.Policy.Public {
		return nil
	}
	_, rule, err := w.machine.cache.FamilyOf(w.store, testID(publisher), d.Registry)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []disclosure.SourceNews
	for i, c := range disclosure.Columns(d) {
		for q := v.Closed.From; q < v.Closed.To; q++ {
			at := q - v.PolicyPeriods(d).From
			n := disclosure.SourceNews{Column: i, Period: q, News: disclosure.ReadBits(counts[slices.Index(d.MeasureNames(), c.Measure)][at])}
			if !c.Plain() {
				other := disclosure.ReadBits(counts[slices.Index(d.MeasureNames(), c.With)][at])
				for k := range n.News {
					n.News[k] &= other[k]
				}
			}
			if !rule.First(d.Dataset, c, q) {
				out = append(out, n)
			}
		}
	}
	return statetest.WriteNews(out, v.Entities)
}

// settledBy is how many versions of a family have settled, which the news of a version
// is found against.
func (w *world) settledBy(publisher string, d catalog.Descriptor, v catalog.VersionPropose) int {
	w.t.Helper()
	if v.News.IsZero() {
		return 0
	}
	return len(must[records.Family](w.t)(records.Find[records.Family](w.store, records.FamilyKey(testID(publisher), d.Registry))).Settled)
}

// publishAs is publish with what a publisher declares.
func (w *world) publishAs(publisher string, d catalog.Descriptor, v catalog.VersionPropose, counts [][][]byte, news []catalog.SourceNews) int {
	w.t.Helper()
	v.News = catalog.NewsDigest(news)
	v.Settled = w.settledBy(publisher, d, v)
	number := w.ok(publisher, catalog.KindVersionPropose, v).Version
	for i, name := range d.MeasureNames() {
		if d.Policy.Public {
			break
		}
		w.ok(publisher, catalog.KindVersionCounts, catalog.VersionCounts{Dataset: d.Dataset, Version: number, Measure: name, From: v.PolicyPeriods(d).From, Bitmaps: counts[i]})
	}
	for _, chunk := range catalog.NewsChunks(d.Dataset, number, news) {
		w.ok(publisher, catalog.KindVersionNews, chunk)
	}
	w.ok(publisher, catalog.KindVersionCommit, catalog.VersionCommit{Dataset: d.Dataset, Version: number})
	return number
}

// sameAs declares that all classes of a version equal those of an older one, which has
// the same periods.
func (w *world) sameAs(publisher string, d catalog.Descriptor, v catalog.VersionPropose, older int) []catalog.SourceNews {
	w.t.Helper()
	_, rule, err := w.machine.cache.FamilyOf(w.store, testID(publisher), d.Registry)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []int32
	for class := range rule.Tree().ClassesBy(v.Entities) {
		all = append(all, int32(class))
	}
	var out []catalog.SourceNews
	for c := range disclosure.Columns(d) {
		for q := v.Closed.From; q < v.Closed.To; q++ {
			out = append(out, catalog.SourceNews{Column: c, Period: q, Equal: []catalog.EqualClasses{{Version: older, Classes: all}}})
		}
	}
	return out
}

// store has nodes 1 to n acknowledge a version.
func (w *world) stored(dataset string, version, n int) {
	w.t.Helper()
	for p := 1; p <= n; p++ {
		w.ok(nodeName(p), catalog.KindVersionAck, catalog.VersionAck{Dataset: dataset, Version: version})
	}
}

// active is the set of nodes 1 to t.
func (w *world) active() []string {
	c := must[catalog.Cluster](w.t)(w.view().Cluster())
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
	v := must[catalog.Version](w.t)(w.view().Versions().Get(dataset, version))
	attempt := len(v.Attempts) + 1
	w.ok(nodeName(w.n), catalog.KindVersionAttempt, catalog.VersionAttempt{Dataset: dataset, Version: version, Attempt: attempt, Active: active, Root: active[0]})
	const modulus = 0x3ffffffffef8001
	var sum uint64
	for i, id := range active {
		share := uint64(i+1) * 12345678901234567 % modulus
		if i == len(active)-1 {
			share = (modulus - sum%modulus) % modulus
		}
		sum += share
		w.ok(id, catalog.KindVersionParity, catalog.VersionParity{Dataset: dataset, Version: version, Attempt: attempt, Share: share, Modulus: modulus})
	}
}

// ready is a cluster of three with a live protected dataset "emissions" of 40
// enterprises in 3 counties, 12 months; enterprise 0 counts in no month, and in
// the last month nobody of county1 counts for so2.
func ready(t statetest.T) *world {
	w := newWorld(t, 3, 2).admit().registry("enterprises", statetest.Rows(0, 40), 16).key("bureau")
	d := statetest.Descriptor("emissions")
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	counts := testCounts(2, 12, 40, func(m, p, e int) bool { return e != 0 && (m != 1 || p != 11 || e%3 != 1) })
	n := w.publish(d, w.proposal(d, 40, 12, counts), counts)
	w.stored("emissions", n, 3)
	w.live("emissions", n)
	return w
}

// contract orders and approves.
func (w *world) contract(buyer string, o catalog.OrderCreate) string {
	w.t.Helper()
	if o.Purpose == "" {
		o.Purpose = "risk"
	}
	order := w.ok(buyer, catalog.KindOrderCreate, o).ID
	return w.ok("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order}).ID
}

func submit(contract string, q catalog.Request) catalog.QuerySubmit {
	return catalog.QuerySubmit{Contract: contract, Receiving: testReceiving("bank"), Request: q}
}

func (w *world) share(query string, attempt, i int) catalog.QueryShare {
	return catalog.QueryShare{Query: query, Attempt: attempt, Plan: catalog.Sum([]byte("plan")), Context: catalog.Sum(fmt.Appendf(nil, "context %d", attempt)), Sealed: bytes.Repeat([]byte{byte(i)}, 100)}
}

func clone[T any](t statetest.T, v T) T {
	t.Helper()
	var out T
	if err := json.Unmarshal(catalog.Encode(v), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// told is a reason that a node gives.
func told(text string) catalog.Reason { return catalog.Why("test.reason", text) }
