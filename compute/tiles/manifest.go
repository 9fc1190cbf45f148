package tiles

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/strictjson"
)

// ManifestVersion is the version of the manifest's encoding.
const ManifestVersion = 1

// MaxManifest bounds the bytes of a manifest that is read: catalog.MaxTiles
// tiles take 67 each.
const MaxManifest = 16 << 20

// ErrManifest is returned for a manifest that is malformed or contradicts what
// was proposed.
var ErrManifest = errors.New("bad manifest")

// Manifest lists the tiles of one dataset version: Tiles[column][block][k] is
// the digest of tile k, whose periods begin k·Blocks[block].Periods after First.
// Measures names the columns: the dataset's measures, and behind them their
// companions (catalog.Descriptor.TileColumns), which older versions do not have.
// Entities, First, Periods and Blocks are those of catalog.VersionPropose.
type Manifest struct {
	Version  int                  `json:"v"`
	Dataset  string               `json:"dataset"`
	Key      string               `json:"key"`
	Epoch    uint64               `json:"epoch"`
	Registry string               `json:"registry"`
	Entities int                  `json:"entities"`
	First    int64                `json:"first"`
	Periods  int                  `json:"periods"`
	Values   int                  `json:"values"` // slots of a tile that hold cells
	Blocks   []catalog.Block      `json:"blocks"`
	Measures []string             `json:"measures"`
	Presence catalog.Digest       `json:"presence"`
	Tiles    [][][]catalog.Digest `json:"tiles"`
}

// Encode returns the manifest's only encoding.
func (m Manifest) Encode() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode the manifest of %s: %w", m.Dataset, err)
	}
	if len(b) > MaxManifest {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrManifest, len(b), MaxManifest)
	}
	return b, nil
}

// ParseManifest reads what Encode wrote, and nothing else: unknown or repeated
// fields, other spellings and trailing bytes are refused, because the bytes
// must say the same to everyone who reads them.
func ParseManifest(b []byte) (Manifest, error) {
	var m Manifest
	if len(b) > MaxManifest {
		return m, fmt.Errorf("%w: %d bytes, at most %d", ErrManifest, len(b), MaxManifest)
	}
	if err := strictjson.Decode(b, &m); err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	again, err := m.Encode()
	if err != nil {
		return Manifest{}, err
	}
	if !bytes.Equal(b, again) {
		return Manifest{}, fmt.Errorf("%w: not in canonical form", ErrManifest)
	}
	return m, nil
}

// check verifies that the manifest agrees with itself.
func (m Manifest) check() error {
	if m.Version != ManifestVersion {
		return fmt.Errorf("%w: version %d, want %d", ErrManifest, m.Version, ManifestVersion)
	}
	if m.Values <= 0 {
		return fmt.Errorf("%w: %d values a tile", ErrManifest, m.Values)
	}
	if err := CheckBlocks(m.Blocks, m.Values, m.Entities, m.Periods); err != nil {
		return fmt.Errorf("%w: %w", ErrManifest, err)
	}
	if n := TileCount(m.Blocks, m.Periods); len(m.Measures) > catalog.MaxTiles/n {
		return fmt.Errorf("%w: %d tiles of each of %d measures, at most %d in all", ErrManifest, n, len(m.Measures), catalog.MaxTiles)
	}
	if len(m.Measures) == 0 || len(m.Tiles) != len(m.Measures) {
		return fmt.Errorf("%w: tiles of %d measures for %d measures", ErrManifest, len(m.Tiles), len(m.Measures))
	}
	for i, name := range m.Measures {
		if name == "" || slices.Contains(m.Measures[:i], name) {
			return fmt.Errorf("%w: measure %q empty or twice", ErrManifest, name)
		}
		if len(m.Tiles[i]) != len(m.Blocks) {
			return fmt.Errorf("%w: measure %s has %d of %d blocks", ErrManifest, name, len(m.Tiles[i]), len(m.Blocks))
		}
		for b, digests := range m.Tiles[i] {
			if want := PerBlock(m.Blocks[b], m.Periods); len(digests) != want {
				return fmt.Errorf("%w: measure %s block %d has %d of %d tiles", ErrManifest, name, b, len(digests), want)
			}
		}
	}
	return nil
}

// Check verifies that the manifest is the one a proposal means and covers the
// columns of its tiles in their order. values is the number of cells a tile
// of the cluster's parameters holds. The digest is the proposal's: compare it
// with the bytes before parsing them.
func (m Manifest) Check(p catalog.VersionPropose, d catalog.Descriptor, values int) error {
	if err := m.check(); err != nil {
		return err
	}
	names := ColumnNames(d, p.Columns(d))
	differs := func(what string, got, want any) error {
		return fmt.Errorf("%w: %s is %v, want %v", ErrManifest, what, got, want)
	}
	switch {
	case m.Values != values:
		return differs("values a tile", m.Values, values)
	case m.Dataset != p.Dataset || m.Dataset != d.Dataset:
		return differs("dataset", m.Dataset, p.Dataset)
	case m.Key != p.Key || m.Epoch != p.Epoch:
		return differs("key", fmt.Sprintf("%s epoch %d", m.Key, m.Epoch), fmt.Sprintf("%s epoch %d", p.Key, p.Epoch))
	case m.Registry != d.Registry:
		return differs("registry", m.Registry, d.Registry)
	case m.Entities != p.Entities || m.First != p.First || m.Periods != p.Periods:
		return differs("extent", fmt.Sprintf("%d entities, %d periods from %d", m.Entities, m.Periods, m.First),
			fmt.Sprintf("%d, %d from %d", p.Entities, p.Periods, p.First))
	case !slices.Equal(m.Blocks, p.Blocks):
		return differs("block list", m.Blocks, p.Blocks)
	case m.Presence != p.Presence:
		return differs("presence", m.Presence, p.Presence)
	case !slices.Equal(m.Measures, names):
		return differs("column list", m.Measures, names)
	case len(m.Measures)*TileCount(m.Blocks, m.Periods) != p.Tiles:
		return differs("number of tiles", len(m.Measures)*TileCount(m.Blocks, m.Periods), p.Tiles)
	}
	return nil
}

// ColumnNames are what a manifest calls columns of tiles.
func ColumnNames(d catalog.Descriptor, columns []catalog.TileColumn) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name(d)
	}
	return names
}

// Tile is the digest of tile k of a block and column.
func (m Manifest) Tile(column, block, k int) catalog.Digest { return m.Tiles[column][block][k] }

// Digests lists the tiles of all columns, in order of column, block and k.
func (m Manifest) Digests() []catalog.Digest {
	all := make([]catalog.Digest, 0, len(m.Measures)*TileCount(m.Blocks, m.Periods))
	for _, blocks := range m.Tiles {
		for _, digests := range blocks {
			all = append(all, digests...)
		}
	}
	return all
}
