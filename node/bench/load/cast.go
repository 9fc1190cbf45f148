package load

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/dev"
)

// dataset is the id of the dataset that is asked for.
const dataset = "load"

// buyer is an organisation that the clients ask for.
type buyer struct {
	key      *client.Key
	contract string
}

// prepare publishes the dataset unless it is there, and admits new buyers with a contract
// each.
func prepare(ctx context.Context, cluster *dev.Cluster) ([]buyer, error) {
	bureau, err := cluster.Client(dev.Bureau)
	if err != nil {
		return nil, err
	}
	defer bureau.Close()
	if err := publishOnce(ctx, bureau); err != nil {
		return nil, err
	}
	operator, err := cluster.Client(dev.Operator)
	if err != nil {
		return nil, err
	}
	defer operator.Close()
	all := make([]buyer, buyers)
	for i := range all {
		if all[i], err = admit(ctx, cluster.Profile(), operator, bureau, i); err != nil {
			return nil, fmt.Errorf("admit buyer %d: %w", i, err)
		}
	}
	return all, nil
}

func publishOnce(ctx context.Context, bureau *client.Client) error {
	d, err := bureau.Dataset(ctx, dataset)
	if d.Live > 0 || err != nil && !client.IsNotFound(err) {
		return err
	}
	src, err := panel.ReadDescriptor("load.yaml", strings.NewReader(descriptor))
	if err != nil {
		return err
	}
	file := panel.File{Name: "load.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(csv())), nil }}
	prepared, err := publish.Prepare(ctx, src, []panel.File{file}, bureau.RegistryIDs, nil)
	if err != nil {
		return err
	}
	_, err = publish.Publish(ctx, bureau, prepared, nil)
	return err
}

// admit makes a buyer that may query the dataset.
func admit(ctx context.Context, profile client.Profile, operator, bureau *client.Client, number int) (b buyer, err error) {
	if b.key, err = client.NewKey(fmt.Sprintf("load buyer %d", number)); err != nil {
		return b, err
	}
	if _, err := operator.AddPrincipal(ctx, b.key.Public(), catalog.RoleBuyer); err != nil {
		return b, err
	}
	c, err := client.New(profile, b.key, client.Options{})
	if err != nil {
		return b, err
	}
	defer c.Close()
	order, err := c.CreateOrder(ctx, catalog.OrderCreate{Dataset: dataset, Purpose: "a load test"})
	if err != nil {
		return b, err
	}
	b.contract, err = bureau.ApproveOrder(ctx, catalog.OrderApprove{Order: order})
	return b, err
}
