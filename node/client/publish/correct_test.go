package publish_test

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/publish"
)

// A correction of many rows comes in chunks, holds as a whole, and everybody reads the
// corrected rows, whoever had read them before.
func TestACorrectionIsReadByWhoeverHadReadTheRowsBefore(t *testing.T) {
	w := clienttest.New(t)
	publisher, buyer := w.Client(catalog.RolePublisher), w.Client(catalog.RoleBuyer)
	table := clienttest.Firms(6000)
	for i := range table.Rows {
		table.Rows[i][1] = strings.Repeat("x", 60) + table.Rows[i][1]
	}
	_, err := publish.Registry(w.Ctx, publisher, table, nil)
	w.Must(err)
	rows := func() [][]string {
		r, err := buyer.Registry(w.Ctx, "firms")
		w.Must(err)
		rows, err := buyer.RegistryRows(w.Ctx, "firms", r.Rows)
		w.Must(err)
		return rows
	}
	if got := rows(); got[5][1] != table.Rows[5][1] {
		t.Fatalf("row 5 is %v", got[5])
	}
	corrected := publish.RegistryTable{ID: "firms", IDColumn: table.IDColumn, Columns: table.Columns[:1]}
	for _, row := range table.Rows {
		corrected.Rows = append(corrected.Rows, []string{row[0], strings.Repeat("y", 60)})
	}
	x, err := publish.CompareAttributes(w.Ctx, publisher, "file.csv", corrected)
	w.Must(err)
	var sent atomic.Int64
	w.Watch(func(_ int, r *http.Request, _ []byte) {
		if r.URL.Path == "/v1/envelopes" {
			sent.Add(1)
		}
	})
	w.Must(publish.Correct(w.Ctx, publisher, x, nil))
	w.Watch(nil)
	if sent.Load() < 2 || x.Rows != 6000 || len(x.Cells) != 6000 {
		t.Errorf("%d chunks of %d rows and %d cells", sent.Load(), x.Rows, len(x.Cells))
	}
	if got := rows(); got[5][1] != strings.Repeat("y", 60) || got[5][0] != table.Rows[5][0] {
		t.Errorf("row 5 is %v", got[5])
	}
	x, err = publish.CompareAttributes(w.Ctx, publisher, "file.csv", corrected)
	w.Must(err)
	if err := publish.Correct(w.Ctx, publisher, x, nil); !errors.Is(err, publish.ErrNothingCorrected) {
		t.Errorf("corrected again: %v", err)
	}
}

// What a correction's file has and the registry has not is told, each with what was meant.
func TestACorrectionOfWhatIsNotThereIsTold(t *testing.T) {
	w := clienttest.New(t)
	publisher := w.Client(catalog.RolePublisher)
	table := clienttest.Firms(6)
	_, err := publish.Registry(w.Ctx, publisher, table, nil)
	w.Must(err)
	_, err = publish.CompareAttributes(w.Ctx, publisher, "file.csv", publish.RegistryTable{
		ID: "firms", IDColumn: table.IDColumn, Columns: []string{"province"}, Rows: [][]string{{"F002", "x"}, {"zzz", "x"}},
	})
	var faults *panel.Errors
	if !errors.As(err, &faults) || faults.Total != 3 {
		t.Fatalf("error %v", err)
	}
	for _, want := range []string{"province", `did you mean "f002"?`, "weir registry append firms"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	_, err = publish.CompareAttributes(w.Ctx, publisher, "file.csv", publish.RegistryTable{ID: "firms", IDColumn: table.IDColumn, Rows: [][]string{{"f002"}}})
	if !errors.As(err, &faults) || !strings.Contains(err.Error(), "no column but the ids") {
		t.Errorf("a file of ids alone: %v", err)
	}
}
