package client

import (
	"context"
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/resharing"
	"time"
)

// AddPrincipal admits an organisation in a role; the client's key must be an
// operator's. It returns the principal's id.
func (c *Client) AddPrincipal(ctx context.Context, p PublicKey, role catalog.Role) (string, error) {
	done, err := c.Submit(ctx, catalog.KindPrincipalAdd, catalog.PrincipalAdd{
		Name: p.Name, Role: role, Key: p.Key, Receiving: p.Receiving,
	})
	return done.Outcome.ID, err
}

// RefreshKey asks the nodes to share a publisher's key anew; the client's key must be an
// operator's. All nodes have to be up for it, and it is done once Key.Refresh and Key.Retired
// are nil again.
func (c *Client) RefreshKey(ctx context.Context, key string) error {
	_, err := c.Submit(ctx, catalog.KindKeyRefresh, catalog.KeyRefresh{Key: key})
	return err
}

// RefreshVectors has all private vectors shared anew among the nodes of the roster.
func (c *Client) RefreshVectors(ctx context.Context) error {
	_, err := c.Submit(ctx, catalog.KindVectorRefresh, resharing.Refresh{})
	return err
}

// RefreshEvery has keys and private vectors shared anew whenever their shares are that old; 0:
// never.
func (c *Client) RefreshEvery(ctx context.Context, age time.Duration) error {
	_, err := c.Submit(ctx, catalog.KindRefreshEvery, resharing.Every{Every: age.Milliseconds()})
	return err
}
