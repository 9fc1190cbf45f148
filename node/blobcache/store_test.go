package blobcache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/objects"
	"github.com/weirdata/weir/node/objects/objectstest"
)

// bench is a node's directory, and the object store beside it.
type bench struct {
	*testing.T
	dir     string
	objects objects.Store
	limit   int64
	log     bytes.Buffer
	local   *tiles.Store
	*Store
}

func newBench(t *testing.T, o objects.Store, limit int64) *bench {
	t.Helper()
	b := &bench{T: t, dir: t.TempDir(), objects: o, limit: limit}
	b.open()
	t.Cleanup(b.close)
	return b
}

func (b *bench) tryOpen(node string) (err error) {
	if b.local, err = tiles.Open(filepath.Join(b.dir, "blobs"), tiles.StoreOptions{}); err != nil {
		b.Fatal(err)
	}
	b.Store, err = Open(b.Context(), Options{
		Local: b.local, Objects: b.objects, Node: node, Index: filepath.Join(b.dir, "uploaded"), Limit: b.limit, limitBelow: true,
		Logger: slog.New(slog.NewTextHandler(&b.log, nil)), Pause: func(ctx context.Context, _ time.Duration) error { return client.Pause(ctx, time.Millisecond) },
	})
	return err
}

func (b *bench) open() {
	b.Helper()
	if err := b.tryOpen("n1"); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) close() {
	if b.Store != nil {
		b.must(b.Close())
		b.Store = nil
	}
	b.must(b.local.Close())
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// blob is the i-th of some blobs of a thousand bytes.
func blob(i int) ([]byte, catalog.Digest) {
	content := bytes.Repeat(fmt.Appendf(nil, "blob %04d ", i), 100)
	return content, catalog.Sum(content)
}

func (b *bench) put(from, to int) (digests []catalog.Digest) {
	b.Helper()
	for i := from; i < to; i++ {
		content, d := blob(i)
		b.must(b.Put(b.Context(), d, content))
		digests = append(digests, d)
	}
	return digests
}

// await waits until nothing waits for its upload, and the uploads that did it have ended: whether they
// failed is known then, and not when the last blob has arrived.
func (b *bench) await() {
	b.Helper()
	for {
		if _, waiting, failed := b.Uploads(); waiting == 0 && failed == nil {
			return
		}
		b.must(client.Pause(b.Context(), time.Millisecond))
	}
}

func (b *bench) uploads() (uploaded, waiting int) {
	uploaded, waiting, _ = b.Uploads()
	return uploaded, waiting
}

func (b *bench) failed() error {
	_, _, failed := b.Uploads()
	return failed
}

// accumulated is what blobs are fed as, one behind the other.
func (b *bench) accumulated(digests []catalog.Digest) (all []byte, err error) {
	err = b.Accumulate(b.Context(), digests, func(blobs ...[]byte) error {
		all = append(all, bytes.Join(blobs, nil)...)
		return nil
	})
	return all, err
}

func want(from, to int) (all []byte) {
	for i := from; i < to; i++ {
		content, _ := blob(i)
		all = append(all, content...)
	}
	return all
}

func TestWhatDoesNotFitOnTheDiskIsReadFromTheBucket(t *testing.T) {
	bucket, faults := objectstest.New(t)
	b := newBench(t, bucket, 20_000)
	var digests []catalog.Digest
	for from := 0; from < 60; from += 15 { // more may come than the bucket has taken of the disk's 20
		digests = append(digests, b.put(from, from+15)...)
		b.await()
	}
	if held, err := b.local.Stats(); err != nil || held.Bytes > 21_000 || held.Blobs < 15 {
		t.Errorf("the disk has %+v (%v), and may have 20,000 bytes", held, err)
	}
	if missing, err := b.Missing(t.Context(), digests); err != nil || len(missing) > 0 {
		t.Errorf("%d are missing (%v)", len(missing), err)
	}
	if got, err := b.accumulated(digests); err != nil || !bytes.Equal(got, want(0, 60)) {
		t.Errorf("%d bytes were fed (%v)", len(got), err)
	}
	content, d := blob(3)
	if got, err := b.Get(t.Context(), d); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes (%v)", len(got), err)
	}
	asked := faults.Asked.Load()
	if got, err := b.Get(t.Context(), d); err != nil || !bytes.Equal(got, content) || faults.Asked.Load() != asked {
		t.Errorf("what was just read is asked for again (%v)", err)
	}
	b.must(b.Verify(t.Context(), digests...))
	var listed []catalog.Digest
	b.must(b.Scrub(t.Context(), func(d catalog.Digest, fault error) error { listed = append(listed, d); return fault }))
	slices.SortFunc(digests, func(a, b catalog.Digest) int { return slices.Compare(a[:], b[:]) })
	if !slices.Equal(listed, digests) {
		t.Errorf("%d blobs were scrubbed, of %d", len(listed), len(digests))
	}

	b.must(b.Delete(t.Context(), digests[:30]...))
	if missing, err := b.Missing(t.Context(), digests); err != nil || !slices.Equal(missing, digests[:30]) {
		t.Errorf("%d are missing (%v), 30 were deleted", len(missing), err)
	}
	if names, err := objects.Names(t.Context(), bucket, blobsPrefix); err != nil || len(names) != 30 {
		t.Errorf("the bucket has %d blobs (%v)", len(names), err)
	}
}

// A bucket that cannot be reached costs room on the disk and nothing else, until there is none.
func TestABucketThatIsAwayHoldsNothingUp(t *testing.T) {
	bucket, faults := objectstest.New(t)
	b := newBench(t, bucket, 20_000)
	faults.Refuse.Store(1 << 40)
	digests := b.put(0, 20)
	if got, err := b.accumulated(digests); err != nil || !bytes.Equal(got, want(0, 20)) {
		t.Errorf("%d bytes were fed (%v)", len(got), err)
	}
	content, d := blob(20)
	if err := b.Put(t.Context(), d, content); !errors.Is(err, tiles.ErrFull) || !strings.Contains(err.Error(), "wait for the object store") {
		t.Errorf("%v", err)
	}
	for b.failed() == nil {
		b.must(client.Pause(t.Context(), time.Millisecond))
	}
	faults.Refuse.Store(0)
	b.await()
	if strings.Count(b.log.String(), "blobs are not uploaded") != 1 {
		t.Errorf("%s", &b.log)
	}
	b.must(b.Put(t.Context(), d, content))
	b.await()

	// What is on the disk is read all the same; what is not is not taken for lost.
	gone, err := b.local.Missing(t.Context(), digests)
	if err != nil || len(gone) == 0 {
		t.Fatalf("all blobs are on the disk (%v)", err)
	}
	first := gone[0]
	faults.Refuse.Store(1 << 40)
	if _, err := b.Get(t.Context(), d); err != nil {
		t.Error(err)
	}
	_, err = b.Get(t.Context(), first)
	if !errors.Is(err, ErrUnreachable) || errors.Is(err, tiles.ErrNotFound) || errors.Is(err, tiles.ErrCorrupt) {
		t.Errorf("%v", err)
	}
	if _, err := b.accumulated([]catalog.Digest{d, first}); !errors.Is(err, ErrUnreachable) {
		t.Errorf("%v", err)
	}
	if err := b.Scrub(t.Context(), func(_ catalog.Digest, fault error) error { return fault }); !errors.Is(err, ErrUnreachable) {
		t.Errorf("%v", err)
	}
	if missing, err := b.Missing(t.Context(), []catalog.Digest{first}); err != nil || len(missing) > 0 {
		t.Errorf("%d are missing (%v)", len(missing), err)
	}
	faults.Refuse.Store(2) // it is busy, and asked again
	if got, err := b.Get(t.Context(), first); err != nil || catalog.Sum(got) != first {
		t.Errorf("%v", err)
	}
}

// What comes back is compared: an answer that breaks off, or has other bytes, is nobody's blob.
func TestWhatTheBucketSaysIsCompared(t *testing.T) {
	bucket, faults := objectstest.New(t)
	b := newBench(t, bucket, 1)
	b.limit = 20_000
	b.Limit = 20_000
	digests := b.put(0, 4)
	b.await()
	b.Limit = 1500 // the next one takes the place of all
	last := b.put(4, 5)[0]
	b.await()

	all := "/blobs/"
	faults.Truncate.Store(&all)
	if _, err := b.Get(t.Context(), digests[0]); !errors.Is(err, ErrUnreachable) {
		t.Errorf("what breaks off: %v", err)
	}
	faults.Truncate.Store(nil)
	b.must(bucket.Put(t.Context(), objectName(digests[0]), []byte("other bytes")))
	b.must(bucket.Remove(t.Context(), objectName(digests[1])))
	b.must(bucket.Put(t.Context(), objectName(digests[2]), []byte("other bytes")))
	if _, err := b.Get(t.Context(), digests[0]); !errors.Is(err, tiles.ErrCorrupt) {
		t.Errorf("%v", err)
	}
	// Where it was read ahead before it is needed, the index has it no more.
	if _, err := b.accumulated(digests[2:3]); !errors.Is(err, tiles.ErrCorrupt) && !errors.Is(err, tiles.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if _, err := b.Get(t.Context(), digests[1]); !errors.Is(err, tiles.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if missing, err := b.Missing(t.Context(), append(digests, last)); err != nil || !slices.Equal(missing, digests[:3]) {
		t.Errorf("%d are missing (%v)", len(missing), err)
	}
	b.Limit = 20_000
	b.put(0, 3) // as a repair does
	b.await()
	if got, err := b.accumulated(digests); err != nil || !bytes.Equal(got, want(0, 4)) {
		t.Errorf("%v", err)
	}
	if got, err := bucket.Get(t.Context(), objectName(digests[0]), 1<<20); err != nil || catalog.Sum(got) != digests[0] {
		t.Errorf("the bucket was not mended: %v", err)
	}
}

// A node that is started again knows what it uploaded; one that lost its disk, or its index, asks the bucket.
func TestANodeIsStartedAgain(t *testing.T) {
	bucket, faults := objectstest.New(t)
	b := newBench(t, bucket, 20_000)
	digests := b.put(0, 15)
	b.await()
	faults.Refuse.Store(1 << 40)
	digests = append(digests, b.put(15, 18)...)
	b.close()
	b.open() // without the bucket
	if uploaded, waiting := b.uploads(); uploaded != 15 || waiting != 3 {
		t.Errorf("%d uploaded, %d waiting", uploaded, waiting)
	}
	faults.Refuse.Store(0)
	b.await()
	b.close()

	b.must(os.RemoveAll(filepath.Join(b.dir, "blobs")))
	b.open()
	if got, err := b.accumulated(digests); err != nil || !bytes.Equal(got, want(0, 18)) {
		t.Errorf("without its disk: %v", err)
	}
	b.close()
	index := filepath.Join(b.dir, "uploaded")
	b.must(os.Remove(index))
	faults.Refuse.Store(1 << 40)
	if err := b.tryOpen("n1"); !errors.Is(err, ErrUnreachable) {
		t.Errorf("without its index and the bucket: %v", err)
	}
	b.must(b.local.Close())
	if _, err := os.Stat(index); !errors.Is(err, fs.ErrNotExist) {
		t.Error("an index of nothing was written")
	}
	faults.Refuse.Store(0)
	if err := b.tryOpen("n2"); !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), `has the blobs of node "n1", and this is "n2"`) {
		t.Errorf("another node's: %v", err)
	}
	b.must(b.local.Close())
	b.open()
	if missing, err := b.Missing(t.Context(), digests); err != nil || len(missing) > 0 {
		t.Errorf("%d are missing (%v)", len(missing), err)
	}
}

// An index that a crash cut short, at any byte, lists what its whole records say.
func TestAnIndexThatWasCutShort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[catalog.Digest]struct{}{}
		var file []byte
		cut := rapid.IntRange(0, 40*recordSize).Draw(t, "cut")
		for i, n := 0, rapid.IntRange(0, 40).Draw(t, "records"); i < n; i++ {
			_, d := blob(rapid.IntRange(0, 9).Draw(t, "blob"))
			kind := rapid.SampledFrom([]byte{added, removed}).Draw(t, "kind")
			file = appendRecord(file, kind, d)
			switch {
			case len(file) > cut:
			case kind == added:
				want[d] = struct{}{}
			default:
				delete(want, d)
			}
		}
		got := readRecords(file[:min(cut, len(file))])
		if len(got) != len(want) {
			t.Fatalf("%d blobs, want %d", len(got), len(want))
		}
		for d := range want {
			if _, has := got[d]; !has {
				t.Fatalf("%s is not listed", d)
			}
		}
	})
}

func TestNamesOfObjects(t *testing.T) {
	_, d := blob(1)
	if got, ok := parseName(objectName(d)); !ok || got != d {
		t.Errorf("%s is %v, %v", objectName(d), got, ok)
	}
	for _, name := range []string{"", "node", "blobs/", "blobs/" + d.String(), "blobs/ab/cd", objectName(d) + "0", strings.ToUpper(objectName(d))} {
		if _, ok := parseName(name); ok {
			t.Errorf("%q is a blob's name", name)
		}
	}
}

// Whoever asks goes away; the others get the blob.
func TestWhoGoesAwayTakesNothingFromOthers(t *testing.T) {
	bucket, faults := objectstest.New(t)
	b := newBench(t, bucket, 20_000)
	d := b.put(0, 1)[0]
	b.await()
	b.must(b.local.Delete(t.Context(), d))
	hold := make(chan struct{})
	faults.Hold.Store(&hold)
	first, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	asked := faults.Asked.Load()
	go func() { _, err := b.Get(first, d); left <- err }()
	for faults.Asked.Load() == asked {
		b.must(client.Pause(t.Context(), time.Millisecond))
	}
	other := make(chan error, 1)
	go func() { _, err := b.Get(t.Context(), d); other <- err }()
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	faults.Hold.Store(nil)
	close(hold)
	if err := <-other; err != nil {
		t.Error(err)
	}
	b.must(b.Close())
	if _, err := b.Get(t.Context(), catalog.Digest{}); !errors.Is(err, tiles.ErrNotFound) {
		t.Errorf("%v", err)
	}
	b.must(b.local.Delete(t.Context(), d))
	if _, err := b.Get(t.Context(), d); !errors.Is(err, tiles.ErrClosed) {
		t.Errorf("%v", err)
	}
	b.Store = nil
}
