package operator

import (
	"cmp"
	"context"
	"slices"

	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client/nodestatus"
	"github.com/weirdata/weir/node/desk/route"
)

// Nodes answers GET /api/nodes.
type Nodes struct {
	Nodes  []Node `json:"nodes"`
	Leader string `json:"leader,omitempty"` // the node that leads, as the newest of the answers have it; empty: none does
	Well   int    `json:"well"`             // how many can take work
	Quorum int    `json:"quorum"`           // a majority: how many must, for the cluster to accept anything
	Level  int    `json:"level,omitempty"`  // the least feature level that a node's program has
	// Faults say in sentences what is the matter.
	Faults []string `json:"faults"`
}

// Node is how a node is. Times are Unix milliseconds. Without an answer, it has a name, an address and why.
type Node struct {
	Node    string   `json:"node"`
	Addr    string   `json:"addr"`
	Answers bool     `json:"answers"`
	Sealed  bool     `json:"sealed,omitempty"` // it says that it waits for its passphrase, and cannot prove it
	Why     string   `json:"why,omitempty"`    // it gives no status, in a sentence
	Error   string   `json:"error,omitempty"`  // that, as the network or the node has it
	Ready   bool     `json:"ready"`
	State   string   `json:"state,omitempty"` // of its part in the log: follower, candidate, leader or shutdown
	Reasons []string `json:"reasons,omitempty"`
	Waiting string   `json:"waiting,omitempty"`
	Alarms  []string `json:"alarms,omitempty"`
	Fault   string   `json:"fault,omitempty"` // of its ledger
	NoVote  string   `json:"no_vote,omitempty"`
	Lag     uint64   `json:"lag"`             // entries that another node has committed and this one has not applied
	Contact int64    `json:"last_contact_ms"` // since it heard of the leader; −1: never
	Entries uint64   `json:"entries"`
	Alive   []string `json:"alive,omitempty"`
	Version string   `json:"version,omitempty"`
	Level   int      `json:"level,omitempty"`
	// FreeBytes of its disk, and what of it the ledger's state takes.
	FreeBytes   uint64           `json:"free_bytes"`
	StateBytes  int64            `json:"state_bytes"`
	Blobs       *wire.BlobStatus `json:"blobs,omitempty"`
	SharesSince int64            `json:"shares_since,omitempty"`
	SharesDue   int64            `json:"shares_due,omitempty"`
	SharesTried int64            `json:"shares_tried,omitempty"`
	AuditBehind uint64           `json:"audit_behind,omitempty"`
}

func (o *Operator) nodes(ctx context.Context, _ none) (Nodes, error) {
	list, err := o.statuses(ctx)
	if err != nil {
		return Nodes{}, err
	}
	return nodesOf(list), nil
}

// nodesOf is what the nodes' answers come to.
func nodesOf(list []nodestatus.Node) Nodes {
	out := Nodes{Nodes: []Node{}, Quorum: len(list)/2 + 1, Faults: []string{}}
	committed, term := uint64(0), uint64(0)
	for _, n := range list {
		if n.Status == nil {
			continue
		}
		l := n.Status.Ledger
		committed = max(committed, l.Commit)
		if leader := leaderOf(n.Node, l); leader != "" && l.Term >= term {
			out.Leader, term = leader, l.Term
		}
		if level := max(n.Status.Level, 1); out.Level == 0 || level < out.Level {
			out.Level = level
		}
	}
	for _, n := range list {
		if n.Well() {
			out.Well++
		}
		out.Nodes = append(out.Nodes, nodeOf(n, committed))
	}
	for _, fault := range nodestatus.Faults(plainly(list)) {
		out.Faults = append(out.Faults, fault.Error())
	}
	return out
}

// plainly are nodes with why they give no status in plain sentences.
func plainly(list []nodestatus.Node) []nodestatus.Node {
	out := slices.Clone(list)
	for i := range out {
		out[i].Error = whyOf(out[i])
	}
	return out
}

// whyOf is why a node gives no status: what it says itself as it is, and what the network says in a plain sentence.
func whyOf(n nodestatus.Node) string {
	if n.Problem != nil {
		return n.Error
	}
	return cmp.Or(route.Plain(n.Error), n.Error)
}

// In is the nodes with their sentences in a language.
func (all Nodes) In(l explain.Language) Nodes {
	all.Faults = route.NodesIn(l, all.Faults)
	all.Nodes = slices.Clone(all.Nodes)
	for i, n := range all.Nodes {
		n.Why, n.Waiting, n.Fault, n.NoVote = route.NodeIn(l, n.Why), route.NodeIn(l, n.Waiting), route.NodeIn(l, n.Fault), route.NodeIn(l, n.NoVote)
		n.Reasons, n.Alarms = route.NodesIn(l, n.Reasons), route.NodesIn(l, n.Alarms)
		all.Nodes[i] = n
	}
	return all
}

// leaderOf is who leads by what a node says: it itself, or whom it follows.
func leaderOf(node string, l wire.LedgerStatus) string {
	if l.State == "leader" {
		return node
	}
	return l.Leader
}

// nodeOf is how a node is, where so many entries are known to be committed.
func nodeOf(n nodestatus.Node, committed uint64) Node {
	out := Node{Node: n.Node, Addr: n.Addr, Sealed: n.Sealed, Why: whyOf(n), Error: n.Error, Contact: -1}
	s := n.Status
	if s == nil {
		return out
	}
	l := s.Ledger
	out.Answers, out.Ready, out.State, out.Reasons, out.Waiting, out.Alarms = true, s.Ready, l.State, s.Reasons, s.Waiting, s.Alarms
	out.Fault, out.NoVote, out.Contact, out.Entries, out.Alive = l.Fault, l.NoVote, l.LastContactMS, l.Entries, s.Alive
	out.Version, out.Level, out.FreeBytes, out.StateBytes, out.Blobs = s.Version, cmp.Or(s.Level, 1), l.FreeBytes, l.StateBytes, &s.Blobs
	out.SharesSince, out.SharesDue, out.SharesTried, out.AuditBehind = s.Shares.Since(), s.Shares.Due(), s.Shares.Tried(), s.AuditBehind
	out.Lag = committed - min(committed, l.Applied)
	return out
}
