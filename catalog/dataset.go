package catalog

import (
	"encoding/json"
	"fmt"
	"slices"
)

// createDataset lists a dataset.
func createDataset(c *call, b DatasetCreate) error {
	d := b.Descriptor
	if r := checkPairs(c.payload.Body); r != nil {
		return r
	}
	if r := d.Check(); r != nil {
		return r
	}
	reg, err := load[Registry](c, prefixRegistry+d.Registry, fmt.Sprintf("registry %.80q", d.Registry))
	if err != nil {
		return err
	}
	if reg.Rows == 0 {
		return conflict("empty", "registry %s has no committed rows", reg.ID)
	}
	if r := d.CheckColumns(reg.Columns); r != nil {
		return r
	}
	known, err := has(c.tx, prefixDataset+d.Dataset)
	if err != nil {
		return err
	}
	if known {
		return conflict("exists", "dataset %s exists", d.Dataset)
	}
	if err := c.joinFamily(d); err != nil {
		return err
	}
	if err := c.joinNoise(d); err != nil {
		return err
	}
	c.out.ID = d.Dataset
	if err := c.putChange(d.Dataset, 0); err != nil {
		return err
	}
	return put(c.tx, prefixDataset+d.Dataset, Dataset{ID: d.Dataset, Owner: c.signer.ID, Descriptor: d, Created: c.now})
}

// checkPairs refuses pairs of measures that are none. The descriptor's type has
// room for two names, and encoding/json drops the rest without a word.
func checkPairs(body []byte) *Refusal {
	var loose struct {
		Descriptor struct {
			Policy struct {
				Moments [][]string `json:"moments"`
				Related [][]string `json:"related"`
			} `json:"policy"`
		} `json:"descriptor"`
	}
	if err := json.Unmarshal(body, &loose); err != nil {
		return invalid("policy", "%v", err)
	}
	p := loose.Descriptor.Policy
	for _, pair := range append(slices.Clone(p.Moments), p.Related...) {
		if len(pair) != 2 {
			return invalid("policy", "moments and related list pairs of measures, not %d: %s", len(pair), quoteList(pair))
		}
	}
	return nil
}

// measureNames are the names of a descriptor's measures, in its order.
func (d Descriptor) measureNames() []string {
	all := make([]string, len(d.Measures))
	for i, m := range d.Measures {
		all[i] = m.Name
	}
	return all
}

func (d Descriptor) measure(name string) (Measure, bool) {
	i := slices.IndexFunc(d.Measures, func(m Measure) bool { return m.Name == name })
	if i < 0 {
		return Measure{}, false
	}
	return d.Measures[i], true
}
