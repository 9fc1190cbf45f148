package publish

import (
	"context"

	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
)

// Dominance holds what is going to be published against the p % rule
// (panel.Dominance), with the plaintext that is here alone. Of an append it looks at
// the periods whose readings are all here. c may be nil where the data makes its own
// registry.
func Dominance(ctx context.Context, c *client.Client, p *Prepared, percent panel.Percent) (*panel.Dominance, error) {
	d := p.Source.Descriptor
	var table RegistryTable
	if !d.Policy.Public && percent > 0 {
		var err error
		if table, err = attributeTable(ctx, c, p); err != nil {
			return nil, err
		}
	}
	return p.Panel.Dominance(d, panel.Attributes{Columns: table.Columns, Rows: table.Rows}, percent, p.appended.unknown)
}
