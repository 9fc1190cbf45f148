package client_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
)

// While nodes store a version its publisher sees how much each of them holds.
func TestPublisherSeesHowMuchOfAVersionTheNodesHold(t *testing.T) {
	w := newWorld(t)
	w.publishAir() // the key is there now
	c := w.client(catalog.RolePublisher)
	csv, _, _ := airCSV()
	p := w.prepare(c, publicDescriptor, csv)
	w.cluster.Asleep = true
	var once sync.Once
	size := w.cluster.Options().TileBytes
	p.Holding = func(h client.Holding) {
		once.Do(func() {
			if h.Version.Version != 2 || h.Version.State != catalog.VersionCommitted || h.Tiles != p.Tiles() || h.Needed != 2 || h.TileBytes != size || len(h.Nodes) != 3 {
				t.Errorf("told %+v", h)
			}
			for i, n := range h.Nodes {
				if n.ID != fmt.Sprintf("n%d", i+1) || n.Holds || n.Tiles != h.Tiles {
					t.Errorf("node %+v of %d tiles", n, h.Tiles)
				}
			}
			if err := w.cluster.Wake(); err != nil {
				t.Error(err)
			}
		})
	}
	done, err := c.PublishDataset(w.ctx, p, nil)
	w.must(err)
	if done.Version != 2 {
		t.Errorf("published %+v", done)
	}
}

// Nobody is asked what it holds where nothing shows it.
func TestNobodyIsAskedWhatItHoldsWhereNothingShowsIt(t *testing.T) {
	w := newWorld(t)
	w.publishAir()
	c := w.client(catalog.RolePublisher)
	csv, _, _ := airCSV()
	p := w.prepare(c, publicDescriptor, csv)
	var mu sync.Mutex
	committed, after := false, 0
	w.watch(func(_ int, r *http.Request, _ []byte) {
		mu.Lock()
		defer mu.Unlock()
		committed = committed || r.URL.Path == "/v1/envelopes"
		if committed && r.URL.Path == "/v1/blobs/missing" {
			after++
		}
	})
	_, err := c.PublishDataset(w.ctx, p, nil)
	w.must(err)
	w.watch(nil)
	mu.Lock()
	defer mu.Unlock()
	if after != 0 {
		t.Errorf("asked %d times", after)
	}
}
