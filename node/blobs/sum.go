package blobs

import (
	"context"
	"fmt"
	"strings"

	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/rollup"
)

// Sum adds tiles of one column and block up, by rollups where they serve and by the tiles where they do not,
// and tells added of every step how many tiles it was. The sum, and the number of tiles that it
// says it is of, are those of Accumulate, bit for bit (ROLLUPS.md). Rollups that are not kept yet are made.
func (s *Store) Sum(ctx context.Context, t rollup.Tiles, acc *he.Accumulator, added func(tiles int)) error {
	for _, p := range t.Cover() {
		if err := s.add(ctx, t, p, acc, added); err != nil {
			return err
		}
	}
	return nil
}

// add adds one piece of a sum.
func (s *Store) add(ctx context.Context, t rollup.Tiles, p rollup.Piece, acc *he.Accumulator, added func(tiles int)) error {
	if !p.Rollup || s.Rollups == nil {
		return s.Accumulate(ctx, t.Digests(p), acc, added)
	}
	k := rollupKey{t.Manifest, t.Name(p)}
	begun := s.Rollups.begin()
	leave, err := s.Cores.Enter(ctx)
	if err != nil {
		return err
	}
	used := s.Rollups.use(k, func(sum []byte) error { return acc.Add(sum) })
	leave()
	if used {
		added(p.Len())
		return nil
	}
	made := acc.Empty()
	for _, part := range t.Parts(p) {
		if part.Rollup && part.Len() < rollup.Large {
			part.Rollup = false
		}
		if err := s.add(ctx, t, part, made, added); err != nil {
			return err
		}
	}
	sum, err := made.Bytes()
	if err != nil {
		return fmt.Errorf("make the sum of tiles %d to %d: %w", p.From, p.To-1, err)
	}
	s.Rollups.keep(k, sum, begun)
	return acc.Add(sum)
}

// Doubt removes the rollups of the column and block that tiles are of, and has those that are being made
// not kept: what members compared was not equal, and whatever was read for it may be wrong. What is summed up next
// is read from tiles.
func (s *Store) Doubt(t rollup.Tiles) {
	if s.Rollups == nil {
		return
	}
	of := fmt.Sprintf("%d.%d.", t.Column, t.Block)
	s.Rollups.drop(func(k rollupKey) bool { return k.manifest == t.Manifest && strings.HasPrefix(k.name, of) })
}
