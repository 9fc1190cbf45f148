package family_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/family"
	"github.com/weirdata/weir/node/client/news"
)

// The family of a protected dataset is read as the ledger has it; what a node changes in
// the tree or in a settled version is noticed, and a public dataset has none.
func TestTheReleaseFamilyIsHeldAgainstItsDigests(t *testing.T) {
	w := clienttest.New(t)
	publisher := w.Spooled(t.TempDir())
	w.PublishFirms(publisher)
	_, err := w.Append(publisher, clienttest.FirmsCSV(clienttest.ManyFirms, 30, 31))
	w.Must(err)
	f, err := family.Read(w.Ctx, publisher, "works")
	w.Must(err)
	if want := []news.Edition{{Dataset: "works", Version: 1}, {Dataset: "works", Version: 2}}; len(f.Settled) != 2 || f.Settled[0] != want[0] || f.Settled[1] != want[1] {
		t.Errorf("settled %v", f.Settled)
	}
	if f.Rule.Tree().Classes() != 3 || len(f.Rule.Versions("works")) != 2 || len(f.Datasets) != 1 {
		t.Errorf("%d classes, %d versions, %d datasets", f.Rule.Tree().Classes(), len(f.Rule.Versions("works")), len(f.Datasets))
	}
	for _, end := range []string{"/family/tree", "/versions/2/settled"} {
		w.Lies(func(path string, body []byte) []byte {
			if strings.HasSuffix(path, end) {
				body = bytes.Clone(body)
				body[len(body)-1] ^= 1
			}
			return body
		})
		if _, err := family.Read(w.Ctx, publisher, "works"); err == nil || !strings.Contains(err.Error(), "it has digest") {
			t.Errorf("%s changed: %v", end, err)
		}
		w.Lies(nil)
	}
	w.PublishAir()
	if _, err := family.Read(w.Ctx, w.Client(catalog.RoleBuyer), "air"); err == nil {
		t.Error("a public dataset has a family")
	}
}
