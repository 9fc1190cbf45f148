package client

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
)

// kept is what this machine keeps of the newest version of a dataset that it
// published, so that the next periods can be appended without the files of the
// earlier ones: how the files are read, and the readings of the tiles that are not
// full, which have to be encrypted again together with what is new. It is sealed
// under a key that follows from the publisher's.
type kept struct {
	Format  int           `json:"v"`
	Version int           `json:"version"` // of the dataset
	Source  *panel.Source `json:"source"`
	// Tail[m][b] are the encoded readings of measure m in the last tile of block b
	// up to the version's last period, in the order of the tile; empty where that
	// tile is full.
	Tail [][][]int64 `json:"tail"`
}

const keptFormat = 1

// keptFile is where a dataset's record is; empty without a spool. The name says
// nothing to whoever does not hold the key.
func (c *Client) keptFile(dataset string) string {
	if c.opts.Spool == "" {
		return ""
	}
	h := hmac.New(sha256.New, c.key.signing.Seed())
	fmt.Fprintf(h, "weir kept 1\n%s\n%s\n", c.profile.Cluster, dataset) //nolint:errcheck // hash.Hash: Write never returns an error
	return filepath.Join(c.opts.Spool, "kept-"+hex.EncodeToString(h.Sum(nil)[:16]))
}

func (c *Client) keptCipher() (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, c.key.signing.Seed(), nil, "weir kept 1", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key of what is kept: %w", err)
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive the key of what is kept: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// keep stores the record of a version that is live, in the place of the one of the
// version before.
func (c *Client) keep(p *Prepared, version int) error {
	name := c.keptFile(p.Source.Descriptor.Dataset)
	if name == "" {
		return nil
	}
	plain, err := json.Marshal(kept{Format: keptFormat, Version: version, Source: p.Source, Tail: tailOf(p.Panel, p.Blocks)})
	if err != nil {
		return fmt.Errorf("keep the last readings: %w", err)
	}
	defer clear(plain)
	sealer, err := c.keptCipher()
	if err != nil {
		return err
	}
	half := name + ".half"
	sealed := sealer.Seal(nil, nil, plain, []byte(filepath.Base(name))) //nolint:gosec // G407: it draws its nonces
	if err := os.WriteFile(half, sealed, 0o600); err != nil {
		return fmt.Errorf("keep the last readings: %w", err)
	}
	if err := os.Rename(half, name); err != nil {
		return fmt.Errorf("keep the last readings: %w", err)
	}
	return nil
}

// recall returns the record of a dataset; nil when there is none that is whole.
func (c *Client) recall(dataset string) (*kept, error) {
	name := c.keptFile(dataset)
	if name == "" {
		return nil, nil //nolint:nilnil // nothing is kept
	}
	b, err := os.ReadFile(filepath.Clean(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // nothing is kept
	}
	if err != nil {
		return nil, fmt.Errorf("read what is kept of dataset %s: %w", dataset, err)
	}
	sealer, err := c.keptCipher()
	if err != nil {
		return nil, err
	}
	plain, err := sealer.Open(nil, nil, b, []byte(filepath.Base(name)))
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // damaged: as if it were not there
	}
	defer clear(plain)
	var k kept
	if err := json.Unmarshal(plain, &k); err != nil || k.Format != keptFormat || k.Source == nil {
		return nil, nil //nolint:nilerr,nilnil // of another release of the program
	}
	return &k, nil
}

// KeptSource is how the files of the dataset were read that this machine published
// last; nil when it did not publish it.
func (c *Client) KeptSource(dataset string) (*panel.Source, error) {
	if c.key == nil {
		return nil, fmt.Errorf("append to dataset %s: %w", dataset, ErrNoKey)
	}
	k, err := c.recall(dataset)
	if k == nil {
		return nil, err
	}
	return k.Source, err
}

// tailOf collects the readings of the last tiles that are not full.
func tailOf(p *panel.Panel, blocks []catalog.Block) [][][]int64 {
	tail := make([][][]int64, len(p.Columns))
	for m := range p.Columns {
		values := p.Values(m)
		tail[m] = make([][]int64, len(blocks))
		for b, block := range blocks {
			for period := openPeriod(block, p.Periods); period < p.Periods; period++ {
				row := period*len(p.Entities) + block.First
				tail[m][b] = append(tail[m][b], values[row:row+block.Entities]...)
			}
		}
	}
	return tail
}

// openPeriod is where the last tile of a block begins that is not full; the number
// of periods when it is.
func openPeriod(b catalog.Block, periods int) int { return periods - periods%b.Periods }

// fits reports whether the record is of the version and has its tiles' sizes.
func (k *kept) fits(v catalog.Version, measures int) bool {
	if k == nil || k.Version != v.Version || len(k.Tail) != measures {
		return false
	}
	for _, blocks := range k.Tail {
		if len(blocks) != len(v.Blocks) {
			return false
		}
		for b, values := range blocks {
			if len(values) != (v.Periods-openPeriod(v.Blocks[b], v.Periods))*v.Blocks[b].Entities {
				return false
			}
		}
	}
	return true
}
