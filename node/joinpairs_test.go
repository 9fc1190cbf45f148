package node

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/audit"
)

// withValue are cells with another value where it is theirs.
func withValue(cells []joinedCell, value string, which func(joinedCell) bool) []joinedCell {
	out := slices.Clone(cells)
	for i, x := range out {
		if which(x) {
			out[i].value = value
		}
	}
	return out
}

// products are the sums by county of an answer, and how many corrections it holds back.
func (w *joinedWorld) products(ctx context.Context, t *testing.T, o ask.Options) (sums map[string]string, held map[string]int, r *ask.Result) {
	t.Helper()
	o.Partial = true // one county lacks a reading in one month
	r, err := ask.Query(ctx, w.buyer, fmt.Sprintf(joinSQL, ""), o)
	if err != nil {
		t.Fatal(err)
	}
	sums, held = map[string]string{}, map[string]int{}
	for i, row := range r.Table.Rows {
		county := row[0].(string)
		sums[county], held[county] = row[1].(string), r.Table.HeldBack[i]
	}
	return sums, held, r
}

// After second versions of both a join still answers: where a whole county was corrected,
// with the newest figures, and where one firm was, with those of before, as the row says.
// As of the first versions it is what it was.
func TestAJoinAnswersAfterSecondVersionsOfBoth(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	w := newJoinedWorld(ctx, t, 3, 2, false)
	group := func(x joinedCell) string {
		if x.month == 5 && joinedCounty(x.firm) == "c2" {
			return ""
		}
		return joinedCounty(x.firm)
	}
	before, held, _ := w.products(ctx, t, ask.Options{})
	if d := cmp.Diff(w.truth(group), before); d != "" || held["c0"]+held["c1"]+held["c2"] > 0 {
		t.Fatalf("as of the first versions (-plaintext +answer)\n%s\nheld back %v", d, held)
	}
	first, second := w.first, w.second
	inCounty := func(county string, month int) func(joinedCell) bool {
		return func(x joinedCell) bool { return x.month == month && joinedCounty(x.firm) == county }
	}
	one := func(firm, month int) func(joinedCell) bool {
		return func(x joinedCell) bool { return x.month == month && x.firm == firm }
	}
	// Those of one firm are in other months: in the same one their county would join the unit
	// of the other, and neither were a unit by itself.
	settledFirst, settledSecond := withValue(first, "777.7", inCounty("c0", 4)), withValue(second, "1234.56", inCounty("c1", 6))
	w.first, w.second = withValue(settledFirst, "1.5", one(1, 7)), withValue(settledSecond, "2.25", one(0, 8))
	w.publish(ctx, t, emissionsDescriptor, energyDescriptor)
	w.first, w.second = settledFirst, settledSecond // without the corrections of one firm
	sums, held, r := w.products(ctx, t, ask.Options{})
	if d := cmp.Diff(w.truth(group), sums); d != "" {
		t.Errorf("as of the second versions (-plaintext +answer)\n%s", d)
	}
	if d := cmp.Diff(map[string]int{"c0": 1, "c1": 1, "c2": 0}, held); d != "" {
		t.Errorf("held back (-want +got)\n%s", d)
	}
	w.checkVersions(ctx, t, r)
	again, _, _ := w.products(ctx, t, ask.Options{AsOf: 1, JoinAsOf: 1})
	if d := cmp.Diff(before, again); d != "" {
		t.Errorf("as of the first versions (-before +after)\n%s", d)
	}
	_, err := ask.Query(ctx, w.buyer, fmt.Sprintf(joinSQL, ""), ask.Options{AsOf: 1, JoinAsOf: 2})
	if no, refused := client.IsRefused(err); !refused || no.Rule != "joint" || explain.Fix(no) == "" {
		t.Errorf("as of versions that were never the newest together: %v", err)
	}
	x, err := ask.Explain(ctx, w.buyer, fmt.Sprintf(joinSQL, ""), ask.Options{Partial: true, AsOf: 1})
	if err != nil || x.Version != 1 || x.Request.Join.AsOf != 0 || x.Plan.Products == 0 {
		t.Errorf("explained as of the first version: %+v, %v", x, err)
	}
}

// checkVersions wants a receipt that names all versions that were read.
func (w *joinedWorld) checkVersions(ctx context.Context, t *testing.T, r *ask.Result) {
	t.Helper()
	receipt, _, err := audit.QueryReceipt(ctx, w.buyer, r.Query.ID)
	if err != nil {
		t.Fatal(err)
	}
	p, err := audit.VerifyReceipt(w.profile, receipt)
	if err != nil {
		t.Fatal(err)
	}
	d := p.Query.Decision
	for name, layers := range map[string][]catalog.DecidedLayer{"emissions": d.Layers, "energy": d.Join.Layers} {
		var releases []int
		for _, l := range layers {
			releases = append(releases, l.Version)
		}
		if !slices.Equal(releases, []int{1, 2}) {
			t.Errorf("of %s the versions %v are read, want 1 and 2", name, releases)
		}
	}
}
