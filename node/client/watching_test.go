package client_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/token"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// bodyOf reads a path of the first node as the holder of a key.
func (w *world) bodyOf(path string, key *client.Key) (int, []byte) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.ctx, http.MethodGet, w.servers[0].URL+path, nil)
	w.must(err)
	text, err := token.Issue(key.Signing(), key.ID(), w.cluster.ID().String(), time.Now())
	w.must(err)
	req.Header.Set("Authorization", "Bearer "+text)
	resp, err := w.servers[0].Client().Do(req)
	w.must(err)
	defer resp.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(resp.Body)
	w.must(err)
	return resp.StatusCode, body
}

// How far a query is, its owner is told and nobody else; what is told is shown while it
// is under way, and nothing asks any more when it is answered.
func TestProgressOfAQueryIsForItsOwnerAlone(t *testing.T) {
	w := newWorld(t)
	w.publishAir()
	other, err := client.NewKey("another buyer")
	w.must(err)
	_, err = w.client(catalog.RoleOperator).AddPrincipal(w.ctx, other.Public(), catalog.RoleBuyer)
	w.must(err)
	told := wire.Progress{Attempt: 1, Stage: wire.StageTiles, Tiles: 64, TilesTotal: 128, OpeningsTotal: 2}
	var mu sync.Mutex
	asked := 0
	w.tells(func(_ int, _ catalog.Query) *wire.Progress {
		mu.Lock()
		defer mu.Unlock()
		asked++
		return &told
	})
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return asked
	}
	w.cluster.Asleep = true
	var once sync.Once
	owner := w.keys[catalog.RolePublisher]
	_, err = w.client(catalog.RolePublisher).Query(w.ctx, "SELECT SUM(pm10) FROM air", client.QueryOptions{
		HeadwayEvery: time.Millisecond,
		Headway: func(h client.Headway) {
			once.Do(func() {
				if h.Attempt != 0 || !h.Known || h.Stage != wire.StageWaiting || h.TileBytes != w.cluster.Options().TileBytes {
					t.Errorf("told %+v", h)
				}
				path := "/v1/queries/" + h.Query.ID
				status, body := w.bodyOf(path, owner)
				var q wire.Query
				if err := json.Unmarshal(body, &q); err != nil || status != http.StatusOK || q.Progress == nil || *q.Progress != told || q.ID != h.Query.ID {
					t.Errorf("the owner reads %d %s", status, body)
				}
				for _, key := range []*client.Key{other, w.keys[catalog.RoleBuyer], w.keys[catalog.RoleOperator]} {
					before := count()
					if status, body := w.bodyOf(path, key); status != http.StatusNotFound || strings.Contains(string(body), "tiles") || count() != before {
						t.Errorf("%s reads %d %s", key.Name, status, body)
					}
				}
				if status, body := w.bodyOf(path+"?progress=fine", owner); status != http.StatusUnprocessableEntity {
					t.Errorf("an unknown parameter: %d %s", status, body)
				}
				if err := w.cluster.Wake(); err != nil {
					t.Error(err)
				}
			})
		},
	})
	w.must(err)
	if count() == 0 {
		t.Error("nobody asked")
	}
}

// Only whoever shows how far a query is asks for it.
func TestNobodyAsksHowFarAQueryIsWhereNothingShowsIt(t *testing.T) {
	w := newWorld(t)
	w.publishAir()
	var mu sync.Mutex
	polls := 0
	w.watch(func(_ int, r *http.Request, _ []byte) {
		if rest, ok := strings.CutPrefix(r.URL.Path, "/v1/queries/"); ok && !strings.Contains(rest, "/") && r.URL.RawQuery == "" {
			mu.Lock()
			defer mu.Unlock()
			polls++
		}
	})
	_, err := w.client(catalog.RolePublisher).Query(w.ctx, "SELECT SUM(pm10) FROM air", client.QueryOptions{})
	w.must(err)
	w.watch(nil)
	mu.Lock()
	defer mu.Unlock()
	if polls != 0 {
		t.Errorf("asked %d times", polls)
	}
}
