package state

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/statetest"
	"github.com/weirdata/weir/catalog/tables"
	"github.com/weirdata/weir/catalog/view"
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
func (c *chaos) act() (string, catalog.Kind, any) {
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

func (c *chaos) exchange() (string, catalog.Kind, any) {
	switch rapid.IntRange(0, 3).Draw(c.T, "exchange") {
	case 0:
		return c.buyer(), catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "x", Queries: rapid.IntRange(0, 2).Draw(c.T, "queries")}
	case 1:
		return c.publisher(), catalog.KindOrderApprove, catalog.OrderApprove{Order: c.one(c.orders), Queries: rapid.IntRange(0, 2).Draw(c.T, "queries")}
	case 2:
		return c.publisher(), catalog.KindOrderRefuse, catalog.OrderRefuse{Order: c.one(c.orders), Reason: "no"}
	}
	q := statetest.SumBy(rapid.SampledFrom([]catalog.Dimension{statetest.Attribute("county"), statetest.Attribute("county"), {Kind: catalog.DimEntity}}).Draw(c.T, "by"))
	if c.odd() { // nothing but counts
		q.Select = q.Select[1:]
	}
	if c.odd() {
		q.In = c.one(c.vectors)
	}
	if rapid.Bool().Draw(c.T, "own") {
		return "bureau", catalog.KindQuerySubmit, submit("", q)
	}
	return c.buyer(), catalog.KindQuerySubmit, submit(c.one(c.contract), q)
}

func (c *chaos) attempts() (string, catalog.Kind, any) {
	var q catalog.Query
	if id := c.one(c.queries); id != "" {
		q = must[catalog.Query](c.w.t)(c.w.view().Query(id))
	}
	n := len(q.Attempts)
	switch rapid.IntRange(0, 7).Draw(c.T, "attempts") {
	case 0, 1:
		active, root := c.set()
		return c.node(), catalog.KindQueryAttempt, catalog.QueryAttempt{Query: q.ID, Attempt: c.near(n + 1), Active: active, Root: root, Tiles: 12}
	case 2:
		return c.node(), catalog.KindQueryFail, catalog.QueryFail{Query: q.ID, Attempt: c.near(n), Reason: told("x")}
	}
	who := c.node()
	if a := running(q.Attempts); a != nil && !c.odd() {
		who = rapid.SampledFrom(a.Active).Draw(c.T, "member")
	}
	if c.odd() {
		return who, catalog.KindTestFailed, catalog.TestFailed{Query: q.ID, Attempt: c.near(n)}
	}
	return who, catalog.KindQueryShare, c.w.share(q.ID, c.near(n), 1)
}

func (c *chaos) versions() (string, catalog.Kind, any) {
	w, d := c.w, statetest.Descriptor("emissions")
	all := must[[]catalog.Version](w.t)(w.view().Versions().Of("emissions"))
	n := c.near(len(all))
	last := all[len(all)-1]
	counts := testCounts(2, 2, 40, func(_, _, _ int) bool { return true })
	step := last.State
	if c.odd() {
		step = rapid.SampledFrom([]catalog.VersionState{catalog.VersionProposed, catalog.VersionCommitted, catalog.VersionStored, catalog.VersionLive, catalog.VersionRejected}).Draw(c.T, "step")
	}
	if c.odd() {
		return c.publisher(), catalog.KindVersionDrop, catalog.VersionCommit{Dataset: "emissions", Version: n}
	}
	switch step {
	case catalog.VersionProposed:
		m := slices.Index(last.Counted, 0)
		if c.odd() {
			m = rapid.IntRange(-1, 1).Draw(c.T, "measure")
		}
		if !last.News.IsZero() && last.NewsHeld == 0 && m < 0 {
			news := c.news(last.VersionPropose)
			if c.odd() {
				news = news[1:]
			}
			return c.publisher(), catalog.KindVersionNews, catalog.VersionNews{Dataset: "emissions", Version: n, News: news}
		}
		if m < 0 {
			return c.publisher(), catalog.KindVersionCommit, catalog.VersionCommit{Dataset: "emissions", Version: n}
		}
		return c.publisher(), catalog.KindVersionCounts, catalog.VersionCounts{Dataset: "emissions", Version: n, Measure: d.MeasureNames()[m], From: last.First, Bitmaps: counts[m]}
	case catalog.VersionCommitted:
		reason := catalog.Reason{}
		if c.odd() {
			reason = told("damaged")
		}
		who := c.node()
		if !c.odd() {
			who = nodeName(len(last.Acks) + 1)
		}
		return who, catalog.KindVersionAck, catalog.VersionAck{Dataset: "emissions", Version: n, Reason: reason}
	case catalog.VersionStored:
		return c.parity(last, n)
	}
	v := w.proposal(d, 40, 2, counts)
	v.First += rapid.Int64Range(0, 3).Draw(c.T, "first")
	v.Counts, v.Closed = tables.CountsDigest(40, v.First, d.MeasureNames(), counts, nil), v.MayClose(d)
	switch {
	case c.odd():
		v.Closed = calendar.Interval{}
	case c.odd():
		v.Closed.To++
	case rapid.Bool().Draw(c.T, "news"):
		v.News = catalog.NewsDigest(c.news(v))
		v.Settled = w.settledBy("bureau", d, v)
	}
	return c.publisher(), catalog.KindVersionPropose, v
}

// news of a version: all classes equal the first version but that of enterprise 0, which
// has no reading there; now and then that is said to be equal too.
func (c *chaos) news(v catalog.VersionPropose) []catalog.SourceNews {
	all := c.w.sameAs("bureau", statetest.Descriptor("emissions"), v, 1)
	if v.First%2 == 0 {
		return all
	}
	for i := range all {
		all[i].Equal[0].Classes = all[i].Equal[0].Classes[1:]
	}
	return all
}

func (c *chaos) parity(v catalog.Version, n int) (string, catalog.Kind, any) {
	a, at := running(v.Attempts), c.near(len(v.Attempts))
	if a == nil || c.odd() {
		active, root := c.set()
		return c.node(), catalog.KindVersionAttempt, catalog.VersionAttempt{Dataset: "emissions", Version: n, Attempt: at + 1, Active: active, Root: root}
	}
	if c.odd() {
		return c.node(), catalog.KindVersionFail, catalog.VersionFail{Dataset: "emissions", Version: n, Attempt: at, Reason: told("x")}
	}
	who := rapid.SampledFrom(a.Active).Draw(c.T, "member")
	share := rapid.Uint64Range(0, 1).Draw(c.T, "share")
	return who, catalog.KindVersionParity, catalog.VersionParity{Dataset: "emissions", Version: n, Attempt: at, Share: share, Modulus: 2}
}

func (c *chaos) ceremony() (string, catalog.Kind, any) {
	w, id, point := c.w, catalog.KeyID(testID("rival")), rapid.IntRange(1, 3).Draw(c.T, "point")
	who := nodeName(point)
	k, err := w.view().Keys().Get(id)
	if errors.Is(err, records.ErrNotFound) || k.State == catalog.KeyFailed || c.odd() {
		return who, catalog.KindKeyStart, startOf("rival", c.near(k.Attempt+1))
	}
	attempt := c.near(k.Attempt)
	step := k.State
	if missing := slices.IndexFunc(k.Nodes, func(id string) bool { return !done(k, id) }); missing >= 0 && !c.odd() {
		point = missing + 1
		who = nodeName(point)
	}
	if c.odd() {
		step = rapid.SampledFrom([]catalog.KeyState{catalog.KeyCommitting, catalog.KeyDealing, catalog.KeyTesting, catalog.KeySigning, catalog.KeyFailed}).Draw(c.T, "step")
	}
	switch step {
	case catalog.KeyCommitting:
		return who, catalog.KindKeyCommit, w.commitment(id, attempt, point)
	case catalog.KeyDealing:
		return who, catalog.KindKeyAck, catalog.KeyAck{Key: id, Attempt: attempt}
	case catalog.KeyTesting:
		return who, catalog.KindKeyTested, catalog.KeyTested{Key: id, Attempt: attempt, Set: c.near(point - 1)}
	case catalog.KeySigning:
		return who, catalog.KindKeySign, catalog.KeySign{Key: id, Attempt: attempt, Signature: statetest.SignReady(testKey(who), k.Statement)}
	}
	return who, catalog.KindKeyFail, catalog.KeyFail{Key: id, Attempt: attempt, Reason: told("x")}
}

// vector draws what a registration of the bureau's or a buyer's could go on with.
func (c *chaos) vector() (string, catalog.Kind, any) {
	owner := rapid.SampledFrom([]string{"bureau", "bureau", "bank"}).Draw(c.T, "owner")
	var v catalog.Vector
	if id := c.one(c.vectors); id != "" {
		v = must[catalog.Vector](c.w.t)(c.w.view().Vectors().Get(id))
	}
	step := v.State
	if v.ID != "" && v.Over() || c.odd() {
		step = rapid.SampledFrom([]catalog.VectorState{"", "", catalog.VectorDropped, catalog.VectorStoring}).Draw(c.T, "step")
	}
	who := c.node()
	missing := func(list [][]byte) string {
		if i := slices.IndexFunc(list, func(b []byte) bool { return b == nil }); i >= 0 && !c.odd() {
			return nodeName(i + 1)
		}
		return who
	}
	switch step {
	case catalog.VectorStoring:
		who = missing(v.Nonces)
		if c.odd() {
			return who, catalog.KindVectorHold, catalog.VectorHold{Vector: v.ID, Reason: told("x")}
		}
		return who, catalog.KindVectorHold, catalog.VectorHold{Vector: v.ID, Nonce: testNonce(who)}
	case catalog.VectorLining:
		if i := slices.IndexFunc(v.Lines, func(b []uint64) bool { return b == nil }); i >= 0 && !c.odd() {
			who = nodeName(i + 1)
		}
		p := uint64(who[len(who)-1] - '0')
		return who, catalog.KindVectorLine, catalog.VectorLine{Vector: v.ID, Values: []uint64{5 + 3*p, uint64(c.near(1))}} //nolint:gosec // small
	case catalog.VectorProving:
		return c.bits(v)
	case catalog.VectorDropped:
		return owner, catalog.KindVectorDrop, catalog.VectorDrop{Vector: v.ID}
	}
	name := rapid.SampledFrom([]string{"mine", "ours"}).Draw(c.T, "name")
	last := 0
	for _, x := range must[[]catalog.Vector](c.w.t)(c.w.view().Vectors().Of(testID(owner))) {
		if x.Name == name {
			last = x.Version
		}
	}
	return owner, catalog.KindVectorRegister, c.w.vectorOf(name, c.near(last+1))
}

// bits draws what comes in the second check of a vector.
func (c *chaos) bits(v catalog.Vector) (string, catalog.Kind, any) {
	a, at := running(v.Attempts), c.near(len(v.Attempts))
	switch {
	case a == nil || c.odd():
		active, _ := c.set()
		return c.node(), catalog.KindVectorAttempt, catalog.VectorAttempt{Vector: v.ID, Attempt: at + 1, Active: active}
	case rapid.IntRange(0, 3).Draw(c.T, "fails") == 0:
		return c.node(), catalog.KindVectorFail, catalog.VectorFail{Vector: v.ID, Attempt: at, Reason: told("x")}
	}
	who := rapid.SampledFrom(a.Active).Draw(c.T, "member")
	return who, catalog.KindVectorBits, catalog.VectorBits{Vector: v.ID, Attempt: at, Values: []uint64{uint64(max(c.near(1)-1, 0)), 0}} //nolint:gosec // small
}

// done reports whether a node did its part of the ceremony's step.
func done(k catalog.Key, node string) bool {
	i := slices.Index(k.Nodes, node)
	switch k.State {
	case catalog.KeyCommitting:
		return !k.Commits[i].Public.IsZero()
	case catalog.KeyDealing:
		return k.Acked[i]
	case catalog.KeyTesting:
		return i >= len(k.Tested) || k.Tested[i]
	case catalog.KeySigning:
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
		if e, err := catalog.ParseEntry(b); err != nil || e.Time > w.now+100_000 {
			return b[:len(b)-1] // not a jump of the clock to the end of time
		}
		return b
	case 13:
		w.now += rapid.Int64Range(0, 2*catalog.MaxEnvelopeAge).Draw(c.T, "pause")
	}
	w.now += rapid.Int64Range(-5, 50).Draw(c.T, "passes")
	who, kind, body := c.act()
	return catalog.NewEntry(w.now, w.sign(who, kind, body)).Marshal()
}

// learn remembers the ids of what was made.
func (c *chaos) learn(out catalog.Outcome) {
	if out.Refusal != nil || out.Repeat {
		return
	}
	switch out.Kind {
	case catalog.KindOrderCreate:
		c.orders = append(c.orders, out.ID)
	case catalog.KindOrderApprove:
		c.contract = append(c.contract, out.ID)
	case catalog.KindQuerySubmit:
		c.queries = append(c.queries, out.ID)
	case catalog.KindVectorRegister:
		c.vectors = append(c.vectors, out.ID)
	}
}

// TestTwoMachinesStayEqualWhateverComes applies random logs to one machine that
// keeps its memo and to others that are always new, and checks the invariants of
// the package after each entry.
func TestTwoMachinesStayEqualWhateverComes(t *testing.T) {
	founded := ready(t)
	mine := founded.vector("bureau", founded.vectorOf("mine", 1)).ID
	plain := founded.ok("bureau", catalog.KindQuerySubmit, submit("", statetest.SumBy())).ID
	proving := founded.ok("bank", catalog.KindVectorRegister, founded.vectorOf("ours", 1)).ID
	founded.held(proving)
	founded.lined(proving)
	accepted := map[catalog.Kind]int{}
	property := func(t *rapid.T) {
		w := *founded
		w.t, w.store, w.machine, w.log = t, founded.store.Clone(), NewMachine(), slices.Clone(founded.log)
		c := &chaos{T: t, w: &w, vectors: []string{mine, proving}, queries: []string{plain}}
		other := founded.store.Clone()
		for range rapid.IntRange(1, 120).Draw(t, "entries") {
			entry := c.entry()
			out := w.applyBytes(entry)
			raw, err := NewMachine().Apply(other, w.seq, entry)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(raw, catalog.Encode(out)) {
				t.Fatalf("one machine says %s, another %s", catalog.Encode(out), raw)
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
	for _, kind := range []catalog.Kind{
		catalog.KindOrderCreate, catalog.KindOrderApprove, catalog.KindOrderRefuse, catalog.KindQuerySubmit, catalog.KindQueryAttempt, catalog.KindQueryShare, catalog.KindQueryFail,
		catalog.KindVersionPropose, catalog.KindVersionCounts, catalog.KindVersionNews, catalog.KindVersionCommit, catalog.KindVersionDrop, catalog.KindVersionAck, catalog.KindVersionAttempt, catalog.KindVersionParity,
		catalog.KindKeyStart, catalog.KindKeyCommit, catalog.KindKeyAck, catalog.KindKeyTested, catalog.KindKeySign, catalog.KindKeyFail,
		catalog.KindVectorRegister, catalog.KindVectorDrop, catalog.KindVectorHold, catalog.KindVectorLine, catalog.KindVectorAttempt, catalog.KindVectorBits, catalog.KindVectorFail,
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
	cluster := must[catalog.Cluster](t)(v.Cluster())
	var queries []string
	used, opened := map[string]int{}, map[string]int64{}
	for _, q := range must[[]catalog.Query](t)(v.Queries("")) {
		if q.Repeats == "" {
			used[q.Submit.Contract]++
		} else if first := must[catalog.Query](t)(v.Query(q.Repeats)); first.State != catalog.QueryDone || first.Principal != q.Principal || first.Version != q.Version {
			t.Fatalf("query %s repeats %+v", q.ID, first)
		}
		if !q.Over() {
			queries = append(queries, q.ID)
		}
		checkQuery(t, v, q, cluster.Threshold)
		for _, a := range q.Attempts {
			opened["bureau"] += a.Tiles
		}
	}
	var todo []string
	for _, q := range must[[]catalog.Query](t)(v.PendingQueries()) {
		todo = append(todo, q.ID)
	}
	check("pending queries", todo, queries)
	for _, k := range must[[]catalog.Contract](t)(v.Contracts()) {
		check("queries of "+k.ID, k.Used, used[k.ID])
		if k.Queries > 0 && k.Used > k.Queries {
			t.Fatalf("contract %s: %d of %d queries", k.ID, k.Used, k.Queries)
		}
	}
	checkVectors(t, v)
	checkVersions(t, v, cluster, opened)
	check("tiles opened", must[catalog.Key](t)(v.Keys().Of(testID("bureau"))).Opened, opened["bureau"])
	var waiting []string
	for _, p := range must[[]view.PendingKey](t)(v.Keys().Pending()) {
		waiting = append(waiting, p.Publisher)
	}
	k, err := v.Keys().Of(testID("rival"))
	if err != nil || k.State != catalog.KeyReady {
		check("publishers without a key", waiting, []string{testID("rival")})
	} else {
		check("publishers without a key", waiting, []string{})
	}
}

func checkQuery(t *rapid.T, v View, q catalog.Query, threshold int) {
	shares := must[[]catalog.QueryShare](t)(v.Shares(q.ID))
	unfinished := 0
	for _, a := range q.Attempts {
		if a.Failed.IsZero() {
			unfinished++
		}
	}
	switch verdict := must[catalog.Verdict](t)(v.Verdict(q.ID)); {
	case len(verdict.Columns) == 0:
		if q.State != catalog.QueryDone || len(q.Attempts) > 0 {
			t.Fatalf("query of counts: %+v", q)
		}
	case q.State == catalog.QueryDone:
		if unfinished != 1 || len(shares) != threshold {
			t.Fatalf("query is done with %d shares, attempts %+v", len(shares), q.Attempts)
		}
		for _, s := range shares {
			if s.Attempt != len(q.Attempts) || s.Plan != q.Plan || s.Context != q.Context {
				t.Fatalf("share %+v of query %+v", s, q)
			}
		}
	case q.State == catalog.QueryRunning:
		if unfinished != 1 || len(shares) != 0 {
			t.Fatalf("query %+v", q)
		}
	default:
		if unfinished != 0 || len(shares) != 0 || len(q.Shares) != 0 {
			t.Fatalf("query %+v", q)
		}
	}
}

// checkVectors holds the index of registrations against the records.
func checkVectors(t *rapid.T, v View) {
	var pending, open []string
	for _, owner := range []string{"bureau", "bank"} {
		for _, x := range must[[]catalog.Vector](t)(v.Vectors().Of(testID(owner))) {
			if !x.Over() {
				open = append(open, x.ID)
			}
		}
	}
	for _, x := range must[[]catalog.Vector](t)(v.Vectors().Pending()) {
		pending = append(pending, x.ID)
	}
	slices.Sort(open)
	slices.Sort(pending)
	if !slices.Equal(open, pending) {
		t.Fatalf("pending vectors %v, want %v", pending, open)
	}
}

func checkVersions(t *rapid.T, v View, cluster catalog.Cluster, opened map[string]int64) {
	var underWay []int
	missing := map[string][]int{}
	live := 0
	for _, ver := range must[[]catalog.Version](t)(v.Versions().Of("emissions")) {
		if pending(ver) {
			underWay = append(underWay, ver.Version)
		}
		for _, a := range ver.Attempts {
			opened["bureau"] += a.Tiles
		}
		if ver.State == catalog.VersionLive {
			live = ver.Version
		}
		if ver.State == catalog.VersionProposed || ver.State == catalog.VersionRejected {
			continue
		}
		for _, n := range cluster.Nodes {
			if !slices.Contains(ver.Acks, n.ID) {
				missing[n.ID] = append(missing[n.ID], ver.Version)
			}
		}
		if ver.State != catalog.VersionCommitted && len(ver.Acks) < 2 {
			t.Fatalf("version %+v", ver)
		}
	}
	numbers := func(list []catalog.Version) (out []int) {
		for _, ver := range list {
			out = append(out, ver.Version)
		}
		return out
	}
	if got := numbers(must[[]catalog.Version](t)(v.Versions().Pending())); !slices.Equal(got, underWay) || len(underWay) > 1 {
		t.Fatalf("pending versions %v, want %v", got, underWay)
	}
	for _, n := range cluster.Nodes {
		if got := numbers(must[[]catalog.Version](t)(v.Versions().Unacked(n.ID))); !slices.Equal(got, missing[n.ID]) {
			t.Fatalf("%s has not acknowledged %v, want %v", n.ID, got, missing[n.ID])
		}
	}
	if d := must[catalog.Dataset](t)(v.Dataset("emissions")); d.Live != live {
		t.Fatalf("version %d is live, want %d", d.Live, live)
	}
}
