package ask

import (
	"context"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
)

// Accounted is a contract with its account of epsilon, where its dataset's policy offers noised answers.
type Accounted struct {
	catalog.Contract
	Noise *catalog.Account `json:"epsilon_account,omitempty"`
}

// WithAccounts looks up the policies that contracts are under.
func WithAccounts(ctx context.Context, c *client.Client, contracts []catalog.Contract) ([]Accounted, error) {
	out := make([]Accounted, len(contracts))
	policies := map[string]catalog.Policy{}
	for i, k := range contracts {
		p, known := policies[k.Dataset]
		if !known {
			d, err := c.Dataset(ctx, k.Dataset)
			if err != nil {
				return nil, err
			}
			p = d.Descriptor.Policy
			policies[k.Dataset] = p
		}
		out[i].Contract = k
		if account, ok := k.NoiseAccount(p); ok {
			out[i].Noise = &account
		}
	}
	return out, nil
}
