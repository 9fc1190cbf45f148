package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crypto/ed25519"

	"filippo.io/age"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/objects"
)

// cluster is a source whose signatures are real and whose ledger is not: its stream is some bytes.
type cluster struct {
	founding  catalog.Envelope
	keys      []ed25519.PrivateKey
	threshold int
	parts     map[catalog.Digest][]byte
	contents  Contents
	prepared  int
	fetched   []catalog.Digest
	fail      func(catalog.Digest) error
}

func newSource(t *testing.T, ledger, blobs []string) *cluster {
	t.Helper()
	c := &cluster{parts: map[catalog.Digest][]byte{}, threshold: 2}
	body := catalog.InitBody{Name: "test", Threshold: 2}
	for i := range 3 {
		public, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		c.keys = append(c.keys, private)
		body.Nodes = append(body.Nodes, catalog.Node{ID: fmt.Sprintf("n%d", i+1), Point: i + 1, Key: public})
	}
	raw := encode(t, body)
	e, err := catalog.Sign(c.keys[0], "p-founder", catalog.Payload{Version: 1, Kind: catalog.KindInit, Nonce: strings.Repeat("0", 32), Issued: 1, Expires: 2, Body: raw})
	if err != nil {
		t.Fatal(err)
	}
	c.founding = e
	c.put(t, 7, ledger, blobs)
	return c
}

// put has the source be of so many entries.
func (c *cluster) put(t *testing.T, size uint64, ledger, blobs []string) {
	t.Helper()
	c.contents = Contents{Size: size, Root: catalog.Sum([]byte(strings.Join(ledger, ""))), Roster: []catalog.Envelope{c.founding}}
	c.sign(t, 2)
	for _, p := range ledger {
		c.parts[catalog.Sum([]byte(p))] = []byte(p)
		c.contents.Ledger = append(c.contents.Ledger, Part{catalog.Sum([]byte(p)), int64(len(p))})
	}
	for _, b := range blobs {
		c.parts[catalog.Sum([]byte(b))] = []byte(b)
		c.contents.Blobs = append(c.contents.Blobs, catalog.Sum([]byte(b)))
	}
}

// sign has so many nodes sign the checkpoint.
func (c *cluster) sign(t *testing.T, voices int) {
	t.Helper()
	p := evidence.Checkpoint{Origin: evidence.Origin(c.founding.Digest().String()), Size: c.contents.Size, Root: evidence.Hash(c.contents.Root)}
	var lines [][]byte
	for i := range voices {
		l, err := evidence.SignCheckpoint(c.keys[i], fmt.Sprintf("n%d", i+1), p, time.Unix(1, 0))
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	c.contents.Checkpoint = string(evidence.Assemble(p, lines...))
}

func (c *cluster) Prepare(context.Context) (Contents, error) { c.prepared++; return c.contents, nil }

func (c *cluster) Part(_ context.Context, d catalog.Digest) ([]byte, error) {
	if c.fail != nil {
		if err := c.fail(d); err != nil {
			return nil, err
		}
	}
	c.fetched = append(c.fetched, d)
	return c.parts[d], nil
}

func (c *cluster) Blob(ctx context.Context, d catalog.Digest) ([]byte, error) { return c.Part(ctx, d) }

func newIdentity(t *testing.T) *age.HybridIdentity {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// at makes a backup at a second.
func (c *cluster) at(t *testing.T, s objects.Store, to age.Recipient, second int64) (Made, error) {
	t.Helper()
	c.fetched = nil
	return Create(t.Context(), c, s, Options{
		Cluster: c.founding.Digest(), To: []age.Recipient{to}, Workers: 1, Now: func() time.Time { return time.Unix(second, 0) },
	})
}

func TestNextBackupCopiesOnlyWhatIsNew(t *testing.T) {
	t.Parallel()
	s, id := objects.Directory(t.TempDir()), newIdentity(t)
	c := newSource(t, []string{"head", "middle"}, []string{"tile 1", "tile 2"})
	first, err := c.at(t, s, id.Recipient(), 1)
	if err != nil || first.Copied != 4 {
		t.Fatalf("copied %d parts (%v), want 4", first.Copied, err)
	}
	c.put(t, 9, []string{"head", "middle", "tail"}, []string{"tile 2", "tile 3"})
	second, err := c.at(t, s, id.Recipient(), 2)
	if err != nil || second.Copied != 2 || len(c.fetched) != 2 {
		t.Fatalf("copied %d parts of %d fetched (%v), want the 2 that are new", second.Copied, len(c.fetched), err)
	}
	all, err := List(t.Context(), s, func(err error) { t.Error(err) })
	if err != nil || len(all) != 2 || all[0].Name() != first.Name() || all[1].Name() != second.Name() {
		t.Fatalf("there are %d backups (%v)", len(all), err)
	}
	for _, m := range all {
		a := Archive{Manifest: m, Store: s, With: []age.Identity{id}}
		if err := a.Check(c.founding.Digest()); err != nil {
			t.Error(err)
		}
		a.check(t, 0)
	}
	m, err := Read(t.Context(), s, "")
	if err != nil || m.Name() != second.Name() {
		t.Errorf("the newest is %s (%v)", m.Name(), err)
	}
	if _, err := Read(t.Context(), s, "nothing"); !errors.Is(err, ErrNone) {
		t.Errorf("a backup that is not there: %v", err)
	}
}

// check reads all parts and wants so many damaged.
func (a Archive) check(t *testing.T, damaged int) {
	t.Helper()
	var found []error
	if err := a.CheckParts(t.Context(), func(_ Part, err error) { found = append(found, err) }, func(int, int) {}); err != nil {
		t.Fatal(err)
	}
	if len(found) != damaged {
		t.Errorf("%d parts are damaged, want %d: %v", len(found), damaged, found)
	}
}

func TestInterruptedBackupIsNoneAndGoesOn(t *testing.T) {
	t.Parallel()
	s, id := objects.Directory(t.TempDir()), newIdentity(t)
	c := newSource(t, []string{"head"}, []string{"tile 1", "tile 2", "tile 3"})
	broken := errors.New("the connection broke")
	c.fail = func(catalog.Digest) error {
		if len(c.fetched) == 2 {
			return broken
		}
		return nil
	}
	if _, err := c.at(t, s, id.Recipient(), 1); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if all, err := List(t.Context(), s, func(error) {}); err != nil || len(all) != 0 {
		t.Fatalf("an interrupted backup is one: %v %v", all, err)
	}
	c.fail = nil
	if made, err := c.at(t, s, id.Recipient(), 2); err != nil || made.Copied != 2 {
		t.Errorf("copied %d parts more (%v), want the 2 that were left", made.Copied, err)
	}
}

func TestLedgerThatIsNoLongerHeldReadyIsPreparedAnew(t *testing.T) {
	t.Parallel()
	s, id := objects.Directory(t.TempDir()), newIdentity(t)
	c := newSource(t, []string{"head"}, nil)
	c.fail = func(catalog.Digest) error {
		if c.prepared < 3 {
			return ErrGone
		}
		return nil
	}
	if _, err := c.at(t, s, id.Recipient(), 1); err != nil || c.prepared != 3 {
		t.Fatalf("prepared %d times (%v)", c.prepared, err)
	}
	c.put(t, 8, []string{"other"}, nil)
	c.fail = func(catalog.Digest) error { return ErrGone }
	if _, err := c.at(t, s, id.Recipient(), 2); !errors.Is(err, ErrGone) {
		t.Errorf("a node that holds nothing ready: %v", err)
	}
}

func TestWhatANodeSaysOfItsLedgerIsCheckedBeforeAnythingIsCopied(t *testing.T) {
	t.Parallel()
	id := newIdentity(t)
	for name, spoil := range map[string]func(*cluster){
		"one signature":         func(c *cluster) { c.sign(t, 1) },
		"another size":          func(c *cluster) { c.contents.Size++ },
		"another root":          func(c *cluster) { c.contents.Root[0] ^= 1 },
		"another cluster":       func(c *cluster) { c.contents.Roster = newSource(t, nil, nil).contents.Roster },
		"no ledger":             func(c *cluster) { c.contents.Ledger = nil },
		"a part without an end": func(c *cluster) { c.contents.Ledger[0].Bytes = maxPart + 1 },
	} {
		s, c := objects.Directory(t.TempDir()), newSource(t, []string{"head"}, []string{"tile"})
		spoil(c)
		if _, err := c.at(t, s, id.Recipient(), 1); !errors.Is(err, ErrManifest) || len(c.fetched) > 0 {
			t.Errorf("%s: %v; %d parts were fetched", name, err, len(c.fetched))
		}
	}
	s, c := objects.Directory(t.TempDir()), newSource(t, []string{"head"}, []string{"tile"})
	c.parts[catalog.Sum([]byte("tile"))] = []byte("forged")
	if _, err := c.at(t, s, id.Recipient(), 1); err == nil {
		t.Error("a blob of other bytes was taken")
	}
	c = newSource(t, []string{"head"}, nil)
	if _, err := Create(t.Context(), c, s, Options{Cluster: c.founding.Digest(), Now: time.Now}); err == nil || len(c.fetched) > 0 {
		t.Errorf("a backup that nobody can read, and everybody could: %v", err)
	}
}

func TestDamageIsFoundRemovedAndCopiedAgain(t *testing.T) {
	t.Parallel()
	dir, id := t.TempDir(), newIdentity(t)
	s := objects.Directory(dir)
	c := newSource(t, []string{"head"}, []string{"tile 1", "tile 2", "tile 3"})
	made, err := c.at(t, s, id.Recipient(), 1)
	if err != nil {
		t.Fatal(err)
	}
	a := Archive{Manifest: made.Manifest, Store: s, With: []age.Identity{id}}
	files := make([]string, 3)
	for i, p := range a.Blobs {
		files[i] = filepath.Join(dir, p.object(a.Recipients))
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b, []byte("tile")) {
		t.Error("a part is there in the clear")
	}
	flipped := bytes.Clone(b)
	flipped[len(flipped)-3] ^= 1
	forged, err := Seal([]byte("tale 2"), []age.Recipient{id.Recipient()}) // whoever has the recipient can
	if err != nil {
		t.Fatal(err)
	}
	// What rotted in its header is to nobody.
	toNobody, err := Seal([]byte("head"), []age.Recipient{newIdentity(t).Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	head := filepath.Join(dir, a.Ledger[0].object(a.Recipients))
	for file, content := range map[string][]byte{files[0]: flipped, files[1]: forged, files[2]: b[:len(b)/2], head: toNobody} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a.check(t, 4)
	if absent, err := a.Absent(t.Context()); err != nil || len(absent) != 4 {
		t.Errorf("%d parts are away (%v), want the 4 damaged ones", len(absent), err)
	}
	if again, err := c.at(t, s, id.Recipient(), 2); err != nil || again.Copied != 4 {
		t.Errorf("copied %d parts (%v), want 4", again.Copied, err)
	}
	a.check(t, 0)
	a.With = []age.Identity{newIdentity(t)}
	if err := a.CheckParts(t.Context(), func(Part, error) {}, func(int, int) {}); !errors.Is(err, ErrIdentity) {
		t.Errorf("with a stranger's key: %v", err)
	}
	if absent, err := a.Absent(t.Context()); err != nil || len(absent) != 0 {
		t.Errorf("a stranger's key removed %d parts (%v)", len(absent), err)
	}
}

func TestManifestIsReadStrictly(t *testing.T) {
	t.Parallel()
	s, id := objects.Directory(t.TempDir()), newIdentity(t)
	made, err := newSource(t, []string{"head"}, nil).at(t, s, id.Recipient(), 1)
	if err != nil {
		t.Fatal(err)
	}
	object := manifestPrefix + made.Name() + ".json"
	b, err := s.Get(t.Context(), object, maxManifest)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"a field of another version": {`{"v":1,`, `{"v":1,"delta":true,`},
		"another version":            {`{"v":1,`, `{"v":2,`},
		"another size":               {`"size":7`, `"size":8`},
		"half of it":                 {`"blobs"`, ``},
	} {
		spoiled := bytes.Replace(b, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(spoiled, b) {
			t.Fatalf("%s: the test changes nothing", name)
		}
		if err := s.Put(t.Context(), object, spoiled); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(t.Context(), s, ""); !errors.Is(err, ErrManifest) {
			t.Errorf("%s: %v", name, err)
		}
		told := 0
		if all, err := List(t.Context(), s, func(error) { told++ }); err != nil || len(all) != 0 || told != 1 {
			t.Errorf("%s: %d backups are listed, %d told (%v)", name, len(all), told, err)
		}
	}
	for _, name := range []string{"../x", "/etc/passwd", "parts/../../x", "x.half-1"} {
		if err := s.Put(t.Context(), name, nil); err == nil {
			t.Errorf("%q was written", name)
		}
	}
}

func TestRecipientsAreReadFromFilesAndTexts(t *testing.T) {
	t.Parallel()
	id := newIdentity(t)
	file := filepath.Join(t.TempDir(), "to")
	if err := os.WriteFile(file, []byte("# them\n"+id.Recipient().String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	to, err := Recipients([]string{file, id.Recipient().String()})
	if err != nil || len(to) != 2 {
		t.Fatalf("%d recipients (%v)", len(to), err)
	}
	if err := os.WriteFile(file, []byte(id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Recipients([]string{file}); err == nil || strings.Contains(err.Error(), id.String()[20:40]) {
		t.Errorf("a secret key as a recipient: %v", err)
	}
	with, err := Identities([]string{file})
	if err != nil || len(with) != 1 {
		t.Errorf("%d identities (%v)", len(with), err)
	}
}

// A backup for other people copies everything anew: they could not read what was encrypted to
// those before.
func TestBackupForOthersIsReadByThem(t *testing.T) {
	t.Parallel()
	dir, before, after := t.TempDir(), newIdentity(t), newIdentity(t)
	s := objects.Directory(dir)
	c := newSource(t, []string{"head"}, []string{"tile 1", "tile 2"})
	if _, err := c.at(t, s, before.Recipient(), 1); err != nil {
		t.Fatal(err)
	}
	made, err := c.at(t, s, after.Recipient(), 2)
	if err != nil {
		t.Fatal(err)
	}
	a := Archive{Manifest: made.Manifest, Store: s, With: []age.Identity{after}}
	if err := a.CheckParts(t.Context(), func(p Part, err error) { t.Errorf("part %s: %v", p.Digest, err) }, func(int, int) {}); err != nil {
		t.Fatal(err)
	}
}
