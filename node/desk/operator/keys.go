package operator

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/client/nodestatus"
	"github.com/weirdata/weir/node/desk/route"
)

// Keys answers GET /api/keys.
type Keys struct {
	Keys []Key `json:"keys"`
	// Vectors are the private vectors, as the node tells that is behind most.
	Vectors wire.VectorShares `json:"vectors"`
	Every   int64             `json:"every,omitempty"` // how old shares may get, in milliseconds; 0: as old as they will
}

// Key is a publisher's key. Times are Unix milliseconds.
type Key struct {
	Publisher string `json:"publisher"`
	Name      string `json:"name"`
	Key       string `json:"key,omitempty"` // absent: the nodes have not begun to make it
	Epoch     uint64 `json:"epoch"`
	Threshold int    `json:"threshold"`
	Since     int64  `json:"since,omitempty"`
	// Step is where its ceremony is, or its next sharing: a state of the ledger; ready: nothing is under way.
	Step  string `json:"step"`
	Waits string `json:"waits,omitempty"` // what for, in a sentence
	Nodes []Part `json:"nodes"`
}

// In is the keys with their sentences in a language.
func (all Keys) In(l explain.Language) Keys {
	all.Keys = slices.Clone(all.Keys)
	for i := range all.Keys {
		all.Keys[i].Waits = route.NodeIn(l, all.Keys[i].Waits)
	}
	return all
}

// Part is a node's part in a key.
type Part struct {
	Node  string `json:"node"`
	Waits bool   `json:"waits,omitempty"` // the present step waits for it
	Lacks bool   `json:"lacks,omitempty"` // it has no share in force: its machine was replaced
	Unfit bool   `json:"unfit,omitempty"` // a canary found its share unfit
}

// Steps of a key that are no state of the ledger.
const (
	StepUnbegun = "unbegun" // its ceremony has not begun
	StepErasing = "erasing" // the shares before are being erased
)

func (o *Operator) keys(ctx context.Context, _ none) (Keys, error) {
	list, err := o.statuses(ctx)
	if err != nil {
		return Keys{}, err
	}
	cluster, err := o.client.Cluster(ctx)
	if err != nil {
		return Keys{}, err
	}
	keys, err := client.PublishersKeys(ctx, o.client)
	if err != nil {
		return Keys{}, err
	}
	out := Keys{Keys: []Key{}}
	for _, n := range list {
		if n.Status == nil {
			continue
		}
		s := n.Status.Shares
		out.Every = s.Every
		if v := s.Vectors; v.ToMove+v.Moving >= out.Vectors.ToMove+out.Vectors.Moving {
			out.Vectors = v
		}
	}
	for _, of := range keys {
		if of.Key == nil {
			out.Keys = append(out.Keys, unbegun(of.Publisher, cluster, list))
		} else {
			out.Keys = append(out.Keys, keyOf(of.Publisher, *of.Key, cluster, list))
		}
	}
	return out, nil
}

// unbegun is a key whose ceremony waits for nodes to be up: which do not answer.
func unbegun(p catalog.Principal, cluster catalog.Cluster, list []nodestatus.Node) Key {
	out := Key{Publisher: p.ID, Name: p.Name, Step: StepUnbegun, Threshold: cluster.Threshold, Waits: "the nodes have not begun to make the key: all of them must be up"}
	var away []string
	for _, n := range list {
		out.Nodes = append(out.Nodes, Part{Node: n.Node, Waits: !n.Well()})
		if !n.Well() {
			away = append(away, n.Node)
		}
	}
	if len(away) > 0 {
		out.Waits += ", and it waits for " + strings.Join(away, ", ")
	}
	return out
}

// keyOf is a key with what it waits for, by node.
func keyOf(p catalog.Principal, k catalog.Key, cluster catalog.Cluster, list []nodestatus.Node) Key {
	out := Key{
		Publisher: p.ID, Name: p.Name, Key: k.ID, Epoch: k.InForce().Epoch, Threshold: k.Threshold, Since: max(k.Shared, k.Started),
		Step: stepOf(k), Waits: client.KeyWaits(k, cluster),
	}
	waits, unfit := client.KeyWaitsFor(k), unfitOf(k, list)
	nodes := slices.Clone(k.Nodes)
	for _, n := range append(slices.Clone(k.Target().Nodes), waits...) {
		if !slices.Contains(nodes, n) {
			nodes = append(nodes, n)
		}
	}
	for _, n := range nodes {
		out.Nodes = append(out.Nodes, Part{Node: n, Waits: slices.Contains(waits, n), Lacks: slices.Contains(k.Lacks, n), Unfit: slices.Contains(unfit, n)})
	}
	return out
}

// stepOf is where a key's ceremony is, or its next sharing.
func stepOf(k catalog.Key) string {
	switch {
	case k.State != catalog.KeyReady:
		return string(k.State)
	case k.Refresh != nil:
		return string(k.Refresh.State)
	case k.Retired != nil:
		return StepErasing
	}
	return string(k.State)
}

// unfitOf are the nodes whose shares of a key a canary found unfit, as any node tells.
func unfitOf(k catalog.Key, list []nodestatus.Node) (nodes []string) {
	for _, n := range list {
		if n.Status == nil {
			continue
		}
		for _, s := range n.Status.Shares.Keys {
			if s.Key == k.ID {
				nodes = append(nodes, s.Unfit...)
			}
		}
	}
	return nodes
}

// keyed is a publisher, whose key is meant.
type keyed struct {
	Publisher string `path:"publisher"`
}

func (o *Operator) refresh(ctx context.Context, in keyed) (none, error) {
	k, err := o.client.PublisherKey(ctx, in.Publisher)
	if err != nil {
		return none{}, fmt.Errorf("read the key of publisher %.20s: %w", in.Publisher, err)
	}
	return none{}, govern.RefreshKey(ctx, o.client, k.ID)
}
