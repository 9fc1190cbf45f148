package catalog

import (
	"errors"
	"fmt"
	"slices"
)

// judgement is the decision on a query and what it was made on.
type judgement struct {
	dataset  Dataset
	version  Version
	contract Contract
	charged  Contract // the contract as it is after the query
	repeats  string   // the released query whose verdict this is
	verdict  Verdict
	kin      *kinship // nil where the class rule has no part
	outcome  outcome

	join        *joinedSide // the second dataset; nil without one
	vectors     []VectorUse // that the request names
	commitments []Digest    // theirs
}

// judge decides on a query: it returns the verdict, a *Refusal, or a fault of
// the store. It changes nothing. In a preview a selector may be one that is not
// registered yet.
func (m *Machine) judge(r Reader, now int64, p Principal, q QuerySubmit, preview bool) (judgement, error) {
	var j judgement
	reg, err := j.find(r, now, p, q)
	if err != nil {
		return j, err
	}
	noised, err := noisedWith(r, j.dataset, j.contract)
	if err != nil {
		return j, err
	}
	if err := j.permit(r, now, p, q.Request, reg, noised, preview); err != nil {
		return j, err
	}
	if j.repeats != "" {
		j.verdict, err = find[Verdict](r, prefixVerdict+j.repeats)
		return j, err
	}
	v, err := m.evaluationOf(r, now, &j, q.Request, reg, noised)
	if err != nil {
		return j, err
	}
	v.advise = preview
	j.verdict, err = v.run()
	j.kin, j.outcome = v.kin, v.outcome
	return j, err
}

// find looks up what a query names: datasets, contracts, and their registry, which it
// returns.
func (j *judgement) find(r Reader, now int64, p Principal, q QuerySubmit) (reg Registry, err error) {
	if len(q.Receiving) != ReceivingKeySize {
		return reg, invalid("receiving", "the receiving key has %d bytes, an MLKEM768X25519 public key has %d", len(q.Receiving), ReceivingKeySize)
	}
	if p.Role != RoleBuyer && p.Role != RolePublisher {
		return reg, forbidden("role", "%s is not for a %s", KindQuerySubmit, p.Role)
	}
	j.dataset, err = find[Dataset](r, prefixDataset+q.Request.Dataset)
	if errors.Is(err, ErrNotFound) {
		return reg, refuse(RefusedUnknown, "unknown", "there is no dataset %.80q", q.Request.Dataset)
	}
	if err != nil {
		return reg, err
	}
	if j.contract, err = contractFor(r, now, p, j.dataset, q.Contract); err != nil {
		return reg, err
	}
	if err := j.joinSide(r, now, p, q.Request); err != nil {
		return reg, err
	}
	return find[Registry](r, prefixRegistry+j.dataset.Descriptor.Registry)
}

// permit refuses what the descriptors, the contracts, the budget or the key do not
// allow, whatever its groups are. noised is the largest epsilon that could be asked
// with. It finds the version, the vectors, the price, and the query that is repeated.
func (j *judgement) permit(r Reader, now int64, p Principal, q Request, reg Registry, noised string, preview bool) (err error) {
	if refusal := q.Check(j.descriptor(), reg.Columns); refusal != nil {
		return refusal
	}
	if refusal := j.covered(now, q, noised); refusal != nil {
		return refusal
	}
	if refusal := q.checkExactWeights(j.dataset.Descriptor, noised); refusal != nil {
		return refusal
	}
	if err := j.useVectors(r, p, q, reg, preview); err != nil {
		return err
	}
	if err := j.releases(r, q); err != nil {
		return err
	}
	if refusal := q.checkCompanions(j.dataset.Descriptor, j.version); refusal != nil {
		return refusal
	}
	if q.Noise == nil { // noise is drawn and paid for anew
		if j.repeats, err = repeatOf(r, p.ID, j.asRepeated(q), j.version.Version); err != nil {
			return err
		}
	}
	if broke := j.charge(); broke != nil {
		return broke
	}
	if err := checkNoise(r, j.dataset, j.contract, q); err != nil {
		return err
	}
	return j.worn(r, q)
}

// evaluationOf gathers what the verdict on a permitted query is made of.
func (m *Machine) evaluationOf(r Reader, now int64, j *judgement, q Request, reg Registry, noised string) (*evaluation, error) {
	t, err := m.table(r, reg)
	if err != nil {
		return nil, err
	}
	v := &evaluation{
		descriptor: j.descriptor(), join: j.join, version: j.version, request: q, table: t.Prefix(j.version.Entities), whole: t,
		least: j.contract.MinCohort,
		counts: func(measure string) (bitmaps, error) {
			all := policyPeriods(j.dataset.Descriptor, j.version.VersionPropose)
			held, err := m.counts(r, j.version, measure, int(all.To-all.From))
			return held.counting, err
		},
		vectors: j.vectors, commitments: j.commitments,
		sets: func() ([]CellSet, error) { return readSets(r, j.version.Dataset, j.version.Version) },
		allowed: func(other Request) bool {
			return other.Check(j.descriptor(), reg.Columns) == nil && j.covered(now, other, noised) == nil
		},
	}
	if j.join == nil {
		v.noised = noised
	}
	if j.dataset.Descriptor.Policy.Public || !encrypted(q.columns(j.dataset.Descriptor)) || q.Noise != nil {
		return v, nil
	}
	if v.kin, err = m.kin(r, j.dataset, j.version, reg); err != nil {
		return nil, err
	}
	if j.join != nil {
		v.least = max(v.least, j.join.contract.MinCohort)
		if err := m.protectJoin(r, j.join, reg); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// contractFor returns the contract a query names, or the implicit one of a
// publisher on its own dataset.
func contractFor(r Reader, now int64, p Principal, d Dataset, id string) (Contract, error) {
	own := d.Owner == p.ID && (id == "" || id == OwnContractID(d.ID))
	if own {
		id = OwnContractID(d.ID)
	}
	if id == "" {
		return Contract{}, refuse(RefusedPolicy, "contract", "querying dataset %s needs a contract", d.ID).
			withFix("order one: weir order create --dataset %s --purpose TEXT", d.ID)
	}
	k, err := find[Contract](r, prefixContract+id)
	switch {
	case errors.Is(err, ErrNotFound) && own:
		return Contract{
			ID: id, Buyer: p.ID, Publisher: p.ID, Dataset: d.ID, Purpose: "own data",
			Measures: d.Descriptor.measureNames(), Aggregates: d.Descriptor.Policy.Aggregates, From: now, Until: MaxTime, State: ContractActive,
		}, nil
	case errors.Is(err, ErrNotFound):
		return k, refuse(RefusedUnknown, "unknown", "there is no contract %.80q", id)
	case err != nil:
		return k, err
	case k.Buyer != p.ID:
		return k, forbidden("owner", "contract %s is not yours", k.ID)
	}
	return k, nil
}

// covers refuses what the contract does not grant. noised is the largest epsilon that
// could be asked with.
func covers(k Contract, d Dataset, now int64, q Request, noised string) *Refusal {
	if k.Dataset != d.ID {
		return refuse(RefusedPolicy, "contract_dataset", "contract %s is for dataset %s, not for %s", k.ID, k.Dataset, d.ID).
			withFix("name the contract for %s, or order one: weir order create --dataset %s --purpose TEXT", d.ID, d.ID)
	}
	if r := k.usable(now); r != nil {
		return r
	}
	if r := q.ungrantable(d.Descriptor, noised); r != nil {
		return r
	}
	for i, a := range q.Select {
		field := fmt.Sprintf("select[%d]", i)
		if !Grants(k.Aggregates, a.Func) {
			r := refuse(RefusedPolicy, "aggregate", "contract %s does not grant the aggregate %s", k.ID, a.Func).
				withFix("it grants: %s; %s; order more: weir order create --dataset %s --purpose TEXT", quoteList(k.Aggregates), grantWords(a.Func), d.ID)
			r.Field = field
			return r
		}
		for _, m := range [2]string{a.Measure, a.Other} {
			if m != "" && !slices.Contains(k.Measures, m) {
				r := refuse(RefusedPolicy, "measure", "contract %s does not grant the measure %s", k.ID, m).
					withFix("it grants: %s; order more: weir order create --dataset %s --purpose TEXT", quoteList(k.Measures), d.ID)
				r.Field = field
				return r
			}
		}
	}
	return k.InScope(d.Descriptor, q)
}

// Ungrantable is the refusal of what no contract on the dataset grants, so that nobody
// is told to order one; nil when a contract might.
func (q Request) Ungrantable(d Descriptor) *Refusal {
	noised := ""
	if d.Policy.DP != nil {
		noised = d.Policy.DP.EpsilonPerQuery
	}
	return q.ungrantable(d, noised)
}

func (q Request) ungrantable(d Descriptor, noised string) *Refusal {
	for i, a := range q.Select {
		if !Grants(d.Policy.Aggregates, a.Func) {
			r := refuse(RefusedPolicy, "aggregate", "the policy of dataset %s does not release %s to anybody", d.Dataset, a.Func).
				withFix("it releases: %s", quoteList(d.Policy.Aggregates))
			r.Field = fmt.Sprintf("select[%d]", i)
			return r
		}
	}
	if q.Join != nil {
		return nil
	}
	return q.checkExactMoments(d, noised)
}

// release returns the version that a request asks for. Sums of protected data
// come from the newest live one alone (DESIGN section 8, point 4).
func release(r Reader, d Dataset, q Request) (Version, error) {
	number := q.Release
	if number == 0 {
		number = d.Live
	}
	if number == 0 {
		return Version{}, conflict("no_release", "dataset %s has no live version yet", d.ID)
	}
	v, err := find[Version](r, prefixVersion+versionName(d.ID, number))
	if errors.Is(err, ErrNotFound) {
		return v, refuse(RefusedUnknown, "unknown", "dataset %s has no version %d", d.ID, number)
	}
	if err == nil && v.State != VersionLive {
		return v, conflict("no_release", "version %d of dataset %s is %s", number, d.ID, v.State)
	}
	if err == nil && number != d.Live && !d.Descriptor.Policy.Public && encrypted(q.columns(d.Descriptor)) {
		refusal := refuse(RefusedPolicy, "release", "version %d of dataset %s is asked for; sums come from the newest live version, %d", number, d.ID, d.Live).
			withFix("leave the version out; counts of older versions are answered")
		refusal.Field = "release"
		return v, refusal
	}
	return v, err
}

// checkWear refuses a query whose attempts the key may no longer open, before
// it is charged.
func checkWear(r Reader, d Descriptor, v Version, q Request) error {
	if !encrypted(q.columns(d)) {
		return nil
	}
	k, err := find[Key](r, prefixKey+v.Key)
	if err != nil {
		return err
	}
	if r := k.wear(MaxAttempts * v.mostTiles(q.columns(d))); r != nil {
		return r
	}
	return nil
}
