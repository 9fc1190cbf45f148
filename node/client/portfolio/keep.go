package portfolio

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/vector"
)

// fileMark is a keyed hash of a file, and of how its weights or pieces are read and what
// it may be asked by: without the key nobody can try which list of entities it is.
func fileMark(c *client.Client, f File) (mark string, err error) {
	mark, err = bytesMark(c, f.Data)
	if err == nil && f.IDColumn != "" {
		h := c.Key().Sealed().MAC()
		fmt.Fprintf(h, "weir portfolio ids 1\n%s\n%q\n", mark, f.IDColumn) //nolint:errcheck // hash.Hash: Write never returns an error
		mark = hex.EncodeToString(h.Sum(nil))
	}
	if err != nil || f.Weights == "" && f.Pieces == "" && len(f.By) == 0 {
		return mark, err
	}
	h := c.Key().Sealed().MAC()
	if f.Weights == "" {
		fmt.Fprintf(h, "weir portfolio pieces 1\n%s\n%q\n%q\n", mark, f.Pieces, slices.Sorted(slices.Values(f.By))) //nolint:errcheck // hash.Hash: Write never returns an error
	} else {
		fmt.Fprintf(h, "weir portfolio weights 1\n%s\n%q\n%d\n%d\n", mark, f.Weights, f.Bits, f.Decimals) //nolint:errcheck // likewise
		if f.Within != "" {
			fmt.Fprintf(h, "within %q\n%q\n", f.Within, f.Bound) //nolint:errcheck // likewise
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func bytesMark(c *client.Client, f panel.File) (mark string, err error) {
	in, err := f.Open()
	if err != nil {
		return "", fmt.Errorf("opening %s: %w", f.Name, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	h := c.Key().Sealed().MAC()
	h.Write([]byte("weir portfolio file 1\n")) //nolint:errcheck // hash.Hash: Write never returns an error
	if _, err := io.Copy(h, in); err != nil {
		return "", fmt.Errorf("reading %s: %w", f.Name, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Keep registers a portfolio as Register does, and remembers its
// file under dir, the directory of the profile.
func Keep(ctx context.Context, c *client.Client, dir string, o Options) (Registered, error) {
	if c.Key() == nil {
		return Registered{}, fmt.Errorf("register portfolio %s: %w", o.Name, client.ErrNoKey)
	}
	mark, err := fileMark(c, o.File)
	if err != nil {
		return Registered{}, err
	}
	done, err := Register(ctx, c, o)
	if err != nil {
		return done, err
	}
	if done.Vector.Pieces > 0 {
		list, _ := vector.Registered(c, done.Vector.ID)
		if err := vector.KeepList(c, dir, done.Vector.ID, list, done.Pieces); err != nil {
			return done, err
		}
	}
	return done, vector.SaveRecord(c, dir, done.Vector, done.Pieces, mark)
}

// RuleElsewhere is the rule of the refusal of a portfolio's file where this
// machine does not remember of which one the portfolio was made.
const RuleElsewhere = "portfolio_elsewhere"

// Known returns the ready vector that was made of the very file, read in
// the same way, as this machine remembers, and false when the file is new or another.
// A name that is registered without this machine's remembering of what is refused: a
// new version would lose what was answered for it.
func Known(ctx context.Context, c *client.Client, dir, name, registry string, f File) (catalog.Vector, bool, error) {
	v, of, err := KnownOf(ctx, c, dir, name, registry, []File{f})
	return v, of == 0, err
}

// KnownOf is Known of several files of one source, of which the vector may be made: of is the
// one that it was, −1: none of them.
func KnownOf(ctx context.Context, c *client.Client, dir, name, registry string, files []File) (v catalog.Vector, of int, err error) {
	if c.Key() == nil {
		return catalog.Vector{}, -1, fmt.Errorf("portfolio %s: %w", name, client.ErrNoKey)
	}
	record, err := vector.LoadRecord(c, dir, name)
	if err != nil {
		return catalog.Vector{}, -1, err
	}
	all, err := vector.All(ctx, c)
	if err != nil {
		return catalog.Vector{}, -1, err
	}
	var newest *catalog.Vector
	for i, v := range all {
		if v.Name == name && v.Registry == registry && v.State == catalog.VectorReady && (newest == nil || v.Version > newest.Version) {
			newest = &all[i]
		}
	}
	if newest == nil {
		return catalog.Vector{}, -1, nil
	}
	if err := vector.CheckNewest(ctx, c, *newest); err != nil {
		return catalog.Vector{}, -1, err
	}
	if record == nil || record.Vector != newest.ID {
		return catalog.Vector{}, -1, catalog.Conflict(RuleElsewhere, "portfolio.elsewhere", name, newest.Version, files[0].Data.Name, registry)
	}
	for i, f := range files {
		mark, err := fileMark(c, f)
		if err != nil {
			return catalog.Vector{}, -1, err
		}
		if hmac.Equal([]byte(mark), []byte(record.File)) {
			return *newest, i, nil
		}
	}
	return *newest, -1, nil
}
