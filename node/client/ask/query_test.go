package ask_test

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/exchange"
)

func TestBuyerGetsTheExactFiguresOfEncryptedReadings(t *testing.T) {
	w := clienttest.New(t)
	done := w.PublishAir()
	if done.Version != 1 || done.Entities != 3 || done.Periods != 40 || done.Tiles < 2 {
		t.Fatalf("published %+v", done)
	}
	contract := w.Contract("air", catalog.OrderApprove{})
	buyer := w.Client(catalog.RoleBuyer)
	res, err := ask.Query(w.Ctx, buyer, "SELECT county, SUM(pm25), COUNT(pm25), AVG(pm25) FROM air GROUP BY county", ask.Options{})
	w.Must(err)
	_, sum, count := clienttest.AirCSV()
	if len(res.Table.Rows) != 2 {
		t.Fatalf("rows %v", res.Table.Rows)
	}
	for _, row := range res.Table.Rows {
		county := row[0].(string)
		wantSum := fmt.Sprintf("%d.%d", sum[county]/10, sum[county]%10)
		wantAvg := new(big.Rat).SetFrac64(int64(sum[county]), int64(10*count[county])).FloatString(12)
		if row[1] != wantSum || row[2] != int64(count[county]) || row[3] != wantAvg {
			t.Errorf("%s: %v, want %s, %d, %s", county, row[1:], wantSum, count[county], wantAvg)
		}
	}
	if res.Query.Submit.Contract != contract || res.Receipt.Seq == 0 || res.Table.Query != res.Query.ID {
		t.Errorf("query %+v, receipt %+v", res.Query, res.Receipt)
	}
	receipt, err := client.Get[wire.Receipt](w.Ctx, buyer, client.Call{Path: fmt.Sprintf("/v1/receipts/%d", res.Receipt.Seq)})
	w.Must(err)
	if receipt != res.Receipt {
		t.Errorf("receipt %+v, want %+v", receipt, res.Receipt)
	}
}

func TestPublisherQueriesItsOwnDataWithoutAContract(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	res, err := ask.Query(w.Ctx, w.Client(catalog.RolePublisher), "SELECT COUNT(*), SUM(pm10) FROM air", ask.Options{})
	w.Must(err)
	if got := fmt.Sprint(res.Table.Rows); got != "[[120 6120]]" {
		t.Errorf("rows %s", got)
	}
	counted, err := ask.Query(w.Ctx, w.Client(catalog.RolePublisher), "SELECT COUNT(pm10) FROM air", ask.Options{})
	w.Must(err)
	if got := fmt.Sprint(counted.Table.Rows); got != "[[120]]" {
		t.Errorf("rows of a count, which opens nothing: %s", got)
	}
}

func TestWrongKeyShareGivesAParityErrorAndNoFigure(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	w.Must(w.Cluster.SpoilKeyShare())
	_, err := ask.Query(w.Ctx, w.Client(catalog.RolePublisher), "SELECT SUM(pm10) FROM air", ask.Options{})
	var parity *ask.ParityError
	if !errors.As(err, &parity) || len(parity.Nodes) != 2 {
		t.Fatalf("got %v, want a parity error that names the nodes", err)
	}
}

func TestContractIsChosenOnlyWhenExactlyOneCovers(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	buyer := w.Client(catalog.RoleBuyer)
	const sql = "SELECT AVG(pm25) FROM air"
	_, err := ask.Query(w.Ctx, buyer, sql, ask.Options{})
	clienttest.WantRule(t, err, catalog.RefusedPolicy, "contract")

	narrow := w.Contract("air", catalog.OrderApprove{Measures: []string{"pm10"}, Aggregates: []string{"sum"}})
	_, err = ask.Query(w.Ctx, buyer, sql, ask.Options{})
	clienttest.WantRule(t, err, catalog.RefusedPolicy, "aggregate")
	if !strings.Contains(err.Error(), narrow) {
		t.Errorf("the refusal does not say why %s does not do: %v", narrow, err)
	}
	another := w.Contract("air", catalog.OrderApprove{Measures: []string{"pm10"}})
	_, err = ask.Query(w.Ctx, buyer, sql, ask.Options{})
	clienttest.WantRule(t, err, catalog.RefusedPolicy, "contract")
	if !strings.Contains(err.Error(), narrow) || !strings.Contains(err.Error(), another) {
		t.Errorf("the refusal does not say why %s and %s do not do: %v", narrow, another, err)
	}
	_, err = ask.Query(w.Ctx, buyer, "SELECT VAR_POP(pm25) FROM air", ask.Options{})
	clienttest.WantRule(t, err, catalog.RefusedPolicy, "aggregate")
	if strings.Contains(err.Error(), "order") {
		t.Errorf("what no contract grants is said to be had by ordering: %v", err)
	}
	first := w.Contract("air", catalog.OrderApprove{Queries: 1})
	_, err = ask.Query(w.Ctx, buyer, sql, ask.Options{})
	w.Must(err)
	_, err = ask.Query(w.Ctx, buyer, sql, ask.Options{Contract: first})
	w.Must(err) // a repeat of what was released is not counted
	_, err = ask.Query(w.Ctx, buyer, "SELECT SUM(pm25) FROM air", ask.Options{Contract: first})
	if r, ok := client.IsRefused(err); !ok || r.Kind != catalog.RefusedPolicy {
		t.Fatalf("a used-up contract gave %v", err)
	}
	second, third := w.Contract("air", catalog.OrderApprove{}), w.Contract("air", catalog.OrderApprove{})
	_, err = ask.Query(w.Ctx, buyer, sql, ask.Options{})
	clienttest.WantRule(t, err, catalog.RefusedInvalid, "contract_ambiguous")
	if !strings.Contains(err.Error(), second) || !strings.Contains(err.Error(), third) {
		t.Errorf("the refusal names not both: %v", err)
	}
	_, err = ask.Query(w.Ctx, buyer, sql, ask.Options{Contract: third})
	w.Must(err)
}

func TestSQLErrorsNameThePlaceAndTheNearestDataset(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	buyer := w.Client(catalog.RoleBuyer)
	for text, nearest := range map[string]string{
		"SELECT AVG(pm25) FROM aire": "air",
		"SELECT AVG(pm52) FROM air":  "pm25",
		"SELECT AVG(pm25) FORM air":  "",
	} {
		_, err := ask.Query(w.Ctx, buyer, text, ask.Options{})
		var fault *sql.Error
		if !errors.As(err, &fault) || fault.Line != 1 || fault.Column < 8 {
			t.Fatalf("%s: %v", text, err)
		}
		if nearest != "" && fault.Nearest != nearest {
			t.Errorf("%s: nearest %q, want %q", text, fault.Nearest, nearest)
		}
	}
}

func TestSharesAreForTheOwnerOfTheQueryAlone(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	w.Contract("air", catalog.OrderApprove{})
	res, err := ask.Query(w.Ctx, w.Client(catalog.RoleBuyer), "SELECT SUM(pm10) FROM air", ask.Options{})
	w.Must(err)
	for _, role := range []catalog.Role{catalog.RolePublisher, catalog.RoleOperator} {
		_, err := client.Get[catalog.Query](w.Ctx, w.Client(role), client.Call{Path: "/v1/queries/" + res.Query.ID, Token: true})
		var p *wire.Problem
		if !errors.As(err, &p) || p.Status != http.StatusNotFound {
			t.Errorf("a %s reads the buyer's query: %v", role, err)
		}
	}
	own, err := client.Queries.All(w.Ctx, w.Client(catalog.RoleBuyer))
	w.Must(err)
	if len(own) != 1 || own[0].ID != res.Query.ID {
		t.Errorf("own queries %v", own)
	}
}

func TestExplainTellsWhatWouldBeReleasedAndChargesNothing(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	contract := w.Contract("air", catalog.OrderApprove{Queries: 1})
	buyer := w.Client(catalog.RoleBuyer)
	for range 2 {
		x, err := ask.Explain(w.Ctx, buyer, "SELECT county, AVG(pm25) FROM air GROUP BY county", ask.Options{})
		w.Must(err)
		if x.Groups != 2 || x.Plan.Openings < 1 || x.Plan.Tiles < 1 || x.Contract != contract {
			t.Errorf("explained %+v", x)
		}
		if x.Bits == nil || x.Bits.Noise <= 0 || x.Bits.Noise >= x.Bits.NoiseAvailable ||
			x.Bits.Magnitude <= 0 || x.Bits.Magnitude >= x.Bits.MagnitudeAvailable {
			t.Errorf("bits %+v, want some of what is available", x.Bits)
		}
	}
	c, err := exchange.Contract(w.Ctx, buyer, contract)
	w.Must(err)
	if c.Used != 0 {
		t.Errorf("explaining used %d queries", c.Used)
	}
}

func TestQueryWaitsForNodesThatWorkLater(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	w.Cluster.Asleep = true
	states := make(chan catalog.QueryState, 16)
	var polls atomic.Int64
	w.Watch(func(_ int, r *http.Request, _ []byte) {
		if strings.Contains(r.URL.RawQuery, "wait=") && strings.HasPrefix(r.URL.Path, "/v1/queries/") && polls.Add(1) == 1 {
			go func() {
				if err := w.Cluster.Wake(); err != nil {
					w.Error(err)
				}
			}()
		}
	})
	res, err := ask.Query(w.Ctx, w.Client(catalog.RolePublisher), "SELECT SUM(pm10) FROM air", ask.Options{
		States: func(q catalog.Query) { states <- q.State },
	})
	w.Must(err)
	if got := fmt.Sprint(res.Table.Rows); got != "[[6120]]" {
		t.Errorf("rows %s", got)
	}
	if polls.Load() != 1 {
		t.Errorf("%d long polls; the first should have been answered when the query was done", polls.Load())
	}
	close(states)
	last := catalog.QueryState("")
	for s := range states {
		last = s
	}
	if last != catalog.QueryDone {
		t.Errorf("the last state reported is %q", last)
	}
}

func TestEndOfTheContextEndsTheWait(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	w.Cluster.Asleep = true
	ctx, cancel := context.WithCancel(w.Ctx)
	w.Watch(func(_ int, r *http.Request, _ []byte) {
		if strings.HasPrefix(r.URL.Path, "/v1/queries/") {
			cancel()
		}
	})
	_, err := ask.Query(ctx, w.Client(catalog.RolePublisher), "SELECT SUM(pm10) FROM air", ask.Options{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestNoQuorumIsSaidAsSuch(t *testing.T) {
	w := clienttest.New(t)
	w.Cluster.Broken = func() error { return fmt.Errorf("%w: 1 of 3 nodes are reachable", api.ErrNoQuorum) }
	w.Servers[1].Close()
	w.Profile.Addr = w.Servers[1].URL
	_, err := client.Registries.All(w.Ctx, w.Client(catalog.RoleBuyer))
	var p *wire.Problem
	if !errors.As(err, &p) || p.Kind != wire.KindNoQuorum || !strings.Contains(err.Error(), "n2") {
		t.Errorf("got %v, want no-quorum and the node that is away", err)
	}
	w.Cluster.Broken = nil
}

// What is wrong with the words of a query is said at the words, whoever finds it: the
// compiler, the registry, or the ledger that refuses.
func TestRefusalsStandAtTheWordsTheyAreAbout(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	w.Contract("air", catalog.OrderApprove{Measures: []string{"pm10"}})
	buyer := w.Client(catalog.RoleBuyer)
	for _, try := range []func(sql string) error{
		func(sql string) error { _, err := ask.Query(w.Ctx, buyer, sql, ask.Options{}); return err },
		func(sql string) error { _, err := ask.Explain(w.Ctx, buyer, sql, ask.Options{}); return err },
	} {
		var fault *sql.Error
		err := try("SELECT SUM(pm10) FROM air\nWHERE station = 'nowhere at all'")
		if !errors.As(err, &fault) || fault.Line != 2 || fault.Column != 17 || fault.Near != "'nowhere at all'" || fault.Want == "" {
			t.Errorf("an unknown station: %v", err)
		}
		err = try("SELECT SUM(pm10) FROM air WHERE period = '1999'")
		if !errors.As(err, &fault) || fault.Near != "'1999'" || !strings.Contains(fault.Message, "no period of the query lies in version 1") {
			t.Errorf("a year without readings: %v", err)
		}
		var refused *ask.RefusedAtError
		err = try("SELECT county, SUM(pm25) FROM air GROUP BY county")
		clienttest.WantRule(t, err, catalog.RefusedPolicy, "measure")
		if !errors.As(err, &refused) || refused.At.Column != 16 || refused.At.Near != "SUM" {
			t.Errorf("a measure that the contract does not grant: %v", err)
		}
	}
}
