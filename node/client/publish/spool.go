package publish

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/sealed"
)

// spool keeps the encrypted tiles of an upload until the version is live, so
// that what a node lost or never got can be sent again. Encryption is
// randomised: without the very bytes, the manifest would have to be made anew.
// It holds nothing that is not going to be uploaded.
type spool struct {
	dir  string
	keep bool // across processes, until done

	indexing sync.Mutex // guards the index
}

const (
	spoolManifest = "manifest"
	// spoolIndex has a line for each tile that is kept: column, block, tile of the
	// block, digest. A line is written when its tile is there.
	spoolIndex = "index"
)

// openSpool opens the spool of one upload. With a directory it is kept there
// under a name that only the holder of the key can link to the readings;
// without one it is a temporary directory.
func openSpool(c *client.Client, p *Prepared, key catalog.Key) (*spool, error) {
	if c.Options().Spool == "" {
		dir, err := os.MkdirTemp("", "weir-upload-")
		if err != nil {
			return nil, fmt.Errorf("make room for the encrypted tiles: %w", err)
		}
		return &spool{dir: dir}, nil
	}
	name, err := uploadName(c, p, key)
	if err != nil {
		return nil, fmt.Errorf("look for an interrupted upload: %w", err)
	}
	dir := filepath.Join(c.Options().Spool, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make room for the encrypted tiles: %w", err)
	}
	return &spool{dir: dir, keep: true}, nil
}

// uploadName is a keyed hash of everything that the tiles depend on.
func uploadName(c *client.Client, p *Prepared, key catalog.Key) (string, error) {
	h := c.Key().Sealed().MAC()
	//nolint:errcheck // hash.Hash: Write never returns an error
	fmt.Fprintf(h, "weir upload 2\n%s\n%s\n%s\n%d\n%d\n%d\n%q\n", c.Profile().Cluster, p.Source.Descriptor.Dataset, key.ID, key.Epoch, len(p.Panel.Entities), p.Panel.First,
		tiles.ColumnNames(p.Source.Descriptor, p.columns()))
	if p.appended.tiles != nil {
		h.Write(p.appended.live.Manifest[:])
	}
	var cell [8]byte
	for m, column := range p.Panel.Columns {
		h.Write([]byte(column.Measure.Name + "\n"))
		err := column.Values.Each(func(values []int64) error {
			for _, v := range values {
				binary.LittleEndian.PutUint64(cell[:], uint64(v)) //nolint:gosec // an encoding
				h.Write(cell[:])
			}
			return nil
		})
		if err != nil {
			return "", fmt.Errorf("read measure %s: %w", p.Panel.Columns[m].Measure.Name, err)
		}
		for _, word := range column.Present.Words() {
			binary.LittleEndian.PutUint64(cell[:], word)
			h.Write(cell[:])
		}
	}
	return sealed.Hex(h), nil
}

// name is what the spool is called in its directory; empty where it is not kept.
func (s *spool) name() string {
	if !s.keep {
		return ""
	}
	return filepath.Base(s.dir)
}

func (s *spool) path(d catalog.Digest) string { return filepath.Join(s.dir, d.String()) }

func (s *spool) put(t tiles.Tile) error {
	if err := os.WriteFile(s.path(t.Digest), t.Bytes, 0o600); err != nil {
		return fmt.Errorf("keep an encrypted tile: %w", err)
	}
	if !s.keep {
		return nil
	}
	s.indexing.Lock()
	defer s.indexing.Unlock()
	f, err := os.OpenFile(filepath.Join(s.dir, spoolIndex), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintf(f, "%d %d %d %s\n", t.Column, t.Block, t.K, t.Digest)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("keep an encrypted tile: %w", err)
	}
	return nil
}

// tiles adds to have, which is laid out as a manifest's tiles, those that an upload
// left which was interrupted, and counts them: a tile that is not whole is not there.
func (s *spool) tiles(have [][][]catalog.Digest) (added int, err error) {
	b, err := os.ReadFile(filepath.Join(s.dir, spoolIndex))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look for an interrupted upload: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		var column, block, k int
		var text string
		if n, err := fmt.Sscanf(line, "%d %d %d %s\n", &column, &block, &k, &text); n != 4 || err != nil {
			continue // half-written
		}
		d, err := catalog.ParseDigest(text)
		if err != nil || column < 0 || column >= len(have) || block < 0 || block >= len(have[column]) || k < 0 || k >= len(have[column][block]) {
			continue
		}
		if _, err := s.get(d); err != nil {
			continue
		}
		if have[column][block][k].IsZero() {
			added++
		}
		have[column][block][k] = d
	}
	return added, nil
}

// get returns the bytes with the digest, or fs.ErrNotExist when they are not
// there or damaged.
func (s *spool) get(d catalog.Digest) ([]byte, error) {
	b, err := os.ReadFile(s.path(d))
	if err != nil {
		return nil, err
	}
	if catalog.Sum(b) != d {
		return nil, fmt.Errorf("%s is damaged: %w", s.path(d), fs.ErrNotExist)
	}
	return b, nil
}

// manifest returns the manifest of an upload that was interrupted after all its
// tiles had been encrypted, but for those taken over from another version; false
// when there is none that is whole.
func (s *spool) manifest(taken map[catalog.Digest]bool) (tiles.Manifest, bool, error) {
	if !s.keep {
		return tiles.Manifest{}, false, nil
	}
	b, err := os.ReadFile(filepath.Join(s.dir, spoolManifest))
	if errors.Is(err, fs.ErrNotExist) {
		return tiles.Manifest{}, false, nil
	}
	if err != nil {
		return tiles.Manifest{}, false, fmt.Errorf("look for an interrupted upload: %w", err)
	}
	m, err := tiles.ParseManifest(b)
	if err != nil {
		return tiles.Manifest{}, false, nil //nolint:nilerr // half-written: the upload begins anew
	}
	for _, d := range m.Digests() {
		if taken[d] {
			continue
		}
		if _, err := os.Stat(s.path(d)); err != nil {
			return tiles.Manifest{}, false, nil //nolint:nilerr // not whole: the upload begins anew
		}
	}
	return m, true, nil
}

func (s *spool) putManifest(b []byte) error {
	if err := os.WriteFile(filepath.Join(s.dir, spoolManifest), b, 0o600); err != nil {
		return fmt.Errorf("keep the manifest: %w", err)
	}
	return nil
}

// close removes the spool when the upload is done, or when it cannot be
// resumed anyway.
func (s *spool) close(done bool) error {
	if s.keep && !done {
		return nil
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("remove the encrypted tiles: %w", err)
	}
	return nil
}
