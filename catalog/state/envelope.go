package state

import (
	"cmp"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/roster"
)

// What is read of an envelope before its handler runs, and kept of it after: who signed it, for whom, which
// cluster and which time it is meant, and what came of it when it was applied before. None of this needs more
// of a handler's context than it is given here.

// replayMargin is for how many milliseconds an outcome is kept after its envelope expired.
const replayMargin = catalog.MaxEnvelopeAge

func parsePayload(e catalog.Envelope) (catalog.Payload, error) {
	p, err := catalog.ParsePayload(e.Payload)
	if err != nil {
		return p, catalog.Refuse(catalog.RefusedInvalid, "payload", "payload.unreadable").WithParts(catalog.Unreadable(err))
	}
	return p, nil
}

// authenticate is who signed an envelope, an organisation or a node; the other is nil. It refuses an envelope that
// its signer did not sign.
func authenticate(r records.Reader, cluster *catalog.Cluster, e catalog.Envelope) (*catalog.Principal, *catalog.Node, error) {
	p, n, err := identify(r, cluster, e.Signer)
	if err != nil {
		return nil, nil, err
	}
	var key []byte
	if n != nil {
		key = n.Key
	} else {
		key = p.Key
	}
	if !e.Verify(key) {
		return nil, nil, catalog.Refuse(catalog.RefusedSignature, "signature", "signer.signature", e.Signer)
	}
	return p, n, nil
}

// identify looks up a signer: an organisation or a node, the other is nil.
func identify(r records.Reader, cluster *catalog.Cluster, signer string) (*catalog.Principal, *catalog.Node, error) {
	if id, isNode := strings.CutPrefix(signer, catalog.NodeSigner("")); isNode {
		all := roster.All(*cluster)
		i := slices.IndexFunc(all, func(n catalog.Node) bool { return n.ID == id })
		if i < 0 {
			return nil, nil, catalog.Refuse(catalog.RefusedSignature, "signer", "signer.no_node", id)
		}
		return nil, &all[i], nil
	}
	p, known, err := records.Lookup[catalog.Principal](r, records.PrefixPrincipal+signer)
	switch {
	case err != nil:
		return nil, nil, err
	case !known:
		return nil, nil, catalog.Refuse(catalog.RefusedSignature, "signer", "signer.no_principal", signer)
	}
	return &p, nil, nil
}

// checkMeant refuses a payload that is meant for another signer, cluster or time, or
// is valid for longer than age, in milliseconds.
func checkMeant(p catalog.Payload, now int64, signer, cluster string, age int64) *catalog.Refusal {
	switch {
	case p.Signer != signer:
		return catalog.Refuse(catalog.RefusedSignature, "signer", "signer.other", p.Signer, signer)
	case p.Cluster != cluster:
		return catalog.Refuse(catalog.RefusedSignature, "cluster", "envelope.cluster", p.Cluster, cluster)
	case p.Expires-p.Issued > age:
		return catalog.Refuse(catalog.RefusedSignature, "lifetime", "envelope.lifetime", p.Expires-p.Issued, age)
	case p.Issued > now+catalog.MaxSkew:
		return catalog.Refuse(catalog.RefusedSignature, "issued", "envelope.issued", p.Issued-now)
	case p.Expires <= now:
		return catalog.Refuse(catalog.RefusedSignature, "expired", "envelope.expired", now-p.Expires)
	}
	return nil
}

// recall is the outcome of an envelope that was applied before; known is false where it was not.
func recall(r records.Reader, envelope catalog.Digest) (out catalog.Outcome, known bool, err error) {
	out, known, err = records.Lookup[catalog.Outcome](r, records.PrefixSeen+envelope.String())
	out.Repeat = known
	return out, known, err
}

// remember keeps an outcome until its envelope has expired for sure.
func remember(tx records.Tx, envelope catalog.Digest, expires int64, out catalog.Outcome) error {
	until := records.SeenUntilKey(expires+replayMargin, envelope)
	return cmp.Or(records.Put(tx, records.PrefixSeen+envelope.String(), out), records.PutText(tx, until, ""))
}
