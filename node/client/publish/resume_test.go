package publish_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/publish"
)

// bucketed is the public dataset with companions: many tiles.
var bucketed = strings.Replace(clienttest.PublicDescriptor, "decimals: 1}", "decimals: 1, squares: true, buckets: [10, 20, 30, 40, 50]}", 1)

// An upload that breaks off in the middle goes on: what was encrypted is neither
// encrypted nor sent again, but for what is damaged.
func TestAnUploadThatBreaksOffGoesOnTileByTile(t *testing.T) {
	w := clienttest.New(t)
	opts := w.Options()
	opts.Spool, opts.Workers = t.TempDir(), 1
	c, err := client.New(w.Profile, w.Keys[catalog.RolePublisher], opts)
	w.Must(err)
	t.Cleanup(c.Close)
	csv, _, _ := clienttest.AirCSV()
	var mu sync.Mutex
	broken := map[string]bool{} // digests sent before it breaks off
	w.Watch(func(_ int, r *http.Request, _ []byte) {
		if !strings.HasPrefix(r.URL.RawQuery, "kind=tile") {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if len(broken) >= 4 {
			panic(http.ErrAbortHandler)
		}
		broken[r.URL.Path] = true
	})
	if _, err := publish.Publish(w.Ctx, c, w.Prepare(c, bucketed, csv), nil); err == nil {
		t.Fatal("the interruption did not happen")
	}
	mu.Lock()
	first := len(broken)
	mu.Unlock()
	kept := keptTiles(t, opts.Spool)
	if first != 4 || len(kept) < first {
		t.Fatalf("%d tiles were sent, %d are kept", first, len(kept))
	}
	w.Must(os.WriteFile(kept[0], []byte("damaged"), 0o600))
	sent := map[string]int{} // digest → times
	w.Watch(func(_ int, r *http.Request, _ []byte) {
		if strings.HasPrefix(r.URL.RawQuery, "kind=tile") {
			mu.Lock()
			defer mu.Unlock()
			sent[r.URL.Path]++
		}
	})
	var begun publish.Progress
	done, err := publish.Publish(w.Ctx, c, w.Prepare(c, bucketed, csv), func(p publish.Progress) {
		if p.Stage == publish.StageUploading && begun.TilesTotal == 0 {
			begun = p
		}
	})
	w.Must(err)
	if begun.Tiles < len(kept)-1 {
		t.Errorf("the upload began with %d tiles, %d were kept", begun.Tiles, len(kept))
	}
	// The damaged one is encrypted anew, the others that were sent are not.
	if most := done.Tiles - first + 1; len(sent) > most || len(sent) < most-1 {
		t.Errorf("%d of %d tiles were sent again after %d", len(sent), done.Tiles, first)
	}
	res, err := ask.Query(w.Ctx, c, "SELECT SUM(pm10), AVG(pm25) FROM air", ask.Options{})
	w.Must(err)
	if got := fmt.Sprint(res.Table.Rows); !strings.HasPrefix(got, "[[6120 ") {
		t.Errorf("rows %s", got)
	}
}

// keptTiles are the files of the tiles of the one upload under way.
func keptTiles(t *testing.T, spool string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(spool, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var tiles []string
	for _, f := range files {
		if name := filepath.Base(f); name != "index" && name != "manifest" {
			tiles = append(tiles, f)
		}
	}
	return tiles
}
