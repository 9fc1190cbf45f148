package vector

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/strictjson"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/node/client"
)

// Record is what this machine remembers of a portfolio's file, so that the
// same file is not registered twice: a changed portfolio is another selector, which
// classes that were answered for this one are not answered for. It is kept from
// others, and says of the file only whether another is equal.
type Record struct {
	Version int            `json:"v"`
	Cluster catalog.Digest `json:"cluster"`
	Owner   string         `json:"owner"`
	Name    string         `json:"name"`
	Vector  string         `json:"vector"`
	Number  int            `json:"number,omitempty"` // the vector's version; records of before lack it
	File    string         `json:"file"`             // keyed hash of the file's bytes, and of how it is read
	// Pieces are the names of its pieces, which nobody else knows, in the order of their
	// numbers.
	Pieces []string `json:"pieces,omitempty"`
}

const recordVersion = 1

// recordPath is where the record of a name is, under the directory of the profile.
func recordPath(c *client.Client, dir, name string) string {
	sum := sha256.Sum256([]byte(c.Profile().Cluster.String() + "\n" + c.Key().ID() + "\n" + name))
	return filepath.Join(dir, "portfolios", hex.EncodeToString(sum[:12])+".json")
}

// LoadRecord reads the record of a name; nil: there is none.
func LoadRecord(c *client.Client, dir, name string) (*Record, error) {
	path := recordPath(c, dir, name)
	b, err := os.ReadFile(path) //nolint:gosec // made of hashes
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // nothing is remembered
	}
	if err != nil {
		return nil, fmt.Errorf("read what is remembered of portfolio %s: %w", name, err)
	}
	r, err := parseRecord(b)
	if err != nil {
		return nil, fmt.Errorf("%s is no record of a portfolio; remove it: %w", path, err)
	}
	return &r, nil
}

func parseRecord(b []byte) (Record, error) {
	var r Record
	if err := strictjson.Decode(b, &r); err != nil {
		return Record{}, err
	}
	if r.Version != recordVersion {
		return Record{}, fmt.Errorf("it is of version %d, want %d", r.Version, recordVersion)
	}
	return r, nil
}

// SaveRecord remembers the file of a vector, and what its pieces are called.
func SaveRecord(c *client.Client, dir string, v catalog.Vector, pieces []string, mark string) error {
	path := recordPath(c, dir, v.Name)
	b, err := json.Marshal(Record{Version: recordVersion, Cluster: c.Profile().Cluster, Owner: c.Key().ID(), Name: v.Name, Vector: v.ID, Number: v.Version, File: mark, Pieces: pieces})
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		err = durable.WriteFile(path, append(b, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("remember portfolio %s: %w", v.Name, err)
	}
	return nil
}

// PieceNames are the names of the pieces that a verdict's figures are of, which nobody
// but this machine knows; nil where it does not remember them, or there are none.
func PieceNames(c *client.Client, v catalog.Verdict) ([]string, error) {
	i := slices.IndexFunc(v.Vectors, func(u catalog.VectorUse) bool { return u.ID == v.In })
	if !plan.ByPiece(v) || i < 0 || c.Options().Records == "" {
		return nil, nil
	}
	use := v.Vectors[i]
	record, err := LoadRecord(c, c.Options().Records, use.Name)
	if err != nil || record == nil || record.Vector != v.In || len(record.Pieces) != v.Pieces {
		return nil, err
	}
	if len(record.Pieces) == 1 && record.Pieces[0] == "" {
		return []string{use.Name}, nil
	}
	return record.Pieces, nil
}
