package catalog

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
)

// found applies the first entry of a cluster. Its signer is known from nothing
// but its own body, so here alone the payload is read before the signature is
// verified.
func (c *call) found(e Envelope) error {
	p, err := ParsePayload(e.Payload)
	if err != nil {
		return refuse(RefusedInvalid, "payload", "%v", err)
	}
	if p.Kind != KindInit {
		return conflict("no_cluster", "the cluster is not founded yet, and %.80q does not found it", p.Kind)
	}
	var body InitBody
	if err := decodeStrict(p.Body, &body); err != nil {
		return refuse(RefusedInvalid, "body", "%s: %v", p.Kind, err)
	}
	if !e.Verify(body.Operator.Key) || e.Signer != PrincipalID(body.Operator.Key) {
		return refuse(RefusedSignature, "signature", "the founding is not signed by the operator it names")
	}
	c.payload = p
	if r := c.checkMeant(e.Signer, ""); r != nil {
		return r
	}
	if r := checkFounding(body); r != nil {
		return r
	}
	c.out.Kind, c.record = p.Kind, true
	return c.run(func(c *call) error {
		c.cluster = &Cluster{ID: c.digest, Name: body.Name, Threshold: body.Threshold, Nodes: body.Nodes}
		if err := put(c.tx, keyCluster, c.cluster); err != nil {
			return err
		}
		return addPrincipal(c, body.Operator)
	})
}

func checkFounding(b InitBody) *Refusal {
	n := len(b.Nodes)
	switch {
	case !isText(b.Name, maxName) || b.Name == "":
		return invalid("name", "the cluster's name must be a text of 1 to %d bytes", maxName)
	case n < 2 || n > MaxNodes:
		return invalid("nodes", "%d nodes, 2 to %d are possible", n, MaxNodes)
	case b.Threshold < 2 || b.Threshold > n:
		return invalid("threshold", "threshold %d of %d nodes, 2 to %d are possible", b.Threshold, n, n)
	case b.Operator.Role != RoleOperator:
		return invalid("operator.role", "the founder is an %q, want %q", b.Operator.Role, RoleOperator)
	}
	taken := map[string]string{"key " + string(b.Operator.Key): "the operator"}
	for i, node := range b.Nodes {
		if r := checkNode(fmt.Sprintf("nodes[%d]", i), node, i+1, taken); r != nil {
			return r
		}
	}
	return nil
}

// checkNode checks one member of the roster; taken holds what the others have.
func checkNode(at string, n Node, point int, taken map[string]string) *Refusal {
	switch {
	case !isLabel(n.ID) || len(nodePrefix+n.ID) > maxSigner:
		return invalid(at+".id", "%.80q is not a node's name: [a-z0-9][a-z0-9._-]*, at most %d bytes", n.ID, maxSigner-len(nodePrefix))
	case n.Point != point:
		return invalid(at+".point", "point %d, want %d: points are 1 to n in the roster's order", n.Point, point)
	case n.Addr == "" || !isText(n.Addr, MaxCell):
		return invalid(at+".addr", "%.80q is not an address for peers", n.Addr)
	case !strings.HasPrefix(n.API, "https://") || !isText(n.API, MaxCell):
		return invalid(at+".api", "%.80q is not an https URL for clients", n.API)
	case len(n.Key) != ed25519.PublicKeySize:
		return invalid(at+".key", "the key has %d bytes, an Ed25519 public key has %d", len(n.Key), ed25519.PublicKeySize)
	case len(n.Sealing) != ReceivingKeySize:
		return invalid(at+".sealing", "the sealing key has %d bytes, an MLKEM768X25519 public key has %d", len(n.Sealing), ReceivingKeySize)
	}
	own := [...]struct{ what, value string }{
		{"id", n.ID}, {"addr", n.Addr}, {"api", n.API}, {"key", string(n.Key)}, {"sealing", string(n.Sealing)},
	}
	for _, o := range own {
		if other, used := taken[o.what+" "+o.value]; used {
			return invalid(at+"."+o.what, "the %s is also that of %s", o.what, other)
		}
		taken[o.what+" "+o.value] = "node " + n.ID
	}
	return nil
}

// addPrincipal admits an organisation.
func addPrincipal(c *call, b PrincipalAdd) error {
	if r := checkPrincipal(b); r != nil {
		return r
	}
	for _, n := range c.cluster.Nodes {
		if string(n.Key) == string(b.Key) {
			return conflict("key", "the key is that of node %s", n.ID)
		}
	}
	id := PrincipalID(b.Key)
	known, err := find[Principal](c.tx, prefixPrincipal+id)
	if err == nil {
		return conflict("key", "the key is that of principal %s, called %q", known.ID, known.Name)
	}
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	taken, err := has(c.tx, prefixPrincipalName+b.Name)
	if err != nil {
		return err
	}
	if taken {
		return conflict("name", "another principal is called %q", b.Name)
	}
	p := Principal{ID: id, Name: b.Name, Role: b.Role, Key: b.Key, Receiving: b.Receiving, Admitted: c.now}
	if err := put(c.tx, prefixPrincipal+id, p); err != nil {
		return err
	}
	if err := putName(c.tx, prefixPrincipalName+b.Name, id); err != nil {
		return err
	}
	if b.Role == RolePublisher {
		if err := c.todo(true, prefixTodoKey+id, ""); err != nil {
			return err
		}
	}
	c.out.ID = id
	return nil
}

func checkPrincipal(b PrincipalAdd) *Refusal {
	switch b.Role {
	case RoleOperator, RolePublisher, RoleBuyer:
	default:
		return invalid("role", "unknown role %.40q", b.Role).withFix("roles are %s, %s and %s", RoleOperator, RolePublisher, RoleBuyer)
	}
	switch {
	case b.Name == "" || !isText(b.Name, maxName) || strings.TrimSpace(b.Name) != b.Name || strings.Contains(b.Name, "/"):
		return invalid("name", "%.80q is not a name: 1 to %d bytes without a slash or space around", b.Name, maxName)
	case len(b.Key) != ed25519.PublicKeySize:
		return invalid("key", "the key has %d bytes, an Ed25519 public key has %d", len(b.Key), ed25519.PublicKeySize)
	case len(b.Receiving) == 0 && b.Role == RoleOperator:
		return nil // operators receive nothing
	case len(b.Receiving) != ReceivingKeySize:
		return invalid("receiving", "the receiving key has %d bytes, an MLKEM768X25519 public key has %d", len(b.Receiving), ReceivingKeySize)
	}
	return nil
}
