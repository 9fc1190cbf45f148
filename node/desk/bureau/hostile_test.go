package bureau

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/desk/route"
)

// Files are named by whoever drops them; where they lie is the desk's, and how much they take is bounded.
func TestDroppedFilesAreBounded(t *testing.T) {
	w, b := publisher(t)
	d, err := b.beginDraft(w.Ctx, begun{})
	w.Must(err)
	id := d.ID
	for _, name := range []string{"", ".", "/", "..", "a\x00b", "a\nb", "a\u202eb", strings.Repeat("长", 100), strings.Repeat("a", 300), "\xff.csv"} {
		if _, err := b.drafts.receive(w.Ctx, id, Part{Name: name, Size: 1, Bytes: []byte("x")}); err == nil || route.ProblemOf(err).Field != "name" {
			t.Errorf("the name %q: %v", name, err)
		}
	}
	for _, p := range []Part{
		{Name: "a", Size: 0}, {Name: "a", Size: -1, Bytes: []byte("x")}, {Name: "a", Size: 1}, {Name: "a", Size: 1, Bytes: []byte("xy")}, {Name: "a", Size: 9, At: -1, Bytes: []byte("x")},
		{Name: "a", Size: math.MaxInt64, At: math.MaxInt64, Bytes: []byte("x")}, {Name: "a", Size: maxStored + 1, Bytes: []byte("x")}, {Name: "a", Size: 9, At: 5, Bytes: []byte("x")},
	} {
		if _, err := b.drafts.receive(w.Ctx, id, p); err == nil || route.ProblemOf(err).Kind != route.KindInput {
			t.Errorf("%+v: %v", p, err)
		}
	}
	d = dropFile(w, b, id, "../../etc/passwd", []byte("firm,month,nox\nf1,2024-01,1\n"))
	if len(d.Files) != 1 || d.Files[0].Name != "passwd" {
		t.Errorf("dropped are %+v", d.Files)
	}
	// The size of one that comes beside it is beyond all numbers, not below the bound.
	for _, size := range []int64{math.MaxInt64, maxStored - 3} {
		if _, err := b.drafts.receive(w.Ctx, id, Part{Name: "b", Size: size, Bytes: []byte("x")}); err == nil || route.ProblemOf(err).Field != "size" {
			t.Errorf("a file of %d bytes beside another: %v", size, err)
		}
	}
	if b.drafts.stored != d.Files[0].Size {
		t.Errorf("%d bytes are counted", b.drafts.stored)
	}
	dir := b.drafts.dir
	if all, err := os.ReadDir(dir); err != nil || len(all) != 1 || filepath.Base(all[0].Name()) == "passwd" {
		t.Errorf("kept are %v, %v", all, err)
	}
	// A request that is late leaves no file behind a desk that has ended.
	w.Must(b.drafts.close())
	b.drafts.list = []*draft{{Draft: Draft{ID: id}}}
	if _, err := b.drafts.receive(w.Ctx, id, Part{Name: "c", Size: 1, Bytes: []byte("x")}); err == nil || b.drafts.dir != "" {
		t.Errorf("a desk that has ended keeps a file in %q, %v", b.drafts.dir, err)
		w.Must(os.RemoveAll(b.drafts.dir))
	}
}

func TestNoCharacterIsCut(t *testing.T) {
	long := "a" + strings.Repeat("浓", 200)
	broken := strings.Repeat("\x80", 400) // no character at all
	got := shortRow([]string{long, broken, "short", strings.Repeat("é", 150)})
	if !utf8.ValidString(got[0]) || !strings.HasPrefix(long, strings.TrimSuffix(got[0], "…")) || len(got[0]) < maxShown-3 || len(got[0]) > maxShown+3 {
		t.Errorf("%d bytes, %q", len(got[0]), got[0])
	}
	if len(got[1]) < maxShown-utf8.UTFMax || got[2] != "short" || got[3] != strings.Repeat("é", 150) {
		t.Errorf("%q", got[1:])
	}
}

// Two tabs check a month each, and the one publishes: the other is told, and publishes after it was checked again.
func TestWhatWasPublishedInAnotherTabIsSeen(t *testing.T) {
	w, b := publisher(t)
	_, err := publish.Registry(w.Ctx, b.client, clienttest.Firms(12), nil)
	w.Must(err)
	_, err = publish.Publish(w.Ctx, b.client, w.Prepare(b.client, clienttest.ProtectedDescriptor, clienttest.WorksCSV(12, 3)), nil)
	w.Must(err)
	all := clienttest.WorksCSV(12, 5)
	month := func(name string) []byte {
		lines := strings.SplitAfter(all, "\n")
		keep := slices.DeleteFunc(lines[1:], func(line string) bool { return !strings.Contains(line, name) })
		return []byte(lines[0] + strings.Join(keep, ""))
	}
	var tabs []string
	for _, name := range []string{"2024-04", "2024-05"} {
		d, err := b.beginDraft(w.Ctx, begun{})
		w.Must(err)
		content := month(name)
		if name == "2024-05" {
			content = append(month("2024-04"), month("2024-05")[len("firm,month,NOX\n"):]...)
		}
		dropFile(w, b, d.ID, name+".csv", content)
		_, err = b.asBefore(w.Ctx, d.ID, "works", true)
		w.Must(err)
		if d = worked(w, b, d.ID, WorkCheck); d.Work.State != WorkDone || d.Checked.Version != 2 {
			t.Fatalf("checked it is %+v, %+v", d.Work.Problem, d.Checked)
		}
		tabs = append(tabs, d.ID)
	}
	if d := worked(w, b, tabs[0], WorkPublish); d.Work.State != WorkDone || d.Published.Version != 2 {
		t.Fatalf("published it is %+v", d.Work.Problem)
	}
	if d := worked(w, b, tabs[1], WorkPublish); d.Work.State != WorkFailed || d.Work.Problem.Field != "check" || d.Published != nil {
		t.Errorf("what was checked beside another version is published: %+v, %+v", d.Work.Problem, d.Published)
	}
	if d := worked(w, b, tabs[1], WorkCheck); d.Work.State != WorkDone || d.Checked.Version != 3 {
		t.Fatalf("checked again it is %+v, %+v", d.Work.Problem, d.Checked)
	}
	if d := worked(w, b, tabs[1], WorkPublish); d.Work.State != WorkDone || d.Published.Version != 3 {
		t.Errorf("published it is %+v", d.Work.Problem)
	}
}
