package ask

import (
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client/audit"
)

// ErrVerdictForged is returned when what a node hands out of a query's answer is not
// what the ledger proves: another verdict, with other labels or groups, another version
// of the dataset, or other shares. No figure is printed.
var ErrVerdictForged = errors.New("a node hands out something else than what the ledger decided")

func forged(q catalog.Query, format string, args ...any) error {
	return fmt.Errorf("%w on query %s: %w; no figure is printed", ErrVerdictForged, q.ID, fmt.Errorf(format, args...))
}

// decidedOn holds the verdict against the proof of what the ledger decided on a query that is done. The verdict says
// which entities a figure is of and what each group is called; the shares alone would open under other labels too.
func decidedOn(p *audit.Proven, q catalog.Query, v catalog.Verdict) (*audit.ProvenQuery, error) {
	d := p.Query.Decision
	if got := v.Digest(); got != d.Verdict {
		return nil, forged(q, "its verdict has the digest %s, decided was %s", got, d.Verdict)
	}
	if !p.Query.Done {
		return nil, forged(q, "that it was answered is not proven")
	}
	for _, use := range v.Vectors {
		if catalog.VectorID(use.Commitment) != use.ID {
			return nil, forged(q, "vector %s was judged by commitment %s", use.ID, use.Commitment)
		}
	}
	return p.Query, nil
}

// checkSources holds the versions that an answer is counted and shown by against those
// that were decided on.
func checkSources(p *audit.ProvenQuery, q catalog.Query, by planned) error {
	d := p.Decision
	asOf := catalog.DecidedLayer{Version: d.Version, Manifest: d.Manifest, Presence: d.Presence}
	for _, l := range by.layers {
		if v := l.Version; v.Dataset != d.Dataset || !wasDecided(v, d.Layers, asOf) {
			return forged(q, "a figure is of version %d of %s with manifest %s and presence %s, which is not what was decided on",
				v.Version, v.Dataset, v.Manifest, v.Presence)
		}
	}
	if (len(by.joined) == 0) != (d.Join == nil) {
		return forged(q, "the datasets that are joined are not those that were decided on")
	}
	for _, v := range by.joined {
		j := d.Join
		asOf := catalog.DecidedLayer{Version: j.Version, Manifest: j.Manifest, Presence: j.Presence}
		if v.Dataset != j.Dataset || !wasDecided(v, j.Layers, asOf) {
			return forged(q, "a figure is joined with version %d of %s with manifest %s and presence %s, which is not what was decided on",
				v.Version, v.Dataset, v.Manifest, v.Presence)
		}
	}
	return nil
}

// wasDecided reports whether a version is one of the layers that were decided on, or that as
// of which is answered where the decision lists none.
func wasDecided(v catalog.Version, layers []catalog.DecidedLayer, asOf catalog.DecidedLayer) bool {
	is := catalog.DecidedLayer{Version: v.Version, Manifest: v.Manifest, Presence: v.Presence}
	return is == asOf && len(layers) == 0 || slices.Contains(layers, is)
}

// checkShares holds the sealed shares against those that the ledger took: anybody can
// seal numbers to a buyer.
func checkShares(p *audit.ProvenQuery, q catalog.Query, shares []wire.SealedShare) error {
	if len(shares) != len(p.Shares) {
		return forged(q, "there are %d shares, the ledger took %d", len(shares), len(p.Shares))
	}
	for _, s := range shares {
		digest := catalog.Sum(s.Sealed)
		if !slices.ContainsFunc(p.Shares, func(t catalog.ShareTaken) bool { return t.Node == s.Node && t.Sealed == digest }) {
			return forged(q, "the share of node %.80q is not the one that the ledger took", s.Node)
		}
	}
	return nil
}
