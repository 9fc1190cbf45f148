package ask_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/exchange"
)

// The same query is answered from the buyer's own store, and charged once; asked fresh, or
// when what is kept is damaged or another's, the nodes answer.
func TestTheSameQueryComesFromTheOwnStore(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	contract := w.Contract("air", catalog.OrderApprove{Queries: 5})
	buyer := w.Client(catalog.RoleBuyer)
	o := ask.Options{Store: t.TempDir()}
	const sql = "SELECT county, SUM(pm10), COUNT(*) FROM air GROUP BY county"
	first, err := ask.Query(w.Ctx, buyer, sql, o)
	w.Must(err)
	if !first.Stored.IsZero() {
		t.Error("the first answer is from the store")
	}
	kept := func(sql string, o ask.Options) bool {
		t.Helper()
		r, err := ask.Query(w.Ctx, buyer, sql, o)
		w.Must(err)
		if diff := cmp.Diff(first.Table.Rows, r.Table.Rows); diff != "" {
			t.Errorf("rows (-first +again):\n%s", diff)
		}
		if from := !r.Stored.IsZero(); from != (r.Query.ID == first.Query.ID) || r.Table.Query != r.Query.ID {
			t.Errorf("from the store: %t, query %s, the first was %s", from, r.Query.ID, first.Query.ID)
		}
		return !r.Stored.IsZero()
	}
	if !kept(sql, o) || !kept("SELECT county, SUM(pm10), COUNT(*) FROM air /* the same */ GROUP BY county", o) {
		t.Error("the same query is asked again")
	}
	fresh := o
	fresh.Fresh = true
	partial := o
	partial.Partial = true
	for _, other := range []struct {
		sql string
		o   ask.Options
	}{{sql, fresh}, {sql, partial}, {sql + " ORDER BY county", o}, {sql, ask.Options{}}} {
		if kept(other.sql, other.o) {
			t.Errorf("%s with %+v is taken for the same query", other.sql, other.o)
		}
	}
	files, err := filepath.Glob(filepath.Join(o.Store, "answered", "*"))
	w.Must(err)
	for _, f := range files {
		w.Must(os.WriteFile(f, []byte("damaged"), 0o600))
	}
	if len(files) == 0 || kept(sql, o) {
		t.Errorf("of %d damaged files one is an answer", len(files))
	}
	k, err := exchange.Contract(w.Ctx, buyer, contract)
	w.Must(err)
	if used := fmt.Sprint(k.Used); used != "2" { // the one with --partial is another question; repeats are free
		t.Errorf("%s queries were charged", used)
	}
}
