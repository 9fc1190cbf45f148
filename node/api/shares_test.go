package api_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/wire"
)

// Shares of private vectors cost nothing, so a buyer may not fill a disk with them:
// neither with many nor with large ones.
func TestSharesOfVectorsAreBoundedPerCallerAndDay(t *testing.T) {
	w := newWorld(t, func(o *api.Options) { o.ShareBytes = 1000 })
	put := func(role catalog.Role, fill byte, size int) answer {
		body := bytes.Repeat([]byte{fill}, size)
		return w.do("PUT", "/v1/blobs/"+catalog.Sum(body).String()+"?kind=vector", w.token(role), body)
	}
	w.want(put(catalog.RoleBuyer, 1, 600), http.StatusNoContent)
	p := w.problem(put(catalog.RoleBuyer, 2, 401), http.StatusRequestEntityTooLarge, wire.KindRequest)
	if p.Fix == "" || !strings.Contains(p.Message, "1000 bytes") {
		t.Errorf("got %+v, want how much it is and what would pass", p)
	}
	w.want(put(catalog.RoleBuyer, 3, 400), http.StatusNoContent)
	w.problem(put(catalog.RoleBuyer, 4, 1), http.StatusRequestEntityTooLarge, wire.KindRequest)
	w.want(put(catalog.RolePublisher, 5, 1000), http.StatusNoContent) // another caller
	// What no vector can have is refused whatever was uploaded.
	w.problem(put(catalog.RoleBuyer, 6, 8*catalog.MaxVectorEntries+8193), http.StatusRequestEntityTooLarge, wire.KindRequest)
}
