package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/tables"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/api/token"
	"github.com/weirdata/weir/node/api/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func read[T any](w *world, path, bearer string) T {
	w.Helper()
	var v T
	if err := json.Unmarshal(w.want(w.do("GET", path, bearer, nil), http.StatusOK), &v); err != nil {
		w.Fatal(err)
	}
	return v
}

// list publishes a registry and a dataset and returns the order that the buyer
// made on it.
func (w *world) list() string {
	w.Helper()
	rows := [][]string{{"s1", "north"}, {"s2", "south"}, {"s3", "south"}}
	w.submit(catalog.RolePublisher, catalog.KindRegistryCreate, catalog.RegistryCreate{
		ID: "stations", IDColumn: "station", Columns: []string{"county"}, Rows: len(rows), Digest: tables.RowsDigest(rows),
	}, http.StatusOK)
	w.submit(catalog.RolePublisher, catalog.KindRegistryRows, catalog.RegistryRows{ID: "stations", Rows: rows}, http.StatusOK)
	w.submit(catalog.RolePublisher, catalog.KindRegistryCommit, catalog.RegistryCommit{ID: "stations"}, http.StatusOK)
	w.submit(catalog.RolePublisher, catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: catalog.Descriptor{
		Dataset: "air", Title: catalog.Text{EN: "Air"}, License: "CC0", Registry: "stations", Entity: "station",
		Grain: calendar.Day, UTCOffset: "+08:00", Measures: []catalog.Measure{{Name: "pm25", Unit: "µg/m³", Max: 1000}},
		Policy: catalog.Policy{Aggregates: []string{"avg", "count", "sum"}, Grain: calendar.Day, Public: true},
	}}, http.StatusOK)
	var done wire.Submitted
	body := w.submit(catalog.RoleBuyer, catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "air", Purpose: "p"}, http.StatusOK)
	if err := json.Unmarshal(body, &done); err != nil {
		w.Fatal(err)
	}
	return done.Outcome.ID
}

func TestOrdersAndContractsAreForTheirPartiesAlone(t *testing.T) {
	w := newWorld(t)
	order := w.list()
	var done wire.Submitted
	body := w.submit(catalog.RolePublisher, catalog.KindOrderApprove, catalog.OrderApprove{Order: order}, http.StatusOK)
	if err := json.Unmarshal(body, &done); err != nil {
		t.Fatal(err)
	}
	contract := done.Outcome.ID
	strangers := map[string]party{"another buyer": newParty(t), "another publisher": newParty(t)}
	w.admit("another buyer", catalog.RoleBuyer, strangers["another buyer"])
	w.admit("another publisher", catalog.RolePublisher, strangers["another publisher"])
	for name, p := range strangers {
		bearer, err := token.Issue(p.signing, p.id(), w.cluster.ID().String(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if n := len(read[wire.Orders](w, "/v1/orders", bearer).Orders); n != 0 {
			t.Errorf("%s sees %d orders", name, n)
		}
		if n := len(read[wire.Contracts](w, "/v1/contracts", bearer).Contracts); n != 0 {
			t.Errorf("%s sees %d contracts", name, n)
		}
		w.problem(w.do("GET", "/v1/orders/"+order, bearer, nil), http.StatusNotFound, wire.KindNotFound)
		w.problem(w.do("GET", "/v1/contracts/"+contract, bearer, nil), http.StatusNotFound, wire.KindNotFound)
	}
	for role := range w.parties {
		bearer := w.token(role)
		if got := read[wire.Orders](w, "/v1/orders", bearer).Orders; len(got) != 1 || got[0].ID != order {
			t.Errorf("a party, the %s, sees the orders %v", role, got)
		}
		if got := read[catalog.Contract](w, "/v1/contracts/"+contract, bearer); got.ID != contract {
			t.Errorf("a party, the %s, sees the contract %v", role, got)
		}
	}
}

func TestRegistryRowsAreReadInPages(t *testing.T) {
	w := newWorld(t)
	w.list()
	for _, c := range []struct {
		query string
		want  string
	}{
		{"", "[[s1 north] [s2 south] [s3 south]]"}, {"?from=1", "[[s2 south] [s3 south]]"}, {"?to=1", "[[s1 north]]"},
		{"?from=1&to=2", "[[s2 south]]"}, {"?from=3", "[]"}, {"?from=2&to=1", "[]"}, {"?from=9000000000", "[]"},
	} {
		page := read[wire.Rows](w, "/v1/registries/stations/rows"+c.query, "")
		if got := fmt.Sprint(page.Rows); got != c.want || page.Total != 3 || page.Rows == nil {
			t.Errorf("%q: %s of %d, want %s", c.query, got, page.Total, c.want)
		}
	}
}

func TestThinClientGetsTheRequestToSign(t *testing.T) {
	w := newWorld(t)
	w.list()
	body := w.want(w.do("POST", "/v1/compile", "", []byte(`{"sql":"SELECT county, AVG(pm25) AS x FROM air GROUP BY county"}`)), http.StatusOK)
	var c sql.Compiled
	if err := json.Unmarshal(body, &c); err != nil {
		t.Fatal(err)
	}
	if c.Request.Dataset != "air" || len(c.Request.By) != 1 || len(c.Output) != 2 || c.Output[1].Name != "x" {
		t.Errorf("compiled %s", body)
	}
	p := w.problem(w.do("POST", "/v1/compile", "", []byte(`{"sql":"SELECT AVG(pm52) FROM air"}`)), http.StatusUnprocessableEntity, wire.KindSQL)
	if p.Line != 1 || p.Column != 12 || p.Field != "sql" || p.Near != "pm52" || p.Nearest != "pm25" || p.Accepted == "" {
		t.Errorf("problem %+v", p)
	}
}

func TestValuesThatNoEntityHasAreTold(t *testing.T) {
	w := newWorld(t)
	w.list()
	p := w.problem(w.do("POST", "/v1/compile", "", []byte(`{"sql":"SELECT AVG(pm25) FROM air WHERE station = 's33'"}`)), http.StatusUnprocessableEntity, wire.KindSQL)
	if p.Line != 1 || p.Column != 43 || p.Near != "'s33'" || p.Nearest != "'s3'" {
		t.Errorf("problem %+v", p)
	}
	body := w.want(w.do("POST", "/v1/registries/stations/values", "", []byte(`{"asked":[{"values":["s2","S2"]},{"column":"county","values":["x"]}]}`)), http.StatusOK)
	var got wire.UnknownValues
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Unknown) != 2 || got.Unknown[0].Value != "S2" || got.Unknown[0].Nearest != "s2" || got.Unknown[1].Column != "county" {
		t.Errorf("unknown are %+v", got.Unknown)
	}
	w.problem(w.do("POST", "/v1/registries/nowhere/values", "", []byte(`{"asked":[]}`)), http.StatusNotFound, wire.KindNotFound)
}

// In a bubble whose clock stands still while a request waits for anything else: one that held
// what is not there would never end, or end a minute later.
func TestLongPollDoesNotWaitForWhatIsNotThereOrIsOver(t *testing.T) {
	w := newWorld(t)
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		get := func(path, bearer string) answer {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
			if bearer != "" {
				r.Header.Set("Authorization", "Bearer "+bearer)
			}
			rec := httptest.NewRecorder()
			w.handler.ServeHTTP(rec, r)
			return answer{status: rec.Code, header: rec.Header(), body: rec.Body.Bytes()}
		}
		w.problem(get("/v1/queries/q-0?wait=60", w.token(catalog.RoleBuyer)), http.StatusNotFound, wire.KindNotFound)
		w.problem(get("/v1/keys/p-0?wait=60", ""), http.StatusNotFound, wire.KindNotFound)
		w.problem(get("/v1/datasets/d/versions/1?wait=60", ""), http.StatusNotFound, wire.KindNotFound)
		var k catalog.Key
		body := w.want(get("/v1/keys/"+w.parties[catalog.RolePublisher].id()+"?wait=60", ""), http.StatusOK)
		if err := json.Unmarshal(body, &k); err != nil || k.State != catalog.KeyReady {
			t.Errorf("the key is %s, %v", k.State, err)
		}
		w.problem(get("/v1/queries/q-0?wait=61", w.token(catalog.RoleBuyer)), http.StatusUnprocessableEntity, wire.KindRequest)
		if took := time.Since(begun); took != 0 {
			t.Errorf("it took %s", took)
		}
	})
}

func TestReadinessAndReceipts(t *testing.T) {
	w := newWorld(t)
	if r := read[wire.Ready](w, "/readyz", ""); !r.Ready {
		t.Errorf("ready %+v", r)
	}
	w.cluster.Reasons = []string{"no node leads"}
	var r wire.Ready
	if err := json.Unmarshal(w.want(w.do("GET", "/readyz", "", nil), http.StatusServiceUnavailable), &r); err != nil || r.Ready || len(r.Reasons) != 1 {
		t.Errorf("ready %+v, %v", r, err)
	}
	first := read[wire.Receipt](w, "/v1/receipts/1", "")
	if first.Seq != 1 || first.Leaf.IsZero() {
		t.Errorf("receipt %+v", first)
	}
	w.problem(w.do("GET", "/v1/receipts/100000", "", nil), http.StatusNotFound, wire.KindNotFound)
	if c := read[catalog.Cluster](w, "/v1/cluster", ""); c.ID != w.cluster.ID() || len(c.Nodes) != 3 || c.Threshold != 2 {
		t.Errorf("cluster %+v", c)
	}
}

// A buyer uploads shares of its private vectors and nothing else.
func TestBuyersUploadSharesOfVectorsAlone(t *testing.T) {
	w := newWorld(t)
	body := []byte("a sealed share")
	path := "/v1/blobs/" + catalog.Sum(body).String() + "?kind="
	if a := w.do("PUT", path+"vector", w.token(catalog.RoleBuyer), body); a.status != http.StatusNoContent {
		t.Errorf("a share of a vector: %d", a.status)
	}
	for _, kind := range []string{"tile", "manifest", "presence"} {
		w.problem(w.do("PUT", path+kind, w.token(catalog.RoleBuyer), body), http.StatusForbidden, wire.KindForbidden)
	}
	w.problem(w.do("PUT", path+"other", w.token(catalog.RoleBuyer), body), http.StatusBadRequest, wire.KindRequest)
	a := w.do("GET", "/v1/vectors", w.token(catalog.RoleBuyer), nil)
	if a.status != http.StatusOK || !strings.Contains(string(a.body), `"vectors":[]`) {
		t.Errorf("vectors of a buyer who has none: %d %s", a.status, a.body)
	}
	w.problem(w.do("GET", "/v1/vectors/v-none", w.token(catalog.RoleBuyer), nil), http.StatusNotFound, wire.KindNotFound)
}
