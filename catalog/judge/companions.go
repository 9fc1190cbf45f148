package judge

import (
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// checkCompanions refuses a statistic of columns that the version's tiles do not
// have.
func checkCompanions(q catalog.Request, d catalog.Descriptor, v catalog.Version) *catalog.Refusal {
	if v.HasCompanions(d) {
		return nil
	}
	for i, a := range q.Select {
		if a.Func == catalog.FuncHistogram {
			r := catalog.Refuse(catalog.RefusedConflict, "companions", "version.without_buckets", v.Version, d.Dataset, a.Measure)
			r.Field = fmt.Sprintf("select[%d]", i)
			return r
		}
	}
	return nil
}

// checkHeld refuses a request for what a version was published without: measures that
// came into the descriptor later, and companions that it does not have.
func (j *Judgement) checkHeld(q catalog.Request) error {
	held, err := records.DescriptorAt(j.r, j.Dataset, j.Version.Amended)
	if err != nil {
		return err
	}
	if no := checkMeasured(q, held, j.Version, ownMeasures); no != nil {
		return no
	}
	if no := checkCompanions(q, held, j.Version); no != nil {
		return no
	}
	if j.Join == nil {
		return nil
	}
	if held, err = records.DescriptorAt(j.r, j.Join.dataset, j.Join.version.Amended); err != nil {
		return err
	}
	if no := checkMeasured(q, held, j.Join.version, joinedMeasures); no != nil {
		return no
	}
	return nil
}

// ownMeasures are those of an aggregate that are the first dataset's.
func ownMeasures(a catalog.Aggregate) []string {
	if a.Func == catalog.FuncProduct {
		return []string{a.Measure}
	}
	return []string{a.Measure, a.Other}
}

// joinedMeasures are those of the second one's.
func joinedMeasures(a catalog.Aggregate) []string {
	if a.Func == catalog.FuncProduct {
		return []string{catalog.OwnMeasure(a.Other)}
	}
	return nil
}

func checkMeasured(q catalog.Request, held catalog.Descriptor, v catalog.Version, measures func(catalog.Aggregate) []string) *catalog.Refusal {
	for i, a := range q.Select {
		for _, name := range measures(a) {
			if _, known := held.Measure(name); known || name == "" {
				continue
			}
			r := catalog.Refuse(catalog.RefusedConflict, "no_release", "amend.measure_later", v.Version, v.Dataset, name)
			r.Field = fmt.Sprintf("select[%d]", i)
			return r
		}
	}
	return nil
}
