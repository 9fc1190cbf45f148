package operator

import (
	"context"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/backup"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/desk/route"
	"github.com/weirdata/weir/node/objects"
)

// Backups answers GET /api/backups.
type Backups struct {
	// Archive is where the backups are; empty: the desk was not told.
	Archive string        `json:"archive"`
	Backups []Backup      `json:"backups"`          // the newest first
	Damaged []string      `json:"damaged"`          // manifests of it that cannot be read, and why
	Away    *wire.Problem `json:"away,omitempty"`   // the archive cannot be read
	Drill   *wire.Drill   `json:"drill,omitempty"`  // what was reported of drills
	Sound   bool          `json:"sound"`            // the last one found a backup sound
	Differs int           `json:"differs"`          // how much the last one found to differ
	Behind  []string      `json:"behind,omitempty"` // nodes of which no deposit is current
	// Deposits of nodes' shares, the newest first.
	Deposits []Deposit           `json:"deposits"`
	Restores []recovery.Restored `json:"restores"`
}

// In is the list with its sentences in a language.
func (all Backups) In(l explain.Language) Backups {
	all.Damaged, all.Away = route.NodesIn(l, all.Damaged), route.In(l, all.Away)
	return all
}

// Backup is a backup of the archive.
type Backup struct {
	Backup  string         `json:"backup"`
	Made    int64          `json:"made"`
	Entries uint64         `json:"entries"`
	Root    catalog.Digest `json:"root"`
	Blobs   int            `json:"blobs"`
	Bytes   int64          `json:"bytes"`
	Other   bool           `json:"other,omitempty"` // it is of another cluster than the desk's
}

// Deposit is a deposit of a node's share with custodians.
type Deposit struct {
	Deposit    catalog.Digest `json:"deposit"`
	Node       string         `json:"node"`
	Made       int64          `json:"made"`
	Threshold  int            `json:"threshold"`
	Custodians int            `json:"custodians"`
	Current    bool           `json:"current"` // it has all that its node has
	Void       bool           `json:"void"`    // another machine is in the seat
	Burned     bool           `json:"burned"`  // it was used
	Keys       int            `json:"keys"`    // of which it has no share in force
	Vectors    int            `json:"vectors"` // likewise
}

func (o *Operator) backups(ctx context.Context, _ none) (Backups, error) {
	list, err := o.statuses(ctx)
	if err != nil {
		return Backups{}, err
	}
	out := Backups{Archive: o.options.Archive, Backups: []Backup{}, Damaged: []string{}, Deposits: []Deposit{}}
	var newest uint64
	for _, n := range list { // of the node that is furthest
		if s := n.Status; s != nil && s.Drill != nil && s.Ledger.Applied >= newest {
			out.Drill, newest = s.Drill, s.Ledger.Applied
			out.Sound, out.Differs = s.Drill.At > 0 && s.Drill.Sound(), s.Drill.Differs()
		}
	}
	deposits, err := client.Deposits.All(ctx, o.client)
	if err != nil {
		return Backups{}, err
	}
	current := map[string]bool{}
	for _, d := range deposits {
		current[d.Node] = current[d.Node] || d.Current()
		out.Deposits = append(out.Deposits, Deposit{
			Deposit: d.Register.Deposit, Node: d.Node, Made: d.Made, Threshold: d.Threshold, Custodians: len(d.Custodians),
			Current: d.Current(), Void: d.Void, Burned: d.Standing.Burned, Keys: d.Keys, Vectors: d.Vectors,
		})
	}
	slices.SortStableFunc(out.Deposits, func(a, b Deposit) int { return int(min(1, max(-1, b.Made-a.Made))) })
	for _, n := range o.client.Profile().Nodes {
		if !current[n.ID] {
			out.Behind = append(out.Behind, n.ID)
		}
	}
	if out.Restores, err = audit.Restores(ctx, o.client); err != nil {
		return Backups{}, err
	}
	o.list(ctx, &out)
	return out, ctx.Err()
}

// list lists the backups of the archive. One that cannot be reached takes away nothing else.
func (o *Operator) list(ctx context.Context, out *Backups) {
	if o.options.Archive == "" {
		return
	}
	store, err := objects.Open(o.options.Archive, nil)
	if err != nil {
		out.Away = route.ProblemOf(err)
		return
	}
	all, err := backup.List(ctx, store, func(err error) { out.Damaged = append(out.Damaged, err.Error()) })
	if err != nil {
		out.Away = route.ProblemOf(err)
		return
	}
	for _, m := range slices.Backward(all) {
		out.Backups = append(out.Backups, Backup{m.Name(), m.Made, m.Size, m.Root, len(m.Blobs), m.Bytes(), m.Cluster != o.client.Profile().Cluster})
	}
}
