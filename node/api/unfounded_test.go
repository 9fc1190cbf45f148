package api_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records/memstore"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/wire"
)

// unfounded is a node whose ledger has no entry yet.
type unfounded struct{ api.Backend }

func (unfounded) Read(_ context.Context, fn func(state.View) error) error {
	return fn(state.NewMachine().View(memstore.New()))
}

// Whoever asks for the roster before the founding is in the ledger is told to ask again: an empty
// roster would be taken for that of another cluster.
func TestRosterIsUnavailableBeforeTheFounding(t *testing.T) {
	w := newWorld(t)
	opts := w.cluster.Options()
	opts.Backend = unfounded{opts.Backend}
	handler, err := api.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	w.url = serve(t, handler, nil)
	for _, path := range []string{"/v1/roster", "/v1/cluster"} {
		a := w.do(http.MethodGet, path, w.token(catalog.RoleBuyer), nil)
		if w.problem(a, http.StatusServiceUnavailable, wire.KindUnavailable); a.header.Get("Retry-After") == "" {
			t.Errorf("%s: it is not said when to ask again", path)
		}
	}
}
