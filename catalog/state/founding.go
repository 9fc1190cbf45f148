package state

import (
	"cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/roster"
)

// clusterActs are the acts on the cluster. It is founded once, by its first entry (found).
var clusterActs = []act{
	{kind: catalog.KindInit, by: nobody, public: true, handle: nil},
	{kind: catalog.KindSeatReplace, by: operators, public: true, handle: handler(replaceSeat)},
	{kind: catalog.KindRosterPropose, by: operators, public: true, handle: handler(proposeRoster)},
	{kind: catalog.KindRosterApprove, by: operators, public: true, handle: handler(approveRoster)},
	{kind: catalog.KindRosterWithdraw, by: operators, public: true, handle: handler(withdrawRoster)},
	{kind: catalog.KindSeatLeft, by: nodes, public: true, handle: handler(leftSeat)},
	{kind: catalog.KindPrincipalAdd, by: operators, handle: handler(addPrincipal)},
}

// found applies the first entry of a cluster. Its signer is known from nothing
// but its own body, so here alone the payload is read before the signature is
// verified.
func found(c *applyContext, e catalog.Envelope) error {
	p, err := parsePayload(e)
	if err != nil {
		return err
	}
	if p.Kind != catalog.KindInit {
		return catalog.Conflict("no_cluster", "cluster.not_founded", p.Kind)
	}
	body, err := readBody[catalog.InitBody](p, FeatureLevel)
	if err = cmp.Or(err, lacks(body.Level)); err != nil {
		return err
	}
	if !e.Verify(body.Operator.Key) || e.Signer != catalog.PrincipalID(body.Operator.Key) {
		return catalog.Refuse(catalog.RefusedSignature, "signature", "cluster.signature")
	}
	c.payload = p
	if r := cmp.Or(checkMeant(p, c.now, e.Signer, "", catalog.MaxFoundingAge), roster.CheckFounding(body)); r != nil {
		return r
	}
	c.out.Kind, c.record = p.Kind, true
	return c.run(func(c *applyContext) error {
		c.cluster = &catalog.Cluster{ID: c.digest, Name: body.Name, Threshold: body.Threshold, Nodes: body.Nodes, Level: body.Level}
		if err := c.changeRoster(roster.Change{}); err != nil {
			return err
		}
		for _, o := range roster.SeatOperators(body) {
			if err := addPrincipal(c, o); err != nil {
				return err
			}
		}
		c.out.ID = catalog.PrincipalID(body.Operator.Key)
		return nil
	})
}

// addPrincipal admits an organisation.
func addPrincipal(c *applyContext, b catalog.PrincipalAdd) error {
	if r := roster.CheckPrincipal(b); r != nil {
		return r
	}
	for _, n := range roster.All(*c.cluster) {
		if string(n.Key) == string(b.Key) {
			return catalog.Conflict("key", "principal.key_of_node", n.ID)
		}
	}
	id := catalog.PrincipalID(b.Key)
	other, known, err := records.Lookup[catalog.Principal](c.tx, records.PrefixPrincipal+id)
	if err != nil {
		return err
	}
	if known {
		return catalog.Conflict("key", "principal.key_taken", other.ID, other.Name)
	}
	if err := vacant(c.tx, records.PrefixPrincipalName+b.Name, "name", "principal.name_taken", b.Name); err != nil {
		return err
	}
	if b.Role == catalog.RolePublisher {
		if err := todo(c.tx, true, records.PrefixTodoKey+id, ""); err != nil {
			return err
		}
	}
	p := catalog.Principal{ID: id, Name: b.Name, Role: b.Role, Key: b.Key, Receiving: b.Receiving, Admitted: c.now}
	c.out.ID = id
	return cmp.Or(records.Put(c.tx, records.PrefixPrincipal+id, p), records.PutText(c.tx, records.PrefixPrincipalName+b.Name, id))
}
