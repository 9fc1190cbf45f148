package client

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/strictjson"
)

// portfolioRecord is what this machine remembers of a portfolio's file, so that the
// same file is not registered twice: a changed portfolio is another selector, which
// classes that were answered for this one are not answered for. It is kept from
// others, and says of the file only whether another is equal.
type portfolioRecord struct {
	Version int            `json:"v"`
	Cluster catalog.Digest `json:"cluster"`
	Owner   string         `json:"owner"`
	Name    string         `json:"name"`
	Vector  string         `json:"vector"`
	Number  int            `json:"number,omitempty"` // the vector's version; records of before lack it
	File    string         `json:"file"`             // keyed hash of the file's bytes, and of how it is read
}

const portfolioRecordVersion = 1

// recordPath is where the record of a name is, under the directory of the profile.
func (c *Client) recordPath(dir, name string) string {
	sum := sha256.Sum256([]byte(c.profile.Cluster.String() + "\n" + c.key.ID() + "\n" + name))
	return filepath.Join(dir, "portfolios", hex.EncodeToString(sum[:12])+".json")
}

// fileMark is a keyed hash of a file, and of how its weights are read: without the
// key nobody can try which list of entities it is.
func (c *Client) fileMark(f PortfolioFile) (mark string, err error) {
	mark, err = c.bytesMark(f.File)
	if err != nil || f.Weights == "" {
		return mark, err
	}
	h := hmac.New(sha256.New, c.key.signing.Seed())
	fmt.Fprintf(h, "weir portfolio weights 1\n%s\n%q\n%d\n%d\n", mark, f.Weights, f.Bits, f.Decimals) //nolint:errcheck // hash.Hash: Write never returns an error
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (c *Client) bytesMark(f panel.File) (mark string, err error) {
	in, err := f.Open()
	if err != nil {
		return "", fmt.Errorf("opening %s: %w", f.Name, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	h := hmac.New(sha256.New, c.key.signing.Seed())
	h.Write([]byte("weir portfolio file 1\n")) //nolint:errcheck // hash.Hash: Write never returns an error
	if _, err := io.Copy(h, in); err != nil {
		return "", fmt.Errorf("reading %s: %w", f.Name, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// loadRecord reads the record of a name; nil: there is none.
func (c *Client) loadRecord(dir, name string) (*portfolioRecord, error) {
	path := c.recordPath(dir, name)
	b, err := os.ReadFile(path) //nolint:gosec // made of hashes
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // nothing is remembered
	}
	if err != nil {
		return nil, fmt.Errorf("read what is remembered of portfolio %s: %w", name, err)
	}
	r, err := parsePortfolioRecord(b)
	if err != nil {
		return nil, fmt.Errorf("%s is no record of a portfolio; remove it: %w", path, err)
	}
	return &r, nil
}

func parsePortfolioRecord(b []byte) (portfolioRecord, error) {
	var r portfolioRecord
	if err := strictjson.Decode(b, &r); err != nil {
		return portfolioRecord{}, err
	}
	if r.Version != portfolioRecordVersion {
		return portfolioRecord{}, fmt.Errorf("it is of version %d, want %d", r.Version, portfolioRecordVersion)
	}
	return r, nil
}

// saveRecord remembers the file of a vector.
func (c *Client) saveRecord(dir string, v catalog.Vector, mark string) error {
	path := c.recordPath(dir, v.Name)
	b, err := json.Marshal(portfolioRecord{Version: portfolioRecordVersion, Cluster: c.profile.Cluster, Owner: c.key.ID(), Name: v.Name, Vector: v.ID, Number: v.Version, File: mark})
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err != nil {
		return fmt.Errorf("remember portfolio %s: %w", v.Name, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".portfolio-*") // 0600
	if err != nil {
		return fmt.Errorf("remember portfolio %s: %w", v.Name, err)
	}
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("remember portfolio %s: %w", v.Name, err), os.Remove(f.Name()))
	}
	return nil
}

// KeepPortfolio registers a portfolio as RegisterPortfolio does, and remembers its
// file under dir, the directory of the profile.
func (c *Client) KeepPortfolio(ctx context.Context, dir string, o PortfolioOptions) (Registered, error) {
	if c.key == nil {
		return Registered{}, fmt.Errorf("register portfolio %s: %w", o.Name, ErrNoKey)
	}
	mark, err := c.fileMark(o.PortfolioFile)
	if err != nil {
		return Registered{}, err
	}
	done, err := c.RegisterPortfolio(ctx, o)
	if err != nil {
		return done, err
	}
	return done, c.saveRecord(dir, done.Vector, mark)
}

// RulePortfolioElsewhere is the rule of the refusal of a portfolio's file where this
// machine does not remember of which one the portfolio was made.
const RulePortfolioElsewhere = "portfolio_elsewhere"

// KnownPortfolio returns the ready vector that was made of the very file, read in
// the same way, as this machine remembers, and false when the file is new or another.
// A name that is registered without this machine's remembering of what is refused: a
// new version would lose what was answered for it.
func (c *Client) KnownPortfolio(ctx context.Context, dir, name, registry string, f PortfolioFile) (catalog.Vector, bool, error) {
	if c.key == nil {
		return catalog.Vector{}, false, fmt.Errorf("portfolio %s: %w", name, ErrNoKey)
	}
	record, err := c.loadRecord(dir, name)
	if err != nil {
		return catalog.Vector{}, false, err
	}
	all, err := c.Vectors(ctx)
	if err != nil {
		return catalog.Vector{}, false, err
	}
	var newest *catalog.Vector
	for i, v := range all {
		if v.Name == name && v.Registry == registry && v.State == catalog.VectorReady && (newest == nil || v.Version > newest.Version) {
			newest = &all[i]
		}
	}
	if newest == nil {
		return catalog.Vector{}, false, nil
	}
	if err := c.checkNewest(ctx, *newest); err != nil {
		return catalog.Vector{}, false, err
	}
	if record == nil || record.Vector != newest.ID {
		return catalog.Vector{}, false, &catalog.Refusal{
			Kind: catalog.RefusedConflict, Rule: RulePortfolioElsewhere,
			Message: fmt.Sprintf("portfolio %s version %d was registered from a file that this machine does not remember", name, newest.Version),
			Fix:     fmt.Sprintf("ask without --private to use it, or make the file its next version with `weir portfolio register %s %s --registry %s`", name, f.File.Name, registry),
		}
	}
	mark, err := c.fileMark(f)
	if err != nil {
		return catalog.Vector{}, false, err
	}
	return *newest, hmac.Equal([]byte(mark), []byte(record.File)), nil
}
