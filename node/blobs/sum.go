package blobs

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/rollup"
	"github.com/weirdata/weir/node/failure"
)

// Sum adds tiles of one column and block up, by rollups where they serve and by the tiles where they do not,
// and tells added of every step how many tiles it was. The sum, and the number of tiles that it
// says it is of, are those of Accumulate, bit for bit (ROLLUPS.md). Rollups that are not kept yet are made.
// added is called from several goroutines.
func (s *Store) Sum(ctx context.Context, t rollup.Tiles, acc *he.Accumulator, added func(tiles int)) error {
	return s.addAll(ctx, t, t.Cover(), acc, added)
}

// addAll adds pieces of a sum, on as many cores as are allowed: where many rollups are missing, one sum is all that
// a query, or the opening of a parity, waits for.
func (s *Store) addAll(ctx context.Context, t rollup.Tiles, pieces []rollup.Piece, acc *he.Accumulator, added func(tiles int)) error {
	return failure.Each(ctx, max(1, s.Workers), len(pieces), func(ctx context.Context, i int) error {
		return s.add(ctx, t, pieces[i], acc, added)
	})
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
	parts := t.Parts(p)
	if !slices.ContainsFunc(parts, large) {
		parts = []rollup.Piece{{From: p.From, To: p.To}} // in one go
	}
	for i := range parts {
		parts[i].Rollup = large(parts[i])
	}
	if err := s.addAll(ctx, t, parts, made, added); err != nil {
		return err
	}
	sum, err := made.Bytes()
	if err != nil {
		return fmt.Errorf("make the sum of tiles %d to %d: %w", p.From, p.To-1, err)
	}
	s.Rollups.keep(k, sum, begun)
	return acc.Add(sum)
}

// large reports whether a piece is worth keeping on the way to another rollup.
func large(p rollup.Piece) bool { return p.Rollup && p.Len() >= rollup.Large }

// Doubt removes the rollups of the column and block that tiles are of, and has those that are being made
// not kept: what members compared was not equal, and whatever was read for it may be wrong. What is summed up next
// is read from tiles, each of which is compared with its digest then.
func (s *Store) Doubt(t rollup.Tiles) {
	s.Disk.Doubt(t.All...)
	if s.Rollups == nil {
		return
	}
	of := fmt.Sprintf("%d.%d.", t.Column, t.Block)
	s.Rollups.drop(func(k rollupKey) bool { return k.manifest == t.Manifest && strings.HasPrefix(k.name, of) })
}
