package node

import (
	"context"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/backup"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/founding"
)

// Rehearsed is a cluster that has answered, was backed up, and is gone, for tests of what this package cannot import.
type Rehearsed struct {
	Archive backup.Archive
	Genesis founding.Genesis
	Nodes   []catalog.Node
	Queries int
}

// Rehearse makes one.
func Rehearse(ctx context.Context, t *testing.T) Rehearsed {
	t.Helper()
	x := newFirms(ctx, t, 3, 2)
	r := Rehearsed{Genesis: x.genesis, Nodes: x.body.Nodes}
	for _, sql := range []string{"SELECT county, SUM(co2) FROM firms GROUP BY county", "SELECT SUM(co2) FROM firms WHERE county <> 'c1'"} {
		if _, err := ask.Query(ctx, x.buyer, sql, ask.Options{}); err != nil {
			t.Fatal(err)
		}
		r.Queries++
	}
	r.Archive = x.prepare(ctx, t).archive
	for _, n := range x.body.Nodes {
		x.close(n.ID)
	}
	return r
}

// RehearsalContext is testContext.
func RehearsalContext(t *testing.T) context.Context { return testContext(t) }
