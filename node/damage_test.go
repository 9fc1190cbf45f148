package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/compare"
	"github.com/weirdata/weir/node/founding"
)

// The table in the operators' guide is that of the code.
func TestGuideHasTheTableOfDamage(t *testing.T) {
	b, err := os.ReadFile("../cmd/weir/docs/operator.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(b), "| damaged | what is wrong | what is lost | what to do |\n|---|---|---|---|\n")
	if !found {
		t.Fatal("the guide has no table of damage")
	}
	var want strings.Builder
	for _, h := range harms {
		part := "no file"
		if h.part != "" {
			part = "`" + h.part + "`"
		}
		fmt.Fprintf(&want, "| %s | %s | %s | %s |\n", part, h.what, h.lost, h.remedy)
	}
	if !strings.HasPrefix(rest, want.String()+"\n") {
		t.Errorf("the guide says\n%.1500s\nthe code says\n%s", rest, want.String())
	}
}

// garble overwrites the beginning of the files that match, or cuts one of them off.
func garble(t *testing.T, pattern string) {
	t.Helper()
	list, err := filepath.Glob(pattern)
	if err != nil || len(list) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	for _, path := range list {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteAt([]byte(strings.Repeat("damage", 5000)), 0)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// flipIn flips a bit in the first file that matches.
func flipIn(t *testing.T, pattern string, at int64) {
	t.Helper()
	list, err := filepath.Glob(pattern)
	if err != nil || len(list) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	slices.Sort(list)
	f, err := os.OpenFile(list[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	_, err = f.ReadAt(b[:], at)
	if err == nil {
		_, err = f.WriteAt([]byte{b[0] ^ 1}, at)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// moveAway is the remedy of most rows.
func moveAway(t *testing.T, dir, part string) {
	t.Helper()
	if err := os.Rename(filepath.Join(dir, part), filepath.Join(t.TempDir(), "away")); err != nil {
		t.Fatal(err)
	}
}

// copyPrivate copies a flat directory that nobody else may read.
func copyPrivate(t *testing.T, to, from string) {
	t.Helper()
	list, err := os.ReadDir(from)
	if err == nil {
		err = os.Mkdir(to, 0o700)
	}
	for _, e := range list {
		if err != nil {
			break
		}
		var b []byte
		if b, err = os.ReadFile(filepath.Join(from, e.Name())); err == nil {
			err = os.WriteFile(filepath.Join(to, e.Name()), b, 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// tried is one way in which the part of a row goes bad, and the row's remedy, done.
type tried struct {
	part   string // of the row
	name   string
	damage func(t *testing.T, dir string)
	mend   func(t *testing.T, dir string)
}

func damages() []tried {
	var saved string // what a copy of the vault has
	remove := func(pattern string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { garble(t, filepath.Join(dir, pattern)) }
	}
	away := func(part string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { moveAway(t, dir, part) }
	}
	return []tried{
		{"ledger/state", "tables", remove("ledger/state/gen-*/*.sst"), away("ledger/state")},
		{"ledger/state", "manifest", remove("ledger/state/gen-*/MANIFEST"), away("ledger/state")},
		{"ledger/state", "current", remove("ledger/state/CURRENT"), away("ledger/state")},
		{"ledger/wal", "metadata", remove("ledger/wal/wal-meta.db"), away("ledger")},
		{"ledger/wal", "an applied entry", func(t *testing.T, dir string) {
			flipIn(t, filepath.Join(dir, "ledger/wal/*.wal"), 500)
		}, away("ledger")},
		{"ledger", "no log", func(t *testing.T, dir string) { moveAway(t, dir, "ledger/wal") }, away("ledger")},
		{"blobs", "manifest", remove("blobs/MANIFEST"), away("blobs")},
		{"blobs", "tables", remove("blobs/*.sst"), away("blobs")},
		{founding.DirSecrets, "identity", func(t *testing.T, dir string) {
			saved = filepath.Join(t.TempDir(), "copy")
			copyPrivate(t, saved, filepath.Join(dir, founding.DirSecrets))
			garble(t, filepath.Join(dir, founding.DirSecrets, "*"))
		}, func(t *testing.T, dir string) {
			moveAway(t, dir, founding.DirSecrets)
			copyPrivate(t, filepath.Join(dir, founding.DirSecrets), saved)
		}},
	}
}

// Every row of the table: a real directory is damaged, the node does not start and gives the
// row's advice, the advice is followed, and the node is whole again.
func TestAdviceMendsWhatIsDamaged(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	publishStations(ctx, t, bureau, "stations")
	c.await(ctx, "n3 to hold the version", func() bool { return c.acked(t, "n3", "stations", 1) })
	digests := c.tiles(ctx, t, "n1", "stations", 1)
	rows := map[string]bool{}
	for _, x := range damages() {
		rows[x.part] = true
		i := slices.IndexFunc(harms, func(h harm) bool { return h.part == x.part })
		if i < 0 {
			t.Fatalf("there is no row for %s", x.part)
		}
		c.close("n3")
		x.damage(t, c.nodeDir("n3"))
		if _, err := c.tryOpen("n3"); err == nil {
			t.Errorf("%s (%s): it started", x.part, x.name)
		} else if !strings.Contains(err.Error(), harms[i].remedy) || !strings.Contains(err.Error(), filepath.Join(c.nodeDir("n3"), x.part)) {
			t.Errorf("%s (%s): the advice is not that of the row: %v", x.part, x.name, err)
		}
		if c.nodes["n3"] != nil {
			c.close("n3")
		}
		x.mend(t, c.nodeDir("n3"))
		c.open("n3")
		c.await(ctx, "n3 to be whole", func() bool { return c.whole(ctx, "n3", digests) })
	}
	for _, h := range harms {
		if h.part != "" && !rows[h.part] { // for the disk see TestNodeGoesOnWhenThereIsRoom
			t.Errorf("the row of %s is not tried", h.part)
		}
	}
}

// whole reports whether a node is ready, has the state that n1 has, and all blobs.
func (c *cluster) whole(ctx context.Context, id string, digests []catalog.Digest) bool {
	n := c.nodes[id]
	ready, _ := n.standing.Ready()
	missing, err := n.blobs.Missing(ctx, digests)
	if !ready || err != nil || len(missing) > 0 {
		return false
	}
	err = n.view(func(v state.View) error { _, err := v.Versions().Of("stations"); return err })
	return err == nil && slices.ContainsFunc(n.monitor.stateMarks(), func(m compare.Mark) bool {
		return slices.Contains(c.nodes["n1"].monitor.stateMarks(), m)
	}) && n.ledger.ScrubState(ctx, unpaced) == nil
}
