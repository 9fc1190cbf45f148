package node

import (
	"errors"
	"fmt"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
)

// Registrations whose shares nobody ever uploads stay open, at most a few of an owner,
// and keep nobody else's waiting.
func TestRegistrationsWithoutSharesKeepNobodyWaiting(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	h := newHostile(ctx, t)
	rival := h.admit(ctx, newKey(t, "rival"), catalog.RoleBuyer)
	for i := range catalog.MaxOpenVectors + 1 {
		b := h.body(fmt.Sprintf("v%d", i))
		for point := range 3 {
			b.Shares = append(b.Shares, catalog.Sum(fmt.Appendf(nil, "nothing %d %d", i, point)))
		}
		_, err := rival.Submit(ctx, catalog.KindVectorRegister, b)
		r, refused := client.IsRefused(err)
		switch {
		case i < catalog.MaxOpenVectors && err != nil:
			t.Fatal(err)
		case i == catalog.MaxOpenVectors && (!refused || r.Rule != "max_vectors" || explain.Fix(r) == ""):
			t.Fatalf("one more: %v", err)
		}
	}
	v := h.register(ctx, t, h.vector("mine", 1, selected(func(f int) bool { return f < 20 })))
	if v.State != catalog.VectorReady {
		t.Errorf("the vector is %s", v.State)
	}
}

// Another publisher's column cannot be multiplied with: nobody checks its range.
func TestForeignColumnsAreNoWeights(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	h := newHostile(ctx, t)
	for _, text := range []string{
		`SELECT SUM(a.co2 * b.output) FROM firms a JOIN plants b USING (firm, period)`,
		`SELECT SUM(co2 * output) FROM firms, plants`,
		`SELECT SUM(co2 * output) FROM firms`,
		`SELECT SUM(co2 * PRIVATE(plants.output)) FROM firms`,
		`SELECT SUM(co2 * PRIVATE(output)) FROM firms`,
	} {
		_, err := ask.Query(ctx, h.buyer, text, ask.Options{Epsilon: "1"})
		var fault *sql.Error
		if !errors.As(err, &fault) {
			t.Errorf("%s: %v, want an error of the SQL", text, err)
			continue
		}
		if fault.Want == "" {
			t.Errorf("%s: %v, want what would pass", text, err)
		}
	}
}
