package node_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node"
	"github.com/weirdata/weir/node/drill"
	"github.com/weirdata/weir/node/shadow"
)

// A backup is restored as a shadow, whose nodes come up, one of them from nothing, and compute what was opened. It calls
// none of the addresses of the cluster, and takes nothing. A fault on the way from the archive to the nodes is
// found, of which a drill without a shadow knows nothing.
func TestAShadowFindsWhatOnlyRestoringShows(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := node.RehearsalContext(t)
	r := node.Rehearse(ctx, t)
	calls := countCalls(t, r.Nodes)
	listed := r.Archive.Listed()
	blobs := tilesOf(ctx, t, r)
	for name, x := range map[string]struct {
		change func(o *shadow.Options)
		want   []string
	}{
		"a sound one": {func(*shadow.Options) {}, nil},
		"the founding of another cluster": {func(o *shadow.Options) {
			o.Genesis.Envelope.Payload = bytes.Replace(o.Genesis.Envelope.Payload, []byte("test"), []byte("tess"), 1)
		}, []string{drill.Nodes}},
		"a ledger that ends early": {func(o *shadow.Options) {
			whole := o.Ledger
			o.Ledger = func() io.Reader { return io.LimitReader(whole(), 9000) }
		}, []string{drill.Nodes}},
		"a tile that was not written": {func(o *shadow.Options) {
			o.Blobs = slices.DeleteFunc(slices.Clone(o.Blobs), func(d catalog.Digest) bool { return d == blobs[0] })
		}, []string{drill.Restored}},
		"ledgers that rot on the disk": {func(o *shadow.Options) {
			o.Made = func(_, dir string) { rot(t, filepath.Join(dir, "ledger")) }
		}, []string{drill.Nodes}},
	} {
		t.Run(name, func(t *testing.T) {
			o := shadow.Options{Genesis: r.Genesis, Roster: r.Archive.Roster, Ledger: func() io.Reader { return r.Archive.Stream(ctx) }, Load: listed.Load}
			for _, p := range r.Archive.Blobs {
				o.Blobs = append(o.Blobs, p.Digest)
			}
			x.change(&o)
			report, err := drill.Run(ctx, drill.Options{
				Archive: r.Archive, Dir: t.TempDir(), Progress: func(string) {},
				Shadow: func(ctx context.Context, dir string) (drill.Shadow, error) {
					o.Dir = dir
					return shadow.Start(ctx, o)
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			differ, told := map[string]int{}, []string{}
			for _, c := range report.Checks {
				if c.Differ > 0 {
					differ[c.What] = c.Differ
					told = append(told, c.Notes...)
				}
				if want := map[string]int{drill.Nodes: 3, drill.Restored: r.Queries}[c.What]; x.want == nil && want > 0 && c.Tried.Tried != want {
					t.Errorf("%s: %d tried, want %d", c.What, c.Tried.Tried, want)
				}
			}
			t.Logf("%q", told)
			if got := slices.Sorted(maps.Keys(differ)); !slices.Equal(got, x.want) {
				t.Errorf("%q differ, want %q: %q", got, x.want, told)
			}
			if told := report.For(r.Archive.Manifest); told.Sound() != (x.want == nil) || len(told.Tried) != len(recovery.Drills()) {
				t.Errorf("the ledger is told %+v", told)
			}
		})
	}
	if n := calls.Load(); n > 0 {
		t.Errorf("the cluster's nodes were called %d times", n)
	}
}

// tilesOf are the tiles of versions in the backup of a rehearsal.
func tilesOf(ctx context.Context, t *testing.T, r node.Rehearsed) (of []catalog.Digest) {
	t.Helper()
	for _, p := range r.Archive.Blobs {
		b, err := r.Archive.Load(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := tiles.ParseManifest(b); err == nil {
			of = append(of, m.Digests()...)
		}
	}
	if len(of) == 0 {
		t.Fatal("the backup has no tiles")
	}
	return of
}

// rot changes every file of a directory in its middle.
func rot(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err != nil || !d.Type().IsRegular() || strings.HasSuffix(path, "LOCK") {
			return nil //nolint:nilerr // the node that comes with nothing has no such directory
		}
		b, err := os.ReadFile(path)
		if err == nil && len(b) > 0 {
			b[len(b)/2] ^= 1
			err = os.WriteFile(path, b, 0o600)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// countCalls listens where a cluster's nodes did, and counts who comes.
func countCalls(t *testing.T, nodes []catalog.Node) *atomic.Int64 {
	t.Helper()
	calls := &atomic.Int64{}
	for _, n := range nodes {
		for _, addr := range []string{n.Addr, strings.TrimPrefix(n.API, "https://")} {
			l, err := net.Listen("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					calls.Add(1)
					_ = c.Close()
				}
			}()
			t.Cleanup(func() {
				if err := l.Close(); err != nil {
					t.Error(err)
				}
				<-done
			})
		}
	}
	return calls
}
