package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/wire"
)

// worst is the most that a caller can ask of a route: bodies, of which each is the worst in
// its way, and what stands behind the path. mayEnd lists the statuses that it may have.
type worst struct {
	query  string
	bodies func(w *world) [][]byte
	path   func(body []byte) string // of uploads
	mayEnd []int
}

// listing asks for the longest page.
var listing = worst{query: "?limit=1000", mayEnd: []int{http.StatusOK, http.StatusNotFound}}

// record asks for one record.
var record = worst{mayEnd: []int{http.StatusOK, http.StatusNotFound}}

// noBackups is what is answered by nodes that make none, as this world's. What a part takes is its length.
var noBackups = worst{mayEnd: []int{http.StatusServiceUnavailable}}

// worstCases has every route. A route that is added has to be added here.
var worstCases = map[string]worst{
	"GET /livez": record, "GET /readyz": record, "GET /v1/openapi.json": record, "GET /v1/status": record, "GET /v1/cluster": record, "GET /v1/roster": record,
	"POST /v1/envelopes":     {bodies: envelopes, mayEnd: []int{http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusBadRequest, http.StatusUnauthorized}},
	"GET /v1/receipts/{seq}": record, "GET /v1/principals": listing, "GET /v1/deposits": listing,
	"GET /v1/registries": listing, "GET /v1/registries/{id}": record, "GET /v1/registries/{id}/states": listing,
	"GET /v1/registries/{id}/rows": record, "GET /v1/registries/{id}/codes/{attribute}": record,
	"POST /v1/registries/{id}/values": {bodies: unknown, mayEnd: []int{http.StatusOK}},
	"GET /v1/datasets":                listing, "GET /v1/datasets/{id}": record, "GET /v1/datasets/{id}/descriptors/{amended}": record,
	"POST /v1/check/dataset":         {bodies: descriptors, mayEnd: []int{http.StatusOK, http.StatusUnprocessableEntity}},
	"GET /v1/datasets/{id}/versions": listing, "GET /v1/datasets/{id}/versions/{version}": record,
	"GET /v1/datasets/{id}/versions/{version}/receipt": record, "GET /v1/datasets/{id}/versions/{version}/manifest": record,
	"GET /v1/datasets/{id}/versions/{version}/presence": record, "GET /v1/datasets/{id}/versions/{version}/settled": record,
	"GET /v1/datasets/{id}/family": record, "GET /v1/datasets/{id}/family/tree": record,
	"GET /v1/catalog": listing, "GET /catalog.html": listing, "GET /v1/feed": listing,
	"GET /v1/keys/{publisher}": record, "GET /v1/keys/{publisher}/shares/{point}": record,
	"PUT /v1/blobs/{digest}": {bodies: presences, path: func(b []byte) string { return "/v1/blobs/" + catalog.Sum(b).String() + "?kind=presence" }, mayEnd: []int{http.StatusNoContent}},
	"POST /v1/blobs/missing": {bodies: digests, mayEnd: []int{http.StatusOK}},
	"GET /v1/ids/{begin}":    record, "GET /v1/orders": listing, "GET /v1/orders/{id}": record,
	"GET /v1/contracts": listing, "GET /v1/contracts/{id}": record, "GET /v1/contracts/{id}/statement": listing, "GET /v1/contracts/{id}/odrl": record,
	"GET /v1/vectors": listing, "GET /v1/vectors/{id}": record,
	"GET /v1/queries": listing, "GET /v1/queries/{id}": record, "GET /v1/queries/{id}/shares": record,
	"GET /v1/queries/{id}/verdict": record, "GET /v1/queries/{id}/receipt": record,
	"GET /v1/evidence/checkpoint": record, "GET /v1/evidence/consistency": {query: "?old=1&new=2", mayEnd: []int{http.StatusOK, http.StatusUnprocessableEntity}},
	"GET /v1/evidence/entries/{seq}": record, "GET /v1/restores": record, "POST /v1/evidence/present": {bodies: notes, mayEnd: []int{http.StatusServiceUnavailable, http.StatusUnprocessableEntity}},
	"POST /v1/backup": noBackups, "GET /v1/backup/parts/{digest}": noBackups, "GET /v1/backup/blobs/{digest}": noBackups,
	"POST /v1/compile": {bodies: texts, mayEnd: []int{http.StatusOK, http.StatusUnprocessableEntity}},
	"POST /v1/explain": {bodies: texts, mayEnd: []int{http.StatusOK, http.StatusUnprocessableEntity, http.StatusNotFound, http.StatusForbidden, http.StatusConflict}},
}

// No request takes more memory than its row says, whatever is in its body. What is
// counted is all that was allocated, by client and server, so that it bounds what was held
// at any time.
func TestNoRouteTakesMoreThanItsRowSays(t *testing.T) {
	const (
		overhead = 2 << 20 // of a request and its connection, and of what else runs
		copies   = 8       // of a body: as it is sent, read, decoded, and parsed once more
	)
	w := newWorld(t)
	w.list()
	w.do("GET", "/v1/openapi.json", "", nil) // the first who asks has it written, for all later ones
	left := map[string]bool{}
	for name := range worstCases {
		left[name] = true
	}
	for _, r := range api.TableRows() {
		name := r.Method + " " + r.Path
		c, known := worstCases[name]
		if !known {
			t.Errorf("%s: there is no worst case of it here", name)
			continue
		}
		delete(left, name)
		bodies := [][]byte{nil}
		if c.bodies != nil {
			bodies = c.bodies(w)
		}
		for i, body := range bodies {
			path := strings.NewReplacer("/registries/nothing", "/registries/stations", "/datasets/nothing", "/datasets/air").Replace(example(r.Path)) + c.query
			if c.path != nil {
				path = c.path(body)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			a := w.do(r.Method, path, w.caller(r), body)
			runtime.ReadMemStats(&after)
			if !slices.Contains(c.mayEnd, a.status) {
				t.Errorf("%s, body %d: %d %.300s", name, i, a.status, a.body)
			}
			took, most := int64(after.TotalAlloc-before.TotalAlloc), r.Memory+overhead+copies*int64(len(body))
			if took > most && !raceDetector { // which allocates, too
				t.Errorf("%s, body %d of %d bytes: %d bytes were allocated, want %d at most", name, i, len(body), took, most)
			}
		}
	}
	for name := range left {
		t.Errorf("%s is no route", name)
	}
}

func encoded(w *world, v any) []byte {
	w.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		w.Fatal(err)
	}
	return b
}

// notes are checkpoints that are none.
func notes(w *world) [][]byte {
	return [][]byte{encoded(w, wire.Note{Note: strings.Repeat("a", 64<<10)}), []byte("{}")}
}

// texts are statements that are long, each in another way.
func texts(w *world) (bodies [][]byte) {
	const room = wire.MaxSQL - 1000
	fill := func(head, part, tail string) string { return head + strings.Repeat(part, room/len(part)) + tail }
	var distinct []string
	for i := range 6000 {
		distinct = append(distinct, fmt.Sprintf("SUM(m%d)", i%100))
	}
	for _, sql := range []string{
		"SELECT " + strings.Join(distinct, ",") + " FROM air",
		"SELECT " + strings.Repeat("SUM(pm25),", 511) + "COUNT(*) FROM air",
		fill("SELECT COUNT(*) FROM air WHERE station IN ('a'", ",'b'", ")"),
		fill("SELECT COUNT(*) FROM air WHERE station IN ('s1'", ",'a long value that nobody has'", ")"),
		fill("SELECT COUNT(*) FROM air WHERE station = 's1'", " OR station = 's2'", ""),
		"SELECT COUNT(*) FROM air WHERE period = '2024'" + strings.Repeat(" OR period = '2024-01-01'", 1000),
		fill("SELECT COUNT(*) FROM air WHERE ", "(", ""),
		fill("SELECT COUNT(*) FROM air WHERE ", "NOT ", ""),
		fill("SELECT SUM(pm25", "*pm25", ") FROM air"),
		fill("SELECT SUM(", "pm25,", "pm25) FROM air"),
		fill("SELECT COUNT(*) FROM air HAVING COUNT(*) > 1", " AND COUNT(*) > 1", ""),
		fill("SELECT COUNT(*) FROM ", "a", ""),
		fill("SELECT COUNT(*) FROM air -- ", "x", ""),
	} {
		bodies = append(bodies, encoded(w, map[string]string{"sql": sql}))
	}
	return bodies
}

// unknown are values that no row has, of which the nearest are looked for.
func unknown(w *world) [][]byte {
	var asked []sql.ColumnValues
	for i := range 128 {
		var values []string
		for j := range 60 {
			values = append(values, fmt.Sprintf("north %d", 100*i+j))
		}
		asked = append(asked, sql.ColumnValues{Column: "county", Values: values})
	}
	return [][]byte{encoded(w, wire.Values{Asked: asked})}
}

// descriptors have as many measures as the body has room for.
func descriptors(w *world) [][]byte {
	d := catalog.Descriptor{
		Dataset: "wide", Title: catalog.Text{EN: "Wide"}, License: "CC0", Registry: "stations", Entity: "station",
		Grain: calendar.Day, UTCOffset: "+08:00",
		Policy: catalog.Policy{Aggregates: []string{"avg", "count", "sum"}, Grain: calendar.Day, Public: true},
	}
	for i := range 1000 {
		d.Measures = append(d.Measures, catalog.Measure{Name: fmt.Sprintf("m%d", i), Unit: "kg", Max: 1000})
	}
	return [][]byte{encoded(w, wire.DatasetCheck{Descriptor: d})}
}

// envelopes are as large as one may be: one whose signer is unknown, and one of garbage.
func envelopes(w *world) [][]byte {
	e := w.envelope(catalog.RoleBuyer, catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "air", Purpose: strings.Repeat("p", catalog.MaxEnvelope-4096)})
	stranger := e
	stranger.Signer = newParty(w.T).id()
	garbage := e
	garbage.Payload = bytes.Repeat([]byte("["), catalog.MaxEnvelope-1024)
	return [][]byte{encoded(w, e), encoded(w, stranger), encoded(w, garbage)}
}

// presences are as large as one may be in this test's world: 64 MiB by default.
func presences(*world) [][]byte { return [][]byte{bytes.Repeat([]byte{1}, api.DefaultMaxIndexBytes)} }

func digests(w *world) [][]byte {
	var m wire.Missing
	for i := range wire.MaxMissing {
		m.Digests = append(m.Digests, catalog.Sum([]byte(fmt.Sprint(i))))
	}
	return [][]byte{encoded(w, m)}
}
