package client_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
)

// TestANewVersionKeepsAnsweringWhereTheClientCanTellWhatChanged: with the prints of
// the older version at hand, months without a change go on as before, and the month
// in which one reading was corrected is closed for its class. Without the prints
// all older months are.
func TestANewVersionKeepsAnsweringWhereTheClientCanTellWhatChanged(t *testing.T) {
	for _, kept := range []bool{true, false} {
		t.Run(fmt.Sprintf("prints kept %t", kept), func(t *testing.T) {
			w := newWorld(t)
			o := w.options()
			if kept {
				o.Spool = t.TempDir()
			}
			publisher, err := client.New(w.profile, w.keys[catalog.RolePublisher], o)
			w.must(err)
			t.Cleanup(publisher.Close)
			_, err = publisher.PublishRegistry(w.ctx, firms(8), nil) // east 4, west 4
			w.must(err)
			_, err = publisher.PublishDataset(w.ctx, w.prepare(publisher, protectedDescriptor, worksCSV(8, 3)), nil)
			w.must(err)
			w.contract("works", catalog.OrderApprove{})
			buyer := w.client(catalog.RoleBuyer)
			const byMonth = "SELECT county, date_trunc('month', period) AS month, SUM(nox) AS nox FROM works GROUP BY county, month"
			before, err := buyer.Query(w.ctx, byMonth, client.QueryOptions{})
			w.must(err)
			if len(before.Table.Rows) != 6 {
				t.Fatalf("rows %v", before.Table.Rows)
			}
			corrected := strings.Replace(worksCSV(8, 4), "f001,2024-02,101.01", "f001,2024-02,500.00", 1)
			_, err = publisher.PublishDataset(w.ctx, w.prepare(publisher, protectedDescriptor, corrected), nil)
			w.must(err)
			after, err := buyer.Query(w.ctx, byMonth, client.QueryOptions{})
			w.must(err)
			var have []string
			for _, row := range after.Table.Rows {
				have = append(have, fmt.Sprint(row[0], " ", row[1]))
			}
			want := "east 2024-04, west 2024-04"
			if kept {
				want = "east 2024-01, east 2024-03, east 2024-04, west 2024-01, west 2024-02, west 2024-03, west 2024-04"
			}
			if got := strings.Join(have, ", "); got != want {
				t.Fatalf("rows %s, want %s", got, want)
			}
		})
	}
}
