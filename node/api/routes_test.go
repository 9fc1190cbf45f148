package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/wire"
)

// example fills the parameters of a path.
func example(path string) string {
	return strings.NewReplacer("{id}", "nothing", "{version}", "1", "{amended}", "1", "{publisher}", "p-0", "{begin}", "o-00000000", "{attribute}", "0", "{point}", "1",
		"{digest}", strings.Repeat("0", 64), "{seq}", "1").Replace(path)
}

func TestEveryRouteRefusesWhoeverItsRowDoesNotAdmit(t *testing.T) {
	w := newWorld(t)
	all := []catalog.Role{catalog.RoleOperator, catalog.RolePublisher, catalog.RoleBuyer}
	for _, r := range api.TableRows() {
		path := example(r.Path)
		if strings.ContainsAny(path, "{}") {
			t.Fatalf("no example for %s", r.Path)
		}
		anonymous := w.do(r.Method, path, "", nil)
		if r.Public {
			if anonymous.status == http.StatusUnauthorized || anonymous.status == http.StatusForbidden {
				t.Errorf("%s %s is public and answers %d", r.Method, r.Path, anonymous.status)
			}
			continue
		}
		w.problem(anonymous, http.StatusUnauthorized, wire.KindToken)
		for _, role := range all {
			a := w.do(r.Method, path, w.token(role), nil)
			admitted := len(r.Roles) == 0 || slices.Contains(r.Roles, role)
			if !admitted {
				w.problem(a, http.StatusForbidden, wire.KindForbidden)
			} else if a.status == http.StatusUnauthorized || a.status == http.StatusForbidden {
				t.Errorf("%s %s answers %d to a %s, whom its row admits", r.Method, r.Path, a.status, role)
			}
		}
	}
}

// TestTableAdmitsExactlyThese pins who may do what, so that a row cannot be
// opened up without this list being changed too.
func TestTableAdmitsExactlyThese(t *testing.T) {
	want := map[string]string{
		"GET /livez": "anyone", "GET /readyz": "anyone", "GET /v1/openapi.json": "anyone", "GET /v1/status": "operator",
		"GET /v1/cluster": "anyone", "GET /v1/roster": "anyone", "POST /v1/envelopes": "anyone", "GET /v1/receipts/{seq}": "anyone", "GET /v1/principals": "operator",
		"GET /v1/deposits": "anyone", "GET /v1/registries": "anyone", "GET /v1/registries/{id}": "anyone", "GET /v1/registries/{id}/rows": "anyone",
		"GET /v1/registries/{id}/states": "anyone", "GET /v1/registries/{id}/codes/{attribute}": "anyone", "GET /v1/datasets/{id}/descriptors/{amended}": "anyone",
		"GET /v1/datasets": "anyone", "GET /v1/datasets/{id}": "anyone", "GET /v1/datasets/{id}/versions/{version}": "anyone",
		"GET /v1/datasets/{id}/versions/{version}/manifest": "anyone", "GET /v1/datasets/{id}/versions/{version}/presence": "anyone",
		"GET /v1/datasets/{id}/versions/{version}/settled": "anyone", "GET /v1/datasets/{id}/family": "anyone", "GET /v1/datasets/{id}/family/tree": "anyone",
		"GET /v1/keys/{publisher}": "anyone", "GET /v1/keys/{publisher}/shares/{point}": "anyone",
		"PUT /v1/blobs/{digest}": "buyer publisher", "POST /v1/blobs/missing": "publisher",
		"GET /v1/ids/{begin}": "token",
		"GET /v1/orders":      "token", "GET /v1/orders/{id}": "token", "GET /v1/contracts": "token", "GET /v1/contracts/{id}": "token",
		"GET /v1/queries": "token", "GET /v1/queries/{id}": "token", "GET /v1/queries/{id}/shares": "token", "GET /v1/queries/{id}/verdict": "token",
		"POST /v1/check/dataset":    "publisher",
		"POST /v1/evidence/present": "anyone", "GET /v1/restores": "anyone",
		"POST /v1/backup": "operator", "GET /v1/backup/parts/{digest}": "operator", "GET /v1/backup/blobs/{digest}": "operator",
		"GET /v1/datasets/{id}/versions": "anyone", "GET /v1/catalog": "anyone", "GET /catalog.html": "anyone", "GET /v1/feed": "anyone",
		"GET /v1/contracts/{id}/statement": "token", "GET /v1/contracts/{id}/odrl": "token",
		"GET /v1/queries/{id}/receipt": "token", "GET /v1/datasets/{id}/versions/{version}/receipt": "anyone",
		"GET /v1/evidence/checkpoint": "anyone", "GET /v1/evidence/consistency": "anyone", "GET /v1/evidence/entries/{seq}": "token",
		"POST /v1/registries/{id}/values": "anyone", "POST /v1/compile": "anyone", "POST /v1/explain": "token",
		"GET /v1/vectors": "buyer publisher", "GET /v1/vectors/{id}": "buyer publisher",
	}
	for _, r := range api.TableRows() {
		who := "token"
		switch {
		case r.Public:
			who = "anyone"
		case len(r.Roles) > 0:
			roles := make([]string, len(r.Roles))
			for i, role := range r.Roles {
				roles[i] = string(role)
			}
			who = strings.Join(roles, " ")
		}
		name := r.Method + " " + r.Path
		if want[name] != who {
			t.Errorf("%s admits %s %v, want %q", name, who, r.Roles, want[name])
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("%s is not in the table", name)
	}
}

func TestHandlerWithoutARowAnswersNobody(t *testing.T) {
	w := newWorld(t)
	reached := false
	handler, mounted, err := api.NewWithUnlisted(w.cluster.Options(), "GET", "/v1/backdoor", func(http.ResponseWriter, *http.Request) { reached = true })
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	w.url = server.URL
	w.problem(w.do("GET", "/v1/backdoor", w.token(catalog.RoleOperator), nil), http.StatusNotFound, wire.KindRequest)
	if reached {
		t.Error("the handler was reached")
	}
	rows := map[string]bool{}
	for _, r := range api.TableRows() {
		rows[r.Method+" "+strings.NewReplacer("{", ":", "}", "").Replace(r.Path)] = true
	}
	for _, m := range mounted {
		if !rows[m.Method+" "+m.Path] {
			t.Errorf("%s %s is mounted without a row", m.Method, m.Path)
		}
	}
	if len(mounted) != len(rows) {
		t.Errorf("%d routes are mounted, the table has %d rows", len(mounted), len(rows))
	}
}

func TestUnknownPathsAndMethodsAreProblems(t *testing.T) {
	w := newWorld(t)
	w.problem(w.do("GET", "/", "", nil), http.StatusNotFound, wire.KindRequest)
	w.problem(w.do("GET", "/docs", "", nil), http.StatusNotFound, wire.KindRequest)
	w.problem(w.do("GET", "/v1/cluster/", "", nil), http.StatusNotFound, wire.KindRequest)
	w.problem(w.do("DELETE", "/v1/cluster", "", nil), http.StatusMethodNotAllowed, wire.KindRequest)
}

func TestBodiesAreBoundedAndUnknownFieldsRefused(t *testing.T) {
	w := newWorld(t)
	publisher := w.token(catalog.RolePublisher)
	for _, r := range api.TableRows() {
		if r.Body > 4<<20 || r.Body == 0 {
			continue // the blob bound has its own test; GETs have no body
		}
		// Never written to again: a request that is answered early may still be sent.
		body := slices.Concat([]byte(`{"x":"`), bytes.Repeat([]byte("a"), int(r.Body)+10), []byte(`"}`))
		w.problem(w.do(r.Method, example(r.Path), publisher, body), http.StatusRequestEntityTooLarge, wire.KindRequest)
		w.problem(w.chunked(r.Method, example(r.Path), publisher, body), http.StatusRequestEntityTooLarge, wire.KindRequest)
	}
	p := w.problem(w.do("POST", "/v1/compile", "", []byte(`{"sql":"SELECT 1","sqk":1}`)), http.StatusUnprocessableEntity, wire.KindRequest)
	if !strings.Contains(p.Message, "sqk") {
		t.Errorf("the message does not name the unknown field: %s", p.Message)
	}
	w.problem(w.do("POST", "/v1/envelopes", "", []byte(`{"payload":"","signer":"","signature":"","admin":true}`)), http.StatusUnprocessableEntity, wire.KindRequest)
	w.problem(w.do("POST", "/v1/envelopes", "", []byte(`{`)), http.StatusBadRequest, wire.KindRequest)
	w.problem(w.do("GET", "/v1/cluster?verbose=1", "", nil), http.StatusUnprocessableEntity, wire.KindRequest)
	w.problem(w.do("GET", "/v1/registries/x/rows?from=-1", "", nil), http.StatusUnprocessableEntity, wire.KindRequest)
	w.problem(w.do("GET", "/v1/receipts/x", "", nil), http.StatusUnprocessableEntity, wire.KindRequest)
}

func TestOpenAPIDescribesEveryRouteAndItsToken(t *testing.T) {
	w := newWorld(t)
	a := w.do("GET", "/v1/openapi.json", "", nil)
	w.want(a, http.StatusOK)
	var doc struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			Security []map[string][]string `json:"security"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(a.body, &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %q", doc.OpenAPI)
	}
	for _, r := range api.TableRows() {
		op, ok := doc.Paths[r.Path][strings.ToLower(r.Method)]
		if !ok {
			t.Errorf("%s %s is not described", r.Method, r.Path)
		} else if (len(op.Security) == 0) != r.Public {
			t.Errorf("%s %s: security %v, public %t", r.Method, r.Path, op.Security, r.Public)
		}
	}
}

// TestPackedTilesAreRefusedWhileANodeMayNotReadThem: the release before has no such tiles.
func TestPackedTilesAreRefusedWhileANodeMayNotReadThem(t *testing.T) {
	w := newWorldAt(t, catalog.LevelPackedTiles-1)
	tile := bytes.Repeat([]byte{7}, w.cluster.Options().TileBytes)
	for _, x := range []struct {
		size, status int
	}{{len(tile), http.StatusNoContent}, {w.cluster.Options().PackedTileBytes, http.StatusBadRequest}} {
		b := tile[:x.size]
		w.want(w.do("PUT", "/v1/blobs/"+catalog.Sum(b).String()+"?kind=tile", w.token(catalog.RolePublisher), b), x.status)
	}
}

func TestBlobsAreTakenOnlyWithTheirDigestAndSize(t *testing.T) {
	w := newWorld(t, func(o *api.Options) { o.MaxIndexBytes = 1000 })
	token, size := w.token(catalog.RolePublisher), w.cluster.Options().TileBytes
	tile := bytes.Repeat([]byte{7}, size)
	put := func(content []byte, digest catalog.Digest, kind string) answer {
		return w.do("PUT", "/v1/blobs/"+digest.String()+"?kind="+kind, token, content)
	}
	w.want(put(tile, catalog.Sum(tile), "tile"), http.StatusNoContent)
	w.want(put(tile, catalog.Sum(tile), "tile"), http.StatusNoContent) // again
	packed := tile[:w.cluster.Options().PackedTileBytes]
	w.want(put(packed, catalog.Sum(packed), "tile"), http.StatusNoContent)
	w.problem(put(tile[1:], catalog.Sum(tile[1:]), "tile"), http.StatusBadRequest, wire.KindRequest)
	w.problem(put(append(tile, 0), catalog.Sum(append(tile, 0)), "tile"), http.StatusBadRequest, wire.KindRequest)
	w.problem(put(tile, catalog.Sum([]byte("other")), "tile"), http.StatusBadRequest, wire.KindRequest)
	w.problem(put([]byte("x"), catalog.Sum([]byte("x")), ""), http.StatusBadRequest, wire.KindRequest)
	w.problem(put(nil, catalog.Sum(nil), "manifest"), http.StatusBadRequest, wire.KindRequest)
	large := bytes.Repeat([]byte{1}, 1001)
	w.problem(put(large, catalog.Sum(large), "presence"), http.StatusRequestEntityTooLarge, wire.KindRequest)
	w.want(put(large[1:], catalog.Sum(large[1:]), "presence"), http.StatusNoContent)
	w.problem(w.do("PUT", "/v1/blobs/XYZ?kind=tile", token, tile), http.StatusBadRequest, wire.KindRequest)

	ask, err := json.Marshal(wire.Missing{Digests: []catalog.Digest{catalog.Sum(tile), catalog.Sum([]byte("absent"))}})
	if err != nil {
		t.Fatal(err)
	}
	var absent wire.Missing
	if err := json.Unmarshal(w.want(w.do("POST", "/v1/blobs/missing", token, ask), http.StatusOK), &absent); err != nil {
		t.Fatal(err)
	}
	if len(absent.Digests) != 1 || absent.Digests[0] != catalog.Sum([]byte("absent")) {
		t.Errorf("missing %v", absent.Digests)
	}
}
