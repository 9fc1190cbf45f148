package state

import (
	"slices"

	"github.com/weirdata/weir/catalog"
)

// act is one kind of entry: who may send it, whether anybody may see it, and what applies
// it. Each kind has one row, beside its handler.
type act struct {
	kind   catalog.Kind
	by     sender
	public bool                      // the API tells everybody what is in it
	since  int                       // feature level that it came with; 0: the first
	handle func(*applyContext) error // nil: it is the first entry alone
}

// offered reports whether a cluster of a feature level has the act already.
func (a act) offered(level int) bool { return a.handle != nil && level >= a.since }

// sender says who may send an act.
type sender struct {
	node  bool // a node of the roster
	roles []catalog.Role
}

// admits reports whether an organisation or a node may, of which the other is nil.
func (s sender) admits(p *catalog.Principal, n *catalog.Node) bool {
	if n != nil {
		return s.node
	}
	return p != nil && slices.Contains(s.roles, p.Role)
}

// The senders that there are.
var (
	nobody     = sender{}
	nodes      = sender{node: true}
	operators  = sender{roles: []catalog.Role{catalog.RoleOperator}}
	publishers = sender{roles: []catalog.Role{catalog.RolePublisher}}
	buyers     = sender{roles: []catalog.Role{catalog.RoleBuyer}}
	askers     = sender{roles: []catalog.Role{catalog.RoleBuyer, catalog.RolePublisher}}
)

// acts are all of them. A kind that is not here is refused.
var acts = slices.Concat(clusterActs, restoreActs, depositActs, registryActs, datasetActs, versionActs, keyActs, refreshActs, orderActs, queryActs, retentionActs, vectorActs, moveActs, healthActs, levelActs)

// actOf is the row of a kind; false when there is none.
func actOf(kind catalog.Kind) (act, bool) {
	i := slices.IndexFunc(acts, func(a act) bool { return a.kind == kind })
	if i < 0 {
		return act{}, false
	}
	return acts[i], true
}

// IsPublic reports whether the API tells everybody what is in an entry of that kind.
func IsPublic(kind catalog.Kind) bool {
	a, _ := actOf(kind)
	return a.public
}

// handler makes an act's handle of a function of the kind's body.
func handler[B any](fn func(*applyContext, B) error) func(*applyContext) error {
	return func(c *applyContext) error {
		body, err := readBody[B](c.payload, c.cluster.FeatureLevel())
		if err != nil {
			return err
		}
		return fn(c, body)
	}
}

func readBody[B any](p catalog.Payload, level int) (body B, err error) {
	if err := catalog.DecodeAt(level, p.Body, &body); err != nil {
		return body, catalog.Refuse(catalog.RefusedInvalid, "body", "body.unreadable", p.Kind).WithParts(catalog.Unreadable(err))
	}
	return body, nil
}

// dispatch runs the handler of the kind in an overlay, which is flushed only
// when it succeeds. A kind that is not in the table is refused.
func (c *applyContext) dispatch() error {
	a, known := actOf(c.payload.Kind)
	if !known || !a.offered(c.cluster.FeatureLevel()) { // alike: a program without the act refuses it so
		return catalog.Refuse(catalog.RefusedInvalid, "kind", "envelope.kind", c.payload.Kind)
	}
	if !a.by.admits(c.signer, c.node) {
		if c.signer == nil {
			return catalog.Forbidden("role", "role.node", c.payload.Kind)
		}
		return catalog.Forbidden("role", "role.other", c.payload.Kind, c.signer.Role)
	}
	return c.run(a.handle)
}
