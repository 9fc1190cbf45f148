package state

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"

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
	body, err := readBody[catalog.InitBody](p)
	if err != nil {
		return err
	}
	if !e.Verify(body.Operator.Key) || e.Signer != catalog.PrincipalID(body.Operator.Key) {
		return catalog.Refuse(catalog.RefusedSignature, "signature", "cluster.signature")
	}
	c.payload = p
	if r := cmp.Or(c.checkMeant(e.Signer, "", catalog.MaxFoundingAge), checkFounding(body)); r != nil {
		return r
	}
	c.out.Kind, c.record = p.Kind, true
	return c.run(func(c *applyContext) error {
		c.cluster = &catalog.Cluster{ID: c.digest, Name: body.Name, Threshold: body.Threshold, Nodes: body.Nodes}
		if err := c.changeRoster(roster.Change{}); err != nil {
			return err
		}
		for _, o := range seatOperators(body) {
			if err := addPrincipal(c, o); err != nil {
				return err
			}
		}
		c.out.ID = catalog.PrincipalID(body.Operator.Key)
		return nil
	})
}

// seatOperators are the operators that a founding admits: the founder, and whoever else
// has a seat, under the institution's name.
func seatOperators(b catalog.InitBody) []catalog.PrincipalAdd {
	list := []catalog.PrincipalAdd{b.Operator}
	for _, n := range b.Nodes {
		if !slices.ContainsFunc(list, func(o catalog.PrincipalAdd) bool { return bytes.Equal(o.Key, n.Operator) }) {
			list = append(list, catalog.PrincipalAdd{Name: n.Institution, Role: catalog.RoleOperator, Key: n.Operator})
		}
	}
	return list
}

func checkFounding(b catalog.InitBody) *catalog.Refusal {
	n := len(b.Nodes)
	switch {
	case !catalog.IsText(b.Name, catalog.MaxName) || b.Name == "":
		return catalog.Invalid("name", "cluster.name", catalog.MaxName)
	case n < 2 || n > catalog.MaxNodes:
		return catalog.Invalid("nodes", "cluster.nodes", n, catalog.MaxNodes)
	case b.Threshold < 2 || b.Threshold > n:
		return catalog.Invalid("threshold", "cluster.threshold", b.Threshold, n, n)
	case b.Operator.Role != catalog.RoleOperator:
		return catalog.Invalid("operator.role", "cluster.operator", b.Operator.Role, catalog.RoleOperator)
	}
	if r := checkPrincipal(b.Operator); r != nil {
		return r
	}
	taken := takenBy(seatOperators(b))
	for i, node := range b.Nodes {
		if r := checkNode(fmt.Sprintf("nodes[%d]", i), node, i+1, taken); r != nil {
			return r
		}
	}
	for i, node := range b.Nodes {
		for _, o := range seatOperators(b) {
			if bytes.Equal(node.Operator, o.Key) != (node.Institution == o.Name) {
				return catalog.Invalid(fmt.Sprintf("nodes[%d].institution", i), "node.institution", node.Institution)
			}
		}
	}
	if !slices.ContainsFunc(b.Nodes, func(n catalog.Node) bool { return bytes.Equal(n.Operator, b.Operator.Key) }) {
		return catalog.Invalid("operator.key", "cluster.founder_seat")
	}
	return nil
}

// takenBy says of which keys no node may be had.
func takenBy(operators []catalog.PrincipalAdd) map[string]string {
	taken := map[string]string{}
	for _, o := range operators {
		taken["key "+string(o.Key)] = ""
	}
	return taken
}

// checkNode checks one member of the roster; taken says which node has what, and no node
// of what an operator has.
func checkNode(at string, n catalog.Node, point int, taken map[string]string) *catalog.Refusal {
	switch {
	case !catalog.IsLabel(n.ID) || len(catalog.NodeSigner(n.ID)) > catalog.MaxSigner:
		return catalog.Invalid(at+".id", "node.name", n.ID, catalog.MaxSigner-len(catalog.NodeSigner("")))
	case n.Point != point:
		return catalog.Invalid(at+".point", "node.point", n.Point, point)
	case checkPrincipal(catalog.PrincipalAdd{Name: n.Institution, Role: catalog.RoleOperator, Key: n.Operator}) != nil:
		return catalog.Invalid(at+".operator", "node.operator", n.Institution, len(n.Operator), catalog.MaxName, ed25519.PublicKeySize)
	case n.Addr == "" || !catalog.IsText(n.Addr, catalog.MaxCell):
		return catalog.Invalid(at+".addr", "node.addr", n.Addr)
	case !strings.HasPrefix(n.API, "https://") || !catalog.IsText(n.API, catalog.MaxCell):
		return catalog.Invalid(at+".api", "node.api", n.API)
	case len(n.Key) != ed25519.PublicKeySize:
		return catalog.Invalid(at+".key", "key.size", len(n.Key), ed25519.PublicKeySize)
	case len(n.Sealing) != catalog.ReceivingKeySize:
		return catalog.Invalid(at+".sealing", "node.sealing_size", len(n.Sealing), catalog.ReceivingKeySize)
	}
	own := [...]struct{ what, value string }{
		{"id", n.ID}, {"addr", n.Addr}, {"api", n.API}, {"key", string(n.Key)}, {"sealing", string(n.Sealing)},
	}
	for _, o := range own {
		if other, used := taken[o.what+" "+o.value]; used {
			if other == "" {
				return catalog.Invalid(at+"."+o.what, "node.as_operator", o.what)
			}
			return catalog.Invalid(at+"."+o.what, "node.as_node", o.what, other)
		}
		taken[o.what+" "+o.value] = n.ID
	}
	return nil
}

// addPrincipal admits an organisation.
func addPrincipal(c *applyContext, b catalog.PrincipalAdd) error {
	if r := checkPrincipal(b); r != nil {
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
	if err := c.vacant(records.PrefixPrincipalName+b.Name, "name", "principal.name_taken", b.Name); err != nil {
		return err
	}
	if b.Role == catalog.RolePublisher {
		if err := c.todo(true, records.PrefixTodoKey+id, ""); err != nil {
			return err
		}
	}
	p := catalog.Principal{ID: id, Name: b.Name, Role: b.Role, Key: b.Key, Receiving: b.Receiving, Admitted: c.now}
	c.out.ID = id
	return cmp.Or(records.Put(c.tx, records.PrefixPrincipal+id, p), records.PutText(c.tx, records.PrefixPrincipalName+b.Name, id))
}

func checkPrincipal(b catalog.PrincipalAdd) *catalog.Refusal {
	switch b.Role {
	case catalog.RoleOperator, catalog.RolePublisher, catalog.RoleBuyer:
	default:
		return catalog.Invalid("role", "principal.role", b.Role, catalog.RoleOperator, catalog.RolePublisher, catalog.RoleBuyer)
	}
	switch {
	case b.Name == "" || !catalog.IsText(b.Name, catalog.MaxName) || strings.TrimSpace(b.Name) != b.Name || strings.Contains(b.Name, "/"):
		return catalog.Invalid("name", "principal.name", b.Name, catalog.MaxName)
	case len(b.Key) != ed25519.PublicKeySize:
		return catalog.Invalid("key", "key.size", len(b.Key), ed25519.PublicKeySize)
	case len(b.Receiving) == 0 && b.Role == catalog.RoleOperator:
		return nil // operators receive nothing
	case len(b.Receiving) != catalog.ReceivingKeySize:
		return catalog.Invalid("receiving", "receiving.size", len(b.Receiving), catalog.ReceivingKeySize)
	}
	return nil
}
