package publish_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/publish"
)

// While nodes store a version its publisher sees how much each of them holds.
func TestPublisherSeesHowMuchOfAVersionTheNodesHold(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir() // the key is there now
	c := w.Client(catalog.RolePublisher)
	csv, _, _ := clienttest.AirCSV()
	p := w.Prepare(c, clienttest.PublicDescriptor, csv)
	w.Cluster.Asleep = true
	var once sync.Once
	size := w.Cluster.Options().PackedTileBytes
	p.Holding = func(h publish.Holding) {
		if slices.ContainsFunc(h.Nodes, func(n publish.NodeHolding) bool { return n.Tiles < 0 }) {
			return // a node did not answer in the time of one look; there is another one
		}
		once.Do(func() {
			if h.Version.Version != 2 || h.Version.State != catalog.VersionCommitted || h.Tiles != p.Tiles() || h.Needed != 2 || h.TileBytes != size || len(h.Nodes) != 3 {
				t.Errorf("told %+v", h)
			}
			for i, n := range h.Nodes {
				if n.ID != fmt.Sprintf("n%d", i+1) || n.Holds || n.Tiles != h.Tiles {
					t.Errorf("node %+v of %d tiles", n, h.Tiles)
				}
			}
			if err := w.Cluster.Wake(); err != nil {
				t.Error(err)
			}
		})
	}
	done, err := publish.Publish(w.Ctx, c, p, nil)
	w.Must(err)
	if done.Version != 2 {
		t.Errorf("published %+v", done)
	}
}

// Nobody is asked what it holds where nothing shows it.
func TestNobodyIsAskedWhatItHoldsWhereNothingShowsIt(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	c := w.Client(catalog.RolePublisher)
	csv, _, _ := clienttest.AirCSV()
	p := w.Prepare(c, clienttest.PublicDescriptor, csv)
	var mu sync.Mutex
	committed, after := false, 0
	w.Watch(func(_ int, r *http.Request, _ []byte) {
		mu.Lock()
		defer mu.Unlock()
		committed = committed || r.URL.Path == "/v1/envelopes"
		if committed && r.URL.Path == "/v1/blobs/missing" {
			after++
		}
	})
	_, err := publish.Publish(w.Ctx, c, p, nil)
	w.Must(err)
	w.Watch(nil)
	mu.Lock()
	defer mu.Unlock()
	if after != 0 {
		t.Errorf("asked %d times", after)
	}
}
