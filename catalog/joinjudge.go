package catalog

import "errors"

// joinedSide is the second dataset of a query, what its contract pays, and what the
// query does to its family.
type joinedSide struct {
	dataset  Dataset
	version  Version
	contract Contract
	charged  Contract
	kin      *kinship // of a protected dataset whose sums are asked for
	outcome  outcome
	counts   func(measure string) (bitmaps, error)
}

// joinSide finds the second dataset of a query and its contract.
func (j *judgement) joinSide(r Reader, now int64, p Principal, q Request) error {
	if q.Join == nil {
		return nil
	}
	second, err := find[Dataset](r, prefixDataset+q.Join.Dataset)
	if errors.Is(err, ErrNotFound) {
		no := refuse(RefusedUnknown, "unknown", "there is no dataset %.80q", q.Join.Dataset)
		no.Field = "join.dataset"
		return no
	}
	if err != nil {
		return err
	}
	j.join = &joinedSide{dataset: second}
	if j.join.contract, err = contractFor(r, now, p, second, q.Join.Contract); err != nil {
		return err
	}
	if no := joinable(j.dataset, second); no != nil {
		return no
	}
	return nil
}

// extent are the periods of the second version.
func (s *joinedSide) extent() Interval {
	return Interval{From: s.version.First, To: s.version.First + int64(s.version.Periods)}
}

// descriptor is what the request is judged by: of two datasets, both.
func (j *judgement) descriptor() Descriptor {
	if j.join == nil {
		return j.dataset.Descriptor
	}
	return JoinDescriptors(j.dataset.Descriptor, j.join.dataset.Descriptor)
}

// covered refuses what either contract does not grant.
func (j *judgement) covered(now int64, q Request, noised string) *Refusal {
	if r := covers(j.contract, j.dataset, now, q.OfDataset(j.dataset.ID), noised); r != nil || j.join == nil {
		return r
	}
	return covers(j.join.contract, j.join.dataset, now, q.OfDataset(j.join.dataset.ID), noised)
}

// releases finds the versions that are asked.
func (j *judgement) releases(r Reader, q Request) (err error) {
	if j.version, err = release(r, j.dataset, q); err != nil || j.join == nil {
		return err
	}
	j.join.version, err = release(r, j.join.dataset, q.ofSecond())
	return err
}

// asRepeated is the request with all releases named, by which repeats are found.
func (j *judgement) asRepeated(q Request) Request {
	if j.join == nil {
		return q
	}
	return q.joinedAt(j.join.version.Version)
}

// charge takes the query from all contracts, or refuses and takes it from none.
func (j *judgement) charge() (no *Refusal) {
	if j.charged, no = j.contract.charge(j.repeats != ""); no != nil || j.join == nil {
		return no
	}
	j.join.charged, no = j.join.contract.charge(j.repeats != "")
	return no
}

// worn refuses a query that a key can no longer open.
func (j *judgement) worn(r Reader, q Request) error {
	if err := checkWear(r, j.dataset.Descriptor, j.version, q); err != nil || j.join == nil {
		return err
	}
	return checkWear(r, j.join.dataset.Descriptor, j.join.version, q)
}

// protectJoin reads the second family.
func (m *Machine) protectJoin(r Reader, s *joinedSide, reg Registry) (err error) {
	s.counts = func(measure string) (bitmaps, error) {
		all := policyPeriods(s.dataset.Descriptor, s.version.VersionPropose)
		held, err := m.counts(r, s.version, measure, int(all.To-all.From))
		return held.counting, err
	}
	s.kin, err = m.kin(r, s.dataset, s.version, reg)
	return err
}

// JoinedQuery is a query's second dataset, and what its contract was charged.
type JoinedQuery struct {
	Dataset  string `json:"dataset"`
	Release  int    `json:"release"`
	Contract string `json:"contract"`
	Price    string `json:"price,omitempty"`
}

// JoinedDecision is what a decision says of a query's second dataset.
type JoinedDecision struct {
	JoinedQuery
	Manifest Digest `json:"manifest"`
	Presence Digest `json:"presence"`
	Currency string `json:"currency,omitempty"`
}

// joined are a query's records of its second dataset; nil without one.
func (j *judgement) joined() (*JoinedQuery, *JoinedDecision) {
	if j.join == nil {
		return nil, nil
	}
	s := j.join
	q := JoinedQuery{Dataset: s.dataset.ID, Release: s.version.Version, Contract: s.charged.ID, Price: s.charged.perQuery()}
	return &q, &JoinedDecision{JoinedQuery: q, Manifest: s.version.Manifest, Presence: s.version.Presence, Currency: s.charged.currency()}
}

// joinedRelease is the second dataset as a verdict names it.
func (s *joinedSide) release() *JoinedRelease {
	if s == nil {
		return nil
	}
	return &JoinedRelease{Dataset: s.dataset.ID, Release: s.version.Version}
}

// payBoth stores the contracts of a judgement as charged.
func (c *call) payBoth(j judgement) error {
	if err := put(c.tx, prefixContract+j.charged.ID, j.charged); err != nil || j.join == nil {
		return err
	}
	return put(c.tx, prefixContract+j.join.charged.ID, j.join.charged)
}

// releaseBoth stores what a query does to the families of its datasets.
func (c *call) releaseBoth(j judgement) error {
	if err := c.release(j); err != nil || j.join == nil {
		return err
	}
	return c.release(judgement{kin: j.join.kin, outcome: j.join.outcome})
}

// refundJoin gives the price of a failed query back to the second contract.
func (c *call) refundJoin(q *Query) error {
	if q.Join == nil || q.Join.Price == "" {
		return nil
	}
	k, err := find[Contract](c.tx, prefixContract+q.Join.Contract)
	if err != nil {
		return err
	}
	k.Spent, q.Refunded = subtractAmount(k.Spent, q.Join.Price), true
	return put(c.tx, prefixContract+k.ID, k)
}

// holdersOf are the nodes that hold all of a query's versions, and the second one
// if there is one.
func (c *call) holdersOf(q Query, first Version) (holders []string, second *Version, err error) {
	if q.Join == nil {
		return first.Acks, nil, nil
	}
	v, err := find[Version](c.tx, prefixVersion+versionName(q.Join.Dataset, q.Join.Release))
	if err != nil {
		return nil, nil, err
	}
	return HoldersOf(first, &v), &v, nil
}

// HoldersOf are the nodes that hold a version, and a second one beside it if it is
// not nil.
func HoldersOf(first Version, second *Version) []string {
	if second == nil {
		return first.Acks
	}
	var both []string
	for _, id := range first.Acks {
		for _, other := range second.Acks {
			if id == other {
				both = append(both, id)
			}
		}
	}
	return both
}

// openJoined counts what an attempt opens of the second dataset.
func (c *call) openJoined(second *Version, columns []Column, b QueryAttempt) error {
	switch {
	case second == nil && b.Joined == 0:
		return nil
	case second == nil:
		return invalid("joined", "the attempt opens %d tiles of a second dataset, and there is none", b.Joined)
	case b.Joined < 0 || b.Joined > second.mostTiles(columns):
		return invalid("joined", "the attempt opens %d tiles, of version %d of %s at most %d are needed", b.Joined, second.Version, second.Dataset, second.mostTiles(columns))
	}
	return c.openTiles(second.Key, b.Joined)
}
