package auditor

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/desk/route"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A receipt is verified with no node running; one that is changed, empty or of another cluster proves nothing, and it
// is said what to do.
func TestReceiptsAreVerifiedOffline(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	receipt, _, err := audit.VersionReceipt(w.Ctx, w.Client(catalog.RoleBuyer), "air", 1)
	w.Must(err)
	for _, s := range w.Servers {
		s.Close()
	}
	a := New(func() client.Profile { return w.Profile })
	v, err := a.verify(t.Context(), struct{ Body Receipt }{Receipt{receipt}})
	w.Must(err)
	if v.Proven.Version == nil || v.Proven.Version.Dataset != "air" || !strings.Contains(strings.Join(v.Words, "\n"), "version 1 of dataset air") {
		t.Errorf("it proves %+v", v)
	}
	flipped := append([]byte{}, receipt...)
	flipped[len(flipped)/2] ^= 1
	for what, bad := range map[string][]byte{"empty": nil, "flipped": flipped, "cut": receipt[:len(receipt)/2], "a text": []byte("hello")} {
		_, err := a.verify(t.Context(), struct{ Body Receipt }{Receipt{bad}})
		if p := route.ProblemOf(err); err == nil || p.Fix == "" || p.Status != 422 {
			t.Errorf("%s: %v, %+v", what, err, p)
		}
	}
	elsewhere := w.Profile
	elsewhere.Cluster[0] ^= 1
	_, err = New(func() client.Profile { return elsewhere }).verify(t.Context(), struct{ Body Receipt }{Receipt{receipt}})
	if !errors.Is(err, audit.ErrReceipt) {
		t.Errorf("of another cluster: %v", err)
	}
	if _, ok := errors.AsType[*wire.Problem](err); ok {
		t.Error("what does not hold is told as a node's answer")
	}
}
