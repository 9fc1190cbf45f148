package judge

import (
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// checkHeld refuses a request for what a version was published without: measures that
// came into the descriptor later, and companions that it does not have.
func (j *Judgement) checkHeld(q catalog.Request) error {
	if err := checkHeld(j.r, j.Dataset, j.Version, q.OfDataset(j.Dataset.ID)); err != nil || j.Join == nil {
		return err
	}
	return checkHeld(j.r, j.Join.dataset, j.Join.version, q.OfSecond())
}

// checkHeld is of one dataset: q is the request as it concerns that.
func checkHeld(r records.Reader, d catalog.Dataset, v catalog.Version, q catalog.Request) error {
	held, err := records.DescriptorAt(r, d, v.Amended)
	if err != nil {
		return err
	}
	for i, a := range q.Select {
		for _, name := range [2]string{a.Measure, a.Other} {
			if _, known := held.Measure(name); !known && name != "" {
				return catalog.Refuse(catalog.RefusedConflict, "no_release", "amend.measure_later", v.Version, v.Dataset, name).
					WithField(fmt.Sprintf("select[%d]", i))
			}
		}
	}
	for i, a := range q.Select {
		if a.Func == catalog.FuncHistogram && !v.HasCompanions(held) {
			return catalog.Refuse(catalog.RefusedConflict, "companions", "version.without_buckets", v.Version, held.Dataset, a.Measure).
				WithField(fmt.Sprintf("select[%d]", i))
		}
	}
	return nil
}
