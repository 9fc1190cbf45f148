package tiles

import (
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

// MaxCells bounds the cells of all measures of a version, before anything is
// allocated for them: more would need more than catalog.MaxTiles tiles. A bit
// each, they take 128 MiB.
const MaxCells = 1 << 30

// ErrLayout is returned for blocks that do not cut the panel into tiles.
var ErrLayout = errors.New("bad tile layout")

// coarser is how many periods of a grain make one of the next coarser unit,
// where that number is always the same. Months and years have no fixed number
// of days; a year is the coarsest grain.
func coarser(g calendar.Grain) int {
	switch g {
	case calendar.QuarterHour:
		return 96
	case calendar.HalfHour:
		return 48
	case calendar.Hour:
		return 24
	case calendar.Month:
		return 12
	case calendar.Quarter:
		return 4
	default:
		return 1
	}
}

// Layout cuts entities into blocks of at most values entities, the number of
// slots that a tile has for cells (8191; the last slot of a ciphertext is its
// parity). Each block gets as many periods a tile as fit, rounded down to a
// multiple of the next coarser fixed unit, so that tiles do not straddle days
// (hourly and finer) or years (monthly) more often than they must; where not even one
// such unit fits, as many periods as fit.
func Layout(values, entities int, grain calendar.Grain) []catalog.Block {
	if values <= 0 || entities <= 0 {
		return nil
	}
	blocks := make([]catalog.Block, 0, (entities+values-1)/values)
	for first := 0; first < entities; first += values {
		n := min(values, entities-first)
		blocks = append(blocks, catalog.Block{First: first, Entities: n, Periods: perTile(values, n, grain)})
	}
	return blocks
}

func perTile(values, entities int, grain calendar.Grain) int {
	fit := values / entities
	if whole := fit - fit%coarser(grain); whole > 0 {
		return whole
	}
	return fit
}

// CheckBlocks verifies that the blocks cover the entities exactly, in order,
// and that every tile fits into values slots. Blocks need not be those of
// Layout: entities appended to a registry add blocks.
func CheckBlocks(blocks []catalog.Block, values, entities, periods int) error {
	switch {
	case entities <= 0 || periods <= 0:
		return fmt.Errorf("%w: %d entities and %d periods", ErrLayout, entities, periods)
	case entities > MaxCells/periods:
		return fmt.Errorf("%w: %d entities × %d periods are more than %d cells", ErrLayout, entities, periods, MaxCells)
	case len(blocks) == 0 || len(blocks) > entities:
		return fmt.Errorf("%w: %d blocks for %d entities", ErrLayout, len(blocks), entities)
	}
	next, tiles := 0, 0
	for i, b := range blocks {
		switch {
		case b.First != next:
			return fmt.Errorf("%w: block %d begins at entity %d, want %d", ErrLayout, i, b.First, next)
		case b.Entities <= 0 || b.Entities > entities-next:
			return fmt.Errorf("%w: block %d has %d entities, %d are left", ErrLayout, i, b.Entities, entities-next)
		case b.Periods <= 0 || b.Periods > values/b.Entities:
			return fmt.Errorf("%w: block %d has %d periods of %d entities a tile, which has %d values",
				ErrLayout, i, b.Periods, b.Entities, values)
		}
		next += b.Entities
		if tiles += PerBlock(b, periods); tiles > catalog.MaxTiles {
			return fmt.Errorf("%w: more than %d tiles a measure", ErrLayout, catalog.MaxTiles)
		}
	}
	if next != entities {
		return fmt.Errorf("%w: blocks hold %d of %d entities", ErrLayout, next, entities)
	}
	return nil
}

// PerBlock is how many tiles of one measure a block has over periods.
func PerBlock(b catalog.Block, periods int) int { return (periods + b.Periods - 1) / b.Periods }

// TileCount is how many tiles of one measure all blocks have over periods.
func TileCount(blocks []catalog.Block, periods int) int {
	n := 0
	for _, b := range blocks {
		n += PerBlock(b, periods)
	}
	return n
}

// TilePeriods is the half-open range of periods, counted from the version's
// first, that tile k of a block covers.
func TilePeriods(b catalog.Block, k, periods int) (from, to int) {
	from = k * b.Periods
	return from, min(from+b.Periods, periods)
}
