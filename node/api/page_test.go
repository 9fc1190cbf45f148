package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/tables"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/wire"
)

// lists are the rows that answer a list which grows with use, each with the name of its
// array. They are read in pages.
var lists = map[string]string{
	"/v1/principals": "principals", "/v1/deposits": "deposits", "/v1/registries": "registries", "/v1/datasets": "datasets", "/v1/datasets/{id}/versions": "versions",
	"/v1/orders": "orders", "/v1/contracts": "contracts", "/v1/queries": "queries", "/v1/vectors": "vectors",
	"/v1/registries/{id}/states": "states", "/v1/contracts/{id}/statement": "lines", "/v1/catalog": "dcat:dataset", "/v1/feed": "items",
}

// bounded are the other rows whose answer has an array, each with what bounds it.
var bounded = map[string]string{
	"GET /v1/restores":                            "one a disaster",
	"POST /v1/backup":                             "what the cluster has published, for the operators of seats: a digest a blob, a part a megabyte",
	"GET /readyz":                                 "reasons: one a node, and a few of this one's",
	"GET /v1/status":                              "one a node",
	"GET /v1/cluster":                             "the roster",
	"GET /v1/roster":                              "roster.MaxChanges",
	"GET /v1/registries/{id}":                     "columns of one envelope",
	"GET /v1/registries/{id}/rows":                "wire.MaxRows and catalog.MaxPageBytes",
	"POST /v1/registries/{id}/values":             "as many as were asked for, and the first few of them",
	"GET /v1/datasets/{id}/versions/{version}":    "acknowledgements, attempts, entries: by nodes and attempts",
	"GET /v1/datasets/{id}/family":                "wire.MaxDeclared and wire.MaxSettled",
	"GET /v1/keys/{publisher}":                    "one a node",
	"POST /v1/blobs/missing":                      "wire.MaxMissing, as many as were asked for",
	"GET /v1/ids/{begin}":                         "wire.MaxIDs",
	"GET /v1/orders/{id}":                         "columns and measures of one envelope",
	"GET /v1/contracts/{id}":                      "columns and measures of one envelope",
	"GET /v1/vectors/{id}":                        "one a node",
	"GET /v1/queries/{id}":                        "the request, one envelope, and three attempts",
	"GET /v1/queries/{id}/shares":                 "one a node of the active set",
	"GET /v1/queries/{id}/verdict":                "catalog.MaxVerdict",
	"GET /v1/evidence/consistency":                "the logarithm of the log's length",
	"POST /v1/compile":                            "the statement, wire.MaxSQL",
	"POST /v1/explain":                            "the statement, and wire.MaxWithheld",
	"GET /v1/datasets/{id}":                       "a descriptor of one envelope",
	"POST /v1/check/dataset":                      "what was asked",
	"GET /v1/datasets/{id}/descriptors/{amended}": "a descriptor of one envelope",
	"POST /v1/envelopes":                          "one outcome",
}

// schema is what the OpenAPI document says of an answer.
type schema struct {
	Ref        string            `json:"$ref"`
	Properties map[string]schema `json:"properties"`
	Type       any               `json:"type"`
	Items      *schema           `json:"items"`
}

func (s schema) array() bool { return s.Items != nil }

type described struct {
	Paths map[string]map[string]struct {
		Parameters []struct{ Name, In string }
		Responses  map[string]struct {
			Content map[string]struct{ Schema schema }
		}
	}
	Components struct{ Schemas map[string]schema }
}

// hasArray reports whether there is an array anywhere in an answer.
func (d described) hasArray(s schema, seen map[string]bool) bool {
	if name := strings.TrimPrefix(s.Ref, "#/components/schemas/"); s.Ref != "" {
		if seen[name] {
			return false
		}
		seen[name] = true
		s = d.Components.Schemas[name]
	}
	if s.array() {
		return true
	}
	for _, p := range s.Properties {
		if d.hasArray(p, seen) {
			return true
		}
	}
	return false
}

// Every row of the table whose answer holds a list is read in pages, or is listed with
// what bounds it.
func TestEveryListIsBounded(t *testing.T) {
	w := newWorld(t)
	var doc described
	if err := json.Unmarshal(w.want(w.do("GET", "/v1/openapi.json", "", nil), http.StatusOK), &doc); err != nil {
		t.Fatal(err)
	}
	paged, needed := 0, map[string]bool{}
	for _, r := range api.TableRows() {
		name := r.Method + " " + r.Path
		op := doc.Paths[r.Path][strings.ToLower(r.Method)]
		var parameters []string
		for _, p := range op.Parameters {
			if p.In == "query" {
				parameters = append(parameters, p.Name)
			}
		}
		if lists[r.Path] != "" && r.Method == "GET" {
			paged++
			if !slices.Contains(parameters, "limit") || !slices.Contains(parameters, "after") {
				t.Errorf("%s is not described as paged: %v", name, parameters)
			}
			continue
		}
		content, ok := op.Responses["200"].Content["application/json"]
		if needed[name] = ok && doc.hasArray(content.Schema, map[string]bool{}); needed[name] && bounded[name] == "" {
			t.Errorf("%s answers a list, and nothing says what bounds it", name)
		}
	}
	for name := range bounded {
		if !needed[name] {
			t.Errorf("%s answers no list", name)
		}
	}
	if paged != len(lists) {
		t.Errorf("%d of %d lists are in the table", paged, len(lists))
	}
}

// next is where an answer says that the following page begins, whatever its vocabulary.
func next(t *testing.T, body map[string]json.RawMessage) string {
	t.Helper()
	address := ""
	switch {
	case body["next"] != nil:
		var after string
		if err := json.Unmarshal(body["next"], &after); err != nil {
			t.Fatal(err)
		}
		return "&after=" + after
	case body["next_url"] != nil:
		if err := json.Unmarshal(body["next_url"], &address); err != nil {
			t.Fatal(err)
		}
	case body["hydra:view"] != nil:
		var view struct {
			Next struct {
				ID string `json:"@id"`
			} `json:"hydra:next"`
		}
		if err := json.Unmarshal(body["hydra:view"], &view); err != nil {
			t.Fatal(err)
		}
		address = view.Next.ID
	}
	if _, query, ok := strings.Cut(address, "after="); ok {
		query, _, _ = strings.Cut(query, "&")
		return "&after=" + query
	}
	return ""
}

// Pages of one and of two are together what one page of all is, and a limit is kept.
func TestListsAreReadInPages(t *testing.T) {
	w := newWorld(t)
	first := w.list()
	rows := [][]string{{"s1", "north"}}
	for _, id := range []string{"wells", "works"} {
		w.submit(catalog.RolePublisher, catalog.KindRegistryCreate, catalog.RegistryCreate{ID: id, IDColumn: "station", Columns: []string{"county"}, Rows: 1, Digest: tables.RowsDigest(rows)}, http.StatusOK)
		w.submit(catalog.RolePublisher, catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: catalog.Descriptor{
			Dataset: id, Title: catalog.Text{EN: "Air"}, License: "CC0", Registry: "stations", Entity: "station", Grain: calendar.Day, UTCOffset: "+08:00",
			Measures: []catalog.Measure{{Name: "pm25", Unit: "µg/m³", Max: 1000}}, Policy: catalog.Policy{Aggregates: []string{"sum"}, Grain: calendar.Day, Public: true},
		}}, http.StatusOK)
	}
	contract := ""
	for i, order := range []string{first, "", ""} {
		var done wire.Submitted
		if i > 0 {
			if err := json.Unmarshal(w.submit(catalog.RoleBuyer, catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "air", Purpose: fmt.Sprint(i)}, http.StatusOK), &done); err != nil {
				t.Fatal(err)
			}
			order = done.Outcome.ID
		}
		if err := json.Unmarshal(w.submit(catalog.RolePublisher, catalog.KindOrderApprove, catalog.OrderApprove{Order: order}, http.StatusOK), &done); err != nil {
			t.Fatal(err)
		}
		contract = done.Outcome.ID
	}
	most := map[string]int{"/v1/principals": 3, "/v1/registries": 3, "/v1/datasets": 3, "/v1/orders": 3, "/v1/contracts": 3, "/v1/feed": 3, "/v1/catalog": 3}
	for path, array := range lists {
		bearer := w.token(catalog.RoleBuyer)
		if path == "/v1/principals" {
			bearer = w.token(catalog.RoleOperator)
		}
		at := strings.NewReplacer("contracts/{id}", "contracts/"+contract, "registries/{id}", "registries/stations", "{id}", "air").Replace(path)
		page := func(query string) (records []json.RawMessage, after string) {
			var body map[string]json.RawMessage
			if err := json.Unmarshal(w.want(w.do("GET", at+query, bearer, nil), http.StatusOK), &body); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(body[array], &records); err != nil || records == nil {
				t.Fatalf("%s%s: %s: %v", at, query, body[array], err)
			}
			return records, next(t, body)
		}
		all, after := page("")
		if after != "" || len(all) < most[path] {
			t.Errorf("%s: %d records, and then %q", at, len(all), after)
		}
		if path == "/v1/catalog" {
			continue // every page has the series of its datasets; its pages are those of the datasets
		}
		for limit := 1; limit <= 2; limit++ {
			var got []json.RawMessage
			for after := ""; ; {
				records, then := page(fmt.Sprintf("?limit=%d%s", limit, after))
				if len(records) > limit {
					t.Fatalf("%s: %d records on a page of %d", at, len(records), limit)
				}
				got = append(got, records...)
				if after = then; after == "" {
					break
				}
			}
			if !slices.EqualFunc(got, all, func(a, b json.RawMessage) bool { return string(a) == string(b) }) {
				t.Errorf("%s: pages of %d hold %d records, all are %d", at, limit, len(got), len(all))
			}
		}
		for _, wrong := range []string{"?limit=0", "?limit=1001", "?limit=x", "?after=" + strings.Repeat("9", 301), "?before=1"} {
			w.problem(w.do("GET", at+wrong, bearer, nil), http.StatusUnprocessableEntity, wire.KindRequest)
		}
	}
	if _, after := readPage(w, "/v1/catalog?limit=2"); after != "&after=wells" {
		t.Errorf("the catalog goes on after %q", after)
	}
}

func readPage(w *world, path string) (map[string]json.RawMessage, string) {
	w.Helper()
	body := read[map[string]json.RawMessage](w, path, "")
	return body, next(w.T, body)
}
