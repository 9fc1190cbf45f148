package deposit

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/strictjson"
	"github.com/weirdata/weir/consensus/durable"
)

// FileMark says, in a node's directory, of which deposit it was made.
const FileMark = "deposit.json"

// Mark is that a node was made of a deposit.
type Mark struct {
	Version int            `json:"v"`
	Deposit catalog.Digest `json:"deposit"`
	Use     catalog.Digest `json:"use"` // drawn when it was
}

// ReadMark reads of which deposit a node was made; nil: of none.
func ReadMark(dir string) (*Mark, error) {
	b, err := os.ReadFile(filepath.Join(dir, FileMark)) //nolint:gosec // G304: in the node's directory
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read of which deposit this node was made: %w", err)
	}
	var m Mark
	if err := strictjson.Decode(b, &m); err != nil {
		return nil, fmt.Errorf("read of which deposit this node was made: %s: %w", FileMark, err)
	}
	if m.Version != 1 {
		return nil, fmt.Errorf("read of which deposit this node was made: version %d, want 1", m.Version)
	}
	return &m, nil
}

func (m Mark) write(dir string) error {
	b, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode the mark: %w", err)
	}
	if err := durable.WriteFile(filepath.Join(dir, FileMark), append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("mark that the deposit is used: %w", err)
	}
	return nil
}

// digestRest is the digest of what is left of a file.
func digestRest(r io.Reader) (d catalog.Digest, err error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return d, fmt.Errorf("read the deposit: %w", err)
	}
	copy(d[:], h.Sum(nil))
	return d, nil
}
