package client

import (
	"context"
	"fmt"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
)

// RefreshWaits says what a refresh waits for; "": it is done.
func RefreshWaits(k catalog.Key) string {
	nodes := strings.Join(k.RefreshWaits(), ", ")
	switch r := k.Refresh; {
	case r == nil && k.Retired == nil:
		return ""
	case r == nil:
		return "new shares are in force; waiting for the old one to be erased by " + nodes
	case r.State == catalog.KeyWanted:
		return "waiting until all nodes are up"
	case r.State == catalog.KeyFailed:
		return fmt.Sprintf("attempt %d failed (%s); the next begins when all nodes are up", r.Attempt, explain.Reason(r.Reason))
	case nodes != "":
		return fmt.Sprintf("attempt %d is %s and waits for %s", r.Attempt, r.State, nodes)
	}
	return fmt.Sprintf("attempt %d is %s", k.Refresh.Attempt, k.Refresh.State)
}

// KeyPlace is among whom a publisher's key is shared.
type KeyPlace struct {
	Publisher string   `json:"publisher"`
	Name      string   `json:"name"`
	Key       string   `json:"key"`
	Epoch     uint64   `json:"epoch"`
	Threshold int      `json:"threshold"`
	Nodes     []string `json:"nodes"`
	Waits     string   `json:"waits,omitempty"`
}

// PublishersKey is a publisher and the publisher's key.
type PublishersKey struct {
	Publisher catalog.Principal
	Key       *catalog.Key // nil: the nodes have not begun to make it
}

// PublishersKeys reads the keys of all publishers.
func PublishersKeys(ctx context.Context, c *Client) (all []PublishersKey, err error) {
	principals, err := Principals.All(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, p := range principals {
		if p.Role != catalog.RolePublisher {
			continue
		}
		k, err := c.PublisherKey(ctx, p.ID)
		switch {
		case IsNotFound(err):
			all = append(all, PublishersKey{Publisher: p})
		case err != nil:
			return nil, fmt.Errorf("read the key of %s: %w", p.Name, err)
		default:
			all = append(all, PublishersKey{p, &k})
		}
	}
	return all, nil
}

// KeyPlaces says where publishers' keys are, and what those wait for that are not shared among the
// present roster.
func KeyPlaces(ctx context.Context, c *Client, cluster catalog.Cluster) ([]KeyPlace, error) {
	keys, err := PublishersKeys(ctx, c)
	if err != nil {
		return nil, err
	}
	all := []KeyPlace{}
	for _, of := range keys {
		if k := of.Key; k != nil {
			all = append(all, KeyPlace{of.Publisher.ID, of.Publisher.Name, k.ID, k.InForce().Epoch, k.Threshold, k.Nodes, sharingWaits(*k, cluster)})
		}
	}
	return all, nil
}

// sharingWaits says what the sharing of a key waits for, and whether it is not that of the present roster.
func sharingWaits(k catalog.Key, cluster catalog.Cluster) string {
	waits := RefreshWaits(k)
	if waits == "" && k.State == catalog.KeyReady && !k.Roster().Equal(cluster.Roster()) {
		return "its publisher has not let it move (`weir key move`)"
	}
	return waits
}

// KeyWaits says what a key waits for: the ceremony that makes it, or its next sharing; "": nothing is under way.
func KeyWaits(k catalog.Key, cluster catalog.Cluster) string {
	if k.State != catalog.KeyReady {
		return keyProgress(k)
	}
	return sharingWaits(k, cluster)
}

// KeyWaitsFor are the nodes that the present step of a key's ceremony or of its next sharing waits for.
func KeyWaitsFor(k catalog.Key) []string {
	if k.State != catalog.KeyReady {
		return ceremonyWaitsFor(k)
	}
	return k.RefreshWaits()
}
