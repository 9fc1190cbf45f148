package api_test

import (
	"net/http"
	"testing"

	"github.com/weirdata/weir/node/api/wire"
)

// encoding/json takes ſ for s and K for k in names: a body with both would be one request
// to this node and another to whoever else reads it.
func TestNamesThatFoldAlikeAreNotTwoFields(t *testing.T) {
	w := newWorld(t)
	w.list()
	for _, body := range []string{
		`{"sql":"SELECT AVG(pm25) FROM air","ſql":"SELECT SUM(pm25) FROM air"}`,
		`{"ſql":"SELECT AVG(pm25) FROM air"}`,
		`{"ſql":"SELECT AVG(pm25) FROM air","Sql":"SELECT SUM(pm25) FROM air"}`,
		`{"SQL":"SELECT AVG(pm25) FROM air"}`,
		`{"\u017fql":"SELECT AVG(pm25) FROM air"}`,
		`{"sql\u0000":"SELECT AVG(pm25) FROM air"}`,
	} {
		a := w.do("POST", "/v1/compile", "", []byte(body))
		if a.status < http.StatusBadRequest {
			t.Errorf("%s is answered %d: %s", body, a.status, a.body)
			continue
		}
		w.problem(a, a.status, wire.KindRequest)
	}
}
