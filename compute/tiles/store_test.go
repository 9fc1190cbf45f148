package tiles_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
)

// random is n bytes that are the same for a seed.
func random(seed uint64, n int) []byte {
	b := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})
	if _, err := rng.Read(b); err != nil {
		panic(err)
	}
	return b
}

func open(tb testing.TB, dir string, o tiles.StoreOptions) *tiles.Store {
	tb.Helper()
	if o.MinFree == 0 {
		o.MinFree = 1
	}
	s, err := tiles.Open(dir, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// fill puts n blobs of a size and returns their digests.
func fill(tb testing.TB, s *tiles.Store, n, size int) ([]catalog.Digest, map[catalog.Digest][]byte) {
	tb.Helper()
	digests, blobs := make([]catalog.Digest, n), make(map[catalog.Digest][]byte, n)
	for i := range digests {
		b := random(uint64(i), size)
		digests[i] = catalog.Sum(b)
		blobs[digests[i]] = b
		if err := s.Put(context.Background(), digests[i], b); err != nil {
			tb.Fatal(err)
		}
	}
	return digests, blobs
}

func TestStoreGivesBackWhatWasPutAndStillDoesWhenReopened(t *testing.T) {
	dir := t.TempDir()
	blobs := map[catalog.Digest][]byte{}
	var digests []catalog.Digest
	s := open(t, dir, tiles.StoreOptions{})
	for i, size := range []int{0, 1, 100, 64<<10 - 1, 64 << 10, 64<<10 + 1, 393_241, 2 << 20} {
		b := random(uint64(i), size)
		d := catalog.Sum(b)
		blobs[d], digests = b, append(digests, d)
		for range 2 { // the second time nothing happens
			if err := s.Put(t.Context(), d, b); err != nil {
				t.Fatal(err)
			}
		}
	}
	absent := catalog.Sum([]byte("absent"))
	check := func() {
		t.Helper()
		for d, want := range blobs {
			got, err := s.Get(t.Context(), d)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes, want %d: %v", len(got), len(want), err)
			}
			if err := s.View(t.Context(), d, func(b []byte) error { got = bytes.Clone(b); return nil }); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("viewed %d bytes, want %d: %v", len(got), len(want), err)
			}
			if has, err := s.Has(t.Context(), d); !has || err != nil {
				t.Fatalf("has %v, %v", has, err)
			}
		}
		var fault *tiles.BlobError
		if _, err := s.Get(t.Context(), absent); !errors.Is(err, tiles.ErrNotFound) || !errors.As(err, &fault) || fault.Digest != absent {
			t.Errorf("absent: %v", err)
		}
		if has, err := s.Has(t.Context(), absent); has || err != nil {
			t.Errorf("absent: %v, %v", has, err)
		}
		missing, err := s.Missing(t.Context(), append([]catalog.Digest{absent}, digests...))
		if err != nil || !slices.Equal(missing, []catalog.Digest{absent}) {
			t.Errorf("missing %v, %v", missing, err)
		}
		if err := s.Verify(t.Context(), digests...); err != nil {
			t.Error(err)
		}
		if st, err := s.Stats(); err != nil || st.Blobs != int64(len(digests)) || st.Bytes < 2<<20+393_241 || st.Bytes > 3<<20 || st.Free == 0 || st.Broken {
			t.Errorf("%+v, %v", st, err)
		}
	}
	check()
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, tiles.StoreOptions{})
	check()
	if err := s.Delete(t.Context(), digests[6], absent); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), digests[6]); !errors.Is(err, tiles.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
	if st, err := s.Stats(); err != nil || st.Blobs != int64(len(digests)-1) {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestStoreTakesOnlyBytesWithTheirDigest(t *testing.T) {
	s := open(t, t.TempDir(), tiles.StoreOptions{MaxBlob: 1000})
	d := catalog.Sum([]byte("right"))
	if err := s.Put(t.Context(), d, []byte("wrong")); !errors.Is(err, tiles.ErrDigest) {
		t.Errorf("wrong bytes: %v", err)
	}
	if has, err := s.Has(t.Context(), d); has || err != nil {
		t.Errorf("stored all the same: %v", err)
	}
	large := random(1, 1001)
	if err := s.Put(t.Context(), catalog.Sum(large), large); !errors.Is(err, tiles.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if err := s.Put(t.Context(), catalog.Sum(large[:1000]), large[:1000]); err != nil {
		t.Error(err)
	}
}

func TestStoreStopsWritingBeforeTheDiskIsFull(t *testing.T) {
	free := uint64(1 << 20)
	s := open(t, t.TempDir(), tiles.StoreOptions{MinFree: 1000, Free: func(string) (uint64, error) { return free, nil }})
	digests, blobs := fill(t, s, 1, 500)
	b := random(99, 500)
	free = 1499
	err := s.Put(t.Context(), catalog.Sum(b), b)
	if !errors.Is(err, tiles.ErrFull) || !strings.Contains(err.Error(), "1499 bytes free, writing stops below 1000") {
		t.Errorf("nearly full: %v", err)
	}
	if err := s.Put(t.Context(), digests[0], blobs[digests[0]]); err != nil {
		t.Errorf("what is there already needs no room: %v", err)
	}
	if _, err := s.Get(t.Context(), digests[0]); err != nil {
		t.Errorf("reading needs no room: %v", err)
	}
	free = 1500
	if err := s.Put(t.Context(), catalog.Sum(b), b); err != nil {
		t.Error(err)
	}
	broken := errors.New("no such disk")
	s = open(t, t.TempDir(), tiles.StoreOptions{Free: func(string) (uint64, error) { return 0, broken }})
	if err := s.Put(t.Context(), catalog.Sum(b), b); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestStoreOfUnknownFormatIsNotOpened(t *testing.T) {
	dir := t.TempDir()
	db, err := badger.Open(badger.DefaultOptions(dir).WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(txn *badger.Txn) error { return txn.Set([]byte("format"), []byte{3}) }); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := tiles.Open(dir, tiles.StoreOptions{}); !errors.Is(err, tiles.ErrFormat) {
		t.Error(err)
	}
}

func TestStoreOptionsThatCannotWorkAreRefused(t *testing.T) {
	for _, o := range []tiles.StoreOptions{{MaxBlob: -1}, {GCInterval: -1}, {MaxBlob: 100 << 20}} {
		if _, err := tiles.Open(t.TempDir(), o); err == nil {
			t.Errorf("opened with %+v", o)
		}
	}
}

func TestClosedStoreSaysSo(t *testing.T) {
	s := open(t, t.TempDir(), tiles.StoreOptions{})
	digests, blobs := fill(t, s, 1, 10)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	d := digests[0]
	_, getErr := s.Get(t.Context(), d)
	_, missingErr := s.Missing(t.Context(), digests)
	for name, err := range map[string]error{
		"put": s.Put(t.Context(), d, blobs[d]), "get": getErr, "missing": missingErr, "delete": s.Delete(t.Context(), d),
		"sync": s.Sync(t.Context()), "reclaim": s.Reclaim(t.Context()),
		"scrub":      s.Scrub(t.Context(), func(catalog.Digest, error) error { return nil }),
		"accumulate": s.Accumulate(t.Context(), digests, func(...[]byte) error { return nil }),
	} {
		if !errors.Is(err, tiles.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

func TestStoreStopsWithItsContext(t *testing.T) {
	s := open(t, t.TempDir(), tiles.StoreOptions{})
	digests, _ := fill(t, s, 1, 10)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Get(ctx, digests[0]); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := s.Scrub(ctx, func(catalog.Digest, error) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAccumulateFeedsEveryTileInBatchesOfFive(t *testing.T) {
	s := open(t, t.TempDir(), tiles.StoreOptions{})
	digests, blobs := fill(t, s, 11, 100_000)
	for _, n := range []int{0, 1, 4, 5, 6, 10, 11} {
		var fed []catalog.Digest
		var sizes []int
		if err := s.Accumulate(t.Context(), digests[:n], func(batch ...[]byte) error {
			sizes = append(sizes, len(batch))
			for _, b := range batch {
				d := catalog.Sum(b)
				if !bytes.Equal(b, blobs[d]) {
					t.Error("other bytes")
				}
				fed = append(fed, d)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(fed, digests[:n]) {
			t.Errorf("%d tiles: fed %v", n, fed)
		}
		for i, size := range sizes {
			if want := min(5, n-5*i); size != want {
				t.Errorf("%d tiles in batches of %v", n, sizes)
			}
		}
	}
	absent := catalog.Sum([]byte("absent"))
	var fault *tiles.BlobError
	err := s.Accumulate(t.Context(), []catalog.Digest{digests[0], absent}, func(...[]byte) error { t.Error("fed an incomplete batch"); return nil })
	if !errors.Is(err, tiles.ErrNotFound) || !errors.As(err, &fault) || fault.Digest != absent {
		t.Error(err)
	}
	broken := errors.New("broken")
	if err := s.Accumulate(t.Context(), digests, func(...[]byte) error { return broken }); err != broken { //nolint:errorlint // as it is
		t.Error(err)
	}
	defer func() {
		if r := recover(); r != "a bug" {
			t.Errorf("recovered %v", r)
		}
		if _, err := s.Get(t.Context(), digests[0]); err != nil {
			t.Errorf("a caller's panic broke the store: %v", err)
		}
	}()
	_ = s.Accumulate(t.Context(), digests, func(...[]byte) error { panic("a bug") }) // panics
}
