package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// chaos draws acts of everybody: mostly what could come next, often a little
// wrong, and old entries and damaged ones in between.
type chaos struct {
	*rapid.T
	w        *world
	contract []string
	orders   []string
	queries  []string
	vectors  []string
}

func (c *chaos) odd() bool    { return rapid.IntRange(0, 11).Draw(c.T, "odd") == 0 }
func (c *chaos) node() string { return nodeName(rapid.IntRange(1, 3).Draw(c.T, "node")) }
func (c *chaos) buyer() string {
	return rapid.SampledFrom([]string{"bank", "insurer"}).Draw(c.T, "buyer")
}

func (c *chaos) publisher() string {
	if c.odd() {
		return "rival"
	}
	return "bureau"
}

// near is n, or now and then a neighbour.
func (c *chaos) near(n int) int {
	if !c.odd() {
		return n
	}
	return max(0, n+rapid.SampledFrom([]int{-1, 1}).Draw(c.T, "near"))
}

// one is mostly the newest of the list.
func (c *chaos) one(list []string) string {
	switch {
	case len(list) == 0 || c.odd():
		return ""
	case c.odd():
		return rapid.SampledFrom(list).Draw(c.T, "one")
	}
	return list[len(list)-1]
}

func (c *chaos) set() ([]string, string) {
	a := rapid.SampledFrom([][]string{{"node1", "node2"}, {"node1", "node3"}, {"node2", "node3"}}).Draw(c.T, "active")
	if c.odd() {
		a = rapid.SampledFrom([][]string{{"node2"}, {"node3", "node1"}, {"node1", "node2", "node3"}}).Draw(c.T, "wrong set")
	}
	return a, rapid.SampledFrom(a).Draw(c.T, "root")
}

// act draws who does what.
func (c *chaos) act() (string, Kind, any) {
	switch rapid.IntRange(0, 6).Draw(c.T, "area") {
	case 0:
		return c.exchange()
	case 1, 2:
		return c.versions()
	case 3:
		return c.ceremony()
	case 4, 5:
		return c.vector()
	}
	return c.attempts()
}

func (c *chaos) exchange() (string, Kind, any) {
	switch rapid.IntRange(0, 3).Draw(c.T, "exchange") {
	case 0:
		return c.buyer(), KindOrderCreate, OrderCreate{Dataset: "emissions", Purpose: "x", Queries: rapid.IntRange(0, 2).Draw(c.T, "queries")}
	case 1:
		return c.publisher(), KindOrderApprove, OrderApprove{Order: c.one(c.orders), Queries: rapid.IntRange(0, 2).Draw(c.T, "queries")}
	case 2:
		return c.publisher(), KindOrderRefuse, OrderRefuse{Order: c.one(c.orders), Reason: "no"}
	}
	q := sumBy(rapid.SampledFrom([]Dimension{attr("county"), attr("county"), {Kind: DimEntity}}).Draw(c.T, "by"))
	if c.odd() { // nothing but counts
		q.Select = q.Select[1:]
	}
	if rapid.Bool().Draw(c.T, "private") {
		q.In = c.one(c.vectors)
	}
	if rapid.Bool().Draw(c.T, "own") {
		return "bureau", KindQuerySubmit, submit("", q)
	}
	return c.buyer(), KindQuerySubmit, submit(c.one(c.contract), q)
}

func (c *chaos) attempts() (string, Kind, any) {
	var q Query
	if id := c.one(c.queries); id != "" {
		q = must[Query](c.w.t)(c.w.view().Query(id))
	}
	n := len(q.Attempts)
	switch rapid.IntRange(0, 7).Draw(c.T, "attempts") {
	case 0, 1:
		active, root := c.set()
		return c.node(), KindQueryAttempt, QueryAttempt{Query: q.ID, Attempt: c.near(n + 1), Active: active, Root: root, Tiles: 12}
	case 2:
		return c.node(), KindQueryFail, QueryFail{Query: q.ID, Attempt: c.near(n), Reason: "x"}
	}
	who := c.node()
	if a := running(q.Attempts); a != nil && !c.odd() {
		who = rapid.SampledFrom(a.Active).Draw(c.T, "member")
	}
	if q.Submit.Request.In != "" && rapid.Bool().Draw(c.T, "cohort") {
		return who, KindCohortFailed, CohortFailed{Query: q.ID, Attempt: c.near(n)}
	}
	return who, KindQueryShare, c.w.share(q.ID, c.near(n), 1)
}

func (c *chaos) versions() (string, Kind, any) {
	w, d := c.w, testDescriptor("emissions")
	all := must[[]Version](w.t)(w.view().Versions("emissions"))
	n := c.near(len(all))
	last := all[len(all)-1]
	counts := testCounts(2, 2, 40, func(_, _, _ int) bool { return true })
	step := last.State
	if c.odd() {
		step = rapid.SampledFrom([]VersionState{VersionProposed, VersionCommitted, VersionStored, VersionLive, VersionRejected}).Draw(c.T, "step")
	}
	if c.odd() {
		return c.publisher(), KindVersionDrop, VersionCommit{Dataset: "emissions", Version: n}
	}
	switch step {
	case VersionProposed:
		m := slices.Index(last.Counted, 0)
		if c.odd() {
			m = rapid.IntRange(-1, 1).Draw(c.T, "measure")
		}
		if m < 0 {
			return c.publisher(), KindVersionCommit, VersionCommit{Dataset: "emissions", Version: n}
		}
		return c.publisher(), KindVersionCounts, VersionCounts{Dataset: "emissions", Version: n, Measure: d.measureNames()[m], From: last.First, Bitmaps: counts[m]}
	case VersionCommitted:
		reason := ""
		if c.odd() {
			reason = "damaged"
		}
		who := c.node()
		if !c.odd() {
			who = nodeName(len(last.Acks) + 1)
		}
		return who, KindVersionAck, VersionAck{Dataset: "emissions", Version: n, Reason: reason}
	case VersionStored:
		return c.parity(last, n)
	}
	v := w.proposal(d, 40, 2, counts)
	if !c.odd() {
		v.Compared, v.Sets = must[[]Comparison](w.t)(w.view().Kindred("emissions")), SetsDigest(nil)
	}
	return c.publisher(), KindVersionPropose, v
}

func (c *chaos) parity(v Version, n int) (string, Kind, any) {
	a, at := running(v.Attempts), c.near(len(v.Attempts))
	if a == nil || c.odd() {
		active, root := c.set()
		return c.node(), KindVersionAttempt, VersionAttempt{Dataset: "emissions", Version: n, Attempt: at + 1, Active: active, Root: root}
	}
	if c.odd() {
		return c.node(), KindVersionFail, VersionFail{Dataset: "emissions", Version: n, Attempt: at, Reason: "x"}
	}
	who := rapid.SampledFrom(a.Active).Draw(c.T, "member")
	share := rapid.Uint64Range(0, 1).Draw(c.T, "share")
	return who, KindVersionParity, VersionParity{Dataset: "emissions", Version: n, Attempt: at, Share: share, Modulus: 2}
}

func (c *chaos) ceremony() (string, Kind, any) {
	w, id, point := c.w, KeyID(testID("rival")), rapid.IntRange(1, 3).Draw(c.T, "point")
	who := nodeName(point)
	k, err := w.view().Key(id)
	if errors.Is(err, ErrNotFound) || k.State == KeyFailed || c.odd() {
		return who, KindKeyStart, startOf("rival", c.near(k.Attempt+1))
	}
	attempt := c.near(k.Attempt)
	step := k.State
	if missing := slices.IndexFunc(k.Nodes, func(id string) bool { return !done(k, id) }); missing >= 0 && !c.odd() {
		point = missing + 1
		who = nodeName(point)
	}
	if c.odd() {
		step = rapid.SampledFrom([]KeyState{KeyCommitting, KeyDealing, KeyTesting, KeySigning, KeyFailed}).Draw(c.T, "step")
	}
	switch step {
	case KeyCommitting:
		return who, KindKeyCommit, w.commitment(id, attempt, point)
	case KeyDealing:
		return who, KindKeyAck, KeyAck{Key: id, Attempt: attempt}
	case KeyTesting:
		return who, KindKeyTested, KeyTested{Key: id, Attempt: attempt, Set: c.near(point - 1)}
	case KeySigning:
		return who, KindKeySign, KeySign{Key: id, Attempt: attempt, Signature: SignReady(testKey(who), k.Statement)}
	}
	return who, KindKeyFail, KeyFail{Key: id, Attempt: attempt, Reason: "x"}
}

// vector draws what a registration of the bureau's or a buyer's could go on with.
func (c *chaos) vector() (string, Kind, any) {
	owner := rapid.SampledFrom([]string{"bureau", "bureau", "bank"}).Draw(c.T, "owner")
	var v Vector
	if id := c.one(c.vectors); id != "" {
		v = must[Vector](c.w.t)(c.w.view().Vector(id))
	}
	step := v.State
	if v.ID != "" && v.Over() || c.odd() {
		step = rapid.SampledFrom([]VectorState{"", "", VectorDropped, VectorStoring}).Draw(c.T, "step")
	}
	who := c.node()
	missing := func(list [][]byte) string {
		if i := slices.IndexFunc(list, func(b []byte) bool { return b == nil }); i >= 0 && !c.odd() {
			return nodeName(i + 1)
		}
		return who
	}
	switch step {
	case VectorStoring:
		who = missing(v.Nonces)
		if c.odd() {
			return who, KindVectorHold, VectorHold{Vector: v.ID, Reason: "x"}
		}
		return who, KindVectorHold, VectorHold{Vector: v.ID, Nonce: testNonce(who)}
	case VectorLining:
		if i := slices.IndexFunc(v.Lines, func(b []uint64) bool { return b == nil }); i >= 0 && !c.odd() {
			who = nodeName(i + 1)
		}
		p := uint64(who[len(who)-1] - '0')
		return who, KindVectorLine, VectorLine{Vector: v.ID, Values: []uint64{5 + 3*p, uint64(c.near(1))}} //nolint:gosec // small
	case VectorProving:
		return c.bits(v)
	case VectorDropped:
		return owner, KindVectorDrop, VectorDrop{Vector: v.ID}
	}
	name := rapid.SampledFrom([]string{"mine", "ours"}).Draw(c.T, "name")
	last := 0
	for _, x := range must[[]Vector](c.w.t)(c.w.view().Vectors(testID(owner))) {
		if x.Name == name {
			last = x.Version
		}
	}
	return owner, KindVectorRegister, c.w.vectorOf(name, c.near(last+1))
}

// bits draws what comes in the second check of a vector.
func (c *chaos) bits(v Vector) (string, Kind, any) {
	a, at := running(v.Attempts), c.near(len(v.Attempts))
	switch {
	case a == nil || c.odd():
		active, _ := c.set()
		return c.node(), KindVectorAttempt, VectorAttempt{Vector: v.ID, Attempt: at + 1, Active: active}
	case rapid.IntRange(0, 3).Draw(c.T, "fails") == 0:
		return c.node(), KindVectorFail, VectorFail{Vector: v.ID, Attempt: at, Reason: "x"}
	}
	who := rapid.SampledFrom(a.Active).Draw(c.T, "member")
	return who, KindVectorBits, VectorBits{Vector: v.ID, Attempt: at, Values: []uint64{uint64(max(c.near(1)-1, 0)), 0}} //nolint:gosec // small
}

// done reports whether a node did its part of the ceremony's step.
func done(k Key, node string) bool {
	i := slices.Index(k.Nodes, node)
	switch k.State {
	case KeyCommitting:
		return !k.Commits[i].Public.IsZero()
	case KeyDealing:
		return k.Acked[i]
	case KeyTesting:
		return i >= len(k.Tested) || k.Tested[i]
	case KeySigning:
		return k.Signed[i] != nil
	}
	return true
}

// entry draws the next entry of the log.
func (c *chaos) entry() []byte {
	w := c.w
	switch rapid.IntRange(0, 19).Draw(c.T, "kind of entry") {
	case 9:
		return rapid.SampledFrom(w.log).Draw(c.T, "again")
	case 11:
		b := bytes.Clone(w.log[len(w.log)-1])
		b[rapid.IntRange(0, len(b)-1).Draw(c.T, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(c.T, "bit")
		if e, err := ParseEntry(b); err != nil || e.Time > w.now+100_000 {
			return b[:len(b)-1] // not a jump of the clock to the end of time
		}
		return b
	case 13:
		w.now += rapid.Int64Range(0, 2*MaxEnvelopeAge).Draw(c.T, "pause")
	}
	w.now += rapid.Int64Range(-5, 50).Draw(c.T, "passes")
	who, kind, body := c.act()
	return NewEntry(w.now, w.sign(who, kind, body)).Marshal()
}

// learn remembers the ids of what was made.
func (c *chaos) learn(out Outcome) {
	if out.Refusal != nil || out.Repeat {
		return
	}
	switch out.Kind {
	case KindOrderCreate:
		c.orders = append(c.orders, out.ID)
	case KindOrderApprove:
		c.contract = append(c.contract, out.ID)
	case KindQuerySubmit:
		c.queries = append(c.queries, out.ID)
	case KindVectorRegister:
		c.vectors = append(c.vectors, out.ID)
	}
}

// TestTwoMachinesStayEqualWhateverComes applies random logs to one machine that
// keeps its memo and to others that are always new, and checks the invariants of
// the package after each entry.
func TestTwoMachinesStayEqualWhateverComes(t *testing.T) {
	founded := ready(t)
	mine := founded.vector("bureau", founded.vectorOf("mine", 1)).ID
	selects := sumBy()
	selects.In = mine
	private := founded.ok("bureau", KindQuerySubmit, submit("", selects)).ID
	proving := founded.ok("bank", KindVectorRegister, founded.vectorOf("ours", 1)).ID
	founded.held(proving)
	founded.lined(proving)
	accepted := map[Kind]int{}
	property := func(t *rapid.T) {
		w := *founded
		w.t, w.store, w.machine, w.log = t, founded.store.Clone(), NewMachine(), slices.Clone(founded.log)
		c := &chaos{T: t, w: &w, vectors: []string{mine, proving}, queries: []string{private}}
		other := founded.store.Clone()
		for range rapid.IntRange(1, 120).Draw(t, "entries") {
			entry := c.entry()
			out := w.applyBytes(entry)
			raw, err := NewMachine().Apply(other, w.seq, entry)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(raw, encode(out)) {
				t.Fatalf("one machine says %s, another %s", encode(out), raw)
			}
			c.learn(out)
			if out.Refusal == nil && !out.Repeat {
				accepted[out.Kind]++
				checkInvariants(t, w.view())
			}
		}
		if w.store.Digest() != other.Digest() {
			t.Fatal("the states differ")
		}
	}
	for range rounds(2, 10) {
		rapid.Check(t, property)
	}
	t.Logf("accepted: %v", accepted)
	for _, kind := range []Kind{
		KindOrderCreate, KindOrderApprove, KindOrderRefuse, KindQuerySubmit, KindQueryAttempt, KindQueryShare, KindQueryFail,
		KindVersionPropose, KindVersionCounts, KindVersionCommit, KindVersionDrop, KindVersionAck, KindVersionAttempt, KindVersionParity,
		KindKeyStart, KindKeyCommit, KindKeyAck, KindKeyTested, KindKeySign, KindKeyFail,
		KindVectorRegister, KindVectorDrop, KindVectorHold, KindVectorLine, KindVectorAttempt, KindVectorBits, KindVectorFail, KindCohortFailed,
	} {
		if accepted[kind] == 0 {
			t.Errorf("no %s was ever accepted: the test does not reach it", kind)
		}
	}
}

// rounds is how often a property is checked, whose draws must reach everything: rapid
// draws a fifth as often with -short.
func rounds(long, short int) int {
	if testing.Short() {
		return short
	}
	return long
}

// checkInvariants derives from the records what the indexes and the package's
// documentation promise.
func checkInvariants(t *rapid.T, v View) {
	check := func(what string, got, want any) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%s: %v, want %v", what, got, want)
		}
	}
	cluster := must[Cluster](t)(v.Cluster())
	var queries []string
	used, opened := map[string]int{}, map[string]int64{}
	for _, q := range must[[]Query](t)(v.Queries("")) {
		if q.Repeats == "" {
			used[q.Submit.Contract]++
		} else if first := must[Query](t)(v.Query(q.Repeats)); first.State != QueryDone || first.Principal != q.Principal || first.Release != q.Release {
			t.Fatalf("query %s repeats %+v", q.ID, first)
		}
		if !q.over() {
			queries = append(queries, q.ID)
		}
		checkQuery(t, v, q, cluster.Threshold)
		for _, a := range q.Attempts {
			opened["bureau"] += a.Tiles
		}
	}
	var todo []string
	for _, q := range must[[]Query](t)(v.PendingQueries()) {
		todo = append(todo, q.ID)
	}
	check("pending queries", todo, queries)
	for _, k := range must[[]Contract](t)(v.Contracts()) {
		check("queries of "+k.ID, k.Used, used[k.ID])
		if k.Queries > 0 && k.Used > k.Queries {
			t.Fatalf("contract %s: %d of %d queries", k.ID, k.Used, k.Queries)
		}
	}
	checkVectors(t, v)
	checkVersions(t, v, cluster, opened)
	check("tiles opened", must[Key](t)(v.KeyOf(testID("bureau"))).Opened, opened["bureau"])
	var waiting []string
	for _, p := range must[[]PendingKey](t)(v.PendingKeys()) {
		waiting = append(waiting, p.Publisher)
	}
	k, err := v.KeyOf(testID("rival"))
	if err != nil || k.State != KeyReady {
		check("publishers without a key", waiting, []string{testID("rival")})
	} else {
		check("publishers without a key", waiting, []string{})
	}
}

func checkQuery(t *rapid.T, v View, q Query, threshold int) {
	shares := must[[]QueryShare](t)(v.Shares(q.ID))
	unfinished := 0
	for _, a := range q.Attempts {
		if a.Failed == "" {
			unfinished++
		}
	}
	switch verdict := must[Verdict](t)(v.Verdict(q.ID)); {
	case len(verdict.Columns) == 0:
		if q.State != QueryDone || len(q.Attempts) > 0 {
			t.Fatalf("query of counts: %+v", q)
		}
	case q.State == QueryDone:
		if unfinished != 1 || len(shares) != threshold {
			t.Fatalf("query is done with %d shares, attempts %+v", len(shares), q.Attempts)
		}
		for _, s := range shares {
			if s.Attempt != len(q.Attempts) || s.Plan != q.Plan || s.Context != q.Context {
				t.Fatalf("share %+v of query %+v", s, q)
			}
		}
	case q.State == QueryRunning:
		if unfinished != 1 || len(shares) != 0 {
			t.Fatalf("query %+v", q)
		}
	default:
		if unfinished != 0 || len(shares) != 0 || len(q.Shares) != 0 {
			t.Fatalf("query %+v", q)
		}
	}
}

// checkVectors holds the indexes and the freezing of classes against the records.
func checkVectors(t *rapid.T, v View) {
	var pending, open []string
	commitments := map[Digest]bool{}
	for _, owner := range []string{"bureau", "bank"} {
		for _, x := range must[[]Vector](t)(v.Vectors(testID(owner))) {
			if !x.Over() {
				open = append(open, x.ID)
			}
			if x.ReadyAt > 0 {
				commitments[x.Commitment] = true
			}
		}
	}
	for _, x := range must[[]Vector](t)(v.PendingVectors()) {
		pending = append(pending, x.ID)
	}
	slices.Sort(open)
	slices.Sort(pending)
	if !slices.Equal(open, pending) {
		t.Fatalf("pending vectors %v, want %v", pending, open)
	}
	f := must[family](t)(find[family](v.r, familyKey(testID("bureau"), "enterprises")))
	uses := map[Digest]int{} // by commitment: classes × queries that rest on them
	for _, q := range must[[]Query](t)(v.Queries("")) {
		if q.Submit.Request.In == "" || q.Repeats != "" || len(q.Cohort) == 2 {
			continue
		}
		x := must[Vector](t)(v.Vector(q.Submit.Request.In))
		if verdict := must[Verdict](t)(v.Verdict(q.ID)); encrypted(verdict.Columns) {
			uses[x.Commitment] += len(verdict.classNumbers())
		}
	}
	for _, z := range must[*partition](t)(v.machine.partitionOf(v.r, testID("bureau"), "enterprises", &f)).frozen {
		if !commitments[z.Commitment] {
			t.Fatalf("class %d is frozen for %s, which was never ready", z.Class, z.Commitment)
		}
		uses[z.Commitment] -= z.Uses
	}
	for c, n := range uses {
		if n != 0 {
			t.Fatalf("%d uses of classes for %s are not accounted for", n, c)
		}
	}
}

func checkVersions(t *rapid.T, v View, cluster Cluster, opened map[string]int64) {
	var pending []int
	missing := map[string][]int{}
	live := 0
	for _, ver := range must[[]Version](t)(v.Versions("emissions")) {
		if ver.pending() {
			pending = append(pending, ver.Version)
		}
		for _, a := range ver.Attempts {
			opened["bureau"] += a.Tiles
		}
		if ver.State == VersionLive {
			live = ver.Version
		}
		if ver.State == VersionProposed || ver.State == VersionRejected {
			continue
		}
		for _, n := range cluster.Nodes {
			if !slices.Contains(ver.Acks, n.ID) {
				missing[n.ID] = append(missing[n.ID], ver.Version)
			}
		}
		if ver.State != VersionCommitted && len(ver.Acks) < 2 {
			t.Fatalf("version %+v", ver)
		}
	}
	numbers := func(list []Version) (out []int) {
		for _, ver := range list {
			out = append(out, ver.Version)
		}
		return out
	}
	if got := numbers(must[[]Version](t)(v.PendingVersions())); !slices.Equal(got, pending) || len(pending) > 1 {
		t.Fatalf("pending versions %v, want %v", got, pending)
	}
	for _, n := range cluster.Nodes {
		if got := numbers(must[[]Version](t)(v.Unacked(n.ID))); !slices.Equal(got, missing[n.ID]) {
			t.Fatalf("%s has not acknowledged %v, want %v", n.ID, got, missing[n.ID])
		}
	}
	if d := must[Dataset](t)(v.Dataset("emissions")); d.Live != live {
		t.Fatalf("version %d is live, want %d", d.Live, live)
	}
}
