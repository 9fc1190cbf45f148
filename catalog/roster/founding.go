package roster

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
)

// SeatOperators are the operators that a founding admits: the founder, and whoever else
// has a seat, under the institution's name.
func SeatOperators(b catalog.InitBody) []catalog.PrincipalAdd {
	list := []catalog.PrincipalAdd{b.Operator}
	for _, n := range b.Nodes {
		if !slices.ContainsFunc(list, func(o catalog.PrincipalAdd) bool { return bytes.Equal(o.Key, n.Operator) }) {
			list = append(list, catalog.PrincipalAdd{Name: n.Institution, Role: catalog.RoleOperator, Key: n.Operator})
		}
	}
	return list
}

// CheckFounding refuses a founding that makes no cluster.
func CheckFounding(b catalog.InitBody) *catalog.Refusal {
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
	if r := CheckPrincipal(b.Operator); r != nil {
		return r
	}
	taken := TakenBy(SeatOperators(b))
	for i, node := range b.Nodes {
		if r := CheckNode(fmt.Sprintf("nodes[%d]", i), node, i+1, taken); r != nil {
			return r
		}
	}
	for i, node := range b.Nodes {
		for _, o := range SeatOperators(b) {
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

// TakenBy says of which keys no node may be had.
func TakenBy(operators []catalog.PrincipalAdd) map[string]string {
	taken := map[string]string{}
	for _, o := range operators {
		taken["key "+string(o.Key)] = ""
	}
	return taken
}

// CheckNode checks one member of the roster; taken says which node has what, and no node
// of what an operator has.
func CheckNode(at string, n catalog.Node, point int, taken map[string]string) *catalog.Refusal {
	switch {
	case !catalog.IsLabel(n.ID) || len(catalog.NodeSigner(n.ID)) > catalog.MaxSigner:
		return catalog.Invalid(at+".id", "node.name", n.ID, catalog.MaxSigner-len(catalog.NodeSigner("")))
	case n.Point != point:
		return catalog.Invalid(at+".point", "node.point", n.Point, point)
	case CheckPrincipal(catalog.PrincipalAdd{Name: n.Institution, Role: catalog.RoleOperator, Key: n.Operator}) != nil:
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

// CheckPrincipal refuses an organisation that cannot be admitted.
func CheckPrincipal(b catalog.PrincipalAdd) *catalog.Refusal {
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
