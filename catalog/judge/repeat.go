package judge

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// A repeat is a query that its buyer was answered before: the same request, of the same
// sources. It gets the stored verdict, is not counted, costs nothing within a day of
// the answer, and the price after that (DATA_MODEL.md section 4.4).

// asked is the digest of all that an answer depends on: the request, the bytes of the
// versions that are read and what they declare, the verdict, the vectors that it names, by
// their commitments, and what the contracts ask of a figure. Names and numbers alone do not tell two requests apart for good; the SQL that rides along does
// not tell them apart at all.
func (j *Judgement) asked(q catalog.Request) catalog.Digest {
	asked := struct {
		Request     catalog.Request  `json:"request"`
		Verdict     catalog.Digest   `json:"verdict"`
		Sources     []catalog.Digest `json:"sources"`
		Commitments []catalog.Digest `json:"commitments"`
	}{Request: q, Verdict: j.takes(), Sources: j.sources}
	for _, v := range j.vectors {
		asked.Commitments = append(asked.Commitments, v.Commitment)
	}
	asked.Request.AsOf, asked.Request.SQL = j.Version.Version, ""
	if j.Join != nil {
		asked.Request = asked.Request.JoinedAt(j.Join.version.Version)
	}
	return catalog.Sum(catalog.Encode(asked))
}

// takes is the digest of the verdict without the numbers of amendments: which of them
// were before it changes nothing of what it takes.
func (j *Judgement) takes() catalog.Digest {
	v := j.Verdict
	if v.Amended == 0 && (v.Join == nil || v.Join.Amended == 0) {
		return catalog.Sum(j.Encoded)
	}
	v.Amended = 0
	if v.Join != nil {
		join := *v.Join
		join.Amended, v.Join = 0, &join
	}
	return v.Digest()
}

// findSources finds what the verdict's versions are made of and settled.
func (j *Judgement) findSources() error {
	for _, at := range j.Verdict.Versions() {
		v, err := j.versions.Version(at)
		if err != nil {
			return err
		}
		j.sources = append(j.sources, v.Manifest, v.Presence, v.Counts, v.News)
	}
	return nil
}

// FreeRepeat is how long a repeat of an answered query costs nothing.
const FreeRepeat = 24 * 3600_000 // milliseconds after the answer that a repeat costs nothing

// repeatOf returns the released query of a principal that asks the same, and its id;
// empty: none.
func repeatOf(cache *records.Cache, r records.Reader, principal string, asks catalog.Digest) (string, catalog.Query, error) {
	id, err := r.Get([]byte(records.RepeatKey(principal, asks)))
	if err != nil || id == nil {
		return "", catalog.Query{}, err
	}
	q, err := cache.Query(r, string(id))
	return string(id), q, err
}

// The members of the attempt that answered a query may keep their folded shares and
// seal them again for a repeat. The buyer gets the very numbers that it has: shares
// of one opening, never of two, so nothing follows from having both. Nothing is
// opened, so the key does not wear.
