package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/client/publish"
)

// joinedDescriptors are two protected datasets of two publishers on one registry.
const emissionsDescriptor = `dataset: emissions
title: {en: Test emissions, zh: 测试排放}
license: CC0-1.0
entity: {column: firm, attributes: [county]}
period: {column: period, grain: month}
utc_offset: "+08:00"
missing: [""]
measures:
  - {name: other, column: other, unit: kg, range: [0, 9], decimals: 0}
  - {name: co2_t, column: value, unit: t, range: [0, 1000], decimals: 1}
policy:
  aggregates: [count, sum]
  grain: month
  min_cohort: 4
  cubes: [[county]]
  joins: [energy]
price: {per_query: "3.00", currency: CNY}
`

const energyDescriptor = `dataset: energy
title: {en: Test output, zh: 测试产值}
license: CC0-1.0
entity: {registry: emissions, column: firm}
period: {column: period, grain: month}
utc_offset: "+08:00"
missing: [""]
measures:
  - {name: output, column: value, unit: CNY, range: [-500, 20000], decimals: 2}
policy:
  aggregates: [count, sum]
  grain: month
  min_cohort: 5
  joins: [emissions]
price: {per_query: "2.50", currency: USD}
`

// joinedCell is a firm's number in a month, counted from January 2024.
type joinedCell struct {
	firm, month int
	value       string
}

const joinedFirms = 60

func joinedCounty(firm int) string { return fmt.Sprintf("c%d", firm%3) }

// joinedCells are those of months [from, to); one firm of county c2 has none in
// month 5 in the second dataset.
func joinedCells(from, to, seed int, value func(n int) string, skip bool) (list []joinedCell) {
	for f := range joinedFirms {
		for m := from; m < to; m++ {
			if skip && m == 5 && f == 2 {
				continue
			}
			list = append(list, joinedCell{f, m, value((f*7919 + m*104729 + seed) % 9973)})
		}
	}
	return list
}

func joinedMonth(m int) string { return fmt.Sprintf("%d-%02d", 2024+m/12, m%12+1) }

func joinedCSV(list []joinedCell, counties bool) []byte {
	var b bytes.Buffer
	b.WriteString("firm,county,period,value,other\n")
	for _, x := range list {
		county := ""
		if counties {
			county = joinedCounty(x.firm)
		}
		fmt.Fprintf(&b, "%s,%s,%s,%s,1\n", firmID(x.firm), county, joinedMonth(x.month), x.value)
	}
	return b.Bytes()
}

// joinedWorld is a cluster with both datasets, and a buyer with a contract on each.
type joinedWorld struct {
	*cluster
	buyer         *client.Client
	publishers    [2]*client.Client
	contracts     [2]string
	first, second []joinedCell
}

func newJoinedWorld(ctx context.Context, t *testing.T, n, threshold int, open bool) *joinedWorld {
	t.Helper()
	w := &joinedWorld{cluster: newCluster(t, n, threshold, nil)}
	publishers := [2]*client.Client{w.keeping(w.publisher(ctx, "bureau")), w.keeping(w.publisher(ctx, "utility"))}
	w.publishers = publishers
	w.buyer = w.admit(ctx, newKey(t, "bank"), catalog.RoleBuyer)
	w.first = joinedCells(0, 12, 1, func(n int) string { return fmt.Sprintf("%d.%d", n%1000, n%10) }, false)
	w.second = joinedCells(3, 15, 2, func(n int) string { return fmt.Sprintf("%d.%02d", n*2-400, n%100) }, true)
	first, second := emissionsDescriptor, energyDescriptor
	if open { // to everybody, and with readings missing on either side
		first, second = openToAll(first), openToAll(second)
		w.first = slices.DeleteFunc(w.first, func(x joinedCell) bool { return (x.firm+x.month)%7 == 2 })
		w.second = slices.DeleteFunc(w.second, func(x joinedCell) bool { return (x.firm*x.month)%5 == 3 })
	}
	w.publish(ctx, t, first, second)
	for i, o := range []catalog.OrderCreate{{Dataset: "emissions", Purpose: "test", Budget: "30.00", Queries: 4}, {Dataset: "energy", Purpose: "test", Budget: "10.00"}} {
		order, err := exchange.CreateOrder(ctx, w.buyer, o)
		if err != nil {
			t.Fatal(err)
		}
		if w.contracts[i], err = exchange.ApproveOrder(ctx, publishers[i], catalog.OrderApprove{Order: order}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// publish publishes a version of both datasets as they are now.
func (w *joinedWorld) publish(ctx context.Context, t *testing.T, first, second string) {
	t.Helper()
	for i, publisher := range w.publishers {
		descriptor, csv := first, joinedCSV(w.first, true)
		if i == 1 {
			descriptor, csv = second, joinedCSV(w.second, false)
		}
		if _, err := publish.Publish(ctx, publisher, prepareText(ctx, t, descriptor, csv, w.ids), nil); err != nil {
			t.Fatal(err)
		}
	}
}

// ids are those of a registry, in its order.
func (w *joinedWorld) ids(ctx context.Context, id string) (list []string, err error) {
	r, err := w.buyer.Registry(ctx, id)
	if err != nil {
		return nil, err
	}
	rows, err := w.buyer.RegistryRows(ctx, id, r.Rows)
	for _, row := range rows {
		list = append(list, row[0])
	}
	return list, err
}

// openToAll makes a descriptor's dataset public.
func openToAll(descriptor string) string {
	before, rest, _ := strings.Cut(descriptor, "policy:\n")
	_, price, _ := strings.Cut(rest, "price:")
	return before + "policy: {aggregates: [count, sum], public: true}\nprice:" + price
}

// truth are sums of products over the cells that both have, by plain loops.
func (w *joinedWorld) truth(group func(joinedCell) string) map[string]string {
	other := map[[2]int]*big.Rat{}
	for _, x := range w.second {
		v, _ := new(big.Rat).SetString(x.value)
		other[[2]int{x.firm, x.month}] = v
	}
	sums := map[string]*big.Rat{}
	for _, x := range w.first {
		y := other[[2]int{x.firm, x.month}]
		g := group(x)
		if y == nil || g == "" {
			continue
		}
		v, _ := new(big.Rat).SetString(x.value)
		if sums[g] == nil {
			sums[g] = new(big.Rat)
		}
		sums[g].Add(sums[g], v.Mul(v, y))
	}
	out := map[string]string{}
	for g, v := range sums {
		out[g] = v.FloatString(3)
	}
	return out
}

const joinSQL = "SELECT county, SUM(e.co2_t * energy.output) AS product, COUNT(*) FROM emissions AS e JOIN energy USING (entity, period)%s GROUP BY county"

// The products of two publishers' readings equal plain loops: layouts, origins and
// middles of the ranges differ, and a county whose presences differ by one firm in one
// month is left out in that month alone. Both contracts pay, and both statements and
// the receipt say so.
func TestProductsOfTwoPublishersEqualPlaintext(t *testing.T) {
	t.Parallel()
	productsOfTwoAnswer(t, 3, 2)
}

// The same of four nodes, three of which open.
func TestProductsAnsweredByThreeOfFourEqualPlaintext(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	productsOfTwoAnswer(t, 4, 3)
}

func productsOfTwoAnswer(t *testing.T, nodes, threshold int) {
	t.Helper()
	ctx := testContext(t)
	w := newJoinedWorld(ctx, t, nodes, threshold, false)
	r, err := ask.Query(ctx, w.buyer, fmt.Sprintf(joinSQL, ""), ask.Options{Partial: true})
	if err != nil {
		t.Fatal(err)
	}
	want := w.truth(func(x joinedCell) string {
		if x.month == 5 && joinedCounty(x.firm) == "c2" {
			return ""
		}
		return joinedCounty(x.firm)
	})
	got := map[string]string{}
	for _, row := range r.Table.Rows {
		got[row[0].(string)] = row[1].(string)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-plaintext +answer)\n%s", d)
	}
	if r.Table.Columns[1].Unit != "t · CNY" {
		t.Errorf("columns %+v", r.Table.Columns)
	}
	w.checkPaid(ctx, t, r)
	w.checkReceipt(ctx, t, r)
	// A repeat is answered from what was opened, and costs nothing on the same day.
	again, err := ask.Query(ctx, w.buyer, fmt.Sprintf(joinSQL, ""), ask.Options{Partial: true})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(r.Table.Rows, again.Table.Rows); d != "" || again.Query.Repeats != r.Query.ID {
		t.Errorf("a repeat of %q: (-first +repeat)\n%s", again.Query.Repeats, d)
	}
}

// Readings that one of the two lacks are in no product, though what is opened are
// readings moved from the middle of their range.
func TestProductsOfPublicDatasetsAreOverTheCellsThatBothHave(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	w := newJoinedWorld(ctx, t, 3, 2, true)
	r, err := ask.Query(ctx, w.buyer, "SELECT entity, SUM(energy.output * emissions.co2_t) FROM emissions JOIN energy USING (period, firm) GROUP BY entity", ask.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, row := range r.Table.Rows {
		got[row[0].(string)] = row[1].(string)
	}
	if d := cmp.Diff(w.truth(func(x joinedCell) string { return firmID(x.firm) }), got); d != "" {
		t.Errorf("(-plaintext +answer)\n%s", d)
	}
	// Where they have no cell in common there is no row.
	const nothing = "SELECT SUM(e.co2_t * y.output) FROM emissions AS e JOIN energy AS y USING (entity, period) WHERE firm = '%s' AND period = '2024-08'"
	if rows := queryRows(ctx, t, w.buyer, fmt.Sprintf(nothing, firmID(2))); len(rows) != 0 {
		t.Errorf("rows %v", rows)
	}
	_, err = ask.Query(ctx, w.buyer, strings.Replace(fmt.Sprintf(nothing, firmID(2)), "2024-08", "2024-01", 1), ask.Options{})
	var fault *sql.Error
	if !errors.As(err, &fault) || fault.Near != "'2024-01'" || !strings.Contains(fault.Message, "which have 2024-04 to 2024-12 in common") {
		t.Errorf("a month that one of them lacks: %v", err)
	}
}

// checkPaid wants the query on both statements, with each one's price.
func (w *joinedWorld) checkPaid(ctx context.Context, t *testing.T, r *ask.Result) {
	t.Helper()
	for i, want := range []struct{ price, left, currency string }{{"3", "27", "CNY"}, {"2.5", "7.5", "USD"}} {
		s, err := exchange.Statement(ctx, w.buyer, w.contracts[i], "")
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Lines) != 1 || s.Lines[0].Query != r.Query.ID || !sameAmount(s.Price, want.price) || !sameAmount(s.BudgetLeft, want.left) || s.Currency != want.currency {
			t.Errorf("statement of contract %s: %+v, want %+v", w.contracts[i], s, want)
		}
	}
}

func sameAmount(a, b string) bool {
	x, ok := new(big.Rat).SetString(a)
	y, also := new(big.Rat).SetString(b)
	return ok && also && x.Cmp(y) == 0
}

// checkReceipt wants a receipt that names both versions, and no share of it with a
// parity number.
func (w *joinedWorld) checkReceipt(ctx context.Context, t *testing.T, r *ask.Result) {
	t.Helper()
	receipt, _, err := audit.QueryReceipt(ctx, w.buyer, r.Query.ID)
	if err != nil {
		t.Fatal(err)
	}
	p, err := audit.VerifyReceipt(w.profile, receipt)
	if err != nil {
		t.Fatal(err)
	}
	if p.Query == nil || !p.Query.Done || p.Query.Decision.Join == nil || p.Query.Decision.Dataset != "emissions" ||
		p.Query.Decision.Join.Dataset != "energy" || p.Query.Decision.Join.Version != 1 || p.Query.Decision.Join.Contract != w.contracts[1] {
		t.Errorf("the receipt proves %+v", p.Query)
	}
}

// What a join would release and cost is said beforehand; what is not answered is
// refused with what would be.
func TestJoinsAreExplainedAndRefused(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	w := newJoinedWorld(ctx, t, 3, 2, false)
	x, err := ask.Explain(ctx, w.buyer, fmt.Sprintf(joinSQL, " WHERE period BETWEEN '2024-04' AND '2024-05'"), ask.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if x.Groups != 3 || x.Plan.Openings == 0 || x.Request.Join == nil || x.Request.Join.Contract != w.contracts[1] || len(x.Verdict) < 3 {
		t.Errorf("explained as %+v", x)
	}
	if x = w.asExplained(ctx, t, w.buyer, fmt.Sprintf(joinSQL, " WHERE period > '2024-04'"), ask.Options{}); x.Plan.Products == 0 || x.Plan.Additions != 0 {
		t.Errorf("explained as %+v", x.Plan)
	}
	for sql, rule := range map[string]string{
		fmt.Sprintf(joinSQL, " WHERE firm IN ('f00', 'f03')"):               "joint",
		fmt.Sprintf(joinSQL, " WHERE period = '2024-06' AND county = 'c2'"): "joint",
	} {
		_, err := ask.Query(ctx, w.buyer, sql, ask.Options{})
		var problem *wire.Problem
		if !errors.As(err, &problem) || problem.Rule != rule || problem.Fix == "" {
			t.Errorf("%s: %v, want a refusal by %s", sql, err, rule)
		}
	}
	_, err = ask.Query(ctx, w.buyer, fmt.Sprintf(joinSQL, ""), ask.Options{Epsilon: "0.5"})
	var problem *wire.Problem
	if !errors.As(err, &problem) || problem.Field != "noise" {
		t.Errorf("with noise: %v", err)
	}
	rows := queryRows(ctx, t, w.buyer, "SELECT period, COUNT(*) FROM emissions JOIN energy USING (entity, period) GROUP BY period")
	if len(rows) != 9 || rows[0][0] != "2024-04" || rows[0][1] != "60" || rows[2][1] != "59" {
		t.Errorf("cells that both have: %v", rows)
	}
}
