package judge

import (
	"cmp"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/records"
)

// joinedSide is the second dataset of a query, what its contract pays, and what the
// query does to its family.
type joinedSide struct {
	dataset  catalog.Dataset
	version  catalog.Version
	contract catalog.Contract
	Charged  catalog.Contract
	price    string
	rule     *protection           // of a protected dataset whose sums are asked for
	pairs    []disclosure.JoinPair // of versions of both, as they went live; none of public datasets
}

// joinSide finds the second dataset of a query and its contract.
func (j *Judgement) joinSide(q catalog.Request) error {
	if q.Join == nil {
		return nil
	}
	second, err := namedDataset(j.r, q.Join.Dataset, "join.dataset")
	if err != nil {
		return err
	}
	j.Join = &joinedSide{dataset: second}
	if j.Join.contract, err = contractFor(j.r, j.now, j.asker, second, q.Join.Contract); err != nil {
		return err
	}
	if no := joinable(j.Dataset, second); no != nil {
		return no
	}
	if second.Descriptor.Policy.Public {
		return nil
	}
	j.Join.pairs, err = settledPairs(j.r, j.Dataset, second)
	return err
}

// descriptor is what the request is judged by: of two datasets, both.
func (j *Judgement) descriptor() catalog.Descriptor {
	if j.Join == nil {
		return j.Dataset.Descriptor
	}
	return catalog.JoinDescriptors(j.Dataset.Descriptor, j.Join.dataset.Descriptor)
}

// covered refuses what either contract does not grant.
func (j *Judgement) covered(q catalog.Request, noised string) *catalog.Refusal {
	if r := covers(j.contract, j.Dataset, j.now, q.OfDataset(j.Dataset.ID), noised); r != nil || j.Join == nil {
		return r
	}
	return covers(j.Join.contract, j.Join.dataset, j.now, q.OfDataset(j.Join.dataset.ID), noised)
}

// releases finds the versions that are asked. Exact products of protected data are as of
// a settled pair: where the request leaves a version open, that of the newest such pair.
func (j *Judgement) releases(q catalog.Request) (err error) {
	if j.Join == nil {
		j.Version, err = askedVersion(j.r, j.Dataset, q)
		return err
	}
	settles := len(j.Join.pairs) > 0 && AnyEncrypted(q.Columns(j.descriptor()))
	var pair disclosure.JoinPair
	if settles {
		if pair, err = j.newestPair(q.AsOf, q.Join.AsOf); err != nil {
			return err
		}
	}
	if pair != (disclosure.JoinPair{}) {
		q = q.JoinedAt(pair.B)
		q.AsOf = pair.A
	}
	if j.Version, err = askedVersion(j.r, j.Dataset, q); err != nil {
		return err
	}
	if j.Join.version, err = askedVersion(j.r, j.Join.dataset, q.OfSecond()); err != nil {
		return err
	}
	if settles && pair == (disclosure.JoinPair{}) {
		return j.neverPaired()
	}
	return nil
}

// newestPair is the newest settled pair of these versions, 0 being any, neither of which
// is withdrawn; zero where there is none.
func (j *Judgement) newestPair(first, second int) (disclosure.JoinPair, error) {
	a, b := j.cache.CellsOf(j.r, j.Dataset), j.cache.CellsOf(j.r, j.Join.dataset)
	pair := disclosure.NewestPair(j.Join.pairs, first, second, func(p disclosure.JoinPair) bool { return a.Live(p.A) && b.Live(p.B) })
	return pair, cmp.Or(a.Fault(), b.Fault())
}

// neverPaired refuses a join as of two versions that were never the newest together.
func (j *Judgement) neverPaired() error {
	no := catalog.Refuse(catalog.RefusedPolicy, "joint", "joint.pair", j.Version.Version, j.Dataset.ID, j.Join.version.Version, j.Join.dataset.ID).
		WithNumber("release", int64(j.Version.Version)).WithNumber("joined", int64(j.Join.version.Version)).
		WithField("join.release")
	newest, err := j.newestPair(0, 0)
	if err != nil {
		return err
	}
	if newest == (disclosure.JoinPair{}) {
		return no.WithFix("fix.pair_other")
	}
	return no.WithFix("fix.pair", newest.A, newest.B)
}

// charge takes the query from all contracts, or refuses and takes it from none.
// A repeat within a day costs nothing.
func (j *Judgement) charge(free bool) (no *catalog.Refusal) {
	if free {
		j.Charged = j.contract
		if j.Join != nil {
			j.Join.Charged = j.Join.contract
		}
		return nil
	}
	j.Price = j.contract.QueryPrice()
	if j.Charged, no = charge(j.contract, j.Repeats != ""); no != nil || j.Join == nil {
		return no
	}
	j.Join.price = j.Join.contract.QueryPrice()
	j.Join.Charged, no = charge(j.Join.contract, j.Repeats != "")
	return no
}

// worn refuses a query whose attempts a key may no longer open.
func (j *Judgement) worn(q catalog.Request) error {
	columns := q.Columns(j.descriptor())
	if !AnyEncrypted(columns) {
		return nil
	}
	for _, x := range j.Verdict.Versions() {
		v, err := j.versions.Version(x)
		if err != nil {
			return err
		}
		k, err := j.cache.Key(j.r, v.Key)
		if err != nil {
			return err
		}
		if r := Wear(k, catalog.MaxAttempts*int64(max(j.check.Sets, 1))*v.MostTiles(columns)); r != nil {
			return r
		}
	}
	return nil
}

// settledPairs are the pairs of versions of two protected datasets that are joined, in the
// order in which they came to be: the newest of each whenever a version of either goes
// live. Withdrawn versions stay in it.
func settledPairs(r records.Reader, a, b catalog.Dataset) ([]disclosure.JoinPair, error) {
	var events []records.Settled
	for _, d := range [2]catalog.Dataset{a, b} {
		f, err := records.Find[records.Family](r, records.FamilyKey(d.Owner, d.Descriptor.Registry))
		if err != nil {
			return nil, err
		}
		for _, e := range f.Settled {
			if e.Dataset == d.ID {
				events = append(events, e)
			}
		}
	}
	slices.SortFunc(events, func(a, b records.Settled) int { return cmp.Compare(a.Seq, b.Seq) })
	var pairs []disclosure.JoinPair
	var pair disclosure.JoinPair
	for _, e := range events {
		if e.Dataset == a.ID {
			pair.A = e.Version
		} else {
			pair.B = e.Version
		}
		pairs = disclosure.NextPair(pairs, pair)
	}
	return pairs, nil
}

// Joined are a query's records of its second dataset; nil without one.
func (j *Judgement) Joined() (*catalog.JoinedQuery, *catalog.JoinedDecision, error) {
	if j.Join == nil {
		return nil, nil, nil
	}
	s := j.Join
	q := catalog.JoinedQuery{Dataset: s.dataset.ID, Version: s.version.Version, Contract: s.Charged.ID, Price: s.price}
	layers, err := DecidedLayers(j.r, j.Verdict, s.dataset.ID, s.version.Version)
	return &q, &catalog.JoinedDecision{
		JoinedQuery: q, Manifest: s.version.Manifest, Presence: s.version.Presence, Currency: s.Charged.Currency(), Layers: layers,
	}, err
}

// verdict is the second dataset as a verdict names it.
func (s *joinedSide) verdict() *catalog.JoinedVersion {
	if s == nil {
		return nil
	}
	return &catalog.JoinedVersion{Dataset: s.dataset.ID, Version: s.version.Version, Amended: s.dataset.Amended}
}

// DecidedLayers are the versions of one of its datasets that a verdict is computed from;
// nil where it is the version alone.
func DecidedLayers(r records.Reader, verdict catalog.Verdict, dataset string, version int) ([]catalog.DecidedLayer, error) {
	var out []catalog.DecidedLayer
	for _, x := range verdict.Versions() {
		if x.Dataset != dataset {
			continue
		}
		v, err := records.Find[catalog.Version](r, records.PrefixVersion+records.VersionName(x.Dataset, x.Version))
		if err != nil {
			return nil, err
		}
		out = append(out, catalog.DecidedLayer{Version: v.Version, Manifest: v.Manifest, Presence: v.Presence})
	}
	if len(out) == 1 && out[0].Version == version {
		return nil, nil
	}
	return out, nil
}
