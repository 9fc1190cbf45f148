package api_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/tables"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/apitest"
	"github.com/weirdata/weir/node/api/token"
	"github.com/weirdata/weir/node/api/wire"
)

// FuzzRequest sends anything to every row of the table, as each of the three roles and as
// nobody: an answer, or a problem that says what is wrong with the request; never an
// internal error.
func FuzzRequest(f *testing.F) {
	c, parties := listed(f)
	handler, err := api.New(c.Options())
	if err != nil {
		f.Fatal(err)
	}
	rows := api.TableRows()
	bodies := map[string][]string{
		"POST /v1/envelopes":     {`{"signer":"p-1","signature":"AAAA","payload":"e30="}`, `{"signer":1}`},
		"POST /v1/compile":       {`{"sql":"SELECT COUNT(*) FROM air"}`, `{"sql":"SELECT"}`, `{"sql":null}`},
		"POST /v1/explain":       {`{"sql":"SELECT AVG(pm25) FROM air WHERE period = '2024'"}`, `{"other":1}`},
		"POST /v1/check/dataset": {`{"descriptor":{"dataset":"air","measures":[],"policy":{"moments":[["a","b"]]}}}`, `{}`},
		"POST /v1/blobs/missing": {`{"digests":["` + strings.Repeat("0", 64) + `"]}`, `{"digests":[""]}`},
		"PUT /v1/blobs/{digest}": {"bytes"},
	}
	for i, r := range rows {
		parameter := strings.Replace(example(r.Path)[strings.Index(r.Path+"{", "{"):], "nothing", "air", 1)
		f.Add(i, i%3, parameter, "wait=1ms&month=2024-13&old=9&new=1&limit=-1", []byte{})
		for k, body := range bodies[r.Method+" "+r.Path] {
			f.Add(i, 2-k, parameter, "", []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, row, who int, parameter, query string, body []byte) {
		if row < 0 || row >= len(rows) || who < 0 || who > len(parties) {
			return
		}
		r := rows[row]
		req, err := http.NewRequestWithContext(t.Context(), r.Method, "http://node/", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Path, req.URL.RawQuery = strings.SplitN(r.Path, "{", 2)[0]+parameter, query
		req.RequestURI = req.URL.RequestURI()
		req.Header.Set("Content-Type", "application/json")
		if who < len(parties) {
			bearer, err := token.Issue(parties[who], idOf(parties[who]), c.ID().String(), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+bearer)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		if w.Code < 400 {
			return
		}
		var p wire.Problem
		kind, _, err := mime.ParseMediaType(w.Header().Get("Content-Type"))
		if err != nil || kind != "application/problem+json" || json.Unmarshal(w.Body.Bytes(), &p) != nil || p.Message == "" || p.Status != w.Code {
			t.Fatalf("%s %s answers %d: %q", r.Method, req.URL, w.Code, w.Body)
		}
		if w.Code >= 500 || p.Kind == wire.KindInternal {
			t.Fatalf("%s %s with %q answers %d %s: %s", r.Method, req.URL, body, w.Code, p.Kind, p.Message)
		}
	})
}

func idOf(k ed25519.PrivateKey) string {
	return catalog.PrincipalID(k.Public().(ed25519.PublicKey))
}

// listed is a cluster with an operator, a publisher and a buyer, whose keys it returns in
// this order, a registry and a dataset that the buyer has ordered.
func listed(f *testing.F) (*apitest.Cluster, []ed25519.PrivateKey) {
	f.Helper()
	var keys []ed25519.PrivateKey
	for i := range 3 {
		keys = append(keys, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i)}, ed25519.SeedSize)))
	}
	_, receiving, err := seal.GenerateKey()
	if err != nil {
		f.Fatal(err)
	}
	c, err := apitest.New(apitest.Founder{Name: "operator", Signing: keys[0], Receiving: receiving})
	if err != nil {
		f.Fatal(err)
	}
	submit := func(who, nonce int, kind catalog.Kind, body any) {
		now := time.Now().UnixMilli()
		e, err := catalog.Sign(keys[who], idOf(keys[who]), catalog.Payload{
			Cluster: c.ID().String(), Kind: kind, Nonce: fmt.Sprintf("%032x", nonce), Issued: now, Expires: now + 60_000, Body: catalog.Encode(body),
		})
		if err != nil {
			f.Fatal(err)
		}
		if r, err := c.Submit(f.Context(), e, false); err != nil || r.Outcome.Refusal != nil {
			f.Fatal(err, r.Outcome.Refusal)
		}
	}
	for i, role := range []catalog.Role{catalog.RolePublisher, catalog.RoleBuyer} {
		public := keys[i+1].Public().(ed25519.PublicKey)
		submit(0, i, catalog.KindPrincipalAdd, catalog.PrincipalAdd{Name: string(role), Role: role, Key: public, Receiving: receiving})
	}
	rows := [][]string{{"s1", "north"}, {"s2", "south"}}
	submit(1, 2, catalog.KindRegistryCreate, catalog.RegistryCreate{
		ID: "air", IDColumn: "station", Columns: []string{"county"}, Rows: len(rows), Digest: tables.RowsDigest(rows),
	})
	submit(1, 3, catalog.KindRegistryRows, catalog.RegistryRows{ID: "air", Rows: rows})
	submit(1, 4, catalog.KindRegistryCommit, catalog.RegistryCommit{ID: "air"})
	submit(1, 5, catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: catalog.Descriptor{
		Dataset: "air", Title: catalog.Text{EN: "Air"}, License: "CC0", Registry: "air", Entity: "station",
		Grain: calendar.Day, UTCOffset: "+08:00", Measures: []catalog.Measure{{Name: "pm25", Unit: "µg/m³", Max: 1000}},
		Policy: catalog.Policy{Aggregates: []string{"avg", "count", "sum"}, Grain: calendar.Day, Public: true},
	}})
	submit(2, 6, catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "air", Purpose: "p"})
	return c, keys
}
