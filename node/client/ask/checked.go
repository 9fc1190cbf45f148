package ask

import (
	"fmt"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/checked"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// LieError is returned when the sets that opened a checked answer do not agree, and do not tell which figure is right:
// some node has lied, or its disk or key share is at fault. There is no figure.
type LieError struct {
	Query string
	Nodes []string // that opened it
	Sets  int
	Few   bool // they were one more than open together: of two more, one liar would have been outvoted
}

// Error implements error.
func (e *LieError) Error() string {
	why := "more than one node has lied or is at fault"
	if e.Few {
		why = "one of them has lied or is at fault, and of one node more than open together the answers do not tell which"
	}
	return fmt.Sprintf("the %d sets of nodes that opened query %s do not agree (nodes %s): %s; no figure is printed",
		e.Sets, e.Query, strings.Join(e.Nodes, ", "), why)
}

// openChecked opens the shares of a checked answer, adds them up set by set and compares the sums (PROTOCOL.md
// section 3.7): those that hold, centred, and what the comparison told. A share that cannot be read is like one that
// lies: the sets that its node is in have no answer. q.Plan is the plan's digest.
func openChecked(c *client.Client, p he.Parameters, q catalog.Query, a catalog.Attempt, plan *plan.Plan, shares []wire.SealedShare) ([]int64, *result.Checked, error) {
	if err := checkMembers(c, len(a.Active), q, shares); err != nil {
		return nil, nil, err
	}
	sets, aad := checked.SetsOf(a), seal.CheckedAAD(q.Context, q.Plan, q.Envelope, len(a.Active), a.SetOf)
	byNode := map[string]map[int]seal.SetShare{}
	for _, s := range shares {
		if list, err := openSets(c, s, aad, sets, plan.Width, p.T()); err == nil {
			byNode[s.Node] = list
		}
	}
	answers := make([][]uint64, len(sets))
	for i, set := range sets {
		sums, whole := make([]uint64, plan.Width+1), true // the parity last
		for _, node := range set.Members {
			share, read := byNode[node][i]
			if whole = whole && read; !whole {
				break
			}
			if err := p.AddMod(sums, append(share.Values, share.Parity)); err != nil {
				return nil, nil, fmt.Errorf("add the share of node %s: %w", node, err)
			}
		}
		if whole && sums[plan.Width] == 0 {
			answers[i] = sums[:plan.Width]
		}
	}
	got := checked.Compare(len(a.Active), a.SetOf, answers)
	if got.Answer == nil {
		return nil, nil, &LieError{q.ID, a.Active, len(sets), len(a.Active) == a.SetOf+1}
	}
	told := &result.Checked{Members: a.Active, Sets: len(sets), Agree: got.Agree}
	for _, i := range got.Suspects {
		told.Suspects = append(told.Suspects, a.Active[i])
	}
	return centred(p, got.Answer), told, nil
}

// openSets opens a node's shares of the sets that it is in, by their numbers.
func openSets(c *client.Client, share wire.SealedShare, aad []byte, sets []checked.Set, width int, modulus uint64) (map[int]seal.SetShare, error) {
	var in []int
	for i, s := range sets {
		if s.Has(share.Node) {
			in = append(in, i)
		}
	}
	plain, err := c.Key().Open([]byte(seal.CheckedInfo), aad, share.Sealed)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	list, err := seal.DecodeChecked(plain, in, width, modulus)
	out := map[int]seal.SetShare{}
	for _, s := range list {
		out[s.Set] = s
	}
	return out, err
}
