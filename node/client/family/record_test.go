package family_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/family"
	"github.com/weirdata/weir/node/client/publish"
)

// A node that lies about what was released would make a publisher declare too much as
// new, which isolates somebody, or too little, which holds figures back. The client hears
// a second node, refuses, and names who tells what; nothing is proposed.
func TestANodeThatLiesAboutTheFamilyIsFoundOut(t *testing.T) {
	w := clienttest.New(t)
	publisher := w.Spooled(t.TempDir())
	w.PublishFirms(publisher)
	_, err := w.Append(publisher, clienttest.FirmsCSV(clienttest.ManyFirms, 30, 31))
	w.Must(err)
	ids := make([]string, len(w.Profile.Nodes))
	for i, n := range w.Profile.Nodes {
		ids[i] = n.ID
	}
	corrected := strings.Replace(clienttest.FirmsCSV(clienttest.ManyFirms, 0, 31), "f100,2020-01,", "f100,2020-01,1", 1)
	for _, x := range []struct {
		name, where string
		change      func(*wire.Family)
	}{
		{"nothing was released", "has another number of settled versions, 0 and not 2", func(f *wire.Family) { f.Settled, f.SettledTotal = nil, 0 }},
		{"the last version was not", "has another number of settled versions, 1 and not 2", func(f *wire.Family) { f.Settled, f.SettledTotal = f.Settled[:1], 1 }},
		{"something else was", "has something else as what version 2 of dataset works settled", func(f *wire.Family) { f.Settled[1].Digest = f.Settled[0].Digest }},
		{"other classes", "has other classes of entities", func(f *wire.Family) { f.Tree = catalog.Sum([]byte("another")) }},
		{"related measures", "has other declarations of datasets", func(f *wire.Family) { f.Declared[0].Measures[0] = "dust" }},
	} {
		for liar := range ids {
			w.Lying(func(node int, path string, body []byte) []byte {
				if node != liar || !strings.HasSuffix(path, "/works/family") {
					return body
				}
				return clienttest.Changed(t, body, x.change)
			})
			honest := []string{}
			for i, id := range ids {
				if i != liar {
					honest = append(honest, id)
				}
			}
			c := w.Spooled(t.TempDir()) // which begins at the first node
			if liar > 1 {
				// Two honest nodes are enough.
				if _, err := family.Read(w.Ctx, c, "works"); err != nil {
					t.Errorf("%s, says %s: %v", x.name, ids[liar], err)
				}
				continue
			}
			_, err := publish.Publish(w.Ctx, c, w.Prepare(c, clienttest.ProtectedDescriptor, corrected), nil)
			var differs *family.DiffersError
			if !errors.As(err, &differs) {
				t.Fatalf("%s, says %s: published with %v", x.name, ids[liar], err)
			}
			if d := cmp.Diff([][]string{honest, {ids[liar]}}, differs.Nodes); d != "" || differs.Where[1] != x.where {
				t.Errorf("%s, says %s: %q (-want +named)\n%s", x.name, ids[liar], differs.Where, d)
			}
			if !strings.Contains(err.Error(), ids[liar]+" "+x.where) || !strings.Contains(err.Error(), strings.Join(honest, " and ")+" alike") {
				t.Errorf("%s: %v", x.name, err)
			}
		}
	}
	w.Lies(nil)
	d, err := publisher.Dataset(w.Ctx, "works")
	w.Must(err)
	if d.Versions != 2 {
		t.Errorf("%d versions were proposed, want 2", d.Versions)
	}
}

// A node that does not know of a family at all is one that differs, and where all do there
// is none.
func TestANodeThatDeniesTheFamilyIsFoundOut(t *testing.T) {
	w := clienttest.New(t)
	publisher := w.Spooled(t.TempDir())
	w.PublishFirms(publisher)
	w.Lying(func(node int, path string, body []byte) []byte {
		if node == 1 && strings.HasSuffix(path, "/works/family") {
			return []byte("{}")
		}
		return body
	})
	var differs *family.DiffersError
	if _, err := family.Read(w.Ctx, publisher, "works"); !errors.As(err, &differs) || differs.Nodes[1][0] != w.Profile.Nodes[1].ID {
		t.Errorf("an empty family: %v", err)
	}
	w.Lies(nil)
	w.PublishAir()
	if _, err := family.Read(w.Ctx, publisher, "air"); err == nil || errors.As(err, &differs) {
		t.Errorf("a public dataset: %v", err)
	}
}

// A version that goes live between two nodes' answers is no lie: they are asked again.
func TestAFamilyThatChangesWhileItIsReadIsReadAgain(t *testing.T) {
	w := clienttest.New(t)
	publisher := w.Spooled(t.TempDir())
	w.PublishFirms(publisher)
	var asked atomic.Int64
	w.Lying(func(_ int, path string, body []byte) []byte {
		if !strings.HasSuffix(path, "/works/family") || asked.Add(1) > 1 {
			return body
		}
		return clienttest.Changed(t, body, func(f *wire.Family) { f.Settled, f.SettledTotal = nil, 0 })
	})
	f, err := family.Read(w.Ctx, publisher, "works")
	w.Must(err)
	if len(f.Settled) != 1 || asked.Load() < 4 {
		t.Errorf("%d settled versions after %d answers", len(f.Settled), asked.Load())
	}
}

// Fewer nodes than it takes that an honest one is among them tell nothing.
func TestOneNodeAloneTellsOfNoFamily(t *testing.T) {
	w := clienttest.New(t)
	publisher := w.Spooled(t.TempDir())
	w.PublishFirms(publisher)
	w.Servers[1].Close()
	if _, err := family.Read(w.Ctx, publisher, "works"); err != nil {
		t.Errorf("two of three nodes: %v", err)
	}
	w.Servers[2].Close()
	_, err := family.Read(w.Ctx, publisher, "works")
	if err == nil || !strings.Contains(err.Error(), "1 of the 2 nodes answered that must tell the same") || !strings.Contains(err.Error(), w.Profile.Nodes[2].ID) {
		t.Errorf("one of three nodes: %v", err)
	}
	w.Servers[0].Close()
	var away *client.UnreachableError
	if _, err = family.Read(w.Ctx, publisher, "works"); !errors.As(err, &away) {
		t.Errorf("no node: %v", err)
	}
}
