package node

import (
	"cmp"
	"errors"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
)

// refuseLevel keeps a cluster from a feature level that the program of a node lacks, as far
// as this node has heard of it: one that does not answer may have an old program, and would
// stop. What was raised already the ledger says.
func (acc *access) refuseLevel(p catalog.Payload) error {
	if p.Kind != catalog.KindClusterLevel {
		return nil
	}
	var body catalog.ClusterLevel
	if err := catalog.DecodeStrict(p.Body, &body); err != nil {
		return nil //nolint:nilerr // the ledger says what is wrong with it
	}
	var old []string
	for _, id := range acc.ids() {
		v := acc.health.of(id)
		if id == acc.id {
			v.level = state.FeatureLevel
		}
		if !v.alive || cmp.Or(v.level, 1) < body.Level {
			old = append(old, id)
		}
	}
	if len(old) > 0 {
		return catalog.Conflict("level", "level.nodes", body.Level, old)
	}
	return nil
}

// levelFault says that the cluster has a feature level that this program lacks.
func (c *core) levelFault() error {
	return c.view(func(v state.View) error {
		now, err := v.Cluster()
		if err == nil && now.FeatureLevel() > state.FeatureLevel {
			err = state.ErrLevel
		}
		if errors.Is(err, records.ErrNotFound) {
			return nil
		}
		return err
	})
}
