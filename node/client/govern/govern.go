// Package govern is what the operators of seats decide about a cluster: who is admitted, who has a seat, and when what
// nodes share is shared anew. Where publishers have a word in it, namely whether their keys move to a roster, it is theirs.
package govern

import (
	"context"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/node/client"
)

// AddPrincipal admits an organisation in a role; the client's key must be an
// operator's. It returns the principal's id.
func AddPrincipal(ctx context.Context, c *client.Client, p client.PublicKey, role catalog.Role) (string, error) {
	done, err := c.Submit(ctx, catalog.KindPrincipalAdd, catalog.PrincipalAdd{
		Name: p.Name, Role: role, Key: p.Key, Receiving: p.Receiving,
	})
	return done.Outcome.ID, err
}

// RefreshKey asks the nodes to share a publisher's key anew; the client's key must be an
// operator's. All nodes have to be up for it, and it is done once Key.Refresh and Key.Retired
// are nil again.
func RefreshKey(ctx context.Context, c *client.Client, key string) error {
	_, err := c.Submit(ctx, catalog.KindKeyRefresh, catalog.KeyRefresh{Key: key})
	return err
}

// RefreshVectors has all private vectors shared anew among the nodes of the roster.
func RefreshVectors(ctx context.Context, c *client.Client) error {
	_, err := c.Submit(ctx, catalog.KindVectorRefresh, resharing.Refresh{})
	return err
}

// RefreshEvery has keys and private vectors shared anew whenever their shares are that old; 0:
// never.
func RefreshEvery(ctx context.Context, c *client.Client, age time.Duration) error {
	_, err := c.Submit(ctx, catalog.KindRefreshEvery, resharing.Every{Every: age.Milliseconds()})
	return err
}
