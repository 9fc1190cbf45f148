package ask_test

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
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/govern"
)

// bodyOf reads a path of the first node as the holder of a key.
func bodyOf(w *clienttest.World, path string, key *client.Key) (int, []byte) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Ctx, http.MethodGet, w.Servers[0].URL+path, nil)
	w.Must(err)
	text, err := token.Issue(key.Signing(), key.ID(), w.Cluster.ID().String(), time.Now())
	w.Must(err)
	req.Header.Set("Authorization", "Bearer "+text)
	resp, err := w.Servers[0].Client().Do(req)
	w.Must(err)
	defer resp.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(resp.Body)
	w.Must(err)
	return resp.StatusCode, body
}

// How far a query is, its owner is told and nobody else; what is told is shown while it
// is under way, and nothing asks any more when it is answered.
func TestProgressOfAQueryIsForItsOwnerAlone(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	other, err := client.NewKey("another buyer")
	w.Must(err)
	_, err = govern.AddPrincipal(w.Ctx, w.Client(catalog.RoleOperator), other.Public(), catalog.RoleBuyer)
	w.Must(err)
	told := wire.Progress{Attempt: 1, Stage: wire.StageTiles, Tiles: 64, TilesTotal: 128, OpeningsTotal: 2}
	var mu sync.Mutex
	asked := 0
	w.Tells(func(_ int, _ catalog.Query) *wire.Progress {
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
	w.Cluster.Asleep = true
	var once sync.Once
	owner := w.Keys[catalog.RolePublisher]
	_, err = ask.Query(w.Ctx, w.Client(catalog.RolePublisher), "SELECT SUM(pm10) FROM air", ask.Options{
		ProgressEvery: time.Millisecond,
		Progress: func(h ask.Progress) {
			once.Do(func() {
				if h.Attempt != 0 || !h.Known || h.Stage != wire.StageWaiting || h.TileBytes != w.Cluster.Options().PackedTileBytes {
					t.Errorf("told %+v", h)
				}
				path := "/v1/queries/" + h.Query.ID
				status, body := bodyOf(w, path, owner)
				var q wire.Query
				if err := json.Unmarshal(body, &q); err != nil || status != http.StatusOK || q.Progress == nil || *q.Progress != told || q.ID != h.Query.ID {
					t.Errorf("the owner reads %d %s", status, body)
				}
				for _, key := range []*client.Key{other, w.Keys[catalog.RoleBuyer], w.Keys[catalog.RoleOperator]} {
					before := count()
					if status, body := bodyOf(w, path, key); status != http.StatusNotFound || strings.Contains(string(body), "tiles") || count() != before {
						t.Errorf("%s reads %d %s", key.Name, status, body)
					}
				}
				if status, body := bodyOf(w, path+"?progress=fine", owner); status != http.StatusUnprocessableEntity {
					t.Errorf("an unknown parameter: %d %s", status, body)
				}
				if err := w.Cluster.Wake(); err != nil {
					t.Error(err)
				}
			})
		},
	})
	w.Must(err)
	if count() == 0 {
		t.Error("nobody asked")
	}
}

// Only whoever shows how far a query is asks for it.
func TestNobodyAsksHowFarAQueryIsWhereNothingShowsIt(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	var mu sync.Mutex
	polls := 0
	w.Watch(func(_ int, r *http.Request, _ []byte) {
		if rest, ok := strings.CutPrefix(r.URL.Path, "/v1/queries/"); ok && !strings.Contains(rest, "/") && r.URL.RawQuery == "" {
			mu.Lock()
			defer mu.Unlock()
			polls++
		}
	})
	_, err := ask.Query(w.Ctx, w.Client(catalog.RolePublisher), "SELECT SUM(pm10) FROM air", ask.Options{})
	w.Must(err)
	w.Watch(nil)
	mu.Lock()
	defer mu.Unlock()
	if polls != 0 {
		t.Errorf("asked %d times", polls)
	}
}
