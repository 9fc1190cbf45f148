package judge

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/caps"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/records"
)

// Judgement is the decision on a query and what it was made on.
type Judgement struct {
	cache *records.Cache
	r     records.Reader
	now   int64             // the state's clock
	asker catalog.Principal // whose query it is

	Dataset  catalog.Dataset
	Version  catalog.Version // as of which is answered
	contract catalog.Contract
	Charged  catalog.Contract // the contract as it is after the query
	Price    string           // that it is charged
	Asks     catalog.Digest   // what it asks, as repeats are found by
	Repeats  string           // the released query whose verdict this is
	free     bool             // it repeats one of the last day, and costs nothing
	Verdict  catalog.Verdict
	test     *disclosure.Test // of an exact query with a private partition; nil: there is none
	Encoded  []byte           // the verdict as it is stored
	sources  []catalog.Digest // of the versions that the verdict is made of
	versions *records.VersionsRead
	check    Check

	Join    *joinedSide         // the second dataset; nil without one
	vectors []catalog.VectorUse // that the request names
	limits  map[string][]int32  // by weights of which each entity may have so many bits: how many
}

// Decide decides on a query at a time of the state's clock: it returns the verdict, a
// *Refusal, or a fault of the store. It changes nothing. In a preview a selector may be
// one that is not registered yet.
func Decide(c *records.Cache, r records.Reader, now int64, p catalog.Principal, q catalog.QuerySubmit, preview bool) (Judgement, error) {
	j := Judgement{cache: c, r: r, now: now, asker: p, versions: records.NewVersionsRead(c, r)}
	reg, err := j.find(q)
	if err != nil {
		return j, err
	}
	noised, err := noisedWith(r, j.Dataset, j.contract)
	if err != nil {
		return j, err
	}
	if err := j.permit(q.Request, reg, noised, preview); err != nil {
		return j, err
	}
	v, err := j.evaluation(q.Request, reg, noised, preview)
	if err != nil {
		return j, err
	}
	v.advise = preview
	if j.Verdict, err = v.run(); err != nil {
		return j, err
	}
	if v.list != nil {
		j.test = v.list.test
		if err := j.checkPlaces(v); err != nil {
			return j, err
		}
		if r := v.checkListedSources(); r != nil {
			return j, r
		}
	}
	roster, err := RosterOf(c, r, j.Verdict)
	if err != nil {
		return j, err
	}
	if err := j.checkMembers(q.Request, roster); err != nil {
		return j, err
	}
	if err := j.findSources(); err != nil {
		return j, err
	}
	return j, j.pay(q.Request)
}

// pay finds the query that is repeated, and refuses what the contracts or a key cannot
// bear.
func (j *Judgement) pay(q catalog.Request) (err error) {
	j.Encoded = catalog.Encode(j.Verdict)
	j.Asks = j.asked(q)
	if q.Noise == nil { // noise is drawn and paid for anew
		var first catalog.Query
		if j.Repeats, first, err = repeatOf(j.cache, j.r, j.asker.ID, j.Asks); err != nil {
			return err
		}
		j.free = j.Repeats != "" && j.now-first.Done < FreeRepeat && !q.Verify // of checked answers nothing is kept: each is opened anew
	}
	if j.Repeats != "" {
		if j.Encoded, err = j.r.Get([]byte(records.PrefixVerdict + j.Repeats)); err != nil {
			return err
		}
		j.Verdict = catalog.Verdict{} // what the stored one leaves out is not to stay
		if err := json.Unmarshal(j.Encoded, &j.Verdict); err != nil {
			return fmt.Errorf("decode the verdict on query %s: %w", j.Repeats, err)
		}
	}
	if broke := j.charge(j.free); broke != nil {
		return broke
	}
	return j.worn(q)
}

// find looks up what a query names: datasets, contracts, and their registry, which it
// returns.
func (j *Judgement) find(q catalog.QuerySubmit) (reg catalog.Registry, err error) {
	if len(q.Receiving) != catalog.ReceivingKeySize {
		return reg, catalog.Invalid("receiving", "receiving.size", len(q.Receiving), catalog.ReceivingKeySize)
	}
	if role := j.asker.Role; role != catalog.RoleBuyer && role != catalog.RolePublisher {
		return reg, catalog.Forbidden("role", "role.other", catalog.KindQuerySubmit, role)
	}
	if err := waiting(j.r); err != nil {
		return reg, err
	}
	if j.Dataset, err = namedDataset(j.r, q.Request.Dataset, ""); err != nil {
		return reg, err
	}
	if j.contract, err = contractFor(j.r, j.now, j.asker, j.Dataset, q.Contract); err != nil {
		return reg, err
	}
	if err := j.joinSide(q.Request); err != nil {
		return reg, err
	}
	return records.Find[catalog.Registry](j.r, records.PrefixRegistry+j.Dataset.Descriptor.Registry)
}

// namedDataset finds a dataset that a request names in a field, and refuses one that is
// not there or withdrawn.
func namedDataset(r records.Reader, id, field string) (catalog.Dataset, error) {
	d, err := records.Find[catalog.Dataset](r, records.PrefixDataset+id)
	if errors.Is(err, records.ErrNotFound) {
		return d, catalog.Refuse(catalog.RefusedUnknown, "unknown", "unknown.dataset", id).WithField(field)
	}
	if err != nil {
		return d, err
	}
	if no := cmp.Or(WithdrawnDataset(d), closedDataset(d)); no != nil {
		return d, no.WithField(field)
	}
	return d, nil
}

// permit refuses what the descriptors, the contracts, the budget or the key do not
// allow, whatever its groups are. noised is the largest epsilon that could be asked
// with. It finds the versions and the vectors.
func (j *Judgement) permit(q catalog.Request, reg catalog.Registry, noised string, preview bool) (err error) {
	if refusal := cmp.Or(q.Check(j.descriptor(), reg.Columns), checkVerified(q)); refusal != nil {
		return refusal
	}
	if refusal := j.covered(q, noised); refusal != nil {
		return refusal
	}
	if refusal := checkExactWeights(q, j.Dataset.Descriptor, noised); refusal != nil {
		return refusal
	}
	if !q.Sources.IsZero() && !q.Listing(j.Dataset.Descriptor) {
		return catalog.Invalid("sources", "portfolio.no_sources")
	}
	if err := j.useVectors(q, reg, preview); err != nil {
		return err
	}
	if err := j.releases(q); err != nil {
		return err
	}
	if err := j.checkHeld(q); err != nil {
		return err
	}
	return checkNoise(j.r, j.Dataset, j.contract, q)
}

// evaluation gathers what the verdict on a permitted query is made of.
func (j *Judgement) evaluation(q catalog.Request, reg catalog.Registry, noised string, preview bool) (*evaluation, error) {
	t, err := j.cache.Table(j.r, reg)
	if err != nil {
		return nil, err
	}
	v := &evaluation{
		descriptor: j.descriptor(), amended: j.Dataset.Amended, join: j.Join, version: j.Version, request: q, table: t.Prefix(j.Version.Entities),
		least: j.contract.MinCohort, vectors: j.vectors, caps: j.caps, limits: j.limits, extent: []calendar.Interval{extentOf(j.Version)},
		counts: func(measure string) (records.Bitmaps, error) {
			all := j.Version.PolicyPeriods(j.Dataset.Descriptor)
			held, err := j.cache.VersionCounts(j.r, j.Version, measure, int(all.To-all.From))
			return held.Counting, err
		},
		allowed: func(other catalog.Request) bool {
			return other.Check(j.descriptor(), reg.Columns) == nil && j.covered(other, noised) == nil
		},
	}
	if j.Join == nil {
		v.noised = noised
	} else {
		v.least = max(v.least, j.Join.contract.MinCohort)
		v.extent = intersect(v.extent, []calendar.Interval{extentOf(j.Join.version)})
	}
	d := j.Dataset.Descriptor
	if d.Policy.Public || !AnyEncrypted(q.Columns(j.descriptor())) || q.Noise != nil {
		return v, nil
	}
	if q.In != "" {
		if v.list, err = listingOf(j.r, reg, !preview); err != nil {
			return nil, err
		}
	}
	_, rule, err := j.cache.FamilyOf(j.r, j.Dataset.Owner, d.Registry)
	if err != nil {
		return nil, err
	}
	v.rule = &protection{rule, j.cache.CellsOf(j.r, j.Dataset)}
	v.rule.cells.Versions = j.versions
	v.extent = v.rule.closed(d, j.Version.Version)
	if j.Join != nil {
		_, second, err := j.cache.FamilyOf(j.r, j.Join.dataset.Owner, j.Join.dataset.Descriptor.Registry)
		if err != nil {
			return nil, err
		}
		j.Join.rule = &protection{second, j.cache.CellsOf(j.r, j.Join.dataset)}
		v.extent = intersect(v.extent, j.Join.rule.closed(j.Join.dataset.Descriptor, j.Join.version.Version))
	}
	return v, v.rule.cells.Fault()
}

// caps are those in force of the version, of the measures that its dataset's policy names still.
func (j *Judgement) caps() ([]caps.Column, error) {
	then, err := records.DatasetAt(j.r, j.Dataset.ID, j.Version.Amended)
	if err != nil {
		return nil, err
	}
	columns, err := j.cache.Caps(j.r, then.Descriptor, j.Version.VersionPropose)
	if err != nil {
		return nil, err
	}
	now := j.Dataset.Descriptor.Policy.Caps
	return slices.DeleteFunc(columns, func(c caps.Column) bool { return now[c.Measure.Name] == "" }), nil
}

// contractFor returns the contract a query names, or the implicit one of a
// publisher on its own dataset.
func contractFor(r records.Reader, now int64, p catalog.Principal, d catalog.Dataset, id string) (catalog.Contract, error) {
	own := d.Owner == p.ID && (id == "" || id == catalog.OwnContractID(d.ID))
	if own {
		id = catalog.OwnContractID(d.ID)
	}
	if id == "" {
		return catalog.Contract{}, catalog.Refuse(catalog.RefusedPolicy, "contract", "contract.needed", d.ID)
	}
	k, err := records.Find[catalog.Contract](r, records.PrefixContract+id)
	switch {
	case errors.Is(err, records.ErrNotFound) && own:
		return catalog.Contract{
			ID: id, Buyer: p.ID, Publisher: p.ID, Dataset: d.ID, Purpose: "own data",
			Measures: d.Descriptor.MeasureNames(), Aggregates: d.Descriptor.Policy.Aggregates, From: now, Until: catalog.MaxTime, State: catalog.ContractActive,
		}, nil
	case errors.Is(err, records.ErrNotFound):
		return k, catalog.Refuse(catalog.RefusedUnknown, "unknown", "unknown.contract", id)
	case err != nil:
		return k, err
	case k.Buyer != p.ID:
		return k, catalog.Forbidden("owner", "contract.owner", k.ID)
	}
	if own { // whatever is offered now, however often the descriptor was amended
		k.Measures, k.Aggregates = d.Descriptor.MeasureNames(), d.Descriptor.Policy.Aggregates
	}
	return k, nil
}

// covers refuses what the contract does not grant. noised is the largest epsilon that
// could be asked with.
func covers(k catalog.Contract, d catalog.Dataset, now int64, q catalog.Request, noised string) *catalog.Refusal {
	if k.Dataset != d.ID {
		return catalog.Refuse(catalog.RefusedPolicy, "contract_dataset", "contract.dataset", k.ID, k.Dataset, d.ID)
	}
	if r := cmp.Or(usable(k, now), q.UngrantableAt(d.Descriptor, noised)); r != nil {
		return r
	}
	for i, a := range q.Select {
		field := fmt.Sprintf("select[%d]", i)
		if !catalog.Grants(k.Aggregates, a.Func) {
			return catalog.Refuse(catalog.RefusedPolicy, "aggregate", "contract.aggregate", k.ID, a.Func, k.Aggregates, d.ID).
				WithField(field)
		}
		for _, m := range [2]string{a.Measure, a.Other} {
			if m != "" && !slices.Contains(k.Measures, m) {
				return catalog.Refuse(catalog.RefusedPolicy, "measure", "contract.measure", k.ID, m, k.Measures, d.ID).
					WithField(field)
			}
		}
	}
	return k.InScope(d.Descriptor, q)
}

// askedVersion returns the version that a request asks for, or as of which it asks.
func askedVersion(r records.Reader, d catalog.Dataset, q catalog.Request) (catalog.Version, error) {
	number := q.AsOf
	if number == 0 {
		number = d.Live
	}
	if number == 0 {
		return catalog.Version{}, catalog.Conflict("no_release", "dataset.no_live", d.ID)
	}
	v, err := records.Find[catalog.Version](r, records.PrefixVersion+records.VersionName(d.ID, number))
	if errors.Is(err, records.ErrNotFound) {
		return v, catalog.Refuse(catalog.RefusedUnknown, "unknown", "dataset.no_version", d.ID, number)
	}
	if err == nil && v.State != catalog.VersionLive {
		return v, catalog.Conflict("no_release", "version.not_live", number, d.ID, v.State)
	}
	if no := WithdrawnVersion(d, v); err == nil && no != nil {
		return v, no
	}
	if err == nil && v.Expired != 0 {
		return v, expired(r, d, v)
	}
	return v, err
}
