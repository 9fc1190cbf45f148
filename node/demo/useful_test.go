package demo_test

import (
	"testing"

	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/demo"
	"github.com/weirdata/weir/seeds"
)

// TestClassesKeepNearlyAllEnterprises asks for the seeds' enterprises by county,
// then by industry, then by both: releasing whole classes costs at most 2 % of the
// entities.
func TestClassesKeepNearlyAllEnterprises(t *testing.T) {
	if testing.Short() {
		t.Skip("publishes 25,137 enterprises")
	}
	g, err := seeds.New(seeds.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := g.Demo()
	if err != nil {
		t.Fatal(err)
	}
	part := seeds.Demo{}
	for _, r := range d.Registries {
		if r.ID == "enterprises" {
			part.Registries = append(part.Registries, r)
		}
	}
	for _, ds := range d.Datasets {
		if ds.ID == "enterprise_monthly" {
			part.Datasets = append(part.Datasets, ds)
		}
	}
	c := cast(t)
	if _, err := demo.Run(t.Context(), c, part, demo.Events{}); err != nil {
		t.Fatal(err)
	}
	for _, by := range []string{"county", "industry", "county, industry"} {
		res, err := c.Buyer.Query(t.Context(), "SELECT "+by+", SUM(nox_kg) AS nox, SUM(so2_kg) AS so2 FROM enterprise_monthly WHERE period = '2024' GROUP BY "+by, client.QueryOptions{})
		if err != nil {
			t.Fatalf("by %s: %v", by, err)
		}
		included, of := 0, 0
		if res.Table.Of == nil {
			included, of = 25_137, 25_137
		}
		for i := range res.Table.Of {
			included += res.Table.Included[i]
			of += res.Table.Of[i]
		}
		lost := 25_137 - of // of groups that are withheld as a whole
		t.Logf("by %s: %d rows, %d withheld, %d of %d entities, %d in groups withheld", by, len(res.Table.Rows), res.Table.Withheld, included, of, lost)
		if 100*included < 98*25_137 {
			t.Errorf("by %s only %d of 25,137 entities are included", by, included)
		}
	}
}
