package judge

import (
	"errors"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/recovery"
)

// PlaceClaim is what a query takes: the periods of its measures.
type PlaceClaim struct {
	Measures   []string
	Periods    []int64 // of the policy's grain
	Commitment catalog.Digest
}

// ClaimedPlaces is what an exact query with a private partition takes; nothing where a publisher
// asks of its own data.
func ClaimedPlaces(d catalog.Dataset, owner string, v catalog.Verdict) PlaceClaim {
	var out PlaceClaim
	if d.Owner == owner {
		return out
	}
	for _, u := range v.Vectors {
		if u.ID == v.In {
			out.Commitment = u.Commitment
		}
	}
	for _, c := range v.Columns {
		if c.Measure != "" && !slices.Contains(out.Measures, c.Measure) {
			out.Measures = append(out.Measures, c.Measure)
		}
	}
	e := evaluation{descriptor: d.Descriptor, verdict: v}
	out.Periods = slices.Concat(e.policyPeriods()...)
	return out
}

// checkPlaces refuses an exact query with a private partition that has no place, or
// whose owner had another list there.
func (j *Judgement) checkPlaces(v *evaluation) error {
	if j.Dataset.Owner == j.asker.ID {
		return nil
	}
	if !j.contract.Portfolio {
		return catalog.Refuse(catalog.RefusedPolicy, "portfolio_contract", "portfolio.contract", j.contract.ID).
			WithField("in").WithFixes(catalog.NoiseFix(j.Dataset.Descriptor, v.noised, "fix.no_private")...)
	}
	lost, err := listsLost(j.r, j.Dataset)
	if err != nil {
		return err
	}
	t := ClaimedPlaces(j.Dataset, j.asker.ID, j.Verdict)
	b, err := records.Find[records.PlaceBinding](j.r, records.PlaceBindingKey(j.Dataset, j.asker.ID))
	if err != nil && !errors.Is(err, records.ErrNotFound) {
		return err
	}
	if v.descriptor.Policy.Change() == catalog.PortfolioNever && err == nil && b.Commitment != t.Commitment {
		return catalog.Refuse(catalog.RefusedPolicy, "portfolio_bound", "portfolio.bound", j.Dataset.ID)
	}
	if v.descriptor.Policy.Change() == catalog.PortfolioNever && err != nil && lost > 0 {
		return catalog.Refuse(catalog.RefusedPolicy, "portfolio_lost", "portfolio.lost_list", j.Dataset.ID)
	}
	for _, m := range t.Measures {
		for _, period := range t.Periods {
			list, err := records.PlacesAt(j.r, j.Dataset.ID, m, period)
			if err != nil {
				return err
			}
			if r := refusePlace(list, j.Dataset, j.asker.ID, m, period, t.Commitment); r != nil {
				return r
			}
			began, err := beginOf(j.Dataset.Descriptor, period)
			if err != nil {
				return err
			}
			mine := slices.ContainsFunc(list, func(x records.Place) bool { return x.Owner == j.asker.ID })
			if !mine && began < lost {
				return catalog.Refuse(catalog.RefusedPolicy, "portfolio_lost", "portfolio.lost", m, v.descriptor.Policy.Grain.Format(period))
			}
		}
	}
	return nil
}

// refusePlace refuses an owner that had another list in a period, or that comes too late
// for it.
func refusePlace(list []records.Place, d catalog.Dataset, owner, measure string, period int64, commitment catalog.Digest) *catalog.Refusal {
	at := slices.IndexFunc(list, func(x records.Place) bool { return x.Owner == owner })
	name := d.Descriptor.Policy.Grain.Format(period)
	switch {
	case at < 0 && len(list) >= d.Descriptor.Policy.Owners():
		return catalog.Refuse(catalog.RefusedPolicy, "portfolio_taken", "portfolio.taken", measure, name, len(list)).
			WithNumber("places", int64(d.Descriptor.Policy.Owners()))
	case at >= 0 && list[at].Commitment != commitment:
		return catalog.Refuse(catalog.RefusedPolicy, "portfolio_other", "portfolio.other", measure, name)
	}
	return nil
}

// listsLost is until when, by the state's clock, lists may have been answered of a dataset that the ledger does not have:
// a restore lost what was answered, and the owner has not said that no list was. 0: all are known. A list of its own that
// an owner has a place for is the one that it had, and no other.
func listsLost(r records.Reader, d catalog.Dataset) (int64, error) {
	restored, known, err := records.Lookup[recovery.Restored](r, records.KeyRestore)
	if err != nil || !known || restored.LostAt == 0 {
		return 0, err
	}
	said, _, err := records.Lookup[records.ListsKnown](r, records.ListsKnownKey(d.Owner, d.Descriptor.Registry))
	if err != nil || said.Until >= restored.LostAt {
		return 0, err
	}
	return restored.LostAt, nil
}

// beginOf is when a period of the policy's grain begins, in milliseconds of Unix time.
func beginOf(d catalog.Descriptor, period int64) (int64, error) {
	offset, err := calendar.OffsetMillis(d.UTCOffset)
	return d.Policy.Grain.Span(period, calendar.Finest).From*calendar.FinestMillis - offset, err
}
