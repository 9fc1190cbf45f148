package node

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/client/vector"
)

// What a malicious buyer may try with private vectors, and the tests that show what
// comes of it. Those of the release rule release everything that it could ever release
// and search it by elimination; each attack succeeds there with its condition off.
//
//	a portfolio of one; all but one          disclosure.TestNobodyIsIsolatedByAnOwnerOfPortfolios; disclosure.TestWhatPassesATest
//	a portfolio, then a public query; the reverse   disclosure.TestNobodyIsIsolatedByAnOwnerOfPortfolios
//	another measure, dataset, month, list; one absent entity   the same; disclosure.TestPrivateFiguresIsolateSomebodyOnceAConditionIsOff
//	a portfolio on who lacks the second column; whose member vanishes in the next
//	version, whose change is taken back, whose class moves   disclosure.TestAttacksThatOnceSucceeded
//	a changed portfolio                      TestHostileBuyerIsRefusedAndToldWhatWouldPass
//	another's sealed shares replayed         TestSharesOfAnotherRegistrationAreWorthNothing; state.TestVectorIsRejectedForGood
//	weights of 2^15 and 1                    TestWeightsAreReleasedWithTheirNoiseAlone
//	a foreign column as a weight             TestForeignColumnsAreNoWeights; TestHostileBuyerIsRefusedAndToldWhatWouldPass
//	negative and huge values                 TestHostileSharesAreRejected; TestClientSharesNoValueThatIsNotOfTheBits
//	shares not on a polynomial               TestBadVectorsAreRejected
//	shares for another registry, epoch, buyer, truncated, repeated   TestHostileSharesAreRejected; TestBadVectorsAreRejected
//	a second challenge                       state.TestVectorIsRejectedForGood; TestRegistrationWaitsForTheNodeThatIsDown
//	many and large uploads                   TestRegistrationsWithoutSharesKeepNobodyWaiting; api.TestSharesOfVectorsAreBoundedPerCallerAndDay
//	a portfolio too large to be tested       TestTestThatCannotBeSentIsRefusedBeforeItIsProposed
//	dropped from under a query               state.TestVectorIsNotDroppedFromUnderAQuery
//	dropped, and another one with one less   state.TestOneOwnerHasOneListForAMonth
//
// And without private vectors, or with nothing but a connection:
//
//	a replay after a restart or a restore    consensus.TestRestartFromDiskAppliesNothingTwice; state.TestEnvelopeAppliedTwiceIsAnsweredWithTheFirstOutcome
//	an envelope of a cluster whose id begins alike   state.TestEnvelopeForAnotherTimeOrClusterIsRefused
//	many noised repeats, to average them     state.TestEpsilonNeverExceedsAnyBudget; state.TestOneBudgetOfEpsilonForAllBuyersOfAFamily
//	failing on purpose, and asking again     state.TestBudgetIsChargedExactlyAndRefundedWhenNoAttemptCompletes; state.TestEpsilonIsChargedWhenAnAttemptIsNamedAndNeverGivenBack
//	a query interrupted between charge and answer   TestLeaderStartedAnewInTheMiddleOfAnAttemptEndsItItself
//	three columns at a coarser grain         TestAttacksOnWhatIsReleasedGetNothing; disclosure.TestAttacksThatOnceSucceeded
//	the year minus its months; the year, then its months one by one   the same two
//	a correction seen through two datasets; nox_kg beside nox_t       the same two
//	a joined unit moved twice                the same two; disclosure.TestAGroupTakesNoUnitThatOverlapsWhatItHas
//	a square of a 0/1 measure                TestAttacksOnWhatIsReleasedGetNothing; disclosure.TestSquaresOfAMeasureOfZeroAndOneAreNeverReleased
//	a product of two publishers in pairs of versions   TestAttacksOnWhatIsReleasedGetNothing; disclosure.TestAProductOfTwoPublishersInPairsOfVersions
//	the same plants on a second registry     TestTheSamePlantsOnASecondRegistryAreRefusedUnlessTheyAreSaidToBeUnrelated
//	cuts and freezes for nothing             TestQueriesOfOthersTakeNothingFromAnAnswer; client.TestCountiesAndTotalsAreWholeWhateverWasAskedBefore
//	news that is none                        TestDeclarationsThatContradictPresenceAreRejected
//	differencing by joins and by appended entities   disclosure.TestNobodyIsIsolatedByProductsOfTwoPublishers; disclosure.TestNobodyIsIsolatedByEverythingPublic
//	differencing by HAVING                   none: it is the client's, on released rows
//	a contract renewed with a smaller k      state.TestAContractAsksForLargerGroups: a contract bounds single figures, the rule differences
//	names of fields that fold alike          api.TestNamesThatFoldAlikeAreNotTwoFields
//	requests with two ends                   api.TestRequestsWithTwoEndsAreRefused; api.TestRestOfABodyIsNoRequest
//	streams begun and reset                  api.TestResetStreamsAreBounded
//	answers read slowly                      api.TestServerWaitsForReadersOnlySoLong
//	SQL that is long, deep or strange        sql.TestTextBeyondTheLimitsIsRefused; the fuzz targets of compute/sql

// hostile is a buyer whose client checks nothing.
type hostile struct {
	*exchangeOf
	cluster catalog.Cluster
	params  he.ProductParameters
}

func newHostile(ctx context.Context, t *testing.T) *hostile {
	t.Helper()
	h := &hostile{exchangeOf: newFirms(ctx, t, 3, 2)}
	var err error
	if h.params, err = he.NewProductParameters(he.DefaultProductParameters()); err != nil {
		t.Fatal(err)
	}
	if h.cluster, err = h.buyer.Cluster(ctx); err != nil {
		t.Fatal(err)
	}
	return h
}

// body is a registration of a selector, without its shares.
func (h *hostile) body(name string) catalog.VectorRegister {
	return catalog.VectorRegister{
		Name: name, Version: 1, Registry: h.registry.ID, Entities: h.registry.Rows, Rows: h.registry.Digest, Bits: 1, Pieces: 1, Modulus: h.params.T(),
	}
}

// deal shares the selector of everybody.
func (h *hostile) deal(t *testing.T) [][]byte {
	t.Helper()
	spec := he.VectorSpec{Nodes: 3, Threshold: 2, Entities: h.registry.Rows, Bits: 1, Pieces: 1}
	shares, err := he.DealVector(h.params, spec, slices.Repeat([]uint64{1}, h.registry.Rows))
	if err != nil {
		t.Fatal(err)
	}
	return shares
}

// upload seals shares to the nodes as aad says and hands them to one of the nodes.
func (h *hostile) upload(ctx context.Context, t *testing.T, shares [][]byte, aad func(point int) []byte) (digests []catalog.Digest) {
	t.Helper()
	for i, node := range h.cluster.Nodes {
		b, err := seal.Seal(node.Sealing, []byte(seal.VectorInfo), aad(i+1), shares[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := h.nodes["n1"].blobs.Put(ctx, catalog.Sum(b), b); err != nil {
			t.Fatal(err)
		}
		digests = append(digests, catalog.Sum(b))
	}
	return digests
}

// end waits for the end of a registration.
func (h *hostile) end(ctx context.Context, id string) (v catalog.Vector) {
	h.t.Helper()
	h.await(ctx, "the registration's end", func() bool {
		err := h.nodes["n2"].view(func(view state.View) (err error) {
			v, err = view.Vectors().Get(id)
			return err
		})
		return err == nil && v.Over()
	})
	return v
}

// shifted adds a number to the first entry of the vector that 2-of-3 shares are of: the
// line through it at 0 and 0 at 1, where the share is a seed.
func shifted(modulus uint64, shares [][]byte, by uint64) [][]byte {
	const header, width = 24, 58
	for point := 2; point <= 3; point++ {
		body := shares[point-1][header:]
		first := binary.LittleEndian.Uint64(body)
		entry := first & (1<<width - 1)
		for range point - 1 {
			entry = (entry + modulus - by) % modulus
		}
		binary.LittleEndian.PutUint64(body, first&^(1<<width-1)|entry)
	}
	return shares
}

// Shares that no client would send are rejected by the nodes, whatever was done to them.
func TestHostileSharesAreRejected(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	h := newHostile(ctx, t)
	same := func(s [][]byte) [][]byte { return s }
	for i, c := range []struct {
		name   string
		change func([][]byte) [][]byte
		bind   func(*catalog.VectorRegister, *catalog.Cluster) // of what they are sealed for
		want   string
	}{
		{name: "a negative entry", change: func(s [][]byte) [][]byte { return shifted(h.params.T(), s, h.params.T()-2) }, want: "neither 0 nor 1"},
		{name: "a huge entry", change: func(s [][]byte) [][]byte { return shifted(h.params.T(), s, 1<<40) }, want: "neither 0 nor 1"},
		{name: "one share to all", change: func(s [][]byte) [][]byte { return [][]byte{s[1], s[1], s[1]} }, want: "not one of this vector"},
		{name: "nothing", change: func(s [][]byte) [][]byte { s[1] = nil; return s }, want: "not one of this vector"},
		{name: "for another registry", change: same, bind: func(b *catalog.VectorRegister, _ *catalog.Cluster) { b.Registry = "plants" }, want: "does not open"},
		{name: "for other rows", change: same, bind: func(b *catalog.VectorRegister, _ *catalog.Cluster) { b.Rows = catalog.Digest{1} }, want: "does not open"},
		{name: "for another version", change: same, bind: func(b *catalog.VectorRegister, _ *catalog.Cluster) { b.Version = 2 }, want: "does not open"},
		{name: "for another cluster", change: same, bind: func(_ *catalog.VectorRegister, c *catalog.Cluster) { c.ID = catalog.Digest{1} }, want: "does not open"},
		{name: "for another roster", change: same, bind: func(_ *catalog.VectorRegister, c *catalog.Cluster) { c.Nodes = c.Nodes[:2] }, want: "does not open"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := h.body(fmt.Sprintf("v%d", i))
			bound, cluster := b, h.cluster
			if c.bind != nil {
				c.bind(&bound, &cluster)
			}
			b.Shares = h.upload(ctx, t, c.change(h.deal(t)), func(point int) []byte { return bound.AAD(cluster, h.buyer.Key().ID(), point) })
			done, err := h.buyer.Submit(ctx, catalog.KindVectorRegister, b)
			if err != nil {
				t.Fatal(err)
			}
			if v := h.end(ctx, done.Outcome.ID); v.State != catalog.VectorRejected || !strings.Contains(explain.Reason(v.Reason), c.want) {
				t.Errorf("the vector is %s (%s), want it rejected: %s", v.State, explain.Reason(v.Reason), c.want)
			}
		})
	}
}

// Another buyer's sealed shares in an own envelope are refused when they were named
// before, and do not open when they were not. Neither tells anything, and who made them
// registers anew.
func TestSharesOfAnotherRegistrationAreWorthNothing(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	h := newHostile(ctx, t)
	rival := h.admit(ctx, newKey(t, "rival"), catalog.RoleBuyer)
	b := h.body("mine")
	b.Shares = h.upload(ctx, t, h.deal(t), func(point int) []byte { return b.AAD(h.cluster, h.buyer.Key().ID(), point) })
	// The rival saw the blobs and is faster.
	first, err := rival.Submit(ctx, catalog.KindVectorRegister, b)
	if err != nil {
		t.Fatal(err)
	}
	if v := h.end(ctx, first.Outcome.ID); v.State != catalog.VectorRejected || !strings.Contains(explain.Reason(v.Reason), "does not open") {
		t.Errorf("the rival's vector is %s (%s)", v.State, explain.Reason(v.Reason))
	}
	_, err = h.buyer.Submit(ctx, catalog.KindVectorRegister, b)
	if r, refused := client.IsRefused(err); !refused || r.Rule != "share_used" || explain.Fix(r) == "" {
		t.Errorf("the same shares once more: %v", err)
	}
	// Whoever shares anew is not kept from it.
	b.Shares = h.upload(ctx, t, h.deal(t), func(point int) []byte { return b.AAD(h.cluster, h.buyer.Key().ID(), point) })
	again, err := h.buyer.Submit(ctx, catalog.KindVectorRegister, b)
	if err != nil {
		t.Fatal(err)
	}
	if v := h.end(ctx, again.Outcome.ID); v.State != catalog.VectorReady {
		t.Errorf("the vector is %s (%s)", v.State, explain.Reason(v.Reason))
	}
	b.Version = 2
	_, err = rival.Submit(ctx, catalog.KindVectorRegister, b)
	if r, refused := client.IsRefused(err); !refused || r.Kind != catalog.RefusedConflict {
		t.Errorf("a replay: %v", err)
	}
}

// Every request that must not be answered is refused by its rule, and its refusal says
// what would pass.
func TestHostileBuyerIsRefusedAndToldWhatWouldPass(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	h := newHostile(ctx, t)
	mine := h.register(ctx, t, h.vector("mine", 1, selected(func(f int) bool { return f < 20 })))
	loans := h.register(ctx, t, h.vector("loans", 16, func(f int) uint64 { return uint64(f) })) //nolint:gosec // a firm
	theirs, err := vector.Register(ctx, h.bureau, h.vector("theirs", 1, selected(func(f int) bool { return f < 20 })), nil)
	if err != nil {
		t.Fatal(err)
	}
	queryRows(ctx, t, h.buyer, `SELECT SUM(co2) FROM firms WHERE firm IN PRIVATE(mine)`)
	changed := h.register(ctx, t, h.vector("mine", 1, selected(func(f int) bool { return f < 21 })))
	dropped := h.register(ctx, t, h.vector("gone", 1, selected(func(f int) bool { return f < 20 })))
	if err := vector.Drop(ctx, h.buyer, dropped.ID); err != nil {
		t.Fatal(err)
	}
	ask := func(fn, measure, weight, in string) catalog.Request {
		return catalog.Request{Version: 1, Dataset: "firms", In: in, Select: []catalog.Aggregate{{Func: fn, Measure: measure, Weight: weight}}}
	}
	noised := ask("sum", "co2", "", mine.ID)
	noised.Select = append(noised.Select, catalog.Aggregate{Func: "sum", Measure: "co2", Weight: loans.ID})
	foreign := ask("wavg", "co2", "firms.co2", "")
	foreign.Noise = &catalog.Noise{Epsilon: "1"}
	all := ask("sum", "co2", "", changed.ID)
	all.Complete = true
	for name, c := range map[string]struct {
		request catalog.Request
		rule    string
	}{
		"a changed portfolio":             {ask("sum", "co2", "", changed.ID), "portfolio_other"},
		"all of it or nothing":            {all, "portfolio_other"},
		"another's portfolio":             {ask("sum", "co2", "", theirs.ID), "vector"},
		"one that is not registered":      {ask("sum", "co2", "", catalog.NewVector), "vector"},
		"one that is dropped":             {ask("sum", "co2", "", dropped.ID), "vector_state"},
		"weights as a selector":           {ask("sum", "co2", "", loans.ID), "invalid"},
		"weights, exactly":                {ask("sum", "co2", loans.ID, ""), "weights"},
		"a selector as exact weights":     {ask("sum", "co2", mine.ID, ""), "weights"},
		"a column as a weight":            {foreign, "vector"},
		"another's weights":               {ask("sum", "", theirs.ID, ""), "vector"},
		"a selector and weights":          {noised, "invalid"},
		"a mean without weights":          {ask("wavg", "co2", "", ""), "invalid"},
		"squares of a portfolio":          {ask("var", "co2", "", mine.ID), "invalid"},
		"buckets of a portfolio":          {ask("histogram", "co2", "", mine.ID), "invalid"},
		"a weighted count of a portfolio": {ask("count", "co2", loans.ID, ""), "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.buyer.Submit(ctx, catalog.KindQuerySubmit, catalog.QuerySubmit{
				Contract: h.contractID(ctx, t), Receiving: h.buyer.Key().Public().Receiving, Request: c.request,
			})
			r, refused := client.IsRefused(err)
			if !refused {
				t.Fatalf("got %v, want a refusal", err)
			}
			if r.Rule != c.rule || explain.Fix(r) == "" {
				t.Errorf("refused by %s (%s), fix %q, want %s and what would pass", r.Rule, explain.Message(r), explain.Fix(r), c.rule)
			}
		})
	}
}

// A portfolio that cannot be tested is refused before anything is taken for it.
func TestTestThatCannotBeSentIsRefusedBeforeItIsProposed(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	const rows, least = 4 * (he.MaxCohortMinimum + 100), he.MaxCohortMinimum + 1
	c := newCluster(t, 2, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	var list []firmCell
	for f := range rows {
		list = append(list, firmCell{f, 1, f})
	}
	descriptor := strings.Replace(firmsDescriptor, "min_cohort: 4", fmt.Sprintf("min_cohort: %d", least), 1)
	if _, err := publish.Publish(ctx, bureau, prepareText(ctx, t, descriptor, firmsCSV(list), nil), nil); err != nil {
		t.Fatal(err)
	}
	registry, err := bureau.Registry(ctx, "firms")
	if err != nil {
		t.Fatal(err)
	}
	mine := vector.Plan{Name: "mine", Registry: registry, Pieces: 1, Values: slices.Repeat([]uint64{0, 0, 1, 1}, registry.Rows/4)}
	if _, err := vector.Register(ctx, bureau, mine, nil); err != nil {
		t.Fatal(err)
	}
	_, err = ask.Query(ctx, bureau, `SELECT SUM(co2) FROM firms WHERE firm IN PRIVATE(mine)`, ask.Options{})
	if r, refused := client.IsRefused(err); !refused || r.Rule != plan.RuleTest || explain.Fix(r) == "" || len(r.Numbers) != 2 {
		t.Fatalf("got %v, want a refusal by the rule %s", err, plan.RuleTest)
	}
	if queries, err := client.Queries.All(ctx, bureau); err != nil || len(queries) != 0 {
		t.Errorf("the ledger has it: %+v, %v", queries, err)
	}
}

// contractID is the buyer's contract.
func (h *hostile) contractID(ctx context.Context, t *testing.T) string {
	t.Helper()
	var id string
	err := h.nodes["n1"].Read(ctx, func(v state.View) error {
		all, _, err := v.ContractPage("", records.Page{})
		for _, k := range all {
			if k.Buyer == h.buyer.Key().ID() {
				id = k.ID
			}
		}
		return err
	})
	if err != nil || id == "" {
		t.Fatalf("the buyer's contract: %v", err)
	}
	return id
}
