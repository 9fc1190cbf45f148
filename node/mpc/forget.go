package mpc

import (
	"errors"
	"fmt"
	"strings"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/vault"
)

// EraseForgotten erases what this node has of queries that the ledger has forgotten: the noise that it drew,
// and its share of the answer, of which a threshold are the figure; and shares that no repeat finds any more.
func (qs *Queries) EraseForgotten() error {
	names, err := qs.noise.secrets.List(noisePrefix)
	if err != nil {
		return fmt.Errorf("list the noise that was drawn: %w", err)
	}
	drawn := make([]string, len(names))
	for i, name := range names {
		drawn[i] = strings.TrimPrefix(name, noisePrefix)
	}
	kept := qs.kept.queries()
	err = qs.Ledger.View(func(v state.View) (err error) {
		if drawn, err = forgotten(v, drawn); err != nil {
			return err
		}
		kept, err = forgotten(v, kept)
		return err
	})
	if err != nil {
		return fmt.Errorf("look which queries are forgotten: %w", err)
	}
	for _, query := range drawn {
		if err := qs.noise.secrets.Delete(secretNoise(query)); err != nil && !errors.Is(err, vault.ErrNotFound) {
			return fmt.Errorf("erase noise: %w", err)
		}
	}
	return qs.kept.erase(kept)
}

// forgotten are those of some queries that a state has forgotten. One that it does not have may be to come.
func forgotten(v state.View, queries []string) (gone []string, err error) {
	for _, id := range queries {
		q, err := v.Query(id)
		switch {
		case err == nil && q.Forgotten > 0:
			gone = append(gone, id)
		case err != nil && !errors.Is(err, records.ErrNotFound):
			return nil, err
		}
	}
	return gone, nil
}
