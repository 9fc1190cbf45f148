package node

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/blobcache"
	"github.com/weirdata/weir/node/objects"
	"github.com/weirdata/weir/node/objects/objectstest"
)

// Nodes whose blobs lie in a bucket alone answer as those whose disk has them, also when the bucket
// of one is away, and mend what is lost in a bucket from other nodes.
func TestNodesAnswerFromABucket(t *testing.T) {
	longrun.Only(t)
	ctx := testContext(t)
	bucket, faults := objectstest.New(t)
	other, _ := objectstest.New(t)
	stores := map[string]string{"n1": bucket.String(), "n2": other.String() + "/n2", "n3": other.String() + "/n3"}
	c := newCluster(t, 3, 2, func(o *Options) { o.BlobStore, o.BlobCache = stores[o.ID], blobcache.MinLimit })
	bureau := c.publisher(ctx, "bureau")
	list := publishStations(ctx, t, bureau, "stations")
	uploaded := func() {
		c.await(ctx, "all blobs to be uploaded", func() bool {
			for id, n := range c.nodes {
				if s := n.blobs.Status(); s.Waiting > 0 || s.Uploaded == 0 || !c.acked(t, id, "stations", 1) {
					return false
				}
			}
			return true
		})
	}
	uploaded()
	digests := c.tiles(ctx, t, "n1", "stations", 1)
	// forget takes the tiles from all disks.
	forget := func() {
		for _, n := range c.nodes {
			if err := n.disk.Delete(ctx, digests...); err != nil {
				t.Fatal(err)
			}
		}
	}
	asked := func() {
		t.Helper()

		if d := cmp.Diff(stationTruth(list), queryRows(ctx, t, bureau, fmt.Sprintf(stationsSQL, "stations"))); d != "" {
			t.Errorf("(-plaintext +answer)\n%s", d)
		}
	}
	forget()
	asked()
	fetched := 0
	for id, n := range c.nodes {
		missing, err := n.disk.Missing(ctx, digests)
		if err != nil {
			t.Errorf("%s: %v", id, err)
		}
		if len(missing) == 0 {
			fetched++
		}
	}
	if fetched != 2 {
		t.Errorf("%d nodes fetched the tiles from their buckets, and two opened", fetched)
	}

	lost := digests[0]
	forget()
	if err := bucket.Remove(ctx, "blobs/"+lost.String()[:2]+"/"+lost.String()[2:]); err != nil {
		t.Fatal(err)
	}
	if got, err := c.nodes["n1"].blobs.Load(ctx, lost); err != nil || catalog.Sum(got) != lost {
		t.Errorf("a blob that the bucket lost: %v", err)
	}
	uploaded()
	if names, err := objects.Names(ctx, bucket, "blobs/"); err != nil || len(names) < len(digests) {
		t.Errorf("the bucket has %d blobs (%v), after the repair", len(names), err)
	}

	// A bucket that is away: its node says so, and starts again.
	faults.Refuse.Store(1 << 40)
	forget()
	if _, err := c.nodes["n1"].blobs.Get(ctx, lost); !errors.Is(err, blobcache.ErrUnreachable) {
		t.Errorf("from a bucket that is away: %v", err)
	}
	c.close("n1")
	c.open("n1")
	faults.Refuse.Store(0)
	if got, err := c.nodes["n1"].blobs.Get(ctx, lost); err != nil || catalog.Sum(got) != lost {
		t.Errorf("from a bucket that came back: %v", err)
	}
}
