package state

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// datasetActs are the acts on datasets.
var datasetActs = []act{
	{kind: catalog.KindDatasetCreate, by: publishers, public: true, handle: handler(createDataset)},
	{kind: catalog.KindDatasetAmend, by: publishers, public: true, handle: handler(amendDataset)},
	{kind: catalog.KindDatasetWithdraw, by: publishers, public: true, handle: handler(withdrawDataset)},
}

// createDataset lists a dataset.
func createDataset(c *applyContext, b catalog.DatasetCreate) error {
	d := b.Descriptor
	if r := cmp.Or(checkPairs(c.payload.Body), d.Check()); r != nil {
		return r
	}
	reg, err := load[catalog.Registry](c.tx, records.PrefixRegistry+d.Registry, "unknown.registry", d.Registry)
	if err != nil {
		return err
	}
	if reg.Rows == 0 {
		return catalog.Conflict("empty", "registry.empty", reg.ID)
	}
	if r := d.CheckColumns(reg.Columns); r != nil {
		return r
	}
	if err := vacant(c.tx, records.PrefixDataset+d.Dataset, "exists", "dataset.exists", d.Dataset); err != nil {
		return err
	}
	if err := joinFamily(c, d, reg); err != nil {
		return err
	}
	if err := joinNoise(c, d); err != nil {
		return err
	}
	c.out.ID = d.Dataset
	made := catalog.Dataset{ID: d.Dataset, Owner: c.signer.ID, Descriptor: d, Created: c.now}
	return c.putChanged(made, 0, records.ChangeListed)
}

// checkPairs refuses moments that are no pairs. The descriptor's type has room for
// two names, and encoding/json drops the rest without a word.
func checkPairs(body []byte) *catalog.Refusal {
	var loose struct {
		Descriptor struct {
			Policy struct {
				Moments [][]string `json:"moments"`
			} `json:"policy"`
		} `json:"descriptor"`
	}
	if err := json.Unmarshal(body, &loose); err != nil {
		return catalog.Invalid("policy", "policy.unreadable")
	}
	for i, pair := range loose.Descriptor.Policy.Moments {
		if len(pair) != 2 {
			return catalog.Invalid(fmt.Sprintf("policy.moments[%d]", i), "policy.moment_pair", len(pair), pair)
		}
	}
	return nil
}
