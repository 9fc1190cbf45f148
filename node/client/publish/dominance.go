package publish

import (
	"context"
	"fmt"

	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
)

// Dominance holds what is going to be published against the p % rule
// (panel.Dominance), with the plaintext that is here alone. Of an append it looks at
// the periods whose readings are all here. c may be nil where the data makes its own
// registry.
func Dominance(ctx context.Context, c *client.Client, p *Prepared, percent panel.Percent) (*panel.Dominance, error) {
	attributes := panel.Attributes{Columns: p.Registry.Columns, Rows: p.Registry.Rows}
	d := p.Source.Descriptor
	if p.Registry.ID == "" && !d.Policy.Public && percent > 0 {
		r, err := c.Registry(ctx, d.Registry)
		if err != nil {
			return nil, fmt.Errorf("read registry %s: %w", d.Registry, err)
		}
		attributes.Columns = r.Columns
		if attributes.Rows, err = c.RegistryRows(ctx, d.Registry, r.Rows); err != nil {
			return nil, err
		}
	}
	from := 0
	if p.appended != nil {
		from = p.appended.unknown
	}
	return p.Panel.Dominance(d, attributes, percent, from)
}
